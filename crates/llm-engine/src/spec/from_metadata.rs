//! A file's keys → the numbers of its model, family by family's rules.

use llm_kernels::rope::RopeLayout;

use super::reader::Reader;
use super::rope::{ROPE_FACTORS_LONG, ROPE_FACTORS_SHORT, Scaling, plain};
use super::{ExpertSpec, LayerSpec, MlaSpec, Rope, Spec, SpecError, Temperature};
use crate::family::{NormKind, Residual, StatefulLayers, WindowRope};
use llm_gguf::{Value, ValueError};

/// The heads of attention, in layers that see everything.
struct Heads {
    head_dim: usize,
    value_dim: usize,
    rope_dim: usize,
    mla: Option<MlaSpec>,
}

impl Reader<'_> {
    pub(super) fn spec(&self, context: Option<usize>) -> Result<Spec, SpecError> {
        let (layers, mtp_layers) = self.layer_counts()?;
        let hidden_size = self.size("embedding_length")?;
        let heads = match self.stateful() {
            Some(StatefulLayers::Alone) => self.size_or_none("attention.head_count")?.unwrap_or(0),
            _ => self.size("attention.head_count")?,
        };
        let trained = self.size("context_length")?;
        if let Some(context) = context.filter(|it| self.family.learned_positions && *it > trained) {
            let positions = trained;
            return Err(SpecError::TooLong { context, positions });
        }
        let share = hidden_size.checked_div(heads).unwrap_or(0);
        let shape = self.heads(share)?;
        self.check_reach(shape.rope_dim)?;
        let scaling = self.scaling(shape.rope_dim, trained)?;
        let original = self.original_context(trained)?;
        let short = scaling.long_and_short && context.is_none_or(|context| context <= original);
        let experts = self.experts()?;
        Ok(Spec {
            family: self.family,
            rope_layout: self.rope_layout()?,
            hidden_size,
            heads,
            rope_dim: shape.rope_dim,
            per_layer_embedding: self.size_or_none("embedding_length_per_layer_input")?,
            embedding_scale: self.embedding_scale(hidden_size)?,
            residual_scale: self.nonzero("residual_scale")?.unwrap_or(1.0),
            logit_scale: self.logit_scale()?,
            attention_scale: self.attention_scale(layers, share, &shape, &scaling)?,
            temperature: self.temperature(original)?,
            attention_soft_cap: self.positive("attn_logit_softcapping")?,
            logit_soft_cap: self.positive("final_logit_softcapping")?,
            norm_epsilon: self.norm_epsilon()?,
            parallel_residual: self.parallel_residual()?,
            context_length: if short { original } else { trained },
            rope_factors: match (scaling.long_and_short, short) {
                (false, _) => "rope_freqs.weight",
                (true, true) => ROPE_FACTORS_SHORT,
                (true, false) => ROPE_FACTORS_LONG,
            },
            bidirectional: self.bidirectional()?,
            experts,
            mla: shape.mla,
            altup: self.altup()?,
            mixer: self.mixer(hidden_size, shape.rope_dim)?,
            layers: self.layers(layers, heads, &shape, scaling.rope, experts)?,
            mtp_layers,
        })
    }

    /// The layers that make logits, and those behind them, which guess further
    /// tokens, which nobody here asks for.
    fn layer_counts(&self) -> Result<(usize, usize), SpecError> {
        /// More layers than this are a broken header, not a model.
        const MOST_LAYERS: usize = 10_000;
        let count = self.size("block_count")?;
        let guessing = self.size_or_none("nextn_predict_layers")?.unwrap_or(0);
        if count > MOST_LAYERS || guessing >= count {
            let text = format!("{count} layers, {guessing} of them to guess ahead");
            return Err(SpecError::Contradiction(text));
        }
        Ok((count - guessing, guessing))
    }

    fn norm_epsilon(&self) -> Result<f32, SpecError> {
        let name = match self.family.norm {
            NormKind::Rms => "attention.layer_norm_rms_epsilon",
            NormKind::Layer => "attention.layer_norm_epsilon",
        };
        self.number(name)?
            .ok_or_else(|| SpecError::Missing(self.key(name)))
    }

    fn parallel_residual(&self) -> Result<bool, SpecError> {
        let name = "use_parallel_residual";
        match self.family.residual {
            Residual::Sequential | Residual::ParallelUnlessNormed => Ok(false),
            Residual::Parallel => Ok(true),
            Residual::OfFile => self
                .flag(name)?
                .ok_or_else(|| SpecError::Missing(self.key(name))),
        }
    }

    /// What logits are multiplied by.
    fn logit_scale(&self) -> Result<f32, SpecError> {
        Ok(match self.nonzero("logit_scale")? {
            None => 1.0,
            Some(scale) if self.family.logits_multiplied => scale,
            Some(scale) => 1.0 / scale,
        })
    }

    fn bidirectional(&self) -> Result<bool, ValueError> {
        let causal = self.flag("attention.causal")?;
        Ok(causal.map_or(self.family.bidirectional, |causal| !causal))
    }

    fn rope_layout(&self) -> Result<RopeLayout, SpecError> {
        match self.text("rope.pairing")? {
            None => Ok(self.family.rope_layout),
            Some("halves") => Ok(RopeLayout::Halves),
            Some(other) => Err(SpecError::Unsupported(format!(
                "the rope.pairing '{other}'"
            ))),
        }
    }

    /// Reads the heads of attention; `share` is a head's share of the stream.
    fn heads(&self, share: usize) -> Result<Heads, SpecError> {
        let head_dim = self.optional_size("attention.key_length")?.unwrap_or(share);
        let value_dim = self.optional_size("attention.value_length")?;
        let rope_dim = self.optional_size("rope.dimension_count")?;
        let mut shape = Heads {
            head_dim,
            value_dim: value_dim.unwrap_or(head_dim),
            rope_dim: rope_dim.unwrap_or(head_dim),
            mla: None,
        };
        if self.family.mla {
            let key_dim = self.size_or_none("attention.key_length_mla")?;
            let value_dim = self.size_or_none("attention.value_length_mla")?;
            let mla = MlaSpec {
                q_lora_rank: self.size_or_none("attention.q_lora_rank")?,
                kv_lora_rank: self.size("attention.kv_lora_rank")?,
                key_dim: key_dim.unwrap_or(shape.head_dim),
                value_dim: value_dim.unwrap_or(shape.value_dim),
                absorbed: key_dim.is_some() && value_dim.is_some(),
            };
            if mla.key_dim <= shape.rope_dim {
                return Err(SpecError::Contradiction(format!(
                    "{} rotated of {} elements of a key",
                    shape.rope_dim, mla.key_dim
                )));
            }
            (shape.head_dim, shape.value_dim) = if mla.absorbed {
                (mla.kv_lora_rank + shape.rope_dim, mla.kv_lora_rank)
            } else {
                (mla.key_dim, mla.value_dim)
            };
            shape.mla = Some(mla);
        }
        Ok(shape)
    }

    fn embedding_scale(&self, hidden_size: usize) -> Result<f32, SpecError> {
        let own = self.nonzero("embedding_scale")?;
        let of_width = self
            .family
            .scaled_embedding
            .then(|| (hidden_size as f32).sqrt());
        Ok(own.or(of_width).unwrap_or(1.0))
    }

    /// What the file says; else scores are divided by `sqrt(head_dim)`, in some models
    /// by `sqrt(hidden_size / heads)`. DeepSeek's models sharpen them where positions are
    /// stretched.
    fn attention_scale(
        &self,
        layers: usize,
        narrow: usize,
        shape: &Heads,
        scaling: &Scaling,
    ) -> Result<f32, SpecError> {
        if let Some(scale) = self.positive("attention.scale")? {
            return Ok(scale);
        }
        if self.family.unscaled_scores {
            return Ok(1.0);
        }
        let length = match shape.mla {
            Some(mla) => mla.key_dim,
            None if self.family.narrow_scores_at == Some(layers) => narrow,
            None => shape.head_dim,
        };
        let multiplier = self.number("rope.scaling.yarn_log_multiplier")?;
        let sharper = match (shape.mla, multiplier) {
            // The file holds a tenth of it.
            (Some(_), Some(multiplier)) => 1.0 + multiplier * scaling.log_stretch,
            _ => 1.0,
        };
        Ok(sharper * sharper / (length as f32).sqrt())
    }

    fn temperature(&self, original: usize) -> Result<Option<Temperature>, SpecError> {
        let own = self.family.temperature;
        let every = self.size_or_none("attention.temperature_length")?;
        let scale = self.number("attention.temperature_scale")?;
        let scale = scale.or(own.map(|own| own.scale));
        // 0 stands for what is not used.
        Ok(scale
            .filter(|scale| *scale != 0.0)
            .map(|scale| Temperature {
                scale,
                every: every.unwrap_or(own.map_or(original, |own| own.every)),
                offset: own.map_or(0, |own| own.offset),
                unrotated: own.is_some_and(|own| own.unrotated),
            }))
    }

    fn layers(
        &self,
        count: usize,
        heads: usize,
        shape: &Heads,
        rope: Rope,
        experts: Option<ExpertSpec>,
    ) -> Result<Vec<LayerSpec>, SpecError> {
        let is_finetuned = self.flag("rope.scaling.finetuned")?;
        let unrotated = self.family.unrotated_unless_finetuned && is_finetuned == Some(false);
        let local = self.window_rope(rope)?;
        let windows = self.windows(count)?;
        let only_windows =
            self.family.unrotated_without_window && windows.iter().any(Option::is_some);
        let rope_of = |index: usize, rope: Rope, window: Option<usize>| {
            let free = self
                .family
                .unrotated_every
                .is_some_and(|every| (index + 1).is_multiple_of(every))
                || only_windows && window.is_none();
            (!free && !unrotated).then_some(rope)
        };
        let (head_dim, value_dim) = self.window_heads(shape)?;
        let kv_heads = self.kv_heads(count, heads, shape)?;
        let intermediate_size = self.intermediate_sizes(count, experts)?;
        let activations = self.activations(count)?;
        let gate_sparsity = self.gate_sparsity(count)?;
        let shares = self.shares(&windows)?;
        let steps = self.steps(&kv_heads, &intermediate_size)?;
        let layer = |(index, window): (usize, Option<usize>)| {
            let (rope, head_dim, value_dim) = match window {
                Some(_) => (local, head_dim, value_dim),
                None => (rope, shape.head_dim, shape.value_dim),
            };
            LayerSpec {
                window,
                rope: rope_of(index, rope, window).filter(|_| steps[index].attends),
                kv_heads: kv_heads[shares[index].unwrap_or(index)],
                head_dim,
                value_dim,
                intermediate_size: intermediate_size[index],
                activation: activations[index],
                gate_sparsity: gate_sparsity[index],
                kv_source_layer: shares[index],
                attends: steps[index].attends,
                recurrent: steps[index].recurrent,
            }
        };
        Ok(windows.into_iter().enumerate().map(layer).collect())
    }

    /// The length of each layer's feed-forward step.
    fn intermediate_sizes(
        &self,
        count: usize,
        experts: Option<ExpertSpec>,
    ) -> Result<Vec<usize>, SpecError> {
        let name = "feed_forward_length";
        if matches!(
            self.stateful(),
            Some(StatefulLayers::Alone | StatefulLayers::OneStep)
        ) {
            let sizes = self.sizes_or_none(name, count)?;
            return Ok(sizes.unwrap_or_else(|| vec![0; count]));
        }
        let sizes = self.sizes(name, count)?;
        let sizes = sizes.or(experts.map(|it| vec![it.intermediate_size; count]));
        let mut sizes = sizes.ok_or_else(|| SpecError::Missing(self.key(name)))?;
        if self.family.gate_in_length {
            sizes.iter_mut().for_each(|size| *size /= 2);
        }
        Ok(sizes)
    }

    /// The key heads of each layer.
    fn kv_heads(&self, count: usize, heads: usize, shape: &Heads) -> Result<Vec<usize>, SpecError> {
        Ok(match shape.mla {
            Some(mla) => vec![if mla.absorbed { 1 } else { heads }; count],
            None => {
                let name = "attention.head_count_kv";
                let kv_heads = match self.stateful() {
                    Some(
                        StatefulLayers::WithoutKeys
                        | StatefulLayers::Alone
                        | StatefulLayers::OneStep,
                    ) => self.sizes_or_none(name, count)?,
                    _ => self.sizes(name, count)?,
                };
                kv_heads.unwrap_or_else(|| vec![heads; count])
            }
        })
    }

    /// The elements of a key's and of a value's head in layers with a window.
    fn window_heads(&self, shape: &Heads) -> Result<(usize, usize), SpecError> {
        let keys = self.size_or_none("attention.key_length_swa")?;
        if keys.is_some_and(|keys| keys != shape.head_dim) && !self.family.unscaled_scores {
            return Err(SpecError::Unsupported(
                "scores that are scaled by heads of more than one length".to_owned(),
            ));
        }
        let values = self.size_or_none("attention.value_length_swa")?;
        Ok((
            keys.unwrap_or(shape.head_dim),
            values.unwrap_or(shape.value_dim),
        ))
    }

    /// The layer whose keys and values each layer uses instead of its own: of
    /// the last ones the last before them that sees as far.
    fn shares(&self, windows: &[Option<usize>]) -> Result<Vec<Option<usize>>, SpecError> {
        let sharing = self.size_or_none("attention.shared_kv_layers")?;
        let own = windows.len().saturating_sub(sharing.unwrap_or(0));
        let share = |(index, window): (usize, &Option<usize>)| {
            if index < own {
                return Ok(None);
            }
            let like = windows[..own].iter().rposition(|other| other == window);
            like.map(Some).ok_or_else(|| {
                SpecError::Contradiction(format!(
                    "layer {index} shares the keys of an earlier one, and none is like it"
                ))
            })
        };
        windows.iter().enumerate().map(share).collect()
    }

    /// The rotation of layers with a window.
    fn window_rope(&self, global: Rope) -> Result<Rope, SpecError> {
        let dim = self.size_or_none("rope.dimension_count_swa")?;
        let dim = dim.unwrap_or(global.dim);
        let base = |default| self.rope_base("rope.freq_base_swa", default);
        let kind = self
            .family
            .window
            .map_or(WindowRope::Same, |window| window.rope);
        Ok(match kind {
            WindowRope::Same => Rope {
                dim,
                base: base(global.base)?,
                divided: global.divided && dim == global.dim,
                ..global
            },
            WindowRope::Unscaled => plain(dim, base(global.base)?),
            WindowRope::UnscaledBase(default) => plain(dim, base(default)?),
        })
    }

    /// The window of each layer: where the file lists layers, of any family.
    fn windows(&self, count: usize) -> Result<Vec<Option<usize>>, SpecError> {
        let key = "attention.sliding_window_pattern";
        let is_listed = matches!(self.metadata.get(&self.key(key)), Some(Value::Integers(_)));
        let pattern = self.family.window;
        let stated = self.size_or_none("attention.sliding_window")?;
        let length = stated.or(pattern.and_then(|pattern| pattern.length));
        let Some(length) = length.filter(|_| is_listed || pattern.is_some()) else {
            return Ok(vec![None; count]);
        };
        // Half of it lies on either side then, the position's own in the middle.
        let length = if self.bidirectional()? {
            length / 2 + 1
        } else {
            length
        };
        if is_listed {
            let layers = self.flags(key, count)?.unwrap_or_default();
            let windows = layers.into_iter().map(|it| it.then_some(length));
            return Ok(windows.collect());
        }
        let usual = pattern.map_or(0, |pattern| pattern.global_every);
        let every = self.unsigned(key)?.map_or(usual, |it| it as usize);
        let window = |index: usize| {
            let is_global = every > 0 && (index + 1).is_multiple_of(every);
            (!is_global).then_some(length)
        };
        Ok((0..count).map(window).collect())
    }
}
