//! How well a model predicts a text.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BenchModel, Build, SchemaVersion};

/// How well a model predicts a text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Perplexity {
    /// The record's version.
    #[serde(default)]
    pub schema_version: SchemaVersion,
    /// The text's file.
    pub text: String,
    /// Tokens per window.
    pub n_ctx: u64,
    /// Windows that the text was cut into.
    pub n_chunks: u64,
    /// Tokens that were scored.
    pub n_scored: u64,
    /// The perplexity: e to the mean negative log-likelihood.
    pub perplexity: f64,
    /// Its standard error.
    pub perplexity_stderr: f64,
    /// Time of the whole measurement.
    pub total_ns: u64,
    /// The weights that were measured.
    pub model: BenchModel,
    /// The program and machine level that were measured.
    pub build: Build,
}
