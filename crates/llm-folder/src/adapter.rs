//! A LoRA adapter as its files hold it (Hu et al. 2021, arXiv:2106.09685): pairs of thin
//! matrices, each by the tensor of the model that it adds to. Both kinds of files are
//! read to the same: GGUF as llama.cpp's `convert_lora_to_gguf.py` writes it, and the
//! folders of PEFT. Whether a model has those tensors is looked at where it is applied.

mod gguf;
mod patterns;
mod peft;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use llm_gguf::TensorInfo;
use llm_kernels::mmap::Mapping;

use super::FolderError;

/// An adapter's pairs of matrices, which stay in the memory maps of its files.
#[derive(Debug)]
pub struct Adapter {
    /// The file or folder.
    pub path: PathBuf,
    /// In the order of the files.
    pub pairs: Vec<Pair>,
    /// What the matrices lie in: a file, and then what was made of it in memory.
    pub shards: Vec<Arc<Mapping>>,
    /// The files that decide what it is, of which the last one is the first of the shards.
    pub files: Vec<PathBuf>,
    /// The order of a head's rows where it is not that of the family's GGUF files.
    pub rows: RowOrder,
}

/// In which order an adapter has the rows of queries and keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOrder {
    /// That of GGUF files.
    Gguf,
    /// That of Hugging Face folders, which is another one for this family.
    Folder,
}

/// Two matrices whose product, times a scale, is added to a tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The tensor's name in GGUF files, without `.weight`.
    pub tensor: String,
    /// What the adapter's file calls it, for messages.
    pub own_name: String,
    /// `A`, (rank, columns), or a stack of such; of a token embedding (tokens, rank).
    pub down: TensorInfo,
    /// `B`, (rows, rank), or a stack of such.
    pub up: TensorInfo,
    /// `alpha / rank`, or what the files put in its place.
    pub scale: f32,
}

/// What an adapter's header says, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// `gguf` or `peft`.
    pub format: &'static str,
    /// The architecture that it is for, where the file says so.
    pub architecture: Option<String>,
    /// The model that it was trained on, where the file says so.
    pub base_model: Option<String>,
    /// The least and the largest rank.
    pub ranks: (u64, u64),
    /// What products are scaled by, before they are divided by the rank.
    pub alpha: Option<f64>,
    /// Tensors that it adds to.
    pub tensors: usize,
    /// Bytes of its matrices.
    pub bytes: u64,
}

/// Returns the folder of a PEFT adapter that `path` names: itself, or a file in it.
pub fn peft_folder(path: &Path) -> Option<&Path> {
    let folder = if path.is_dir() { path } else { path.parent()? };
    let is_named = path.is_dir()
        || path
            .extension()
            .is_some_and(|it| it == "safetensors" || it == "json" || it == "bin");
    // The empty path is the current folder's.
    (is_named && folder.join(peft::CONFIG).is_file()).then_some(folder)
}

/// Returns whether `path` is a LoRA adapter, as far as can be told without reading it whole.
pub fn is_adapter(path: &Path) -> bool {
    if let Some(folder) = peft_folder(path) {
        return !folder.join("config.json").is_file();
    }
    gguf::is_adapter(path)
}

/// Opens an adapter for a model of an architecture, by GGUF's name.
///
/// # Errors
/// Files that are unreadable or damaged, that are no LoRA adapter or one of another
/// architecture, or that say something which is not applied.
pub fn open(path: &Path, architecture: &str) -> Result<Adapter, FolderError> {
    match peft_folder(path) {
        Some(folder) => peft::open(folder, architecture),
        None if path.is_dir() => Err(FolderError::Missing {
            folder: path.to_path_buf(),
            file: peft::CONFIG.to_owned(),
        }),
        None => gguf::open(path, architecture),
    }
}

/// Reads what an adapter says of itself.
///
/// # Errors
/// Files that are unreadable or damaged, or no adapter.
pub fn summary(path: &Path) -> Result<Summary, FolderError> {
    match peft_folder(path) {
        Some(folder) => peft::summary(folder),
        None => gguf::summary(path),
    }
}

impl Summary {
    fn of(
        format: &'static str,
        pairs: &[(TensorInfo, TensorInfo)],
        rank: fn(&TensorInfo) -> u64,
    ) -> Self {
        let ranks = pairs.iter().map(|(_, up)| rank(up));
        let all = pairs.iter().flat_map(|(down, up)| [down, up]);
        Self {
            format,
            architecture: None,
            base_model: None,
            ranks: (ranks.clone().min().unwrap_or(0), ranks.max().unwrap_or(0)),
            alpha: None,
            tensors: pairs.len(),
            bytes: all
                .filter_map(|tensor| tensor.size)
                .fold(0, u64::saturating_add),
        }
    }
}

/// Returns the rank of a matrix `B`.
fn rank(up: &TensorInfo) -> u64 {
    up.shape.first().copied().unwrap_or(0)
}
