//! The forward pass on the CPU: preallocated buffers, steps on `llm-kernels`.
//!
//! A batch is cut into chunks of rows; each row is one token of one sequence.
//! All steps but attention treat rows alone, so that what a row computes does
//! not depend on its neighbours.

mod buffers;
mod spans;

use std::sync::Arc;

use llm_kernels::attention::{Attention, Element, Shape};
use llm_kernels::matmul::{self, Matrix};
use llm_kernels::pool::Pool;
use llm_kernels::rope;
use llm_kernels::simd::Level;
use llm_kernels::vector;

use super::{Forward, ForwardError, Input, Outputs, Rotation, check_batch};
use crate::cache::{Cache, SequenceId};
use crate::spec::{Rope, Spec};
use crate::weights::{Layer, Linear, Weights};
use buffers::{Buffers, Row};
use spans::spans;

/// Rows of a chunk: enough that decoding the weights is a small part of the
/// work, few enough that a chunk's activations stay in the second-level cache.
const CHUNK_ROWS: usize = 256;

/// Runs a model on the CPU, with keys and values stored as `T`.
pub struct CpuForward<T> {
    spec: Arc<Spec>,
    weights: Arc<Weights>,
    cache: Cache<T>,
    pool: Pool,
    level: Level,
    shape: Shape,
    /// The distinct rotations, and for each layer which one it uses.
    rotations: Vec<Rotation>,
    layer_rotations: Vec<usize>,
    buffers: Buffers,
}

impl<T: Element> CpuForward<T> {
    /// Prepares a model; nothing is copied.
    pub fn new(spec: Arc<Spec>, weights: Arc<Weights>, pool: Pool, level: Level) -> Self {
        let shape = attention_shape(&spec);
        let mut distinct: Vec<Rope> = Vec::new();
        let mut layer_rotations = Vec::new();
        for layer in &spec.layers {
            let known = distinct.iter().position(|rope| *rope == layer.rope);
            layer_rotations.push(known.unwrap_or(distinct.len()));
            if known.is_none() {
                distinct.push(layer.rope);
            }
        }
        let divisors = weights.rope_divisors.as_deref();
        let rotation = |rope: &Rope| Rotation::new(*rope, spec.rope_dim, divisors);
        Self {
            cache: Cache::new(shape, spec.layers.len()),
            rotations: distinct.iter().map(rotation).collect(),
            layer_rotations,
            buffers: Buffers::default(),
            spec,
            weights,
            pool,
            level,
            shape,
        }
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
        self.embed(rows, &weights.embedding);
        self.buffers.turn(rows, &self.rotations);
        for (index, layer) in weights.layers.iter().enumerate() {
            self.attention(rows, index, layer);
            match weights.layers.get(index + 1) {
                Some(next) => self.feed_forward(layer, &next.attention_inputs()),
                None => self.feed_forward(layer, &[weights.output.matrix()]),
            }
        }
        self.logits(rows, &weights, logits);
    }

    /// Token ids → x, (rows, width).
    fn embed(&mut self, rows: &[Row], embedding: &Linear) {
        let width = self.spec.width;
        let scale = if self.spec.family.scaled_embedding {
            (width as f32).sqrt()
        } else {
            1.0
        };
        self.pool
            .for_each_row(&mut self.buffers.x, width, |index, x| {
                embedding.dequantize_row(rows[index].token as usize, x);
                for x in x {
                    *x *= scale;
                }
            });
    }

    /// x += output(attention(norm(x)))
    fn attention(&mut self, rows: &[Row], index: usize, layer: &Layer) {
        self.normalize(&layer.attention_norm);
        let buffers = &mut self.buffers;
        let input = matmul::Input {
            floats: &buffers.normed,
            quantized: &buffers.activations,
        };
        let [query, key, value] = layer.attention_inputs();
        let mut products = [
            (query, buffers.queries.as_mut_slice()),
            (key, buffers.keys.as_mut_slice()),
            (value, buffers.values.as_mut_slice()),
        ];
        let next = [layer.attention_output.matrix()];
        matmul::multiply(self.level, &self.pool, input, &mut products, &next);
        add_bias(&layer.query, &mut buffers.queries);
        add_bias(&layer.key, &mut buffers.keys);
        add_bias(&layer.value, &mut buffers.values);
        self.norm_and_rotate(index, layer);
        self.store(rows, index);
        self.attend(rows, index);
        let width = self.spec.query_width();
        let buffers = &mut self.buffers;
        buffers
            .activations
            .quantize(self.level, &self.pool, &buffers.attended, width);
        let input = matmul::Input {
            floats: &buffers.attended,
            quantized: &buffers.activations,
        };
        let output = &layer.attention_output;
        matmul::multiply(
            self.level,
            &self.pool,
            input,
            &mut [(output.matrix(), &mut buffers.projected)],
            &[layer.gate.matrix(), layer.up.matrix()],
        );
        add_bias(output, &mut self.buffers.projected);
        self.add_residual(layer.post_attention_norm.as_deref());
    }

    /// x += down(activation(gate(norm(x))) * up(norm(x))); `next` are the
    /// matrices of the step after.
    fn feed_forward(&mut self, layer: &Layer, next: &[Matrix<'_>]) {
        self.normalize(&layer.feed_forward_norm);
        let (level, inner, kind) = (self.level, self.spec.feed_forward, self.spec.family.gate);
        let buffers = &mut self.buffers;
        let input = matmul::Input {
            floats: &buffers.normed,
            quantized: &buffers.activations,
        };
        let mut products = [
            (layer.gate.matrix(), buffers.gate.as_mut_slice()),
            (layer.up.matrix(), buffers.up.as_mut_slice()),
        ];
        let down = layer.down.matrix();
        matmul::multiply(level, &self.pool, input, &mut products, &[down]);
        add_bias(&layer.gate, &mut buffers.gate);
        add_bias(&layer.up, &mut buffers.up);
        let up = &buffers.up;
        self.pool
            .for_each_row(&mut buffers.gate, inner, |row, gate| {
                vector::gated(level, kind, gate, &up[row * inner..(row + 1) * inner]);
            });
        buffers
            .activations
            .quantize(level, &self.pool, &buffers.gate, inner);
        let input = matmul::Input {
            floats: &buffers.gate,
            quantized: &buffers.activations,
        };
        matmul::multiply(
            level,
            &self.pool,
            input,
            &mut [(down, &mut buffers.projected)],
            next,
        );
        add_bias(&layer.down, &mut self.buffers.projected);
        self.add_residual(layer.post_feed_forward_norm.as_deref());
    }

    /// normed = norm(x), and the same quantized.
    fn normalize(&mut self, weight: &[f32]) {
        let (level, width, epsilon) = (self.level, self.spec.width, self.spec.norm_epsilon);
        let buffers = &mut self.buffers;
        let x = &buffers.x;
        self.pool
            .for_each_row(&mut buffers.normed, width, |row, out| {
                vector::rms_norm(
                    level,
                    &x[row * width..(row + 1) * width],
                    weight,
                    epsilon,
                    out,
                );
            });
        buffers
            .activations
            .quantize(level, &self.pool, &buffers.normed, width);
    }

    /// Norms (where the family has them) and rotates queries and keys.
    fn norm_and_rotate(&mut self, index: usize, layer: &Layer) {
        let (level, dim, pairing) = (self.level, self.spec.head_dim, self.spec.family.pairing);
        let (epsilon, pairs) = (self.spec.norm_epsilon, self.spec.rope_dim / 2);
        let angles = &self.buffers.angles[self.layer_rotations[index]];
        let step = |norm: Option<&[f32]>, row: usize, x: &mut [f32]| {
            if let Some(norm) = norm {
                for head in x.chunks_exact_mut(dim) {
                    vector::rms_norm_in_place(level, head, norm, epsilon);
                }
            }
            let turn = row * pairs..(row + 1) * pairs;
            rope::rotate(
                level,
                x,
                dim,
                pairing,
                &angles.cos[turn.clone()],
                &angles.sin[turn],
            );
        };
        let queries = &mut self.buffers.queries;
        let norm = layer.query_norm.as_deref();
        let width = self.spec.query_width();
        self.pool
            .for_each_row(queries, width, |row, x| step(norm, row, x));
        let norm = layer.key_norm.as_deref();
        let keys = &mut self.buffers.keys;
        let width = self.spec.kv_width();
        self.pool
            .for_each_row(keys, width, |row, x| step(norm, row, x));
    }

    fn store(&mut self, rows: &[Row], index: usize) {
        let width = self.spec.kv_width();
        let keys = self.buffers.keys.chunks_exact(width);
        let values = self.buffers.values.chunks_exact(width);
        for (row, (key, value)) in rows.iter().zip(keys.zip(values)) {
            self.cache
                .store(row.sequence, index, row.position, key, value);
        }
    }

    fn attend(&mut self, rows: &[Row], index: usize) {
        let (sequences, spans) = spans(rows);
        let blocks: Vec<_> = sequences
            .iter()
            .map(|&id| self.cache.layer_blocks(id, index))
            .collect();
        let window = self.spec.layers[index].window;
        let attention = Attention {
            shape: self.shape,
            window,
            blocks: &blocks,
            spans: &spans,
        };
        let (queries, out) = (&self.buffers.queries, &mut self.buffers.attended);
        attention.run(self.level, &self.pool, queries, out);
    }

    /// x += projected, normed first where the family does so.
    fn add_residual(&mut self, norm: Option<&[f32]>) {
        let (level, width, epsilon) = (self.level, self.spec.width, self.spec.norm_epsilon);
        let projected = &mut self.buffers.projected;
        if let Some(norm) = norm {
            self.pool.for_each_row(projected, width, |_, x| {
                vector::rms_norm_in_place(level, x, norm, epsilon);
            });
        }
        vector::add(level, &mut self.buffers.x, projected);
    }

    /// Appends the logits of the wanted rows: output(norm(x)).
    fn logits(&mut self, rows: &[Row], weights: &Weights, logits: &mut Vec<f32>) {
        let width = self.spec.width;
        let buffers = &mut self.buffers;
        let mut wanted = 0;
        for (at, _) in rows.iter().enumerate().filter(|(_, row)| row.output) {
            // Rows only move to the front, so none is overwritten before it is
            // read.
            buffers
                .x
                .copy_within(at * width..(at + 1) * width, wanted * width);
            wanted += 1;
        }
        if wanted == 0 {
            return;
        }
        buffers.x.truncate(wanted * width);
        buffers.normed.truncate(wanted * width);
        self.normalize(&weights.output_norm);
        let start = logits.len();
        logits.resize(start + wanted * weights.output.rows(), 0.0);
        let out = &mut logits[start..];
        let input = matmul::Input {
            floats: &self.buffers.normed,
            quantized: &self.buffers.activations,
        };
        let matrix: Matrix<'_> = weights.output.matrix();
        let first = weights.layers.first().map(Layer::attention_inputs);
        matmul::multiply(
            self.level,
            &self.pool,
            input,
            &mut [(matrix, &mut *out)],
            first.as_ref().map_or(&[], |first| first),
        );
        add_bias(&weights.output, out);
        if let Some(cap) = self.spec.logit_soft_cap {
            vector::soft_cap(self.level, out, cap);
        }
    }
}

/// Returns the attention's shape, the same in every layer.
fn attention_shape(spec: &Spec) -> Shape {
    Shape {
        heads: spec.heads,
        kv_heads: spec.kv_heads,
        head_dim: spec.head_dim,
        scale: spec.attention_scale,
        soft_cap: spec.attention_soft_cap,
    }
}

/// Returns the bytes that the cache of `positions` positions takes with
/// elements of type `T`.
pub fn cache_bytes<T: Element>(spec: &Spec, positions: usize) -> u64 {
    Cache::<T>::bytes_for(&attention_shape(spec), spec.layers.len(), positions)
}

fn add_bias(linear: &Linear, out: &mut [f32]) {
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

    fn forward(&mut self, batch: &[Input<'_>], logits: &mut Vec<f32>) -> Result<(), ForwardError> {
        logits.clear();
        check_batch(batch, self.vocabulary())?;
        let mut rows = Vec::new();
        for input in batch {
            let length = self
                .cache
                .length(input.sequence)
                .ok_or(ForwardError::UnknownSequence)?;
            let last = input.tokens.len().saturating_sub(1);
            rows.extend(input.tokens.iter().enumerate().map(|(at, &token)| Row {
                sequence: input.sequence,
                position: length + at,
                token,
                output: match input.outputs {
                    Outputs::None => false,
                    Outputs::Last => at == last,
                    Outputs::All => true,
                },
            }));
        }
        for input in batch {
            self.cache.extend(input.sequence, input.tokens.len());
        }
        for rows in rows.chunks(CHUNK_ROWS) {
            self.chunk(rows, logits);
        }
        Ok(())
    }
}
