//! The gated delta rule (Yang et al. 2024, arXiv:2412.06464), after a short
//! convolution over the last tokens, as Qwen3-Next and Qwen 3.5 have it.

use llm_kernels::attention::Element;
use llm_kernels::matrix_state::{self, Tokens};
use llm_kernels::{matmul, vector};

use super::{Cpu, CpuForward, Place, add_rest, heads, layer_parts, sigmoid, softplus};
use crate::spec::{GatedDeltaNetSpec, MixerSpec};
use crate::weights::{GatedDeltaNet, Mixer};

impl<T: Element> CpuForward<T> {
    /// normed → `mixer_gates`, (rows, `value_width`).
    pub(super) fn gated_delta_net(
        &mut self,
        place: &Place<'_>,
        mixer: &Mixer,
        net: &GatedDeltaNet,
        spec: &GatedDeltaNetSpec,
    ) {
        let (level, epsilon, dim) = (self.level, self.spec.norm_epsilon, spec.head_dim);
        let keys = spec.key_width();
        let scale = 1.0 / (dim as f32).sqrt();
        self.project_delta(mixer, net);
        self.weigh(net);
        let whole = MixerSpec::GatedDeltaNet(*spec);
        // Queries and keys get unit length.
        self.convolve(place, &whole, mixer, |out| {
            vector::silu(level, out);
            for head in out[..2 * keys].chunks_exact_mut(dim) {
                vector::normalize(level, head, epsilon);
            }
            out[..keys].iter_mut().for_each(|x| *x *= scale);
        });
        self.write_and_read(place, net, spec);
        self.gate_readings(place, &whole, dim);
    }

    /// normed → all that a token brings.
    fn project_delta(&mut self, mixer: &Mixer, net: &GatedDeltaNet) {
        let buffers = &mut self.buffers;
        let input = matmul::Input {
            floats: &buffers.normed,
            quantized: &buffers.activations,
        };
        let mut products = [
            (net.mixed.matrix(), buffers.mixed.as_mut_slice()),
            (net.gate.matrix(), buffers.mixer_gates.as_mut_slice()),
            (net.strength.matrix(), buffers.strengths.as_mut_slice()),
            (net.decay.matrix(), buffers.kept.as_mut_slice()),
        ];
        let next = [mixer.output.matrix()];
        matmul::multiply(self.level, &self.pool, input, &mut products, &next);
        let cpu = Cpu::new(self.level, &self.pool);
        let (loras, normed) = (&mut self.loras, &buffers.normed);
        add_rest(cpu, loras, &net.mixed, normed, &mut buffers.mixed);
        add_rest(cpu, loras, &net.gate, normed, &mut buffers.mixer_gates);
        add_rest(cpu, loras, &net.strength, normed, &mut buffers.strengths);
        add_rest(cpu, loras, &net.decay, normed, &mut buffers.kept);
    }

    /// strengths = sigmoid(strengths), kept = e^(rate * softplus(kept + bias)).
    fn weigh(&mut self, net: &GatedDeltaNet) {
        for strength in &mut self.buffers.strengths {
            *strength = sigmoid(*strength);
        }
        let heads = net.decay_rate.len();
        for row in self.buffers.kept.chunks_exact_mut(heads) {
            let rates = net.decay_rate.iter().zip(&net.decay_bias);
            for (kept, (rate, bias)) in row.iter_mut().zip(rates) {
                *kept = (rate * softplus(*kept + bias)).exp();
            }
        }
    }

    /// convolved → readings, normed; the states go on.
    fn write_and_read(&mut self, place: &Place<'_>, net: &GatedDeltaNet, spec: &GatedDeltaNetSpec) {
        let (level, epsilon, dim) = (self.level, self.spec.norm_epsilon, spec.head_dim);
        let (stride, keys, count) = (spec.mixed_width(), spec.key_width(), spec.value_heads);
        let whole = MixerSpec::GatedDeltaNet(*spec);
        let states = self.cache.states(&place.sequences());
        let parts = layer_parts(states, self.state_slots[place.index], &whole);
        let buffers = &mut self.buffers;
        let mut jobs = heads(place, parts, &mut buffers.readings, &whole);
        let (convolved, kept, strengths) = (&buffers.convolved, &buffers.kept, &buffers.strengths);
        self.pool.for_each_row(&mut jobs, 1, |_, jobs| {
            for job in jobs {
                let mixed = &convolved[job.run.first * stride..];
                let key_head = spec.key_head(job.head);
                let gates = job.run.first * count + job.head;
                let tokens = Tokens {
                    key_dim: dim,
                    value_dim: dim,
                    stride,
                    queries: &mixed[key_head * dim..],
                    keys: &mixed[keys + key_head * dim..],
                    values: &mixed[2 * keys + job.head * dim..],
                    gate_stride: count,
                    kept: &kept[gates..],
                    strengths: &strengths[gates..],
                };
                matrix_state::delta_rule(level, &tokens, job.state, job.readings);
                for reading in job.readings.chunks_exact_mut(dim) {
                    vector::rms_norm_in_place(level, reading, &net.norm, epsilon);
                }
            }
        });
    }
}
