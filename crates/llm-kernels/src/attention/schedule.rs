//! Attention over the threads of a pool: whole heads where they give every thread as
//! much to do, else single segments of them.

use std::ops::Range;

use super::flash::{Group, Lane, State, attend};
use super::kv_split::{Running, finish, join, segments};
use super::{Attention, Element, SHARED, Span};
use crate::pool::{DisjointRows, Pool};
use crate::simd::Level;

/// Floats that the results of parts that are computed at once take at the most, 4 MiB.
const MOST_RESULTS: usize = 1 << 20;

/// One key-value head's queries in one span.
#[derive(Clone, Copy)]
struct Share {
    span: Span,
    kv_head: usize,
}

/// A segment of up to [`SHARED`] lanes of a share.
struct Part {
    share: usize,
    lanes: Range<usize>,
    blocks: Range<usize>,
}

impl<T: Element> Attention<'_, T> {
    /// Computes attention for all spans; `queries` is (rows, heads * `head_dim`),
    /// `out` is (rows, heads * `value_dim`).
    ///
    /// # Panics
    /// If the shape has no elements or its heads cannot be shared, if a span has rows
    /// that the one before it has, or that `queries` or `out` lack, if a sequence lacks
    /// blocks, or if there are fewer sinks than heads.
    pub fn run(&self, level: Level, pool: &Pool, queries: &[f32], out: &mut [f32]) {
        self.shape.check();
        let mut free = 0;
        for span in self.spans {
            assert!(span.row >= free, "spans share no row and are in order");
            free = span.row.saturating_add(span.count);
        }
        assert!(
            free <= out.len() / (self.shape.heads * self.shape.value_dim),
            "rows of the spans and of the output"
        );
        let kv_heads = self.shape.kv_heads;
        let shares = self.spans.iter().flat_map(|&span| {
            let share = move |kv_head| Share { span, kv_head };
            (0..kv_heads).map(share)
        });
        let shares: Vec<Share> = shares.collect();
        let rows = DisjointRows::new(out, self.shape.heads * self.shape.value_dim);
        // Whole shares would leave threads waiting for more than an eighth of the work.
        let taken = shares.len().next_multiple_of(pool.threads());
        if 8 * (taken - shares.len()) > shares.len() {
            return self.in_parts(level, pool, &shares, queries, &rows);
        }
        pool.for_each(shares.len(), |at| {
            let lanes = self.lanes(shares[at], queries);
            // SAFETY: shares are handed out once.
            let mut running = unsafe { self.running(shares[at], &rows) };
            let mut sums = vec![0.0; SHARED * self.shape.value_dim];
            let mut states = [State::EMPTY; SHARED];
            let chunks = lanes.chunks(SHARED).zip(running.chunks_mut(SHARED));
            for (lanes, running) in chunks {
                let states = &mut states[..lanes.len()];
                let sums = &mut sums[..lanes.len() * self.shape.value_dim];
                for blocks in segments(first(lanes), last(lanes)) {
                    self.fold(level, shares[at], lanes, blocks, states, sums);
                    join(level, running, states, sums);
                }
            }
            finish(level, &mut running, &self.sinks_of(shares[at]));
        });
    }

    /// Does the same segment by segment, those of all shares side by side.
    fn in_parts(
        &self,
        level: Level,
        pool: &Pool,
        shares: &[Share],
        queries: &[f32],
        rows: &DisjointRows<f32>,
    ) {
        let lanes = shares.iter().map(|&share| self.lanes(share, queries));
        let lanes: Vec<_> = lanes.collect();
        // SAFETY: once for each share.
        let running = shares
            .iter()
            .map(|&share| unsafe { self.running(share, rows) });
        let mut running: Vec<_> = running.collect();
        // A part's sums, (SHARED, value_dim), and then its states.
        let width = self.shape.value_dim;
        let size = SHARED * (width + 2);
        let mut results = Vec::new();
        for parts in parts(&lanes).chunks((MOST_RESULTS / size).max(1)) {
            results.resize(parts.len() * size, 0.0);
            pool.for_each_row(&mut results, size, |at, result| {
                let part = &parts[at];
                let lanes = &lanes[part.share][part.lanes.clone()];
                let (sums, kept) = result.split_at_mut(SHARED * width);
                let sums = &mut sums[..lanes.len() * width];
                let mut states = [State::EMPTY; SHARED];
                let states = &mut states[..lanes.len()];
                let blocks = part.blocks.clone();
                self.fold(level, shares[part.share], lanes, blocks, states, sums);
                for (kept, state) in kept.chunks_exact_mut(2).zip(states) {
                    kept.copy_from_slice(&[state.largest, state.total]);
                }
            });
            for (part, result) in parts.iter().zip(results.chunks_exact(size)) {
                let (sums, kept) = result.split_at(SHARED * width);
                let mut states = [State::EMPTY; SHARED];
                for (state, kept) in states.iter_mut().zip(kept.chunks_exact(2)) {
                    (state.largest, state.total) = (kept[0], kept[1]);
                }
                let running = &mut running[part.share][part.lanes.clone()];
                let count = running.len();
                join(level, running, &states[..count], &sums[..count * width]);
            }
        }
        for (&share, mut running) in shares.iter().zip(running) {
            finish(level, &mut running, &self.sinks_of(share));
        }
    }

    /// Returns the queries of a share: of each row those of its heads.
    fn lanes<'a>(&self, share: Share, queries: &'a [f32]) -> Vec<Lane<'a>> {
        let (span, dim) = (share.span, self.shape.head_dim);
        let rows = 0..span.count;
        let lanes = rows.flat_map(|offset| {
            let (first, last) = self.seen(span, span.position + offset);
            self.heads(share).map(move |head| {
                let at = (span.row + offset) * self.shape.heads * dim + head * dim;
                Lane {
                    first,
                    last,
                    query: &queries[at..at + dim],
                }
            })
        });
        lanes.collect()
    }

    /// Returns where the results of a share are to stand, in the order of
    /// [`Self::lanes`].
    ///
    /// # Safety
    /// No two of what is returned for one share may be in use at a time.
    unsafe fn running<'a>(&self, share: Share, rows: &'a DisjointRows<f32>) -> Vec<Running<'a>> {
        let width = self.shape.value_dim;
        let places = (0..share.span.count)
            .flat_map(|offset| self.heads(share).map(move |head| (offset, head)));
        let running = places.map(|(offset, head)| {
            // SAFETY: each row and head belongs to one share, since no two spans share
            // a row, and is met once.
            let out = unsafe { rows.part(share.span.row + offset, head * width, width) };
            out.fill(0.0);
            let state = State::EMPTY;
            Running { state, out }
        });
        running.collect()
    }

    /// Returns the first and the last position that a query sees.
    fn seen(&self, span: Span, position: usize) -> (usize, usize) {
        let end = span.position + span.count - 1;
        let last = match (self.sees_ahead, self.window) {
            (true, None) => end,
            (true, Some(window)) => end.min(position.saturating_add(window.saturating_sub(1))),
            (false, _) => position,
        };
        let first = self
            .window
            .map_or(0, |window| (position + 1).saturating_sub(window));
        (first, last)
    }

    /// Returns the query heads of a share.
    fn heads(&self, share: Share) -> Range<usize> {
        let count = self.shape.heads / self.shape.kv_heads;
        share.kv_head * count..(share.kv_head + 1) * count
    }

    /// Returns a sink for each lane of a share.
    fn sinks_of(&self, share: Share) -> Vec<f32> {
        let rows = 0..share.span.count;
        let sink = |head| self.sinks.map_or(f32::NEG_INFINITY, |sinks| sinks[head]);
        rows.flat_map(|_| self.heads(share).map(sink)).collect()
    }

    fn fold(
        &self,
        level: Level,
        share: Share,
        lanes: &[Lane<'_>],
        range: Range<usize>,
        states: &mut [State],
        sums: &mut [f32],
    ) {
        let mut group = Group {
            shape: self.shape,
            kv_head: share.kv_head,
            blocks: &self.blocks[share.span.sequence],
            lanes,
            range,
            states,
            sums,
        };
        attend(level, &mut group);
    }
}

/// Cuts the lanes of all shares into parts, in their order.
fn parts(shares: &[Vec<Lane<'_>>]) -> Vec<Part> {
    let chunks = shares.iter().enumerate().flat_map(|(share, lanes)| {
        let starts = (0..lanes.len()).step_by(SHARED);
        starts.map(move |start| (share, start..lanes.len().min(start + SHARED)))
    });
    let parts = chunks.flat_map(|(share, range)| {
        let lanes = &shares[share][range.clone()];
        segments(first(lanes), last(lanes)).map(move |blocks| Part {
            share,
            lanes: range.clone(),
            blocks,
        })
    });
    parts.collect()
}

/// Returns the first position that any of the lanes sees.
fn first(lanes: &[Lane<'_>]) -> usize {
    lanes.iter().map(|lane| lane.first).min().unwrap_or(0)
}

/// Returns the last position that any of the lanes sees.
fn last(lanes: &[Lane<'_>]) -> usize {
    lanes.iter().map(|lane| lane.last).max().unwrap_or(0)
}
