"""The variants that tiny_families.py makes: what stands in each config.json.

Configs are spelled as published ones are, old and new: `rope_scaling`, `torch_dtype`
and `type` before transformers 5, `rope_parameters` and `dtype` since. A variant is

  name        of the folder
  tokenizer   a kind of tiny_tokenizers.py
  config      config.json; `bos_token_id` and `eos_token_id` are filled in
  planned     of a family that is not run yet
  class       of transformers, where `architectures` does not name it
  tensors     names and shapes of a family that transformers has no class of: llama.cpp
              alone is its judge
  spare_keys  the folder has keys of layers that use those of others
  plain       the converter reads config.json as it stands, and not what transformers makes
              of it
  own_tokenizer  the converter would run code of the model's to read its tokenizer
  options     of the converter; `mtp`: the folder has a layer that guesses a token more
  outtype     of the GGUF file: bf16, or f16
  quantize    what llama-quantize makes of it; `bits` draws weights that it holds exactly
  shards      files of the folder; `split`: tensors in each GGUF file
  mxfp4       experts are published in MXFP4
  original_context   longrope's: a second run, `long.`, goes past it
  sizes, ranges, f32, ignored   see weights() and by_transformers()
  judge       (of the GGUF file, of the folder, why) where the two judges differ: whose
              logits llm-tools gives, "both" where their difference is rounding. A GGUF
              file gives llama.cpp's, whose files they are and with which people compare,
              also where `why` says that transformers is right about the model
"""

import tiny_families_later
import tiny_families_planned

# Positions whose logits are kept: of 150 tokens, and of 300 for long.
POSITIONS = (0, 1, 2, 15, 16, 20, 41, 63, 64, 100, 128, 149)
LONG = (0, 1, 2, 20, 63, 100, 149, 200, 254, 255, 256, 299)

VARIANTS = []

# Where the judges differ, and what was found by changing one of them.
LLAMA_CPPS_YARN = (
    "transformers", "transformers",
    "llama.cpp reads yarn_beta_fast, yarn_beta_slow and yarn_attn_factor for its families mistral3 and grok alone, and "
    "computes with 32, 1 and the default elsewhere; the file has them, so the file says what transformers computes",
)
LLAMA_CPPS_ATTENTION_FACTOR = (
    "llama_cpp", "transformers",
    "llama.cpp reads yarn_attn_factor for its family grok alone; the file has it, so transformers is right about the model",
)
NO_WINDOW = (
    "llama_cpp", "transformers",
    "the converter writes no window for this family, so the file has lost it: without `sliding_window` transformers gives "
    "llama.cpp's logits",
)
PHI3_WINDOW = (
    "llama_cpp", "transformers",
    "the file states the window, and llama.cpp sets it aside for this family (`Phi SWA is currently disabled`): without "
    "`sliding_window` transformers gives llama.cpp's logits. transformers is right: Phi-3-mini-4k was trained with one of "
    "2047 positions",
)
TRUNCATED = (
    "llama_cpp", "transformers",
    "`truncate: false` is not in the GGUF file; llama.cpp rounds the bounds of YaRN's ramp to whole pairs, as transformers "
    "does without it. All gpt-oss files are so",
)
GROUPS = (
    "llama_cpp", "transformers",
    "`group_limited_greedy` takes a group for its best expert; llama.cpp adds its best two up, which is DeepSeek V3's rule. "
    "transformers is right about DeepSeek-V2, of which only the 236B has groups",
)


def variant(name, tokenizer, config, **more):
    VARIANTS.append({"name": name, "tokenizer": tokenizer, "config": config, **more})


def planned(name, tokenizer, config, **more):
    variant(name, tokenizer, config, planned=name in tiny_families_planned.WAITING, **more)


OLD = {"torch_dtype": "bfloat16", "transformers_version": "4.46.0"}
NEW = {"dtype": "bfloat16", "transformers_version": "5.0.0"}
BYTES, PIECES = 288, 304


def base(cls, kind, vocabulary=BYTES, spelling=OLD, **more):
    """What nearly every config.json has."""
    config = {
        "architectures": [cls], "model_type": kind, "vocab_size": vocabulary, "hidden_size": 32,
        "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 512, "rms_norm_eps": 1e-05, "hidden_act": "silu", "initializer_range": 0.02,
        "tie_word_embeddings": False, "use_cache": True, "bos_token_id": None, "eos_token_id": None, **spelling, **more,
    }
    # A number that a family's files do not have is taken away by None.
    return {key: value for key, value in config.items() if value is not None or key.endswith("token_id")}


# Wide heads have more than four frequencies.
WIDE = {"num_attention_heads": 2, "num_key_value_heads": 1}


def llama(vocabulary=BYTES, **more):
    more = {"attention_bias": False, "mlp_bias": False, "rope_theta": 10000.0, "rope_scaling": None, **more}
    return base("LlamaForCausalLM", "llama", vocabulary, **more)


LLAMA3 = {"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 64,
          "rope_type": "llama3"}

variant("llama-2", "llama2", llama(PIECES))
variant("llama-tied", "gpt2", llama(tie_word_embeddings=True, rope_theta=100000))
variant("llama-bias", "llama3", llama(attention_bias=True, mlp_bias=True))
variant("llama-head-dim", "llama3", llama(head_dim=16, rope_theta=500000.0))
variant("llama-3", "llama3", llama(**WIDE, rope_theta=500000.0, rope_scaling=LLAMA3))
variant("llama-3-new", "llama3",
        llama(**WIDE, spelling=NEW, rope_theta=None, rope_parameters={**LLAMA3, "factor": 32.0, "rope_theta": 500000.0},
              head_dim=16, tie_word_embeddings=True))
variant("llama-linear", "llama2", llama(PIECES, **WIDE, rope_scaling={"type": "linear", "factor": 4.0}))
variant("llama-yarn", "llama2",
        llama(PIECES, **WIDE, rope_scaling={"type": "yarn", "factor": 8.0, "original_max_position_embeddings": 64,
                                            "finetuned": True}))
variant("llama-yarn-new", "llama3",
        llama(**WIDE, spelling=NEW, rope_theta=None,
              rope_parameters={"rope_type": "yarn", "rope_theta": 10000.0, "factor": 8.0, "beta_fast": 16.0, "beta_slow": 2.0,
                               "original_max_position_embeddings": 64}), judge=LLAMA_CPPS_YARN)
variant("llama-yarn-attention-factor", "llama3",
        llama(**WIDE, rope_scaling={"rope_type": "yarn", "factor": 8.0, "attention_factor": 1.5,
                                    "original_max_position_embeddings": 64}), judge=LLAMA_CPPS_ATTENTION_FACTOR)
variant("llama-split", "llama3", llama(), shards=2, split=12)
variant("llama-f16", "llama3", llama(torch_dtype="float16"), outtype="f16")
variant("llama-q8_0", "llama3", llama(intermediate_size=64, num_hidden_layers=2), bits=8, quantize="q8_0")
variant("llama-q4_0", "llama3", llama(intermediate_size=64, num_hidden_layers=2), bits=4, quantize="q4_0")


def mistral(vocabulary=PIECES, **more):
    return base("MistralForCausalLM", "mistral", vocabulary, **{"rope_theta": 10000.0, **more})


variant("mistral", "llama2", mistral(rope_theta=1000000.0) | {"sliding_window": None})
variant("mistral-window", "llama2", mistral(sliding_window=24), judge=NO_WINDOW)
variant("mistral-nemo", "tekken", mistral(BYTES, head_dim=16, rope_theta=1000000.0) | {"sliding_window": None})

MINISTRAL3 = {
    "rope_type": "yarn", "type": "yarn", "rope_theta": 1000000.0, "factor": 16.0, "beta_fast": 32.0, "beta_slow": 1.0,
    "mscale": 1.0, "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.1, "original_max_position_embeddings": 32,
}


def ministral3(**more):
    return base("Ministral3ForCausalLM", "ministral3", spelling=NEW, head_dim=16, rope_parameters=MINISTRAL3, **more)


VISION = {
    "model_type": "pixtral", "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "head_dim": 8, "image_size": 28, "patch_size": 14, "num_channels": 3, "hidden_act": "gelu", "rope_theta": 10000.0,
}


def mistral3(text, spelling):
    text = {key: value for key, value in text.items() if key not in ("architectures", "transformers_version", *spelling)}
    return {
        "architectures": ["Mistral3ForConditionalGeneration"], "model_type": "mistral3", "image_token_index": 287,
        "multimodal_projector_bias": False, "projector_hidden_act": "gelu", "spatial_merge_size": 2,
        "vision_feature_layer": -1, "text_config": text, "vision_config": VISION, **spelling,
    }


variant("ministral-3", "tekken", ministral3())
variant("mistral-3-with-vision", "tekken",
        mistral3(mistral(BYTES, head_dim=16, num_hidden_layers=2) | {"sliding_window": None}, OLD))
variant("ministral-3-with-vision", "tekken", mistral3(ministral3(num_hidden_layers=2), NEW))

variant("mixtral", "llama2",
        base("MixtralForCausalLM", "mixtral", PIECES, intermediate_size=24, num_hidden_layers=2, num_local_experts=4,
             num_experts_per_tok=2, rope_theta=1000000.0, output_router_logits=False) | {"sliding_window": None})


def qwen2(**more):
    more = {"rope_theta": 1000000.0, "rms_norm_eps": 1e-06, "use_sliding_window": False, "sliding_window": 512,
            "max_window_layers": 3, **more}
    return base("Qwen2ForCausalLM", "qwen2", **more)


variant("qwen2", "qwen2", qwen2())
variant("qwen2-tied", "qwen2", qwen2(tie_word_embeddings=True))
variant("qwen2.5-yarn", "qwen2",
        qwen2(**WIDE, rope_scaling={"factor": 4.0, "original_max_position_embeddings": 64, "type": "yarn"}))


def qwen3(**more):
    more = {"rope_theta": 1000000, "rms_norm_eps": 1e-06, "use_sliding_window": False, "max_window_layers": 3,
            "head_dim": 16, "attention_bias": False, **more}
    return base("Qwen3ForCausalLM", "qwen3", **more) | {"sliding_window": None}


variant("qwen3", "qwen2", qwen3() | {"rope_scaling": None})
variant("qwen3-tied-new", "qwen2",
        qwen3(tie_word_embeddings=True, spelling=NEW, rope_theta=None,
              rope_parameters={"rope_type": "default", "rope_theta": 1000000}))
variant("qwen3-yarn", "qwen2",
        qwen3(rope_scaling={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}))


def qwen3_moe(**more):
    config = qwen3(architectures=["Qwen3MoeForCausalLM"], model_type="qwen3_moe", decoder_sparse_step=1,
                   moe_intermediate_size=16, norm_topk_prob=True, num_experts=8, num_experts_per_tok=3,
                   num_hidden_layers=2, mlp_only_layers=[], router_aux_loss_coef=0.001, **more)
    return config


variant("qwen3-moe", "qwen2", qwen3_moe() | {"rope_scaling": None})
variant("qwen3-moe-split", "qwen2", qwen3_moe(), shards=3, split=9)
planned("qwen2-moe", "qwen2",
        qwen2(architectures=["Qwen2MoeForCausalLM"], model_type="qwen2_moe", decoder_sparse_step=1,
              moe_intermediate_size=16, shared_expert_intermediate_size=24, norm_topk_prob=False, num_experts=8,
              num_experts_per_tok=3, num_hidden_layers=2))

# Gemma's streams are multiplied by the root of their width.
GEMMA = {"embed": 0.25}


def gemma(cls, kind, **more):
    more = {"rms_norm_eps": 1e-06, "head_dim": 16, "attention_bias": False, "pad_token_id": 0, **more}
    config = base(cls, kind, PIECES, tie_word_embeddings=None, **more)
    return {key: value for key, value in config.items() if key != "hidden_act"}


variant("gemma", "gemma",
        gemma("GemmaForCausalLM", "gemma", rope_theta=10000.0, num_key_value_heads=1) | {"hidden_act": "gelu", "rope_scaling": None},
        sizes=GEMMA)
variant("gemma-7b", "gemma",
        gemma("GemmaForCausalLM", "gemma", rope_theta=10000.0, num_key_value_heads=4)
        | {"hidden_act": "gelu_pytorch_tanh", "hidden_activation": None}, sizes=GEMMA)
variant("gemma-2", "gemma",
        gemma("Gemma2ForCausalLM", "gemma2", num_hidden_layers=4, rope_theta=10000.0, sliding_window=24, query_pre_attn_scalar=16,
              attn_logit_softcapping=50.0, final_logit_softcapping=30.0, cache_implementation="hybrid")
        | {"hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh"}, sizes={**GEMMA, "query": 2.0})


def gemma3(**more):
    more = {"num_hidden_layers": 7, "intermediate_size": 32, "num_attention_heads": 2, "num_key_value_heads": 1,
            "query_pre_attn_scalar": 16, "sliding_window": 24, "hidden_activation": "gelu_pytorch_tanh", **more}
    return gemma("Gemma3ForCausalLM", "gemma3_text", **more)


LOCAL_GLOBAL = ["sliding_attention"] * 5 + ["full_attention", "sliding_attention"]
OLD_GEMMA3 = {"rope_theta": 1000000, "rope_local_base_freq": 10000, "attn_logit_softcapping": None,
              "final_logit_softcapping": None}
variant("gemma-3", "gemma", gemma3(sliding_window_pattern=6) | OLD_GEMMA3 | {"rope_scaling": None}, sizes=GEMMA)
variant("gemma-3-linear", "gemma",
        gemma3(sliding_window_pattern=6) | OLD_GEMMA3 | {"rope_scaling": {"factor": 8.0, "rope_type": "linear"}}, sizes=GEMMA)
variant("gemma-3-new", "gemma",
        gemma3(spelling=NEW, layer_types=LOCAL_GLOBAL, rope_parameters={
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}), sizes=GEMMA)
variant("gemma-3-with-vision", "gemma", {
    "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "boi_token_index": 301,
    "eoi_token_index": 302, "image_token_index": 303, "mm_tokens_per_image": 4, **OLD,
    "text_config": {key: value for key, value in gemma3(num_hidden_layers=6).items() if key not in ("architectures", *OLD)}
    | {"rope_scaling": {"factor": 8.0, "rope_type": "linear"}},
    "vision_config": {"model_type": "siglip_vision_model", "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
                      "num_attention_heads": 2, "image_size": 28, "patch_size": 7, "vision_use_head": False}}, sizes=GEMMA)


def gemma4(layers, **more):
    more = {"num_hidden_layers": len(layers), "intermediate_size": 32, "head_dim": 8, "global_head_dim": 16,
            "sliding_window": 24, "layer_types": layers, "hidden_activation": "gelu_pytorch_tanh", "tie_word_embeddings": True,
            "vocab_size_per_layer_input": PIECES, "hidden_size_per_layer_input": 0, "num_kv_shared_layers": 0,
            "attention_k_eq_v": False, "enable_moe_block": False, "use_double_wide_mlp": False, "final_logit_softcapping": 30.0,
            "rope_parameters": {
                "full_attention": {"rope_type": "proportional", "rope_theta": 1000000.0, "partial_rotary_factor": 0.25},
                "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}, **more}
    config = base("Gemma4ForCausalLM", "gemma4_text", PIECES, spelling=NEW, rms_norm_eps=1e-06, pad_token_id=0,
                  attention_bias=False, **more)
    return {key: value for key, value in config.items() if key != "hidden_act"}


SLIDING, FULL = "sliding_attention", "full_attention"
GEMMA4 = {"embed": 0.25, "query": 1.0}
variant("gemma-4", "gemma",
        gemma4([SLIDING, SLIDING, FULL, SLIDING, FULL], attention_k_eq_v=True, num_global_key_value_heads=1), sizes=GEMMA4)
variant("gemma-4-e2b", "gemma",
        gemma4([SLIDING, FULL, SLIDING, FULL, SLIDING, FULL], hidden_size_per_layer_input=8, num_kv_shared_layers=2,
               use_double_wide_mlp=True, num_key_value_heads=1), sizes=GEMMA4)
variant("gemma-4-moe", "gemma",
        gemma4([SLIDING, SLIDING, FULL], enable_moe_block=True, num_experts=8, top_k_experts=2, moe_intermediate_size=16,
               attention_k_eq_v=True, num_global_key_value_heads=1), sizes=GEMMA4)
variant("gemma-4-with-vision", "gemma", {
    "architectures": ["Gemma4ForConditionalGeneration"], "model_type": "gemma4", "audio_config": None, "audio_token_id": 299,
    "boa_token_id": 298, "boi_token_id": 297, "eoi_token_id": 296, "eoa_token_index": 295, "image_token_id": 300,
    "video_token_id": 301, "vision_soft_tokens_per_image": 4, "tie_word_embeddings": True, **NEW,
    "text_config": {key: value for key, value in
                    gemma4([SLIDING, FULL, SLIDING, FULL], hidden_size_per_layer_input=8, num_kv_shared_layers=2).items()
                    if key not in ("architectures", "transformers_version")},
    "vision_config": {"model_type": "gemma4_vision", "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
                      "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8, "patch_size": 4,
                      "pooling_kernel_size": 2, "position_embedding_size": 64}}, sizes=GEMMA4)


def phi3(vocabulary=PIECES, **more):
    more = {"rope_theta": 10000.0, "original_max_position_embeddings": 256, "attention_bias": False, "resid_pdrop": 0.0,
            "embd_pdrop": 0.0, "attention_dropout": 0.0, **more}
    config = base("Phi3ForCausalLM", "phi3", vocabulary, num_hidden_layers=2, pad_token_id=None, **more)
    return {"sliding_window": None, "rope_scaling": None, **config}


SHORT = [1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5]
STRETCHED = [1.0, 1.5, 2.5, 4.0, 8.0, 16.0, 24.0, 32.0]


def longrope(count):
    return {"long_factor": STRETCHED[:count], "short_factor": SHORT[:count], "type": "longrope"}


variant("phi-3-mini-4k", "phi3", phi3(original_max_position_embeddings=512, sliding_window=2047))
variant("phi-3-window", "phi3", phi3(original_max_position_embeddings=512, sliding_window=24), judge=PHI3_WINDOW)
variant("phi-3-longrope", "phi3",
        phi3(**WIDE, max_position_embeddings=1024, rope_scaling=longrope(8), sliding_window=1024), original_context=256)
variant("phi-3-longrope-new", "phi3",
        phi3(**WIDE, spelling=NEW, max_position_embeddings=1024, rope_theta=None, sliding_window=1024,
             rope_parameters={"long_factor": STRETCHED, "short_factor": SHORT, "rope_type": "longrope", "rope_theta": 10000.0,
                              "original_max_position_embeddings": 256, "partial_rotary_factor": 1.0}),
        original_context=256)
variant("phi-4-mini", "phi4-mini",
        phi3(BYTES, **WIDE, max_position_embeddings=1024, rope_scaling=longrope(6), partial_rotary_factor=0.75,
             tie_word_embeddings=True), original_context=256)
variant("phi-4", "phi4-mini", phi3(BYTES, original_max_position_embeddings=512, rope_theta=250000))


def deepseek(version, **more):
    more = {"aux_loss_alpha": 0.001, "first_k_dense_replace": 1, "kv_lora_rank": 16, "moe_intermediate_size": 16,
            "moe_layer_freq": 1, "n_routed_experts": 8, "n_shared_experts": 1, "num_experts_per_tok": 3,
            "num_key_value_heads": 4, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 8, "attention_bias": False,
            "rms_norm_eps": 1e-06, "rope_theta": 10000, "seq_aux": True, **more}
    config = base(f"DeepseekV{version}ForCausalLM", f"deepseek_v{version}", **more)
    return {"q_lora_rank": None, **config}


def deepseek_yarn(mscale, all_dim):
    return {"beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": mscale, "mscale_all_dim": all_dim,
            "original_max_position_embeddings": 64, "type": "yarn"}


# llama.cpp takes a file without q_lora_rank only where it has the layers of a known model.
variant("deepseek-v2-lite", "deepseek",
        deepseek(2, hidden_size=16, intermediate_size=16, num_hidden_layers=27, num_attention_heads=2, num_key_value_heads=2,
                 kv_lora_rank=8, moe_intermediate_size=8, n_routed_experts=4, num_experts_per_tok=2, n_shared_experts=2,
                 topk_method="greedy", scoring_func="softmax", norm_topk_prob=False, routed_scaling_factor=1.0, n_group=1,
                 topk_group=1, rope_scaling=deepseek_yarn(0.707, 0.707)))
variant("deepseek-v2", "deepseek",
        deepseek(2, q_lora_rank=16, topk_method="group_limited_greedy", scoring_func="softmax", norm_topk_prob=False,
                 routed_scaling_factor=4.0, n_group=4, topk_group=2, rope_scaling=deepseek_yarn(0.707, 0.707)), judge=GROUPS)
variant("deepseek-v2-one-group", "deepseek",
        deepseek(2, q_lora_rank=16, topk_method="greedy", scoring_func="softmax", norm_topk_prob=False,
                 routed_scaling_factor=1.0, n_group=1, topk_group=1, n_shared_experts=2))
variant("deepseek-v3", "deepseek",
        deepseek(3, q_lora_rank=16, topk_method="noaux_tc", scoring_func="sigmoid", norm_topk_prob=True,
                 routed_scaling_factor=2.5, n_group=4, topk_group=2, rope_scaling=deepseek_yarn(1.0, 1.0),
                 num_nextn_predict_layers=1), mtp="deepseek", ignored=["layers.2."])
variant("deepseek-v3-plain", "deepseek",
        deepseek(3, q_lora_rank=16, topk_method="noaux_tc", scoring_func="sigmoid", norm_topk_prob=True,
                 routed_scaling_factor=2.446, n_group=1, topk_group=1, n_shared_experts=2, rope_theta=50000.0))


def gpt_oss(**more):
    more = {"num_hidden_layers": 4, "head_dim": 16, "intermediate_size": 32, "num_local_experts": 4, "num_experts_per_tok": 2,
            "experts_per_token": 2, "sliding_window": 24, "layer_types": [SLIDING, FULL] * 2, "attention_bias": True,
            "swiglu_limit": 7.0, "output_router_logits": False, **WIDE, **more}
    return base("GptOssForCausalLM", "gpt_oss", **more)


OSS = {"beta_fast": 32.0, "beta_slow": 1.0, "factor": 32.0, "original_max_position_embeddings": 64, "rope_type": "yarn",
       "truncate": False}
MXFP4 = {"modules_to_not_convert": ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"],
         "quant_method": "mxfp4"}
variant("gpt-oss", "gpt-oss", gpt_oss(rope_theta=150000, rope_scaling=OSS), judge=TRUNCATED)
variant("gpt-oss-new", "gpt-oss",
        gpt_oss(spelling=NEW, rope_parameters={**OSS, "rope_theta": 150000.0, "truncate": True}, num_hidden_layers=2, layer_types=[SLIDING, FULL]))
variant("gpt-oss-mxfp4", "gpt-oss",
        gpt_oss(rope_theta=150000, rope_scaling=OSS, quantization_config=MXFP4, num_hidden_layers=2, layer_types=[SLIDING, FULL]),
        mxfp4=True, judge=TRUNCATED)


def glm4(**more):
    return base("Glm4ForCausalLM", "glm4", **{"head_dim": 16, "partial_rotary_factor": 0.5, "rope_theta": 10000.0,
                                              "attention_bias": False, "attention_dropout": 0.0, "pad_token_id": 279, **more})


variant("glm-4", "glm4", glm4())
variant("glm-4-bias", "glm4", glm4(attention_bias=True))


def granite(**more):
    more = {"attention_multiplier": 0.125, "embedding_multiplier": 12.0, "residual_multiplier": 0.22, "logits_scaling": 8.0,
            "rope_theta": 10000.0, "attention_bias": False, "mlp_bias": False, "tie_word_embeddings": True, **more}
    return base("GraniteForCausalLM", "granite", **more)


GRANITE = {"embed": 2.0, "head": 4.0, "query": 3.0}
variant("granite", "granite", granite() | {"rope_scaling": None}, sizes=GRANITE)
variant("granite-untied", "granite", granite(tie_word_embeddings=False, rope_theta=5000000.0), sizes=GRANITE)


def olmo2(**more):
    return base("Olmo2ForCausalLM", "olmo2", **{"rms_norm_eps": 1e-06, "rope_theta": 500000, "attention_bias": False, **more})


variant("olmo-2", "olmo2", olmo2(num_key_value_heads=4) | {"rope_scaling": None})
variant("olmo-2-grouped", "olmo2", olmo2())
OLMO3 = {"architectures": ["Olmo3ForCausalLM"], "model_type": "olmo3", "num_hidden_layers": 4, "sliding_window": 24,
         "layer_types": [SLIDING] * 3 + [FULL], "num_attention_heads": 2, "num_key_value_heads": 2}
variant("olmo-3", "olmo2", olmo2(**OLMO3) | {"rope_scaling": None})
variant("olmo-3-yarn", "olmo2",
        olmo2(**OLMO3, rope_scaling={"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 64,
                                     "attention_factor": 1.2079441541679836, "beta_fast": 32, "beta_slow": 1}))

variant("smollm-3", "smollm3",
        base("SmolLM3ForCausalLM", "smollm3", num_hidden_layers=5, intermediate_size=32, rope_theta=5000000.0,
             no_rope_layers=[1, 1, 1, 0, 1], pad_token_id=280, no_rope_layer_interval=4, layer_types=[FULL] * 5, use_sliding_window=False,
             attention_bias=False, mlp_bias=False, tie_word_embeddings=True) | {"rope_scaling": None, "sliding_window": None})


def qwen35(cls, kind, **more):
    more = {"spelling": NEW, "num_hidden_layers": 4, "intermediate_size": 32, "head_dim": 16, "rms_norm_eps": 1e-06,
            "full_attention_interval": 4, "layer_types": ["linear_attention"] * 3 + [FULL], "linear_conv_kernel_dim": 4,
            "linear_key_head_dim": 8, "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_value_head_dim": 8,
            "mamba_ssm_dtype": "float32", "attention_bias": False, "attn_output_gate": True,
            "num_attention_heads": 2, "num_key_value_heads": 1,
            "rope_parameters": {"mrope_interleaved": True, "mrope_section": [1, 1, 0], "rope_type": "default",
                                "rope_theta": 10000000, "partial_rotary_factor": 0.25}, **more}
    return base(cls, kind, **more)


variant("qwen3.5", "qwen35", qwen35("Qwen3_5ForCausalLM", "qwen3_5_text", mtp_num_hidden_layers=1), mtp="qwen")
variant("qwen3.5-with-vision", "qwen35", {
    "architectures": ["Qwen3_5ForConditionalGeneration"], "model_type": "qwen3_5", "image_token_id": 284, "video_token_id": 285,
    "vision_start_token_id": 286, "vision_end_token_id": 287, "tie_word_embeddings": True, "transformers_version": "5.0.0",
    "text_config": {key: value for key, value in
                    qwen35("", "qwen3_5_text", tie_word_embeddings=True, mtp_num_hidden_layers=1).items()
                    if key not in ("architectures", "transformers_version")},
    "vision_config": {"model_type": "qwen3_5", "depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2,
                      "in_channels": 3, "patch_size": 4, "spatial_merge_size": 2, "temporal_patch_size": 2,
                      "out_hidden_size": 32, "num_position_embeddings": 16, "hidden_act": "gelu_pytorch_tanh"}}, mtp="qwen")
variant("qwen3.5-tied", "qwen35",
        qwen35("Qwen3_5ForCausalLM", "qwen3_5_text", tie_word_embeddings=True, linear_num_key_heads=2, linear_num_value_heads=2),
        options=["--no-mtp"])
variant("qwen3.5-moe", "qwen35",
        qwen35("Qwen3_5MoeForCausalLM", "qwen3_5_moe_text", intermediate_size=None, moe_intermediate_size=16,
               shared_expert_intermediate_size=16, num_experts=8, num_experts_per_tok=3), options=["--no-mtp"])

tiny_families_planned.fill(planned, base, FULL=FULL, SLIDING=SLIDING, WIDE=WIDE, LLAMA3=LLAMA3)

CHUNKS = (
    "llama_cpp", "transformers",
    "chunks of attention and the step of the temperature are constants of llama.cpp, 8192, which the file does not state; "
    "the folder's are smaller here than in any published model, so that they show",
)
llama4 = next(one["config"] for one in VARIANTS if one["name"] == "llama-4")
variant("llama-4-chunks", "llama3",
        llama4 | {"attention_chunk_size": 24, "floor_scale": 24, "attn_scale": 0.5, "interleave_moe_layer_step": 2,
                  "moe_layers": [1, 3]}, judge=CHUNKS)


def seeing(name, cls, kind, text, vision):
    variant(name, "qwen2", {
        "architectures": [cls], "model_type": kind, "image_token_id": 284, "video_token_id": 285, "vision_start_token_id": 286,
        "vision_end_token_id": 287, "tie_word_embeddings": False, "transformers_version": "4.57.0",
        "text_config": {key: value for key, value in text.items() if key not in ("architectures", "transformers_version")},
        "vision_config": {"model_type": kind, "depth": 1, "hidden_size": 16, "num_heads": 2, "patch_size": 4, "spatial_merge_size": 2,
                          "temporal_patch_size": 2, **vision}})


seeing("qwen3-vl", "Qwen3VLForConditionalGeneration", "qwen3_vl",
       qwen3(model_type="qwen3_vl_text", use_sliding_window=None, max_window_layers=None, rope_theta=5000000,
             rope_scaling={"mrope_interleaved": True, "mrope_section": [4, 2, 2], "rope_type": "default"}),
       {"intermediate_size": 16, "in_channels": 3, "out_hidden_size": 32, "num_position_embeddings": 16,
        "hidden_act": "gelu_pytorch_tanh", "deepstack_visual_indexes": [0]})

tiny_families_later.fill(variant, base, gemma, FULL=FULL, SLIDING=SLIDING, WIDE=WIDE, PIECES=PIECES, NEW=NEW)
