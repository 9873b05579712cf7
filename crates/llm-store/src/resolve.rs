//! From a name to the files on this disk. Never touches the network; hashes a
//! file at most once in its life (see `digest`).

use std::fs;
use std::path::{Path, PathBuf};

use crate::catalogue::{self, Entry};
use crate::digest;
use crate::error::StoreError;
use crate::folder;
use crate::layout::{RepoFolder, files_of_model, is_sha256};
use crate::name::{ModelName, Part, is_word};
use crate::select::{self, Location, Question};
use crate::{Observer, Store};

/// A model whose files are on this disk and whose bytes are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedModel {
    /// The name that was asked for.
    pub name: String,
    /// `org/repo`, for a model of the store.
    pub repo: Option<String>,
    /// The commit of its snapshot, for a model of the store.
    pub revision: Option<String>,
    /// The folder that holds the model's other files (`generation_config.json`,
    /// `tokenizer.json`, …), where the model is a folder or a snapshot. None
    /// for a bare file, whose neighbours may belong to other models.
    pub folder: Option<PathBuf>,
    /// The files in shard order; never empty.
    pub files: Vec<ModelFile>,
    /// SHA-256 of the file; of several, that of their digests in order, each
    /// followed by a newline.
    pub digest: String,
    /// All files together, in bytes.
    pub size_bytes: u64,
}

/// One file of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its name inside its repository or folder.
    pub name: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

impl ResolvedModel {
    /// Returns the paths of the files, in shard order.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|file| file.path.clone()).collect()
    }
}

/// A model that was found by its names alone; nothing was read yet.
pub(crate) struct Found {
    pub(crate) repo: Option<RepoFolder>,
    pub(crate) commit: Option<String>,
    /// What the file names are relative to.
    pub(crate) folder: PathBuf,
    pub(crate) files: Vec<String>,
}

/// A name with the repository it stands for.
pub(crate) struct Target {
    pub(crate) repo: String,
    pub(crate) revision: Option<String>,
    pub(crate) part: Option<Part>,
    pub(crate) entry: Option<&'static Entry>,
}

/// The owner under which imports without a catalogue name are stored.
pub(crate) const LOCAL: &str = "local";

impl Store {
    /// Finds the files of a model on this disk.
    ///
    /// # Errors
    /// What [`StoreError`] says of unknown, absent, ambiguous, incomplete and
    /// damaged models.
    pub fn resolve(&self, name: &str) -> Result<ResolvedModel, StoreError> {
        self.resolve_watched(name, &mut |_| std::ops::ControlFlow::Continue(()))
    }

    /// The same, reporting when a file has to be hashed for the first time.
    ///
    /// # Errors
    /// As [`Store::resolve`], and [`StoreError::Interrupted`].
    pub fn resolve_watched(
        &self,
        name: &str,
        observer: &mut Observer<'_>,
    ) -> Result<ResolvedModel, StoreError> {
        match ModelName::parse(name)? {
            ModelName::Path(path) => {
                let found = find_path(name, &path)?;
                let is_folder = path.is_dir();
                let mut model = self.verify(name, &found, observer)?;
                model.folder = model.folder.filter(|_| is_folder);
                Ok(model)
            }
            parsed => {
                let target = self.target(&parsed)?;
                let found = self.find(name, &target)?;
                let model = self.verify(name, &found, observer)?;
                check_against_catalogue(&model, target.entry)?;
                Ok(model)
            }
        }
    }

    /// Returns the repository that a name of the catalogue, an import or a
    /// repository stands for.
    pub(crate) fn target(&self, name: &ModelName) -> Result<Target, StoreError> {
        match name {
            ModelName::Repo {
                repo,
                revision,
                part,
            } => Ok(Target {
                repo: repo.clone(),
                revision: revision.clone(),
                part: part.clone(),
                entry: None,
            }),
            ModelName::Short(short) => self.short_target(short),
            ModelName::Path(path) => self.path_target(path),
        }
    }

    /// Returns an import whose name reads as a file's, `a.gguf` say: no new one gets such
    /// a name, and those that are there can be removed.
    fn path_target(&self, path: &Path) -> Result<Target, StoreError> {
        let name = path.to_str().filter(|name| is_word(name));
        let repo = name.map(|name| format!("{LOCAL}/{name}"));
        match repo {
            Some(repo) if self.layout()?.repo(&repo).exists() => Ok(Target {
                repo,
                revision: None,
                part: None,
                entry: None,
            }),
            _ => Err(StoreError::NotInStore {
                path: path.to_path_buf(),
            }),
        }
    }

    fn short_target(&self, short: &str) -> Result<Target, StoreError> {
        if let Some(entry) = catalogue::entry(short)? {
            return Ok(Target {
                repo: entry.repo.clone(),
                revision: entry.revision.clone(),
                part: Some(entry.part()),
                entry: Some(entry),
            });
        }
        let repo = format!("{LOCAL}/{short}");
        if is_word(short) && self.layout()?.repo(&repo).exists() {
            return Ok(Target {
                repo,
                revision: None,
                part: None,
                entry: None,
            });
        }
        Err(self.unknown(short)?)
    }

    /// Finds the wanted files in the cache: in the revision that is asked
    /// for, else in `main`, else in the newest snapshot that has them.
    pub(crate) fn find(&self, name: &str, target: &Target) -> Result<Found, StoreError> {
        let repo = self.layout()?.repo(&target.repo);
        // A catalogue entry's commit is where its digest was taken, not a
        // demand: the digest decides.
        let pinned = target.entry.is_none();
        let mut commits = Vec::new();
        match &target.revision {
            Some(revision) if pinned => commits.extend(repo.commit_of(revision)),
            revision => {
                commits.extend(revision.clone());
                commits.extend(repo.commit_of("main"));
                commits.extend(repo.commits()?);
            }
        }
        let mut first_error = None;
        for commit in commits {
            let files = repo.files(&commit)?;
            let folder = repo.snapshot(&commit);
            let place = Location::Repo(&target.repo);
            match choose_files(name, place, target.part.as_ref(), &folder, &files) {
                Ok(files) => {
                    return Ok(Found {
                        repo: Some(repo),
                        commit: Some(commit),
                        folder,
                        files,
                    });
                }
                Err(error) if files.is_empty() => drop(error),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(match first_error {
            // A repository that is here, but not with this file.
            Some(error @ (StoreError::Ambiguous { .. } | StoreError::IncompleteSplit { .. })) => {
                error
            }
            _ => self.not_here(name, target),
        })
    }

    /// Computes or recalls the digests of what was found.
    pub(crate) fn verify(
        &self,
        name: &str,
        found: &Found,
        observer: &mut Observer<'_>,
    ) -> Result<ResolvedModel, StoreError> {
        let mut files = Vec::with_capacity(found.files.len());
        for file in &found.files {
            let path = found.folder.join(file);
            let data = fs::metadata(&path).map_err(StoreError::io("read", &path))?;
            let sha256 = self.digests.of_file(&path, observer)?;
            // A blob's name is a claim of whoever wrote it; some tools write
            // it before they have checked.
            let claimed = found.repo.as_ref().and_then(|repo| repo.blob_name(&path));
            if let Some(claimed) = claimed.filter(|claimed| is_sha256(claimed))
                && claimed != sha256
            {
                return Err(StoreError::WrongDigest {
                    file: path.display().to_string(),
                    actual: sha256,
                    expected: claimed,
                    source_name: "the cache".to_owned(),
                    way_out: format!("it is damaged: llm-pull rm {name} and fetch it again"),
                });
            }
            files.push(ModelFile {
                path,
                name: file.clone(),
                size_bytes: data.len(),
                sha256,
            });
        }
        Ok(ResolvedModel {
            name: name.to_owned(),
            repo: found.repo.as_ref().map(|repo| repo.repo.clone()),
            revision: found.commit.clone(),
            folder: Some(found.folder.clone()),
            digest: digest::of_model(files.iter().map(|file| file.sha256.as_str())),
            size_bytes: files.iter().map(|file| file.size_bytes).sum(),
            files,
        })
    }
}

/// Chooses the files of the wanted model among `files` of a folder: GGUF
/// files, or, where there are none, safetensors.
fn choose_files(
    name: &str,
    place: Location<'_>,
    part: Option<&Part>,
    folder: &Path,
    files: &[String],
) -> Result<Vec<String>, StoreError> {
    let groups = select::models(files.iter().map(String::as_str));
    if select::is_folder(part, &groups) {
        let tensors = folder::weights(files);
        if !tensors.is_empty() {
            return Ok(tensors);
        }
    }
    let size_of = |file: &str| fs::metadata(folder.join(file)).ok().map(|data| data.len());
    let question = Question {
        name,
        place,
        size_of: &size_of,
        foreign: folder::foreign(files.iter().map(String::as_str)),
    };
    select::choose(&groups, part, &question).map(|group| group.files.clone())
}

/// Finds the model at a path: a file with its sister shards, or a folder.
pub(crate) fn find_path(name: &str, path: &Path) -> Result<Found, StoreError> {
    let (folder, part) = if path.is_dir() {
        (path.to_path_buf(), None)
    } else {
        let folder = match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => Path::new("/"),
        };
        let file = path
            .file_name()
            .and_then(|file| file.to_str())
            .filter(|_| path.is_file())
            .ok_or_else(|| no_file(path))?;
        (folder.to_path_buf(), Some(file.to_owned()))
    };
    let files = match &part {
        // A bare file is taken whatever its name is; shards bring the others.
        Some(file) => match select::models([file.as_str()]).as_slice() {
            [group] if group.split_into.is_some() => {
                let beside = beside(&folder)?;
                let part = Part::File(file.clone());
                choose_files(
                    name,
                    Location::Folder(&folder),
                    Some(&part),
                    &folder,
                    &beside,
                )?
            }
            _ => vec![file.clone()],
        },
        None => {
            let files = files_of_model(&folder)?;
            choose_files(name, Location::Folder(&folder), None, &folder, &files)?
        }
    };
    Ok(Found {
        repo: None,
        commit: None,
        folder,
        files,
    })
}

/// Says why a path that is no folder leads to no file of a model.
fn no_file(path: &Path) -> StoreError {
    let path_buf = path.to_path_buf();
    match path.metadata() {
        Ok(data) if data.is_file() => StoreError::NameNotUtf8 { path: path_buf },
        Ok(data) => StoreError::NoRegularFile {
            path: path_buf,
            kind: kind(&data),
        },
        Err(_) => StoreError::NoSuchPath { path: path_buf },
    }
}

#[cfg(unix)]
fn kind(data: &fs::Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = data.file_type();
    if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn kind(_: &fs::Metadata) -> &'static str {
    "no regular file"
}

/// The names of the files right in a folder, not below it: the parent of a
/// bare file may be a whole home folder.
fn beside(folder: &Path) -> Result<Vec<String>, StoreError> {
    let listing = fs::read_dir(folder).map_err(StoreError::io("list", folder))?;
    Ok(listing
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect())
}

/// Checks that a catalogue name means the catalogue's bytes.
pub(crate) fn check_against_catalogue(
    model: &ResolvedModel,
    entry: Option<&Entry>,
) -> Result<(), StoreError> {
    let expected = entry.and_then(|entry| entry.sha256.as_deref());
    match expected {
        Some(expected) if expected != model.digest => Err(StoreError::WrongDigest {
            file: model.name.clone(),
            actual: model.digest.clone(),
            expected: expected.to_owned(),
            source_name: "the catalogue".to_owned(),
            way_out: format!(
                "llm-pull rm {} and fetch it again, or name the file by its repository",
                model.name
            ),
        }),
        _ => Ok(()),
    }
}
