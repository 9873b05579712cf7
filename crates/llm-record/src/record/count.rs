//! The length of a prompt in tokens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Fields, Id, ModelIdentity, SchemaVersion, Usage};

/// How many tokens a prompt has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Count {
    /// The record's version.
    #[serde(default)]
    pub schema_version: SchemaVersion,
    /// The request's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The request's line in the input, from 1.
    pub line: u64,
    /// The count, as `prompt_tokens`; nothing was generated.
    pub usage: Usage,
    /// When it was closed, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<i64>,
    /// Fields of the input that were asked to be kept.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub input: Fields,
    /// The model whose tokenizer and template counted.
    pub model: ModelIdentity,
}
