//! State-space duality, the step of Mamba-2 (Dao and Gu 2024, arXiv:2405.21060), after a
//! short convolution over the last tokens.

use llm_kernels::attention::Element;
use llm_kernels::matrix_state::{self, Tokens};
use llm_kernels::{matmul, vector};

use super::{Cpu, CpuForward, Place, add_rest, heads, layer_parts, softplus};
use crate::spec::{MixerSpec, SsdSpec};
use crate::weights::{Mixer, Ssd};

impl<T: Element> CpuForward<T> {
    /// normed → `mixer_gates`, (rows, `value_width`).
    pub(super) fn ssd(&mut self, place: &Place<'_>, mixer: &Mixer, ssd: &Ssd, spec: &SsdSpec) {
        let level = self.level;
        let whole = MixerSpec::Ssd(*spec);
        self.project_ssd(mixer, ssd);
        self.pace(ssd);
        self.convolve(place, &whole, mixer, |out| vector::silu(level, out));
        self.fade_and_read(place, ssd, spec);
        self.gate_readings(place, &whole, spec.head_dim);
        if let Some(norm) = &ssd.norm {
            self.norm_groups(norm, spec);
        }
    }

    /// normed → all that a token brings.
    fn project_ssd(&mut self, mixer: &Mixer, ssd: &Ssd) {
        let buffers = &mut self.buffers;
        let input = matmul::Input {
            floats: &buffers.normed,
            quantized: &buffers.activations,
        };
        let mut products = [
            (ssd.gate.matrix(), buffers.mixer_gates.as_mut_slice()),
            (ssd.mixed.matrix(), buffers.mixed.as_mut_slice()),
            (ssd.step.matrix(), buffers.strengths.as_mut_slice()),
        ];
        let next = [mixer.output.matrix()];
        matmul::multiply(self.level, &self.pool, input, &mut products, &next);
        let cpu = Cpu::new(self.level, &self.pool);
        let (loras, normed) = (&mut self.loras, &buffers.normed);
        add_rest(cpu, loras, &ssd.gate, normed, &mut buffers.mixer_gates);
        add_rest(cpu, loras, &ssd.mixed, normed, &mut buffers.mixed);
        add_rest(cpu, loras, &ssd.step, normed, &mut buffers.strengths);
    }

    /// strengths = softplus(strengths + bias), the time step, and kept = e^(rate * that).
    fn pace(&mut self, ssd: &Ssd) {
        let heads = ssd.decay_rate.len();
        let buffers = &mut self.buffers;
        let rows = buffers.strengths.chunks_exact_mut(heads);
        for (steps, kept) in rows.zip(buffers.kept.chunks_exact_mut(heads)) {
            let numbers = ssd.decay_rate.iter().zip(&ssd.step_bias);
            for ((step, kept), (rate, bias)) in steps.iter_mut().zip(kept).zip(numbers) {
                *step = softplus(*step + bias);
                *kept = (rate * *step).exp();
            }
        }
    }

    /// convolved → readings, and what of the values comes out as it is; the states go on.
    fn fade_and_read(&mut self, place: &Place<'_>, ssd: &Ssd, spec: &SsdSpec) {
        let (level, dim, stride) = (self.level, spec.head_dim, spec.mixed_width());
        let whole = MixerSpec::Ssd(*spec);
        let states = self.cache.states(&place.sequences());
        let parts = layer_parts(states, self.state_slots[place.index], &whole);
        let buffers = &mut self.buffers;
        let mut jobs = heads(place, parts, &mut buffers.readings, &whole);
        let (convolved, kept, strengths) = (&buffers.convolved, &buffers.kept, &buffers.strengths);
        self.pool.for_each_row(&mut jobs, 1, |_, jobs| {
            for job in jobs {
                let mixed = &convolved[job.run.first * stride..];
                let group = job.head / (spec.heads / spec.groups);
                let key = spec.value_width() + group * spec.state_dim;
                let gates = job.run.first * spec.heads + job.head;
                let tokens = Tokens {
                    key_dim: spec.state_dim,
                    value_dim: dim,
                    stride,
                    queries: &mixed[key + spec.key_width()..],
                    keys: &mixed[key..],
                    values: &mixed[job.head * dim..],
                    gate_stride: spec.heads,
                    kept: &kept[gates..],
                    strengths: &strengths[gates..],
                };
                matrix_state::decayed_sum(level, &tokens, job.state, job.readings);
                let values = tokens.values.chunks(stride);
                for (reading, values) in job.readings.chunks_exact_mut(dim).zip(values) {
                    vector::add_weighted(level, reading, ssd.skip[job.head], &values[..dim]);
                }
            }
        });
    }

    /// `mixer_gates` = norm(`mixer_gates`), each group's heads together.
    fn norm_groups(&mut self, norm: &[f32], spec: &SsdSpec) {
        let (level, epsilon) = (self.level, self.spec.norm_epsilon);
        let (width, of_group) = (spec.value_width(), spec.value_width() / spec.groups);
        let gates = &mut self.buffers.mixer_gates;
        self.pool.for_each_row(gates, width, |_, row| {
            let groups = row.chunks_exact_mut(of_group);
            for (group, norm) in groups.zip(norm.chunks_exact(of_group)) {
                vector::rms_norm_in_place(level, group, norm, epsilon);
            }
        });
    }
}
