//! The Hugging Face cache on disk: where a repository's references, snapshots
//! and blobs lie, and how they are read and written. Which file is wanted and
//! whether its bytes are right are left to others.
//!
//! Source: huggingface.co/docs/hub/local-cache.
//! ```text
//! models--ORG--NAME/refs/main                      a commit, 40 hexadecimal digits
//! models--ORG--NAME/blobs/<etag>                   the bytes
//! models--ORG--NAME/snapshots/<commit>/path/file   -> ../../../blobs/<etag>
//! .locks/models--ORG--NAME/<etag>.lock             held while a blob is written
//! ```
//! The etag of a large file is its SHA-256, that of a small one its git SHA-1.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::error::StoreError;
use crate::name::is_inner_path;

/// How deep folders inside a snapshot are followed.
const DEPTH_MAX: usize = 8;

/// The cache as a whole.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

/// One repository's folder in the cache; it need not exist.
#[derive(Debug, Clone)]
pub(crate) struct RepoFolder {
    /// `org/repo`.
    pub(crate) repo: String,
    root: PathBuf,
    locks: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Returns the folder of `repo`, there or not.
    pub(crate) fn repo(&self, repo: &str) -> RepoFolder {
        let folder = format!("models--{}", repo.replace('/', "--"));
        RepoFolder {
            repo: repo.to_owned(),
            root: self.root.join(&folder),
            locks: self.root.join(".locks").join(folder),
        }
    }

    /// Returns every repository that is there, by name.
    pub(crate) fn repos(&self) -> Result<Vec<RepoFolder>, StoreError> {
        let mut repos: Vec<RepoFolder> = entries(&self.root)?
            .into_iter()
            .filter_map(|name| {
                let repo = name.strip_prefix("models--")?.replacen("--", "/", 1);
                Some(self.repo(&repo))
            })
            .filter(RepoFolder::exists)
            .collect();
        repos.sort_by(|a, b| a.repo.cmp(&b.repo));
        Ok(repos)
    }
}

impl RepoFolder {
    pub(crate) fn path(&self) -> &Path {
        &self.root
    }

    pub(crate) fn exists(&self) -> bool {
        self.root.is_dir()
    }

    pub(crate) fn blob(&self, etag: &str) -> PathBuf {
        self.root.join("blobs").join(etag)
    }

    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.root.join("snapshots").join(commit)
    }

    /// Returns the commit that a branch or tag stood at when it was last
    /// fetched, or `revision` itself if it is a commit.
    pub(crate) fn commit_of(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        let text = fs::read_to_string(self.root.join("refs").join(revision)).ok()?;
        let commit = text.trim();
        is_commit(commit).then(|| commit.to_owned())
    }

    /// Notes that `revision` stands at `commit`.
    pub(crate) fn set_reference(&self, revision: &str, commit: &str) -> Result<(), StoreError> {
        if is_commit(revision) {
            return Ok(());
        }
        let path = self.root.join("refs").join(revision);
        make_parent(&path)?;
        write_whole(&path, commit.as_bytes())
    }

    /// Returns the commits that have a snapshot, the newest on this disk first.
    pub(crate) fn commits(&self) -> Result<Vec<String>, StoreError> {
        let folder = self.root.join("snapshots");
        let mut dated: Vec<(SystemTime, String)> = entries(&folder)?
            .into_iter()
            .filter_map(|commit| {
                let data = fs::metadata(folder.join(&commit)).ok()?;
                let modified = data.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                data.is_dir().then_some((modified, commit))
            })
            .collect();
        dated.sort();
        Ok(dated.into_iter().rev().map(|(_, commit)| commit).collect())
    }

    /// Returns the names of the whole files of a snapshot, in order. A link
    /// whose blob is gone is not a file.
    pub(crate) fn files(&self, commit: &str) -> Result<Vec<String>, StoreError> {
        files_below(&self.snapshot(commit))
    }

    /// Returns the name of the blob behind a snapshot's file, if it is one.
    pub(crate) fn blob_name(&self, path: &Path) -> Option<String> {
        let target = fs::read_link(path).ok()?;
        let inside = target.parent()?.file_name()? == "blobs";
        inside
            .then(|| target.file_name()?.to_str().map(str::to_owned))
            .flatten()
    }

    /// Makes `file` of the snapshot `commit` a link to the blob `etag`.
    /// A link that is there is replaced in one step.
    pub(crate) fn link(&self, commit: &str, file: &str, etag: &str) -> Result<PathBuf, StoreError> {
        let path = self.snapshot(commit).join(file);
        make_parent(&path)?;
        let ups = "../".repeat(2 + file.matches('/').count());
        let target = PathBuf::from(format!("{ups}blobs/{etag}"));
        if fs::read_link(&path).is_ok_and(|there| there == target) {
            return Ok(path);
        }
        let fresh = temporary(&path);
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("replace", &fresh)(error));
            }
            _ => {}
        }
        symlink(&target, &fresh).map_err(StoreError::io("create", &fresh))?;
        fs::rename(&fresh, &path).map_err(StoreError::io("create", &path))?;
        Ok(path)
    }

    /// Opens the lock file that `huggingface_hub` and we hold while the blob
    /// `etag` is written. Locking it is left to the caller.
    pub(crate) fn lock_file(&self, etag: &str) -> Result<File, StoreError> {
        let path = self.locks.join(format!("{etag}.lock"));
        make_parent(&path)?;
        File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(StoreError::io("open", &path))
    }

    /// Creates the folder for blobs and returns it.
    pub(crate) fn make_blobs(&self) -> Result<PathBuf, StoreError> {
        let folder = self.root.join("blobs");
        fs::create_dir_all(&folder).map_err(StoreError::io("create", &folder))?;
        Ok(folder)
    }

    /// Removes the repository with everything that belongs to it.
    pub(crate) fn remove(&self) -> Result<(), StoreError> {
        for folder in [&self.root, &self.locks] {
            match fs::remove_dir_all(folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::io("remove", folder)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Returns the names of all files below a folder, relative to it, in order.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    collect(folder, "", DEPTH_MAX, Closed::Error, &mut found)?;
    found.sort();
    Ok(found)
}

/// Returns the names of the files of a folder that somebody named as a model.
/// Where Hugging Face's tools made it, all of it is looked at; of any other
/// only what lies right in it, since it may be a whole disk.
pub(crate) fn files_of_model(folder: &Path) -> Result<Vec<String>, StoreError> {
    let whole = folder
        .canonicalize()
        .map_err(StoreError::io("find", folder))?;
    let is_snapshot = whole
        .parent()
        .is_some_and(|parent| parent.ends_with("snapshots"));
    let is_repo = || whole.join("snapshots").is_dir() && whole.join("blobs").is_dir();
    // What `hf download --local-dir` leaves.
    let is_download = || whole.join(".cache/huggingface/download").is_dir();
    let is_made = is_snapshot || is_repo() || is_download();
    let depth = if is_made { DEPTH_MAX } else { 0 };
    let mut found = Vec::new();
    collect(folder, "", depth, Closed::Skip, &mut found)?;
    found.sort();
    Ok(found)
}

/// What an inner folder that cannot be read is. To skip one is safe only
/// where nothing is removed on the strength of the list.
#[derive(Clone, Copy)]
enum Closed {
    Skip,
    Error,
}

fn collect(
    folder: &Path,
    prefix: &str,
    depth_left: usize,
    closed: Closed,
    found: &mut Vec<String>,
) -> Result<(), StoreError> {
    for name in entries(folder)? {
        let path = folder.join(&name);
        let Ok(kind) = fs::symlink_metadata(&path).map(|data| data.file_type()) else {
            continue; // gone since it was listed
        };
        if kind.is_dir() && depth_left > 0 {
            let prefix = format!("{prefix}{name}/");
            match (
                collect(&path, &prefix, depth_left - 1, closed, found),
                closed,
            ) {
                (Err(_), Closed::Skip) => {}
                (collected, _) => collected?,
            }
        } else if fs::metadata(&path).is_ok_and(|data| data.is_file()) {
            found.push(format!("{prefix}{name}"));
        }
    }
    Ok(())
}

/// Returns the names in a folder that are UTF-8; none if it is not there.
fn entries(folder: &Path) -> Result<Vec<String>, StoreError> {
    let listing = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(StoreError::io("list", folder))?,
    };
    let mut names = Vec::new();
    for entry in listing {
        let entry = entry.map_err(StoreError::io("list", folder))?;
        if let Ok(name) = entry.file_name().into_string()
            && is_inner_path(&name)
        {
            names.push(name);
        }
    }
    Ok(names)
}

/// Creates the folder that `path` lies in.
pub(crate) fn make_parent(path: &Path) -> Result<(), StoreError> {
    match path.parent() {
        Some(parent) => fs::create_dir_all(parent).map_err(StoreError::io("create", parent)),
        None => Ok(()),
    }
}

/// Writes a small file so that it is there whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let fresh = temporary(path);
    fs::write(&fresh, bytes).map_err(StoreError::io("write", &fresh))?;
    fs::rename(&fresh, path).map_err(StoreError::io("write", path))
}

/// A name beside `path` that no other process and no other thread uses.
fn temporary(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(
        ".{}-{count}.llm-pull.incomplete",
        std::process::id()
    ));
    path.with_file_name(name)
}

/// Whether a text is a full git commit.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && is_lower_hex(text)
}

/// Whether a text is a SHA-256 in hexadecimal.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && is_lower_hex(text)
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn links_point_from_any_depth_to_the_blob() {
        let folder = tempfile::tempdir().unwrap();
        let repo = Layout::new(folder.path().into()).repo("org/name");
        assert!(!repo.exists());
        repo.make_blobs().unwrap();
        fs::write(repo.blob("abc"), "bytes").unwrap();
        for file in ["a.gguf", "deep/er/b.gguf"] {
            for _ in 0..2 {
                let path = repo.link(COMMIT, file, "abc").unwrap();
                assert_eq!(fs::read_to_string(&path).unwrap(), "bytes");
                assert_eq!(repo.blob_name(&path).as_deref(), Some("abc"));
            }
        }
        assert_eq!(repo.files(COMMIT).unwrap(), ["a.gguf", "deep/er/b.gguf"]);
        fs::remove_file(repo.blob("abc")).unwrap();
        assert!(
            repo.files(COMMIT).unwrap().is_empty(),
            "dangling links are no files"
        );
    }

    #[test]
    fn a_named_folder_is_followed_only_where_a_tool_made_it() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = place.path().join(name);
            make_parent(&path).unwrap();
            fs::write(path, "bytes").unwrap();
        };
        for folder in ["plain", "snapshots/c0ffee", "download"] {
            write(&format!("{folder}/b.gguf"));
            write(&format!("{folder}/Q8_0/a.gguf"));
        }
        fs::create_dir_all(place.path().join("download/.cache/huggingface/download")).unwrap();
        let files = |folder: &str| files_of_model(&place.path().join(folder)).unwrap();
        assert_eq!(files("plain"), ["b.gguf"]);
        for folder in ["snapshots/c0ffee", "download"] {
            assert_eq!(files(folder), ["Q8_0/a.gguf", "b.gguf"]);
        }
    }

    #[test]
    fn references_hold_commits_only() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().into());
        let repo = layout.repo("org/name");
        assert_eq!(repo.commit_of("main"), None);
        repo.set_reference("refs/pr/1", COMMIT).unwrap();
        assert_eq!(repo.commit_of("refs/pr/1").as_deref(), Some(COMMIT));
        repo.set_reference("main", "../../elsewhere").unwrap();
        assert_eq!(repo.commit_of("main"), None);
        assert_eq!(repo.commit_of(COMMIT).as_deref(), Some(COMMIT));
        assert_eq!(layout.repos().unwrap().len(), 1);
        assert_eq!(layout.repos().unwrap()[0].repo, "org/name");
    }
}
