//! Keys of a config that nobody here knows: one that may be a part of the computation is
//! refused by its name, for transformers' own classes have no more than those below.

use serde_json::Value as Json;

use super::FolderError;
use super::config::Config;
use super::refusals::shown;

/// What the keys of a computation have in their names.
const COMPUTES: [&str; 17] = [
    "attn",
    "attention",
    "bias",
    "clip",
    "expert",
    "gate",
    "moe",
    "mscale",
    "multiplier",
    "norm",
    "residual",
    "rope",
    "rotary",
    "router",
    "scal",
    "softcap",
    "window",
];

/// What the keys of training, of generation and of pictures have in theirs.
const DOES_NOT: [&str; 16] = [
    "audio",
    "coef",
    "dropout",
    "generation",
    "image",
    "implementation",
    "init",
    "jitter",
    "loss",
    "output_attentions",
    "output_router_logits",
    "pdrop",
    "projector",
    "token",
    "video",
    "vision",
];

/// The keys that are read here, and those whose meaning lies in the tensors that are there.
const KNOWN: &[&str] = &[
    "attention_bias",
    "attention_k_eq_v",
    "attention_multiplier",
    "attn_logit_softcapping",
    "attn_output_gate",
    "embedding_multiplier",
    "enable_moe_block",
    "expert_intermediate_size",
    "final_logit_softcapping",
    "full_attention_interval",
    "full_attn_mod",
    "logits_scaling",
    "max_window_layers",
    "mlp_bias",
    "moe_intermediate_size",
    "moe_layer_freq",
    "n_routed_experts",
    "n_shared_experts",
    "no_rope_layer_interval",
    "no_rope_layers",
    "norm_topk_prob",
    "num_attention_heads",
    "num_experts",
    "num_experts_per_tok",
    "num_local_experts",
    "num_shared_experts",
    "partial_rotary_factor",
    "qk_rope_head_dim",
    "query_pre_attn_scalar",
    "residual_multiplier",
    "rms_norm_eps",
    "rope_interleave",
    "rope_local_base_freq",
    "rope_parameters",
    "rope_scaling",
    "rope_theta",
    "rotary_emb_base",
    "rotary_pct",
    "routed_scaling_factor",
    "shared_expert_intermediate_size",
    "sliding_window",
    "sliding_window_pattern",
    "_sliding_window_pattern",
    "top_k_experts",
    "use_bidirectional_attention",
    "use_sliding_window",
];

/// Refuses a config with a key that may be a part of the computation.
pub(super) fn check(config: &Config) -> Result<(), FolderError> {
    let unknown = config.keys().find(|(name, value)| {
        let has = |part: &&str| name.contains(*part);
        let computes = COMPUTES.iter().any(has) && !DOES_NOT.iter().any(has);
        let mut fixed = config.kind.fixed.iter();
        let known = KNOWN.contains(name)
            || config.kind.known.contains(name)
            || fixed.any(|(fixed, _)| fixed == name);
        computes && !known && is_on(value)
    });
    match unknown {
        None => Ok(()),
        Some((name, value)) => Err(config.refuse(format!(
            "its '{name}', of which nothing is known, is {}",
            shown(value)
        ))),
    }
}

/// Whether a value asks for something.
fn is_on(value: &Json) -> bool {
    match value {
        // Published configs name their own kind of norm and the like in words.
        Json::Null | Json::String(_) => false,
        Json::Bool(is_on) => *is_on,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::Array(list) => !list.is_empty(),
        Json::Object(values) => !values.is_empty(),
    }
}
