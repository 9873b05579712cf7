//! Cuts special tokens out of text before anything else looks at it.
//!
//! The longest token at the leftmost place wins, as Hugging Face tokenizers
//! do it. (llama.cpp looks for one token after another, the longest first,
//! which differs only where two of them overlap in part.) One pass over the
//! text, whatever the number of special tokens.

use std::collections::HashMap;

use super::vocabulary::{TokenType, Vocabulary};

/// A stretch of text, or a special token that stood in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fragment<'t> {
    /// Text without special tokens, never empty.
    Text(&'t str),
    /// A special token.
    Token(u32),
}

#[derive(Debug, Clone, Copy)]
struct Special {
    id: u32,
    /// Found in any text, rather than on request only.
    always: bool,
    /// Swallows the white space that follows it.
    strips_right: bool,
}

/// All special tokens of a vocabulary.
#[derive(Debug)]
pub(super) struct Specials {
    by_text: HashMap<String, Special>,
    /// For each first byte the lengths that occur, the longest first.
    lengths: Vec<Vec<usize>>,
}

impl Specials {
    /// Collects them from `vocabulary`, whose tokens are written `texts`.
    /// `phi3`: apply what the converter cannot write down for Phi-3, whose
    /// markup swallows the white space after it.
    pub(super) fn new(vocabulary: &Vocabulary, texts: &[String], phi3: bool) -> Self {
        let mut by_text = HashMap::new();
        let mut lengths = vec![Vec::new(); 256];
        for ((text, &kind), id) in texts.iter().zip(&vocabulary.types).zip(0..) {
            let always = kind == TokenType::UserDefined;
            let Some(&first) = text.as_bytes().first() else {
                continue;
            };
            if !always && !kind.is_markup() {
                continue;
            }
            let strips_right = phi3 && !matches!(text.as_str(), "<unk>" | "<s>" | "<|endoftext|>");
            by_text.entry(text.clone()).or_insert(Special {
                id,
                always,
                strips_right,
            });
            lengths[usize::from(first)].push(text.len());
        }
        for list in &mut lengths {
            list.sort_unstable_by(|a, b| b.cmp(a));
            list.dedup();
        }
        Self { by_text, lengths }
    }

    /// Cuts `text`, at markup too if `markup` is set.
    pub(super) fn cut<'t>(&self, text: &'t str, markup: bool) -> Vec<Fragment<'t>> {
        let mut fragments = Vec::new();
        let (mut start, mut at) = (0, 0);
        while let Some(&byte) = text.as_bytes().get(at) {
            let found = if text.is_char_boundary(at) && !self.lengths[usize::from(byte)].is_empty()
            {
                self.at_start(&text[at..], markup)
            } else {
                None
            };
            let Some((length, special)) = found else {
                at += 1;
                continue;
            };
            if start < at {
                fragments.push(Fragment::Text(&text[start..at]));
            }
            fragments.push(Fragment::Token(special.id));
            at += length;
            if special.strips_right {
                // The white space of C's `isspace`.
                let rest = text[at..].trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
                at = text.len() - rest.len();
            }
            start = at;
        }
        if start < text.len() {
            fragments.push(Fragment::Text(&text[start..]));
        }
        fragments
    }

    /// Returns the longest special token that `text` begins with.
    fn at_start(&self, text: &str, markup: bool) -> Option<(usize, Special)> {
        let first = *text.as_bytes().first()?;
        let lengths = self.lengths[usize::from(first)].iter();
        lengths
            .filter_map(|&length| {
                let special = self.by_text.get(text.get(..length)?)?;
                Some((length, *special))
            })
            .find(|(_, special)| markup || special.always)
    }
}
