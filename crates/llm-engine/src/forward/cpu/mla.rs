//! Latent attention: queries, keys and values through one short vector a
//! position (DeepSeek-AI 2024, arXiv:2405.04434, section 2.1).

use llm_kernels::attention::Element;
use llm_kernels::{matmul, rope, vector};

use super::buffers::Row;
use super::{CpuForward, apply, scale_and_bias};
use crate::spec::MlaSpec;
use crate::weights::{Linear, Mla, MlaUp};

impl<T: Element> CpuForward<T> {
    /// normed → queries, keys and values as attention takes them.
    pub(super) fn project_mla(&mut self, rows: &[Row], index: usize, mla: &Mla) {
        let Some(spec) = self.spec.mla else {
            return;
        };
        self.short_vectors(mla);
        self.norm_and_rotate_mla(rows, index, mla, &spec);
        match &mla.up {
            MlaUp::Expanded(up) => self.expand(up, &spec),
            MlaUp::Absorbed { keys, .. } => self.absorb(index, keys, &spec),
        }
    }

    /// normed → `head_queries`, (rows, heads * `key_dim`), and `joint`, (rows,
    /// rank + `rope_dim`).
    fn short_vectors(&mut self, mla: &Mla) {
        let (level, epsilon) = (self.level, self.spec.norm_epsilon);
        let buffers = &mut self.buffers;
        let input = matmul::Input {
            floats: &buffers.normed,
            quantized: &buffers.activations,
        };
        let (first, out) = match &mla.query_down {
            Some((down, _)) => (down, &mut buffers.short_queries),
            None => (&mla.query, &mut buffers.head_queries),
        };
        let mut products = [
            (first.matrix(), out.as_mut_slice()),
            (mla.down.matrix(), buffers.joint.as_mut_slice()),
        ];
        matmul::multiply(level, &self.pool, input, &mut products, &[]);
        scale_and_bias(first, out);
        scale_and_bias(&mla.down, &mut buffers.joint);
        if let Some((_, norm)) = &mla.query_down {
            self.pool
                .for_each_row(&mut buffers.short_queries, norm.len(), |_, x| {
                    vector::rms_norm_in_place(level, x, norm, epsilon);
                });
            apply(
                level,
                &self.pool,
                &mut buffers.activations,
                &buffers.short_queries,
                &mla.query,
                &mut buffers.head_queries,
            );
        }
    }

    /// Norms the short vectors, and turns the rotated part of queries and keys.
    fn norm_and_rotate_mla(&mut self, rows: &[Row], index: usize, mla: &Mla, spec: &MlaSpec) {
        let (level, rope_layout) = (self.level, self.spec.rope_layout);
        let (epsilon, temperature) = (self.spec.norm_epsilon, self.spec.temperature);
        let rotation = self.layer_rotations[index];
        let pairs = self.rotations[rotation].pairs();
        let rotated = self.spec.rope_dim;
        let buffers = &mut self.buffers;
        let angles = &buffers.angles[rotation];
        let turn = |row: usize, x: &mut [f32]| {
            let turn = row * pairs..(row + 1) * pairs;
            let (cos, sin) = (&angles.cos[turn.clone()], &angles.sin[turn]);
            rope::rotate(level, x, rotated, rope_layout, cos, sin);
        };
        let (rank, key_dim) = (spec.kv_lora_rank, spec.key_dim);
        self.pool
            .for_each_row(&mut buffers.joint, rank + rotated, |row, joint| {
                let (short, key) = joint.split_at_mut(rank);
                vector::rms_norm_in_place(level, short, &mla.norm, epsilon);
                turn(row, key);
            });
        let width = self.spec.heads * key_dim;
        self.pool
            .for_each_row(&mut buffers.head_queries, width, |row, queries| {
                for head in queries.chunks_exact_mut(key_dim) {
                    turn(row, &mut head[key_dim - rotated..]);
                }
                if let Some(temperature) = temperature {
                    let factor = temperature.at(rows[row].position);
                    queries.iter_mut().for_each(|x| *x *= factor);
                }
            });
        for (short, joint) in buffers
            .short
            .chunks_exact_mut(rank)
            .zip(buffers.joint.chunks_exact(rank + rotated))
        {
            short.copy_from_slice(&joint[..rank]);
        }
    }

    /// Makes every head's keys and values from the short vectors.
    fn expand(&mut self, up: &Linear, spec: &MlaSpec) {
        let (heads, rotated) = (self.spec.heads, self.spec.rope_dim);
        let (unrotated, rank) = (spec.key_dim - rotated, spec.kv_lora_rank);
        let buffers = &mut self.buffers;
        buffers.queries.copy_from_slice(&buffers.head_queries);
        let (activations, short) = (&mut buffers.activations, &buffers.short);
        let expanded = &mut buffers.expanded;
        apply(self.level, &self.pool, activations, short, up, expanded);
        let each = unrotated + spec.value_dim;
        let rows = buffers
            .expanded
            .chunks_exact(heads * each)
            .zip(buffers.joint.chunks_exact(rank + rotated));
        let out = buffers
            .keys
            .chunks_exact_mut(heads * spec.key_dim)
            .zip(buffers.values.chunks_exact_mut(heads * spec.value_dim));
        for ((expanded, joint), (keys, values)) in rows.zip(out) {
            let heads = keys
                .chunks_exact_mut(spec.key_dim)
                .zip(values.chunks_exact_mut(spec.value_dim));
            for (head, (key, value)) in expanded.chunks_exact(each).zip(heads) {
                key[..unrotated].copy_from_slice(&head[..unrotated]);
                key[unrotated..].copy_from_slice(&joint[rank..]);
                value.copy_from_slice(&head[unrotated..]);
            }
        }
    }

    /// Brings queries to the short vectors, which are keys and values themselves.
    fn absorb(&mut self, index: usize, keys: &[Linear], spec: &MlaSpec) {
        let (level, rotated, rank) = (self.level, self.spec.rope_dim, spec.kv_lora_rank);
        let (key_dim, unrotated) = (spec.key_dim, spec.key_dim - rotated);
        let (heads, head_dim) = (self.spec.heads, self.spec.layers[index].head_dim);
        let buffers = &mut self.buffers;
        buffers.keys.copy_from_slice(&buffers.joint);
        buffers.values.copy_from_slice(&buffers.short);
        for (head, matrix) in keys.iter().enumerate() {
            let rows = buffers.head_queries.chunks_exact(heads * key_dim);
            buffers.head_in.clear();
            for row in rows.clone() {
                let query = &row[head * key_dim..][..unrotated];
                buffers.head_in.extend_from_slice(query);
            }
            buffers.head_out.resize(rows.len() * rank, 0.0);
            let (activations, out) = (&mut buffers.activations, &mut buffers.head_out);
            apply(
                level,
                &self.pool,
                activations,
                &buffers.head_in,
                matrix,
                out,
            );
            let out = buffers.queries.chunks_exact_mut(heads * head_dim);
            for ((row, short), out) in rows.zip(buffers.head_out.chunks_exact(rank)).zip(out) {
                let out = &mut out[head * head_dim..][..head_dim];
                out[..rank].copy_from_slice(short);
                let query = &row[head * key_dim + unrotated..][..rotated];
                out[rank..].copy_from_slice(query);
            }
        }
    }

    /// attended, (rows, heads * rank) → results, (rows, heads * `value_dim`),
    /// where attention worked on short vectors.
    pub(super) fn expand_results(&mut self, mla: &Mla) {
        let (MlaUp::Absorbed { values, .. }, Some(spec)) = (&mla.up, self.spec.mla) else {
            return;
        };
        let (level, rank, heads) = (self.level, spec.kv_lora_rank, self.spec.heads);
        let buffers = &mut self.buffers;
        for (head, matrix) in values.iter().enumerate() {
            buffers.head_in.clear();
            let rows = buffers.attended.chunks_exact(heads * rank);
            let count = rows.len();
            for row in rows {
                buffers
                    .head_in
                    .extend_from_slice(&row[head * rank..][..rank]);
            }
            buffers.head_out.resize(count * spec.value_dim, 0.0);
            let (activations, out) = (&mut buffers.activations, &mut buffers.head_out);
            apply(
                level,
                &self.pool,
                activations,
                &buffers.head_in,
                matrix,
                out,
            );
            let results = buffers.results.chunks_exact_mut(heads * spec.value_dim);
            for (result, out) in results.zip(buffers.head_out.chunks_exact(spec.value_dim)) {
                result[head * spec.value_dim..][..spec.value_dim].copy_from_slice(out);
            }
        }
    }
}
