//! The tensors of layers that keep a state.

use super::Loader;
use super::look_up::Rows;
use crate::spec::{Convolution, GatedDeltaNetSpec, MixerSpec, ShortConvSpec, SsdSpec};
use crate::weights::{GatedDeltaNet, Linear, Mixer, MixerInputs, ShortConv, Ssd, WeightsError};

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
            MixerSpec::Ssd(spec) => {
                let ssd = Box::new(self.ssd(index, spec)?);
                (MixerInputs::Ssd(ssd), "ssm_conv1d", "ssm_out")
            }
        };
        // Only one kind has a bias there.
        let bias = match spec {
            MixerSpec::Ssd(_) => {
                let bias = name(&format!("{filters}.bias"));
                self.optional_vector(&bias, convolution.channels)?
            }
            _ => None,
        };
        Ok(Mixer {
            inputs,
            filters: self.filters(&name(filters), convolution)?,
            filter_bias: bias,
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
        let [strength, decay] = if self.has(&name("ssm_ba")) {
            self.strengths_and_decays(&name("ssm_ba"), spec)?
        } else {
            [linear("ssm_beta", heads)?, linear("ssm_alpha", heads)?]
        };
        Ok(GatedDeltaNet {
            mixed: linear("attn_qkv", spec.mixed_width())?,
            gate: linear("attn_gate", spec.value_width())?,
            strength,
            decay,
            decay_bias: self.vector(&name("ssm_dt.bias"), heads)?,
            decay_rate: self.vector(&name("ssm_a"), heads)?,
            norm: self.vector(&name("ssm_norm.weight"), spec.head_dim)?,
        })
    }

    /// Parts a matrix that has, for each head of keys, the strengths of its heads of
    /// values and then their decays.
    fn strengths_and_decays(
        &self,
        name: &str,
        spec: &GatedDeltaNetSpec,
    ) -> Result<[Linear; 2], WeightsError> {
        let (heads, shared) = (spec.value_heads, spec.shared());
        let rows = |half: usize| {
            let row = move |head: usize| head / shared * 2 * shared + half * shared + head % shared;
            let rows: Vec<usize> = (0..heads).map(row).collect();
            self.gathered(name, &rows, 2 * heads, self.spec.hidden_size)
        };
        Ok([rows(0)?, rows(1)?])
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

    fn ssd(&self, index: usize, spec: &SsdSpec) -> Result<Ssd, WeightsError> {
        let name = |part: &str| format!("blk.{index}.{part}");
        let (inner, mixed) = (spec.value_width(), spec.mixed_width());
        let all = inner + mixed + spec.heads;
        let part = |first, rows| {
            let part = Rows { first, rows, all };
            self.rows_of(&name("ssm_in"), part, self.spec.hidden_size)
        };
        let norm = name("ssm_norm.weight");
        let is_normed = !self.spec.family.optional_mixer_norm || self.has(&name("ssm_norm"));
        let of_group = inner / spec.groups;
        Ok(Ssd {
            gate: part(0, inner)?,
            mixed: part(inner, mixed)?,
            step: part(inner + mixed, spec.heads)?,
            step_bias: self.vector(&name("ssm_dt.bias"), spec.heads)?,
            decay_rate: self.folded(&name("ssm_a"), &[1, spec.heads])?,
            skip: self.folded(&name("ssm_d"), &[1, spec.heads])?,
            norm: is_normed
                .then(|| self.folded(&norm, &[of_group, spec.groups]))
                .transpose()?,
        })
    }

    /// Returns a vector that GGUF files hold in two extents, and folders in one.
    fn folded(&self, name: &str, extents: &[usize; 2]) -> Result<Vec<f32>, WeightsError> {
        let tensor = self.tensor(name)?;
        match tensor.shape.len() {
            1 => self.floats(tensor, &[extents[0] * extents[1]]),
            _ => self.floats(tensor, extents),
        }
    }
}
