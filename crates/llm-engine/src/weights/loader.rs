//! A file's tensors by name → checked matrices and vectors.
//!
//! Some files hold several matrices in one tensor: queries, keys and values, or
//! gate and up, one below the other, and experts or heads one behind the other.
//! All become matrices of their own that lie in the same bytes.
//!
//! Whatever is found is noted, so that what is left can be told, see `rest`.

mod parallel_dense;
mod gated_delta_net;

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

use llm_kernels::block::Format;
use llm_kernels::dequantize::dequantize_row;

use super::{
    Experts, FeedForward, KvProjections, Layer, Linear, Mla, MlaUp, Mlp, Projections, WeightsError,
};
use crate::family::{Norms, QueryKeyNorm};
use crate::spec::{ExpertSpec, LayerSpec, MlaSpec, Spec};
use llm_gguf::{Gguf, TensorInfo};

pub(super) struct Loader<'a> {
    pub(super) gguf: &'a Gguf,
    pub(super) spec: &'a Spec,
    /// The names of the tensors that were found.
    pub(super) taken: RefCell<HashSet<&'a str>>,
}

/// Rows `first..first + rows` of a tensor that has `all` of them.
#[derive(Clone, Copy)]
struct Rows {
    first: usize,
    rows: usize,
    all: usize,
}

impl Rows {
    fn whole(rows: usize) -> Self {
        Self {
            first: 0,
            rows,
            all: rows,
        }
    }
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

    fn has(&self, name: &str) -> bool {
        self.gguf.tensor(&format!("{name}.weight")).is_some()
    }

    /// Returns a tensor and notes that it was found: the one way to one.
    fn look_up(&self, name: &str) -> Option<&'a TensorInfo> {
        let found = self.gguf.tensor(name);
        self.taken
            .borrow_mut()
            .extend(found.map(|it| it.name.as_str()));
        found
    }

    fn tensor(&self, name: &str) -> Result<&'a TensorInfo, WeightsError> {
        self.look_up(name)
            .ok_or_else(|| WeightsError::Missing(name.to_owned()))
    }

    /// Returns the rows of the matrix `name`, 0 where it is none.
    pub(super) fn matrix_rows(&self, name: &str) -> Result<usize, WeightsError> {
        let tensor = self.tensor(&format!("{name}.weight"))?;
        Ok(tensor.shape.get(1).copied().unwrap_or(0) as usize)
    }

    /// Returns a matrix of which only rows are read, which no bias is added to.
    pub(super) fn table(
        &self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Linear, WeightsError> {
        let tensor = self.tensor(&format!("{name}.weight"))?;
        check_shape(tensor, &[columns, rows])?;
        self.slice(tensor, 0, rows, columns, None)
    }

    pub(super) fn linear(
        &self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Linear, WeightsError> {
        self.rows_of(name, Rows::whole(rows), columns)
    }

    /// Returns some rows of a matrix as a matrix.
    fn rows_of(&self, name: &str, part: Rows, columns: usize) -> Result<Linear, WeightsError> {
        let tensor = self.tensor(&format!("{name}.weight"))?;
        check_shape(tensor, &[columns, part.all])?;
        let bias = self
            .optional_vector(&format!("{name}.bias"), part.all)?
            .map(|bias| bias[part.first..part.first + part.rows].to_vec());
        self.slice(tensor, part.first, part.rows, columns, bias)
    }

    /// Returns the matrices of a stack, (`count`, rows, columns), whose biases
    /// are (`count`, rows).
    fn stack(
        &self,
        name: &str,
        count: usize,
        rows: usize,
        columns: usize,
    ) -> Result<Vec<Linear>, WeightsError> {
        self.stack_of(name, count, Rows::whole(rows), columns)
    }

    /// Returns some rows of each matrix of a stack.
    fn stack_of(
        &self,
        name: &str,
        count: usize,
        part: Rows,
        columns: usize,
    ) -> Result<Vec<Linear>, WeightsError> {
        let tensor = self.tensor(&format!("{name}.weight"))?;
        check_shape(tensor, &[columns, part.all, count])?;
        let biases = self
            .look_up(&format!("{name}.bias"))
            .map(|tensor| self.floats(tensor, &[part.all, count]))
            .transpose()?;
        let matrix = |index: usize| {
            let first = index * part.all + part.first;
            let bias = biases
                .as_ref()
                .map(|all| all[first..first + part.rows].to_vec());
            self.slice(tensor, first, part.rows, columns, bias)
        };
        (0..count).map(matrix).collect()
    }

    /// Returns `rows` rows of a checked tensor from row `first` on.
    fn slice(
        &self,
        tensor: &TensorInfo,
        first: usize,
        rows: usize,
        columns: usize,
        bias: Option<Vec<f32>>,
    ) -> Result<Linear, WeightsError> {
        let format = runnable(tensor)?;
        let row = format.row_bytes(columns);
        let start = tensor.offset as usize + first * row;
        Ok(Linear {
            mapping: Arc::clone(self.gguf.mapping(tensor)),
            range: start..start + rows * row,
            format,
            rows,
            columns,
            bias,
        })
    }

    pub(super) fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>, WeightsError> {
        self.floats(self.tensor(name)?, &[length])
    }

    pub(super) fn optional_vector(
        &self,
        name: &str,
        length: usize,
    ) -> Result<Option<Vec<f32>>, WeightsError> {
        let found = self.look_up(name);
        found.map(|it| self.floats(it, &[length])).transpose()
    }

    fn floats(&self, tensor: &TensorInfo, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        check_shape(tensor, shape)?;
        let mut out = vec![0.0; shape.iter().product()];
        let format = runnable(tensor)?;
        let bytes = self.gguf.bytes(tensor);
        let row = format.row_bytes(shape[0]);
        for (out, bytes) in out.chunks_exact_mut(shape[0]).zip(bytes.chunks_exact(row)) {
            dequantize_row(format, bytes, out);
        }
        Ok(out)
    }
}

fn runnable(tensor: &TensorInfo) -> Result<Format, WeightsError> {
    tensor.dtype.format().ok_or_else(|| WeightsError::Type {
        name: tensor.name.clone(),
        dtype: tensor.dtype.to_string(),
    })
}

fn check_shape(tensor: &TensorInfo, expected: &[usize]) -> Result<(), WeightsError> {
    let text = |shape: &[u64]| {
        shape
            .iter()
            .map(u64::to_string)
            .collect::<Vec<_>>()
            .join(" x ")
    };
    let expected: Vec<u64> = expected.iter().map(|&extent| extent as u64).collect();
    // The converter writes the gate of a shared expert with one row, which is no extent
    // to ggml.
    let shape = tensor.shape.split_at_checked(expected.len());
    let fits = shape.is_some_and(|(shape, more)| {
        shape == expected && more.iter().all(|&extent| extent == 1)
    });
    if fits && !expected.contains(&0) {
        return Ok(());
    }
    Err(WeightsError::Shape {
        name: tensor.name.clone(),
        found: text(&tensor.shape),
        expected: text(&expected),
    })
}
