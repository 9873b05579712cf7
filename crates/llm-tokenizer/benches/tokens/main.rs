//! How fast text becomes tokens: a megabyte of it in every vocabulary of
//! llama.cpp's tests, beside the `tokenizers` crate on the same tables.
//!
//! `cargo bench -p llm-tokenizer` runs all, `cargo bench -p llm-engine -- prose`
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
use llm_gguf::{Gguf, Metadata};
use llm_tokenizer::Tokenizer;

use texts::Text;

fn main() {
    divan::main();
}

/// The vocabularies that llama.cpp has tests of, and one for unigram.
const VOCABULARIES: [&str; 16] = [
    "bert-bge",
    "command-r",
    "deepseek-coder",
    "deepseek-llm",
    "falcon",
    "gemma-4",
    "gpt-2",
    "llama-bpe",
    "llama-spm",
    "mpt",
    "nomic-bert-moe",
    "phi-3",
    "qwen2",
    "qwen35",
    "refact",
    "starcoder",
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

/// The `tokenizers` crate with the same tables.
#[divan::bench(args = cases(&[Text::Prose, Text::Rare]), sample_count = 3)]
fn peer_words(bencher: Bencher, case: &Case) {
    let gguf = open(case.vocabulary);
    let peer = peer::build(case.vocabulary, gguf.metadata());
    let text = case.text.megabyte();
    check(case, &text[..4096], &peer, &build(gguf.metadata()));
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| peer.encode_fast(text.as_str(), false).map(|it| it.len()));
}

/// A peer with other tokens would be no measure.
fn check(case: &Case, text: &str, peer: &tokenizers::Tokenizer, ours: &Tokenizer) {
    let theirs = peer.encode_fast(text, false).expect("any text has tokens");
    let ours = ours.encode(text, false, false);
    let same = theirs
        .get_ids()
        .iter()
        .zip(&ours)
        .take_while(|(theirs, ours)| theirs == ours)
        .count();
    assert_eq!((same, ours.len()), (theirs.len(), same), "{case}");
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
