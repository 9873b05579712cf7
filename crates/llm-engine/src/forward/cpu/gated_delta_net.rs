//! Layers that keep a state instead of keys and values: the gated delta rule
//! (Yang et al. 2024, arXiv:2412.06464), after a short convolution over the last
//! tokens, as Qwen3-Next and Qwen 3.5 have it.

use llm_kernels::attention::Element;
use llm_kernels::gated_delta_net::{self, Tokens};
use llm_kernels::vector::Gate;
use llm_kernels::{matmul, vector};

use super::buffers::Row;
use super::{CpuForward, add_bias};
use crate::cache::SequenceId;
use crate::spec::GatedDeltaNetSpec;
use crate::weights::{Delta, Layer};

/// The rows of one sequence in a chunk.
struct Run {
    sequence: SequenceId,
    first: usize,
    count: usize,
}

/// One head of one run: what the pool hands out.
struct Head<'a> {
    run: &'a Run,
    head: usize,
    /// (`head_dim`, `head_dim`)
    state: &'a mut [f32],
    /// (the run's rows, `head_dim`)
    readings: &'a mut [f32],
}

fn runs(rows: &[Row]) -> Vec<Run> {
    let mut first = 0;
    let same = rows.chunk_by(|a, b| a.sequence == b.sequence);
    same.map(|rows| {
        let run = Run {
            sequence: rows[0].sequence,
            first,
            count: rows.len(),
        };
        first += rows.len();
        run
    })
    .collect()
}

/// The part of one layer in each state: the convolution's last inputs, (kernel -
/// 1, `mixed_width`), and the heads' states.
fn layer_parts<'a>(
    states: Vec<&'a mut [f32]>,
    slot: usize,
    spec: &GatedDeltaNetSpec,
) -> Vec<(&'a mut [f32], &'a mut [f32])> {
    let length = spec.state_elements();
    let part = |state: &'a mut [f32]| {
        let (_, rest) = state.split_at_mut(slot * length);
        let (part, _) = rest.split_at_mut(length);
        part.split_at_mut(spec.tail_elements())
    };
    states.into_iter().map(part).collect()
}

/// Keeps the last rows of `tail` and `new` together, as many as `tail` has.
fn keep_last(tail: &mut [f32], new: &[f32]) {
    match tail.len().checked_sub(new.len()) {
        Some(old) => {
            tail.copy_within(new.len().., 0);
            tail[old..].copy_from_slice(new);
        }
        None => tail.copy_from_slice(&new[new.len() - tail.len()..]),
    }
}

/// ln(1 + e^x)
fn softplus(x: f32) -> f32 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

impl<T: Element> CpuForward<T> {
    /// normed → `delta_gates`, (rows, `value_width`), the input of the output
    /// matrix; the states of the rows' sequences go on.
    pub(super) fn delta(&mut self, rows: &[Row], index: usize, layer: &Layer, delta: &Delta) {
        let Some(spec) = self.spec.delta else {
            return;
        };
        let runs = runs(rows);
        self.project_delta(layer, delta);
        self.weigh(delta);
        self.convolve(&runs, index, delta, &spec);
        self.write_and_read(&runs, index, delta, &spec);
        self.gate_readings(&runs, &spec);
    }

    /// normed → all that a token brings.
    fn project_delta(&mut self, layer: &Layer, delta: &Delta) {
        let buffers = &mut self.buffers;
        let input = matmul::Input {
            floats: &buffers.normed,
            quantized: &buffers.activations,
        };
        let mut products = [
            (delta.mixed.matrix(), buffers.mixed.as_mut_slice()),
            (delta.gate.matrix(), buffers.delta_gates.as_mut_slice()),
            (delta.strength.matrix(), buffers.strengths.as_mut_slice()),
            (delta.decay.matrix(), buffers.kept.as_mut_slice()),
        ];
        let next = [layer.attention_output.matrix()];
        matmul::multiply(self.level, &self.pool, input, &mut products, &next);
        add_bias(&delta.mixed, &mut buffers.mixed);
        add_bias(&delta.gate, &mut buffers.delta_gates);
        add_bias(&delta.strength, &mut buffers.strengths);
        add_bias(&delta.decay, &mut buffers.kept);
    }

    /// strengths = sigmoid(strengths), kept = e^(rate * softplus(kept + bias)).
    fn weigh(&mut self, delta: &Delta) {
        for strength in &mut self.buffers.strengths {
            *strength = sigmoid(*strength);
        }
        let heads = delta.decay_rate.len();
        for row in self.buffers.kept.chunks_exact_mut(heads) {
            let rates = delta.decay_rate.iter().zip(&delta.decay_bias);
            for (kept, (rate, bias)) in row.iter_mut().zip(rates) {
                *kept = (rate * softplus(*kept + bias)).exp();
            }
        }
    }

    /// mixed → convolved: each channel over its last tokens, and queries and
    /// keys of unit length. The ends of the inputs become the new tails.
    fn convolve(&mut self, runs: &[Run], index: usize, delta: &Delta, spec: &GatedDeltaNetSpec) {
        let (level, epsilon, dim) = (self.level, self.spec.norm_epsilon, spec.head_dim);
        let (width, keys) = (spec.mixed_width(), spec.key_width());
        let scale = 1.0 / (dim as f32).sqrt();
        let sequences: Vec<_> = runs.iter().map(|run| run.sequence).collect();
        let states = self.cache.states(&sequences);
        let mut parts = layer_parts(states, self.state_slots[index], spec);
        let tails: Vec<&[f32]> = parts.iter().map(|(tail, _)| &**tail).collect();
        let mixed = &self.buffers.mixed;
        let convolved = &mut self.buffers.convolved;
        self.pool.for_each_row(convolved, width, |row, out| {
            let at = runs.partition_point(|run| run.first + run.count <= row);
            let offset = row - runs[at].first;
            out.fill(0.0);
            for (tap, filter) in delta.filters.chunks_exact(width).enumerate() {
                // The last filter is the token's own.
                let back = spec.kernel - 1 - tap;
                let input = if back <= offset {
                    &mixed[(row - back) * width..]
                } else {
                    &tails[at][(offset + tap) * width..]
                };
                vector::add_product(level, out, filter, &input[..width]);
            }
            vector::silu(level, out);
            for head in out[..2 * keys].chunks_exact_mut(dim) {
                vector::normalize(level, head, epsilon);
            }
            out[..keys].iter_mut().for_each(|x| *x *= scale);
        });
        for (run, (tail, _)) in runs.iter().zip(&mut parts) {
            keep_last(tail, &mixed[run.first * width..][..run.count * width]);
        }
    }

    /// convolved → readings, normed; the states go on.
    fn write_and_read(
        &mut self,
        runs: &[Run],
        index: usize,
        layer: &Delta,
        spec: &GatedDeltaNetSpec,
    ) {
        let (level, epsilon, dim) = (self.level, self.spec.norm_epsilon, spec.head_dim);
        let (stride, keys, heads) = (spec.mixed_width(), spec.key_width(), spec.value_heads);
        let sequences: Vec<_> = runs.iter().map(|run| run.sequence).collect();
        let parts = layer_parts(self.cache.states(&sequences), self.state_slots[index], spec);
        let buffers = &mut self.buffers;
        let mut readings = buffers.readings.as_mut_slice();
        let mut jobs = Vec::with_capacity(runs.len() * heads);
        for (run, (_, state)) in runs.iter().zip(parts) {
            let own = readings
                .split_off_mut(..run.count * spec.value_width())
                .unwrap_or_default()
                .chunks_exact_mut(run.count * dim);
            let states = state.chunks_exact_mut(dim * dim);
            jobs.extend(
                states
                    .zip(own)
                    .enumerate()
                    .map(|(head, (state, readings))| Head {
                        run,
                        head,
                        state,
                        readings,
                    }),
            );
        }
        let (convolved, kept, strengths) = (&buffers.convolved, &buffers.kept, &buffers.strengths);
        self.pool.for_each_row(&mut jobs, 1, |_, jobs| {
            for job in jobs {
                let mixed = &convolved[job.run.first * stride..];
                let key_head = spec.key_head(job.head);
                let gates = job.run.first * heads + job.head;
                let tokens = Tokens {
                    dim,
                    stride,
                    queries: &mixed[key_head * dim..],
                    keys: &mixed[keys + key_head * dim..],
                    values: &mixed[2 * keys + job.head * dim..],
                    gate_stride: heads,
                    kept: &kept[gates..],
                    strengths: &strengths[gates..],
                };
                gated_delta_net::run(level, &tokens, job.state, job.readings);
                for reading in job.readings.chunks_exact_mut(dim) {
                    vector::rms_norm_in_place(level, reading, &layer.norm, epsilon);
                }
            }
        });
    }

    /// gates = silu(gates) * readings.
    fn gate_readings(&mut self, runs: &[Run], spec: &GatedDeltaNetSpec) {
        let (level, dim, width) = (self.level, spec.head_dim, spec.value_width());
        let readings = &self.buffers.readings;
        let gates = &mut self.buffers.delta_gates;
        self.pool.for_each_row(gates, width, |row, gates| {
            let at = runs.partition_point(|run| run.first + run.count <= row);
            let run = &runs[at];
            for (head, gate) in gates.chunks_exact_mut(dim).enumerate() {
                let row = head * run.count + row - run.first;
                let reading = &readings[run.first * width + row * dim..][..dim];
                vector::gated(level, Gate::Silu, gate, reading);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_keeps_the_last_of_old_and_new() {
        let mut tail = [1.0, 2.0, 3.0];
        keep_last(&mut tail, &[4.0]);
        assert_eq!(tail, [2.0, 3.0, 4.0]);
        keep_last(&mut tail, &[5.0, 6.0, 7.0, 8.0]);
        assert_eq!(tail, [6.0, 7.0, 8.0]);
        keep_last(&mut tail, &[]);
        assert_eq!(tail, [6.0, 7.0, 8.0]);
        keep_last(&mut [], &[1.0]);
    }

    #[test]
    fn softplus_is_smooth_and_large_where_its_argument_is() {
        for x in [-80.0_f32, -3.0, 0.0, 2.0, 90.0] {
            let exact = (1.0 + f64::from(x).exp()).ln();
            assert!((f64::from(softplus(x)) - exact).abs() <= 1e-6 * exact.max(1e-6));
        }
    }
}
