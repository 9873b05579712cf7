"""The published models whose headers headers.py writes, and what `llm-pull show` must say of each.

A row has the config.json of the model as its makers published it, key by key (`source`
says where it was looked up: a repository that quotes it, transformers' own
documentation, or memory), and what the model is, from which follows what must be said:

  vocabulary  the kind of its tokenizer and the name that llama.cpp gives its pre-tokenizer
  gguf        of the file that llama.cpp's converter makes: RUNS, or words of the obstacle
  folder      the same of the folder with safetensors
  class       of transformers, where `architectures` does not name one
  tensors     names, shapes and types of a model that transformers has no class of
  plain       the converter reads config.json as it stands, and not what transformers makes of it
  packed      how the folder's matrices are quantized; `mxfp4`: its experts are
  transposed  its experts are stored so, and transformers turns them as it loads them
  read_as     keys that transformers must see otherwise than they are written
"""

import torch

from tiny_families_later import bailing

MODELS = []

RUNS = "runs"
SILU = {"hidden_act": "silu", "initializer_range": 0.02, "use_cache": True}
QUOTED, DOCS, MEMORY = "quoted config.json", "transformers' documentation", "memory"
BPE, SPM = "gpt2", "llama"


def add(name, cls, kind, gguf, folder, vocabulary, source=QUOTED, row=None, **config):
    """Adds a row. Keys of the config that are None are left out; `null` is written as null."""
    keys = {"architectures": [cls], "model_type": kind, **config}
    keys = {key: None if value == "null" else value for key, value in keys.items() if value is not None}
    MODELS.append({"name": name, "config": keys, "gguf": gguf, "folder": folder, "vocabulary": vocabulary, "source": source,
                   **(row or {})})


def shape(vocab, width, inner, layers, heads, kv=None, context=4096, eps=1e-05, dtype="bfloat16", version="4.40.0", **more):
    """What nearly every decoder's config has."""
    return {"vocab_size": vocab, "hidden_size": width, "intermediate_size": inner, "num_hidden_layers": layers,
            "num_attention_heads": heads, "num_key_value_heads": kv or heads, "max_position_embeddings": context,
            "rms_norm_eps": eps, **SILU, "torch_dtype": dtype, "transformers_version": version, **more}


def unknown(kind):
    return f"the architecture '{kind}' is not known"


# Said of a file and of a folder alike.
INDEXER = "sparse attention to the positions that an indexer chooses"


def no_kind(kind):
    return f"of the kind '{kind}'"


# Llama and what is written as one.

LLAMA3 = (BPE, "llama-bpe")


def llama3(factor, **more):
    return shape(128256, dtype="bfloat16", bos_token_id=128000, eos_token_id=128001, attention_bias=False, attention_dropout=0.0,
                 mlp_bias=False, pretraining_tp=1, rope_theta=500000.0, context=131072,
                 rope_scaling={"factor": factor, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                               "original_max_position_embeddings": 8192, "rope_type": "llama3"}, **more)


def llama(name, gguf, folder, vocabulary, **config):
    add(name, "LlamaForCausalLM", "llama", gguf, folder, vocabulary, **config)


llama("meta-llama/Llama-2-7b-hf", RUNS, RUNS, (SPM, None),
      **shape(32000, 4096, 11008, 32, 32, context=4096, dtype="float16", version="4.31.0.dev0", bos_token_id=1, eos_token_id=2,
              pretraining_tp=1, rope_scaling="null", tie_word_embeddings=False))
llama("meta-llama/Llama-3.1-8B", RUNS, RUNS, LLAMA3,
      **llama3(8.0, width=4096, inner=14336, layers=32, heads=32, kv=8, tie_word_embeddings=False))
llama("meta-llama/Llama-3.1-70B", RUNS, RUNS, LLAMA3,
      **llama3(8.0, width=8192, inner=28672, layers=80, heads=64, kv=8, tie_word_embeddings=False))
llama("meta-llama/Llama-3.2-1B", RUNS, RUNS, LLAMA3,
      **llama3(32.0, width=2048, inner=8192, layers=16, heads=32, kv=8, head_dim=64, tie_word_embeddings=True))
llama("TinyLlama/TinyLlama-1.1B-Chat-v1.0", RUNS, RUNS, (SPM, None),
      **shape(32000, 2048, 5632, 22, 32, 4, 2048, version="4.35.0", bos_token_id=1, eos_token_id=2, attention_bias=False,
              pretraining_tp=1, rope_scaling="null", rope_theta=10000.0, tie_word_embeddings=False))
llama("codellama/CodeLlama-34b-hf", RUNS, RUNS, (SPM, None),
      **shape(32016, 8192, 22016, 48, 64, 8, 16384, version="4.32.0.dev0", bos_token_id=1, eos_token_id=2, pretraining_tp=1,
              rope_scaling="null", rope_theta=1000000, tie_word_embeddings=False))
llama("HuggingFaceTB/SmolLM2-135M-Instruct", RUNS, RUNS, (BPE, "smollm"),
      **shape(49152, 576, 1536, 30, 9, 3, 8192, version="4.42.3", bos_token_id=1, eos_token_id=2, pad_token_id=2,
              attention_bias=False, attention_dropout=0.0, is_llama_config=True, mlp_bias=False, pretraining_tp=1,
              rope_interleaved=False, rope_scaling="null", rope_theta=100000, tie_word_embeddings=True))
llama("deepseek-ai/deepseek-coder-1.3b-instruct", RUNS, RUNS, (BPE, "deepseek-coder"), source=MEMORY,
      **shape(32256, 2048, 5504, 24, 16, 16, 16384, 1e-06, version="4.33.1", bos_token_id=32013, eos_token_id=32021,
              pretraining_tp=1, rope_scaling={"type": "linear", "factor": 4.0}, rope_theta=100000, tie_word_embeddings=False))
llama("01-ai/Yi-1.5-6B", RUNS, RUNS, (SPM, None), source=MEMORY,
      **shape(64000, 4096, 11008, 32, 32, 4, 4096, 1e-06, version="4.40.0", bos_token_id=1, eos_token_id=2, pad_token_id=0,
              attention_bias=False, attention_dropout=0.0, pretraining_tp=1, rope_scaling="null", rope_theta=5000000.0,
              tie_word_embeddings=False))
llama("tiiuae/Falcon3-7B-Base", RUNS, RUNS, (BPE, "falcon3"), source=MEMORY,
      **shape(131072, 3072, 23040, 28, 12, 4, 32768, 1e-06, version="4.46.1", head_dim=256, bos_token_id=11, eos_token_id=11,
              attention_bias=False, attention_dropout=0.0, mlp_bias=False, pretraining_tp=1, rope_scaling="null",
              rope_theta=1000042, tie_word_embeddings=False))
add("arcee-ai/AFM-4.5B", "ArceeForCausalLM", "arcee", RUNS, RUNS, LLAMA3, DOCS,
    **shape(128004, 2560, 18432, 36, 20, 4, 65536, version="4.53.0") | {"hidden_act": "relu2"}, head_dim=128, bos_token_id=128000,
    eos_token_id=128001, attention_bias=False, attention_dropout=0.0, mlp_bias=False, tie_word_embeddings=False,
    rope_theta=10000.0, rope_scaling={"beta_fast": 32.0, "beta_slow": 1.0, "factor": 20.0, "mscale": 1.0,
                                      "original_max_position_embeddings": 4096, "rope_type": "yarn"})


# Mistral.

def mistral(**more):
    return {"attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": 2, "tie_word_embeddings": False, **more}


TEKKEN = (BPE, "tekken")
PIXTRAL = {"attention_dropout": 0.0, "head_dim": 64, "hidden_act": "silu", "hidden_size": 1024, "image_size": 1540,
           "initializer_range": 0.02, "intermediate_size": 4096, "model_type": "pixtral", "num_attention_heads": 16,
           "num_channels": 3, "num_hidden_layers": 24, "patch_size": 14, "rope_theta": 10000.0}
# A folder holds the part that sees beside the text model; a GGUF file of llama.cpp's converter does not.
add("mistralai/Mistral-7B-v0.1", "MistralForCausalLM", "mistral", RUNS, RUNS, (SPM, None),
    **mistral(**shape(32000, 4096, 14336, 32, 32, 8, 32768, version="4.34.0.dev0", rope_theta=10000.0, sliding_window=4096)))
add("mistralai/Mistral-Nemo-Instruct-2407", "MistralForCausalLM", "mistral", RUNS, RUNS, TEKKEN, MEMORY,
    **mistral(**shape(131072, 5120, 14336, 40, 32, 8, 1024000, version="4.43.0.dev0", head_dim=128, rope_theta=1000000.0,
                      sliding_window="null")))
add("mistralai/Mixtral-8x7B-v0.1", "MixtralForCausalLM", "mixtral", RUNS, RUNS, (SPM, None),
    **mistral(**shape(32000, 4096, 14336, 32, 32, 8, 32768, version="4.36.0.dev0", num_experts_per_tok=2, num_local_experts=8,
                      output_router_logits=False, rope_theta=1000000.0, router_aux_loss_coef=0.02, sliding_window="null")))
add("mistralai/Mistral-Small-3.1-24B-Instruct-2503", "Mistral3ForConditionalGeneration", "mistral3", RUNS, RUNS, TEKKEN, MEMORY,
    image_token_index=10, multimodal_projector_bias=False, projector_hidden_act="gelu", spatial_merge_size=2,
    vision_feature_layer=-1, torch_dtype="bfloat16", transformers_version="4.50.0.dev0", vision_config=PIXTRAL,
    text_config={"attention_dropout": 0.0, "head_dim": 128, "hidden_act": "silu", "hidden_size": 5120, "initializer_range": 0.02,
                 "intermediate_size": 32768, "max_position_embeddings": 131072, "model_type": "mistral", "num_attention_heads": 32,
                 "num_hidden_layers": 40, "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "rope_theta": 1000000000.0,
                 "sliding_window": None, "use_cache": True, "vocab_size": 131072})
add("mistralai/Ministral-3-3B-Instruct-2512", "Mistral3ForConditionalGeneration", "mistral3", RUNS, RUNS, TEKKEN,
    dtype="bfloat16", image_token_index=10, multimodal_projector_bias=False, projector_hidden_act="gelu", spatial_merge_size=2,
    vision_feature_layer=-1, transformers_version="5.0.0.dev0",
    vision_config=PIXTRAL | {"rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"}},
    text_config={"attention_dropout": 0.0, "head_dim": 128, "hidden_act": "silu", "hidden_size": 3072, "initializer_range": 0.02,
                 "intermediate_size": 9216, "max_position_embeddings": 262144, "model_type": "ministral3", "num_attention_heads": 32,
                 "num_hidden_layers": 26, "num_key_value_heads": 8, "rms_norm_eps": 1e-05,
                 "rope_parameters": {"beta_fast": 32.0, "beta_slow": 1.0, "factor": 16.0, "llama_4_scaling_beta": 0.1,
                                     "mscale": 1.0, "mscale_all_dim": 1.0, "original_max_position_embeddings": 16384,
                                     "rope_theta": 1000000.0, "rope_type": "yarn", "type": "yarn"},
                 "sliding_window": None, "tie_word_embeddings": True, "use_cache": True, "vocab_size": 131072})


# Qwen.

QWEN2, QWEN35 = (BPE, "qwen2"), (BPE, "qwen35")


def qwen(name, cls, kind, gguf, folder, *of_shape, source=QUOTED, row=None, **more):
    config = {"attention_dropout": 0.0, "bos_token_id": 151643, "eos_token_id": 151645, "tie_word_embeddings": False,
              "rope_theta": 1000000.0, "use_sliding_window": False, **more}
    add(name, cls, kind, gguf, folder, QWEN2, source, row, **shape(*of_shape, eps=1e-06, **config))


def qwen2(name, *of_shape, folder=RUNS, gguf=RUNS, **more):
    qwen(name, "Qwen2ForCausalLM", "qwen2", gguf, folder, *of_shape, **more)


def qwen3(name, *of_shape, folder=RUNS, gguf=RUNS, **more):
    config = {"version": "4.51.0", "attention_bias": False, "head_dim": 128, "rope_scaling": "null", "sliding_window": "null",
              "rope_theta": 1000000, **more}
    qwen(name, "Qwen3ForCausalLM", "qwen3", gguf, folder, *of_shape, **config)


SEES = {"deepstack_visual_indexes": [8, 16, 24], "depth": 27, "hidden_act": "gelu_pytorch_tanh", "hidden_size": 1152,
        "in_channels": 3, "initializer_range": 0.02, "intermediate_size": 4304, "num_heads": 16, "num_position_embeddings": 2304,
        "patch_size": 16, "spatial_merge_size": 2, "temporal_patch_size": 2}


def text(vocab, width, inner, layers, heads, kv, context, eps=1e-06, **more):
    return {"vocab_size": vocab, "hidden_size": width, "intermediate_size": inner, "num_hidden_layers": layers,
            "num_attention_heads": heads, "num_key_value_heads": kv, "max_position_embeddings": context, "rms_norm_eps": eps,
            "hidden_act": "silu", "initializer_range": 0.02, "use_cache": True, **more}


def of_qwen1(config):
    """Qwen's first models: their class is code of their own."""
    width, inner, vocab = config["hidden_size"], config["intermediate_size"] // 2, config["vocab_size"]
    tensors = {"transformer.wte.weight": (vocab, width), "transformer.ln_f.weight": (width,), "lm_head.weight": (vocab, width)}
    for at in range(config["num_hidden_layers"]):
        tensors |= {f"transformer.h.{at}.{name}": extents for name, extents in {
            "ln_1.weight": (width,), "ln_2.weight": (width,), "attn.c_attn.weight": (3 * width, width), "attn.c_attn.bias": (3 * width,),
            "attn.c_proj.weight": (width, width), "mlp.w1.weight": (inner, width), "mlp.w2.weight": (inner, width),
            "mlp.c_proj.weight": (width, inner)}.items()}
    return [(name, extents, torch.bfloat16) for name, extents in tensors.items()]


add("Qwen/Qwen-1_8B", "QWenLMHeadModel", "qwen", "lacks the number 'qwen.attention.layer_norm_rms_epsilon'", RUNS, (BPE, "qwen2"), row={"tensors": of_qwen1},
    attn_dropout_prob=0.0, bf16=False, emb_dropout_prob=0.0, hidden_size=2048, intermediate_size=11008, initializer_range=0.02,
    kv_channels=128, layer_norm_epsilon=1e-06, max_position_embeddings=8192, no_bias=True, num_attention_heads=16,
    num_hidden_layers=24, rotary_emb_base=10000, rotary_pct=1.0, scale_attn_weights=True, seq_length=8192,
    tie_word_embeddings=False, tokenizer_class="QWenTokenizer", transformers_version="4.32.0", use_cache=True,
    use_dynamic_ntk=True, use_flash_attn="auto", use_logn_attn=True, vocab_size=151936)
qwen2("Qwen/Qwen2-0.5B", 151936, 896, 4864, 24, 14, 2, 131072, version="4.40.1", max_window_layers=24, sliding_window=131072,
      tie_word_embeddings=True)
qwen2("Qwen/Qwen2.5-7B-Instruct", 152064, 3584, 18944, 28, 28, 4, 32768, version="4.43.1", max_window_layers=28,
      sliding_window=131072, source=MEMORY)
qwen2("Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4", 152064, 3584, 18944, 28, 28, 4, 32768, version="4.39.3", max_window_layers=28,
      sliding_window=131072, source=MEMORY, gguf=None, folder=RUNS, row={"packed": "gptq"}, dtype="float16",
      quantization_config={"batch_size": 1, "bits": 4, "block_name_to_quantize": None, "cache_block_outputs": True,
                           "damp_percent": 0.01, "dataset": None, "desc_act": False, "exllama_config": {"version": 1},
                           "group_size": 128, "model_seqlen": None, "quant_method": "gptq", "sym": True, "true_sequential": True})
qwen2("Qwen/Qwen2.5-7B-Instruct-AWQ", 152064, 3584, 18944, 28, 28, 4, 32768, version="4.41.1", max_window_layers=28,
      sliding_window=131072, source=MEMORY, gguf=None, folder=RUNS, row={"packed": "awq"}, dtype="float16",
      quantization_config={"bits": 4, "group_size": 128, "modules_to_not_convert": None, "quant_method": "awq", "version": "gemm",
                           "zero_point": True})
qwen("Qwen/Qwen1.5-MoE-A2.7B", "Qwen2MoeForCausalLM", "qwen2_moe", RUNS, RUNS, 151936, 2048, 5632, 24, 16, 16, 32768,
     version="4.39.0.dev0", max_window_layers=21, sliding_window=32768, decoder_sparse_step=1, moe_intermediate_size=1408,
     shared_expert_intermediate_size=5632, num_experts_per_tok=4, num_experts=60, norm_topk_prob=False,
     output_router_logits=False, router_aux_loss_coef=0.001)
qwen3("Qwen/Qwen3-8B", 151936, 4096, 12288, 36, 32, 8, 40960, max_window_layers=36)
qwen3("Qwen/Qwen3-0.6B", 151936, 1024, 3072, 28, 16, 8, 40960, max_window_layers=28, tie_word_embeddings=True)
qwen3("Qwen/Qwen3-Embedding-0.6B", 151669, 1024, 3072, 28, 16, 8, 32768, max_window_layers=28, tie_word_embeddings=True,
      eos_token_id=151643, source=MEMORY)
qwen3("Qwen/Qwen3-32B-FP8", 151936, 5120, 25600, 64, 64, 8, 40960, max_window_layers=64, gguf=None, folder=RUNS,
      row={"packed": "fp8"},
      quantization_config={"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": [128, 128]})
qwen3("mlx-community/Qwen3-4B-4bit", 151936, 2560, 9728, 36, 32, 8, 40960, max_window_layers=36, tie_word_embeddings=True,
      gguf=None, folder=RUNS, row={"packed": "mlx"}, source=MEMORY, quantization={"group_size": 64, "bits": 4},
      quantization_config={"group_size": 64, "bits": 4})
qwen("Qwen/Qwen3-30B-A3B", "Qwen3MoeForCausalLM", "qwen3_moe", RUNS, RUNS, 151936, 2048, 6144, 48, 32, 4, 40960,
     version="4.51.0", attention_bias=False, head_dim=128, max_window_layers=48, rope_scaling="null", sliding_window="null",
     decoder_sparse_step=1, mlp_only_layers=[], moe_intermediate_size=768, norm_topk_prob=True, num_experts=128,
     num_experts_per_tok=8, output_router_logits=False, router_aux_loss_coef=0.001)
qwen("Qwen/Qwen3-Next-80B-A3B-Instruct", "Qwen3NextForCausalLM", "qwen3_next", RUNS, RUNS,
     151936, 2048, 5120, 48, 16, 2, 262144, version="4.57.0.dev0", source=DOCS, attention_bias=False, head_dim=256,
     decoder_sparse_step=1, full_attention_interval=4, linear_conv_kernel_dim=4, linear_key_head_dim=128, linear_num_key_heads=16,
     linear_num_value_heads=32, linear_value_head_dim=128, mlp_only_layers=[], moe_intermediate_size=512, norm_topk_prob=True,
     num_experts=512, num_experts_per_tok=10, output_router_logits=False, partial_rotary_factor=0.25, rope_scaling="null",
     rope_theta=10000000, router_aux_loss_coef=0.001, shared_expert_intermediate_size=512, use_sliding_window=None)
MROPE = {"mrope_interleaved": True, "mrope_section": [11, 11, 10], "rope_type": "default", "rope_theta": 10000000,
         "partial_rotary_factor": 0.25}
LINEAR = {"attention_bias": False, "attention_dropout": 0.0, "attn_output_gate": True, "dtype": "bfloat16", "eos_token_id": 248044,
          "full_attention_interval": 4, "head_dim": 256, "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128,
          "linear_num_key_heads": 16, "linear_value_head_dim": 128, "mlp_only_layers": [], "mtp_num_hidden_layers": 1,
          "mtp_use_dedicated_embeddings": False, "mamba_ssm_dtype": "float32", "rope_parameters": MROPE}


def layers(count, every=4, usual="linear_attention", other="full_attention"):
    return [other if at % every == every - 1 else usual for at in range(count)]


def seeing(name, cls, kind, gguf, folder, inner, width, vocabulary=QWEN2, source=QUOTED, row=None, deep=(8, 16, 24), **more):
    """A model that sees, whose text model is `inner`."""
    vision = SEES | {"model_type": kind, "out_hidden_size": width, "deepstack_visual_indexes": list(deep)}
    add(name, cls, kind, gguf, folder, vocabulary, source, row, text_config=inner, vision_config=vision,
        tie_word_embeddings=False, **more)


seeing("Qwen/Qwen3.5-27B", "Qwen3_5ForConditionalGeneration", "qwen3_5", RUNS, RUNS,
       text(248320, 5120, 17408, 64, 24, 4, 262144, **LINEAR, layer_types=layers(64), linear_num_value_heads=48,
            model_type="qwen3_5_text"),
       5120, QWEN35, deep=(), image_token_id=248056, video_token_id=248057, transformers_version="4.57.0.dev0")
seeing("Qwen/Qwen3.5-35B-A3B", "Qwen3_5MoeForConditionalGeneration", "qwen3_5_moe", RUNS, RUNS,
       {key: value for key, value in text(
           248320, 2048, None, 40, 16, 2, 262144, **LINEAR, layer_types=layers(40), linear_num_value_heads=32,
           model_type="qwen3_5_moe_text", moe_intermediate_size=512, num_experts=256, num_experts_per_tok=8,
           router_aux_loss_coef=0.001, shared_expert_intermediate_size=512).items() if value is not None},
       2048, QWEN35, deep=(), image_token_id=248056, video_token_id=248057, transformers_version="4.57.0.dev0")
seeing("Qwen/Qwen3-VL-8B-Instruct", "Qwen3VLForConditionalGeneration", "qwen3_vl", RUNS, RUNS,
       text(151936, 4096, 12288, 36, 32, 8, 262144, attention_bias=False, attention_dropout=0.0, bos_token_id=151643,
            dtype="bfloat16", eos_token_id=151645, head_dim=128, model_type="qwen3_vl_text", rope_theta=5000000,
            rope_scaling={"mrope_interleaved": True, "mrope_section": [24, 20, 20], "rope_type": "default"}),
       4096, image_token_id=151655, video_token_id=151656)
seeing("Qwen/Qwen3-VL-30B-A3B-Instruct", "Qwen3VLMoeForConditionalGeneration", "qwen3_vl_moe", RUNS, RUNS,
       text(151936, 2048, 6144, 48, 32, 4, 262144, attention_bias=False, attention_dropout=0.0, bos_token_id=151643,
            dtype="bfloat16", eos_token_id=151645, head_dim=128, model_type="qwen3_vl_moe_text", rope_theta=5000000,
            rope_scaling={"mrope_interleaved": True, "mrope_section": [24, 20, 20], "rope_type": "default"},
            decoder_sparse_step=1, mlp_only_layers=[], moe_intermediate_size=768, norm_topk_prob=True, num_experts=128,
            num_experts_per_tok=8),
       2048, row={"transposed": True}, image_token_id=151655, video_token_id=151656)
add("Qwen/Qwen2-VL-7B-Instruct", "Qwen2VLForConditionalGeneration", "qwen2_vl", unknown("qwen2vl"), no_kind("qwen2_vl"), QWEN2, MEMORY,
    **shape(152064, 3584, 18944, 28, 28, 4, 32768, 1e-06, version="4.41.2", attention_dropout=0.0, bos_token_id=151643,
            eos_token_id=151645, vision_start_token_id=151652, vision_end_token_id=151653, vision_token_id=151654,
            image_token_id=151655, video_token_id=151656, max_window_layers=28, rope_theta=1000000.0, sliding_window=32768,
            tie_word_embeddings=False, use_sliding_window=False, rope_scaling={"type": "mrope", "mrope_section": [16, 24, 24]},
            vision_config={"depth": 32, "embed_dim": 1280, "mlp_ratio": 4, "num_heads": 16, "in_chans": 3, "hidden_size": 3584,
                           "patch_size": 14, "spatial_merge_size": 2, "spatial_patch_size": 14, "temporal_patch_size": 2}))


# Gemma.

GEMMA = (SPM, None)
SLIDE, FULL = "sliding_attention", "full_attention"


def gemma(name, cls, kind, gguf, folder, source=QUOTED, row=None, **config):
    add(name, cls, kind, gguf, folder, GEMMA, source, row, **config)


def gemma2(**more):
    return {**shape(eps=1e-06, context=8192, vocab=256000, version="4.42.4", **more), "hidden_act": "gelu_pytorch_tanh",
            "hidden_activation": "gelu_pytorch_tanh", "attention_bias": False, "attention_dropout": 0.0,
            "attn_logit_softcapping": 50.0, "bos_token_id": 2, "cache_implementation": "hybrid", "eos_token_id": [1, 107],
            "final_logit_softcapping": 30.0, "pad_token_id": 0, "rope_theta": 10000.0, "sliding_window": 4096}


gemma("google/gemma-2b", "GemmaForCausalLM", "gemma", RUNS, RUNS,
      **shape(256000, 2048, 16384, 18, 8, 1, 8192, 1e-06, version="4.38.0.dev0", attention_bias=False, attention_dropout=0.0,
              bos_token_id=2, eos_token_id=1, pad_token_id=0, head_dim=256, rope_scaling="null", rope_theta=10000.0)
      | {"hidden_act": "gelu"})
gemma("google/gemma-2-2b", "Gemma2ForCausalLM", "gemma2", RUNS, RUNS,
      **gemma2(width=2304, inner=9216, layers=26, heads=8, kv=4, head_dim=256, query_pre_attn_scalar=256))
gemma("google/gemma-2-27b-it", "Gemma2ForCausalLM", "gemma2", RUNS, RUNS,
      **gemma2(width=4608, inner=36864, layers=46, heads=32, kv=16, head_dim=128, query_pre_attn_scalar=144,
               sliding_window_size=4096, _attn_implementation="eager"))
gemma("google/gemma-3-1b-it", "Gemma3ForCausalLM", "gemma3_text", RUNS, RUNS,
      **{key: value for key, value in shape(
          262144, 1152, 6912, 26, 4, 1, 32768, 1e-06, version="4.50.0.dev0", attention_bias=False, attention_dropout=0.0,
          attn_logit_softcapping="null", bos_token_id=2, cache_implementation="hybrid", eos_token_id=[1, 106],
          final_logit_softcapping="null", head_dim=256, hidden_activation="gelu_pytorch_tanh", pad_token_id=0,
          query_pre_attn_scalar=256, rope_local_base_freq=10000, rope_scaling="null", rope_theta=1000000, sliding_window=512,
          sliding_window_pattern=6).items() if key != "hidden_act"})
gemma("google/gemma-3-4b-it", "Gemma3ForConditionalGeneration", "gemma3", RUNS, RUNS, MEMORY, boi_token_index=255999,
      eoi_token_index=256000, eos_token_id=[1, 106], image_token_index=262144, initializer_range=0.02, mm_tokens_per_image=256,
      torch_dtype="bfloat16", transformers_version="4.50.0.dev0",
      text_config={"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34,
                   "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024},
      vision_config={"hidden_size": 1152, "image_size": 896, "intermediate_size": 4304, "model_type": "siglip_vision_model",
                     "num_attention_heads": 16, "num_hidden_layers": 27, "patch_size": 14, "vision_use_head": False})
gemma("google/embeddinggemma-300m", "Gemma3TextModel", "gemma3_text", "llm-embed", "llm-embed", MEMORY,
      **{key: value for key, value in shape(
          262144, 768, 1152, 24, 3, 1, 2048, 1e-06, dtype="float32", version="4.57.0.dev0", _sliding_window_pattern=6,
          attention_bias=False, attention_dropout=0.0, attn_logit_softcapping="null", bos_token_id=2, eos_token_id=1,
          final_logit_softcapping="null", head_dim=256, hidden_activation="gelu_pytorch_tanh", pad_token_id=0,
          layer_types=layers(24, 6, SLIDE, FULL), query_pre_attn_scalar=256, rope_local_base_freq=10000.0, rope_scaling="null",
          rope_theta=1000000.0, sliding_window=512, use_bidirectional_attention=True).items() if key != "hidden_act"})
# The converter puts its embedding on the CPU, of which there are no numbers here.
gemma("google/gemma-3n-E4B-it", "Gemma3nForConditionalGeneration", "gemma3n", None, RUNS, DOCS, row={"class": "Gemma3nForCausalLM"},
      torch_dtype="bfloat16", transformers_version="4.53.0.dev0", initializer_range=0.02,
      text_config={"model_type": "gemma3n_text", "vocab_size": 262400, "hidden_size": 2048, "intermediate_size": [16384] * 35,
                   "num_hidden_layers": 35, "num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 256,
                   "num_kv_shared_layers": 15, "sliding_window": 512, "laurel_rank": 64, "altup_num_inputs": 4,
                   "hidden_activation": "gelu_pytorch_tanh", "max_position_embeddings": 32768, "rms_norm_eps": 1e-06,
                   "layer_types": layers(35, 5, SLIDE, FULL), "final_logit_softcapping": 30.0,
                   "activation_sparsity_pattern": [0.95] * 10 + [0.0] * 25, "vocab_size_per_layer_input": 262144,
                   "hidden_size_per_layer_input": 256, "rope_theta": 1000000.0, "rope_local_base_freq": 10000.0})
gemma("google/gemma-4-26B-A4B", "Gemma4ForConditionalGeneration", "gemma4", RUNS, RUNS, audio_config="null", audio_token_id=258881,
      boa_token_id=256000, boi_token_id=255999, dtype="bfloat16", eoa_token_id=258883, eoi_token_id=258882, image_token_id=258880,
      initializer_range=0.02, tie_word_embeddings=True, transformers_version="5.5.0.dev0", vision_soft_tokens_per_image=280,
      row={"vocabulary": ("gemma4", None)},
      text_config={"attention_bias": False, "attention_dropout": 0.0, "attention_k_eq_v": True, "bos_token_id": 2, "dtype": "bfloat16",
                   "enable_moe_block": True, "eos_token_id": 1, "final_logit_softcapping": 30.0, "global_head_dim": 512,
                   "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 2816, "hidden_size_per_layer_input": 0,
                   "initializer_range": 0.02, "intermediate_size": 2112, "layer_types": layers(30, 6, SLIDE, FULL),
                   "max_position_embeddings": 262144, "model_type": "gemma4_text", "moe_intermediate_size": 704,
                   "num_attention_heads": 16, "num_experts": 128, "num_global_key_value_heads": 2, "num_hidden_layers": 30,
                   "num_key_value_heads": 8, "num_kv_shared_layers": 0, "pad_token_id": 0, "rms_norm_eps": 1e-06,
                   "rope_parameters": {"full_attention": {"partial_rotary_factor": 0.25, "rope_theta": 1000000.0,
                                                          "rope_type": "proportional"},
                                       "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"}},
                   "sliding_window": 1024, "tie_word_embeddings": True, "top_k_experts": 8, "use_bidirectional_attention": "vision",
                   "use_cache": True, "use_double_wide_mlp": False, "vocab_size": 262144, "vocab_size_per_layer_input": 262144},
      vision_config={"attention_bias": False, "attention_dropout": 0.0, "default_output_length": 280, "dtype": "bfloat16",
                     "global_head_dim": 72, "head_dim": 72, "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 1152,
                     "initializer_range": 0.02, "intermediate_size": 4304, "max_position_embeddings": 131072,
                     "model_type": "gemma4_vision", "num_attention_heads": 16, "num_hidden_layers": 27, "num_key_value_heads": 16,
                     "patch_size": 16, "pooling_kernel_size": 3, "position_embedding_size": 10240, "rms_norm_eps": 1e-06,
                     "rope_parameters": {"rope_theta": 100.0, "rope_type": "default"}, "standardize": True,
                     "use_clipped_linears": False})
gemma("google/recurrentgemma-2b", "RecurrentGemmaForCausalLM", "recurrent_gemma", None, no_kind("recurrent_gemma"), DOCS,
      hidden_size=2560, intermediate_size=15360, num_hidden_layers=26, num_attention_heads=10, num_key_value_heads=1, vocab_size=256000,
      block_types=["recurrent", "recurrent", "attention"], attention_window_size=2048, conv1d_width=4, logits_soft_cap=30.0,
      lru_width=2560, rms_norm_eps=1e-06, rope_theta=10000.0, torch_dtype="bfloat16", transformers_version="4.40.0.dev0",
      bos_token_id=2, eos_token_id=1, pad_token_id=0)


# Phi.

def phi3(name, gguf, folder, vocabulary, **more):
    config = {"attention_dropout": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0, "attention_bias": False, "rope_theta": 10000.0,
              "tie_word_embeddings": False, **more}
    add(name, "Phi3ForCausalLM", "phi3", gguf, folder, vocabulary, **config)


def longrope(count):
    """Factors of the published shape; which numbers they are changes nothing here."""
    return {"long_factor": [1.0 + at / 8 for at in range(count)], "short_factor": [1.0] * count, "type": "longrope"}


GPT4O = (BPE, "gpt-4o")
phi3("microsoft/Phi-3-mini-4k-instruct", RUNS, RUNS, (SPM, None), source=MEMORY,
     **shape(32064, 3072, 8192, 32, 32, 32, 4096, version="4.40.2", bos_token_id=1, eos_token_id=32000, pad_token_id=32000,
             original_max_position_embeddings=4096, rope_scaling="null", sliding_window=2047))
phi3("microsoft/Phi-3.5-mini-instruct", RUNS, RUNS, (SPM, None),
     **shape(32064, 3072, 8192, 32, 32, 32, 131072, version="4.43.3", bos_token_id=1, eos_token_id=32000, pad_token_id=32000,
             original_max_position_embeddings=4096, rope_scaling=longrope(48), sliding_window=262144))
phi3("microsoft/Phi-4-mini-instruct", RUNS, RUNS, GPT4O,
     **shape(200064, 3072, 8192, 32, 24, 8, 131072, version="4.45.0", bos_token_id=199999, eos_token_id=199999, pad_token_id=199999,
             original_max_position_embeddings=4096, rope_scaling=longrope(48), sliding_window=262144, full_attn_mod=1,
             interpolate_factor=1, lm_head_bias=False, mlp_bias=False, partial_rotary_factor=0.75), tie_word_embeddings=True)
phi3("microsoft/phi-4", RUNS, RUNS, (BPE, "dbrx"), source=MEMORY,
     **shape(100352, 5120, 17920, 40, 40, 10, 16384, version="4.47.0", bos_token_id=100257, eos_token_id=100257, pad_token_id=100257,
             original_max_position_embeddings=16384, rope_scaling="null", sliding_window="null"), rope_theta=250000)
PHI = {"attention_dropout": 0.0, "bos_token_id": "null", "eos_token_id": "null", "embd_pdrop": 0.0, "hidden_act": "gelu_new",
       "initializer_range": 0.02, "layer_norm_eps": 1e-05, "max_position_embeddings": 2048, "num_attention_heads": 32,
       "num_key_value_heads": 32, "qk_layernorm": False, "rope_scaling": "null", "rope_theta": 10000.0, "tie_word_embeddings": False,
       "torch_dtype": "float16", "transformers_version": "4.37.0", "use_cache": True, "vocab_size": 51200}
add("microsoft/phi-2", "PhiForCausalLM", "phi", RUNS, RUNS, (BPE, "gpt-2"), MEMORY, **PHI, hidden_size=2560, intermediate_size=10240,
    num_hidden_layers=32, partial_rotary_factor=0.4, resid_pdrop=0.1)
add("microsoft/phi-1_5", "PhiForCausalLM", "phi", RUNS, RUNS, (BPE, "gpt-2"), MEMORY, **PHI, hidden_size=2048, intermediate_size=8192,
    num_hidden_layers=24, partial_rotary_factor=0.5, resid_pdrop=0.0)
add("microsoft/Phi-3.5-MoE-instruct", "PhiMoEForCausalLM", "phimoe", unknown("phimoe"), no_kind("phimoe"), (SPM, None), MEMORY,
    **shape(32064, 4096, 6400, 32, 32, 8, 131072, version="4.43.3", bos_token_id=1, eos_token_id=32000, attention_bias=True,
            attention_dropout=0.0, hidden_dropout=0.0, input_jitter_noise=0.01, lm_head_bias=True, num_experts_per_tok=2,
            num_local_experts=16, original_max_position_embeddings=4096, output_router_logits=False, rope_theta=10000.0,
            rope_scaling=longrope(64) | {"long_mscale": 1.243163121016122, "short_mscale": 1.243163121016122,
                                         "original_max_position_embeddings": 4096},
            router_aux_loss_coef=0.0, router_jitter_noise=0.01, sliding_window=131072, tie_word_embeddings=False),
    row={"class": "PhimoeForCausalLM"})


# DeepSeek and Kimi.

FP8 = {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": [128, 128]}


def yarn(factor, mscale, original=4096, fast=32):
    return {"beta_fast": fast, "beta_slow": 1, "factor": factor, "mscale": mscale, "mscale_all_dim": mscale,
            "original_max_position_embeddings": original, "type": "yarn"}


def mla(q=1536, nope=128, rope=64, value=128, rank=512):
    return {"q_lora_rank": q or "null", "kv_lora_rank": rank, "qk_nope_head_dim": nope, "qk_rope_head_dim": rope, "v_head_dim": value}


def routed(experts, used, inner, first=1, scale=1.0, groups=1, chosen=1, score="sigmoid", method="noaux_tc", norm=True, shared=1):
    return {"n_routed_experts": experts, "num_experts_per_tok": used, "moe_intermediate_size": inner, "first_k_dense_replace": first,
            "routed_scaling_factor": scale, "n_group": groups, "topk_group": chosen, "scoring_func": score, "topk_method": method,
            "norm_topk_prob": norm, "n_shared_experts": shared, "moe_layer_freq": 1}


DEEP = {"attention_bias": False, "attention_dropout": 0.0, "tie_word_embeddings": False, "pretraining_tp": 1, "aux_loss_alpha": 0.001,
        "seq_aux": True}
V3 = (BPE, "deepseek-v3")
add("deepseek-ai/DeepSeek-V2-Lite", "DeepseekV2ForCausalLM", "deepseek_v2", RUNS, RUNS, (BPE, "deepseek-llm"), **DEEP,
    **shape(102400, 2048, 10944, 27, 16, 16, 163840, 1e-06, version="4.33.1", bos_token_id=100000, eos_token_id=100001),
    **mla(None), **routed(64, 6, 1408, score="softmax", method="greedy", norm=False, shared=2), rope_theta=10000,
    rope_scaling=yarn(40, 0.707))
add("deepseek-ai/DeepSeek-V3", "DeepseekV3ForCausalLM", "deepseek_v3", RUNS, RUNS, V3, row={"packed": "fp8"}, **DEEP,
    **shape(129280, 7168, 18432, 61, 128, 128, 163840, 1e-06, version="4.33.1", bos_token_id=0, eos_token_id=1),
    **mla(), **routed(256, 8, 2048, 3, 2.5, 8, 4), rope_theta=10000, rope_scaling=yarn(40, 1.0), num_nextn_predict_layers=1,
    ep_size=1, quantization_config=FP8)
add("moonshotai/Kimi-K2-Instruct", "DeepseekV3ForCausalLM", "kimi_k2", RUNS, RUNS, (BPE, "kimi-k2"),
    row={"packed": "fp8", "read_as": {"model_type": "deepseek_v3"}}, **DEEP,
    **shape(163840, 7168, 18432, 61, 64, 64, 131072, 1e-06, version="4.48.3", bos_token_id=163584, eos_token_id=163585),
    **mla(), **routed(384, 8, 2048, 1, 2.827), rope_theta=50000.0, rope_scaling=yarn(32.0, 1.0, fast=1.0),
    num_nextn_predict_layers=0, quantization_config=FP8)
add("moonshotai/Moonlight-16B-A3B-Instruct", "DeepseekV3ForCausalLM", "deepseek_v3", RUNS, RUNS, (BPE, "kimi-k2"), MEMORY, **DEEP,
    **shape(163840, 2048, 11264, 27, 16, 16, 8192, version="4.48.3", bos_token_id=163584, eos_token_id=163585),
    **mla(None), **routed(64, 6, 1408, 1, 2.446, shared=2), rope_theta=50000.0, rope_scaling="null", num_nextn_predict_layers=0,
    ep_size=1)
add("deepseek-ai/DeepSeek-V3.2", "DeepseekV32ForCausalLM", "deepseek_v32", INDEXER, INDEXER, V3,
    row={"packed": "fp8"}, **{key: DEEP[key] for key in ("attention_bias", "attention_dropout", "tie_word_embeddings")},
    **shape(129280, 7168, 18432, 61, 128, 128, 163840, 1e-06, version="4.44.2", bos_token_id=0, eos_token_id=1),
    **mla(), **routed(256, 8, 2048, 3, 2.5, 8, 4), index_head_dim=128, index_n_heads=64, index_topk=2048, rope_theta=10000,
    rope_scaling=yarn(40, 1.0), num_nextn_predict_layers=1, ep_size=1, quantization_config=FP8 | {"scale_fmt": "ue8m0"})
add("zai-org/GLM-5", "GlmMoeDsaForCausalLM", "glm_moe_dsa", INDEXER, INDEXER, (BPE, "glm4"),
    **{key: DEEP[key] for key in ("attention_bias", "attention_dropout", "tie_word_embeddings", "pretraining_tp")},
    **shape(154880, 6144, 12288, 78, 64, 64, 202752, version="5.0.2.dev0", eos_token_id=[154820, 154827, 154829], pad_token_id=154820),
    **mla(2048, 192, 64, 256), **routed(256, 8, 2048, 3, 2.5), head_dim=64, qk_head_dim=256, index_head_dim=128, index_n_heads=32,
    index_topk=2048, indexer_rope_interleave=True, rope_interleave=True, num_nextn_predict_layers=1, ep_size=1,
    rope_parameters={"rope_theta": 1000000, "rope_type": "default"})
add("zai-org/GLM-4.7-Flash", "Glm4MoeLiteForCausalLM", "glm4_moe_lite", RUNS, no_kind("glm4_moe_lite"), (BPE, "glm4"), DOCS,
    **{key: DEEP[key] for key in ("attention_bias", "attention_dropout", "tie_word_embeddings")},
    **shape(154880, 2048, 10240, 47, 20, 20, 202752, version="5.0.0rc0", eos_token_id=[154820, 154827, 154829], pad_token_id=154820),
    **mla(768, 192, 64, 256), **routed(64, 4, 1536, 1, 1.8), num_nextn_predict_layers=1, partial_rotary_factor=1.0,
    rope_scaling="null", rope_theta=1000000)


def llama_like(config, prefix="model.", experts=0, dtype=torch.bfloat16, shared=0, first=0):
    """Tensors of a decoder of the common names, whose class transformers does not have."""
    width, inner, vocab = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    heads, kv = config["num_attention_heads"], config.get("num_key_value_heads", config["num_attention_heads"])
    head = config.get("head_dim") or width // heads
    tensors = {f"{prefix}embed_tokens.weight": (vocab, width), f"{prefix}norm.weight": (width,)}
    if not config.get("tie_word_embeddings"):
        tensors["lm_head.weight"] = (vocab, width)
    for at in range(config["num_hidden_layers"]):
        layer = {"input_layernorm.weight": (width,), "post_attention_layernorm.weight": (width,),
                 "self_attn.q_proj.weight": (heads * head, width), "self_attn.k_proj.weight": (kv * head, width),
                 "self_attn.v_proj.weight": (kv * head, width), "self_attn.o_proj.weight": (width, heads * head)}

        def step(name, length):
            return {f"mlp.{name}gate_proj.weight": (length, width), f"mlp.{name}up_proj.weight": (length, width),
                    f"mlp.{name}down_proj.weight": (width, length)}

        if experts and at >= first:
            layer["mlp.gate.weight"] = (experts, width)
            for one in range(experts):
                layer |= step(f"experts.{one}.", config["moe_intermediate_size"])
            if shared:
                layer |= step("shared_experts.", shared * config["moe_intermediate_size"])
        else:
            layer |= step("", inner)
        tensors |= {f"{prefix}layers.{at}.{name}": extents for name, extents in layer.items()}
    return [(name, extents, dtype) for name, extents in tensors.items()]


add("deepseek-ai/deepseek-moe-16b-base", "DeepseekForCausalLM", "deepseek", RUNS, RUNS,
    (BPE, "deepseek-llm"), row={"tensors": lambda config: llama_like(config, experts=64, shared=2, first=1)},
    **{key: DEEP[key] for key in ("attention_bias", "attention_dropout", "tie_word_embeddings", "pretraining_tp")},
    **shape(102400, 2048, 10944, 28, 16, 16, 4096, 1e-06, version="4.36.2", bos_token_id=100000, eos_token_id=100001),
    first_k_dense_replace=1, moe_intermediate_size=1408, moe_layer_freq=1, n_routed_experts=64, n_shared_experts=2,
    norm_topk_prob=False, num_experts_per_tok=6, rope_scaling="null", rope_theta=10000, scoring_func="softmax")
add("openai/gpt-oss-20b", "GptOssForCausalLM", "gpt_oss", RUNS, RUNS, GPT4O, row={"mxfp4": True},
    **{key: value for key, value in shape(
        201088, 2880, 2880, 24, 64, 8, 131072, dtype="bfloat16", version="4.55.0.dev0", attention_bias=True, attention_dropout=0.0,
        eos_token_id=200002, pad_token_id=199999, experts_per_token=4, head_dim=64, initial_context_length=4096,
        layer_types=[SLIDE, FULL] * 12, num_experts_per_tok=4, num_local_experts=32, output_router_logits=False,
        quantization_config={"modules_to_not_convert": ["model.layers.*.self_attn", "model.layers.*.mlp.router",
                                                        "model.embed_tokens", "lm_head"], "quant_method": "mxfp4"},
        rope_scaling={"beta_fast": 32.0, "beta_slow": 1.0, "factor": 32.0, "original_max_position_embeddings": 4096,
                      "rope_type": "yarn", "truncate": False},
        rope_theta=150000, router_aux_loss_coef=0.9, sliding_window=128, swiglu_limit=7.0, tie_word_embeddings=False).items()
       if key != "torch_dtype"})


# Others that run.

CHATGLM4 = (BPE, "chatglm-bpe")
add("THUDM/GLM-4-9B-0414", "Glm4ForCausalLM", "glm4", RUNS, RUNS, CHATGLM4, DOCS,
    **shape(151552, 4096, 13696, 40, 32, 2, 32768, version="4.52.0.dev0", attention_bias=False, attention_dropout=0.0,
            eos_token_id=[151329, 151336, 151338], head_dim=128, pad_token_id=151329, partial_rotary_factor=0.5, rope_theta=10000.0,
            tie_word_embeddings=False))
GRANITE = {"attention_bias": False, "attention_dropout": 0.1, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0,
           "mlp_bias": False, "rope_scaling": "null", "tie_word_embeddings": True}
add("ibm-granite/granite-3.1-2b-instruct", "GraniteForCausalLM", "granite", RUNS, RUNS, (BPE, "refact"), MEMORY, **GRANITE,
    **shape(49155, 2048, 8192, 40, 32, 8, 131072, version="4.47.0.dev0", attention_multiplier=0.015625, embedding_multiplier=12.0,
            logits_scaling=8.0, residual_multiplier=0.22, rope_theta=5000000.0))
add("ibm-granite/granite-3.1-1b-a400m-instruct", "GraniteMoeForCausalLM", "granitemoe", RUNS, RUNS, (BPE, "refact"), MEMORY,
    **{key: value for key, value in GRANITE.items() if key != "mlp_bias"},
    **shape(49155, 1024, 512, 24, 16, 8, 131072, 1e-06, version="4.47.0.dev0", attention_multiplier=0.015625,
            embedding_multiplier=12.0, logits_scaling=6.0, residual_multiplier=0.22, num_experts_per_tok=8, num_local_experts=32,
            output_router_logits=False, rope_theta=1500000.0, router_aux_loss_coef=0.0))
OLMO = {"attention_bias": False, "attention_dropout": 0.0, "eos_token_id": 100257, "pad_token_id": 100277, "tie_word_embeddings": False}
add("allenai/OLMo-2-1124-7B", "Olmo2ForCausalLM", "olmo2", RUNS, RUNS, (BPE, "dbrx"), **OLMO,
    **shape(100352, 4096, 11008, 32, 32, 32, 4096, 1e-06, "float32", "4.47.0", rope_scaling="null", rope_theta=500000))
add("allenai/Olmo-3-7B-Instruct", "Olmo3ForCausalLM", "olmo3", RUNS, RUNS, (BPE, "dbrx"), DOCS, **OLMO,
    **shape(100278, 4096, 11008, 32, 32, 32, 65536, 1e-06, version="4.57.1", layer_types=layers(32, 4, SLIDE, FULL),
            rope_scaling={"attention_factor": 1.2079441541679836, "beta_fast": 32.0, "beta_slow": 1.0, "factor": 8.0,
                          "original_max_position_embeddings": 8192, "rope_type": "yarn"},
            rope_theta=500000, sliding_window=4096))
add("allenai/OLMoE-1B-7B-0924", "OlmoeForCausalLM", "olmoe", RUNS, RUNS, (BPE, "olmo"), DOCS,
    **shape(50304, 2048, 1024, 16, 16, 16, 4096, version="4.43.0.dev0", attention_bias=False, attention_dropout=0.0, clip_qkv="null",
            eos_token_id=50279, pad_token_id=1, norm_topk_prob=False, num_experts=64, num_experts_per_tok=8,
            output_router_logits=False, rope_scaling="null", rope_theta=10000.0, router_aux_loss_coef=0.01,
            tie_word_embeddings=False))
add("allenai/OLMo-1B-hf", "OlmoForCausalLM", "olmo", unknown("olmo"), no_kind("olmo"), (BPE, "olmo"), MEMORY,
    **{key: value for key, value in shape(50304, 2048, 8192, 16, 16, 16, 2048, dtype="float32", version="4.40.0.dev0").items()
       if key != "rms_norm_eps"}, attention_bias=False, attention_dropout=0.0, clip_qkv="null", eos_token_id=50279, pad_token_id=1,
    rope_scaling="null", rope_theta=10000.0, tie_word_embeddings=True)
add("HuggingFaceTB/SmolLM3-3B", "SmolLM3ForCausalLM", "smollm3", RUNS, RUNS, (BPE, "smollm"), DOCS,
    **shape(128256, 2048, 11008, 36, 16, 4, 65536, 1e-06, version="4.54.0.dev0", attention_bias=False, attention_dropout=0.0,
            bos_token_id=128000, eos_token_id=128012, pad_token_id=128004, layer_types=[FULL] * 36, max_window_layers=28,
            mlp_bias=False, no_rope_layer_interval=4, no_rope_layers=[1, 1, 1, 0] * 9, pretraining_tp=2, rope_scaling="null",
            rope_theta=5000000.0, sliding_window="null", use_sliding_window=False))
add("ByteDance-Seed/Seed-OSS-36B-Instruct", "SeedOssForCausalLM", "seed_oss", RUNS, RUNS, (BPE, "seed-coder"), DOCS,
    **shape(155136, 5120, 27648, 64, 80, 8, 524288, 1e-06, version="4.55.0", attention_bias=True, attention_dropout=0.1,
            attention_out_bias=False, bos_token_id=0, eos_token_id=2, pad_token_id=1, head_dim=128, mlp_bias=False, pretraining_tp=1,
            residual_dropout=0.1, rope_scaling={"rope_type": "default"}, rope_theta=10000000.0, tie_word_embeddings=False))
COHERE = {"attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 5, "eos_token_id": 255001, "hidden_act": "silu",
          "initializer_range": 0.02, "layer_norm_eps": 1e-05, "pad_token_id": 0, "torch_dtype": "float16", "use_cache": True,
          "vocab_size": 256000}
COMMAND = (BPE, "command-r")
add("CohereForAI/c4ai-command-r-v01", "CohereForCausalLM", "cohere", RUNS, RUNS, COMMAND, MEMORY, **COHERE, hidden_size=8192,
    intermediate_size=22528, logit_scale=0.0625, max_position_embeddings=8192, model_max_length=131072, num_attention_heads=64,
    num_hidden_layers=40, num_key_value_heads=64, rope_theta=8000000.0, transformers_version="4.38.2", use_qk_norm=False)
add("CohereForAI/c4ai-command-r-plus", "CohereForCausalLM", "cohere", RUNS, RUNS, COMMAND, MEMORY, **COHERE, hidden_size=12288,
    intermediate_size=33792, logit_scale=0.8333333333333334, max_position_embeddings=131072, model_max_length=131072,
    num_attention_heads=96, num_hidden_layers=64, num_key_value_heads=8, rope_theta=75000000.0, transformers_version="4.40.0.dev0",
    use_qk_norm=True)
add("CohereForAI/aya-23-8B", "CohereForCausalLM", "cohere", RUNS, RUNS, COMMAND, **COHERE, hidden_size=4096, intermediate_size=14336,
    logit_scale=0.0625, max_position_embeddings=8192, num_attention_heads=32, num_hidden_layers=32, num_key_value_heads=8,
    rope_theta=10000, transformers_version="4.40.0.dev0", use_qk_norm=False)
add("CohereForAI/c4ai-command-r7b-12-2024", "Cohere2ForCausalLM", "cohere2", RUNS, RUNS, COMMAND, DOCS, **COHERE,
    cache_implementation="hybrid", head_dim=128, hidden_size=4096, intermediate_size=14336, layer_switch=4, logit_scale=0.25,
    max_position_embeddings=8192, num_attention_heads=32, num_hidden_layers=32, num_key_value_heads=8, order_of_interleaved_layers=
    "local_attn_first", position_embedding_type="rope_gptj", rope_scaling="null", rope_theta=50000, rotary_pct=1.0,
    sliding_window=4096, sliding_window_pattern=4, transformers_version="4.48.0.dev0", use_embedding_sharing=True,
    use_gated_activation=True, use_parallel_block=True, use_parallel_embedding=False, use_qk_norm=False)


def starcoder2(name, width, inner, layers, heads, kv, theta, source):
    add(name, "Starcoder2ForCausalLM", "starcoder2", RUNS, RUNS, (BPE, "starcoder"), source, activation_function="gelu",
        attention_dropout=0.1, attention_softmax_in_fp32=True, bos_token_id=0, embedding_dropout=0.1, eos_token_id=0,
        hidden_act="gelu_pytorch_tanh", hidden_size=width, initializer_range=0.018042, intermediate_size=inner,
        layer_norm_epsilon=1e-05, max_position_embeddings=16384, mlp_type="default", norm_epsilon=1e-05, norm_type="layer_norm",
        num_attention_heads=heads, num_hidden_layers=layers, num_key_value_heads=kv, residual_dropout=0.1, rope_theta=theta,
        scale_attention_softmax_in_fp32=True, scale_attn_weights=True, sliding_window=4096, torch_dtype="bfloat16",
        transformers_version="4.37.0.dev0", use_bias=True, use_cache=True, vocab_size=49152)


starcoder2("bigcode/starcoder2-7b", 4608, 18432, 32, 36, 4, 1000000, QUOTED)
starcoder2("bigcode/starcoder2-3b", 3072, 12288, 30, 24, 2, 999999.4420358813, MEMORY)


def stablelm(name, width, inner, layers, heads, kv, source, **more):
    add(name, "StableLmForCausalLM", "stablelm", RUNS, RUNS, (BPE, "stablelm2"), source, hidden_act="silu", hidden_size=width,
        initializer_range=0.02, intermediate_size=inner, layer_norm_eps=1e-05, num_attention_heads=heads, num_hidden_layers=layers,
        num_key_value_heads=kv, max_position_embeddings=4096, partial_rotary_factor=0.25, rope_theta=10000, tie_word_embeddings=False,
        use_cache=True, **more)


stablelm("stabilityai/stablelm-2-zephyr-1_6b", 2048, 5632, 24, 32, 32, QUOTED, bos_token_id=100257, eos_token_id=100257,
         torch_dtype="float16", transformers_version="4.38.0", use_qkv_bias=True, vocab_size=100352)
stablelm("stabilityai/stablelm-3b-4e1t", 2560, 6912, 32, 32, 32, MEMORY, bos_token_id=0, eos_token_id=0, torch_dtype="bfloat16",
         transformers_version="4.38.0", use_qkv_bias=False, vocab_size=50304)
stablelm("stabilityai/stablelm-2-12b", 5120, 13824, 40, 32, 8, MEMORY, bos_token_id=100257, eos_token_id=100257, hidden_dropout=0.0,
         attention_dropout=0.0, qk_layernorm=True, torch_dtype="bfloat16", transformers_version="4.40.0", use_parallel_residual=True,
         use_qkv_bias=False, vocab_size=100352)
FALCON = {"alibi": False, "attention_dropout": 0.0, "bias": False, "bos_token_id": 11, "eos_token_id": 11, "hidden_dropout": 0.0,
          "initializer_range": 0.02, "layer_norm_epsilon": 1e-05, "parallel_attn": True, "torch_dtype": "bfloat16", "use_cache": True,
          "vocab_size": 65024}
add("tiiuae/falcon-7b", "FalconForCausalLM", "falcon", RUNS, RUNS, (BPE, "falcon"), DOCS, row={"plain": True}, **FALCON, apply_residual_connection_post_layernorm=False,
    hidden_size=4544, multi_query=True, new_decoder_architecture=False, num_attention_heads=71, num_hidden_layers=32,
    transformers_version="4.27.4")
add("tiiuae/falcon-40b", "FalconForCausalLM", "falcon", RUNS, RUNS, (BPE, "falcon"), MEMORY, **FALCON,
    apply_residual_connection_post_layernorm=False, hidden_size=8192, new_decoder_architecture=True, num_attention_heads=128,
    num_hidden_layers=60, num_kv_heads=8, transformers_version="4.27.4")
NEOX = {"bos_token_id": 0, "eos_token_id": 0, "hidden_act": "gelu", "initializer_range": 0.02, "layer_norm_eps": 1e-05,
        "max_position_embeddings": 2048, "rotary_emb_base": 10000, "tie_word_embeddings": False, "torch_dtype": "float16",
        "use_cache": True}
add("EleutherAI/pythia-1b", "GPTNeoXForCausalLM", "gpt_neox", RUNS, RUNS, (BPE, "olmo"), MEMORY, row={"plain": True}, **NEOX, hidden_size=2048,
    intermediate_size=8192, num_attention_heads=8, num_hidden_layers=16, rotary_pct=0.25, transformers_version="4.24.0",
    use_parallel_residual=True, vocab_size=50304)
add("togethercomputer/RedPajama-INCITE-Chat-3B-v1", "GPTNeoXForCausalLM", "gpt_neox", RUNS, RUNS, (BPE, "olmo"), row={"plain": True}, **NEOX,
    hidden_size=2560, intermediate_size=10240, num_attention_heads=32, num_hidden_layers=32, rotary_pct=1.0,
    transformers_version="4.28.1", use_parallel_residual=False, vocab_size=50432)
add("nvidia/Minitron-4B-Base", "NemotronForCausalLM", "nemotron", RUNS, RUNS, (SPM, None), MEMORY,
    **{key: value for key, value in shape(256000, 3072, 9216, 32, 24, 8, 4096, version="4.32.0.dev0").items() if key != "rms_norm_eps"}
    | {"hidden_act": "relu2"}, norm_eps=1e-05, attention_bias=False, attention_dropout=0.0, bos_token_id=2, eos_token_id=3, head_dim=128,
    hidden_dropout=0.0, kv_channels=128, mlp_bias=False, partial_rotary_factor=0.5, rope_theta=10000, tie_word_embeddings=False)
add("swiss-ai/Apertus-8B-Instruct-2509", "ApertusForCausalLM", "apertus", RUNS, RUNS, TEKKEN, DOCS,
    **shape(131072, 4096, 21504, 32, 32, 8, 65536, version="4.56.0.dev0", attention_bias=False, attention_dropout=0.0, bos_token_id=1,
            eos_token_id=68, pad_token_id=3, mlp_bias=False, post_norm=False, qk_norm=True, rope_theta=12000000,
            rope_scaling={"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192,
                          "rope_type": "llama3", "type": "llama3"}, tie_word_embeddings=False) | {"hidden_act": "xielu"})
EXAONE = {"attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": 361, "pad_token_id": 0}
EXAONE_ROPE = {"factor": 16.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192,
               "rope_type": "llama3"}
add("LGAI-EXAONE/EXAONE-4.0-1.2B", "Exaone4ForCausalLM", "exaone4", RUNS, RUNS, (BPE, "exaone4"), MEMORY, **EXAONE,
    **shape(102400, 2048, 4096, 30, 32, 8, 65536, version="4.54.0.dev0", head_dim=64, layer_types=[FULL] * 30, rope_scaling=EXAONE_ROPE,
            rope_theta=1000000, sliding_window="null", sliding_window_pattern="null", tie_word_embeddings=True))
add("LGAI-EXAONE/EXAONE-4.0-32B", "Exaone4ForCausalLM", "exaone4", RUNS, RUNS, (BPE, "exaone4"), DOCS, **EXAONE,
    **shape(102400, 5120, 27392, 64, 40, 8, 131072, version="4.54.0.dev0", head_dim=128, layer_types=layers(64, 4, SLIDE, FULL),
            rope_scaling=EXAONE_ROPE, rope_theta=1000000, sliding_window=4096, sliding_window_pattern="LLLG",
            tie_word_embeddings=False))
# transformers has not the layer that guesses a token more, without which llama.cpp does not load the file.
add("LGAI-EXAONE/K-EXAONE-236B-A23B", "ExaoneMoeForCausalLM", "exaone_moe", None, RUNS,
    (BPE, "exaone-moe"), DOCS, **EXAONE,
    **shape(153600, 6144, 18432, 48, 64, 8, 262144, version="5.0.0.dev0", head_dim=128, layer_types=layers(48, 4, SLIDE, FULL),
            first_k_dense_replace=1, is_moe_layer=[False] + [True] * 47, moe_intermediate_size=2048, n_group=1, norm_topk_prob=True,
            num_experts=128, num_experts_per_tok=8, num_shared_experts=1, num_nextn_predict_layers=1, rope_theta=1000000,
            routed_scaling_factor=2.5, scoring_func="sigmoid", sliding_window=128, sliding_window_pattern="LLLG", topk_group=1,
            topk_method="noaux_tc", tie_word_embeddings=False))
add("LGAI-EXAONE/EXAONE-3.5-2.4B-Instruct", "ExaoneForCausalLM", "exaone", RUNS, RUNS, (BPE, "exaone"), DOCS,
    activation_function="silu", attention_dropout=0.0, bos_token_id=1, embed_dropout=0.0, eos_token_id=361, head_dim=80,
    hidden_size=2560, initializer_range=0.02, intermediate_size=7168, layer_norm_epsilon=1e-05, max_position_embeddings=32768,
    num_attention_heads=32, num_key_value_heads=8, num_layers=30, pad_token_id=0, rope_theta=1000000, rope_scaling=EXAONE_ROPE | {"factor": 8.0},
    tie_word_embeddings=True, torch_dtype="bfloat16", transformers_version="4.43.0", use_cache=True, vocab_size=102400)
ERNIE = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "rope_theta": 500000.0, "tie_word_embeddings": True, "use_bias": False}
add("baidu/ERNIE-4.5-0.3B-PT", "Ernie4_5ForCausalLM", "ernie4_5", RUNS, RUNS, (SPM, None), DOCS, **ERNIE,
    **shape(103424, 1024, 3072, 18, 16, 2, 131072, version="4.54.0.dev0", head_dim=128))
add("baidu/ERNIE-4.5-21B-A3B-PT", "Ernie4_5_MoeForCausalLM", "ernie4_5_moe", RUNS, RUNS, (SPM, None), DOCS, **ERNIE,
    **shape(103424, 2560, 12288, 28, 20, 4, 131072, version="4.54.0.dev0", moe_capacity=[64, 64, 64], moe_intermediate_size=1536,
            moe_k=6, moe_layer_end_index=27, moe_layer_interval=1, moe_layer_start_index=1, moe_num_experts=64,
            moe_num_shared_experts=2, moe_norm_min=1e-12, router_aux_loss_coef=0.001))
add("tencent/Hunyuan-7B-Instruct", "HunYuanDenseV1ForCausalLM", "hunyuan_v1_dense", RUNS, RUNS, (BPE, "hunyuan-dense"), MEMORY,
    **shape(128167, 4096, 14336, 32, 32, 8, 32768, version="4.41.2", attention_bias=False, attention_dropout=0.0, attention_head_dim=128,
            head_dim=128, bos_token_id=1, eos_token_id=127960, pad_token_id=127961, mlp_bias=False, rope_theta=10000.0,
            rope_scaling={"alpha": 1000.0, "beta_fast": 32, "beta_slow": 1, "factor": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0,
                          "type": "dynamic"}, tie_word_embeddings=True, use_cla=False, use_qk_norm=True))
add("tencent/Hunyuan-A13B-Instruct", "HunYuanMoEV1ForCausalLM", "hunyuan_v1_moe", RUNS, RUNS, (BPE, "hunyuan"), MEMORY,
    **shape(128167, 4096, 3072, 32, 32, 8, 32768, version="4.41.2", attention_bias=False, attention_dropout=0.0, attention_head_dim=128,
            head_dim=128, bos_token_id=1, eos_token_id=127960, pad_token_id=127961, mlp_bias=False, moe_intermediate_size=[3072] * 32,
            moe_topk=[8] * 32, num_experts=64, num_shared_expert=[1] * 32, rope_theta=10000.0, norm_topk_prob=True,
            rope_scaling={"alpha": 1000.0, "beta_fast": 32, "beta_slow": 1, "factor": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0,
                          "type": "dynamic"}, tie_word_embeddings=True, use_cla=False, use_qk_norm=True, use_mixed_mlp_moe=True))
add("rednote-hilab/dots.llm1.inst", "Dots1ForCausalLM", "dots1", RUNS, RUNS, (BPE, "qwen2"), DOCS,
    **shape(152064, 4096, 10944, 62, 32, 32, 32768, version="4.46.3", attention_bias=False, attention_dropout=0.0, eos_token_id=151645,
            max_window_layers=62, num_nextn_predict_layers="null", rope_scaling="null", rope_theta=10000000, sliding_window="null",
            use_sliding_window=False, tie_word_embeddings=False),
    **routed(128, 6, 1408, 1, 2.5, norm=True, shared=2))
MINIMAX = {"head_dim": 128, "num_experts_per_tok": 8, "num_local_experts": 256, "rope_theta": 5000000, "rotary_dim": 64,
           "tie_word_embeddings": False, "use_qk_norm": True, "qk_norm_type": "per_layer", "use_routing_bias": True, "use_mtp": True,
           "mtp_transformer_layers": 1, "num_mtp_modules": 3, "shared_intermediate_size": 0, "scoring_func": "sigmoid"}
add("MiniMaxAI/MiniMax-M2.5", "MiniMaxM2ForCausalLM", "minimax_m2", RUNS, RUNS, (BPE, "minimax-m2"), row={"packed": "fp8"}, **MINIMAX,
    **shape(200064, 3072, 1536, 62, 48, 8, 196608, 1e-06, version="4.46.1"),
    quantization_config={"quant_method": "fp8", "fmt": "float8_e4m3fn", "activation_scheme": "dynamic", "weight_block_size": [128, 128],
                         "modules_to_not_convert": ["gate", "e_score_correction_bias", "lm_head"]})
add("meta-llama/Llama-4-Scout-17B-16E-Instruct", "Llama4ForConditionalGeneration", "llama4", RUNS, RUNS,
    (BPE, "llama4"), torch_dtype="bfloat16", transformers_version="4.51.0.dev0", boi_token_index=200080, eoi_token_index=200081,
    image_token_index=200092,
    text_config=text(202048, 5120, 8192, 48, 40, 8, 10485760, 1e-05, attention_bias=False, attention_chunk_size=8192, attention_dropout=0.0,
                     head_dim=128, interleave_moe_layer_step=1, intermediate_size_mlp=16384, model_type="llama4_text",
                     num_experts_per_tok=1, num_local_experts=16, output_router_logits=False, rope_theta=500000.0,
                     rope_scaling={"factor": 16.0, "high_freq_factor": 1.0, "low_freq_factor": 1.0,
                                   "original_max_position_embeddings": 8192, "rope_type": "llama3"},
                     router_aux_loss_coef=0.001, torch_dtype="bfloat16", use_qk_norm=True),
    vision_config={"model_type": "llama4_vision_model", "hidden_size": 1408, "intermediate_size": 5632, "num_hidden_layers": 34,
                   "num_attention_heads": 16, "image_size": 336, "patch_size": 14, "vision_output_dim": 4096,
                   "projector_input_dim": 4096, "projector_output_dim": 4096, "pixel_shuffle_ratio": 0.5, "rope_theta": 10000,
                   "vision_feature_layer": -1, "hidden_act": "gelu", "norm_eps": 1e-05})


def internlm2(config):
    width, inner, vocab = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    head = width // config["num_attention_heads"]
    joined = (config["num_attention_heads"] + 2 * config["num_key_value_heads"]) * head
    tensors = {"model.tok_embeddings.weight": (vocab, width), "model.norm.weight": (width,), "output.weight": (vocab, width)}
    for at in range(config["num_hidden_layers"]):
        tensors |= {f"model.layers.{at}.{name}": extents for name, extents in {
            "attention_norm.weight": (width,), "ffn_norm.weight": (width,), "attention.wqkv.weight": (joined, width),
            "attention.wo.weight": (width, width), "feed_forward.w1.weight": (inner, width), "feed_forward.w2.weight": (width, inner),
            "feed_forward.w3.weight": (inner, width)}.items()}
    return [(name, extents, torch.bfloat16) for name, extents in tensors.items()]


add("internlm/internlm2-7b", "InternLM2ForCausalLM", "internlm2", RUNS, RUNS, (SPM, None), row={"tensors": internlm2},
    **shape(92544, 4096, 14336, 32, 32, 8, 32768, version="4.37.1", attn_implementation="eager", bias=False, bos_token_id=1, eos_token_id=2,
            pad_token_id=2, rope_scaling="null", rope_theta=1000000, tie_word_embeddings=False))


def of_ling(config):
    return [(name, extents, torch.bfloat16) for name, extents in bailing(config).items()]


LING = {"bos_token_id": "null", "eos_token_id": 126081, "pad_token_id": 126081, "head_dim": 128, "norm_topk_prob": True,
        "rope_scaling": "null", "rope_theta": 600000, "use_bias": False, "use_qkv_bias": False, "tie_word_embeddings": False}
add("inclusionAI/Ling-lite", "BailingMoeForCausalLM", "bailing_moe", RUNS, RUNS, (BPE, "bailingmoe"), MEMORY, row={"tensors": of_ling},
    **shape(126464, 2048, 5632, 28, 16, 4, 16384, 1e-06, version="4.36.0"), **LING, first_k_dense_replace=0, moe_intermediate_size=1408,
    num_experts=64, num_experts_per_tok=6, num_shared_experts=2, norm_head=False, norm_softmax=False)
add("inclusionAI/Ling-mini-2.0", "BailingMoeV2ForCausalLM", "bailing_moe_v2", RUNS, RUNS, (BPE, "bailingmoe2"), MEMORY,
    row={"tensors": of_ling}, **shape(157184, 2048, 5120, 20, 16, 4, 32768, 1e-06, version="4.52.3"),
    **LING | {"eos_token_id": 156892, "pad_token_id": 156892}, first_k_dense_replace=1, moe_intermediate_size=512,
    moe_router_enable_expert_bias=True, moe_shared_expert_intermediate_size=512, n_group=8, num_experts=256, num_experts_per_tok=8,
    num_nextn_predict_layers=0, num_shared_experts=1, partial_rotary_factor=0.5, routed_scaling_factor=2.5, router_dtype="fp32",
    score_function="sigmoid", topk_group=4, use_qk_norm=True, use_rmsnorm=True)
add("nvidia/NVIDIA-Nemotron-Nano-9B-v2", "NemotronHForCausalLM", "nemotron_h", RUNS, RUNS, TEKKEN, MEMORY, row={"plain": True},
    attention_bias=False, attention_dropout=0.0, bos_token_id=1, chunk_size=128, conv_kernel=4, eos_token_id=12, expand=2, head_dim=128,
    hidden_dropout=0.0, hidden_size=4480, hybrid_override_pattern="M-M-M-MM-M-M-M*-M-M-M*-M-M-M-M*-M-M-M-M*-M-MM-M-M-M-M-M-",
    initializer_range=0.02, intermediate_size=15680, layer_norm_epsilon=1e-05, mamba_head_dim=80, mamba_hidden_act="silu",
    mamba_num_heads=128, mamba_proj_bias=False, max_position_embeddings=131072, mlp_bias=False, mlp_hidden_act="relu2", n_groups=8,
    num_attention_heads=40, num_hidden_layers=56, num_key_value_heads=8, num_logits_to_keep=1, pad_token_id=0,
    rescale_prenorm_residual=True, residual_in_fp32=False, rms_norm_eps=1e-05, sliding_window="null", ssm_state_size=128,
    tie_word_embeddings=False, time_step_floor=0.0001, time_step_max=0.1, time_step_min=0.001,
    time_step_rank=256, torch_dtype="bfloat16", transformers_version="4.51.3", use_bias=False, use_cache=True, use_conv_bias=True,
    use_mamba_kernels=True, vocab_size=131072)


# Others that do not.

FORMER = {"attention_dropout": 0.0}
GPT2 = {"activation_function": "gelu_new", "attn_pdrop": 0.1, "bos_token_id": 50256, "embd_pdrop": 0.1, "eos_token_id": 50256,
        "initializer_range": 0.02, "layer_norm_epsilon": 1e-05, "resid_pdrop": 0.1, "summary_activation": "null",
        "summary_first_dropout": 0.1, "summary_proj_to_labels": True, "summary_type": "cls_index", "summary_use_proj": True}
add("openai-community/gpt2", "GPT2LMHeadModel", "gpt2", RUNS, RUNS, (BPE, "gpt-2"), **GPT2, n_ctx=1024, n_embd=768,
    n_head=12, n_layer=12, n_positions=1024, vocab_size=50257,
    task_specific_params={"text-generation": {"do_sample": True, "max_length": 50}})
add("EleutherAI/gpt-j-6b", "GPTJForCausalLM", "gptj", None, no_kind("gptj"), (BPE, "gpt-2"), **GPT2 | {"attn_pdrop": 0.0, "embd_pdrop": 0.0,
    "resid_pdrop": 0.0}, n_embd=4096, n_head=16, n_inner="null", n_layer=28, n_positions=2048, rotary=True, rotary_dim=64,
    scale_attn_weights=True, tie_word_embeddings=False, transformers_version="4.18.0.dev0", use_cache=True, vocab_size=50400)
add("bigcode/starcoderbase-1b", "GPTBigCodeForCausalLM", "gpt_bigcode", RUNS, RUNS, (BPE, "starcoder"),
    **GPT2 | {"activation_function": "gelu_pytorch_tanh", "bos_token_id": 0, "eos_token_id": 0}, attention_softmax_in_fp32=True,
    multi_query=True, n_embd=2048, n_head=16, n_inner=8192, n_layer=24, n_positions=8192, scale_attention_softmax_in_fp32=True,
    scale_attn_weights=True, transformers_version="4.28.1", use_cache=True, vocab_size=49152)
add("bigscience/bloom-560m", "BloomForCausalLM", "bloom", unknown("bloom"), no_kind("bloom"), (BPE, "bloom"), MEMORY,
    apply_residual_connection_post_layernorm=False, attention_dropout=0.0, attention_softmax_in_fp32=True, bias_dropout_fusion=True,
    bos_token_id=1, eos_token_id=2, hidden_dropout=0.0, initializer_range=0.02, layer_norm_epsilon=1e-05, masked_softmax_fusion=True,
    n_embed=1024, n_inner="null", n_layer=24, num_attention_heads=16, offset_alibi=100, pad_token_id=3, pretraining_tp=1,
    skip_bias_add=True, skip_bias_add_qkv=False, unk_token_id=0, use_cache=True, vocab_size=250880, torch_dtype="float16",
    row={"read_as": {"hidden_size": 1024}})
add("mosaicml/mpt-7b", "MptForCausalLM", "mpt", unknown("mpt"), no_kind("mpt"), (BPE, "mpt"), DOCS, d_model=4096, n_heads=32, n_layers=32,
    expansion_ratio=4, max_seq_len=2048, vocab_size=50432, resid_pdrop=0.0, emb_pdrop=0.0, learned_pos_emb=True,
    attn_config={"attn_type": "multihead_attention", "attn_pdrop": 0.0, "attn_impl": "torch", "clip_qkv": None, "softmax_scale": None,
                 "prefix_lm": False, "attn_uses_sequence_id": False, "alibi": True, "alibi_bias_max": 8, "qk_ln": False},
    init_device="cpu", logit_scale="null", no_bias=True, norm_type="low_precision_layernorm", use_cache=False,
    torch_dtype="bfloat16", transformers_version="4.28.1")
add("facebook/opt-1.3b", "OPTForCausalLM", "opt", None, no_kind("opt"), (BPE, "gpt-2"), MEMORY, activation_dropout=0.0,
    activation_function="relu", attention_dropout=0.0, bos_token_id=2, do_layer_norm_before=True, dropout=0.1, eos_token_id=2,
    ffn_dim=8192, hidden_size=2048, init_std=0.02, layerdrop=0.0, max_position_embeddings=2048, num_attention_heads=32,
    num_hidden_layers=24, pad_token_id=1, torch_dtype="float16", use_cache=True, vocab_size=50272, word_embed_proj_dim=2048)
add("state-spaces/mamba-130m-hf", "MambaForCausalLM", "mamba", unknown("mamba"), no_kind("mamba"), (BPE, "olmo"), DOCS, bos_token_id=0,
    conv_kernel=4, d_inner=1536, d_model=768, eos_token_id=0, expand=2, fused_add_norm=True, hidden_act="silu", hidden_size=768,
    initializer_range=0.1, intermediate_size=1536, layer_norm_epsilon=1e-05, n_layer=24, num_hidden_layers=24, pad_token_id=0,
    residual_in_fp32=True, rms_norm=True, state_size=16, time_step_rank=48, torch_dtype="float32", use_bias=False, use_cache=True,
    use_conv_bias=True, vocab_size=50280)
add("tiiuae/falcon-mamba-7b", "FalconMambaForCausalLM", "falcon_mamba", unknown("mamba"), no_kind("falcon_mamba"), (BPE, "falcon"), DOCS,
    bos_token_id=0, conv_kernel=4, eos_token_id=11, expand=16, hidden_act="silu", hidden_size=4096, initializer_range=0.1,
    intermediate_size=8192, layer_norm_epsilon=1e-05, mixer_rms_eps=1e-06, num_hidden_layers=64, pad_token_id=11, residual_in_fp32=True,
    state_size=16, tie_word_embeddings=False, time_step_rank=256, torch_dtype="bfloat16", use_bias=False, use_cache=True,
    use_conv_bias=True, vocab_size=65024)
add("ai21labs/Jamba-v0.1", "JambaForCausalLM", "jamba", unknown("jamba"), no_kind("jamba"), (SPM, None), DOCS,
    **shape(65536, 4096, 14336, 32, 32, 8, 262144, 1e-06, version="4.40.0.dev0", attention_dropout=0.0, attn_layer_offset=4,
            attn_layer_period=8, bos_token_id=1, eos_token_id=2, expert_layer_offset=1, expert_layer_period=2, mamba_conv_bias=True,
            mamba_d_conv=4, mamba_d_state=16, mamba_dt_rank=256, mamba_expand=2, mamba_proj_bias=False, num_experts=16,
            num_experts_per_tok=2, num_logits_to_keep=1, output_router_logits=False, pad_token_id=0, router_aux_loss_coef=0.001,
            sliding_window="null", tie_word_embeddings=False, use_mamba_kernels=True))
add("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "NemotronHForCausalLM", "nemotron_h", RUNS, RUNS, TEKKEN,
    attention_bias=False, attention_dropout=0.0, bos_token_id=1, chunk_size=128, conv_kernel=4, eos_token_id=2, expand=2, head_dim=128,
    hidden_dropout=0.0, hidden_size=2688, hybrid_override_pattern="MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME",
    initializer_range=0.02, intermediate_size=1856, layer_norm_epsilon=1e-05, mamba_head_dim=64, mamba_hidden_act="silu",
    mamba_num_heads=64, mamba_proj_bias=False, mamba_ssm_cache_dtype="float32", max_position_embeddings=262144, mlp_bias=False,
    mlp_hidden_act="relu2", moe_intermediate_size=1856, moe_shared_expert_intermediate_size=3712, n_group=1, n_groups=8,
    n_routed_experts=128, n_shared_experts=1, norm_eps=1e-05, norm_topk_prob=True, num_attention_heads=32, num_experts_per_tok=6,
    num_hidden_layers=52, num_key_value_heads=2, num_logits_to_keep=1, pad_token_id=0, partial_rotary_factor=1.0,
    rescale_prenorm_residual=True, residual_in_fp32=False, rope_theta=10000, routed_scaling_factor=2.5, sliding_window="null",
    ssm_state_size=128, tie_word_embeddings=False, time_step_floor=0.0001, time_step_max=0.1, time_step_min=0.001, topk_group=1,
    torch_dtype="bfloat16", transformers_version="4.53.2", use_bias=False, use_cache=True, use_conv_bias=True, use_mamba_kernels=True,
    vocab_size=131072)
add("RWKV/rwkv-4-169m-pile", "RwkvForCausalLM", "rwkv", None, no_kind("rwkv"), (BPE, "olmo"), DOCS, attention_hidden_size=768,
    bos_token_id=0, context_length=1024, eos_token_id=0, hidden_size=768, intermediate_size=3072, layer_norm_epsilon=1e-05,
    num_hidden_layers=12, rescale_every=6, tie_word_embeddings=False, torch_dtype="float32", use_cache=True, vocab_size=50277)
add("microsoft/bitnet-b1.58-2B-4T-bf16", "BitNetForCausalLM", "bitnet", None, no_kind("bitnet"), LLAMA3, DOCS,
    **shape(128256, 2560, 6912, 30, 20, 5, 4096, version="4.52.0.dev0", bos_token_id=128000, eos_token_id=128001, rope_theta=500000.0,
            tie_word_embeddings=True) | {"hidden_act": "relu2"})
add("openbmb/MiniCPM-2B-sft-bf16", "MiniCPMForCausalLM", "minicpm", unknown("minicpm"), no_kind("minicpm"), (SPM, None),
    row={"tensors": llama_like},
    **shape(122753, 2304, 5760, 40, 36, 36, 4096, version="4.36.0", bos_token_id=1, eos_token_id=2, dim_model_base=256, scale_depth=1.4,
            scale_emb=12, rope_scaling="null", tie_word_embeddings=True) | {"initializer_range": 0.1})
add("openbmb/MiniCPM3-4B", "MiniCPM3ForCausalLM", "minicpm3", unknown("minicpm3"), no_kind("minicpm3"), (SPM, None), DOCS,
    **shape(73448, 2560, 6400, 62, 40, 40, 32768, version="4.41.0", attention_bias=False, attention_dropout=0.0, bos_token_id=1,
            eos_token_id=[2, 73440], dim_model_base=256, kv_lora_rank=256, q_lora_rank=768, qk_nope_head_dim=64, qk_rope_head_dim=32,
            v_head_dim=64, scale_depth=1.4, scale_emb=12, tie_word_embeddings=True,
            rope_scaling={"type": "longrope", "long_factor": [1.0] * 16, "short_factor": [1.0] * 16,
                          "original_max_position_embeddings": 32768}) | {"initializer_range": 0.1})
add("XiaomiMiMo/MiMo-7B-Base", "MiMoForCausalLM", "mimo", RUNS, no_kind("mimo"), QWEN2,
    row={"tensors": lambda config: llama_like(config) + [
        (f"model.layers.{at}.self_attn.{one}_proj.bias", (length,), torch.bfloat16)
        for at in range(36) for one, length in (("q", 4096), ("k", 1024), ("v", 1024))]},
    **shape(151680, 4096, 11008, 36, 32, 8, 32768, version="4.40.1", attention_bias=True, attention_dropout=0.0, head_dim=128,
            max_window_layers=32, num_nextn_predict_layers=1, rope_theta=640000, sliding_window=32768, tie_word_embeddings=False,
            use_mrope=False, use_sliding_window=False))
add("databricks/dbrx-instruct", "DbrxForCausalLM", "dbrx", unknown("dbrx"), no_kind("dbrx"), (BPE, "dbrx"), DOCS,
    attn_config={"clip_qkv": 8, "kv_n_heads": 8, "model_type": "", "rope_theta": 500000}, d_model=6144, emb_pdrop=0.0,
    ffn_config={"ffn_hidden_size": 10752, "model_type": "", "moe_jitter_eps": 0.01, "moe_loss_weight": 0.05, "moe_num_experts": 16,
                "moe_top_k": 4}, initializer_range=0.02, max_seq_len=32768, n_heads=48, n_layers=40, output_router_logits=False,
    resid_pdrop=0.0, router_aux_loss_coef=0.05, tie_word_embeddings=False, torch_dtype="bfloat16", transformers_version="4.40.0.dev0",
    use_cache=True, vocab_size=100352)
add("zai-org/glm-4-9b-chat-hf", "GlmForCausalLM", "glm", RUNS, RUNS, CHATGLM4, DOCS,
    **shape(151552, 4096, 13696, 40, 32, 2, 131072, 1.5625e-07, version="4.47.0.dev0", attention_bias=True, attention_dropout=0.0,
            eos_token_id=[151329, 151336, 151338], head_dim=128, pad_token_id=151329, partial_rotary_factor=0.5, rope_theta=10000.0,
            tie_word_embeddings=False))


def chatglm(config):
    width, inner, vocab = config["hidden_size"], config["ffn_hidden_size"], config["padded_vocab_size"]
    joined = width + 2 * config["multi_query_group_num"] * config["kv_channels"]
    tensors = {"transformer.embedding.word_embeddings.weight": (vocab, width), "transformer.output_layer.weight": (vocab, width),
               "transformer.encoder.final_layernorm.weight": (width,), "transformer.rotary_pos_emb.inv_freq": (32,)}
    for at in range(config["num_layers"]):
        tensors |= {f"transformer.encoder.layers.{at}.{name}": extents for name, extents in {
            "input_layernorm.weight": (width,), "post_attention_layernorm.weight": (width,),
            "self_attention.query_key_value.weight": (joined, width), "self_attention.query_key_value.bias": (joined,),
            "self_attention.dense.weight": (width, width), "mlp.dense_h_to_4h.weight": (2 * inner, width),
            "mlp.dense_4h_to_h.weight": (width, inner)}.items()}
    return [(name, extents, torch.float16) for name, extents in tensors.items()]


add("THUDM/chatglm3-6b", "ChatGLMModel", "chatglm", RUNS, no_kind("chatglm"), (SPM, None), row={"tensors": chatglm},
    add_bias_linear=False, add_qkv_bias=True, apply_query_key_layer_scaling=True, apply_residual_connection_post_layernorm=False,
    attention_dropout=0.0, attention_softmax_in_fp32=True, bias_dropout_fusion=True, ffn_hidden_size=13696,
    fp32_residual_connection=False, hidden_dropout=0.0, hidden_size=4096, kv_channels=128, layernorm_epsilon=1e-05,
    multi_query_attention=True, multi_query_group_num=2, num_attention_heads=32, num_layers=28, original_rope=True,
    padded_vocab_size=65024, post_layer_norm=True, rmsnorm=True, seq_length=8192, use_cache=True, torch_dtype="float16",
    transformers_version="4.30.2", tie_word_embeddings=False, eos_token_id=2, pad_token_id=0)
add("arcee-ai/Trinity-Mini", "AfmoeForCausalLM", "afmoe", unknown("afmoe"), no_kind("afmoe"), (BPE, "afmoe"), DOCS,
    **shape(200192, 2048, 6144, 32, 32, 4, 131072, version="4.57.1", attention_dropout=0.0, global_attn_every_n_layers=4, head_dim=128,
            layer_types=layers(32, 4, SLIDE, FULL), moe_intermediate_size=1024, mup_enabled=True, n_group=1, num_dense_layers=2,
            num_experts=128, num_experts_per_tok=8, num_shared_experts=1, rope_scaling="null", rope_theta=10000, route_norm=True,
            route_scale=2.826, score_func="sigmoid", sliding_window=2048, topk_group=1, tie_word_embeddings=False))
add("MiniMaxAI/MiniMax-Text-01", "MiniMaxForCausalLM", "minimax", None, no_kind("minimax"), (BPE, "gpt-2"), DOCS,
    **shape(200064, 6144, 9216, 80, 64, 8, 10240000, version="4.45.2", head_dim=128, layer_types=layers(80, 8, "linear_attention", FULL),
            num_experts_per_tok=2, num_local_experts=32, rope_theta=10000000, tie_word_embeddings=False, block_size=256,
            attention_dropout=0.0, output_router_logits=False))

# Encoders: llm-embed makes vectors with some of them.

EMBEDS = "llm-embed"
WORDS = ("bert", None)


def bert(name, cls, kind, gguf, folder, vocab, width, inner, layers, heads, source=MEMORY, row=None, **more):
    usual = {"attention_probs_dropout_prob": 0.1, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": width,
             "initializer_range": 0.02, "intermediate_size": inner, "layer_norm_eps": 1e-12, "num_attention_heads": heads,
             "num_hidden_layers": layers, "vocab_size": vocab, "torch_dtype": "float32", "max_position_embeddings": 512,
             "type_vocab_size": 2}
    add(name, cls, kind, gguf, folder, WORDS, source, row, **{**usual, **more})


BERT = {"pad_token_id": 0, "position_embedding_type": "absolute", "use_cache": True}
bert("google-bert/bert-base-uncased", "BertForMaskedLM", "bert", None, EMBEDS, 30522, 768, 3072, 12, 12, DOCS, **BERT)
bert("sentence-transformers/all-MiniLM-L6-v2", "BertModel", "bert", EMBEDS, EMBEDS, 30522, 384, 1536, 6, 12, **BERT)
bert("Snowflake/snowflake-arctic-embed-m", "BertModel", "bert", EMBEDS, EMBEDS, 30522, 768, 3072, 12, 12, QUOTED, **BERT,
     transformers_version="4.36.1")
bert("BAAI/bge-m3", "XLMRobertaModel", "xlm-roberta", EMBEDS, EMBEDS, 250002, 1024, 4096, 24, 16, bos_token_id=0, eos_token_id=2,
     max_position_embeddings=8194, type_vocab_size=1, output_past=True, layer_norm_eps=1e-05, **BERT | {"pad_token_id": 1},
     row={"vocabulary": ("t5", None)})
add("answerdotai/ModernBERT-base", "ModernBertForMaskedLM", "modernbert", None, EMBEDS, WORDS, DOCS, attention_bias=False, attention_dropout=0.0,
    bos_token_id=50281, classifier_activation="gelu", classifier_bias=False, classifier_dropout=0.0, classifier_pooling="mean",
    cls_token_id=50281, decoder_bias=True, deterministic_flash_attn=False, embedding_dropout=0.0, eos_token_id=50282,
    global_attn_every_n_layers=3, global_rope_theta=160000.0, gradient_checkpointing=False, hidden_activation="gelu", hidden_size=768,
    initializer_cutoff_factor=2.0, initializer_range=0.02, intermediate_size=1152, layer_norm_eps=1e-05, local_attention=128,
    local_rope_theta=10000.0, max_position_embeddings=8192, mlp_bias=False, mlp_dropout=0.0, norm_bias=False, norm_eps=1e-05,
    num_attention_heads=12, num_hidden_layers=22, pad_token_id=50283, position_embedding_type="absolute", sep_token_id=50282,
    sparse_prediction=False, sparse_pred_ignore_index=-100, torch_dtype="float32", transformers_version="4.47.0.dev0", vocab_size=50368)
bert("sentence-transformers/all-mpnet-base-v2", "MPNetForMaskedLM", "mpnet", None, EMBEDS, 30527, 768, 3072, 12, 12, bos_token_id=0,
     eos_token_id=2, pad_token_id=1, max_position_embeddings=514, relative_attention_num_buckets=32, type_vocab_size=None)
bert("distilbert/distilbert-base-uncased", "DistilBertForMaskedLM", "distilbert", None, no_kind("distilbert"), 30522, None, None, None, None,
     DOCS, activation="gelu", attention_dropout=0.1, dim=768, dropout=0.1, hidden_dim=3072, n_heads=12, n_layers=6, pad_token_id=0,
     sinusoidal_pos_embds=False, tie_weights_=True, type_vocab_size=None)
bert("microsoft/deberta-v3-base", "DebertaV2ForMaskedLM", "deberta-v2", None, no_kind("deberta-v2"), 128100, 768, 3072, 12, 12,
     layer_norm_eps=1e-07, max_relative_positions=-1, norm_rel_ebd="layer_norm", pad_token_id=0, pooler_dropout=0, pooler_hidden_act="gelu",
     pooler_hidden_size=768, pos_att_type="p2c|c2p", position_biased_input=False, position_buckets=256, relative_attention=True,
     share_att_key=True, type_vocab_size=0)

# Encoders with decoders, models that see, hear or speak, and pieces of them.

T5 = {"d_ff": 2048, "d_kv": 64, "d_model": 512, "decoder_start_token_id": 0, "dropout_rate": 0.1, "eos_token_id": 1,
      "feed_forward_proj": "relu", "initializer_factor": 1.0, "is_encoder_decoder": True, "layer_norm_epsilon": 1e-06, "n_positions": 512,
      "num_decoder_layers": 6, "num_heads": 8, "num_layers": 6, "pad_token_id": 0, "relative_attention_max_distance": 128,
      "relative_attention_num_buckets": 32, "use_cache": True, "vocab_size": 32128, "torch_dtype": "float32"}
add("google-t5/t5-small", "T5ForConditionalGeneration", "t5", unknown("t5"), no_kind("t5"), ("t5", None), MEMORY, **T5)
add("facebook/bart-large", "BartForConditionalGeneration", "bart", None, no_kind("bart"), (BPE, "gpt-2"), DOCS, activation_dropout=0.1,
    activation_function="gelu", attention_dropout=0.1, bos_token_id=0, d_model=1024, decoder_attention_heads=16, decoder_ffn_dim=4096,
    decoder_layers=12, decoder_start_token_id=2, dropout=0.1, encoder_attention_heads=16, encoder_ffn_dim=4096, encoder_layers=12,
    eos_token_id=2, init_std=0.02, is_encoder_decoder=True, max_position_embeddings=1024, pad_token_id=1, scale_embedding=False,
    use_cache=True, vocab_size=50265)
add("openai/whisper-tiny", "WhisperForConditionalGeneration", "whisper", None, no_kind("whisper"), (BPE, "gpt-2"), DOCS, activation_dropout=0.0,
    activation_function="gelu", attention_dropout=0.0, bos_token_id=50257, d_model=384, decoder_attention_heads=6, decoder_ffn_dim=1536,
    decoder_layers=4, decoder_start_token_id=50258, dropout=0.0, encoder_attention_heads=6, encoder_ffn_dim=1536, encoder_layers=4,
    eos_token_id=50257, init_std=0.02, is_encoder_decoder=True, max_source_positions=1500, max_target_positions=448, num_mel_bins=80,
    pad_token_id=50257, scale_embedding=False, torch_dtype="float32", use_cache=True, vocab_size=51865)
add("openai/clip-vit-base-patch32", "CLIPModel", "clip", None, no_kind("clip"), (BPE, "gpt-2"), DOCS, initializer_factor=1.0,
    logit_scale_init_value=2.6592, projection_dim=512, torch_dtype="float32",
    text_config={"model_type": "clip_text_model", "hidden_size": 512, "intermediate_size": 2048, "num_attention_heads": 8, "num_hidden_layers": 12},
    vision_config={"model_type": "clip_vision_model", "patch_size": 32})
add("google/vit-base-patch16-224", "ViTForImageClassification", "vit", None, no_kind("vit"), (BPE, "gpt-2"), DOCS, hidden_act="gelu",
    hidden_size=768, image_size=224, intermediate_size=3072, layer_norm_eps=1e-12, num_attention_heads=12, num_channels=3,
    num_hidden_layers=12, patch_size=16, qkv_bias=True)
add("llava-hf/llava-1.5-7b-hf", "LlavaForConditionalGeneration", "llava", None, no_kind("llava"), (SPM, None), ignore_index=-100,
    image_token_index=32000, pad_token_id=32001, projector_hidden_act="gelu", tie_word_embeddings=False, torch_dtype="float16",
    transformers_version="4.36.0.dev0", vision_feature_layer=-2, vision_feature_select_strategy="default", vocab_size=32064,
    text_config={"_name_or_path": "lmsys/vicuna-7b-v1.5", "architectures": ["LlamaForCausalLM"], "max_position_embeddings": 4096,
                 "model_type": "llama", "rms_norm_eps": 1e-05, "torch_dtype": "float16", "vocab_size": 32064},
    vision_config={"hidden_size": 1024, "image_size": 336, "intermediate_size": 4096, "model_type": "clip_vision_model",
                   "num_attention_heads": 16, "num_hidden_layers": 24, "patch_size": 14, "projection_dim": 768, "vocab_size": 32000})
add("meta-llama/Llama-3.2-11B-Vision-Instruct", "MllamaForConditionalGeneration", "mllama", None, no_kind("mllama"), LLAMA3, DOCS,
    image_token_index=128256, torch_dtype="bfloat16", transformers_version="4.45.0.dev0",
    text_config={"model_type": "mllama_text_model", "cross_attention_layers": [3, 8, 13, 18, 23, 28, 33, 38], "hidden_size": 4096,
                 "intermediate_size": 14336, "num_attention_heads": 32, "num_hidden_layers": 40, "num_key_value_heads": 8,
                 "rms_norm_eps": 1e-05, "rope_theta": 500000.0, "vocab_size": 128256, "torch_dtype": "bfloat16",
                 "rope_scaling": {"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                                  "original_max_position_embeddings": 8192, "rope_type": "llama3"}},
    vision_config={"model_type": "mllama_vision_model", "hidden_size": 1280, "image_size": 560, "intermediate_size": 5120,
                   "vision_output_dim": 7680, "num_hidden_layers": 32, "attention_heads": 16, "torch_dtype": "bfloat16"})
add("google/paligemma-3b-pt-224", "PaliGemmaForConditionalGeneration", "paligemma", None, no_kind("paligemma"), GEMMA, DOCS, bos_token_id=2,
    eos_token_id=1, hidden_size=2048, ignore_index=-100, image_token_index=257152, pad_token_id=0, projection_dim=2048, torch_dtype="float32",
    text_config={"hidden_size": 2048, "intermediate_size": 16384, "model_type": "gemma", "num_attention_heads": 8, "num_hidden_layers": 18,
                 "num_image_tokens": 256, "num_key_value_heads": 1, "torch_dtype": "float32", "vocab_size": 257216},
    vision_config={"hidden_size": 1152, "intermediate_size": 4304, "model_type": "siglip_vision_model", "num_attention_heads": 16,
                   "num_hidden_layers": 27, "num_image_tokens": 256, "patch_size": 14, "projection_dim": 2048,
                   "projector_hidden_act": "gelu_fast", "vision_use_head": False})
