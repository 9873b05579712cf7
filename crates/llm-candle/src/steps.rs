//! The steps between the products, as functions of tensors.

use candle_core::{D, Result, Tensor};
use llm_kernels::rope::RopeLayout;
use llm_kernels::vector::{Activation, Gate};

use crate::rope_and_mask::RopeAndMask;

/// x / rms(x) * weight over the last dimension; `weight` is as long as that
/// (Zhang and Sennrich 2019, arXiv:1910.07467).
pub(crate) fn rms_norm(x: &Tensor, weight: &Tensor, epsilon: f32) -> Result<Tensor> {
    let mean_square = x.sqr()?.mean_keepdim(D::Minus1)?;
    let rms = (mean_square + f64::from(epsilon))?.sqrt()?;
    x.broadcast_div(&rms)?.broadcast_mul(weight)
}

/// The weights of a norm, as long as the last dimension or (heads, that); see
/// [`llm_engine::weights::Norm`].
#[derive(Debug)]
pub(crate) struct Norm {
    pub(crate) weight: Tensor,
    pub(crate) bias: Option<Tensor>,
}

impl Norm {
    /// Norms the last dimension of `x`: with a bias as in Ba, Kiros and Hinton 2016,
    /// arXiv:1607.06450.
    pub(crate) fn forward(&self, x: &Tensor, epsilon: f32) -> Result<Tensor> {
        let Some(bias) = &self.bias else {
            return rms_norm(x, &self.weight, epsilon);
        };
        let centered = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        rms_norm(&centered, &self.weight, epsilon)?.broadcast_add(bias)
    }

    /// The same weights, a row a head where there are as many.
    pub(crate) fn of_heads(&self, head_dim: usize) -> Result<Self> {
        let rows = self.weight.elem_count() / head_dim;
        let bias = self.bias.as_ref();
        Ok(Self {
            weight: self.weight.reshape((rows, head_dim))?,
            bias: bias
                .map(|bias| bias.reshape((rows, head_dim)))
                .transpose()?,
        })
    }
}

/// Norms the last dimension of `x` where there is a norm.
pub(crate) fn norm_if(x: Tensor, norm: Option<&Norm>, epsilon: f32) -> Result<Tensor> {
    match norm {
        Some(norm) => norm.forward(&x, epsilon),
        None => Ok(x),
    }
}

/// The non-linearity of the feed-forward step.
pub(crate) fn activate(x: &Tensor, gate: Gate) -> Result<Tensor> {
    match gate {
        Gate::Silu => x.silu(),
        Gate::GeluTanh => x.gelu(),
        Gate::SiluClamped => {
            let x = x.minimum(7.0)?;
            &x * sigmoid(&(&x * 1.702)?)?
        }
    }
}

/// The non-linearity of a step without a gate.
pub(crate) fn activate_alone(x: &Tensor, activation: Activation) -> Result<Tensor> {
    match activation {
        Activation::Gelu => x.gelu_erf(),
        Activation::GeluTanh => x.gelu(),
        Activation::ReluSquared => x.relu()?.sqr(),
        Activation::Xielu(of) => {
            let above = (x.relu()?.sqr()? * f64::from(of.positive))?;
            let below = x.minimum(0.0)?;
            let power = (below.minimum(f64::from(of.least))?.exp()? - 1.0)?;
            let is_below = x.le(0.0)?.to_dtype(x.dtype())?;
            let curve = ((power - below)? * f64::from(of.negative))?;
            (above + (curve * is_below)?)? + (x * f64::from(of.slope))?
        }
    }
}

/// How far each number of a row is above its mean and so many deviations, or 0; see
/// [`llm_kernels::vector::far_above`].
pub(crate) fn far_above(x: &Tensor, deviations: f32) -> Result<Tensor> {
    let centered = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let others = x.dim(D::Minus1)?.saturating_sub(1).max(1);
    let square = (centered.sqr()?.sum_keepdim(D::Minus1)? / others as f64)?;
    let least = (square.sqrt()? * f64::from(deviations))?;
    centered.broadcast_sub(&least)?.relu()
}

/// What the activated gate is multiplied with.
pub(crate) fn lift(up: Tensor, gate: Gate) -> Result<Tensor> {
    match gate {
        Gate::Silu | Gate::GeluTanh => Ok(up),
        Gate::SiluClamped => up.clamp(-7.0, 7.0)? + 1.0,
    }
}

/// The logistic function.
pub(crate) fn sigmoid(x: &Tensor) -> Result<Tensor> {
    (x.neg()?.exp()? + 1.0)?.recip()
}

/// cap * tanh(x / cap), where there is a cap.
pub(crate) fn soft_cap(x: Tensor, cap: Option<f32>) -> Result<Tensor> {
    let Some(cap) = cap else { return Ok(x) };
    (x / f64::from(cap))?.tanh()? * f64::from(cap)
}

/// Turns the first `rope_dim` elements of each head of x, (rows, heads,
/// `head_dim`): each pair (a, b) becomes (a cos - b sin, a sin + b cos).
pub(crate) fn rotate(
    x: &Tensor,
    rope_layout: RopeLayout,
    rope_and_mask: &RopeAndMask,
) -> Result<Tensor> {
    let (rows, heads, dim) = x.dims3()?;
    let pairs = rope_and_mask.cos.dim(2)?;
    if pairs == 0 {
        return Ok(x.clone());
    }
    // A pair's two elements stand along `axis`.
    let (shape, axis) = match rope_layout {
        RopeLayout::Adjacent => ((rows, heads, pairs, 2), 3),
        RopeLayout::Halves => ((rows, heads, 2, pairs), 2),
    };
    let turned = x.narrow(2, 0, 2 * pairs)?.reshape(shape)?;
    let (a, b) = (turned.narrow(axis, 0, 1)?, turned.narrow(axis, 1, 1)?);
    let (cos, sin) = (
        rope_and_mask.cos.unsqueeze(axis)?,
        rope_and_mask.sin.unsqueeze(axis)?,
    );
    let first = (a.broadcast_mul(&cos)? - b.broadcast_mul(&sin)?)?;
    let second = (a.broadcast_mul(&sin)? + b.broadcast_mul(&cos)?)?;
    let turned = Tensor::cat(&[first, second], axis)?.reshape((rows, heads, 2 * pairs))?;
    if 2 * pairs == dim {
        return Ok(turned);
    }
    let rest = x.narrow(2, 2 * pairs, dim - 2 * pairs)?;
    Tensor::cat(&[turned, rest], 2)
}

/// The numbers of one layer's attention.
#[derive(Debug)]
pub(crate) struct Scores<'a> {
    pub(crate) scale: f32,
    pub(crate) cap: Option<f32>,
    /// A score of each head that belongs to no position, (heads).
    pub(crate) sinks: Option<&'a Tensor>,
}

/// softmax(scale * queries · keysᵀ + mask) · values.
///
/// `queries` is (rows, heads, `head_dim`), `keys` is (`kv_heads`, positions,
/// `head_dim`), `values` is (`kv_heads`, positions, `value_dim`), and query
/// heads that share a key head are neighbours. The result is (rows, heads *
/// `value_dim`).
pub(crate) fn attend(
    queries: &Tensor,
    keys: &Tensor,
    values: &Tensor,
    mask: &Tensor,
    scores: &Scores<'_>,
) -> Result<Tensor> {
    let (rows, heads, dim) = queries.dims3()?;
    let (kv_heads, positions, value_dim) = values.dims3()?;
    let share = heads / kv_heads;
    let queries = queries
        .reshape((rows, kv_heads, share, dim))?
        .permute((1, 2, 0, 3))?
        .contiguous()?
        .reshape((kv_heads, share * rows, dim))?;
    let products = (queries.matmul(&keys.t()?)? * f64::from(scores.scale))?;
    let mut products = soft_cap(products, scores.cap)?
        .reshape((kv_heads, share, rows, positions))?
        .broadcast_add(mask)?;
    if let Some(sinks) = scores.sinks {
        let sinks = sinks.reshape((kv_heads, share, 1, 1))?;
        let sinks = sinks
            .broadcast_as((kv_heads, share, rows, 1))?
            .contiguous()?;
        products = Tensor::cat(&[products, sinks], 3)?;
    }
    let weights = softmax(&products)?.narrow(3, 0, positions)?;
    let weights = weights
        .contiguous()?
        .reshape((kv_heads, share * rows, positions))?;
    weights
        .matmul(values)?
        .reshape((kv_heads, share, rows, value_dim))?
        .permute((2, 0, 1, 3))?
        .reshape((rows, heads * value_dim))
}

/// exp(x) over its sum, along the last dimension.
fn softmax(x: &Tensor) -> Result<Tensor> {
    let largest = x.max_keepdim(D::Minus1)?;
    let powers = x.broadcast_sub(&largest)?.exp()?;
    powers.broadcast_div(&powers.sum_keepdim(D::Minus1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    /// One row, one head of five elements, of which two pairs turn: the first
    /// not at all, the second by a quarter.
    #[test]
    fn a_quarter_turn_swaps_the_pair() {
        let tensor =
            |data: &[f32]| Tensor::from_slice(data, (1, 1, data.len()), &Device::Cpu).unwrap();
        let rope_and_mask = RopeAndMask {
            cos: tensor(&[1.0, 0.0]),
            sin: tensor(&[0.0, 1.0]),
            temperature: None,
            mask: tensor(&[0.0]),
        };
        let x = tensor(&[1.0, 2.0, 3.0, 4.0, 9.0]);
        let turn = |rope_layout| {
            let turned = rotate(&x, rope_layout, &rope_and_mask).unwrap();
            turned.flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        assert_eq!(turn(RopeLayout::Adjacent), [1.0, 2.0, -4.0, 3.0, 9.0]);
        assert_eq!(turn(RopeLayout::Halves), [1.0, -4.0, 3.0, 2.0, 9.0]);
    }

    #[test]
    fn equal_scores_average_what_is_seen() {
        let device = Device::Cpu;
        let queries = Tensor::zeros((1, 2, 1), candle_core::DType::F32, &device).unwrap();
        let keys = Tensor::from_slice(&[5.0_f32, -7.0, 3.0], (1, 3, 1), &device).unwrap();
        let values = Tensor::from_slice(&[1.0_f32, 3.0, 100.0], (1, 3, 1), &device).unwrap();
        let mask = Tensor::from_slice(&[0.0, 0.0, f32::NEG_INFINITY], (1, 3), &device).unwrap();
        let scores = Scores {
            scale: 1.0,
            cap: Some(50.0),
            sinks: None,
        };
        let out = attend(&queries, &keys, &values, &mask, &scores).unwrap();
        assert_eq!(out.to_vec2::<f32>().unwrap(), [[2.0, 2.0]]);
    }
}
