"""Writes LoRA adapters with random weights for some of the tiny models of
tests/published, and what two independent implementations make of them.

For each adapter: a folder as PEFT saves it, and a GGUF file that llama.cpp's
convert_lora_to_gguf.py makes of that folder. For each case, a model with one adapter or
several: tokens, and the logits of llama.cpp and of transformers with PEFT at some
positions. README.md, which this writes, says the formats.

usage: tiny_adapters.py TESTS [CASE...], called by scripts/make-tiny-adapters
"""

import json
import random
import shutil
import sys
import tempfile
import warnings
import zlib
from pathlib import Path

import numpy
import torch
import transformers
from safetensors.torch import load_file, save_file

import peft
import tiny_families
from tiny_families import by_llama_cpp, compare, convert, drawn, put, run
from tiny_families_table import VARIANTS

warnings.filterwarnings("ignore", module="peft")

POSITIONS = [0, 1, 15, 39]
COUNT = 40
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

# name: (model, PEFT's settings, experts' rank or 0, who judges). "peft": the converter
# knows one alpha, and divides it by the rank of each matrix. "transformers": it converts,
# and llama.cpp fails an assertion where a tied embedding has an adapter, which it would
# apply to the output as well, and leaves the queries and keys of DeepSeek as they are
# (models/deepseek2.cpp multiplies them without adapters).
ADAPTERS = {
    "llama": ("llama-3", {"r": 4, "lora_alpha": 6, "target_modules": LINEAR + ["lm_head"]}, 0, "both"),
    "llama-embedding": (
        "llama-3",
        {"r": 3, "lora_alpha": 3, "target_modules": ["embed_tokens", "k_proj", "down_proj"]},
        0,
        "both",
    ),
    "llama-patterns": (
        "llama-3",
        {
            "r": 4,
            "lora_alpha": 8,
            "use_rslora": True,
            "target_modules": LINEAR,
            "rank_pattern": {"v_proj": 2, "layers.1.mlp.up_proj": 8},
            "alpha_pattern": {"q_proj": 2, "model.layers.0.self_attn.o_proj": 3},
        },
        0,
        "peft",
    ),
    "mistral": ("mistral", {"r": 2, "lora_alpha": 4, "target_modules": ["q_proj", "k_proj"]}, 0, "both"),
    "qwen2": (
        "qwen2",
        {"r": 2, "lora_alpha": 4, "target_modules": ["q_proj", "v_proj", "o_proj", "down_proj"]},
        0,
        "both",
    ),
    "gemma": ("gemma", {"r": 4, "lora_alpha": 4, "target_modules": LINEAR}, 0, "both"),
    "gemma-embedding": (
        "gemma",
        {"r": 4, "lora_alpha": 4, "target_modules": ["v_proj", "embed_tokens"]},
        0,
        "transformers",
    ),
    "gemma-3": ("gemma-3", {"r": 4, "lora_alpha": 4, "target_modules": LINEAR}, 0, "both"),
    "phi-3": (
        "phi-3-mini-4k",
        {"r": 4, "lora_alpha": 8, "target_modules": ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]},
        0,
        "both",
    ),
    "qwen3-moe": ("qwen3-moe", {"r": 2, "lora_alpha": 3, "target_modules": LINEAR[:4]}, 2, "both"),
    "mixtral": ("mixtral", {"r": 2, "lora_alpha": 3, "target_modules": LINEAR[:4]}, 2, "both"),
    "deepseek-v2": (
        "deepseek-v2-lite",
        {"r": 2, "lora_alpha": 3, "target_modules": ["q_proj", "kv_a_proj_with_mqa", "o_proj"]},
        0,
        "transformers",
    ),
}

# Cases beside each adapter alone, with the scale 1.
MORE_CASES = {
    "llama-half": [("llama", 0.5)],
    "llama-negative": [("llama", -1.25)],
    "llama-two": [("llama", 0.5), ("llama-embedding", 1.5)],
}


def variant_of(model):
    return next(variant for variant in VARIANTS if variant["name"] == model)


def opened(folder, variant):
    config = variant["config"]
    cls = getattr(transformers, variant.get("class") or config["architectures"][0])
    return cls.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def save_adapter(folder, name, published):
    """Writes an adapter as PEFT does; those of experts and of their router, of which
    PEFT keeps other modules today, in the names that PEFT gave them while each was a
    module, as the adapters of that time have them."""
    model_name, settings, experts, _ = ADAPTERS[name]
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    config = peft.LoraConfig(task_type="CAUSAL_LM", base_model_name_or_path=f"tiny/{model_name}", **settings)
    model = peft.get_peft_model(opened(published, variant_of(model_name)), config)
    with torch.no_grad():
        for key, weight in model.named_parameters():
            if "lora_" in key:
                weight.copy_(drawn(weight.shape, 0.5 / weight.shape[-1] ** 0.5, generator))
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    path = folder / "adapter_config.json"
    written = json.loads(path.read_text())
    written["target_modules"] = sorted(written["target_modules"])
    written["base_model_name_or_path"] = f"tiny/{model_name}"
    put(path, written)
    if experts:
        tensors = load_file(folder / "adapter_model.safetensors")
        for key, weight in load_file(published / "model.safetensors").items():
            if ".experts." in key or key.endswith(".gate.weight"):
                rows, columns = weight.shape
                module = "base_model.model." + key.removesuffix(".weight")
                tensors[f"{module}.lora_A.weight"] = drawn((experts, columns), 0.5 / columns**0.5, generator)
                tensors[f"{module}.lora_B.weight"] = drawn((rows, experts), 0.4, generator)
        save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    (folder / "adapter_model.safetensors").chmod(0o644)


def without_experts(folder, published, scale, work):
    """Returns the model with an adapter's experts added to its weights, and the rest of
    the adapter: transformers holds the experts in other modules than the adapter."""
    base, left = work / "merged", work / "left"
    for made in (base, left):
        shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(published, base)
    shutil.copytree(folder, left)
    weights = {key: weight.float() for key, weight in load_file(base / "model.safetensors").items()}
    config = json.loads((folder / "adapter_config.json").read_text())
    rest = {}
    for key, tensor in load_file(folder / "adapter_model.safetensors").items():
        module = key.removeprefix("base_model.model.")
        if ".experts." not in key and ".gate.lora" not in key:
            rest[key] = tensor
        elif module.endswith(".lora_A.weight"):
            up = load_file(folder / "adapter_model.safetensors")[key.replace("lora_A", "lora_B")]
            name = module.replace(".lora_A.weight", ".weight")
            weights[name] += scale * config["lora_alpha"] / config["r"] * (up @ tensor)
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    save_file(rest, left / "adapter_model.safetensors", metadata={"format": "pt"})
    return base, left


def by_peft(root, published, applied, ids, out, work):
    model_name = ADAPTERS[applied[0][0]][0]
    base, folders = published, []
    for name, scale in applied:
        folder = root / name
        if ADAPTERS[name][2]:
            base, folder = without_experts(folder, base, scale, work)
        folders.append((name, folder, scale))
    model = opened(base, variant_of(model_name))
    wrapped = None
    for name, folder, _ in folders:
        if wrapped is None:
            wrapped = peft.PeftModel.from_pretrained(model, folder, adapter_name=name)
        else:
            wrapped.load_adapter(folder, adapter_name=name)
    wrapped.base_model.set_adapter([name for name, _, _ in folders])
    for module in wrapped.modules():
        if isinstance(module, peft.tuners.lora.LoraLayer):
            for name, _, scale in folders:
                if name in module.scaling:
                    module.set_scale(name, scale)
    wrapped.eval()
    with torch.no_grad():
        logits = wrapped(input_ids=torch.tensor([ids]), use_cache=False).logits[0].float()
        model_alone = opened(published, variant_of(model_name))
        own = model_alone(input_ids=torch.tensor([ids]), use_cache=False).logits[0].float()
    logits[POSITIONS].numpy().astype("<f4").tofile(out)
    # An adapter that changes little proves little.
    return float((logits - own)[POSITIONS].square().mean().sqrt() / own[POSITIONS].square().mean().sqrt())


def to_gguf(folder, published, out):
    tree = tiny_families.LLAMA_CPP
    run(sys.executable, tree / "convert_lora_to_gguf.py", "--base", published, "--outtype", "f32",
        "--outfile", out, folder)


def main():
    tests = Path(sys.argv[1])
    root, wanted = tests / "adapters", sys.argv[2:]
    root.mkdir(exist_ok=True)
    tiny_families.conversion.load_all_models()
    cases = {name: [(name, 1.0)] for name in ADAPTERS} | MORE_CASES
    if unknown := set(wanted) - set(cases):
        sys.exit(f"unknown cases: {', '.join(sorted(unknown))}")
    for name, (model, _, _, judge) in ADAPTERS.items():
        if wanted and name not in wanted:
            continue
        published = tests / "published" / model
        shutil.rmtree(root / name, ignore_errors=True)
        save_adapter(root / name, name, published)
        if judge != "peft":
            to_gguf(root / name, published, root / f"{name}.gguf")
    path, head = root / "cases.tsv", "case\tmodel\tadapters\tsize\tchange\tapart"
    lines = dict(line.split("\t", 1) for line in path.read_text().splitlines()[1:]) if path.exists() else {}
    with tempfile.TemporaryDirectory() as work:
        for case, applied in cases.items():
            if not wanted or case in wanted:
                lines[case] = make_case(case, applied, root, tests / "published", Path(work))
                print(case, lines[case], file=sys.stderr)
                rows = [f"{name}\t{lines[name]}" for name in cases if name in lines]
                path.write_text("\n".join([head, *rows]) + "\n")
    commit = run(tiny_families.os.environ["GOLDEN"], "commit").strip()
    (root / "README.md").write_text(README.format(
        commit=commit, transformers=transformers.__version__, peft=peft.__version__,
        torch=torch.__version__.split("+")[0], positions=", ".join(map(str, POSITIONS))))


def make_case(case, applied, root, published, work):
    model = ADAPTERS[applied[0][0]][0]
    variant = variant_of(model)
    source = random.Random(zlib.crc32(case.encode()))
    ids = [source.randrange(4, 280) for _ in range(COUNT)]
    tokens = root / f"{case}.tokens.txt"
    tokens.write_text("".join(f"{id}\n" for id in ids))
    theirs = root / f"{case}.transformers.f32"
    change = by_peft(root, published / model, applied, ids, theirs, work)
    size = float(numpy.sqrt((numpy.fromfile(theirs, "<f4").astype("f8") ** 2).mean()))
    apart = "-"
    if all(ADAPTERS[name][3] == "both" for name, _ in applied):
        base = work / f"{model}.gguf"
        if not base.exists():
            convert(published / model, base, "f32", variant, *variant.get("options", ()))
        loras = [f"lora={root / name}.gguf={scale}" for name, scale in applied]
        by_llama_cpp(base, tokens, [*loras, *POSITIONS], root / f"{case}.llama_cpp.f32")
        size, apart = compare(root / f"{case}.llama_cpp.f32", theirs)
        apart = f"{apart / size:.3g}"
    names = ",".join(f"{name}:{scale:g}" for name, scale in applied)
    return f"{model}\t{names}\t{size:.4g}\t{change:.3g}\t{apart}"


README = """# LoRA adapters of tiny models

Adapters with random weights for models of `../published`, made by the programs that real ones go through:
`scripts/make-tiny-adapters` makes them, and `scripts/lib/tiny_adapters.py` says what each adds to.

| file | what it is | by whom |
|---|---|---|
| `NAME/` | the adapter as it is trained and published | PEFT {peft} |
| `NAME.gguf` | that folder converted, f32 | llama.cpp's `convert_lora_to_gguf.py` |
| `CASE.tokens.txt` | 40 ids, one a line | a seeded generator |
| `CASE.llama_cpp.f32` | logits, (positions, vocabulary), little-endian f32 | llama.cpp {commit}, from an f32 conversion of the model |
| `CASE.transformers.f32` | the same | transformers {transformers} with PEFT, PyTorch {torch}, f32 |
| `cases.tsv` | a line a case: the model, its adapters with their scales, the root mean square of the logits, by how much of it the adapters change them, and the largest difference between the judges as a part of it | |

The positions are {positions}. PEFT holds experts that are one tensor in transformers in another form today; the
adapters of experts are those of the time when each expert was a module, and the judge of transformers is there the
model with the products added to its weights. What llama.cpp's converter does not convert (patterns, rank-stabilized
scales), and what llama.cpp does not run (an adapter of an embedding that is the output, too, fails an assertion there, and
DeepSeek's queries and keys get none), has transformers' logits alone.
"""


if __name__ == "__main__":
    main()
