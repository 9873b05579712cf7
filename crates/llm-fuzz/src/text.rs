//! Any text through the tokenizers of real vocabularies.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use llm_gguf::Gguf;
use llm_tokenizer::Tokenizer;

use crate::scratch::{in_repository, named};

/// Vocabularies of every way to tokenize; the first is that of an unknown name.
const VOCABULARIES: [&str; 9] = [
    "gpt-2",
    "llama-spm",
    "bert-bge",
    "phi-3",
    "deepseek-coder",
    "llama-bpe",
    "qwen2",
    "nomic-bert-moe",
    "gemma-4",
];

/// Turns a text into tokens and back, with the vocabulary that the first line
/// names. Vocabularies are those of `scripts/fetch-test-models`.
pub fn text(data: &[u8]) {
    static OPEN: Mutex<BTreeMap<&str, Tokenizer>> = Mutex::new(BTreeMap::new());
    let (name, text) = named(data);
    let name = VOCABULARIES
        .iter()
        .find(|known| **known == name)
        .unwrap_or(&VOCABULARIES[0]);
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let tokenizer = open.entry(name).or_insert_with(|| vocabulary(name));
    check(name, tokenizer, &String::from_utf8_lossy(text));
}

fn vocabulary(name: &str) -> Tokenizer {
    let path = in_repository(&format!("models/ggml-vocab/ggml-vocab-{name}.gguf"));
    assert!(
        path.exists(),
        "{} is missing; run scripts/fetch-test-models first",
        path.display()
    );
    let gguf = Gguf::open(&[path]).unwrap();
    Tokenizer::from_gguf(gguf.metadata()).unwrap()
}

fn check(name: &str, tokenizer: &Tokenizer, text: &str) {
    let ids = tokenizer.encode(text, false, false);
    let size = tokenizer.vocabulary_size();
    assert!(ids.iter().all(|&id| (id as usize) < size));
    let decoded = tokenizer.decode(&ids);
    let mut decoder = tokenizer.decoder();
    let mut streamed: String = ids.iter().map(|&id| decoder.push(id).to_owned()).collect();
    streamed.push_str(decoder.finish());
    assert_eq!(streamed, decoded);
    // From these two not all comes back, for they have no token for it; and the
    // mark that stands for a space comes back as one.
    let is_lossy = matches!(name, "bert-bge" | "nomic-bert-moe");
    if !is_lossy && !text.contains('\u{2581}') {
        assert_eq!(decoded, text, "{name}");
    }
    // Foreign text is plain text, wherever it stands and is cut.
    let middle = (0..=text.len() / 2)
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0);
    let mut plain = tokenizer.encode_prompt("");
    plain.extend(&ids);
    let foreign = [0..middle, middle..text.len()];
    let around = tokenizer.encode_prompt_around(text, &foreign);
    assert!(!around.iter().any(|&id| is_role(tokenizer, id)), "{name}");
    let parsed = tokenizer.encode(text, true, true);
    assert!(parsed.iter().all(|&id| (id as usize) < size));
    if name != "nomic-bert-moe" && name != "bert-bge" {
        assert_eq!(around, plain, "{name}");
    }
}

/// Whether a token is one that says who speaks, or that a turn ends.
fn is_role(tokenizer: &Tokenizer, id: u32) -> bool {
    let text = tokenizer.token_bytes(id);
    let marks: [&[u8]; 4] = [b"<|im_", b"<|eot_id|>", b"<|start_header", b"<|endoftext|>"];
    tokenizer.is_markup(id) && marks.iter().any(|mark| text.starts_with(mark))
}
