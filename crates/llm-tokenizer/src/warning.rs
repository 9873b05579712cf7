//! What of a file's tokenizer the user may not have meant, though it can be used.

use super::vocabulary;
use llm_gguf::{Metadata, ValueError};

/// Something that is unusual in a tokenizer, and makes answers worse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerWarning {
    /// A byte-level tokenizer without a kind.
    #[error(
        "the model does not name its pre-tokenizer (tokenizer.ggml.pre), so text is cut by the oldest rules and answers may be worse; a newer conversion of the model names it"
    )]
    NoPreTokenizer,
    /// An id of a token that is not there.
    #[error(
        "'{key}' is {id}, and the model has {tokens} tokens, so it is not used; fetch the model again or from another source"
    )]
    NoSuchToken {
        /// The key.
        key: String,
        /// The id.
        id: u32,
        /// Tokens of the vocabulary.
        tokens: usize,
    },
}

/// Names that stand for tokens.
const ROLES: [&str; 9] = [
    "bos",
    "eos",
    "eot",
    "eom",
    "unknown",
    "seperator",
    "padding",
    "cls",
    "mask",
];

/// Returns what is unusual about the ids that a file gives a role.
pub(super) fn of_ids(metadata: &Metadata) -> Result<Vec<TokenizerWarning>, ValueError> {
    let tokens = metadata
        .strings("tokenizer.ggml.tokens")?
        .map_or(0, llm_gguf::Strings::len);
    let mut warnings = Vec::new();
    for role in ROLES {
        let key = vocabulary::key_of(role);
        let ids = match role {
            "eos" | "eot" | "eom" => metadata.ids(&key)?.unwrap_or_default(),
            _ => metadata.id(&key)?.into_iter().collect(),
        };
        // Converters write the largest number for none.
        let beyond = |id: &u32| *id != u32::MAX && *id as usize >= tokens;
        warnings.extend(ids.into_iter().filter(beyond).map(|id| {
            let key = key.clone();
            TokenizerWarning::NoSuchToken { key, id, tokens }
        }));
    }
    Ok(warnings)
}
