//! The numbers of a network, from `config.json` or a GGUF file.

use std::path::Path;

use serde_json::Value;

use super::Activation;
use super::family::{EncoderFamily, Positions, Wanted};
use crate::bert;
use crate::gguf::Numbers;
use crate::settings::Shape;
use llm_engine::spec::{Rope, plain};
use llm_folder::FolderError;
use llm_folder::json::Fields;

/// The numbers of a network, wherever they stood.
pub(crate) struct EncoderConfig {
    pub(crate) shape: Shape,
    pub(super) activation: Activation,
    /// Rotations of layers that see everything and of those with a window.
    pub(super) ropes: [Rope; 2],
    /// One entry a layer: what a query sees on one side, its own included.
    pub(super) windows: Vec<Option<usize>>,
}

impl EncoderFamily {
    /// Reads the numbers of `config.json`, which stands at `path`.
    pub(crate) fn config(&self, path: &Path, config: &Value) -> Result<EncoderConfig, FolderError> {
        self.refuse_unsupported(path, config)?;
        let numbers = Config {
            path,
            fields: Fields::new(path, config),
        };
        let first_position = match self.positions {
            Positions::LearnedAndRelative => numbers.size(&["pad_token_id"])?.unwrap_or(1) + 1,
            _ => 0,
        };
        // Positions behind these are stretched as they come, which changes
        // a text's first rows with its length.
        let trained = match config
            .get("rotary_scaling_factor")
            .is_some_and(|it| !it.is_null())
        {
            true => numbers.size(&["max_trained_positions"])?.unwrap_or(2048),
            false => usize::MAX,
        };
        let positions = numbers.needed(&["max_position_embeddings", "n_positions"])?;
        let shape = Shape {
            layers: numbers.needed(&["num_hidden_layers", "n_layer"])?,
            hidden_size: numbers.needed(&["hidden_size", "n_embd"])?,
            inner: numbers.needed(&["intermediate_size", "n_inner"])?,
            heads: numbers.needed(&["num_attention_heads", "n_head"])?,
            positions: positions.min(trained).saturating_sub(first_position),
            first_position,
            vocabulary: numbers.needed(&["vocab_size"])?,
            epsilon: numbers
                .number(&["norm_eps", "layer_norm_eps", "layer_norm_epsilon"])?
                .unwrap_or(if self.norms_before { 1e-5 } else { 1e-12 })
                as f32,
        };
        check(path, &shape)?;
        let act = numbers.text(&["hidden_act", "activation_function", "hidden_activation"])?;
        let base = |name: &str, others: &[&str], usual: f32| {
            let all = numbers.fields.object("rope_parameters")?;
            let own = all.object(name)?.number("rope_theta")?;
            let stated = own.or(all.number("rope_theta")?);
            let stated = stated.or(numbers.number(others)?);
            Ok::<_, FolderError>(stated.map_or(usual, |base| base as f32))
        };
        let ropes = match self.norms_before {
            true => [
                base("full_attention", &["global_rope_theta"], 160_000.0)?,
                base("sliding_attention", &["local_rope_theta"], 10_000.0)?,
            ],
            false => [base("", &["rotary_emb_base", "rope_theta"], 1000.0)?; 2],
        };
        Ok(EncoderConfig {
            activation: self.activation(path, act)?,
            ropes: rotations(path, &shape, ropes)?,
            windows: self.windows(&shape, &numbers)?,
            shape,
        })
    }

    /// Reads the numbers of a GGUF file.
    pub(super) fn config_of(&self, numbers: &Numbers<'_>) -> Result<EncoderConfig, FolderError> {
        let shape = Shape {
            layers: numbers.size("block_count")?,
            hidden_size: numbers.size("embedding_length")?,
            inner: numbers.size("feed_forward_length")?,
            heads: numbers.size("attention.head_count")?,
            positions: numbers.size("context_length")?,
            first_position: 0,
            vocabulary: numbers.vocabulary()?,
            epsilon: numbers.epsilon()?,
        };
        check(numbers.path, &shape)?;
        let base = numbers.number("rope.freq_base")?;
        let base = base.unwrap_or(if self.norms_before { 160_000.0 } else { 1000.0 });
        let local = numbers.number("rope.freq_base_swa")?;
        let local = local.unwrap_or(if self.norms_before { 10_000.0 } else { base });
        let window = numbers.optional_size("attention.sliding_window")?;
        let window = window.filter(|&it| it > 0);
        let every = numbers.optional_size("attention.sliding_window_pattern")?;
        let every = every.unwrap_or(3);
        let act = numbers.text("hidden_act")?;
        Ok(EncoderConfig {
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

    fn windows(
        &self,
        shape: &Shape,
        numbers: &Config<'_>,
    ) -> Result<Vec<Option<usize>>, FolderError> {
        if !self.norms_before {
            return Ok(vec![None; shape.layers]);
        }
        let window = numbers.size(&["local_attention"])?.unwrap_or(128);
        let every = numbers.size(&["global_attn_every_n_layers"])?;
        let every = every.unwrap_or(3).max(1);
        let types = numbers.fields.list("layer_types")?;
        let has_window = |layer: usize| match types.and_then(|types| types.get(layer)) {
            Some(kind) => kind.as_str() == Some("sliding_attention"),
            None => !layer.is_multiple_of(every),
        };
        let layers = 0..shape.layers;
        Ok(layers
            .map(|layer| has_window(layer).then_some(half(window)))
            .collect())
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
    let head = shape.hidden_size / shape.heads;
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
    fields: Fields<'a>,
}

impl<'a> Config<'a> {
    /// Returns the first of the names that is there.
    fn name<'n>(&self, names: &[&'n str]) -> &'n str {
        let mut found = names.iter().filter(|name| self.fields.get(name).is_some());
        found.next().or(names.first()).copied().unwrap_or_default()
    }

    fn text(&self, names: &[&str]) -> Result<Option<&'a str>, FolderError> {
        self.fields.text(self.name(names))
    }

    fn number(&self, names: &[&str]) -> Result<Option<f64>, FolderError> {
        self.fields.number(self.name(names))
    }

    fn size(&self, names: &[&str]) -> Result<Option<usize>, FolderError> {
        let name = self.name(names);
        match self.fields.size(name)? {
            None => Ok(None),
            Some(size) if size <= bert::MOST as u64 => Ok(Some(size as usize)),
            Some(size) => {
                let reason = format!("its '{name}' is {size}");
                Err(FolderError::malformed(self.path, reason))
            }
        }
    }

    fn needed(&self, names: &[&str]) -> Result<usize, FolderError> {
        let name = names.first().copied().unwrap_or_default();
        self.size(names)?.ok_or_else(|| {
            FolderError::malformed(self.path, format!("it lacks the number '{name}'"))
        })
    }
}
