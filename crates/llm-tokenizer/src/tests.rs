//! Tests of the tokenizer on small vocabularies made here.

use std::ops::Range;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::cancel::{Cancellation, Cancelled};
use llm_gguf::{Gguf, Metadata, Strings, Value};

const NORMAL: i64 = 1;
const UNKNOWN: i64 = 2;
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;
const BYTE: i64 = 6;

fn metadata(model: &str, tokens: &[(String, i64, f32)]) -> Metadata {
    let mut metadata = Metadata::default();
    let texts = tokens.iter().map(|token| &token.0).collect();
    let types = tokens.iter().map(|token| token.1).collect();
    let scores = tokens.iter().map(|token| token.2).collect();
    metadata.insert("tokenizer.ggml.model", Value::String(model.into()));
    metadata.insert("tokenizer.ggml.tokens", Value::Strings(texts));
    metadata.insert("tokenizer.ggml.token_type", Value::Integers(types));
    metadata.insert("tokenizer.ggml.scores", Value::Floats(scores));
    metadata
}

/// The characters of GPT-2's alphabet, in the order of their bytes, made by
/// another route than the code under test: by decoding every candidate.
fn alphabet() -> Vec<String> {
    let mut by_byte = vec![String::new(); 256];
    for character in (0x21..0x200).filter_map(char::from_u32) {
        let mut bytes = Vec::new();
        byte_level::decode(character.to_string().as_bytes(), &mut bytes);
        // A character outside the alphabet is two bytes, its own, or DEL,
        // whose stand-in comes later.
        if let [byte] = bytes[..] {
            by_byte[usize::from(byte)] = character.to_string();
        }
    }
    by_byte
}

/// All bytes, the merges of "the", " the" and "llo", and markup from 300 on.
fn byte_level_metadata(pre: &str) -> Metadata {
    let mut tokens: Vec<_> = alphabet()
        .into_iter()
        .map(|text| (text, NORMAL, 0.0))
        .collect();
    for text in ["he", "the", "Ġthe", "ll", "llo"] {
        tokens.push((text.into(), NORMAL, 0.0));
    }
    while tokens.len() < 300 {
        tokens.push((format!("<unused{}>", tokens.len()), 5, 0.0));
    }
    for (text, kind) in [
        ("<|im_start|>", CONTROL),
        ("<|im_end|>", NORMAL), // mistyped, as in some files
        ("<tool>", USER_DEFINED),
        ("<|im|>", CONTROL),
    ] {
        tokens.push((text.into(), kind, 0.0));
    }
    let mut metadata = metadata("gpt2", &tokens);
    let merges = ["h e", "t he", "l l", "ll o", "Ġ the", "Ġthe q"];
    metadata.insert("tokenizer.ggml.pre", Value::String(pre.into()));
    metadata.insert(
        "tokenizer.ggml.merges",
        Value::Strings(merges.iter().collect()),
    );
    metadata.insert("tokenizer.ggml.bos_token_id", Value::Unsigned(300));
    metadata.insert("tokenizer.ggml.eos_token_id", Value::Unsigned(301));
    metadata
}

fn byte_level() -> Tokenizer {
    Tokenizer::from_gguf(&byte_level_metadata("smollm")).unwrap()
}

/// SentencePiece with bytes from 3 on and pieces from 259 on.
fn sentence_piece_metadata() -> Metadata {
    let mut tokens = vec![
        ("<unk>".to_string(), UNKNOWN, 0.0),
        ("<s>".to_string(), CONTROL, 0.0),
        ("</s>".to_string(), CONTROL, 0.0),
    ];
    tokens.extend((0..256).map(|byte| (format!("<0x{byte:02X}>"), BYTE, 0.0)));
    for (text, score) in [
        ("▁", -10.0),
        ("a", -11.0),
        ("b", -12.0),
        ("ab", -1.0),
        ("ba", -0.5),
        ("▁ab", -2.0),
        ("aba", -3.0),
        ("<", -20.0),
        ("s", -21.0),
        (">", -22.0),
        ("<s", -4.0),
    ] {
        tokens.push((text.into(), NORMAL, score));
    }
    metadata("llama", &tokens)
}

fn sentence_piece() -> Tokenizer {
    Tokenizer::from_gguf(&sentence_piece_metadata()).unwrap()
}

fn token_texts(metadata: &Metadata) -> Vec<String> {
    let texts = metadata
        .strings("tokenizer.ggml.tokens")
        .unwrap()
        .unwrap()
        .iter();
    texts
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect()
}

fn texts(tokenizer: &Tokenizer, ids: &[u32]) -> Vec<String> {
    let text = |&id| String::from_utf8_lossy(&tokenizer.token_bytes(id)).into_owned();
    ids.iter().map(text).collect()
}

#[test]
fn merges_apply_in_the_order_of_their_ranks() {
    let tokenizer = byte_level();
    let ids = tokenizer.encode("hello the the2", false, false);
    assert_eq!(texts(&tokenizer, &ids), ["he", "llo", " the", " the", "2"]);
    // "Ġthe q" makes no token, so its bytes stand alone.
    let ids = tokenizer.encode(" theq", false, false);
    assert_eq!(texts(&tokenizer, &ids), [" ", "t", "h", "e", "q"]);
}

#[test]
fn whole_pieces_skip_merging_only_where_the_kind_says_so() {
    let mut metadata = byte_level_metadata("smollm");
    metadata.insert(
        "tokenizer.ggml.merges",
        Value::Strings(["l l"].iter().collect()),
    );
    let plain = Tokenizer::from_gguf(&metadata).unwrap();
    assert_eq!(plain.encode(" the", false, false).len(), 4);
    metadata.insert("tokenizer.ggml.pre", Value::String("llama-bpe".into()));
    let ignoring = Tokenizer::from_gguf(&metadata).unwrap();
    assert_eq!(
        texts(&ignoring, &ignoring.encode(" the", false, false)),
        [" the"]
    );
}

#[test]
fn markup_is_cut_out_on_request_and_user_defined_tokens_always() {
    let tokenizer = byte_level();
    let text = "<|im_start|>a<tool><|im_end|>";
    let asked = tokenizer.encode(text, false, true);
    assert_eq!(asked, [300, u32::from(b'a'), 302, 301]);
    let plain = tokenizer.encode(text, false, false);
    assert!(plain.contains(&302));
    assert!(
        plain.iter().all(|&id| !tokenizer.is_markup(id)),
        "{plain:?}"
    );
    assert_eq!(tokenizer.decode(&plain), text);
    assert_eq!(tokenizer.decode(&asked), "a<tool>");
}

#[test]
fn bos_and_eos_stand_where_the_file_wants_them() {
    let ids = |pre: &str, add_bos: Option<bool>, add_eos: Option<bool>| {
        let mut metadata = byte_level_metadata(pre);
        for (key, flag) in [("bos", add_bos), ("eos", add_eos)] {
            if let Some(flag) = flag {
                metadata.insert(format!("tokenizer.ggml.add_{key}_token"), Value::Bool(flag));
            }
        }
        Tokenizer::from_gguf(&metadata)
            .unwrap()
            .encode("a", true, false)
    };
    let a = u32::from(b'a');
    assert_eq!(ids("smollm", None, None), [a]);
    assert_eq!(ids("llama-bpe", None, None), [300, a]);
    assert_eq!(ids("llama-bpe", Some(false), None), [a]);
    assert_eq!(ids("smollm", Some(true), Some(true)), [300, a, 301]);
    assert_eq!(sentence_piece().encode("", true, false), [1]);
    assert_eq!(sentence_piece().encode("", false, false), [0; 0]);
}

#[test]
fn a_rendered_prompt_has_one_bos() {
    let mut metadata = byte_level_metadata("smollm");
    let a = u32::from(b'a');
    let without = Tokenizer::from_gguf(&metadata).unwrap();
    assert_eq!(without.encode_prompt("a"), [a]);
    assert_eq!(without.encode_prompt("<|im_start|>a"), [300, a]);
    metadata.insert("tokenizer.ggml.add_bos_token", Value::Bool(true));
    metadata.insert("tokenizer.ggml.add_eos_token", Value::Bool(true));
    let with = Tokenizer::from_gguf(&metadata).unwrap();
    assert_eq!(with.bos_text(), "<|im_start|>");
    assert_eq!(with.encode_prompt("a"), [300, a]);
    assert_eq!(with.encode_prompt("<|im_start|>a"), [300, a]);
}

#[test]
fn generations_end_as_the_texts_say() {
    let tokenizer = byte_level();
    assert_eq!(tokenizer.eog_ids(), [301]);
    assert!(
        tokenizer.is_markup(301),
        "the mistyped <|im_end|> is corrected"
    );
    let mut metadata = byte_level_metadata("smollm");
    metadata.insert("tokenizer.ggml.eos_token_id", Value::Unsigned(303));
    metadata.insert("tokenizer.ggml.eot_token_id", Value::Unsigned(302));
    let tokenizer = Tokenizer::from_gguf(&metadata).unwrap();
    assert_eq!(tokenizer.eog_ids(), [301, 302, 303]);
    assert!(!tokenizer.is_eog(300));
}

#[test]
fn gpt_oss_goes_on_after_the_end_of_a_part() {
    let words = ["<|return|>", "<|call|>", "<|end|>", "<|channel|>"];
    let mut metadata = byte_level_metadata("gpt-2");
    let mut tokens = token_texts(&metadata);
    let first = tokens.len() as u32;
    tokens.extend(words.map(String::from));
    metadata.insert(
        "tokenizer.ggml.tokens",
        Value::Strings(tokens.iter().collect()),
    );
    let types = metadata
        .integers("tokenizer.ggml.token_type")
        .unwrap()
        .unwrap();
    let types = types.iter().chain([CONTROL; 4]).collect();
    metadata.insert("tokenizer.ggml.token_type", Value::Integers(types));
    let tokenizer = Tokenizer::from_gguf(&metadata).unwrap();
    assert_eq!(tokenizer.eog_ids(), [301, first, first + 1]);
    assert_eq!(
        tokenizer.decode(&[first + 2, first + 3]),
        "<|end|><|channel|>"
    );
}

#[test]
fn the_best_score_is_joined_first() {
    let tokenizer = sentence_piece();
    // "ba" beats "ab" on the left of it, and "▁ab" comes too late for both.
    let ids = tokenizer.encode("aba", false, false);
    assert_eq!(texts(&tokenizer, &ids), [" ", "aba"]);
    let ids = tokenizer.encode("ab ab", false, false);
    assert_eq!(texts(&tokenizer, &ids), [" ab", " ab"]);
    let ids = tokenizer.encode("abab", false, false);
    assert_eq!(texts(&tokenizer, &ids), [" ", "aba", "b"]);
}

#[test]
fn what_no_piece_writes_becomes_bytes() {
    let tokenizer = sentence_piece();
    let ids = tokenizer.encode("é\n", false, false);
    assert_eq!(ids, [259, 3 + 0xc3, 3 + 0xa9, 3 + 0x0a]);
    assert_eq!(tokenizer.decode(&ids), "é\n");
    // The texts of byte tokens and of markup are text like any other.
    let ids = tokenizer.encode("<0x0A><s>", false, false);
    assert!(ids.iter().all(|&id| id != 3 + 0x0a && id != 1), "{ids:?}");
    assert_eq!(tokenizer.decode(&ids), "<0x0A><s>");
}

#[test]
fn the_space_before_text_is_added_after_markup_and_dropped_again() {
    let tokenizer = sentence_piece();
    let ids = tokenizer.encode("a<s>b", true, true);
    assert_eq!(texts(&tokenizer, &ids), ["<s>", " ", "a", "<s>", " ", "b"]);
    assert_eq!(tokenizer.decode(&tokenizer.encode(" a", true, false)), " a");
    let mut continuation = tokenizer.continuation_decoder();
    assert_eq!(continuation.push(264), " ab");
    let mut metadata = sentence_piece_metadata();
    metadata.insert("tokenizer.ggml.add_space_prefix", Value::Bool(false));
    let tokenizer = Tokenizer::from_gguf(&metadata).unwrap();
    assert_eq!(
        texts(&tokenizer, &tokenizer.encode("ab", false, false)),
        ["ab"]
    );
    assert_eq!(tokenizer.decode(&[264]), " ab");
}

#[test]
fn pieces_with_a_space_inside_are_found() {
    let mut metadata = sentence_piece_metadata();
    let mut tokens = token_texts(&metadata);
    tokens[269] = "a▁b".into(); // in the place of "<s"
    tokens[268] = "a▁".into();
    metadata.insert(
        "tokenizer.ggml.tokens",
        Value::Strings(tokens.iter().collect()),
    );
    let tokenizer = Tokenizer::from_gguf(&metadata).unwrap();
    let ids = tokenizer.encode("ba bb a b", false, false);
    assert_eq!(
        texts(&tokenizer, &ids),
        [" ", "ba", " ", "b", "b", " ", "a b"]
    );
}

#[test]
fn a_long_text_is_cut_where_no_piece_reaches_across() {
    let mut metadata = sentence_piece_metadata();
    let mut tokens = token_texts(&metadata);
    tokens[269] = "a▁b".into();
    tokens[268] = "a▁".into();
    metadata.insert(
        "tokenizer.ggml.tokens",
        Value::Strings(tokens.iter().collect()),
    );
    metadata.insert("tokenizer.ggml.add_space_prefix", Value::Bool(false));
    let tokenizer = Tokenizer::from_gguf(&metadata).unwrap();
    let part = " ba bb a b é";
    let once = tokenizer.encode(part, false, false);
    // A few are merged as a whole, many are cut first.
    for times in [3, 2000, 20_000] {
        let ids = tokenizer.encode(&part.repeat(times), false, false);
        assert_eq!(ids, once.repeat(times));
    }
}

#[test]
fn a_text_has_the_same_tokens_whatever_came_before_and_beside_it() {
    let texts: Vec<_> = (0..200)
        .map(|seed: usize| "the hello ll2 he".repeat(seed % 7 + 1)[seed % 5..].to_owned())
        .collect();
    let fresh = |text: &String| byte_level().encode(text, false, false);
    let expected: Vec<_> = texts.iter().map(fresh).collect();
    let shared = byte_level();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for (text, expected) in texts.iter().zip(&expected) {
                    assert_eq!(shared.encode(text, false, false), *expected);
                }
            });
        }
    });
}

#[test]
fn a_token_that_is_not_utf_8_keeps_its_bytes() {
    let mut metadata = sentence_piece_metadata();
    let tokens = metadata.strings("tokenizer.ggml.tokens").unwrap().unwrap();
    let tokens = tokens
        .iter()
        .chain([&b"\xf0\x9f"[..], b"\xa6\x99"])
        .collect();
    metadata.insert("tokenizer.ggml.tokens", Value::Strings(tokens));
    for (key, number) in [
        (
            "token_type",
            Value::Integers([NORMAL; 272].into_iter().collect()),
        ),
        ("scores", Value::Floats([-1.0; 272].into_iter().collect())),
    ] {
        metadata.insert(format!("tokenizer.ggml.{key}"), number);
    }
    let tokenizer = Tokenizer::from_gguf(&metadata).unwrap();
    assert_eq!(tokenizer.decode(&[270, 271, 270]), "🦙\u{fffd}");
}

#[test]
fn phi_3_markup_swallows_the_white_space_after_it() {
    let mut metadata = byte_level_metadata("smollm");
    let text = "<|im_start|> \n a";
    let ids = |metadata: &Metadata| {
        Tokenizer::from_gguf(metadata)
            .unwrap()
            .encode(text, false, true)
    };
    assert_eq!(ids(&metadata).len(), 5);
    metadata.insert("general.name", Value::String("Phi-3 mini".into()));
    assert_eq!(ids(&metadata), [300, u32::from(b'a')]);
}

#[test]
fn no_markup_is_made_of_what_is_foreign() {
    let tokenizer = byte_level();
    let text = "<|im_start|>a<|im_end|><tool>";
    let ids = |foreign: &[Range<usize>]| tokenizer.encode_prompt_around(text, foreign);
    let [a, of_the_end] = [12, 13];
    assert_eq!(ids(&[]), [300, u32::from(b'a'), 301, 302]);
    // From the "a" on, or one byte of the end: the markup is text then.
    for foreign in [a..text.len(), of_the_end..of_the_end + 1] {
        let ids = ids(std::slice::from_ref(&foreign));
        assert_eq!((ids[0], ids.last()), (300, Some(&302)));
        assert!(ids.len() > 10 && !ids.contains(&301), "{ids:?}");
        assert_eq!(tokenizer.decode(&ids), &text[a..]);
    }
    // An empty stretch is nothing.
    assert_eq!(ids(&[0..0, a..a]), ids(&[]));
    let bos = |add: bool, foreign: Range<usize>| {
        let mut metadata = byte_level_metadata("smollm");
        metadata.insert("tokenizer.ggml.add_bos_token", Value::Bool(add));
        let tokenizer = Tokenizer::from_gguf(&metadata).unwrap();
        tokenizer.encode_prompt_around("<|im_start|>", std::slice::from_ref(&foreign))[0]
    };
    // A BOS that somebody else wrote is none.
    assert_eq!(bos(true, 0..12), 300);
    assert_eq!(bos(false, 0..12), u32::from(b'<'));
}

#[test]
fn a_special_token_of_half_a_character_is_none() {
    let mut metadata = byte_level_metadata("smollm");
    let tokens = metadata
        .strings("tokenizer.ggml.tokens")
        .unwrap()
        .unwrap()
        .iter()
        .chain([&b"\xc3"[..]])
        .collect();
    let types = metadata
        .integers("tokenizer.ggml.token_type")
        .unwrap()
        .unwrap()
        .iter()
        .chain([USER_DEFINED])
        .collect();
    metadata.insert("tokenizer.ggml.tokens", Value::Strings(tokens));
    metadata.insert("tokenizer.ggml.token_type", Value::Integers(types));
    let tokenizer = Tokenizer::from_gguf(&metadata).unwrap();
    assert_eq!(tokenizer.encode("é", false, true), [0xc3, 0xa9]);
}

#[test]
fn word_pieces_are_the_longest_and_a_word_is_known_as_a_whole() {
    let pieces = ["▁un", "▁una", "able", "ff", "▁a", "▁,", "▁我", "▁é"];
    let mut tokens: Vec<_> = pieces.map(|text| (text.to_owned(), NORMAL, 0.0)).into();
    tokens.push(("[UNK]".into(), CONTROL, 0.0));
    let mut metadata = metadata("bert", &tokens);
    metadata.insert("tokenizer.ggml.unknown_token_id", Value::Unsigned(8));
    let ids = |metadata: &Metadata, text: &str| {
        Tokenizer::from_gguf(metadata)
            .unwrap()
            .encode(text, false, false)
    };
    // "▁una" is longest, after which "ble" is none: greedy, and so unknown.
    assert_eq!(ids(&metadata, "unable"), [8]);
    assert_eq!(ids(&metadata, "UN\tunaff"), [0, 1, 3]);
    assert_eq!(ids(&metadata, "á,我a\u{200d}"), [4, 5, 6, 4]);
    assert_eq!(ids(&metadata, "é"), [8]);
    metadata.insert("tokenizer.ggml.normalizer.lowercase", Value::Bool(false));
    assert_eq!(ids(&metadata, "é UN"), [7, 8]);
}

#[test]
fn the_best_sum_of_scores_wins_and_unknown_runs_are_one() {
    let tokens = [
        ("<pad>", CONTROL, 0.0),
        ("</s>", CONTROL, 0.0),
        ("<unk>", UNKNOWN, 0.0),
        ("▁", NORMAL, -3.0),
        ("▁a", NORMAL, -2.0),
        ("ab", NORMAL, -1.0),
        ("b", NORMAL, -2.5),
        ("▁ab", NORMAL, -4.2),
    ]
    .map(|(text, kind, score)| (text.to_owned(), kind, score));
    let mut metadata = metadata("t5", &tokens);
    metadata.insert("tokenizer.ggml.remove_extra_whitespaces", Value::Bool(true));
    let tokenizer = Tokenizer::from_gguf(&metadata).unwrap();
    // "▁"+"ab" is -4, "▁ab" -4.2 and "▁a"+"b" -4.5.
    assert_eq!(tokenizer.encode(" ab  ab ", true, false), [3, 5, 3, 5, 1]);
    assert_eq!(tokenizer.encode("xyb", false, false), [3, 2, 6]);
    assert_eq!(tokenizer.decode(&[3, 5, 3, 5, 1]), "ab ab");
    assert_eq!(tokenizer.encode(" ", false, false), [0; 0]);
}

#[test]
fn broken_and_unknown_tokenizers_are_named() {
    let message = |metadata: &Metadata| Tokenizer::from_gguf(metadata).unwrap_err().to_string();
    assert!(message(&Metadata::default()).contains("tokenizer.ggml.model"));
    assert!(
        message(&metadata("dna", &[])).contains("'dna' is not supported (known: gpt2, llama, bert")
    );
    assert!(
        message(&byte_level_metadata("llama9"))
            .contains("'llama9' is not supported (known: llama-bpe")
    );
    let mut broken = byte_level_metadata("smollm");
    broken.insert(
        "tokenizer.ggml.merges",
        Value::Strings(["ab"].iter().collect()),
    );
    assert!(message(&broken).contains("'ab'"));
    broken.insert(
        "tokenizer.ggml.token_type",
        Value::Integers([1; 3].into_iter().collect()),
    );
    assert!(message(&broken).contains("only 3 entries"));
    let mut broken = sentence_piece_metadata();
    broken.insert(
        "tokenizer.ggml.scores",
        Value::Floats([0.0].into_iter().collect()),
    );
    assert!(message(&broken).contains("tokenizer.ggml.scores"));
    broken.insert(
        "tokenizer.ggml.tokens",
        Value::Strings(Strings::from_iter([""; 0])),
    );
    assert!(message(&broken).contains("tokenizer.ggml.tokens"));
}

#[test]
fn ids_beyond_the_vocabulary_show_nothing() {
    let mut metadata = byte_level_metadata("smollm");
    metadata.insert(
        "tokenizer.ggml.bos_token_id",
        Value::Unsigned(u64::from(u32::MAX)),
    );
    let tokenizer = Tokenizer::from_gguf(&metadata).unwrap();
    assert_eq!(tokenizer.bos(), None);
    assert_eq!(tokenizer.decode(&[9_999, u32::MAX]), "");
}

#[test]
fn a_long_line_takes_no_quadratic_time() {
    // At n² this would be 10^12 steps, hours; at n log n it is a moment.
    let line = "ab".repeat(500_000);
    for tokenizer in [byte_level(), sentence_piece()] {
        let ids = tokenizer.encode(&line, false, false);
        assert_eq!(tokenizer.decode(&ids), line);
    }
}

/// The texts that are slow where the work is not linear, and words.
fn hard_texts(length: usize) -> Vec<(&'static str, String)> {
    let mut state = 1_u64;
    let mut random = |count: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % count
    };
    let mut of = |first: char, count: u64| {
        let codes = (0..length).map(|_| u32::from(first) + random(count) as u32);
        let text = codes.filter_map(char::from_u32);
        text.scan(0, |size, it| {
            *size += it.len_utf8();
            (*size <= length).then_some(it)
        })
        .collect::<String>()
    };
    let letters = of('a', 26);
    let words = letters.replace(['q', 'e'], " ");
    vec![
        ("digits", of('0', 10)),
        ("emoji", of('\u{1f600}', 64)),
        ("Han", of('\u{4e00}', 4000)),
        ("characters", of('\u{20}', 0xd000)),
        ("letters", letters),
        ("words", words),
        ("one letter", "a".repeat(length)),
        ("spaces", " ".repeat(length)),
        ("line ends", "\n".repeat(length)),
        ("markup", "<|im_<unused<0x0<".repeat(length / 17)),
    ]
}

/// On one vocabulary of llama.cpp's tests for each way to cut and to join.
#[test]
fn the_work_grows_no_faster_than_n_log_n() {
    let folder = std::env::var_os("LLM_TEST_ORACLE").map(PathBuf::from);
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let folder = folder.unwrap_or(models).join("ggml-vocab");
    for name in [
        "gpt-2",
        "llama-bpe",
        "qwen35",
        "deepseek-coder",
        "deepseek-llm",
        "falcon",
        "starcoder",
        "gemma-4",
        "llama-spm",
        "bert-bge",
        "nomic-bert-moe",
    ] {
        let gguf = Gguf::open(&[folder.join(format!("ggml-vocab-{name}.gguf"))])
            .expect("scripts/fetch-test-models fetches the vocabularies");
        let tokenizer = Tokenizer::from_gguf(gguf.metadata()).unwrap();
        let _ = tokenizer.encode(&"a ".repeat(4096), false, false); // makes the tables
        for ((about, short), (_, long)) in hard_texts(1 << 16).iter().zip(hard_texts(1 << 20)) {
            let steps = |text: &str| {
                steps::taken(|| {
                    tokenizer.encode(text, false, true);
                })
            };
            let (few, many) = (steps(short), steps(&long));
            assert!(few > short.chars().count() / 2, "{name}, {about}: {few}");
            // 16 times the text, and log n by a quarter; quadratic is 256.
            assert!(many <= few * 20, "{name}, {about}: {few}, {many}");
        }
    }
}

#[test]
fn a_text_that_is_handed_on_in_parts_has_the_same_tokens() {
    let never = Cancellation::default();
    for tokenizer in [byte_level(), sentence_piece()] {
        for (about, text) in hard_texts(1 << 18) {
            let mut parts = Vec::new();
            let mut count = 0;
            let result = tokenizer.encode_each(&text, true, false, &never, &mut |ids| {
                parts.extend_from_slice(ids);
                count += 1;
            });
            assert_eq!(result, Ok(()));
            assert!(parts == tokenizer.encode(&text, true, false), "{about}");
            assert!(count > 1 || parts.len() < 1 << 15, "{about}: {count}");
        }
    }
}

#[test]
fn a_text_that_is_not_wanted_ends_soon_and_leaves_nothing_behind() {
    let over = Cancellation::default().within(std::time::Duration::ZERO);
    for tokenizer in [byte_level(), sentence_piece()] {
        for (about, text) in hard_texts(1 << 18) {
            let expected = tokenizer.encode(&text, false, false);
            let steps = steps::taken(|| {
                let ended = tokenizer.encode_within(&text, false, false, &over);
                assert_eq!(ended, Err(Cancelled::TimedOut), "{about}");
            });
            let whole = steps::taken(|| {
                assert!(tokenizer.encode(&text, false, false) == expected, "{about}");
            });
            // To cut the text into pieces goes on to its end; to join them does not.
            let is_joined = about == "one letter";
            assert!(
                steps < whole + usize::from(!is_joined),
                "{about}: {steps} of {whole}"
            );
        }
    }
}

#[test]
fn characters_arrive_whole() {
    let tokenizer = byte_level();
    let mut decoder = tokenizer.decoder();
    let given: Vec<_> = "a🦙"
        .bytes()
        .map(|byte| decoder.push(byte.into()).to_string())
        .collect();
    assert_eq!(given, ["a", "", "", "", "🦙"]);
    assert_eq!(decoder.push(0xf0), "");
    assert_eq!(decoder.push(0x9f), "");
    assert_eq!(decoder.push(u32::from(b'x')), "\u{fffd}x");
    assert_eq!(decoder.push(0xe2), "");
    assert_eq!(decoder.finish(), "\u{fffd}");
    assert_eq!(decoder.finish(), "");
}

proptest! {
    #[test]
    fn streamed_text_is_the_text_of_all_bytes(ids in prop::collection::vec(0_u32..310, 0..60)) {
        let tokenizer = byte_level();
        let mut decoder = tokenizer.decoder();
        let mut streamed = String::new();
        for &id in &ids {
            streamed.push_str(decoder.push(id));
        }
        streamed.push_str(decoder.finish());
        let shown = ids.iter().filter(|&&id| !tokenizer.is_markup(id));
        let bytes: Vec<u8> = shown.flat_map(|&id| tokenizer.token_bytes(id)).collect();
        prop_assert_eq!(&streamed, &String::from_utf8_lossy(&bytes));
        prop_assert_eq!(streamed, tokenizer.decode(&ids));
    }

    #[test]
    fn any_text_comes_back(text in "\\PC{0,60}|[ab \\n<s>|im_startend]{0,60}") {
        let plain = text.replace('▁', "");
        for tokenizer in [byte_level(), sentence_piece()] {
            let ids = tokenizer.encode(&plain, true, false);
            prop_assert_eq!(tokenizer.decode(&ids), plain.clone());
        }
    }
}

/// A key of another type is named, and is never as good as absent.
#[test]
fn a_key_of_another_type_is_refused_by_name() {
    let text = || Value::String("x".into());
    let texts = || Value::Strings(["x"].into_iter().collect());
    let integers = || Value::Integers([1, 2].into_iter().collect());
    let flags = ["add_bos_token", "add_eos_token", "add_space_prefix"];
    let ids = ["bos_token_id", "unknown_token_id", "padding_token_id"];
    let lists = ["eos_token_id", "eot_token_id", "eom_token_id"];
    for metadata in [byte_level_metadata("smollm"), sentence_piece_metadata()] {
        let refuses = |name: &str, value: Value| {
            let mut changed = metadata.clone();
            let key = format!("tokenizer.ggml.{name}");
            let what = format!("{name} = {value:?}");
            changed.insert(&*key, value);
            let told = Tokenizer::from_gguf(&changed).unwrap_err().to_string();
            assert!(told.contains(&format!("'{key}' is ")), "{what}: {told}");
        };
        for name in ["model", "tokens", "token_type"] {
            refuses(name, Value::Unsigned(3));
            refuses(name, Value::Floats([1.0].into_iter().collect()));
        }
        for name in ids.into_iter().chain(lists) {
            for value in [
                text(),
                texts(),
                Value::Float(2.0),
                Value::Bool(true),
                Value::Signed(-2),
            ] {
                refuses(name, value);
            }
        }
        ids.iter().for_each(|name| refuses(name, integers()));
        refuses(
            "eos_token_id",
            Value::Integers([1, -7].into_iter().collect()),
        );
        for name in flags.iter().take(2) {
            refuses(name, text());
            refuses(name, Value::Unsigned(1));
        }
    }
    let refuses = |metadata: Metadata, name: &str, value: Value| {
        let mut changed = metadata;
        changed.insert(format!("tokenizer.ggml.{name}"), value);
        let told = Tokenizer::from_gguf(&changed).unwrap_err().to_string();
        assert!(told.contains(name), "{told}");
    };
    refuses(byte_level_metadata("smollm"), "pre", integers());
    refuses(byte_level_metadata("smollm"), "merges", text());
    refuses(sentence_piece_metadata(), "scores", integers());
    refuses(sentence_piece_metadata(), "add_space_prefix", text());
}

/// A list of ends is what transformers takes too: each of them ends an answer, and
/// the first is written.
#[test]
fn a_list_of_ends_ends_answers_at_each() {
    let mut metadata = byte_level_metadata("smollm");
    let ends = Value::Integers([303, 7].into_iter().collect());
    metadata.insert("tokenizer.ggml.eos_token_id", ends);
    let tokenizer = Tokenizer::from_gguf(&metadata).unwrap();
    assert_eq!(tokenizer.eos(), Some(303));
    // <|im_end|> is one by its text.
    assert_eq!(tokenizer.eog_ids(), [7, 301, 303]);
}

#[test]
fn what_is_unusual_is_warned_of() {
    let whole = byte_level_metadata("smollm");
    assert_eq!(Tokenizer::from_gguf(&whole).unwrap().warnings(), []);
    let mut nameless = Metadata::default();
    for (key, value) in whole.iter().filter(|(key, _)| *key != "tokenizer.ggml.pre") {
        nameless.insert(key, value.clone());
    }
    let found = Tokenizer::from_gguf(&nameless).unwrap();
    assert_eq!(found.warnings(), [TokenizerWarning::NoPreTokenizer]);
    assert_eq!(found.kind(), "gpt2/default");
    // SentencePiece has no such kinds.
    let sentence_piece = sentence_piece();
    assert_eq!(sentence_piece.warnings(), []);
    for (id, tokens) in [
        (Value::Unsigned(304), 1),
        (Value::Unsigned(u64::from(u32::MAX)), 0),
    ] {
        let mut changed = whole.clone();
        changed.insert("tokenizer.ggml.padding_token_id", id);
        let found = Tokenizer::from_gguf(&changed).unwrap();
        assert_eq!(found.warnings().len(), tokens);
    }
}
