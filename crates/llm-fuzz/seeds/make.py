"""Writes the tiny models that fuzzing begins with: seeds/llama and the files of
corpus/gguf, corpus/safetensors, corpus/config and corpus/tokenizer that are
made of them. Every weight is a byte of a fixed stream. Run it from anywhere:

    python3 crates/llm-fuzz/seeds/make.py
"""

import json
import random
import struct
from pathlib import Path

HERE = Path(__file__).parent
CORPUS = HERE.parent / "corpus"
TEMPLATE = "{% for m in messages %}{{ '<|im_start|>' + m['role'] + m['content'] }}{% endfor %}"

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
LETTERS = list("Helo, wrd12<s>ainth") + ["\u0120", "\u010a", "\u00c3", "\u00b6"]
LETTERS = list(dict.fromkeys(LETTERS))
MERGES = ["l l", "ll o", "H e", "t h", "i n", "\u0120 w"]
TOKENS = SPECIAL + LETTERS + [merge.replace(" ", "") for merge in MERGES]

# GGUF's type ids, and (elements, bytes) of a block.
TYPES = {
    "F32": (0, 1, 4), "F16": (1, 1, 2), "Q4_0": (2, 32, 18), "Q4_1": (3, 32, 20),
    "Q5_0": (6, 32, 22), "Q5_1": (7, 32, 24), "Q8_0": (8, 32, 34),
    "Q2_K": (10, 256, 84), "Q3_K": (11, 256, 110), "Q4_K": (12, 256, 144),
    "Q5_K": (13, 256, 176), "Q6_K": (14, 256, 210), "IQ4_NL": (20, 32, 18),
    "IQ4_XS": (23, 256, 136), "BF16": (30, 1, 2), "MXFP4": (39, 32, 17),
}


def weights(kind, elements, seed):
    stream = random.Random(seed)
    _, per, size = TYPES[kind]
    if kind == "F32":
        return b"".join(struct.pack("<f", stream.uniform(-0.1, 0.1)) for _ in range(elements))
    if kind == "F16":
        return b"".join(struct.pack("<e", stream.uniform(-0.1, 0.1)) for _ in range(elements))
    if kind == "BF16":
        floats = (struct.pack("<f", stream.uniform(-0.1, 0.1)) for _ in range(elements))
        return b"".join(each[2:] for each in floats)
    # Any bytes are a block; small ones make small scales.
    return bytes(stream.randrange(40) for _ in range(elements // per * size))


def text(value):
    value = value.encode()
    return struct.pack("<Q", len(value)) + value


def value(item):
    if isinstance(item, bool):
        return struct.pack("<IB", 7, item)
    if isinstance(item, int):
        return struct.pack("<II", 4, item)
    if isinstance(item, float):
        return struct.pack("<If", 6, item)
    if isinstance(item, str):
        return struct.pack("<I", 8) + text(item)
    if isinstance(item[0], str):
        return struct.pack("<IIQ", 9, 8, len(item)) + b"".join(map(text, item))
    kind, form = (6, "f") if isinstance(item[0], float) else (5, "i")
    return struct.pack("<IIQ", 9, kind, len(item)) + struct.pack(f"<{len(item)}{form}", *item)


def gguf(name, metadata, tensors):
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, item in metadata.items():
        head += text(key) + value(item)
    data = b""
    for number, (tensor, (shape, kind)) in enumerate(tensors.items()):
        elements = 1
        for extent in shape:
            elements *= extent
        head += text(tensor) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        head += struct.pack("<IQ", TYPES[kind][0], len(data))
        data += weights(kind, elements, number)
        data += b"\0" * (-len(data) % 32)
    head += b"\0" * (-len(head) % 32)
    write(CORPUS / "gguf" / name, head + data)


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def byte_level(prefix="llama"):
    return {
        "general.architecture": prefix,
        "general.name": "tiny",
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": TOKENS,
        "tokenizer.ggml.token_type": [3] * len(SPECIAL) + [1] * (len(TOKENS) - len(SPECIAL)),
        "tokenizer.ggml.merges": MERGES,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": TEMPLATE,
    }


def sizes(prefix, width, inner, layers, heads, kv_heads, head):
    return {
        f"{prefix}.block_count": layers,
        f"{prefix}.context_length": 256,
        f"{prefix}.embedding_length": width,
        f"{prefix}.feed_forward_length": inner,
        f"{prefix}.attention.head_count": heads,
        f"{prefix}.attention.head_count_kv": kv_heads,
        f"{prefix}.attention.key_length": head,
        f"{prefix}.attention.value_length": head,
        f"{prefix}.rope.dimension_count": head,
        f"{prefix}.rope.freq_base": 10000.0,
        f"{prefix}.attention.layer_norm_rms_epsilon": 1e-5,
    }


def layer(number, width, inner, heads, kv_heads, head, kinds):
    q, k, v, o, gate, up, down = kinds
    names = {
        "attn_norm": ([width], "F32"),
        "attn_q": ([width, heads * head], q),
        "attn_k": ([width, kv_heads * head], k),
        "attn_v": ([width, kv_heads * head], v),
        "attn_output": ([heads * head, width], o),
        "ffn_norm": ([width], "F32"),
        "ffn_gate": ([width, inner], gate),
        "ffn_up": ([width, inner], up),
        "ffn_down": ([inner, width], down),
    }
    return {f"blk.{number}.{name}.weight": it for name, it in names.items()}


def models():
    count = len(TOKENS)
    tensors = {"token_embd.weight": ([32, count], "Q8_0")}
    tensors |= layer(0, 32, 32, 4, 2, 8, ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "F16", "BF16"])
    tensors |= layer(1, 32, 32, 4, 2, 8, ["IQ4_NL", "MXFP4", "F32", "Q4_0", "Q4_0", "Q4_0", "Q8_0"])
    tensors["output_norm.weight"] = ([32], "F32")
    gguf("llama.gguf", byte_level() | sizes("llama", 32, 32, 2, 4, 2, 8), tensors)

    tensors = {"token_embd.weight": ([256, count], "Q6_K")}
    tensors |= layer(0, 256, 32, 2, 1, 16, ["Q2_K", "Q3_K", "Q4_K", "Q8_0", "Q5_K", "IQ4_XS", "Q4_0"])
    tensors["output_norm.weight"] = ([256], "F32")
    tensors["output.weight"] = ([256, count], "Q4_K")
    gguf("k-quants.gguf", byte_level() | sizes("llama", 256, 32, 1, 2, 1, 16), tensors)

    tensors = {"token_embd.weight": ([32, count], "F16")}
    for name, (shape, kind) in layer(0, 32, 32, 4, 2, 8, ["Q8_0"] * 7).items():
        part = name.split(".")[2]
        if part in ("ffn_gate", "ffn_up", "ffn_down"):
            tensors[name.replace(part, f"{part}_exps")] = (shape + [3], kind)
        else:
            tensors[name] = (shape, kind)
    tensors["blk.0.attn_q_norm.weight"] = ([8], "F32")
    tensors["blk.0.attn_k_norm.weight"] = ([8], "F32")
    tensors["blk.0.ffn_gate_inp.weight"] = ([32, 3], "F32")
    tensors["output_norm.weight"] = ([32], "F32")
    metadata = byte_level("qwen3moe") | sizes("qwen3moe", 32, 32, 1, 4, 2, 8)
    metadata |= {"qwen3moe.expert_count": 3, "qwen3moe.expert_used_count": 2,
                 "qwen3moe.expert_feed_forward_length": 32}
    gguf("mixture.gguf", metadata, tensors)

    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in (10, 0x48, 0xC3)]
    pieces += ["\u2581", "H", "e", "l", "o", "\u2581w", "ll", "llo", "He", "Hello"]
    for model in ("llama", "t5"):
        gguf(f"vocabulary-{model}.gguf", {
            "general.architecture": model,
            "tokenizer.ggml.model": model,
            "tokenizer.ggml.tokens": pieces,
            "tokenizer.ggml.scores": [-float(rank) for rank in range(len(pieces))],
            "tokenizer.ggml.token_type": [2, 3, 3, 6, 6, 6] + [1] * (len(pieces) - 6),
            "tokenizer.ggml.add_space_prefix": True,
        }, {})
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "\u2581hello", "w", "\u2581w", "or", "ld", ","]
    gguf("vocabulary-bert.gguf", {
        "general.architecture": "bert",
        "tokenizer.ggml.model": "bert",
        "tokenizer.ggml.tokens": words,
        "tokenizer.ggml.token_type": [3, 2, 3, 3] + [1] * (len(words) - 4),
        "tokenizer.ggml.bos_token_id": 2,
        "tokenizer.ggml.seperator_token_id": 3,
        "tokenizer.ggml.unknown_token_id": 1,
    }, {})


def safetensors(tensors):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for number, (name, shape) in enumerate(tensors.items()):
        elements = 1
        for extent in shape:
            elements *= extent
        begin = len(data)
        data += weights("BF16", elements, number)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, len(data)]}
    header = json.dumps(header, separators=(",", ":"))
    return struct.pack("<Q", len(header)) + header.encode() + data


def folder():
    count, width, inner = len(TOKENS), 32, 32
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": width,
        "intermediate_size": inner, "num_hidden_layers": 1, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 8, "vocab_size": count,
        "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "tie_word_embeddings": True, "bos_token_id": 1, "eos_token_id": 2,
        "hidden_act": "silu", "torch_dtype": "bfloat16",
    }
    added = [{"id": number, "content": name, "special": True} for number, name in enumerate(SPECIAL)]
    tokenizer = {
        "version": "1.0", "added_tokens": added, "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Digits", "individual_digits": True},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}]},
        "post_processor": None, "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "vocab": {token: id for id, token in enumerate(TOKENS)},
                  "merges": MERGES},
    }
    block = "model.layers.0."
    tensors = safetensors({
        "model.embed_tokens.weight": [count, width],
        block + "input_layernorm.weight": [width],
        block + "self_attn.q_proj.weight": [32, width],
        block + "self_attn.k_proj.weight": [16, width],
        block + "self_attn.v_proj.weight": [16, width],
        block + "self_attn.o_proj.weight": [width, 32],
        block + "post_attention_layernorm.weight": [width],
        block + "mlp.gate_proj.weight": [inner, width],
        block + "mlp.up_proj.weight": [inner, width],
        block + "mlp.down_proj.weight": [width, inner],
        "model.norm.weight": [width],
    })
    generation = {"temperature": 0.6, "top_p": 0.9, "top_k": 20, "eos_token_id": [2, 0]}
    names = {"chat_template": TEMPLATE, "bos_token": SPECIAL[1],
             "eos_token": {"content": SPECIAL[2]}, "model_max_length": 256}
    files = {"config.json": config, "tokenizer.json": tokenizer,
             "generation_config.json": generation, "tokenizer_config.json": names}
    for name, content in files.items():
        content = json.dumps(content)
        write(HERE / "llama" / name, content)
        target = name.removesuffix(".json")
        if target in ("config", "tokenizer"):
            write(CORPUS / target / "llama.json", "llama\n" + content)
        else:
            write(CORPUS / "folder" / name, f"llama/{name}\n" + content)
    write(HERE / "llama" / "model.safetensors", tensors)
    write(CORPUS / "safetensors" / "llama.safetensors", b"llama\n" + tensors)


models()
folder()
