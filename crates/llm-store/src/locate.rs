//! Which GGUF files a name or a path stands for, before anything is read: the
//! programs look at a header first, since hashing many gigabytes to learn that
//! no program can use them helps nobody.

use std::path::{Path, PathBuf};

use crate::Store;
use crate::error::StoreError;
use crate::name::ModelName;
use crate::resolve::{Found, find_path};

impl Store {
    /// Returns the GGUF files that a name stands for, in shard order; nothing
    /// is read or hashed.
    ///
    /// # Errors
    /// [`StoreError::OnlySafetensors`], and what [`Store::resolve`] says of
    /// unknown, absent and ambiguous models.
    pub fn locate(&self, name: &str) -> Result<Vec<PathBuf>, StoreError> {
        match ModelName::parse(name)? {
            ModelName::Path(path) => gguf_files(name, &find_path(name, &path)?),
            parsed => gguf_files(name, &self.find(name, &self.target(&parsed)?)?),
        }
    }

    /// The same for what is certainly a path, as for an import.
    ///
    /// # Errors
    /// As [`Store::locate`].
    pub fn locate_path(&self, path: &Path) -> Result<Vec<PathBuf>, StoreError> {
        let shown = path.display().to_string();
        gguf_files(&shown, &find_path(&shown, path)?)
    }
}

/// A file of another ending may well be GGUF, a blob of a cache for one.
fn gguf_files(name: &str, found: &Found) -> Result<Vec<PathBuf>, StoreError> {
    let is_tensors = |file: &String| file.to_ascii_lowercase().ends_with(".safetensors");
    if found.files.iter().any(is_tensors) {
        return Err(StoreError::OnlySafetensors {
            name: name.to_owned(),
        });
    }
    let paths = found.files.iter().map(|file| found.folder.join(file));
    Ok(paths.collect())
}
