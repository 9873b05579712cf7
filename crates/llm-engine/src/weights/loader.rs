//! A file's tensors → the weights of a model: which tensors a layer has, by name and shape.
//!
//! Some files hold several matrices in one tensor: queries, keys and values, or
//! gate and up, one below the other, and experts or heads one behind the other.
//! All become matrices of their own that lie in the same bytes.

mod altup;
mod feed_forward;
mod look_up;
mod parallel_dense;
mod mixer;

use std::cell::RefCell;
use std::collections::HashSet;

use super::{
    Attention, KvProjections, Layer, Linear, Mla, MlaUp, Norm, Place, PlaceId, Projections,
    WeightsError,
};
use crate::family::{NormKind, Norms, QueryKeyNorm, Residual};
use crate::spec::{LayerSpec, MlaSpec, Spec};
use llm_gguf::Gguf;
use look_up::Rows;

pub(super) struct Loader<'a> {
    pub(super) gguf: &'a Gguf,
    pub(super) spec: &'a Spec,
    /// The names of the tensors that were found.
    pub(super) taken: RefCell<HashSet<&'a str>>,
    /// Those of the matrices that were found, by [`PlaceId`].
    pub(super) places: RefCell<Vec<Place>>,
}

/// What the two steps of a layer start from.
struct Inputs {
    /// The tensor of attention's norm.
    attention: &'static str,
    /// That of the feed-forward step, `None` where it takes what attention takes.
    feed_forward: Option<&'static str>,
    /// Whether the second step starts where the first one does.
    parallel: bool,
}

impl<'a> Loader<'a> {
    pub(super) fn new(gguf: &'a Gguf, spec: &'a Spec) -> Self {
        Self {
            gguf,
            spec,
            taken: RefCell::default(),
            places: RefCell::default(),
        }
    }

    pub(super) fn layer(&self, index: usize) -> Result<Layer, WeightsError> {
        let (spec, family) = (self.spec, self.spec.family);
        let name = |part: &str| format!("blk.{index}.{part}");
        let norm_if = |needed: bool, part: &str| {
            let norm = || self.norm(&name(part), &[spec.hidden_size]);
            needed.then(norm).transpose()
        };
        let before = family.norms != Norms::After;
        let after = family.norms != Norms::Before;
        let inputs = self.inputs(index);
        let mixer = spec.layer_mixer(index);
        let feed_forward = self.feed_forward(index)?;
        Ok(Layer {
            attention_norm: norm_if(before, inputs.attention)?,
            attention: spec.layers[index]
                .attends
                .then(|| self.attention(index))
                .transpose()?,
            mixer: mixer.map(|mixer| self.mixer(index, mixer)).transpose()?,
            post_attention_norm: norm_if(after, "post_attention_norm")?,
            feed_forward_norm: match inputs.feed_forward {
                Some(part) => norm_if(before && feed_forward.is_some(), part)?,
                None => None,
            },
            parallel: inputs.parallel,
            post_feed_forward_norm: norm_if(after && feed_forward.is_some(), "post_ffw_norm")?,
            feed_forward,
            input_step: self.input_step(index)?,
            output_scale: self.output_scale(index)?,
            altup: self.altup(index)?,
        })
    }

    /// Reads what a layer's whole output is multiplied by; copies of the stream have no such step.
    fn output_scale(&self, index: usize) -> Result<Option<f32>, WeightsError> {
        if self.spec.altup.is_some() {
            return Ok(None);
        }
        let name = format!("blk.{index}.layer_output_scale.weight");
        let scale = self.optional_vector(&name, 1)?;
        Ok(scale.map(|scale| scale[0]))
    }

    fn attention(&self, index: usize) -> Result<Attention, WeightsError> {
        let (spec, family) = (self.spec, self.spec.family);
        let LayerSpec { value_dim, .. } = spec.layers[index];
        let own_keys = spec.layers[index].kv_source_layer.is_none();
        let name = |part: &str| format!("blk.{index}.{part}");
        let sinks = || self.vector(&name("attn_sinks.weight"), spec.heads);
        let attended = match &spec.mla {
            Some(mla) => spec.heads * mla.value_dim,
            None => spec.attended_width(index),
        };
        Ok(Attention {
            projections: match &spec.mla {
                Some(mla) => Projections::Mla(Box::new(self.mla(index, mla)?)),
                None => self.heads(index)?,
            },
            query_norm: self.query_norm(index)?,
            key_norm: self.key_norm(index)?,
            value_norm: (family.normed_values && own_keys).then(|| vec![1.0; value_dim]),
            sinks: family.sinks.then(sinks).transpose()?,
            output: self.linear(&name("attn_output"), spec.hidden_size, attended)?,
        })
    }

    /// Returns what the two steps of a layer start from.
    fn inputs(&self, index: usize) -> Inputs {
        let has = |part: &str| self.has(&format!("blk.{index}.{part}"));
        let family = self.spec.family;
        let own = family.feed_forward_norm;
        let (attention, feed_forward) = match family.residual {
            Residual::Sequential | Residual::OfFile => ("attn_norm", Some(own)),
            Residual::Parallel if has("attn_norm_2") => ("attn_norm_2", Some("attn_norm")),
            Residual::Parallel => ("attn_norm", None),
            Residual::ParallelUnlessNormed => ("attn_norm", has(own).then_some(own)),
        };
        let shared = family.residual == Residual::ParallelUnlessNormed && feed_forward.is_none();
        Inputs {
            attention,
            feed_forward,
            parallel: self.spec.parallel_residual || shared,
        }
    }

    /// Returns a norm, with the weights in `shape`.
    pub(super) fn norm(&self, name: &str, shape: &[usize]) -> Result<Norm, WeightsError> {
        // The converter leaves the ending of one of Falcon-H1's names out.
        let bare = !self.has(name) && self.gguf.tensor(name).is_some();
        let ending = if bare { "" } else { ".weight" };
        let weight = self.floats(self.tensor(&format!("{name}{ending}"))?, shape)?;
        let bias = match self.spec.family.norm {
            NormKind::Rms => None,
            NormKind::Layer => {
                let bias = self.optional_vector(&format!("{name}.bias"), weight.len())?;
                Some(bias.unwrap_or_else(|| vec![0.0; weight.len()]))
            }
        };
        Ok(Norm { weight, bias })
    }

    fn query_norm(&self, index: usize) -> Result<Option<Norm>, WeightsError> {
        self.head_norm(index, "attn_q_norm", self.spec.heads)
    }

    fn key_norm(&self, index: usize) -> Result<Option<Norm>, WeightsError> {
        let layer = &self.spec.layers[index];
        if layer.kv_source_layer.is_some() {
            return Ok(None);
        }
        self.head_norm(index, "attn_k_norm", layer.kv_heads)
    }

    /// Returns the norm of queries or of keys, if the layer has one.
    fn head_norm(
        &self,
        index: usize,
        part: &str,
        heads: usize,
    ) -> Result<Option<Norm>, WeightsError> {
        let (spec, name) = (self.spec, |part: &str| format!("blk.{index}.{part}"));
        let either = ["attn_q_norm", "attn_k_norm"].map(|part| self.has(&name(part)));
        let is_there = !spec.family.optional_query_key_norm || either.contains(&true);
        let head_dim = spec.layers[index].head_dim;
        let norm = |shape: &[usize]| self.norm(&name(part), shape).map(Some);
        let experts = spec.experts.map(|experts| experts.count);
        if experts.is_some() && experts == spec.family.unnormed_with_experts {
            return Ok(None);
        }
        match spec.family.query_key_norm {
            Some(span) if is_there => match span {
                QueryKeyNorm::Head => norm(&[head_dim]),
                QueryKeyNorm::EachHead => norm(&[head_dim, heads]),
                QueryKeyNorm::All => norm(&[heads * head_dim]),
                QueryKeyNorm::Unweighted => Ok(spec.layers[index].rope.map(|_| Norm {
                    weight: vec![1.0; head_dim],
                    bias: None,
                })),
            },
            _ => Ok(None),
        }
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

    /// Returns the token embedding, of which rows are read.
    pub(super) fn embedding(&self, rows: usize) -> Result<Linear, WeightsError> {
        let columns = self.spec.hidden_size;
        let place = self.place("token_embd", Rows::whole(rows), columns, None);
        Ok(Linear {
            place: Some(place),
            ..self.table("token_embd", rows, columns)?
        })
    }

    /// Returns the vectors of positions, of which rows are read.
    pub(super) fn positions(&self) -> Result<Option<Linear>, WeightsError> {
        let (rows, columns) = (self.spec.context_length, self.spec.hidden_size);
        let table = || self.table("position_embd", rows, columns);
        self.spec.family.learned_positions.then(table).transpose()
    }

    /// Notes where a matrix lies.
    fn place(
        &self,
        tensor: &str,
        part: Rows,
        columns: usize,
        stacked: Option<(usize, usize)>,
    ) -> PlaceId {
        let mut places = self.places.borrow_mut();
        places.push(Place {
            tensor: tensor.to_owned(),
            stacked,
            first: part.first,
            rows: part.rows,
            all: part.all,
            columns,
        });
        PlaceId(places.len() - 1)
    }

    /// Returns the output matrix: the embedding where the file has no other.
    pub(super) fn output(&self, embedding: &Linear) -> Result<Linear, WeightsError> {
        let (rows, columns) = (embedding.rows(), embedding.columns());
        if self.has("output") {
            return self.linear("output", rows, columns);
        }
        Ok(Linear {
            bias: self.optional_vector("output.bias", rows)?,
            place: Some(self.place("output", Rows::whole(rows), columns, None)),
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
        let divisors = self.optional_vector(spec.rope_factors, spec.rope_dim / 2)?;
        let mut values = divisors.iter().flatten();
        match values.find(|divisor| !(divisor.is_finite() && **divisor > 0.0)) {
            None => Ok(divisors),
            Some(divisor) => Err(WeightsError::RopeDivisor {
                name: self.gguf.own_name(spec.rope_factors).to_owned(),
                divisor: *divisor,
            }),
        }
    }
}
