#!/usr/bin/env python3
"""Writes crates/llm-kernels/tests/golden/types.txt: what the quantized tensor
types mean to the Python package gguf (numpy in plain Python, no code shared
with llama.cpp's kernels).

Each line holds a type's name, the bytes of some blocks and the bits of their
weights, both in hexadecimal as they lie in memory. The bytes are random; a
scale in half precision is any number that is finite. Behind those, a type that
has a grid gets a line with a hash of all its points.

usage: python3 scripts/oracle/tensor-types.py (with `pip install gguf==0.19.0`)
"""

import random
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants

# Where the half-precision scales of a block stand.
HALVES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
    "IQ4_NL": [0], "IQ4_XS": [0], "MXFP4": [],
    "IQ2_XXS": [0], "IQ2_XS": [0], "IQ2_S": [0], "IQ3_XXS": [0], "IQ3_S": [0],
}  # fmt: skip
# E8M0 bytes: two of subnormal scales, then usual and large ones.
EXPONENTS = [0, 1, 2, 118, 127, 128, 200, 250]


def blocks(name: str, source: random.Random) -> bytes:
    elements, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    out = bytearray()
    for index in range(8 if elements == 32 else 2):
        block = bytearray(source.randbytes(size))
        for at in HALVES[name]:
            while block[at + 1] & 0x7C == 0x7C:
                block[at + 1] = source.randrange(256)
        if name == "MXFP4":
            block[0] = EXPONENTS[index]
        out += block
    return bytes(out)


def fnv1a(data: bytes) -> int:
    out = 0xCBF29CE484222325
    for byte in data:
        out = (out ^ byte) * 0x100000001B3 % 2**64
    return out


def main() -> None:
    source = random.Random(5)
    lines = ["# Written by scripts/oracle/tensor-types.py with gguf 0.19.0."]
    for name in HALVES:
        packed = blocks(name, source)
        kind = GGMLQuantizationType[name]
        weights = quants.dequantize(np.frombuffer(packed, dtype=np.uint8), kind)
        bits = weights.astype("<f4").tobytes()
        lines.append(f"{name} {packed.hex()} {bits.hex()}")
    for name in HALVES:
        grid = getattr(getattr(quants, name), "grid", None)
        if grid is not None:
            lines.append(f"{name}-grid {fnv1a(grid.astype(np.uint8).tobytes()):016x}")
    path = Path(__file__).parents[2] / "crates/llm-kernels/tests/golden/types.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


main()
