//! A whole answer.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Build, Choice, Fields, Id, Json, Logprobs, Message, Metrics, ModelIdentity, RecordedRequest,
    Sampling, SchemaVersion, ToolCall, Usage,
};

/// A whole answer and all that is needed to audit it and to make it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Completion {
    /// The record's version.
    #[serde(default)]
    pub schema_version: SchemaVersion,
    /// The request's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The request's line in the input, from 1.
    pub line: u64,
    /// The answer, without the token or text that ended it and without any reasoning.
    pub text: String,
    /// The value that the text holds, where it had to be JSON: keys in order, numbers as they are written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Json>,
    /// What the model thought before it, where it thinks in a way that its chat template shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    /// The labels that were to choose from, in the order given; `text` is the likeliest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// How likely each of its tokens was, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<Logprobs>,
    /// What the model calls, where tools were offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Why a call could not be read, and is in the text, or is not one that was offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_error: Option<String>,
    /// The whole conversation with this answer as its last turn, where that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// What was cut from the text so that prompt and answer fit the context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncated: Option<Truncated>,
    /// How many tokens it took.
    pub usage: Usage,
    /// How long it took.
    pub metrics: Metrics,
    /// When it ended, in Unix seconds.
    pub created: i64,
    /// Fields of the input that were asked to be kept.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub input: Fields,
    /// The whole request, where it was asked to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Box<RecordedRequest>>,
    /// The model that answered.
    pub model: ModelIdentity,
    /// How each token was chosen.
    pub sampling: Sampling,
    /// SHA-256 in hexadecimal of model digest, rendered prompt, its tokens, sampling and seed.
    pub request_digest: String,
    /// Which of several equal requests without an id this is, from 2 on; the first has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<u64>,
    /// Fields of the request that ask for what is not done and were ignored, where that was wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
    /// The model that the request asked for, where it named one in the format of another API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_model: Option<String>,
    /// The program that answered.
    pub build: Build,
}

/// What was cut from the text of a request (`--on-overflow`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Truncated {
    /// Tokens of the prompt that the cut has taken away.
    pub tokens: u64,
    /// The part of the text that was cut.
    #[serde(rename = "where")]
    pub place: Place,
}

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Its beginning.
    Head,
    /// Its middle.
    Middle,
    /// Its end.
    Tail,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Head => "beginning",
            Self::Middle => "middle",
            Self::Tail => "end",
        })
    }
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FinishReason {
    /// The model, or a stop text, ended it; or it is a label.
    Stop,
    /// The limit of tokens, or the context's end, was reached.
    Length,
    /// It repeated itself without end (`stop_repetition`).
    Repetition,
    /// The model ended it with calls of tools.
    ToolCalls,
}

impl FinishReason {
    /// Returns the word of OpenAI's format, which has none for an answer that repeats itself.
    #[must_use]
    pub fn in_openai(self) -> Self {
        match self {
            Self::Repetition => Self::Length,
            other => other,
        }
    }
}
