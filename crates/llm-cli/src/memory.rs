//! How much memory there is. What a program needs of it is its own business.

mod cgroup;

pub use llm_record::gib;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_memory_is_available() {
        let available = available().unwrap();
        assert!((1 << 20..1 << 50).contains(&available), "{available}");
    }
}
