//! How the model families differ, as data: what there is to say of one. The
//! families themselves are the rows of `table`.

mod table;

pub use table::{ENCODERS, FAMILIES};

use crate::spec::Temperature;
use llm_kernels::rope::RopeLayout;
use llm_kernels::vector::Gate;
use table::{EMBEDDERS, LACKING};

/// What one family does differently from the common decoder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Family {
    /// `general.architecture` in GGUF.
    pub architecture: &'static str,
    /// Which elements of a head rotate together.
    pub rope_layout: RopeLayout,
    /// The non-linearity of the feed-forward step.
    pub gate: Gate,
    /// The same where the step has no gate and is `down(activation(up(x)))`.
    pub ungated: Option<Ungated>,
    /// The file's length of the feed-forward step counts gate and up together.
    pub gate_in_length: bool,
    /// What a norm of the stream, of queries and of keys is.
    pub norm: NormKind,
    /// Where a layer norms the stream.
    pub norms: Norms,
    /// The tensor of the norm behind the last layer.
    pub output_norm: &'static str,
    /// The tensor of the norm before the feed-forward step.
    pub feed_forward_norm: &'static str,
    /// What the feed-forward step starts from.
    pub residual: Residual,
    /// How queries and keys are normed.
    pub query_key_norm: Option<QueryKeyNorm>,
    /// That norm is left out where the file has no weights of it.
    pub optional_query_key_norm: bool,
    /// Queries and keys are not normed in the model with this many experts.
    pub unnormed_with_experts: Option<usize>,
    /// That norm follows the rotation.
    pub rotated_before_norm: bool,
    /// Embeddings are multiplied by `sqrt(hidden_size)`.
    pub scaled_embedding: bool,
    /// A learned vector for each position is added to the embedding.
    pub learned_positions: bool,
    /// Layers with a sliding window, `None` where every layer sees everything.
    pub window: Option<Window>,
    /// Windows do not move with the text, but stand beside each other.
    pub chunked: bool,
    /// What queries are multiplied by, where the file does not say.
    pub temperature: Option<Temperature>,
    /// Every n-th layer does not rotate its queries and keys.
    pub unrotated_every: Option<usize>,
    /// In a model with windows only layers with one rotate them.
    pub unrotated_without_window: bool,
    /// No layer rotates them where the file says that its rotation was not
    /// fine-tuned (`rope.scaling.finetuned`).
    pub unrotated_unless_finetuned: bool,
    /// YaRN's temperature scales the attention scores, and not queries and keys,
    /// where the file has a multiplier of its logarithm.
    pub yarn_scales_scores: bool,
    /// Scores are divided by `sqrt(hidden_size / heads)`, and not by `sqrt(head_dim)`,
    /// in the model with this many layers.
    pub narrow_scores_at: Option<usize>,
    /// Logits are multiplied by the file's scale, and not divided.
    pub logits_multiplied: bool,
    /// Each head has a learned attention-sink logit.
    pub sinks: bool,
    /// How the experts of a layer are weighed, where there are experts.
    pub routing: Routing,
    /// Their weights are for what goes into them, and not for what comes out.
    pub weighs_expert_inputs: bool,
    /// Experts that every token goes through, where the file does not say.
    pub shared_experts: usize,
    /// Whether keys and values are made from one short vector a position.
    pub mla: bool,
    /// Scores are the products of queries and keys, divided by nothing.
    pub unscaled_scores: bool,
    /// Each head's value is divided by its root mean square.
    pub normed_values: bool,
    /// Layers without a matrix for values take the keys for them, as they are
    /// before their norm.
    pub keys_as_values: bool,
    /// Layers with experts have the dense step beside them, and norms of each.
    pub parallel_dense_mlp: bool,
    /// The stream has copies, of which each layer computes one and corrects the others.
    pub alternating_updates: bool,
    /// Layers that keep a state, `None` where all attend.
    pub mixer: Option<Mixer>,
    /// What comes out of such a layer may have no norm.
    pub optional_mixer_norm: bool,
    /// Heads of values that share a head of keys stand beside each other, and not each
    /// in its turn.
    pub grouped_value_heads: bool,
    /// Whether each head has a gate for what attention gives, in one matrix
    /// with its query.
    pub gated_attention: bool,
    /// Whether a position sees those after it too, where the file does not say:
    /// such a model gives vectors and no logits.
    pub bidirectional: bool,
}

/// Where a layer norms the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norms {
    /// What goes into attention and into the feed-forward step.
    Before,
    /// That, and what comes out of both.
    Around,
    /// Only what comes out.
    After,
}

/// What a norm does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormKind {
    /// Divides by the root mean square.
    Rms,
    /// Takes the mean away, divides by the deviation, and adds a bias where the
    /// file has one.
    Layer,
}

/// What the feed-forward step starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residual {
    /// The stream after attention.
    Sequential,
    /// The stream before it, normed as for attention: both results are added
    /// to it. A file may have norms of the two.
    Parallel,
    /// The same in layers without a norm of this step.
    ParallelUnlessNormed,
    /// One or the other, as the file says, with a norm of its own.
    OfFile,
}

/// The non-linearity of a feed-forward step without a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ungated {
    /// GELU in its tanh form, or as it is defined where the file says so.
    GeluTanh,
    /// The square of what is above 0.
    ReluSquared,
    /// xIELU, whose numbers the file has for each layer.
    Xielu,
}

/// What a norm of queries and keys spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryKeyNorm {
    /// One head, with the same weights for each.
    Head,
    /// One head, with weights of its own.
    EachHead,
    /// All heads of a position.
    All,
    /// One head of those that are rotated, without weights.
    Unweighted,
}

/// The alternation of layers with and without a sliding window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Every n-th layer sees everything, the others their window.
    pub global_every: usize,
    /// The window, where the file does not say.
    pub length: Option<usize>,
    /// The rotation in layers with a window.
    pub rope: WindowRope,
}

/// How layers with a sliding window rotate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WindowRope {
    /// As the others do.
    Same,
    /// As the others, but without what stretches the positions.
    Unscaled,
    /// The same, with this base where the file names none.
    UnscaledBase(f32),
}

/// The layers of a family that keep a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mixer {
    /// What they do with it.
    pub kind: MixerKind,
    /// Which they are.
    pub layers: StatefulLayers,
}

/// What a layer does with its state, see [`crate::spec::MixerSpec`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MixerKind {
    /// The gated delta rule.
    GatedDeltaNet,
    /// A convolution between two gates.
    ShortConv,
    /// State-space duality.
    Ssd,
}

/// Which layers keep a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatefulLayers {
    /// All but every n-th, where the file does not list them; the others attend.
    AllBut(usize),
    /// Those without heads of keys; the others attend.
    WithoutKeys,
    /// All, and none attends or has a feed-forward step.
    Alone,
    /// All, beside their attention.
    Beside,
    /// Those without heads of keys and without a feed-forward step: each layer is one of
    /// the three.
    OneStep,
}

/// What an expert's score is made of, where the file does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Routing {
    /// How the router's numbers become weights.
    pub scoring: Scoring,
    /// Whether the weights of the chosen experts are made to sum to one.
    pub normalized: bool,
}

/// How a router's numbers become weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scoring {
    /// A softmax over all experts.
    Softmax,
    /// A softmax over the chosen ones.
    SoftmaxOfChosen,
    /// The logistic function of each.
    Sigmoid,
}

/// Returns the family of a GGUF architecture, those that make vectors included.
pub fn find(architecture: &str) -> Option<&'static Family> {
    FAMILIES
        .iter()
        .chain(EMBEDDERS)
        .find(|family| family.architecture == architecture)
}

/// Returns what an architecture needs that cannot be run, where it is known.
pub fn lacking(architecture: &str) -> Option<&'static str> {
    let mut known = LACKING.iter().filter(|(name, _)| *name == architecture);
    known.next().map(|(_, what)| *what)
}

/// Returns the names of all families, for messages.
pub fn names() -> String {
    let names: Vec<_> = FAMILIES.iter().map(|family| family.architecture).collect();
    names.join(", ")
}
