//! A stream with copies, and the step of low rank beside attention; see
//! [`llm_engine::spec::AltUpSpec`]. Copies are (rows, copies, `hidden_size`).

use candle_core::{D, Result, Tensor};
use llm_engine::spec::{AltUpSpec, Spec};
use llm_engine::weights;

use crate::projection::{Loader, Projection};
use crate::steps::Norm;

/// See [`weights::Copies`].
#[derive(Debug)]
pub(crate) struct Copies {
    projections: Vec<Projection>,
    unprojections: Vec<Projection>,
}

/// Returns x, as long as `like` is.
fn as_long(x: &Tensor, like: &Tensor) -> Result<Tensor> {
    let mean_square = |x: &Tensor| x.sqr()?.mean_keepdim(D::Minus1);
    let ratio = (mean_square(like)? / mean_square(x)?.maximum(1e-5)?)?;
    x.broadcast_mul(&ratio.sqrt()?)
}

impl Copies {
    pub(crate) fn load(loader: &Loader<'_>, copies: &weights::Copies) -> Result<Self> {
        Ok(Self {
            projections: loader.projections(&copies.projections)?,
            unprojections: loader.projections(&copies.unprojections)?,
        })
    }

    /// x, (rows, `hidden_size`) → copies.
    pub(crate) fn make(&self, x: &Tensor) -> Result<Tensor> {
        let made = self.projections.iter();
        let made = made.map(|projection| as_long(&projection.forward(x)?, x));
        let mut all = vec![x.clone()];
        all.extend(made.collect::<Result<Vec<_>>>()?);
        Tensor::stack(&all, 1)
    }

    /// copies → x.
    pub(crate) fn merge(&self, spec: &AltUpSpec, copies: &Tensor) -> Result<Tensor> {
        let copy = |index: usize| copies.narrow(1, index, 1)?.squeeze(1)?.contiguous();
        let first = copy(0)?;
        let mut sum = first.clone();
        for (index, projection) in self.unprojections.iter().enumerate() {
            let made = projection.forward(&copy(index + 1)?)?;
            sum = (sum + as_long(&made, &first)?)?;
        }
        sum / spec.copies as f64
    }
}

/// See [`weights::AltUp`].
#[derive(Debug)]
pub(crate) struct AltUp {
    router_norm: Norm,
    router: Tensor,
    prediction: Tensor,
    correction: Tensor,
    scale: Tensor,
    laurel_down: Projection,
    laurel_up: Projection,
    laurel_norm: Norm,
}

impl AltUp {
    pub(crate) fn load(loader: &Loader<'_>, altup: &weights::AltUp) -> Result<Self> {
        let hidden_size = altup.scale.len();
        let count = altup.router.len() / hidden_size;
        let matrix = |numbers: &[f32], columns: usize| {
            let rows = numbers.len() / columns;
            Tensor::from_slice(numbers, (rows, columns), loader.device)?.t()
        };
        Ok(Self {
            router_norm: loader.norm(&altup.router_norm)?,
            router: matrix(&altup.router, hidden_size)?,
            prediction: matrix(&altup.prediction, count)?,
            correction: matrix(&altup.correction, count)?,
            scale: loader.vector(&altup.scale)?,
            laurel_down: loader.projection(&altup.laurel_down)?,
            laurel_up: loader.projection(&altup.laurel_up)?,
            laurel_norm: loader.norm(&altup.laurel_norm)?,
        })
    }

    /// x, (rows, `hidden_size`) → what each row is like, (rows, copies).
    fn modalities(&self, spec: &Spec, x: &Tensor) -> Result<Tensor> {
        let normed = self.router_norm.forward(x, spec.norm_epsilon)?;
        (normed / spec.hidden_size as f64)?
            .matmul(&self.router)?
            .tanh()
    }

    /// copies → the same, predicted, and the one that is computed.
    pub(crate) fn predict(
        &self,
        spec: &Spec,
        altup: &AltUpSpec,
        copies: &Tensor,
    ) -> Result<(Tensor, Tensor)> {
        let active = |copies: &Tensor| {
            let copy = copies.narrow(1, altup.active, 1)?;
            copy.squeeze(1)?.contiguous()
        };
        let modalities = self.modalities(spec, &active(copies)?)?;
        let shape = (copies.dim(0)?, altup.copies, altup.copies);
        let weights = modalities.matmul(&self.prediction)?.reshape(shape)?;
        let predicted = (weights.matmul(copies)? + copies)?;
        let x = active(&predicted)?;
        Ok((predicted, x))
    }

    /// x = (x + normed + norm(up(down(normed)))) / sqrt(2)
    pub(crate) fn add_laurel(&self, spec: &Spec, x: &Tensor, normed: &Tensor) -> Result<Tensor> {
        let made = self.laurel_up.forward(&self.laurel_down.forward(normed)?)?;
        let made = self.laurel_norm.forward(&made, spec.norm_epsilon)?;
        ((x + normed)? + made)? / 2_f64.sqrt()
    }

    /// Predicted copies and x, what came out of the layer → the corrected copies, and the
    /// one that was computed as the layer's own input wants it.
    pub(crate) fn correct(
        &self,
        spec: &Spec,
        altup: &AltUpSpec,
        predicted: &Tensor,
        x: &Tensor,
    ) -> Result<(Tensor, Tensor)> {
        let modalities = self.modalities(spec, x)?;
        let weights = (modalities.matmul(&self.correction)? + 1.0)?.unsqueeze(2)?;
        let computed = predicted.narrow(1, altup.active, 1)?;
        let more = (x.unsqueeze(1)? - computed)?;
        let corrected = (predicted + weights.broadcast_mul(&more)?)?;
        let own = corrected.narrow(1, altup.active, 1)?.squeeze(1)?;
        let own = own.broadcast_mul(&self.scale)?;
        Ok((corrected, own))
    }

    /// Adds `more`, (rows, `hidden_size`), to every copy but the first.
    pub(crate) fn add_to_others(
        altup: &AltUpSpec,
        copies: &Tensor,
        more: &Tensor,
    ) -> Result<Tensor> {
        let others = copies.narrow(1, 1, altup.copies - 1)?;
        let others = others.broadcast_add(&more.unsqueeze(1)?)?;
        Tensor::cat(&[&copies.narrow(1, 0, 1)?, &others], 1)
    }
}
