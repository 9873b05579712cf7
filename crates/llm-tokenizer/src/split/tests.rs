//! Tests of the pre-tokenizers: pieces worked out by hand from the published
//! patterns, and the patterns' own guarantee that nothing is lost.

use proptest::prelude::*;

use super::*;
use crate::pre_tokenizer;

fn pieces(stages: &[Stage], text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    split(stages, text, &mut |piece| pieces.push(piece.to_string()));
    pieces
}

#[test]
fn words_of_gpt2() {
    for (text, expected) in [
        ("", vec![]),
        ("Hello  world", vec!["Hello", " ", " world"]),
        ("it's 'S 're", vec!["it", "'s", " '", "S", " '", "re"]),
        ("a1234 56!? x", vec!["a", "1234", " 56", "!?", " x"]),
        ("x \n\n y", vec!["x", " \n\n", " y"]),
        ("end \n ", vec!["end", " \n "]),
        ("\n\tx", vec!["\n", "\t", "x"]),
        ("e\u{301}t", vec!["e", "\u{301}", "t"]),
    ] {
        assert_eq!(pieces(&[gpt2], text), expected, "{text:?}");
    }
}

#[test]
fn llama3_and_qwen() {
    for (text, expected) in [
        ("I'LL we'Re", vec!["I", "'LL", " we", "'Re"]),
        ("12345 6", vec!["123", "45", " ", "6"]),
        ("(a) \"b", vec!["(a", ")", " \"", "b"]),
        ("x!!\r\n\ny", vec!["x", "!!\r\n\n", "y"]),
        ("a \n \n  b", vec!["a", " \n \n", " ", " b"]),
        ("\ta\u{a0}b", vec!["\ta", "\u{a0}b"]),
        ("a   ", vec!["a", "   "]),
    ] {
        assert_eq!(pieces(&[llama3], text), expected, "{text:?}");
    }
    assert_eq!(pieces(&[qwen2], "a12"), ["a", "1", "2"]);
    assert_eq!(pieces(&[qwen2], "e\u{301}t"), ["e", "\u{301}t"]);
    assert_eq!(pieces(&[qwen35], "e\u{301}t"), ["e\u{301}t"]);
}

#[test]
fn several_stages_cut_the_pieces_of_the_one_before() {
    let smollm: [Stage; 2] = [number, gpt2];
    // The second stage cannot see the digit after the spaces.
    assert_eq!(pieces(&smollm, "a  12 b"), ["a", "  ", "1", "2", " b"]);
    let default: [Stage; 4] = [punctuation, gpt2, numbers, three_digits];
    assert_eq!(
        pieces(&default, "x, 12345."),
        ["x", ",", " ", "123", "45", "."]
    );
    let falcon: [Stage; 3] = [falcon_punctuation, gpt2, three_digits];
    assert_eq!(
        pieces(&falcon, "`1234 5678"),
        ["`", "123", "4", " ", "567", "8"]
    );
}

#[test]
fn groups_of_digits_and_spaces() {
    let groups = |stage: Stage, text: &str| pieces(&[stage], text);
    assert_eq!(
        groups(numbers_from_the_right, "a12345²"),
        ["a", "123", "45²"]
    );
    // "12345" ends its word, "12345x" does not.
    assert_eq!(
        groups(digits_before_a_boundary, "12345 12345x 1"),
        ["12", "345", " 12345x ", "1"]
    );
    assert_eq!(
        groups(digits_from_the_right, "1234567"),
        ["1", "234", "567"]
    );
    assert_eq!(groups(digits_from_the_right, "½123"), ["½", "123"]);
    assert_eq!(groups(digits_from_the_right, "½12"), ["½12"]);
    let spaces = " ".repeat(9);
    assert_eq!(
        groups(jais2, &format!("a{spaces}b")),
        ["a", &spaces[..8], " b"]
    );
    assert_eq!(
        groups(jais2, &format!("{spaces}1")),
        [&spaces[..8], " ", "1"]
    );
    assert_eq!(groups(jais2, "a \n   "), ["a", " \n", "  ", " "]);
}

#[test]
fn words_end_where_upper_case_follows_lower_case() {
    for (text, expected) in [
        ("camelCaseÉtude", vec!["camel", "Case", "Étude"]),
        ("приветМир", vec!["привет", "Мир"]),
        ("HTTPServer's", vec!["HTTPServer's"]),
        ("中文AB", vec!["中文", "AB"]),
        ("नमस्ते दुनिया", vec!["नमस्ते", " दुनिया"]),
        ("a/b!/\n/c", vec!["a", "/b", "!/\n/", "c"]),
        ("\u{301}AB", vec!["\u{301}", "AB"]),
    ] {
        assert_eq!(pieces(&[gpt4o], text), expected, "{text:?}");
    }
    assert_eq!(pieces(&[tekken], "we'll12"), ["we", "'ll", "1", "2"]);
    assert_eq!(pieces(&[kimi_k2], "ab中文 Cd"), ["ab", "中文", " Cd"]);
}

/// Texts of many scripts and their pieces by Python's `regex` module and the
/// models' own patterns (`make_goldens.py` there says how).
#[test]
fn every_kind_cuts_as_its_pattern_does() {
    let texts = include_str!("../../tests/tokenizers/texts.json");
    let texts: Vec<String> = serde_json::from_str(texts).unwrap();
    let goldens = include_str!("../../tests/tokenizers/splits.txt");
    let mut lines = goldens.lines();
    let mut kinds = 0;
    while let Some(name) = lines.next() {
        let kind = pre_tokenizer::find(name).unwrap();
        for text in &texts {
            let expected = lines.next().unwrap();
            let found = pieces(kind.stages, text);
            let lengths: Vec<_> = found
                .iter()
                .map(|piece| piece.chars().count().to_string())
                .collect();
            assert_eq!(lengths.join(" "), expected, "{name}: {found:?}");
        }
        kinds += 1;
    }
    assert_eq!(kinds, 28);
}

/// At n² the slowest of these would take minutes each.
#[test]
fn every_kind_takes_linear_time() {
    let unlike = [
        "a", "A", " ", "1", "\n", "é", "中", "'", "\u{301}", "🦙", " \n", "a1", "\u{a0}",
        "A\u{301}",
    ];
    for kind in pre_tokenizer::all() {
        for part in unlike {
            let text = part.repeat((1 << 18) / part.len()) + "x";
            let mut length = 0;
            split(kind.stages, &text, &mut |piece| length += piece.len());
            assert_eq!(length, text.len(), "{:?}", kind.names);
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_lost(text in "[ \\t\\n\\ra-cA-C'sSé你1٣.,!/🦙\\u{301}\\u{a0}]{0,40}|\\PC{0,40}") {
        for kind in pre_tokenizer::all() {
            let pieces = pieces(kind.stages, &text);
            prop_assert!(pieces.iter().all(|piece| !piece.is_empty()), "{:?}", kind.names);
            prop_assert_eq!(pieces.concat(), text.clone(), "{:?}", kind.names);
        }
    }
}
