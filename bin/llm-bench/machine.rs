//! The machine under the benchmark: its threads, the memory that the process takes, its limits.

use anyhow::{Context as _, Result};
use llm_cli::memory::available;
use llm_kernels::pool::Pool;
use llm_kernels::probe;
use llm_kernels::simd::Level;
use llm_record::{Build, Limits};

/// Starts a team of threads.
pub(crate) fn pool(threads: usize) -> Result<Pool> {
    Pool::new(threads).with_context(|| format!("cannot start {threads} threads"))
}

/// Names what computes, as records do.
pub(crate) fn build(level: Level, threads: usize) -> Build {
    Build {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        simd: level.name().to_owned(),
        device: "cpu".to_owned(),
        threads: threads as u64,
    }
}

/// Lets the highest memory use count from now on, where the system can.
pub(crate) fn reset_peak() {
    // Without it the peak is that since the start, which is still true.
    drop(std::fs::write("/proc/self/clear_refs", "5"));
}

/// Returns the highest memory use since `reset_peak`, in bytes, if the system
/// tells: pages of mapped files count as well.
pub(crate) fn peak_rss() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: u64 = line?.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes << 10)
}

/// Measures the limits of this machine.
pub(crate) fn limits(level: Level, threads: usize) -> Result<Limits> {
    /// Several times the largest cache of the machines that we know.
    const BYTES: u64 = 512 << 20;
    let bytes = available().map_or(BYTES, |available| BYTES.min(available / 4));
    let limits = probe::measure(level, &pool(threads)?, bytes as usize);
    Ok(Limits {
        read_bytes_per_second: limits.read_bytes_per_second,
        integer_macs_per_second: limits.integer_macs_per_second,
        float_macs_per_second: limits.float_macs_per_second,
    })
}

/// Returns the higher of two measurements of each limit.
pub(crate) fn higher(one: Limits, other: Limits) -> Limits {
    Limits {
        read_bytes_per_second: one.read_bytes_per_second.max(other.read_bytes_per_second),
        integer_macs_per_second: one
            .integer_macs_per_second
            .max(other.integer_macs_per_second),
        float_macs_per_second: one.float_macs_per_second.max(other.float_macs_per_second),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_block_that_is_held_shows_in_the_peak() {
        reset_peak();
        let before = peak_rss().unwrap();
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        drop(block);
        assert!(peak_rss().unwrap() >= before + (60 << 20));
    }
}
