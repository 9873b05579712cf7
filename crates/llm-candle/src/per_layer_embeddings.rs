//! Each layer's own input from a token, and the step that takes it in; see
//! [`weights::PerLayerEmbeddings`] and [`weights::InputStep`].

use candle_core::{Result, Tensor};
use llm_engine::spec::Spec;
use llm_engine::weights;

use crate::projection::{Loader, Projection};
use crate::steps::{Norm, activate, rms_norm};

/// What makes the inputs. The embedding's rows are read from the weights.
#[derive(Debug)]
pub(crate) struct PerLayerEmbeddings {
    projection: Projection,
    norm: Tensor,
}

impl PerLayerEmbeddings {
    pub(crate) fn load(loader: &Loader<'_>, inputs: &weights::PerLayerEmbeddings) -> Result<Self> {
        Ok(Self {
            projection: loader.projection(&inputs.projection)?,
            norm: loader.vector(&inputs.norm)?,
        })
    }

    /// tokens, (rows), and their embeddings x, (rows, `hidden_size`) → (rows, layers,
    /// `per_layer_embedding`).
    pub(crate) fn forward(
        &self,
        spec: &Spec,
        inputs: &weights::PerLayerEmbeddings,
        tokens: &[u32],
        x: &Tensor,
    ) -> Result<Tensor> {
        let (rows, layers, each) = (tokens.len(), spec.layers.len(), inputs.norm.len());
        let shape = (rows, layers, each);
        let mut own = vec![0.0; rows * layers * each];
        for (&token, row) in tokens.iter().zip(own.chunks_exact_mut(layers * each)) {
            inputs.write_row(token, row);
        }
        let own = (Tensor::from_vec(own, shape, x.device())? * (each as f64).sqrt())?;
        let projected = self.projection.forward(x)?.reshape(shape)?;
        let projected = (projected / (spec.hidden_size as f64).sqrt())?;
        let projected = rms_norm(&projected, &self.norm, spec.norm_epsilon)?;
        (own + projected)? / 2_f64.sqrt()
    }
}

/// The step on the device.
#[derive(Debug)]
pub(crate) struct InputStep {
    gate: Projection,
    up: Projection,
    norm: Norm,
}

impl InputStep {
    pub(crate) fn load(loader: &Loader<'_>, step: &weights::InputStep) -> Result<Self> {
        Ok(Self {
            gate: loader.projection(&step.gate)?,
            up: loader.projection(&step.up)?,
            norm: loader.norm(&step.norm)?,
        })
    }

    /// x, (rows, `hidden_size`), and the layer's input, (rows, `per_layer_embedding`) → what is
    /// added to x.
    pub(crate) fn forward(&self, spec: &Spec, input: &Tensor, x: &Tensor) -> Result<Tensor> {
        let gate = activate(&self.gate.forward(x)?, spec.family.gate)?;
        let out = self.up.forward(&(gate * input)?)?;
        self.norm.forward(&out, spec.norm_epsilon)
    }
}
