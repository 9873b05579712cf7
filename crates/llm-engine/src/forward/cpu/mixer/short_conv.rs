//! A short convolution between two gates, as LFM2 has it: behind * convolve(before * input).

use llm_kernels::attention::Element;
use llm_kernels::matmul;

use super::{Cpu, CpuForward, MixerSpec, Place, add_rest};
use crate::weights::{Mixer, ShortConv};

impl<T: Element> CpuForward<T> {
    /// normed → `mixer_gates`, (rows, channels).
    pub(super) fn short_conv(
        &mut self,
        place: &Place<'_>,
        mixer: &Mixer,
        conv: &ShortConv,
        spec: &MixerSpec,
    ) {
        let buffers = &mut self.buffers;
        let input = matmul::Input {
            floats: &buffers.normed,
            quantized: &buffers.activations,
        };
        let mut products = [
            (conv.before.matrix(), buffers.mixed.as_mut_slice()),
            (conv.behind.matrix(), buffers.mixer_gates.as_mut_slice()),
            (conv.input.matrix(), buffers.readings.as_mut_slice()),
        ];
        let next = [mixer.output.matrix()];
        matmul::multiply(self.level, &self.pool, input, &mut products, &next);
        let cpu = Cpu::new(self.level, &self.pool);
        let (loras, normed) = (&mut self.loras, &buffers.normed);
        add_rest(cpu, loras, &conv.before, normed, &mut buffers.mixed);
        add_rest(cpu, loras, &conv.behind, normed, &mut buffers.mixer_gates);
        add_rest(cpu, loras, &conv.input, normed, &mut buffers.readings);
        multiply(&mut buffers.mixed, &buffers.readings);
        self.convolve(place, spec, mixer, |_| {});
        let buffers = &mut self.buffers;
        multiply(&mut buffers.mixer_gates, &buffers.convolved);
    }
}

/// x *= y
fn multiply(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x *= y;
    }
}
