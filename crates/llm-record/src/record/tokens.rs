//! The tokens of a text.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{SchemaVersion, TokenizerIdentity};

/// The tokens of a text as it stands: without template, BOS or EOS, markup in it taken as plain text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tokens {
    /// The record's version.
    #[serde(default)]
    pub schema_version: SchemaVersion,
    /// Their ids, in order.
    pub tokens: Vec<u32>,
    /// The model whose tokenizer made them.
    pub model: TokenizerIdentity,
}
