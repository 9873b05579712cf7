//! Tests of the pre-tokenizers: pieces worked out by hand from the published
//! patterns, and the patterns' own guarantee that nothing is lost.

use proptest::prelude::*;

use super::*;

fn pieces(stages: &[Stage], text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    split(stages, text, &mut |piece| pieces.push(piece.to_string()));
    pieces
}

#[test]
fn gpt2() {
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
        assert_eq!(pieces(&[gpt2_word], text), expected, "{text:?}");
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
        assert_eq!(pieces(&[llama3_word], text), expected, "{text:?}");
    }
    assert_eq!(pieces(&[qwen2_word], "a12"), ["a", "1", "2"]);
    assert_eq!(pieces(&[qwen2_word], "e\u{301}t"), ["e", "\u{301}t"]);
    assert_eq!(pieces(&[qwen35_word], "e\u{301}t"), ["e\u{301}t"]);
}

#[test]
fn several_stages_cut_the_pieces_of_the_one_before() {
    let smollm: [Stage; 2] = [single_number, gpt2_word];
    // The second stage cannot see the digit after the spaces.
    assert_eq!(pieces(&smollm, "a  12 b"), ["a", "  ", "1", "2", " b"]);
    let default: [Stage; 4] = [punctuation, gpt2_word, numbers, three_digits];
    assert_eq!(
        pieces(&default, "x, 12345."),
        ["x", ",", " ", "123", "45", "."]
    );
    let falcon: [Stage; 3] = [falcon_punctuation, gpt2_word, three_digits];
    assert_eq!(
        pieces(&falcon, "`1234 5678"),
        ["`", "123", "4", " ", "567", "8"]
    );
}

proptest! {
    #[test]
    fn nothing_is_lost(text in "[ \\t\\n\\ra-c'sSé你1٣.,!🦙\\u{301}\\u{a0}]{0,40}|\\PC{0,40}") {
        let kinds: [&[Stage]; 6] = [
            &[gpt2_word],
            &[llama3_word],
            &[qwen2_word],
            &[qwen35_word],
            &[single_number, gpt2_word],
            &[punctuation, gpt2_word, numbers, three_digits],
        ];
        for stages in kinds {
            let pieces = pieces(stages, &text);
            prop_assert!(pieces.iter().all(|piece| !piece.is_empty()));
            prop_assert_eq!(pieces.concat(), text.clone());
        }
    }
}
