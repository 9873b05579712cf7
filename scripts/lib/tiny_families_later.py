"""Variants of the families that came last, for tiny_families_table.py."""

# Where the judges differ.
GELU = (
    "llama_cpp", "transformers",
    "`gelu` is the one by the error function, of which the GGUF file does not say anything; llama.cpp computes its tanh form "
    "for this family",
)
FALCON_ROPE = (
    "llama_cpp", "transformers",
    "the converter writes no base of the rotation for this family, and the GELU is the one by the error function, which "
    "llama.cpp does not compute",
)
ALONE = ("llama_cpp", "llama_cpp", "transformers has no class of this family: llama.cpp alone is the judge")
SPARSE = (
    "llama_cpp", "transformers",
    "the deviation of a gate is that of a sample in llama.cpp, divided by one less than there are numbers: of the 8192 of a "
    "published model's that is nothing",
)


def kv_width(config):
    head = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    return config["num_key_value_heads"] * head, config["num_attention_heads"] * head


def mlp(name, inner, width):
    return {f"{name}.gate_proj": (inner, width), f"{name}.up_proj": (inner, width), f"{name}.down_proj": (width, inner)}


def internlm2(config):
    width, inner, vocabulary = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    keys, queries = kv_width(config)
    tensors = {"model.tok_embeddings.weight": (vocabulary, width), "model.norm.weight": (width,), "output.weight": (vocabulary, width)}
    for at in range(config["num_hidden_layers"]):
        tensors |= {f"model.layers.{at}.{name}.weight": shape for name, shape in {
            "attention_norm": (width,), "ffn_norm": (width,), "attention.wqkv": (queries + 2 * keys, width),
            "attention.wo": (width, queries), "feed_forward.w1": (inner, width), "feed_forward.w2": (width, inner),
            "feed_forward.w3": (inner, width)}.items()}
    return tensors


def bailing(config):
    width, inner, vocabulary = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    keys, queries = kv_width(config)
    small, count = config["moe_intermediate_size"], config["num_experts"]
    tensors = {"model.word_embeddings.weight": (vocabulary, width), "model.norm.weight": (width,), "lm_head.weight": (vocabulary, width)}

    for at in range(config["num_hidden_layers"]):
        parts = {"input_layernorm": (width,), "post_attention_layernorm": (width,),
                 "attention.query_key_value": (queries + 2 * keys, width), "attention.dense": (width, queries)}
        if config.get("use_qk_norm"):
            parts |= {"attention.query_layernorm": (config["head_dim"],), "attention.key_layernorm": (config["head_dim"],)}
        if at < config["first_k_dense_replace"]:
            parts |= mlp("mlp", inner, width)
        else:
            parts |= {"mlp.gate": (count, width), **mlp("mlp.shared_experts", small * config["num_shared_experts"], width)}
            for expert in range(count):
                parts |= mlp(f"mlp.experts.{expert}", small, width)
        tensors |= {f"model.layers.{at}.{name}.weight": shape for name, shape in parts.items()}
        if at >= config["first_k_dense_replace"] and config["model_type"] == "bailing_moe_v2":
            tensors[f"model.layers.{at}.mlp.gate.expert_bias"] = (count,)
    return tensors


def qwen(config):
    width, inner, vocabulary = config["hidden_size"], config["intermediate_size"] // 2, config["vocab_size"]
    tensors = {"transformer.wte.weight": (vocabulary, width), "transformer.ln_f.weight": (width,), "lm_head.weight": (vocabulary, width)}
    for at in range(config["num_hidden_layers"]):
        tensors |= {f"transformer.h.{at}.{name}": shape for name, shape in {
            "ln_1.weight": (width,), "ln_2.weight": (width,), "attn.c_attn.weight": (3 * width, width),
            "attn.c_attn.bias": (3 * width,), "attn.c_proj.weight": (width, width), "mlp.w1.weight": (inner, width),
            "mlp.w2.weight": (inner, width), "mlp.c_proj.weight": (width, inner)}.items()}
    return tensors


def exaone(config):
    width, inner, vocabulary = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    keys, queries = kv_width(config)
    tensors = {"transformer.wte.weight": (vocabulary, width), "transformer.ln_f.weight": (width,), "lm_head.weight": (vocabulary, width)}
    for at in range(config["num_layers"]):
        tensors |= {f"transformer.h.{at}.{name}.weight": shape for name, shape in {
            "ln_1": (width,), "ln_2": (width,), "attn.attention.q_proj": (queries, width), "attn.attention.k_proj": (keys, width),
            "attn.attention.v_proj": (keys, width), "attn.attention.out_proj": (width, queries), "mlp.c_fc_0": (inner, width),
            "mlp.c_fc_1": (inner, width), "mlp.c_proj": (width, inner)}.items()}
    return tensors


def deepseek(config):
    width, inner, vocabulary = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    keys, queries = kv_width(config)
    small, count = config["moe_intermediate_size"], config["n_routed_experts"]
    tensors = {"model.embed_tokens.weight": (vocabulary, width), "model.norm.weight": (width,), "lm_head.weight": (vocabulary, width)}

    for at in range(config["num_hidden_layers"]):
        parts = {"input_layernorm": (width,), "post_attention_layernorm": (width,), "self_attn.q_proj": (queries, width),
                 "self_attn.k_proj": (keys, width), "self_attn.v_proj": (keys, width), "self_attn.o_proj": (width, queries)}
        if at < config["first_k_dense_replace"]:
            parts |= mlp("mlp", inner, width)
        else:
            parts |= {"mlp.gate": (count, width), **mlp("mlp.shared_experts", small * config["n_shared_experts"], width)}
            for expert in range(count):
                parts |= mlp(f"mlp.experts.{expert}", small, width)
        tensors |= {f"model.layers.{at}.{name}.weight": shape for name, shape in parts.items()}
    return tensors


def fill(variant, base, gemma, *, FULL, SLIDING, WIDE, PIECES, NEW):
    falcon = {
        "architectures": ["FalconForCausalLM"], "model_type": "falcon", "alibi": False, "apply_residual_connection_post_layernorm": False,
        "attention_dropout": 0.0, "bias": False, "hidden_dropout": 0.0, "hidden_size": 32, "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-05, "num_attention_heads": 4, "num_hidden_layers": 2, "parallel_attn": True,
        "torch_dtype": "bfloat16", "transformers_version": "4.27.4", "use_cache": True, "vocab_size": 288}
    variant("falcon-7b", "falcon", falcon | {"multi_query": True, "new_decoder_architecture": False}, plain=True, judge=GELU)
    variant("falcon-40b", "falcon", falcon | {"new_decoder_architecture": True, "num_kv_heads": 2}, plain=True, judge=GELU)
    variant("falcon-11b", "falcon",
            falcon | {"activation": "gelu", "ffn_hidden_size": 128, "max_position_embeddings": 8192, "multi_query": True,
                      "new_decoder_architecture": True, "num_kv_heads": 2, "num_ln_in_parallel_attn": 1, "rope_scaling": None,
                      "rope_theta": 500042.0, "tie_word_embeddings": False}, plain=True, judge=FALCON_ROPE)
    neox = {
        "architectures": ["GPTNeoXForCausalLM"], "model_type": "gpt_neox", "hidden_act": "gelu", "hidden_size": 64,
        "initializer_range": 0.02, "intermediate_size": 128, "layer_norm_eps": 1e-05, "max_position_embeddings": 2048,
        "num_attention_heads": 4, "num_hidden_layers": 2, "rotary_emb_base": 10000, "rotary_pct": 0.25, "tie_word_embeddings": False,
        "torch_dtype": "float16", "transformers_version": "4.24.0", "use_cache": True, "use_parallel_residual": True,
        "vocab_size": 288}
    variant("pythia", "gpt-neox", neox, plain=True, judge=GELU)
    variant("gpt-neox-20b", "gpt-neox", neox | {"hidden_act": "gelu_fast", "attention_probs_dropout_prob": 0}, plain=True)
    variant("redpajama", "gpt-neox", neox | {"rotary_pct": 1.0, "use_parallel_residual": False}, plain=True, judge=GELU)
    gpt2 = {
        "activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1, "embd_pdrop": 0.1,
        "initializer_range": 0.02, "layer_norm_epsilon": 1e-05, "model_type": "gpt2", "n_ctx": 512, "n_embd": 32, "n_head": 4,
        "n_layer": 2, "n_positions": 512, "resid_pdrop": 0.1, "summary_activation": None, "summary_first_dropout": 0.1,
        "summary_proj_to_labels": True, "summary_type": "cls_index", "summary_use_proj": True, "vocab_size": 288}
    variant("gpt-2", "gpt2", gpt2)
    variant("starcoderbase", "starcoder",
            gpt2 | {"activation_function": "gelu_pytorch_tanh", "architectures": ["GPTBigCodeForCausalLM"], "model_type": "gpt_bigcode",
                    "attention_softmax_in_fp32": True, "multi_query": True, "n_inner": 128, "scale_attention_softmax_in_fp32": True,
                    "scale_attn_weights": True, "transformers_version": "4.28.1"})
    tencent = dict(
        head_dim=16, attention_head_dim=16, attention_bias=False, mlp_bias=False, max_position_embeddings=32768, rope_theta=10000.0,
        moe_intermediate_size=[24] * 2, moe_topk=[3] * 2, num_experts=8, num_shared_expert=[1] * 2, norm_topk_prob=True,
        use_cla=False, use_mixed_mlp_moe=True, use_qk_norm=True, tie_word_embeddings=True, intermediate_size=24, pad_token_id=279)
    variant("hunyuan-moe", "generic", base("HunYuanMoEV1ForCausalLM", "hunyuan_v1_moe", **tencent), own_tokenizer=True)
    variant("internlm-2", "llama2",
            base("InternLM2ForCausalLM", "internlm2", 299, bias=False, attn_implementation="eager", rope_theta=1000000,
                 rope_scaling={"type": "dynamic", "factor": 2.0}), tensors=internlm2, judge=ALONE)
    ling = dict(head_dim=16, moe_intermediate_size=16, num_experts=8, num_experts_per_tok=3, num_shared_experts=2,
                norm_topk_prob=True, rope_theta=600000.0, use_bias=False, use_qkv_bias=False)
    variant("ling-lite", "generic",
            base("BailingMoeForCausalLM", "bailing_moe", **ling, first_k_dense_replace=0, norm_head=False, norm_softmax=False),
            tensors=bailing, judge=ALONE)
    # llama.cpp takes heads to be as wide as the stream, as they are in the published ones.
    variant("ling-mini-2.0", "generic",
            base("BailingMoeV2ForCausalLM", "bailing_moe_v2", **ling | {"num_shared_experts": 1, "head_dim": 8}, first_k_dense_replace=1,
                 num_hidden_layers=3, n_group=4, topk_group=2, partial_rotary_factor=0.5, routed_scaling_factor=2.5,
                 score_function="sigmoid", use_qk_norm=True, use_rmsnorm=True, moe_router_enable_expert_bias=True,
                 moe_shared_expert_intermediate_size=16, num_nextn_predict_layers=0, rope_scaling=None),
            tensors=bailing, judge=ALONE)
    # As LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct has it, whose code comes with the model, and with the norm's epsilon also
    # under the name by which alone this converter reads it.
    variant("exaone-3.5", "exaone4",
            {"activation_function": "silu", "architectures": ["ExaoneForCausalLM"], "attention_dropout": 0.0, "embed_dropout": 0.0,
             "head_dim": 16, "hidden_size": 64, "initializer_range": 0.02, "intermediate_size": 96, "layer_norm_epsilon": 1e-05,
             "max_position_embeddings": 512, "model_type": "exaone", "num_attention_heads": 4, "num_key_value_heads": 2,
             "num_layers": 2, "rms_norm_eps": 1e-05, "rope_scaling": {"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                                               "original_max_position_embeddings": 64, "rope_type": "llama3"},
             "rope_theta": 1000000.0, "tie_word_embeddings": False, "torch_dtype": "bfloat16", "transformers_version": "4.43.0",
             "use_cache": True, "vocab_size": 288}, plain=True, tensors=exaone, judge=ALONE)
    # As deepseek-ai/deepseek-moe-16b-base has it.
    variant("deepseek-moe", "deepseek",
            base("DeepseekForCausalLM", "deepseek", attention_bias=False, attention_dropout=0.0, aux_loss_alpha=0.001,
                 first_k_dense_replace=1, moe_intermediate_size=16, moe_layer_freq=1, n_routed_experts=8, n_shared_experts=2,
                 norm_topk_prob=False, num_experts_per_tok=3, num_hidden_layers=3, pretraining_tp=1, rope_scaling=None,
                 rope_theta=10000.0, scoring_func="softmax", seq_aux=True), plain=True, tensors=deepseek, judge=ALONE)
    # The converter reads this family's layer_norm_epsilon only under the other name.
    variant("qwen-1", "qwen2",
            {"architectures": ["QWenLMHeadModel"], "model_type": "qwen", "attn_dropout_prob": 0.0, "bf16": True, "emb_dropout_prob": 0.0,
             "hidden_size": 32, "initializer_range": 0.02, "intermediate_size": 96, "kv_channels": 8, "layer_norm_epsilon": 1e-06,
             "max_position_embeddings": 32768, "no_bias": True, "num_attention_heads": 4, "num_hidden_layers": 2, "rms_norm_eps": 1e-06,
             "rotary_emb_base": 10000, "rotary_pct": 1.0, "scale_attn_weights": True, "seq_length": 8192, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
             "transformers_version": "4.32.0", "use_cache": True, "use_dynamic_ntk": True, "use_flash_attn": "auto",
             "use_logn_attn": True, "vocab_size": 288}, own_tokenizer=True, tensors=qwen, judge=ALONE)
    hybrid = dict(
        intermediate_size=64, num_attention_heads=4, num_key_value_heads=2, head_dim=16, mamba_num_heads=8, mamba_head_dim=16,
        ssm_state_size=16, n_groups=2, conv_kernel=4, chunk_size=64, expand=2, mamba_hidden_act="silu", mamba_proj_bias=False,
        mlp_bias=False, mlp_hidden_act="relu2", attention_bias=False, layer_norm_epsilon=1e-05, residual_in_fp32=False,
        rescale_prenorm_residual=True, use_bias=False, use_conv_bias=True, use_mamba_kernels=True, hidden_act=None,
        num_logits_to_keep=1, pad_token_id=0)
    mixture = dict(
        moe_intermediate_size=24, moe_shared_expert_intermediate_size=40, n_routed_experts=8, num_experts_per_tok=3,
        n_shared_experts=1, n_group=1, topk_group=1, norm_topk_prob=True, routed_scaling_factor=2.5)
    nemotron = "NemotronHForCausalLM"
    variant("nemotron-nano-2", "generic",
            base(nemotron, "nemotron_h", **hybrid, num_hidden_layers=6, hybrid_override_pattern="M-M*-M"), plain=True)
    variant("nemotron-3-nano", "generic",
            base(nemotron, "nemotron_h", **hybrid, **mixture, num_hidden_layers=5, hybrid_override_pattern="ME*EM"), plain=True)
    variant("nemotron-3-super", "generic",
            base(nemotron, "nemotron_h", **hybrid, **mixture, num_hidden_layers=3, hybrid_override_pattern="ME*", moe_latent_size=16),
            plain=True)
    # Twenty layers with keys of their own, each fifth that sees everything, a vector of 256, a rank of 64 and the cap are
    # constants of llama.cpp.
    layers = ([SLIDING] * 4 + [FULL]) * 4 + [SLIDING] * 2
    three_n = gemma("Gemma3nForCausalLM", "gemma3n_text", num_hidden_layers=22, layer_types=layers, intermediate_size=[96] * 22,
                    num_attention_heads=2, num_key_value_heads=1, sliding_window=24, hidden_activation="gelu_pytorch_tanh",
                    activation_sparsity_pattern=[0.95] * 10 + [0.0] * 12, altup_active_idx=0, altup_coef_clip=120.0,
                    altup_correct_scale=True, altup_lr_multiplier=1.0, altup_num_inputs=4, final_logit_softcapping=30.0,
                    hidden_size_per_layer_input=256, laurel_rank=64, num_kv_shared_layers=2, query_pre_attn_scalar=256,
                    rope_local_base_freq=10000.0, rope_theta=1000000.0, vocab_size_per_layer_input=PIECES)
    # Steps are small, for so many layers make much of a rounding.
    small = [(part, 1, 3) for part in ("post_attention", "post_feedforward", "post_laurel", "post_per_layer")]
    variant("gemma-3n", "gemma", three_n | {"rope_scaling": None}, sizes={"embed": 0.25},
            ranges=[*small, ("q_norm", 3, 6), ("k_norm", 3, 6)], spare_keys=True, judge=SPARSE)
