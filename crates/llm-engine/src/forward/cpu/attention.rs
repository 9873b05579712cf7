//! The first half of a layer: x += output(attention(norm(x))).

use llm_kernels::attention::{self, Element};
use llm_kernels::{matmul, rope, vector};

use super::buffers::Row;
use super::query_blocks::spans;
use super::{Cpu, CpuForward, add_rest};
use crate::family::QueryKeyNorm;
use crate::weights::{Attention, FeedForward, KvProjections, Layer, Linear, Norm, Projections};

impl<T: Element> CpuForward<T> {
    /// x += output(attention(norm(x))), or the same with a state, or with both.
    pub(super) fn first_half(&mut self, rows: &[Row], index: usize, layer: &Layer) {
        if layer.attention.is_none() && layer.mixer.is_none() {
            return;
        }
        self.normalize(layer.attention_norm.as_ref());
        if let Some(altup) = &layer.altup {
            self.laurel(altup);
        }
        if let Some(attention) = &layer.attention {
            self.attention(rows, index, layer, attention);
        }
        if let Some(mixer) = &layer.mixer {
            if layer.attention.is_some() {
                self.buffers.beside.clone_from(&self.buffers.projected);
                self.quantize_normed();
            }
            self.mix(rows, index, layer, mixer);
            if layer.attention.is_some() {
                let buffers = &mut self.buffers;
                vector::add(self.level, &mut buffers.projected, &buffers.beside);
            }
        }
        if layer.parallel {
            self.start_feed_forward(layer);
        }
        self.add_residual(layer.post_attention_norm.as_ref());
        if layer.altup.is_some() {
            self.add_laurel();
        }
    }

    /// projected = output(attention(normed)), which is quantized.
    fn attention(&mut self, rows: &[Row], index: usize, layer: &Layer, attention: &Attention) {
        self.buffers.resize_heads(&self.spec, index, rows.len());
        match &attention.projections {
            Projections::Heads { query, keys } => {
                self.project(attention, query, keys.as_ref());
                self.part_gates(index);
                self.norm_and_rotate(rows, index, attention);
                if keys.is_some() {
                    self.store(rows, index);
                }
                self.attend(rows, index, attention);
                self.gate_attended(index);
            }
            Projections::Mla(mla) => {
                self.project_mla(rows, index, mla);
                self.store(rows, index);
                self.attend(rows, index, attention);
                self.expand_results(mla);
            }
        }
        self.attention_output(layer, attention);
    }

    /// normed → queries, keys and values, as far as the layer has its own.
    fn project(&mut self, layer: &Attention, query: &Linear, keys: Option<&KvProjections>) {
        let (level, pool) = (self.level, &self.pool);
        let cpu = Cpu::new(level, pool);
        let (buffers, loras) = (&mut self.buffers, &mut self.loras);
        let normed = &buffers.normed;
        let input = matmul::Input {
            floats: normed,
            quantized: &buffers.activations,
        };
        // A query comes with its gate where there are gates.
        let made = if self.spec.family.gated_attention {
            &mut buffers.gated_queries
        } else {
            &mut buffers.queries
        };
        let next = [layer.output.matrix()];
        let queries = (query.matrix(), made.as_mut_slice());
        let Some(KvProjections { key, value }) = keys else {
            matmul::multiply(level, pool, input, &mut [queries], &next);
            add_rest(cpu, loras, query, normed, made);
            return;
        };
        let keys = (key.matrix(), buffers.keys.as_mut_slice());
        match value {
            Some(value) => {
                let values = (value.matrix(), buffers.values.as_mut_slice());
                matmul::multiply(level, pool, input, &mut [queries, keys, values], &next);
                add_rest(cpu, loras, value, normed, &mut buffers.values);
            }
            None => matmul::multiply(level, pool, input, &mut [queries, keys], &next),
        }
        add_rest(cpu, loras, query, normed, made);
        add_rest(cpu, loras, key, normed, &mut buffers.keys);
        if value.is_none() {
            buffers.values.copy_from_slice(&buffers.keys);
        }
    }

    /// `gated_queries` → queries and gates, where attention has gates.
    fn part_gates(&mut self, index: usize) {
        if !self.spec.family.gated_attention {
            return;
        }
        let dim = self.spec.layers[index].head_dim;
        let buffers = &mut self.buffers;
        let queries = buffers.queries.chunks_exact_mut(dim);
        let parts = queries.zip(buffers.query_gates.chunks_exact_mut(dim));
        for (both, (query, gate)) in buffers.gated_queries.chunks_exact(2 * dim).zip(parts) {
            query.copy_from_slice(&both[..dim]);
            gate.copy_from_slice(&both[dim..]);
        }
    }

    /// attended *= sigmoid(gate), where attention has gates.
    fn gate_attended(&mut self, index: usize) {
        if self.spec.family.gated_attention {
            let (level, width) = (self.level, self.spec.attended_width(index));
            let gates = &self.buffers.query_gates;
            let attended = &mut self.buffers.attended;
            self.pool.for_each_row(attended, width, |row, attended| {
                vector::sigmoid_gate(level, attended, &gates[row * width..(row + 1) * width]);
            });
        }
    }

    /// Norms queries, keys and values where the family does so, and rotates the
    /// first two, before or after that. What a layer has not projected is left out.
    fn norm_and_rotate(&mut self, rows: &[Row], index: usize, layer: &Attention) {
        let (level, dim, rope_layout) = (
            self.level,
            self.spec.layers[index].head_dim,
            self.spec.rope_layout,
        );
        let epsilon = self.spec.norm_epsilon;
        let temperature = self.spec.layer_temperature(index);
        let rotation = self.layer_rotations[index];
        let pairs = self.rotations[rotation].pairs();
        let angles = &self.buffers.angles[rotation];
        let span = self.spec.family.query_key_norm;
        let norm_first = !self.spec.family.rotated_before_norm;
        let norm_heads = |norm: Option<&Norm>, x: &mut [f32]| {
            let Some(norm) = norm else {
                return;
            };
            // The norm spans one head, or all of them, and has weights for one or for all.
            let length = match span {
                Some(QueryKeyNorm::EachHead) => dim,
                _ => norm.weight.len(),
            };
            for (index, part) in x.chunks_exact_mut(length).enumerate() {
                let first = index * length % norm.weight.len();
                norm.apply_part(level, part, epsilon, first);
            }
        };
        let step = |norm: Option<&Norm>, row: usize, x: &mut [f32]| {
            if norm_first {
                norm_heads(norm, x);
            }
            let turn = row * pairs..(row + 1) * pairs;
            let (cos, sin) = (&angles.cos[turn.clone()], &angles.sin[turn]);
            rope::rotate(level, x, dim, rope_layout, cos, sin);
            if !norm_first {
                norm_heads(norm, x);
            }
        };
        let queries = &mut self.buffers.queries;
        let norm = layer.query_norm.as_ref();
        let width = self.spec.query_width(index);
        self.pool.for_each_row(queries, width, |row, x| {
            step(norm, row, x);
            if let Some(temperature) = temperature {
                let factor = temperature.at(rows[row].position);
                x.iter_mut().for_each(|x| *x *= factor);
            }
        });
        if self.spec.layers[index].kv_source_layer.is_some() {
            return;
        }
        let norm = layer.key_norm.as_ref();
        let keys = &mut self.buffers.keys;
        let width = self.spec.key_width(index);
        self.pool
            .for_each_row(keys, width, |row, x| step(norm, row, x));
        if let Some(norm) = &layer.value_norm {
            let values = &mut self.buffers.values;
            self.pool.for_each_row(values, norm.len(), |_, x| {
                vector::rms_norm_in_place(level, x, norm, epsilon);
            });
        }
    }

    fn store(&mut self, rows: &[Row], index: usize) {
        let (keys, values) = (self.spec.key_width(index), self.spec.value_width(index));
        let keys = self.buffers.keys.chunks_exact(keys);
        let values = self.buffers.values.chunks_exact(values);
        for (row, (key, value)) in rows.iter().zip(keys.zip(values)) {
            self.cache
                .store(row.sequence, index, row.position, key, value);
        }
    }

    fn attend(&mut self, rows: &[Row], index: usize, layer: &Attention) {
        let (sequences, spans) = spans(rows, self.spec.bidirectional);
        let blocks: Vec<_> = sequences
            .iter()
            .map(|&id| self.cache.layer_blocks(id, self.spec.cached_layer(index)))
            .collect();
        let attention = attention::Attention {
            shape: self.shapes[index],
            window: self.spec.layers[index].window,
            chunked: self.spec.family.chunked,
            bidirectional: self.spec.bidirectional,
            sinks: layer.sinks.as_deref(),
            blocks: &blocks,
            spans: &spans,
        };
        let (queries, out) = (&self.buffers.queries, &mut self.buffers.attended);
        attention.run(self.level, &self.pool, queries, out);
    }

    /// projected = output(attended)
    fn attention_output(&mut self, layer: &Layer, attention: &Attention) {
        let output = &attention.output;
        let buffers = &mut self.buffers;
        let attended = match self.spec.mla {
            Some(mla) if mla.absorbed => &buffers.results,
            _ => &buffers.attended,
        };
        let next = layer.feed_forward.as_ref();
        let next = next.map(FeedForward::first_matrices).unwrap_or_default();
        buffers
            .activations
            .quantize(self.level, &self.pool, attended, output.columns());
        let input = matmul::Input {
            floats: attended,
            quantized: &buffers.activations,
        };
        matmul::multiply(
            self.level,
            &self.pool,
            input,
            &mut [(output.matrix(), &mut buffers.projected)],
            &next,
        );
        let cpu = Cpu::new(self.level, &self.pool);
        add_rest(
            cpu,
            &mut self.loras,
            output,
            attended,
            &mut buffers.projected,
        );
    }
}
