//! `Q4_K` and `Q5_K`: eight groups of 32 with 6-bit scales and minima.

use std::arch::x86_64::{
    __m512, __m512i, _mm256_loadu_si256, _mm256_setzero_ps, _mm256_storeu_ps, _mm512_and_si512,
    _mm512_broadcast_i64x4, _mm512_cvtepi32_epi16, _mm512_cvtepi32_ps, _mm512_cvtepu8_epi32,
    _mm512_cvtph_ps, _mm512_dpbusd_epi32, _mm512_mask_add_epi8, _mm512_mask_srli_epi16,
    _mm512_mul_ps, _mm512_or_si512, _mm512_permutex2var_epi32, _mm512_set_epi32, _mm512_set1_epi8,
    _mm512_set1_ps, _mm512_setzero_si512, _mm512_shuffle_i32x4, _mm512_srli_epi16,
    _mm512_srli_epi32, _mm512_sub_ps, _mm512_test_epi8_mask,
};

use super::STEP;
use super::blocks::{Blocks, activations_at, by_group, lane, low_and_high, sixteen_bytes};
use super::sums::{GroupPair, halves, transpose_reduce_i16};
use crate::activations::{self, Activations};
use crate::block::NONE;
use crate::dequantize::Quantized;
use crate::packed_panel::ROWS;
use crate::prefetch::RowPrefetch;

/// `Q4_K` and, with fifth bits, `Q5_K`: eight groups of 32 with 6-bit scales and
/// minima.
///
/// # Safety
/// See [`super::EightRows`].
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,f16c,fma")]
pub(super) unsafe fn k_quants<Q: Quantized>(rows: &[u8], input: &Activations) -> [f32; ROWS] {
    let columns = input.columns;
    let mut blocks = Blocks::new(rows);
    let mut prefetch = RowPrefetch::new(rows);
    let mut totals = _mm256_setzero_ps();
    for block in 0..columns / 256 {
        // SAFETY: every row has this block; the activations have as many columns.
        unsafe {
            let scales = BlockScales::read::<Q>(&blocks);
            for pair in 0..4 {
                prefetch.advance(ROWS * Q::FORMAT.block_bytes() / 4);
                let at = block * 256 + pair * STEP;
                let four = activations_at(input, at, true);
                let mut products = [_mm512_setzero_si512(); ROWS];
                for (row, product) in products.iter_mut().enumerate() {
                    let head = blocks.row(row);
                    let packed = _mm256_loadu_si256(head.add(Q::LAYOUT.quants + pair * 32).cast());
                    let mut quants = low_and_high(_mm512_broadcast_i64x4(packed));
                    if Q::LAYOUT.high != NONE {
                        let bits = _mm256_loadu_si256(head.add(Q::LAYOUT.high).cast());
                        let bits = _mm512_broadcast_i64x4(bits);
                        let bits = _mm512_mask_srli_epi16::<1>(bits, 0xffff_0000, bits);
                        let set = _mm512_test_epi8_mask(bits, _mm512_set1_epi8(1 << (2 * pair)));
                        quants = _mm512_mask_add_epi8(quants, set, quants, _mm512_set1_epi8(16));
                    }
                    *product = _mm512_dpbusd_epi32(*product, quants, four);
                }
                let groups = GroupPair::new(input, at / activations::GROUP, true);
                let sums = halves(transpose_reduce_i16(&products));
                let (scales, offsets) = scales.pair(pair);
                totals = groups.add::<Q>(scales, offsets, sums, totals);
            }
        }
        blocks.step(Q::FORMAT.block_bytes());
    }
    let mut out = [0.0; ROWS];
    // SAFETY: eight floats are stored.
    unsafe { _mm256_storeu_ps(out.as_mut_ptr(), totals) };
    out
}

/// The scales and minima of a `Q4_K` or `Q5_K` block of eight rows.
struct BlockScales {
    /// Factor of the scales, (2, rows).
    scale: __m512,
    /// Negated factor of the minima, (2, rows).
    minimum: __m512,
    /// Steps of the scales, (8 groups, rows).
    scales: __m512i,
    /// Steps of the minima, (8 groups, rows).
    minima: __m512i,
}

impl BlockScales {
    /// Reads the 16 bytes with which a block begins: two halves and 12 bytes of
    /// steps (ggml's `get_scale_min_k4`), of all rows at once.
    ///
    /// # Safety
    /// All rows have the block.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn read<Q: Quantized>(blocks: &Blocks) -> Self {
        const {
            assert!(Q::LAYOUT.minimum == Q::LAYOUT.scale + 2);
            assert!(Q::LAYOUT.scales == Q::LAYOUT.scale + 4);
        }
        // SAFETY: passed on from the caller.
        let (upper, lower) = unsafe { sixteen_bytes(blocks, Q::LAYOUT.scale) };
        // Word `w` of rows 0 to 7, then the next one.
        let words = |first: i32| {
            let next = first + 1;
            let index = _mm512_set_epi32(
                28 + next,
                24 + next,
                20 + next,
                16 + next,
                12 + next,
                8 + next,
                4 + next,
                next,
                28 + first,
                24 + first,
                20 + first,
                16 + first,
                12 + first,
                8 + first,
                4 + first,
                first,
            );
            _mm512_permutex2var_epi32(upper, index, lower)
        };
        let halves_and_a = words(0);
        let b_and_c = words(2);
        let twice = |z| _mm512_shuffle_i32x4::<0b01_00_01_00>(z, z);
        let heads = twice(halves_and_a);
        // [scales 0 to 3, minima 0 to 3 of the groups], then both of 4 to 7.
        let a_and_b = _mm512_shuffle_i32x4::<0b01_00_11_10>(halves_and_a, b_and_c);
        let c = _mm512_shuffle_i32x4::<0b11_10_11_10>(b_and_c, b_and_c);
        let c = _mm512_mask_srli_epi16::<4>(c, 0xffff_0000, c);
        let low = _mm512_and_si512(a_and_b, _mm512_set1_epi8(0x3f));
        let top = _mm512_and_si512(_mm512_srli_epi16::<2>(a_and_b), _mm512_set1_epi8(0x30));
        let high = _mm512_or_si512(_mm512_and_si512(c, _mm512_set1_epi8(15)), top);
        let negative = _mm512_set1_ps(-0.0);
        let minimum = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(heads)));
        Self {
            scale: _mm512_cvtph_ps(_mm512_cvtepi32_epi16(heads)),
            minimum: _mm512_sub_ps(negative, minimum),
            scales: by_group(_mm512_shuffle_i32x4::<0b01_00_01_00>(low, high)),
            minima: by_group(_mm512_shuffle_i32x4::<0b11_10_11_10>(low, high)),
        }
    }

    /// Returns scales and offsets of the groups `2 * pair` and the next, (2,
    /// rows) each.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn pair(&self, pair: usize) -> (__m512, __m512) {
        let floats = |steps| _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(steps));
        let scales = floats(lane(self.scales, pair));
        let minima = floats(lane(self.minima, pair));
        (
            _mm512_mul_ps(self.scale, scales),
            _mm512_mul_ps(self.minimum, minima),
        )
    }
}
