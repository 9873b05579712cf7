"""Writes what the headers of published models say, without a byte of their weights.

For each row of headers_table.py: the tensors that transformers' own class of the
config has (made on PyTorch's `meta` device, where tensors have names and shapes and
no numbers), and the metadata and tensors that llama.cpp's converter makes of them;
whether llama.cpp loads a file of that header; and what `llm-pull show` must say, which
stands in the table. A line a model of tests/fixtures/headers.jsonl; numbered names
are written as `blk.{0-31}.attn_q.weight`.

usage: headers.py FILE [NAME...], called by scripts/make-headers
"""

import contextlib
import ctypes
import itertools
import json
import logging
import os
import re
import sys
import tempfile
import traceback
from pathlib import Path

LLAMA_CPP = Path(os.environ["LLAMA_CPP"])
os.environ["GGML_NO_BACKTRACE"] = "1"
sys.path[:0] = [str(LLAMA_CPP), str(LLAMA_CPP / "gguf-py")]

import gguf  # noqa: E402  (llama.cpp's own)
import torch  # noqa: E402
import transformers  # noqa: E402
from transformers.core_model_loading import revert_weight_conversion  # noqa: E402

from conversion import base, get_model_class  # noqa: E402  (llama.cpp's)
from conversion.base import LazyTorchTensor, ModelBase, ModelType, get_model_architecture  # noqa: E402

from headers_table import MODELS  # noqa: E402

transformers.logging.set_verbosity_error()
logging.disable(logging.WARNING)

SAFETENSORS = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64", torch.int32: "I32", torch.uint32: "U32",
               torch.bool: "BOOL", torch.float8_e4m3fn: "F8_E4M3", torch.uint8: "U8", torch.int8: "I8"}


# Folders.


def meta_tensors(row):
    """Returns the tensors of a published folder by name, in the type of its config."""
    config = row["config"]
    if "tensors" in row:
        return {name: torch.empty(shape, device="meta", dtype=dtype) for name, shape, dtype in row["tensors"](config)}
    cls = getattr(transformers, row.get("class") or config["architectures"][0])
    with tempfile.TemporaryDirectory() as folder:
        plain = {key: value for key, value in config.items() if key not in ("quantization_config", "auto_map")}
        plain |= row.get("read_as", {})
        (Path(folder) / "config.json").write_text(json.dumps(plain))
        made = cls.config_class.from_pretrained(folder)
    with torch.device("meta"):
        model = cls(made)
    model.tie_weights()
    tied = model._tied_weights_keys or {}
    tensors = dict(model.state_dict())
    text = config.get("text_config", config)
    if getattr(made.get_text_config(), "tie_word_embeddings", False) or getattr(made, "tie_word_embeddings", False):
        for name in tied:
            for found in [key for key in tensors if re.fullmatch(name, key)]:
                del tensors[found]
    tensors = revert_weight_conversion(model, tensors)
    dtype = text.get("torch_dtype") or text.get("dtype") or config.get("torch_dtype") or config.get("dtype") or "float32"
    wanted = getattr(torch, dtype)
    if row.get("transposed"):
        tensors = {name: tensor.transpose(1, 2) if ".experts." in name else tensor for name, tensor in tensors.items()}
    return {name: tensor.to(wanted) if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}


# Quantized folders: what stands in the place of a linear layer's matrix.


def packed(kind, tensors, group=128):
    def gptq(rows, columns):
        return {"qweight": ((columns // 8, rows), torch.int32), "qzeros": ((columns // group, rows // 8), torch.int32),
                "scales": ((columns // group, rows), torch.float16), "g_idx": ((columns,), torch.int32)}

    def awq(rows, columns):
        return {"qweight": ((columns, rows // 8), torch.int32), "qzeros": ((columns // group, rows // 8), torch.int32),
                "scales": ((columns // group, rows), torch.float16)}

    def fp8(rows, columns):
        return {"weight": ((rows, columns), torch.float8_e4m3fn),
                "weight_scale_inv": ((-(-rows // 128), -(-columns // 128)), torch.float32)}

    def nf4(rows, columns):
        return {"weight": ((rows * columns // 2, 1), torch.uint8), "weight.absmax": ((rows * columns // 64,), torch.uint8),
                "weight.quant_map": ((16,), torch.float32), "weight.nested_absmax": ((rows * columns // 64 // 256,), torch.float32),
                "weight.nested_quant_map": ((256,), torch.float32), "weight.quant_state.bitsandbytes__nf4": ((82,), torch.uint8)}

    def mlx(rows, columns):
        return {"weight": ((rows, columns // 8), torch.uint32), "scales": ((rows, columns // 64), torch.bfloat16),
                "biases": ((rows, columns // 64), torch.bfloat16)}

    how, out = {"gptq": gptq, "awq": awq, "fp8": fp8, "nf4": nf4, "mlx": mlx}[kind], {}
    for name, tensor in tensors.items():
        is_linear = tensor.dim() == 2 and name.endswith("_proj.weight")
        if not is_linear:
            out[name] = tensor
            continue
        for part, (shape, dtype) in how(*tensor.shape).items():
            out[name.removesuffix("weight") + part] = torch.empty(shape, dtype=dtype, device="meta")
    return out


def mxfp4(tensors):
    out = {}
    for name, tensor in tensors.items():
        if not name.endswith(("experts.gate_up_proj", "experts.down_proj")):
            out[name] = tensor
            continue
        count, columns, rows = tensor.shape
        out[f"{name}_blocks"] = torch.empty((count, rows, columns // 32, 16), dtype=torch.uint8, device="meta")
        out[f"{name}_scales"] = torch.empty((count, rows, columns // 32), dtype=torch.uint8, device="meta")
    return out


# GGUF files.


def lazy(tensor):
    def nothing(*_):
        raise RuntimeError("the converter asks for a tensor's numbers")

    return LazyTorchTensor(meta=tensor, args=(tensor,), func=nothing)


def convert(row, tensors):
    """Runs llama.cpp's converter as far as its header; returns metadata and tensors."""
    kind, pre = row["vocabulary"]
    # A GGUF file is made of the weights as they were before they were quantized.
    hparams = {key: value for key, value in row["config"].items() if key != "quantization_config"}

    def index(self, remote_hf_model_id=None):
        made = {}
        for name, tensor in tensors.items():
            kept = self.filter_tensors((name, lambda tensor=tensor: lazy(tensor)))
            if kept:
                made[kept[0]] = kept[1]
        return made

    def set_vocab(self):
        text = self.hparams.get("text_config", self.hparams)
        count = self.hparams.get("vocab_size") or text.get("vocab_size") or text.get("padded_vocab_size")
        self.gguf_writer.add_tokenizer_model(kind)
        if pre:
            self.gguf_writer.add_tokenizer_pre(pre)
        self.gguf_writer.add_key_value("tokenizer.ggml.tokens", count, "vocabulary")
        for name in ("bos", "eos"):
            ids = self.hparams.get(f"{name}_token_id")
            ids = ids if isinstance(ids, list) else [ids]
            if isinstance(ids[0], int):
                self.gguf_writer.add_uint32(f"tokenizer.ggml.{name}_token_id", ids[0])

    ModelBase.index_tensors = index
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(hparams))
        if row.get("plain"):
            ModelBase.load_hparams = staticmethod(lambda folder, *_, **__: json.loads((folder / "config.json").read_text()))
        loaded = ModelBase.load_hparams(Path(folder), False)
        model_class = get_model_class(get_model_architecture(loaded, ModelType.TEXT))
        inner = [cls for cls in vars(model_class).values() if isinstance(cls, type)]
        for cls in {one for cls in (model_class, *inner) for one in cls.__mro__} - {object}:
            if "set_vocab" in vars(cls):
                cls.set_vocab = set_vocab
        if model_class.supports_mtp_export:
            model_class.no_mtp = True
        with torch.inference_mode():
            half = any(tensor.dtype == torch.float16 for tensor in tensors.values())
            ftype = gguf.LlamaFileType.MOSTLY_F16 if half else gguf.LlamaFileType.MOSTLY_BF16
            model = model_class(Path(folder), ftype, Path(folder) / "out.gguf", model_name=row["name"])
            model.prepare_tensors()
            getattr(model, "impl", model).prepare_metadata(vocab_only=False)
    writer = getattr(model, "impl", model).gguf_writer  # Mistral 3's class has another inside
    metadata = []
    for key, value in writer.kv_data[0].items():
        if key.startswith("general.") and key.split(".")[1] not in ("architecture", "type", "name", "file_type", "alignment"):
            continue
        metadata.append((key, *typed(value)))
    found = []
    for name, info in writer.tensors[0].items():
        found.append((name, int(info.dtype), list(reversed(info.shape))))
    return metadata, found


def typed(value):
    """A value with the name of its type."""
    if value.type == "vocabulary":
        return "vocabulary", value.value
    names = {gguf.GGUFValueType.UINT32: "u32", gguf.GGUFValueType.INT32: "i32", gguf.GGUFValueType.FLOAT32: "f32",
             gguf.GGUFValueType.BOOL: "bool", gguf.GGUFValueType.STRING: "string", gguf.GGUFValueType.UINT64: "u64"}
    if value.type == gguf.GGUFValueType.ARRAY:
        items = [item.item() if hasattr(item, "item") else item for item in value.value]
        kind = {bool: "bool", int: "i32", float: "f32", str: "string"}[type(items[0])]
        return f"[{kind}]", items
    item = value.value.item() if hasattr(value.value, "item") else value.value
    return names[value.type], item


# One line for many layers.


def collapsed(rows):
    """Joins rows (name, type, shape) that differ in the numbers of their names alone."""
    groups = {}
    for name, *rest in rows:
        parts = re.split(r"(?<=\.)(\d+)(?=\.)", name)
        template, numbers = "{}".join(parts[::2]), tuple(int(number) for number in parts[1::2])
        groups.setdefault((template, json.dumps(rest)), []).append(numbers)
    out = []
    for (template, rest), numbers in groups.items():
        for ranges in products(numbers):
            name = template.replace("{}", "\0")
            for one in ranges:
                name = name.replace("\0", one, 1)
            out.append([name, *json.loads(rest)])
    return out


def products(numbers):
    """Splits tuples into products of sets, each written as ranges."""
    if not numbers[0]:
        return [()]
    tails = {}
    for first, *rest in numbers:
        tails.setdefault(first, []).append(tuple(rest))
    alike = {}
    for first, rest in tails.items():
        alike.setdefault(tuple(sorted(rest)), []).append(first)
    return [(spans(firsts), *ranges) for rest, firsts in alike.items() for ranges in products(list(rest))]


def spans(numbers):
    numbers, out = sorted(numbers), []
    for number in numbers:
        if out and out[-1][1] == number - 1:
            out[-1][1] = number
        else:
            out.append([number, number])
    texts = [str(one) if one == other else f"{one}-{other}" for one, other in out]
    return texts[0] if len(texts) == 1 and "-" not in texts[0] else "{" + ",".join(texts) + "}"


def expanded(name):
    pieces = re.split(r"\{([\d,-]+)\}", name)
    choices = []
    for piece in pieces[1::2]:
        ends = [span.split("-") for span in piece.split(",")]
        choices.append([number for one in ends for number in range(int(one[0]), int(one[-1]) + 1)])
    for numbers in itertools.product(*choices):
        name = pieces[0]
        for number, piece in zip(numbers, pieces[2::2]):
            name += f"{number}{piece}"
        yield name


# llama.cpp as the judge.

BYTES = [chr(it) for it in (*range(33, 127), *range(161, 173), *range(174, 256))]
BYTES += [chr(256 + it) for it in range(256 - len(BYTES))]


def vocabulary(kind, count):
    """Tokens, types and scores of a made-up vocabulary, as tests/headers.rs makes it."""
    if kind == "gpt2":
        tokens, types = BYTES[:], [1] * 256
    else:
        tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
        types = [2, 3, 3] + [6] * 256
    tokens, types = tokens[:count], types[:count]
    tokens += [f"t{at}" for at in range(len(tokens), count)]
    return tokens, types + [1] * (count - len(types))


def judged(metadata, tensors):
    """Whether llama.cpp loads a file of this header, or what it says."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "header.gguf"
        pairs = {key: (kind, value) for key, kind, value in metadata}
        writer = gguf.GGUFWriter(path, pairs["general.architecture"][1])
        for key, (kind, value) in pairs.items():
            if key == "general.architecture":
                continue
            if kind == "vocabulary":
                tokens, types = vocabulary(pairs["tokenizer.ggml.model"][1], value)
                writer.add_token_list(tokens)
                writer.add_token_types(types)
                writer.add_token_scores([0.0] * value)
                writer.add_token_merges(["t h"])
            elif kind.startswith("["):
                writer.add_array(key, value)
            else:
                {"u32": writer.add_uint32, "i32": writer.add_int32, "f32": writer.add_float32, "bool": writer.add_bool,
                 "string": writer.add_string, "u64": writer.add_uint64}[kind](key, value)
        for name, dtype, shape in tensors:
            dtype = gguf.GGMLQuantizationType(dtype)
            block, size = gguf.GGML_QUANT_SIZES[dtype]
            count = 1
            for extent in shape:
                count *= extent
            writer.tensors[0][name] = gguf.gguf_writer.TensorInfo(shape=tuple(reversed(shape)), dtype=dtype, nbytes=count // block * size)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        end = writer.ggml_pad(writer.fout[0].tell(), writer.data_alignment)
        for info in writer.tensors[0].values():
            end += writer.ggml_pad(info.nbytes, writer.data_alignment)
        writer.fout[0].truncate(end)
        writer.close()
        return loads(path)


def loads(path):
    """Asks llama.cpp in a process of its own, as it may end it."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(write, 2)
        os.close(1)
        asked = ctypes.CDLL(os.environ["ASK"])
        asked.loads.argtypes = [ctypes.c_char_p]
        os._exit(0 if asked.loads(str(path).encode()) else 1)
    os.close(write)
    with os.fdopen(read, errors="replace") as told:
        lines = told.read().splitlines()
    if os.waitpid(pid, 0)[1] == 0:
        return "loads"
    reasons = [line.split("error loading model: ", 1)[1] for line in lines if "error loading model: " in line]
    return reasons[0] if reasons else "ends: " + (lines[-1] if lines else "no word")


def made(row):
    line = {"name": row["name"], "from": row["source"]}
    tensors = meta_tensors(row)
    if row.get("gguf"):
        metadata, found = convert(row, tensors)
        line["gguf"] = {"says": row["gguf"], "llama_cpp": judged(metadata, found), "metadata": metadata, "tensors": collapsed(found)}
    if row.get("folder"):
        if row.get("packed"):
            tensors = packed(row["packed"], tensors)
        if row.get("mxfp4"):
            tensors = mxfp4(tensors)
        rows = [(name, SAFETENSORS[tensor.dtype], list(tensor.shape)) for name, tensor in tensors.items()]
        line["folder"] = {"says": row["folder"], "config": row["config"], "tensors": collapsed(rows)}
    return line


def write(out, lines):
    """Writes the lines in the table's order, with what the table says."""
    kept = []
    for row in MODELS:
        if row["name"] in lines:
            line = json.loads(lines[row["name"]])
            for form in ("gguf", "folder"):
                if form in line:
                    line[form]["says"] = row[form]
            kept.append(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n")
    out.write_text("".join(kept))


def main():
    out, wanted = Path(sys.argv[1]), sys.argv[2:]
    lines = {}
    if out.exists():
        lines = {json.loads(line)["name"]: line for line in out.read_text().splitlines()}
    failed = []
    for row in MODELS:
        if wanted and not any(part in row["name"] for part in wanted):
            continue
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:  # the converter keeps some of its state in classes
            status = 1
            try:
                os.close(reading)
                text = json.dumps(made(row), separators=(",", ":"), ensure_ascii=False)
                with os.fdopen(writing, "w") as pipe:
                    pipe.write(text)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            text = pipe.read()
        if os.waitpid(pid, 0)[1] or not text:
            failed.append(row["name"])
            continue
        lines[row["name"]] = text
        line = json.loads(text)
        print(row["name"], line.get("gguf", {}).get("llama_cpp", "-"), len(text), flush=True)
        write(out, lines)
    write(out, lines)
    if failed:
        sys.exit(f"not made: {', '.join(failed)}")


if __name__ == "__main__":
    main()
