//! A file's keys → the numbers of its model, family by family's rules.

use llm_kernels::rope::RopeLayout;

use super::reader::Reader;
use super::rope::{Scaling, plain};
use super::{ExpertSpec, LatentSpec, LayerSpec, Rope, Spec, SpecError, Temperature};
use crate::family::{Family, Routing, Scoring, WindowRope};
use crate::gguf::{Value, ValueError};

/// The heads of attention, in layers that see everything.
struct Heads {
    head_dim: usize,
    value_dim: usize,
    rope_dim: usize,
    latent: Option<LatentSpec>,
}

impl Reader<'_> {
    pub(super) fn spec(
        &self,
        family: &'static Family,
        context: Option<usize>,
    ) -> Result<Spec, SpecError> {
        let (layers, guessing_layers) = self.layer_counts()?;
        let width = self.size("embedding_length")?;
        let heads = self.size("attention.head_count")?;
        let trained = self.size("context_length")?;
        let shape = self.heads(family, width, heads)?;
        let scaling = self.scaling(shape.rope_dim, trained)?;
        let original = self.original_context(trained)?;
        let short = scaling.long_and_short && context.is_none_or(|context| context <= original);
        let experts = self.experts(family)?;
        Ok(Spec {
            family,
            pairing: self.pairing(family)?,
            width,
            heads,
            rope_dim: shape.rope_dim,
            layer_input: self.size_or_none("embedding_length_per_layer_input")?,
            embedding_scale: self.embedding_scale(family, width)?,
            residual_scale: self.nonzero("residual_scale")?.unwrap_or(1.0),
            logit_scale: self
                .nonzero("logit_scale")?
                .map_or(1.0, |scale| 1.0 / scale),
            attention_scale: self.attention_scale(
                family,
                layers,
                width / heads,
                &shape,
                &scaling,
            )?,
            temperature: self.temperature(original)?,
            attention_soft_cap: self.positive("attn_logit_softcapping")?,
            logit_soft_cap: self.positive("final_logit_softcapping")?,
            norm_epsilon: self
                .number("attention.layer_norm_rms_epsilon")?
                .ok_or_else(|| SpecError::Missing(self.key("attention.layer_norm_rms_epsilon")))?,
            context_length: if short { original } else { trained },
            rope_divisors: match (scaling.long_and_short, short) {
                (false, _) => "rope_freqs.weight",
                (true, true) => "rope_factors_short.weight",
                (true, false) => "rope_factors_long.weight",
            },
            sees_ahead: self.sees_ahead(family)?,
            experts,
            latent: shape.latent,
            delta: self.delta(family, shape.rope_dim)?,
            layers: self.layers(family, layers, heads, &shape, scaling.rope, experts)?,
            guessing_layers,
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

    fn sees_ahead(&self, family: &Family) -> Result<bool, ValueError> {
        let causal = self.flag("attention.causal")?;
        Ok(causal.map_or(family.sees_ahead, |causal| !causal))
    }

    fn pairing(&self, family: &Family) -> Result<RopeLayout, SpecError> {
        match self.text("rope.pairing")? {
            None => Ok(family.pairing),
            Some("halves") => Ok(RopeLayout::Halves),
            Some(other) => Err(SpecError::Unsupported(format!(
                "the rope.pairing '{other}'"
            ))),
        }
    }

    fn heads(&self, family: &Family, width: usize, heads: usize) -> Result<Heads, SpecError> {
        let head_dim = self.optional_size("attention.key_length")?;
        let head_dim = head_dim.unwrap_or(width / heads);
        let value_dim = self.optional_size("attention.value_length")?;
        let rope_dim = self.optional_size("rope.dimension_count")?;
        let mut shape = Heads {
            head_dim,
            value_dim: value_dim.unwrap_or(head_dim),
            rope_dim: rope_dim.unwrap_or(head_dim),
            latent: None,
        };
        if family.latent {
            let key_dim = self.size_or_none("attention.key_length_mla")?;
            let value_dim = self.size_or_none("attention.value_length_mla")?;
            let latent = LatentSpec {
                query_rank: self.size_or_none("attention.q_lora_rank")?,
                rank: self.size("attention.kv_lora_rank")?,
                key_dim: key_dim.unwrap_or(shape.head_dim),
                value_dim: value_dim.unwrap_or(shape.value_dim),
                absorbed: key_dim.is_some() && value_dim.is_some(),
            };
            if latent.key_dim <= shape.rope_dim {
                return Err(SpecError::Contradiction(format!(
                    "{} rotated of {} elements of a key",
                    shape.rope_dim, latent.key_dim
                )));
            }
            (shape.head_dim, shape.value_dim) = match latent.absorbed {
                true => (latent.rank + shape.rope_dim, latent.rank),
                false => (latent.key_dim, latent.value_dim),
            };
            shape.latent = Some(latent);
        }
        Ok(shape)
    }

    fn embedding_scale(&self, family: &Family, width: usize) -> Result<f32, SpecError> {
        let own = self.nonzero("embedding_scale")?;
        let of_width = family.scaled_embedding.then(|| (width as f32).sqrt());
        Ok(own.or(of_width).unwrap_or(1.0))
    }

    /// What the file says; else scores are divided by the root of the head's
    /// length, in some models by that of the width per head. DeepSeek's models
    /// sharpen them where positions are stretched.
    fn attention_scale(
        &self,
        family: &Family,
        layers: usize,
        narrow: usize,
        shape: &Heads,
        scaling: &Scaling,
    ) -> Result<f32, SpecError> {
        if let Some(scale) = self.positive("attention.scale")? {
            return Ok(scale);
        }
        if family.unscaled_scores {
            return Ok(1.0);
        }
        let length = match shape.latent {
            Some(latent) => latent.key_dim,
            None if family.narrow_scores_at == Some(layers) => narrow,
            None => shape.head_dim,
        };
        let multiplier = self.number("rope.scaling.yarn_log_multiplier")?;
        let sharper = match (shape.latent, multiplier) {
            // The file holds a tenth of it.
            (Some(_), Some(multiplier)) => 1.0 + multiplier * scaling.log_stretch,
            _ => 1.0,
        };
        Ok(sharper * sharper / (length as f32).sqrt())
    }

    fn temperature(&self, original: usize) -> Result<Option<Temperature>, SpecError> {
        let every = self.size_or_none("attention.temperature_length")?;
        let scale = self.nonzero("attention.temperature_scale")?;
        Ok(scale.map(|scale| Temperature {
            scale,
            every: every.unwrap_or(original),
        }))
    }

    fn experts(&self, family: &Family) -> Result<Option<ExpertSpec>, SpecError> {
        let Some(count) = self.size_or_none("expert_count")? else {
            return Ok(None);
        };
        let used = self.size("expert_used_count")?;
        let feed_forward = match self.size_or_none("expert_feed_forward_length")? {
            Some(feed_forward) => feed_forward,
            None => self.size("feed_forward_length")?,
        };
        let shared = self.size_or_none("expert_shared_count")?.unwrap_or(0);
        let shared_length = self.size_or_none("expert_shared_feed_forward_length")?;
        let groups = self.size_or_none("expert_group_count")?.unwrap_or(1);
        let scoring = match self.unsigned("expert_gating_func")? {
            None | Some(0) => family.routing.scoring,
            Some(1) => Scoring::Softmax,
            Some(2) => Scoring::Sigmoid,
            Some(3) => Scoring::SoftmaxOfChosen,
            Some(kind) => {
                return Err(SpecError::Unsupported(format!(
                    "expert routing of kind {kind}"
                )));
            }
        };
        let normalized = self.flag("expert_weights_norm")?;
        Ok(Some(ExpertSpec {
            count,
            used,
            feed_forward,
            shared: shared_length.unwrap_or(feed_forward.saturating_mul(shared)),
            dense_layers: self.size_or_none("leading_dense_block_count")?.unwrap_or(0),
            routing: Routing {
                scoring,
                normalized: normalized.unwrap_or(family.routing.normalized),
            },
            weight_scale: self.nonzero("expert_weights_scale")?.unwrap_or(1.0),
            groups,
            groups_used: self
                .size_or_none("expert_group_used_count")?
                .unwrap_or(groups),
        }))
    }

    fn layers(
        &self,
        family: &Family,
        count: usize,
        heads: usize,
        shape: &Heads,
        rope: Rope,
        experts: Option<ExpertSpec>,
    ) -> Result<Vec<LayerSpec>, SpecError> {
        // IBM's files say so of models that do not rotate at all.
        let unrotated =
            self.flag("rope.scaling.finetuned")? == Some(false) && family.architecture == "granite";
        let rope_of = |index: usize, rope: Rope| {
            let free = family.unrotated_every;
            let free = free.is_some_and(|every| (index + 1).is_multiple_of(every));
            (!free && !unrotated).then_some(rope)
        };
        let local = self.window_rope(family, rope)?;
        let windows = self.windows(family, count)?;
        let (head_dim, value_dim) = self.window_heads(family, shape)?;
        let kv_heads = self.kv_heads(count, heads, shape)?;
        let feed_forward = self.sizes("feed_forward_length", count)?;
        let feed_forward = feed_forward.or(experts.map(|it| vec![it.feed_forward; count]));
        let feed_forward =
            feed_forward.ok_or_else(|| SpecError::Missing(self.key("feed_forward_length")))?;
        let shares = self.shares(&windows)?;
        let recurrent = self.recurrent(family, count)?;
        let layer = |(index, window): (usize, Option<usize>)| {
            let (rope, head_dim, value_dim) = match window {
                Some(_) => (local, head_dim, value_dim),
                None => (rope, shape.head_dim, shape.value_dim),
            };
            LayerSpec {
                window,
                rope: rope_of(index, rope),
                kv_heads: kv_heads[shares[index].unwrap_or(index)],
                head_dim,
                value_dim,
                feed_forward: feed_forward[index],
                shares: shares[index],
                recurrent: recurrent[index],
            }
        };
        Ok(windows.into_iter().enumerate().map(layer).collect())
    }

    /// The key heads of each layer.
    fn kv_heads(&self, count: usize, heads: usize, shape: &Heads) -> Result<Vec<usize>, SpecError> {
        Ok(match shape.latent {
            Some(latent) => vec![if latent.absorbed { 1 } else { heads }; count],
            None => {
                let kv_heads = self.sizes("attention.head_count_kv", count)?;
                kv_heads.unwrap_or_else(|| vec![heads; count])
            }
        })
    }

    /// The elements of a key's and of a value's head in layers with a window.
    fn window_heads(&self, family: &Family, shape: &Heads) -> Result<(usize, usize), SpecError> {
        let keys = self.size_or_none("attention.key_length_swa")?;
        if keys.is_some_and(|keys| keys != shape.head_dim) && !family.unscaled_scores {
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
    fn window_rope(&self, family: &Family, global: Rope) -> Result<Rope, SpecError> {
        let dim = self.size_or_none("rope.dimension_count_swa")?;
        let dim = dim.unwrap_or(global.dim);
        let base = |default| self.rope_base("rope.freq_base_swa", default);
        let kind = family.window.map_or(WindowRope::Same, |window| window.rope);
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

    /// The window of each layer.
    fn windows(&self, family: &Family, count: usize) -> Result<Vec<Option<usize>>, SpecError> {
        let Some(pattern) = family.window else {
            return Ok(vec![None; count]);
        };
        let Some(length) = self
            .size_or_none("attention.sliding_window")?
            .or(pattern.length)
        else {
            return Ok(vec![None; count]);
        };
        // Half of it lies on either side then, the position's own in the middle.
        let length = match self.sees_ahead(family)? {
            true => length / 2 + 1,
            false => length,
        };
        let key = "attention.sliding_window_pattern";
        if let Some(Value::Integers(_)) = self.metadata.get(&self.key(key)) {
            let layers = self.flags(key)?.unwrap_or_default();
            let windows = layers.into_iter().map(|it| it.then_some(length));
            let mut windows: Vec<_> = windows.collect();
            windows.resize(count, None);
            return Ok(windows);
        }
        let every = self
            .unsigned(key)?
            .map_or(pattern.global_every, |it| it as usize);
        let window = |index: usize| {
            let is_global = every > 0 && (index + 1).is_multiple_of(every);
            (!is_global).then_some(length)
        };
        Ok((0..count).map(window).collect())
    }
}
