//! The numbers of a network from a folder's `config.json`.

use std::path::Path;

use serde_json::Value;

use llm_folder::FolderError;
use llm_folder::json::Fields;

use super::{EncoderConfig, MAX_EXTENT, one_side};
use crate::family::{Activation, EncoderFamily, Positions, Required};

impl EncoderFamily {
    /// Reads the numbers of `config.json`, which stands at `path`.
    pub(crate) fn config(&self, path: &Path, config: &Value) -> Result<EncoderConfig, FolderError> {
        self.refuse_unsupported(path, config)?;
        let numbers = Numbers {
            path,
            fields: Fields::new(path, config),
        };
        let first_position = if self.counts_from_padding {
            numbers.size(&["pad_token_id"])?.unwrap_or(1) + 1
        } else {
            0
        };
        let positions = numbers
            .needed(&["max_position_embeddings", "n_positions"])?
            .min(self.trained_positions(&numbers)?);
        let act = numbers.text(&["hidden_act", "activation_function", "hidden_activation"])?;
        let epsilon = numbers.number(&["norm_eps", "layer_norm_eps", "layer_norm_epsilon"])?;
        let mut config = EncoderConfig {
            layers: numbers.needed(&["num_hidden_layers", "n_layer"])?,
            hidden_size: numbers.needed(&["hidden_size", "n_embd"])?,
            intermediate_size: numbers.needed(&["intermediate_size", "n_inner"])?,
            heads: numbers.needed(&["num_attention_heads", "n_head"])?,
            positions: positions.saturating_sub(first_position),
            first_position,
            vocabulary_size: numbers.needed(&["vocab_size"])?,
            norm_epsilon: epsilon.map_or(self.norm_epsilon, |epsilon| epsilon as f32),
            activation: self.activation(path, act)?,
            ropes: Vec::new(),
            windows: Vec::new(),
        }
        .checked(path)?;
        if self.positions == Positions::Rotated {
            config.ropes = config.rotations(path, self.bases(&numbers)?)?;
        }
        config.windows = self.windows(config.layers, &numbers)?;
        Ok(config)
    }

    /// Returns how many positions the network was trained on, where those behind are
    /// stretched as they come, which changes a text's first rows with its length.
    fn trained_positions(&self, numbers: &Numbers<'_>) -> Result<usize, FolderError> {
        let is_rotated = self.positions == Positions::Rotated;
        if is_rotated && numbers.fields.get("rotary_scaling_factor").is_some() {
            let trained = numbers.size(&["max_trained_positions"])?;
            Ok(trained.unwrap_or(2048))
        } else {
            Ok(usize::MAX)
        }
    }

    /// Returns the bases of the rotation in layers that see everything and in those
    /// with a window.
    fn bases(&self, numbers: &Numbers<'_>) -> Result<[f32; 2], FolderError> {
        let base = |name: &str, others: &[&str], usual: f32| {
            let all = numbers.fields.object("rope_parameters")?;
            let own = all.object(name)?.number("rope_theta")?;
            let stated = own
                .or(all.number("rope_theta")?)
                .or(numbers.number(others)?);
            Ok::<_, FolderError>(stated.map_or(usual, |base| base as f32))
        };
        let [global, local] = self.rope_bases;
        if self.has_windows {
            Ok([
                base("full_attention", &["global_rope_theta"], global)?,
                base("sliding_attention", &["local_rope_theta"], local)?,
            ])
        } else {
            Ok([base("", &["rotary_emb_base", "rope_theta"], global)?; 2])
        }
    }

    fn windows(
        &self,
        layers: usize,
        numbers: &Numbers<'_>,
    ) -> Result<Vec<Option<usize>>, FolderError> {
        if !self.has_windows {
            return Ok(vec![None; layers]);
        }
        let window = numbers.size(&["local_attention"])?.unwrap_or(128);
        let every = numbers
            .size(&["global_attn_every_n_layers"])?
            .unwrap_or(3)
            .max(1);
        let types = numbers.fields.list("layer_types")?;
        let has_window = |layer: usize| match types.and_then(|types| types.get(layer)) {
            Some(kind) => kind.as_str() == Some("sliding_attention"),
            None => !layer.is_multiple_of(every),
        };
        let windows = (0..layers).map(|layer| has_window(layer).then_some(one_side(window)));
        Ok(windows.collect())
    }

    /// Returns the non-linearity of that name.
    pub(super) fn activation(
        &self,
        path: &Path,
        name: Option<&str>,
    ) -> Result<Activation, FolderError> {
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

    /// Refuses values that would change what is computed.
    fn refuse_unsupported(&self, path: &Path, config: &Value) -> Result<(), FolderError> {
        for (name, required) in self.required {
            let Some(value) = config.get(name).filter(|value| !value.is_null()) else {
                continue;
            };
            let is_right = match required {
                Required::False => value.as_bool() == Some(false),
                Required::One => value.as_f64() == Some(1.0),
                Required::Zero => value.as_f64() == Some(0.0),
                Required::Text(text) => value.as_str() == Some(text),
            };
            if !is_right {
                let what = match value.as_str() {
                    Some(text) => format!("its {name} is '{text}'"),
                    None => format!("its {name} is {value}"),
                };
                return Err(FolderError::unsupported(path, what));
            }
        }
        Ok(())
    }
}

/// `config.json`, in which a number may have one of several names.
struct Numbers<'a> {
    path: &'a Path,
    fields: Fields<'a>,
}

impl<'a> Numbers<'a> {
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
            Some(size) if size <= MAX_EXTENT as u64 => Ok(Some(size as usize)),
            Some(size) => {
                let reason = format!("its '{name}' is {size}");
                Err(FolderError::malformed(self.path, reason))
            }
        }
    }

    /// Returns a size that has to be there.
    fn needed(&self, names: &[&str]) -> Result<usize, FolderError> {
        let name = names.first().copied().unwrap_or_default();
        self.size(names)?.ok_or_else(|| {
            FolderError::malformed(self.path, format!("it lacks the number '{name}'"))
        })
    }
}
