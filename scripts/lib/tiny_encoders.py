"""Writes tiny encoders with random weights, and the vectors that an independent
implementation makes with them.

A model is a folder as its kind's real ones are: config.json, tokenizer.json,
model.safetensors and sentence-transformers' files. Its golden.jsonl holds a line
a text: `text`, `tokens`, `vector`, all by sentence-transformers on PyTorch, from
the folder itself (`jina`, whose network transformers does not have, by a forward
pass here); that of a cross-encoder a line a pair: `query`, `text`, `tokens`, `score`.
Tokenizers are trained, which does not give the same each time, so a
folder is made as a whole. GGUF twins, in gguf/, are written by llama.cpp's converter.

usage: tiny_encoders.py FOLDER [NAME...], called by scripts/make-tiny-encoders
"""

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import sentencepiece
import torch
import transformers
from safetensors.torch import save_file
from sentence_transformers import CrossEncoder, SentenceTransformer
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

WIDTH, INNER, HEADS = 32, 64, 4

TEXTS = [
    "hello",
    "That is a happy person",
    "A man is eating food, and the girl is carrying a baby.",
    "Unified memory lets processor and graphics share one address space.",
    "What is the capital of France?  Paris is the capital of France. ",
    "ÀÉÎÕÜ naïve café résumé Ångström",
    "Der schnelle braune Fuchs springt über den faulen Hund.",
    "Быстрая коричневая лиса прыгает через ленивую собаку.",
    "日本語の文章です。 东西南北，春夏秋冬。",
    "I love pizza 🍕 and beer 🍺!",
    "fn main() { println!(\"hello\"); }\n\tand\na\nnew line",
    "3.14159 + 2.71828 = 5.85987",
    "ﬁnancial oﬃce Ｆｕｌｌｗｉｄｔｈ x² ½",
    "e\u0301 is not composed, \u00e9 is",
    " ",
    "",
    "the cat sat on a mat " * 12,
]


QUERIES = ["what is the capital of france?", "a happy person"]


def corpus():
    """What tokenizers are trained on."""
    return [text for text in TEXTS if text.strip()] + [
        "the quick brown fox jumps over the lazy dog and the cat",
        "a person is happy, a person is not happy: query and document",
    ]


# Tokenizers.


def wordpiece(first, last, pad, unknown="[UNK]"):
    made = Tokenizer(models.WordPiece(unk_token=unknown))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    specials = [pad, unknown, first, last, "[MASK]"]
    if first == "<s>":  # mpnet's order
        specials = [first, pad, last, unknown, "[MASK]"]
    made.train_from_iterator(corpus(), trainers.WordPieceTrainer(vocab_size=260, special_tokens=specials))
    return around(made, first, last)


def around(made, first, last, before=()):
    """Puts tokens around a text."""
    names = [name for name in (first, last) if name]
    single = " ".join(name for name in (first, "$A", last) if name)
    template = processors.TemplateProcessing(
        single=single, special_tokens=[(name, made.token_to_id(name)) for name in names]
    )
    made.post_processor = processors.Sequence([*before, template]) if before else template
    return made


def byte_level(first, last, specials, nfc=False, pattern=None, roberta=False):
    made = Tokenizer(models.BPE())
    if nfc:
        made.normalizer = normalizers.NFC()
    if pattern:
        split = pre_tokenizers.Split(Regex(pattern), "isolated")
        made.pre_tokenizer = pre_tokenizers.Sequence(
            [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        )
    else:
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made.train_from_iterator(
        corpus(),
        trainers.BpeTrainer(vocab_size=330, special_tokens=specials, initial_alphabet=alphabet),
    )
    if roberta:
        made.post_processor = processors.RobertaProcessing(
            (last, made.token_to_id(last)), (first, made.token_to_id(first)), add_prefix_space=False
        )
        return made
    before = [processors.ByteLevel(trim_offsets=False)] if pattern else []
    return around(made, first, last, before)


def unigram(work):
    """XLM-RoBERTa's: SentencePiece's own rules, its pieces behind other specials."""
    (work / "corpus.txt").write_text("\n".join(line.replace("\n", " ") for line in corpus()))
    sentencepiece.SentencePieceTrainer.train(
        input=str(work / "corpus.txt"), model_prefix=str(work / "tiny"), vocab_size=180,
        model_type="unigram", normalization_rule_name="nmt_nfkc", hard_vocab_limit=False,
        minloglevel=2,
    )
    from sentencepiece import sentencepiece_model_pb2

    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString((work / "tiny.model").read_bytes())
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [(piece.piece, piece.score) for piece in proto.pieces[3:]]
    pieces += [("<mask>", 0.0)]
    made = Tokenizer(models.Unigram(pieces, unk_id=3))
    made.normalizer = normalizers.Sequence(
        [normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap),
         normalizers.Replace(Regex(" {2,}"), " ")]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    made.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    return around(made, "<s>", "</s>")


def marked_bpe():
    """Gemma's: BPE over characters, spaces marked, bytes for what is unknown."""
    specials = ["<pad>", "<eos>", "<bos>", "<unk>"]
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.Replace(" ", "▁")
    trained.train_from_iterator(
        [text for text in corpus() if text.isascii()],
        trainers.BpeTrainer(vocab_size=150, special_tokens=specials, show_progress=False),
    )
    state = json.loads(trained.to_str())["model"]
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    texts = specials + bytes_ + [text for text in state["vocab"] if text not in specials]
    merges = [tuple(merge) for merge in state["merges"]]
    vocab = {text: index for index, text in enumerate(texts)}
    made = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    made.add_special_tokens(specials)
    return around(made, "<bos>", "<eos>")


# Networks.


def randomize(model, seed):
    """Weights large enough that every part shows in the result."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            random = torch.randn(weight.shape, generator=generator)
            if "norm" in name.lower() and name.endswith("weight"):
                shift = 0.0 if type(model).__name__.startswith("Gemma") else 1.0
                weight.copy_(shift + 0.2 * random)
            elif weight.dim() == 1:
                weight.copy_(0.2 * random)
            elif "embed" in name or "bias" in name:
                weight.copy_(random)
            else:
                weight.copy_(random * 1.5 / math.sqrt(weight.shape[1]))
    return model.eval()


def base(vocabulary, **more):
    return {
        "vocab_size": vocabulary, "hidden_size": WIDTH, "intermediate_size": INNER,
        "num_attention_heads": HEADS, "num_hidden_layers": 2, "torch_dtype": "float32", **more,
    }


def network(cls, config_cls, config, seed):
    """Returns a config as its file has it, and tensors."""
    made = config_cls(**{key: value for key, value in config.items() if key != "torch_dtype"})
    model = randomize(cls(made), seed)
    config = {"architectures": [cls.__name__], "model_type": config_cls.model_type, **config}
    return config, dict(model.state_dict())


NOMIC_NAMES = [
    ("layers.", "encoder.layers."), ("embeddings.LayerNorm", "emb_ln"),
    ("self_attn.o_proj", "attn.out_proj"), ("up_proj", "fc11"), ("gate_proj", "fc12"),
    ("down_proj", "fc2"), ("post_attention_layernorm", "norm1"), ("post_mlp_layernorm", "norm2"),
]


def nomic(tokenizer, seed):
    """The file's own form, before transformers took the model up."""
    config = base(tokenizer.get_vocab_size(), type_vocab_size=2, max_position_embeddings=2048, hidden_act="silu")
    config, tensors = network(transformers.NomicBertModel, transformers.NomicBertConfig, config, seed)
    theirs = {}
    for name, tensor in tensors.items():
        for old, new in NOMIC_NAMES:
            name = name.replace(old, new)
        if "q_proj" in name:
            rest = [tensors[n] for n in tensors if n.startswith(f"layers.{name.split('.')[2]}.self_attn") and "o_proj" not in n]
            theirs[name.replace("self_attn.q_proj", "attn.Wqkv")] = torch.cat(rest)
        elif "k_proj" not in name and "v_proj" not in name:
            theirs[name] = tensor
    file = {
        "model_type": "nomic_bert", "architectures": ["NomicBertModel"], "vocab_size": config["vocab_size"],
        "n_embd": WIDTH, "n_head": HEADS, "n_inner": INNER, "n_layer": 2, "n_positions": 2048,
        "activation_function": "swiglu", "layer_norm_epsilon": 1e-12, "rotary_emb_base": 1000,
        "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": False, "rotary_emb_scale_base": None, "rotary_scaling_factor": None,
        "prenorm": False, "causal": False, "use_rms_norm": False, "parallel_block": False, "qkv_proj_bias": False,
        "mlp_fc1_bias": False, "mlp_fc2_bias": False, "type_vocab_size": 2, "max_trained_positions": 2048,
    }
    return file, theirs, config, tensors


def jina(tokenizer, seed):
    generator = torch.Generator().manual_seed(seed)

    def random(*shape):
        scale = 1.5 / math.sqrt(shape[-1]) if len(shape) > 1 else 0.2
        return torch.randn(shape, generator=generator) * scale

    def norm(name):
        return {f"{name}.weight": 1 + random(WIDTH), f"{name}.bias": random(WIDTH)}

    size = tokenizer.get_vocab_size()
    tensors = {
        "embeddings.word_embeddings.weight": 6 * random(size, WIDTH),
        "embeddings.token_type_embeddings.weight": 6 * random(2, WIDTH),
        **norm("embeddings.LayerNorm"),
    }
    for layer in range(2):
        at = f"encoder.layer.{layer}."
        for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            tensors |= {f"{at}{name}.weight": random(WIDTH, WIDTH), f"{at}{name}.bias": random(WIDTH)}
        tensors |= norm(f"{at}attention.output.LayerNorm") | norm(f"{at}mlp.layernorm")
        tensors[f"{at}mlp.gated_layers.weight"] = random(2 * INNER, WIDTH)
        tensors |= {f"{at}mlp.wo.weight": random(WIDTH, INNER), f"{at}mlp.wo.bias": random(WIDTH)}
    config = base(
        size, model_type="bert", architectures=["JinaBertModel"], position_embedding_type="alibi",
        feed_forward_type="geglu", hidden_act="gelu", layer_norm_eps=1e-12, type_vocab_size=2,
        max_position_embeddings=128,
    )
    return config, tensors


def jina_rows(config, t, ids):
    """The forward pass of JinaBert (Günther et al. 2023, arXiv:2310.19923)."""
    t = {name: tensor.double() for name, tensor in t.items()}

    def norm(name, x):
        return torch.nn.functional.layer_norm(x, (WIDTH,), t[f"{name}.weight"], t[f"{name}.bias"], 1e-12)

    def linear(name, x):
        return x @ t[f"{name}.weight"].T + t.get(f"{name}.bias", 0)

    x = t["embeddings.word_embeddings.weight"][ids] + t["embeddings.token_type_embeddings.weight"][0]
    x = norm("embeddings.LayerNorm", x)
    places = torch.arange(len(ids))
    slopes = torch.tensor([2.0 ** (-8 * (head + 1) / HEADS) for head in range(HEADS)]).double()
    bias = -slopes[:, None, None] * (places[:, None] - places[None, :]).abs()
    for layer in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{layer}."
        q, k, v = (
            linear(f"{at}attention.self.{name}", x).reshape(len(ids), HEADS, -1).transpose(0, 1)
            for name in ("query", "key", "value")
        )
        weights = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(WIDTH // HEADS) + bias, -1)
        mixed = (weights @ v).transpose(0, 1).reshape(len(ids), WIDTH)
        x = norm(f"{at}attention.output.LayerNorm", x + linear(f"{at}attention.output.dense", mixed))
        both = linear(f"{at}mlp.gated_layers", x)
        inner = torch.nn.functional.gelu(both[:, :INNER]) * both[:, INNER:]
        x = norm(f"{at}mlp.layernorm", x + linear(f"{at}mlp.wo", inner))
    return x


# Folders.

TYPES = "sentence_transformers.models."


def write(folder, config, tensors, tokenizer, pooling, dense=(), normalize=True, prompts=None, longest=None, lasts=()):
    """Writes a model; `dense` are (rows, bias, activation), seeded by their place. A
    cross-encoder has no pooling."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    put = lambda path, value: (path.parent.mkdir(exist_ok=True), path.write_text(json.dumps(value, indent=1)))
    put(folder / "config.json", config)
    tokenizer.no_padding()
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "bos_token", "eos_token"), lasts))
    put(folder / "tokenizer_config.json",
        {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 128} | {k: v for k, v in names.items() if v})
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors")
    if not pooling:
        return
    modules = [{"idx": 0, "name": "0", "path": "", "type": TYPES + "Transformer"},
               {"idx": 1, "name": "1", "path": "1_Pooling", "type": TYPES + "Pooling"}]
    put(folder / "1_Pooling/config.json",
        {"word_embedding_dimension": WIDTH, f"pooling_mode_{pooling}": True, "include_prompt": True})
    columns = WIDTH
    for index, (rows, bias, activation) in enumerate(dense, 2):
        path = folder / f"{index}_Dense"
        put(path / "config.json", {
            "in_features": columns, "out_features": rows, "bias": bias,
            "activation_function": f"torch.nn.modules.{activation}",
        })
        generator = torch.Generator().manual_seed(index)
        layer = {"linear.weight": torch.randn((rows, columns), generator=generator) / math.sqrt(columns)}
        if bias:
            layer["linear.bias"] = torch.randn(rows, generator=generator) * 0.2
        save_file(layer, path / "model.safetensors")
        modules.append({"idx": index, "name": str(index), "path": path.name, "type": TYPES + "Dense"})
        columns = rows
    if normalize:
        index = len(modules)
        modules.append({"idx": index, "name": str(index), "path": f"{index}_Normalize", "type": TYPES + "Normalize"})
    put(folder / "modules.json", modules)
    if longest:
        put(folder / "sentence_bert_config.json", {"max_seq_length": longest, "do_lower_case": False})
    if prompts:
        put(folder / "config_sentence_transformers.json", prompts)


def golden(folder, vectors):
    """Writes what `vectors` gives for each text: tokens and a vector."""
    with (folder / "golden.jsonl").open("w") as out:
        for text in TEXTS:
            tokens, vector = vectors(text)
            line = {"text": text, "tokens": tokens, "vector": [float(f"{x:.7g}") for x in vector]}
            out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


def by_sentence_transformers(folder, prompt=None, sound=None):
    if sound:  # transformers' own form of a config that it does not read itself
        (folder / "config.json").rename(folder / "theirs.json")
        (folder / "config.json").write_text(json.dumps(sound))
    model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"attn_implementation": "eager"})
    if sound:
        (folder / "theirs.json").rename(folder / "config.json")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(model.max_seq_length)

    def vectors(text):
        tokens = tokenizer.encode((prompt or "") + text).ids
        # Tokens are handed over, so that the vector is that of these tokens.
        with torch.no_grad():
            ids = torch.tensor([tokens])
            features = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
            return tokens, model(features)["sentence_embedding"][0].double().tolist()

    return vectors


def golden_pairs(folder):
    """Writes what sentence-transformers gives for each pair, one at a time and so
    without padding."""
    model = CrossEncoder(str(folder), device="cpu", model_kwargs={"attn_implementation": "eager"})
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(model.max_seq_length, strategy="only_second")
    with (folder / "golden.jsonl").open("w") as out:
        for query, text in ((query, text) for query in QUERIES for text in TEXTS):
            tokens = tokenizer.encode(query, text).ids
            theirs = model.preprocess([(query, text)])["input_ids"][0].tolist()
            assert tokens == theirs, (query, text)
            score = model.predict([(query, text)])[0]
            line = {"query": query, "text": text, "tokens": tokens, "score": float(f"{score:.7g}")}
            out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


def tiny_bert(folder, work):
    made = wordpiece("[CLS]", "[SEP]", "[PAD]")
    config = base(made.get_vocab_size(), type_vocab_size=2, max_position_embeddings=64, hidden_act="gelu")
    config, tensors = network(transformers.BertModel, transformers.BertConfig, config, 1)
    tensors = {name: tensor for name, tensor in tensors.items() if "pooler" not in name}
    prompts = {"prompts": {"query": "query: ", "document": "a "}, "default_prompt_name": "query"}
    write(folder, config, tensors, made, "weightedmean_tokens",
          [(24, True, "activation.Tanh"), (16, False, "activation.ReLU")], prompts=prompts, longest=48,
          lasts=("[PAD]", "[UNK]", "[CLS]", "[SEP]"))
    return by_sentence_transformers(folder)


def tiny_bert_cls(folder, work):
    made = wordpiece("[CLS]", "[SEP]", "[PAD]")
    config = base(made.get_vocab_size(), type_vocab_size=2, max_position_embeddings=128, hidden_act="gelu",
                  layer_norm_eps=1e-12)
    config, tensors = network(transformers.BertModel, transformers.BertConfig, config, 10)
    tensors = {name: tensor for name, tensor in tensors.items() if "pooler" not in name}
    write(folder, config, tensors, made, "cls_token", lasts=("[PAD]", "[UNK]", "[CLS]", "[SEP]"))
    return by_sentence_transformers(folder)


def tiny_roberta(folder, work):
    made = byte_level("<s>", "</s>", ["<s>", "<pad>", "</s>", "<unk>", "<mask>"], roberta=True)
    config = base(made.get_vocab_size(), type_vocab_size=1, max_position_embeddings=130, pad_token_id=1,
                  layer_norm_eps=1e-5, hidden_act="gelu")
    config, tensors = network(transformers.RobertaModel, transformers.RobertaConfig, config, 2)
    tensors = {f"roberta.{name}": tensor for name, tensor in tensors.items() if "pooler" not in name}
    write(folder, config, tensors, made, "mean_sqrt_len_tokens", normalize=False,
          lasts=("<pad>", "<unk>", "<s>", "</s>", "<s>", "</s>"))
    return by_sentence_transformers(folder)


def tiny_xlm_roberta(folder, work):
    made = unigram(work)
    config = base(made.get_vocab_size(), type_vocab_size=1, max_position_embeddings=130, pad_token_id=1,
                  layer_norm_eps=1e-5, hidden_act="gelu")
    config, tensors = network(transformers.XLMRobertaModel, transformers.XLMRobertaConfig, config, 3)
    tensors = {name: tensor for name, tensor in tensors.items() if "pooler" not in name}
    write(folder, config, tensors, made, "cls_token",
          lasts=("<pad>", "<unk>", "<s>", "</s>", "<s>", "</s>"))
    return by_sentence_transformers(folder)


def tiny_mpnet(folder, work):
    made = wordpiece("<s>", "</s>", "<pad>")
    config = base(made.get_vocab_size(), max_position_embeddings=130, pad_token_id=1, hidden_act="gelu",
                  relative_attention_num_buckets=32, layer_norm_eps=1e-5)
    config, tensors = network(transformers.MPNetModel, transformers.MPNetConfig, config, 4)
    tensors = {name: tensor for name, tensor in tensors.items() if "pooler" not in name}
    write(folder, config, tensors, made, "mean_tokens", lasts=("<pad>", "[UNK]", "<s>", "</s>"))
    return by_sentence_transformers(folder)


def tiny_nomic(folder, work):
    made = wordpiece("[CLS]", "[SEP]", "[PAD]")
    config, tensors, sound, ours = nomic(made, 5)
    write(folder, config, tensors, made, "mean_tokens", normalize=False,
          lasts=("[PAD]", "[UNK]", "[CLS]", "[SEP]"))
    vectors = by_sentence_transformers(folder, sound=sound)
    return vectors


def tiny_modernbert(folder, work):
    made = byte_level("[CLS]", "[SEP]", ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], nfc=True)
    config = base(made.get_vocab_size(), max_position_embeddings=128, local_attention=8, hidden_activation="gelu",
                  pad_token_id=0, bos_token_id=2, eos_token_id=3, cls_token_id=2, sep_token_id=3)
    config["num_hidden_layers"] = 4
    config, tensors = network(transformers.ModernBertModel, transformers.ModernBertConfig, config, 6)
    config |= {"global_attn_every_n_layers": 3, "global_rope_theta": 160000.0, "local_rope_theta": 10000.0, "norm_eps": 1e-5,
               "layer_norm_eps": 1e-5}
    write(folder, config, tensors, made, "cls_token", lasts=("[PAD]", "[UNK]", "[CLS]", "[SEP]"))
    return by_sentence_transformers(folder)


QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def tiny_qwen3(folder, work):
    made = byte_level(None, "<|endoftext|>", ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], nfc=True, pattern=QWEN)
    config = base(made.get_vocab_size(), num_key_value_heads=2, head_dim=16, max_position_embeddings=128,
                  rms_norm_eps=1e-6, rope_theta=1000000.0, hidden_act="silu", tie_word_embeddings=False,
                  bos_token_id=0, eos_token_id=2)
    config, tensors = network(transformers.Qwen3Model, transformers.Qwen3Config, config, 7)
    instruct = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
    prompts = {"prompts": {"query": instruct, "document": ""}, "default_prompt_name": None}
    write(folder, config, tensors, made, "lasttoken", prompts=prompts,
          lasts=("<|endoftext|>", None, None, None, None, "<|im_end|>"))
    return by_sentence_transformers(folder)


def tiny_gemma(folder, work):
    made = marked_bpe()
    config = base(made.get_vocab_size(), num_key_value_heads=2, head_dim=8, max_position_embeddings=128,
                  rms_norm_eps=1e-6, hidden_activation="gelu_pytorch_tanh", sliding_window=8,
                  query_pre_attn_scalar=8, rope_theta=1000000.0, rope_local_base_freq=10000.0,
                  use_bidirectional_attention=True, pad_token_id=0, eos_token_id=1, bos_token_id=2,
                  layer_types=["sliding_attention"] * 5 + ["full_attention"])
    # The files of GGUF leave the pattern out, and six layers are one turn of it.
    config |= {"num_hidden_layers": 6, "intermediate_size": 32}
    config, tensors = network(transformers.Gemma3TextModel, transformers.Gemma3TextConfig, config, 8)
    prompts = {"prompts": {"query": "task: search result | query: ", "document": "title: none | text: "},
               "default_prompt_name": None}
    write(folder, config, tensors, made, "mean_tokens",
          [(48, False, "linear.Identity"), (WIDTH, False, "linear.Identity")], prompts=prompts,
          lasts=("<pad>", "<unk>", None, None, "<bos>", "<eos>"))
    return by_sentence_transformers(folder)


def by_bert_tokenizer(folder):
    """BERT's own class, which tells segments apart."""
    settings = folder / "tokenizer_config.json"
    settings.write_text(settings.read_text().replace("PreTrainedTokenizerFast", "BertTokenizer"))


def tiny_jina(folder, work):
    made = wordpiece("[CLS]", "[SEP]", "[PAD]")
    config, tensors = jina(made, 9)
    write(folder, config, tensors, made, "mean_tokens", lasts=("[PAD]", "[UNK]", "[CLS]", "[SEP]"))
    by_bert_tokenizer(folder)
    made.enable_truncation(128)

    def vectors(text):
        ids = made.encode(text).ids
        mean = jina_rows(config, tensors, ids).mean(0)
        return ids, (mean / mean.norm()).tolist()

    return vectors


ONE_LABEL = {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}


def cross_bert(folder):
    made = wordpiece("[CLS]", "[SEP]", "[PAD]")
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, made.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    config = base(made.get_vocab_size(), type_vocab_size=2, max_position_embeddings=64, hidden_act="gelu", **ONE_LABEL)
    config, tensors = network(transformers.BertForSequenceClassification, transformers.BertConfig, config, 11)
    config["sentence_transformers"] = {"activation_fn": "torch.nn.modules.linear.Identity", "version": "6.0.1"}
    write(folder, config, tensors, made, None, lasts=("[PAD]", "[UNK]", "[CLS]", "[SEP]"))
    by_bert_tokenizer(folder)


def cross_roberta(folder):
    made = byte_level("<s>", "</s>", ["<s>", "<pad>", "</s>", "<unk>", "<mask>"], roberta=True)
    config = base(made.get_vocab_size(), type_vocab_size=1, max_position_embeddings=130, pad_token_id=1,
                  layer_norm_eps=1e-5, hidden_act="gelu", **ONE_LABEL)
    config, tensors = network(transformers.RobertaForSequenceClassification, transformers.RobertaConfig, config, 12)
    write(folder, config, tensors, made, None, lasts=("<pad>", "<unk>", "<s>", "</s>", "<s>", "</s>"))


CROSS_ENCODERS = {"cross-bert": cross_bert, "cross-roberta": cross_roberta}

MODELS = {
    "bert": tiny_bert, "bert-cls": tiny_bert_cls, "roberta": tiny_roberta, "xlm-roberta": tiny_xlm_roberta, "mpnet": tiny_mpnet,
    "nomic-bert": tiny_nomic, "modernbert": tiny_modernbert, "qwen3": tiny_qwen3,
    "embedding-gemma": tiny_gemma, "jina-bert": tiny_jina,
}

# Twins: llama.cpp's name of the tokenizer, which it tells by a real one's hash.
TWINS = {"bert-cls": "jina-v2-en", "nomic-bert": "jina-v2-en", "xlm-roberta": "default", "modernbert": "modern-bert",
         "jina-bert": "jina-v2-en", "qwen3": "qwen2", "embedding-gemma": "default"}

CONVERT = """
import json, sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/gguf-py"]
name, sys.argv[1:] = sys.argv[2], sys.argv[3:]
from conversion.base import ModelBase, TextModel
# Through transformers it would not see the numbers of a nomic-bert.
ModelBase.load_hparams = staticmethod(lambda folder, _: json.loads((folder / "config.json").read_text()))
TextModel.get_vocab_base_pre = lambda self, tokenizer: name
import convert_hf_to_gguf
convert_hf_to_gguf.main()
"""


def twin(folder, name, work):
    dense = ["--sentence-transformers-dense-modules"] if name == "embedding-gemma" else []
    pieces = folder / "sentencepiece.bpe.model"
    if name == "xlm-roberta":  # Real folders have SentencePiece's own file as well.
        shutil.copy(work / "tiny.model", pieces)
    command = [sys.executable, "-c", CONVERT, os.environ["LLAMA_CPP"], TWINS[name], str(folder)]
    # Beside the folders: in one, a program would have to choose.
    out = folder.parent / "gguf"
    out.mkdir(exist_ok=True)
    command += ["--outtype", "f32", "--outfile", str(out / f"{name}.gguf"), *dense]
    done = subprocess.run(command, capture_output=True, text=True)
    pieces.unlink(missing_ok=True)
    if done.returncode:
        sys.exit(f"llama.cpp's converter does not take {name}: {done.stderr}")


def main():
    folder, wanted = Path(sys.argv[1]), sys.argv[2:]
    work = Path(os.environ.get("TMPDIR", "/tmp")) / f"tiny-encoders-{os.getpid()}"
    work.mkdir()
    for name, make in MODELS.items():
        if not wanted or name in wanted:
            print(name, file=sys.stderr)
            golden(folder / name, make(folder / name, work))
            if name in TWINS:
                twin(folder / name, name, work)
    for name, make in CROSS_ENCODERS.items():
        if not wanted or name in wanted:
            print(name, file=sys.stderr)
            make(folder / name)
            golden_pairs(folder / name)
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
