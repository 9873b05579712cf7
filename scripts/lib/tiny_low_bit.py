"""Writes tiny models whose matrices are stored in a few bits, each by its format's own
library, and the logits of what that library makes of them again.

A model is made as tiny_families.py makes one, its matrices are moved off their round
levels, and the format's own code quantizes and packs them: mlx-lm's converter,
AutoGPTQ's and AutoAWQ's layers, transformers' FP8 quantizer, compressed-tensors'
compressors, bitsandbytes. The same code dequantizes them, in float32 (rounded to
float16 where no block type of GGUF holds them), and transformers computes the logits. README.md, which this writes, says the files.

usage: tiny_low_bit.py FOLDER [NAME...], called by scripts/make-tiny-low-bit
"""

import json
import os
import shutil
import sys
import tempfile
import types
import zlib
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

import tiny_families
from tiny_families import by_transformers, put, seeded_tokens, write_folder
from tiny_families_table import POSITIONS, deepseek, llama, qwen2, qwen3, qwen3_moe

# Two layers of matrices of 64 x 64 and 64 x 128, and one of 128 x 128 and 128 x 256.
SMALL = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
WIDE = {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 1}
TIED = {"tie_word_embeddings": True}


def is_linear(name, tensor):
    return tensor.dim() == 2 and name.endswith("_proj.weight")


def rough(tensors, generator):
    """Moves matrices off the few levels that they were drawn from."""
    moved = {}
    for name, tensor in tensors.items():
        if is_linear(name, tensor):
            noise = torch.rand(tensor.shape, generator=generator)
            tensor = (tensor.float() * (0.75 + noise / 2)).to(tensor.dtype)
        moved[name] = tensor
    return moved


def half(tensors):
    return {name: tensor.half() if tensor.dtype == torch.bfloat16 else tensor for name, tensor in tensors.items()}


def stub(package, root, parts):
    """Makes a package importable without what its own __init__ imports."""
    for part in ("", *parts):
        module = types.ModuleType(f"{package}.{part}" if part else package)
        module.__path__ = [str(Path(root, package, *part.split(".")))]
        sys.modules[module.__name__] = module


# Formats: (tensors, config, settings) -> (tensors of the file, config, float32 matrices).


def gptq(tensors, config, settings):
    stub("auto_gptq", os.environ["AUTO_GPTQ"], ("nn_modules", "nn_modules.qlinear", "quantization"))
    from auto_gptq.nn_modules.qlinear.qlinear_cuda import QuantLinear
    from auto_gptq.quantization.quantizer import Quantizer

    bits, group, sym = settings["bits"], settings["group"], settings["sym"]
    generator = torch.Generator().manual_seed(7)
    made, exact = {}, {}
    for name, weight in half(tensors).items():
        if not is_linear(name, weight):
            made[name] = weight
            continue
        rows, columns = weight.shape
        size = columns if group == -1 else group
        names = torch.arange(columns) // size
        if settings.get("act_order"):
            names = names[torch.randperm(columns, generator=generator)]
        scales, zeros = [], []
        for index in range(columns // size):
            quantizer = Quantizer()
            quantizer.configure(bits, perchannel=True, sym=sym)
            quantizer.find_params(weight.float()[:, names == index], weight=True)
            # A zero point of nothing cannot be stored less one.
            scales.append(quantizer.scale)
            zeros.append(quantizer.zero.clamp(min=1))
        linear = torch.nn.Linear(columns, rows, bias=False)
        linear.weight.data = weight.float()
        layer = QuantLinear(bits, group, columns, rows, False)
        layer.pack(linear, torch.cat(scales, 1).half().float(), torch.cat(zeros, 1), names.int())
        stem = name.removesuffix(".weight")
        parts = {"qweight": layer.qweight, "qzeros": layer.qzeros, "scales": layer.scales.half(), "g_idx": layer.g_idx}
        layer.scales = layer.scales.float()
        exact[name] = layer(torch.eye(columns)).t().contiguous()
        if settings.get("half"):
            exact[name] = exact[name].half()
        if settings.get("format") == "gptq_v2":
            # GPTQModel's convert_gptq_v1_to_v2_format_module.
            one = sum(1 << at for at in range(0, 32, bits))
            one -= (one >> 31) << 32
            parts["qzeros"] = parts["qzeros"] + one
        made |= {f"{stem}.{part}": tensor.contiguous() for part, tensor in parts.items()}
    stated = {"bits": bits, "group_size": group, "damp_percent": 0.1, "desc_act": bool(settings.get("act_order")),
              "sym": sym, "true_sequential": True, "quant_method": "gptq"}
    if "format" in settings:
        stated["checkpoint_format"] = settings["format"]
    return made, {**config, "torch_dtype": "float16", "quantization_config": stated}, exact


def awq(tensors, config, settings):
    stub("awq", os.environ["AUTO_AWQ"], ("utils", "modules", "modules.linear"))
    from awq.modules.linear.gemm import WQLinear_GEMM
    from awq.utils.packing_utils import dequantize_gemm

    group, made, exact = settings["group"], {}, {}
    for name, weight in half(tensors).items():
        if not is_linear(name, weight):
            made[name] = weight
            continue
        rows, columns = weight.shape
        groups = weight.float().view(rows, -1, group)
        most, least = groups.amax(-1), groups.amin(-1)
        # As AwqQuantizer.pseudo_quantize_tensor chooses them.
        scales = ((most - least).clamp(min=1e-5) / 15).half()
        zeros = (-torch.round(least / scales.float())).clamp(0, 15)
        linear = torch.nn.Linear(columns, rows, bias=False)
        linear.weight.data = weight.float()
        layer = WQLinear_GEMM.from_linear(linear, 4, group, scales=scales.float().t().contiguous(), zeros=zeros.t().contiguous())
        exact[name] = dequantize_gemm(layer.qweight, layer.qzeros, layer.scales.float(), 4, group).t().contiguous()
        stem = name.removesuffix(".weight")
        made |= {f"{stem}.{part}": getattr(layer, part).contiguous() for part in ("qweight", "qzeros", "scales")}
    stated = {"bits": 4, "group_size": group, "modules_to_not_convert": None, "quant_method": "awq", "version": "gemm",
              "zero_point": True}
    return made, {**config, "torch_dtype": "float16", "quantization_config": stated}, exact


def fp8(tensors, config, settings):
    from transformers import FineGrainedFP8Config
    from transformers.integrations.finegrained_fp8 import Fp8Quantize, _dequantize_fp8_weight

    block = settings.get("block")
    stated = FineGrainedFP8Config(weight_block_size=block or None, scale_fmt=settings.get("scale_fmt", "float"))
    quantize = Fp8Quantize(types.SimpleNamespace(quantization_config=stated))
    made, exact = {}, {}
    for name, weight in tensors.items():
        if not is_linear(name, weight):
            made[name] = weight
            continue
        rows, columns = weight.shape
        # transformers quantizes whole blocks alone, and DeepSeek's folders have parts of some.
        down, across = block or (rows, columns)
        padded = torch.zeros(-(-rows // down) * down, -(-columns // across) * across)
        padded[:rows, :columns] = weight.float()
        parts = quantize.convert({name: padded})
        stem = name.removesuffix(".weight")
        packed, scale = parts[name][:rows, :columns].contiguous(), parts[f"{stem}.weight_scale_inv"]
        exact[name] = _dequantize_fp8_weight(packed, scale.float(), block, torch.float32).half()
        made |= {name: packed, f"{stem}.weight_scale_inv": scale if block else scale.view(())}
    quantization = {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": block}
    return made, {**config, "quantization_config": quantization}, exact


def compressed(tensors, config, settings):
    from compressed_tensors.compressors import BaseCompressor
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
    from compressed_tensors.quantization.utils import calculate_qparams

    args = QuantizationArgs(**settings["weights"])
    scheme = QuantizationScheme(targets=["Linear"], weights=args)
    compressor = BaseCompressor.get_value_from_registry(settings["format"])
    made, exact = {}, {}
    for name, weight in tensors.items():
        if not is_linear(name, weight):
            made[name] = weight
            continue
        stem = name.removesuffix(".weight")
        groups = weight
        if args.group_size and args.group_size > 0:
            groups = weight.view(weight.shape[0], -1, args.group_size)
        elif args.strategy == "tensor":
            groups = weight.view(1, -1)
        scale, zero = calculate_qparams(groups.amin(-1, keepdim=groups.dim() == 2), groups.amax(-1, keepdim=groups.dim() == 2), args)
        state = {"weight": weight, "weight_scale": scale.view(-1) if args.strategy == "tensor" else scale}
        if not args.symmetric:
            state["weight_zero_point"] = zero
        packed = compressor.compress(state, scheme)
        wide = {part: tensor.float() if part == "weight_scale" and tensor.is_floating_point() else tensor
                for part, tensor in packed.items()}
        exact[name] = compressor.decompress(wide, scheme)["weight"].float()
        if args.type == "float" and args.num_bits == 8:
            exact[name] = exact[name].half()
        made |= {f"{stem}.{part}": tensor.contiguous() for part, tensor in packed.items()}
    stated = {"config_groups": {"group_0": {"targets": ["Linear"], "weights": json.loads(args.model_dump_json()), "format": None}},
              "format": settings["format"], "ignore": ["lm_head"], "quant_method": "compressed-tensors",
              "quantization_status": "compressed"}
    return made, {**config, "quantization_config": stated}, exact


def bitsandbytes(tensors, config, settings):
    import bitsandbytes.functional as bnb

    made, exact = {}, {}
    for name, weight in tensors.items():
        if not is_linear(name, weight):
            made[name] = weight
            continue
        if settings["type"] == "int8":
            packed, scales, _ = bnb.int8_vectorwise_quant(weight.half())
            exact[name] = bnb.int8_vectorwise_dequant(packed, scales).float()
            made |= {name: packed, name.removesuffix("weight") + "SCB": scales,
                     name.removesuffix("weight") + "weight_format": torch.tensor(0, dtype=torch.uint8)}
            continue
        packed, state = bnb.quantize_4bit(weight, blocksize=settings["block"], compress_statistics=settings["double"],
                                          quant_type=settings["type"])
        made |= {name: packed} | {f"{name}.{part}": tensor for part, tensor in state.as_dict(packed=True).items()}
        state.dtype = torch.float32
        exact[name] = bnb.dequantize_4bit(packed, state).half()
    stated = {"load_in_4bit": settings["type"] != "int8", "load_in_8bit": settings["type"] == "int8",
              "llm_int8_threshold": 6.0, "quant_method": "bitsandbytes", "_load_in_4bit": settings["type"] != "int8",
              "_load_in_8bit": settings["type"] == "int8"}
    if settings["type"] != "int8":
        stated |= {"bnb_4bit_quant_type": settings["type"], "bnb_4bit_use_double_quant": settings["double"],
                   "bnb_4bit_compute_dtype": "bfloat16", "bnb_4bit_quant_storage": "uint8"}
    return made, {**config, "quantization_config": stated}, exact


def mlx(folder, out, settings):
    """mlx-lm converts the folder whole; returns its config and the float32 matrices."""
    import mlx.core as mx
    import mlx_lm
    import numpy

    predicate = None
    if settings.get("mixed"):
        predicate = lambda path, module, *_: {"group_size": 32, "bits": 8} if "q_proj" in path or "embed" in path else True  # noqa: E731
    mlx_lm.convert(str(folder), str(out), quantize=True, q_group_size=settings.get("group"), q_bits=settings.get("bits"),
                   q_mode=settings.get("mode", "affine"), quant_predicate=predicate)
    stored, exact = mx.load(str(out / "model.safetensors")), {}
    stated = json.loads((out / "config.json").read_text())["quantization"]
    wide = lambda tensor: tensor.astype(mx.float32) if tensor.dtype in (mx.bfloat16, mx.float16) else tensor  # noqa: E731
    for name, scales in stored.items():
        if not name.endswith(".scales"):
            continue
        stem = name.removesuffix(".scales")
        own = stated.get(stem, stated)
        biases = stored.get(f"{stem}.biases")
        matrix = mx.dequantize(stored[f"{stem}.weight"], wide(scales), None if biases is None else wide(biases),
                               group_size=own["group_size"], bits=own["bits"], mode=own.get("mode", "affine"))
        matrix = torch.from_numpy(numpy.array(matrix.astype(mx.float32)))
        if own["bits"] > 5:
            matrix = matrix.half()
        if matrix.dim() == 2:
            exact[f"{stem}.weight"] = matrix
            continue
        for expert, part in enumerate(matrix):
            exact[f"{stem.replace('switch_mlp', f'experts.{expert}')}.weight"] = part.contiguous()
    return exact


INT = {"type": "int"}
VARIANTS = [
    ("gptq-4", gptq, llama(**WIDE, **TIED), {"bits": 4, "group": 128, "sym": True}),
    ("gptq-4-asym", gptq, qwen2(**SMALL, **TIED), {"bits": 4, "group": 32, "sym": False, "format": "gptq"}),
    ("gptq-4-act-order", gptq, llama(**SMALL, **TIED), {"bits": 4, "group": 32, "sym": True, "act_order": True, "half": True}),
    ("gptq-4-rows", gptq, llama(**SMALL, **TIED), {"bits": 4, "group": -1, "sym": True}),
    ("gptq-8", gptq, llama(**SMALL, **TIED), {"bits": 8, "group": 64, "sym": True}),
    ("gptq-8-asym", gptq, llama(**SMALL, **TIED), {"bits": 8, "group": 32, "sym": False, "half": True}),
    ("gptq-v2", gptq, llama(**SMALL, **TIED), {"bits": 4, "group": 64, "sym": False, "format": "gptq_v2"}),
    ("awq", awq, qwen2(**SMALL, **TIED), {"group": 64}),
    ("awq-128", awq, llama(**WIDE, **TIED), {"group": 128}),
    ("mlx-4", mlx, llama(**SMALL), {"group": 64, "bits": 4}),
    ("mlx-8", mlx, llama(**SMALL, **TIED), {"group": 64, "bits": 8}),
    ("mlx-3", mlx, llama(**SMALL, **TIED), {"group": 32, "bits": 3}),
    ("mlx-5", mlx, llama(**SMALL, **TIED), {"group": 64, "bits": 5}),
    ("mlx-6", mlx, llama(**SMALL, **TIED), {"group": 64, "bits": 6}),
    ("mlx-mixed", mlx, qwen3(**SMALL, **TIED), {"group": 64, "bits": 4, "mixed": True}),
    ("mlx-moe", mlx, qwen3_moe() | {"hidden_size": 64, "moe_intermediate_size": 32}, {"group": 32, "bits": 4}),
    ("mlx-mxfp4", mlx, llama(**SMALL, **TIED), {"mode": "mxfp4"}),
    ("mlx-mxfp8", mlx, llama(**SMALL, **TIED), {"mode": "mxfp8"}),
    ("mlx-nvfp4", mlx, llama(**SMALL, **TIED), {"mode": "nvfp4"}),
    ("fp8-blocks", fp8, qwen3(**WIDE, **TIED) | {"intermediate_size": 192}, {"block": [128, 128]}),
    ("fp8", fp8, llama(**SMALL, **TIED), {}),
    ("fp8-e8m0", fp8, llama(**WIDE, **TIED), {"block": [128, 128], "scale_fmt": "ue8m0"}),
    # Whose matrices of keys and values are put in another order as well.
    ("fp8-latent", fp8, deepseek(3, q_lora_rank=16, topk_method="noaux_tc", scoring_func="sigmoid", norm_topk_prob=True,
                                 routed_scaling_factor=2.5, n_group=1, topk_group=1), {"block": [128, 128]}),
    ("compressed-int4", compressed, llama(**SMALL, **TIED),
     {"format": "pack-quantized", "weights": {**INT, "num_bits": 4, "symmetric": True, "strategy": "group", "group_size": 32}}),
    ("compressed-int4-asym", compressed, llama(**SMALL, **TIED),
     {"format": "pack-quantized", "weights": {**INT, "num_bits": 4, "symmetric": False, "strategy": "group", "group_size": 64}}),
    ("compressed-int8", compressed, llama(**SMALL, **TIED),
     {"format": "int-quantized", "weights": {**INT, "num_bits": 8, "symmetric": True, "strategy": "channel"}}),
    ("compressed-fp8", compressed, llama(**SMALL, **TIED),
     {"format": "float-quantized", "weights": {"type": "float", "num_bits": 8, "symmetric": True, "strategy": "channel"}}),
    ("compressed-fp8-tensor", compressed, llama(**SMALL, **TIED),
     {"format": "float-quantized", "weights": {"type": "float", "num_bits": 8, "symmetric": True, "strategy": "tensor"}}),
    ("compressed-mxfp4", compressed, llama(**SMALL, **TIED),
     {"format": "mxfp4-pack-quantized", "weights": {"type": "float", "num_bits": 4, "symmetric": True, "strategy": "group",
                                                    "group_size": 32, "scale_dtype": "torch.uint8"}}),
    ("nf4", bitsandbytes, llama(**SMALL, **TIED), {"type": "nf4", "block": 64, "double": False}),
    ("nf4-double", bitsandbytes, llama(**SMALL, **TIED), {"type": "nf4", "block": 64, "double": True}),
    ("fp4", bitsandbytes, llama(**SMALL, **TIED), {"type": "fp4", "block": 64, "double": False}),
    ("int8", bitsandbytes, llama(**SMALL, **TIED), {"type": "int8"}),
]


def save(folder, tensors):
    tensors = {name: tensors[name].contiguous().clone() for name in sorted(tensors)}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)


def make(folder, name, method, config, settings, work):
    kind = config["model_type"]
    tokenizer = {"llama": "llama3", "deepseek_v3": "deepseek"}.get(kind, "qwen2")
    variant = {"name": name, "tokenizer": tokenizer, "config": config}
    base = work / "base"
    base.mkdir()
    write_folder(base, variant, work)
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    tensors = rough(load_file(base / "model.safetensors"), generator)
    save(base, tensors)
    shutil.rmtree(folder, ignore_errors=True)
    if method is mlx:
        exact = mlx(base, work / "mlx", settings)
        folder.mkdir(parents=True)
        for file in ("config.json", "model.safetensors"):
            shutil.copy(work / "mlx" / file, folder / file)
    else:
        made, stated, exact = method(tensors, json.loads((base / "config.json").read_text()), settings)
        folder.mkdir(parents=True)
        save(folder, made)
        put(folder / "config.json", stated)
    for file in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        shutil.copy(base / file, folder / file)
    dtype = torch.float16 if method in (gptq, awq) else torch.float32
    save(base, {name: exact.get(name, tensor.to(dtype).float()).float() for name, tensor in tensors.items()})
    ids = seeded_tokens(variant, 150)
    (folder / "tokens.txt").write_text("".join(f"{id}\n" for id in ids))
    by_transformers(base, variant, [(ids, list(POSITIONS), folder / "transformers.f32")])


README = """# Tiny models in a few bits

Every folder is a model with random weights whose matrices a format's own library has quantized and packed;
`scripts/make-tiny-low-bit` makes them, and its table (`scripts/lib/tiny_low_bit.py`) says what each is for.

| file | what it is | by whom |
|---|---|---|
| `config.json`, `model.safetensors` | the model | {LIBRARIES} |
| `tokenizer.json`, … | a real tokenizer, cut off | `tokenizers` |
| `tokens.txt` | 150 ids, one a line | a seeded generator |
| `transformers.f32` | logits, (positions, vocabulary), little-endian f32, of the matrices that the same library dequantizes in f32 | `transformers` |

Dequantized matrices are rounded to f16 where no block type of GGUF holds them: FP8, NF4, FP4, 6 and 8 bits with
offsets, and groups in act-order. In f32 they give logits that are up to 0.004 of their root mean square away.

The positions are those of `../published`. AutoGPTQ's and AutoAWQ's layers are used without the rest of these packages.
"""


def main():
    root, wanted = Path(sys.argv[1]), sys.argv[2:]
    unknown = set(wanted) - {name for name, *_ in VARIANTS}
    if unknown:
        sys.exit(f"unknown variants: {', '.join(sorted(unknown))}")
    from importlib.metadata import version

    names = ("mlx", "mlx-lm", "transformers", "compressed-tensors", "bitsandbytes", "torch")
    libraries = ", ".join([f"{name} {version(name).split('+')[0]}" for name in names] + ["AutoGPTQ 0.7.1", "AutoAWQ 0.2.9"])
    for name, method, config, settings in VARIANTS:
        if wanted and name not in wanted:
            continue
        with tempfile.TemporaryDirectory() as work:
            make(root / name, name, method, config, settings, Path(work))
        print(f"{name}: made", file=sys.stderr)
    (root / "README.md").write_text(README.replace("{LIBRARIES}", libraries))


if __name__ == "__main__":
    tiny_families.torch.set_num_threads(1)
    main()
