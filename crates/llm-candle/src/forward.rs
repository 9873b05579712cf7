//! The forward pass: tokens in, logits out, one sequence after another.

use std::sync::Arc;

use candle_core::{Device, Result, Tensor};
use llm_engine::cache::Sequences;
use llm_engine::forward::{Forward, ForwardError, Input, Outputs, check_batch};
use llm_engine::spec::{LayerSpec, Spec};
use llm_engine::weights::{self, Weights};

use crate::altup::{AltUp, Copies};
use crate::attention::Attention;
use crate::cache::{Cache, LayerCache};
use crate::device::first_line;
use crate::feed_forward::FeedForward;
use crate::mixer::Mixer;
use crate::per_layer_embeddings::{InputStep, PerLayerEmbeddings};
use crate::projection::{Loader, Precision, Projection};
use crate::rope_and_mask::{LayerKinds, RopeAndMask};
use crate::steps::{Norm, norm_if, soft_cap};

/// Positions that are computed together; bounds the scores of a long prompt to
/// heads * 512 * positions.
const CHUNK_ROWS: usize = 512;

/// Runs a model in candle tensors. Keys and values are f32.
#[derive(Debug)]
pub struct CandleForward {
    spec: Arc<Spec>,
    /// The embedding's rows are read from here: a batch needs few of them.
    weights: Arc<Weights>,
    device: Device,
    kinds: LayerKinds,
    per_layer_embeddings: Option<PerLayerEmbeddings>,
    copies: Option<Copies>,
    layers: Vec<Layer>,
    /// (`hidden_size`)
    output_norm: Norm,
    /// (vocabulary, `hidden_size`)
    output: Projection,
    cache: Cache,
}

/// One layer on the device.
#[derive(Debug)]
struct Layer {
    attention_norm: Option<Norm>,
    attention: Option<Attention>,
    mixer: Option<Mixer>,
    post_attention_norm: Option<Norm>,
    feed_forward: Option<FeedForward>,
    parallel: bool,
    input_step: Option<InputStep>,
    output_scale: Option<f32>,
    altup: Option<AltUp>,
}

impl Layer {
    fn load(loader: &Loader<'_>, layer: &weights::Layer) -> Result<Self> {
        let step = layer.input_step.as_ref();
        let (attention, altup) = (layer.attention.as_ref(), layer.altup.as_ref());
        let (mixer, feed_forward) = (layer.mixer.as_ref(), layer.feed_forward.as_ref());
        Ok(Self {
            attention_norm: loader.optional_norm(layer.attention_norm.as_ref())?,
            attention: attention
                .map(|it| Attention::load(loader, it))
                .transpose()?,
            mixer: mixer.map(|mixer| Mixer::load(loader, mixer)).transpose()?,
            post_attention_norm: loader.optional_norm(layer.post_attention_norm.as_ref())?,
            feed_forward: feed_forward
                .map(|step| FeedForward::load(loader, layer, step))
                .transpose()?,
            parallel: layer.parallel,
            input_step: step.map(|step| InputStep::load(loader, step)).transpose()?,
            output_scale: layer.output_scale,
            altup: altup.map(|altup| AltUp::load(loader, altup)).transpose()?,
        })
    }
}

/// What a chunk's rows see, and how they turn.
struct Seen<'a> {
    rope_and_mask: &'a RopeAndMask,
    /// The position of the first row.
    start: usize,
}

impl Layer {
    /// normed → what attention and the step with a state give together, if there is one
    /// of the two.
    fn first(
        &self,
        spec: &Spec,
        shape: &LayerSpec,
        seen: &Seen<'_>,
        cached: &mut LayerCache,
        normed: &Tensor,
    ) -> Result<Option<Tensor>> {
        let attended = self.attention.as_ref().map(|attention| {
            let Seen {
                rope_and_mask,
                start,
            } = *seen;
            attention.forward(spec, shape, rope_and_mask, start, cached, normed)
        });
        let attended = attended.transpose()?;
        let mixed = self.mixer.as_ref();
        let mixed = mixed.map(|mixer| mixer.forward(spec, cached, normed));
        let made = match (attended, mixed.transpose()?) {
            (Some(attended), Some(mixed)) => Some((attended + mixed)?),
            (attended, mixed) => attended.or(mixed),
        };
        let norm = self.post_attention_norm.as_ref();
        let made = made.map(|made| norm_if(made, norm, spec.norm_epsilon));
        made.transpose()
    }

    /// What the feed-forward step gives, if there is one: `x` is the stream before the
    /// layer, `normed` what the first half took of it, `after` the stream now.
    fn second(
        &self,
        spec: &Spec,
        x: &Tensor,
        after: &Tensor,
        normed: Tensor,
    ) -> Result<Option<Tensor>> {
        let Some(feed_forward) = &self.feed_forward else {
            return Ok(None);
        };
        let from = if self.parallel { x } else { after };
        let normed = match feed_forward.normed(spec, from)? {
            Some(own) => own,
            None if self.parallel => normed,
            None => after.clone(),
        };
        feed_forward.forward(spec, from, &normed).map(Some)
    }
}

impl CandleForward {
    /// Copies a model's weights to `device`.
    ///
    /// # Errors
    /// The device fails, most often for lack of memory.
    pub fn new(
        spec: Arc<Spec>,
        weights: Arc<Weights>,
        device: Device,
        precision: Precision,
    ) -> std::result::Result<Self, ForwardError> {
        let load = || {
            let loader = Loader {
                device: &device,
                precision,
            };
            let layers = weights
                .layers
                .iter()
                .map(|layer| Layer::load(&loader, layer));
            let inputs = weights
                .per_layer_embeddings
                .as_ref()
                .map(|inputs| PerLayerEmbeddings::load(&loader, inputs));
            let copies = weights.copies.as_ref();
            let copies = copies.map(|copies| Copies::load(&loader, copies));
            Ok((
                inputs.transpose()?,
                copies.transpose()?,
                layers.collect::<Result<Vec<_>>>()?,
                loader.norm(&weights.output_norm)?,
                loader.projection(&weights.output)?,
            ))
        };
        let (per_layer_embeddings, copies, layers, output_norm, output) =
            load().map_err(|error| device_error("hold the weights", &error))?;
        Ok(Self {
            kinds: LayerKinds::new(&spec, weights.rope_factors.as_deref()),
            cache: Cache::new(spec.layers.len(), spec.state_elements() > 0),
            spec,
            weights,
            device,
            per_layer_embeddings,
            copies,
            layers,
            output_norm,
            output,
        })
    }

    /// Continues one sequence of `length` positions, appends the wanted logits
    /// and returns copies of the layers at the lengths that the cache asks for.
    fn sequence(
        &self,
        mut length: usize,
        layers: &mut [LayerCache],
        input: &Input<'_>,
        logits: &mut Vec<f32>,
    ) -> Result<Vec<(usize, Vec<LayerCache>)>> {
        let end = length + input.tokens.len();
        let (mut rest, mut copies) = (input.tokens, Vec::new());
        while !rest.is_empty() {
            let due = self.cache.next_checkpoint(input.sequence, length);
            let most = due.map_or(CHUNK_ROWS, |due| CHUNK_ROWS.min(due - length));
            let (tokens, later) = rest.split_at(rest.len().min(most));
            rest = later;
            let x = self.chunk(length, layers, tokens)?;
            length += tokens.len();
            if due == Some(length) {
                copies.push((length, layers.to_vec()));
            }
            let wanted = match input.outputs {
                Outputs::All => x,
                Outputs::Last | Outputs::Best(_) | Outputs::BestOf(..) if length == end => {
                    x.narrow(0, tokens.len() - 1, 1)?
                }
                Outputs::Last | Outputs::Best(_) | Outputs::BestOf(..) | Outputs::None => continue,
            };
            logits.extend(self.logits(&wanted)?.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(copies)
    }

    /// tokens, (rows), at the positions from `start` on → x, (rows, `hidden_size`).
    fn chunk(&self, start: usize, cached: &mut [LayerCache], tokens: &[u32]) -> Result<Tensor> {
        let of_kind = self
            .kinds
            .for_positions(start, tokens.len(), &self.device)?;
        let mut x = self.embed(start, tokens)?;
        let inputs = match (
            &self.per_layer_embeddings,
            &self.weights.per_layer_embeddings,
        ) {
            (Some(made), Some(weights)) => Some(made.forward(&self.spec, weights, tokens, &x)?),
            _ => None,
        };
        let copies = self.copies.as_ref().map(|copies| copies.make(&x));
        let mut copies = copies.transpose()?;
        let scale = f64::from(self.spec.residual_scale);
        for (index, layer) in self.layers.iter().enumerate() {
            let rope_and_mask = &of_kind[self.kinds.of_layer(index)];
            let cached = &mut cached[self.spec.cached_layer(index)];
            let shape = &self.spec.layers[index];
            let copied = (layer.altup.as_ref(), self.spec.altup.as_ref());
            if let (Some(altup), Some(spec), Some(copies)) = (copied.0, copied.1, copies.as_mut()) {
                (*copies, x) = altup.predict(&self.spec, spec, copies)?;
            }
            let normed = norm_if(
                x.clone(),
                layer.attention_norm.as_ref(),
                self.spec.norm_epsilon,
            )?;
            let seen = Seen {
                rope_and_mask,
                start,
            };
            let after = match layer.first(&self.spec, shape, &seen, cached, &normed)? {
                Some(made) => (&x + (made * scale)?)?,
                None => x.clone(),
            };
            let after = match &layer.altup {
                Some(altup) => altup.add_laurel(&self.spec, &after, &normed)?,
                None => after,
            };
            x = match layer.second(&self.spec, &x, &after, normed)? {
                Some(made) => (&after + (made * scale)?)?,
                None => after,
            };
            if let (Some(altup), Some(spec), Some(copies)) = (copied.0, copied.1, copies.as_mut()) {
                (*copies, x) = altup.correct(&self.spec, spec, copies, &x)?;
            }
            if let (Some(step), Some(inputs)) = (&layer.input_step, &inputs) {
                let input = inputs.narrow(1, index, 1)?.squeeze(1)?.contiguous()?;
                let made = step.forward(&self.spec, &input, &x)?;
                match (copied.1, copies.as_mut()) {
                    (Some(spec), Some(copies)) => {
                        *copies = AltUp::add_to_others(spec, copies, &made)?;
                    }
                    _ => x = (&x + made)?,
                }
            }
            if let Some(scale) = layer.output_scale {
                x = (x * f64::from(scale))?;
            }
        }
        match (&self.copies, &self.spec.altup, &copies) {
            (Some(made), Some(spec), Some(copies)) => made.merge(spec, copies),
            _ => Ok(x),
        }
    }

    /// tokens, (rows), at the positions from `start` on → x, (rows, `hidden_size`).
    fn embed(&self, start: usize, tokens: &[u32]) -> Result<Tensor> {
        let hidden_size = self.spec.hidden_size;
        let mut rows = vec![0.0; tokens.len() * hidden_size];
        for (&token, row) in tokens.iter().zip(rows.chunks_exact_mut(hidden_size)) {
            self.weights.embedding.dequantize_row(token as usize, row);
        }
        let x = Tensor::from_vec(rows, (tokens.len(), hidden_size), &self.device)?;
        let x = (x * f64::from(self.spec.embedding_scale))?;
        let Some(positions) = &self.weights.positions else {
            return Ok(x);
        };
        let mut rows = vec![0.0; tokens.len() * hidden_size];
        for (row, position) in rows
            .chunks_exact_mut(hidden_size)
            .zip(start..positions.rows())
        {
            positions.dequantize_row(position, row);
        }
        x + Tensor::from_vec(rows, (tokens.len(), hidden_size), &self.device)?
    }

    /// x, (rows, `hidden_size`) → (rows, vocabulary).
    fn logits(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.output_norm.forward(x, self.spec.norm_epsilon)?;
        let logits = (self.output.forward(&x)? * f64::from(self.spec.logit_scale))?;
        soft_cap(logits, self.spec.logit_soft_cap)
    }
}

fn device_error(what: &str, error: &candle_core::Error) -> ForwardError {
    let reason = first_line(error);
    ForwardError::Device(format!(
        "the device cannot {what}: {reason}; choose the device cpu"
    ))
}

impl Forward for CandleForward {
    fn vocabulary(&self) -> usize {
        self.weights.vocabulary()
    }

    fn sequences(&self) -> &dyn Sequences {
        &self.cache
    }

    fn sequences_mut(&mut self) -> &mut dyn Sequences {
        &mut self.cache
    }

    fn forward(
        &mut self,
        batch: &[Input<'_>],
        logits: &mut Vec<f32>,
    ) -> std::result::Result<(), ForwardError> {
        logits.clear();
        check_batch(batch, self.vocabulary(), 0)?;
        let cached = batch.iter().map(|input| self.cache.get(input.sequence));
        let cached: Option<Vec<_>> = cached.collect();
        let mut cached = cached.ok_or(ForwardError::UnknownSequence)?;
        let mut copies = Vec::with_capacity(batch.len());
        for (input, (length, layers)) in batch.iter().zip(&mut cached) {
            match self.sequence(*length, layers, input, logits) {
                Ok(made) => copies.push(made),
                Err(error) => {
                    logits.clear();
                    return Err(device_error("compute the batch", &error));
                }
            }
        }
        // Only now, so that an error leaves every sequence as it was.
        for ((input, (_, layers)), copies) in batch.iter().zip(cached).zip(copies) {
            let count = input.tokens.len();
            self.cache.put(input.sequence, count, layers, copies);
        }
        Ok(())
    }
}
