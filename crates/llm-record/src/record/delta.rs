//! A piece of an answer that is still growing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Id, SchemaVersion, ToolCall};

/// A piece of an answer: the pieces of one request, in order, make its whole text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delta {
    /// The record's version.
    pub schema_version: SchemaVersion,
    /// The request's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The request's line in the input, from 1.
    pub line: u64,
    /// The piece of the answer, empty in a piece of reasoning; never a cut character.
    pub text: String,
    /// A piece of what the model thinks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    /// A call of a tool, whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
}
