//! Tensor names: Hugging Face's → GGUF's.

use super::kinds::Names;

/// What a tensor of a folder is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A tensor of the text model, by its name in GGUF.
    Known(String),
    /// Something that the text model does not need.
    Unneeded,
    /// Nothing that is known.
    Unknown,
}

/// What may stand before the names of a text model that is a part of a larger
/// one, the longest first.
const PREFIXES: [&str; 7] = [
    "model.language_model.",
    "language_model.model.",
    "language_model.",
    "model.",
    "backbone.",
    "transformer.",
    "gpt_neox.",
];

/// Parts of models that see or hear, and one that guesses further tokens.
const OTHER_PARTS: [&str; 11] = [
    "vision_tower.",
    "vision_model.",
    "multi_modal_projector.",
    "visual.",
    "vision_embedder.",
    "embed_vision.",
    "audio_tower.",
    "audio_embedder.",
    "embed_audio.",
    "mtp.",
    "mtp_",
];

/// What old files hold and the config says: frequencies of the rotation, and what a
/// position may see.
const BUFFERS: [&str; 5] = [
    "rotary_emb.inv_freq",
    ".attn.bias",
    ".attn.masked_bias",
    ".attention.bias",
    ".attention.masked_bias",
];

/// (Hugging Face's name, GGUF's)
const WHOLE: Names = &[
    ("embed_tokens", "token_embd"),
    ("tok_embeddings", "token_embd"),
    ("word_embeddings", "token_embd"),
    ("embed_in", "token_embd"),
    ("wte", "token_embd"),
    ("wpe", "position_embd"),
    ("norm", "output_norm"),
    ("ln_f", "output_norm"),
    ("final_layer_norm", "output_norm"),
    ("final_layernorm", "output_norm"),
    ("embedding_norm", "token_embd_norm"),
    ("embeddings", "token_embd"),
    ("norm_f", "output_norm"),
    ("lm_head", "output"),
    ("output", "output"),
    ("embed_out", "output"),
    ("embed_tokens_per_layer", "per_layer_token_embd"),
    ("altup_projections.*", "altup_proj.*"),
    ("altup_unembed_projections.*", "altup_unembd_proj.*"),
    ("per_layer_model_projection", "per_layer_model_proj"),
    ("per_layer_projection_norm", "per_layer_proj_norm"),
];

/// The same for a layer's tensors, where all kinds agree. An asterisk is the number
/// of an expert.
const OF_LAYER: Names = &[
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("self_attn.query_layernorm", "attn_q_norm"),
    ("self_attn.key_layernorm", "attn_k_norm"),
    ("self_attn.q_layernorm", "attn_q_norm"),
    ("self_attn.k_layernorm", "attn_k_norm"),
    ("self_attn.dense", "attn_output"),
    ("self_attn.out_proj", "attn_output"),
    ("self_attn.qkv_proj", "attn_qkv"),
    ("self_attn.q_a_proj", "attn_q_a"),
    ("self_attn.q_a_layernorm", "attn_q_a_norm"),
    ("self_attn.q_b_proj", "attn_q_b"),
    ("self_attn.kv_a_proj_with_mqa", "attn_kv_a_mqa"),
    ("self_attn.kv_a_layernorm", "attn_kv_a_norm"),
    ("self_attn.kv_b_proj", "attn_kv_b"),
    ("self_attention.query_key_value", "attn_qkv"),
    ("self_attention.dense", "attn_output"),
    ("attention.query_key_value", "attn_qkv"),
    ("attention.query_layernorm", "attn_q_norm"),
    ("attention.key_layernorm", "attn_k_norm"),
    ("attention.dense", "attn_output"),
    ("attn.attention.q_proj", "attn_q"),
    ("attn.attention.k_proj", "attn_k"),
    ("attn.attention.v_proj", "attn_v"),
    ("attn.attention.out_proj", "attn_output"),
    ("attn.c_attn", "attn_qkv"),
    ("attn.c_proj", "attn_output"),
    ("attention.wqkv", "attn_qkv"),
    ("attention.wo", "attn_output"),
    ("linear_attn.in_proj_qkv", "attn_qkv"),
    ("linear_attn.in_proj_z", "attn_gate"),
    ("linear_attn.in_proj_qkvz", "attn_qkvz"),
    ("linear_attn.in_proj_ba", "ssm_ba"),
    ("linear_attn.in_proj_a", "ssm_alpha"),
    ("linear_attn.in_proj_b", "ssm_beta"),
    ("linear_attn.conv1d", "ssm_conv1d"),
    ("linear_attn.norm", "ssm_norm"),
    ("linear_attn.out_proj", "ssm_out"),
    ("conv.in_proj", "shortconv.in_proj"),
    ("conv.conv", "shortconv.conv"),
    ("conv.out_proj", "shortconv.out_proj"),
    ("mamba.in_proj", "ssm_in"),
    ("mamba.conv1d", "ssm_conv1d"),
    ("mamba.norm", "ssm_norm"),
    ("mamba.out_proj", "ssm_out"),
    ("mixer.in_proj", "ssm_in"),
    ("mixer.conv1d", "ssm_conv1d"),
    ("mixer.norm", "ssm_norm"),
    ("mixer.out_proj", "ssm_out"),
    ("mixer.q_proj", "attn_q"),
    ("mixer.k_proj", "attn_k"),
    ("mixer.v_proj", "attn_v"),
    ("mixer.o_proj", "attn_output"),
    ("mixer.up_proj", "ffn_up"),
    ("mixer.down_proj", "ffn_down"),
    ("mixer.gate", "ffn_gate_inp"),
    ("mixer.experts.*.up_proj", "ffn_up.*"),
    ("mixer.experts.*.down_proj", "ffn_down.*"),
    ("mixer.fc1_latent_proj", "ffn_latent_down"),
    ("mixer.fc2_latent_proj", "ffn_latent_up"),
    ("mixer.shared_experts.up_proj", "ffn_up_shexp"),
    ("mixer.shared_experts.down_proj", "ffn_down_shexp"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.gate_up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
    ("mlp.fc1", "ffn_up"),
    ("mlp.fc2", "ffn_down"),
    ("mlp.c_fc", "ffn_up"),
    ("mlp.c_fc_0", "ffn_gate"),
    ("mlp.c_fc_1", "ffn_up"),
    ("mlp.c_proj", "ffn_down"),
    ("mlp.w1", "ffn_up"),
    ("mlp.w2", "ffn_gate"),
    ("mlp.dense_h_to_4h", "ffn_up"),
    ("mlp.dense_4h_to_h", "ffn_down"),
    ("feed_forward.gate_proj", "ffn_gate"),
    ("feed_forward.up_proj", "ffn_up"),
    ("feed_forward.down_proj", "ffn_down"),
    ("feed_forward.w1", "ffn_gate"),
    ("feed_forward.w3", "ffn_up"),
    ("feed_forward.w2", "ffn_down"),
    ("feed_forward.gate", "ffn_gate_inp"),
    ("mlp.gate", "ffn_gate_inp"),
    ("mlp.gate.wg", "ffn_gate_inp"),
    ("mlp.router", "ffn_gate_inp"),
    ("router.proj", "ffn_gate_inp"),
    ("block_sparse_moe.gate", "ffn_gate_inp"),
    ("block_sparse_moe.router.layer", "ffn_gate_inp"),
    ("block_sparse_moe.input_linear", "ffn_gate_up_exps"),
    ("block_sparse_moe.output_linear", "ffn_down_exps"),
    ("shared_mlp.input_linear", "ffn_gate_up_shexp"),
    ("shared_mlp.output_linear", "ffn_down_shexp"),
    ("mlp.experts.*.gate_proj", "ffn_gate.*"),
    ("mlp.experts.*.up_proj", "ffn_up.*"),
    ("mlp.experts.*.down_proj", "ffn_down.*"),
    ("block_sparse_moe.experts.*.w1", "ffn_gate.*"),
    ("block_sparse_moe.experts.*.w3", "ffn_up.*"),
    ("block_sparse_moe.experts.*.w2", "ffn_down.*"),
    ("feed_forward.experts.*.w1", "ffn_gate.*"),
    ("feed_forward.experts.*.w3", "ffn_up.*"),
    ("feed_forward.experts.*.w2", "ffn_down.*"),
    ("mlp.experts.gate_proj", "ffn_gate_exps"),
    ("mlp.experts.up_proj", "ffn_up_exps"),
    ("mlp.experts.down_proj", "ffn_down_exps"),
    ("mlp.switch_mlp.gate_proj", "ffn_gate_exps"),
    ("mlp.switch_mlp.up_proj", "ffn_up_exps"),
    ("mlp.switch_mlp.down_proj", "ffn_down_exps"),
    ("block_sparse_moe.switch_mlp.gate_proj", "ffn_gate_exps"),
    ("block_sparse_moe.switch_mlp.up_proj", "ffn_up_exps"),
    ("block_sparse_moe.switch_mlp.down_proj", "ffn_down_exps"),
    ("mlp.shared_experts.gate_proj", "ffn_gate_shexp"),
    ("mlp.shared_experts.up_proj", "ffn_up_shexp"),
    ("mlp.shared_experts.down_proj", "ffn_down_shexp"),
    ("mlp.shared_mlp.gate_proj", "ffn_gate_shexp"),
    ("mlp.shared_mlp.up_proj", "ffn_up_shexp"),
    ("mlp.shared_mlp.down_proj", "ffn_down_shexp"),
    ("mlp.shared_expert.gate_proj", "ffn_gate_shexp"),
    ("mlp.shared_expert.up_proj", "ffn_up_shexp"),
    ("mlp.shared_expert.down_proj", "ffn_down_shexp"),
    ("feed_forward.gate_proj", "ffn_gate"),
    ("feed_forward.up_proj", "ffn_up"),
    ("feed_forward.down_proj", "ffn_down"),
    ("feed_forward.router", "ffn_gate_inp"),
    ("feed_forward.shared_expert.gate_proj", "ffn_gate_shexp"),
    ("feed_forward.shared_expert.up_proj", "ffn_up_shexp"),
    ("feed_forward.shared_expert.down_proj", "ffn_down_shexp"),
    ("mlp.shared_expert_gate", "ffn_gate_inp_shexp"),
    ("altup.correction_coefs", "altup_correct_coef"),
    ("altup.modality_router", "altup_router"),
    ("altup.prediction_coefs", "altup_predict_coef"),
    ("altup.router_norm", "altup_router_norm"),
    ("laurel.linear_left", "laurel_l"),
    ("laurel.linear_right", "laurel_r"),
    ("laurel.post_laurel_norm", "laurel_post_norm"),
    ("per_layer_input_gate", "inp_gate"),
    ("per_layer_projection", "proj"),
    ("post_per_layer_input_norm", "post_norm"),
];

/// The same for what is no `weight` and no `bias` in folders.
const WITH_ENDING: Names = &[
    ("self_attn.sinks", "attn_sinks.weight"),
    ("mlp.gate.e_score_correction_bias", "exp_probs_b.bias"),
    ("mlp.e_score_correction_bias", "exp_probs_b.bias"),
    ("mixer.gate.e_score_correction_bias", "exp_probs_b.bias"),
    (
        "mlp.moe_statics.e_score_correction_bias",
        "exp_probs_b.bias",
    ),
    (
        "block_sparse_moe.e_score_correction_bias",
        "exp_probs_b.bias",
    ),
    ("mlp.experts.gate_up_proj", "ffn_gate_up_exps.weight"),
    ("mlp.experts.gate_up_proj_bias", "ffn_gate_up_exps.bias"),
    ("mlp.experts.gate_up_proj_blocks", "ffn_gate_up_exps.blocks"),
    ("mlp.experts.gate_up_proj_scales", "ffn_gate_up_exps.scales"),
    ("mlp.experts.down_proj", "ffn_down_exps.weight"),
    ("mlp.experts.down_proj_bias", "ffn_down_exps.bias"),
    ("mlp.experts.down_proj_blocks", "ffn_down_exps.blocks"),
    ("mlp.experts.down_proj_scales", "ffn_down_exps.scales"),
    ("feed_forward.expert_bias", "exp_probs_b.bias"),
    ("mlp.gate.expert_bias", "exp_probs_b.bias"),
    (
        "feed_forward.experts.gate_up_proj",
        "ffn_gate_up_exps.weight",
    ),
    ("feed_forward.experts.down_proj", "ffn_down_exps.weight"),
    ("experts.gate_up_proj", "ffn_gate_up_exps.weight"),
    ("experts.down_proj", "ffn_down_exps.weight"),
    ("router.scale", "ffn_gate_inp.scale"),
    ("router.per_expert_scale", "ffn_down_exps.scale"),
    ("layer_scalar", "layer_output_scale.weight"),
    ("altup.correct_output_scale", "altup_correct_scale.weight"),
    ("linear_attn.A_log", "ssm_a"),
    ("linear_attn.dt_bias", "ssm_dt.bias"),
    ("mamba.A_log", "ssm_a"),
    ("mamba.D", "ssm_d"),
    ("mamba.dt_bias", "ssm_dt.bias"),
    ("mixer.A_log", "ssm_a"),
    ("mixer.D", "ssm_d"),
    ("mixer.dt_bias", "ssm_dt.bias"),
];

/// Translates a name; `norms` are the names of a layer's norms.
pub(super) fn translate(name: &str, norms: Names) -> Named {
    let mut prefixes = PREFIXES.iter();
    let short = prefixes
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    let is_other = OTHER_PARTS.iter().any(|part| short.starts_with(part));
    let is_buffer = BUFFERS.iter().any(|ending| short.ends_with(ending));
    if is_other || is_buffer {
        return Named::Unneeded;
    }
    match known(short, norms) {
        Some(name) => Named::Known(name),
        None => Named::Unknown,
    }
}

fn known(short: &str, norms: Names) -> Option<String> {
    let of = |table: Names, name: &str| {
        let found = table.iter().find(|(theirs, _)| *theirs == name);
        found.map(|(_, ours)| *ours)
    };
    // Without what every matrix and most vectors end in.
    let stem = |name: &str| {
        let (stem, ending) = name.rsplit_once('.')?;
        let ending = ["weight", "bias"].into_iter().find(|it| *it == ending)?;
        Some((stem.to_owned(), ending))
    };
    let of_layer = short.strip_prefix("layers.").or(short.strip_prefix("h."));
    let Some((number, part)) = of_layer.and_then(|it| it.split_once('.')) else {
        let (starred, number) = without_number(short);
        let (stem, ending) = stem(&starred)?;
        let ours = of(WHOLE, &stem).filter(|_| !short.contains('*'))?;
        let ours = match number {
            Some(number) => ours.replace('*', &number.to_string()),
            None => ours.to_owned(),
        };
        return Some(format!("{ours}.{ending}"));
    };
    let number: u32 = number.parse().ok()?;
    if part.contains('*') {
        return None;
    }
    let (part, expert) = without_number(part);
    let ours = match of(WITH_ENDING, &part) {
        Some(ours) => ours.to_owned(),
        None => {
            let (stem, ending) = stem(&part)?;
            let ours = of(OF_LAYER, &stem).or_else(|| of(norms, &stem))?;
            format!("{ours}.{ending}")
        }
    };
    let ours = match expert {
        Some(expert) => ours.replace('*', &expert.to_string()),
        None => ours,
    };
    Some(format!("blk.{number}.{ours}"))
}

/// Puts an asterisk in the place of the number of an expert or a copy, and returns that.
fn without_number(part: &str) -> (String, Option<u32>) {
    let mut expert = None;
    let star = |piece: &str| match piece.parse() {
        Ok(number) if expert.is_none() => {
            expert = Some(number);
            "*".to_owned()
        }
        _ => piece.to_owned(),
    };
    let pieces: Vec<String> = part.split('.').map(star).collect();
    (pieces.join("."), expert)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::KINDS;

    fn norms(model_type: &str) -> Names {
        let mut kinds = KINDS.iter();
        let kind = kinds.find(|kind| kind.model_types.contains(&model_type));
        kind.unwrap().norms
    }

    #[test]
    fn names_are_translated_or_told_apart() {
        for (kind, theirs, ours) in [
            ("llama", "model.embed_tokens.weight", "token_embd.weight"),
            ("llama", "lm_head.weight", "output.weight"),
            ("gemma3", "model.norm.weight", "output_norm.weight"),
            (
                "llama",
                "model.layers.12.self_attn.q_proj.bias",
                "blk.12.attn_q.bias",
            ),
            (
                "llama",
                "layers.0.post_attention_layernorm.weight",
                "blk.0.ffn_norm.weight",
            ),
            (
                "gemma3",
                "language_model.model.layers.0.post_attention_layernorm.weight",
                "blk.0.post_attention_norm.weight",
            ),
            ("gemma3", "language_model.lm_head.weight", "output.weight"),
            (
                "mixtral",
                "model.layers.7.block_sparse_moe.experts.11.w3.weight",
                "blk.7.ffn_up.11.weight",
            ),
            (
                "qwen3_moe",
                "model.layers.0.mlp.experts.gate_up_proj",
                "blk.0.ffn_gate_up_exps.weight",
            ),
            (
                "gpt_oss",
                "model.layers.1.self_attn.sinks",
                "blk.1.attn_sinks.weight",
            ),
            (
                "glm4",
                "model.layers.1.post_self_attn_layernorm.weight",
                "blk.1.post_attention_norm.weight",
            ),
            (
                "qwen3_5",
                "model.language_model.layers.1.linear_attn.A_log",
                "blk.1.ssm_a",
            ),
        ] {
            let found = translate(theirs, norms(kind));
            assert_eq!(found, Named::Known(ours.to_owned()), "{kind}: {theirs}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        for name in [
            "model.layers.0.mlp.experts.0.w1.weight",
            "model.layers.0.mlp.experts.x.up_proj.weight",
            "model.layers.0.mlp.experts.1.2.up_proj.weight",
            "model.layers.0.mlp.experts.*.up_proj.weight",
            "model.layers.x.mlp.up_proj.weight",
            "model.layers.0.mlp.up_proj.scale",
            "model.layers.0.pre_feedforward_layernorm.weight",
            "weight",
        ] {
            assert_eq!(translate(name, norms("llama")), Named::Unknown, "{name}");
        }
        for name in [
            "model.layers.3.self_attn.rotary_emb.inv_freq",
            "vision_tower.x.weight",
            "model.vision_tower.x.weight",
            "mtp.layers.0.mlp.up_proj.weight",
        ] {
            assert_eq!(translate(name, norms("llama")), Named::Unneeded, "{name}");
        }
    }
}
