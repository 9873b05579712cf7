//! The forward pass: tokens in, logits out, one sequence after another.

use std::sync::Arc;

use candle_core::{Device, Result, Tensor};
use llm_engine::cache::SequenceId;
use llm_engine::forward::{Forward, ForwardError, Input, Outputs, check_batch};
use llm_engine::spec::Spec;
use llm_engine::weights::{self, Weights};

use crate::cache::{Cache, LayerCache};
use crate::device::first_line;
use crate::place::{Kinds, Place};
use crate::projection::{Loader, Precision, Projection};
use crate::steps::{activate, attend, rms_norm, rotate, soft_cap};

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
    kinds: Kinds,
    layers: Vec<Layer>,
    /// (width)
    output_norm: Tensor,
    /// (vocabulary, width)
    output: Projection,
    cache: Cache,
}

/// One layer on the device; shapes as in [`weights::Layer`].
#[derive(Debug)]
struct Layer {
    attention_norm: Tensor,
    query: Projection,
    key: Projection,
    value: Projection,
    query_norm: Option<Tensor>,
    key_norm: Option<Tensor>,
    attention_output: Projection,
    post_attention_norm: Option<Tensor>,
    feed_forward_norm: Tensor,
    gate: Projection,
    up: Projection,
    down: Projection,
    post_feed_forward_norm: Option<Tensor>,
}

impl Layer {
    fn load(loader: &Loader<'_>, layer: &weights::Layer) -> Result<Self> {
        Ok(Self {
            attention_norm: loader.vector(&layer.attention_norm)?,
            query: loader.projection(&layer.query)?,
            key: loader.projection(&layer.key)?,
            value: loader.projection(&layer.value)?,
            query_norm: loader.optional_vector(layer.query_norm.as_deref())?,
            key_norm: loader.optional_vector(layer.key_norm.as_deref())?,
            attention_output: loader.projection(&layer.attention_output)?,
            post_attention_norm: loader.optional_vector(layer.post_attention_norm.as_deref())?,
            feed_forward_norm: loader.vector(&layer.feed_forward_norm)?,
            gate: loader.projection(&layer.gate)?,
            up: loader.projection(&layer.up)?,
            down: loader.projection(&layer.down)?,
            post_feed_forward_norm: loader
                .optional_vector(layer.post_feed_forward_norm.as_deref())?,
        })
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
            Ok((
                layers.collect::<Result<Vec<_>>>()?,
                loader.vector(&weights.output_norm)?,
                loader.projection(&weights.output)?,
            ))
        };
        let (layers, output_norm, output) =
            load().map_err(|error| device_error("hold the weights", &error))?;
        Ok(Self {
            kinds: Kinds::new(&spec, weights.rope_divisors.as_deref()),
            cache: Cache::new(spec.layers.len()),
            spec,
            weights,
            device,
            layers,
            output_norm,
            output,
        })
    }

    /// Continues one sequence of `length` positions and appends the wanted
    /// logits.
    fn sequence(
        &self,
        mut length: usize,
        layers: &mut [LayerCache],
        input: &Input<'_>,
        logits: &mut Vec<f32>,
    ) -> Result<()> {
        let end = length + input.tokens.len();
        for tokens in input.tokens.chunks(CHUNK_ROWS) {
            let x = self.chunk(length, layers, tokens)?;
            length += tokens.len();
            let wanted = match input.outputs {
                Outputs::All => x,
                Outputs::Last if length == end => x.narrow(0, tokens.len() - 1, 1)?,
                Outputs::Last | Outputs::None => continue,
            };
            logits.extend(self.logits(&wanted)?.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(())
    }

    /// tokens, (rows), at the positions from `start` on → x, (rows, width).
    fn chunk(&self, start: usize, cached: &mut [LayerCache], tokens: &[u32]) -> Result<Tensor> {
        let places = self.kinds.places(start, tokens.len(), &self.device)?;
        let mut x = self.embed(tokens)?;
        for (index, (layer, cached)) in self.layers.iter().zip(cached).enumerate() {
            let place = &places[self.kinds.of_layer(index)];
            x = (&x + self.attention(layer, place, start, cached, &x)?)?;
            x = (&x + self.feed_forward(layer, &x)?)?;
        }
        Ok(x)
    }

    /// tokens, (rows) → x, (rows, width).
    fn embed(&self, tokens: &[u32]) -> Result<Tensor> {
        let width = self.spec.width;
        let mut rows = vec![0.0; tokens.len() * width];
        for (&token, row) in tokens.iter().zip(rows.chunks_exact_mut(width)) {
            self.weights.embedding.dequantize_row(token as usize, row);
        }
        let x = Tensor::from_vec(rows, (tokens.len(), width), &self.device)?;
        if self.spec.family.scaled_embedding {
            return x * f64::from((width as f32).sqrt());
        }
        Ok(x)
    }

    /// x, (rows, width) → output(attention(norm(x))), the same shape.
    fn attention(
        &self,
        layer: &Layer,
        place: &Place,
        start: usize,
        cached: &mut LayerCache,
        x: &Tensor,
    ) -> Result<Tensor> {
        let spec = &*self.spec;
        let rows = x.dim(0)?;
        let x = rms_norm(x, &layer.attention_norm, spec.norm_epsilon)?;
        // (rows, heads, head_dim)
        let queries = layer
            .query
            .forward(&x)?
            .reshape((rows, spec.heads, spec.head_dim))?;
        // (rows, kv_heads, head_dim)
        let keys = layer
            .key
            .forward(&x)?
            .reshape((rows, spec.kv_heads, spec.head_dim))?;
        let values = layer
            .value
            .forward(&x)?
            .reshape((rows, spec.kv_heads, spec.head_dim))?;
        // Norms work head by head, before the rotation.
        let queries = self.norm_if(queries, layer.query_norm.as_ref())?;
        let keys = self.norm_if(keys, layer.key_norm.as_ref())?;
        let queries = rotate(&queries, spec.family.pairing, place)?;
        let keys = rotate(&keys, spec.family.pairing, place)?;
        // (kv_heads, positions, head_dim)
        let keys = keys.transpose(0, 1)?.contiguous()?;
        let values = values.transpose(0, 1)?.contiguous()?;
        let (keys, values) = cached.append(start, keys, values)?;
        let (scale, cap) = (spec.attention_scale, spec.attention_soft_cap);
        let attended = attend(&queries, &keys, &values, &place.mask, scale, cap)?;
        let out = layer.attention_output.forward(&attended)?;
        self.norm_if(out, layer.post_attention_norm.as_ref())
    }

    /// x, (rows, width) → down(activation(gate(norm(x))) * up(norm(x))), the
    /// same shape.
    fn feed_forward(&self, layer: &Layer, x: &Tensor) -> Result<Tensor> {
        let x = rms_norm(x, &layer.feed_forward_norm, self.spec.norm_epsilon)?;
        // (rows, feed_forward)
        let gate = activate(&layer.gate.forward(&x)?, self.spec.family.gate)?;
        let up = layer.up.forward(&x)?;
        let out = layer.down.forward(&(gate * up)?)?;
        self.norm_if(out, layer.post_feed_forward_norm.as_ref())
    }

    /// x, (rows, width) → (rows, vocabulary).
    fn logits(&self, x: &Tensor) -> Result<Tensor> {
        let x = rms_norm(x, &self.output_norm, self.spec.norm_epsilon)?;
        soft_cap(self.output.forward(&x)?, self.spec.logit_soft_cap)
    }

    /// Norms the last dimension of `x` where the family does so.
    fn norm_if(&self, x: Tensor, weight: Option<&Tensor>) -> Result<Tensor> {
        match weight {
            Some(weight) => rms_norm(&x, weight, self.spec.norm_epsilon),
            None => Ok(x),
        }
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

    fn start(&mut self) -> SequenceId {
        self.cache.start()
    }

    fn fork(&mut self, sequence: SequenceId, length: usize) -> Option<SequenceId> {
        self.cache.fork(sequence, length)
    }

    fn truncate(&mut self, sequence: SequenceId, length: usize) {
        self.cache.truncate(sequence, length);
    }

    fn end(&mut self, sequence: SequenceId) {
        self.cache.end(sequence);
    }

    fn length(&self, sequence: SequenceId) -> Option<usize> {
        self.cache.length(sequence)
    }

    fn forward(
        &mut self,
        batch: &[Input<'_>],
        logits: &mut Vec<f32>,
    ) -> std::result::Result<(), ForwardError> {
        logits.clear();
        check_batch(batch, self.vocabulary())?;
        let cached = batch.iter().map(|input| self.cache.get(input.sequence));
        let cached: Option<Vec<_>> = cached.collect();
        let mut cached = cached.ok_or(ForwardError::UnknownSequence)?;
        for (input, (length, layers)) in batch.iter().zip(&mut cached) {
            let computed = self.sequence(*length, layers, input, logits);
            if let Err(error) = computed {
                logits.clear();
                return Err(device_error("compute the batch", &error));
            }
        }
        // Only now, so that an error leaves every sequence as it was.
        for (input, (_, layers)) in batch.iter().zip(cached) {
            self.cache.put(input.sequence, input.tokens.len(), layers);
        }
        Ok(())
    }
}
