//! The host that a program runs on, as records name it. What it can do at most is measured by others.

use std::num::NonZeroUsize;

use sysinfo::{CpuRefreshKind, System};

/// Returns the processor's name as the system gives it, empty where it does not.
#[must_use]
pub fn cpu_name() -> String {
    let Ok(mut system) = System::new() else {
        return String::new();
    };
    system.refresh_cpu_list(CpuRefreshKind::nothing());
    let first = system.cpus().first();
    first.map_or_else(String::new, |cpu| cpu.brand().trim().to_owned())
}

/// Returns how many threads the process may run at once: one a core, or a thread of one.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Returns the size of the memory in bytes, used or not; `None` if the system does not tell.
#[must_use]
pub fn memory() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    Some(system.total_memory()).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_processor_and_the_memory_are_those_of_the_system() {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        let named = info
            .lines()
            .find_map(|line| line.strip_prefix("model name"));
        if let Some(name) = named.and_then(|line| line.split_once(':')) {
            assert_eq!(cpu_name(), name.1.trim());
        }
        let info = std::fs::read_to_string("/proc/meminfo").unwrap();
        let kilobytes = info.lines().find_map(|line| line.strip_prefix("MemTotal:"));
        let kilobytes: u64 = kilobytes
            .unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap();
        assert_eq!(memory(), Some(kilobytes << 10));
        assert!(memory() >= crate::memory::available());
        assert!(cores() > 0);
    }
}
