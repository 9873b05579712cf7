//! The kinds of encoders and what their files call things. A new kind is a new
//! entry here. Their numbers are left to `numbers`.

use serde_json::Value;

use super::Activation;

/// How a kind differs from others.
#[derive(Debug)]
pub(crate) struct EncoderFamily {
    /// The value of `model_type`, and of `position_embedding_type` where only
    /// that tells the kind.
    model_type: &'static str,
    position_type: Option<&'static str>,
    /// `general.architecture` in GGUF, where llm-engine reads such files.
    architecture: Option<&'static str>,
    /// Norms stand before the steps.
    pub(super) norms_before: bool,
    pub(super) positions: Positions,
    /// What the names of a layer's tensors begin with, before its number.
    pub(super) layer: &'static [&'static str],
    /// (Hugging Face's name, GGUF's) of a layer's tensors.
    pub(super) of_layer: &'static [(&'static str, &'static str)],
    /// The same of the others.
    pub(super) whole: &'static [(&'static str, &'static str)],
    /// Values of `config.json` that would change what is computed, and what they
    /// must be where they are there.
    pub(super) wanted: &'static [(&'static str, Wanted)],
    /// The non-linearity where the files name none.
    pub(super) activation: Activation,
}

/// What a value must be.
#[derive(Debug)]
pub(super) enum Wanted {
    False,
    One,
    Zero,
    Text(&'static str),
}

/// How a network knows positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Positions {
    /// By rotating queries and keys (Su et al. 2021, arXiv:2104.09864).
    Rotated,
    /// By what is taken from scores, in proportion to the distance (Press et al.
    /// 2021, arXiv:2108.12409), on both sides.
    Alibi,
    /// By an embedding, and by what is added to the scores of distances (Raffel
    /// et al. 2019, arXiv:1910.10683, section 2.1).
    LearnedAndRelative,
}

const NOMIC: EncoderFamily = EncoderFamily {
    model_type: "nomic_bert",
    position_type: None,
    architecture: Some("nomic-bert"),
    norms_before: false,
    positions: Positions::Rotated,
    layer: &["encoder.layers.", "layers."],
    of_layer: &[
        ("attn.Wqkv", "attn_qkv"),
        ("attn.out_proj", "attn_output"),
        ("norm1", "attn_output_norm"),
        ("mlp.fc11", "ffn_up"),
        ("mlp.fc12", "ffn_gate"),
        ("mlp.fc2", "ffn_down"),
        ("norm2", "layer_output_norm"),
        // As transformers itself names them.
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("post_attention_layernorm", "attn_output_norm"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.down_proj", "ffn_down"),
        ("post_mlp_layernorm", "layer_output_norm"),
    ],
    whole: &[
        ("embeddings.word_embeddings", "token_embd"),
        ("embeddings.token_type_embeddings", "token_types"),
        ("emb_ln", "token_embd_norm"),
        ("embeddings.LayerNorm", "token_embd_norm"),
    ],
    wanted: &[
        ("prenorm", Wanted::False),
        ("use_rms_norm", Wanted::False),
        ("parallel_block", Wanted::False),
        ("rotary_emb_interleaved", Wanted::False),
        ("rotary_emb_fraction", Wanted::One),
        ("moe_every_n_layers", Wanted::Zero),
    ],
    activation: Activation::Silu,
};

const MODERN: EncoderFamily = EncoderFamily {
    model_type: "modernbert",
    architecture: Some("modern-bert"),
    norms_before: true,
    layer: &["layers."],
    of_layer: &[
        ("attn_norm", "attn_norm"),
        ("attn.Wqkv", "attn_qkv"),
        ("attn.Wo", "attn_output"),
        ("mlp_norm", "ffn_norm"),
        ("mlp.Wi", "ffn_up"),
        ("mlp.Wo", "ffn_down"),
    ],
    whole: &[
        ("embeddings.tok_embeddings", "token_embd"),
        ("embeddings.norm", "token_embd_norm"),
        ("final_norm", "output_norm"),
    ],
    wanted: &[],
    activation: Activation::Gelu,
    ..NOMIC
};

const MPNET: EncoderFamily = EncoderFamily {
    model_type: "mpnet",
    architecture: None,
    norms_before: false,
    positions: Positions::LearnedAndRelative,
    layer: &["encoder.layer."],
    of_layer: &[
        ("attention.attn.q", "attn_q"),
        ("attention.attn.k", "attn_k"),
        ("attention.attn.v", "attn_v"),
        ("attention.attn.o", "attn_output"),
        ("attention.LayerNorm", "attn_output_norm"),
        ("intermediate.dense", "ffn_up"),
        ("output.dense", "ffn_down"),
        ("output.LayerNorm", "layer_output_norm"),
    ],
    whole: &[
        ("embeddings.word_embeddings", "token_embd"),
        ("embeddings.position_embeddings", "position_embd"),
        ("embeddings.LayerNorm", "token_embd_norm"),
        ("encoder.relative_attention_bias", "attn_rel_b"),
    ],
    ..MODERN
};

const JINA: EncoderFamily = EncoderFamily {
    model_type: "bert",
    position_type: Some("alibi"),
    architecture: Some("jina-bert-v2"),
    positions: Positions::Alibi,
    of_layer: &[
        ("attention.self.query", "attn_q"),
        ("attention.self.key", "attn_k"),
        ("attention.self.value", "attn_v"),
        ("attention.output.dense", "attn_output"),
        ("attention.output.LayerNorm", "attn_output_norm"),
        // Those of the small and base models; others norm queries and keys.
        ("attention.self.layer_norm_q", "attn_q_norm"),
        ("mlp.gated_layers", "ffn_up"),
        ("mlp.wo", "ffn_down"),
        ("mlp.layernorm", "layer_output_norm"),
    ],
    whole: &[
        ("embeddings.word_embeddings", "token_embd"),
        ("embeddings.token_type_embeddings", "token_types"),
        ("embeddings.LayerNorm", "token_embd_norm"),
    ],
    wanted: &[("feed_forward_type", Wanted::Text("geglu"))],
    ..MPNET
};

const FAMILIES: [&EncoderFamily; 4] = [&NOMIC, &MODERN, &MPNET, &JINA];

/// Returns the kind of a folder by its `config.json`.
pub(crate) fn find(config: &Value) -> Option<&'static EncoderFamily> {
    let text = |name: &str| config.get(name).and_then(Value::as_str);
    let position_type = text("position_embedding_type");
    FAMILIES.into_iter().find(|family| {
        text("model_type") == Some(family.model_type)
            && family
                .position_type
                .is_none_or(|kind| position_type == Some(kind))
    })
}

/// Returns the kind of a GGUF file.
pub(crate) fn of_architecture(name: &str) -> Option<&'static EncoderFamily> {
    FAMILIES
        .into_iter()
        .find(|family| family.architecture == Some(name))
}

/// Returns the values of `model_type` that BERT's pass does not have.
pub(crate) fn kinds() -> impl Iterator<Item = &'static str> {
    let own = FAMILIES
        .into_iter()
        .filter(|family| family.position_type.is_none());
    own.map(|family| family.model_type)
}

/// Returns the names of GGUF's architectures.
pub(crate) fn architectures() -> impl Iterator<Item = &'static str> {
    FAMILIES
        .into_iter()
        .filter_map(|family| family.architecture)
}

impl EncoderFamily {
    /// Returns the tensor's name in GGUF.
    pub(super) fn translate(&self, name: &str) -> Option<String> {
        let (stem, ending) = name.rsplit_once('.')?;
        let of = |table: &[(&str, &'static str)], stem: &str| {
            let found = table.iter().find(|(theirs, _)| *theirs == stem);
            found.map(|(_, ours)| *ours)
        };
        if let Some(ours) = of(self.whole, stem) {
            return Some(format!("{ours}.{ending}"));
        }
        let mut prefixes = self.layer.iter();
        let rest = prefixes.find_map(|prefix| stem.strip_prefix(prefix))?;
        let (number, part) = rest.split_once('.')?;
        Some(format!(
            "blk.{number}.{}.{ending}",
            of(self.of_layer, part)?
        ))
    }
}
