//! The tokenizer against llama.cpp's own test suite of vocabularies, and on
//! the tokenizers of the two test models.
//!
//! The files are not part of the repository; `scripts/fetch-test-models` puts
//! them into `models/`, and `LLM_TEST_ORACLE` names another folder.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers may fail as loudly as the test"
)]

use std::path::{Path, PathBuf};

use llm_gguf::Gguf;
use llm_tokenizer::{Tokenizer, TokenizerError, black_bytes};

/// Separates the texts of an `.inp` file.
const SEPARATOR: &str = "\n__ggml_vocab_test__\n";

fn model_file(name: &str) -> PathBuf {
    let folder = match std::env::var_os("LLM_TEST_ORACLE") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models"),
    };
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is missing; run scripts/fetch-test-models first",
        path.display()
    );
    path
}

fn open(name: &str) -> Result<Tokenizer, TokenizerError> {
    let gguf = Gguf::open(&[model_file(name)]).unwrap();
    Tokenizer::from_gguf(gguf.metadata())
}

/// Compares all texts of one vocabulary with what llama.cpp makes of them,
/// and decodes the result again.
fn check(name: &str, kind: &str) {
    let file = format!("ggml-vocab/ggml-vocab-{name}.gguf");
    let tokenizer = open(&file).unwrap();
    assert_eq!(tokenizer.kind(), kind);
    let texts = std::fs::read_to_string(model_file(&format!("{file}.inp"))).unwrap();
    let expected = std::fs::read_to_string(model_file(&format!("{file}.out"))).unwrap();
    let texts: Vec<_> = texts.split(SEPARATOR).collect();
    let lines: Vec<_> = expected.lines().collect();
    // The file ends with a separator, after which nothing stands.
    assert!(
        lines.len() > 40 && lines.len() <= texts.len(),
        "{name}: {} lines",
        lines.len()
    );
    for (text, line) in texts.iter().zip(lines) {
        let expected: Vec<u32> = line
            .split_whitespace()
            .map(|id| id.parse().unwrap())
            .collect();
        let ids = tokenizer.encode(text, false, false);
        assert_eq!(ids, expected, "{name}: {text:?}");
        let decoded = tokenizer.decode(&ids);
        if kind == "bert" {
            // Case, accents and spaces are lost, but not what they are made of.
            let again = tokenizer.encode(&decoded, false, false);
            let unknown = tokenizer.encode("[UNK]", false, true);
            let known: Vec<_> = ids.iter().filter(|id| !unknown.contains(id)).collect();
            assert_eq!(again.iter().collect::<Vec<_>>(), known, "{text:?}");
        } else {
            assert_eq!(decoded, *text, "{name}");
        }
    }
}

#[test]
fn llama_bpe() {
    check("llama-bpe", "gpt2/llama-bpe");
}

#[test]
fn qwen2() {
    check("qwen2", "gpt2/qwen2");
}

#[test]
fn qwen35() {
    check("qwen35", "gpt2/qwen35");
}

#[test]
fn gpt_2() {
    check("gpt-2", "gpt2/gpt-2");
}

#[test]
fn mpt() {
    check("mpt", "gpt2/mpt");
}

#[test]
fn starcoder() {
    check("starcoder", "gpt2/starcoder");
}

#[test]
fn refact() {
    check("refact", "gpt2/refact");
}

#[test]
fn command_r() {
    check("command-r", "gpt2/command-r");
}

#[test]
fn falcon() {
    check("falcon", "gpt2/falcon");
}

#[test]
fn llama_spm() {
    check("llama-spm", "llama");
}

#[test]
fn phi_3() {
    check("phi-3", "llama");
}

#[test]
fn deepseek_llm() {
    check("deepseek-llm", "gpt2/deepseek-llm");
}

#[test]
fn deepseek_coder() {
    check("deepseek-coder", "gpt2/deepseek-coder");
}

#[test]
fn gemma_4() {
    check("gemma-4", "gemma4");
}

#[test]
fn bert_bge() {
    check("bert-bge", "bert");
}

/// Texts of many scripts and their tokens by llama.cpp
/// (`tokenizers/make_goldens.py` says how).
#[test]
fn llama_cpp_says_the_same_of_more_texts() {
    let texts: Vec<String> = serde_json::from_str(include_str!("tokenizers/texts.json")).unwrap();
    let mut lines = include_str!("tokenizers/ids.txt").lines();
    let mut vocabularies = 0;
    while let Some(name) = lines.next() {
        let tokenizer = open(&format!("ggml-vocab/ggml-vocab-{name}.gguf")).unwrap();
        for text in texts.iter().step_by(3) {
            let expected: Vec<u32> = lines
                .next()
                .unwrap()
                .split_whitespace()
                .map(|id| id.parse().unwrap())
                .collect();
            let ids = tokenizer.encode(text, false, false);
            assert_eq!(ids, expected, "{name}: {text:?}");
        }
        vocabularies += 1;
    }
    assert_eq!(vocabularies, 18);
}

/// Expected ids come from independent implementations over the same tables:
/// Hugging Face `tokenizers` 0.23 (SmolLM2) and `sentencepiece` 0.2 (Gemma).
#[test]
fn the_test_models_tokenizers() {
    let chat = "Hello, y'all! How are you 😁 ?我想在apple工作1314151天～";
    let spaces = "  two\n\n\n\tthree   spaces  ";
    let code = "fn main() { println!(\"{}\", 3.14); } // <b>été</b>";
    let smollm2 = open("smollm2-135m-instruct-q4_1.gguf").unwrap();
    assert_eq!(smollm2.kind(), "gpt2/smollm");
    assert_eq!(smollm2.vocabulary_size(), 49_152);
    assert_eq!(
        smollm2.encode(chat, true, false),
        SMOLLM2_CHAT,
        "no BOS is added"
    );
    assert_eq!(smollm2.encode(spaces, false, false), SMOLLM2_SPACES);
    assert_eq!(smollm2.encode(code, false, false), SMOLLM2_CODE);
    let ends: Vec<_> = smollm2
        .eog_ids()
        .iter()
        .map(|&id| smollm2.token_bytes(id))
        .collect();
    assert_eq!(ends, [&b"<|endoftext|>"[..], b"<|im_end|>", b"<reponame>"]);

    let gemma = open("gemma-3-270m-q4_k_m.gguf").unwrap();
    assert_eq!(gemma.kind(), "llama");
    assert_eq!(gemma.vocabulary_size(), 262_144);
    assert_eq!(gemma.encode(chat, false, false), GEMMA_CHAT);
    assert_eq!(gemma.encode(spaces, false, false), GEMMA_SPACES);
    assert_eq!(gemma.encode(code, false, false), GEMMA_CODE);
    assert_eq!(gemma.encode("", true, false), [2], "BOS is added");
    for text in [chat, spaces, code] {
        assert_eq!(smollm2.decode(&smollm2.encode(text, true, false)), text);
        assert_eq!(gemma.decode(&gemma.encode(text, true, false)), text);
    }
}

const SMOLLM2_CHAT: [u32; 34] = [
    19556, 28, 329, 23, 449, 17, 1073, 359, 346, 40303, 219, 9148, 19805, 235, 177, 221, 128,
    32632, 21949, 36149, 115, 40994, 33, 35, 33, 36, 33, 37, 33, 18614, 119, 186, 138, 248,
];
const SMOLLM2_SPACES: [u32; 8] = [216, 827, 16506, 197, 16347, 256, 5600, 256];
const SMOLLM2_CODE: [u32; 25] = [
    7853, 1085, 1000, 1662, 1628, 34115, 17, 43331, 1002, 216, 35, 30, 33, 36, 4258, 4029, 13241,
    2067, 82, 46, 19380, 2756, 9617, 82, 46,
];
const GEMMA_CHAT: [u32; 24] = [
    9259, 236764, 570, 236789, 712, 236888, 2088, 659, 611, 170124, 2360, 62133, 237075, 17641,
    11700, 236770, 236800, 236770, 236812, 236770, 236810, 236770, 237471, 238352,
];
const GEMMA_SPACES: [u32; 8] = [138, 13498, 109, 255968, 19891, 139, 35220, 138];
const GEMMA_CODE: [u32; 18] = [
    15059, 1689, 825, 642, 32374, 183228, 236743, 236800, 236761, 236770, 236812, 626, 682, 973,
    236743, 200, 19932, 209,
];

/// Every token's own text, alone and three times, and the suite's texts: none has
/// fewer tokens than its bytes let expect, and somewhere one has just as many.
#[test]
fn no_text_has_fewer_tokens_than_its_bytes_let_expect() {
    let folder = model_file("ggml-vocab");
    let (mut bounded, mut tight) = (0, 0);
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(vocabulary) = name.strip_suffix(".gguf") else {
            continue;
        };
        // One is of a kind that is not known.
        let Ok(tokenizer) = open(&format!("ggml-vocab/{name}")) else {
            continue;
        };
        let inputs = folder.join(format!("{name}.inp"));
        let texts = std::fs::read_to_string(inputs).unwrap_or_default();
        let mut texts: Vec<String> = texts.split(SEPARATOR).map(str::to_owned).collect();
        texts.push("\u{e9}\u{4e00}\u{1f600}\u{2581}\u{1d54f}\u{fffd}".repeat(50));
        let mut is_tight = false;
        let mut bytes = Vec::new();
        for id in 0..u32::try_from(tokenizer.vocabulary_size()).unwrap() {
            bytes.clear();
            tokenizer.add_token_bytes(id, &mut bytes);
            let Ok(text) = std::str::from_utf8(&bytes) else {
                continue;
            };
            // All ways for the longest; of the others, whose bound is one token,
            // a part.
            if tokenizer.least_tokens(3 * black_bytes(text)) > 1 || id % 64 == 0 {
                texts.push(text.to_owned());
                texts.push(text.repeat(3));
            }
        }
        for text in &texts {
            let least = tokenizer.least_tokens(black_bytes(text));
            for parses in [false, true] {
                let tokens = tokenizer.encode(text, false, parses).len();
                assert!(
                    tokens >= least,
                    "{vocabulary}: {tokens} of {least}, {text:?}"
                );
                is_tight |= least > 1 && tokens == least;
            }
        }
        let is_bounded = tokenizer.least_tokens(1) > 0;
        // Encoders leave characters out.
        let leaves_out = vocabulary.contains("bert");
        // Falcon's lacks tokens for some bytes, so that nothing is said of it.
        assert!(!is_bounded || !leaves_out, "{vocabulary}");
        bounded += usize::from(is_bounded);
        tight += usize::from(is_tight);
    }
    assert!(bounded >= 12 && tight >= 6, "{bounded}, {tight}");
}
