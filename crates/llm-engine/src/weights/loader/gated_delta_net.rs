//! The tensors of layers that keep a state.

use super::Loader;
use crate::spec::GatedDeltaNetSpec;
use crate::weights::{Delta, Linear, WeightsError};

impl Loader<'_> {
    pub(super) fn delta(
        &self,
        index: usize,
        spec: &GatedDeltaNetSpec,
    ) -> Result<Delta, WeightsError> {
        let name = |part: &str| format!("blk.{index}.{part}");
        let linear = |part: &str, rows| self.linear(&name(part), rows, self.spec.hidden_size);
        let heads = spec.value_heads;
        let [strength, decay] = if self.has(&name("ssm_ba")) {
            self.strengths_and_decays(&name("ssm_ba"), spec)?
        } else {
            [linear("ssm_beta", heads)?, linear("ssm_alpha", heads)?]
        };
        let taps = self.tensor(&name("ssm_conv1d.weight"))?;
        let taps = self.floats(taps, &[spec.kernel, spec.mixed_width()])?;
        // The file has a row a channel.
        let tap = |at: usize| taps.iter().skip(at).step_by(spec.kernel).copied();
        Ok(Delta {
            mixed: linear("attn_qkv", spec.mixed_width())?,
            gate: linear("attn_gate", spec.value_width())?,
            strength,
            decay,
            filters: (0..spec.kernel).flat_map(tap).collect(),
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
}
