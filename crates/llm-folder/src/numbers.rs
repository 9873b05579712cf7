//! The numbers of a config as GGUF metadata: those that all kinds have, and rows of
//! those that only some have.
//!
//! Whether the numbers fit together is left to `spec`.

use super::config::Config;
use super::{FolderError, rope, windows};
use llm_gguf::{Metadata, Value};

/// Keys of GGUF without the architecture before them, and their values.
pub(super) type Pairs = Vec<(&'static str, Value)>;

/// A number under its names in configs, the first that is there counts, and its name
/// in GGUF.
#[derive(Debug)]
pub(super) struct Number {
    theirs: &'static [&'static str],
    ours: &'static str,
    form: Form,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Size,
    Float,
    Flag,
    /// One over the root.
    InverseRoot,
}

const fn size(theirs: &'static [&'static str], ours: &'static str) -> Number {
    Number {
        theirs,
        ours,
        form: Form::Size,
    }
}

const fn float(theirs: &'static [&'static str], ours: &'static str) -> Number {
    Number {
        theirs,
        ours,
        form: Form::Float,
    }
}

/// Models with experts.
pub(super) const EXPERTS: &[Number] = &[
    size(
        &["num_local_experts", "num_experts", "n_routed_experts"],
        "expert_count",
    ),
    size(
        &[
            "num_experts_per_tok",
            "num_experts_per_token",
            "experts_per_token",
            "top_k_experts",
            "moe_topk",
        ],
        "expert_used_count",
    ),
    size(
        &["moe_intermediate_size", "expert_intermediate_size"],
        "expert_feed_forward_length",
    ),
];

/// The weights of the chosen experts may be made to sum to one.
pub(super) const NORMED_EXPERTS: &[Number] = &[Number {
    theirs: &["norm_topk_prob"],
    ours: "expert_weights_norm",
    form: Form::Flag,
}];

/// What the chosen experts give is scaled, some run for every token, and the first
/// layers have none.
pub(super) const SCALED_EXPERTS: &[Number] = &[
    float(&["routed_scaling_factor"], "expert_weights_scale"),
    size(
        &["n_shared_experts", "num_shared_experts"],
        "expert_shared_count",
    ),
    size(&["first_k_dense_replace"], "leading_dense_block_count"),
];

/// One expert runs for every token, with a length of its own.
pub(super) const SHARED_EXPERT: &[Number] = &[size(
    &["shared_expert_intermediate_size"],
    "expert_shared_feed_forward_length",
)];

/// The same by Nemotron's name; experts may work on shorter vectors.
pub(super) const SHARED_EXPERTS: &[Number] = &[
    size(
        &["moe_shared_expert_intermediate_size"],
        "expert_shared_feed_forward_length",
    ),
    size(&["moe_latent_size"], "moe_latent_size"),
];

/// That expert is as long as the step of a model without experts.
pub(super) const STEP_AS_SHARED: &[Number] = &[size(
    &["intermediate_size"],
    "expert_shared_feed_forward_length",
)];

/// The same by ERNIE's names.
pub(super) const ERNIE_EXPERTS: &[Number] = &[
    size(&["moe_num_experts"], "expert_count"),
    size(&["moe_k"], "expert_used_count"),
    size(&["moe_intermediate_size"], "expert_feed_forward_length"),
    size(&["moe_num_shared_experts"], "expert_shared_count"),
    size(&["moe_layer_start_index"], "leading_dense_block_count"),
];

/// The same by Granite's name.
pub(super) const SHARED_STEP: &[Number] = &[size(
    &["shared_intermediate_size"],
    "expert_shared_feed_forward_length",
)];

/// What is added to the variance in norms that subtract the mean.
pub(super) const LAYER_NORM: &[Number] = &[float(
    &["norm_eps", "norm_epsilon", "layer_norm_eps"],
    "attention.layer_norm_epsilon",
)];

/// The same by the name of those who began it, who have that for another number.
pub(super) const FALCON_NORM: &[Number] = &[float(
    &["layer_norm_epsilon"],
    "attention.layer_norm_epsilon",
)];

/// The steps of a layer may stand beside each other.
pub(super) const PARALLEL_STEPS: &[Number] = &[Number {
    theirs: &["use_parallel_residual"],
    ours: "use_parallel_residual",
    form: Form::Flag,
}];

/// What is added to the mean square, by other names than most.
pub(super) const RMS_NORM: &[Number] = &[float(
    &["norm_eps", "layer_norm_epsilon"],
    "attention.layer_norm_rms_epsilon",
)];

/// The first layers have no experts.
pub(super) const DENSE_LAYERS: &[Number] = &[
    size(&["num_dense_layers"], "leading_dense_block_count"),
    float(&["routed_scaling_factor"], "expert_weights_scale"),
];

/// Tokens that a short convolution spans.
pub(super) const SHORT_CONV: &[Number] = &[size(&["conv_L_cache"], "shortconv.l_cache")];

/// What logits are multiplied by.
pub(super) const LOGIT_SCALE: &[Number] = &[float(&["logit_scale"], "logit_scale")];

/// Bounds that scores and logits approach.
pub(super) const CAPS: &[Number] = &[
    float(&["attn_logit_softcapping"], "attn_logit_softcapping"),
    float(&["final_logit_softcapping"], "final_logit_softcapping"),
];

/// What scores are scaled by, where it is not made of a head's length.
pub(super) const HEAD_SCALE: &[Number] = &[Number {
    theirs: &["query_pre_attn_scalar"],
    ours: "attention.scale",
    form: Form::InverseRoot,
}];

/// Factors at both ends of the stream.
pub(super) const HEAD_MULTIPLIERS: &[Number] = &[
    float(&["embedding_multiplier"], "embedding_scale"),
    float(&["lm_head_multiplier"], "logit_scale"),
];

/// Factors along the stream.
pub(super) const MULTIPLIERS: &[Number] = &[
    float(&["attention_multiplier"], "attention.scale"),
    float(&["embedding_multiplier"], "embedding_scale"),
    float(&["residual_multiplier"], "residual_scale"),
    float(&["logits_scaling"], "logit_scale"),
];

impl Number {
    fn value(&self, config: &Config) -> Result<Option<Value>, FolderError> {
        for name in self.theirs {
            let value = match self.form {
                Form::Size => config.size(name)?.map(Value::Unsigned),
                Form::Float => config.number(name)?.map(Value::Float),
                Form::Flag => config.flag(name)?.map(Value::Bool),
                Form::InverseRoot => {
                    let square = config.number(name)?;
                    square.map(|square| Value::Float(square.sqrt().recip()))
                }
            };
            if value.is_some() {
                return Ok(value);
            }
        }
        Ok(None)
    }
}

impl Config {
    /// Translates the numbers to GGUF's keys.
    pub(super) fn metadata(&self) -> Result<Metadata, FolderError> {
        let mut metadata = Metadata::default();
        let architecture = self.kind.architecture;
        let text = |text: &str| Value::String(text.to_owned());
        metadata.insert("general.architecture", text(architecture));
        let mut pairs = self.common()?;
        for number in self.kind.numbers.iter().copied().flatten() {
            pairs.extend(number.value(self)?.map(|value| (number.ours, value)));
        }
        pairs.extend(rope::pairs(self)?);
        pairs.extend(windows::pairs(self)?);
        if self.kind.permuted {
            pairs.push(("rope.pairing", text("halves")));
        }
        if self.sees_ahead()? {
            pairs.push(("attention.causal", Value::Bool(false)));
        }
        for more in self.kind.more {
            pairs.extend(more(self)?);
        }
        for (name, value) in pairs {
            metadata.insert(format!("{architecture}.{name}"), value);
        }
        Ok(metadata)
    }

    fn common(&self) -> Result<Pairs, FolderError> {
        let head_dim = self.head_dim()?;
        let heads = self.needed("num_attention_heads")?;
        let mut pairs = Vec::new();
        for (name, size) in [
            ("block_count", self.layers()?),
            ("embedding_length", self.needed("hidden_size")?),
            ("attention.head_count", heads),
            ("attention.head_count_kv", self.kv_heads()?),
            ("attention.key_length", head_dim),
            ("attention.value_length", head_dim),
            ("context_length", self.needed("max_position_embeddings")?),
        ] {
            pairs.push((name, Value::Unsigned(size)));
        }
        // A model of experts alone may have no other length.
        let inner = match self
            .size("moe_intermediate_size")?
            .or(self.size("block_ff_dim")?)
        {
            Some(_) => self.size("intermediate_size")?,
            None => Some(self.needed("intermediate_size")?),
        };
        pairs.extend(inner.map(|inner| ("feed_forward_length", Value::Unsigned(inner))));
        let epsilon = self.number("rms_norm_eps")?.unwrap_or(self.kind.epsilon);
        pairs.push(("attention.layer_norm_rms_epsilon", Value::Float(epsilon)));
        Ok(pairs)
    }

    /// Returns whether a position sees those after it.
    fn sees_ahead(&self) -> Result<bool, FolderError> {
        let fields = self.fields();
        let key = "use_bidirectional_attention";
        let said = match self.get(key) {
            // Of the parts of a picture, or of everything.
            Some(serde_json::Value::String(what)) if what == "vision" => false,
            Some(serde_json::Value::String(what)) if what == "all" => true,
            _ => fields.flag(key)? == Some(true),
        };
        Ok(said || fields.flag("is_causal")? == Some(false))
    }
}
