//! From products to sums: eight registers transposed and reduced to one lane a row, then
//! the roundings of every path, group after group.

use std::arch::x86_64::{
    __m256, __m512, __m512i, _mm256_fmadd_ps, _mm256_set1_ps, _mm512_add_epi32,
    _mm512_castps_si512, _mm512_castps512_ps256, _mm512_castsi512_ps, _mm512_cvtepi32_ps,
    _mm512_extractf32x8_ps, _mm512_madd_epi16, _mm512_mask_set1_epi32, _mm512_mul_ps,
    _mm512_packs_epi32, _mm512_set1_epi16, _mm512_set1_epi32, _mm512_set1_ps, _mm512_shuffle_i32x4,
    _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};

use crate::activations::Activations;
use crate::dequantize::Quantized;
use crate::packed_panel::ROWS;

/// Sums each quarter of eight registers: of rows 0 to 3 and of rows 4 to 7, in
/// each quarter a lane a row.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn transpose_reduce(rows: &[__m512i; ROWS]) -> [__m512i; 2] {
    let pair = |a, b| _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let four = |a, b| _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    [
        four(pair(rows[0], rows[1]), pair(rows[2], rows[3])),
        four(pair(rows[4], rows[5]), pair(rows[6], rows[7])),
    ]
}

/// Like [`transpose_reduce`] for products of weights of at most five bits: sums of
/// eight, at most `8 * 31 * 127`, fit 16 bits, which halves the shuffles.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn transpose_reduce_i16(rows: &[__m512i; ROWS]) -> [__m512i; 2] {
    let ones = _mm512_set1_epi16(1);
    let add = |a, b| _mm512_madd_epi16(_mm512_packs_epi32(a, b), ones);
    [
        add(add(rows[0], rows[1]), add(rows[2], rows[3])),
        add(add(rows[4], rows[5]), add(rows[6], rows[7])),
    ]
}

/// Sums neighbouring quarters: (2 halves, rows).
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn halves([upper, lower]: [__m512i; 2]) -> __m512i {
    let even = _mm512_shuffle_i32x4::<0b10_00_10_00>(upper, lower);
    let odd = _mm512_shuffle_i32x4::<0b11_01_11_01>(upper, lower);
    let sums = _mm512_add_epi32(even, odd);
    _mm512_shuffle_i32x4::<0b11_01_10_00>(sums, sums)
}

/// Sums the first and third and the second and fourth quarters: (2, rows).
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn halves_of_crossed([upper, lower]: [__m512i; 2]) -> __m512i {
    let first = _mm512_shuffle_i32x4::<0b01_00_01_00>(upper, lower);
    let second = _mm512_shuffle_i32x4::<0b11_10_11_10>(upper, lower);
    let sums = _mm512_add_epi32(first, second);
    _mm512_shuffle_i32x4::<0b11_01_10_00>(sums, sums)
}

/// Orders the quarters: the first and second, (2, rows), and the third and
/// fourth.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn quarters([upper, lower]: [__m512i; 2]) -> [__m512i; 2] {
    let first = _mm512_shuffle_i32x4::<0b01_00_01_00>(upper, lower);
    let second = _mm512_shuffle_i32x4::<0b11_10_11_10>(upper, lower);
    [
        _mm512_shuffle_i32x4::<0b11_01_10_00>(first, first),
        _mm512_shuffle_i32x4::<0b11_01_10_00>(second, second),
    ]
}

/// What the activations of two neighbouring groups contribute.
pub(super) struct GroupPair {
    /// How many of the two there are.
    count: usize,
    scales: [f32; 2],
    sums: [i32; 2],
    scaled_sums: [f32; 2],
}

impl GroupPair {
    /// Two groups of 32 from `group` on, or only one, if not `whole`.
    #[inline(always)]
    pub(super) fn new(input: &Activations, group: usize, whole: bool) -> Self {
        let next = group + usize::from(whole);
        Self {
            count: 1 + usize::from(whole),
            scales: [input.scales[group], input.scales[next]],
            sums: [input.group_sums[group], input.group_sums[next]],
            scaled_sums: [input.scaled_sums[group], input.scaled_sums[next]],
        }
    }

    /// Two groups of 16 from `group` on.
    #[inline(always)]
    pub(super) fn of_half_groups(input: &Activations, group: usize) -> Self {
        let scale = input.scales[group / 2];
        Self {
            count: 2,
            scales: [scale; 2],
            sums: [input.sums[group], input.sums[group + 1]],
            scaled_sums: [0.0; 2],
        }
    }

    /// Subtracts the quants' zero point from the products.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn corrected<Q: Quantized>(&self, products: __m512i) -> __m512i {
        let zero_point = if Q::SIGNED { 128 } else { Q::ZERO_POINT };
        if zero_point == 0 {
            return products;
        }
        let first = _mm512_set1_epi32(-zero_point * self.sums[0]);
        let both = _mm512_mask_set1_epi32(first, 0xff00, -zero_point * self.sums[1]);
        _mm512_add_epi32(products, both)
    }

    /// Adds both groups' products, (2, rows), to the rows' sums, the first group
    /// first.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
    pub(super) fn add<Q: Quantized>(
        &self,
        scales: __m512,
        offsets: __m512,
        products: __m512i,
        totals: __m256,
    ) -> __m256 {
        let both = |[first, second]: [f32; 2]| {
            let first = _mm512_castps_si512(_mm512_set1_ps(first));
            let second = second.to_bits().cast_signed();
            _mm512_castsi512_ps(_mm512_mask_set1_epi32(first, 0xff00, second))
        };
        let factors = split(_mm512_mul_ps(scales, both(self.scales)));
        let products = split(_mm512_cvtepi32_ps(products));
        let offsets = split(offsets);
        let mut totals = totals;
        for group in 0..self.count {
            totals = _mm256_fmadd_ps(factors[group], products[group], totals);
            if Q::OFFSET {
                let sum = _mm256_set1_ps(self.scaled_sums[group]);
                totals = _mm256_fmadd_ps(offsets[group], sum, totals);
            }
        }
        totals
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn split(both: __m512) -> [__m256; 2] {
    [
        _mm512_castps512_ps256(both),
        _mm512_extractf32x8_ps::<1>(both),
    ]
}
