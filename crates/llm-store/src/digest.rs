//! SHA-256 of files, computed once and remembered. A remembered digest is
//! found by device and inode and holds only while size and modification time
//! are unchanged, so a run never reads a model just to name it.
//!
//! What is not noticed: a change that keeps size and modification time to the
//! nanosecond. Which digest is right is left to the callers.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use llm_digest::{Sha256Hex, hex};
use sha1::{Digest, Sha1};

use crate::error::StoreError;
use crate::layout::{is_sha256, make_parent, write_whole};
use crate::{Event, Observer, report};

/// Bytes read at once: large enough that the calls cost nothing beside the
/// hash, small enough to stay in the second-level cache.
pub(crate) const CHUNK_BYTES: usize = 256 * 1024;

/// The folder of remembered digests, one small file each; without a folder,
/// nothing is remembered.
#[derive(Debug, Clone)]
pub(crate) struct DigestMemory {
    folder: Option<PathBuf>,
}

/// What must be unchanged for a remembered digest to hold.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size_bytes: u64,
    modified_ns: i128,
}

impl Stamp {
    fn read(path: &Path) -> Result<Self, StoreError> {
        let data = fs::metadata(path).map_err(StoreError::io("read", path))?;
        Ok(Self {
            device: data.dev(),
            inode: data.ino(),
            size_bytes: data.size(),
            modified_ns: i128::from(data.mtime()) * 1_000_000_000 + i128::from(data.mtime_nsec()),
        })
    }

    fn line(&self, sha256: &str) -> String {
        format!("{} {} {sha256}\n", self.size_bytes, self.modified_ns)
    }
}

impl DigestMemory {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    fn file(&self, stamp: &Stamp) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?;
        Some(folder.join(format!("{:x}-{:x}", stamp.device, stamp.inode)))
    }

    /// Returns the remembered digest of a file, if it still holds.
    pub(crate) fn remembered(&self, path: &Path) -> Option<String> {
        let stamp = Stamp::read(path).ok()?;
        let line = fs::read_to_string(self.file(&stamp)?).ok()?;
        let sha256 = line.trim_end().rsplit(' ').next()?;
        (is_sha256(sha256) && line == stamp.line(sha256)).then(|| sha256.to_owned())
    }

    /// Remembers the digest of a file that nobody else is writing.
    ///
    /// A failure only costs the time to hash again, so it is no error.
    pub(crate) fn remember(&self, path: &Path, sha256: &str) {
        if let Ok(stamp) = Stamp::read(path) {
            self.note(&stamp, sha256);
        }
    }

    /// Forgets a file that is about to be removed, unless it goes on under
    /// another name (a hard link).
    pub(crate) fn forget(&self, path: &Path) {
        if fs::metadata(path).is_ok_and(|data| data.nlink() == 1)
            && let Ok(stamp) = Stamp::read(path)
            && let Some(file) = self.file(&stamp)
        {
            let _ = fs::remove_file(file);
        }
    }

    /// Whether the digest of a file can be remembered: tried by writing, since no look
    /// at permissions knows of full disks and file systems that are read only.
    fn can_note(&self, stamp: &Stamp) -> bool {
        let Some(file) = self.file(stamp) else {
            return false;
        };
        make_parent(&file)
            // An empty note is none, so it does no harm where the program ends here.
            .and_then(|()| write_whole(&file, b""))
            .is_ok()
    }

    fn note(&self, stamp: &Stamp, sha256: &str) {
        if let Some(file) = self.file(stamp) {
            let _ =
                make_parent(&file).and_then(|()| write_whole(&file, stamp.line(sha256).as_bytes()));
        }
    }

    /// Returns the SHA-256 of a file, reading it only if it is not remembered.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it cannot be read, [`StoreError::Interrupted`].
    pub(crate) fn of_file(
        &self,
        path: &Path,
        observer: &mut Observer<'_>,
    ) -> Result<String, StoreError> {
        if let Some(sha256) = self.remembered(path) {
            return Ok(sha256);
        }
        let before = Stamp::read(path)?;
        let name = path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        report(
            observer,
            Event::Hashing {
                file: &name,
                total_bytes: before.size_bytes,
                is_kept: self.can_note(&before),
            },
        )?;
        let sha256 = sha256_of(path, observer)?;
        report(observer, Event::Finished)?;
        // A file that changed while it was read has no digest to remember.
        if Stamp::read(path)? == before {
            self.note(&before, &sha256);
        }
        Ok(sha256)
    }
}

/// Whether the file at `path` is, as far as its name can tell, the one that the
/// hub describes: a small file, whose etag is git's SHA-1, is read; the bytes of
/// a large one are compared when the model is verified.
pub(crate) fn is_present(path: &Path, size_bytes: u64, etag: &str) -> bool {
    if !fs::metadata(path).is_ok_and(|data| data.len() == size_bytes) {
        return false;
    }
    is_sha256(etag)
        || fs::read(path).is_ok_and(|bytes| {
            let mut git = git_header(size_bytes);
            git.update(&bytes);
            hex(&git.finalize()) == etag
        })
}

/// Begins the digest that git gives to a file of `size_bytes`.
pub(crate) fn git_header(size_bytes: u64) -> Sha1 {
    let mut git = Sha1::new();
    git.update(format!("blob {size_bytes}\0"));
    git
}

fn sha256_of(path: &Path, observer: &mut Observer<'_>) -> Result<String, StoreError> {
    let mut file = File::open(path).map_err(StoreError::io("open", path))?;
    let mut hash = Sha256Hex::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = file
            .read(&mut chunk)
            .map_err(StoreError::io("read", path))?;
        if count == 0 {
            return Ok(hash.finish());
        }
        hash.update(chunk.get(..count).unwrap_or_default());
        report(
            observer,
            Event::Advanced {
                bytes: count as u64,
            },
        )?;
    }
}

/// Returns the digest of a model of several files: the SHA-256 of the files'
/// hexadecimal digests, each followed by a newline, in shard order. A model of
/// one file has that file's digest.
pub(crate) fn of_model<'a>(files: impl ExactSizeIterator<Item = &'a str>) -> String {
    let mut files = files.peekable();
    if files.len() == 1
        && let Some(only) = files.peek()
    {
        return (*only).to_owned();
    }
    let mut hash = Sha256Hex::new();
    for sha256 in files {
        hash.update(sha256);
        hash.update("\n");
    }
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::ControlFlow;
    use std::time::{Duration, SystemTime};

    /// FIPS 180-2's example, `abc`.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn counting(memory: &DigestMemory, path: &Path) -> (String, u64) {
        let mut bytes_read = 0;
        let sha256 = memory
            .of_file(path, &mut |event| {
                if let Event::Advanced { bytes } = event {
                    bytes_read += bytes;
                }
                ControlFlow::Continue(())
            })
            .unwrap();
        (sha256, bytes_read)
    }

    #[test]
    fn a_file_is_read_once_until_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let memory = DigestMemory::new(Some(folder.path().join("digests")));
        let path = folder.path().join("model");
        fs::write(&path, "abc").unwrap();
        assert_eq!(counting(&memory, &path), (ABC.to_owned(), 3));
        assert_eq!(counting(&memory, &path), (ABC.to_owned(), 0), "remembered");

        // A second name of the same file is the same file.
        let link = folder.path().join("link");
        fs::hard_link(&path, &link).unwrap();
        assert_eq!(counting(&memory, &link).1, 0);

        // Same size, other bytes, another time: read again.
        fs::write(&path, "abd").unwrap();
        let later = SystemTime::now() + Duration::from_secs(1);
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(later)
            .unwrap();
        let (changed, bytes) = counting(&memory, &path);
        assert!(changed != ABC && bytes == 3);
    }

    #[test]
    fn a_damaged_memory_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let memory = DigestMemory::new(Some(folder.path().join("digests")));
        let path = folder.path().join("model");
        fs::write(&path, "abc").unwrap();
        memory.remember(&path, ABC);
        assert_eq!(memory.remembered(&path).as_deref(), Some(ABC));
        let note = memory.file(&Stamp::read(&path).unwrap()).unwrap();
        for damage in ["", "3", "3 0 nonsense\n", &format!("4 0 {ABC}\n")] {
            fs::write(&note, damage).unwrap();
            assert_eq!(memory.remembered(&path), None, "{damage:?}");
        }
        let link = folder.path().join("link");
        fs::hard_link(&path, &link).unwrap();
        memory.forget(&link);
        assert!(note.exists(), "the other name still needs it");
        fs::remove_file(&link).unwrap();
        memory.forget(&path);
        assert!(!note.exists());
    }

    #[test]
    fn a_small_file_is_present_if_git_would_call_it_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        // `printf abc | git hash-object --stdin`
        let etag = "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f";
        fs::write(&path, "abc").unwrap();
        assert!(is_present(&path, 3, etag));
        assert!(!is_present(&path, 4, etag));
        fs::write(&path, "abd").unwrap();
        assert!(!is_present(&path, 3, etag));
        assert!(is_present(&path, 3, ABC), "left to the hash of the model");
        assert!(!is_present(&folder.path().join("none"), 3, ABC));
    }

    #[test]
    fn several_files_have_a_digest_that_depends_on_their_order() {
        assert_eq!(of_model([ABC].into_iter()), ABC);
        let other = "0".repeat(64);
        let model = of_model([ABC, &other].into_iter());
        assert_ne!(model, of_model([other.as_str(), ABC].into_iter()));
        assert!(is_sha256(&model));
    }

    #[test]
    fn hashing_can_be_interrupted() {
        let folder = tempfile::tempdir().unwrap();
        let memory = DigestMemory::new(Some(folder.path().join("digests")));
        let path = folder.path().join("model");
        fs::write(&path, "abc").unwrap();
        let stopped = memory.of_file(&path, &mut |_| ControlFlow::Break(()));
        assert!(matches!(stopped, Err(StoreError::Interrupted)));
        assert_eq!(memory.remembered(&path), None);
    }
}
