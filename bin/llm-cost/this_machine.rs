//! This machine as one of the catalogue's: the memory that is free, and what its processor can do at most,
//! measured as `llm-bench` measures it.

use anyhow::{Result, bail};
use llm_cli::host;
use llm_cli::memory::available;
use llm_cost::catalogue::Machine;
use llm_cost::predict::Arithmetic;
use llm_cost::record::Computer;
use llm_cost::requirements::ThisMachine;
use llm_cost::{Bytes, GigabytesPerSecond, MacsPerSecond};
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_measure::limits;

/// Measures the limits, in a second or so.
pub(crate) fn measured() -> Result<ThisMachine> {
    let Some(free) = available() else {
        bail!("the system does not say how much memory is free; name a machine with --machine");
    };
    let pool = Pool::new(host::cores())?;
    let limits = limits::measure(Level::detect()?, &pool, Some(free));
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
