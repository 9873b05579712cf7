//! Positions in segments: each is folded as if nothing came before, and what the
//! segments give is joined in their order. They end at absolute positions, so that a
//! query's result does not depend on who computes them, or when.

use std::ops::Range;

use super::BLOCK;
use super::flash::State;
use crate::simd::dispatch;
use crate::vector::exp;

/// Blocks of a segment: few, so that one head of a long text gives all threads work.
const BLOCKS: usize = 8;

/// Returns the segments that hold the positions from `first` to `last`, as ranges of
/// blocks.
pub(super) fn segments(first: usize, last: usize) -> impl Iterator<Item = Range<usize>> {
    let (from, to) = (first / BLOCK, last / BLOCK + 1);
    let segments = from / BLOCKS..to.div_ceil(BLOCKS);
    segments.map(move |segment| {
        let (start, end) = (segment * BLOCKS, (segment + 1) * BLOCKS);
        start.max(from)..end.min(to)
    })
}

/// What a query has seen so far, and where its result is to stand.
pub(super) struct Running<'a> {
    pub(super) state: State,
    /// The sum of the values, (`value_dim`).
    pub(super) out: &'a mut [f32],
}

dispatch! {
    /// Adds what one segment gave to what came before: a state and a row of sums for
    /// each query.
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
    /// Turns the sums into averages. `sinks` are scores that belong to no position,
    /// one a query; minus infinity where there is none.
    pub(super) fn finish(running: &mut [Running<'_>], sinks: &[f32]) = finish_body
}

#[inline(always)]
fn finish_body(running: &mut [Running<'_>], sinks: &[f32]) {
    for (running, &sink) in running.iter_mut().zip(sinks) {
        let inverse = share(running.state, sink);
        for x in running.out.iter_mut() {
            *x *= inverse;
        }
    }
}

/// Returns what a weighted sum is multiplied by to be an average: one over the
/// sum of the weights, the sink's among them.
#[inline(always)]
fn share(state: State, sink: f32) -> f32 {
    if sink == f32::NEG_INFINITY {
        return 1.0 / state.total;
    }
    let largest = state.largest.max(sink);
    let seen = exp(state.largest - largest);
    seen / state.total.mul_add(seen, exp(sink - largest))
}
