//! Tensor names: Hugging Face's → GGUF's.

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
const PREFIXES: [&str; 4] = [
    "model.language_model.",
    "language_model.model.",
    "language_model.",
    "model.",
];

/// Parts of models that see.
const OTHER_PARTS: [&str; 2] = ["vision_tower.", "multi_modal_projector."];

/// (Hugging Face's name, GGUF's)
const WHOLE: [(&str, &str); 3] = [
    ("embed_tokens", "token_embd"),
    ("norm", "output_norm"),
    ("lm_head", "output"),
];

/// The same for a layer's tensors, where all families agree.
const OF_LAYER: [(&str, &str); 10] = [
    ("input_layernorm", "attn_norm"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
];

const LLAMAS: [(&str, &str); 1] = [("post_attention_layernorm", "ffn_norm")];

const GEMMAS: [(&str, &str); 3] = [
    ("post_attention_layernorm", "post_attention_norm"),
    ("pre_feedforward_layernorm", "ffn_norm"),
    ("post_feedforward_layernorm", "post_ffw_norm"),
];

/// Translates a name.
pub(super) fn translate(name: &str, is_gemma: bool) -> Named {
    let mut prefixes = PREFIXES.iter();
    let short = prefixes
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    // Old files hold the rotation's frequencies, which follow from the config.
    let is_other = OTHER_PARTS.iter().any(|part| short.starts_with(part));
    if is_other || short.ends_with("rotary_emb.inv_freq") {
        return Named::Unneeded;
    }
    match known(short, is_gemma) {
        Some(name) => Named::Known(name),
        None => Named::Unknown,
    }
}

fn known(short: &str, is_gemma: bool) -> Option<String> {
    let (stem, ending) = short.rsplit_once('.')?;
    if !matches!(ending, "weight" | "bias") {
        return None;
    }
    let of = |table: &[(&str, &'static str)], stem: &str| {
        let found = table.iter().find(|(theirs, _)| *theirs == stem);
        found.map(|(_, ours)| *ours)
    };
    if let Some(ours) = of(&WHOLE, stem) {
        return Some(format!("{ours}.{ending}"));
    }
    let (number, part) = stem.strip_prefix("layers.")?.split_once('.')?;
    let number: u32 = number.parse().ok()?;
    let norms: &[_] = if is_gemma { &GEMMAS } else { &LLAMAS };
    let ours = of(&OF_LAYER, part).or_else(|| of(norms, part))?;
    Some(format!("blk.{number}.{ours}.{ending}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_translated_or_told_apart() {
        let known = |name: &str| Named::Known(name.to_owned());
        for (theirs, is_gemma, ours) in [
            (
                "model.embed_tokens.weight",
                false,
                known("token_embd.weight"),
            ),
            ("lm_head.weight", false, known("output.weight")),
            ("model.norm.weight", true, known("output_norm.weight")),
            (
                "model.layers.12.self_attn.q_proj.bias",
                false,
                known("blk.12.attn_q.bias"),
            ),
            (
                "layers.0.post_attention_layernorm.weight",
                false,
                known("blk.0.ffn_norm.weight"),
            ),
            (
                "language_model.model.layers.0.post_attention_layernorm.weight",
                true,
                known("blk.0.post_attention_norm.weight"),
            ),
            (
                "language_model.lm_head.weight",
                true,
                known("output.weight"),
            ),
            (
                "model.layers.3.self_attn.rotary_emb.inv_freq",
                false,
                Named::Unneeded,
            ),
            ("vision_tower.x.weight", true, Named::Unneeded),
            ("model.vision_tower.x.weight", true, Named::Unneeded),
            (
                "model.layers.0.mlp.experts.0.w1.weight",
                false,
                Named::Unknown,
            ),
            ("model.layers.x.mlp.up_proj.weight", false, Named::Unknown),
            (
                "model.layers.0.pre_feedforward_layernorm.weight",
                false,
                Named::Unknown,
            ),
            ("weight", false, Named::Unknown),
        ] {
            assert_eq!(translate(theirs, is_gemma), ours, "{theirs}");
        }
    }
}
