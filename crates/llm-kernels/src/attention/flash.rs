//! Flash attention: a few queries of one key-value head over some of its blocks.

use half::f16;

use super::group::{Attend, Group, State};
use super::products::{Plain, Products};
use super::{BLOCK, Element, LANES, SHARED, Shape};
#[cfg(target_arch = "x86_64")]
use crate::arch::avx2::primitives::Avx2;
#[cfg(target_arch = "x86_64")]
use crate::arch::avx512::attention::Avx512;
#[cfg(target_arch = "aarch64")]
use crate::arch::neon::primitives::Neon;
use crate::arch::scalar::primitives::Scalar;
use crate::simd::Level;
use crate::vector::exp;

impl Attend for f32 {
    fn attend(level: Level, group: &mut Group<'_, Self>) {
        attend(level, group);
    }
}

impl Attend for f16 {
    fn attend(level: Level, group: &mut Group<'_, Self>) {
        attend(level, group);
    }
}

fn attend<T: Element>(level: Level, group: &mut Group<'_, T>) {
    #[cfg(target_arch = "x86_64")]
    if level >= Level::AVX512_VNNI {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
        fn widest<T: Element>(group: &mut Group<'_, T>) {
            attend_with::<T, Avx512>(group);
        }
        // SAFETY: a level above scalar exists only where its features do.
        return unsafe { widest(group) };
    }
    #[cfg(target_arch = "x86_64")]
    if level >= Level::AVX2 {
        #[target_feature(enable = "avx2,fma,f16c")]
        fn wide<T: Element>(group: &mut Group<'_, T>) {
            attend_with::<T, Plain<Avx2>>(group);
        }
        // SAFETY: a level above scalar exists only where its features do.
        return unsafe { wide(group) };
    }
    #[cfg(target_arch = "aarch64")]
    if level >= Level::NEON {
        return attend_with::<T, Plain<Neon>>(group);
    }
    let _ = level;
    attend_with::<T, Plain<Scalar>>(group);
}

#[inline(always)]
fn attend_with<T: Element, P: Products>(group: &mut Group<'_, T>) {
    match group.lanes.len() {
        1 => flash_attend::<T, P, 1>(group),
        2 => flash_attend::<T, P, 2>(group),
        3 => flash_attend::<T, P, 3>(group),
        4 => flash_attend::<T, P, 4>(group),
        5 => flash_attend::<T, P, 5>(group),
        _ => flash_attend::<T, P, SHARED>(group),
    }
}

#[inline(always)]
fn flash_attend<T: Element, P: Products, const N: usize>(group: &mut Group<'_, T>) {
    let mut states = [State::EMPTY; N];
    let last = group.lanes.iter().map(|lane| lane.last).max().unwrap_or(0);
    group.sums.fill(0.0);
    for block in group.range.clone() {
        let (keys, values) = group.shape.head(group.blocks[block], group.kv_head);
        let used = (last + 1 - block * BLOCK).min(BLOCK);
        let mut weights = P::scores::<T, N>(group, keys, used, values.as_ptr());
        finish_scores(&group.shape, &mut weights);
        let mut seen = [(0, 0); N];
        for (seen, query) in seen.iter_mut().zip(group.lanes.iter()) {
            let start = query.first.saturating_sub(block * BLOCK).min(BLOCK);
            let end = (query.last + 1).saturating_sub(block * BLOCK).min(BLOCK);
            *seen = (start, end.max(start));
        }
        let factors = weigh(&mut weights, seen, &mut states);
        let values = &values[..used * group.shape.value_dim];
        let next = group.blocks[(block + 1).min(last / BLOCK)];
        let next = group.shape.head(next, group.kv_head).0.as_ptr();
        P::add_values::<T, N>(group, values, next, &weights, factors);
    }
    group.states.copy_from_slice(&states);
}

/// Scales the products of queries and keys, and caps them.
#[inline(always)]
fn finish_scores<const N: usize>(shape: &Shape, scores: &mut [[f32; BLOCK]; N]) {
    // Row by row: through `flatten` the compiler sees no vector.
    for scores in scores.iter_mut() {
        for score in scores.iter_mut() {
            *score *= shape.scale;
        }
        if let Some(cap) = shape.soft_cap {
            for score in scores.iter_mut() {
                *score = cap * (*score / cap).tanh();
            }
        }
    }
}

/// Turns each query's scores of the positions `seen`, a start and an end, into weights
/// relative to its new largest score and all others into 0, and returns the factors
/// that rescale the sums so far.
#[inline(always)]
fn weigh<const N: usize>(
    scores: &mut [[f32; BLOCK]; N],
    seen: [(usize, usize); N],
    states: &mut [State; N],
) -> [f32; N] {
    // All that needs no sum comes first: six chains side by side, not one by one.
    let mut largest = [f32::NEG_INFINITY; N];
    for ((scores, (start, end)), (largest, state)) in scores
        .iter_mut()
        .zip(seen)
        .zip(largest.iter_mut().zip(states.iter()))
    {
        scores[..start].fill(f32::NEG_INFINITY);
        scores[end..].fill(f32::NEG_INFINITY);
        *largest = largest_of(scores, state.largest);
    }
    let mut factors = [1.0; N];
    for ((factor, largest), state) in factors.iter_mut().zip(largest).zip(states.iter()) {
        *factor = exp(state.largest - largest);
    }
    for (lane, (start, end)) in seen.into_iter().enumerate() {
        if start == end {
            // Nothing seen, and perhaps never yet: there is no largest score.
            scores[lane].fill(0.0);
            factors[lane] = 1.0;
            continue;
        }
        let mut sums = [0.0_f32; LANES];
        for part in scores[lane].chunks_exact_mut(LANES) {
            for (sum, score) in sums.iter_mut().zip(part) {
                *score = exp(*score - largest[lane]);
                *sum += *score;
            }
        }
        let sum: f32 = sums.iter().sum();
        let state = &mut states[lane];
        state.total = state.total.mul_add(factors[lane], sum);
        state.largest = largest[lane];
    }
    factors
}

/// Returns the largest of the scores and `least`; NaN is ignored.
#[inline(always)]
fn largest_of(scores: &[f32; BLOCK], least: f32) -> f32 {
    let mut lanes = [least; 2 * LANES];
    for part in scores.chunks_exact(2 * LANES) {
        for (lane, &score) in lanes.iter_mut().zip(part) {
            *lane = if score > *lane { score } else { *lane };
        }
    }
    // Halved again and again: one chain over all lanes would take longer than
    // the sums above.
    let mut width = LANES;
    while width > 0 {
        for at in 0..width {
            let other = lanes[at + width];
            lanes[at] = if other > lanes[at] { other } else { lanes[at] };
        }
        width /= 2;
    }
    lanes[0]
}
