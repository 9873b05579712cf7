//! The tensors of layers that keep a state.

use super::Loader;
use super::look_up::Rows;
use crate::spec::{Convolution, GatedDeltaNetSpec, MixerSpec, ShortConvSpec};
use crate::weights::{GatedDeltaNet, Mixer, MixerInputs, ShortConv, WeightsError};

impl Loader<'_> {
    pub(super) fn mixer(&self, index: usize, spec: &MixerSpec) -> Result<Mixer, WeightsError> {
        let name = |part: &str| format!("blk.{index}.{part}");
        let convolution = spec.convolution();
        let (inputs, filters, output) = match spec {
            MixerSpec::GatedDeltaNet(spec) => {
                let net = Box::new(self.gated_delta_net(index, spec)?);
                (MixerInputs::GatedDeltaNet(net), "ssm_conv1d", "ssm_out")
            }
            MixerSpec::ShortConv(spec) => {
                let conv = Box::new(self.short_conv(index, spec)?);
                let inputs = MixerInputs::ShortConv(conv);
                (inputs, "shortconv.conv", "shortconv.out_proj")
            }
        };
        Ok(Mixer {
            inputs,
            filters: self.filters(&name(filters), convolution)?,
            output: self.linear(&name(output), self.spec.hidden_size, spec.width())?,
        })
    }

    /// Returns the weights of a convolution, (kernel, channels).
    fn filters(&self, name: &str, convolution: Convolution) -> Result<Vec<f32>, WeightsError> {
        let Convolution { kernel, channels } = convolution;
        let taps = self.tensor(&format!("{name}.weight"))?;
        let taps = self.floats(taps, &[kernel, channels])?;
        // The file has a row a channel.
        let tap = |at: usize| taps.iter().skip(at).step_by(kernel).copied();
        Ok((0..kernel).flat_map(tap).collect())
    }

    fn gated_delta_net(
        &self,
        index: usize,
        spec: &GatedDeltaNetSpec,
    ) -> Result<GatedDeltaNet, WeightsError> {
        let name = |part: &str| format!("blk.{index}.{part}");
        let linear = |part: &str, rows| self.linear(&name(part), rows, self.spec.hidden_size);
        let heads = spec.value_heads;
        Ok(GatedDeltaNet {
            mixed: linear("attn_qkv", spec.mixed_width())?,
            gate: linear("attn_gate", spec.value_width())?,
            strength: linear("ssm_beta", heads)?,
            decay: linear("ssm_alpha", heads)?,
            decay_bias: self.vector(&name("ssm_dt.bias"), heads)?,
            decay_rate: self.vector(&name("ssm_a"), heads)?,
            norm: self.vector(&name("ssm_norm.weight"), spec.head_dim)?,
        })
    }

    fn short_conv(&self, index: usize, spec: &ShortConvSpec) -> Result<ShortConv, WeightsError> {
        let name = format!("blk.{index}.shortconv.in_proj");
        let third = |nth: usize| {
            let part = Rows {
                first: nth * spec.channels,
                rows: spec.channels,
                all: 3 * spec.channels,
            };
            self.rows_of(&name, part, self.spec.hidden_size)
        };
        Ok(ShortConv {
            before: third(0)?,
            behind: third(1)?,
            input: third(2)?,
        })
    }
}
