//! A prompt as the model would get it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Fields, Id, ModelIdentity, SchemaVersion, Usage};

/// A prompt as the model would get it; nothing was generated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RenderedPrompt {
    /// The record's version.
    #[serde(default)]
    pub schema_version: SchemaVersion,
    /// The request's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The request's line in the input, from 1.
    pub line: u64,
    /// The prompt's text, as the chat template makes it.
    pub text: String,
    /// The ids of its tokens. Markup in what the caller said is text here.
    pub tokens: Vec<u32>,
    /// The count, as `prompt_tokens`.
    pub usage: Usage,
    /// When it was closed, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<i64>,
    /// Fields of the input that were asked to be kept.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub input: Fields,
    /// The model whose template and tokenizer made it.
    pub model: ModelIdentity,
}
