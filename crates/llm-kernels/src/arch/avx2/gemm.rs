//! A packed panel times activation rows with 256-bit integer products.
//!
//! A weight register holds four columns of eight rows; the activations' four
//! columns are broadcast against it. With AVX2, `maddubs` sums pairs of products
//! in 16 bits, where `Q::CHAIN` of them fit without overflow (for 4-bit weights
//! 8 * 2 * 15 * 127 = 30480); one `madd` by ones then widens the whole chain.
//! With AVX-VNNI one instruction sums four products in 32 bits. Both are exact,
//! so their results are the same.

use std::arch::x86_64::{
    __m256, __m256i, _mm_cvtsi32_si128, _mm256_abs_epi8, _mm256_add_epi16, _mm256_add_epi32,
    _mm256_cvtepi32_ps, _mm256_dpbusd_avx_epi32, _mm256_fmadd_ps, _mm256_loadu_ps,
    _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_mul_ps, _mm256_mullo_epi32,
    _mm256_set1_epi8, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_ps,
    _mm256_setzero_si256, _mm256_sign_epi8, _mm256_sll_epi32, _mm256_storeu_ps, _mm256_sub_epi32,
    _mm256_xor_si256,
};

use crate::activations::{self, Activations, SUM_GROUP};
use crate::dequantize::Quantized;
use crate::packed_panel::{PackedPanel, ROWS};

/// Columns of a weight register.
pub(super) const STEP: usize = 4;

/// How the exact products of a group are formed.
pub(super) trait Products {
    /// The zero point of the quants as `group` takes them.
    fn zero_point<Q: Quantized>() -> i32;

    /// Returns the products of one group, a row's in each lane.
    ///
    /// # Safety
    /// The processor has the level; `weights` points to `Q::GROUP * 8` bytes and
    /// `quants + batch * stride` to `Q::GROUP` bytes for each batch row.
    unsafe fn group<Q: Quantized, const BATCH: usize>(
        weights: *const u8,
        quants: *const i8,
        stride: usize,
    ) -> [__m256i; BATCH];
}

/// Multiplies a packed panel with the `BATCH` activation rows from `row` on.
///
/// # Safety
/// The processor has AVX2, FMA and F16C.
#[target_feature(enable = "avx2,fma,f16c")]
pub(crate) unsafe fn dot<Q: Quantized, const BATCH: usize>(
    packed: &PackedPanel,
    input: &Activations,
    row: usize,
) -> [[f32; ROWS]; BATCH] {
    // SAFETY: this function is compiled for what the body needs.
    unsafe { dot_body::<Q, Pairs, BATCH>(packed, input, row) }
}

/// Like [`dot`], with AVX-VNNI.
///
/// # Safety
/// The processor has AVX2, FMA, F16C and AVX-VNNI.
#[target_feature(enable = "avx2,fma,f16c,avxvnni")]
pub(crate) unsafe fn dot_vnni<Q: Quantized, const BATCH: usize>(
    packed: &PackedPanel,
    input: &Activations,
    row: usize,
) -> [[f32; ROWS]; BATCH] {
    // SAFETY: this function is compiled for what the body needs.
    unsafe { dot_body::<Q, Fours, BATCH>(packed, input, row) }
}

/// # Safety
/// It is inlined into a function that is compiled for AVX2, FMA and what `P`
/// needs.
#[inline(always)]
unsafe fn dot_body<Q: Quantized, P: Products, const BATCH: usize>(
    packed: &PackedPanel,
    input: &Activations,
    row: usize,
) -> [[f32; ROWS]; BATCH] {
    let columns = input.columns;
    let groups = columns / Q::GROUP;
    assert!(columns.is_multiple_of(activations::GROUP) && packed.quants.len() >= columns * ROWS);
    assert!(packed.scales.len() >= groups * ROWS);
    assert!(!Q::OFFSET || packed.offsets.len() >= groups * ROWS);
    let rows = row..row + BATCH;
    let quants = &input.quants[rows.start * columns..rows.end * columns];
    let scale_count = columns / activations::GROUP;
    let scales = &input.scales[rows.start * scale_count..rows.end * scale_count];
    let sum_count = columns / SUM_GROUP;
    let sums = &input.sums[rows.start * sum_count..rows.end * sum_count];
    // SAFETY: the caller's promise covers the instructions. `group < groups`, and
    // the slices have been checked to hold `groups` groups of weights, scales and
    // offsets and of each of the `BATCH` rows; an array of eight floats is stored.
    unsafe {
        let mut totals = [_mm256_setzero_ps(); BATCH];
        for group in 0..groups {
            let weights = packed.quants.as_ptr().add(group * Q::GROUP * ROWS);
            let products =
                P::group::<Q, BATCH>(weights, quants.as_ptr().add(group * Q::GROUP), columns);
            let weight_scale = _mm256_loadu_ps(packed.scales.as_ptr().add(group * ROWS));
            let offset = if Q::OFFSET {
                _mm256_loadu_ps(packed.offsets.as_ptr().add(group * ROWS))
            } else {
                _mm256_setzero_ps()
            };
            for batch in 0..BATCH {
                let scale = scales[batch * scale_count + group * Q::GROUP / activations::GROUP];
                let sums = &sums[batch * sum_count..(batch + 1) * sum_count];
                let sum = group_sum::<Q, P>(sums, group);
                let weights = (weight_scale, offset);
                totals[batch] =
                    add_group::<Q, P>(totals[batch], products[batch], weights, scale, sum);
            }
        }
        let mut out = [[0.0; ROWS]; BATCH];
        for (out, total) in out.iter_mut().zip(totals) {
            _mm256_storeu_ps(out.as_mut_ptr(), total);
        }
        out
    }
}

/// Adds a group's products to the rows' sums, with the roundings that every path
/// has: `weights` are the rows' scales and offsets, `scale` and `sum` those of
/// the activations.
///
/// # Safety
/// The processor has AVX2 and FMA.
#[inline(always)]
pub(super) unsafe fn add_group<Q: Quantized, P: Products>(
    total: __m256,
    products: __m256i,
    weights: (__m256, __m256),
    scale: f32,
    sum: i32,
) -> __m256 {
    // SAFETY: passed on from the caller.
    unsafe {
        let offset = times(_mm256_set1_epi32(sum), P::zero_point::<Q>());
        let product = _mm256_cvtepi32_ps(_mm256_sub_epi32(products, offset));
        let factor = _mm256_mul_ps(weights.0, _mm256_set1_ps(scale));
        let total = _mm256_fmadd_ps(factor, product, total);
        if !Q::OFFSET {
            return total;
        }
        _mm256_fmadd_ps(weights.1, _mm256_set1_ps(scale * sum as f32), total)
    }
}

/// Multiplies by what is known when this is compiled, mostly 0 or a power of two.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn times(sums: __m256i, factor: i32) -> __m256i {
    // SAFETY: passed on from the caller.
    unsafe {
        match factor.count_ones() {
            0 => _mm256_setzero_si256(),
            1 => _mm256_sll_epi32(sums, _mm_cvtsi32_si128(factor.trailing_zeros() as i32)),
            _ => _mm256_mullo_epi32(sums, _mm256_set1_epi32(factor)),
        }
    }
}

#[inline(always)]
pub(super) fn group_sum<Q: Quantized, P: Products>(sums: &[i32], group: usize) -> i32 {
    if P::zero_point::<Q>() == 0 && !Q::OFFSET {
        0
    } else if Q::GROUP == SUM_GROUP {
        sums[group]
    } else {
        sums[2 * group] + sums[2 * group + 1]
    }
}

/// Broadcasts four activations.
///
/// # Safety
/// The processor has AVX2, and `quants` points to four bytes.
#[inline(always)]
pub(super) unsafe fn four(quants: *const i8) -> __m256i {
    // SAFETY: passed on from the caller.
    unsafe { _mm256_set1_epi32(quants.cast::<i32>().read_unaligned()) }
}

/// AVX2: pairs of products, chained in 16 bits.
pub(super) struct Pairs;

impl Products for Pairs {
    #[inline(always)]
    fn zero_point<Q: Quantized>() -> i32 {
        Q::ZERO_POINT
    }

    #[inline(always)]
    unsafe fn group<Q: Quantized, const BATCH: usize>(
        weights: *const u8,
        quants: *const i8,
        stride: usize,
    ) -> [__m256i; BATCH] {
        // SAFETY: `step < Q::GROUP / 4`, inside the caller's bytes.
        unsafe {
            let ones = _mm256_set1_epi16(1);
            let mut products = [_mm256_setzero_si256(); BATCH];
            for chain in (0..Q::GROUP / STEP).step_by(Q::CHAIN) {
                let mut pairs = [_mm256_setzero_si256(); BATCH];
                for step in chain..chain + Q::CHAIN {
                    let weight = _mm256_loadu_si256(weights.add(step * STEP * ROWS).cast());
                    for (batch, pairs) in pairs.iter_mut().enumerate() {
                        let four = four(quants.add(batch * stride + step * STEP));
                        let product = if Q::SIGNED {
                            let signed = _mm256_sign_epi8(four, weight);
                            _mm256_maddubs_epi16(_mm256_abs_epi8(weight), signed)
                        } else {
                            _mm256_maddubs_epi16(weight, four)
                        };
                        *pairs = _mm256_add_epi16(*pairs, product);
                    }
                }
                for (product, pairs) in products.iter_mut().zip(pairs) {
                    *product = _mm256_add_epi32(*product, _mm256_madd_epi16(pairs, ones));
                }
            }
            products
        }
    }
}

/// AVX-VNNI: four products at once. The weights must be unsigned, so 8-bit ones
/// are moved up by 128, which `zero_point` takes back.
struct Fours;

impl Products for Fours {
    #[inline(always)]
    fn zero_point<Q: Quantized>() -> i32 {
        if Q::SIGNED { 128 } else { Q::ZERO_POINT }
    }

    #[inline(always)]
    unsafe fn group<Q: Quantized, const BATCH: usize>(
        weights: *const u8,
        quants: *const i8,
        stride: usize,
    ) -> [__m256i; BATCH] {
        // SAFETY: `step < Q::GROUP / 4`, inside the caller's bytes.
        unsafe {
            let mut products = [_mm256_setzero_si256(); BATCH];
            for step in 0..Q::GROUP / STEP {
                let mut weight = _mm256_loadu_si256(weights.add(step * STEP * ROWS).cast());
                if Q::SIGNED {
                    weight = _mm256_xor_si256(weight, _mm256_set1_epi8(i8::MIN));
                }
                for (batch, product) in products.iter_mut().enumerate() {
                    let four = four(quants.add(batch * stride + step * STEP));
                    *product = _mm256_dpbusd_avx_epi32(*product, weight, four);
                }
            }
            products
        }
    }
}
