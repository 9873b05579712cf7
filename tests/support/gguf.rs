//! GGUF files made by hand: headers that no honest program writes, and a model cut in two. The format
//! is that of ggml's docs/gguf.md, version 3.

use std::fs;
use std::path::Path;

use llm_gguf::Gguf;
use serde_json::{Value, json};

/// Type ids of metadata.
const U32: u32 = 4;
const STRING: u32 = 8;
const ARRAY: u32 = 9;
/// Their names, of which an array's stand in brackets.
const TYPES: [(&str, u32); 6] = [
    ("u32", U32),
    ("i32", 5),
    ("f32", 6),
    ("bool", 7),
    ("string", STRING),
    ("u64", 10),
];

/// What tensors are aligned to where the metadata does not say.
const ALIGNMENT: usize = 32;

/// Returns a header with no tensor in it: what it claims to have, and metadata of texts.
pub fn header(tensors: u64, pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = b"GGUF".to_vec();
    bytes.extend(3_u32.to_le_bytes());
    bytes.extend(tensors.to_le_bytes());
    bytes.extend((pairs.len() as u64).to_le_bytes());
    for (key, value) in pairs {
        text(&mut bytes, key);
        bytes.extend(STRING.to_le_bytes());
        text(&mut bytes, value);
    }
    bytes
}

/// Appends a pair of metadata, of a type of `TYPES`.
pub fn pair(bytes: &mut Vec<u8>, key: &str, kind: &str, value: &Value) {
    text(bytes, key);
    let items = kind.trim_matches(['[', ']']);
    let (_, id) = TYPES.iter().find(|(name, _)| *name == items).unwrap();
    if items == kind {
        bytes.extend(id.to_le_bytes());
        return single(bytes, items, value);
    }
    let values = value.as_array().unwrap();
    bytes.extend(ARRAY.to_le_bytes());
    bytes.extend(id.to_le_bytes());
    bytes.extend((values.len() as u64).to_le_bytes());
    for value in values {
        single(bytes, items, value);
    }
}

fn single(bytes: &mut Vec<u8>, kind: &str, value: &Value) {
    match kind {
        "u32" => bytes.extend((value.as_u64().unwrap() as u32).to_le_bytes()),
        "i32" => bytes.extend((value.as_i64().unwrap() as i32).to_le_bytes()),
        "f32" => bytes.extend((value.as_f64().unwrap() as f32).to_le_bytes()),
        "bool" => bytes.push(value.as_bool().unwrap().into()),
        "u64" => bytes.extend(value.as_u64().unwrap().to_le_bytes()),
        _ => text(bytes, value.as_str().unwrap()),
    }
}

/// A vocabulary that reads any text, as `vocabulary` of scripts/lib/headers.py makes it.
pub struct Vocabulary {
    tokens: Vec<String>,
    types: Vec<u8>,
}

impl Vocabulary {
    /// Makes one of `count` tokens for a kind of tokenizer.
    pub fn made_up(kind: &str, count: usize) -> Self {
        let (mut tokens, mut types): (Vec<_>, Vec<_>) = if kind == "gpt2" {
            let printed = ('!'..='~')
                .chain('\u{a1}'..='\u{ac}')
                .chain('\u{ae}'..='\u{ff}');
            let others = '\u{100}'..='\u{143}';
            (
                printed.chain(others).map(String::from).collect(),
                vec![1; 256],
            )
        } else {
            let special = ["<unk>", "<s>", "</s>"].map(str::to_owned).into_iter();
            let bytes = (0..256).map(|byte| format!("<0x{byte:02X}>"));
            let types = [2, 3, 3].into_iter().chain([6; 256]).collect();
            (special.chain(bytes).collect(), types)
        };
        tokens.extend((tokens.len()..count).map(|at| format!("t{at}")));
        types.resize(tokens.len(), 1);
        Self { tokens, types }
    }

    /// Returns it as metadata: key, type, value.
    pub fn pairs(&self) -> Vec<(String, String, Value)> {
        let scores = vec![0.0; self.tokens.len()];
        [
            ("tokens", "[string]", json!(self.tokens)),
            ("token_type", "[i32]", json!(self.types)),
            ("scores", "[f32]", json!(scores)),
            ("merges", "[string]", json!(["t h"])),
        ]
        .map(|(key, kind, value)| (format!("tokenizer.ggml.{key}"), kind.to_owned(), value))
        .into()
    }
}

/// Appends the entry of a tensor to a header; the offset counts from where the data begin.
pub fn tensor(bytes: &mut Vec<u8>, name: &str, shape: &[u64], type_id: u32, offset: usize) {
    text(bytes, name);
    bytes.extend((shape.len() as u32).to_le_bytes());
    for extent in shape {
        bytes.extend(extent.to_le_bytes());
    }
    bytes.extend(type_id.to_le_bytes());
    bytes.extend((offset as u64).to_le_bytes());
}

/// Fills up to where a tensor may begin.
pub fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
}

/// Cuts a model in two shards, as llama.cpp's gguf-split does: the metadata go into the first alone.
pub fn split(whole: &Path, shards: [&Path; 2]) {
    let gguf = Gguf::open(&[whole.to_owned()]).unwrap();
    let bytes = fs::read(whole).unwrap();
    let mut first = Vec::new();
    text(&mut first, &gguf.tensors()[0].name);
    let metadata_end = bytes.windows(first.len()).position(|part| part == first);
    let pairs = u64::from_le_bytes(bytes[16..24].try_into().unwrap());
    let metadata = [(pairs, &bytes[24..metadata_end.unwrap()]), (0, &[][..])];
    let (one, two) = gguf.tensors().split_at(gguf.tensors().len() / 2);
    for (number, tensors) in [one, two].into_iter().enumerate() {
        let (pairs, metadata) = metadata[number];
        let mut shard = header(tensors.len() as u64, &[]);
        shard[16..24].copy_from_slice(&u64::to_le_bytes(pairs + 3));
        shard.extend(metadata);
        let all = gguf.tensors().len() as u32;
        for (key, value) in [
            ("split.no", number as u32),
            ("split.count", 2),
            ("split.tensors.count", all),
        ] {
            text(&mut shard, key);
            shard.extend(U32.to_le_bytes());
            shard.extend(value.to_le_bytes());
        }
        let mut data = Vec::new();
        for there in tensors {
            tensor(
                &mut shard,
                &there.name,
                &there.shape,
                there.dtype.0,
                data.len(),
            );
            data.extend(gguf.bytes(there));
            pad(&mut data);
        }
        pad(&mut shard);
        shard.extend(data);
        fs::write(shards[number], shard).unwrap();
    }
}

/// Returns the file with one tensor more, a vector of ones.
pub fn with_tensor(whole: &Path, name: &str, length: usize) -> Vec<u8> {
    let gguf = Gguf::open(&[whole.to_owned()]).unwrap();
    let bytes = fs::read(whole).unwrap();
    let mut first = Vec::new();
    text(&mut first, &gguf.tensors()[0].name);
    let infos = bytes.windows(first.len()).position(|part| part == first);
    let info = |it: &llm_gguf::TensorInfo| it.name.len() + 8 * it.shape.len() + 24;
    let end = infos.unwrap() + gguf.tensors().iter().map(info).sum::<usize>();
    let start = gguf.tensors().iter().map(|it| it.offset as usize).min();
    let mut data = bytes[start.unwrap()..].to_vec();
    pad(&mut data);
    let mut out = bytes[..end].to_vec();
    out[8..16].copy_from_slice(&(gguf.tensors().len() as u64 + 1).to_le_bytes());
    tensor(&mut out, name, &[length as u64], 0, data.len());
    pad(&mut out);
    out.extend(data);
    out.extend(
        [1.0_f32; 1]
            .repeat(length)
            .iter()
            .flat_map(|one| one.to_le_bytes()),
    );
    out
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}
