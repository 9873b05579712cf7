//! The machine under the benchmark: its threads and its limits.

use anyhow::{Context as _, Result};
use llm_cli::memory::available;
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_measure::limits;
use llm_record::{Build, Limits, counted};

/// Starts a team of threads.
pub(crate) fn pool(threads: usize) -> Result<Pool> {
    Pool::new(threads)
        .with_context(|| format!("cannot start {}", counted(threads, "thread", "threads")))
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

/// Measures the limits of this machine with so many threads.
pub(crate) fn measure_limits(level: Level, threads: usize) -> Result<Limits> {
    let available = available();
    Ok(limits::measure(level, &pool(threads)?, available))
}
