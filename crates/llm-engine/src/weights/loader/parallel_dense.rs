//! The tensors of what stands beside the common layer: inputs for each layer,
//! and experts next to a dense step.

use super::Loader;
use crate::weights::{BesideNorms, InputStep, Norm, PerLayerEmbeddings, WeightsError};

impl Loader<'_> {
    pub(in crate::weights) fn per_layer_embeddings(
        &self,
        vocabulary: usize,
    ) -> Result<Option<PerLayerEmbeddings>, WeightsError> {
        let (hidden_size, layers) = (self.spec.hidden_size, self.spec.layers.len());
        let make = |length: usize| {
            let (name, all) = ("per_layer_token_embd", layers * length);
            let rows = self.matrix_rows(name)?.min(vocabulary);
            Ok(PerLayerEmbeddings {
                embedding: self.table(name, rows, all)?,
                projection: self.linear("per_layer_model_proj", all, hidden_size)?,
                norm: self.vector("per_layer_proj_norm.weight", length)?,
            })
        };
        self.spec.per_layer_embedding.map(make).transpose()
    }

    pub(super) fn input_step(&self, index: usize) -> Result<Option<InputStep>, WeightsError> {
        let hidden_size = self.spec.hidden_size;
        let name = |part: &str| format!("blk.{index}.{part}");
        let make = |length: usize| {
            Ok(InputStep {
                gate: self.linear(&name("inp_gate"), length, hidden_size)?,
                up: self.linear(&name("proj"), hidden_size, length)?,
                norm: self.norm(&name("post_norm"), &[hidden_size])?,
            })
        };
        self.spec.per_layer_embedding.map(make).transpose()
    }

    pub(super) fn beside_norms(&self, index: usize) -> Result<BesideNorms, WeightsError> {
        let hidden_size = self.spec.hidden_size;
        let name = |part: &str| format!("blk.{index}.{part}");
        let norm = |part: &str| self.norm(&name(part), &[hidden_size]);
        let mut router = self.vector(&name("ffn_gate_inp.scale"), hidden_size)?;
        let shrink = 1.0 / (hidden_size as f32).sqrt();
        router.iter_mut().for_each(|weight| *weight *= shrink);
        Ok(BesideNorms {
            router: Norm {
                weight: router,
                bias: None,
            },
            experts: norm("pre_ffw_norm_2")?,
            after_experts: norm("post_ffw_norm_2")?,
            after_dense: norm("post_ffw_norm_1")?,
        })
    }
}
