//! Positions in KV splits: each is attended to as if nothing came before, and their
//! results are joined in order. They end at absolute positions, so that a
//! query's result does not depend on who computes them, or when.

use std::ops::Range;

use super::BLOCK;
use super::group::State;
use crate::simd::dispatch;
use crate::vector::exp;

/// Blocks of a split: few, so that one head of a long text gives all threads work.
const BLOCKS: usize = 8;

/// Returns the splits that hold the positions from `first` to `last`, as ranges of
/// blocks.
pub(super) fn kv_splits(first: usize, last: usize) -> impl Iterator<Item = Range<usize>> {
    let (from, to) = (first / BLOCK, last / BLOCK + 1);
    let splits = from / BLOCKS..to.div_ceil(BLOCKS);
    splits.map(move |split| {
        let (start, end) = (split * BLOCKS, (split + 1) * BLOCKS);
        start.max(from)..end.min(to)
    })
}

/// A query's running softmax, and its output row.
pub(super) struct Running<'a> {
    pub(super) state: State,
    /// The sum of the values, (`value_dim`).
    pub(super) out: &'a mut [f32],
}

dispatch! {
    /// Merges the results of one split, a state and a row of sums for each query, into
    /// those of the splits before.
    pub(super) fn join(running: &mut [Running<'_>], states: &[State], sums: &[f32]) = join_body
}

#[inline(always)]
fn join_body(running: &mut [Running<'_>], states: &[State], sums: &[f32]) {
    let width = sums.len() / states.len().max(1);
    let parts = states.iter().zip(sums.chunks_exact(width));
    for (running, (&new, sums)) in running.iter_mut().zip(parts) {
        if new.total == 0.0 {
            continue;
        }
        if running.state.total == 0.0 {
            running.state = new;
            running.out.copy_from_slice(sums);
            continue;
        }
        let before = running.state;
        let largest = before.largest.max(new.largest);
        let old = exp(before.largest - largest);
        let factor = exp(new.largest - largest);
        running.state = State {
            largest,
            total: before.total.mul_add(old, new.total * factor),
        };
        for (out, sum) in running.out.iter_mut().zip(sums) {
            *out = out.mul_add(old, sum * factor);
        }
    }
}

dispatch! {
    /// Divides the sums by the sums of the weights. `sinks` are scores that belong to no position,
    /// one a query; minus infinity where there is none.
    pub(super) fn normalize(running: &mut [Running<'_>], sinks: &[f32]) = normalize_body
}

#[inline(always)]
fn normalize_body(running: &mut [Running<'_>], sinks: &[f32]) {
    for (running, &sink) in running.iter_mut().zip(sinks) {
        let inverse = softmax_scale(running.state, sink);
        for x in running.out.iter_mut() {
            *x *= inverse;
        }
    }
}

/// Returns the factor of a weighted sum: one over the sum of the weights, the sink's
/// included.
#[inline(always)]
fn softmax_scale(state: State, sink: f32) -> f32 {
    if sink == f32::NEG_INFINITY {
        return 1.0 / state.total;
    }
    let largest = state.largest.max(sink);
    let seen = exp(state.largest - largest);
    seen / state.total.mul_add(seen, exp(sink - largest))
}
