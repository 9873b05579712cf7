//! `Q6_K` times a single activation row. Its bits lie in two places, and both are
//! longer than what is made of them at once, so transposing them first is dear:
//! here each row is unpacked and multiplied where it lies, and the products of
//! eight rows are summed crosswise.

use std::arch::x86_64::{
    __m256, __m256i, _mm_cvtsi32_si128, _mm256_add_epi16, _mm256_add_epi32, _mm256_and_si256,
    _mm256_cvtepi32_ps, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_mul_ps,
    _mm256_or_si256, _mm256_permute2x128_si256, _mm256_set1_epi8, _mm256_set1_epi16,
    _mm256_setzero_ps, _mm256_sll_epi32, _mm256_slli_epi16, _mm256_srai_epi32, _mm256_srli_epi16,
    _mm256_storeu_ps, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64, _mm256_unpacklo_epi32,
    _mm256_unpacklo_epi64,
};

use super::{Pairs, add_group};
use crate::activations::{Activations, GROUP, SUM_GROUP};
use crate::block::Format;
use crate::tile::ROWS;
use crate::tile::avx2::Blocks;
use crate::unpack::Q6K;

/// Returns the products of up to eight rows with the first activation row; those of
/// missing rows are the last one's.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn six(rows: &[u8], input: &Activations) -> [f32; ROWS] {
    let columns = input.columns;
    assert!(input.quants.len() >= columns && input.sums.len() >= columns / SUM_GROUP);
    let mut blocks = Blocks::first::<Q6K>(rows, columns);
    let mut total = _mm256_setzero_ps();
    for block in 0..columns / 256 {
        // SAFETY: `Blocks::first` has checked that every row has this block, and
        // there are as many activations as columns.
        unsafe {
            let factors = blocks.halves(208);
            let steps = blocks.four_words(192);
            for half in 0..2 {
                let place = |run: usize| (block * 8 + half * 4 + run, 4 * half + run);
                for (run, pair) in [
                    products::<0>(&blocks, half, input, place(0).0),
                    products::<1>(&blocks, half, input, place(1).0),
                    products::<2>(&blocks, half, input, place(2).0),
                    products::<3>(&blocks, half, input, place(3).0),
                ]
                .into_iter()
                .enumerate()
                {
                    let (chunk, own) = place(run);
                    for (part, products) in pair.into_iter().enumerate() {
                        let scales = scales(factors, steps, 2 * own + part);
                        let sum = input.sums[2 * chunk + part];
                        let weights = (scales, _mm256_setzero_ps());
                        let scale = input.scales[chunk];
                        total = add_group::<Q6K, Pairs>(total, products, weights, scale, sum);
                    }
                }
            }
        }
        blocks.advance(Format::Q6K.block_bytes());
    }
    let mut out = [0.0; ROWS];
    // SAFETY: eight floats are stored.
    unsafe { _mm256_storeu_ps(out.as_mut_ptr(), total) };
    out
}

/// Returns the eight rows' scales of one of the sixteen groups of a block.
#[inline]
#[target_feature(enable = "avx2")]
fn scales(factors: __m256, steps: [__m256i; 4], group: usize) -> __m256 {
    let top = _mm_cvtsi32_si128(24 - 8 * (group % 4) as i32);
    let signed = _mm256_sll_epi32(steps[group / 4], top);
    _mm256_mul_ps(factors, _mm256_cvtepi32_ps(_mm256_srai_epi32::<24>(signed)))
}

/// Returns the products of the two groups of 16 in one of the four runs of 32
/// columns in a half of a block, a row's in each lane. `chunk` is the run's place
/// among the activations.
///
/// # Safety
/// The rows have the block and `input` the chunk.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn products<const RUN: usize>(
    blocks: &Blocks,
    half: usize,
    input: &Activations,
    chunk: usize,
) -> [__m256i; 2] {
    // SAFETY: 128 bytes of low bits and 64 of high ones begin a block.
    unsafe {
        let activations = _mm256_loadu_si256(input.quants.as_ptr().add(chunk * GROUP).cast());
        // Sums of two products, at most 2 * 63 * 127.
        let row = |row: usize| {
            let low = blocks.heads[row].add(64 * half + 32 * (RUN % 2));
            let high = blocks.heads[row].add(128 + 32 * half);
            let low = _mm256_loadu_si256(low.cast());
            let high = _mm256_loadu_si256(high.cast());
            _mm256_maddubs_epi16(quants::<RUN>(low, high), activations)
        };
        // Two of those fit 16 bits.
        let two = |a: __m256i, b: __m256i| {
            let sums =
                _mm256_add_epi16(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
            _mm256_madd_epi16(sums, _mm256_set1_epi16(1))
        };
        let four = |first: usize| {
            let a = two(row(first), row(first + 1));
            let b = two(row(first + 2), row(first + 3));
            _mm256_add_epi32(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b))
        };
        let (upper, lower) = (four(0), four(4));
        [
            _mm256_permute2x128_si256::<0x20>(upper, lower),
            _mm256_permute2x128_si256::<0x31>(upper, lower),
        ]
    }
}

/// Joins the four low and two high bits of a run.
#[inline]
#[target_feature(enable = "avx2")]
fn quants<const RUN: usize>(low: __m256i, high: __m256i) -> __m256i {
    let low = match RUN {
        0 | 1 => low,
        _ => _mm256_srli_epi16::<4>(low),
    };
    let high = match RUN {
        0 => _mm256_slli_epi16::<4>(high),
        1 => _mm256_slli_epi16::<2>(high),
        2 => high,
        _ => _mm256_srli_epi16::<2>(high),
    };
    let low = _mm256_and_si256(low, _mm256_set1_epi8(0x0f));
    _mm256_or_si256(low, _mm256_and_si256(high, _mm256_set1_epi8(0x30)))
}
