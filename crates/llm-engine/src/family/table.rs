//! The model families: the only place that knows their names. A new family is a
//! new row here.

use llm_kernels::rope::RopeLayout;
use llm_kernels::vector::Gate;

use crate::spec::Temperature;

use super::{
    Family, Mixer, MixerKind, NormKind, Norms, QueryKeyNorm, Residual, Routing, Scoring,
    StatefulLayers, Ungated, Window, WindowRope,
};

const LLAMA: Family = Family {
    architecture: "llama",
    rope_layout: RopeLayout::Adjacent,
    gate: Gate::Silu,
    ungated: None,
    gate_in_length: false,
    norm: NormKind::Rms,
    norms: Norms::Before,
    output_norm: "output_norm",
    feed_forward_norm: "ffn_norm",
    residual: Residual::Sequential,
    query_key_norm: None,
    optional_query_key_norm: false,
    unnormed_with_experts: None,
    rotated_before_norm: false,
    scaled_embedding: false,
    learned_positions: false,
    window: None,
    chunked: false,
    temperature: None,
    unrotated_every: None,
    unrotated_without_window: false,
    unrotated_unless_finetuned: false,
    yarn_scales_scores: false,
    narrow_scores_at: None,
    logits_multiplied: false,
    sinks: false,
    routing: Routing {
        scoring: Scoring::Softmax,
        normalized: true,
    },
    weighs_expert_inputs: false,
    shared_experts: 0,
    mla: false,
    unscaled_scores: false,
    normed_values: false,
    keys_as_values: false,
    parallel_dense_mlp: false,
    alternating_updates: false,
    mixer: None,
    optional_mixer_norm: false,
    grouped_value_heads: false,
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
    mixer: Some(Mixer {
        kind: MixerKind::GatedDeltaNet,
        layers: StatefulLayers::AllBut(4),
    }),
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

const COMMAND_R: Family = Family {
    architecture: "command-r",
    norm: NormKind::Layer,
    residual: Residual::Parallel,
    query_key_norm: Some(QueryKeyNorm::EachHead),
    optional_query_key_norm: true,
    logits_multiplied: true,
    ..LLAMA
};

/// LayerNorm and a feed-forward step without a gate, as GPT-2 began it.
const STARCODER2: Family = Family {
    architecture: "starcoder2",
    rope_layout: RopeLayout::Halves,
    ungated: Some(Ungated::GeluTanh),
    norm: NormKind::Layer,
    ..LLAMA
};

/// Vectors for positions, and no rotation.
const GPT2: Family = Family {
    architecture: "gpt2",
    learned_positions: true,
    unrotated_every: Some(1),
    ..STARCODER2
};

const PHI2: Family = Family {
    architecture: "phi2",
    residual: Residual::Parallel,
    ..STARCODER2
};

const GRANITE: Family = Family {
    architecture: "granite",
    unrotated_unless_finetuned: true,
    ..LLAMA
};

const HUNYUAN: Family = Family {
    architecture: "hunyuan-dense",
    rotated_before_norm: true,
    ..QWEN3
};

/// Experts by the logistic function, where the file does not say, a dense layer or
/// more before them.
const DOTS1: Family = Family {
    architecture: "dots1",
    routing: BY_LOGISTIC,
    ..QWEN3
};

/// A short convolution in most layers, attention in those with heads of keys.
const LFM2: Family = Family {
    architecture: "lfm2",
    output_norm: "token_embd_norm",
    mixer: Some(Mixer {
        kind: MixerKind::ShortConv,
        layers: StatefulLayers::WithoutKeys,
    }),
    ..QWEN3
};

/// Each layer is one step, of which none rotates.
const NEMOTRON_H: Family = Family {
    architecture: "nemotron_h",
    ungated: Some(Ungated::ReluSquared),
    feed_forward_norm: "attn_norm",
    unrotated_every: Some(1),
    routing: BY_LOGISTIC,
    mixer: Some(Mixer {
        kind: MixerKind::Ssd,
        layers: StatefulLayers::OneStep,
    }),
    ..LLAMA
};

/// A softmax over all experts, of which the chosen ones' weights are left as they are.
const AS_THEY_ARE: Routing = Routing {
    scoring: Scoring::Softmax,
    normalized: false,
};

/// The logistic function of each expert, whose weights are left as they are.
const BY_LOGISTIC: Routing = Routing {
    scoring: Scoring::Sigmoid,
    normalized: false,
};

/// The families that make vectors and no text.
pub(super) const EMBEDDERS: &[Family] = &[Family {
    architecture: "gemma-embedding",
    narrow_scores_at: None,
    bidirectional: true,
    ..GEMMA3
}];

/// Architectures of GGUF files that are no decoders, and make vectors; `llm-encoder` reads
/// them.
pub const ENCODERS: &[&str] = &["bert", "jina-bert-v2", "modern-bert", "nomic-bert"];

/// DeepSeek-AI 2025, DeepSeek-V3.2.
const INDEXER: &str = "sparse attention to the positions that an indexer chooses";

/// Families that are like others but for one part: (architecture, that part).
pub(super) const LACKING: &[(&str, &str)] = &[("deepseek32", INDEXER), ("glm-dsa", INDEXER)];

/// All families that can be run.
pub const FAMILIES: &[Family] = &[
    LLAMA,
    Family {
        architecture: "mistral3",
        ..LLAMA
    },
    Family {
        architecture: "llama4",
        query_key_norm: Some(QueryKeyNorm::Unweighted),
        unnormed_with_experts: Some(128),
        rotated_before_norm: true,
        window: Some(Window {
            global_every: 4,
            length: Some(8192),
            rope: WindowRope::Same,
        }),
        chunked: true,
        temperature: Some(Temperature {
            scale: 0.1,
            every: 8192,
            offset: 1,
            unrotated: true,
        }),
        unrotated_without_window: true,
        routing: BY_LOGISTIC,
        weighs_expert_inputs: true,
        shared_experts: 1,
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
        architecture: "gemma3n",
        norms: Norms::Around,
        query_key_norm: Some(QueryKeyNorm::Head),
        window: Some(Window {
            global_every: 5,
            length: None,
            rope: WindowRope::UnscaledBase(10_000.0),
        }),
        unscaled_scores: true,
        normed_values: true,
        alternating_updates: true,
        ..GEMMA
    },
    Family {
        architecture: "phi3",
        rope_layout: RopeLayout::Halves,
        ..LLAMA
    },
    Family {
        architecture: "deepseek2",
        routing: AS_THEY_ARE,
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
        architecture: "chatglm",
        ..LLAMA
    },
    Family {
        architecture: "glm4",
        norms: Norms::Around,
        ..LLAMA
    },
    GRANITE,
    Family {
        architecture: "granitemoe",
        ..GRANITE
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
    Family {
        architecture: "qwen3vl",
        ..QWEN3
    },
    Family {
        architecture: "qwen3vlmoe",
        ..QWEN3
    },
    QWEN35,
    Family {
        architecture: "qwen35moe",
        ..QWEN35
    },
    Family {
        architecture: "qwen3next",
        grouped_value_heads: true,
        ..QWEN35
    },
    COMMAND_R,
    Family {
        architecture: "cohere2",
        query_key_norm: None,
        window: Some(Window {
            global_every: 4,
            length: None,
            rope: WindowRope::Same,
        }),
        unrotated_without_window: true,
        ..COMMAND_R
    },
    STARCODER2,
    GPT2,
    Family {
        architecture: "starcoder",
        ..GPT2
    },
    PHI2,
    Family {
        architecture: "falcon",
        ..PHI2
    },
    Family {
        architecture: "gptneox",
        residual: Residual::OfFile,
        ..STARCODER2
    },
    Family {
        architecture: "nemotron",
        ungated: Some(Ungated::ReluSquared),
        ..STARCODER2
    },
    Family {
        architecture: "stablelm",
        rope_layout: RopeLayout::Halves,
        norm: NormKind::Layer,
        residual: Residual::ParallelUnlessNormed,
        query_key_norm: Some(QueryKeyNorm::EachHead),
        optional_query_key_norm: true,
        ..LLAMA
    },
    Family {
        architecture: "arcee",
        ungated: Some(Ungated::ReluSquared),
        ..LLAMA
    },
    Family {
        architecture: "apertus",
        ungated: Some(Ungated::Xielu),
        ..QWEN3
    },
    Family {
        architecture: "olmoe",
        query_key_norm: Some(QueryKeyNorm::All),
        routing: AS_THEY_ARE,
        ..QWEN2
    },
    Family {
        architecture: "exaone4",
        norms: Norms::After,
        window: Some(Window {
            global_every: 4,
            length: None,
            rope: WindowRope::Same,
        }),
        unrotated_without_window: true,
        ..QWEN3
    },
    Family {
        architecture: "ernie4_5",
        ..LLAMA
    },
    Family {
        architecture: "ernie4_5-moe",
        ..LLAMA
    },
    HUNYUAN,
    Family {
        architecture: "hunyuan-moe",
        ..HUNYUAN
    },
    Family {
        architecture: "exaone-moe",
        window: Some(Window {
            global_every: 4,
            length: None,
            rope: WindowRope::Same,
        }),
        unrotated_without_window: true,
        ..DOTS1
    },
    Family {
        architecture: "seed_oss",
        feed_forward_norm: "post_attention_norm",
        ..QWEN2
    },
    DOTS1,
    Family {
        architecture: "glm4moe",
        feed_forward_norm: "post_attention_norm",
        optional_query_key_norm: true,
        ..DOTS1
    },
    Family {
        architecture: "bailingmoe2",
        ..DOTS1
    },
    Family {
        architecture: "bailingmoe",
        routing: AS_THEY_ARE,
        ..LLAMA
    },
    Family {
        architecture: "minimax-m2",
        query_key_norm: Some(QueryKeyNorm::All),
        routing: Routing {
            scoring: Scoring::Sigmoid,
            normalized: true,
        },
        ..QWEN2
    },
    Family {
        architecture: "qwen2moe",
        routing: AS_THEY_ARE,
        ..QWEN2
    },
    Family {
        architecture: "qwen",
        gate_in_length: true,
        ..QWEN2
    },
    Family {
        architecture: "internlm2",
        ..LLAMA
    },
    LFM2,
    Family {
        architecture: "lfm2moe",
        ..LFM2
    },
    Family {
        architecture: "mamba2",
        mixer: Some(Mixer {
            kind: MixerKind::Ssd,
            layers: StatefulLayers::Alone,
        }),
        ..LLAMA
    },
    Family {
        architecture: "granitehybrid",
        mixer: Some(Mixer {
            kind: MixerKind::Ssd,
            layers: StatefulLayers::WithoutKeys,
        }),
        ..GRANITE
    },
    Family {
        architecture: "falcon-h1",
        logits_multiplied: true,
        mixer: Some(Mixer {
            kind: MixerKind::Ssd,
            layers: StatefulLayers::Beside,
        }),
        optional_mixer_norm: true,
        ..QWEN2
    },
    NEMOTRON_H,
    Family {
        architecture: "nemotron_h_moe",
        ..NEMOTRON_H
    },
    Family {
        architecture: "exaone",
        ..QWEN2
    },
    Family {
        architecture: "deepseek",
        routing: AS_THEY_ARE,
        ..LLAMA
    },
];
