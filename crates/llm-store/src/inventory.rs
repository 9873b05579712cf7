//! What the store holds, and removing it. A blob goes only when no snapshot
//! points to it any more.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Store;
use crate::catalogue;
use crate::digest;
use crate::error::StoreError;
use crate::folder;
use crate::layout::{RepoFolder, is_sha256};
use crate::name::ModelName;
use crate::resolve::LOCAL;
use crate::select::{self, Group};

/// A model in the store, known by its names alone: nothing is hashed to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The shortest name that resolves to it.
    pub name: String,
    /// `org/repo`, or `local/NAME` for an import.
    pub repo: String,
    /// The commit of its snapshot.
    pub revision: String,
    /// The paths of its files, in shard order.
    pub files: Vec<PathBuf>,
    /// All files together, in bytes.
    pub size_bytes: u64,
    /// The quantization that the file's name claims.
    pub quantization: Option<String>,
    /// The model's digest, if it is remembered or the cache's own names say it.
    pub digest: Option<String>,
}

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// `org/repo`.
    pub repo: String,
    /// The files, by their names in the repository.
    pub files: Vec<String>,
    /// Bytes of the blobs that are gone. The disk gets those back that no
    /// other hard link or reflink holds.
    pub freed_bytes: u64,
}

impl Store {
    /// Lists the models of the store, also those that other tools fetched.
    /// What is damaged or closed to us in a shared cache is no model of ours.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the cache cannot be read.
    pub fn list(&self) -> Result<Vec<Stored>, StoreError> {
        let mut models = Vec::new();
        for repo in self.layout()?.repos()? {
            let main = repo.commit_of("main");
            let Ok(mut commits) = repo.commits() else {
                continue;
            };
            // main first, so that older snapshots are the ones that need a
            // longer name.
            commits.sort_by_key(|commit| Some(commit) != main.as_ref());
            let mut seen: BTreeSet<Vec<PathBuf>> = BTreeSet::new();
            for (index, commit) in commits.iter().enumerate() {
                let Ok(files) = repo.files(commit) else {
                    continue;
                };
                for model in self.models_of(&repo, commit, &files, index == 0)? {
                    let blobs = model.files.iter().map(|path| behind(path)).collect();
                    if seen.insert(blobs) {
                        models.push(model);
                    }
                }
            }
        }
        Ok(models)
    }

    fn models_of(
        &self,
        repo: &RepoFolder,
        commit: &str,
        files: &[String],
        is_first: bool,
    ) -> Result<Vec<Stored>, StoreError> {
        let mut groups = select::models(files.iter().map(String::as_str));
        groups.retain(|group| group.complete().is_ok());
        if groups.is_empty() {
            groups.extend(tensors(files));
        }
        let mut models = Vec::new();
        for group in &groups {
            let paths: Vec<PathBuf> = group
                .files
                .iter()
                .map(|file| repo.snapshot(commit).join(file))
                .collect();
            let size_bytes = paths
                .iter()
                .filter_map(|path| fs::metadata(path).ok())
                .map(|data| data.len())
                .sum();
            let digests: Option<Vec<String>> = paths
                .iter()
                .map(|path| {
                    let claimed = || repo.blob_name(path).filter(|name| is_sha256(name));
                    self.digests.remembered(path).or_else(claimed)
                })
                .collect();
            let digest = digests.map(|all| digest::of_model(all.iter().map(String::as_str)));
            models.push(Stored {
                name: shortest_name(repo, commit, group, &groups, is_first, digest.as_deref())?,
                repo: repo.repo.clone(),
                revision: commit.to_owned(),
                quantization: group.quantization(),
                files: paths,
                size_bytes,
                digest,
            });
        }
        Ok(models)
    }

    /// Removes a model: of a repository's name all of it, of a longer or
    /// short name that one model, from every snapshot that has files of these
    /// names.
    ///
    /// # Errors
    /// [`StoreError::NotInStore`] for a path, and what [`Store::resolve`] says
    /// of absent and ambiguous models.
    pub fn remove(&self, name: &str) -> Result<Removed, StoreError> {
        let parsed = ModelName::parse(name)?;
        let target = self.target(&parsed)?;
        let repo = self.layout()?.repo(&target.repo);
        let whole = target.part.is_none() && target.revision.is_none();
        let files = if whole && repo.exists() {
            let mut files = BTreeSet::new();
            for commit in repo.commits()? {
                files.extend(repo.files(&commit)?);
            }
            files.into_iter().collect()
        } else {
            self.find(name, &target)?.files
        };
        for commit in repo.commits()? {
            if target.entry.is_none()
                && let Some(revision) = &target.revision
                && repo.commit_of(revision).as_ref() != Some(&commit)
            {
                continue;
            }
            let snapshot = repo.snapshot(&commit);
            for file in &files {
                self.unlink(&snapshot, file)?;
            }
        }
        let freed_bytes = self.sweep(&repo)?;
        let is_empty = repo
            .commits()?
            .iter()
            .all(|commit| repo.files(commit).is_ok_and(|files| files.is_empty()));
        if is_empty {
            repo.remove()?;
        }
        Ok(Removed {
            repo: target.repo,
            files,
            freed_bytes,
        })
    }

    /// Removes one file of a snapshot and the folders that it leaves empty.
    fn unlink(&self, snapshot: &Path, file: &str) -> Result<(), StoreError> {
        let path = snapshot.join(file);
        if fs::symlink_metadata(&path).is_err() {
            return Ok(());
        }
        // A cache without links holds the bytes right here.
        if path.symlink_metadata().is_ok_and(|data| data.is_file()) {
            self.digests.forget(&path);
        }
        fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        for folder in path.ancestors().skip(1) {
            if !folder.starts_with(snapshot) || fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Removes the blobs that no snapshot points to and returns their bytes.
    fn sweep(&self, repo: &RepoFolder) -> Result<u64, StoreError> {
        let mut used = BTreeSet::new();
        for commit in repo.commits()? {
            for file in repo.files(&commit)? {
                used.extend(repo.blob_name(&repo.snapshot(&commit).join(file)));
            }
        }
        let blobs = repo.path().join("blobs");
        let mut freed_bytes = 0;
        for name in crate::layout::files_below(&blobs)? {
            // Another tool's half download is its own to resume.
            let ours_or_whole = !name.ends_with(".incomplete") || name.contains(".llm-pull.");
            if used.contains(&name) || !ours_or_whole || name.ends_with(".lock") {
                continue;
            }
            let path = blobs.join(&name);
            freed_bytes += fs::metadata(&path).map_or(0, |data| data.len());
            self.digests.forget(&path);
            fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        }
        Ok(freed_bytes)
    }
}

/// The safetensors files of a snapshot, as one model.
fn tensors(files: &[String]) -> Option<Group> {
    let files = folder::weights(files);
    (!files.is_empty()).then_some(Group {
        files,
        split_into: None,
    })
}

/// The real file behind a snapshot's link.
fn behind(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

fn shortest_name(
    repo: &RepoFolder,
    commit: &str,
    group: &Group,
    groups: &[Group],
    is_first: bool,
    digest: Option<&str>,
) -> Result<String, StoreError> {
    if let Some(digest) = digest
        && let Some(entry) = catalogue::entry_with_digest(digest)?
        && entry.repo == repo.repo
    {
        return Ok(entry.name.clone());
    }
    if let Some(local) = repo
        .repo
        .strip_prefix(LOCAL)
        .and_then(|rest| rest.strip_prefix('/'))
    {
        return Ok(local.to_owned());
    }
    let base = if is_first {
        repo.repo.clone()
    } else {
        format!("{}@{commit}", repo.repo)
    };
    Ok(if groups.len() == 1 {
        base
    } else {
        select::handle(group, groups, &base)
    })
}
