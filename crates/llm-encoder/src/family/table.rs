//! The families and what their files call things. A new family is a new row here.

use super::{Activation, EncoderFamily, HeadNames, Positions, Required};

/// BERT (Devlin et al. 2018, arXiv:1810.04805).
pub(super) const BERT: EncoderFamily = EncoderFamily {
    model_types: &["bert"],
    position_type: None,
    architecture: Some("bert"),
    norms_before: false,
    positions: Positions::Learned,
    counts_from_padding: false,
    has_windows: false,
    gated: false,
    needs_biases: true,
    reads_pairs: true,
    // Two are enough for all-MiniLM, and more than four change nothing.
    outlier_columns: 4,
    layer_prefixes: &["encoder.layer."],
    layer_names: &[
        ("attention.self.query", "attn_q"),
        ("attention.self.key", "attn_k"),
        ("attention.self.value", "attn_v"),
        ("attention.output.dense", "attn_output"),
        ("attention.output.LayerNorm", "attn_output_norm"),
        ("intermediate.dense", "ffn_up"),
        ("output.dense", "ffn_down"),
        ("output.LayerNorm", "layer_output_norm"),
    ],
    other_names: &[
        ("embeddings.word_embeddings", "token_embd"),
        ("embeddings.position_embeddings", "position_embd"),
        ("embeddings.token_type_embeddings", "token_types"),
        ("embeddings.LayerNorm", "token_embd_norm"),
    ],
    masked_lm: Some(HeadNames {
        dense: "cls.predictions.transform.dense",
        norm: "cls.predictions.transform.LayerNorm",
        decoder: "cls.predictions.decoder",
        biases: ["cls.predictions.bias", "cls.predictions.decoder.bias"],
        prefixes: &["cls.predictions"],
    }),
    required: &[
        ("hidden_act", Required::Text("gelu")),
        ("position_embedding_type", Required::Text("absolute")),
    ],
    activation: Activation::Gelu,
    norm_epsilon: 1e-12,
    rope_bases: [10_000.0; 2],
};

/// `RoBERTa` (Liu et al. 2019, arXiv:1907.11692) and XLM-RoBERTa, which differ from
/// BERT in nothing but where positions begin.
const ROBERTA: EncoderFamily = EncoderFamily {
    model_types: &["roberta", "xlm-roberta", "camembert"],
    // The converter writes them as BERT's.
    architecture: None,
    counts_from_padding: true,
    masked_lm: LM_HEAD,
    ..BERT
};

const LM_HEAD: Option<HeadNames> = Some(HeadNames {
    dense: "lm_head.dense",
    norm: "lm_head.layer_norm",
    decoder: "lm_head.decoder",
    biases: ["lm_head.bias", "lm_head.decoder.bias"],
    prefixes: &["lm_head"],
});

/// Nomic Embed (Nussbaum et al. 2024, arXiv:2402.01613).
pub(super) const NOMIC: EncoderFamily = EncoderFamily {
    model_types: &["nomic_bert"],
    architecture: Some("nomic-bert"),
    positions: Positions::Rotated,
    gated: true,
    needs_biases: false,
    reads_pairs: false,
    outlier_columns: 0,
    masked_lm: None,
    layer_prefixes: &["encoder.layers.", "layers."],
    layer_names: &[
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
    other_names: &[
        ("embeddings.word_embeddings", "token_embd"),
        ("embeddings.token_type_embeddings", "token_types"),
        ("emb_ln", "token_embd_norm"),
        ("embeddings.LayerNorm", "token_embd_norm"),
    ],
    required: &[
        ("prenorm", Required::False),
        ("use_rms_norm", Required::False),
        ("parallel_block", Required::False),
        ("rotary_emb_interleaved", Required::False),
        ("rotary_emb_fraction", Required::One),
        ("moe_every_n_layers", Required::Zero),
    ],
    activation: Activation::Silu,
    rope_bases: [1000.0; 2],
    ..BERT
};

/// `ModernBERT` (Warner et al. 2024, arXiv:2412.13663).
pub(super) const MODERN: EncoderFamily = EncoderFamily {
    model_types: &["modernbert"],
    architecture: Some("modern-bert"),
    norms_before: true,
    has_windows: true,
    masked_lm: Some(HeadNames {
        dense: "head.dense",
        norm: "head.norm",
        decoder: "decoder",
        biases: ["decoder.bias", "decoder.bias"],
        prefixes: &["head", "decoder"],
    }),
    layer_prefixes: &["layers."],
    layer_names: &[
        ("attn_norm", "attn_norm"),
        ("attn.Wqkv", "attn_qkv"),
        ("attn.Wo", "attn_output"),
        ("mlp_norm", "ffn_norm"),
        ("mlp.Wi", "ffn_up"),
        ("mlp.Wo", "ffn_down"),
    ],
    other_names: &[
        ("embeddings.tok_embeddings", "token_embd"),
        ("embeddings.norm", "token_embd_norm"),
        ("final_norm", "output_norm"),
    ],
    required: &[],
    activation: Activation::Gelu,
    norm_epsilon: 1e-5,
    rope_bases: [160_000.0, 10_000.0],
    ..NOMIC
};

/// `MPNet` (Song et al. 2020, arXiv:2004.09297).
const MPNET: EncoderFamily = EncoderFamily {
    model_types: &["mpnet"],
    architecture: None,
    positions: Positions::LearnedAndRelative,
    counts_from_padding: true,
    needs_biases: false,
    reads_pairs: false,
    // Of all-mpnet-base-v2 up to 57 where the others have 4 at most: left among them, they take a text
    // that repeats one word to a cosine of 0.977 with --quantize q8_0.
    outlier_columns: 4,
    masked_lm: LM_HEAD,
    layer_names: &[
        ("attention.attn.q", "attn_q"),
        ("attention.attn.k", "attn_k"),
        ("attention.attn.v", "attn_v"),
        ("attention.attn.o", "attn_output"),
        ("attention.LayerNorm", "attn_output_norm"),
        ("intermediate.dense", "ffn_up"),
        ("output.dense", "ffn_down"),
        ("output.LayerNorm", "layer_output_norm"),
    ],
    other_names: &[
        ("embeddings.word_embeddings", "token_embd"),
        ("embeddings.position_embeddings", "position_embd"),
        ("embeddings.LayerNorm", "token_embd_norm"),
        ("encoder.relative_attention_bias", "attn_rel_b"),
    ],
    required: &[],
    ..BERT
};

/// Jina Embeddings 2 (Günther et al. 2023, arXiv:2310.19923).
const JINA: EncoderFamily = EncoderFamily {
    position_type: Some("alibi"),
    architecture: Some("jina-bert-v2"),
    positions: Positions::Alibi,
    gated: true,
    needs_biases: false,
    reads_pairs: false,
    outlier_columns: 0,
    masked_lm: None,
    layer_names: &[
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
    other_names: &[
        ("embeddings.word_embeddings", "token_embd"),
        ("embeddings.token_type_embeddings", "token_types"),
        ("embeddings.LayerNorm", "token_embd_norm"),
    ],
    required: &[("feed_forward_type", Required::Text("geglu"))],
    ..BERT
};

/// All families.
pub(super) const FAMILIES: [&EncoderFamily; 6] = [&BERT, &ROBERTA, &NOMIC, &MODERN, &MPNET, &JINA];
