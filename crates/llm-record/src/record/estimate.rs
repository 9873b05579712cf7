//! What a run over many lines would take, before it is run. The numbers are `llm-run`'s business.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Build, ModelIdentity, SchemaVersion};

/// What a run would take. Prompt tokens are exact; answers are counted as long as they may be, and
/// hours, energy and price are those of such answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The record's version.
    #[serde(default)]
    pub schema_version: SchemaVersion,
    /// Lines that can be answered.
    pub lines: u64,
    /// Lines that would fail.
    pub failed: u64,
    /// Lines that the file of `--resume` holds the record of.
    #[serde(default)]
    pub skipped: u64,
    /// Tokens of all prompts.
    pub prompt_tokens: u64,
    /// Tokens that all prompts begin with; they are computed once.
    pub shared_prefix_tokens: u64,
    /// Tokens of all answers at most, as `-n` and the lines' own limits say.
    pub max_completion_tokens: u64,
    /// Lines that are answered together.
    pub parallel: u64,
    /// Memory that the run would need.
    pub memory: MemoryEstimate,
    /// Speed on this machine; absent where there is no line to measure with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<MeasuredSpeed>,
    /// How long the run would take at that speed, in hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<f64>,
    /// Energy in kilowatt-hours, where `--watts` says what the machine draws.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kwh: Option<f64>,
    /// What a cloud would take for the same tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud: Option<CloudPrice>,
    /// The model.
    pub model: ModelIdentity,
    /// The program, and how many threads it would use.
    pub build: Build,
}

/// The memory that a run would need, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryEstimate {
    /// The model's weights.
    pub weights_bytes: u64,
    /// The cache of the lines that are answered together, each as long as the longest may get.
    pub cache_bytes: u64,
    /// The program itself and its buffers.
    pub overhead_bytes: u64,
    /// What is available now, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_bytes: Option<u64>,
}

impl MemoryEstimate {
    /// Returns all that is needed, in bytes.
    #[must_use]
    pub fn total(&self) -> u64 {
        let weights = self.weights_bytes.saturating_add(self.cache_bytes);
        weights.saturating_add(self.overhead_bytes)
    }
}

/// What was measured on this machine, with this model, in a second or two.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MeasuredSpeed {
    /// Prompt tokens per second.
    pub prompt_tokens_per_second: f64,
    /// Tokens a second of all answers under way together.
    pub tokens_per_second: f64,
    /// How many answers were under way.
    pub parallel: u64,
    /// How long was measured, in milliseconds.
    pub measured_ms: f64,
}

/// What a cloud model would take.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CloudPrice {
    /// The catalogue's name of the cloud model.
    pub id: String,
    /// US dollars at most.
    pub usd: f64,
    /// The same by batch, where the provider has a price for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_by_batch: Option<f64>,
    /// The day of the price.
    pub as_of: String,
}

/// Returns bytes in GiB, for messages and tables.
#[must_use]
pub fn gib(bytes: u64) -> String {
    format!("{:.2} GiB", bytes as f64 / (1_u64 << 30) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_in_gib() {
        assert_eq!(gib((3 << 30) / 2), "1.50 GiB");
    }
}
