//! What a benchmark measured: one record a combination of model, threads, depth, sequences and test.
//! Names are llama-bench's where it has the field, so that what reads its lines reads these; rates are
//! in tokens a second, times in nanoseconds, sizes in bytes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Build, ErrorDetail, LoraIdentity, SchemaVersion};

/// One row of a benchmark; with `error` where it could not be measured, and then without the numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bench {
    /// The record's version.
    #[serde(default)]
    pub schema_version: SchemaVersion,
    /// Version of the toolkit, where llama-bench has its commit.
    pub build_commit: String,
    /// The processor's name.
    pub cpu_info: String,
    /// Always empty: what is measured runs on the CPU.
    pub gpu_info: String,
    /// `CPU`.
    pub backends: String,
    /// The model as it was asked for: a path, a name, or `NAME:QUANT` of a shape.
    pub model_filename: String,
    /// Architecture, parameters and quantization, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_type: Option<String>,
    /// Bytes of all weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_size: Option<u64>,
    /// Number of weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_n_params: Option<u64>,
    /// Tokens of a prompt that the forward pass is given at once.
    #[serde(default)]
    pub n_batch: u64,
    /// Tokens that go through the layers together.
    #[serde(default)]
    pub n_ubatch: u64,
    /// Threads that computed.
    pub n_threads: u64,
    /// Always `0x0`: threads are not bound to cores.
    #[serde(default)]
    pub cpu_mask: String,
    /// Always false: see `cpu_mask`.
    #[serde(default)]
    pub cpu_strict: bool,
    /// Type of the keys in the cache.
    pub type_k: String,
    /// Type of the values in the cache.
    pub type_v: String,
    /// Always 0: the CPU computes all layers.
    #[serde(default)]
    pub n_gpu_layers: u64,
    /// Always `none`: nothing is spread over GPUs.
    #[serde(default)]
    pub split_mode: String,
    /// Always 0, as llama-bench has it where there is no GPU.
    #[serde(default)]
    pub main_gpu: u64,
    /// Always true: the cache is in the machine's memory.
    #[serde(default)]
    pub no_kv_offload: bool,
    /// Always 1: attention goes through the cache block by block and holds no matrix of scores.
    #[serde(default)]
    pub flash_attn: u64,
    /// Always `none`: no device beside the CPU.
    #[serde(default)]
    pub devices: String,
    /// Always `none`: all weights lie in the machine's memory.
    #[serde(default)]
    pub tensor_buft_overrides: String,
    /// `mmap` where weights are read from the mapped file, `none` where they were made in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_mode: Option<String>,
    /// Always false: logits are computed, not embeddings.
    #[serde(default)]
    pub embeddings: bool,
    /// Prompt tokens of each sequence.
    pub n_prompt: u64,
    /// Generated tokens of each sequence.
    pub n_gen: u64,
    /// Tokens that each sequence held before.
    pub n_depth: u64,
    /// Sequences that were computed together.
    pub n_parallel: u64,
    /// Logits of a generated token that were asked for: `best`, what the choice of the best token
    /// needs, or `all`, as llama-bench computes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logits: Option<String>,
    /// When the test began, in UTC, as ISO 8601.
    pub test_time: String,
    /// Why there are no numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDetail>,
    /// Mean time of a repetition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avg_ns: Option<u64>,
    /// Standard deviation of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stddev_ns: Option<u64>,
    /// Mean rate: tokens of all sequences, prompt and generated, a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avg_ts: Option<f64>,
    /// Standard deviation of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stddev_ts: Option<f64>,
    /// Time of each repetition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples_ns: Vec<u64>,
    /// Rate of each repetition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples_ts: Vec<f64>,
    /// Time from the start of the prompts to the logits of their first tokens, median over the
    /// repetitions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttft_ns_p50: Option<u64>,
    /// The same, 95th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttft_ns_p95: Option<u64>,
    /// Time of a decoding step, one token of each sequence; median over all steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub itl_ns_p50: Option<u64>,
    /// The same, 95th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub itl_ns_p95: Option<u64>,
    /// Time from opening the file until the first token could be computed, without a tokenizer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_ns: Option<u64>,
    /// Most memory that the process held during this row, mapped weights included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_rss_bytes: Option<u64>,
    /// Threads that the machine runs at once, one a core or several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_cores: Option<u64>,
    /// Bytes of the machine's memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// What the machine can do at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// Share of the read bandwidth that decoding reached: bytes of weights and cache that a token
    /// touches (of the output matrix those that its logits took), times tokens a second, over the
    /// measured bandwidth. The time of a prompt before the
    /// tokens does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_fraction: Option<f64>,
    /// Share of the arithmetic limits: the time that the multiply-adds would take at the measured
    /// peaks (integer for quantized weights, float for others and for attention), over the time taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute_fraction: Option<f64>,
    /// Whether the numbers are those of a few layers, scaled to the whole model.
    pub extrapolated: bool,
    /// Layers that were timed, where that is not all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_layers_timed: Option<u64>,
    /// Bytes that the whole model, its cache and a copy of its output matrix need; of a shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed_bytes: Option<u64>,
    /// Whether the machine had as much memory free; of a shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fits: Option<bool>,
    /// The weights that were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<BenchModel>,
    /// The program and machine level that were measured.
    pub build: Build,
}

/// Measured limits of a machine at one level with one number of threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// Bytes read from memory, a second.
    pub read_bytes_per_second: f64,
    /// Multiply-adds of 8-bit integers, a second.
    pub integer_macs_per_second: f64,
    /// Multiply-adds of 32-bit floats, a second.
    pub float_macs_per_second: f64,
}

/// Which weights were measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BenchModel {
    /// The name that the user gave.
    pub name: String,
    /// SHA-256 of the weights in hexadecimal; none for random ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Quantization, `Q4_K_M` say.
    pub quantization: String,
    /// Architecture as the file names it.
    pub architecture: String,
    /// Number of layers of the whole model.
    pub layers: u64,
    /// Whether the weights are random numbers in a real model's shape.
    pub synthetic: bool,
    /// The LoRA adapters that were added to the weights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lora: Vec<LoraIdentity>,
}
