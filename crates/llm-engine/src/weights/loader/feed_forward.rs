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
        let (hidden_size, inner, count) = (
            self.spec.hidden_size,
            experts.intermediate_size,
            experts.count,
        );
        let name = |part: &str| format!("blk.{index}.{part}");
        let width = experts.latent.unwrap_or(hidden_size);
        let latent = |width| {
            Ok(Latent {
                down: self.linear(&name("ffn_latent_down"), width, hidden_size)?,
                up: self.linear(&name("ffn_latent_up"), hidden_size, width)?,
            })
        };
        let stacked = self.has(&name("ffn_down_exps"));
        let joined = name("ffn_gate_up_exps");
        let all = if let (true, Some(activation)) = (stacked, self.spec.layers[index].activation) {
            let ups = self.stack(&name("ffn_up_exps"), count, inner, width)?;
            let downs = self.stack(&name("ffn_down_exps"), count, width, inner)?;
            let ungated = |(up, down)| Mlp {
                inner: Inner::Activation(activation),
                up,
                down,
                sparsity: None,
            };
            ups.into_iter().zip(downs).map(ungated).collect()
        } else if stacked {
            let (gates, ups) = if self.has(&joined) {
                let half = |first| Rows {
                    first,
                    rows: inner,
                    all: 2 * inner,
                };
                let gates = self.stack_of(&joined, count, half(0), width)?;
                (gates, self.stack_of(&joined, count, half(inner), width)?)
            } else {
                let gates = self.stack(&name("ffn_gate_exps"), count, inner, width)?;
                (
                    gates,
                    self.stack(&name("ffn_up_exps"), count, inner, width)?,
                )
            };
            let downs = self.stack(&name("ffn_down_exps"), count, width, inner)?;
            let gates_and_ups = gates.into_iter().zip(ups).zip(downs);
            gates_and_ups
                .map(|((gate, up), down)| Mlp {
                    inner: Inner::Gate(gate),
                    up,
                    down,
                    sparsity: None,
                })
                .collect()
        } else {
            // Mixtral's first files: a tensor for each expert.
            let expert = |at: usize| self.mlp(index, &format!(".{at}"), inner, width);
            (0..count).map(expert).collect::<Result<_, _>>()?
        };
        let beside = self.spec.family.parallel_dense_mlp;
        let shared = if beside {
            Some(self.mlp(
                index,
                "",
                self.spec.layers[index].intermediate_size,
                hidden_size,
            ))
        } else {
            (experts.shared > 0).then(|| self.mlp(index, "_shexp", experts.shared, hidden_size))
        };
        Ok(Experts {
            // Gemma 4's factors of that name are of the router's input.
            router: self.unscaled(&name("ffn_gate_inp"), count, hidden_size)?,
            router_bias: self.optional_vector(&name("exp_probs_b.bias"), count)?,
            experts: all,
            latent: experts.latent.map(latent).transpose()?,
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
}
