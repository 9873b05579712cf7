"""Prints the least cosine between llm-embed's vectors and sentence-transformers', or
Model2Vec's for a table of static embeddings; a SPLADE model's sparse vectors are
compared as dense ones. Texts without a known token, whose vectors
are zeros in both, are left out.

usage: least_cosine.py MODEL TEXTS VECTORS, called by scripts/check-real-models

MODEL is a folder, TEXTS has one text a line, VECTORS one record of llm-embed a line.
"""

import json
import sys
from pathlib import Path

import numpy

model, texts, vectors = sys.argv[1:]
lines = open(texts, encoding="utf-8").read().splitlines()
records = [json.loads(line) for line in open(vectors, encoding="utf-8")]
if len(records) != len(lines):
    sys.exit(f"{vectors} has {len(records)} records for {len(lines)} texts")
is_sparse = isinstance(records[0]["embedding"], dict)
config = json.loads((Path(model) / "config.json").read_text())
if config.get("model_type", "model2vec") == "model2vec":
    from model2vec import StaticModel

    theirs = StaticModel.from_pretrained(model, force_download=False).encode(lines)
elif is_sparse:
    from sentence_transformers import SparseEncoder

    network = SparseEncoder(model, device="cpu", local_files_only=True)
    theirs = network.encode(lines, convert_to_sparse_tensor=False, convert_to_tensor=True).numpy()
else:
    from sentence_transformers import SentenceTransformer

    network = SentenceTransformer(model, device="cpu", local_files_only=True)
    theirs = network.encode(lines, batch_size=8, prompt="", convert_to_numpy=True)
theirs = theirs.astype(numpy.float64)


def dense(embedding):
    """Returns a vector as a list of numbers, the sparse ones with their zeros."""
    if not is_sparse:
        return embedding
    vector = numpy.zeros(theirs.shape[1])
    vector[embedding["indices"]] = embedding["values"]
    return vector


ours = numpy.array([dense(record["embedding"]) for record in records], dtype=numpy.float64)
lengths = numpy.linalg.norm(ours, axis=1), numpy.linalg.norm(theirs, axis=1)
if ((lengths[0] == 0) != (lengths[1] == 0)).any():
    sys.exit("a text has a vector of zeros on one side alone")
known = lengths[0] > 0
cosines = (ours * theirs).sum(1)[known] / lengths[0][known] / lengths[1][known]
print(f"{cosines.min():.8f}")
