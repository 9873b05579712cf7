//! A file's tensors → the weights of a model: which tensors a layer has, by name and shape.
//!
//! Some files hold several matrices in one tensor: queries, keys and values, or
//! gate and up, one below the other, and experts or heads one behind the other.
//! All become matrices of their own that lie in the same bytes.

mod look_up;
mod parallel_dense;
mod gated_delta_net;

use std::cell::RefCell;
use std::collections::HashSet;

use super::{
    Experts, FeedForward, KvProjections, Layer, Linear, Mla, MlaUp, Mlp, Projections, WeightsError,
};
use crate::family::{Norms, QueryKeyNorm};
use crate::spec::{ExpertSpec, LayerSpec, MlaSpec, Spec};
use llm_gguf::Gguf;
use look_up::Rows;

pub(super) struct Loader<'a> {
    pub(super) gguf: &'a Gguf,
    pub(super) spec: &'a Spec,
    /// The names of the tensors that were found.
    pub(super) taken: RefCell<HashSet<&'a str>>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(gguf: &'a Gguf, spec: &'a Spec) -> Self {
        Self {
            gguf,
            spec,
            taken: RefCell::default(),
        }
    }

    pub(super) fn layer(&self, index: usize) -> Result<Layer, WeightsError> {
        let (spec, family) = (self.spec, self.spec.family);
        let LayerSpec {
            head_dim,
            value_dim,
            ..
        } = spec.layers[index];
        let name = |part: &str| format!("blk.{index}.{part}");
        let vector_if = |needed: bool, part: &str, length| {
            let name = name(&format!("{part}.weight"));
            needed.then(|| self.vector(&name, length)).transpose()
        };
        let before = family.norms != Norms::After;
        let after = family.norms != Norms::Before;
        let delta = spec.layer_delta(index);
        let normed = family.query_key_norm.is_some() && delta.is_none();
        let (queries, keys) = match family.query_key_norm {
            Some(QueryKeyNorm::All) => (spec.query_width(index), spec.key_width(index)),
            _ => (head_dim, head_dim),
        };
        let own_keys = spec.layers[index].kv_source_layer.is_none();
        let (output, attended) = match (delta, spec.mla) {
            (Some(delta), _) => ("ssm_out", delta.value_width()),
            (None, Some(mla)) => ("attn_output", spec.heads * mla.value_dim),
            (None, None) => ("attn_output", spec.attended_width(index)),
        };
        Ok(Layer {
            attention_norm: vector_if(before, "attn_norm", spec.hidden_size)?,
            attention: match (delta, &spec.mla) {
                (Some(delta), _) => Projections::Delta(Box::new(self.delta(index, delta)?)),
                (None, Some(mla)) => Projections::Mla(Box::new(self.mla(index, mla)?)),
                (None, None) => self.heads(index)?,
            },
            query_norm: vector_if(normed, "attn_q_norm", queries)?,
            key_norm: vector_if(normed && own_keys, "attn_k_norm", keys)?,
            value_norm: (family.normed_values && own_keys).then(|| vec![1.0; value_dim]),
            sinks: vector_if(family.sinks, "attn_sinks", spec.heads)?,
            attention_output: self.linear(&name(output), spec.hidden_size, attended)?,
            post_attention_norm: vector_if(after, "post_attention_norm", spec.hidden_size)?,
            feed_forward_norm: vector_if(before, family.feed_forward_norm, spec.hidden_size)?,
            feed_forward: match spec.layer_experts(index) {
                Some(experts) => FeedForward::Experts(Box::new(self.experts(index, experts)?)),
                None => {
                    FeedForward::Dense(self.mlp(index, "", spec.layers[index].intermediate_size)?)
                }
            },
            post_feed_forward_norm: vector_if(after, "post_ffw_norm", spec.hidden_size)?,
            input_step: self.input_step(index)?,
            output_scale: self
                .optional_vector(&name("layer_output_scale.weight"), 1)?
                .map(|scale| scale[0]),
        })
    }

    fn heads(&self, index: usize) -> Result<Projections, WeightsError> {
        let spec = self.spec;
        let queries = if spec.family.gated_attention {
            2 * spec.query_width(index)
        } else {
            spec.query_width(index)
        };
        let (keys, values) = (spec.key_width(index), spec.value_width(index));
        let joined = format!("blk.{index}.attn_qkv");
        let find = |part: &str, first, rows| {
            if self.has(&joined) {
                self.rows_of(
                    &joined,
                    Rows {
                        first,
                        rows,
                        all: queries + keys + values,
                    },
                    spec.hidden_size,
                )
            } else {
                self.linear(&format!("blk.{index}.{part}"), rows, spec.hidden_size)
            }
        };
        let query = find("attn_q", 0, queries)?;
        if spec.layers[index].kv_source_layer.is_some() {
            return Ok(Projections::Heads { query, keys: None });
        }
        let split = self.has(&joined) || self.has(&format!("blk.{index}.attn_v"));
        // Only as many values as keys can be the same.
        let own_values = split || !spec.family.keys_as_values || keys != values;
        let value = own_values.then(|| find("attn_v", queries + keys, values));
        let keys = KvProjections {
            key: find("attn_k", queries, keys)?,
            value: value.transpose()?,
        };
        let keys = Some(keys);
        Ok(Projections::Heads { query, keys })
    }

    fn mla(&self, index: usize, mla: &MlaSpec) -> Result<Mla, WeightsError> {
        let spec = self.spec;
        let name = |part: &str| format!("blk.{index}.{part}");
        let linear = |part: &str, rows, columns| self.linear(&name(part), rows, columns);
        let norm = |part: &str, length| self.vector(&name(&format!("{part}.weight")), length);
        let queries = spec.heads * mla.key_dim;
        let unrotated = mla.key_dim - spec.rope_dim;
        let query = match mla.q_lora_rank {
            Some(rank) => linear("attn_q_b", queries, rank)?,
            None => linear("attn_q", queries, spec.hidden_size)?,
        };
        let query_down = mla.q_lora_rank.map(|rank| {
            let down = linear("attn_q_a", rank, spec.hidden_size)?;
            Ok((down, norm("attn_q_a_norm", rank)?))
        });
        let up = if mla.absorbed {
            MlaUp::Absorbed {
                keys: self.stack(&name("attn_k_b"), spec.heads, mla.kv_lora_rank, unrotated)?,
                values: self.stack(
                    &name("attn_v_b"),
                    spec.heads,
                    mla.value_dim,
                    mla.kv_lora_rank,
                )?,
            }
        } else {
            let rows = spec.heads * (unrotated + mla.value_dim);
            MlaUp::Expanded(linear("attn_kv_b", rows, mla.kv_lora_rank)?)
        };
        Ok(Mla {
            query_down: query_down.transpose()?,
            query,
            down: linear(
                "attn_kv_a_mqa",
                mla.kv_lora_rank + spec.rope_dim,
                spec.hidden_size,
            )?,
            norm: norm("attn_kv_a_norm", mla.kv_lora_rank)?,
            up,
        })
    }

    /// The step of one layer, with `kind` between the names of its tensors.
    fn mlp(&self, index: usize, kind: &str, inner: usize) -> Result<Mlp, WeightsError> {
        let hidden_size = self.spec.hidden_size;
        let name = |part: &str| format!("blk.{index}.ffn_{part}{kind}");
        let (gate, up) = if self.has(&name("gate")) {
            (
                self.linear(&name("gate"), inner, hidden_size)?,
                self.linear(&name("up"), inner, hidden_size)?,
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
                self.rows_of(&name("up"), half(0), hidden_size)?,
                self.rows_of(&name("up"), half(inner), hidden_size)?,
            )
        };
        Ok(Mlp {
            gate,
            up,
            down: self.linear(&name("down"), hidden_size, inner)?,
        })
    }

    fn experts(&self, index: usize, experts: &ExpertSpec) -> Result<Experts, WeightsError> {
        let (hidden_size, inner, count) = (
            self.spec.hidden_size,
            experts.intermediate_size,
            experts.count,
        );
        let name = |part: &str| format!("blk.{index}.{part}");
        let stacked = self.has(&name("ffn_down_exps"));
        let joined = name("ffn_gate_up_exps");
        let all = if stacked {
            let (gates, ups) = if self.has(&joined) {
                let half = |first| Rows {
                    first,
                    rows: inner,
                    all: 2 * inner,
                };
                let gates = self.stack_of(&joined, count, half(0), hidden_size)?;
                (
                    gates,
                    self.stack_of(&joined, count, half(inner), hidden_size)?,
                )
            } else {
                let gates = self.stack(&name("ffn_gate_exps"), count, inner, hidden_size)?;
                (
                    gates,
                    self.stack(&name("ffn_up_exps"), count, inner, hidden_size)?,
                )
            };
            let downs = self.stack(&name("ffn_down_exps"), count, hidden_size, inner)?;
            let gates_and_ups = gates.into_iter().zip(ups).zip(downs);
            gates_and_ups
                .map(|((gate, up), down)| Mlp { gate, up, down })
                .collect()
        } else {
            // Mixtral's first files: a tensor for each expert.
            let expert = |at: usize| self.mlp(index, &format!(".{at}"), inner);
            (0..count).map(expert).collect::<Result<_, _>>()?
        };
        let beside = self.spec.family.parallel_dense_mlp;
        let shared = if beside {
            Some(self.mlp(index, "", self.spec.layers[index].intermediate_size))
        } else {
            (experts.shared > 0).then(|| self.mlp(index, "_shexp", experts.shared))
        };
        Ok(Experts {
            router: self.linear(&name("ffn_gate_inp"), count, hidden_size)?,
            router_bias: self.optional_vector(&name("exp_probs_b.bias"), count)?,
            experts: all,
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

    /// Returns the output matrix: the embedding where the file has no other.
    pub(super) fn output(&self, embedding: &Linear) -> Result<Linear, WeightsError> {
        let (rows, columns) = (embedding.rows(), embedding.columns());
        if self.has("output") {
            return self.linear("output", rows, columns);
        }
        Ok(Linear {
            bias: self.optional_vector("output.bias", rows)?,
            ..embedding.clone()
        })
    }

    /// Returns the divisors of the rotations that have them.
    pub(super) fn rope_factors(&self) -> Result<Option<Vec<f32>>, WeightsError> {
        let spec = self.spec;
        let mut ropes = spec.layers.iter().filter_map(|layer| layer.rope);
        if !ropes.any(|rope| rope.divided) {
            return Ok(None);
        }
        self.optional_vector(spec.rope_factors, spec.rope_dim / 2)
    }
}
