//! A model of the store. Where it lies and what its header says is the store's business.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::SchemaVersion;

/// A model in the store. Only `name` is always known; the header's facts come with `llm-pull show`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelRecord {
    /// The record's version.
    pub schema_version: SchemaVersion,
    /// The name that `-m` takes.
    pub name: String,
    /// Repository on the hub, as `organization/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// Commit of the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// What it adds to a model, where it is a LoRA adapter and none itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora: Option<LoraSummary>,
    /// Where the model (its first file) lies on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Size of all files in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// SHA-256 of the weights in hexadecimal (of the list of digests, for several files).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The files, in the order in which they are read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ModelFile>,
    /// Architecture as the file names it, `llama` or `gemma3` say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Number of weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// Quantization, `Q4_K_M` say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<String>,
    /// Longest context that the model was trained for, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_length: Option<u64>,
    /// Whether the model brings a chat template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_template: Option<bool>,
    /// Kind of tokenizer, with its pre-tokenizer where it has one (`gpt2/smollm`, `llama`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<String>,
    /// Number of tokens that the tokenizer knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<u64>,
    /// Licence, as an SPDX identifier where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Whether `llm-run` can run the model, by its header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runnable: Option<bool>,
    /// What stands in the way, in one sentence, where it cannot be run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<String>,
    /// About how many bytes of memory it needs with a context of 8192 tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Whether this machine has as much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fits: Option<bool>,
    /// What it is made for: `text`, `vectors` or `ranking`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// What was done with the model (`pulled`, `present`, `imported`, `removed`, `planned`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
}

/// One file of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelFile {
    /// Path inside the repository, or the file's name.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 in hexadecimal, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// What a LoRA adapter says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoraSummary {
    /// `gguf` or `peft`.
    pub format: String,
    /// The model that it was trained on, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_model: Option<String>,
    /// The largest rank of its matrices.
    pub rank: u64,
    /// By which its products are multiplied before they are divided by the rank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// How many tensors it adds to.
    pub tensors: u64,
}
