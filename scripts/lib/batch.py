"""Times llm-run over 64 lines, together and one by one, beside llama-batched-bench. Called by
scripts/bench-batch, which says what is measured."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

LINES, INSTRUCTION, TEXT, ANSWER = 64, 200, 250, 64

# Words that are one token each in most vocabularies, with a space before.
WORDS = ("time year people way day man thing woman life child world school state family student group country "
         "problem hand part place case week company system program question work government number night point "
         "home water room mother area money story fact month lot right study book eye job word business issue").split()


def words(count, start):
    return " ".join(WORDS[(start + 7 * at) % len(WORDS)] for at in range(count))


def count(options, text):
    command = [f"{options.ours}/llm-run", "-m", options.model, "--no-template", "--count", "-p", text]
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return json.loads(ran.stdout)["usage"]["prompt_tokens"]


def text_of(options, tokens, start):
    """Returns a text of about so many tokens."""
    size = tokens
    for _ in range(4):
        text = words(size, start)
        size += tokens - count(options, text)
    return words(size, start)


def ours(options, rows, instruction, parallel):
    """Returns the speed of llm-run: tokens of texts and answers over the time of the process."""
    command = [f"{options.ours}/llm-run", "-m", options.model, "--no-template", "--jsonl", "-n", str(ANSWER),
               "-t", str(options.threads), "-q", *parallel, instruction]
    with tempfile.TemporaryFile() as out:
        start = time.monotonic()
        subprocess.run(command, input=rows, stdout=out, check=True)
        seconds = time.monotonic() - start
        out.seek(0)
        records = [json.loads(line) for line in out.read().splitlines()]
    shared = records[1]["usage"]["prompt_tokens_details"]["cached_tokens"]
    tokens = sum(record["usage"]["total_tokens"] - shared for record in records)
    return tokens / seconds, records


def theirs(options):
    load = ["-c", "32768", "-b", "2048", "-ub", "512", "-npp", str(TEXT), "-ntg", str(ANSWER), "-npl", str(LINES)]
    command = [f"{options.oracle}/build/bin/llama-batched-bench", "-m", options.model, "-t", str(options.threads), *load,
               "-fa", "1", "--output-format", "jsonl"]
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    for line in (ran.stdout + "\n" + ran.stderr).splitlines():
        if line.startswith("{") and '"speed"' in line:
            return float(json.loads(line)["speed"])
    sys.exit(f"bench-batch: error: no speed in: {ran.stderr[-500:]}")


def shown(samples):
    middle = statistics.median(samples)
    spread = (max(samples) - min(samples)) / 2 / middle
    return f"{middle:.0f} ± {spread:.0%}"


def main():
    parser = argparse.ArgumentParser()
    for name in ("ours", "oracle", "model"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("rounds", "threads"):
        parser.add_argument(f"--{name}", required=True, type=int)
    options = parser.parse_args()
    instruction = text_of(options, INSTRUCTION, 0)
    rows = "".join(json.dumps({"id": at, "prompt": text_of(options, TEXT, at + 1)}) + "\n" for at in range(LINES))
    rows = rows.encode()
    samples = {"together": [], "one by one": [], "llama-batched-bench": []}
    usage = None
    for _ in range(options.rounds):
        speed, records = ours(options, rows, instruction, [])
        samples["together"].append(speed)
        speed, alone = ours(options, rows, instruction, ["--parallel", "1"])
        samples["one by one"].append(speed)
        samples["llama-batched-bench"].append(theirs(options))
        if [record["text"] for record in records] != [record["text"] for record in alone]:
            sys.exit("bench-batch: error: the answers differ")
        usage = records[-1]["usage"]
    middle = {name: statistics.median(speeds) for name, speeds in samples.items()}
    print(f"{os.cpu_count()} cores, {options.threads} threads, {options.rounds} rounds; the last line: {usage}\n")
    print("| side | tokens per second | together over it |\n|---|---:|---:|")
    for name, speeds in samples.items():
        print(f"| {name} | {shown(speeds)} | {middle['together'] / middle[name]:.2f} × |")


main()
