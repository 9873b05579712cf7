//! The vector of a text as a record, and what made it. How a text becomes a vector is the engine's
//! business, the forms in which one is written are `vector`'s.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Build, Encoding, Fields, Id, SchemaVersion, Vector};

/// The vector of a text; closes a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Embedding {
    /// The record's version.
    #[serde(default)]
    pub schema_version: SchemaVersion,
    /// The request's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The request's line in the input, from 1.
    pub line: u64,
    /// The vector; left out where it is a row of a matrix file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<Vector>,
    /// Its row in the matrix that this record belongs to, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// What its bytes are, where it is not written as numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// What each byte of an `int8` vector is to be multiplied by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f32>,
    /// How many numbers it has.
    pub dim: u64,
    /// How many tokens it took.
    pub usage: EmbeddingUsage,
    /// Whether the end of the text was cut, since it is longer than the model takes.
    pub truncated: bool,
    /// How many windows a text was cut into that is longer than the model takes; the vector is the mean
    /// of theirs, each weighted by its tokens. Left out where nothing was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<u64>,
    /// How the tokens' vectors became one: `cls`, `mean`, `mean_sqrt_len`, `weightedmean`, `max` or `last`.
    pub pooling: String,
    /// Whether the vector is normalized to unit length.
    pub normalized: bool,
    /// What was put before the text; left out where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// When it was made, in Unix seconds; records of older versions do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<i64>,
    /// The text, where it was asked to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Fields of the input that were asked to be kept, and where in which file the text stands.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub input: Fields,
    /// The model that made it.
    pub model: Encoder,
    /// SHA-256 in hexadecimal of all that the vector depends on: model digest, tokens,
    /// pooling, dimensions, and the form in which it is written.
    pub request_digest: String,
    /// Which of several equal requests without an id this is, from 2 on; the first has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<u64>,
    /// The program that made it.
    pub build: Build,
}

/// How many tokens a vector took, in OpenAI's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EmbeddingUsage {
    /// Tokens of the text, with what was put before it and the special tokens around it.
    pub prompt_tokens: u64,
    /// Equal to `prompt_tokens`: nothing is generated.
    pub total_tokens: u64,
}

/// Which weights made a vector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Encoder {
    /// The name that the user gave.
    pub name: String,
    /// SHA-256 of the weights in hexadecimal.
    pub digest: String,
    /// What the weights were quantized to, where it is not what the file holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<String>,
}
