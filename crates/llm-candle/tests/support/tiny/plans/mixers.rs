//! Families whose layers keep a state.

use super::super::Extra::{Bool, Float, Size, Sizes};
use super::super::{Attending, ExpertPlan, MixerPlan, Plan, StepPlan};
use super::{EXPERTS, LLAMA};

const DELTA: StepPlan = StepPlan::GatedDeltaNet {
    kernel: 4,
    key_heads: 2,
    value_heads: 6,
    head_dim: 16,
};

/// States in three of four layers, more value heads than key heads, gates of
/// what attention gives, heads of which a part rotates.
pub(crate) const QWEN35: Plan = Plan {
    family: "qwen35",
    layers: 6,
    hidden_size: 64,
    intermediate_size: 64,
    heads: 4,
    head_dim: 24,
    rope_dim: 12,
    biases: &[],
    rope_factors: &[],
    mixer: Some(MixerPlan {
        step: DELTA,
        attending: Attending::Every(4),
    }),
    extra: &[("rope.dimension_sections", Sizes(&[2, 2, 2, 0]))],
    ..LLAMA
};

/// States in every other layer; experts, and a shared one behind a gate.
pub(super) const QWEN35MOE: Plan = Plan {
    family: "qwen35moe",
    layers: 5,
    mixer: Some(MixerPlan {
        step: DELTA,
        attending: Attending::Every(2),
    }),
    experts: Some(ExpertPlan {
        count: 4,
        inner: 16,
        shared: 2,
        shared_gate: true,
        ..EXPERTS
    }),
    extra: &[
        ("rope.dimension_sections", Sizes(&[2, 2, 2, 0])),
        ("expert_feed_forward_length", Size(16)),
        ("expert_shared_feed_forward_length", Size(32)),
    ],
    ..QWEN35
};

/// The same with the heads that share one beside each other.
pub(super) const QWEN3NEXT: Plan = Plan {
    family: "qwen3next",
    extra: &[
        ("expert_feed_forward_length", Size(16)),
        ("expert_shared_feed_forward_length", Size(32)),
    ],
    ..QWEN35MOE
};

/// Short convolutions around one layer that attends.
pub(crate) const LFM2: Plan = Plan {
    family: "lfm2",
    layers: 5,
    hidden_size: 64,
    intermediate_size: 64,
    heads: 4,
    tied: true,
    biases: &[],
    rope_factors: &[],
    mixer: Some(MixerPlan {
        step: StepPlan::ShortConv { kernel: 4 },
        attending: Attending::These(&[2]),
    }),
    ..LLAMA
};

/// The same with experts behind a first dense layer, chosen by a bias.
pub(super) const LFM2MOE: Plan = Plan {
    family: "lfm2moe",
    layers: 4,
    mixer: Some(MixerPlan {
        step: StepPlan::ShortConv { kernel: 3 },
        attending: Attending::These(&[1, 3]),
    }),
    experts: Some(ExpertPlan {
        inner: 24,
        leading_dense_layers: 1,
        router_bias: true,
        ..EXPERTS
    }),
    extra: &[
        ("expert_feed_forward_length", Size(24)),
        ("leading_dense_block_count", Size(1)),
        ("expert_gating_func", Size(2)),
    ],
    ..LFM2
};

const SSD: StepPlan = StepPlan::Ssd {
    kernel: 4,
    heads: 8,
    head_dim: 16,
    state_dim: 24,
    groups: 2,
    normed: true,
};

/// States alone: no attention and no feed-forward step.
pub(crate) const MAMBA2: Plan = Plan {
    family: "mamba2",
    layers: 4,
    hidden_size: 64,
    intermediate_size: 0,
    heads: 0,
    kv_heads: 0,
    biases: &[],
    rope_factors: &[],
    mixer: Some(MixerPlan {
        step: SSD,
        attending: Attending::None,
    }),
    ..LLAMA
};

/// As Granite 4: states around one layer that attends and does not rotate, experts and a
/// shared one, everything with a scale of its own.
pub(super) const GRANITE_HYBRID: Plan = Plan {
    family: "granitehybrid",
    layers: 4,
    intermediate_size: 24,
    heads: 4,
    kv_heads: 2,
    tied: true,
    mixer: Some(MixerPlan {
        step: SSD,
        attending: Attending::These(&[2]),
    }),
    experts: Some(ExpertPlan {
        inner: 24,
        shared: 2,
        ..EXPERTS
    }),
    extra: &[
        ("expert_shared_feed_forward_length", Size(48)),
        ("embedding_scale", Float(3.0)),
        ("residual_scale", Float(0.6)),
        ("attention.scale", Float(0.35)),
        ("logit_scale", Float(2.0)),
        ("rope.scaling.finetuned", Bool(false)),
    ],
    ..MAMBA2
};

/// The same without experts, and with a rotation.
pub(super) const GRANITE_HYBRID_DENSE: Plan = Plan {
    intermediate_size: 64,
    experts: None,
    extra: &[
        ("embedding_scale", Float(3.0)),
        ("residual_scale", Float(0.6)),
        ("attention.scale", Float(0.35)),
        ("logit_scale", Float(2.0)),
    ],
    ..GRANITE_HYBRID
};

/// States beside attention in every layer.
pub(crate) const FALCON_H1: Plan = Plan {
    family: "falcon-h1",
    layers: 3,
    bare_norm: true,
    intermediate_size: 64,
    heads: 4,
    kv_heads: 2,
    mixer: Some(MixerPlan {
        step: StepPlan::Ssd {
            kernel: 4,
            heads: 6,
            head_dim: 16,
            state_dim: 24,
            groups: 1,
            normed: false,
        },
        attending: Attending::All,
    }),
    ..MAMBA2
};

/// Layers of one step each, of which none rotates: states, attention, and feed-forward
/// steps without a gate.
pub(super) const NEMOTRON_H: Plan = Plan {
    family: "nemotron_h",
    layers: 6,
    intermediate_size: 96,
    heads: 4,
    kv_heads: 2,
    mixer: Some(MixerPlan {
        step: SSD,
        attending: Attending::OneStep("M-M*-M"),
    }),
    // Of the norm of a layer that guesses; llama.cpp wants it of all files.
    extra: &[("attention.layer_norm_epsilon", Float(1e-5))],
    ..MAMBA2
};

/// The same with experts, and a shared one, in place of those steps.
pub(super) const NEMOTRON_H_MOE: Plan = Plan {
    family: "nemotron_h_moe",
    layers: 5,
    intermediate_size: 48,
    mixer: Some(MixerPlan {
        step: SSD,
        attending: Attending::OneStep("ME*EM"),
    }),
    experts: Some(ExpertPlan {
        shared: 2,
        router_bias: true,
        ..EXPERTS
    }),
    extra: &[
        ("expert_feed_forward_length", Size(48)),
        ("expert_shared_feed_forward_length", Size(96)),
        ("expert_shared_count", Size(1)),
        ("expert_weights_norm", Bool(true)),
        ("expert_weights_scale", Float(1.5)),
        ("attention.layer_norm_epsilon", Float(1e-5)),
    ],
    ..NEMOTRON_H
};

/// The same with experts that work on shorter vectors, as Nemotron 3 Super has them.
pub(super) const NEMOTRON_H_LATENT: Plan = Plan {
    experts: Some(ExpertPlan {
        shared: 2,
        router_bias: true,
        latent: 40,
        ..EXPERTS
    }),
    extra: &[
        ("expert_feed_forward_length", Size(48)),
        ("expert_shared_feed_forward_length", Size(96)),
        ("expert_shared_count", Size(1)),
        ("expert_weights_norm", Bool(true)),
        ("expert_weights_scale", Float(1.5)),
        ("attention.layer_norm_epsilon", Float(1e-5)),
        ("moe_latent_size", Size(40)),
    ],
    ..NEMOTRON_H_MOE
};
