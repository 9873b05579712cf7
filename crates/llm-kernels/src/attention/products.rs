//! The two products of flash attention, queries with keys and weights with values:
//! what a level has to compute, and plain Rust that computes it around a level's
//! operations.

use super::group::Group;
use super::{BLOCK, Element, LANES};
use crate::arch::primitives::Primitives;

/// The two products of a block, as a level computes them.
pub(crate) trait Products {
    /// Returns the scores of a block's positions for each query; those from
    /// `used` on have no meaning. `next` is prefetched.
    fn scores<T: Element, const N: usize>(
        group: &Group<'_, T>,
        keys: &[T],
        used: usize,
        next: *const T,
    ) -> [[f32; BLOCK]; N];

    /// Adds a block's weighted values to the sums: sum = sum * factor + weights *
    /// values. `next` is prefetched.
    fn add_values<T: Element, const N: usize>(
        group: &mut Group<'_, T>,
        values: &[T],
        next: *const T,
        weights: &[[f32; BLOCK]; N],
        factors: [f32; N],
    );
}

/// Plain Rust around a level's operations.
pub(super) struct Plain<O>(O);

impl<O: Primitives> Products for Plain<O> {
    #[inline(always)]
    fn scores<T: Element, const N: usize>(
        group: &Group<'_, T>,
        keys: &[T],
        used: usize,
        _next: *const T,
    ) -> [[f32; BLOCK]; N] {
        scores::<T, O, N>(group, keys, used)
    }

    #[inline(always)]
    fn add_values<T: Element, const N: usize>(
        group: &mut Group<'_, T>,
        values: &[T],
        _next: *const T,
        weights: &[[f32; BLOCK]; N],
        factors: [f32; N],
    ) {
        add_values::<T, O, N>(group, values, weights, factors);
    }
}

/// Widens the `LANES` values from `start` on.
#[inline(always)]
fn widen_at<T: Element, O: Primitives>(values: &[T], start: usize) -> [f32; LANES] {
    let mut part = [T::default(); LANES];
    part.copy_from_slice(&values[start..start + LANES]);
    T::widen_all(&part, O::widen_all)
}

/// Multiplies queries and keys: one chain over the elements for each position.
#[inline(always)]
fn scores<T: Element, O: Primitives, const N: usize>(
    group: &Group<'_, T>,
    keys: &[T],
    used: usize,
) -> [[f32; BLOCK]; N] {
    let mut scores = [[0.0_f32; BLOCK]; N];
    for part in (0..used).step_by(LANES) {
        let mut sums = [[0.0_f32; LANES]; N];
        for (element, column) in keys.chunks_exact(BLOCK).enumerate() {
            let wide = widen_at::<T, O>(column, part);
            for (sums, lane) in sums.iter_mut().zip(group.lanes.iter()) {
                let q = lane.query[element];
                for (sum, key) in sums.iter_mut().zip(&wide) {
                    *sum = q.mul_add(*key, *sum);
                }
            }
        }
        for (scores, sums) in scores.iter_mut().zip(sums) {
            scores[part..part + LANES].copy_from_slice(&sums);
        }
    }
    scores
}

/// Adds a block's weighted values to the sums.
#[inline(always)]
fn add_values<T: Element, O: Primitives, const N: usize>(
    group: &mut Group<'_, T>,
    values: &[T],
    weights: &[[f32; BLOCK]; N],
    factors: [f32; N],
) {
    let value_dim = group.shape.value_dim;
    let whole = value_dim / LANES * LANES;
    for part in (0..whole).step_by(LANES) {
        let mut sums = [[0.0_f32; LANES]; N];
        for lane in 0..N {
            let before = &group.sums[lane * value_dim + part..][..LANES];
            for (sum, before) in sums[lane].iter_mut().zip(before) {
                *sum = before * factors[lane];
            }
        }
        for (slot, row) in values.chunks_exact(value_dim).enumerate() {
            let wide = widen_at::<T, O>(row, part);
            for (sums, weights) in sums.iter_mut().zip(weights) {
                let weight = weights[slot];
                for (sum, value) in sums.iter_mut().zip(&wide) {
                    *sum = weight.mul_add(*value, *sum);
                }
            }
        }
        for (after, sums) in group.sums.chunks_exact_mut(value_dim).zip(&sums) {
            after[part..part + LANES].copy_from_slice(sums);
        }
    }
    add_rest(group, values, weights, factors, whole);
}

/// [`add_values`] for the elements from `first` on, one by one.
#[inline(always)]
pub(crate) fn add_rest<T: Element, const N: usize>(
    group: &mut Group<'_, T>,
    values: &[T],
    weights: &[[f32; BLOCK]; N],
    factors: [f32; N],
    first: usize,
) {
    let value_dim = group.shape.value_dim;
    for element in first..value_dim {
        for lane in 0..N {
            let at = lane * value_dim + element;
            let mut sum = group.sums[at] * factors[lane];
            for (slot, row) in values.chunks_exact(value_dim).enumerate() {
                sum = weights[lane][slot].mul_add(row[element].widen(), sum);
            }
            group.sums[at] = sum;
        }
    }
}
