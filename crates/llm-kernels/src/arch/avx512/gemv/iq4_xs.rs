//! `IQ4_XS`: eight groups of 32 with 6-bit scales, whose nibbles are looked up.

use std::arch::x86_64::{
    __m512, __m512i, _mm256_loadu_si256, _mm256_setzero_ps, _mm256_storeu_ps,
    _mm512_broadcast_i64x4, _mm512_cvtepi8_epi32, _mm512_cvtepi32_epi16, _mm512_cvtepi32_ps,
    _mm512_cvtph_ps, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_mul_ps,
    _mm512_permutexvar_epi32, _mm512_set_epi32, _mm512_setzero_si512, _mm512_shuffle_i32x4,
};

use super::STEP;
use super::blocks::{Blocks, activations_at, both_heads, by_group, lane, looked_up, low_and_high};
use super::sums::{GroupPair, halves_of_crossed, transpose_reduce};
use crate::activations::{self, Activations};
use crate::dequantize::{self, Quantized};
use crate::packed_panel::ROWS;
use crate::prefetch::RowPrefetch;

type Q = dequantize::Iq4Xs;

/// # Safety
/// See [`super::EightRows`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,f16c,fma")]
pub(super) unsafe fn iq4_xs(rows: &[u8], input: &Activations) -> [f32; ROWS] {
    let mut blocks = Blocks::new(rows);
    let mut prefetch = RowPrefetch::new(rows);
    let mut totals = _mm256_setzero_ps();
    for block in 0..input.columns / 256 {
        // SAFETY: every row has this block; the activations have as many columns.
        unsafe {
            let (factor, steps) = scales(&blocks);
            for pair in 0..4 {
                prefetch.advance(ROWS * Q::FORMAT.block_bytes() / 4);
                let at = block * 256 + pair * STEP;
                // [a low, b low, a high, b high], 16 each, as the quants.
                let four = activations_at(input, at, true);
                let four = _mm512_shuffle_i32x4::<0b11_01_10_00>(four, four);
                let mut products = [_mm512_setzero_si512(); ROWS];
                for (row, product) in products.iter_mut().enumerate() {
                    let packed = blocks.row(row).add(Q::LAYOUT.quants + 32 * pair);
                    let packed = _mm512_broadcast_i64x4(_mm256_loadu_si256(packed.cast()));
                    let quants = looked_up::<Q>(&dequantize::IQ4_QUANTS, low_and_high(packed));
                    *product = _mm512_dpbusd_epi32(*product, quants, four);
                }
                let groups = GroupPair::new(input, at / activations::GROUP, true);
                let sums = groups.corrected::<Q>(halves_of_crossed(transpose_reduce(&products)));
                let steps = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(lane(steps, pair)));
                let scales = _mm512_mul_ps(factor, steps);
                totals = groups.add::<Q>(scales, scales, sums, totals);
            }
        }
        blocks.step(Q::FORMAT.block_bytes());
    }
    let mut out = [0.0; ROWS];
    // SAFETY: eight floats are stored.
    unsafe { _mm256_storeu_ps(out.as_mut_ptr(), totals) };
    out
}

/// Returns the factor of the scales of a block, (2, rows), and their steps, (8
/// groups, rows).
///
/// # Safety
/// All rows have the block.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn scales(blocks: &Blocks) -> (__m512, __m512i) {
    const { assert!(Q::LAYOUT.scale == 0 && Q::LAYOUT.scales == 2) };
    let mut steps = [0_u64; ROWS];
    for (row, steps) in steps.iter_mut().enumerate() {
        // SAFETY: passed on from the caller; a block begins with eight bytes of
        // the factor and the steps.
        let head = unsafe { blocks.row(row).cast::<u64>().read_unaligned() };
        *steps = dequantize::iq4_xs_steps(head);
    }
    // SAFETY: passed on from the caller; reads the 64 bytes of the array.
    let (heads, steps) = unsafe {
        let steps = _mm512_loadu_si512(steps.as_ptr().cast());
        (both_heads(blocks, 0), steps)
    };
    // Groups 0 to 3 of all rows, then 4 to 7.
    let index = _mm512_set_epi32(15, 13, 11, 9, 7, 5, 3, 1, 14, 12, 10, 8, 6, 4, 2, 0);
    let factor = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(heads));
    (factor, by_group(_mm512_permutexvar_epi32(index, steps)))
}
