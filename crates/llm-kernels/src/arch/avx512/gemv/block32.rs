//! Formats with blocks of 32 weights, two blocks at a time.

use std::arch::x86_64::{
    __m512, __m512i, _mm_loadu_si128, _mm256_loadu_si256, _mm256_setzero_ps, _mm256_storeu_ps,
    _mm512_and_si512, _mm512_broadcast_i32x4, _mm512_castsi256_si512, _mm512_castsi512_ps,
    _mm512_cmplt_epi32_mask, _mm512_cvtepi32_epi16, _mm512_cvtph_ps, _mm512_dpbusd_epi32,
    _mm512_mask_add_epi8, _mm512_mask_broadcast_i32x4, _mm512_mask_broadcast_i64x4,
    _mm512_mask_sllv_epi32, _mm512_set1_epi8, _mm512_set1_epi32, _mm512_set1_ps,
    _mm512_setzero_si512, _mm512_shuffle_i32x4, _mm512_slli_epi32, _mm512_srli_epi32,
    _mm512_sub_epi32, _mm512_xor_si512,
};

use super::STEP;
use super::blocks::{Blocks, activations_at, both_heads, looked_up, low_and_high};
use super::sums::{GroupPair, halves, halves_of_crossed, transpose_reduce, transpose_reduce_i16};
use crate::activations::{self, Activations};
use crate::block::{Format, NONE};
use crate::dequantize::{self, Quantized};
use crate::packed_panel::ROWS;
use crate::prefetch::RowPrefetch;

/// Two neighbouring blocks `a` and `b` of 32 weights.
pub(super) trait Pair {
    type Format: Quantized;
    /// Whether the quants are ordered [a low, b low, a high, b high], 16 each,
    /// and not as their columns.
    const CROSSED: bool;
    /// Dequantizes both.
    ///
    /// # Safety
    /// Both are whole blocks; the processor has AVX-512 F and BW.
    unsafe fn decode(a: *const u8, b: *const u8) -> __m512i;
}

/// Nibbles and, where the format has them, fifth bits.
pub(super) struct Nibbles<Q>(Q);

impl<Q: Quantized> Pair for Nibbles<Q> {
    type Format = Q;
    const CROSSED: bool = true;

    #[inline(always)]
    unsafe fn decode(a: *const u8, b: *const u8) -> __m512i {
        // SAFETY: a block holds 16 bytes of nibbles and four of fifth bits.
        unsafe {
            let all_a = _mm512_broadcast_i32x4(_mm_loadu_si128(a.add(Q::LAYOUT.quants).cast()));
            let packed_b = _mm_loadu_si128(b.add(Q::LAYOUT.quants).cast());
            let both = _mm512_mask_broadcast_i32x4(all_a, 0xf0f0, packed_b);
            let mut quants = low_and_high(both);
            if let Some(table) = Q::TABLE {
                quants = looked_up::<Q>(table, quants);
            }
            if Q::LAYOUT.high == NONE {
                return quants;
            }
            let bits = |block: *const u8| block.add(Q::LAYOUT.high).cast::<u32>().read_unaligned();
            let (a, b) = (bits(a), bits(b));
            let (low, high) = (a & 0xffff | b << 16, a >> 16 | b & 0xffff_0000);
            let bits = u64::from(low) | u64::from(high) << 32;
            _mm512_mask_add_epi8(quants, bits, quants, _mm512_set1_epi8(16))
        }
    }
}

/// Widens the E8M0 bytes with which the heads begin, as
/// `half_of_e8m0` does.
#[inline]
#[target_feature(enable = "avx512f")]
fn halves_of_e8m0(heads: __m512i) -> __m512 {
    let byte = _mm512_and_si512(heads, _mm512_set1_epi32(0xff));
    let bits = _mm512_slli_epi32::<23>(_mm512_sub_epi32(byte, _mm512_set1_epi32(1)));
    let subnormal = _mm512_cmplt_epi32_mask(byte, _mm512_set1_epi32(2));
    let least = _mm512_set1_epi32(0x0020_0000);
    _mm512_castsi512_ps(_mm512_mask_sllv_epi32(bits, subnormal, least, byte))
}

/// `Q8_0`; moved up by 128, since the product takes unsigned weights.
pub(super) struct Bytes;

impl Pair for Bytes {
    type Format = dequantize::Q8_0;
    const CROSSED: bool = false;

    #[inline(always)]
    unsafe fn decode(a: *const u8, b: *const u8) -> __m512i {
        // SAFETY: 32 bytes follow the scale.
        unsafe {
            let a = _mm512_castsi256_si512(_mm256_loadu_si256(
                a.add(Self::Format::LAYOUT.quants).cast(),
            ));
            let b = _mm256_loadu_si256(b.add(Self::Format::LAYOUT.quants).cast());
            let both = _mm512_mask_broadcast_i64x4(a, 0xf0, b);
            _mm512_xor_si512(both, _mm512_set1_epi8(i8::MIN))
        }
    }
}

/// Formats with blocks of 32 weights, two blocks at a time.
///
/// # Safety
/// See [`super::EightRows`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,f16c,fma")]
pub(super) unsafe fn block32<P: Pair>(rows: &[u8], input: &Activations) -> [f32; ROWS] {
    // Scale and offset are read with the block's first word.
    const {
        let layout = P::Format::LAYOUT;
        assert!(layout.scale == 0 && (layout.minimum == 2 || layout.minimum == NONE));
    }
    let (columns, block_bytes) = (input.columns, P::Format::FORMAT.block_bytes());
    let mut blocks = Blocks::new(rows);
    let mut prefetch = RowPrefetch::new(rows);
    let mut totals = _mm256_setzero_ps();
    for at in (0..columns).step_by(STEP) {
        let whole = columns - at >= STEP;
        // An odd last block is taken twice, and its second half not counted.
        let second = if whole { block_bytes } else { 0 };
        prefetch.advance(ROWS * (second + block_bytes));
        // SAFETY: every row has the block at `at` and, if `whole`, one more.
        unsafe {
            let four = activations_at(input, at, whole);
            let four = if P::CROSSED {
                _mm512_shuffle_i32x4::<0b11_01_10_00>(four, four)
            } else {
                four
            };
            let mut products = [_mm512_setzero_si512(); ROWS];
            for (row, product) in products.iter_mut().enumerate() {
                let head = blocks.row(row);
                let weights = P::decode(head, head.add(second));
                *product = _mm512_dpbusd_epi32(*product, weights, four);
            }
            let groups = GroupPair::new(input, at / activations::GROUP, whole);
            let sums = if P::CROSSED && P::Format::SIGNED {
                halves_of_crossed(transpose_reduce(&products))
            } else if P::CROSSED {
                halves_of_crossed(transpose_reduce_i16(&products))
            } else {
                halves(transpose_reduce(&products))
            };
            let heads = both_heads(&blocks, second);
            let scales = if matches!(P::Format::FORMAT, Format::Mxfp4) {
                halves_of_e8m0(heads)
            } else {
                _mm512_cvtph_ps(_mm512_cvtepi32_epi16(heads))
            };
            let offsets = if P::Format::OFFSET {
                _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(heads)))
            } else {
                _mm512_set1_ps(0.0)
            };
            let sums = groups.corrected::<P::Format>(sums);
            totals = groups.add::<P::Format>(scales, offsets, sums, totals);
        }
        blocks.step(second + block_bytes);
    }
    let mut out = [0.0; ROWS];
    // SAFETY: eight floats are stored.
    unsafe { _mm256_storeu_ps(out.as_mut_ptr(), totals) };
    out
}
