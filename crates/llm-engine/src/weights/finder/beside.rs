//! The tensors of what stands beside the common layer: inputs for each layer,
//! and experts next to a dense step.

use super::Finder;
use crate::weights::{BesideNorms, InputStep, LayerInputs, WeightsError};

impl Finder<'_> {
    pub(in crate::weights) fn layer_inputs(
        &self,
        vocabulary: usize,
    ) -> Result<Option<LayerInputs>, WeightsError> {
        let (width, layers) = (self.spec.width, self.spec.layers.len());
        let make = |length: usize| {
            let all = layers * length;
            Ok(LayerInputs {
                embedding: self.table("per_layer_token_embd", vocabulary, all)?,
                projection: self.linear("per_layer_model_proj", all, width)?,
                norm: self.vector("per_layer_proj_norm.weight", length)?,
            })
        };
        self.spec.layer_input.map(make).transpose()
    }

    pub(super) fn input_step(&self, index: usize) -> Result<Option<InputStep>, WeightsError> {
        let width = self.spec.width;
        let name = |part: &str| format!("blk.{index}.{part}");
        let make = |length: usize| {
            Ok(InputStep {
                gate: self.linear(&name("inp_gate"), length, width)?,
                up: self.linear(&name("proj"), width, length)?,
                norm: self.vector(&name("post_norm.weight"), width)?,
            })
        };
        self.spec.layer_input.map(make).transpose()
    }

    pub(super) fn beside_norms(&self, index: usize) -> Result<BesideNorms, WeightsError> {
        let width = self.spec.width;
        let norm = |part: &str| self.vector(&format!("blk.{index}.{part}"), width);
        let mut router = norm("ffn_gate_inp.scale")?;
        let shrink = 1.0 / (width as f32).sqrt();
        router.iter_mut().for_each(|weight| *weight *= shrink);
        Ok(BesideNorms {
            router,
            experts: norm("pre_ffw_norm_2.weight")?,
            after_experts: norm("post_ffw_norm_2.weight")?,
            after_dense: norm("post_ffw_norm_1.weight")?,
        })
    }
}
