//! The thread pool that computes everything.
//!
//! Work is handed out as items, either from a shared counter or as a run of
//! neighbours for each thread whose end the others may take, so a thread that
//! the system interrupts delays nobody. Which thread computes an item never
//! changes the item's result. Threads spin for a moment between two pieces of
//! work (a layer has about ten) and then sleep.

mod disjoint_rows;
mod runs;

use std::any::Any;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

pub(crate) use disjoint_rows::DisjointRows;

use crate::prefetch::IdlePrefetch;
use runs::Runs;

/// Rounds of `spin_loop` before a thread sleeps: some tens of microseconds,
/// longer than the serial step between two parallel ones, shorter than a time
/// slice.
const SPINS: u32 = 4_000;
/// Rounds after which a spinning thread yields: the thread that it waits for may need
/// this very core.
const SPINS_BEFORE_YIELD: u32 = 200;

/// A thread's share of a piece of work, called with the thread's number; returns what
/// to prefetch afterwards.
type Work<'a> = dyn Fn(usize) -> IdlePrefetch + Sync + 'a;
type Job = *const Work<'static>;

/// The state word: the number of the piece of work in the upper half, whether
/// it is closed to newcomers, and how many workers are inside.
const EPOCH: u64 = 1 << 32;
const CLOSED: u64 = 1 << 31;
const INSIDE: u64 = CLOSED - 1;

struct Shared {
    /// A worker enters by adding one while the work is open, and only those
    /// that entered are waited for: one that the system has put aside delays
    /// nobody.
    state: AtomicU64,
    job: UnsafeCell<Option<Job>>,
    /// Workers that sleep; a wake-up is a system call, and mostly not needed.
    asleep: AtomicUsize,
    sleep: Mutex<()>,
    wake: Condvar,
    stop: AtomicBool,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: `job` is written by `broadcast` while no worker is inside (the state
// is closed and empty) and read by workers that are inside, with the state's
// release and acquire between the two. The closure it points to is `Sync` and
// outlives the time in which workers are inside.
unsafe impl Sync for Shared {}
// SAFETY: as above; nothing in it is tied to a thread.
unsafe impl Send for Shared {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A pool of threads; the caller's thread is one of them.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// Held while a piece of work runs: one at a time.
    alone: Mutex<()>,
}

impl Pool {
    /// More threads than any machine has cores; a typing error must not start
    /// millions.
    pub const MOST: usize = 1024;

    /// Starts `threads - 1` workers beside the caller's own thread.
    ///
    /// # Errors
    /// More than [`MOST`](Self::MOST) threads, or the system's error when it cannot
    /// start one.
    pub fn new(threads: usize) -> std::io::Result<Self> {
        if threads > Self::MOST {
            return Err(std::io::Error::new(
                std::io::ErrorKind::InvalidInput,
                format!(
                    "{} is the most; leave --threads out to use one a core",
                    Self::MOST
                ),
            ));
        }
        let shared = Arc::new(Shared {
            state: AtomicU64::new(CLOSED),
            job: UnsafeCell::new(None),
            asleep: AtomicUsize::new(0),
            sleep: Mutex::new(()),
            wake: Condvar::new(),
            stop: AtomicBool::new(false),
            panic: Mutex::new(None),
        });
        let mut pool = Self {
            shared,
            workers: Vec::new(),
            alone: Mutex::new(()),
        };
        for index in 1..threads.max(1) {
            let shared = Arc::clone(&pool.shared);
            let worker = std::thread::Builder::new()
                .name(format!("kernel-{index}"))
                .spawn(move || work(&shared, index))?;
            pool.workers.push(worker);
        }
        Ok(pool)
    }

    /// Returns the number of threads, the caller's own included.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `run(item)` once for every item below `items`, on all threads. A pool does
    /// one piece of work at a time: `run` must not hand it another.
    ///
    /// # Panics
    /// If `run` panics, once all threads have finished.
    pub fn for_each(&self, items: usize, run: impl Fn(usize) + Sync) {
        if items <= 1 || self.workers.is_empty() {
            return (0..items).for_each(run);
        }
        let next = AtomicUsize::new(0);
        self.broadcast(&|_| {
            loop {
                let item = next.fetch_add(1, Ordering::Relaxed);
                if item >= items {
                    break;
                }
                run(item);
            }
            IdlePrefetch::NONE
        });
    }

    /// Like [`for_each`](Self::for_each), but neighbouring items go to the same
    /// thread. `prefetch(thread)` returns what a thread will need next.
    pub(crate) fn for_each_in_runs(
        &self,
        items: usize,
        run: impl Fn(usize) + Sync,
        prefetch: impl Fn(usize) -> IdlePrefetch + Sync,
    ) {
        if items <= 1 || self.workers.is_empty() {
            return (0..items).for_each(run);
        }
        let runs = Runs::new(items, self.threads());
        self.broadcast(&|thread| {
            while let Some(item) = runs.next(thread) {
                run(item);
            }
            prefetch(thread)
        });
    }

    /// Returns the first item that [`for_each_in_runs`](Self::for_each_in_runs)
    /// gives to `thread`.
    pub(crate) fn first_item(&self, items: usize, thread: usize) -> usize {
        runs::start(items, self.threads(), thread)
    }

    /// Calls `run(index, row)` for every row of `row_length` elements. Neighbouring
    /// rows go to the same thread, so that what is written for each of them shares
    /// few cache lines with what another thread writes. A remainder behind the last
    /// whole row is left alone.
    ///
    /// # Panics
    /// If there are more than 2^32 rows, or `run` panics.
    pub fn for_each_row<T: Send>(
        &self,
        rows: &mut [T],
        row_length: usize,
        run: impl Fn(usize, &mut [T]) + Sync,
    ) {
        let count = rows.len() / row_length.max(1);
        let rows = DisjointRows::new(rows, row_length);
        let run = |index| {
            // SAFETY: `for_each_in_runs` hands every index out exactly once.
            run(index, unsafe { rows.row(index) });
        };
        self.for_each_in_runs(count, run, |_| IdlePrefetch::NONE);
    }

    fn broadcast(&self, job: &Work<'_>) {
        let alone = lock(&self.alone);
        let shared = &*self.shared;
        // SAFETY: only the lifetime is erased. Workers use the pointer while
        // they are inside, and all have left before this returns, also when
        // the caller's own share panics.
        let erased: Job = unsafe { std::mem::transmute::<&Work<'_>, Job>(job) };
        // SAFETY: the state is closed and nobody is inside, so nobody reads.
        unsafe { *shared.job.get() = Some(erased) };
        let epoch = (shared.state.load(Ordering::Relaxed) & !(EPOCH - 1)).wrapping_add(EPOCH);
        // Sequentially consistent, as is the count of sleepers: either this
        // thread sees a sleeper or the sleeper sees the new work.
        shared.state.store(epoch, Ordering::SeqCst);
        shared.wake_sleepers();
        let own = catch_unwind(AssertUnwindSafe(|| job(0)));
        let mut state = shared.state.fetch_or(CLOSED, Ordering::AcqRel);
        let mut spins = 0_u32;
        while state & INSIDE != 0 {
            pause(&mut spins);
            state = shared.state.load(Ordering::Acquire);
        }
        let other = lock(&shared.panic).take();
        drop(alone);
        if let Some(panic) = other {
            resume_unwind(panic);
        }
        match own {
            Ok(mut prefetch) => {
                for _ in 0..IdlePrefetch::CALLERS_LINES {
                    prefetch.advance();
                }
            }
            Err(panic) => resume_unwind(panic),
        }
    }
}

fn pause(spins: &mut u32) {
    *spins = spins.wrapping_add(1);
    if spins.is_multiple_of(SPINS_BEFORE_YIELD) {
        std::thread::yield_now();
    } else {
        std::hint::spin_loop();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.wake_sleepers();
        for worker in self.workers.drain(..) {
            drop(worker.join());
        }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("threads", &self.threads())
            .finish()
    }
}

impl Shared {
    fn wake_sleepers(&self) {
        if self.asleep.load(Ordering::SeqCst) > 0 {
            drop(lock(&self.sleep));
            self.wake.notify_all();
        }
    }

    /// Whether there is something to do for a worker that has seen the work
    /// of epoch `seen`.
    fn calls(&self, seen: u64) -> bool {
        let state = self.state.load(Ordering::SeqCst);
        self.stop.load(Ordering::SeqCst) || state & CLOSED == 0 && state & !(EPOCH - 1) != seen
    }

    /// Waits until there is work after epoch `seen`, first awake, then asleep.
    fn wait(&self, seen: u64, mut prefetch: IdlePrefetch) {
        while prefetch.advance() {
            if self.calls(seen) {
                return;
            }
        }
        let mut spins = 0;
        for _ in 0..SPINS {
            if self.calls(seen) {
                return;
            }
            pause(&mut spins);
        }
        let mut guard = lock(&self.sleep);
        self.asleep.fetch_add(1, Ordering::SeqCst);
        while !self.calls(seen) {
            guard = self
                .wake
                .wait(guard)
                .unwrap_or_else(PoisonError::into_inner);
        }
        self.asleep.fetch_sub(1, Ordering::SeqCst);
    }

    /// Enters the current work, unless it has closed; returns its epoch.
    fn enter(&self) -> Option<u64> {
        let state = self.state.load(Ordering::Acquire);
        let open = state & CLOSED == 0;
        let entered = open
            && self
                .state
                .compare_exchange(state, state + 1, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok();
        entered.then_some(state & !(EPOCH - 1))
    }
}

fn work(shared: &Shared, index: usize) {
    let mut seen = 0;
    let mut prefetch = IdlePrefetch::NONE;
    loop {
        shared.wait(seen, prefetch);
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let Some(epoch) = shared.enter() else {
            continue;
        };
        seen = epoch;
        // SAFETY: this worker is inside, so the pointer is set and not written.
        if let Some(job) = unsafe { *shared.job.get() } {
            // SAFETY: `broadcast` keeps the closure alive until all have left.
            let job = unsafe { &*job };
            match catch_unwind(AssertUnwindSafe(|| job(index))) {
                Ok(next) => prefetch = next,
                Err(panic) => *lock(&shared.panic) = Some(panic),
            }
        }
        shared.state.fetch_sub(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_runs_once_on_any_number_of_threads() {
        for threads in [1, 2, 5] {
            let pool = Pool::new(threads).unwrap();
            for items in [0, 1, 2, 3, 100] {
                let counts: Vec<AtomicUsize> = (0..items).map(|_| AtomicUsize::new(0)).collect();
                pool.for_each(items, |item| {
                    counts[item].fetch_add(1, Ordering::Relaxed);
                });
                assert!(
                    counts
                        .iter()
                        .all(|count| count.load(Ordering::Relaxed) == 1)
                );
            }
        }
    }

    #[test]
    fn sleeping_workers_wake_up_again() {
        let pool = Pool::new(3).unwrap();
        let mut rows = vec![0_usize; 12];
        for round in 1..=3 {
            std::thread::sleep(std::time::Duration::from_millis(5));
            pool.for_each_row(&mut rows, 4, |index, row| row.fill(index * round));
        }
        assert_eq!(rows, [0, 0, 0, 0, 3, 3, 3, 3, 6, 6, 6, 6]);
    }

    #[test]
    fn a_panic_in_an_item_reaches_the_caller() {
        let pool = Pool::new(2).unwrap();
        let caught = catch_unwind(AssertUnwindSafe(|| {
            pool.for_each(8, |item| assert!(item != 5, "item five"));
        }));
        assert!(caught.is_err());
        pool.for_each(8, |_| {});
    }
}
