//! A Hugging Face folder (`config.json`, `tokenizer.json`, one or many
//! `*.safetensors`) read as if it were a GGUF file: the same metadata keys and
//! tensor names, so that nothing behind this crate knows where a model came
//! from. Keys, names and numbers are those of llama.cpp's
//! `convert_hf_to_gguf.py`, with few exceptions: the rows of queries and keys
//! stay in their order, and `ARCHITECTURE.rope.pairing` says so; experts that
//! stand alone stay alone; and what the converter does not write and the model
//! was made with (windows, YaRN's temperature, how groups of experts are chosen)
//! is written.
//!
//! Matrices stay in the memory maps of the folder's files, unless they are
//! quantized as they are loaded ([`Quantize`]); what the converter changes is
//! made anew in memory.
//!
//! ```no_run
//! let paths = ["SmolLM2-135M/model.safetensors".into()];
//! let gguf = llm_folder::open(&paths, None)?;
//! assert_eq!(gguf.metadata().string("general.architecture")?, Some("llama"));
//! println!("{} tensors", gguf.tensors().len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod activation;
mod changes;
mod chunks;
mod config;
mod derived_tensors;
mod error;
mod foreign_tokenizer;
pub mod header;
pub mod json;
mod kinds;
mod known_keys;
mod latent;
mod mxfp4;
mod names;
mod numbers;
mod order;
mod pre_tokenizer;
mod refusals;
mod rope;
mod rope_factors;
mod special_tokens;
mod state;
mod templates;
mod tensors;
#[cfg(test)]
mod tests;
pub mod tokenizer;
pub mod tokenizer_json;
mod two_lengths;
mod windows;

pub use error::FolderError;
pub use special_tokens::Stated;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use llm_kernels::pool::Pool;
use llm_kernels::quantize::QuantType;
use llm_kernels::simd::Level;
use serde_json::Value;

use config::Config;
use llm_gguf::{Gguf, GgufError};
use tensors::Making;

/// What to make of a folder's matrices while they are loaded.
#[derive(Clone, Copy)]
pub struct Quantize<'a> {
    /// The format, where rows are whole blocks of it; else the next larger one
    /// that fits.
    pub packing: QuantType,
    /// The level that it is computed at; the bytes are the same at each.
    pub level: Level,
    /// Who does it.
    pub pool: &'a Pool,
    /// The memory that it may take, in bytes; `None` for any.
    pub room: Option<u64>,
    /// Whether to give up.
    pub interrupted: &'a dyn Fn() -> bool,
}

/// Returns whether `paths` are the weights of a Hugging Face folder.
pub fn is_folder(paths: &[PathBuf]) -> bool {
    let is_safetensors =
        |path: &PathBuf| path.extension().and_then(OsStr::to_str) == Some("safetensors");
    !paths.is_empty() && paths.iter().all(is_safetensors)
}

/// Returns whether folders of a `model_type` can be opened.
pub fn knows(kind: &str) -> bool {
    kinds::kinds().any(|known| known == kind)
}

/// Returns the values of `model_type` that can be opened.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    kinds::kinds()
}

/// Returns the architectures whose folders can be opened, by GGUF's names.
pub fn architectures() -> impl Iterator<Item = &'static str> {
    kinds::KINDS.iter().map(|kind| kind.architecture)
}

/// Opens a folder's model for its rows alone: it needs no matrix that makes
/// logits of them.
///
/// # Errors
/// A folder that is incomplete, damaged or of a kind that cannot be run.
pub fn open_for_rows(folder: &Path, quantize: Option<&Quantize<'_>>) -> Result<Gguf, FolderError> {
    let listed = std::fs::read_dir(folder).and_then(|entries| {
        let paths = entries.map(|entry| Ok(entry?.path()));
        paths.collect::<std::io::Result<Vec<_>>>()
    });
    let mut paths = listed.map_err(|source| FolderError::Read {
        path: folder.to_path_buf(),
        source,
    })?;
    paths.retain(|path| is_folder(std::slice::from_ref(path)));
    paths.sort();
    if paths.is_empty() {
        return Err(FolderError::Missing {
            folder: folder.to_path_buf(),
            file: "model.safetensors".to_owned(),
        });
    }
    read(
        folder,
        &Config::read(folder)?.without_output(),
        &paths,
        Making::All(quantize),
    )
}

/// Opens the weight files of a model: GGUF as they are, safetensors with the
/// folder that the first of them lies in.
///
/// # Errors
/// What [`Gguf::open`] says, a folder that is incomplete, damaged or of a kind
/// that cannot be run, and GGUF files that are to be quantized.
pub fn open(paths: &[PathBuf], quantize: Option<&Quantize<'_>>) -> Result<Gguf, FolderError> {
    match (is_folder(paths), paths.first(), quantize) {
        (true, Some(first), _) => {
            let folder = first.parent().unwrap_or(Path::new(""));
            read(folder, &Config::read(folder)?, paths, Making::All(quantize))
        }
        (false, Some(first), Some(_)) => Err(FolderError::QuantizesGguf {
            path: first.clone(),
        }),
        _ => Ok(Gguf::open(paths)?),
    }
}

/// Opens a model's files to look at them: what is not in a folder's files as a GGUF file
/// has it has its name and shape, and zeros for numbers, so that a model larger than the
/// memory can be looked at.
///
/// # Errors
/// As [`open`].
pub fn open_to_look(paths: &[PathBuf]) -> Result<Gguf, FolderError> {
    match (is_folder(paths), paths.first()) {
        (true, Some(first)) => {
            let folder = first.parent().unwrap_or(Path::new(""));
            read(folder, &Config::read(folder)?, paths, Making::Nothing)
        }
        _ => Ok(Gguf::open(paths)?),
    }
}

fn read(
    folder: &Path,
    config: &Config,
    paths: &[PathBuf],
    making: Making<'_>,
) -> Result<Gguf, FolderError> {
    let mut metadata = config.metadata()?;
    tokenizer::read(folder, &|name| config.ids(name), &mut metadata)?;
    let paths = indexed(folder, paths)?;
    let loaded = tensors::load(&paths, config, making)?;
    for (key, value) in loaded.metadata {
        metadata.insert(key, value);
    }
    let gguf = Gguf::from_parts(metadata, loaded.tensors, loaded.shards, &paths)?;
    Ok(gguf.with_own_names(loaded.own_names))
}

/// Returns those of `paths` that the folder's index names, or all where it has
/// no index.
fn indexed(folder: &Path, paths: &[PathBuf]) -> Result<Vec<PathBuf>, FolderError> {
    let path = folder.join("model.safetensors.index.json");
    let Some(index) = json::read_if_there(&path)? else {
        return Ok(paths.to_vec());
    };
    let map = index
        .get("weight_map")
        .and_then(Value::as_object)
        .ok_or_else(|| FolderError::malformed(&path, "it has no 'weight_map'"))?;
    let mut names: Vec<&str> = map.values().filter_map(Value::as_str).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return Err(GgufError::NoFile.into());
    }
    let find = |name: &str| {
        let found = paths.iter().find(|path| path.ends_with(name));
        found.cloned().ok_or_else(|| FolderError::Missing {
            folder: folder.to_path_buf(),
            file: name.to_owned(),
        })
    };
    names.into_iter().map(find).collect()
}
