//! Tests of splitting: what comes out, and that no cutting of the stream
//! changes it.

use proptest::prelude::*;

use super::*;

/// A stretch of a stream: text, and whether it is a control token's.
type Stretch = (&'static str, bool);

/// Splits a stream that comes in these pieces; returns reasoning and answer.
fn split(template: &str, prompt: &str, pieces: &[(String, bool)]) -> (String, String) {
    let mut splitter = Splitter::new(Markers::find(template), prompt);
    let (mut reasoning, mut answer) = (String::new(), String::new());
    let mut take = |pieces: Vec<Piece>| {
        for piece in pieces {
            match piece {
                Piece::Reasoning(text) => reasoning.push_str(&text),
                Piece::Markup(_) => unreachable!("markup is not kept"),
                Piece::Answer(text) => answer.push_str(&text),
            }
        }
    };
    for (text, hidden) in pieces {
        take(splitter.push(text, *hidden));
    }
    take(splitter.finish());
    (reasoning, answer)
}

const THINK: &str = "{{ '<think>' }}{{ '</think>' }}";
const HARMONY: &str = "<|channel|>analysis<|message|>";
const GEMMA: &str = "<|channel>thought\\n<channel|>";
const SOLAR: &str = "<|begin|>assistant<|think|><|end|><|content|>";
const GRANITE: &str = "between <think></think> and between <response></response>";
const APRIEL: &str = "as: [BEGIN FINAL RESPONSE] ... [END FINAL RESPONSE]";
const KIMI: &str = "{{ open_tag('think') }}{{ open_tag('response') }}";

/// What is said, after which prompt and by which template, and what is
/// reasoning and answer in it.
const STREAMS: &[(&str, &str, &[Stretch], &str, &str)] = &[
    // No markers known, or none used: all is answer.
    (
        "",
        "",
        &[("<think>a</think>b", false)],
        "",
        "<think>a</think>b",
    ),
    (THINK, "", &[("  plain", false)], "", "  plain"),
    // Fences as text and as control tokens, begun by the model or the prompt.
    (
        THINK,
        "",
        &[("<think>\na\n\nb\n</think>\n\nc\n", false)],
        "a\n\nb",
        "c\n",
    ),
    (
        THINK,
        "",
        &[
            ("\n", false),
            ("<think>", true),
            (" a ", false),
            ("</think>", true),
            (" c", false),
        ],
        "a",
        "c",
    ),
    (THINK, "x<think>\n", &[("a</think>b", false)], "a", "b"),
    // Cut in the middle, and never begun.
    (THINK, "<think>", &[("a\n", false)], "a", ""),
    (THINK, "<think>", &[("</think>", false)], "", ""),
    // A text may speak of markers, in quotes, in code, or without an end.
    (
        THINK,
        "",
        &[("Use <think> here", false)],
        "",
        "Use <think> here",
    ),
    (
        THINK,
        "",
        &[("Use `<think>` and `</think>`.", false)],
        "",
        "Use `<think>` and `</think>`.",
    ),
    (
        THINK,
        "",
        &[("So:\n```\n<think>\na\n</think>\n```\nb", false)],
        "",
        "So:\n```\n<think>\na\n</think>\n```\nb",
    ),
    // Reasoning again: at a line's beginning, with its end, or after code.
    (
        THINK,
        "",
        &[("<think>a</think>b\n<think>\nc", false)],
        "a\nc",
        "b\n",
    ),
    (
        THINK,
        "",
        &[("a.<think>b</think>\n\nc `<think>` d", false)],
        "b",
        "a.\n\nc `<think>` d",
    ),
    (
        THINK,
        "",
        &[("~~~\n<think>\n~~~\n  <think>a</think>b", false)],
        "a",
        "~~~\n<think>\n~~~\n  b",
    ),
    (
        GRANITE,
        "",
        &[(
            "<think>a</think><response>b <think>c</think>d</response>",
            false,
        )],
        "a\nc",
        "b d",
    ),
    // A control token is a marker anywhere.
    (
        THINK,
        "",
        &[
            ("a ", false),
            ("<think>", true),
            ("b", false),
            ("</think>", true),
            ("c", false),
        ],
        "b",
        "a c",
    ),
    // Two blocks, each on a line of its own; other control tokens are hidden.
    (
        THINK,
        "",
        &[
            ("<think>a</think> <think>b</think>c", false),
            ("<|x|>", true),
        ],
        "a\nb",
        "c",
    ),
    // What stands around an answer is no part of it.
    (
        GRANITE,
        "",
        &[("<think>a</think>\n<response>b</response>", false)],
        "a",
        "b",
    ),
    (
        KIMI,
        "<|open|>think<|sep|>",
        &[
            ("a", false),
            ("<|close|>", true),
            ("think", false),
            ("<|sep|>", true),
            ("<|open|>", true),
            ("response", false),
            ("<|sep|>", true),
            ("b", false),
            ("<|close|>", true),
            ("response", false),
            ("<|sep|>", true),
        ],
        "a",
        "b",
    ),
    (
        APRIEL,
        "",
        &[(
            "Here are my reasoning steps:\na\n[BEGIN FINAL RESPONSE]\nb\n[END FINAL RESPONSE]\n",
            false,
        )],
        "a",
        "b\n",
    ),
    (
        GEMMA,
        "<|turn>model\n",
        &[
            ("<|channel>", true),
            ("thought\na\n", false),
            ("<channel|>", true),
            ("b", false),
        ],
        "a",
        "b",
    ),
    // Channels.
    (
        HARMONY,
        "<|start|>assistant",
        &[
            ("<|channel|>", true),
            ("analysis", false),
            ("<|message|>", true),
            ("a", false),
            ("<|end|>", true),
            ("<|start|>", true),
            ("assistant", false),
            ("<|channel|>", true),
            ("final", false),
            ("<|message|>", true),
            ("b", false),
            ("<|return|>", true),
        ],
        "a",
        "b",
    ),
    (
        HARMONY,
        "<|start|>assistant",
        &[
            ("<|channel|>", true),
            ("analysis", false),
            ("<|message|>", true),
            ("a", false),
        ],
        "a",
        "",
    ),
    // Cut in a header, and a model that knows no headers.
    (
        HARMONY,
        "<|start|>assistant",
        &[("<|channel|>", true), ("anal", false)],
        "",
        "",
    ),
    (
        HARMONY,
        "<|start|>assistant",
        &[("Hello", false)],
        "",
        "Hello",
    ),
    (
        SOLAR,
        "<|begin|>assistant",
        &[
            ("<|think|>", true),
            ("a", false),
            ("<|end|>", true),
            ("<|begin|>", true),
            ("assistant", false),
            ("<|content|>", true),
            ("b", false),
        ],
        "a",
        "b",
    ),
];

/// Cuts stretches after the given numbers of characters.
fn cut(stretches: &[Stretch], lengths: &[usize]) -> Vec<(String, bool)> {
    let mut lengths = lengths.iter().copied().cycle();
    let mut pieces = Vec::new();
    for (text, hidden) in stretches {
        let mut rest: Vec<char> = text.chars().collect();
        // A control token comes as one.
        while !hidden && !rest.is_empty() {
            let length = lengths.next().unwrap_or(1).clamp(1, rest.len());
            pieces.push((rest.drain(..length).collect(), false));
        }
        if *hidden {
            pieces.push((rest.into_iter().collect(), true));
        }
    }
    pieces
}

#[test]
fn streams_are_split() {
    for (template, prompt, stretches, reasoning, answer) in STREAMS {
        let found = split(template, prompt, &cut(stretches, &[usize::MAX]));
        let wanted = ((*reasoning).to_owned(), (*answer).to_owned());
        assert_eq!(found, wanted, "{template} {stretches:?}");
    }
}

#[test]
fn a_state_is_told() {
    let mut splitter = Splitter::new(Markers::find(THINK), "<think>\n");
    assert!(splitter.is_reasoning());
    splitter.push("a</think", false);
    assert!(splitter.is_reasoning());
    splitter.push(">", false);
    assert!(!splitter.is_reasoning());
}

#[test]
fn a_block_in_doubt_is_told_until_its_end_comes() {
    let mut splitter = Splitter::new(Markers::find(THINK), "");
    assert_eq!(
        splitter.push("a <think>", false),
        [Piece::Answer("a ".to_owned())]
    );
    assert!(splitter.is_doubtful() && !splitter.is_reasoning());
    assert_eq!(splitter.push("b", false), []);
    assert_eq!(splitter.settled(), 0);
    assert_eq!(
        splitter.push("</think>c", false),
        [
            Piece::Reasoning("b".to_owned()),
            Piece::Answer("c".to_owned())
        ]
    );
    assert!(!splitter.is_doubtful());
    assert_eq!(splitter.settled(), 1);
}

proptest! {
    #[test]
    fn cutting_changes_nothing(
        stream in 0..STREAMS.len(),
        lengths in prop::collection::vec(1_usize..9, 1..12),
    ) {
        let (template, prompt, stretches, _, _) = STREAMS[stream];
        let whole = split(template, prompt, &cut(stretches, &[usize::MAX]));
        prop_assert_eq!(split(template, prompt, &cut(stretches, &lengths)), whole);
    }

    #[test]
    fn any_stream_is_split_alike_whatever_its_pieces(
        template in prop::sample::select(vec![THINK, HARMONY, GEMMA, SOLAR, GRANITE, KIMI]),
        prompt in prop::sample::select(vec!["", "<think>", "<|start|>assistant", "<|begin|>x"]),
        parts in prop::collection::vec(
            prop::sample::select(vec![
                ("<think>", false), ("<think>", true), ("</think>", false), ("</think>", true),
                ("<thi", false), ("</", false), (" ", false), ("`", false), ("```", false), ("\n", false), ("a", false),
                ("<response>", false), ("</response>", false), ("<|channel>", true),
                ("thought", false), ("<channel|>", true), ("<|start|>", true),
                ("<|channel|>", true), ("analysis", false), ("<|message|>", true),
                ("<|end|>", true), ("<|think|>", true), ("<|content|>", true), ("é🦙", false),
            ]),
            0..14,
        ),
        lengths in prop::collection::vec(1_usize..9, 1..8),
    ) {
        let whole = split(template, prompt, &cut(&parts, &[usize::MAX]));
        let cut = split(template, prompt, &cut(&parts, &lengths));
        prop_assert_eq!(&cut, &whole);
        // Nothing is made up, and control tokens are not shown.
        let shown: usize = parts.iter().filter(|(_, hidden)| !hidden).map(|(text, _)| text.len()).sum();
        let breaks = whole.0.matches('\n').count();
        prop_assert!(whole.0.len() + whole.1.len() <= shown + breaks);
    }
}
