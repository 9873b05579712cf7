//! Tiny models with random weights, written as GGUF and read back.
//!
//! Weights are scaled so that a wrong step shows: scores of attention spread
//! over some units, so that it is far from an average, and so do logits.

mod maker;
pub(crate) mod plans;

use std::io::Write;

use candle_core::quantized::GgmlDType;
use llm_kernels::block::Format;

use super::Model;
use super::gguf::Writer;

/// What a tiny model has.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) family: &'static str,
    pub(crate) layers: usize,
    pub(crate) vocabulary: usize,
    pub(crate) hidden_size: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head_dim: usize,
    pub(crate) rope_dim: usize,
    pub(crate) tied: bool,
    /// Whether the feed-forward step has a norm of its own, where families leave that
    /// open.
    pub(crate) two_norms: bool,
    /// Whether the name of that norm lacks its ending, as the converter has it in one
    /// family.
    pub(crate) bare_norm: bool,
    /// Whether queries and keys are normed, where families leave that open.
    pub(crate) query_key_norm: bool,
    /// Matrices and norms that have a bias.
    pub(crate) biases: &'static [&'static str],
    /// The tensors with divisors of the rotation, and how far these go up.
    pub(crate) rope_factors: &'static [(&'static str, f32)],
    pub(crate) joined: Joined,
    pub(crate) experts: Option<ExpertPlan>,
    pub(crate) mla: Option<MlaPlan>,
    pub(crate) varied: Option<VariedPlan>,
    pub(crate) mixer: Option<MixerPlan>,
    /// Whether it has all that [`super::super::agree`] takes away.
    pub(crate) capped: bool,
    /// Further metadata of the family.
    pub(crate) extra: &'static [(&'static str, Extra)],
    /// The size of what a layer adds to the stream.
    pub(crate) step: f32,
    /// How matrices are stored; vectors are F32.
    pub(crate) matrices: Matrices,
}

/// Matrices that lie in one tensor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joined {
    Nothing,
    Heads,
    GateAndUp,
    Everything,
}

#[derive(Clone, Copy)]
pub(crate) struct ExpertPlan {
    pub(crate) count: usize,
    pub(crate) used: usize,
    pub(crate) inner: usize,
    pub(crate) shared: usize,
    pub(crate) leading_dense_layers: usize,
    /// Every n-th layer has experts.
    pub(crate) every: usize,
    /// A tensor for each expert, as Mixtral's first files have them.
    pub(crate) separate: bool,
    pub(crate) router_bias: bool,
    /// Gate and up in one tensor.
    pub(crate) joined: bool,
    /// Whether the shared expert has a gate of its own.
    pub(crate) shared_gate: bool,
    /// Length of the vectors that experts work on, 0 for the stream's.
    pub(crate) latent: usize,
}

impl ExpertPlan {
    /// Whether a layer has experts.
    fn are_in(&self, layer: usize) -> bool {
        layer >= self.leading_dense_layers && (layer + 1).is_multiple_of(self.every)
    }
}

#[derive(Clone, Copy)]
pub(crate) struct MlaPlan {
    pub(crate) q_lora_rank: Option<usize>,
    pub(crate) kv_lora_rank: usize,
    pub(crate) value_dim: usize,
    pub(crate) absorbed: bool,
}

/// A model whose layers are not all of one shape: what [`Plan`] says of heads
/// holds for layers with a window.
#[derive(Clone, Copy)]
pub(crate) struct VariedPlan {
    /// Every n-th layer sees everything.
    pub(crate) global_every: usize,
    /// Key heads of those layers.
    pub(crate) kv_heads: usize,
    /// Elements of their heads, all of them rotated.
    pub(crate) head_dim: usize,
    /// Whether their keys are their values.
    pub(crate) keys_as_values: bool,
    /// The last layers use the keys of others, and their feed-forward step is
    /// twice as wide.
    pub(crate) sharing: usize,
    /// Elements of a token's vector for each layer, 0 for none.
    pub(crate) per_layer: usize,
    /// Copies of the stream, 0 for none; with them steps are not wider, and the gates of
    /// the first ten layers keep little.
    pub(crate) copies: usize,
}

/// Layers that keep a state.
#[derive(Clone, Copy)]
pub(crate) struct MixerPlan {
    pub(crate) step: StepPlan,
    pub(crate) attending: Attending,
}

/// What they do with it.
#[derive(Clone, Copy)]
pub(crate) enum StepPlan {
    GatedDeltaNet {
        kernel: usize,
        key_heads: usize,
        value_heads: usize,
        head_dim: usize,
    },
    ShortConv {
        kernel: usize,
    },
    Ssd {
        kernel: usize,
        heads: usize,
        head_dim: usize,
        state_dim: usize,
        groups: usize,
        /// Whether what comes out has a norm, where families leave that open.
        normed: bool,
    },
}

/// The layers that attend.
#[derive(Clone, Copy)]
pub(crate) enum Attending {
    /// Every n-th, as the file says; the others keep a state.
    Every(usize),
    /// These, which have heads of keys; the others keep a state.
    These(&'static [usize]),
    /// None, and there is no feed-forward step either.
    None,
    /// All, and all keep a state beside that.
    All,
    /// Those with an asterisk; those with an M keep a state, and only the others have a
    /// feed-forward step.
    OneStep(&'static str),
}

#[derive(Clone, Copy)]
pub(crate) enum Extra {
    Size(usize),
    Sizes(&'static [usize]),
    Float(f32),
    Text(&'static str),
    Bool(bool),
}

/// How matrices are stored.
#[derive(Clone, Copy)]
pub(crate) enum Matrices {
    /// As candle quantizes them.
    Quantized(GgmlDType),
    /// Blocks of random bits, for formats that nobody here can quantize to.
    Random(Format),
}

impl Plan {
    /// Makes the model. The file is gone when this returns; the map stays.
    pub(crate) fn build(&self, seed: u64) -> Model {
        let mut file = tempfile::NamedTempFile::with_suffix(".gguf").unwrap();
        file.write_all(&self.file(seed)).unwrap();
        file.flush().unwrap();
        Model::open(file.path())
    }

    /// Returns the model's file, to which more can be added.
    pub(crate) fn writer(&self, seed: u64) -> Writer {
        maker::make(self, seed)
    }

    /// Returns the bytes of the model's file.
    pub(crate) fn file(&self, seed: u64) -> Vec<u8> {
        self.writer(seed).finish()
    }
}
