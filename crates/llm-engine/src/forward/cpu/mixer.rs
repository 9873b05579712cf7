//! Layers that keep a state, instead of keys and values or beside them: what all
//! kinds of them share. Each kind's own step is in a file beside this one.
//!
//! A layer's part of a sequence's state is the last inputs of its convolution,
//! (kernel - 1, channels), and behind them a matrix for each head.

mod gated_delta_net;
mod short_conv;
mod ssd;

use llm_kernels::attention::Element;
use llm_kernels::matmul;
use llm_kernels::vector::{self, Gate};

use super::buffers::Row;
use super::{Cpu, CpuForward, add_rest};
use crate::cache::SequenceId;
use crate::spec::{Convolution, MixerSpec};
use crate::weights::{FeedForward, Layer, Linear, Mixer, MixerInputs};

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
    /// The head's matrix.
    state: &'a mut [f32],
    /// (the run's rows, elements of a head)
    readings: &'a mut [f32],
}

/// The rows of a chunk, sequence by sequence, and the layer that they go through.
struct Place<'a> {
    runs: &'a [Run],
    index: usize,
}

impl Place<'_> {
    /// Returns the run of a row.
    fn run(&self, row: usize) -> (usize, &Run) {
        let at = self
            .runs
            .partition_point(|run| run.first + run.count <= row);
        (at, &self.runs[at])
    }

    fn sequences(&self) -> Vec<SequenceId> {
        self.runs.iter().map(|run| run.sequence).collect()
    }
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

/// The part of one layer in each state: the convolution's last inputs, and the heads'
/// matrices.
fn layer_parts<'a>(
    states: Vec<&'a mut [f32]>,
    slot: usize,
    spec: &MixerSpec,
) -> Vec<(&'a mut [f32], &'a mut [f32])> {
    let length = spec.state_elements();
    let part = |state: &'a mut [f32]| {
        let (_, rest) = state.split_at_mut(slot * length);
        let (part, _) = rest.split_at_mut(length);
        part.split_at_mut(spec.convolution().tail_elements())
    };
    states.into_iter().map(part).collect()
}

/// Hands each head of each run its matrix and its part of `readings`.
fn heads<'a>(
    place: &'a Place<'_>,
    parts: Vec<(&'a mut [f32], &'a mut [f32])>,
    mut readings: &'a mut [f32],
    spec: &MixerSpec,
) -> Vec<Head<'a>> {
    let (width, count) = (spec.width(), spec.heads());
    let mut jobs = Vec::with_capacity(place.runs.len() * count);
    for (run, (_, matrices)) in place.runs.iter().zip(parts) {
        let own = readings
            .split_off_mut(..run.count * width)
            .unwrap_or_default()
            .chunks_exact_mut(run.count * (width / count));
        let matrices = matrices.chunks_exact_mut(spec.head_elements() / count);
        let both = matrices.zip(own).enumerate();
        jobs.extend(both.map(|(head, (state, readings))| Head {
            run,
            head,
            state,
            readings,
        }));
    }
    jobs
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
    /// projected = output(step(normed)); the states of the rows' sequences go on.
    pub(super) fn mix(&mut self, rows: &[Row], index: usize, layer: &Layer, mixer: &Mixer) {
        let Some(spec) = self.spec.mixer else {
            return;
        };
        let runs = runs(rows);
        let place = Place { runs: &runs, index };
        match (&mixer.inputs, &spec) {
            (MixerInputs::GatedDeltaNet(net), MixerSpec::GatedDeltaNet(spec)) => {
                self.gated_delta_net(&place, mixer, net, spec);
            }
            (MixerInputs::ShortConv(conv), MixerSpec::ShortConv(_)) => {
                self.short_conv(&place, mixer, conv, &spec);
            }
            (MixerInputs::Ssd(ssd), MixerSpec::Ssd(spec)) => self.ssd(&place, mixer, ssd, spec),
            _ => {}
        }
        self.mixer_output(layer, &mixer.output);
    }

    /// `mixer_gates` → projected
    fn mixer_output(&mut self, layer: &Layer, output: &Linear) {
        let buffers = &mut self.buffers;
        buffers.activations.quantize(
            self.level,
            &self.pool,
            &buffers.mixer_gates,
            output.columns(),
        );
        let input = matmul::Input {
            floats: &buffers.mixer_gates,
            quantized: &buffers.activations,
        };
        let next = layer.feed_forward.as_ref();
        let next = next.map(FeedForward::first_matrices).unwrap_or_default();
        let mut products = [(output.matrix(), buffers.projected.as_mut_slice())];
        matmul::multiply(self.level, &self.pool, input, &mut products, &next);
        let cpu = Cpu::new(self.level, &self.pool);
        let gates = &buffers.mixer_gates;
        add_rest(cpu, &mut self.loras, output, gates, &mut buffers.projected);
    }

    /// mixed → convolved: each channel over its last tokens, and then `finish`. The
    /// ends of the inputs become the new tails.
    fn convolve(
        &mut self,
        place: &Place<'_>,
        spec: &MixerSpec,
        mixer: &Mixer,
        finish: impl Fn(&mut [f32]) + Sync,
    ) {
        let level = self.level;
        let Convolution { kernel, channels } = spec.convolution();
        let states = self.cache.states(&place.sequences());
        let mut parts = layer_parts(states, self.state_slots[place.index], spec);
        let tails: Vec<&[f32]> = parts.iter().map(|(tail, _)| &**tail).collect();
        let mixed = &self.buffers.mixed;
        let convolved = &mut self.buffers.convolved;
        self.pool.for_each_row(convolved, channels, |row, out| {
            let (at, run) = place.run(row);
            let offset = row - run.first;
            match &mixer.filter_bias {
                Some(bias) => out.copy_from_slice(bias),
                None => out.fill(0.0),
            }
            for (tap, filter) in mixer.filters.chunks_exact(channels).enumerate() {
                // The last filter is the token's own.
                let back = kernel - 1 - tap;
                let input = if back <= offset {
                    &mixed[(row - back) * channels..]
                } else {
                    &tails[at][(offset + tap) * channels..]
                };
                vector::add_product(level, out, filter, &input[..channels]);
            }
            finish(out);
        });
        for (run, (tail, _)) in place.runs.iter().zip(&mut parts) {
            keep_last(tail, &mixed[run.first * channels..][..run.count * channels]);
        }
    }

    /// `mixer_gates` = silu(`mixer_gates`) * readings, whose heads have `dim` elements.
    fn gate_readings(&mut self, place: &Place<'_>, spec: &MixerSpec, dim: usize) {
        let (level, width) = (self.level, spec.width());
        let readings = &self.buffers.readings;
        let gates = &mut self.buffers.mixer_gates;
        self.pool.for_each_row(gates, width, |row, gates| {
            let (_, run) = place.run(row);
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
