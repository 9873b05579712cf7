//! Properties of the tokenizers of real vocabularies, and what the
//! `tokenizers` crate makes of the same tables. Files that are broken on
//! purpose stand at the end.
//!
//! `PROPTEST_CASES` sets how many texts are tried.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

#[path = "../benches/tokens/peer.rs"]
mod peer;

use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;

use llm_gguf::{Gguf, Metadata, Value};
use llm_tokenizer::Tokenizer;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// All vocabularies of llama.cpp's tests.
const VOCABULARIES: [&str; 19] = [
    "aquila",
    "baichuan",
    "bert-bge",
    "command-r",
    "deepseek-coder",
    "deepseek-llm",
    "falcon",
    "gemma-4",
    "gpt-2",
    "gpt-neox",
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

fn open(name: &str) -> Gguf {
    let path = format!("../../models/ggml-vocab/ggml-vocab-{name}.gguf");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    assert!(
        path.exists(),
        "{} is missing; run scripts/fetch-test-models first",
        path.display()
    );
    Gguf::open(&[path]).unwrap()
}

fn tokenizers() -> &'static [(&'static str, Tokenizer)] {
    static ALL: LazyLock<Vec<(&str, Tokenizer)>> = LazyLock::new(|| {
        let build = |name| (name, Tokenizer::from_gguf(open(name).metadata()).unwrap());
        VOCABULARIES.into_iter().map(build).collect()
    });
    &ALL
}

fn named(name: &str) -> &'static Tokenizer {
    let found = tokenizers().iter().find(|(known, _)| *known == name);
    &found.unwrap().1
}

/// Texts in which what tokenizers trip over is near together.
fn text() -> impl Strategy<Value = String> {
    text_with("\\PC{1,3}")
}

/// The same, with `others` as the least common characters.
fn text_with(others: &'static str) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z]{1,8}",
        2 => "[ \\t\\n\\r]{1,4}",
        1 => "[0-9]{1,7}",
        1 => "'[a-zA-Z]{1,2}",
        2 => "[.,!?$+<>|_/#@\"()\\[\\]{}~^`*=:;%&\\\\-]{1,4}",
        2 => "[äéßÅłřПриветΕλ我想在あア한국अनिกាش٣½²Ⅷ🦙👩‍\u{301}\u{200b}\u{a0}\u{3000}～。]{1,4}",
        1 => "<\\|(im_start|im_end|endoftext|eot_id|begin_of_text)\\|>|<(unk|s|pad|bos|eos|0x0A)>",
        1 => others,
    ];
    proptest::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

fn streamed(tokenizer: &Tokenizer, ids: &[u32]) -> String {
    let mut decoder = tokenizer.decoder();
    let mut text: String = ids.iter().map(|&id| decoder.push(id).to_owned()).collect();
    text.push_str(decoder.finish());
    text
}

/// U+2581 is how these vocabularies write a space, so it comes back as one.
fn without_space_mark(text: &str) -> String {
    text.replace('\u{2581}', "")
}

proptest! {
    /// From two vocabularies not all comes back, because they have no token for
    /// it: case, accents and spaces (bert-bge), and what is replaced by
    /// normalization, runs of spaces among it (nomic-bert-moe).
    #[test]
    fn text_comes_back(text in text()) {
        for (name, tokenizer) in tokenizers() {
            let text = without_space_mark(&text);
            let ids = tokenizer.encode(&text, true, false);
            let decoded = tokenizer.decode(&ids);
            prop_assert_eq!(&streamed(tokenizer, &ids), &decoded, "{}", name);
            if *name == "nomic-bert-moe" {
                if text.is_ascii() {
                    let words: Vec<_> = text.split_whitespace().collect();
                    prop_assert_eq!(decoded, words.join(" "), "{}", name);
                }
            } else if *name == "bert-bge" {
                // What is left is written with the same tokens again, if it is known.
                let plain = tokenizer.encode(&text, false, false);
                if plain.iter().all(|&id| !tokenizer.is_hidden(id)) {
                    prop_assert_eq!(tokenizer.encode(&decoded, true, false), ids, "{}", name);
                }
            } else {
                prop_assert_eq!(decoded, text, "{}", name);
            }
        }
    }

    #[test]
    fn text_never_becomes_markup(text in text()) {
        for (name, tokenizer) in tokenizers() {
            let ids = tokenizer.encode(&text, false, false);
            // Unknown text is no markup of anybody's making.
            let made = ids.iter().find(|&&id| tokenizer.is_markup(id) && is_role(tokenizer, id));
            prop_assert_eq!(made, None, "{}", name);
        }
    }

    #[test]
    fn what_is_foreign_poses_as_nothing(content in text(), at in any::<Index>()) {
        for (name, before, after, roles) in [
            ("llama-bpe", "<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>", 3),
            ("qwen2", "<|im_start|>user\n", "<|im_end|>\n", 2),
            ("gemma-4", "<|turn>user\n", "<turn|>\n", 2),
        ] {
            let tokenizer = named(name);
            let rendered = format!("{before}{content}{after}");
            let foreign = before.len()..before.len() + content.len();
            let ids = tokenizer.encode_prompt_around(&rendered, std::slice::from_ref(&foreign));
            let prefix = tokenizer.encode_prompt("").len();
            let found = ids[prefix..].iter().filter(|&&id| is_role(tokenizer, id)).count();
            prop_assert_eq!(found, roles, "{}: {:?}", name, rendered);
            // Wholly foreign text is plain text, wherever it is cut in two.
            let boundaries: Vec<_> = rendered.char_indices().map(|(at, _)| at).collect();
            let middle = boundaries[at.index(boundaries.len())];
            let halves: [Range<usize>; 2] = [0..middle, middle..rendered.len()];
            let mut plain = tokenizer.encode_prompt("");
            plain.extend(tokenizer.encode(&rendered, false, false));
            prop_assert_eq!(tokenizer.encode_prompt_around(&rendered, &halves), plain, "{}", name);
        }
    }

    #[test]
    // Its tables of Unicode are older, so it does not know all characters.
    fn the_tokenizers_crate_says_the_same(text in text_with("[\u{c0}-\u{24f}]{1,3}")) {
        for (name, peer) in peers() {
            compare(name, peer, &text)?;
        }
    }
}

/// Compares the tokens of one text with a peer's.
fn compare(name: &str, peer: &tokenizers::Tokenizer, text: &str) -> Result<(), TestCaseError> {
    let text = without_space_mark(text);
    let theirs = peer.encode_fast(text.as_str(), false).unwrap();
    let ours = named(name).encode(&text, false, false);
    prop_assert_eq!(&ours[..], theirs.get_ids(), "{}: {:?}", name, text);
    Ok(())
}

fn peers() -> &'static [(&'static str, tokenizers::Tokenizer)] {
    static ALL: LazyLock<Vec<(&str, tokenizers::Tokenizer)>> = LazyLock::new(|| {
        let names = ["gpt-2", "llama-bpe", "qwen2", "gemma-4", "bert-bge"];
        let build = |name| (name, peer::build(name, open(name).metadata()));
        names.into_iter().map(build).collect()
    });
    &ALL
}

#[test]
fn the_tokenizers_crate_says_the_same_of_many_scripts() {
    let texts: Vec<String> = serde_json::from_str(include_str!("tokenizers/texts.json")).unwrap();
    for (name, peer) in peers() {
        for text in &texts {
            compare(name, peer, text).unwrap();
        }
    }
}

/// Whether a token is markup with a text of its own, and not the stand-in for
/// what is unknown.
fn is_role(tokenizer: &Tokenizer, id: u32) -> bool {
    let unknown = [&b"<unk>"[..], b"[UNK]", b"<UNK>"];
    tokenizer.is_markup(id) && !unknown.contains(&&tokenizer.token_bytes(id)[..])
}

/// A text of a broken file: any bytes, or what means something to a tokenizer.
fn token() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..6),
        select(vec![
            "",
            "\u{2581}",
            "<0x41>",
            "<0xZZ>",
            "<s>",
            "<|im_end|>",
            "a",
            "ab",
            "\u{120}a"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ]
}

/// Metadata as a damaged or hostile file could have it.
fn broken() -> impl Strategy<Value = Metadata> {
    let models = ["gpt2", "llama", "bert", "t5", "gemma4", "whitespace"];
    let pres = [
        "default",
        "llama-bpe",
        "gpt-4o",
        "jais-2",
        "superbpe",
        "deepseek-llm",
        "kimi-k2",
    ];
    let line = prop_oneof![
        (token(), token()).prop_map(|(left, right)| [left, vec![b' '], right].concat()),
        token(),
    ];
    (
        (select(models.to_vec()), select(pres.to_vec())),
        proptest::collection::vec(token(), 0..40),
        proptest::collection::vec(-2_i64..9, 0..60),
        proptest::collection::vec(any::<f32>(), 0..60),
        proptest::collection::vec(line, 0..20),
        proptest::collection::vec(any::<u8>(), 0..80),
        proptest::collection::vec((0_usize..7, 0_u64..50), 0..6),
        proptest::collection::vec((0_usize..6, any::<bool>()), 0..6),
    )
        .prop_map(
            |((model, pre), tokens, types, scores, merges, map, ids, flags)| {
                let mut metadata = Metadata::default();
                let mut set = |name: &str, value| {
                    metadata.insert(format!("tokenizer.ggml.{name}"), value);
                };
                set("model", Value::String(model.into()));
                set("pre", Value::String(pre.into()));
                set("tokens", Value::Strings(tokens.into_iter().collect()));
                set("token_type", Value::Integers(types.into_iter().collect()));
                set("scores", Value::Floats(scores.into_iter().collect()));
                set("merges", Value::Strings(merges.into_iter().collect()));
                let map = map.into_iter().map(i64::from).collect();
                set("precompiled_charsmap", Value::Integers(map));
                let names = [
                    "bos",
                    "eos",
                    "unknown",
                    "seperator",
                    "cls",
                    "eot",
                    "fim_pad",
                ];
                for (name, id) in ids {
                    set(&format!("{}_token_id", names[name]), Value::Unsigned(id));
                }
                let names = [
                    "add_bos_token",
                    "add_eos_token",
                    "add_space_prefix",
                    "remove_extra_whitespaces",
                    "normalizer.lowercase",
                    "normalizer.strip_accents",
                ];
                for (name, flag) in flags {
                    set(names[name], Value::Bool(flag));
                }
                metadata
            },
        )
}

proptest! {
    /// What comes out of a broken file is of no interest, as long as it comes.
    #[test]
    fn broken_vocabularies_never_panic(
        metadata in broken(),
        text in text(),
        ids in proptest::collection::vec(0_u32..60, 0..20),
    ) {
        if let Ok(tokenizer) = Tokenizer::from_gguf(&metadata) {
            let long = text.repeat(5000 / text.len().max(1) + 1);
            for text in [&text, &long] {
                let made = tokenizer.encode(text, true, true);
                let count = tokenizer.vocabulary_size();
                prop_assert!(made.iter().all(|&id| (id as usize) < count));
                tokenizer.decode(&made);
            }
            prop_assert_eq!(streamed(&tokenizer, &ids), tokenizer.decode(&ids));
        }
    }
}
