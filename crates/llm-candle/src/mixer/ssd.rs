//! State-space duality, see [`llm_engine::spec::SsdSpec`].

use candle_core::{Result, Tensor};
use llm_engine::spec::SsdSpec;
use llm_engine::weights;

use super::{Convolution, blank, softplus};
use crate::cache::LayerCache;
use crate::projection::{Loader, Projection};
use crate::steps::rms_norm;

/// The step on the device; shapes as in [`weights::Ssd`].
#[derive(Debug)]
pub(crate) struct Ssd {
    gate: Projection,
    mixed: Projection,
    step: Projection,
    step_bias: Tensor,
    decay_rate: Tensor,
    skip: Tensor,
    norm: Option<Tensor>,
}

/// What the rows write and read: values, (rows, heads, `head_dim`), keys and queries,
/// (rows, heads, `state_dim`), and of each head the time step, (rows, heads).
struct Rows {
    values: Tensor,
    keys: Tensor,
    queries: Tensor,
    steps: Tensor,
}

impl Ssd {
    pub(super) fn load(loader: &Loader<'_>, ssd: &weights::Ssd) -> Result<Self> {
        Ok(Self {
            gate: loader.projection(&ssd.gate)?,
            mixed: loader.projection(&ssd.mixed)?,
            step: loader.projection(&ssd.step)?,
            step_bias: loader.vector(&ssd.step_bias)?,
            decay_rate: loader.vector(&ssd.decay_rate)?,
            skip: loader.vector(&ssd.skip)?,
            norm: loader.optional_vector(ssd.norm.as_deref())?,
        })
    }

    /// x, (rows, `hidden_size`), normed → (rows, `value_width`).
    pub(super) fn forward(
        &self,
        spec: &SsdSpec,
        epsilon: f32,
        convolution: &Convolution<'_>,
        cached: &mut LayerCache,
        x: &Tensor,
    ) -> Result<Tensor> {
        let mixed = convolution.run(cached, &self.mixed.forward(x)?)?.silu()?;
        let steps = self.step.forward(x)?.broadcast_add(&self.step_bias)?;
        let rows = rows(spec, &mixed, softplus(&steps)?)?;
        let states = match cached.states() {
            Some(states) => states,
            None => blank((spec.heads, spec.head_dim, spec.state_dim), x)?,
        };
        let (readings, states) = fade_and_read(&rows, &self.decay_rate, states)?;
        cached.put_states(states);
        let skip = self.skip.reshape((1, spec.heads, 1))?;
        let readings = (readings + rows.values.broadcast_mul(&skip)?)?;
        let gates = self.gate.forward(x)?.silu()?;
        let gated = (readings.reshape(gates.shape())? * gates)?;
        let Some(norm) = &self.norm else {
            return Ok(gated);
        };
        let grouped = (x.dim(0)?, spec.groups, spec.value_width() / spec.groups);
        let norm = norm.reshape((grouped.1, grouped.2))?;
        rms_norm(&gated.reshape(grouped)?, &norm, epsilon)?.reshape(gated.shape())
    }
}

/// What comes out of the convolution → values, keys and queries of each head: those
/// that stand beside each other share the last two.
fn rows(spec: &SsdSpec, mixed: &Tensor, steps: Tensor) -> Result<Rows> {
    let (rows, inner, width) = (mixed.dim(0)?, spec.value_width(), spec.key_width());
    let share = spec.heads / spec.groups;
    let values = mixed.narrow(1, 0, inner)?.contiguous()?;
    let of_heads = |from: usize| {
        let groups = mixed.narrow(1, from, width)?.contiguous()?;
        let groups = groups.reshape((rows, spec.groups, 1, spec.state_dim))?;
        let each = groups.broadcast_as((rows, spec.groups, share, spec.state_dim))?;
        each.contiguous()?
            .reshape((rows, spec.heads, spec.state_dim))
    };
    Ok(Rows {
        values: values.reshape((rows, spec.heads, spec.head_dim))?,
        keys: of_heads(inner)?,
        queries: of_heads(inner + width)?,
        steps,
    })
}

/// The recurrence, token by token (Dao and Gu 2024, arXiv:2405.21060, equation 2): what
/// each one reads, (rows, heads, `head_dim`), and the states after them.
fn fade_and_read(rows: &Rows, rates: &Tensor, mut states: Tensor) -> Result<(Tensor, Tensor)> {
    let mut readings = Vec::new();
    for row in 0..rows.keys.dim(0)? {
        // (heads, 1, state_dim), and the values (heads, head_dim, 1)
        let key = rows.keys.get(row)?.unsqueeze(1)?;
        let query = rows.queries.get(row)?.unsqueeze(1)?;
        let value = rows.values.get(row)?.unsqueeze(2)?;
        let step = rows.steps.get(row)?;
        let of_heads = |gates: &Tensor| gates.unsqueeze(1)?.unsqueeze(2);
        let kept = of_heads(&(&step * rates)?.exp()?)?;
        let written = value.broadcast_mul(&of_heads(&step)?)?;
        states = (states.broadcast_mul(&kept)? + written.broadcast_mul(&key)?)?;
        readings.push(states.broadcast_mul(&query)?.sum(2)?);
    }
    Ok((Tensor::stack(&readings, 0)?, states))
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    /// One head: what was written fades by half at a rate of ln 2 and is added to.
    #[test]
    fn values_fade_and_add_up() {
        let tensor = |numbers: &[f32], shape: (usize, usize, usize)| {
            Tensor::from_slice(numbers, shape, &Device::Cpu).unwrap()
        };
        let rows = Rows {
            values: tensor(&[4.0, 8.0], (2, 1, 1)),
            keys: tensor(&[1.0, 0.0, 1.0, 1.0], (2, 1, 2)),
            queries: tensor(&[1.0, 5.0, 1.0, 10.0], (2, 1, 2)),
            steps: Tensor::from_slice(&[1.0_f32, 1.0], (2, 1), &Device::Cpu).unwrap(),
        };
        let rates = Tensor::from_slice(&[-std::f32::consts::LN_2], 1, &Device::Cpu).unwrap();
        let states = Tensor::zeros((1, 1, 2), DType::F32, &Device::Cpu).unwrap();
        let (readings, states) = fade_and_read(&rows, &rates, states).unwrap();
        let readings = readings.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(readings, [4.0, 10.0 + 80.0]);
        let states = states.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(states, [10.0, 8.0]);
    }
}
