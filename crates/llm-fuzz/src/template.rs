//! Chat templates, parsed, and the answers' reasoning, which their source tells
//! how to find. Rendering is left out: a template is a program, and what bounds
//! a hostile one stands around it.

use llm_prompt::ChatTemplate;
use llm_prompt::reasoning::{Markers, Piece, Splitter};

use crate::scratch::named;

/// Parses the source of a template.
pub fn template(data: &[u8]) {
    let source = String::from_utf8_lossy(data);
    let _ = Markers::find(&source);
    if let Ok(template) = ChatTemplate::new(&source) {
        // What is told of a template must make the same one again.
        assert!(ChatTemplate::new(template.source()).is_ok());
    }
}

/// What the sources of templates show of how they mark reasoning, one of each
/// kind.
const SOURCES: [&str; 6] = [
    "</think>",
    "</think> between <response></response>",
    "<|channel|>analysis <|message|>",
    "to=self<|message|>",
    "<|think|><|begin|>assistant<|content|>",
    "[BEGIN FINAL RESPONSE] ... [END FINAL RESPONSE]",
];

/// Bytes of an answer that are looked at: what is held back in doubt is looked
/// through again with every piece.
const LONGEST_ANSWER: usize = 4 << 10;

/// Takes an answer apart, as a whole and in pieces. The first byte chooses the
/// markers; a byte 0 ends a piece, a byte 1 one that is a control token's.
pub fn reasoning(data: &[u8]) {
    let Some((choice, stream)) = data.split_first() else {
        return;
    };
    let markers = Markers::find(SOURCES[usize::from(*choice) % SOURCES.len()]);
    let (prompt, stream) = named(stream);
    let stream = &stream[..stream.len().min(LONGEST_ANSWER)];
    let split = |each: bool| {
        let mut splitter = Splitter::new(markers.clone(), prompt);
        let mut parts = [String::new(), String::new()];
        let mut pushed = 0;
        for piece in stream.split_inclusive(|byte| *byte < 2) {
            let hidden = piece.last() == Some(&1);
            let text = String::from_utf8_lossy(piece);
            let text = text.trim_end_matches(['\0', '\u{1}']);
            pushed += text.len();
            let width = |character: char| character.len_utf8();
            let mut rest = text;
            while !rest.is_empty() {
                let first = rest.chars().next().map_or(0, width);
                let (now, later) = rest.split_at(if each { first } else { rest.len() });
                add(&mut parts, splitter.push(now, hidden));
                rest = later;
            }
        }
        add(&mut parts, splitter.finish());
        assert!(parts.iter().map(String::len).sum::<usize>() <= pushed);
        parts
    };
    assert_eq!(split(true), split(false));
}

fn add(parts: &mut [String; 2], pieces: Vec<Piece>) {
    for piece in pieces {
        match piece {
            Piece::Answer(text) => parts[0].push_str(&text),
            Piece::Reasoning(text) => parts[1].push_str(&text),
            Piece::Markup(_) => {}
        }
    }
}
