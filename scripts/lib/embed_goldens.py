"""Writes the vectors that llm-embed is compared with: an independent forward
pass of all-MiniLM-L6-v2 in NumPy, in double precision, over some 200 texts.

Tokens come from Hugging Face's `tokenizers`, cut at the 256 of the model's
sentence_bert_config.json; the network, the mean of its rows and their length are
computed here from model.safetensors alone. A line of JSON a text: `text`,
`tokens`, and `vector` to seven digits.

usage: embed_goldens.py MODEL FILE, called by scripts/make-embed-goldens
"""

import json
import math
import sys
from pathlib import Path

import numpy
from tokenizers import Tokenizer

LONGEST = 256

SENTENCES = """
That is a happy person
A man is eating food.
The girl is carrying a baby.
Unified memory lets processor and graphics share one address space.
How do I reset my password?
What is the capital of France?
Paris is the capital of France.
The quick brown fox jumps over the lazy dog.
I can't believe it's not butter!
e-mail: someone@example.com, https://example.com/a?b=c&d=%20
3.14159 + 2.71828 = 5.85987
SELECT name FROM users WHERE id = 7;
fn main() { println!("hello"); }
Pneumonoultramicroscopicsilicovolcanoconiosis
ÀÉÎÕÜ naïve café résumé Ångström
Der schnelle braune Fuchs springt über den faulen Hund.
Die Straße ist naß, und der Bär schläft.
Le cœur a ses raisons que la raison ne connaît point.
El niño comió piña en la montaña.
Быстрая коричневая лиса прыгает через ленивую собаку.
Η γρήγορη καφέ αλεπού
İstanbul'da güzel bir gün
日本語の文章です。
东西南北，春夏秋冬。
한국어 문장입니다.
สวัสดีชาวโลก
नमस्ते दुनिया
مرحبا بالعالم
שלום עולם
Tiếng Việt có dấu
😀
I love pizza 🍕 and beer 🍺!
👩‍👩‍👧‍👦 family
🇩🇪🇫🇷
a
A
.
...
!?!?
1
-
snake_case and camelCase and kebab-case
tab\tand\u00a0no-break space
zero\u200bwidth soft\u00adhyphen
``quotes'' “curly” ‘single’ «French»
x² + y² = z², ½ ≤ ∞
© ® ™ € £ ¥
ﬁnancial oﬃce
Ｆｕｌｌｗｉｄｔｈ
ⅳ Ⅳ ①
""".strip().split("\n")


def texts():
    """Short, long, multilingual, empty and emoji."""
    plain = [s.replace("\\t", "\t").encode().decode() for s in SENTENCES]
    plain = [s.replace("\\u00a0", "\u00a0").replace("\\u200b", "\u200b").replace("\\u00ad", "\u00ad")
             for s in plain]
    found = ["", " ", "  \t "] + plain
    found += [s.upper() for s in plain[:30]]
    found += [f"{a} {b}" for a, b in zip(plain[:30], plain[20:50])]
    found += [" ".join(plain[i : i + 5]) for i in range(0, 45, 2)]
    # Around the edges of blocks and of the longest text, in words of one token.
    found += [("word " * n).strip() for n in (2, 3, 5, 30, 61, 62, 63, 64, 65, 126, 127, 128, 129, 200)]
    found += [("the cat sat on a mat " * n).strip() for n in (10, 20, 42, 43, 100)]
    found += ["x" * n for n in (5, 99, 100, 101, 300)]
    found += ["é" * 100, "word " + "ab" * 60 + " word"]
    found += [s + "?" for s in plain[:45]]
    return found


def read(path):
    """Returns the tensors of a safetensors file."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if entry.get("dtype") == "F32":
            start, end = entry["data_offsets"]
            raw = numpy.frombuffer(data[8 + length + start : 8 + length + end], "<f4")
            tensors[name] = raw.reshape(entry["shape"]).astype(numpy.float64)
    return tensors


def norm(x, weight, bias, epsilon):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / numpy.sqrt(variance + epsilon) * weight + bias


ERF = numpy.vectorize(math.erf)


def forward(t, config, ids):
    """Returns the unit vector of one text."""
    heads, epsilon = config["num_attention_heads"], config["layer_norm_eps"]
    x = t["embeddings.word_embeddings.weight"][ids]
    x = x + t["embeddings.position_embeddings.weight"][: len(ids)]
    x = x + t["embeddings.token_type_embeddings.weight"][0]
    x = norm(x, t["embeddings.LayerNorm.weight"], t["embeddings.LayerNorm.bias"], epsilon)
    for layer in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{layer}."

        def linear(name, x):
            return x @ t[f"{at}{name}.weight"].T + t[f"{at}{name}.bias"]

        def split(x):
            return x.reshape(len(ids), heads, -1).transpose(1, 0, 2)

        q, k, v = (split(linear(f"attention.self.{n}", x)) for n in ("query", "key", "value"))
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])
        scores = numpy.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ v
        mixed = linear("attention.output.dense", mixed.transpose(1, 0, 2).reshape(len(ids), -1))
        name = f"{at}attention.output.LayerNorm"
        x = norm(x + mixed, t[f"{name}.weight"], t[f"{name}.bias"], epsilon)
        inner = linear("intermediate.dense", x)
        inner = inner * 0.5 * (1 + ERF(inner / math.sqrt(2)))
        name = f"{at}output.LayerNorm"
        x = norm(x + linear("output.dense", inner), t[f"{name}.weight"], t[f"{name}.bias"], epsilon)
    mean = x.mean(0)
    return mean / numpy.linalg.norm(mean)


def main():
    model, file = map(Path, sys.argv[1:])
    config = json.loads((model / "config.json").read_text())
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST)
    tensors = read(model / "model.safetensors")
    with file.open("w") as out:
        for text in texts():
            ids = tokenizer.encode(text).ids
            vector = [float(f"{x:.7g}") for x in forward(tensors, config, ids)]
            line = {"text": text, "tokens": ids, "vector": vector}
            out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
