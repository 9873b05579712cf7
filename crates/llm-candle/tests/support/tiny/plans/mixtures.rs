//! Families with experts that differ in how these are weighed, and in what stands
//! around them.

use super::super::Extra::{Bool, Float, Size};
use super::super::{ExpertPlan, Joined, Plan};
use super::{ATTENTION_INPUTS, EXPERTS, GRANITE, HUNYUAN, LLAMA, MIXTRAL, QWEN2};

/// Norms over all heads, experts whose weights do not sum to one.
pub(super) const OLMOE: Plan = Plan {
    family: "olmoe",
    kv_heads: 6,
    rope_factors: &[],
    ..MIXTRAL
};

/// A bias of the router's softmax, a shared expert, a dense layer.
pub(super) const ERNIE4_5_MOE: Plan = Plan {
    family: "ernie4_5-moe",
    biases: &[],
    rope_factors: &[],
    experts: Some(ExpertPlan {
        shared: 2,
        leading_dense_layers: 1,
        router_bias: true,
        ..EXPERTS
    }),
    extra: &[
        ("expert_feed_forward_length", Size(48)),
        ("expert_shared_feed_forward_length", Size(96)),
        ("interleave_moe_layer_step", Size(1)),
        ("leading_dense_block_count", Size(1)),
    ],
    ..LLAMA
};

pub(super) const HUNYUAN_MOE: Plan = Plan {
    family: "hunyuan-moe",
    intermediate_size: 48,
    experts: Some(ExpertPlan {
        shared: 2,
        ..EXPERTS
    }),
    extra: &[
        ("expert_feed_forward_length", Size(48)),
        ("expert_shared_feed_forward_length", Size(96)),
    ],
    ..HUNYUAN
};

/// As Granite, with experts and a shared one.
pub(super) const GRANITEMOE: Plan = Plan {
    family: "granitemoe",
    intermediate_size: 48,
    experts: Some(ExpertPlan {
        shared: 2,
        ..EXPERTS
    }),
    extra: &[
        ("expert_shared_feed_forward_length", Size(96)),
        ("embedding_scale", Float(3.0)),
        ("residual_scale", Float(0.4)),
        ("attention.scale", Float(0.35)),
        ("logit_scale", Float(2.0)),
    ],
    ..GRANITE
};

/// Experts by the logistic function with a bias, a shared one, a dense layer; a key
/// head for each query head.
pub(super) const DOTS1: Plan = Plan {
    family: "dots1",
    kv_heads: 6,
    biases: &[],
    rope_factors: &[],
    experts: Some(ExpertPlan {
        shared: 2,
        leading_dense_layers: 1,
        router_bias: true,
        ..EXPERTS
    }),
    extra: &[
        ("expert_feed_forward_length", Size(48)),
        ("expert_shared_count", Size(2)),
        ("leading_dense_block_count", Size(1)),
        ("expert_gating_func", Size(2)),
        ("expert_weights_norm", Bool(true)),
        ("expert_weights_scale", Float(2.5)),
    ],
    ..LLAMA
};

/// Windows in three of four layers, which rotate.
pub(super) const EXAONE_MOE: Plan = Plan {
    family: "exaone-moe",
    layers: 5,
    kv_heads: 2,
    extra: &[
        ("expert_feed_forward_length", Size(48)),
        ("expert_shared_feed_forward_length", Size(96)),
        ("expert_shared_count", Size(2)),
        ("leading_dense_block_count", Size(1)),
        ("expert_gating_func", Size(2)),
        ("expert_weights_norm", Bool(true)),
        ("expert_weights_scale", Float(2.5)),
        ("attention.sliding_window", Size(20)),
    ],
    ..DOTS1
};

/// Norms without weights behind the rotation, which every fourth layer has not; one
/// expert in every other layer, which is weighed before, and a shared one.
pub(super) const LLAMA4: Plan = Plan {
    family: "llama4",
    layers: 4,
    biases: &[],
    experts: Some(ExpertPlan {
        used: 1,
        shared: 1,
        every: 2,
        ..EXPERTS
    }),
    extra: &[
        ("expert_feed_forward_length", Size(48)),
        ("interleave_moe_layer_step", Size(2)),
    ],
    ..LLAMA
};

/// As GLM 4.5: the same with biases, of which a part rotates.
pub(super) const GLM4MOE: Plan = Plan {
    family: "glm4moe",
    kv_heads: 2,
    rope_dim: 8,
    biases: ATTENTION_INPUTS,
    ..DOTS1
};

/// As GLM 4.5 Air, which does not norm queries and keys.
pub(super) const GLM4MOE_AIR: Plan = Plan {
    query_key_norm: false,
    ..GLM4MOE
};

/// Joined heads, groups of experts.
pub(super) const BAILINGMOE2: Plan = Plan {
    family: "bailingmoe2",
    kv_heads: 2,
    rope_dim: 8,
    joined: Joined::Heads,
    experts: Some(ExpertPlan {
        count: 8,
        used: 3,
        shared: 1,
        leading_dense_layers: 1,
        router_bias: true,
        ..EXPERTS
    }),
    extra: &[
        ("expert_feed_forward_length", Size(48)),
        ("expert_shared_feed_forward_length", Size(48)),
        ("expert_shared_count", Size(1)),
        ("leading_dense_block_count", Size(1)),
        ("expert_gating_func", Size(2)),
        ("expert_weights_norm", Bool(true)),
        ("expert_weights_scale", Float(2.5)),
        ("expert_group_count", Size(4)),
        ("expert_group_used_count", Size(2)),
    ],
    ..DOTS1
};

pub(super) const BAILINGMOE: Plan = Plan {
    family: "bailingmoe",
    kv_heads: 2,
    experts: Some(ExpertPlan {
        shared: 2,
        ..EXPERTS
    }),
    extra: &[
        ("expert_feed_forward_length", Size(48)),
        ("expert_shared_count", Size(2)),
        ("expert_weights_norm", Bool(true)),
        ("expert_weights_scale", Float(1.0)),
    ],
    ..DOTS1
};

/// Norms over all heads, of which a part rotates; experts by the logistic function.
pub(super) const MINIMAX_M2: Plan = Plan {
    family: "minimax-m2",
    intermediate_size: 48,
    rope_dim: 8,
    biases: &[],
    rope_factors: &[],
    experts: Some(ExpertPlan {
        router_bias: true,
        ..EXPERTS
    }),
    extra: &[
        ("expert_feed_forward_length", Size(48)),
        ("expert_gating_func", Size(2)),
    ],
    ..LLAMA
};

/// As DeepSeek's first model with experts: some shared ones, a dense layer.
pub(super) const DEEPSEEK_MOE: Plan = Plan {
    family: "deepseek",
    kv_heads: 6,
    biases: &[],
    rope_factors: &[],
    experts: Some(ExpertPlan {
        shared: 2,
        leading_dense_layers: 1,
        ..EXPERTS
    }),
    extra: &[
        ("expert_feed_forward_length", Size(48)),
        ("expert_shared_count", Size(2)),
        ("leading_dense_block_count", Size(1)),
    ],
    ..LLAMA
};

/// A shared expert behind a gate.
pub(super) const QWEN2MOE: Plan = Plan {
    family: "qwen2moe",
    biases: ATTENTION_INPUTS,
    experts: Some(ExpertPlan {
        shared: 2,
        shared_gate: true,
        ..EXPERTS
    }),
    extra: &[
        ("expert_feed_forward_length", Size(48)),
        ("expert_shared_feed_forward_length", Size(96)),
    ],
    ..QWEN2
};
