"""Prints the least cosine between llm-embed's vectors and sentence-transformers'.

usage: least_cosine.py MODEL TEXTS VECTORS, called by scripts/check-real-models

MODEL is a folder, TEXTS has one text a line, VECTORS one record of llm-embed a line.
"""

import json
import sys

import numpy
from sentence_transformers import SentenceTransformer

model, texts, vectors = sys.argv[1:]
lines = open(texts, encoding="utf-8").read().splitlines()
records = [json.loads(line) for line in open(vectors, encoding="utf-8")]
if len(records) != len(lines):
    sys.exit(f"{vectors} has {len(records)} records for {len(lines)} texts")
ours = numpy.array([record["embedding"] for record in records], dtype=numpy.float64)
network = SentenceTransformer(model, device="cpu", local_files_only=True)
theirs = network.encode(lines, batch_size=8, prompt="", convert_to_numpy=True).astype(numpy.float64)
cosines = (ours * theirs).sum(1) / numpy.linalg.norm(ours, axis=1) / numpy.linalg.norm(theirs, axis=1)
print(f"{cosines.min():.8f}")
