//! A stream with copies, of which each layer computes one, and the step of low rank
//! beside attention (Gemma 3n; llama.cpp's `models/gemma3n.cpp`).

use std::f32::consts::FRAC_1_SQRT_2;

use llm_kernels::attention::Element;
use llm_kernels::simd::Level;
use llm_kernels::vector;

use super::{Cpu, CpuForward, apply};
use crate::weights::{AltUp, Copies, Norm};

/// A vector whose mean square is less than this is taken for one of that.
const SHORTEST: f32 = 1e-5;

/// What all rows of a layer need.
struct Router<'a> {
    level: Level,
    altup: &'a AltUp,
    epsilon: f32,
}

impl Router<'_> {
    /// Returns what a row is like, (copies).
    fn modalities(&self, x: &[f32]) -> Vec<f32> {
        let mut normed = vec![0.0; x.len()];
        let (level, altup) = (self.level, self.altup);
        altup.router_norm.write(level, x, self.epsilon, &mut normed);
        let shrink = 1.0 / x.len() as f32;
        let rows = altup.router.chunks_exact(x.len());
        rows.map(|row| (vector::dot(level, row, &normed) * shrink).tanh())
            .collect()
    }
}

/// Returns the products of a small matrix and a vector.
fn products<'a>(matrix: &'a [f32], vector: &'a [f32]) -> impl Iterator<Item = f32> + 'a {
    let rows = matrix.chunks_exact(vector.len());
    rows.map(move |row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
}

/// Returns what makes `x` as long as `like`.
fn stretch(level: Level, x: &[f32], like: &[f32]) -> f32 {
    let mean_square = |x: &[f32]| vector::dot(level, x, x) / x.len() as f32;
    (mean_square(like) / mean_square(x).max(SHORTEST)).sqrt()
}

impl<T: Element> CpuForward<T> {
    fn copies_and_active(&self) -> (usize, usize) {
        let altup = self.spec.altup;
        altup.map_or((1, 0), |altup| (altup.copies, altup.active))
    }

    /// x, freshly embedded → copies: itself, and its products, as long as it is.
    pub(super) fn copy_stream(&mut self, copies: &Copies) {
        let (level, hidden_size) = (self.level, self.spec.hidden_size);
        let (count, _) = self.copies_and_active();
        let (cpu, loras) = (Cpu::new(level, &self.pool), &mut self.loras);
        let buffers = &mut self.buffers;
        buffers.copies.resize(count * buffers.x.len(), 0.0);
        let width = count * hidden_size;
        let rows = buffers.x.chunks_exact(hidden_size);
        for (x, copies) in rows.zip(buffers.copies.chunks_exact_mut(width)) {
            copies[..hidden_size].copy_from_slice(x);
        }
        for (index, projection) in copies.projections.iter().enumerate() {
            let (activations, made) = (&mut buffers.activations, &mut buffers.projected);
            apply(cpu, loras, activations, &buffers.x, projection, made);
            let rows = buffers.x.chunks_exact(hidden_size);
            let rows = rows.zip(buffers.projected.chunks_exact(hidden_size));
            for ((x, made), copies) in rows.zip(buffers.copies.chunks_exact_mut(width)) {
                let out = &mut copies[(index + 1) * hidden_size..][..hidden_size];
                out.fill(0.0);
                vector::add_weighted(level, out, stretch(level, made, x), made);
            }
        }
    }

    /// copies → what each is predicted to be, and x, the one that is computed.
    pub(super) fn predict(&mut self, altup: &AltUp) {
        let (level, hidden_size) = (self.level, self.spec.hidden_size);
        let (count, active) = self.copies_and_active();
        let router = Router {
            level,
            altup,
            epsilon: self.spec.norm_epsilon,
        };
        let buffers = &mut self.buffers;
        self.pool
            .for_each_row(&mut buffers.copies, count * hidden_size, |_, copies| {
                let old = copies.to_vec();
                let modalities = router.modalities(&old[active * hidden_size..][..hidden_size]);
                let weights: Vec<f32> = products(&altup.prediction, &modalities).collect();
                let rows = copies.chunks_exact_mut(hidden_size);
                for (copy, weights) in rows.zip(weights.chunks_exact(count)) {
                    for (old, weight) in old.chunks_exact(hidden_size).zip(weights) {
                        vector::add_weighted(level, copy, *weight, old);
                    }
                }
            });
        let rows = buffers.x.chunks_exact_mut(hidden_size);
        for (x, copies) in rows.zip(buffers.copies.chunks_exact(count * hidden_size)) {
            x.copy_from_slice(&copies[active * hidden_size..][..hidden_size]);
        }
    }

    /// laurel = normed + norm(up(down(normed)))
    pub(super) fn laurel(&mut self, altup: &AltUp) {
        let (level, hidden_size) = (self.level, self.spec.hidden_size);
        let epsilon = self.spec.norm_epsilon;
        let (cpu, loras) = (Cpu::new(level, &self.pool), &mut self.loras);
        let buffers = &mut self.buffers;
        let rows = buffers.normed.len() / hidden_size;
        buffers.gate.resize(rows * altup.laurel_down.rows(), 0.0);
        buffers.laurel.resize(rows * hidden_size, 0.0);
        let (down, up) = (&altup.laurel_down, &altup.laurel_up);
        let activations = &mut buffers.activations;
        let (short, out) = (&mut buffers.gate, &mut buffers.laurel);
        apply(cpu, loras, activations, &buffers.normed, down, short);
        apply(cpu, loras, activations, short, up, out);
        let normed = &buffers.normed;
        self.pool.for_each_row(out, hidden_size, |row, x| {
            altup.laurel_norm.apply(level, x, epsilon);
            vector::add(level, x, &normed[row * hidden_size..][..hidden_size]);
        });
        self.quantize_normed();
    }

    /// x = (x + laurel) / sqrt(2)
    pub(super) fn add_laurel(&mut self) {
        let buffers = &mut self.buffers;
        for (x, laurel) in buffers.x.iter_mut().zip(&buffers.laurel) {
            *x = (*x + laurel) * FRAC_1_SQRT_2;
        }
    }

    /// copies += what came out more than was predicted, each in its measure; x = the
    /// corrected copy, scaled for the layer's own input.
    pub(super) fn correct(&mut self, altup: &AltUp) {
        let (level, hidden_size) = (self.level, self.spec.hidden_size);
        let (count, active) = self.copies_and_active();
        let router = Router {
            level,
            altup,
            epsilon: self.spec.norm_epsilon,
        };
        let buffers = &mut self.buffers;
        let x = &buffers.x;
        self.pool
            .for_each_row(&mut buffers.copies, count * hidden_size, |row, copies| {
                let x = &x[row * hidden_size..][..hidden_size];
                let modalities = router.modalities(x);
                let mut more = x.to_vec();
                let predicted = &copies[active * hidden_size..][..hidden_size];
                vector::add_weighted(level, &mut more, -1.0, predicted);
                let weights = products(&altup.correction, &modalities);
                for (copy, weight) in copies.chunks_exact_mut(hidden_size).zip(weights) {
                    vector::add_weighted(level, copy, 1.0 + weight, &more);
                }
            });
        let rows = buffers.x.chunks_exact_mut(hidden_size);
        for (x, copies) in rows.zip(buffers.copies.chunks_exact(count * hidden_size)) {
            x.fill(0.0);
            let corrected = &copies[active * hidden_size..][..hidden_size];
            vector::add_product(level, x, corrected, &altup.scale);
        }
    }

    /// Every copy but the first += norm(projected).
    pub(super) fn add_to_others(&mut self, norm: &Norm) {
        self.norm_projected(norm);
        let (level, hidden_size) = (self.level, self.spec.hidden_size);
        let (count, _) = self.copies_and_active();
        let buffers = &mut self.buffers;
        let made = buffers.projected.chunks_exact(hidden_size);
        for (made, copies) in made.zip(buffers.copies.chunks_exact_mut(count * hidden_size)) {
            for copy in copies.chunks_exact_mut(hidden_size).skip(1) {
                vector::add(level, copy, made);
            }
        }
    }

    /// x = the mean of the first copy and of the others' products, as long as that.
    pub(super) fn merge_copies(&mut self, copies: &Copies) {
        let (level, hidden_size) = (self.level, self.spec.hidden_size);
        let (count, _) = self.copies_and_active();
        let (cpu, loras) = (Cpu::new(level, &self.pool), &mut self.loras);
        let buffers = &mut self.buffers;
        let gather = |copies: &[f32], index: usize, out: &mut [f32]| {
            let rows = copies.chunks_exact(count * hidden_size);
            for (out, copies) in out.chunks_exact_mut(hidden_size).zip(rows) {
                out.copy_from_slice(&copies[index * hidden_size..][..hidden_size]);
            }
        };
        gather(&buffers.copies, 0, &mut buffers.x);
        for (index, projection) in copies.unprojections.iter().enumerate() {
            gather(&buffers.copies, index + 1, &mut buffers.normed);
            let (activations, made) = (&mut buffers.activations, &mut buffers.projected);
            apply(cpu, loras, activations, &buffers.normed, projection, made);
            let rows = buffers.x.chunks_exact_mut(hidden_size);
            let rows = rows.zip(buffers.projected.chunks_exact(hidden_size));
            for ((x, made), copies) in rows.zip(buffers.copies.chunks_exact(count * hidden_size)) {
                let like = &copies[..hidden_size];
                vector::add_weighted(level, x, stretch(level, made, like), made);
            }
        }
        let share = 1.0 / count as f32;
        buffers.x.iter_mut().for_each(|x| *x *= share);
    }
}
