//! One activation row: weight rows multiplied straight from the file's bytes.
//!
//! Four rows go side by side: 32 columns of each are dequantized and multiplied,
//! and the four registers are transposed and reduced into the exact products of a
//! group, one a row. From there on the roundings are those of every other path.

use std::arch::aarch64::{
    int8x16_t, int32x4_t, vdupq_n_f32, vdupq_n_s32, vget_low_s8, vld1q_s8, vmlal_high_s8, vmull_s8,
    vpadalq_s16, vpaddq_s32, vst1q_f32,
};

use super::dequantize::{Blocks, CHUNK, Layout, QUAD};
use super::gemm::GroupTerms;
use super::primitives;
use crate::activations::{self, Activations};
use crate::block::Format;
use crate::block::for_quantized;
use crate::simd::Level;

/// Writes the products of the rows in `bytes` with the first activation row to
/// `out`, one each, if the format is a quantized one; else returns false and does
/// nothing.
pub(crate) fn multiply(
    level: Level,
    format: Format,
    bytes: &[u8],
    input: &Activations,
    out: &mut [f32],
) -> bool {
    for_quantized!(format, multiply_rows(level, bytes, input, out), false)
}

fn multiply_rows<L: Layout>(
    level: Level,
    bytes: &[u8],
    input: &Activations,
    out: &mut [f32],
) -> bool {
    let columns = input.columns;
    let row_bytes = L::FORMAT.row_bytes(columns);
    assert!(columns.is_multiple_of(L::FORMAT.block_elements().max(activations::GROUP)));
    assert!(input.rows > 0 && bytes.len() == out.len() * row_bytes);
    GroupTerms::check(input, 1);
    for (rows, out) in bytes.chunks(QUAD * row_bytes).zip(out.chunks_mut(QUAD)) {
        // SAFETY: a level above scalar exists only where its features do; the
        // sizes have been checked.
        let sums = unsafe {
            if level >= Level::DOTPROD {
                four_dotprod::<L>(rows, input)
            } else {
                four_neon::<L>(rows, input)
            }
        };
        out.copy_from_slice(&sums[..out.len()]);
    }
    true
}

/// # Safety
/// The processor has dotprod; `rows` are whole rows of `input.columns` weights,
/// at least one; the first activation row has been checked.
#[target_feature(enable = "neon,dotprod")]
unsafe fn four_dotprod<L: Layout>(rows: &[u8], input: &Activations) -> [f32; QUAD] {
    // SAFETY: this function is compiled for what the body needs.
    unsafe { four::<L, Fours>(rows, input) }
}

/// # Safety
/// As [`four_dotprod`], without the dotprod.
#[target_feature(enable = "neon")]
unsafe fn four_neon<L: Layout>(rows: &[u8], input: &Activations) -> [f32; QUAD] {
    // SAFETY: this function is compiled for what the body needs.
    unsafe { four::<L, Widened>(rows, input) }
}

/// Multiplies up to four rows with the first activation row.
///
/// # Safety
/// As [`four_dotprod`], for the instructions of `D`.
#[inline(always)]
unsafe fn four<L: Layout, D: Dot>(rows: &[u8], input: &Activations) -> [f32; QUAD] {
    let columns = input.columns;
    let elements = L::FORMAT.block_elements();
    let groups = CHUNK / L::GROUP;
    let quants = &input.quants[..columns];
    let mut blocks = Blocks::first::<L>(rows, columns, 0);
    let mut out = [0.0; QUAD];
    // SAFETY: the caller's promise covers the instructions, that every row has
    // each block, and the activation row, which has as many columns.
    unsafe {
        let mut total = vdupq_n_f32(0.0);
        for block in 0..columns / elements {
            let scales = L::scales(&blocks);
            for chunk in 0..elements / CHUNK {
                let column = block * elements + chunk * CHUNK;
                let at = quants.as_ptr().add(column);
                let quants = [vld1q_s8(at), vld1q_s8(at.add(CHUNK / 2))];
                let mut products = [[vdupq_n_s32(0); QUAD]; 2];
                for (row, head) in blocks.heads.into_iter().enumerate() {
                    for (half, weights) in L::quants(head, chunk).into_iter().enumerate() {
                        let product = &mut products[half % groups][row];
                        *product = D::dot(*product, weights, quants[half]);
                    }
                }
                for (part, [a, b, c, d]) in products.into_iter().enumerate().take(groups) {
                    let products = vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
                    let terms = GroupTerms::read::<L>(input, 0, column / L::GROUP + part);
                    let group = chunk * groups + part;
                    let (scale, offset) = (scales.scales[group], scales.offsets[group]);
                    total = terms.add::<L>(total, products, scale, offset);
                }
            }
            blocks.step(L::FORMAT.block_bytes());
        }
        vst1q_f32(out.as_mut_ptr(), total);
    }
    out
}

/// How sixteen products are added up in four lanes.
trait Dot {
    /// Adds the products of `weights` and `quants`, which lie in -127..=127, to
    /// `sums`.
    ///
    /// # Safety
    /// The processor has the level.
    unsafe fn dot(sums: int32x4_t, weights: int8x16_t, quants: int8x16_t) -> int32x4_t;
}

/// NEON alone: the two halves' products fit 16 bits together.
struct Widened;

impl Dot for Widened {
    #[inline(always)]
    unsafe fn dot(sums: int32x4_t, weights: int8x16_t, quants: int8x16_t) -> int32x4_t {
        // SAFETY: works on registers only; passed on from the caller.
        unsafe {
            let low = vmull_s8(vget_low_s8(weights), vget_low_s8(quants));
            vpadalq_s16(sums, vmlal_high_s8(low, weights, quants))
        }
    }
}

/// dotprod: one instruction.
struct Fours;

impl Dot for Fours {
    #[inline(always)]
    unsafe fn dot(sums: int32x4_t, weights: int8x16_t, quants: int8x16_t) -> int32x4_t {
        // SAFETY: works on registers only; passed on from the caller.
        unsafe { primitives::dot(sums, weights, quants) }
    }
}
