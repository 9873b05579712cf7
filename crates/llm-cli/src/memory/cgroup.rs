//! What the control groups of this process leave it, in a container say. Page cache counts as used in
//! a group and is given up when somebody needs it, so it is added to what is left: a model that was
//! just fetched or read must not look like memory that is gone.

use std::fs;
use std::path::Path;

/// One version of the kernel's interface.
struct Interface {
    root: &'static str,
    limit: &'static str,
    used: &'static str,
    /// Lines of `memory.stat` that count what can be given up: file pages. Shared memory is not among
    /// them, it cannot go anywhere without swap.
    cache: [&'static str; 2],
}

const VERSION_2: Interface = Interface {
    root: "/sys/fs/cgroup",
    limit: "memory.max",
    used: "memory.current",
    cache: ["inactive_file", "active_file"],
};

/// With `total_`, groups below this one are counted too, as they are in its usage.
const VERSION_1: Interface = Interface {
    root: "/sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    cache: ["total_inactive_file", "total_active_file"],
};

/// Returns the bytes that the narrowest of the groups leaves; `None` where none of them has a limit.
pub(super) fn left() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    text.lines()
        .filter_map(group)
        .filter_map(|(interface, path)| left_below(interface, Path::new(interface.root), path))
        .min()
}

/// Reads a line of `/proc/self/cgroup`: the interface that limits memory there, and the group's path.
fn group(line: &str) -> Option<(&'static Interface, &str)> {
    let (_, line) = line.split_once(':')?;
    let (controllers, path) = line.split_once(':')?;
    let interface = match controllers {
        "" => &VERSION_2,
        some if some.split(',').any(|name| name == "memory") => &VERSION_1,
        _ => return None,
    };
    Some((interface, path.trim_start_matches('/')))
}

/// A limit of a group holds for all groups below it. A path that is the host's and not to be seen from
/// inside of a container is skipped up to the root, where the container's own group is.
fn left_below(interface: &Interface, root: &Path, path: &str) -> Option<u64> {
    let read = |folder: &Path, name| fs::read_to_string(folder.join(name)).ok();
    let folders = Path::new(path).ancestors().map(|path| root.join(path));
    folders
        .filter_map(|folder| {
            let limit = read(&folder, interface.limit)?;
            let used = read(&folder, interface.used)?;
            let stat = read(&folder, "memory.stat").unwrap_or_default();
            left_of(interface, &limit, &used, &stat)
        })
        .min()
}

/// Returns what a group leaves, from the texts of its files; `None` without a limit (`max`).
fn left_of(interface: &Interface, limit: &str, used: &str, stat: &str) -> Option<u64> {
    let limit: u64 = limit.trim().parse().ok()?;
    let used: u64 = used.trim().parse().ok()?;
    let cache: u64 = stat
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(name, _)| interface.cache.contains(name))
        .filter_map(|(_, bytes)| bytes.trim().parse::<u64>().ok())
        .sum();
    Some(limit.saturating_sub(used.saturating_sub(cache)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_name_the_group_and_its_interface() {
        let of = |line| group(line).map(|(interface, path)| (interface.limit, path));
        assert_eq!(of("0::/user.slice/a"), Some(("memory.max", "user.slice/a")));
        assert_eq!(of("0::/"), Some(("memory.max", "")));
        let one = Some(("memory.limit_in_bytes", "docker/0"));
        assert_eq!(of("4:memory:/docker/0"), one);
        assert_eq!(of("4:cpu,memory:/docker/0"), one);
        assert_eq!(of("1:name=systemd:/docker/0"), None);
        assert_eq!(of("3:memory_recursive:/"), None);
        assert_eq!(of("nonsense"), None);
    }

    #[test]
    fn page_cache_is_not_gone() {
        // A group of 1 GiB in which a file of 900 MiB was just read.
        let stat = "anon 31457280\nfile 964689920\nkernel 2097152\nshmem 20971520\n\
                    inactive_anon 52428800\ninactive_file 629145600\nactive_file 314572800\n";
        let left = |limit, used| left_of(&VERSION_2, limit, used, stat);
        let used = "1020054732\n";
        assert_eq!(left("1073741824\n", used), Some(1_073_741_824 - 76_336_332));
        assert_eq!(left("max\n", used), None);
        // Already over the limit, apart from the cache.
        assert_eq!(left("1000000\n", used), Some(0));
        // Counted at two moments, the cache may be more than all.
        assert_eq!(left("1000000000\n", "100\n"), Some(1_000_000_000));
    }

    #[test]
    fn version_1_counts_the_groups_below() {
        let stat = "cache 4096\ninactive_file 7\nactive_file 7\nhierarchical_memory_limit 1000\n\
                    total_inactive_file 300\ntotal_active_file 200\n";
        assert_eq!(left_of(&VERSION_1, "1000\n", "900\n", stat), Some(600));
        assert_eq!(left_of(&VERSION_1, "1000\n", "900\n", ""), Some(100));
        // What the kernel writes where there is no limit.
        let none = left_of(&VERSION_1, "9223372036854771712\n", "900\n", stat);
        assert!(none > Some(1 << 62));
    }

    #[test]
    fn the_narrowest_group_above_counts() {
        let root = tempfile::tempdir().unwrap();
        let group = |path: &str, limit: &str, used: &str| {
            let folder = root.path().join(path);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("memory.max"), limit).unwrap();
            fs::write(folder.join("memory.current"), used).unwrap();
        };
        let left = |path| left_below(&VERSION_2, root.path(), path);
        assert_eq!(
            left("pod/container"),
            None,
            "the machine's own root has no limit"
        );
        group("pod/container", "max\n", "70\n");
        group("pod", "1000\n", "300\n");
        assert_eq!(left("pod/container"), Some(700));
        fs::write(root.path().join("pod/memory.stat"), "active_file 50\n").unwrap();
        assert_eq!(left("pod/container"), Some(750));
        // Inside of a container, where the host's path leads nowhere.
        group("", "600\n", "100\n");
        assert_eq!(left("docker/0123"), Some(500));
        assert_eq!(left(""), Some(500));
    }
}
