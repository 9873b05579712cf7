//! Each layer's own input from a token, and the step that takes it in (Gemma 3n
//! and 4; llama.cpp's `models/gemma4.cpp`).

use std::f32::consts::FRAC_1_SQRT_2;

use llm_kernels::attention::Element;
use llm_kernels::{matmul, vector};

use super::buffers::Row;
use super::{Cpu, CpuForward, add_rest, apply};
use crate::weights::{InputStep, Layer, PerLayerEmbeddings};

impl<T: Element> CpuForward<T> {
    /// x, freshly embedded → `per_layer_embeddings`, (rows, layers, `per_layer_embedding`).
    pub(super) fn per_layer_embeddings(&mut self, rows: &[Row], inputs: &PerLayerEmbeddings) {
        let (level, epsilon) = (self.level, self.spec.norm_epsilon);
        let (all, each) = (inputs.projection.rows(), inputs.norm.len());
        let shrink = 1.0 / (self.spec.hidden_size as f32).sqrt();
        let grow = (each as f32).sqrt();
        let buffers = &mut self.buffers;
        let projected = &mut buffers.projected_inputs;
        projected.resize(rows.len() * all, 0.0);
        let activations = &mut buffers.activations;
        let projection = &inputs.projection;
        let cpu = Cpu::new(self.level, &self.pool);
        let loras = &mut self.loras;
        apply(cpu, loras, activations, &buffers.x, projection, projected);
        self.pool.for_each_row(projected, each, |_, x| {
            x.iter_mut().for_each(|x| *x *= shrink);
            vector::rms_norm_in_place(level, x, &inputs.norm, epsilon);
        });
        let out = &mut buffers.per_layer_embeddings;
        out.resize(rows.len() * all, 0.0);
        self.pool.for_each_row(out, all, |row, out| {
            inputs.write_row(rows[row].token, out);
            for (out, x) in out.iter_mut().zip(&projected[row * all..]) {
                *out = (*out * grow + x) * FRAC_1_SQRT_2;
            }
        });
    }

    /// What comes behind the feed-forward step: the layer's own input, and the
    /// scale of the stream.
    pub(super) fn end_layer(&mut self, index: usize, layer: &Layer) {
        if let Some(altup) = &layer.altup {
            self.correct(altup);
        }
        if let Some(step) = &layer.input_step {
            self.input_step(index, step);
            match &layer.altup {
                Some(_) => self.add_to_others(&step.norm),
                None => self.add_residual(Some(&step.norm)),
            }
        }
        if let Some(scale) = layer.output_scale {
            self.buffers.x.iter_mut().for_each(|x| *x *= scale);
        }
    }

    /// projected = up(activation(gate(x)) * input), which is normed and added to x.
    fn input_step(&mut self, index: usize, step: &InputStep) {
        let (level, kind, each) = (self.level, self.spec.family.gate, step.gate.rows());
        let all = self.spec.layers.len() * each;
        let buffers = &mut self.buffers;
        let rows = buffers.x.len() / self.spec.hidden_size;
        buffers.gate.resize(rows * each, 0.0);
        buffers
            .activations
            .quantize(level, &self.pool, &buffers.x, self.spec.hidden_size);
        let input = matmul::Input {
            floats: &buffers.x,
            quantized: &buffers.activations,
        };
        let gate = (step.gate.matrix(), buffers.gate.as_mut_slice());
        matmul::multiply(level, &self.pool, input, &mut [gate], &[step.up.matrix()]);
        let cpu = Cpu::new(self.level, &self.pool);
        let loras = &mut self.loras;
        add_rest(cpu, loras, &step.gate, &buffers.x, &mut buffers.gate);
        let inputs = &buffers.per_layer_embeddings;
        self.pool
            .for_each_row(&mut buffers.gate, each, |row, gate| {
                let input = &inputs[row * all + index * each..][..each];
                vector::gated(level, kind, gate, input);
            });
        let (activations, out) = (&mut buffers.activations, &mut buffers.projected);
        apply(cpu, loras, activations, &buffers.gate, &step.up, out);
    }
}
