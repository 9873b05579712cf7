//! The tiny models: one for each thing that a family can have.

mod layer_norm;
mod mixers;
mod mixtures;

pub(crate) use mixers::{FALCON_H1, LFM2, MAMBA2, QWEN35};

use candle_core::quantized::GgmlDType;

use super::Extra::{Bool, Float, Size, Sizes, Text};
use super::{ExpertPlan, Joined, Matrices, MlaPlan, Plan, VariedPlan};

const ATTENTION_INPUTS: &[&str] = &["attn_q", "attn_k", "attn_v"];

/// Grouped queries, an output of its own, biases, divisors of the rotation.
pub(crate) const LLAMA: Plan = Plan {
    family: "llama",
    layers: 3,
    vocabulary: 97,
    hidden_size: 96,
    intermediate_size: 112,
    heads: 6,
    kv_heads: 2,
    head_dim: 16,
    rope_dim: 16,
    tied: false,
    two_norms: true,
    bare_norm: false,
    query_key_norm: true,
    biases: &[
        "attn_q",
        "attn_k",
        "attn_v",
        "attn_output",
        "ffn_gate",
        "ffn_up",
        "ffn_down",
    ],
    rope_factors: &[("rope_freqs", 8.0)],
    joined: Joined::Nothing,
    experts: None,
    mla: None,
    varied: None,
    mixer: None,
    capped: false,
    extra: &[],
    step: 1.0,
    matrices: Matrices::Quantized(GgmlDType::F32),
};

/// A key head for each query head, a tied output.
const LLAMA_TIED: Plan = Plan {
    kv_heads: 6,
    tied: true,
    biases: &[],
    rope_factors: &[],
    ..LLAMA
};

const EXPERTS: ExpertPlan = ExpertPlan {
    count: 6,
    used: 2,
    inner: 48,
    shared: 0,
    leading_dense_layers: 0,
    every: 1,
    separate: false,
    router_bias: false,
    joined: false,
    shared_gate: false,
    latent: 0,
};

const MIXTRAL: Plan = Plan {
    intermediate_size: 48,
    experts: Some(EXPERTS),
    biases: &[],
    ..LLAMA
};

/// A tensor for each expert: llama.cpp no longer reads these.
const MIXTRAL_FIRST: Plan = Plan {
    experts: Some(ExpertPlan {
        separate: true,
        ..EXPERTS
    }),
    ..MIXTRAL
};

const QWEN2: Plan = Plan {
    family: "qwen2",
    biases: &["attn_q", "attn_k", "attn_v", "output"],
    rope_factors: &[],
    ..LLAMA
};

/// Pairs that follow a picture's time, height and width.
const QWEN3VL: Plan = Plan {
    family: "qwen3vl",
    extra: &[("rope.dimension_sections", Sizes(&[4, 4, 4, 0]))],
    ..QWEN3
};

const QWEN3VLMOE: Plan = Plan {
    family: "qwen3vlmoe",
    extra: &[
        ("expert_feed_forward_length", Size(48)),
        ("rope.dimension_sections", Sizes(&[4, 4, 4, 0])),
    ],
    ..QWEN3MOE
};

/// Heads that are longer than their share of the `hidden_size`.
const QWEN3: Plan = Plan {
    family: "qwen3",
    biases: &[],
    head_dim: 24,
    rope_dim: 24,
    ..QWEN2
};

const QWEN3MOE: Plan = Plan {
    family: "qwen3moe",
    experts: Some(EXPERTS),
    extra: &[("expert_feed_forward_length", Size(48))],
    ..QWEN3
};

const GEMMA: Plan = Plan {
    family: "gemma",
    kv_heads: 1,
    head_dim: 24,
    rope_dim: 24,
    ..LLAMA_TIED
};

const GEMMA2: Plan = Plan {
    family: "gemma2",
    layers: 7,
    kv_heads: 2,
    hidden_size: 80,
    heads: 4,
    capped: true,
    extra: &[
        ("attention.sliding_window", Size(100)),
        ("attn_logit_softcapping", Float(4.0)),
        ("final_logit_softcapping", Float(10.0)),
    ],
    ..GEMMA
};

/// Windows shorter than a block of the cache, all norms, stretched positions.
const GEMMA3: Plan = Plan {
    family: "gemma3",
    capped: false,
    kv_heads: 1,
    extra: &[
        ("attention.sliding_window", Size(16)),
        ("rope.scaling.type", Text("linear")),
        ("rope.scaling.factor", Float(8.0)),
    ],
    ..GEMMA2
};

/// Windows over more than one block, and soft caps, which Gemma 3 never has.
const GEMMA3_CAPPED: Plan = Plan {
    kv_heads: 2,
    capped: true,
    extra: &[
        ("attention.sliding_window", Size(100)),
        ("attn_logit_softcapping", Float(4.0)),
        ("final_logit_softcapping", Float(10.0)),
        ("rope.scaling.type", Text("linear")),
        ("rope.scaling.factor", Float(8.0)),
    ],
    ..GEMMA3
};

/// As Gemma 4's small models: heads of two lengths, layers with the keys of
/// others, a vector of each token for each layer. Keys are values in layers that
/// see everything, which only the large ones have.
const GEMMA4: Plan = Plan {
    family: "gemma4",
    layers: 6,
    hidden_size: 64,
    intermediate_size: 64,
    kv_heads: 2,
    head_dim: 16,
    rope_dim: 12,
    rope_factors: &[("rope_freqs", 30.0)],
    capped: false,
    varied: Some(VariedPlan {
        global_every: 2,
        kv_heads: 1,
        head_dim: 32,
        keys_as_values: true,
        sharing: 2,
        per_layer: 12,
        copies: 0,
    }),
    extra: &[
        ("attention.sliding_window", Size(20)),
        ("rope.freq_base_swa", Float(8000.0)),
        ("final_logit_softcapping", Float(12.0)),
    ],
    ..GEMMA2
};

/// As Gemma 4's model with experts, which stand beside the dense step.
const GEMMA4_EXPERTS: Plan = Plan {
    layers: 4,
    experts: Some(ExpertPlan {
        inner: 24,
        joined: true,
        ..EXPERTS
    }),
    varied: Some(VariedPlan {
        global_every: 3,
        kv_heads: 1,
        head_dim: 32,
        keys_as_values: true,
        sharing: 0,
        per_layer: 0,
        copies: 0,
    }),
    extra: &[
        ("attention.sliding_window", Size(20)),
        ("rope.freq_base_swa", Float(8000.0)),
        ("final_logit_softcapping", Float(12.0)),
        ("expert_feed_forward_length", Size(24)),
    ],
    ..GEMMA4
};

/// As Gemma 3n, of which llama.cpp knows by heart that the first twenty layers have keys of
/// their own and each fifth sees everything, the sizes of vectors and copies, and the cap.
const GEMMA3N: Plan = Plan {
    family: "gemma3n",
    layers: 25,
    vocabulary: 61,
    hidden_size: 32,
    intermediate_size: 48,
    heads: 2,
    kv_heads: 1,
    head_dim: 16,
    rope_dim: 16,
    rope_factors: &[],
    varied: Some(VariedPlan {
        global_every: 5,
        kv_heads: 1,
        head_dim: 16,
        keys_as_values: false,
        sharing: 5,
        per_layer: 256,
        copies: 4,
    }),
    extra: &[
        ("altup.num_inputs", Size(4)),
        ("altup.active_idx", Size(0)),
        ("attention.sliding_window", Size(20)),
        ("rope.freq_base_swa", Float(8000.0)),
        ("final_logit_softcapping", Float(30.0)),
    ],
    step: 0.3,
    ..GEMMA4
};

/// Joined tensors, the divisors for short texts.
const PHI3: Plan = Plan {
    family: "phi3",
    biases: &[],
    joined: Joined::Everything,
    rope_dim: 12,
    rope_factors: &[("rope_factors_long", 20.0), ("rope_factors_short", 1.5)],
    extra: &[
        ("rope.scaling.type", Text("longrope")),
        ("rope.scaling.attn_factor", Float(1.19)),
        ("rope.scaling.original_context_length", Size(2048)),
    ],
    ..LLAMA
};

/// The divisors for long texts, and no type of scaling: so the converter writes Phi's.
const PHI3_LONG: Plan = Plan {
    extra: &[
        ("rope.scaling.attn_factor", Float(1.19)),
        ("rope.scaling.original_context_length", Size(64)),
    ],
    ..PHI3
};

/// As DeepSeek-V3: queries in two steps, attention on short vectors, one dense
/// layer, groups of experts, YaRN.
const DEEPSEEK: Plan = Plan {
    family: "deepseek2",
    layers: 3,
    heads: 4,
    kv_heads: 1,
    head_dim: 24,
    rope_dim: 8,
    biases: &[],
    rope_factors: &[],
    experts: Some(ExpertPlan {
        count: 8,
        used: 3,
        inner: 48,
        shared: 2,
        leading_dense_layers: 1,
        every: 1,
        separate: false,
        router_bias: true,
        joined: false,
        shared_gate: false,
        latent: 0,
    }),
    mla: Some(MlaPlan {
        q_lora_rank: Some(40),
        kv_lora_rank: 32,
        value_dim: 20,
        absorbed: true,
    }),
    extra: &[
        ("expert_feed_forward_length", Size(48)),
        ("expert_shared_count", Size(2)),
        ("leading_dense_block_count", Size(1)),
        ("expert_gating_func", Size(2)),
        ("expert_weights_norm", Bool(true)),
        ("expert_weights_scale", Float(2.5)),
        ("expert_group_count", Size(4)),
        ("expert_group_used_count", Size(2)),
        ("attention.q_lora_rank", Size(40)),
        ("attention.kv_lora_rank", Size(32)),
        ("attention.key_length_mla", Size(24)),
        ("attention.value_length_mla", Size(20)),
        ("rope.scaling.type", Text("yarn")),
        ("rope.scaling.factor", Float(16.0)),
        ("rope.scaling.original_context_length", Size(256)),
        ("rope.scaling.yarn_log_multiplier", Float(0.1)),
    ],
    ..LLAMA
};

/// As DeepSeek-V2-Lite's first files: queries in one step, every head's keys
/// and values in the cache. llama.cpp tells it by its 27 layers, which must not
/// add so much that roundings grow from layer to layer.
const DEEPSEEK_LITE: Plan = Plan {
    layers: 27,
    step: 0.02,
    vocabulary: 61,
    hidden_size: 32,
    intermediate_size: 32,
    kv_heads: 4,
    experts: Some(ExpertPlan {
        count: 4,
        used: 2,
        inner: 16,
        shared: 1,
        leading_dense_layers: 1,
        every: 1,
        separate: false,
        router_bias: false,
        joined: false,
        shared_gate: false,
        latent: 0,
    }),
    mla: Some(MlaPlan {
        q_lora_rank: None,
        kv_lora_rank: 16,
        value_dim: 12,
        absorbed: false,
    }),
    extra: &[
        ("expert_feed_forward_length", Size(16)),
        ("expert_shared_count", Size(1)),
        ("leading_dense_block_count", Size(1)),
        ("attention.kv_lora_rank", Size(16)),
        ("rope.scaling.type", Text("yarn")),
        ("rope.scaling.factor", Float(4.0)),
        ("rope.scaling.original_context_length", Size(128)),
        ("rope.scaling.yarn_log_multiplier", Float(0.05)),
    ],
    ..DEEPSEEK
};

/// Sinks, windows in every other layer, experts with biases, YaRN.
const GPT_OSS: Plan = Plan {
    family: "gpt-oss",
    layers: 4,
    biases: &[
        "attn_q",
        "attn_k",
        "attn_v",
        "attn_output",
        "ffn_gate_inp",
        "ffn_gate_exps",
        "ffn_up_exps",
        "ffn_down_exps",
    ],
    rope_factors: &[],
    experts: Some(EXPERTS),
    extra: &[
        ("expert_feed_forward_length", Size(48)),
        ("attention.sliding_window", Size(20)),
        ("rope.scaling.type", Text("yarn")),
        ("rope.scaling.factor", Float(32.0)),
        ("rope.scaling.original_context_length", Size(128)),
    ],
    ..LLAMA
};

/// Heads in one tensor, gate and up in another.
const CHATGLM: Plan = Plan {
    family: "chatglm",
    biases: &["attn_qkv"],
    rope_dim: 8,
    rope_factors: &[],
    joined: Joined::Everything,
    ..LLAMA
};

const GLM4: Plan = Plan {
    family: "glm4",
    biases: ATTENTION_INPUTS,
    rope_dim: 8,
    rope_factors: &[],
    joined: Joined::GateAndUp,
    ..LLAMA
};

/// Everything has a scale of its own.
const GRANITE: Plan = Plan {
    family: "granite",
    biases: &[],
    rope_factors: &[],
    extra: &[
        ("embedding_scale", Float(3.0)),
        ("residual_scale", Float(0.4)),
        ("attention.scale", Float(0.35)),
        ("logit_scale", Float(2.0)),
    ],
    ..LLAMA
};

/// Norms behind, not before, and over all heads together.
const OLMO2: Plan = Plan {
    family: "olmo2",
    biases: &[],
    rope_factors: &[],
    ..LLAMA
};

/// As OLMo 3: windows in three of four layers, YaRN in the others.
const OLMO3: Plan = Plan {
    layers: 5,
    extra: &[
        ("attention.sliding_window", Size(40)),
        ("rope.scaling.type", Text("yarn")),
        ("rope.scaling.factor", Float(8.0)),
        ("rope.scaling.original_context_length", Size(128)),
    ],
    ..OLMO2
};

/// Every fourth layer does not rotate.
const SMOLLM3: Plan = Plan {
    family: "smollm3",
    layers: 5,
    biases: ATTENTION_INPUTS,
    rope_factors: &[],
    ..LLAMA
};

/// YaRN with a multiplier, and queries that grow with their position.
const MISTRAL3: Plan = Plan {
    family: "mistral3",
    biases: &[],
    rope_factors: &[],
    extra: &[
        ("rope.scaling.type", Text("yarn")),
        ("rope.scaling.factor", Float(16.0)),
        ("rope.scaling.original_context_length", Size(32)),
        ("rope.scaling.yarn_log_multiplier", Float(0.5)),
        ("rope.scaling.yarn_beta_fast", Float(4.0)),
        ("attention.temperature_scale", Float(0.3)),
    ],
    ..LLAMA
};

/// The squared ReLU behind RMS norms, YaRN.
const ARCEE: Plan = Plan {
    family: "arcee",
    biases: &[],
    rope_factors: &[],
    extra: &[
        ("rope.scaling.type", Text("yarn")),
        ("rope.scaling.factor", Float(20.0)),
        ("rope.scaling.original_context_length", Size(128)),
    ],
    ..LLAMA
};

/// xIELU, numbers of its own in each layer.
const APERTUS: Plan = Plan {
    family: "apertus",
    biases: &[],
    rope_factors: &[("rope_freqs", 8.0)],
    ..LLAMA
};

/// As EXAONE 4 with 1.2B: every layer sees everything and rotates.
const EXAONE4: Plan = Plan {
    family: "exaone4",
    biases: &[],
    rope_factors: &[("rope_freqs", 8.0)],
    ..LLAMA
};

/// As that with 32B, which llama.cpp tells by its 64 layers: windows in three of
/// four, which rotate.
const EXAONE4_LARGE: Plan = Plan {
    layers: 64,
    step: 0.05,
    vocabulary: 61,
    hidden_size: 32,
    intermediate_size: 32,
    heads: 2,
    kv_heads: 1,
    extra: &[("attention.sliding_window", Size(20))],
    ..EXAONE4
};

const ERNIE4_5: Plan = Plan {
    family: "ernie4_5",
    kv_heads: 2,
    ..LLAMA_TIED
};

/// Norms behind the rotation.
const HUNYUAN: Plan = Plan {
    family: "hunyuan-dense",
    kv_heads: 2,
    head_dim: 24,
    rope_dim: 24,
    ..LLAMA_TIED
};

const SEED_OSS: Plan = Plan {
    family: "seed_oss",
    biases: ATTENTION_INPUTS,
    rope_factors: &[],
    head_dim: 24,
    rope_dim: 24,
    ..LLAMA
};

/// Joined heads; the length of the feed-forward step counts its gate.
const QWEN: Plan = Plan {
    family: "qwen",
    kv_heads: 6,
    joined: Joined::Heads,
    biases: &["attn_qkv"],
    ..QWEN2
};

const INTERNLM2: Plan = Plan {
    family: "internlm2",
    biases: &[],
    rope_factors: &[],
    ..LLAMA
};

const EXAONE: Plan = Plan {
    family: "exaone",
    biases: &[],
    ..LLAMA
};

#[allow(
    clippy::large_const_arrays,
    reason = "each test takes the plans apart, and copies them once"
)]
pub(crate) const PLANS: [(&str, Plan); 77] = [
    ("llama", LLAMA),
    ("llama-tied", LLAMA_TIED),
    ("mixtral", MIXTRAL),
    ("mixtral-first", MIXTRAL_FIRST),
    ("mistral3", MISTRAL3),
    ("qwen2", QWEN2),
    ("qwen3", QWEN3),
    ("qwen3vl", QWEN3VL),
    ("qwen3vlmoe", QWEN3VLMOE),
    ("qwen3moe", QWEN3MOE),
    ("gemma", GEMMA),
    ("gemma2", GEMMA2),
    ("gemma3", GEMMA3),
    ("gemma3-capped", GEMMA3_CAPPED),
    ("gemma4", GEMMA4),
    ("gemma4-experts", GEMMA4_EXPERTS),
    ("gemma3n", GEMMA3N),
    ("phi3", PHI3),
    ("phi3-long", PHI3_LONG),
    ("deepseek2", DEEPSEEK),
    ("deepseek2-lite", DEEPSEEK_LITE),
    ("gpt-oss", GPT_OSS),
    ("chatglm", CHATGLM),
    ("glm4", GLM4),
    ("granite", GRANITE),
    ("olmo2", OLMO2),
    ("olmo3", OLMO3),
    ("smollm3", SMOLLM3),
    ("qwen35", QWEN35),
    ("qwen35moe", mixers::QWEN35MOE),
    ("qwen3next", mixers::QWEN3NEXT),
    ("lfm2", LFM2),
    ("lfm2moe", mixers::LFM2MOE),
    ("mamba2", MAMBA2),
    ("granitehybrid", mixers::GRANITE_HYBRID),
    ("granitehybrid-dense", mixers::GRANITE_HYBRID_DENSE),
    ("falcon-h1", FALCON_H1),
    ("nemotron_h", mixers::NEMOTRON_H),
    ("nemotron_h_moe", mixers::NEMOTRON_H_MOE),
    ("nemotron_h_moe-latent", mixers::NEMOTRON_H_LATENT),
    ("command-r", layer_norm::COMMAND_R),
    ("cohere2", layer_norm::COHERE2),
    ("starcoder2", layer_norm::STARCODER2),
    ("gpt2", layer_norm::GPT2),
    ("starcoder", layer_norm::STARCODER),
    ("phi2", layer_norm::PHI2),
    ("falcon", layer_norm::FALCON),
    ("falcon-large", layer_norm::FALCON_LARGE),
    ("gptneox", layer_norm::GPTNEOX),
    ("gptneox-sequential", layer_norm::GPTNEOX_SEQUENTIAL),
    ("nemotron", layer_norm::NEMOTRON),
    ("stablelm", layer_norm::STABLELM),
    ("stablelm-large", layer_norm::STABLELM_LARGE),
    ("arcee", ARCEE),
    ("apertus", APERTUS),
    ("olmoe", mixtures::OLMOE),
    ("exaone4", EXAONE4),
    ("exaone4-large", EXAONE4_LARGE),
    ("ernie4_5", ERNIE4_5),
    ("ernie4_5-moe", mixtures::ERNIE4_5_MOE),
    ("hunyuan-dense", HUNYUAN),
    ("hunyuan-moe", mixtures::HUNYUAN_MOE),
    ("seed_oss", SEED_OSS),
    ("granitemoe", mixtures::GRANITEMOE),
    ("dots1", mixtures::DOTS1),
    ("exaone-moe", mixtures::EXAONE_MOE),
    ("llama4", mixtures::LLAMA4),
    ("glm4moe", mixtures::GLM4MOE),
    ("glm4moe-air", mixtures::GLM4MOE_AIR),
    ("bailingmoe2", mixtures::BAILINGMOE2),
    ("bailingmoe", mixtures::BAILINGMOE),
    ("minimax-m2", mixtures::MINIMAX_M2),
    ("qwen2moe", mixtures::QWEN2MOE),
    ("qwen", QWEN),
    ("internlm2", INTERNLM2),
    ("exaone", EXAONE),
    ("deepseek", mixtures::DEEPSEEK_MOE),
];
