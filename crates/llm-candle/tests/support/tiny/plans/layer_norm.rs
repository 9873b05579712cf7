//! The families whose norms take the mean away: most of them have no gate in their
//! feed-forward step, and many add both steps of a layer to the same stream.

use super::super::Extra::{Bool, Float, Size};
use super::super::{Joined, Plan};
use super::{LLAMA, LLAMA_TIED};

/// Attention and feed-forward step side by side behind one norm, logits multiplied.
pub(super) const COMMAND_R: Plan = Plan {
    family: "command-r",
    query_key_norm: false,
    two_norms: false,
    extra: &[("logit_scale", Float(0.7))],
    kv_heads: 2,
    ..LLAMA_TIED
};

/// Layers with a window rotate, the others do not.
pub(super) const COHERE2: Plan = Plan {
    family: "cohere2",
    layers: 5,
    extra: &[
        ("logit_scale", Float(0.7)),
        ("attention.sliding_window", Size(20)),
    ],
    ..COMMAND_R
};

/// Norms with biases, a feed-forward step without a gate.
pub(super) const STARCODER2: Plan = Plan {
    family: "starcoder2",
    tied: true,
    biases: &[
        "attn_norm",
        "attn_q",
        "attn_k",
        "attn_v",
        "attn_output",
        "ffn_norm",
        "ffn_up",
        "ffn_down",
        "output_norm",
    ],
    rope_factors: &[],
    ..LLAMA
};

/// A vector for each position, and no rotation.
pub(super) const GPT2: Plan = Plan {
    family: "gpt2",
    kv_heads: 6,
    joined: Joined::Heads,
    biases: &[
        "attn_norm",
        "attn_qkv",
        "attn_output",
        "ffn_norm",
        "ffn_up",
        "ffn_down",
        "output_norm",
    ],
    ..STARCODER2
};

/// The same with one head of keys.
pub(super) const STARCODER: Plan = Plan {
    family: "starcoder",
    kv_heads: 1,
    ..GPT2
};

pub(super) const PHI2: Plan = Plan {
    family: "phi2",
    tied: false,
    two_norms: false,
    rope_dim: 8,
    biases: &[
        "attn_norm",
        "attn_q",
        "attn_k",
        "attn_v",
        "attn_output",
        "ffn_up",
        "ffn_down",
        "output_norm",
        "output",
    ],
    ..STARCODER2
};

/// As the small Falcon: one key head, joined heads.
pub(super) const FALCON: Plan = Plan {
    family: "falcon",
    kv_heads: 1,
    two_norms: false,
    joined: Joined::Heads,
    biases: &["attn_norm", "attn_norm_2", "output_norm"],
    ..STARCODER2
};

/// As the large one: attention has a norm of its own.
pub(super) const FALCON_LARGE: Plan = Plan {
    kv_heads: 2,
    two_norms: true,
    tied: false,
    ..FALCON
};

pub(super) const GPTNEOX: Plan = Plan {
    family: "gptneox",
    kv_heads: 6,
    tied: false,
    rope_dim: 8,
    joined: Joined::Heads,
    biases: &[
        "attn_norm",
        "attn_qkv",
        "attn_output",
        "ffn_norm",
        "ffn_up",
        "ffn_down",
        "output_norm",
    ],
    extra: &[("use_parallel_residual", Bool(true))],
    ..STARCODER2
};

pub(super) const GPTNEOX_SEQUENTIAL: Plan = Plan {
    extra: &[("use_parallel_residual", Bool(false))],
    ..GPTNEOX
};

/// The squared ReLU.
pub(super) const NEMOTRON: Plan = Plan {
    family: "nemotron",
    tied: false,
    rope_dim: 8,
    biases: &["attn_norm", "ffn_norm", "output_norm"],
    ..STARCODER2
};

/// As the first StableLM 2: LayerNorm and a gate.
pub(super) const STABLELM: Plan = Plan {
    family: "stablelm",
    rope_dim: 8,
    query_key_norm: false,
    biases: &[
        "attn_norm",
        "attn_q",
        "attn_k",
        "attn_v",
        "ffn_norm",
        "output_norm",
    ],
    rope_factors: &[],
    ..LLAMA
};

/// As its largest: side by side, each head of queries and keys with a norm of its own.
pub(super) const STABLELM_LARGE: Plan = Plan {
    query_key_norm: true,
    two_norms: false,
    ..STABLELM
};
