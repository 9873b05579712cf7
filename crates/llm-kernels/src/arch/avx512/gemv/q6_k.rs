//! `Q6_K`: sixteen groups of 16 with 8-bit scales.

use std::arch::x86_64::{
    __m512, __m512i, _mm256_loadu_si256, _mm256_setzero_ps, _mm256_storeu_ps, _mm512_add_epi32,
    _mm512_and_si512, _mm512_broadcast_i64x4, _mm512_cvtepi8_epi32, _mm512_cvtepi32_epi16,
    _mm512_cvtepi32_ps, _mm512_cvtph_ps, _mm512_dpbusd_epi32, _mm512_loadu_si512,
    _mm512_mask_set1_epi32, _mm512_mask_slli_epi16, _mm512_mask_srli_epi16, _mm512_mul_ps,
    _mm512_or_si512, _mm512_permutex2var_epi32, _mm512_set_epi32, _mm512_set1_epi8,
    _mm512_set1_epi32, _mm512_setzero_si512, _mm512_slli_epi16, _mm512_srli_epi16,
};

use super::STEP;
use super::blocks::{Blocks, activations_at, by_group, lane, sixteen_bytes};
use super::sums::{GroupPair, quarters, transpose_reduce};
use crate::activations::{Activations, SUM_GROUP};
use crate::block::Format;
use crate::dequantize::{Q6K, Quantized};
use crate::packed_panel::ROWS;
use crate::prefetch::RowPrefetch;

/// `Q6_K`: sixteen groups of 16 with 8-bit scales.
///
/// # Safety
/// See [`super::EightRows`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,f16c,fma")]
pub(super) unsafe fn q6_k(rows: &[u8], input: &Activations) -> [f32; ROWS] {
    let columns = input.columns;
    let mut blocks = Blocks::new(rows);
    let mut prefetch = RowPrefetch::new(rows);
    let mut totals = _mm256_setzero_ps();
    for block in 0..columns / 256 {
        // SAFETY: every row has this block; the activations have as many columns.
        unsafe {
            let (factor, steps) = scales(&blocks);
            for quarter in 0..4 {
                prefetch.advance(ROWS * Format::Q6K.block_bytes() / 4);
                let at = block * 256 + quarter * STEP;
                let four = activations_at(input, at, true);
                let mut products = [_mm512_setzero_si512(); ROWS];
                for (row, product) in products.iter_mut().enumerate() {
                    let head = blocks.row(row);
                    let quants = quants_of_half(head, quarter / 2, quarter % 2);
                    *product = _mm512_dpbusd_epi32(*product, quants, four);
                }
                let by_row = quarters(transpose_reduce(&products));
                for (half, sums) in by_row.into_iter().enumerate() {
                    let pair = 2 * quarter + half;
                    let groups = GroupPair::of_half_groups(input, at / SUM_GROUP + 2 * half);
                    let steps = _mm512_cvtepi8_epi32(lane(steps[pair / 4], pair % 4));
                    let scales = _mm512_mul_ps(factor, _mm512_cvtepi32_ps(steps));
                    let sums = groups.corrected::<Q6K>(sums);
                    totals = groups.add::<Q6K>(scales, scales, sums, totals);
                }
            }
        }
        blocks.step(Format::Q6K.block_bytes());
    }
    let mut out = [0.0; ROWS];
    // SAFETY: eight floats are stored.
    unsafe { _mm256_storeu_ps(out.as_mut_ptr(), totals) };
    out
}

/// Dequantizes 64 columns of a `Q6_K` block: the first or second `pair` of runs of
/// 32 in one `half` of 128.
///
/// # Safety
/// `head` points to a block; the processor has AVX-512 BW.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn quants_of_half(head: *const u8, half: usize, pair: usize) -> __m512i {
    // SAFETY: inside the block's 128 bytes of low and 64 of high bits.
    let (low, high) = unsafe {
        let low = _mm512_loadu_si512(head.add(Q6K::LAYOUT.quants + 64 * half).cast());
        let high = _mm256_loadu_si256(head.add(Q6K::LAYOUT.high + 32 * half).cast());
        (low, _mm512_broadcast_i64x4(high))
    };
    // Bits 0 and 1 go to the first run, 2 and 3 to the second, and so on; they
    // are moved to bits 4 and 5.
    let (low, high) = if pair == 0 {
        let second = _mm512_slli_epi16::<2>(high);
        (low, _mm512_mask_slli_epi16::<4>(second, 0x0000_ffff, high))
    } else {
        let second = _mm512_mask_srli_epi16::<2>(high, 0xffff_0000, high);
        (_mm512_srli_epi16::<4>(low), second)
    };
    let low = _mm512_and_si512(low, _mm512_set1_epi8(15));
    _mm512_or_si512(low, _mm512_and_si512(high, _mm512_set1_epi8(0x30)))
}

/// Widens the factors with which `Q6_K` blocks end, (2, rows).
///
/// # Safety
/// All rows have the block.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn factors(blocks: &Blocks) -> __m512 {
    let mut halves = _mm512_setzero_si512();
    for row in 0..ROWS {
        let at = blocks.row(row).wrapping_add(Q6K::LAYOUT.scale);
        // SAFETY: passed on from the caller; the half is the block's end.
        let half = unsafe { at.cast::<u16>().read_unaligned() };
        halves = _mm512_mask_set1_epi32(halves, 0x0101 << row, i32::from(half));
    }
    _mm512_cvtph_ps(_mm512_cvtepi32_epi16(halves))
}

/// Returns the factor of the scales of a `Q6_K` block, (2, rows), and their
/// steps, (16 groups, rows).
///
/// # Safety
/// All rows have the block.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,f16c")]
unsafe fn scales(blocks: &Blocks) -> (__m512, [__m512i; 2]) {
    // SAFETY: a block ends with 16 scales and a half.
    let (factor, (upper, lower)) =
        unsafe { (factors(blocks), sixteen_bytes(blocks, Q6K::LAYOUT.scales)) };
    // Word `first` of rows 0 to 7, then the next one.
    let index = _mm512_set_epi32(29, 25, 21, 17, 13, 9, 5, 1, 28, 24, 20, 16, 12, 8, 4, 0);
    let next = _mm512_add_epi32(index, _mm512_set1_epi32(2));
    let steps = [
        by_group(_mm512_permutex2var_epi32(upper, index, lower)),
        by_group(_mm512_permutex2var_epi32(upper, next, lower)),
    ];
    (factor, steps)
}
