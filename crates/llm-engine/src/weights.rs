//! Named tensors in the order in which the forward pass uses them, checked
//! against the model's numbers. Matrices stay in the file's memory map.

mod altup;
mod linear;
mod loader;
mod mixer;
mod norm;
mod place;
mod rest;

use llm_kernels::matmul::Matrix;
use llm_kernels::vector::Activation;

use crate::spec::Spec;
pub use altup::{AltUp, Copies};
pub use linear::Linear;
use llm_gguf::Gguf;
use loader::Loader;
pub use mixer::{GatedDeltaNet, Mixer, MixerInputs, ShortConv, Ssd};
pub use norm::Norm;
pub use place::{Place, PlaceId};
use rest::Wanted;
pub use rest::named;

/// The weights of a decoder.
#[derive(Debug)]
pub struct Weights {
    /// (vocabulary, `hidden_size`)
    pub embedding: Linear,
    /// (positions, `hidden_size`), added to the embedding, where positions have vectors.
    pub positions: Option<Linear>,
    /// One entry a layer.
    pub layers: Vec<Layer>,
    /// (`hidden_size`)
    pub output_norm: Norm,
    /// (vocabulary, `hidden_size`); the embedding where the file has no other.
    pub output: Linear,
    /// Divisors of the rotation frequencies, (`rope_dim` / 2).
    pub rope_factors: Option<Vec<f32>>,
    /// What makes each layer's own input from a token.
    pub per_layer_embeddings: Option<PerLayerEmbeddings>,
    /// What makes the copies of the stream, and one of them again.
    pub copies: Option<Copies>,
    /// Where the matrices lie that an adapter can add to.
    pub places: Vec<Place>,
}

/// Vectors of a token for each layer, beside the stream (Gemma 3n and 4).
/// A token's row and the projection of its embedding, normed layer by layer,
/// are summed and divided by `sqrt(2)`.
#[derive(Debug)]
pub struct PerLayerEmbeddings {
    /// (vocabulary, layers * `per_layer_embedding`); of tokens that stand for pictures and
    /// sounds it may have none.
    pub embedding: Linear,
    /// (layers * `per_layer_embedding`, `hidden_size`)
    pub projection: Linear,
    /// (`per_layer_embedding`)
    pub norm: Vec<f32>,
}

/// The weights of one layer. A norm is `None` where the family has none.
#[derive(Debug)]
pub struct Layer {
    /// (`hidden_size`)
    pub attention_norm: Option<Norm>,
    /// Keys and values, `None` where the layer does not attend.
    pub attention: Option<Attention>,
    /// The step with a state, instead of attention or beside it.
    pub mixer: Option<Mixer>,
    /// (`hidden_size`)
    pub post_attention_norm: Option<Norm>,
    /// (`hidden_size`)
    pub feed_forward_norm: Option<Norm>,
    /// Whether the feed-forward step starts from the stream before attention; without
    /// a norm of its own it takes what attention took.
    pub parallel: bool,
    /// The step after attention, or beside it; `None` where there is none.
    pub feed_forward: Option<FeedForward>,
    /// (`hidden_size`)
    pub post_feed_forward_norm: Option<Norm>,
    /// The step with the layer's own input, after the feed-forward step.
    pub input_step: Option<InputStep>,
    /// What the stream is multiplied by at the end.
    pub output_scale: Option<f32>,
    /// How the copies of the stream are predicted and corrected.
    pub altup: Option<Box<AltUp>>,
}

/// The weights of attention. A norm is `None` where the family has none.
#[derive(Debug)]
pub struct Attention {
    /// What makes queries, keys and values.
    pub projections: Projections,
    /// (`head_dim`), or (heads * `head_dim`) where the norm spans all heads or each
    /// has its own weights.
    pub query_norm: Option<Norm>,
    /// (`head_dim`), or (`kv_heads` * `head_dim`).
    pub key_norm: Option<Norm>,
    /// (`value_dim`), ones: no family weighs its values.
    pub value_norm: Option<Vec<f32>>,
    /// A score of each head that goes to no position, (heads).
    pub sinks: Option<Vec<f32>>,
    /// (`hidden_size`, what attention gives)
    pub output: Linear,
}

/// `norm(up(activation(gate(x)) * input))`, added to the stream.
#[derive(Debug)]
pub struct InputStep {
    /// (`per_layer_embedding`, `hidden_size`)
    pub gate: Linear,
    /// (`hidden_size`, `per_layer_embedding`)
    pub up: Linear,
    /// (`hidden_size`)
    pub norm: Norm,
}

/// What makes queries, keys and values.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "one a layer, and the large one is the usual one"
)]
pub enum Projections {
    /// Each from the stream.
    Heads {
        /// (heads * `head_dim`, `hidden_size`); with a gate of what attention gives,
        /// (heads * 2 * `head_dim`, `hidden_size`), each head's query before its gate.
        query: Linear,
        /// `None` where the layer uses those of another.
        keys: Option<KvProjections>,
    },
    /// Keys and values from one short vector, see [`crate::spec::MlaSpec`].
    Mla(Box<Mla>),
}

/// What makes the keys and values of a layer.
#[derive(Debug)]
pub struct KvProjections {
    /// (`kv_heads` * `head_dim`, `hidden_size`)
    pub key: Linear,
    /// (`kv_heads` * `value_dim`, `hidden_size`); `None` where the projected keys are
    /// the values as well.
    pub value: Option<Linear>,
}

/// The projections of latent attention. A head's key has an unrotated part in
/// front, `key_dim - rope_dim` elements, and a rotated one.
#[derive(Debug)]
pub struct Mla {
    /// (`q_lora_rank`, `hidden_size`) and its norm, (`q_lora_rank`), where queries are
    /// made in two steps.
    pub query_down: Option<(Linear, Vec<f32>)>,
    /// (heads * `key_dim`, `q_lora_rank` or `hidden_size`)
    pub query: Linear,
    /// (rank + `rope_dim`, `hidden_size)`: the short vector and the rotated part of the
    /// key, which all heads share.
    pub down: Linear,
    /// (rank)
    pub norm: Vec<f32>,
    /// From short vectors to heads.
    pub up: MlaUp,
}

/// How heads come from short vectors.
#[derive(Debug)]
pub enum MlaUp {
    /// Keys and values of all heads are made for each position: (heads * (the
    /// unrotated part + `value_dim`), rank).
    Expanded(Linear),
    /// Queries are brought to the short vectors and results back, one matrix a
    /// head each.
    Absorbed {
        /// (rank, the unrotated part)
        keys: Vec<Linear>,
        /// (`value_dim`, rank)
        values: Vec<Linear>,
    },
}

/// The step after attention.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "one a layer, and the large one is the usual one"
)]
pub enum FeedForward {
    /// One for all tokens.
    Dense(Mlp),
    /// A few of many for each token.
    Experts(Box<Experts>),
}

/// `down(activation(gate(x)) * up(x))`, or `down(activation(up(x)))`.
#[derive(Debug)]
pub struct Mlp {
    /// What the result of `up` goes through.
    pub inner: Inner,
    /// (inner, `hidden_size`)
    pub up: Linear,
    /// (`hidden_size`, inner)
    pub down: Linear,
    /// See [`crate::spec::LayerSpec::gate_sparsity`].
    pub sparsity: Option<f32>,
}

/// What stands between the two matrices that every feed-forward step has.
#[derive(Debug)]
pub enum Inner {
    /// A product with the activated gate, (inner, `hidden_size`); the family says by
    /// what it is activated.
    Gate(Linear),
    /// An activation alone.
    Activation(Activation),
}

impl Mlp {
    /// Returns the matrices that the step begins with.
    pub fn first_matrices(&self) -> Vec<Matrix<'_>> {
        match &self.inner {
            Inner::Gate(gate) => vec![gate.matrix(), self.up.matrix()],
            Inner::Activation(_) => vec![self.up.matrix()],
        }
    }
}

/// A mixture of experts.
#[derive(Debug)]
pub struct Experts {
    /// (experts, `hidden_size`)
    pub router: Linear,
    /// Added to the scores for choosing, not for weighing, (experts).
    pub router_bias: Option<Vec<f32>>,
    /// In the order of the router's rows.
    pub experts: Vec<Mlp>,
    /// What stands around them where they work on shorter vectors.
    pub latent: Option<Latent>,
    /// What an expert's result is multiplied by, (experts).
    pub scales: Option<Vec<f32>>,
    /// The expert that every token goes through.
    pub shared: Option<Mlp>,
    /// Where that expert's result has a gate, (`hidden_size`).
    pub shared_gate: Option<Vec<f32>>,
    /// Where the shared expert stands beside the others, on its own.
    pub beside: Option<BesideNorms>,
}

/// The way to the shorter vectors of experts, and back.
#[derive(Debug)]
pub struct Latent {
    /// (`latent`, `hidden_size`)
    pub down: Linear,
    /// (`hidden_size`, `latent`)
    pub up: Linear,
}

/// The norms of experts beside a dense step; the layer's own norms are before
/// the dense step and behind the sum of both. (`hidden_size`) each.
#[derive(Debug)]
pub struct BesideNorms {
    /// Before the router, of the stream.
    pub router: Norm,
    /// Before the experts, of the stream.
    pub experts: Norm,
    /// Behind the experts.
    pub after_experts: Norm,
    /// Behind the dense step.
    pub after_dense: Norm,
}

impl PerLayerEmbeddings {
    /// Writes the row of a token, the first one where it has none.
    pub fn write_row(&self, token: u32, out: &mut [f32]) {
        let row = token as usize;
        let row = if row < self.embedding.rows() { row } else { 0 };
        self.embedding.dequantize_row(row, out);
    }
}

impl Layer {
    /// Returns the matrices that the stream meets first.
    pub fn first_matrices(&self) -> Vec<Matrix<'_>> {
        match (&self.attention, &self.mixer, &self.feed_forward) {
            (Some(attention), ..) => attention.projections.matrices(),
            (None, Some(mixer), _) => mixer.inputs.matrices(),
            (None, None, Some(feed_forward)) => feed_forward.first_matrices(),
            (None, None, None) => Vec::new(),
        }
    }
}

impl Projections {
    /// Returns the matrices that a token's normed row meets.
    fn matrices(&self) -> Vec<Matrix<'_>> {
        match self {
            Self::Heads { query, keys } => {
                let keys = keys.iter();
                let rest = keys.flat_map(|keys| [Some(&keys.key), keys.value.as_ref()]);
                let all = [Some(query)].into_iter().chain(rest).flatten();
                all.map(Linear::matrix).collect()
            }
            Self::Mla(mla) => {
                let query = mla.query_down.as_ref();
                let query = query.map_or(&mla.query, |(down, _)| down);
                vec![query.matrix(), mla.down.matrix()]
            }
        }
    }
}

impl FeedForward {
    /// Returns the matrices that the step begins with, as far as they do not
    /// depend on the token.
    pub fn first_matrices(&self) -> Vec<Matrix<'_>> {
        match self {
            Self::Dense(mlp) => mlp.first_matrices(),
            Self::Experts(experts) => match (&experts.beside, &experts.shared) {
                (Some(_), Some(dense)) => dense.first_matrices(),
                _ => vec![experts.router.matrix()],
            },
        }
    }
}

/// Why the tensors of a file cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// A tensor that the architecture needs is not there.
    #[error("the file lacks the tensor '{0}'; it may hold a part of a model only")]
    Missing(String),
    /// A tensor of another shape than the model's numbers say.
    #[error("the tensor '{name}' has the shape {found}, and {expected} is needed")]
    Shape {
        /// The tensor.
        name: String,
        /// Its shape.
        found: String,
        /// The shape that follows from the model's numbers.
        expected: String,
    },
    /// Tensors that the architecture does not have.
    #[error(
        "the file holds {tensors}, which is not implemented for the architecture '{architecture}', so that the model would give wrong output; fetch it from another source"
    )]
    Surplus {
        /// Their names, or the first and how many there are beside it.
        tensors: String,
        /// `general.architecture`.
        architecture: &'static str,
    },
    /// Tensors of layers that the file does not count.
    #[error(
        "the model has {layers} layers by its own numbers (block_count, num_hidden_layers in a folder) and holds {tensors} of more; fetch it again or from another source"
    )]
    SurplusLayer {
        /// Their names, or the first and how many there are beside it.
        tensors: String,
        /// The layers that it counts.
        layers: usize,
    },
    /// A rotation that divides by what is no number above 0.
    #[error(
        "the tensor '{name}' has the rotation divided by {divisor}, which must be above 0 and finite; fetch it again or from another source"
    )]
    RopeDivisor {
        /// The tensor.
        name: String,
        /// The first such number.
        divisor: f32,
    },
    /// The system gives no memory for rows in another order.
    #[error("no memory for the rows of '{name}': {reason}")]
    NoMemory {
        /// The tensor.
        name: String,
        /// The system's reason.
        reason: String,
    },
    /// A tensor type that cannot be run.
    #[error(
        "the tensor '{name}' is stored as {dtype}, which cannot be run yet; choose a file in Q4_K_M or Q8_0"
    )]
    Type {
        /// The tensor.
        name: String,
        /// Its type.
        dtype: String,
    },
}

impl Weights {
    /// Finds and checks all tensors of a model, and that there are no others.
    ///
    /// # Errors
    /// A missing tensor, one of a wrong shape, one that cannot be run, or one
    /// that is not computed.
    pub fn from_gguf(gguf: &Gguf, spec: &Spec) -> Result<Self, WeightsError> {
        Self::find(gguf, spec, Some(Wanted::Logits))
    }

    /// Does the same for a model of which only rows are wanted: what makes
    /// vectors of them is read elsewhere.
    ///
    /// # Errors
    /// Those of [`from_gguf`](Self::from_gguf).
    pub fn for_rows(gguf: &Gguf, spec: &Spec) -> Result<Self, WeightsError> {
        Self::find(gguf, spec, Some(Wanted::Rows))
    }

    /// Finds and checks the tensors of a part of a model, whatever else there is.
    ///
    /// # Errors
    /// A missing tensor, one of a wrong shape, or one that cannot be run.
    pub fn of_part(gguf: &Gguf, part: &Spec) -> Result<Self, WeightsError> {
        Self::find(gguf, part, None)
    }

    fn find(gguf: &Gguf, spec: &Spec, wanted: Option<Wanted>) -> Result<Self, WeightsError> {
        let loader = Loader::new(gguf, spec);
        let vocabulary = loader.matrix_rows("token_embd")?;
        let embedding = loader.embedding(vocabulary)?;
        let layers = (0..spec.layers.len()).map(|index| loader.layer(index));
        let mut weights = Self {
            output: loader.output(&embedding)?,
            embedding,
            positions: loader.positions()?,
            layers: layers.collect::<Result<_, _>>()?,
            output_norm: loader.norm(spec.family.output_norm, &[spec.hidden_size])?,
            rope_factors: loader.rope_factors()?,
            per_layer_embeddings: loader.per_layer_embeddings(vocabulary)?,
            copies: loader.copies()?,
            places: Vec::new(),
        };
        weights.places = loader.places.take();
        if let Some(wanted) = wanted {
            loader.refuse_rest(wanted)?;
        }
        Ok(weights)
    }

    /// Returns the number of tokens that the embedding has rows for.
    pub fn vocabulary(&self) -> usize {
        self.embedding.rows()
    }
}
