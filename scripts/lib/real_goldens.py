"""Writes what Model2Vec and sentence-transformers make of some texts with the small
published models of the gate: FOLDER/tokenlearn.jsonl (`text`, `vector`) and
FOLDER/splade-tiny.jsonl (`text`, `indices`, `values`), to seven digits.

usage: real_goldens.py MODELS FOLDER, called by scripts/make-embed-goldens
"""

import json
import sys
from pathlib import Path

from model2vec import StaticModel
from sentence_transformers import SparseEncoder

from embed_goldens import SENTENCES


def write(path, rows):
    with path.open("w") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def short(numbers):
    return [float(f"{x:.7g}") for x in numbers]


def main():
    models, folder = map(Path, sys.argv[1:])
    folder.mkdir(exist_ok=True)
    texts = [text for text in SENTENCES if "\\" not in text]
    static = StaticModel.from_pretrained(str(models / "tokenlearn"), force_download=False)
    vectors = static.encode(texts).astype("float64")
    write(folder / "tokenlearn.jsonl",
          ({"text": text, "vector": short(vector)} for text, vector in zip(texts, vectors)))
    sparse = SparseEncoder(str(models / "splade-tiny"), device="cpu", local_files_only=True)
    rows = []
    for text in texts:
        vector = sparse.encode(text, convert_to_tensor=True).to_dense().double()
        indices = vector.nonzero().flatten()
        rows.append({"text": text, "indices": indices.tolist(), "values": short(vector[indices].tolist())})
    write(folder / "splade-tiny.jsonl", rows)


if __name__ == "__main__":
    main()
