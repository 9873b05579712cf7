//! How fast text becomes tokens: a megabyte of it in every vocabulary of
//! llama.cpp's tests, beside the `tokenizers` crate on the same tables.
//!
//! `cargo bench -p llm-engine` runs all, `cargo bench -p llm-engine -- prose`
//! what has the word in its path, `-- --list` lists it. The vocabularies are
//! those that `scripts/fetch-test-models` fetches. Pieces that a text has had
//! are known to the next run, to us and to the peer alike; `rare` has none that
//! come again.

mod peer;
mod texts;

use std::fmt;
use std::path::Path;

use divan::Bencher;
use divan::counter::BytesCount;
use llm_engine::gguf::{Gguf, Metadata};
use llm_engine::tokens::Tokenizer;

use texts::Text;

fn main() {
    divan::main();
}

/// A vocabulary of each kind: byte-level with four patterns, BPE and unigram
/// over characters, WordPiece.
const VOCABULARIES: [&str; 9] = [
    "gpt-2",
    "llama-bpe",
    "qwen2",
    "deepseek-llm",
    "falcon",
    "gemma-4",
    "llama-spm",
    "bert-bge",
    "nomic-bert-moe",
];

/// Those that the peer can be given.
const PEERS: [&str; 6] = [
    "gpt-2",
    "llama-bpe",
    "qwen2",
    "gemma-4",
    "bert-bge",
    "nomic-bert-moe",
];

/// One text in one vocabulary.
struct Case {
    vocabulary: &'static str,
    text: Text,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.vocabulary, self.text)
    }
}

fn cases(texts: &'static [Text]) -> impl Iterator<Item = Case> {
    let of = |vocabulary| {
        let texts = texts.iter();
        texts.map(move |&text| Case { vocabulary, text })
    };
    VOCABULARIES.into_iter().flat_map(of)
}

/// Text as people write it, and words that nobody wrote before.
#[divan::bench(args = cases(&[Text::Prose, Text::Rare]), sample_count = 5)]
fn words(bencher: Bencher, case: &Case) {
    measure(bencher, case);
}

/// Texts that are slow where time is not linear.
#[divan::bench(args = cases(&Text::HARD), sample_count = 3)]
fn hard(bencher: Bencher, case: &Case) {
    measure(bencher, case);
}

/// The `tokenizers` crate, where it can be given the same tables.
#[divan::bench(args = cases(&[Text::Prose, Text::Rare]).filter(|it| PEERS.contains(&it.vocabulary)), sample_count = 3)]
fn peer_words(bencher: Bencher, case: &Case) {
    let gguf = open(case.vocabulary);
    let peer = peer::build(case.vocabulary, gguf.metadata());
    let text = case.text.megabyte();
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| peer.encode_fast(text.as_str(), false).map(|it| it.len()));
}

fn measure(bencher: Bencher, case: &Case) {
    let gguf = open(case.vocabulary);
    let tokenizer = build(gguf.metadata());
    let text = case.text.megabyte();
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| tokenizer.encode(&text, false, false).len());
}

fn build(metadata: &Metadata) -> Tokenizer {
    Tokenizer::from_gguf(metadata).expect("the vocabulary is known")
}

fn open(vocabulary: &str) -> Gguf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join(format!(
        "../../models/ggml-vocab/ggml-vocab-{vocabulary}.gguf"
    ));
    Gguf::open(&[path]).expect("scripts/fetch-test-models fetches the vocabularies")
}
