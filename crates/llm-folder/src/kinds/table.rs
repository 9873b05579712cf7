//! The kinds of folders, one row each: how they differ from the GGUF files of the same
//! models. The only place that knows the kinds' names; a new one is a new row here.

use super::{Kind, Names};
use crate::changes::Change::{self, *};
use crate::numbers::{
    CAPS, DENSE_LAYERS, ERNIE_EXPERTS, EXPERTS, FALCON_NORM, HEAD_MULTIPLIERS, HEAD_SCALE,
    LAYER_NORM, LOGIT_SCALE, MULTIPLIERS, NORMED_EXPERTS, PARALLEL_STEPS, RMS_NORM, SCALED_EXPERTS,
    SHARED_EXPERT, SHARED_EXPERTS, SHARED_STEP, SHORT_CONV, STEP_AS_SHARED,
};
use crate::refusals::Allowed::{self, *};
use crate::windows::Windows;
use crate::{altup, gelu, latent, one_step, ssd, state, two_lengths};

const SILU: &[&str] = &["silu", "swish"];
const GELU: &[&str] = &["gelu_pytorch_tanh"];

const BEFORE: Names = &[
    ("input_layernorm", "attn_norm"),
    ("post_attention_layernorm", "ffn_norm"),
];
const BEFORE_AS_AFTER: Names = &[
    ("input_layernorm", "attn_norm"),
    ("post_attention_layernorm", "post_attention_norm"),
];
const AROUND: Names = &[
    ("input_layernorm", "attn_norm"),
    ("post_attention_layernorm", "post_attention_norm"),
    ("pre_feedforward_layernorm", "ffn_norm"),
    ("post_feedforward_layernorm", "post_ffw_norm"),
];
const AROUND_AND_BESIDE: Names = &[
    ("input_layernorm", "attn_norm"),
    ("post_attention_layernorm", "post_attention_norm"),
    ("pre_feedforward_layernorm", "ffn_norm"),
    ("post_feedforward_layernorm", "post_ffw_norm"),
    ("pre_feedforward_layernorm_2", "pre_ffw_norm_2"),
    ("post_feedforward_layernorm_1", "post_ffw_norm_1"),
    ("post_feedforward_layernorm_2", "post_ffw_norm_2"),
];
const AROUND_BY_STEP: Names = &[
    ("input_layernorm", "attn_norm"),
    ("post_self_attn_layernorm", "post_attention_norm"),
    ("post_attention_layernorm", "ffn_norm"),
    ("post_mlp_layernorm", "post_ffw_norm"),
];
const AFTER: Names = &[
    ("post_attention_layernorm", "post_attention_norm"),
    ("post_feedforward_layernorm", "post_ffw_norm"),
];

/// Queries, keys and values of a head of keys stand together.
const BY_HEADS: &[(&str, Change)] = &[
    ("attn_qkv.weight", QueriesKeysValues),
    ("attn_qkv.bias", QueriesKeysValues),
];

const PLUS_ONE: &[(&str, Change)] = &[("norm.weight", PlusOne)];

/// What layers with a state have in other forms.
const SSD: &[(&str, Change)] = &[("ssm_conv1d.weight", Flat), ("ssm_a", MinusExp)];

/// Every layer with experts has the same ones.
const ALL_SPARSE: &[(&str, Allowed)] = &[
    ("decoder_sparse_step", Number(1.0)),
    ("mlp_only_layers", Nothing),
];

const LLAMA: Kind = Kind {
    model_types: &["llama"],
    text_types: &[],
    architecture: "llama",
    renamed: &[],
    gates: SILU,
    norms: BEFORE,
    changes: &[],
    permuted: true,
    tied: false,
    rope_theta: 10_000.0,
    rotated: 1.0,
    log_multiplier: 0.0,
    yarn_scales_scores: false,
    epsilon: 1e-6,
    defaults: &[],
    numbers: &[],
    fixed: &[],
    known: &[],
    stretched_base: false,
    stretched_beyond: false,
    xielu: false,
    stateful: &[],
    multipliers: false,
    windows: Windows::Never,
    mxfp4: false,
    more: &[],
};

const MISTRAL: Kind = Kind {
    model_types: &["mistral"],
    windows: Windows::All,
    ..LLAMA
};

const QWEN2: Kind = Kind {
    model_types: &["qwen2"],
    architecture: "qwen2",
    permuted: false,
    windows: Windows::Behind,
    ..LLAMA
};

const GEMMA: Kind = Kind {
    model_types: &["gemma"],
    architecture: "gemma",
    // The first files say "gelu" and mean its approximation.
    gates: &["gelu_pytorch_tanh", "gelu"],
    changes: PLUS_ONE,
    permuted: false,
    tied: true,
    defaults: &[("head_dim", 256.0)],
    ..LLAMA
};

const GEMMA3: Kind = Kind {
    model_types: &["gemma3", "gemma3_text"],
    architecture: "gemma3",
    gates: GELU,
    norms: AROUND,
    rope_theta: 1_000_000.0,
    defaults: &[
        ("head_dim", 256.0),
        ("num_attention_heads", 8.0),
        ("num_key_value_heads", 4.0),
        ("max_position_embeddings", 131_072.0),
        ("query_pre_attn_scalar", 256.0),
    ],
    numbers: &[CAPS, HEAD_SCALE],
    windows: Windows::Family,
    ..GEMMA
};

const DEEPSEEK2: Kind = Kind {
    model_types: &["deepseek_v2"],
    architecture: "deepseek2",
    changes: &[("attn_kv_b.weight", KeysAndValues)],
    permuted: false,
    log_multiplier: 0.1,
    yarn_scales_scores: true,
    defaults: &[("kv_lora_rank", 512.0), ("n_shared_experts", 0.0)],
    numbers: &[EXPERTS, NORMED_EXPERTS, SCALED_EXPERTS],
    fixed: &[
        ("moe_layer_freq", Number(1.0)),
        ("rope_interleave", Flag(true)),
    ],
    more: &[latent::heads, latent::routing],
    ..LLAMA
};

const QWEN35: Kind = Kind {
    model_types: &["qwen3_5", "qwen3_5_text"],
    architecture: "qwen35",
    norms: BEFORE_AS_AFTER,
    changes: &[
        ("ssm_norm.weight", Same),
        ("norm.weight", PlusOne),
        ("ssm_a", Decay),
        ("ssm_dt.bias", ValueHeads),
        ("ssm_alpha.weight", ValueHeads),
        ("ssm_beta.weight", ValueHeads),
        ("attn_gate.weight", ValueRows),
        ("attn_qkv.weight", MixedRows),
        ("ssm_conv1d.weight", MixedRows),
        ("ssm_out.weight", ValueColumns),
        ("ffn_gate_inp_shexp.weight", Flat),
    ],
    rotated: 0.25,
    fixed: &[("attn_output_gate", Flag(true))],
    stateful: &["linear_attention"],
    windows: Windows::Never,
    more: &[state::seeing],
    ..QWEN2
};

const GLM: Kind = Kind {
    model_types: &["glm"],
    architecture: "chatglm",
    permuted: false,
    rotated: 0.5,
    epsilon: 1.5625e-7,
    defaults: &[("head_dim", 128.0)],
    ..LLAMA
};

/// Norms that subtract the mean, and a feed-forward step without a gate.
const STARCODER2: Kind = Kind {
    model_types: &["starcoder2"],
    architecture: "starcoder2",
    gates: GELU,
    permuted: false,
    tied: true,
    defaults: &[("norm_epsilon", 1e-5)],
    numbers: &[LAYER_NORM],
    fixed: &[("scale_attn_weights", Flag(true))],
    known: &[
        "attention_softmax_in_fp32",
        // The class of transformers does not read it.
        "layer_norm_epsilon",
        "norm_epsilon",
        "scale_attention_softmax_in_fp32",
        "use_bias",
    ],
    windows: Windows::All,
    ..LLAMA
};

/// A vector for each position; matrices stand the other way round.
const GPT2: Kind = Kind {
    model_types: &["gpt2"],
    architecture: "gpt2",
    renamed: &[
        ("n_embd", "hidden_size"),
        ("n_head", "num_attention_heads"),
        ("n_inner", "ffn_hidden_size"),
        ("n_layer", "num_hidden_layers"),
        ("n_positions", "max_position_embeddings"),
    ],
    norms: &[("ln_1", "attn_norm"), ("ln_2", "ffn_norm")],
    changes: &[
        ("attn_qkv.weight", Transposed),
        ("attn_output.weight", Transposed),
        ("ffn_up.weight", Transposed),
        ("ffn_down.weight", Transposed),
    ],
    defaults: &[("intermediate_size", 0.0), ("layer_norm_epsilon", 1e-5)],
    numbers: &[FALCON_NORM],
    fixed: &[
        ("reorder_and_upcast_attn", Flag(false)),
        ("scale_attn_by_inverse_layer_idx", Flag(false)),
        ("scale_attn_weights", Flag(true)),
    ],
    known: &["layer_norm_epsilon"],
    windows: Windows::Never,
    more: &[gelu::kind, gelu::length],
    ..STARCODER2
};

const COHERE: Kind = Kind {
    model_types: &["cohere"],
    architecture: "command-r",
    permuted: false,
    tied: true,
    rope_theta: 500_000.0,
    defaults: &[("layer_norm_eps", 1e-5), ("logit_scale", 0.0625)],
    numbers: &[LAYER_NORM, LOGIT_SCALE],
    fixed: &[
        ("rotary_pct", Number(1.0)),
        ("use_gated_activation", Flag(true)),
        ("use_parallel_block", Flag(true)),
    ],
    known: &["layer_norm_eps", "logit_scale", "use_qk_norm"],
    ..LLAMA
};

/// Experts chosen by the logistic function and a bias, behind dense layers.
const DOTS1: Kind = Kind {
    model_types: &["dots1"],
    architecture: "dots1",
    permuted: false,
    defaults: &[
        ("n_group", 1.0),
        ("topk_group", 1.0),
        ("first_k_dense_replace", 0.0),
        ("routed_scaling_factor", 1.0),
        ("norm_topk_prob", 0.0),
        // A window is used wherever there are as many layers.
        ("use_sliding_window", 1.0),
        ("max_window_layers", 62.0),
    ],
    numbers: &[EXPERTS, NORMED_EXPERTS, SCALED_EXPERTS],
    fixed: &[("moe_layer_freq", Number(1.0))],
    windows: Windows::Behind,
    more: &[latent::routing_by_bias],
    ..LLAMA
};

const ERNIE: Kind = Kind {
    model_types: &["ernie4_5"],
    architecture: "ernie4_5",
    permuted: false,
    tied: true,
    rope_theta: 500_000.0,
    epsilon: 1e-5,
    defaults: &[("head_dim", 128.0)],
    known: &["use_bias"],
    ..LLAMA
};

const GRANITE_MOE: Kind = Kind {
    model_types: &["granitemoe"],
    architecture: "granitemoe",
    defaults: &[("attention_multiplier", 1.0)],
    numbers: &[MULTIPLIERS, EXPERTS],
    ..LLAMA
};

/// Short convolutions, and layers that attend among them.
const LFM2: Kind = Kind {
    model_types: &["lfm2"],
    architecture: "lfm2",
    norms: &[("operator_norm", "attn_norm"), ("ffn_norm", "ffn_norm")],
    changes: &[("shortconv.conv.weight", Flat)],
    permuted: false,
    tied: true,
    rope_theta: 1_000_000.0,
    epsilon: 1e-5,
    defaults: &[("conv_L_cache", 3.0), ("block_auto_adjust_ff_dim", 1.0)],
    numbers: &[RMS_NORM, SHORT_CONV],
    fixed: &[("conv_bias", Flag(false))],
    known: &[
        "block_ffn_dim_multiplier",
        "block_norm_eps",
        "full_attn_idxs",
        "norm_eps",
    ],
    stateful: &["conv"],
    more: &[state::without_keys, state::cut_by_a_third],
    ..LLAMA
};

pub(crate) const KINDS: &[Kind] = &[
    LLAMA,
    MISTRAL,
    Kind {
        model_types: &["mixtral"],
        rope_theta: 1_000_000.0,
        epsilon: 1e-5,
        numbers: &[EXPERTS],
        ..MISTRAL
    },
    Kind {
        model_types: &["mistral3", "ministral3"],
        text_types: &["mistral"],
        architecture: "mistral3",
        epsilon: 1e-5,
        log_multiplier: 1.0,
        more: &[crate::rope::temperature],
        ..MISTRAL
    },
    Kind {
        model_types: &["llama4", "llama4_text"],
        architecture: "llama4",
        changes: &[
            ("ffn_gate_up_exps.weight", GateUpColumnHalves),
            ("ffn_down_exps.weight", Transposed),
        ],
        permuted: false,
        rope_theta: 500_000.0,
        epsilon: 1e-5,
        defaults: &[
            ("attention_chunk_size", 8192.0),
            ("interleave_moe_layer_step", 1.0),
            ("attn_scale", 0.1),
            ("floor_scale", 8192.0),
        ],
        numbers: &[EXPERTS],
        known: &[
            "attention_chunk_size",
            "attn_scale",
            "attn_temperature_tuning",
            "floor_scale",
            "interleave_moe_layer_step",
            "moe_layers",
            "use_qk_norm",
        ],
        windows: Windows::Chunks,
        more: &[crate::chunks::pairs],
        ..LLAMA
    },
    QWEN2,
    Kind {
        model_types: &["qwen3"],
        architecture: "qwen3",
        ..QWEN2
    },
    Kind {
        model_types: &["qwen3_vl"],
        text_types: &["qwen3_vl_text"],
        architecture: "qwen3vl",
        rope_theta: 5_000_000.0,
        ..QWEN2
    },
    Kind {
        model_types: &["qwen3_vl_moe"],
        text_types: &["qwen3_vl_moe_text"],
        architecture: "qwen3vlmoe",
        changes: &[
            ("ffn_gate_up_exps.weight", GateUpColumnHalves),
            ("ffn_down_exps.weight", Transposed),
        ],
        rope_theta: 5_000_000.0,
        numbers: &[EXPERTS, NORMED_EXPERTS],
        defaults: &[("norm_topk_prob", 1.0)],
        fixed: ALL_SPARSE,
        ..QWEN2
    },
    Kind {
        model_types: &["qwen3_moe"],
        architecture: "qwen3moe",
        numbers: &[EXPERTS, NORMED_EXPERTS],
        defaults: &[("norm_topk_prob", 0.0)],
        fixed: ALL_SPARSE,
        ..QWEN2
    },
    QWEN35,
    Kind {
        model_types: &["qwen3_5_moe", "qwen3_5_moe_text"],
        architecture: "qwen35moe",
        numbers: &[EXPERTS, SHARED_EXPERT],
        ..QWEN35
    },
    Kind {
        model_types: &["qwen3_next"],
        architecture: "qwen3next",
        changes: &[
            ("ssm_norm.weight", Same),
            ("norm.weight", PlusOne),
            ("ssm_a", MinusExp),
            ("attn_qkvz.weight", MixedAndGates),
            ("ssm_conv1d.weight", Flat),
            ("ffn_gate_inp_shexp.weight", Flat),
        ],
        defaults: &[("norm_topk_prob", 1.0)],
        numbers: &[EXPERTS, NORMED_EXPERTS, SHARED_EXPERT],
        fixed: ALL_SPARSE,
        more: &[state::pairs],
        ..QWEN35
    },
    GEMMA,
    Kind {
        model_types: &["gemma2"],
        architecture: "gemma2",
        gates: GELU,
        norms: AROUND,
        defaults: &[
            ("head_dim", 256.0),
            ("query_pre_attn_scalar", 256.0),
            ("sliding_window", 4096.0),
            ("attn_logit_softcapping", 50.0),
            ("final_logit_softcapping", 30.0),
        ],
        numbers: &[CAPS, HEAD_SCALE],
        // The same as `sliding_window`, in some files.
        known: &["sliding_window_size"],
        windows: Windows::Family,
        ..GEMMA
    },
    GEMMA3,
    Kind {
        model_types: &["gemma4", "gemma4_text"],
        architecture: "gemma4",
        norms: AROUND_AND_BESIDE,
        changes: &[],
        numbers: &[CAPS],
        more: &[two_lengths::pairs],
        ..GEMMA3
    },
    Kind {
        model_types: &["gemma3n", "gemma3n_text"],
        architecture: "gemma3n",
        changes: &[],
        defaults: &[
            ("head_dim", 256.0),
            ("max_position_embeddings", 32_768.0),
            ("altup_num_inputs", 4.0),
            ("altup_active_idx", 0.0),
            ("num_kv_shared_layers", 15.0),
            ("hidden_size_per_layer_input", 256.0),
            ("sliding_window", 512.0),
            ("final_logit_softcapping", 30.0),
        ],
        numbers: &[CAPS],
        fixed: &[("altup_correct_scale", Flag(true))],
        known: &["altup_lr_multiplier"],
        more: &[altup::pairs],
        ..GEMMA3
    },
    Kind {
        model_types: &["phi3"],
        architecture: "phi3",
        permuted: false,
        epsilon: 1e-5,
        fixed: &[("full_attn_mod", Number(1.0))],
        windows: Windows::All,
        ..LLAMA
    },
    Kind {
        model_types: &["deepseek"],
        architecture: "deepseek",
        defaults: &[("first_k_dense_replace", 0.0), ("n_shared_experts", 0.0)],
        numbers: &[EXPERTS, NORMED_EXPERTS, SCALED_EXPERTS],
        fixed: &[
            ("moe_layer_freq", Number(1.0)),
            ("scoring_func", Text("softmax")),
        ],
        ..LLAMA
    },
    DEEPSEEK2,
    Kind {
        model_types: &["deepseek_v3", "kimi_k2"],
        defaults: &[
            ("kv_lora_rank", 512.0),
            ("n_shared_experts", 1.0),
            ("n_group", 8.0),
            ("topk_group", 4.0),
            ("first_k_dense_replace", 3.0),
            ("routed_scaling_factor", 2.5),
            ("norm_topk_prob", 1.0),
        ],
        more: &[latent::heads, latent::routing_by_bias],
        ..DEEPSEEK2
    },
    Kind {
        model_types: &["gpt_oss"],
        architecture: "gpt-oss",
        norms: BEFORE_AS_AFTER,
        changes: &[
            ("ffn_gate_up_exps.weight", GateUpColumns),
            ("ffn_gate_up_exps.bias", GateUpPairs),
            ("ffn_down_exps.weight", Transposed),
        ],
        permuted: false,
        rope_theta: 150_000.0,
        epsilon: 1e-5,
        defaults: &[("head_dim", 64.0), ("sliding_window", 128.0)],
        numbers: &[EXPERTS],
        fixed: &[
            ("swiglu_limit", Number(7.0)),
            ("swiglu_alpha", Number(1.702)),
        ],
        windows: Windows::Family,
        mxfp4: true,
        ..LLAMA
    },
    GLM,
    Kind {
        model_types: &["glm4"],
        architecture: "glm4",
        norms: AROUND_BY_STEP,
        ..GLM
    },
    Kind {
        model_types: &["granite"],
        architecture: "granite",
        defaults: &[("attention_multiplier", 1.0)],
        numbers: &[MULTIPLIERS],
        ..LLAMA
    },
    Kind {
        model_types: &["olmo2"],
        architecture: "olmo2",
        norms: AFTER,
        permuted: false,
        epsilon: 1e-5,
        ..LLAMA
    },
    Kind {
        model_types: &["olmo3"],
        architecture: "olmo2",
        norms: AFTER,
        permuted: false,
        rope_theta: 500_000.0,
        epsilon: 1e-5,
        defaults: &[("sliding_window", 4096.0)],
        windows: Windows::Family,
        ..LLAMA
    },
    Kind {
        model_types: &["smollm3"],
        architecture: "smollm3",
        tied: true,
        rope_theta: 2_000_000.0,
        fixed: &[
            ("no_rope_layer_interval", Number(4.0)),
            ("no_rope_layers", Every(4)),
            ("use_sliding_window", Flag(false)),
        ],
        ..LLAMA
    },
    Kind {
        model_types: &["seed_oss"],
        architecture: "seed_oss",
        norms: BEFORE_AS_AFTER,
        permuted: false,
        defaults: &[("head_dim", 128.0)],
        known: &["attention_out_bias"],
        ..LLAMA
    },
    Kind {
        model_types: &["qwen2_moe"],
        architecture: "qwen2moe",
        changes: &[("ffn_gate_inp_shexp.weight", Flat)],
        permuted: false,
        defaults: &[("norm_topk_prob", 0.0)],
        numbers: &[EXPERTS, NORMED_EXPERTS, SHARED_EXPERT],
        fixed: &[
            ("decoder_sparse_step", Number(1.0)),
            ("mlp_only_layers", Nothing),
            ("use_sliding_window", Flag(false)),
        ],
        known: &["qkv_bias"],
        ..LLAMA
    },
    Kind {
        model_types: &["olmoe"],
        architecture: "olmoe",
        permuted: false,
        epsilon: 1e-5,
        defaults: &[("norm_topk_prob", 0.0)],
        numbers: &[EXPERTS, NORMED_EXPERTS],
        ..LLAMA
    },
    COHERE,
    Kind {
        model_types: &["cohere2"],
        architecture: "cohere2",
        rope_theta: 10_000.0,
        windows: Windows::Family,
        ..COHERE
    },
    Kind {
        model_types: &["exaone"],
        architecture: "exaone",
        renamed: &[
            ("activation_function", "hidden_act"),
            ("num_layers", "num_hidden_layers"),
        ],
        norms: &[("ln_1", "attn_norm"), ("ln_2", "ffn_norm")],
        permuted: false,
        epsilon: 1e-5,
        numbers: &[RMS_NORM],
        known: &["layer_norm_epsilon"],
        ..LLAMA
    },
    Kind {
        model_types: &["exaone4"],
        architecture: "exaone4",
        norms: AFTER,
        permuted: false,
        epsilon: 1e-5,
        windows: Windows::FamilyIfAny,
        ..LLAMA
    },
    Kind {
        model_types: &["exaone_moe"],
        architecture: "exaone-moe",
        epsilon: 1e-5,
        known: &["is_moe_layer", "mlp_layer_types", "sliding_window_pattern"],
        windows: Windows::FamilyIfAny,
        more: &[latent::routing_by_bias, latent::behind_the_dense],
        ..DOTS1
    },
    Kind {
        model_types: &["arcee"],
        architecture: "arcee",
        gates: &["relu2"],
        epsilon: 1e-5,
        ..LLAMA
    },
    Kind {
        model_types: &["apertus"],
        architecture: "apertus",
        gates: &["xielu"],
        norms: &[
            ("attention_layernorm", "attn_norm"),
            ("feedforward_layernorm", "ffn_norm"),
        ],
        permuted: false,
        rope_theta: 12_000_000.0,
        epsilon: 1e-5,
        fixed: &[("post_norm", Flag(false)), ("qk_norm", Flag(true))],
        xielu: true,
        more: &[crate::rope::stated],
        ..LLAMA
    },
    DOTS1,
    Kind {
        model_types: &["glm4_moe"],
        architecture: "glm4moe",
        norms: BEFORE_AS_AFTER,
        rotated: 0.5,
        epsilon: 1e-5,
        defaults: &[
            ("n_shared_experts", 1.0),
            ("n_group", 1.0),
            ("topk_group", 1.0),
            ("first_k_dense_replace", 1.0),
            ("routed_scaling_factor", 1.0),
            ("norm_topk_prob", 1.0),
        ],
        known: &["use_qk_norm"],
        windows: Windows::Never,
        ..DOTS1
    },
    GRANITE_MOE,
    Kind {
        model_types: &["granitemoeshared"],
        changes: &[("ffn_gate_up_shexp.weight", GateUpRows)],
        numbers: &[MULTIPLIERS, EXPERTS, SHARED_STEP],
        ..GRANITE_MOE
    },
    ERNIE,
    Kind {
        model_types: &["ernie4_5_moe"],
        architecture: "ernie4_5-moe",
        changes: &[("exp_probs_b.bias", Flat)],
        defaults: &[
            ("moe_num_shared_experts", 2.0),
            ("moe_layer_start_index", 1.0),
        ],
        numbers: &[ERNIE_EXPERTS],
        fixed: &[("moe_layer_interval", Number(1.0))],
        known: &[
            "moe_capacity",
            "moe_k",
            "moe_layer_end_index",
            "moe_layer_start_index",
            "moe_norm_min",
            "moe_num_experts",
            "moe_num_shared_experts",
            "moe_use_aux_free",
            "use_bias",
        ],
        more: &[latent::up_to_the_last],
        ..ERNIE
    },
    Kind {
        model_types: &["minimax_m2"],
        architecture: "minimax-m2",
        permuted: false,
        rope_theta: 5_000_000.0,
        defaults: &[("head_dim", 128.0)],
        numbers: &[EXPERTS],
        fixed: &[
            ("attn_type_list", Every(usize::MAX)),
            ("shared_intermediate_size", Number(0.0)),
            ("use_qk_norm", Flag(true)),
            ("use_routing_bias", Flag(true)),
        ],
        known: &["rotary_dim"],
        more: &[crate::rope::counted, latent::routing_by_bias],
        ..LLAMA
    },
    Kind {
        model_types: &["hunyuan_v1_dense"],
        architecture: "hunyuan-dense",
        permuted: false,
        epsilon: 1e-5,
        fixed: &[("use_cla", Flag(false)), ("use_qk_norm", Flag(true))],
        known: &["attention_head_dim"],
        stretched_base: true,
        ..LLAMA
    },
    STARCODER2,
    Kind {
        model_types: &["stablelm"],
        architecture: "stablelm",
        gates: SILU,
        tied: false,
        rotated: 0.25,
        defaults: &[("layer_norm_eps", 1e-5)],
        // Without a second norm of a layer its steps stand beside each other.
        known: &["layer_norm_eps", "use_parallel_residual", "use_qkv_bias"],
        windows: Windows::Never,
        ..STARCODER2
    },
    Kind {
        model_types: &["nemotron"],
        architecture: "nemotron",
        gates: &["relu2"],
        changes: PLUS_ONE,
        tied: false,
        rotated: 0.5,
        defaults: &[("norm_eps", 1e-5)],
        known: &["norm_eps"],
        windows: Windows::Never,
        ..STARCODER2
    },
    Kind {
        model_types: &["phi"],
        architecture: "phi2",
        gates: &["gelu_new", "gelu_pytorch_tanh"],
        tied: false,
        rotated: 0.5,
        defaults: &[("layer_norm_eps", 1e-5)],
        known: &["layer_norm_eps"],
        windows: Windows::Never,
        ..STARCODER2
    },
    GPT2,
    Kind {
        model_types: &["gpt_bigcode"],
        architecture: "starcoder",
        changes: &[],
        defaults: &[
            ("intermediate_size", 0.0),
            ("layer_norm_epsilon", 1e-5),
            ("multi_query", 1.0),
        ],
        fixed: &[
            ("multi_query", Flag(true)),
            ("scale_attn_weights", Flag(true)),
        ],
        known: &[
            "attention_softmax_in_fp32",
            "layer_norm_epsilon",
            "scale_attention_softmax_in_fp32",
        ],
        ..GPT2
    },
    Kind {
        model_types: &["falcon"],
        architecture: "falcon",
        norms: &[
            ("input_layernorm", "attn_norm"),
            ("ln_attn", "attn_norm_2"),
            ("ln_mlp", "attn_norm"),
        ],
        changes: BY_HEADS,
        defaults: &[
            ("intermediate_size", 0.0),
            ("layer_norm_epsilon", 1e-5),
            ("max_position_embeddings", 2048.0),
            ("multi_query", 1.0),
        ],
        numbers: &[FALCON_NORM],
        fixed: &[
            ("alibi", Flag(false)),
            ("apply_residual_connection_post_layernorm", Flag(false)),
            ("parallel_attn", Flag(true)),
        ],
        known: &["bias", "layer_norm_epsilon", "num_ln_in_parallel_attn"],
        windows: Windows::Never,
        more: &[gelu::kind, gelu::length],
        ..STARCODER2
    },
    Kind {
        model_types: &["gpt_neox"],
        architecture: "gptneox",
        gates: &["gelu", "gelu_fast", "gelu_new", "gelu_pytorch_tanh"],
        changes: BY_HEADS,
        tied: false,
        rotated: 0.25,
        defaults: &[("layer_norm_eps", 1e-5), ("use_parallel_residual", 1.0)],
        numbers: &[LAYER_NORM, PARALLEL_STEPS],
        known: &["layer_norm_eps", "use_parallel_residual"],
        windows: Windows::Never,
        more: &[gelu::kind],
        ..STARCODER2
    },
    Kind {
        model_types: &["internlm2"],
        architecture: "internlm2",
        norms: &[("attention_norm", "attn_norm"), ("ffn_norm", "ffn_norm")],
        changes: BY_HEADS,
        known: &["bias"],
        stretched_beyond: true,
        ..LLAMA
    },
    Kind {
        model_types: &["qwen"],
        architecture: "qwen",
        norms: &[("ln_1", "attn_norm"), ("ln_2", "ffn_norm")],
        permuted: false,
        numbers: &[RMS_NORM],
        fixed: &[("no_bias", Flag(true)), ("scale_attn_weights", Flag(true))],
        // What it changes lies beyond its context.
        known: &["layer_norm_epsilon", "use_flash_attn", "use_logn_attn"],
        more: &[crate::rope::length_of_training],
        ..LLAMA
    },
    Kind {
        model_types: &["bailing_moe"],
        architecture: "bailingmoe",
        defaults: &[("first_k_dense_replace", 0.0), ("num_shared_experts", 0.0)],
        numbers: &[EXPERTS, NORMED_EXPERTS, SCALED_EXPERTS],
        fixed: &[("norm_head", Flag(false)), ("norm_softmax", Flag(false))],
        known: &["use_bias", "use_qkv_bias"],
        ..LLAMA
    },
    Kind {
        model_types: &["bailing_moe_v2"],
        architecture: "bailingmoe2",
        permuted: false,
        rotated: 0.5,
        defaults: &[("first_k_dense_replace", 0.0), ("num_shared_experts", 0.0)],
        numbers: &[EXPERTS, NORMED_EXPERTS, SCALED_EXPERTS],
        known: &[
            "moe_router_enable_expert_bias",
            "moe_shared_expert_intermediate_size",
            "use_bias",
            "use_qk_norm",
            "use_qkv_bias",
            "use_rmsnorm",
        ],
        more: &[latent::routing_by_bias],
        ..LLAMA
    },
    Kind {
        model_types: &["hunyuan_v1_moe", "hunyuan"],
        architecture: "hunyuan-moe",
        permuted: false,
        epsilon: 1e-5,
        numbers: &[EXPERTS, NORMED_EXPERTS, STEP_AS_SHARED],
        fixed: &[("use_cla", Flag(false)), ("use_qk_norm", Flag(true))],
        known: &[
            "attention_head_dim",
            "moe_topk",
            "num_shared_expert",
            "use_mixed_mlp_moe",
        ],
        stretched_base: true,
        ..LLAMA
    },
    LFM2,
    Kind {
        model_types: &["lfm2_moe"],
        architecture: "lfm2moe",
        defaults: &[
            ("conv_L_cache", 3.0),
            ("norm_topk_prob", 1.0),
            ("num_dense_layers", 2.0),
        ],
        numbers: &[RMS_NORM, SHORT_CONV, EXPERTS, NORMED_EXPERTS, DENSE_LAYERS],
        known: &["full_attn_idxs", "norm_eps", "use_expert_bias"],
        more: &[state::without_keys, latent::routing_by_bias],
        ..LFM2
    },
    Kind {
        model_types: &["mamba2"],
        architecture: "mamba2",
        norms: &[("norm", "attn_norm")],
        changes: SSD,
        permuted: false,
        epsilon: 1e-5,
        defaults: &[
            ("num_attention_heads", 0.0),
            ("intermediate_size", 0.0),
            ("max_position_embeddings", 1_048_576.0),
            ("head_dim", 64.0),
            ("expand", 2.0),
            ("conv_kernel", 4.0),
            ("state_size", 128.0),
            ("n_groups", 8.0),
            ("num_heads", 128.0),
        ],
        numbers: &[RMS_NORM],
        // Of these the class of transformers reads none.
        known: &[
            "layer_norm_epsilon",
            "norm_before_gate",
            "rescale_prenorm_residual",
            "residual_in_fp32",
            "rms_norm",
            "use_bias",
            "use_conv_bias",
        ],
        stateful: &["linear_attention"],
        more: &[ssd::pairs],
        ..LLAMA
    },
    Kind {
        model_types: &["granitemoehybrid"],
        architecture: "granitehybrid",
        changes: &[
            ("ffn_gate_up_shexp.weight", GateUpRows),
            ("ffn_gate_up.weight", GateUpRows),
            ("ssm_conv1d.weight", Flat),
            ("ssm_a", MinusExp),
        ],
        defaults: &[
            ("attention_multiplier", 1.0),
            ("mamba_d_conv", 4.0),
            ("mamba_d_state", 256.0),
            ("mamba_expand", 2.0),
            ("mamba_n_groups", 1.0),
            ("mamba_n_heads", 128.0),
        ],
        numbers: &[MULTIPLIERS, EXPERTS, SHARED_STEP],
        known: &["mamba_conv_bias", "mamba_proj_bias"],
        stateful: &["mamba", "linear_attention"],
        more: &[
            ssd::pairs,
            ssd::rotation,
            ssd::shared_alone,
            state::without_keys_unless_listed,
        ],
        ..GRANITE_MOE
    },
    Kind {
        model_types: &["nemotron_h"],
        architecture: "nemotron_h",
        norms: &[("norm", "attn_norm")],
        changes: SSD,
        permuted: false,
        epsilon: 1e-5,
        defaults: &[
            ("conv_kernel", 4.0),
            ("n_groups", 8.0),
            ("ssm_state_size", 128.0),
        ],
        numbers: &[
            RMS_NORM,
            EXPERTS,
            NORMED_EXPERTS,
            SCALED_EXPERTS,
            SHARED_EXPERTS,
        ],
        fixed: &[
            ("mamba_hidden_act", Text("silu")),
            ("mlp_hidden_act", Text("relu2")),
        ],
        known: &[
            "attention_head_dim",
            "layer_norm_epsilon",
            "mamba_proj_bias",
            "moe_latent_size",
            "moe_shared_expert_intermediate_size",
            "norm_eps",
            "rescale_prenorm_residual",
            "residual_in_fp32",
            "use_bias",
            "use_conv_bias",
        ],
        more: &[ssd::pairs, one_step::pairs, one_step::routing],
        ..LLAMA
    },
    Kind {
        model_types: &["falcon_h1"],
        architecture: "falcon-h1",
        norms: &[
            ("input_layernorm", "attn_norm"),
            ("pre_ff_layernorm", "ffn_norm"),
        ],
        changes: SSD,
        permuted: false,
        epsilon: 1e-5,
        defaults: &[
            ("mamba_d_conv", 4.0),
            ("mamba_d_ssm", 1024.0),
            ("mamba_d_state", 256.0),
            ("mamba_n_groups", 1.0),
            ("mamba_n_heads", 128.0),
            ("num_key_value_heads", 8.0),
        ],
        numbers: &[HEAD_MULTIPLIERS],
        fixed: &[
            ("attention_bias", Flag(false)),
            ("mamba_proj_bias", Flag(false)),
            ("mlp_bias", Flag(false)),
            ("projectors_bias", Flag(false)),
        ],
        known: &[
            "attention_in_multiplier",
            "attention_out_multiplier",
            "key_multiplier",
            "lm_head_multiplier",
            "mamba_conv_bias",
            "mamba_norm_before_gate",
            "mamba_rms_norm",
            "mlp_multipliers",
            "ssm_in_multiplier",
            "ssm_multipliers",
            "ssm_out_multiplier",
        ],
        multipliers: true,
        more: &[ssd::pairs, ssd::gated_before_norm],
        ..LLAMA
    },
];
