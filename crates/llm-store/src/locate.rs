//! Which files a name or a path stands for, before anything is read: the
//! programs look at a header first, since hashing many gigabytes to learn that
//! no program can use them helps nobody.

use std::path::{Path, PathBuf};

use crate::Store;
use crate::error::StoreError;
use crate::folder::is_safetensors;
use crate::name::ModelName;
use crate::resolve::{Found, find_path};

/// Where a model lies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelPlaces {
    /// The weight files.
    pub files: Vec<PathBuf>,
    /// The folder that belongs to the model alone, with all that is in it: the one
    /// that was named, or the repository in the cache.
    pub folder: Option<PathBuf>,
}

impl Store {
    /// Returns all that is a model's own on this disk, for those who must not write
    /// there; nothing is read. Of a name that leads to no model it is what a path
    /// names, or nothing.
    #[must_use]
    pub fn places(&self, name: &str) -> ModelPlaces {
        let Ok(parsed) = ModelName::parse(name) else {
            return ModelPlaces::default();
        };
        match parsed {
            ModelName::Path(path) => {
                let found = find_path(name, &path);
                // One file of a folder of safetensors stands for the folder, which
                // the error of the run will say.
                let is_part = |found: &Found| found.files.iter().any(|file| is_safetensors(file));
                let folder = match &found {
                    _ if path.is_dir() => Some(path.clone()),
                    Ok(found) if is_part(found) => Some(found.folder.clone()),
                    _ => None,
                };
                ModelPlaces {
                    files: found.map_or_else(|_| vec![path], |found| paths(&found)),
                    folder,
                }
            }
            parsed => {
                let Ok(target) = self.target(&parsed) else {
                    return ModelPlaces::default();
                };
                let folder = self.layout().ok().map(|layout| layout.repo(&target.repo));
                let found = self.find(name, &target);
                ModelPlaces {
                    files: found.map_or_else(|_| Vec::new(), |found| paths(&found)),
                    folder: folder.map(|repo| repo.path().to_path_buf()),
                }
            }
        }
    }

    /// Returns the weight files that a name stands for, GGUF or the safetensors
    /// of a folder, in shard order; nothing is read or hashed.
    ///
    /// # Errors
    /// [`StoreError::PartOfFolder`], and what [`Store::resolve`] says of
    /// unknown, absent and ambiguous models.
    pub fn locate(&self, name: &str) -> Result<Vec<PathBuf>, StoreError> {
        let found = match ModelName::parse(name)? {
            ModelName::Path(path) => {
                let found = find_path(name, &path)?;
                // Alone, it has neither numbers nor a tokenizer.
                if path.is_file() && found.files.iter().any(|file| is_safetensors(file)) {
                    return Err(StoreError::PartOfFolder {
                        path,
                        folder: found.folder,
                    });
                }
                found
            }
            parsed => self.find(name, &self.target(&parsed)?)?,
        };
        Ok(paths(&found))
    }

    /// Returns the GGUF files of what is certainly a path, for an import.
    ///
    /// # Errors
    /// [`StoreError::OnlySafetensors`], and as [`Store::locate`].
    pub fn locate_path(&self, path: &Path) -> Result<Vec<PathBuf>, StoreError> {
        let shown = path.display().to_string();
        let found = find_path(&shown, path)?;
        // A file of another ending may well be GGUF, a blob of a cache for one.
        if found.files.iter().any(|file| is_safetensors(file)) {
            return Err(StoreError::OnlySafetensors { name: shown });
        }
        Ok(paths(&found))
    }
}

fn paths(found: &Found) -> Vec<PathBuf> {
    let files = found.files.iter();
    files.map(|file| found.folder.join(file)).collect()
}
