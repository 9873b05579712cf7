//! The tensors of a feed-forward step: one for all tokens, or experts.

use super::Loader;
use super::look_up::Rows;
use crate::spec::ExpertSpec;
use crate::weights::{Experts, FeedForward, Inner, Latent, Mlp, WeightsError};

impl Loader<'_> {
    pub(super) fn feed_forward(&self, index: usize) -> Result<Option<FeedForward>, WeightsError> {
        let inner = self.spec.layers[index].intermediate_size;
        if inner == 0 {
            return Ok(None);
        }
        Ok(Some(match self.spec.layer_experts(index) {
            Some(experts) => FeedForward::Experts(Box::new(self.experts(index, experts)?)),
            None => FeedForward::Dense(self.mlp(index, "", inner, self.spec.hidden_size)?),
        }))
    }

    /// The step of one layer on vectors of `width`, with `kind` between the names of its
    /// tensors.
    fn mlp(
        &self,
        index: usize,
        kind: &str,
        inner: usize,
        width: usize,
    ) -> Result<Mlp, WeightsError> {
        let name = |part: &str| format!("blk.{index}.ffn_{part}{kind}");
        if let Some(activation) = self.spec.layers[index].activation {
            return Ok(Mlp {
                inner: Inner::Activation(activation),
                up: self.linear(&name("up"), inner, width)?,
                down: self.linear(&name("down"), width, inner)?,
                sparsity: None,
            });
        }
        let (gate, up) = if self.has(&name("gate")) {
            (
                self.linear(&name("gate"), inner, width)?,
                self.linear(&name("up"), inner, width)?,
            )
        } else {
            let half = |first| Rows {
                first,
                rows: inner,
                all: 2 * inner,
            };
            // A file that has neither is told of the one it should have.
            let both = self.tensor(&format!("{}.weight", name("up")))?;
            if both.shape.get(1) == Some(&(inner as u64)) {
                return Err(WeightsError::Missing(format!("{}.weight", name("gate"))));
            }
            (
                self.rows_of(&name("up"), half(0), width)?,
                self.rows_of(&name("up"), half(inner), width)?,
            )
        };
        Ok(Mlp {
            inner: Inner::Gate(gate),
            up,
            down: self.linear(&name("down"), width, inner)?,
            sparsity: self.spec.layers[index].gate_sparsity,
        })
    }

    fn experts(&self, index: usize, experts: &ExpertSpec) -> Result<Experts, WeightsError> {
        let (spec, count) = (self.spec, experts.count);
        let hidden_size = spec.hidden_size;
        let name = |part: &str| format!("blk.{index}.{part}");
        let beside = spec.family.parallel_dense_mlp;
        let step = |kind: &str, inner| self.mlp(index, kind, inner, hidden_size);
        let shared = if beside {
            Some(step("", spec.layers[index].intermediate_size))
        } else {
            (experts.shared > 0).then(|| step("_shexp", experts.shared))
        };
        Ok(Experts {
            // Gemma 4's factors of that name are of the router's input.
            router: self.unscaled(&name("ffn_gate_inp"), count, hidden_size)?,
            router_bias: self.optional_vector(&name("exp_probs_b.bias"), count)?,
            experts: self.all_experts(index, experts)?,
            latent: self.latent(index, experts)?,
            scales: self.optional_vector(&name("ffn_down_exps.scale"), count)?,
            shared_gate: if shared.is_some() && !beside {
                self.optional_vector(&name("ffn_gate_inp_shexp.weight"), hidden_size)?
            } else {
                None
            },
            shared: shared.transpose()?,
            beside: beside.then(|| self.beside_norms(index)).transpose()?,
        })
    }

    fn latent(&self, index: usize, experts: &ExpertSpec) -> Result<Option<Latent>, WeightsError> {
        let hidden_size = self.spec.hidden_size;
        let name = |part: &str| format!("blk.{index}.ffn_latent_{part}");
        let latent = |width| {
            Ok(Latent {
                down: self.linear(&name("down"), width, hidden_size)?,
                up: self.linear(&name("up"), hidden_size, width)?,
            })
        };
        experts.latent.map(latent).transpose()
    }

    /// The experts of one layer: in a tensor of all gates, one of all ups (or one of both)
    /// and one of all downs, or in tensors of their own.
    fn all_experts(&self, index: usize, experts: &ExpertSpec) -> Result<Vec<Mlp>, WeightsError> {
        let (inner, count) = (experts.intermediate_size, experts.count);
        let width = experts.latent.unwrap_or(self.spec.hidden_size);
        let name = |part: &str| format!("blk.{index}.ffn_{part}_exps");
        if !self.has(&name("down")) {
            // Mixtral's first files: a tensor for each expert.
            let expert = |at: usize| self.mlp(index, &format!(".{at}"), inner, width);
            return (0..count).map(expert).collect();
        }
        let stack = |part: &str| self.stack(&name(part), count, inner, width);
        let half = |first| {
            let part = Rows {
                first,
                rows: inner,
                all: 2 * inner,
            };
            self.stack_of(&name("gate_up"), count, part, width)
        };
        let (gates, ups) = match self.spec.layers[index].activation {
            Some(_) => (Vec::new(), stack("up")?),
            None if self.has(&name("gate_up")) => (half(0)?, half(inner)?),
            None => (stack("gate")?, stack("up")?),
        };
        let downs = self.stack(&name("down"), count, width, inner)?;
        let activation = self.spec.layers[index].activation;
        let gates = gates.into_iter().map(Inner::Gate);
        let inners = gates.chain(activation.into_iter().cycle().map(Inner::Activation));
        let all = inners.zip(ups).zip(downs);
        let expert = |((inner, up), down)| Mlp {
            inner,
            up,
            down,
            sparsity: None,
        };
        Ok(all.map(expert).collect())
    }
}
