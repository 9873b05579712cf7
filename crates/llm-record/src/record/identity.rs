//! What answered: the weights, the template, the tokenizer, the program.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::LoraIdentity;

/// Which weights answered, and in what words they were asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelIdentity {
    /// The name that the user gave.
    pub name: String,
    /// SHA-256 of the weights in hexadecimal (of the list of digests, for several files).
    pub digest: String,
    /// Quantization, `Q4_K_M` say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<String>,
    /// Architecture as the file names it.
    pub architecture: String,
    /// Name of the (first) file.
    pub file: String,
    /// How the prompt became the model's text.
    pub template: TemplateUse,
    /// Whether markup in what was asked counted as markup (`--parse-special`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parse_special: bool,
    /// The LoRA adapters that were added to the weights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lora: Vec<LoraIdentity>,
}

/// How a prompt became the model's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TemplateUse {
    /// By the chat template that the model brings.
    Chat,
    /// By a chat template from a file of the user's.
    File,
    /// Not at all: the text as it is.
    Raw,
}

/// Which tokenizer made tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenizerIdentity {
    /// The name that the user gave.
    pub name: String,
    /// SHA-256 of the model in hexadecimal (of the list of digests, for several files).
    pub digest: String,
    /// Name of the (first) file.
    pub file: String,
    /// Kind of tokenizer, with its pre-tokenizer where it has one (`gpt2/smollm`, `llama`).
    pub tokenizer: String,
    /// Number of tokens that it knows.
    pub vocabulary: u64,
}

/// The program and machine level that answered; the same bytes come again within one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Build {
    /// Version of the toolkit.
    pub version: String,
    /// Level of the kernels (`scalar`, `avx2`, …).
    pub simd: String,
    /// Device (`cpu`, `cuda`, …).
    pub device: String,
    /// Number of threads; does not change the answer.
    pub threads: u64,
}
