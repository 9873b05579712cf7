//! Pulls: the bytes of a plan from the hub into the cache, hashed on the way
//! and visible only when whole. Which bytes are wanted is left to `plan`.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use llm_digest::{Sha256Hex, hex};
use rustix::fs::{FlockOperation, flock, statvfs};
use rustix::io::Errno;
use sha1::Digest;

use crate::aligned_writer::AlignedWriter;
use crate::body::Chunks;
use crate::digest::{git_header, is_present};
use crate::error::StoreError;
use crate::http::Client;
use crate::layout::{RepoFolder, is_sha256};
use crate::plan::{Plan, PlannedFile};
use crate::resolve::{Found, ResolvedModel, check_against_catalogue};
use crate::{Event, Observer, Store, report};

impl Store {
    /// Fetches what is missing and returns the model.
    ///
    /// Each file is hashed while it is written beside its place, compared with
    /// the hub's digest, and only then given its name. Two pulls of the same
    /// file, also one by another tool, wait for each other.
    ///
    /// # Errors
    /// A full disk (found before the first byte), a stalled or broken
    /// transfer, a wrong digest, [`StoreError::Interrupted`]. Whole files of
    /// the plan stay; half ones do not.
    pub fn fetch(
        &self,
        plan: &Plan,
        observer: &mut Observer<'_>,
    ) -> Result<ResolvedModel, StoreError> {
        let repo = self.layout()?.repo(&plan.repo);
        if plan.missing_bytes() > 0 {
            let blobs = repo.make_blobs()?;
            if !plan.force {
                check_space(&blobs, plan.missing_bytes())?;
            }
            let client = Client::new(self.settings())?;
            for file in plan.files.iter().filter(|file| !file.present) {
                self.fetch_file(&client, &repo, plan, file, observer)?;
            }
        }
        for file in plan.files.iter().filter(|file| !file.etag.is_empty()) {
            repo.link(&plan.commit, &file.name, &file.etag)?;
        }
        repo.set_reference(&plan.revision, &plan.commit)?;
        let found = Found {
            folder: repo.snapshot(&plan.commit),
            repo: Some(repo),
            commit: Some(plan.commit.clone()),
            files: plan.files.iter().map(|file| file.name.clone()).collect(),
        };
        let model = self.verify(&plan.name, &found, observer)?;
        check_against_catalogue(&model, plan.entry.filter(|_| model.files.len() == 1))?;
        Ok(model)
    }

    fn fetch_file(
        &self,
        client: &Client,
        repo: &RepoFolder,
        plan: &Plan,
        file: &PlannedFile,
        observer: &mut Observer<'_>,
    ) -> Result<(), StoreError> {
        let _lock = lock(repo, &file.etag, &file.name, observer)?;
        let blob = repo.blob(&file.etag);
        if is_present(&blob, file.size_bytes, &file.etag) {
            return Ok(()); // somebody else fetched it while we waited
        }
        let url = client.file_url(&plan.repo, &plan.commit, &file.name);
        let (partial, sha256) = download(client, &url, file, &blob, observer)?;
        partial.keep(&blob)?;
        self.digests.remember(&blob, &sha256);
        Ok(())
    }
}

/// How often a lock that somebody else holds is tried: too short to be felt
/// after a download, long enough to cost nothing.
const LOCK_WAIT: Duration = Duration::from_millis(20);

/// Takes the lock on a blob, saying so if it has to wait for somebody else.
/// It is released when the file is dropped, also by a crash.
pub(crate) fn lock(
    repo: &RepoFolder,
    etag: &str,
    file: &str,
    observer: &mut Observer<'_>,
) -> Result<File, StoreError> {
    let lock = repo.lock_file(etag)?;
    let mut is_waiting = false;
    loop {
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(Errno::WOULDBLOCK) if is_waiting => {
                // An empty step, so that whoever watches can end the wait.
                report(observer, Event::Advanced { bytes: 0 })?;
                thread::sleep(LOCK_WAIT);
            }
            Err(Errno::WOULDBLOCK) => {
                is_waiting = true;
                report(observer, Event::Waiting { file })?;
            }
            Err(error) => return Err(StoreError::io("lock", repo.path())(error.into())),
        }
    }
    Ok(lock)
}

/// A file that is removed again unless it is kept. The lock on its etag makes
/// its fixed name safe, and lets the next pull clean up after a killed one.
pub(crate) struct Partial {
    path: PathBuf,
    pub(crate) file: AlignedWriter<File>,
    kept: bool,
}

impl Partial {
    /// Creates the file that will become `blob`, empty.
    pub(crate) fn create(blob: &Path) -> Result<Self, StoreError> {
        let mut name = blob.file_name().unwrap_or_default().to_os_string();
        name.push(".llm-pull.incomplete");
        let path = blob.with_file_name(name);
        let file = File::create(&path).map_err(StoreError::io("create", &path))?;
        Ok(Self {
            path,
            file: AlignedWriter::new(file),
            kept: false,
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file
            .write_all(bytes)
            .map_err(StoreError::io("write", &self.path))
    }

    /// Makes the bytes durable and gives the file its name.
    pub(crate) fn keep(mut self, blob: &Path) -> Result<(), StoreError> {
        let written = self.file.flush();
        written
            .and_then(|()| self.file.get_ref().sync_all())
            .map_err(StoreError::io("write", &self.path))?;
        fs::rename(&self.path, blob).map_err(StoreError::io("create", blob))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Writes the bytes of a file that is to become `blob`, and returns them with
/// their SHA-256 once they are proved to be the promised ones. Nothing is made
/// before the hub has answered: a program that waits for it may be ended.
fn download(
    client: &Client,
    url: &str,
    file: &PlannedFile,
    blob: &Path,
    observer: &mut Observer<'_>,
) -> Result<(Partial, String), StoreError> {
    let what = format!("file '{}'", file.name);
    let answer = client.get(url)?.accepted(&what, client.has_token())?;
    let mut partial = Partial::create(blob)?;
    report(
        observer,
        Event::Fetching {
            file: &file.name,
            total_bytes: file.size_bytes,
        },
    )?;
    let mut sha256 = Sha256Hex::new();
    let mut git = git_header(file.size_bytes); // a small file's etag
    let is_small = !is_sha256(&file.etag);
    let from = answer.url;
    let body = Chunks::read_ahead(answer.body.into_reader());
    let mut received: u64 = 0;
    loop {
        let bytes = body
            .next(observer)?
            .map_err(|error| client.broken(&from, &file.name, received, file.size_bytes, error))?;
        let count = bytes.len();
        received += count as u64;
        if (count == 0 && received < file.size_bytes) || received > file.size_bytes {
            return Err(StoreError::Truncated {
                file: file.name.clone(),
                received_bytes: received,
                expected_bytes: file.size_bytes,
                cause: String::new(),
            });
        }
        if count == 0 {
            break;
        }
        sha256.update(&bytes);
        if is_small {
            git.update(&bytes);
        }
        partial.write(&bytes)?;
        report(
            observer,
            Event::Advanced {
                bytes: count as u64,
            },
        )?;
    }
    let sha256 = sha256.finish();
    let actual = if is_small {
        hex(&git.finalize())
    } else {
        sha256.clone()
    };
    if actual != file.etag {
        return Err(StoreError::WrongDigest {
            file: file.name.clone(),
            actual,
            expected: file.etag.clone(),
            source_name: "the hub".to_owned(),
            way_out: "nothing was stored, try again".to_owned(),
        });
    }
    report(observer, Event::Finished)?;
    Ok((partial, sha256))
}

/// Refuses what does not fit on the disk.
pub(crate) fn check_space(folder: &Path, needed_bytes: u64) -> Result<(), StoreError> {
    let Ok(disk) = statvfs(folder) else {
        return Ok(()); // a file system that does not say is no reason to stop
    };
    let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free_bytes < needed_bytes {
        return Err(StoreError::DiskFull {
            folder: folder.to_path_buf(),
            free_bytes,
            needed_bytes,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_too_small_is_refused_with_both_numbers() {
        let folder = tempfile::tempdir().unwrap();
        check_space(folder.path(), 1).unwrap();
        let text = check_space(folder.path(), u64::MAX)
            .unwrap_err()
            .to_string();
        assert!(text.contains(&u64::MAX.to_string()), "{text}");
    }
}
