#!/usr/bin/env python3
"""Makes the texts beside this file and what the tests compare with:

texts.json   texts of many scripts, put together from pieces by a seeded choice
splits.txt   the pieces that each pre-tokenizer's pattern cuts them into, by
             Python's `regex` module: the kind's name, then a line for each text
             with the lengths of its pieces in characters
ids.txt      the tokens of every third text in each vocabulary, by llama.cpp: the
             vocabulary's name, then a line of ids for each text. Without bert-bge,
             of whose accents llama.cpp drops more than BERT does (vowel signs of
             Indic scripts); tests/tokenizers.rs asks another judge there.

The patterns are those of the models' own tokenizer.json, as llama.cpp's
src/llama-vocab.cpp and src/unicode.cpp quote them; where these quote none,
theirs. A kind is a list of patterns, each of which cuts the pieces of the one
before.

usage: make_goldens.py TOKENS VOCABULARIES

TOKENS is scripts/oracle/tokens.cpp, compiled as make-goldens compiles golden.cpp;
VOCABULARIES is models/ggml-vocab. Made with regex 2026.5.9 and llama.cpp 4df29be
(llama-cpp-python 0.3.35).
"""
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import regex

HERE = pathlib.Path(__file__).parent

CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
UPPER, LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"


def modern(word=r"\p{L}+", numbers=r"\p{N}{1,3}", marks=r"[^\s\p{L}\p{N}]+[\r\n]*"):
    return rf"{CONTRACTION}|[^\r\n\p{{L}}\p{{N}}]?{word}|{numbers}| ?{marks}|{SPACES}"


def cased(contraction=CONTRACTION + "?", numbers=r"\p{N}{1,3}", tail=r"[\r\n/]*", no=""):
    def letters(inside):
        return f"[{inside}{no}]"

    lead = r"[^\r\n\p{L}\p{N}]?"
    return (
        f"{lead}{letters(UPPER)}*{letters(LOWER)}+{contraction}"
        f"|{lead}{letters(UPPER)}+{letters(LOWER)}*{contraction}"
        rf"|{numbers}| ?[^\s\p{{L}}\p{{N}}]+{tail}|{SPACES}"
    )


GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
DEEPSEEK3 = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
    rf"| ?[\p{{P}}\p{{S}}]+[\r\n]*|{SPACES}"
)
JAIS_SPACES = "".join(rf"|\s{{{n}}}(?!\S)" for n in (512, 256, 128, 64, 32, 16, 8, 4))
CJK = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
HAN_KANA = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
BLOOM = r" ?[^(\s|.,!?…。，、।۔،)]+"
CASED_LETTERS = (
    "[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚ"
    "Ḁ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\u1f7dᾀ-ᾴᾶ-ᾼ\u1fbeῂ-ῄῆ-ῌῐ-\u1fd3ῖ-\u1fdbῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\u2126ℨ"
    "\u212a-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ"
    "𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+"
)
AFMOE_ASIAN = (
    "[\u4e00-\u9fff\u3400-\u4dbf\u8c48-\ud7ff\ue000-\ufaff\u3040-\u30ff\uff65-\uff9f\u2f00-\u2fdf"
    "\u0e40-\u0eff\u1780-\u17ff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff\uac00-\ud7af\u1100-\u11ff]+"
)

KINDS = {
    "gpt-2": [GPT2],
    "llama-bpe": [modern()],
    "minicpm5": [r"\p{N}{1,3}", modern(numbers=r"\p{N}+")],
    "jais-2": [
        modern().removesuffix(r"|\s+(?!\S)|\s+") + JAIS_SPACES + r"|\s{1,2}(?!\S)|\s{1}"
    ],
    "qwen2": [modern(numbers=r"\p{N}")],
    "bailingmoe": [
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*"
        r"|\s*[\r\n]|\s+(?!\S)|\s+"
    ],
    "laguna": [r"[^\n]+|[\n]+", modern(numbers=r"\p{N}")],
    "qwen35": [
        modern(word=r"[\p{L}\p{M}]+", numbers=r"\p{N}", marks=r"[^\s\p{L}\p{M}\p{N}]+[\r\n]*")
    ],
    "seed-coder": [modern(numbers=r"\p{N}{1}", marks=r"[^\s\p{L}\p{N}\r\n]+")],
    "exaone-moe": [
        modern(
            word=r"(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+",
            numbers=r"\p{N}",
            marks=r"[^\s\p{L}\p{N}]+[\r\n/]?",
        ).replace(r"\s*[\r\n]+", r"\s*[\r\n]")
    ],
    "smollm": [r"\p{N}", GPT2],
    "falcon": [r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]"],
    "default": [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"],
    "deepseek-llm": [
        "[\r\n]",
        rf"\s?{CASED_LETTERS}",
        r"\s?[!-/:-~！-／：-～‘-‟\u3000-。]+",
        r"\s+\Z",
        CJK,
        r"\p{N}+",
    ],
    "deepseek-coder": ["[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", CJK, r"\p{N}"],
    "deepseek-v3": [r"\p{N}{1,3}", HAN_KANA, DEEPSEEK3],
    "afmoe": [r"\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N}))", AFMOE_ASIAN, DEEPSEEK3],
    "youtu": [
        "[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，\u3001-\u303f\ufe30-\ufe4f]+|[ㄅ-ㄯ]+|" + HAN_KANA,
        cased(numbers=r"\p{N}"),
    ],
    "tekken": [cased(contraction="", numbers=r"\p{N}")],
    "gpt-4o": [cased()],
    "tiny_aya": [r"\d{1,3}(?=(?:\d{3})*\b)", cased()],
    "kimi-k2": [r"[\p{Han}]+|" + cased(tail=r"[\r\n]*", no=r"&&[^\p{Han}]")],
    "superbpe": [r"\p{N}+", r"(?=(\d{3})+(?!\d))"],
    "bloom": [BLOOM],
    "viking": [BLOOM, r"\p{N}"],
    "chameleon": [
        "<sentinel:[0-9]+>",
        "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z",
        r"([\t\n]|    |  )",
        r"\p{N}",
        r"[\p{P}!-/:-@\[-`{-~]",
        GPT2,
    ],
    "gemma4": [r"[^\n]+|[\n]+"],
    "whitespace": [r"\S+"],
}

VOCABULARIES = (
    "aquila baichuan command-r deepseek-coder deepseek-llm falcon gemma-4 gpt-2 gpt-neox "
    "llama-bpe llama-spm mpt nomic-bert-moe phi-3 qwen2 qwen35 refact starcoder"
).split()

PIECES = (
    "Hello world the THE camelCase HTTPServer I'm we'LL 'S don't naïve Ångström ÉCOLE étÉt "
    "Straße ǅungla привет ПРИВЕТ приветМир Ελλάδα नमस्ते दुनिया हिन्दी বাংলা ไทยแลนด์ ភាសាខ្មែរ "
    "العربية ١٢٣٤ ۔، עברית 한국어 ㄱㄴ ひらがな カタカナ ｶﾅ 漢字 我想在apple工作1314151天～ 〇々⺀ ㄅㄆ 中文，标点。！ "
    "“引号” 1 12 123 1234 12345678 3.14 1,000,000 12abc abc12 ½ ² Ⅷ x² a_b __init__ foo(bar) "
    "!= <= <|im_end|> </s> <unk> // /* */ #![x] https://a.b/c?d=e&f -- … — $5 €7 ^ ` ``` ~ | "
    "🦙 👩‍👩‍👧 🇫🇷 😁😁 e\u0301te\u0301 \u0301x q\u0303 ﬁne ｆｕｌｌ Ⓐ ™ © \u200b zero\u200bwidth \ue000 µm "
    "<sentinel:12> <sentinel:> IMGIMGABZ IMGIMGABCDEZ \\n \\ [MASK] <0x0A> dollars$ C++ "
    "'' 'll y'all isn't.So Qwen'S"
).split()
GAPS = ["", "", " ", " ", " ", " ", "  ", "   ", "     ", "\n", "\n\n", "\r\n", " \n", "\t", "\t\t"]
GAPS += ["\u00a0", "\u3000", " \u00a0", "\u2009", " " * 13, "\n \n  ", "/", "/\n", "'"]
COUNT = 100


def make_texts():
    choice = random.Random(4)
    texts = []
    for _ in range(COUNT):
        text = choice.choice(GAPS)
        for _ in range(choice.randint(1, 14)):
            text += choice.choice(PIECES) + choice.choice(GAPS)
        texts.append(text)
    return texts


def cut(pattern, text):
    """The matches and the gaps between them."""
    pieces, start = [], 0
    for match in pattern.finditer(text):
        pieces += [text[start : match.start()], match.group()]
        start = match.end()
    pieces.append(text[start:])
    return [piece for piece in pieces if piece]


def split(patterns, text):
    pieces = [text]
    for pattern in patterns:
        pieces = [part for piece in pieces for part in cut(pattern, piece)]
    assert "".join(pieces) == text
    return pieces


def main():
    tokens, vocabularies = sys.argv[1:]
    texts = make_texts()
    (HERE / "texts.json").write_text(json.dumps(texts, ensure_ascii=False, indent=0) + "\n")
    with open(HERE / "splits.txt", "w") as out:
        for kind, patterns in KINDS.items():
            compiled = [regex.compile(pattern, regex.V1) for pattern in patterns]
            print(kind, file=out)
            for text in texts:
                print(*(len(piece) for piece in split(compiled, text)), file=out)
    with tempfile.NamedTemporaryFile() as file, open(HERE / "ids.txt", "w") as out:
        file.write(b"".join(text.encode() + b"\0" for text in texts[::3]))
        file.flush()
        for name in VOCABULARIES:
            print(name, file=out, flush=True)
            path = pathlib.Path(vocabularies) / f"ggml-vocab-{name}.gguf"
            subprocess.run([tokens, path, "-", file.name], stdout=out, check=True)


if __name__ == "__main__":
    main()
