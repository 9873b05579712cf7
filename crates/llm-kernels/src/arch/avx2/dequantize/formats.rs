//! How eight rows of each family of formats are dequantized. Everything is done on
//! words of which a register holds one of each row, scales too.

use std::arch::x86_64::{
    __m256, __m256i, _mm_cvtsi32_si128, _mm_loadu_si128, _mm256_add_epi8, _mm256_and_si256,
    _mm256_blendv_epi8, _mm256_broadcastsi128_si256, _mm256_castsi256_ps, _mm256_cmpeq_epi8,
    _mm256_cmpgt_epi32, _mm256_cvtepi32_ps, _mm256_mul_ps, _mm256_or_si256, _mm256_set1_epi8,
    _mm256_set1_epi32, _mm256_set1_ps, _mm256_setr_epi64x, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_sll_epi32, _mm256_slli_epi16, _mm256_slli_epi32, _mm256_sllv_epi32,
    _mm256_srai_epi32, _mm256_srl_epi32, _mm256_srli_epi32, _mm256_sub_epi32, _mm256_sub_ps,
    _mm256_xor_si256,
};

use super::Sink;
use crate::arch::avx2::blocks::{Blocks, shifted, two_halves};
use crate::block::{Format, NONE};
use crate::dequantize::{self, Quantized};

/// Dequantizes a format with blocks of 32 weights.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn block32<Q: Quantized>(sink: &mut impl Sink, rows: &[u8], columns: usize) {
    // Scale and offset are read as one word.
    const { assert!(!Q::OFFSET || Q::LAYOUT.minimum == Q::LAYOUT.scale + 2) };
    let mut blocks = Blocks::first::<Q>(rows, columns);
    let sign_flip = _mm256_set1_epi8(sink.start::<Q>(columns).cast_signed());
    let table = Q::TABLE.map(|table| sign_flipped(table, sign_flip));
    for block in 0..columns / 32 {
        // SAFETY: `Blocks::first` has checked that every row has this block, and
        // all but Q8_0, with 34 bytes, have at least 17.
        unsafe {
            if Q::OFFSET {
                let [both, ..] = blocks.four_words(Q::LAYOUT.scale);
                let (scales, offsets) = two_halves(both);
                sink.scales(block, scales);
                sink.offsets(block, offsets);
            } else if matches!(Q::FORMAT, Format::Mxfp4) {
                let [head, ..] = blocks.four_words(Q::LAYOUT.scale);
                sink.scales(block, halves_of_e8m0(head));
            } else {
                sink.scales(block, blocks.halves(Q::LAYOUT.scale));
            }
            let mut quants = if matches!(Q::FORMAT, Format::Q8_0) {
                let bytes = blocks.eight_words(Q::LAYOUT.quants);
                bytes.map(|bytes| _mm256_xor_si256(bytes, sign_flip))
            } else {
                blocks.nibbles(Q::LAYOUT.quants)
            };
            if let Some(table) = table {
                quants = quants.map(|nibbles| _mm256_shuffle_epi8(table, nibbles));
            }
            if Q::LAYOUT.high != NONE {
                let [bits, ..] = blocks.four_words(Q::LAYOUT.high);
                for (step, quants) in quants.iter_mut().enumerate() {
                    *quants = _mm256_or_si256(*quants, fifth_bits(bits, step));
                }
            }
            sink.quants::<Q>(block, &quants);
        }
        blocks.prefetch(Q::FORMAT.block_bytes());
        blocks.advance(Q::FORMAT.block_bytes());
    }
}

/// `half_of_e8m0` of the lowest byte of each word.
#[inline]
#[target_feature(enable = "avx2")]
fn halves_of_e8m0(words: __m256i) -> __m256 {
    let bytes = _mm256_and_si256(words, _mm256_set1_epi32(0xff));
    let normal = _mm256_slli_epi32::<23>(_mm256_sub_epi32(bytes, _mm256_set1_epi32(1)));
    let subnormal = _mm256_sllv_epi32(_mm256_set1_epi32(0x0020_0000), bytes);
    let is_normal = _mm256_cmpgt_epi32(bytes, _mm256_set1_epi32(1));
    _mm256_castsi256_ps(_mm256_blendv_epi8(subnormal, normal, is_normal))
}

/// What nibbles stand for, as a packed panel of the width has it, in both halves.
#[target_feature(enable = "avx2")]
fn sign_flipped(table: &[u8; 16], sign_flip: __m256i) -> __m256i {
    // SAFETY: the table has 16 bytes.
    let table = unsafe { _mm_loadu_si128(table.as_ptr().cast()) };
    _mm256_xor_si256(_mm256_broadcastsi128_si256(table), sign_flip)
}

/// Bits `4 * step` to `4 * step + 3` of each word, as 16 in its four bytes.
#[inline]
#[target_feature(enable = "avx2")]
fn fifth_bits(words: __m256i, step: usize) -> __m256i {
    // The byte with these bits, four times for each word.
    let first = _mm256_setr_epi64x(
        0x0404_0404_0000_0000,
        0x0c0c_0c0c_0808_0808,
        0x0404_0404_0000_0000,
        0x0c0c_0c0c_0808_0808,
    );
    let place = _mm256_add_epi8(first, _mm256_set1_epi8((step / 2) as i8));
    let bytes = _mm256_shuffle_epi8(words, place);
    let bit = _mm256_set1_epi32(if step.is_multiple_of(2) {
        0x0804_0201
    } else {
        0x8040_2010_u32.cast_signed()
    });
    let set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit);
    _mm256_and_si256(set, _mm256_set1_epi8(16))
}

/// Dequantizes `Q4_K` and `Q5_K`: eight groups of 32 with 6-bit scales and minima.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn k_quants<Q: Quantized>(sink: &mut impl Sink, rows: &[u8], columns: usize) {
    const {
        assert!(Q::LAYOUT.minimum == Q::LAYOUT.scale + 2);
        assert!(Q::LAYOUT.scales == Q::LAYOUT.scale + 4);
    }
    let five = Q::LAYOUT.high != NONE;
    sink.start::<Q>(columns);
    let mut blocks = Blocks::first::<Q>(rows, columns);
    for block in 0..columns / 256 {
        // SAFETY: `Blocks::first` has checked that every row has this block.
        unsafe {
            let [both, steps @ ..] = blocks.four_words(Q::LAYOUT.scale);
            let (factors, minima) = two_halves(both);
            let minima = _mm256_sub_ps(_mm256_set1_ps(-0.0), minima);
            for group in 0..8 {
                let (scales, lows) = six_bits(steps, group);
                sink.scales(block * 8 + group, _mm256_mul_ps(factors, scales));
                sink.offsets(block * 8 + group, _mm256_mul_ps(minima, lows));
            }
            let bits = if five {
                blocks.eight_words(Q::LAYOUT.high)
            } else {
                [_mm256_setzero_si256(); 8]
            };
            for pair in 0..4 {
                blocks.prefetch(Q::FORMAT.block_bytes() / 4);
                let packed = blocks.eight_words(Q::LAYOUT.quants + 32 * pair);
                for half in 0..2 {
                    let run = 2 * pair + half;
                    let mut quants = packed.map(|packed| shifted(packed, 4 * half, 15));
                    if five {
                        for (quants, bits) in quants.iter_mut().zip(bits) {
                            let bit = _mm256_slli_epi16::<4>(shifted(bits, run, 1));
                            *quants = _mm256_or_si256(*quants, bit);
                        }
                    }
                    sink.quants::<Q>(block * 8 + run, &quants);
                }
            }
        }
        blocks.advance(Q::FORMAT.block_bytes());
    }
}

/// Decodes the 6-bit scale and minimum of a group, from the three words that hold
/// those of all eight (ggml's `get_scale_min_k4`).
#[inline]
#[target_feature(enable = "avx2")]
fn six_bits([a, b, c]: [__m256i; 3], group: usize) -> (__m256, __m256) {
    let byte = 8 * (group % 4);
    let both = if group < 4 {
        [bits(a, byte, 63), bits(b, byte, 63)]
    } else {
        // Four bits of each stand in `c`, the other two above those of the first
        // four groups.
        let high = |word| _mm256_slli_epi32::<4>(bits(word, byte + 6, 3));
        [
            _mm256_or_si256(bits(c, byte, 15), high(a)),
            _mm256_or_si256(bits(c, byte + 4, 15), high(b)),
        ]
    };
    let [scale, minimum] = both.map(|integers| _mm256_cvtepi32_ps(integers));
    (scale, minimum)
}

/// Shifts every word down and keeps the bits of `mask`.
#[inline]
#[target_feature(enable = "avx2")]
fn bits(words: __m256i, count: usize, mask: i32) -> __m256i {
    let count = _mm_cvtsi32_si128(count as i32);
    _mm256_and_si256(_mm256_srl_epi32(words, count), _mm256_set1_epi32(mask))
}

/// Dequantizes `IQ4_XS`: eight groups of 32 with 6-bit scales.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn iq4_xs(sink: &mut impl Sink, rows: &[u8], columns: usize) {
    type Q = dequantize::Iq4Xs;
    const { assert!(Q::LAYOUT.scales == Q::LAYOUT.scale + 2) };
    let mut blocks = Blocks::first::<Q>(rows, columns);
    let sign_flip = _mm256_set1_epi8(sink.start::<Q>(columns).cast_signed());
    let table = sign_flipped(&dequantize::IQ4_QUANTS, sign_flip);
    for block in 0..columns / 256 {
        // SAFETY: `Blocks::first` has checked that every row has this block.
        unsafe {
            // The factor and the high two bits of each step; the low four.
            let [head, low, ..] = blocks.four_words(Q::LAYOUT.scale);
            let high = _mm256_srli_epi32::<16>(head);
            let (factors, _) = two_halves(head);
            for group in 0..8 {
                let high = _mm256_slli_epi32::<4>(bits(high, 2 * group, 3));
                let steps = _mm256_or_si256(bits(low, 4 * group, 15), high);
                let steps = _mm256_sub_epi32(steps, _mm256_set1_epi32(32));
                let scales = _mm256_mul_ps(factors, _mm256_cvtepi32_ps(steps));
                sink.scales(block * 8 + group, scales);
            }
            for run in 0..8 {
                blocks.prefetch(Q::FORMAT.block_bytes() / 8);
                let nibbles = blocks.nibbles(Q::LAYOUT.quants + 16 * run);
                let quants = nibbles.map(|nibbles| _mm256_shuffle_epi8(table, nibbles));
                sink.quants::<Q>(block * 8 + run, &quants);
            }
        }
        blocks.advance(Q::FORMAT.block_bytes());
    }
}

/// Dequantizes `Q6_K`: sixteen groups of 16 with 8-bit scales.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn q6_k<Q: Quantized>(sink: &mut impl Sink, rows: &[u8], columns: usize) {
    sink.start::<Q>(columns);
    let mut blocks = Blocks::first::<Q>(rows, columns);
    for block in 0..columns / 256 {
        // SAFETY: `Blocks::first` has checked that every row has this block.
        unsafe {
            let factors = blocks.halves(Q::LAYOUT.scale);
            let steps = blocks.four_words(Q::LAYOUT.scales);
            for half in 0..2 {
                for group in 8 * half..8 * half + 8 {
                    let top = _mm_cvtsi32_si128(24 - 8 * (group % 4) as i32);
                    let signed = _mm256_sll_epi32(steps[group / 4], top);
                    let steps = _mm256_cvtepi32_ps(_mm256_srai_epi32::<24>(signed));
                    sink.scales(block * 16 + group, _mm256_mul_ps(factors, steps));
                }
                let high = blocks.eight_words(Q::LAYOUT.high + 32 * half);
                for run in 0..4 {
                    // A byte more than a run has, so that nothing is left out.
                    blocks.prefetch(Q::FORMAT.block_bytes() / 8 + 1);
                    let low = blocks.eight_words(Q::LAYOUT.quants + 64 * half + 32 * (run % 2));
                    let mut quants = low.map(|low| shifted(low, 4 * (run / 2), 15));
                    for (quants, high) in quants.iter_mut().zip(high) {
                        let high = _mm256_slli_epi16::<4>(shifted(high, 2 * run, 3));
                        *quants = _mm256_or_si256(*quants, high);
                    }
                    sink.quants::<Q>(block * 8 + 4 * half + run, &quants);
                }
            }
        }
        blocks.advance(Q::FORMAT.block_bytes());
    }
}
