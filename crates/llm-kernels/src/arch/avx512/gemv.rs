//! One activation row: weight rows multiplied straight from the file's bytes.
//!
//! Decoding reads every weight once per token and shares nothing, so a packed panel's
//! way through memory would cost more than the products. Eight rows are processed
//! side by side: 64 columns of each are dequantized into a register and multiplied, and the
//! eight registers are transposed and reduced into the groups' exact products, one a
//! row. From there on the roundings are those of every other path.
//!
//! `blocks` reads them, `sums` ends every product, and `block32`, `k_quants`,
//! `q6_k` and `iq4_xs` dequantize one family of formats each.

mod block32;
mod blocks;
mod iq4_xs;
mod k_quants;
mod q6_k;
mod sums;

use crate::activations::{self, Activations};
use crate::block::Format;
use crate::dequantize;
use crate::packed_panel::ROWS;
use block32::{Bytes, Nibbles, block32};
use iq4_xs::iq4_xs;
use k_quants::k_quants;
use q6_k::q6_k;

/// Columns that are multiplied together: two groups of 32.
const STEP: usize = 64;

/// Writes the products of the rows in `bytes` with the first activation row to
/// `out`, one each, if the format has a path of its own here and there are eight
/// rows; else returns false and does nothing.
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ, VL and VNNI.
pub(crate) unsafe fn multiply(
    format: Format,
    bytes: &[u8],
    input: &Activations,
    out: &mut [f32],
) -> bool {
    if out.len() < ROWS {
        return false;
    }
    let rows: EightRows = match format {
        Format::Q4_0 => block32::<Nibbles<dequantize::Q4_0>>,
        Format::Q4_1 => block32::<Nibbles<dequantize::Q4_1>>,
        Format::Q5_0 => block32::<Nibbles<dequantize::Q5_0>>,
        Format::Q5_1 => block32::<Nibbles<dequantize::Q5_1>>,
        Format::Q8_0 => block32::<Bytes>,
        Format::Iq4Nl => block32::<Nibbles<dequantize::Iq4Nl>>,
        Format::Mxfp4 => block32::<Nibbles<dequantize::Mxfp4>>,
        Format::Iq4Xs => iq4_xs,
        Format::Q4K => k_quants::<dequantize::Q4K>,
        Format::Q5K => k_quants::<dequantize::Q5K>,
        Format::Q6K => q6_k,
        _ => return false,
    };
    let columns = input.columns;
    let block = format.block_elements();
    assert!(columns.is_multiple_of(block.max(activations::GROUP)));
    let row_bytes = format.row_bytes(columns);
    assert!(input.quants.len() >= columns && bytes.len() == out.len() * row_bytes);
    for start in (0..out.len()).step_by(ROWS) {
        // An incomplete eight begins earlier, and some sums are computed twice.
        let first = start.min(out.len() - ROWS);
        let eight = &bytes[first * row_bytes..(first + ROWS) * row_bytes];
        // SAFETY: the caller's promise covers the instructions; the sizes have been
        // checked.
        out[first..first + ROWS].copy_from_slice(&unsafe { rows(eight, input) });
    }
    true
}

/// Multiplies eight rows with the first activation row.
///
/// Safety: the processor has AVX-512 F, BW, DQ, VL and VNNI; the bytes are eight
/// rows of `input.columns` weights.
type EightRows = unsafe fn(&[u8], &Activations) -> [f32; ROWS];
