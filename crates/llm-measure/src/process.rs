//! The memory that this process takes at most.

/// Lets the highest memory use count from now on, where the system can.
pub fn reset_peak() {
    // Without it the peak is that since the start, which is still true.
    drop(std::fs::write("/proc/self/clear_refs", "5"));
}

/// Returns the highest memory use since `reset_peak`, in bytes, if the system
/// tells: pages of mapped files count as well.
#[must_use]
pub fn peak_rss() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: u64 = line?.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes << 10)
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
