//! Items handed out as one run of neighbours a thread.

use std::sync::atomic::{AtomicU64, Ordering};

/// What is left to do: a run of items for each thread, which takes them from
/// the front. A thread that has finished takes the others' last ones.
pub(super) struct Runs(Vec<Run>);

/// The next item in the lower half, the end in the upper; on a cache line of
/// its own, since mostly only its own thread touches it.
#[repr(align(64))]
struct Run(AtomicU64);

impl Runs {
    /// Shares `items` items out to `threads` threads.
    ///
    /// # Panics
    /// If there are more items than a run can count: one would be handed out twice.
    pub(super) fn new(items: usize, threads: usize) -> Self {
        assert!(
            u32::try_from(items).is_ok(),
            "more items than a run can count"
        );
        let run = |thread| {
            let (first, end) = (
                start(items, threads, thread),
                start(items, threads, thread + 1),
            );
            Run(AtomicU64::new(word(first as u64, end as u64)))
        };
        Self((0..threads).map(run).collect())
    }

    /// Hands the next item out to `thread`, if there is one.
    pub(super) fn next(&self, thread: usize) -> Option<usize> {
        let count = self.0.len();
        let own = self.0[thread].take(|first, end| (first, first + 1, end));
        own.or_else(|| {
            (1..count).find_map(|step| {
                self.0[(thread + step) % count].take(|first, end| (end - 1, first, end - 1))
            })
        })
    }
}

impl Run {
    /// Takes an item: `choose` returns it and the first and end of what is left.
    fn take(&self, choose: impl Fn(u64, u64) -> (u64, u64, u64)) -> Option<usize> {
        let split = |word: u64| (word & u64::from(u32::MAX), word >> 32);
        let left = |taken: u64| {
            let (first, end) = split(taken);
            (first < end).then(|| choose(first, end))
        };
        // Items are independent and their results are published by the pool's
        // state, so no order is needed here.
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
                left(now).map(|(_, first, end)| word(first, end))
            })
            .ok()?;
        left(taken).map(|(item, _, _)| item as usize)
    }
}

/// Returns the first item of a thread's run.
pub(super) fn start(items: usize, threads: usize, thread: usize) -> usize {
    items * thread / threads
}

fn word(first: u64, end: u64) -> u64 {
    first | end << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_takes_its_own_run_and_then_the_ends_of_others() {
        let runs = Runs::new(7, 2);
        let taken: Vec<_> = std::iter::from_fn(|| runs.next(0)).collect();
        assert_eq!(taken, [0, 1, 2, 6, 5, 4, 3]);
        assert_eq!(runs.next(1), None);
    }

    #[test]
    fn fewer_items_than_threads_are_all_handed_out() {
        let runs = Runs::new(2, 5);
        let mut taken: Vec<_> = (0..5).filter_map(|thread| runs.next(thread)).collect();
        taken.sort_unstable();
        assert_eq!(taken, [0, 1]);
    }
}
