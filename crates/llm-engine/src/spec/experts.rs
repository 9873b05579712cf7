//! What a file says of the experts of its layers and of how they are weighed.

use super::reader::Reader;
use super::{ExpertSpec, SpecError};
use crate::family::{Routing, Scoring};

impl Reader<'_> {
    /// Reads the experts; `None` where there are none.
    pub(super) fn experts(&self) -> Result<Option<ExpertSpec>, SpecError> {
        let Some(count) = self.size_or_none("expert_count")? else {
            return Ok(None);
        };
        let used = self.size("expert_used_count")?;
        let intermediate_size = match self.size_or_none("expert_feed_forward_length")? {
            Some(intermediate_size) => intermediate_size,
            None => self.size("feed_forward_length")?,
        };
        let shared = self.size_or_none("expert_shared_count")?;
        let shared = shared.unwrap_or(self.family.shared_experts);
        let shared_length = self.size_or_none("expert_shared_feed_forward_length")?;
        let groups = self.size_or_none("expert_group_count")?.unwrap_or(1);
        let group_best = self.size_or_none("expert_group_best")?.unwrap_or(2);
        let scoring = match self.unsigned("expert_gating_func")? {
            None | Some(0) => self.family.routing.scoring,
            Some(1) => Scoring::Softmax,
            Some(2) => Scoring::Sigmoid,
            Some(3) => Scoring::SoftmaxOfChosen,
            Some(kind) => {
                return Err(SpecError::Unsupported(format!(
                    "expert routing of kind {kind}"
                )));
            }
        };
        let normalized = self.flag("expert_weights_norm")?;
        Ok(Some(ExpertSpec {
            count,
            used,
            intermediate_size,
            latent: self.size_or_none("moe_latent_size")?,
            shared: shared_length.unwrap_or(intermediate_size.saturating_mul(shared)),
            leading_dense_layers: self.size_or_none("leading_dense_block_count")?.unwrap_or(0),
            every: self.size_or_none("interleave_moe_layer_step")?.unwrap_or(1),
            routing: Routing {
                scoring,
                normalized: normalized.unwrap_or(self.family.routing.normalized),
            },
            weight_scale: self.nonzero("expert_weights_scale")?.unwrap_or(1.0),
            groups,
            group_best,
            groups_used: self
                .size_or_none("expert_group_used_count")?
                .unwrap_or(groups),
        }))
    }
}
