"""The README.md of the folder that tiny_families.py writes."""

TEXT = """# Tiny models as published ones come

Every folder is a model with random weights, made by the programs that real ones go through, so that a wrong
belief of ours about them cannot hide in a fixture that we wrote ourselves. `scripts/make-tiny-families` makes them;
its table (`scripts/lib/tiny_families_table.py`) says what each is for.

| file | what it is | by whom |
|---|---|---|
| `config.json`, `generation_config.json` | the numbers, spelled as published | the table |
| `tokenizer.json`, `tokenizer_config.json`, `tokenizer.model` | a real tokenizer, cut off after a few merges or pieces | `tokenizers`, `sentencepiece` |
| `*.safetensors`, `model.safetensors.index.json` | the weights under their published names, bf16 | `transformers` |
| `*.gguf` | that folder converted, {formats} | llama.cpp's `convert_hf_to_gguf.py` |
| `tokens.txt` | 150 ids, one a line | a seeded generator |
| `llama_cpp.f32` | logits, (positions, vocabulary), little-endian f32 | llama.cpp, from an f32 conversion of the same folder |
| `transformers.f32` | the same, but for families that it has no class of | `transformers`, from the folder, in f32 with eager attention |
| `made-by.txt` | versions | |

The positions are {positions}. Where a rotation has divisors for long texts, a second run of 300 ids goes past the
original context, which is 256 there because llama.cpp rounds a context up to that: `long.tokens.txt` and so on, at
the positions {long}.

Weights are one of sixteen levels that bf16, f16 and f32 hold exactly, so that the folder, the GGUF file and what the
judges computed with are the same numbers; those of the quantized files are such that Q8_0, Q4_0 and MXFP4 hold them
exactly as well. The hash by which the converter knows a tokenizer is taken out of its way, for a cut-off
vocabulary has another one: it is told the name. It is told, too, to read `tokenizer.json` where it would run code that
comes with a model, and `config.json` itself where transformers 5 gives its numbers other names than the converter
knows (`own_tokenizer` and `plain` in the table).

`oracles.tsv` has a line a run: the root mean square of llama.cpp's logits, the largest difference between the judges
as a part of it, whose logits llm-tools gives with the GGUF file and whose with the folder (a GGUF file gives
llama.cpp's, whose files they are and with which people compare), and whether the GGUF file's weights are quantized. `planned.txt` names the models of families that are not run yet.

## Where the judges differ

More than a thousandth of the logits' size, at the position where it is largest:

{differences}
"""


def readme(variants, measured, made_by):
    import tiny_families_table as table

    rows = ["| model | run | apart | GGUF file as | folder as | why |", "|---|---|---|---|---|---|"]
    for variant in variants:
        for context, _, apart in measured.get(variant["name"], ()):
            if apart >= 1e-3 or variant.get("judge"):
                file, folder, why = variant.get("judge", ("?", "?", "not known yet"))
                rows.append(f"| {variant['name']} | {context or '150 ids'} | {apart:.2g} | {file} | {folder} | {why} |")
    listed = lambda positions: ", ".join(map(str, positions))
    return TEXT.format(
        formats="bf16, or as the name says", positions=listed(table.POSITIONS), long=listed(table.LONG),
        differences="\n".join(rows) if len(rows) > 2 else "Nowhere.",
    ) + "\nMade by:\n\n" + "".join(f"- {line}\n" for line in made_by.splitlines())
