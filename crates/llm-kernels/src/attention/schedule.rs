//! Attention over the threads of a pool: whole heads where these keep all threads busy
//! evenly, else single KV splits of them.

use std::ops::Range;

use super::group::{Group, Lane, State};
use super::kv_split::{Running, join, kv_splits, normalize};
use super::{Attention, Element, SHARED, Span};
use crate::pool::{DisjointRows, Pool};
use crate::simd::Level;

/// The most floats that the results of splits take at a time: 4 MiB.
const MOST_RESULTS: usize = 1 << 20;

/// One key-value head's queries in one span.
#[derive(Clone, Copy)]
struct HeadTask {
    span: Span,
    kv_head: usize,
}

/// A split of up to [`SHARED`] lanes of a task.
struct SplitTask {
    task: usize,
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
        let tasks: Vec<HeadTask> = self
            .spans
            .iter()
            .flat_map(|&span| (0..kv_heads).map(move |kv_head| HeadTask { span, kv_head }))
            .collect();
        let rows = DisjointRows::new(out, self.shape.heads * self.shape.value_dim);
        // Whole tasks would leave threads waiting for more than an eighth of the work.
        let taken = tasks.len().next_multiple_of(pool.threads());
        if 8 * (taken - tasks.len()) > tasks.len() {
            return self.run_splits(level, pool, &tasks, queries, &rows);
        }
        pool.for_each(tasks.len(), |index| {
            let task = tasks[index];
            let lanes = self.lanes(task, queries);
            // SAFETY: tasks are handed out once.
            let mut running = unsafe { self.running(task, &rows) };
            let mut sums = vec![0.0; SHARED * self.shape.value_dim];
            let mut states = [State::EMPTY; SHARED];
            let chunks = lanes.chunks(SHARED).zip(running.chunks_mut(SHARED));
            for (lanes, running) in chunks {
                let states = &mut states[..lanes.len()];
                let sums = &mut sums[..lanes.len() * self.shape.value_dim];
                for blocks in kv_splits(first(lanes), last(lanes)) {
                    self.attend(level, task, lanes, blocks, states, sums);
                    join(level, running, states, sums);
                }
            }
            normalize(level, &mut running, &self.lane_sinks(task));
        });
    }

    /// Computes the KV splits of all tasks in parallel, and then joins them.
    fn run_splits(
        &self,
        level: Level,
        pool: &Pool,
        tasks: &[HeadTask],
        queries: &[f32],
        rows: &DisjointRows<f32>,
    ) {
        let lanes: Vec<_> = tasks
            .iter()
            .map(|&task| self.lanes(task, queries))
            .collect();
        // SAFETY: once for each task.
        let running_of = |&task| unsafe { self.running(task, rows) };
        let mut running: Vec<_> = tasks.iter().map(running_of).collect();
        // A part's sums, (SHARED, value_dim), and then its states.
        let width = self.shape.value_dim;
        let size = SHARED * (width + 2);
        let mut results = Vec::new();
        for parts in parts(&lanes).chunks((MOST_RESULTS / size).max(1)) {
            results.resize(parts.len() * size, 0.0);
            pool.for_each_row(&mut results, size, |index, result| {
                let part = &parts[index];
                let lanes = &lanes[part.task][part.lanes.clone()];
                let (sums, kept) = result.split_at_mut(SHARED * width);
                let sums = &mut sums[..lanes.len() * width];
                let mut states = [State::EMPTY; SHARED];
                let states = &mut states[..lanes.len()];
                let blocks = part.blocks.clone();
                self.attend(level, tasks[part.task], lanes, blocks, states, sums);
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
                let running = &mut running[part.task][part.lanes.clone()];
                let count = running.len();
                join(level, running, &states[..count], &sums[..count * width]);
            }
        }
        for (&task, mut running) in tasks.iter().zip(running) {
            normalize(level, &mut running, &self.lane_sinks(task));
        }
    }

    /// Returns the queries of a task: of each row those of its heads.
    fn lanes<'a>(&self, task: HeadTask, queries: &'a [f32]) -> Vec<Lane<'a>> {
        let (span, dim) = (task.span, self.shape.head_dim);
        let rows = 0..span.count;
        let lanes = rows.flat_map(|offset| {
            let (first, last) = self.seen(span, span.position + offset);
            self.heads(task).map(move |head| {
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

    /// Returns the output rows of a task, in the order of [`Self::lanes`].
    ///
    /// # Safety
    /// The results of two calls for one task must not be in use at the same time.
    unsafe fn running<'a>(&self, task: HeadTask, rows: &'a DisjointRows<f32>) -> Vec<Running<'a>> {
        let width = self.shape.value_dim;
        let places = (0..task.span.count)
            .flat_map(|offset| self.heads(task).map(move |head| (offset, head)));
        let running = places.map(|(offset, head)| {
            // SAFETY: each row and head belongs to one task, since no two spans share
            // a row, and is met once.
            let out = unsafe { rows.part(task.span.row + offset, head * width, width) };
            out.fill(0.0);
            let state = State::EMPTY;
            Running { state, out }
        });
        running.collect()
    }

    /// Returns the first and the last position that a query sees.
    fn seen(&self, span: Span, position: usize) -> (usize, usize) {
        let end = span.position + span.count - 1;
        let last = match (self.bidirectional, self.window) {
            (true, None) => end,
            (true, Some(window)) => end.min(position.saturating_add(window.saturating_sub(1))),
            (false, _) => position,
        };
        let first = match self.window {
            None => 0,
            Some(window) if self.chunked => position - position % window,
            Some(window) => (position + 1).saturating_sub(window),
        };
        (first, last)
    }

    /// Returns the query heads of a task.
    fn heads(&self, task: HeadTask) -> Range<usize> {
        let count = self.shape.heads / self.shape.kv_heads;
        task.kv_head * count..(task.kv_head + 1) * count
    }

    /// Returns a sink for each lane of a task.
    fn lane_sinks(&self, task: HeadTask) -> Vec<f32> {
        let rows = 0..task.span.count;
        let sink = |head| self.sinks.map_or(f32::NEG_INFINITY, |sinks| sinks[head]);
        rows.flat_map(|_| self.heads(task).map(sink)).collect()
    }

    fn attend(
        &self,
        level: Level,
        task: HeadTask,
        lanes: &[Lane<'_>],
        range: Range<usize>,
        states: &mut [State],
        sums: &mut [f32],
    ) {
        let mut group = Group {
            shape: self.shape,
            kv_head: task.kv_head,
            blocks: &self.blocks[task.span.sequence],
            lanes,
            range,
            states,
            sums,
        };
        T::attend(level, &mut group);
    }
}

/// Cuts the lanes of all tasks into parts, in their order.
fn parts(tasks: &[Vec<Lane<'_>>]) -> Vec<SplitTask> {
    let chunks = tasks.iter().enumerate().flat_map(|(task, lanes)| {
        let starts = (0..lanes.len()).step_by(SHARED);
        starts.map(move |start| (task, start..lanes.len().min(start + SHARED)))
    });
    let parts = chunks.flat_map(|(task, range)| {
        let lanes = &tasks[task][range.clone()];
        kv_splits(first(lanes), last(lanes)).map(move |blocks| SplitTask {
            task,
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
