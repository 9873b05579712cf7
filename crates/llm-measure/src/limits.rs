//! What the machine under a benchmark can do at most.

use std::time::{Duration, Instant};

use llm_kernels::pool::Pool;
use llm_kernels::probe;
use llm_kernels::simd::Level;
use llm_record::Limits;

/// Measures the limits with all threads of a pool. `available` are the bytes of memory that may be taken,
/// of which it takes a fourth at most.
#[must_use]
pub fn measure(level: Level, pool: &Pool, available: Option<u64>) -> Limits {
    /// Several times the largest cache of the machines that we know.
    const BYTES: u64 = 512 << 20;
    let bytes = available.map_or(BYTES, |available| BYTES.min(available / 4));
    let limits = probe::measure(level, pool, bytes as usize);
    Limits {
        read_bytes_per_second: limits.read_bytes_per_second,
        integer_macs_per_second: limits.integer_macs_per_second,
        float_macs_per_second: limits.float_macs_per_second,
    }
}

/// The limits of several measurements: others' work lowers a measurement and raises none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Repeated {
    /// The highest of each.
    pub limits: Limits,
    /// How much of the highest bandwidth the lowest measurement of it was, 0 to 1.
    pub lowest_share: f64,
    /// Whether the two highest of each limit agree, so that one more would change little.
    pub is_steady: bool,
}

/// Measures at least twice, and again until the two highest of each limit agree: a few times at most, and no
/// more once `patience` is over.
pub fn repeat(patience: Duration, mut measure: impl FnMut() -> Limits) -> Repeated {
    const LEAST: usize = 2;
    const MOST: usize = 8;
    let begun = Instant::now();
    let mut all = Vec::with_capacity(MOST);
    let may_go_on = |count: usize| count < MOST && begun.elapsed() < patience;
    while all.len() < LEAST || (may_go_on(all.len()) && !is_steady(&all)) {
        all.push(measure());
    }
    let first = all.first().copied();
    let limits = { all.iter().copied() }
        .reduce(higher)
        .or(first)
        .unwrap_or_default();
    let reads = all.iter().map(|limits| limits.read_bytes_per_second);
    let lowest = reads.fold(f64::INFINITY, f64::min);
    Repeated {
        limits,
        lowest_share: if limits.read_bytes_per_second > 0.0 {
            lowest / limits.read_bytes_per_second
        } else {
            1.0
        },
        is_steady: is_steady(&all),
    }
}

/// Whether the two highest measurements of each limit are nearly the same.
fn is_steady(all: &[Limits]) -> bool {
    /// What measurements of a machine that does nothing else differ by.
    const NEAR: f64 = 0.97;
    let parts: [fn(&Limits) -> f64; 3] = [
        |limits| limits.read_bytes_per_second,
        |limits| limits.integer_macs_per_second,
        |limits| limits.float_macs_per_second,
    ];
    parts.iter().all(|part| {
        let mut numbers: Vec<f64> = all.iter().map(part).collect();
        numbers.sort_by(|a, b| b.total_cmp(a));
        matches!(numbers.as_slice(), [first, second, ..] if second >= &(first * NEAR))
    })
}

/// Returns the higher of two measurements of each limit.
#[must_use]
pub fn higher(first: Limits, second: Limits) -> Limits {
    Limits {
        read_bytes_per_second: first
            .read_bytes_per_second
            .max(second.read_bytes_per_second),
        integer_macs_per_second: first
            .integer_macs_per_second
            .max(second.integer_macs_per_second),
        float_macs_per_second: first
            .float_macs_per_second
            .max(second.float_macs_per_second),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Halves of what the machine can do, while something else runs, and at last all of it, twice.
    #[test]
    fn a_busy_machine_is_measured_until_it_has_shown_what_it_can() {
        let run = |reads: &[f64]| {
            let mut reads = reads.iter();
            let mut count = 0;
            let repeated = repeat(Duration::MAX, || {
                count += 1;
                let read = *reads.next().unwrap();
                Limits {
                    read_bytes_per_second: read,
                    integer_macs_per_second: 3.0,
                    float_macs_per_second: 1.0,
                }
            });
            (repeated, count)
        };
        let (quiet, count) = run(&[10.0, 9.9]);
        assert_eq!(
            (quiet.limits.read_bytes_per_second, count, quiet.is_steady),
            (10.0, 2, true)
        );
        let (busy, count) = run(&[4.0, 10.0, 7.0, 9.8]);
        assert_eq!(
            (busy.limits.read_bytes_per_second, count, busy.is_steady),
            (10.0, 4, true)
        );
        assert!((busy.lowest_share - 0.4).abs() < 1e-12);
        let one = Limits {
            read_bytes_per_second: 1.0,
            ..Limits::default()
        };
        let mut grown = one;
        let hurried = repeat(Duration::ZERO, || {
            grown.read_bytes_per_second *= 2.0;
            grown
        });
        assert_eq!(
            (hurried.limits.read_bytes_per_second, hurried.is_steady),
            (4.0, false)
        );
        let (never, count) = run(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0]);
        assert_eq!((count, never.is_steady), (8, false));
    }

    #[test]
    fn each_limit_is_the_higher_one() {
        let limits = |read, integer| Limits {
            read_bytes_per_second: read,
            integer_macs_per_second: integer,
            float_macs_per_second: 1.0,
        };
        assert_eq!(higher(limits(2.0, 3.0), limits(1.0, 4.0)), limits(2.0, 4.0));
    }
}
