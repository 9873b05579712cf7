//! One activation row: weight rows multiplied straight from the file's bytes.
//!
//! Decoding reads every weight once per token and shares nothing, so a tile's
//! way through memory would cost more than the products. Eight rows go side by
//! side: 64 columns of each are unpacked into a register and multiplied, and the
//! eight registers are summed crosswise into the groups' exact products, one a
//! row. From there on the roundings are those of every other path.
//!
//! With AVX2 the tile's own unpacking hands its registers to the product, without
//! the tile: that is in `avx2`, beside the other 256-bit products.
//!
//! `rows` reads the blocks, `sums` ends every product, and `short`, `long`,
//! `six` and `iq4_xs` unpack one family of formats each.

mod iq4_xs;
mod long;
mod rows;
mod short;
mod six;
mod sums;

use super::avx2;
use crate::activations::{self, Activations};
use crate::block::Format;
use crate::simd::Level;
use crate::tile::ROWS;
use crate::unpack::{self};
use iq4_xs::iq4_xs;
use long::long;
use short::{Bytes, Nibbles, short};
use six::six;

/// Columns that are multiplied together: two groups of 32.
const WIDTH: usize = 64;

/// Writes the products of the rows in `bytes` with the first activation row to
/// `out`, one each, if the level and the format have a path of their own here
/// and there are eight rows; else returns false and does nothing.
pub(super) fn multiply(
    level: Level,
    format: Format,
    bytes: &[u8],
    input: &Activations,
    out: &mut [f32],
) -> bool {
    if level >= Level::AVX2 && level < Level::AVX512_VNNI {
        // SAFETY: the level exists only where its features do.
        return unsafe { avx2::single(format, bytes, input, out) };
    }
    if level < Level::AVX512_VNNI || out.len() < ROWS {
        return false;
    }
    let rows: Eight = match format {
        Format::Q4_0 => short::<Nibbles<unpack::Q4_0>>,
        Format::Q4_1 => short::<Nibbles<unpack::Q4_1>>,
        Format::Q5_0 => short::<Nibbles<unpack::Q5_0>>,
        Format::Q5_1 => short::<Nibbles<unpack::Q5_1>>,
        Format::Q8_0 => short::<Bytes>,
        Format::Iq4Nl => short::<Nibbles<unpack::Iq4Nl>>,
        Format::Mxfp4 => short::<Nibbles<unpack::Mxfp4>>,
        Format::Iq4Xs => iq4_xs,
        Format::Q4K => long::<unpack::Q4K>,
        Format::Q5K => long::<unpack::Q5K>,
        Format::Q6K => six,
        _ => return false,
    };
    let columns = input.columns;
    let block = format.block_elements();
    assert!(columns.is_multiple_of(block.max(activations::GROUP)));
    let row_bytes = format.row_bytes(columns);
    assert!(input.quants.len() >= columns && bytes.len() == out.len() * row_bytes);
    for first in (0..out.len()).step_by(ROWS) {
        // An incomplete eight begins earlier, and some sums are computed twice.
        let first = first.min(out.len() - ROWS);
        let eight = &bytes[first * row_bytes..(first + ROWS) * row_bytes];
        // SAFETY: the level exists only where its features do; the sizes have
        // been checked.
        out[first..first + ROWS].copy_from_slice(&unsafe { rows(eight, input) });
    }
    true
}

/// Multiplies eight rows with the first activation row.
///
/// Safety: the processor has AVX-512 F, BW, DQ, VL and VNNI; the bytes are eight
/// rows of `input.columns` weights.
type Eight = unsafe fn(&[u8], &Activations) -> [f32; ROWS];
