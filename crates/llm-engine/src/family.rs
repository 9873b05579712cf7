//! How the model families differ, as data: the only place that knows their
//! names. A new family is a new entry here.

use llm_kernels::rope::RopeLayout;
use llm_kernels::vector::Gate;

/// What one family does differently from the common decoder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Family {
    /// `general.architecture` in GGUF.
    pub architecture: &'static str,
    /// Which elements of a head rotate together.
    pub rope_layout: RopeLayout,
    /// The non-linearity of the feed-forward step.
    pub gate: Gate,
    /// Where a layer norms the stream.
    pub norms: Norms,
    /// The tensor of the norm before the feed-forward step.
    pub feed_forward_norm: &'static str,
    /// How queries and keys are normed before they rotate.
    pub query_key_norm: Option<QueryKeyNorm>,
    /// Embeddings are multiplied by `sqrt(hidden_size)`.
    pub scaled_embedding: bool,
    /// Layers with a sliding window, `None` where every layer sees everything.
    pub window: Option<Window>,
    /// Every n-th layer does not rotate its queries and keys.
    pub unrotated_every: Option<usize>,
    /// No layer rotates them where the file says that its rotation was not
    /// fine-tuned (`rope.scaling.finetuned`).
    pub unrotated_unless_finetuned: bool,
    /// YaRN's temperature scales the attention scores, and not queries and keys,
    /// where the file has a multiplier of its logarithm.
    pub yarn_scales_scores: bool,
    /// Scores are divided by `sqrt(hidden_size / heads)`, and not by `sqrt(head_dim)`,
    /// in the model with this many layers.
    pub narrow_scores_at: Option<usize>,
    /// Each head has a learned attention-sink logit.
    pub sinks: bool,
    /// How the experts of a layer are weighed, where there are experts.
    pub routing: Routing,
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
    /// Every n-th layer attends, where the file does not say; the others keep a
    /// state by the gated delta rule. `None` where all attend.
    pub attends_every: Option<usize>,
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

/// What a norm of queries and keys spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryKeyNorm {
    /// One head.
    Head,
    /// All heads of a position.
    All,
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

const LLAMA: Family = Family {
    architecture: "llama",
    rope_layout: RopeLayout::Adjacent,
    gate: Gate::Silu,
    norms: Norms::Before,
    feed_forward_norm: "ffn_norm",
    query_key_norm: None,
    scaled_embedding: false,
    window: None,
    unrotated_every: None,
    unrotated_unless_finetuned: false,
    yarn_scales_scores: false,
    narrow_scores_at: None,
    sinks: false,
    routing: Routing {
        scoring: Scoring::Softmax,
        normalized: true,
    },
    mla: false,
    unscaled_scores: false,
    normed_values: false,
    keys_as_values: false,
    parallel_dense_mlp: false,
    attends_every: None,
    gated_attention: false,
    bidirectional: false,
};

const QWEN2: Family = Family {
    architecture: "qwen2",
    rope_layout: RopeLayout::Halves,
    ..LLAMA
};

const QWEN3: Family = Family {
    architecture: "qwen3",
    query_key_norm: Some(QueryKeyNorm::Head),
    ..QWEN2
};

const QWEN35: Family = Family {
    architecture: "qwen35",
    feed_forward_norm: "post_attention_norm",
    attends_every: Some(4),
    gated_attention: true,
    ..QWEN3
};

const GEMMA: Family = Family {
    architecture: "gemma",
    rope_layout: RopeLayout::Halves,
    gate: Gate::GeluTanh,
    scaled_embedding: true,
    ..LLAMA
};

const GEMMA3: Family = Family {
    architecture: "gemma3",
    norms: Norms::Around,
    query_key_norm: Some(QueryKeyNorm::Head),
    window: Some(Window {
        global_every: 6,
        length: None,
        rope: WindowRope::UnscaledBase(10_000.0),
    }),
    narrow_scores_at: Some(62),
    ..GEMMA
};

/// The families that make vectors and no text.
const EMBEDDERS: &[Family] = &[Family {
    architecture: "gemma-embedding",
    narrow_scores_at: None,
    bidirectional: true,
    ..GEMMA3
}];

/// All families that can be run.
pub const FAMILIES: &[Family] = &[
    LLAMA,
    Family {
        architecture: "mistral3",
        ..LLAMA
    },
    QWEN2,
    QWEN3,
    Family {
        architecture: "qwen3moe",
        ..QWEN3
    },
    GEMMA,
    Family {
        architecture: "gemma2",
        norms: Norms::Around,
        window: Some(Window {
            global_every: 2,
            length: Some(4096),
            rope: WindowRope::Same,
        }),
        narrow_scores_at: Some(46),
        ..GEMMA
    },
    GEMMA3,
    Family {
        architecture: "gemma4",
        norms: Norms::Around,
        query_key_norm: Some(QueryKeyNorm::Head),
        window: Some(Window {
            global_every: 6,
            length: None,
            rope: WindowRope::UnscaledBase(10_000.0),
        }),
        unscaled_scores: true,
        normed_values: true,
        keys_as_values: true,
        parallel_dense_mlp: true,
        ..GEMMA
    },
    Family {
        architecture: "phi3",
        rope_layout: RopeLayout::Halves,
        ..LLAMA
    },
    Family {
        architecture: "deepseek2",
        routing: Routing {
            scoring: Scoring::Softmax,
            normalized: false,
        },
        mla: true,
        yarn_scales_scores: true,
        ..LLAMA
    },
    Family {
        architecture: "gpt-oss",
        rope_layout: RopeLayout::Halves,
        gate: Gate::SiluClamped,
        feed_forward_norm: "post_attention_norm",
        window: Some(Window {
            global_every: 2,
            length: None,
            rope: WindowRope::Same,
        }),
        sinks: true,
        routing: Routing {
            scoring: Scoring::SoftmaxOfChosen,
            normalized: false,
        },
        ..LLAMA
    },
    Family {
        architecture: "glm4",
        norms: Norms::Around,
        ..LLAMA
    },
    Family {
        architecture: "granite",
        unrotated_unless_finetuned: true,
        ..LLAMA
    },
    Family {
        architecture: "olmo2",
        rope_layout: RopeLayout::Halves,
        norms: Norms::After,
        query_key_norm: Some(QueryKeyNorm::All),
        window: Some(Window {
            global_every: 4,
            length: None,
            rope: WindowRope::Unscaled,
        }),
        ..LLAMA
    },
    Family {
        architecture: "smollm3",
        unrotated_every: Some(4),
        ..LLAMA
    },
    QWEN35,
    Family {
        architecture: "qwen35moe",
        ..QWEN35
    },
];

/// Returns the family of a GGUF architecture, those that make vectors included.
pub fn find(architecture: &str) -> Option<&'static Family> {
    FAMILIES
        .iter()
        .chain(EMBEDDERS)
        .find(|family| family.architecture == architecture)
}

/// Returns the names of all families, for messages.
pub fn names() -> String {
    let names: Vec<_> = FAMILIES.iter().map(|family| family.architecture).collect();
    names.join(", ")
}
