"""Writes tiny models with random weights as a published model comes to its users,
and what two independent implementations make of them.

For each variant of tiny_families_table.py: a config.json as published; weights that
transformers makes, names and saves; a cut-off real tokenizer; the GGUF file that
llama.cpp's converter makes of that folder; tokens, and the logits of llama.cpp and of
transformers at some positions. README.md, which this writes, says the formats.

Weights are drawn from sixteen levels that bf16, f16 and f32 hold exactly, so that
folder and GGUF file are the same numbers and compress well.

Each variant is made in a process of its own, forked when all libraries are loaded:
the converter keeps some of its state in classes.

usage: tiny_families.py FOLDER [NAME...], called by scripts/make-tiny-families
"""

import contextlib
import json
import logging
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
import traceback
import zlib
from pathlib import Path

# A forked process must not look for a pool of threads that it does not have.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_DEACTIVATE_ASYNC_LOAD"] = "1"
LLAMA_CPP = Path(os.environ["LLAMA_CPP"])
sys.path[:0] = [str(LLAMA_CPP), str(LLAMA_CPP / "gguf-py")]

import gguf  # noqa: E402  (llama.cpp's own)
import numpy  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

import conversion  # noqa: E402  (llama.cpp's)
import convert_hf_to_gguf  # noqa: E402
from conversion.base import ModelBase, TextModel  # noqa: E402
from conversion.hunyuan import HunYuanMoEModel  # noqa: E402
from conversion.qwen import QwenModel  # noqa: E402

import tiny_tokenizers  # noqa: E402
from tiny_families_readme import readme  # noqa: E402
from tiny_families_table import LONG, POSITIONS, VARIANTS  # noqa: E402

torch.set_num_threads(1)
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

# Roughly the quantiles of a bell curve; all have few bits.
LEVELS = torch.tensor([-24, -16, -12, -9, -7, -5, -3, -1, 1, 3, 5, 7, 9, 12, 16, 24]) / 8.0
SPREAD = float(LEVELS.square().mean().sqrt())


# Weights.


def scale(wanted):
    """The nearest number of the form 2^n or 1.5 * 2^n."""
    n = math.floor(math.log2(wanted))
    choices = [2.0**n, 1.5 * 2.0**n, 2.0 ** (n + 1)]
    return min(choices, key=lambda choice: abs(math.log(choice / wanted)))


def drawn(shape, size, generator):
    """Random levels whose root mean square is about `size`."""
    return LEVELS[torch.randint(len(LEVELS), shape, generator=generator)] * scale(size / SPREAD)


def blocks(shape, bits, size, generator):
    """Whole multiples of one step, of which the farthest is in every block of 32:
    what a file in Q4_0 or Q8_0 then holds is exactly this."""
    far = {4: -8, 8: -127}[bits]
    numbers = torch.randint(far + 1, -far, shape, generator=generator).float()
    numbers.view(-1, 32)[:, 5] = far
    return numbers * 2.0 ** round(math.log2(size / (-far / 2)))


FP4 = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6])


def eighths(shape, low, high, generator):
    return torch.randint(low, high + 1, shape, generator=generator) / 8.0


# Root mean squares; those of matrices are divided by the root of their columns.
SIZES = {"embed": 0.5, "head": 0.5, "query": 1.5, "other": 1.2, "router": 2.0}


def weights(model, variant, generator):
    """Fills a model. Sizes are such that every step shows in the logits, and that
    attention looks at some positions more than at others."""
    sizes = {**SIZES, **variant.get("sizes", {})}
    places = list(model.named_parameters()) + [
        (name, buffer) for name, buffer in model.named_buffers() if "correction_bias" in name
    ]
    with torch.no_grad():
        for name, weight in places:
            weight.copy_(value(name, weight, sizes, variant, generator))


def value(name, weight, sizes, variant, generator):
    shape, last = weight.shape, name.split(".")[-1]
    for part, low, high in variant.get("ranges", ()):
        if part in name:
            return eighths(shape, low, high, generator)
    if "correction_bias" in name:
        return torch.randint(-8, 9, shape, generator=generator) / 64.0
    if last in ("A_log", "D", "dt_bias"):
        return eighths(shape, {"A_log": -8, "D": 4, "dt_bias": -16}[last], {"A_log": 8, "D": 12, "dt_bias": 8}[last], generator)
    if "sinks" in name:
        return eighths(shape, -16, 16, generator)
    norm = "norm" in name.lower() or last == "layer_scalar"
    if norm and last != "bias":
        # Those that start at zero are used as 1 + w.
        middle = 0 if weight.eq(0).all() else 1
        wide = 2 if "q_norm" in name or "k_norm" in name or "query" in name or "key" in name else 0
        return eighths(shape, 8 * middle - 4 + wide, 8 * middle + 3 + wide, generator)
    if weight.dim() < 2 or last.endswith("bias"):
        return eighths(shape, -3, 3, generator)
    if "conv" in name:
        return drawn(shape, 0.6, generator)
    if "embed_tokens" in name or "embeddings" in name or "embed_in" in name:
        size = sizes["embed"]
    elif "lm_head" in name:
        size = sizes["head"]
    else:
        kind = "other"
        if "q_proj" in name or "k_proj" in name or "qkv" in name or "q_b_proj" in name or "kv_b" in name:
            kind = "query"
        elif "router" in name or "gate.weight" in name or "shared_expert_gate" in name:
            kind = "router"
        size = sizes[kind] / math.sqrt(shape[-1])
    bits = variant.get("bits")
    if bits and weight.dim() == 2:
        return blocks(shape, bits, size, generator)
    if variant.get("mxfp4") and ".experts." in name:
        return FP4[torch.randint(16, shape, generator=generator)] * 2.0 ** round(math.log2(size / 2.5))
    return drawn(shape, size, generator)


def mxfp4(tensors):
    """The experts of gpt-oss as published: blocks of 32 numbers of four bits, the
    first in the low half of a byte, and a shared exponent."""
    made = {}
    for name, tensor in tensors.items():
        if not name.endswith(("experts.gate_up_proj", "experts.down_proj")):
            made[name] = tensor
            continue
        rows = tensor.float().transpose(1, 2)  # (experts, outputs, inputs)
        rows = rows.reshape(*rows.shape[:2], -1, 32)
        top = rows.abs().amax(-1, keepdim=True)
        # A block whose largest is not 6 has more than one exponent that holds it.
        exponent = torch.full_like(top, 0)
        found = torch.zeros(rows.shape, dtype=torch.uint8)
        done = torch.zeros(top.shape, dtype=torch.bool)
        for power in range(-16, 8):
            scaled = rows * 2.0**-power
            distance = (scaled.unsqueeze(-1) - FP4).abs()
            exact = (distance.amin(-1) == 0).all(-1, keepdim=True) & ~done
            found = torch.where(exact, distance.argmin(-1).to(torch.uint8), found)
            exponent = torch.where(exact, torch.tensor(float(power)), exponent)
            done |= exact
        assert done.all(), name
        made[f"{name}_blocks"] = (found[..., ::2] | found[..., 1::2] << 4).contiguous()
        made[f"{name}_scales"] = (exponent.squeeze(-1) + 127).to(torch.uint8).contiguous()
    return made


def mtp(half, layers, variant, generator):
    """The layer that guesses one token more, as Qwen's and DeepSeek's folders have it;
    transformers does not compute it."""
    norm = next(name for name in half if name.endswith("norm.weight") and "layers" not in name and "vis" not in name)
    before = norm.removesuffix("norm.weight")
    last, width = f"{before}layers.{layers - 1}.", half[norm].shape[0]
    zeros, square = torch.zeros(width), torch.ones(width, 2 * width)
    if variant["mtp"] == "qwen":
        place = "mtp.layers.0."
        made = {f"mtp.{name}.weight": zeros for name in ("norm", "pre_fc_norm_embedding", "pre_fc_norm_hidden")}
        made["mtp.fc.weight"] = square
    else:
        place = f"{before}layers.{layers}."
        made = {f"{place}{name}.weight": zeros + 1 for name in ("enorm", "hnorm", "shared_head.norm")}
        made[f"{place}eh_proj.weight"] = square
        made[f"{place}embed_tokens.weight"] = half[f"{before}embed_tokens.weight"]
        made[f"{place}shared_head.head.weight"] = half["lm_head.weight"]
    made |= {name.replace(last, place): tensor for name, tensor in half.items() if name.startswith(last)}
    made = {name: value(name, tensor.float(), SIZES, variant, generator) for name, tensor in made.items()}
    return {name: tensor if "correction_bias" in name else tensor.to(torch.bfloat16) for name, tensor in made.items()}


def spare_keys(half, text):
    """Keys and values of layers that use those of others, as Gemma 3n's folders have them;
    nobody computes with them."""
    own = text["num_hidden_layers"] - text["num_kv_shared_layers"]
    like = f"layers.{own - 1}.self_attn."
    parts = [name for name in half if like in name and name.split(".")[-2] in ("k_proj", "v_proj", "k_norm")]
    return {name.replace(f"layers.{own - 1}.", f"layers.{at}."): half[name]
            for name in parts for at in range(own, text["num_hidden_layers"])}


# Folders.


def put(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def shards(folder, tensors, count):
    """Writes the tensors as one file or many."""
    meta = {"format": "pt"}
    tensors = {name: tensors[name].contiguous().clone() for name in sorted(tensors)}
    if count == 1:
        save_file(tensors, folder / "model.safetensors", metadata=meta)
        (folder / "model.safetensors").chmod(0o644)
        return
    names, index = list(tensors), {}
    for part in range(count):
        file = f"model-{part + 1:05}-of-{count:05}.safetensors"
        mine = names[part * len(names) // count : (part + 1) * len(names) // count]
        save_file({name: tensors[name] for name in mine}, folder / file, metadata=meta)
        (folder / file).chmod(0o644)
        index |= dict.fromkeys(mine, file)
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    put(folder / "model.safetensors.index.json", {"metadata": {"total_size": size}, "weight_map": index})


def by_hand(variant, generator):
    """The weights of a family that transformers has no class of: `tensors` names them."""
    named = variant["tensors"](variant["config"])
    return {name: value(name, torch.ones(shape), {**SIZES, **variant.get("sizes", {})}, variant, generator)
            for name, shape in named.items()}


def write_folder(folder, variant, work):
    """Writes everything that is published of a model, and returns a folder that
    holds the same weights in bf16: this one, or a twin where it is quantized."""
    count = tiny_tokenizers.write(folder, variant["tokenizer"])
    config = variant["config"]
    text = config.get("text_config", config)
    text |= tiny_tokenizers.ids(folder)
    assert count <= text["vocab_size"] <= count + 40, (count, text["vocab_size"])
    put(folder / "config.json", config)
    put(folder / "generation_config.json", tiny_tokenizers.ids(folder))
    generator = torch.Generator().manual_seed(zlib.crc32(variant["name"].encode()))
    tensors = {}
    if "tensors" in variant:
        tensors = by_hand(variant, generator)
    else:
        cls = getattr(transformers, variant.get("class") or config["architectures"][0])
        made = transformers.AutoConfig.from_pretrained(folder)
        torch.manual_seed(0)
        model = cls._from_config(made, attn_implementation="eager", dtype=torch.float32)
        weights(model, variant, generator)
        model.tie_weights()
        saved = work / "saved"
        model.save_pretrained(saved)
        for path in sorted(saved.glob("*.safetensors")):
            tensors |= load_file(path)
    keep = tuple(variant.get("f32", ("correction_bias", "A_log")))
    half = {name: tensor if any(part in name for part in keep) else tensor.to(torch.bfloat16)
            for name, tensor in tensors.items()}
    for name, tensor in half.items():
        assert torch.equal(tensor.float(), tensors[name].float()), f"{name} is not exact in bf16"
    if variant.get("spare_keys"):
        half |= spare_keys(half, text)
    if variant.get("mtp"):
        half |= mtp(half, text["num_hidden_layers"], variant, generator)
    twin = folder
    if variant.get("mxfp4"):
        twin = work / "twin"
        shutil.copytree(folder, twin)
        plain = {key: value for key, value in config.items() if key != "quantization_config"}
        put(twin / "config.json", plain)
        shards(twin, half, 1)
        half = mxfp4(half)
    shards(folder, half, variant.get("shards", 1))
    return twin


# Judges.


def convert(folder, out, outtype, variant, *more):
    """Runs llama.cpp's converter. A cut-off vocabulary has another hash than the
    real one, by which the converter would know its pre-tokenizer: it is told. It is
    also told to read tokenizer.json where it would run code that comes with a model, and
    config.json where transformers 5 gives numbers names that it does not know."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            pre = tiny_tokenizers.PRE.get(variant["tokenizer"])
            TextModel.get_vocab_base_pre = lambda self, tokenizer: pre
            if variant.get("plain"):
                ModelBase.load_hparams = staticmethod(lambda folder, *_, **__: json.loads((folder / "config.json").read_text()))
            if variant.get("own_tokenizer"):
                HunYuanMoEModel.set_vocab = QwenModel.set_vocab = TextModel._set_vocab_gpt2
            logging.disable(logging.WARNING)
            sys.argv = ["convert", str(folder), "--outtype", outtype, "--outfile", str(out),
                        "--model-name", variant["name"], *more]
            with open(os.devnull, "w") as nothing, contextlib.redirect_stderr(nothing):
                convert_hf_to_gguf.main()
            status = 0
        except BaseException:  # a fork must not return
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    if os.waitpid(pid, 0)[1]:
        raise RuntimeError("llama.cpp's converter failed")


def run(*command, **environment):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          env={**os.environ, **environment})
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr[-2000:]}")
    return done.stdout


def by_llama_cpp(file, tokens, positions, out):
    exact = os.environ["EXACT"]
    run(os.environ["GOLDEN"], "logits", file, tokens, out, *positions,
        LD_LIBRARY_PATH=exact, LD_PRELOAD=f"{exact}/libggml-cpu.so")


def by_transformers(folder, variant, runs):
    """Opens the folder as a user would, in f32."""
    config = variant["config"]
    cls = getattr(transformers, variant.get("class") or config["architectures"][0])
    model, notes = cls.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        ignored = variant.get("ignored", ())
        left = [key for key in notes.get(what) or () if not any(part in str(key) for part in ignored)]
        assert not left, f"{what}: {left}"
    model.eval()
    for ids, positions, out in runs:
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].float()
        logits[positions].numpy().astype("<f4").tofile(out)


def compare(one, other):
    one, other = numpy.fromfile(one, "<f4"), numpy.fromfile(other, "<f4")
    assert one.shape == other.shape, (one.shape, other.shape)
    return float(numpy.sqrt((other.astype("f8") ** 2).mean())), float(numpy.abs(one - other).max())


# Variants.


def numbers(file):
    """A file's weights by name, as the bytes of f32."""
    return {tensor.name: gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype("<f4").tobytes()
            for tensor in gguf.GGUFReader(file).tensors}


def seeded_tokens(variant, count):
    text = variant["config"].get("text_config", variant["config"])
    source = random.Random(zlib.crc32(variant["name"].encode()) + 1)
    # Not the specials, of which some stand for pictures.
    return [source.randrange(4, min(text["vocab_size"], 280)) for _ in range(count)]


def make(folder, variant, work):
    """Makes one variant; returns lines for the table: run, size of the logits, and
    how far the judges are apart."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    name = variant["name"]
    twin = write_folder(folder, variant, work)
    contexts = [("", 150, POSITIONS)]
    if variant.get("original_context"):
        contexts = [("", 150, POSITIONS), ("long.", 300, LONG)]
    runs = []
    for prefix, count, positions in contexts:
        ids = seeded_tokens(variant, count)
        (folder / f"{prefix}tokens.txt").write_text("".join(f"{id}\n" for id in ids))
        runs.append((ids, list(positions), folder / f"{prefix}transformers.f32"))
    if "tensors" not in variant:
        by_transformers(twin, variant, runs)
    outtype = variant.get("outtype", "bf16")
    split = ["--split-max-tensors", str(variant["split"])] if variant.get("split") else []
    convert(folder, folder / f"{name}.gguf", outtype, variant, *split, *variant.get("options", ()))
    if variant.get("quantize"):
        made = folder / f"{name}.gguf"
        made.rename(work / "whole.gguf")
        run(os.environ["QUANTIZE"], "--pure", work / "whole.gguf", made, variant["quantize"], "1")
        assert numbers(made) == numbers(work / "whole.gguf"), "the quantized weights are others"
    convert(twin, work / "f32.gguf", "f32", variant, *variant.get("options", ()))
    lines = []
    for prefix, _, positions in contexts:
        theirs = folder / f"{prefix}llama_cpp.f32"
        by_llama_cpp(work / "f32.gguf", folder / f"{prefix}tokens.txt", positions, theirs)
        other = folder / f"{prefix}transformers.f32"
        size, apart = compare(theirs, other if other.exists() else theirs)
        lines.append((prefix.rstrip("."), size, apart / size))
    return lines


def tried(folder, variant):
    """Makes a variant in a process of its own; returns its lines, or nothing where
    it failed."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        status = 1
        try:
            with tempfile.TemporaryDirectory() as work:
                lines = make(folder, variant, Path(work))
            os.write(writing, json.dumps(lines).encode())
            status = 0
        except BaseException:  # a fork must not return
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(text) if text else None


def warm(variants):
    """Loads here, once, what each process would load for itself."""
    for variant in variants:
        getattr(transformers, variant["config"]["architectures"][0], None)
    with tempfile.TemporaryDirectory() as work:
        for kind in {variant["tokenizer"] for variant in variants}:
            tiny_tokenizers.write(Path(work), kind)
        config = transformers.LlamaConfig(
            vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
        transformers.LlamaForCausalLM(config).save_pretrained(work)
        transformers.LlamaForCausalLM.from_pretrained(work)(input_ids=torch.tensor([[1]]))


def main():
    root, wanted = Path(sys.argv[1]), sys.argv[2:]
    root.mkdir(parents=True, exist_ok=True)
    unknown = set(wanted) - {variant["name"] for variant in VARIANTS}
    if unknown:
        sys.exit(f"unknown variants: {', '.join(sorted(unknown))}")
    conversion.load_all_models()
    chosen = [variant for variant in VARIANTS if not wanted or variant["name"] in wanted]
    warm(chosen)
    commit = run(os.environ["GOLDEN"], "commit").strip()
    made_by = (f"llama.cpp {commit} (llama-cpp-python 0.3.35), f32 GELU\n"
               f"transformers {transformers.__version__}, PyTorch {torch.__version__.split('+')[0]}, f32, eager attention\n")
    measured = {}
    path = root / "oracles.tsv"
    if path.exists():
        for line in path.read_text().splitlines()[1:]:
            name, context, size, apart, *_ = line.split("\t")
            measured.setdefault(name, []).append((context.replace("-", ""), float(size), float(apart)))
    failed = []
    for variant in chosen:
        name = variant["name"]
        lines = tried(root / name, variant)
        if lines is None:
            failed.append(name)
            shutil.rmtree(root / name, ignore_errors=True)
            print(f"{name}: FAILED", file=sys.stderr)
            continue
        measured[name] = lines
        (root / name / "made-by.txt").write_text(made_by)
        for context, size, apart in lines:
            note = "" if apart < 1e-3 or variant.get("judge") else "  (no reason is known yet)"
            print(f"{name} {context}: logits of {size:.3g}, judges {apart:.2g} apart{note}", file=sys.stderr)
        write_lists(root, measured)
    write_lists(root, measured)
    (root / "README.md").write_text(readme(VARIANTS, measured, made_by))
    if failed:
        sys.exit(f"not made: {', '.join(failed)}")


def write_lists(root, measured):
    known = {variant["name"]: variant for variant in VARIANTS}
    rows = ["name\tcontext\tsize\tapart\tgguf\tfolder\tweights"]
    for name in sorted(set(measured) & set(known)):
        variant = known[name]
        file, folder = variant.get("judge", ("both", "both", ""))[:2]
        held = "quantized" if variant.get("quantize") or variant.get("mxfp4") else "exact"
        for context, size, apart in measured[name]:
            rows.append(f"{name}\t{context or '-'}\t{size:.4g}\t{apart:.3g}\t{file}\t{folder}\t{held}")
    (root / "oracles.tsv").write_text("\n".join(rows) + "\n")
    planned = sorted(name for name in measured if known.get(name, {}).get("planned"))
    (root / "planned.txt").write_text("".join(f"{name}\n" for name in planned))


if __name__ == "__main__":
    main()
