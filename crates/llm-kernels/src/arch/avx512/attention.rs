//! The products of flash attention with 512-bit registers: of 32 registers up to 24 hold
//! sums, 64 positions or elements of six queries, so that a key or value is
//! widened once for six multiply-adds and a query or weight broadcast once for
//! four. The chains of roundings are those of the plain version.

use std::arch::x86_64::{
    _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mul_ps, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_storeu_ps,
};

use crate::attention::group::Group;
use crate::attention::products::{Products, add_rest};
use crate::attention::{BLOCK, Element};
use crate::prefetch::{LINE, prefetch_near};

/// Lanes of a register.
const LANES: usize = 16;
/// Registers that one query's sums take.
const PARTS: usize = BLOCK / LANES;

/// The 512-bit products. Only named by functions that are compiled for AVX-512.
pub(crate) struct Avx512;

impl Products for Avx512 {
    #[inline(always)]
    fn scores<T: Element, const N: usize>(
        group: &Group<'_, T>,
        keys: &[T],
        used: usize,
        next: *const T,
    ) -> [[f32; BLOCK]; N] {
        // SAFETY: see the type's comment.
        unsafe {
            if used > BLOCK / 2 {
                scores::<T, N, PARTS>(group, keys, next)
            } else {
                scores::<T, N, { PARTS / 2 }>(group, keys, next)
            }
        }
    }

    #[inline(always)]
    fn add_values<T: Element, const N: usize>(
        group: &mut Group<'_, T>,
        values: &[T],
        next: *const T,
        weights: &[[f32; BLOCK]; N],
        factors: [f32; N],
    ) {
        let value_dim = group.shape.value_dim;
        let mut first = 0;
        while value_dim - first >= PARTS * LANES {
            // SAFETY: see the type's comment.
            unsafe { add_values::<T, N, PARTS>(group, values, next, weights, factors, first) };
            first += PARTS * LANES;
        }
        while value_dim - first >= LANES {
            // SAFETY: see the type's comment.
            unsafe { add_values::<T, N, 1>(group, values, next, weights, factors, first) };
            first += LANES;
        }
        add_rest(group, values, weights, factors, first);
    }
}

/// Prefetches `P * 16` values: those of the next block may lie elsewhere, and the
/// hardware's own prefetcher stops at the end of a page.
#[inline(always)]
fn prefetch_values<T, const P: usize>(values: *const T) {
    for line in (0..P * LANES * size_of::<T>()).step_by(LINE) {
        prefetch_near(values.cast::<u8>().wrapping_add(line));
    }
}

/// Multiplies `N` queries with the first `P * 16` positions of `keys`,
/// (`head_dim`, 64).
///
/// # Safety
/// The processor has AVX-512 F.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
unsafe fn scores<T: Element, const N: usize, const P: usize>(
    group: &Group<'_, T>,
    keys: &[T],
    next: *const T,
) -> [[f32; BLOCK]; N] {
    let head_dim = group.shape.head_dim;
    assert!(group.lanes.len() >= N && P <= PARTS && keys.len() >= head_dim * BLOCK);
    let mut queries = [std::ptr::null(); N];
    for (query, lane) in queries.iter_mut().zip(group.lanes.iter()) {
        assert!(lane.query.len() >= head_dim);
        *query = lane.query.as_ptr();
    }
    let mut sums = [[_mm512_setzero_ps(); P]; N];
    let mut out = [[0.0; BLOCK]; N];
    // SAFETY: an element is below `head_dim`, and keys and queries have been
    // checked to hold so many.
    unsafe {
        for element in 0..head_dim {
            let column = keys.as_ptr().add(element * BLOCK);
            prefetch_values::<T, P>(next.wrapping_add(element * BLOCK));
            let mut wide = [_mm512_setzero_ps(); P];
            for (part, wide) in wide.iter_mut().enumerate() {
                *wide = T::load_sixteen(column.add(part * LANES));
            }
            for (sums, query) in sums.iter_mut().zip(queries) {
                let x: f32 = *query.add(element);
                let x = _mm512_set1_ps(x);
                for (sum, key) in sums.iter_mut().zip(wide) {
                    *sum = _mm512_fmadd_ps(x, key, *sum);
                }
            }
        }
        for (out, sums) in out.iter_mut().zip(sums) {
            for (part, sum) in sums.into_iter().enumerate() {
                _mm512_storeu_ps(out.as_mut_ptr().add(part * LANES), sum);
            }
        }
    }
    out
}

/// Adds `P * 16` elements from `first` on of `values`, (slots, `value_dim`), weighted,
/// to the sums of `N` queries.
///
/// # Safety
/// The processor has AVX-512 F.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
unsafe fn add_values<T: Element, const N: usize, const P: usize>(
    group: &mut Group<'_, T>,
    values: &[T],
    next: *const T,
    weights: &[[f32; BLOCK]; N],
    factors: [f32; N],
    first: usize,
) {
    let value_dim = group.shape.value_dim;
    let slots = values.len() / value_dim;
    assert!(group.sums.len() >= N * value_dim);
    assert!(slots <= BLOCK && first + P * LANES <= value_dim);
    let mut outs = [std::ptr::null_mut::<f32>(); N];
    for (out, sums) in outs.iter_mut().zip(group.sums.chunks_exact_mut(value_dim)) {
        *out = sums[first..].as_mut_ptr();
    }
    let mut sums = [[_mm512_setzero_ps(); P]; N];
    // SAFETY: `P * 16` elements from `first` on lie inside each of the values'
    // rows and the sums', as has been checked; a slot is below 64.
    unsafe {
        for ((sums, out), factor) in sums.iter_mut().zip(outs).zip(factors) {
            let factor = _mm512_set1_ps(factor);
            for (part, sum) in sums.iter_mut().enumerate() {
                *sum = _mm512_mul_ps(_mm512_loadu_ps(out.add(part * LANES)), factor);
            }
        }
        for slot in 0..slots {
            let row = values.as_ptr().add(slot * value_dim + first);
            prefetch_values::<T, P>(next.wrapping_add(slot * value_dim + first));
            let mut wide = [_mm512_setzero_ps(); P];
            for (part, wide) in wide.iter_mut().enumerate() {
                *wide = T::load_sixteen(row.add(part * LANES));
            }
            for (sums, weights) in sums.iter_mut().zip(weights) {
                let weight = _mm512_set1_ps(*weights.get_unchecked(slot));
                for (sum, value) in sums.iter_mut().zip(wide) {
                    *sum = _mm512_fmadd_ps(weight, value, *sum);
                }
            }
        }
        for (out, sums) in outs.into_iter().zip(sums) {
            for (part, sum) in sums.into_iter().enumerate() {
                _mm512_storeu_ps(out.add(part * LANES), sum);
            }
        }
    }
}
