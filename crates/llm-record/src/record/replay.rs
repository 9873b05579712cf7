//! A request as a record keeps it, and what came of running it again. Which requests are run again,
//! and how, is `llm-run`'s business.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Build, Id, LoraChoice, Message, ModelIdentity, Overrides, SchemaVersion, Usage};

/// A whole request, itself a line that `--jsonl` takes: the settings are those that were used, so that
/// no flag has to be given again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedRequest {
    /// The line's own name, on which the random draws depend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The prompt, where no chat template was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The conversation as the chat template got it: instruction and system text are in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
    /// The tools that the model might call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Value>,
    /// The chat template, where it was not the model's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_template: Option<String>,
    /// Whether the model was told to think, or not to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub think: Option<bool>,
    /// Tokens of context that the prompt and the answer could have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ctx_size: Option<u64>,
    /// The LoRA adapters that the line chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora: Option<Vec<LoraChoice>>,
    /// How each token was chosen.
    #[serde(flatten)]
    pub settings: Overrides,
}

/// A request that was answered before and is answered again; closes a line of a replay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Replay {
    /// The record's version.
    #[serde(default)]
    pub schema_version: SchemaVersion,
    /// The request's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The request's line in the input, from 1; without an input the line that its record names.
    pub line: u64,
    /// Whether the same answer came again, byte for byte.
    pub same: bool,
    /// The file holds no answer to the request, so nothing was run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missing: bool,
    /// The part of the answer that differs, the first of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs: Option<Part>,
    /// Offset in bytes, from 0, at which it begins to differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_difference: Option<u64>,
    /// That part as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// That part as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
    /// What is not as it was when the request was answered before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Circumstance>,
    /// How many tokens it took this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// When it was closed, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<i64>,
    /// The request's digest as its record has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_digest: Option<String>,
    /// Which of several equal requests without an id this is, from 2 on; the first has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<u64>,
    /// The model that answers now.
    pub model: ModelIdentity,
    /// The program that answers now; where nothing was run there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<Build>,
}

/// A part of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Part {
    /// What the model thought.
    ReasoningContent,
    /// The answer.
    Text,
    /// What it calls.
    ToolCalls,
    /// Why it ended.
    FinishReason,
}

/// What an answer may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Circumstance {
    /// The model's weights.
    ModelDigest,
    /// The prompt's text or its tokens (`request_digest`, the change of weights aside): another row,
    /// instruction or chat template under the same id.
    RequestDigest,
    /// The toolkit's version.
    Version,
    /// The level of the kernels.
    Simd,
    /// The device.
    Device,
    /// The number of threads; does not change the answer.
    Threads,
}
