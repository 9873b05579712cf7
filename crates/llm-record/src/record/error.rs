//! A request that has no answer, and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(doc)]
use crate::Completion;
use crate::{Fields, Id, SchemaVersion, Usage};

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorRecord {
    /// The record's version.
    #[serde(default)]
    pub schema_version: SchemaVersion,
    /// The request's id, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The request's line in the input, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What went wrong.
    pub error: ErrorDetail,
    /// When it was closed, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<i64>,
    /// Fields of the input that were asked to be kept.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub input: Fields,
    /// The request's digest as in [`Completion`], where the request got so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_digest: Option<String>,
    /// Which of several equal requests without an id this is, from 2 on; the first has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<u64>,
    /// The answer as far as it came, where it ended before it was whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// How many tokens it took all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

impl ErrorRecord {
    /// Returns the record for a request that failed.
    pub fn new(line: u64, id: Option<Id>, code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            schema_version: SchemaVersion::default(),
            id,
            line: Some(line),
            error: ErrorDetail {
                code,
                message: message.into(),
            },
            created: None,
            input: Fields::new(),
            request_digest: None,
            occurrence: None,
            text: None,
            usage: None,
        }
    }
}

/// What went wrong, for programs and for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorDetail {
    /// For programs; the words never change.
    pub code: ErrorCode,
    /// For people: one sentence that names the thing and the way out.
    pub message: String,
}

/// The kinds of failure, stable across versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// The line is not UTF-8.
    BadUtf8,
    /// The line is not a JSON object.
    BadJson,
    /// The line, or the whole input, is longer than the limit.
    InputTooLong,
    /// A field is absent, of the wrong kind or out of range.
    BadRequest,
    /// A `{{field}}` of the template is not in the line.
    MissingField,
    /// A file that holds a text cannot be read.
    UnreadableFile,
    /// There is nothing to work on.
    EmptyInput,
    /// Prompt and answer do not fit into the context.
    ContextExceeded,
    /// The chat template refused the messages.
    TemplateFailed,
    /// The cache for prompt and answer does not fit into the memory that is left.
    OutOfMemory,
    /// The model failed at the request.
    GenerationFailed,
    /// The model could not be found or opened.
    ModelFailed,
    /// The row is not one of the CSV file's columns.
    BadCsv,
    /// A field would change the answer and is not supported.
    UnsupportedField,
    /// An earlier line of the input has the same id.
    DuplicateId,
    /// The output holds an answer to another request under the same id.
    IdConflict,
    /// The answer took longer than it was given.
    Timeout,
    /// A schema, or another description of the answer, that cannot be enforced to the letter.
    UnsupportedSchema,
    /// The answer ended before it was whole.
    Incomplete,
    /// A code of a later version.
    #[serde(other)]
    Unknown,
}

impl ErrorCode {
    /// Returns the word that records have for it.
    #[must_use]
    pub fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            _ => String::new(),
        }
    }
}
