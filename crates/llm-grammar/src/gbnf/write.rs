//! A grammar over lexemes, as llguidance's Lark.

use std::fmt::Write as _;

use super::cut::{Cut, Lexeme, Piece};
use crate::regular::language::Language;
use crate::regular::pattern::Node;

/// Writes a grammar.
pub(super) fn lark(cut: &Cut) -> String {
    let mut text = String::from("%llguidance {}\n");
    for &rule in &cut.order {
        let name = if rule == 0 {
            "start".to_owned()
        } else {
            name(rule)
        };
        let body = written(cut, &cut.rules[&rule]);
        let _ = writeln!(text, "{name}: {body}");
    }
    if cut.rules.values().any(|piece| uses(piece, 0)) {
        text += "r0: start\n";
    }
    for (index, lexeme) in cut.lexemes.iter().enumerate() {
        let _ = writeln!(text, "L{index}: {}", pattern(lexeme));
    }
    text
}

fn name(rule: usize) -> String {
    format!("r{rule}")
}

fn uses(piece: &Piece, rule: usize) -> bool {
    match piece {
        Piece::Rule(other) => *other == rule,
        Piece::Lexeme(_) | Piece::Token(_) => false,
        Piece::Sequence(pieces) | Piece::Choice(pieces) => {
            pieces.iter().any(|piece| uses(piece, rule))
        }
        Piece::Repeat(inner, ..) => uses(inner, rule),
    }
}

/// Writes a lexeme's pattern; a lexeme holds at least one character, and the rules say where it may be
/// left out.
fn pattern(lexeme: &Lexeme) -> String {
    let node = Node::Concat(vec![Node::Start, lexeme.node.clone(), Node::End]);
    // Without anchors inside there is always a text.
    let text = Language::of(node).text().unwrap_or_default();
    let text = text.trim_start_matches('^').trim_end_matches('$');
    if lexeme.automaton.matches("") {
        format!("/{text}/ & /(?s:.+)/")
    } else {
        format!("/{text}/")
    }
}

fn written(cut: &Cut, piece: &Piece) -> String {
    match piece {
        Piece::Lexeme(lexeme) => {
            let automaton = &cut.lexemes[*lexeme].automaton;
            let optional = if automaton.matches("") { "?" } else { "" };
            if optional == "?" && !automaton.has_length(1, None) {
                return "\"\"".to_owned();
            }
            format!("L{lexeme}{optional}")
        }
        Piece::Token(token) => token.clone(),
        Piece::Rule(rule) => name(*rule),
        Piece::Sequence(pieces) if pieces.is_empty() => "\"\"".to_owned(),
        Piece::Sequence(pieces) => {
            let pieces = pieces.iter().map(|piece| written(cut, piece));
            format!("({})", pieces.collect::<Vec<_>>().join(" "))
        }
        Piece::Choice(pieces) => {
            let pieces = pieces.iter().map(|piece| written(cut, piece));
            format!("({})", pieces.collect::<Vec<_>>().join(" | "))
        }
        Piece::Repeat(inner, min, max) => {
            let quantifier = match (min, max) {
                (0, None) => "*".to_owned(),
                (1, None) => "+".to_owned(),
                (0, Some(1)) => "?".to_owned(),
                (min, None) => format!("{{{min},}}"),
                (min, Some(max)) => format!("{{{min},{max}}}"),
            };
            format!("({}){quantifier}", written(cut, inner))
        }
    }
}
