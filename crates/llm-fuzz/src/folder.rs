//! Hugging Face folders of which one file is foreign: the others are those of a
//! tiny model, which the input's first line names.

use std::fs;
use std::path::Path;

use llm_encoder::{CrossEncoder, Encoder};
use llm_folder::Loading;
use llm_kernels::quantize::QuantType;

use crate::model::{self, LEVEL, POOL, TEXT};
use crate::scratch::{self, in_repository, named};

/// The folders that an input can begin from; the first is that of an unknown
/// name.
const BASES: [&str; 15] = [
    "llama",
    "qwen3",
    "bert",
    "bert-cls",
    "cross-bert",
    "cross-roberta",
    "embedding-gemma",
    "jina-bert",
    "modernbert",
    "nomic-bert",
    "awq",
    "compressed-int4-asym",
    "gptq-4-act-order",
    "mlx-4",
    "nf4-double",
];

/// Those of them whose matrices are stored in a few bits.
const LOW_BIT: &[&str] = BASES.split_at(10).1;

/// The files that stand beside the three large ones.
const OTHERS: [&str; 14] = [
    "generation_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.json",
    "chat_template.jinja",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "model.safetensors.index.json",
    "1_Pooling/config.json",
    "2_Dense/config.json",
    "2_Dense/model.safetensors",
    "3_Dense/config.json",
];

/// Bytes of memory that quantized weights may take.
const ROOM: u64 = 64 << 20;

/// Reads a `model.safetensors`.
pub fn safetensors(data: &[u8]) {
    let (base, bytes) = named(data);
    with(base, "model.safetensors", bytes);
}

/// Reads a `config.json`.
pub fn config(data: &[u8]) {
    let (base, bytes) = named(data);
    with(base, "config.json", bytes);
}

/// Reads a `tokenizer.json`.
pub fn tokenizer(data: &[u8]) {
    let (base, bytes) = named(data);
    with(base, "tokenizer.json", bytes);
}

/// Reads one of the other files, which the first line names behind the folder.
pub fn folder(data: &[u8]) {
    let (place, bytes) = named(data);
    let (base, name) = place.split_once('/').unwrap_or_default();
    let name = OTHERS.iter().find(|known| **known == name);
    with(base, name.unwrap_or(&OTHERS[1]), bytes);
}

/// Opens the folder `base` with `bytes` as its file `name`.
fn with(base: &str, name: &str, bytes: &[u8]) {
    let base = BASES
        .iter()
        .find(|known| **known == base)
        .unwrap_or(&BASES[0]);
    let source = in_repository(&match *base {
        "llama" => "crates/llm-fuzz/seeds/llama".to_owned(),
        base if LOW_BIT.contains(&base) => format!("crates/llm-engine/tests/low_bit/{base}"),
        _ => format!("tests/fixtures/embed/tiny/{base}"),
    });
    let folder = scratch::folder();
    link(&source, folder.path(), Path::new(name));
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
    open(folder.path());
}

/// Links the files of one folder into another, all but the file `left_out`.
fn link(from: &Path, to: &Path, left_out: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if path.is_dir() {
            fs::create_dir(to.join(name)).unwrap();
            let left_out = left_out.strip_prefix(name).unwrap_or(Path::new(""));
            link(&path, &to.join(name), left_out);
        } else if name != left_out.as_os_str() {
            std::os::unix::fs::symlink(&path, to.join(name)).unwrap();
        }
    }
}

/// Opens a folder as all that it could be, and runs it.
fn open(path: &Path) {
    let weights = [path.join("model.safetensors")];
    let quantize = Loading {
        packing: Some(QuantType::Q8_0),
        level: *LEVEL,
        pool: &POOL,
        room: Some(ROOM),
        interrupted: &|| false,
    };
    for quantize in [None, Some(&quantize)] {
        if let Ok(gguf) = llm_folder::open(&weights, quantize) {
            model::look(&gguf);
            model::open(&gguf, Some(path));
        }
    }
    for quantize in [None, Some(&quantize)] {
        if let Ok(encoder) = Encoder::open(path, quantize, *LEVEL) {
            model::encode(&encoder);
        }
    }
    if matches!(CrossEncoder::is_in(path), Ok(true))
        && let Ok(cross) = CrossEncoder::open(path, *LEVEL)
    {
        let tokens = cross.tokens(TEXT);
        let scores = cross.score(&POOL, &tokens, &[&tokens, &[]]);
        assert_eq!(scores.len(), 2);
    }
}
