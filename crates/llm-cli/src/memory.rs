//! How much memory there is. What a program needs of it is its own business.

mod cgroup;

use sysinfo::System;

/// Returns the memory that this process may still take, in bytes: what the system calls available, or
/// what its control group leaves, if that is less. The page cache is part of both, and so are weights
/// that are mapped, whether they are loaded already or not. `None` if the system does not tell.
#[must_use]
pub fn available() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    let machine = system.available_memory();
    let least = cgroup::left().map_or(machine, |left| left.min(machine));
    (machine > 0).then_some(least)
}

/// Returns bytes in GiB, for messages and tables.
#[must_use]
pub fn gib(bytes: u64) -> String {
    format!("{:.2} GiB", bytes as f64 / (1_u64 << 30) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_memory_is_available() {
        let available = available().unwrap();
        assert!((1 << 20..1 << 50).contains(&available), "{available}");
    }

    #[test]
    fn bytes_are_shown_in_gib() {
        assert_eq!(gib((3 << 30) / 2), "1.50 GiB");
    }
}
