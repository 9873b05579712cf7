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
//! quantized as they are loaded ([`Loading`]); what the converter changes, and what
//! is stored in a few bits, is made anew in memory.
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
pub mod adapter;
mod altup;
mod changes;
mod chunks;
mod config;
mod derived_tensors;
mod error;
mod foreign_tokenizer;
mod gelu;
pub mod header;
pub mod json;
mod kinds;
mod known_keys;
mod latent;
mod low_bit;
mod multipliers;
mod mxfp4;
mod names;
mod numbers;
mod one_step;
mod order;
mod pre_tokenizer;
mod refusals;
mod rope;
mod rope_factors;
mod special_tokens;
mod ssd;
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

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use llm_kernels::pool::Pool;
use llm_kernels::quantize::QuantType;
use llm_kernels::simd::Level;
use serde_json::Value;

use config::Config;
use llm_gguf::{Gguf, GgufError, TensorInfo, TensorType};

/// How what a folder holds in another form is made while it is loaded.
#[derive(Clone, Copy)]
pub struct Loading<'a> {
    /// What matrices are quantized to where rows are whole blocks of it, else the next
    /// larger one that fits; `None` leaves them as they are.
    pub packing: Option<QuantType>,
    /// The level that it is computed at; the bytes are the same at each.
    pub level: Level,
    /// Who does it.
    pub pool: &'a Pool,
    /// The memory that it may take, in bytes; `None` for any.
    pub room: Option<u64>,
    /// Whether to give up.
    pub interrupted: &'a dyn Fn() -> bool,
}

/// What a folder is opened for.
#[derive(Clone, Copy)]
enum Purpose<'a> {
    /// To be described: no matrix is made.
    Look,
    /// To be run; without more, on one thread and in any memory.
    Run(Option<&'a Loading<'a>>),
}

impl<'a> Purpose<'a> {
    fn loading(self) -> Option<&'a Loading<'a>> {
        match self {
            Self::Look => None,
            Self::Run(loading) => loading,
        }
    }
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
pub fn open_for_rows(folder: &Path, loading: Option<&Loading<'_>>) -> Result<Gguf, FolderError> {
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
        Purpose::Run(loading),
    )
}

/// Opens the weight files of a model: GGUF as they are, safetensors with the
/// folder that the first of them lies in.
///
/// # Errors
/// What [`Gguf::open`] says, a folder that is incomplete, damaged or of a kind
/// that cannot be run, and GGUF files that are to be quantized.
pub fn open(paths: &[PathBuf], loading: Option<&Loading<'_>>) -> Result<Gguf, FolderError> {
    let quantizes = loading.is_some_and(|loading| loading.packing.is_some());
    match (is_folder(paths), paths.first()) {
        (false, Some(first)) if quantizes => Err(FolderError::QuantizesGguf {
            path: first.clone(),
        }),
        _ => open_for(paths, Purpose::Run(loading)),
    }
}

/// Does the same for a model that is described and not run: matrices that would be made
/// in memory are zeros, which take none.
///
/// # Errors
/// Those of [`open`].
pub fn look(paths: &[PathBuf]) -> Result<Gguf, FolderError> {
    open_for(paths, Purpose::Look)
}

fn open_for(paths: &[PathBuf], purpose: Purpose<'_>) -> Result<Gguf, FolderError> {
    match paths.first() {
        Some(first) if is_folder(paths) => {
            let folder = first.parent().unwrap_or(Path::new(""));
            read(folder, &Config::read(folder)?, paths, purpose)
        }
        _ => Ok(Gguf::open(paths)?),
    }
}

fn read(
    folder: &Path,
    config: &Config,
    paths: &[PathBuf],
    purpose: Purpose<'_>,
) -> Result<Gguf, FolderError> {
    let mut metadata = config.metadata()?;
    tokenizer::read(folder, &|name| config.ids(name), &mut metadata)?;
    let paths = indexed(folder, paths)?;
    let loaded = tensors::load(&paths, config, purpose)?;
    for (key, value) in loaded.metadata {
        metadata.insert(key, value);
    }
    let is_low_bit = loaded.has_low_bit;
    if let Some(method) = config.low_bit.as_ref().filter(|_| is_low_bit) {
        let quantizes = purpose.loading().is_some_and(|it| it.packing.is_some());
        let name = match most(&loaded.tensors).filter(|_| quantizes) {
            Some(dtype) => format!("{dtype} of {}", method.name()),
            None => method.name(),
        };
        metadata.insert(QUANTIZATION, llm_gguf::Value::String(name));
    }
    let gguf = Gguf::from_parts(metadata, loaded.tensors, loaded.shards, &paths)?;
    Ok(gguf.with_own_names(loaded.own_names))
}

/// Returns the type that holds the most weights.
fn most(tensors: &[TensorInfo]) -> Option<TensorType> {
    let mut weights = BTreeMap::<u32, u64>::new();
    for tensor in tensors {
        let sum = weights.entry(tensor.dtype.0).or_default();
        *sum = sum.saturating_add(tensor.elements());
    }
    let most = weights.into_iter().max_by_key(|(_, weights)| *weights)?;
    Some(TensorType(most.0))
}

/// The key of the name of a folder's low-bit format.
pub const QUANTIZATION: &str = "general.quantization";

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
