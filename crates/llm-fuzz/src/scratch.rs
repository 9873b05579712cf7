//! Files that a target reads, and what its input names.

use std::path::{Path, PathBuf};

/// Returns a fresh folder, in memory where the system has such a place: each
/// input has one of its own, since one that outlived it would be left behind
/// (nothing static is dropped).
pub(crate) fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    made.unwrap()
}

/// Writes `bytes` to a file of this name and lets `read` have it.
pub(crate) fn file<T>(name: &str, bytes: &[u8], read: impl FnOnce(&Path) -> T) -> T {
    let folder = folder();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    read(&path)
}

/// Returns a path in the repository.
pub(crate) fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// Cuts an input into its first line, as far as that is text, and the rest.
pub(crate) fn named(data: &[u8]) -> (&str, &[u8]) {
    let end = data
        .iter()
        .position(|&byte| byte == b'\n')
        .unwrap_or(data.len());
    let name = std::str::from_utf8(&data[..end]).unwrap_or_default();
    (name, data.get(end + 1..).unwrap_or_default())
}
