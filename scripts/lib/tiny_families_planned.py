"""Variants of families that came later, for tiny_families_table.py, and which of them
are not run yet."""

WAITING = ()


def fill(planned, base, *, FULL, SLIDING, WIDE, LLAMA3):
    def dense(name, tokenizer, cls, kind, sizes=None, **more):
        extra = {key: more.pop(key) for key in ("ranges", "f32", "options", "ignored") if key in more}
        if sizes:
            extra["sizes"] = sizes
        planned(name, tokenizer, base(cls, kind, **more), **extra)

    dense("phi-2", "phi2", "PhiForCausalLM", "phi", intermediate_size=128, hidden_act="gelu_new", layer_norm_eps=1e-05,
          rms_norm_eps=None, partial_rotary_factor=0.5, qk_layernorm=False, num_key_value_heads=4, rope_theta=10000.0)
    dense("stablelm-2", "stablelm2", "StableLmForCausalLM", "stablelm", **WIDE, layer_norm_eps=1e-05, rms_norm_eps=None,
          partial_rotary_factor=0.25, use_qkv_bias=True, qk_layernorm=False, use_parallel_residual=False, rope_theta=10000)
    # With qk_layernorm, as the one of 12B has it, this converter loses the norms and stops.
    dense("starcoder-2", "starcoder", "Starcoder2ForCausalLM", "starcoder2", hidden_act="gelu_pytorch_tanh", norm_epsilon=1e-05,
          rms_norm_eps=None, use_bias=True, sliding_window=4096, mlp_type="default", norm_type="layer_norm", rope_theta=100000,
          tie_word_embeddings=True)
    dense("command-r", "command-r", "CohereForCausalLM", "cohere", layer_norm_eps=1e-05, rms_norm_eps=None, logit_scale=0.25,
          use_qk_norm=False, attention_bias=False, rope_theta=8000000.0, num_key_value_heads=4, pad_token_id=279,
          tie_word_embeddings=True, sizes={"embed": 1.5})
    # llama.cpp reads Command R+'s norms of queries and keys only in a model of 64 layers.
    dense("command-r7b", "command-r", "Cohere2ForCausalLM", "cohere2", layer_norm_eps=1e-05, rms_norm_eps=None, logit_scale=0.25,
          num_hidden_layers=4, sliding_window=24, layer_switch=4, order_of_interleaved_layers="local_attn_first", head_dim=8,
          rotary_pct=1.0, rope_theta=50000, attention_bias=False, pad_token_id=279, tie_word_embeddings=True,
          sizes={"embed": 1.5})
    dense("olmoe", "olmo2", "OlmoeForCausalLM", "olmoe", intermediate_size=16, num_experts=8, num_experts_per_tok=3,
          norm_topk_prob=False, rope_theta=10000.0, attention_bias=False, output_router_logits=False, num_key_value_heads=4)
    exaone = {"rope_theta": 1000000, "rope_scaling": LLAMA3, "tie_word_embeddings": True, "pad_token_id": 281,
              **WIDE}
    planned("exaone-4-1.2b", "exaone4",
            base("Exaone4ForCausalLM", "exaone4", **exaone, layer_types=[FULL] * 2)
            | {"sliding_window": None, "sliding_window_pattern": None})
    # llama.cpp has the windows of the one of 32B only in a model of 64 layers.
    dense("ernie-4.5", "llama2", "Ernie4_5ForCausalLM", "ernie4_5", vocabulary=304, use_bias=False, head_dim=16,
          rope_theta=500000.0, tie_word_embeddings=True)
    # The converter takes intermediate_size / num_key_value_heads for the width of the shared
    # experts, which is right in the published ones.
    dense("ernie-4.5-moe", "llama2", "Ernie4_5_MoeForCausalLM", "ernie4_5_moe", vocabulary=304, use_bias=False,
          rope_theta=500000.0, num_hidden_layers=3, intermediate_size=64, moe_num_experts=8, moe_k=3, moe_intermediate_size=16, moe_num_shared_experts=2,
          moe_layer_start_index=1, moe_layer_end_index=2, moe_layer_interval=1, moe_use_aux_free=True, moe_capacity=[16, 16, 16],
          moe_norm_min=1e-12, tie_word_embeddings=True)
    dense("hunyuan-dense", "generic", "HunYuanDenseV1ForCausalLM", "hunyuan_v1_dense", head_dim=16, max_position_embeddings=32768, rope_theta=10000.0,
          use_qk_norm=True, attention_bias=False, tie_word_embeddings=True, pad_token_id=279,
          rope_scaling={"type": "dynamic", "alpha": 1000.0, "beta_fast": 32, "beta_slow": 1, "factor": 1.0, "mscale": 1.0,
                        "mscale_all_dim": 0.0})
    granite = {"attention_multiplier": 0.125, "embedding_multiplier": 12.0, "residual_multiplier": 0.22, "logits_scaling": 8.0,
               "rope_theta": 10000.0, "attention_bias": False, "tie_word_embeddings": True}
    heavy = {"embed": 2.0, "head": 4.0, "query": 3.0}
    dense("granite-moe", "granite", "GraniteMoeForCausalLM", "granitemoe", sizes=heavy, intermediate_size=16, num_local_experts=8,
          num_experts_per_tok=3, **granite)
    dense("granite-moe-shared", "granite", "GraniteMoeSharedForCausalLM", "granitemoeshared", sizes=heavy, intermediate_size=16,
          num_local_experts=8, num_experts_per_tok=3, shared_intermediate_size=24, **granite)
    dense("granite-4-hybrid", "granite", "GraniteMoeHybridForCausalLM", "granitemoehybrid", sizes=heavy, intermediate_size=16,
          num_hidden_layers=3, num_local_experts=8, num_experts_per_tok=3, shared_intermediate_size=24, mamba_n_heads=8,
          mamba_d_head=8, mamba_d_state=16, mamba_n_groups=1, mamba_d_conv=4, mamba_expand=2, mamba_chunk_size=64,
          mamba_conv_bias=True, mamba_proj_bias=False, position_embedding_type="nope", normalization_function="rmsnorm",
          layer_types=["mamba", "attention", "mamba"], **granite)
    dense("granite-4-dense", "granite", "GraniteMoeHybridForCausalLM", "granitemoehybrid", sizes=heavy, intermediate_size=48,
          num_hidden_layers=3, num_local_experts=0, num_experts_per_tok=0, shared_intermediate_size=48, mamba_n_heads=8,
          mamba_d_head=8, mamba_d_state=16, mamba_n_groups=1, mamba_d_conv=4, mamba_expand=2, mamba_chunk_size=64,
          mamba_conv_bias=True, mamba_proj_bias=False, position_embedding_type="nope", normalization_function="rmsnorm",
          layer_types=["mamba", "mamba", "attention"], **granite)
    dense("nemotron", "llama2", "NemotronForCausalLM", "nemotron", **WIDE, vocabulary=304, hidden_act="relu2", norm_eps=1e-05, rms_norm_eps=None,
          partial_rotary_factor=0.5, head_dim=16, rope_theta=10000, attention_bias=False, mlp_bias=False)
    dense("seed-oss", "generic", "SeedOssForCausalLM", "seed_oss", head_dim=16, attention_bias=True, attention_out_bias=False,
          mlp_bias=False, rope_theta=10000000.0, pad_token_id=279)
    dense("apertus", "tekken", "ApertusForCausalLM", "apertus", hidden_act="xielu", qk_norm=True, post_norm=False,
          rope_theta=12000000, rope_scaling=LLAMA3, attention_bias=False, mlp_bias=False, pad_token_id=279,
          ranges=[("act_fn.alpha", -4, 8)], f32=("act_fn",))
    dense("arcee", "llama3", "ArceeForCausalLM", "arcee", hidden_act="relu2", head_dim=16, rope_theta=10000.0, attention_bias=False,
          mlp_bias=False)
    dense("dots1", "qwen2", "Dots1ForCausalLM", "dots1", num_hidden_layers=3, num_key_value_heads=4, head_dim=16, moe_intermediate_size=16,
          n_routed_experts=8, n_shared_experts=2, num_experts_per_tok=3, first_k_dense_replace=1, n_group=1, topk_group=1,
          norm_topk_prob=True, routed_scaling_factor=2.5, scoring_func="sigmoid", topk_method="noaux_tc", attention_bias=False,
          rope_theta=10000000, layer_types=[FULL] * 3)
    dense("minimax-m2", "generic", "MiniMaxM2ForCausalLM", "minimax_m2", intermediate_size=16, head_dim=16, rotary_dim=8,
          num_local_experts=8, num_experts_per_tok=3, scoring_func="sigmoid", use_routing_bias=True, use_qk_norm=True,
          qk_norm_type="per_layer", rope_theta=5000000)
    dense("glm-4.5-moe", "glm4", "Glm4MoeForCausalLM", "glm4_moe", num_hidden_layers=3, head_dim=16, partial_rotary_factor=0.5,
          moe_intermediate_size=16, n_routed_experts=8, n_shared_experts=1, num_experts_per_tok=3, first_k_dense_replace=1,
          n_group=1, topk_group=1, norm_topk_prob=True, routed_scaling_factor=2.5, use_qk_norm=True, attention_bias=True,
          rope_theta=1000000, num_nextn_predict_layers=0, pad_token_id=279)
    dense("glm-edge", "glm4", "GlmForCausalLM", "glm", **WIDE, head_dim=16, partial_rotary_factor=0.5, attention_bias=False,
          rope_theta=10000.0, pad_token_id=279)
    dense("lfm2", "generic", "Lfm2ForCausalLM", "lfm2", num_hidden_layers=4, norm_eps=1e-05, rms_norm_eps=None, conv_L_cache=3,
          conv_bias=False, block_auto_adjust_ff_dim=False, block_ffn_dim_multiplier=1.0, block_multiple_of=16, block_dim=32,
          layer_types=["conv", "conv", FULL, "conv"], rope_theta=1000000.0, tie_word_embeddings=True, pad_token_id=279)
    dense("lfm2-moe", "generic", "Lfm2MoeForCausalLM", "lfm2_moe", num_hidden_layers=4, norm_eps=1e-05, rms_norm_eps=None,
          conv_L_cache=3, conv_bias=False, layer_types=["conv", FULL, "conv", FULL], moe_intermediate_size=16, num_dense_layers=1,
          num_experts=8, num_experts_per_tok=3, norm_topk_prob=True, use_expert_bias=True, routed_scaling_factor=1.0,
          rope_theta=1000000.0, tie_word_embeddings=True, pad_token_id=279)
    # The converter multiplies matrices with these, which bf16 has to hold.
    falcon = {"head_dim": 16, "mamba_d_ssm": 64, "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 16, "mamba_d_conv": 4,
              "mamba_expand": 2, "mamba_chunk_size": 64, "mamba_conv_bias": True, "mamba_proj_bias": False,
              "mamba_norm_before_gate": False, "attention_bias": False, "mlp_bias": False, "projectors_bias": False,
              "rope_theta": 100000000000.0, "embedding_multiplier": 5.0, "lm_head_multiplier": 0.125, "key_multiplier": 0.5,
              "attention_in_multiplier": 1.0, "attention_out_multiplier": 0.75, "ssm_in_multiplier": 1.25,
              "ssm_out_multiplier": 0.25, "ssm_multipliers": [0.5, 0.25, 0.125, 0.5, 0.375], "mlp_multipliers": [0.875, 0.25],
              "pad_token_id": 279, "sizes": {"head": 3.0}}
    dense("falcon-h1", "generic", "FalconH1ForCausalLM", "falcon_h1", **falcon, mamba_n_groups=1, mamba_rms_norm=False)
    dense("falcon-h1-normed", "generic", "FalconH1ForCausalLM", "falcon_h1", **falcon, mamba_n_groups=2, mamba_rms_norm=True)
    mamba = {"architectures": ["Mamba2ForCausalLM"], "model_type": "mamba2", "vocab_size": 288, "hidden_size": 32,
             "num_hidden_layers": 2, "num_heads": 8, "head_dim": 8, "state_size": 16, "expand": 2, "n_groups": 1, "conv_kernel": 4,
             "chunk_size": 64, "use_conv_bias": True, "use_bias": False, "rms_norm": True, "layer_norm_epsilon": 1e-05,
             "hidden_act": "silu", "tie_word_embeddings": False, "time_step_rank": 2, "pad_token_id": 279,
             "torch_dtype": "bfloat16"}
    planned("mamba-2", "generic", mamba)
    planned("mamba-2-grouped", "generic", mamba | {"n_groups": 4, "tie_word_embeddings": True})
    dense("qwen3-next", "qwen2", "Qwen3NextForCausalLM", "qwen3_next", num_hidden_layers=4, head_dim=16, rms_norm_eps=1e-06,
          num_attention_heads=2, num_key_value_heads=1, linear_conv_kernel_dim=4, linear_key_head_dim=8, linear_num_key_heads=2,
          linear_num_value_heads=4, linear_value_head_dim=8, full_attention_interval=4, partial_rotary_factor=0.25,
          rope_theta=10000000, moe_intermediate_size=16, shared_expert_intermediate_size=16, num_experts=8, num_experts_per_tok=3,
          norm_topk_prob=True, decoder_sparse_step=1, mlp_only_layers=[], attention_bias=False, options=["--no-mtp"])
    dense("exaone-moe", "exaone4", "ExaoneMoeForCausalLM", "exaone_moe", num_hidden_layers=4, head_dim=16, sliding_window=24,
          sliding_window_pattern="LLLG", layer_types=[SLIDING] * 3 + [FULL], moe_intermediate_size=16, num_experts=8,
          num_experts_per_tok=3, num_shared_experts=1, n_group=1, topk_group=1, norm_topk_prob=True, routed_scaling_factor=2.5,
          scoring_func="sigmoid", first_k_dense_replace=1, is_moe_layer=[False, True, True, True], pad_token_id=281,
          rope_theta=1000000, mlp_layer_types=["dense", "sparse", "sparse", "sparse"])
    # Chunk and temperature of Llama 4 are constants of llama.cpp.
    dense("llama-4", "llama3", "Llama4ForCausalLM", "llama4_text", num_hidden_layers=4, head_dim=16, intermediate_size=16,
          intermediate_size_mlp=48, num_local_experts=4, num_experts_per_tok=1, interleave_moe_layer_step=1, use_qk_norm=True,
          no_rope_layers=[1, 1, 1, 0], attention_chunk_size=8192, attn_temperature_tuning=True, floor_scale=8192, attn_scale=0.1,
          rope_theta=500000.0, rope_scaling=LLAMA3, pad_token_id=279, num_attention_heads=2, num_key_value_heads=1,
          layer_types=["chunked_attention"] * 3 + [FULL])
