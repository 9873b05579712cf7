//! Where SentencePiece's tokenizers put a space before text, so that a word has
//! the same tokens at the beginning as elsewhere.

use super::vocabulary::SPACE_MARK;
use llm_gguf::{Metadata, ValueError};

/// Where a space is put before text (`tokenizer.ggml.space_prefix_scheme`, our
/// own key, for the schemes of Hugging Face's files).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpacePrefix {
    /// Where it begins a sequence or follows markup, which is SentencePiece's.
    Every,
    /// The same, unless there is one.
    Missing,
    /// Where it begins a sequence, unless there is one.
    First,
}

impl SpacePrefix {
    /// Reads it from `metadata`.
    pub(super) fn read(metadata: &Metadata) -> Result<Option<Self>, ValueError> {
        let adds = metadata.bool("tokenizer.ggml.add_space_prefix")?;
        let scheme = metadata.string("tokenizer.ggml.space_prefix_scheme")?;
        Ok(adds.unwrap_or(true).then_some(match scheme {
            Some("missing") => Self::Missing,
            Some("first") => Self::First,
            _ => Self::Every,
        }))
    }

    /// Returns whether `text` gets one, which begins the whole text or not.
    pub(super) fn is_before(self, text: &str, begins: bool) -> bool {
        let is_missing = || !text.starts_with(' ') && !text.starts_with(SPACE_MARK);
        match self {
            Self::Every => true,
            Self::Missing => is_missing(),
            Self::First => begins && is_missing(),
        }
    }
}
