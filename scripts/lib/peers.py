"""Called by bench-peers: runs both sides of each line in alternation and prints the table.

A side is a command with a way to read one number from what it writes. Of llama.cpp there are four
variants of each; all run in the first round, and its best in those that follow. That the best of four
samples counts as its first one errs in its favour.
"""

import argparse
import contextlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

# What is measured: name, test, model, the floor of issue 3 and its goal. Speeds are tokens per
# second, where more is better; times and sizes are compared the other way round.
SMALL = ("smollm2-q4_1", "smollm2-q8_0")
ONE = ("1b-q4_k_m", "1b-q4_0", "1b-q8_0")
LINES = (
    [(f"prefill 512, {m}", "pp512", m, 2.0, 3.0) for m in (*SMALL, "gemma-q4_k_m")]
    + [("prefill 512, " + m, "pp512", m, f, g) for m, f, g in zip(ONE, (1.6, 1.4, 1.4), (2.0, 2.0, 1.7))]
    + [(f"prefill 4096, {m}", "pp4096", m, 2.0, 3.0) for m in SMALL]
    + [(f"decode 64, {m}", "tg64", m, 1.4, 1.8) for m in (*SMALL, "gemma-q4_k_m")]
    + [("decode 64, " + m, "tg64", m, f, None) for m, f in zip(ONE, (1.2, 1.2, 1.05))]
    + [(f"decode 64 at 4096, {m}", "tg64 d4096", m, 1.8, 3.0) for m in (*SMALL, *ONE)]
    + [(f"32 sequences of 256+64, {m}", "batch", m, 2.5, 4.0) for m in SMALL]
    + [("start to first token, smollm2-q4_1", "start", "smollm2-q4_1", 0.5, None)]
    + [("peak memory at 512, smollm2-q4_1", "memory", "smollm2-q4_1", 1.0, None)]
    # Bytes: 1.1 times the file, the cache of 16 layers, and 64 MB.
    + [("peak memory at 512, 1b-q4_0", "memory", "1b-q4_0", 1.1 * 763_106_688 + 16 * 2 * 512 * 512 * 2 + 64e6, None)]
    # What two processes on one model share counts whole in both sums of Rss, and half in those of Pss.
    + [("two processes, sum of Rss, smollm2-q4_1", "rss", "smollm2-q4_1", None, None)]
    + [("two processes, sum of Pss, smollm2-q4_1", "pss", "smollm2-q4_1", 1.0, None)]
)
BENCH = {
    "pp512": ["-p", "512", "-n", "0"],
    "pp4096": ["-p", "4096", "-n", "0"],
    "tg64": ["-p", "0", "-n", "64"],
    "tg64 d4096": ["-p", "0", "-n", "64", "-d", "4096"],
}
LESS_IS_BETTER = {"start", "memory", "rss", "pss"}
# /proc/PID/smaps_rollup is Linux's alone.
LINUX_ONLY = {"rss", "pss"}
PROMPT = "The capital of France is"


@dataclass
class Side:
    """A command, what it is called in the table, and how its number is read."""

    label: str
    command: list
    read: object
    environment: dict
    # Where two of it are to live side by side: what each reads before it waits for more.
    held_by: bytes = None


@dataclass
class Ran:
    """What a command wrote, how long it took in seconds, and its peak memory in bytes."""

    out: str
    seconds: float
    peak: int


def run(side):
    return run_once(side) if side.held_by is None else run_two(side)


def run_once(side):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.monotonic()
        child = subprocess.Popen(
            side.command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env={**os.environ, **side.environment}
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if child.returncode:
            sys.exit(f"bench-peers: error: {' '.join(side.command)} ended with {child.returncode}: "
                     f"{err.read().decode(errors='replace')[-500:]}")
        # Linux counts kibibytes, macOS bytes.
        peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        # llama-batched-bench writes its records between its messages.
        text = (out.read() + b"\n" + err.read()).decode(errors="replace")
        return Ran(text, seconds, peak)


def run_two(side):
    """Runs two of it at once; returns their memory when both have answered and wait for more input."""
    with tempfile.TemporaryFile() as err:
        start = time.monotonic()
        outputs = [tempfile.TemporaryFile() for _ in range(2)]
        children = [
            subprocess.Popen(side.command, stdin=subprocess.PIPE, stdout=out, stderr=err,
                             env={**os.environ, **side.environment})
            for out in outputs
        ]
        try:
            for child in children:
                # One that has ended is told below.
                with contextlib.suppress(BrokenPipeError):
                    child.stdin.write(side.held_by)
                    child.stdin.flush()
            before = None
            while True:
                # Both have written something and spent nothing for a second: they wait.
                now = [(os.fstat(out.fileno()).st_size > 0, cpu_ticks(child)) for out, child in zip(outputs, children)]
                if now == before and all(written for written, _ in now):
                    break
                if any(child.poll() is not None for child in children) or time.monotonic() - start > 120:
                    err.seek(0)
                    sys.exit(f"bench-peers: error: two of {' '.join(side.command)} do not live side by side: "
                             f"{err.read().decode(errors='replace')[-500:]}")
                before = now
                time.sleep(1)
            sums = {key: sum(rollup(child, key) for child in children) for key in ("Rss", "Pss")}
            return Ran(json.dumps({"rss": sums["Rss"], "pss": sums["Pss"]}), time.monotonic() - start, sums["Rss"])
        finally:
            for child, out in zip(children, outputs):
                child.kill()
                child.wait()
                with contextlib.suppress(BrokenPipeError):
                    child.stdin.close()
                out.close()


def cpu_ticks(child):
    """Processor time of a process; its name, in brackets, may hold anything."""
    fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def rollup(child, key):
    """A sum over all maps of a process, in bytes."""
    for line in Path(f"/proc/{child.pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    sys.exit(f"bench-peers: error: this system's smaps_rollup has no {key}")


def field(name):
    """Reads a field of the first JSON line that has it."""

    def read(ran):
        for line in ran.out.splitlines():
            if line.startswith("{") and f'"{name}"' in line:
                return float(json.loads(line)[name])
        sys.exit(f"bench-peers: error: no {name} in: {ran.out[-500:]}")

    return read


def ours(options, test, file):
    bench = [f"{options.ours}/llm-bench", "-m", file, "-t", options.threads, "-r", "1", "--format", "jsonl"]
    llm_run = [f"{options.ours}/llm-run", "-q", "--no-template", "-m", file, "-t", options.threads]
    if test in BENCH:
        return Side("", bench + BENCH[test], field("avg_ts"), {})
    if test == "batch":
        return Side("", bench + ["-p", "0", "-n", "0", "--pg", "256,64", "--parallel", "32"], field("avg_ts"), {})
    if test == "start":
        return Side("", llm_run + ["-n", "1", "-p", PROMPT], lambda ran: ran.seconds, {})
    if test in LINUX_ONLY:
        request = json.dumps({"prompt": long_prompt()}).encode() + b"\n"
        return Side("", llm_run + ["-c", "512", "-n", "32", "--jsonl"], field(test), {}, request)
    if has_words(file):
        return Side("", llm_run + ["-c", "512", "-n", "32", "-p", long_prompt()], lambda ran: ran.peak, {})
    # Its measuring of the machine's limits takes memory of its own, so the row's peak counts.
    return Side("", bench + ["-p", "0", "-n", "0", "--pg", "448,64"], field("peak_rss_bytes"), {})


def theirs(options, test, file):
    tools = f"{options.oracle}/build/bin"
    preload = {"LD_PRELOAD": f"{options.oracle}/no-repack.so"}
    threads = ["-t", options.threads]
    # Without `-fit off` it first tries how much fits the memory, which takes half as long again.
    completion = [f"{tools}/llama-completion", "-m", file, *threads, "-no-cnv", "--no-warmup", "-fit", "off", "-c", "512"]
    bench = [f"{tools}/llama-bench", "-m", file, *threads, "-r", "1", "-o", "jsonl"]
    for repack in (True, False):
        for attention in ("on", "off"):
            label = f"fa {attention}, repack {'on' if repack else 'off'}"
            flags = ["-fa", attention, *([] if repack else ["--no-repack"])]
            numbers = ["-fa", "1" if attention == "on" else "0"]
            environment = {} if repack else preload
            if test in BENCH:
                yield Side(label, bench + numbers + BENCH[test], field("avg_ts"), environment)
            elif test == "batch":
                load = ["-c", "10240", "-b", "2048", "-ub", "512", "-npp", "256", "-ntg", "64", "-npl", "32"]
                command = [f"{tools}/llama-batched-bench", "-m", file, *threads, *load, "--output-format", "jsonl"]
                yield Side(label, command + flags, field("speed"), {})
            elif test == "start":
                yield Side(label, completion + flags + ["-n", "1", "-p", PROMPT], lambda ran: ran.seconds, {})
            elif test in LINUX_ONLY:
                command = completion + flags + ["-n", "32", "-p", long_prompt(), "--interactive", "--simple-io"]
                yield Side(label, command, field(test), {}, b"")
            elif has_words(file):
                command = completion + flags + ["-n", "32", "-p", long_prompt()]
                yield Side(label, command, lambda ran: ran.peak, {})
            else:
                load = ["-p", "0", "-n", "0", "-pg", "448,64"]
                yield Side(label, bench + numbers + load, lambda ran: ran.peak, environment)


def has_words(file):
    return "llama-3.2" not in file


def long_prompt():
    """Some 450 tokens."""
    return " ".join(f"The {n}th word of the list is {n}." for n in range(10, 42))


def measure(options, name, test, file, log):
    """Returns the samples of ours, and of the best variant of theirs with its label."""
    better = min if test in LESS_IS_BETTER else max
    rounds = int(options.rounds) * (4 if test == "start" else 1)
    mine, others = ours(options, test, file), list(theirs(options, test, file))
    samples = {side.label: [] for side in [mine, *others]}
    for index in range(rounds):
        start = time.monotonic()
        order = [mine, *others]
        for side in order if index % 2 == 0 else reversed(order):
            ran = run(side)
            number = side.read(ran)
            samples[side.label].append(number)
            record = {"line": name, "side": side.label or "ours", "round": index, "number": number,
                      "seconds": round(ran.seconds, 3)}
            print(json.dumps(record), file=log, flush=True)
        if index == 0:
            others = [better(others, key=lambda side: samples[side.label][0])]
        print(f"bench-peers: {name}: round {index + 1} of {rounds} took {time.monotonic() - start:.0f} s",
              file=sys.stderr)
    [best] = others
    return samples[""], samples[best.label], best.label


def shown(test, samples):
    """A median and half the range of its samples, in per cent."""
    median = statistics.median(samples)
    spread = 50 * (max(samples) - min(samples)) / median
    if test == "start":
        return f"{1e3 * median:.1f} ms ± {spread:.0f} %"
    if test in ("memory", "rss", "pss"):
        return f"{median / 2**20:.0f} MiB ± {spread:.0f} %"
    return f"{median:.1f} ± {spread:.0f} %"


def judged(test, floor, median, ratio):
    """A floor, in bytes or as a ratio, and whether it was missed."""
    if floor is None:
        return ""
    compared, limit = (median, f"{floor / 2**20:.0f} MiB") if floor > 1e6 else (ratio, f"{floor} ×")
    reached = compared <= floor if test in LESS_IS_BETTER else compared >= floor
    return limit if reached else f"{limit} (missed)"


def machine(options):
    cpu, flags = platform.processor() or platform.machine(), []
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                cpu = value.strip()
            if key.strip() == "flags":
                flags = [flag for flag in value.split() if re.match(r"avx|f16c|fma|amx", flag)]
    except OSError:
        pass
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    side = Side("", [f"{options.ours}/llm-bench", "--shape", "tiny-llama:q4_0", "-p", "1", "-n", "0", "-r", "1",
                     "-t", options.threads, "--format", "jsonl"], None, {})
    row = json.loads(run(side).out.splitlines()[0])
    limits = row["limits"]
    version = run(Side("", [f"{options.oracle}/build/bin/llama-bench", "-m", options.smollm2, "-p", "1", "-n", "0",
                            "-r", "1", "-o", "jsonl"], None, {}))
    commit = json.loads(version.out.splitlines()[0])["build_commit"]
    return [
        f"- {time.strftime('%Y-%m-%d', time.gmtime())}, {cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, {options.threads} threads on each side",
        f"- instruction sets: {' '.join(flags)}",
        f"- limits measured by llm-bench at the level {row['build']['simd']}: reads "
        f"{limits['read_bytes_per_second'] / 1e9:.1f} GB/s, integer {limits['integer_macs_per_second'] / 1e9:.0f} "
        f"and float {limits['float_macs_per_second'] / 1e9:.0f} GMAC/s",
        f"- llama.cpp {commit}, native build; of flash attention on and off and repacking on and off, all four in the "
        "first round and the best of them in the following",
        f"- llm-tools {row['build']['version']}, default build; medians of {options.rounds} alternating runs "
        "(start: four times as many), ± half the range",
    ]


def main():
    parser = argparse.ArgumentParser()
    for name in ("ours", "oracle", "models", "smollm2", "gemma", "only", "rounds", "threads"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    files = {"smollm2-q4_1": options.smollm2, "gemma-q4_k_m": options.gemma}
    files["smollm2-q8_0"] = f"{options.models}/smollm2-135m-q8_0.gguf"
    files.update({f"1b-{q}": f"{options.models}/llama-3.2-1b-{q}.gguf" for q in ("q4_k_m", "q4_0", "q8_0")})
    try:
        lines = [line for line in LINES if re.search(options.only, line[0])]
    except re.error as reason:
        sys.exit(f"bench-peers: error: --only '{options.only}' is no regular expression: {reason}")
    if not lines:
        sys.exit(f"bench-peers: error: no line matches '{options.only}'; lines are "
                 + "; ".join(line[0] for line in LINES))
    print("\n".join(machine(options)))
    print("\n| what | llm-tools | llama.cpp | its best | ratio | floor | goal |")
    print("|---|---:|---:|---|---:|---:|---:|")
    with open(f"{options.oracle}/samples.jsonl", "a", encoding="utf-8") as log:
        for name, test, model, floor, goal in lines:
            if test in LINUX_ONLY and sys.platform != "linux":
                print(f"| {name} | not measured: only Linux tells | | | | | |", flush=True)
                continue
            mine, best, label = measure(options, name, test, files[model], log)
            ratio = statistics.median(mine) / statistics.median(best)
            limit = judged(test, floor, statistics.median(mine), ratio)
            print(f"| {name} | {shown(test, mine)} | {shown(test, best)} | {label} | {ratio:.2f} × | "
                  f"{limit} | {f'{goal} ×' if goal else ''} |", flush=True)


main()
