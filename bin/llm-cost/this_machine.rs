//! This machine as one of the catalogue's: the memory that is free, and what its processor can do at most,
//! measured as `llm-bench` measures it.

use std::time::Duration;

use anyhow::{Result, bail};
use llm_cli::memory::available;
use llm_cli::{Messages, host};
use llm_cost::catalogue::Machine;
use llm_cost::predict::Arithmetic;
use llm_cost::record::Computer;
use llm_cost::requirements::ThisMachine;
use llm_cost::{Bytes, GigabytesPerSecond, MacsPerSecond};
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_measure::limits::{self, Repeated};

/// How long a busy machine is measured: as long as somebody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Measures the limits, in a second or so where nothing else runs. While something else does it is measured
/// again until the highest has come twice, and how much less there was meanwhile is said.
pub(crate) fn measured(messages: Messages) -> Result<ThisMachine> {
    let Some(free) = available() else {
        bail!("the system does not say how much memory is free; name a machine with --machine");
    };
    let pool = Pool::new(host::cores())?;
    let level = Level::detect()?;
    let repeated = limits::repeat(PATIENCE, || limits::measure(level, &pool, Some(free)));
    if let Some(sentence) = unsteady(&repeated) {
        messages.warning(sentence);
    }
    let limits = repeated.limits;
    let memory = host::memory();
    Ok(ThisMachine {
        machine: Machine {
            id: "this-machine".to_owned(),
            name: "this machine".to_owned(),
            family: "cpu".to_owned(),
            kind: "cpu".to_owned(),
            memory_gib: Bytes(memory.unwrap_or(free) as f64).into(),
            usable_gib: Bytes(free as f64).into(),
            bandwidth_gbs: GigabytesPerSecond(limits.read_bytes_per_second / 1e9),
            ..Machine::default()
        },
        arithmetic: Arithmetic {
            integer_macs_per_second: MacsPerSecond(limits.integer_macs_per_second),
            float_macs_per_second: MacsPerSecond(limits.float_macs_per_second),
        },
        computer: Computer {
            cpu_info: host::cpu_name(),
            cpu_cores: Some(host::cores() as u64),
            memory_bytes: memory,
        },
    })
}

/// Says how far measurements lay apart, where other work must have lowered some; `is_steady` says whether the
/// highest can be believed.
fn unsteady(repeated: &Repeated) -> Option<String> {
    /// What measurements of a quiet machine may differ by.
    const QUIET: f64 = 0.85;
    let highest = repeated.limits.read_bytes_per_second / 1e9;
    let lowest = highest * repeated.lowest_share;
    let spread = format!(
        "this machine read its memory at {lowest:.1} to {highest:.1} GB/s, since something else is using it"
    );
    match (repeated.is_steady, repeated.lowest_share < QUIET) {
        (true, false) => None,
        (true, true) => Some(format!("{spread}; speeds are predicted for the highest")),
        (false, _) => Some(format!(
            "{spread}; speeds are predicted for the highest, and a quiet machine may reach more: measure again \
             then"
        )),
    }
}
