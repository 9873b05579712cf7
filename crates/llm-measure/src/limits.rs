//! What the machine under a benchmark can do at most.

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
