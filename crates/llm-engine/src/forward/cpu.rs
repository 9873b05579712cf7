//! The forward pass on the CPU: preallocated buffers, steps on `llm-kernels`.
//!
//! A batch is cut into chunks of rows; each row is one token of one sequence.
//! All steps but attention treat rows alone, so that what a row computes does
//! not depend on its neighbours.

mod altup;
mod attention;
mod buffers;
mod feed_forward;
mod head;
mod loras;
mod mixer;
mod mla;
mod per_layer_embeddings;
mod router;
mod query_blocks;

use std::sync::Arc;

use llm_kernels::activations::Activations;
use llm_kernels::attention::{Element, Shape};
use llm_kernels::matmul;
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_kernels::vector;

use super::{Forward, ForwardError, Input, Outputs, Rotation, check_batch};
use crate::cache::{Cache, Sequences};
use crate::lora::Lora;
use crate::spec::{LayerSpec, Rope, Spec};
use crate::weights::{Linear, Norm, Weights};
use buffers::{Buffers, Row};
use head::Head;
pub use head::{TOKENS_BEFORE_SCREEN, screen_bytes};
use loras::{Cpu, Loras};

/// Rows of a chunk: enough that decoding the weights is a small part of the
/// work, few enough that a chunk's activations stay in the second-level cache.
pub const CHUNK_ROWS: usize = 256;

/// Runs a model on the CPU, with keys and values stored as `T`.
pub struct CpuForward<T> {
    spec: Arc<Spec>,
    weights: Arc<Weights>,
    cache: Cache<T>,
    pool: Pool,
    level: Level,
    /// One entry a layer.
    shapes: Vec<Shape>,
    /// The distinct rotations, and for each layer which one it uses.
    rotations: Vec<Rotation>,
    layer_rotations: Vec<usize>,
    /// For each layer, how many before it keep a state.
    state_slots: Vec<usize>,
    buffers: Buffers,
    /// Whether rows are wanted in place of logits.
    gives_rows: bool,
    head: Head,
    loras: Loras,
}

impl<T: Element> CpuForward<T> {
    /// Prepares a model; nothing is copied.
    pub fn new(spec: Arc<Spec>, weights: Arc<Weights>, pool: Pool, level: Level) -> Self {
        let layers = 0..spec.layers.len();
        let shapes = layers.map(|index| attention_shape(&spec, index)).collect();
        let mut distinct: Vec<Option<Rope>> = Vec::new();
        let mut layer_rotations = Vec::new();
        for layer in &spec.layers {
            let known = distinct.iter().position(|rope| *rope == layer.rope);
            layer_rotations.push(known.unwrap_or(distinct.len()));
            if known.is_none() {
                distinct.push(layer.rope);
            }
        }
        let divisors = weights.rope_factors.as_deref();
        let rotation = |rope: &Option<Rope>| Rotation::new(*rope, divisors);
        Self {
            cache: Cache::new(&cache_shapes(&spec)).with_states(spec.state_elements()),
            state_slots: state_slots(&spec),
            rotations: distinct.iter().map(rotation).collect(),
            layer_rotations,
            buffers: Buffers::default(),
            gives_rows: false,
            head: Head::default(),
            loras: Loras::default(),
            spec,
            weights,
            pool,
            level,
            shapes,
        }
    }

    /// Makes it a pass that gives a position's row after the last norm, (`hidden_size`),
    /// wherever one that makes text gives its logits.
    #[must_use]
    pub fn giving_rows(mut self) -> Self {
        self.gives_rows = true;
        self
    }

    /// Makes it a pass that can apply these adapters, all of this model.
    #[must_use]
    pub fn with_adapters(mut self, loras: Vec<Arc<Lora>>) -> Self {
        self.loras = Loras::new(loras);
        self
    }

    /// Returns the instruction-set level in use.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Computes one chunk; its rows have been added to the cache.
    fn chunk(&mut self, rows: &[Row], logits: &mut Vec<f32>) {
        let spec = Arc::clone(&self.spec);
        let weights = Arc::clone(&self.weights);
        self.buffers.resize(&spec, rows.len());
        self.loras.begin_chunk(rows);
        self.embed(rows, &weights.embedding);
        if let Some(positions) = &weights.positions {
            self.add_positions(rows, positions);
        }
        self.buffers.turn(rows, &self.rotations);
        if let Some(inputs) = &weights.per_layer_embeddings {
            self.per_layer_embeddings(rows, inputs);
        }
        if let Some(copies) = &weights.copies {
            self.copy_stream(copies);
        }
        for (index, layer) in weights.layers.iter().enumerate() {
            if let Some(altup) = &layer.altup {
                self.predict(altup);
            }
            self.first_half(rows, index, layer);
            if let Some(step) = &layer.feed_forward {
                match weights.layers.get(index + 1) {
                    Some(next) => self.feed_forward(layer, step, &next.first_matrices()),
                    None => self.feed_forward(layer, step, &[weights.output.matrix()]),
                }
            }
            self.end_layer(index, layer);
        }
        if let Some(copies) = &weights.copies {
            self.merge_copies(copies);
        }
        self.logits(rows, &weights, logits);
    }

    /// Token ids → x, (rows, `hidden_size`).
    fn embed(&mut self, rows: &[Row], embedding: &Linear) {
        let (hidden_size, scale) = (self.spec.hidden_size, self.spec.embedding_scale);
        self.pool
            .for_each_row(&mut self.buffers.x, hidden_size, |index, x| {
                embedding.dequantize_row(rows[index].token as usize, x);
                for x in x {
                    *x *= scale;
                }
            });
        let cpu = Cpu::new(self.level, &self.pool);
        self.loras
            .embed(cpu, rows, embedding, scale, &mut self.buffers.x);
    }

    /// x += the vectors of the rows' positions; one beyond the last has none.
    fn add_positions(&mut self, rows: &[Row], positions: &Linear) {
        let (level, hidden_size) = (self.level, self.spec.hidden_size);
        let mut vector = vec![0.0; hidden_size];
        for (row, x) in rows
            .iter()
            .zip(self.buffers.x.chunks_exact_mut(hidden_size))
        {
            if row.position < positions.rows() {
                positions.dequantize_row(row.position, &mut vector);
                vector::add(level, x, &vector);
            }
        }
    }

    /// normed = norm(x), or x itself where there is no norm, and the same
    /// quantized.
    fn normalize(&mut self, norm: Option<&Norm>) {
        let (level, hidden_size, epsilon) =
            (self.level, self.spec.hidden_size, self.spec.norm_epsilon);
        let buffers = &mut self.buffers;
        let x = &buffers.x;
        self.pool
            .for_each_row(&mut buffers.normed, hidden_size, |row, out| {
                let x = &x[row * hidden_size..(row + 1) * hidden_size];
                match norm {
                    Some(norm) => norm.write(level, x, epsilon, out),
                    None => out.copy_from_slice(x),
                }
            });
        self.quantize_normed();
    }

    /// Quantizes the normed rows, once more where others have been since.
    fn quantize_normed(&mut self) {
        let (level, hidden_size) = (self.level, self.spec.hidden_size);
        let buffers = &mut self.buffers;
        buffers
            .activations
            .quantize(level, &self.pool, &buffers.normed, hidden_size);
    }

    /// x += projected, normed first where the family does so.
    fn add_residual(&mut self, norm: Option<&Norm>) {
        if let Some(norm) = norm {
            self.norm_projected(norm);
        }
        let (level, projected) = (self.level, &self.buffers.projected);
        let (x, scale) = (&mut self.buffers.x, self.spec.residual_scale);
        if scale == 1.0 {
            vector::add(level, x, projected);
        } else {
            vector::add_weighted(level, x, scale, projected);
        }
    }

    /// projected = norm(projected)
    fn norm_projected(&mut self, norm: &Norm) {
        let (level, hidden_size, epsilon) =
            (self.level, self.spec.hidden_size, self.spec.norm_epsilon);
        let projected = &mut self.buffers.projected;
        self.pool.for_each_row(projected, hidden_size, |_, x| {
            norm.apply(level, x, epsilon);
        });
    }
}

/// Returns for each layer how many before it keep a state.
fn state_slots(spec: &Spec) -> Vec<usize> {
    let mut count = 0;
    let slot = |layer: &LayerSpec| {
        let before = count;
        count += usize::from(layer.recurrent);
        before
    };
    spec.layers.iter().map(slot).collect()
}

/// Returns the shape of a layer's attention.
fn attention_shape(spec: &Spec, index: usize) -> Shape {
    let layer = &spec.layers[index];
    Shape {
        heads: spec.heads,
        kv_heads: layer.kv_heads,
        head_dim: layer.head_dim,
        value_dim: layer.value_dim,
        scale: spec.attention_scale,
        soft_cap: spec.attention_soft_cap,
    }
}

/// Returns what each layer stores, `None` where it uses another's or does not attend.
fn cache_shapes(spec: &Spec) -> Vec<Option<Shape>> {
    let shape = |index: usize| {
        let layer = &spec.layers[index];
        let stores = layer.kv_source_layer.is_none() && layer.attends;
        stores.then(|| attention_shape(spec, index))
    };
    (0..spec.layers.len()).map(shape).collect()
}

/// Returns the bytes that the cache of `positions` positions in all of so many
/// sequences takes with elements of type `T`: at the most, where layers keep a
/// state.
pub fn cache_bytes<T: Element>(spec: &Spec, positions: usize, sequences: usize) -> u64 {
    let states = Cache::<T>::state_bytes(spec.state_elements()).saturating_mul(sequences as u64);
    Cache::<T>::bytes_for(&cache_shapes(spec), positions).saturating_add(states)
}

/// out = linear(input), where `input` is (rows, the linear's columns) and is
/// quantized into `activations`.
fn apply(
    cpu: Cpu<'_>,
    loras: &mut Loras,
    activations: &mut Activations,
    input: &[f32],
    linear: &Linear,
    out: &mut [f32],
) {
    activations.quantize(cpu.level, cpu.pool, input, linear.columns());
    let quantized = matmul::Input {
        floats: input,
        quantized: activations,
    };
    let products = &mut [(linear.matrix(), &mut *out)];
    matmul::multiply(cpu.level, cpu.pool, quantized, products, &[]);
    add_rest(cpu, loras, linear, input, out);
}

/// out += what belongs to a product beside the matrix: scales, the bias, and what
/// adapters add.
fn add_rest(cpu: Cpu<'_>, loras: &mut Loras, linear: &Linear, input: &[f32], out: &mut [f32]) {
    scale_and_bias(linear, out);
    loras.add(cpu, linear, input, out);
}

/// out = scales * out + bias, as far as the matrix has them.
fn scale_and_bias(linear: &Linear, out: &mut [f32]) {
    match linear.scales.as_deref() {
        None => {}
        Some(&[scale]) => out.iter_mut().for_each(|x| *x *= scale),
        Some(scales) => {
            for row in out.chunks_exact_mut(scales.len()) {
                for (x, scale) in row.iter_mut().zip(scales) {
                    *x *= scale;
                }
            }
        }
    }
    if let Some(bias) = &linear.bias {
        for row in out.chunks_exact_mut(bias.len()) {
            for (x, bias) in row.iter_mut().zip(bias) {
                *x += bias;
            }
        }
    }
}

impl<T: Element> Forward for CpuForward<T> {
    fn vocabulary(&self) -> usize {
        self.weights.vocabulary()
    }

    fn sequences(&self) -> &dyn Sequences {
        &self.cache
    }

    fn sequences_mut(&mut self) -> &mut dyn Sequences {
        &mut self.cache
    }

    fn forward(&mut self, batch: &[Input<'_>], logits: &mut Vec<f32>) -> Result<(), ForwardError> {
        logits.clear();
        check_batch(batch, self.vocabulary(), self.loras.len())?;
        let mut rows = Vec::new();
        self.head.allowed.clear();
        for input in batch {
            let allowed = self.head.allow(input.outputs);
            let length = self
                .cache
                .length(input.sequence)
                .ok_or(ForwardError::UnknownSequence)?;
            let last = input.tokens.len().saturating_sub(1);
            let mut due = self.cache.next_checkpoint(input.sequence, length);
            let mut is_due = |end: usize| {
                let is_due = due == Some(end);
                if is_due {
                    due = self.cache.next_checkpoint(input.sequence, end);
                }
                is_due
            };
            rows.extend(input.tokens.iter().enumerate().map(|(at, &token)| Row {
                sequence: input.sequence,
                position: length + at,
                token,
                checkpoint: is_due(length + at + 1),
                output: match input.outputs {
                    Outputs::None => false,
                    Outputs::Last | Outputs::Best(_) | Outputs::BestOf(..) => at == last,
                    Outputs::All => true,
                },
                best: match input.outputs {
                    Outputs::Best(count) | Outputs::BestOf(count, _) => Some(count),
                    _ => None,
                },
                allowed,
            }));
        }
        self.loras.begin_batch(batch);
        for input in batch {
            self.cache.extend(input.sequence, input.tokens.len());
        }
        // A state is copied between chunks, so that one ends where that is due.
        for rows in rows.chunk_by(|row, _| !row.checkpoint) {
            // Who sees ahead needs the keys of all that follows.
            let most = if self.spec.bidirectional {
                rows.len().max(1)
            } else {
                CHUNK_ROWS
            };
            for rows in rows.chunks(most) {
                self.chunk(rows, logits);
            }
            if let Some(last) = rows.last().filter(|last| last.checkpoint) {
                self.cache.checkpoint(last.sequence, last.position + 1);
            }
        }
        // The end of a prompt is where the next one may part from it.
        for input in batch.iter().filter(|input| input.tokens.len() > 1) {
            let length = self.cache.length(input.sequence);
            self.cache.checkpoint(input.sequence, length.unwrap_or(0));
        }
        Ok(())
    }
}
