//! The gated delta rule, see [`llm_engine::spec::GatedDeltaNetSpec`].

use candle_core::{D, Result, Tensor};
use llm_engine::spec::GatedDeltaNetSpec;
use llm_engine::weights;

use super::{Convolution, blank, softplus};
use crate::cache::LayerCache;
use crate::projection::{Loader, Projection};
use crate::steps::{rms_norm, sigmoid};

/// The step on the device; shapes as in [`weights::GatedDeltaNet`].
#[derive(Debug)]
pub(crate) struct GatedDeltaNet {
    mixed: Projection,
    gate: Projection,
    strength: Projection,
    decay: Projection,
    decay_bias: Tensor,
    decay_rate: Tensor,
    norm: Tensor,
}

/// What the rows write and read: queries, keys and values, (rows, `value_heads`,
/// `head_dim`), and of each head what is written and what is kept, (rows,
/// `value_heads`).
struct Rows {
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    strengths: Tensor,
    kept: Tensor,
}

impl GatedDeltaNet {
    pub(super) fn load(loader: &Loader<'_>, net: &weights::GatedDeltaNet) -> Result<Self> {
        Ok(Self {
            mixed: loader.projection(&net.mixed)?,
            gate: loader.projection(&net.gate)?,
            strength: loader.projection(&net.strength)?,
            decay: loader.projection(&net.decay)?,
            decay_bias: loader.vector(&net.decay_bias)?,
            decay_rate: loader.vector(&net.decay_rate)?,
            norm: loader.vector(&net.norm)?,
        })
    }

    /// x, (rows, `hidden_size`), normed → (rows, `value_width`).
    pub(super) fn forward(
        &self,
        spec: &GatedDeltaNetSpec,
        epsilon: f32,
        convolution: &Convolution<'_>,
        cached: &mut LayerCache,
        x: &Tensor,
    ) -> Result<Tensor> {
        let mixed = convolution.run(cached, &self.mixed.forward(x)?)?.silu()?;
        let rows = self.rows(spec, epsilon, &mixed, x)?;
        let (heads, dim) = (spec.value_heads, spec.head_dim);
        let states = match cached.states() {
            Some(states) => states,
            None => blank((heads, dim, dim), x)?,
        };
        let (readings, states) = write_and_read(&rows, states)?;
        cached.put_states(states);
        let readings = rms_norm(&readings, &self.norm, epsilon)?;
        let gates = self.gate.forward(x)?.silu()?;
        readings.reshape(gates.shape())? * gates
    }

    fn rows(
        &self,
        spec: &GatedDeltaNetSpec,
        epsilon: f32,
        mixed: &Tensor,
        x: &Tensor,
    ) -> Result<Rows> {
        let (rows, dim, width) = (x.dim(0)?, spec.head_dim, spec.key_width());
        let unit = |from: usize| {
            let heads =
                mixed
                    .narrow(1, from, width)?
                    .contiguous()?
                    .reshape((rows, spec.key_heads, dim))?;
            let length = heads.sqr()?.sum_keepdim(D::Minus1)?.sqrt()?;
            let unit = heads.broadcast_div(&length.maximum(epsilon)?)?;
            let heads = (0..spec.value_heads).map(|head| spec.key_head(head) as u32);
            let heads = Tensor::from_iter(heads, x.device())?;
            unit.index_select(&heads, 1)
        };
        let values = mixed.narrow(1, 2 * width, spec.value_width())?;
        let decay = self.decay.forward(x)?.broadcast_add(&self.decay_bias)?;
        let logarithm = softplus(&decay)?.broadcast_mul(&self.decay_rate)?;
        Ok(Rows {
            queries: (unit(0)? / (dim as f64).sqrt())?,
            keys: unit(width)?,
            values: values
                .contiguous()?
                .reshape((rows, spec.value_heads, dim))?,
            strengths: sigmoid(&self.strength.forward(x)?)?,
            kept: logarithm.exp()?,
        })
    }
}

/// The gated delta rule, token by token (Yang et al. 2024, arXiv:2412.06464,
/// equation 10): what each one reads, (rows, `value_heads`, `head_dim`), and the
/// states after them.
fn write_and_read(rows: &Rows, mut states: Tensor) -> Result<(Tensor, Tensor)> {
    let mut readings = Vec::new();
    for row in 0..rows.keys.dim(0)? {
        // (value_heads, 1, head_dim), and the values (value_heads, head_dim, 1)
        let key = rows.keys.get(row)?.unsqueeze(1)?;
        let query = rows.queries.get(row)?.unsqueeze(1)?;
        let value = rows.values.get(row)?.unsqueeze(2)?;
        let one = |gates: &Tensor| gates.get(row)?.unsqueeze(1)?.unsqueeze(2);
        states = states.broadcast_mul(&one(&rows.kept)?)?;
        let known = states.broadcast_mul(&key)?.sum_keepdim(2)?;
        let change = (value - known)?.broadcast_mul(&one(&rows.strengths)?)?;
        states = (states + change.broadcast_mul(&key)?)?;
        readings.push(states.broadcast_mul(&query)?.sum(2)?);
    }
    Ok((Tensor::stack(&readings, 0)?, states))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// One head of two elements: what is written under a key is read again under
    /// the same, is replaced wholly at strength 1, and fades.
    #[test]
    fn a_value_is_found_under_its_key() {
        let rows = |numbers: &[f32]| Tensor::from_slice(numbers, (3, 1, 2), &Device::Cpu).unwrap();
        let gates = |numbers: &[f32]| Tensor::from_slice(numbers, (3, 1), &Device::Cpu).unwrap();
        let rows = Rows {
            keys: rows(&[1.0, 0.0, 0.0, 1.0, 1.0, 0.0]),
            queries: rows(&[1.0, 0.0, 1.0, 0.0, 1.0, 0.0]),
            values: rows(&[3.0, 4.0, 5.0, 6.0, 7.0, 8.0]),
            strengths: gates(&[1.0, 1.0, 1.0]),
            kept: gates(&[1.0, 0.5, 1.0]),
        };
        let states = Tensor::zeros((1, 2, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
        let (readings, states) = write_and_read(&rows, states).unwrap();
        let readings = readings.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(readings, [3.0, 4.0, 1.5, 2.0, 7.0, 8.0]);
        let states = states.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(states, [7.0, 5.0, 8.0, 6.0]);
    }
}
