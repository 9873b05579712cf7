//! `Q6_K` times a single activation row. Its bits lie in two places, and both are
//! longer than what is made of them at once, so transposing them first is dear:
//! here each row is dequantized and multiplied where it lies, and the products of
//! eight rows are transposed and reduced.

use std::arch::x86_64::{
    __m256, __m256i, _mm_cvtsi32_si128, _mm256_add_epi16, _mm256_add_epi32, _mm256_and_si256,
    _mm256_cvtepi32_ps, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_mul_ps,
    _mm256_or_si256, _mm256_permute2x128_si256, _mm256_set1_epi8, _mm256_set1_epi16,
    _mm256_setzero_ps, _mm256_sll_epi32, _mm256_slli_epi16, _mm256_srai_epi32, _mm256_srli_epi16,
    _mm256_storeu_ps, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64, _mm256_unpacklo_epi32,
    _mm256_unpacklo_epi64,
};

use crate::activations::{Activations, GROUP, SUM_GROUP};
use crate::arch::avx2::blocks::Blocks;
use crate::arch::avx2::gemm::{Pairs, add_group};
use crate::block::Format;
use crate::dequantize::{Q6K, Quantized};
use crate::packed_panel::ROWS;

/// Returns the products of up to eight rows with the first activation row; those of
/// missing rows are the last one's.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn q6_k(rows: &[u8], input: &Activations) -> [f32; ROWS] {
    let columns = input.columns;
    assert!(input.quants.len() >= columns && input.sums.len() >= columns / SUM_GROUP);
    assert!(input.scales.len() >= columns / GROUP);
    let mut blocks = Blocks::first::<Q6K>(rows, columns);
    let mut total = _mm256_setzero_ps();
    for block in 0..columns / 256 {
        // SAFETY: `Blocks::first` has checked that every row has this block, and
        // there are as many activations as columns.
        unsafe {
            let scales = scales(&blocks);
            for half in 0..2 {
                for (run, products) in [products::<0>, products::<1>, products::<2>, products::<3>]
                    .into_iter()
                    .enumerate()
                {
                    // A byte more than a run has, so that nothing is left out.
                    blocks.prefetch(Format::Q6K.block_bytes() / 8 + 1);
                    let own = 4 * half + run;
                    let chunk = 8 * block + own;
                    let quants = input.quants.as_ptr().add(chunk * GROUP);
                    let pair = products(&blocks.heads, half, quants);
                    let scale = *input.scales.get_unchecked(chunk);
                    for (part, products) in pair.into_iter().enumerate() {
                        let sum = *input.sums.get_unchecked(2 * chunk + part);
                        let weights = (scales[2 * own + part], _mm256_setzero_ps());
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

/// Returns the eight rows' scales of the sixteen groups of a block.
///
/// # Safety
/// The rows have the block.
#[inline]
#[target_feature(enable = "avx2,f16c")]
unsafe fn scales(blocks: &Blocks) -> [__m256; 16] {
    // SAFETY: a block ends with 16 steps of a byte and a half.
    let (steps, factors) = unsafe {
        (
            blocks.four_words(Q6K::LAYOUT.scales),
            blocks.halves(Q6K::LAYOUT.scale),
        )
    };
    let mut scales = [factors; 16];
    for (four, steps) in scales.chunks_exact_mut(4).zip(steps) {
        for (byte, scale) in four.iter_mut().enumerate() {
            let top = _mm_cvtsi32_si128(24 - 8 * byte as i32);
            let steps = _mm256_srai_epi32::<24>(_mm256_sll_epi32(steps, top));
            *scale = _mm256_mul_ps(factors, _mm256_cvtepi32_ps(steps));
        }
    }
    scales
}

/// Returns the products of the two groups of 16 in one of the four runs of 32
/// columns in a `half` of a block, a row's in each lane, with the activations at
/// `quants`.
///
/// It is not inlined: the four runs read the same bytes, and the compiler would
/// keep more of them than there are registers.
///
/// # Safety
/// The processor has AVX2; the `heads` are those of blocks, and there are 32
/// activations.
#[inline(never)]
#[target_feature(enable = "avx2")]
unsafe fn products<const RUN: usize>(
    heads: &[*const u8; ROWS],
    half: usize,
    quants: *const i8,
) -> [__m256i; 2] {
    // SAFETY: 128 bytes of low bits and 64 of high ones begin a block.
    unsafe {
        let activations = _mm256_loadu_si256(quants.cast());
        // Sums of two products, at most 2 * 63 * 127.
        let row = |row: usize| {
            let low = heads[row].add(Q6K::LAYOUT.quants + 64 * half + 32 * (RUN % 2));
            let high = heads[row].add(Q6K::LAYOUT.high + 32 * half);
            let low = _mm256_loadu_si256(low.cast());
            let high = _mm256_loadu_si256(high.cast());
            _mm256_maddubs_epi16(joined::<RUN>(low, high), activations)
        };
        // Two of those fit 16 bits.
        let two = |a: __m256i, b: __m256i| {
            let sums = _mm256_add_epi16(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
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
fn joined<const RUN: usize>(low: __m256i, high: __m256i) -> __m256i {
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
