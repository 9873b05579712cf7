//! Which files a name or a path stands for, before anything is read: the
//! programs look at a header first, since hashing many gigabytes to learn that
//! no program can use them helps nobody.

use std::path::{Path, PathBuf};

use crate::Store;
use crate::error::StoreError;
use crate::folder::is_safetensors;
use crate::name::ModelName;
use crate::resolve::{Found, find_path};

impl Store {
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
