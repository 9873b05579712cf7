//! The numbers of one model, read from its metadata and checked.
//!
//! What the family does with them is in `family`, the weights are in `weights`.

mod activation;
mod altup;
mod experts;
mod from_metadata;
mod gated_delta_net;
mod mixer;
mod reader;
mod rope;
mod short_conv;
mod ssd;
#[cfg(test)]
mod tests;

pub use altup::AltUpSpec;
pub use mixer::{Convolution, GatedDeltaNetSpec, MixerSpec, ShortConvSpec, SsdSpec};
pub use rope::plain;
pub use rope::{ROPE_FACTORS_LONG, ROPE_FACTORS_SHORT, Ramp, Rope};

use llm_kernels::rope::RopeLayout;
use llm_kernels::vector::Activation;

use crate::family::{self, Family, Routing};
use llm_gguf::{Gguf, Metadata, NotAModel, ValueError};
use reader::Reader;

/// The shape of a decoder.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// How the family differs from others.
    pub family: &'static Family,
    /// Which elements of a head rotate together: the family's, unless the file
    /// has its rows in another order.
    pub rope_layout: RopeLayout,
    /// Length of a token's vector.
    pub hidden_size: usize,
    /// Query heads.
    pub heads: usize,
    /// Rotated elements of a head, in layers that see everything.
    pub rope_dim: usize,
    /// Elements of each token's vector for one layer, which that layer adds to
    /// the stream in its own way; `None` where there are no such vectors.
    pub per_layer_embedding: Option<usize>,
    /// What embeddings are multiplied by.
    pub embedding_scale: f32,
    /// What a step's result is multiplied by before it is added to the stream.
    pub residual_scale: f32,
    /// What logits are multiplied by.
    pub logit_scale: f32,
    /// Factor of attention scores.
    pub attention_scale: f32,
    /// Queries of late positions are scaled up.
    pub temperature: Option<Temperature>,
    /// Soft cap of attention scores.
    pub attention_soft_cap: Option<f32>,
    /// Soft cap of logits.
    pub logit_soft_cap: Option<f32>,
    /// Added to the mean square in every norm, or to the variance.
    pub norm_epsilon: f32,
    /// Whether the feed-forward step starts from the stream before attention; some
    /// families' layers tell by the norm that they have not.
    pub parallel_residual: bool,
    /// Positions that the model was trained for; with divisors for short texts
    /// those of the first training.
    pub context_length: usize,
    /// The tensor with the divisors of the rotation, where the file has it.
    pub rope_factors: &'static str,
    /// Whether a position sees those after it too: such a model gives rows, and
    /// its logits mean nothing.
    pub bidirectional: bool,
    /// The experts of its layers.
    pub experts: Option<ExpertSpec>,
    /// Keys and values made from one short vector a position.
    pub mla: Option<MlaSpec>,
    /// The copies of the stream, where it has some.
    pub altup: Option<AltUpSpec>,
    /// What the layers do that keep a state.
    pub mixer: Option<MixerSpec>,
    /// One entry a layer.
    pub layers: Vec<LayerSpec>,
    /// Layers behind those, which guess further tokens and are not run.
    pub mtp_layers: usize,
}

/// What differs from layer to layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerSpec {
    /// Positions that a query sees, its own included, and as many after it in
    /// a model that sees ahead; `None` for all.
    pub window: Option<usize>,
    /// The rotation of queries and keys, `None` where they are not rotated.
    pub rope: Option<Rope>,
    /// Key and value heads, 0 where the layer does not attend.
    pub kv_heads: usize,
    /// Elements of a query's and a key's head.
    pub head_dim: usize,
    /// Elements of a value's head.
    pub value_dim: usize,
    /// Length of the feed-forward step's inner vector, in layers without
    /// experts and beside experts; 0 where there is no such step.
    pub intermediate_size: usize,
    /// What stands between the matrices of a feed-forward step without a gate;
    /// `None` where it has one.
    pub activation: Option<Activation>,
    /// The gate keeps what is so many deviations above its mean; `None` where it keeps
    /// everything.
    pub gate_sparsity: Option<f32>,
    /// The earlier layer whose keys and values it uses, where it has none.
    pub kv_source_layer: Option<usize>,
    /// Whether the layer attends to keys and values.
    pub attends: bool,
    /// Whether it keeps a state, instead or beside that, see [`MixerSpec`].
    pub recurrent: bool,
}

/// The feed-forward steps of a mixture of experts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExpertSpec {
    /// Experts of a layer.
    pub count: usize,
    /// Experts that a token goes through.
    pub used: usize,
    /// Length of an expert's inner vector.
    pub intermediate_size: usize,
    /// Length of the vectors that experts work on; `None` where it is the stream's.
    pub latent: Option<usize>,
    /// Length of the inner vector of the expert that every token goes through;
    /// 0 where there is none.
    pub shared: usize,
    /// The first layers have no experts.
    pub leading_dense_layers: usize,
    /// Every n-th layer has some.
    pub every: usize,
    /// How experts are weighed.
    pub routing: Routing,
    /// What weights are multiplied by.
    pub weight_scale: f32,
    /// Experts stand in this many groups.
    pub groups: usize,
    /// As many experts of a group as its rank is the sum of, the best.
    pub group_best: usize,
    /// Groups that a token may choose from.
    pub groups_used: usize,
}

/// Multi-head latent attention (DeepSeek-AI 2024, arXiv:2405.04434, section
/// 2.1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MlaSpec {
    /// Length of the vector that queries are made from; `None` where they are
    /// made from the stream.
    pub q_lora_rank: Option<usize>,
    /// Length of the vector that keys and values are made from.
    pub kv_lora_rank: usize,
    /// Elements of a head before and after attention, of keys and of values.
    pub key_dim: usize,
    /// See `key_dim`.
    pub value_dim: usize,
    /// Whether attention works on the short vectors themselves, which is what
    /// the cache holds then.
    pub absorbed: bool,
}

/// Queries at position `p` are multiplied by `1 + scale * ln(1 + (p + offset) / every)`,
/// the quotient rounded down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Temperature {
    /// The factor of the logarithm.
    pub scale: f32,
    /// Positions between two steps.
    pub every: usize,
    /// Positions that the first step comes earlier.
    pub offset: usize,
    /// Only in layers that do not rotate.
    pub unrotated: bool,
}

impl Temperature {
    /// Returns what the queries of a position are multiplied by.
    pub fn at(&self, position: usize) -> f32 {
        let steps = ((position + self.offset) / self.every) as f64;
        (f64::from(self.scale) * (1.0 + steps).ln() + 1.0) as f32
    }
}

/// Why a model's numbers cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The file does not say what it is.
    #[error(
        "the file does not name its architecture (general.architecture); it may hold a vocabulary or an adapter only"
    )]
    NoArchitecture,
    /// A family that cannot be run.
    #[error(
        "the architecture '{architecture}' is not known; known are {}",
        family::names()
    )]
    UnknownFamily {
        /// `general.architecture`.
        architecture: String,
    },
    /// A family that is known to need something that cannot be run.
    #[error(
        "the architecture '{architecture}' is not known: it needs {what}, which is not supported yet; choose a model of another architecture"
    )]
    Lacking {
        /// `general.architecture`.
        architecture: String,
        /// What it needs.
        what: &'static str,
    },
    /// A file that is no model.
    #[error(transparent)]
    NotAModel(#[from] NotAModel),
    /// A number is of another type.
    #[error(transparent)]
    Metadata(#[from] ValueError),
    /// A number is missing.
    #[error("the file lacks the number '{0}'; fetch it again or from another source")]
    Missing(String),
    /// A number that no model can have, or two that contradict each other.
    #[error("the file's numbers contradict each other: {0}")]
    Contradiction(String),
    /// More positions than the model has vectors for.
    #[error(
        "the model has vectors for {positions} positions, and {context} are wanted; choose at most {positions} (-c {positions})"
    )]
    TooLong {
        /// Positions that are wanted.
        context: usize,
        /// Those that it has vectors for.
        positions: usize,
    },
    /// A model for vectors, where text is wanted.
    #[error("the model makes vectors and no text; llm-embed runs it")]
    MakesVectors,
    /// A known family with a part that cannot be run yet.
    #[error("the model uses {0}, which is not supported yet")]
    Unsupported(String),
}

impl Spec {
    /// Reads the numbers of a model. Where its file has two sets of divisors for
    /// its rotation, one for long texts and one for short ones, `context`, the
    /// number of positions that will be run at most, chooses; without it they are
    /// those for short texts. The tensors themselves say that there are two sets:
    /// `convert_hf_to_gguf.py` writes no type of scaling beside those of Phi-3.
    ///
    /// # Errors
    /// An unknown family, one that gives no logits, or numbers that are missing
    /// or cannot be.
    pub fn from_gguf(gguf: &Gguf, context: Option<usize>) -> Result<Self, SpecError> {
        Self::for_rows(gguf, context)?.with_logits()
    }

    /// Reads the numbers of a model whose tensors are not there yet.
    ///
    /// # Errors
    /// As [`Spec::from_gguf`].
    pub fn from_metadata(metadata: &Metadata) -> Result<Self, SpecError> {
        Self::read(metadata, false, None)?.with_logits()
    }

    /// Does the same for a model of which only rows are wanted, which may see
    /// ahead.
    ///
    /// # Errors
    /// An unknown family, or numbers that are missing or cannot be.
    pub fn for_rows(gguf: &Gguf, context: Option<usize>) -> Result<Self, SpecError> {
        let sets = [ROPE_FACTORS_LONG, ROPE_FACTORS_SHORT];
        let long_and_short = sets.iter().all(|set| gguf.tensor(set).is_some());
        Self::read(gguf.metadata(), long_and_short, context)
    }

    fn with_logits(self) -> Result<Self, SpecError> {
        if self.bidirectional {
            Err(SpecError::MakesVectors)
        } else {
            Ok(self)
        }
    }

    fn read(
        metadata: &Metadata,
        long_and_short: bool,
        context: Option<usize>,
    ) -> Result<Self, SpecError> {
        metadata.refuse_non_models()?;
        let architecture = metadata
            .string("general.architecture")?
            .ok_or(SpecError::NoArchitecture)?;
        if family::ENCODERS.contains(&architecture) {
            return Err(SpecError::MakesVectors);
        }
        let family = family::find(architecture).ok_or_else(|| {
            let architecture = architecture.to_owned();
            match family::lacking(&architecture) {
                Some(what) => SpecError::Lacking { architecture, what },
                None => SpecError::UnknownFamily { architecture },
            }
        })?;
        let reader = Reader {
            metadata,
            family,
            long_and_short,
        };
        let spec = reader.spec(context)?;
        spec.check()?;
        Ok(spec)
    }

    fn check(&self) -> Result<(), SpecError> {
        let contradiction = |text: String| Err(SpecError::Contradiction(text));
        for layer in self.layers.iter().filter(|layer| layer.attends) {
            if !self.heads.is_multiple_of(layer.kv_heads) {
                return contradiction(format!(
                    "{} query heads over {} key heads",
                    self.heads, layer.kv_heads
                ));
            }
            let rotated = layer.rope.map_or(self.rope_dim, |rope| rope.dim);
            if layer.head_dim == 0 || rotated > layer.head_dim || !rotated.is_multiple_of(2) {
                return contradiction(format!(
                    "{rotated} rotated of {} elements of a head",
                    layer.head_dim
                ));
            }
        }
        let Some(experts) = self.experts else {
            return Ok(());
        };
        if experts.used > experts.count {
            return contradiction(format!("{} of {} experts", experts.used, experts.count));
        }
        if !experts.count.is_multiple_of(experts.groups)
            || experts.groups_used > experts.groups
            || experts.used > experts.count / experts.groups * experts.groups_used
        {
            return contradiction(format!(
                "{} experts of {} in {} of {} groups",
                experts.used, experts.count, experts.groups_used, experts.groups
            ));
        }
        Ok(())
    }

    /// Returns the elements of a layer's queries of one position.
    pub fn query_width(&self, layer: usize) -> usize {
        self.heads * self.layers[layer].head_dim
    }

    /// Returns the elements of a layer's keys of one position.
    pub fn key_width(&self, layer: usize) -> usize {
        self.layers[layer].kv_heads * self.layers[layer].head_dim
    }

    /// Returns the elements of a layer's values of one position.
    pub fn value_width(&self, layer: usize) -> usize {
        self.layers[layer].kv_heads * self.layers[layer].value_dim
    }

    /// Returns the elements of what a layer's attention gives for one position.
    pub fn attended_width(&self, layer: usize) -> usize {
        self.heads * self.layers[layer].value_dim
    }

    /// Returns the layer whose keys and values a layer uses: as a rule itself.
    pub fn cached_layer(&self, layer: usize) -> usize {
        self.layers[layer].kv_source_layer.unwrap_or(layer)
    }

    /// Returns what layer `layer` does with its state, if it keeps one.
    pub fn layer_mixer(&self, layer: usize) -> Option<&MixerSpec> {
        let recurrent = self.layers.get(layer)?.recurrent;
        self.mixer.as_ref().filter(|_| recurrent)
    }

    /// Returns the elements of the state of a sequence, all layers together; 0
    /// where no layer keeps one.
    pub fn state_elements(&self) -> usize {
        let layers = self.layers.iter().filter(|layer| layer.recurrent).count();
        let mixer = self.mixer.as_ref();
        mixer.map_or(0, |mixer| layers.saturating_mul(mixer.state_elements()))
    }

    /// Returns the experts of layer `layer`, if it has any.
    pub fn layer_experts(&self, layer: usize) -> Option<&ExpertSpec> {
        let experts = self.experts.as_ref();
        experts.filter(|experts| {
            layer >= experts.leading_dense_layers && (layer + 1).is_multiple_of(experts.every)
        })
    }

    /// Returns what the queries of layer `layer` are multiplied by, if they are.
    pub fn layer_temperature(&self, layer: usize) -> Option<Temperature> {
        let rotates = self.layers[layer].rope.is_some();
        self.temperature.filter(|it| !(it.unrotated && rotates))
    }
}
