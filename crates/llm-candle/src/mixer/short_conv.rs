//! A convolution between two gates, see [`llm_engine::spec::ShortConvSpec`].

use candle_core::{Result, Tensor};
use llm_engine::weights;

use super::Convolution;
use crate::cache::LayerCache;
use crate::projection::{Loader, Projection};

/// The step on the device; shapes as in [`weights::ShortConv`].
#[derive(Debug)]
pub(crate) struct ShortConv {
    before: Projection,
    behind: Projection,
    input: Projection,
}

impl ShortConv {
    pub(super) fn load(loader: &Loader<'_>, conv: &weights::ShortConv) -> Result<Self> {
        Ok(Self {
            before: loader.projection(&conv.before)?,
            behind: loader.projection(&conv.behind)?,
            input: loader.projection(&conv.input)?,
        })
    }

    /// x, (rows, `hidden_size`), normed → (rows, channels).
    pub(super) fn forward(
        &self,
        convolution: &Convolution<'_>,
        cached: &mut LayerCache,
        x: &Tensor,
    ) -> Result<Tensor> {
        let gated = (self.before.forward(x)? * self.input.forward(x)?)?;
        self.behind.forward(x)? * convolution.run(cached, &gated)?
    }
}
