//! The kinds of encoders and what their files call things. A new kind is a new
//! entry here.

use std::path::Path;

use serde_json::Value;

use super::Activation;
use crate::encode::bert;
use crate::encode::gguf::Numbers;
use crate::encode::settings::Shape;
use crate::folder::FolderError;
use crate::spec::{Rope, plain};

/// How a kind differs from others.
#[derive(Debug)]
pub(crate) struct Plan {
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
    wanted: &'static [(&'static str, Wanted)],
    /// The non-linearity where the files name none.
    activation: Activation,
}

#[derive(Debug)]
enum Wanted {
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

const NOMIC: Plan = Plan {
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

const MODERN: Plan = Plan {
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

const MPNET: Plan = Plan {
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

const JINA: Plan = Plan {
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

const PLANS: [&Plan; 4] = [&NOMIC, &MODERN, &MPNET, &JINA];

/// Returns the kind of a folder by its `config.json`.
pub(crate) fn find(config: &Value) -> Option<&'static Plan> {
    let text = |name: &str| config.get(name).and_then(Value::as_str);
    let position_type = text("position_embedding_type");
    PLANS.into_iter().find(|plan| {
        text("model_type") == Some(plan.model_type)
            && plan
                .position_type
                .is_none_or(|kind| position_type == Some(kind))
    })
}

/// Returns the kind of a GGUF file.
pub(crate) fn of_architecture(name: &str) -> Option<&'static Plan> {
    PLANS
        .into_iter()
        .find(|plan| plan.architecture == Some(name))
}

/// Returns the values of `model_type` that BERT's pass does not have.
pub(crate) fn kinds() -> impl Iterator<Item = &'static str> {
    let own = PLANS
        .into_iter()
        .filter(|plan| plan.position_type.is_none());
    own.map(|plan| plan.model_type)
}

/// Returns the names of GGUF's architectures.
pub(crate) fn architectures() -> impl Iterator<Item = &'static str> {
    PLANS.into_iter().filter_map(|plan| plan.architecture)
}

/// The numbers of a network, wherever they stood.
pub(crate) struct Outline {
    pub(crate) shape: Shape,
    pub(super) activation: Activation,
    /// Rotations of layers that see everything and of those with a window.
    pub(super) ropes: [Rope; 2],
    /// One entry a layer: what a query sees on one side, its own included.
    pub(super) windows: Vec<Option<usize>>,
}

impl Plan {
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

    /// Reads the numbers of `config.json`, which stands at `path`.
    pub(crate) fn outline(&self, path: &Path, config: &Value) -> Result<Outline, FolderError> {
        self.refuse_unsupported(path, config)?;
        let numbers = Config { path, config };
        let first_position = match self.positions {
            Positions::LearnedAndRelative => numbers.size(&["pad_token_id"]).unwrap_or(1) + 1,
            _ => 0,
        };
        // Positions behind these are stretched as they come, which changes
        // a text's first rows with its length.
        let trained = match config
            .get("rotary_scaling_factor")
            .is_some_and(|it| !it.is_null())
        {
            true => numbers.size(&["max_trained_positions"]).unwrap_or(2048),
            false => usize::MAX,
        };
        let positions = numbers.needed(&["max_position_embeddings", "n_positions"])?;
        let shape = Shape {
            layers: numbers.needed(&["num_hidden_layers", "n_layer"])?,
            width: numbers.needed(&["hidden_size", "n_embd"])?,
            inner: numbers.needed(&["intermediate_size", "n_inner"])?,
            heads: numbers.needed(&["num_attention_heads", "n_head"])?,
            positions: positions.min(trained).saturating_sub(first_position),
            first_position,
            vocabulary: numbers.needed(&["vocab_size"])?,
            epsilon: numbers
                .number(&["norm_eps", "layer_norm_eps", "layer_norm_epsilon"])
                .unwrap_or(if self.norms_before { 1e-5 } else { 1e-12 })
                as f32,
        };
        check(path, &shape)?;
        let act = numbers.text(&["hidden_act", "activation_function", "hidden_activation"]);
        let base = |name: &str, others: &[&str], usual: f32| {
            let own = |rope: &Value| rope.get("rope_theta")?.as_f64();
            let all = config.get("rope_parameters");
            let stated = all.and_then(|all| all.get(name).and_then(own).or_else(|| own(all)));
            stated
                .or_else(|| numbers.number(others))
                .map_or(usual, |base| base as f32)
        };
        let ropes = match self.norms_before {
            true => [
                base("full_attention", &["global_rope_theta"], 160_000.0),
                base("sliding_attention", &["local_rope_theta"], 10_000.0),
            ],
            false => [base("", &["rotary_emb_base", "rope_theta"], 1000.0); 2],
        };
        Ok(Outline {
            activation: self.activation(path, act)?,
            ropes: rotations(path, &shape, ropes)?,
            windows: self.windows(&shape, config, &numbers),
            shape,
        })
    }

    /// Reads the numbers of a GGUF file.
    pub(super) fn outline_of(&self, numbers: &Numbers<'_>) -> Result<Outline, FolderError> {
        let shape = Shape {
            layers: numbers.size("block_count")?,
            width: numbers.size("embedding_length")?,
            inner: numbers.size("feed_forward_length")?,
            heads: numbers.size("attention.head_count")?,
            positions: numbers.size("context_length")?,
            first_position: 0,
            vocabulary: numbers.vocabulary(),
            epsilon: numbers.epsilon()?,
        };
        check(numbers.path, &shape)?;
        let base = numbers.number("rope.freq_base");
        let base = base.unwrap_or(if self.norms_before { 160_000.0 } else { 1000.0 });
        let local = numbers.number("rope.freq_base_swa");
        let local = local.unwrap_or(if self.norms_before { 10_000.0 } else { base });
        let window = numbers
            .size("attention.sliding_window")
            .ok()
            .filter(|&it| it > 0);
        let every = numbers
            .size("attention.sliding_window_pattern")
            .unwrap_or(3);
        let act = numbers
            .metadata
            .string(&format!("{}.hidden_act", numbers.kind));
        Ok(Outline {
            activation: self.activation(numbers.path, act)?,
            ropes: rotations(numbers.path, &shape, [base, local])?,
            windows: (0..shape.layers)
                .map(|layer| {
                    let is_global = every == 0 || layer.is_multiple_of(every);
                    window.filter(|_| self.norms_before && !is_global).map(half)
                })
                .collect(),
            shape,
        })
    }

    fn activation(&self, path: &Path, name: Option<&str>) -> Result<Activation, FolderError> {
        match name {
            None => Ok(self.activation),
            Some("gelu" | "geglu") => Ok(Activation::Gelu),
            Some("silu" | "swiglu") => Ok(Activation::Silu),
            Some(other) => {
                let what = format!("its activation is '{other}'");
                Err(FolderError::unsupported(path, what))
            }
        }
    }

    fn refuse_unsupported(&self, path: &Path, config: &Value) -> Result<(), FolderError> {
        for (name, wanted) in self.wanted {
            let Some(value) = config.get(name).filter(|value| !value.is_null()) else {
                continue;
            };
            let is_right = match wanted {
                Wanted::False => value.as_bool() == Some(false),
                Wanted::One => value.as_f64() == Some(1.0),
                Wanted::Zero => value.as_f64() == Some(0.0),
                Wanted::Text(text) => value.as_str() == Some(text),
            };
            if !is_right {
                let what = format!("its {name} is {value}");
                return Err(FolderError::unsupported(path, what));
            }
        }
        Ok(())
    }

    fn windows(&self, shape: &Shape, config: &Value, numbers: &Config<'_>) -> Vec<Option<usize>> {
        if !self.norms_before {
            return vec![None; shape.layers];
        }
        let window = numbers.size(&["local_attention"]).unwrap_or(128);
        let every = numbers
            .size(&["global_attn_every_n_layers"])
            .unwrap_or(3)
            .max(1);
        let types = config.get("layer_types").and_then(Value::as_array);
        let has_window = |layer: usize| match types.and_then(|types| types.get(layer)) {
            Some(kind) => kind.as_str() == Some("sliding_attention"),
            None => !layer.is_multiple_of(every),
        };
        let layers = 0..shape.layers;
        layers
            .map(|layer| has_window(layer).then_some(half(window)))
            .collect()
    }
}

/// Returns how much of a window lies on one side, the middle included.
fn half(window: usize) -> usize {
    window / 2 + 1
}

fn check(path: &Path, shape: &Shape) -> Result<(), FolderError> {
    match bert::fits(shape) {
        true => Ok(()),
        false => Err(FolderError::malformed(
            path,
            "its sizes do not fit together",
        )),
    }
}

fn rotations(path: &Path, shape: &Shape, bases: [f32; 2]) -> Result<[Rope; 2], FolderError> {
    let head = shape.width / shape.heads;
    let is_sound = |base: &f32| base.is_finite() && *base > 0.0;
    match head.is_multiple_of(2) && bases.iter().all(is_sound) {
        true => Ok(bases.map(|base| plain(head, base))),
        false => Err(FolderError::malformed(
            path,
            "its rotation does not fit its heads",
        )),
    }
}

/// `config.json`, in which a number may have one of several names.
struct Config<'a> {
    path: &'a Path,
    config: &'a Value,
}

impl Config<'_> {
    fn value(&self, names: &[&str]) -> Option<&Value> {
        let mut found = names.iter().filter_map(|name| self.config.get(name));
        found.find(|value| !value.is_null())
    }

    fn text(&self, names: &[&str]) -> Option<&str> {
        self.value(names)?.as_str()
    }

    fn number(&self, names: &[&str]) -> Option<f64> {
        self.value(names)?.as_f64()
    }

    fn size(&self, names: &[&str]) -> Option<usize> {
        let size = usize::try_from(self.value(names)?.as_u64()?).ok();
        size.filter(|&size| size <= bert::MOST)
    }

    fn needed(&self, names: &[&str]) -> Result<usize, FolderError> {
        let name = names.first().copied().unwrap_or_default();
        self.size(names).ok_or_else(|| {
            FolderError::malformed(self.path, format!("it lacks the number '{name}'"))
        })
    }
}
