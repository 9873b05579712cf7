"""Tokenizers of tiny models: real vocabularies, cut off.

Two kinds, as published folders have them. Byte-level BPE: all bytes and the first
merges of a real vocabulary, which llama.cpp ships without its weights
(models/ggml-vocab-*.gguf), behind the family's own pre-tokenizer. SentencePiece's
BPE: Llama 2's bytes, first pieces and letters with their scores, as tokenizer.model
and as the tokenizer.json that transformers makes of it.

`write(folder, kind)` puts a kind's files into a folder and returns the number of
tokens; `PRE` has the name that llama.cpp gives to a kind's pre-tokenizer.
"""

import json
import os
import struct
from functools import lru_cache
from pathlib import Path

from sentencepiece import sentencepiece_model_pb2 as proto
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

LLAMA_CPP = Path(os.environ["LLAMA_CPP"])

MERGES, PIECES, LETTERS = 24, 16, 24

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
QWEN35 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*|\p{{N}}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
ENDING = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
GPT4O = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{ENDING}|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{ENDING}|\p{{N}}{{1,3}}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
DEEPSEEK = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
GPT2 = None  # what ByteLevel itself cuts
DIGITS = "digits"

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
HEADERS = (
    "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{{ message['content'] }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
INST = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}[INST] {{ message['content'] }} [/INST]"
    "{% else %}{{ message['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
)
TURNS = (
    "{{ bos_token }}{% for message in messages %}<start_of_turn>{{ message['role'] }}\n{{ message['content'] }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
BARS = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
PLAIN = "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"

CHAT = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
GLM = ["<|endoftext|>", "[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"]
DEEP = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>", "<｜User｜>", "<｜Assistant｜>"]

# kind: (vocabulary, cuts, llama.cpp's name, class, specials, bos, eos, template)
BYTE_LEVEL = {
    "llama3": ("llama-bpe", [LLAMA3], "llama-bpe", "PreTrainedTokenizerFast",
               ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
               "<|begin_of_text|>", "<|eot_id|>", HEADERS),
    "qwen2": ("qwen2", [QWEN2], "qwen2", "Qwen2Tokenizer", CHAT, None, "<|im_end|>", CHATML),
    "qwen35": ("qwen35", [QWEN35], "qwen35", "Qwen2Tokenizer", CHAT, None, "<|im_end|>", CHATML),
    "phi4-mini": ("llama-bpe", [GPT4O], "gpt-4o", "GPT2Tokenizer",
                  ["<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"],
                  "<|endoftext|>", "<|endoftext|>", BARS),
    "gpt-oss": ("llama-bpe", [GPT4O], "gpt-4o", "PreTrainedTokenizerFast",
                ["<|startoftext|>", "<|endoftext|>", "<|return|>", "<|channel|>", "<|start|>", "<|end|>", "<|message|>"],
                "<|startoftext|>", "<|return|>", PLAIN),
    "glm4": ("llama-bpe", [LLAMA3], "glm4", "PreTrainedTokenizerFast", GLM, None, "<|endoftext|>", PLAIN),
    "deepseek": ("deepseek-llm", [r"\p{N}{1,3}", r"[一-龥぀-ゟ゠-ヿ]+", DEEPSEEK], "deepseek-v3",
                 "LlamaTokenizerFast", DEEP, DEEP[0], DEEP[1], PLAIN),
    "tekken": ("llama-bpe", [TEKKEN], "tekken", "PreTrainedTokenizerFast",
               ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"], "<s>", "</s>", INST),
    "granite": ("refact", [DIGITS, GPT2], "refact", "GPT2Tokenizer",
                ["<|end_of_text|>", "<|start_of_role|>", "<|end_of_role|>"], "<|end_of_text|>", "<|end_of_text|>", PLAIN),
    "olmo2": ("llama-bpe", [LLAMA3], "dbrx", "GPT2Tokenizer", ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
              "<|endoftext|>", "<|endoftext|>", CHATML),
    "smollm3": ("llama-bpe", [LLAMA3], "smaug-bpe", "PreTrainedTokenizerFast", CHAT, None, "<|im_end|>", CHATML),
    "phi2": ("gpt-2", [GPT2], "phi-2", "CodeGenTokenizer", ["<|endoftext|>"], "<|endoftext|>", "<|endoftext|>", PLAIN),
    "gpt2": ("gpt-2", [GPT2], "gpt-2", "GPT2Tokenizer", ["<|endoftext|>"], "<|endoftext|>", "<|endoftext|>", PLAIN),
    "starcoder": ("starcoder", [DIGITS, GPT2], "starcoder", "GPT2Tokenizer", ["<|endoftext|>"],
                  "<|endoftext|>", "<|endoftext|>", PLAIN),
    "stablelm2": ("llama-bpe", [QWEN2], "stablelm2", "GPT2Tokenizer", CHAT, "<|endoftext|>", "<|endoftext|>", CHATML),
    "command-r": ("command-r", [DIGITS, GPT2], "command-r", "PreTrainedTokenizerFast",
                  ["<PAD>", "<UNK>", "<BOS_TOKEN>", "<EOS_TOKEN>", "<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>"],
                  "<BOS_TOKEN>", "<|END_OF_TURN_TOKEN|>", PLAIN),
    "falcon": ("falcon", [GPT2], "falcon", "PreTrainedTokenizerFast", ["<|endoftext|>"], "<|endoftext|>", "<|endoftext|>", PLAIN),
    "gpt-neox": ("gpt-neox", [GPT2], "olmo", "GPTNeoXTokenizer", ["<|endoftext|>"], "<|endoftext|>", "<|endoftext|>", PLAIN),
    "exaone4": ("llama-bpe", [LLAMA3], "exaone4", "PreTrainedTokenizerFast", ["[BOS]", "[|endofturn|]", "[PAD]"],
                "[BOS]", "[|endofturn|]", PLAIN),
    "generic": ("llama-bpe", [LLAMA3], "llama-bpe", "PreTrainedTokenizerFast", CHAT, "<|endoftext|>", "<|im_end|>", CHATML),
}
MERGE_FREE = ("llama3", "tekken")  # a piece that is a token needs no merges
WITH_BOS = ("llama3", "deepseek", "tekken", "command-r")
NORMALIZED = ("qwen2", "qwen35", "command-r")

# kind: (class, first tokens, further ones, bos, eos, whether a space is put before a text, template)
PIECEWISE = {
    "llama2": ("LlamaTokenizer", ["<unk>", "<s>", "</s>"], [], "<s>", "</s>", True, INST),
    "phi3": ("LlamaTokenizer", ["<unk>", "<s>", "</s>"],
             ["<|endoftext|>", "<|assistant|>", "<|system|>", "<|end|>", "<|user|>"], "<s>", "<|endoftext|>", True, BARS),
    # With its mask, which transformers would add, and as many as the models have rows.
    "gemma": ("GemmaTokenizer", ["<pad>", "<eos>", "<bos>", "<unk>"],
              ["<start_of_turn>", "<end_of_turn>", "<mask>", "<unused0>"], "<bos>", "<eos>", False, TURNS),
}

PRE = {kind: row[2] for kind, row in BYTE_LEVEL.items()}


@lru_cache
def vocabulary(name):
    """Returns tokens, merges and scores of a real tokenizer. (gguf's own reader takes
    minutes for some hundred thousand strings.)"""
    data = (LLAMA_CPP / f"models/ggml-vocab-{name}.gguf").read_bytes()
    at, found = 24, {}
    formats = dict(enumerate("BbHhIif?", 0)) | {10: "Q", 11: "q", 12: "d"}

    def take(form):
        nonlocal at
        value = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return value

    def text():
        nonlocal at
        (size,) = take("Q")
        at += size
        return data[at - size : at].decode()

    for _ in range(struct.unpack_from("<Q", data, 16)[0]):
        key, (kind,) = text(), take("I")
        if kind == 9:
            kind, count = take("IQ")
            found[key] = [text() for _ in range(count)] if kind == 8 else list(take(f"{count}{formats[kind]}"))
        else:
            found[key] = text() if kind == 8 else take(formats[kind])[0]
    return tuple(found.get(f"tokenizer.ggml.{key}", []) for key in ("tokens", "merges", "scores"))


def settings(folder, kind, cls, specials, first, bos, eos, template, **more):
    special = lambda text: {"content": text, "lstrip": False, "normalized": False, "rstrip": False,
                            "single_word": False, "special": True}
    file = {
        "added_tokens_decoder": {str(first[text]): special(text) for text in specials},
        "bos_token": bos, "eos_token": eos, "chat_template": template, "clean_up_tokenization_spaces": False,
        "model_max_length": 1024, "tokenizer_class": cls, **more,
    }
    put(folder / "tokenizer_config.json", {key: value for key, value in file.items() if value is not None})


def put(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def byte_level(folder, kind):
    name, cuts, _, cls, specials, bos, eos, template = BYTE_LEVEL[kind]
    tokens, merges, _ = vocabulary(name)
    alphabet = set(pre_tokenizers.ByteLevel.alphabet())
    kept = [text for text in tokens if text in alphabet]
    kept += sorted(alphabet - set(kept))
    pairs = []
    for merge in merges:
        pair = tuple(merge.split(" "))
        if len(pairs) < MERGES and len(pair) == 2 and all(part in kept for part in pair):
            pairs.append(pair)
            if "".join(pair) not in kept:
                kept.append("".join(pair))
    free = kind in MERGE_FREE
    vocab = {text: index for index, text in enumerate(kept)}
    made = Tokenizer(models.BPE(vocab, pairs, ignore_merges=free))
    if kind in NORMALIZED:
        made.normalizer = normalizers.NFC()
    steps = []
    for cut in cuts:
        if cut == DIGITS:
            steps.append(pre_tokenizers.Digits(individual_digits=True))
        elif cut:
            steps.append(pre_tokenizers.Split(Regex(cut), "isolated"))
    whole = GPT2 in cuts
    steps.append(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=whole))
    made.pre_tokenizer = pre_tokenizers.Sequence(steps) if len(steps) > 1 else steps[0]
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(text, normalized=False) for text in specials])
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    if kind in WITH_BOS:
        around = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, made.token_to_id(bos))])
        made.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), around])
    made.save(str(folder / "tokenizer.json"), pretty=False)
    ids = {text: made.token_to_id(text) for text in specials}
    settings(folder, kind, cls, specials, ids, bos, eos, template,
             add_bos_token=True if kind in WITH_BOS else None)
    return made.get_vocab_size()


def piecewise(folder, kind):
    cls, first, last, bos, eos, prefix, template = PIECEWISE[kind]
    tokens, _, scores = vocabulary("llama-spm")
    real = list(zip(tokens, scores))
    letters = [pair for pair in real if len(pair[0]) == 1][:LETTERS]
    known = {text for text, _ in letters}
    pieces = []
    for text, score in real[259:]:  # behind the bytes, by their score
        if len(pieces) < PIECES and len(text) > 1 and set(text) <= known:
            pieces.append((text, score))
    # What a merge is made of is there as well: pieces come before those they are part of.
    kinds = proto.ModelProto.SentencePiece
    rows = [(text, 0.0, kinds.UNKNOWN if text == "<unk>" else kinds.CONTROL) for text in first]
    rows += [(f"<0x{byte:02X}>", 0.0, kinds.BYTE) for byte in range(256)]
    rows += [(text, score, kinds.NORMAL) for text, score in pieces + letters]
    model = proto.ModelProto()
    for text, score, sort in rows:
        model.pieces.add(piece=text, score=score, type=sort)
    model.trainer_spec.model_type = proto.TrainerSpec.BPE
    model.trainer_spec.byte_fallback = True
    model.trainer_spec.vocab_size = len(rows)
    model.trainer_spec.unk_id = first.index("<unk>")
    model.trainer_spec.bos_id, model.trainer_spec.eos_id = first.index(bos), first.index("</s>" if "</s>" in first else eos)
    model.trainer_spec.pad_id = first.index("<pad>") if "<pad>" in first else -1
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = prefix
    model.normalizer_spec.remove_extra_whitespaces = False
    (folder / "tokenizer.model").write_bytes(model.SerializeToString())

    vocab = {text: index for index, (text, _, _) in enumerate(rows)}
    rank = {text: score for text, score, sort in rows if sort == kinds.NORMAL}
    pairs = [(text[:at], text[at:]) for text in rank for at in range(1, len(text))
             if text[:at] in rank and text[at:] in rank]
    pairs.sort(key=lambda pair: -rank["".join(pair)])
    made = Tokenizer(models.BPE(vocab, pairs, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    replace = normalizers.Replace(" ", "▁")
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), replace]) if prefix else replace
    if not prefix:
        made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    made.decoder = decoders.Sequence(steps + ([decoders.Strip(" ", 1, 0)] if prefix else []))
    made.add_special_tokens([AddedToken(text, normalized=False) for text in first + last])
    made.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, vocab[bos])])
    made.save(str(folder / "tokenizer.json"), pretty=False)
    ids = {text: made.token_to_id(text) for text in first + last}
    settings(folder, kind, cls, first + last, ids, bos, eos, template, unk_token="<unk>", add_bos_token=True,
             add_eos_token=False, pad_token="<pad>" if "<pad>" in first else None)
    return made.get_vocab_size()


def write(folder, kind):
    """Writes a kind's files; returns how many tokens it has."""
    return piecewise(folder, kind) if kind in PIECEWISE else byte_level(folder, kind)


def ids(folder):
    """What config.json and generation_config.json say of a folder's tokens."""
    names = json.loads((folder / "tokenizer_config.json").read_text())
    made = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return {f"{name}_id": made.token_to_id(names[name]) for name in ("bos_token", "eos_token") if name in names}
