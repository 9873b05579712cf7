//! What can be wrong with a Hugging Face folder, each a sentence for the user.

use std::path::{Path, PathBuf};

use llm_gguf::{GgufError, NotAModel, ValueError};

/// Why a model's files could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// A GGUF file is unreadable or damaged.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// Only folders are quantized on load.
    #[error(
        "{} is a GGUF file, which is run as it is; --quantize is for folders with safetensors", path.display()
    )]
    QuantizesGguf {
        /// The file.
        path: PathBuf,
    },
    /// A file that the model needs is not there.
    #[error("{} lacks {file}; fetch it into the same folder", folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// The file's name.
        file: String,
    },
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file contradicts itself, or is not what its name says.
    #[error("{} is not usable: {reason}; fetch it again or check where it came from", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// A value of a file has another type than its meaning.
    #[error("{}: {source}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// What was found.
        source: ValueError,
    },
    /// A file that is no model.
    #[error("{}: {source}", path.display())]
    NotAModel {
        /// The file.
        path: PathBuf,
        /// What it is.
        source: NotAModel,
    },
    /// Tensors that would not be used.
    #[error(
        "{} holds {tensors}, which is not implemented for a model of its kind, so that it would give wrong output; fetch it from another source", path.display()
    )]
    Surplus {
        /// The file.
        path: PathBuf,
        /// Their names, or the first and how many there are beside it.
        tensors: String,
    },
    /// A sound file that says something that cannot be done.
    #[error("{}: {what}, which is not supported{way_out}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it says.
        what: String,
        /// What can be done instead, after a semicolon, or nothing.
        way_out: String,
    },
    /// A model that reads two texts together, where one is wanted that makes vectors.
    #[error(
        "{} is a cross-encoder, which makes a score of a query and a text and no vectors; it is for llm-embed rerank", folder.display()
    )]
    CrossEncoder {
        /// The folder.
        folder: PathBuf,
    },
    /// What is made of the weights is larger than the memory.
    #[error(
        "the weights that are made while loading need {:.1} GiB of memory, and {:.1} GiB are available; a smaller model, or --quantize with a smaller type, needs less", gib(*needed), gib(*room)
    )]
    Memory {
        /// Bytes needed.
        needed: u64,
        /// Bytes there.
        room: u64,
    },
    /// The system gives no memory.
    #[error("no memory for {bytes} bytes of weights: {source}")]
    NoMemory {
        /// Bytes asked for.
        bytes: u64,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The caller has broken off.
    #[error("interrupted")]
    Interrupted,
}

fn gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

impl FolderError {
    /// Returns the error for a file that contradicts itself.
    pub fn malformed(path: &Path, reason: impl Into<String>) -> Self {
        Self::Malformed {
            path: path.to_path_buf(),
            reason: reason.into(),
        }
    }

    /// Returns a function that says where a value of another type stands.
    pub fn value(path: &Path) -> impl Fn(ValueError) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Value {
            path: path.clone(),
            source,
        }
    }

    /// Returns the error for a file that says something that cannot be done.
    pub fn unsupported(path: &Path, what: impl Into<String>) -> Self {
        Self::Unsupported {
            path: path.to_path_buf(),
            what: what.into(),
            way_out: String::new(),
        }
    }
}
