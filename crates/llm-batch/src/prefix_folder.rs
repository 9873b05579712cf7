//! Prompts' beginnings on disk: keys and values of an instruction, kept between runs.
//!
//! A file's name is a digest of all that the keys and values depend on: model,
//! build, instruction set, and the tokens. What stands in it is the engine's
//! business; what is damaged is passed over.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llm_digest::Sha256Hex;
use llm_engine::cache::sealed;
use llm_engine::generate::PrefixStore;
use llm_record::Build;

use crate::host::Host;

/// A folder of prefixes.
pub struct PrefixFolder {
    folder: PathBuf,
    /// What the keys and values depend on beside the tokens.
    origin: String,
    host: Arc<dyn Host>,
    /// Nothing could be written; said once.
    is_broken: bool,
}

impl PrefixFolder {
    /// Makes the folder if it is not there. `model` is the digest of the weights.
    ///
    /// # Errors
    /// A folder that cannot be made.
    pub fn open(
        folder: &Path,
        model: &str,
        build: &Build,
        host: Arc<dyn Host>,
    ) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            origin: format!(
                "{model}\0{}\0{}\0{}",
                build.version, build.simd, build.device
            ),
            host,
            is_broken: false,
        })
    }

    fn path(&self, tokens: &[u32]) -> PathBuf {
        let mut hash = Sha256Hex::new();
        hash.update(&self.origin);
        hash.update([0]);
        hash.update(sealed::bytes_of(tokens));
        self.folder.join(format!("{}.kv", hash.finish()))
    }

    /// Reads a file: `None` where there is none, a sentence where it is damaged.
    fn read(&self, path: &Path, tokens: &[u32]) -> Result<Option<Vec<u8>>, String> {
        match std::fs::read(path) {
            Ok(bytes) => sealed::state(bytes, tokens)
                .map(Some)
                .map_err(|fault| fault.to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Writes a file whole or not at all.
    fn write(&self, path: &Path, tokens: &[u32], state: &[u8]) -> io::Result<()> {
        let part = path.with_extension(format!("{}.part", std::process::id()));
        let written = File::create(&part).and_then(|mut file| {
            file.write_all(&sealed::head(tokens, state))?;
            file.write_all(state)?;
            file.sync_data()?;
            std::fs::rename(&part, path)
        });
        if written.is_err() {
            let _ = std::fs::remove_file(&part);
        }
        written
    }
}

impl PrefixStore for PrefixFolder {
    fn find(&mut self, tokens: &[u32]) -> Option<Vec<u8>> {
        let path = self.path(tokens);
        match self.read(&path, tokens) {
            Ok(found) => found,
            Err(sentence) => {
                self.host.warn(&format_args!(
                    "the prefix cache's '{}' is not used: {sentence}; it is written anew",
                    path.display()
                ));
                let _ = std::fs::remove_file(&path);
                None
            }
        }
    }

    fn keep(&mut self, tokens: &[u32], state: &[u8]) {
        let path = self.path(tokens);
        if self.is_broken || path.exists() {
            return;
        }
        if let Err(error) = self.write(&path, tokens, state) {
            self.is_broken = true;
            self.host.warn(&format_args!(
                "nothing is kept in the prefix cache: cannot write '{}': {error}",
                path.display()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Silent;

    fn store(folder: &Path, model: &str) -> PrefixFolder {
        let build = Build {
            version: "1".to_owned(),
            simd: "scalar".to_owned(),
            device: "cpu".to_owned(),
            threads: 1,
        };
        PrefixFolder::open(folder, model, &build, Arc::new(Silent)).unwrap()
    }

    #[test]
    fn what_is_kept_is_found_for_the_same_model_and_tokens_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = store(folder.path(), "a");
        assert_eq!(first.find(&[1, 2]), None);
        first.keep(&[1, 2], b"state");
        assert_eq!(
            store(folder.path(), "a").find(&[1, 2]),
            Some(b"state".to_vec())
        );
        assert_eq!(first.find(&[1, 2, 3]), None);
        assert_eq!(store(folder.path(), "b").find(&[1, 2]), None);
    }

    #[test]
    fn a_damaged_file_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store(folder.path(), "a");
        store.keep(&[1, 2], b"state");
        let path = store.path(&[1, 2]);
        let whole = std::fs::read(&path).unwrap();
        for byte in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[byte] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(store.find(&[1, 2]), None, "byte {byte}");
            std::fs::write(&path, &whole[..byte]).unwrap();
            assert_eq!(store.find(&[1, 2]), None, "{byte} bytes");
        }
        store.keep(&[1, 2], b"state");
        assert_eq!(store.find(&[1, 2]), Some(b"state".to_vec()));
    }
}
