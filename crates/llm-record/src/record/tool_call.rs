//! What a model calls, in OpenAI's form.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolCall {
    /// Which of the answer's calls it is, from 0; in pieces of an answer only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// Its id: the model's own, or nine letters that follow from the request.
    pub id: String,
    /// What is called.
    #[serde(rename = "type")]
    pub kind: ToolKind,
    /// The function, and what it is called with.
    pub function: FunctionCall,
}

/// What can be called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolKind {
    /// A function.
    #[default]
    Function,
}

/// A function, and what it is called with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionCall {
    /// Its name.
    pub name: String,
    /// The text of a JSON object, as the model wrote it.
    pub arguments: String,
}
