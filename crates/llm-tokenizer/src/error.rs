//! Why there is no tokenizer.

use llm_gguf::ValueError;

/// Why a file's tokenizer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// The file lacks a part of its tokenizer.
    #[error(
        "the model file has no '{key}', so its tokenizer cannot be built; convert or download the model again"
    )]
    MissingKey {
        /// The metadata key.
        key: &'static str,
    },
    /// A part of another type than it has.
    #[error(transparent)]
    Metadata(#[from] ValueError),
    /// A `tokenizer.ggml.model` that this build does not know.
    #[error(
        "the tokenizer model '{name}' is not supported (known: {known}); a model with one of these runs"
    )]
    UnknownModel {
        /// The name in the file.
        name: String,
        /// The names that would do.
        known: String,
    },
    /// A `tokenizer.ggml.pre` that this build does not know.
    #[error(
        "the pre-tokenizer '{name}' is not supported (known: {known}); a model with one of these runs"
    )]
    UnknownPreTokenizer {
        /// The name in the file.
        name: String,
        /// The names that would do.
        known: String,
    },
    /// A `tokenizer.json` that the crate `tokenizers` does not take.
    #[error("the tokenizer.json of the model cannot be used: {reason}")]
    HuggingFace {
        /// The crate's reason.
        reason: String,
    },
    /// An array with fewer entries than there are tokens.
    #[error(
        "the model file has {tokens} tokens and only {found} entries in '{key}'; convert or download the model again"
    )]
    TooShort {
        /// The metadata key of the array.
        key: &'static str,
        /// Entries found.
        found: usize,
        /// Tokens in the vocabulary.
        tokens: usize,
    },
    /// An entry of `tokenizer.ggml.merges` without a space in the middle.
    #[error(
        "entry {rank} of the model file's 'tokenizer.ggml.merges' is '{line}', which is not two parts; convert or download the model again"
    )]
    BadMerge {
        /// The entry.
        line: String,
        /// Its number, from 0.
        rank: u32,
    },
}
