//! Attention: x, normed → output(attention(x)).

use candle_core::{D, Result, Tensor};
use llm_engine::family::QueryKeyNorm;
use llm_engine::spec::{LayerSpec, MlaSpec, Spec};
use llm_engine::weights::{self, MlaUp, Projections};

use crate::cache::LayerCache;
use crate::projection::{Loader, Projection};
use crate::rope_and_mask::RopeAndMask;
use crate::steps::{Norm, Scores, attend, rms_norm, rotate, sigmoid};

/// Attention on the device; shapes as in [`weights::Attention`].
#[derive(Debug)]
pub(crate) struct Attention {
    inputs: Inputs,
    query_norm: Option<Norm>,
    key_norm: Option<Norm>,
    value_norm: Option<Tensor>,
    sinks: Option<Tensor>,
    output: Projection,
}

/// What makes queries, keys and values; see [`Projections`].
#[derive(Debug)]
enum Inputs {
    Heads {
        query: Projection,
        keys: Option<KvProjections>,
    },
    Mla(Box<Mla>),
}

/// See [`weights::KvProjections`].
#[derive(Debug)]
struct KvProjections {
    key: Projection,
    value: Option<Projection>,
}

/// See [`weights::Mla`].
#[derive(Debug)]
struct Mla {
    query_down: Option<(Projection, Tensor)>,
    query: Projection,
    down: Projection,
    norm: Tensor,
    up: Up,
}

/// See [`MlaUp`].
#[derive(Debug)]
enum Up {
    Expanded(Projection),
    Absorbed {
        keys: Vec<Projection>,
        values: Vec<Projection>,
    },
}

/// Queries, (rows, heads, `head_dim`), keys, (rows, `kv_heads`, `head_dim`), and
/// values, (rows, `kv_heads`, `value_dim`), all of them rotated; no keys and
/// values where those of another layer are used.
struct Heads {
    queries: Tensor,
    own: Option<(Tensor, Tensor)>,
}

impl Attention {
    pub(crate) fn load(loader: &Loader<'_>, layer: &weights::Attention) -> Result<Self> {
        let optional = |vector: &Option<Vec<f32>>| loader.optional_vector(vector.as_deref());
        Ok(Self {
            inputs: match &layer.projections {
                Projections::Heads { query, keys } => {
                    let keys = keys.as_ref().map(|keys| KvProjections::load(loader, keys));
                    Inputs::Heads {
                        query: loader.projection(query)?,
                        keys: keys.transpose()?,
                    }
                }
                Projections::Mla(mla) => Inputs::Mla(Box::new(Mla::load(loader, mla)?)),
            },
            query_norm: loader.optional_norm(layer.query_norm.as_ref())?,
            key_norm: loader.optional_norm(layer.key_norm.as_ref())?,
            value_norm: optional(&layer.value_norm)?,
            sinks: optional(&layer.sinks)?,
            output: loader.projection(&layer.output)?,
        })
    }

    /// x, (rows, `hidden_size`), normed → output(attention(x)), the same shape. `cached`
    /// is of the layer whose keys and values are used.
    pub(crate) fn forward(
        &self,
        spec: &Spec,
        layer: &LayerSpec,
        rope_and_mask: &RopeAndMask,
        start: usize,
        cached: &mut LayerCache,
        x: &Tensor,
    ) -> Result<Tensor> {
        let attended = match &self.inputs {
            Inputs::Heads { query, keys } => {
                let (query, gate) = part(spec, layer, query.forward(x)?)?;
                let heads = Heads {
                    queries: self.queries(spec, layer, rope_and_mask, query)?,
                    own: match keys {
                        Some(keys) => Some(self.keys(spec, layer, rope_and_mask, keys, x)?),
                        None => None,
                    },
                };
                let attended = self.attend(spec, rope_and_mask, start, cached, heads)?;
                match gate {
                    Some(gate) => (attended * sigmoid(&gate)?)?,
                    None => attended,
                }
            }
            Inputs::Mla(mla) => {
                let heads = mla.heads(spec, rope_and_mask, x)?;
                let attended = self.attend(spec, rope_and_mask, start, cached, heads)?;
                mla.results(spec, attended)?
            }
        };
        self.output.forward(&attended)
    }

    /// Appends keys and values and returns what the queries get from all.
    fn attend(
        &self,
        spec: &Spec,
        rope_and_mask: &RopeAndMask,
        start: usize,
        cached: &mut LayerCache,
        heads: Heads,
    ) -> Result<Tensor> {
        let queries = match &rope_and_mask.temperature {
            Some(factors) => heads.queries.broadcast_mul(factors)?,
            None => heads.queries,
        };
        let (keys, values) = match heads.own {
            // (kv_heads, positions, elements)
            Some((keys, values)) => {
                let keys = keys.transpose(0, 1)?.contiguous()?;
                let values = values.transpose(0, 1)?.contiguous()?;
                cached.append(start, keys, values)?
            }
            None => match cached.get() {
                Some(both) => both,
                None => candle_core::bail!("a layer shares keys that are not there"),
            },
        };
        let scores = Scores {
            scale: spec.attention_scale,
            cap: spec.attention_soft_cap,
            sinks: self.sinks.as_ref(),
        };
        attend(&queries, &keys, &values, &rope_and_mask.mask, &scores)
    }

    /// Projected queries, (rows, heads * `head_dim`) → heads, normed and turned.
    fn queries(
        &self,
        spec: &Spec,
        layer: &LayerSpec,
        rope_and_mask: &RopeAndMask,
        x: Tensor,
    ) -> Result<Tensor> {
        let norm = self.query_norm.as_ref();
        let shape = (spec.heads, layer.head_dim);
        norm_and_rotate(spec, x, norm, shape, rope_and_mask)
    }

    /// x, (rows, `hidden_size`), normed → keys and values.
    fn keys(
        &self,
        spec: &Spec,
        layer: &LayerSpec,
        rope_and_mask: &RopeAndMask,
        from: &KvProjections,
        x: &Tensor,
    ) -> Result<(Tensor, Tensor)> {
        let keys = from.key.forward(x)?;
        let values = match &from.value {
            Some(value) => value.forward(x)?,
            None => keys.clone(),
        };
        let norm = self.key_norm.as_ref();
        let shape = (layer.kv_heads, layer.head_dim);
        let keys = norm_and_rotate(spec, keys, norm, shape, rope_and_mask)?;
        let values = values.reshape((x.dim(0)?, layer.kv_heads, layer.value_dim))?;
        let values = match &self.value_norm {
            Some(weight) => rms_norm(&values, weight, spec.norm_epsilon)?,
            None => values,
        };
        Ok((keys, values))
    }
}

/// x, (rows, heads * elements) → (rows, heads, elements), turned, and normed head by
/// head or all of a row together, before that or after it.
fn norm_and_rotate(
    spec: &Spec,
    x: Tensor,
    norm: Option<&Norm>,
    (heads, head_dim): (usize, usize),
    rope_and_mask: &RopeAndMask,
) -> Result<Tensor> {
    let shape = (x.dim(0)?, heads, head_dim);
    let family = spec.family;
    let normed = |x: Tensor| match norm {
        None => x.reshape(shape),
        Some(norm) if family.query_key_norm == Some(QueryKeyNorm::All) => {
            let x = x.reshape((shape.0, heads * head_dim))?;
            norm.forward(&x, spec.norm_epsilon)?.reshape(shape)
        }
        Some(norm) => {
            let norm = norm.of_heads(head_dim)?;
            norm.forward(&x.reshape(shape)?, spec.norm_epsilon)
        }
    };
    if family.rotated_before_norm {
        normed(rotate(&x.reshape(shape)?, spec.rope_layout, rope_and_mask)?)
    } else {
        rotate(&normed(x)?, spec.rope_layout, rope_and_mask)
    }
}

impl KvProjections {
    fn load(loader: &Loader<'_>, keys: &weights::KvProjections) -> Result<Self> {
        let value = keys.value.as_ref();
        Ok(Self {
            key: loader.projection(&keys.key)?,
            value: value.map(|value| loader.projection(value)).transpose()?,
        })
    }
}

impl Mla {
    fn load(loader: &Loader<'_>, mla: &weights::Mla) -> Result<Self> {
        let query_down = mla.query_down.as_ref().map(|(down, norm)| {
            let down = loader.projection(down)?;
            Ok::<_, candle_core::Error>((down, loader.vector(norm)?))
        });
        Ok(Self {
            query_down: query_down.transpose()?,
            query: loader.projection(&mla.query)?,
            down: loader.projection(&mla.down)?,
            norm: loader.vector(&mla.norm)?,
            up: match &mla.up {
                MlaUp::Expanded(up) => Up::Expanded(loader.projection(up)?),
                MlaUp::Absorbed { keys, values } => Up::Absorbed {
                    keys: loader.projections(keys)?,
                    values: loader.projections(values)?,
                },
            },
        })
    }

    /// x, (rows, `hidden_size`), normed → queries, keys and values.
    fn heads(&self, spec: &Spec, rope_and_mask: &RopeAndMask, x: &Tensor) -> Result<Heads> {
        let mla = of(spec)?;
        let (rows, rotated) = (x.dim(0)?, spec.rope_dim);
        let unrotated = mla.key_dim - rotated;
        let queries = match &self.query_down {
            Some((down, norm)) => {
                let short = rms_norm(&down.forward(x)?, norm, spec.norm_epsilon)?;
                self.query.forward(&short)?
            }
            None => self.query.forward(x)?,
        };
        let queries = queries.reshape((rows, spec.heads, mla.key_dim))?;
        let plain = queries.narrow(2, 0, unrotated)?;
        let turned = queries.narrow(2, unrotated, rotated)?.contiguous()?;
        let turned = rotate(&turned, spec.rope_layout, rope_and_mask)?;
        let joint = self.down.forward(x)?;
        let short = joint.narrow(1, 0, mla.kv_lora_rank)?.contiguous()?;
        let short = rms_norm(&short, &self.norm, spec.norm_epsilon)?;
        let key = joint.narrow(1, mla.kv_lora_rank, rotated)?.contiguous()?;
        let key = rotate(
            &key.reshape((rows, 1, rotated))?,
            spec.rope_layout,
            rope_and_mask,
        )?;
        match &self.up {
            Up::Expanded(up) => {
                let each = unrotated + mla.value_dim;
                let both = up.forward(&short)?.reshape((rows, spec.heads, each))?;
                let key = key
                    .broadcast_as((rows, spec.heads, rotated))?
                    .contiguous()?;
                Ok(Heads {
                    queries: Tensor::cat(&[plain, turned], D::Minus1)?,
                    own: Some((
                        Tensor::cat(&[both.narrow(2, 0, unrotated)?, key], D::Minus1)?,
                        both.narrow(2, unrotated, mla.value_dim)?.contiguous()?,
                    )),
                })
            }
            Up::Absorbed { keys, .. } => {
                let short = short.reshape((rows, 1, mla.kv_lora_rank))?;
                let plain = each_head(keys, &plain)?;
                Ok(Heads {
                    queries: Tensor::cat(&[plain, turned], D::Minus1)?,
                    own: Some((Tensor::cat(&[short.clone(), key], D::Minus1)?, short)),
                })
            }
        }
    }

    /// What attention gave → (rows, heads * the heads' `value_dim`).
    fn results(&self, spec: &Spec, attended: Tensor) -> Result<Tensor> {
        let Up::Absorbed { values, .. } = &self.up else {
            return Ok(attended);
        };
        let mla = of(spec)?;
        let rows = attended.dim(0)?;
        let attended = attended.reshape((rows, spec.heads, mla.kv_lora_rank))?;
        each_head(values, &attended)?.reshape((rows, spec.heads * mla.value_dim))
    }
}

/// Queries with their gates, where the family has some → each, (rows, heads *
/// `head_dim`).
fn part(spec: &Spec, layer: &LayerSpec, queries: Tensor) -> Result<(Tensor, Option<Tensor>)> {
    if !spec.family.gated_attention {
        return Ok((queries, None));
    }
    let (rows, dim) = (queries.dim(0)?, layer.head_dim);
    let both = queries.reshape((rows, spec.heads, 2 * dim))?;
    let half = |at: usize| {
        let half = both.narrow(2, at * dim, dim)?.contiguous()?;
        half.reshape((rows, spec.heads * dim))
    };
    Ok((half(0)?, Some(half(1)?)))
}

fn of(spec: &Spec) -> Result<MlaSpec> {
    let mla = spec.mla;
    mla.ok_or_else(|| candle_core::Error::Msg("the model has no latent attention".into()))
}

/// x, (rows, heads, elements) → each head through a matrix of its own.
fn each_head(matrices: &[Projection], x: &Tensor) -> Result<Tensor> {
    let heads: Result<Vec<Tensor>> = matrices
        .iter()
        .enumerate()
        .map(|(head, matrix)| {
            let x = x.narrow(1, head, 1)?.squeeze(1)?.contiguous()?;
            matrix.forward(&x)?.unsqueeze(1)
        })
        .collect();
    Tensor::cat(&heads?, 1)
}
