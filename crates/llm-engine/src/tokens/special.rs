//! Cuts special tokens out of text before anything else looks at it.
//!
//! The longest token at the leftmost place wins, as Hugging Face tokenizers
//! do it. (llama.cpp looks for one token after another, the longest first,
//! which differs only where two of them overlap in part.) One pass over the
//! text, whatever the number of special tokens.

use super::vocabulary::{TokenType, Vocabulary};

/// A stretch of text, or a special token that stood in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fragment<'t> {
    /// Text without special tokens, never empty.
    Text(&'t str),
    /// A special token.
    Token(u32),
}

/// Where special tokens can begin. Which ones there are, the vocabulary knows.
#[derive(Debug)]
pub(super) struct Specials {
    /// For each first byte the lengths that occur, the longest first.
    lengths: Vec<Vec<usize>>,
    /// Apply what the converter cannot write down for Phi-3: its markup
    /// swallows the white space after it.
    phi3: bool,
}

impl Specials {
    /// Collects them from `vocabulary`.
    pub(super) fn new(vocabulary: &Vocabulary, phi3: bool) -> Self {
        let mut lengths = vec![Vec::new(); 256];
        for (kind, id) in vocabulary.types.iter().zip(0..) {
            if !is_special(*kind, true) {
                continue;
            }
            let text = vocabulary.text(id);
            if let Some(&first) = text.first()
                && let Some(list) = lengths.get_mut(usize::from(first))
                && !list.contains(&text.len())
            {
                list.push(text.len());
            }
        }
        for list in &mut lengths {
            list.sort_unstable_by(|a, b| b.cmp(a));
        }
        Self { lengths, phi3 }
    }

    /// Cuts `text`, at markup too if `markup` is set.
    pub(super) fn cut<'t>(
        &self,
        vocabulary: &Vocabulary,
        text: &'t str,
        markup: bool,
    ) -> Vec<Fragment<'t>> {
        let mut fragments = Vec::new();
        let (mut start, mut at) = (0, 0);
        while let Some(&byte) = text.as_bytes().get(at) {
            let lengths = &self.lengths[usize::from(byte)];
            let found = text.get(at..).and_then(|rest| {
                let mut lengths = lengths.iter().filter_map(|&length| rest.get(..length));
                lengths.find_map(|text| {
                    let id = vocabulary.find(text.as_bytes(), |kind| is_special(kind, markup))?;
                    Some((text.len(), id))
                })
            });
            let Some((length, id)) = found else {
                at += 1;
                continue;
            };
            if start < at {
                fragments.push(Fragment::Text(&text[start..at]));
            }
            fragments.push(Fragment::Token(id));
            at += length;
            if self.phi3 && !matches!(vocabulary.text(id), b"<unk>" | b"<s>" | b"<|endoftext|>") {
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
}

/// Whether a token is cut out of text: user-defined ones always, markup on
/// request.
fn is_special(kind: TokenType, markup: bool) -> bool {
    kind == TokenType::UserDefined || (markup && kind.is_markup())
}
