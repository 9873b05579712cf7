//! The limits of this machine, measured by small loops on all threads: reading memory,
//! multiplying integers as a level's kernels do, and multiplying floats. Benchmarks
//! compare what was reached with them.

mod products;

use std::hint::black_box;
use std::time::Instant;

use crate::pool::Pool;
use crate::simd::{Level, dispatch};

/// The limits of a machine at one level with one number of threads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Bytes read from memory, per second.
    pub read_bytes_per_second: f64,
    /// Multiply-adds of 8-bit integers with 32-bit sums, per second.
    pub integer_macs_per_second: f64,
    /// Multiply-adds of `f32`, per second.
    pub float_macs_per_second: f64,
}

/// Measurements of each limit; the best counts, since whatever disturbs one
/// only makes it slower.
const ROUNDS: usize = 5;

/// Measures all limits; memory by reading `bytes` bytes, which should be
/// several times the size of the caches. Takes a fraction of a second.
pub fn measure(level: Level, pool: &Pool, bytes: usize) -> Limits {
    Limits {
        read_bytes_per_second: read_bandwidth(level, pool, bytes),
        integer_macs_per_second: peak(pool, products::integer(level)),
        float_macs_per_second: peak(pool, products::float(level)),
    }
}

/// Reads a block of memory from end to end, each thread its next piece.
fn read_bandwidth(level: Level, pool: &Pool, bytes: usize) -> f64 {
    /// Long enough for the prefetcher, short enough to share evenly.
    const PIECE: usize = (16 << 20) / size_of::<u64>();
    // Ones, since untouched zeros would all be the same page.
    let memory = vec![1_u64; (bytes / size_of::<u64>()).max(PIECE)];
    let pieces = memory.len() / PIECE;
    // With 512 bits the compiler keeps the sums in memory (measured: a fifth
    // of the rate), and 256 are more than memory delivers.
    let read_level = level.min(Level::AVX2);
    best(pool, || {
        pool.for_each(pieces, |piece| {
            let words = &memory[piece * PIECE..(piece + 1) * PIECE];
            black_box(sum(read_level, words));
        });
        (pieces * PIECE * size_of::<u64>()) as f64
    })
}

dispatch! {
    fn sum(words: &[u64]) -> u64 = sum_body
}

/// Adds up both halves side by side: prefetchers stop at the end of a page, and
/// the other half goes on meanwhile.
#[inline(always)]
fn sum_body(words: &[u64]) -> u64 {
    /// Words of a cache line.
    const LINE: usize = 8;
    let (first, second) = words.split_at(words.len() / 2);
    let mut sums = [[0_u64; LINE]; 2];
    let lines = first.as_chunks::<LINE>().0.iter();
    for (first, second) in lines.zip(second.as_chunks::<LINE>().0) {
        sums = [add(sums[0], *first), add(sums[1], *second)];
    }
    let [first, second] = sums;
    add(first, second)
        .iter()
        .fold(0, |all, sum| all.wrapping_add(*sum))
}

#[inline(always)]
fn add<const N: usize>(mut sums: [u64; N], words: [u64; N]) -> [u64; N] {
    for (sum, word) in sums.iter_mut().zip(words) {
        *sum = sum.wrapping_add(word);
    }
    sums
}

/// A loop in registers: runs a number of rounds and returns the multiply-adds
/// that it has done.
type Loop = fn(usize) -> u64;

/// Runs a loop on all threads.
fn peak(pool: &Pool, run: Loop) -> f64 {
    /// Rounds of a share: some 100 µs, so that the threads end together.
    const SHARE: usize = 1000;
    let shares = 128 * pool.threads();
    best(pool, || {
        let share = run(black_box(1));
        pool.for_each(shares, |_| {
            black_box(run(black_box(SHARE)));
        });
        (share as usize * SHARE * shares) as f64
    })
}

/// Returns the highest rate of several measurements of `run`, which returns
/// what it has done.
fn best(pool: &Pool, run: impl Fn() -> f64) -> f64 {
    // Wakes the threads and brings the processor to its speed.
    pool.for_each(pool.threads(), |_| {});
    let rates = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        let done = run();
        done / start.elapsed().as_secs_f64()
    });
    rates.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_has_limits() {
        let pool = Pool::new(2).unwrap();
        for level in Level::available() {
            let limits = measure(level, &pool, 4 << 20);
            let all = [
                limits.read_bytes_per_second,
                limits.integer_macs_per_second,
                limits.float_macs_per_second,
            ];
            // Anything that runs this does a million in a second, and nothing
            // does 10^15: a loop that was optimized away would.
            for limit in all {
                assert!((1e6..1e15).contains(&limit), "{}: {limits:?}", level.name());
            }
        }
    }

    #[test]
    fn every_word_is_read() {
        let words: Vec<u64> = (0..1024).collect();
        for level in Level::available() {
            assert_eq!(sum(level, &words), 1023 * 1024 / 2);
        }
    }
}
