//! Cuts special tokens out of text before anything else looks at it.
//!
//! The longest token at the leftmost place wins, as Hugging Face tokenizers
//! do it. (llama.cpp looks for one token after another, the longest first,
//! which differs only where two of them overlap in part.) One pass over the
//! text, whatever the number of special tokens.

use std::ops::Range;

use super::trie::Trie;
use super::vocabulary::{TokenType, Vocabulary};
use llm_gguf::{Metadata, ValueError};

/// A stretch of text, or a special token that stood in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fragment<'t> {
    /// Text without special tokens, never empty.
    Text(&'t str),
    /// A special token.
    Token(u32),
}

/// Where a text may be cut at markup.
#[derive(Debug, Clone, Copy)]
pub(super) enum Markup<'r> {
    /// Nowhere.
    Nowhere,
    /// Everywhere but in the foreign stretches.
    Outside(Foreign<'r>),
}

/// What came from outside, and which user-defined tokens it must not become.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Foreign<'r> {
    /// Byte ranges in order and apart.
    pub(super) stretches: &'r [Range<usize>],
    /// User-defined tokens that are treated as markup here, ascending.
    pub(super) marks: &'r [u32],
}

/// The tokens that are cut out of text. Which ones there are, the vocabulary
/// knows.
#[derive(Debug)]
pub(super) struct Specials {
    /// User-defined tokens, which are cut out always, and markup, which is on
    /// request.
    texts: Trie,
    strips: Strips,
}

/// White space that a special token swallows, which the converter cannot write
/// down and llama.cpp tells from the model's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strips {
    None,
    /// Phi-3: after its markup.
    After,
    /// Encoders for filling in words: before the mask of this id.
    Before(u32),
}

impl Specials {
    /// Collects them from `vocabulary`.
    pub(super) fn new(metadata: &Metadata, vocabulary: &Vocabulary) -> Result<Self, ValueError> {
        let tokens = vocabulary.types.iter().zip(0..);
        let ids = tokens.filter(|&(&kind, _)| kind == TokenType::UserDefined || kind.is_markup());
        let texts = ids.map(|(_, id)| (vocabulary.text(id), id));
        Ok(Self {
            // A part of a character would cut the text inside of it.
            texts: Trie::new(texts.filter(|(text, _)| str::from_utf8(text).is_ok())),
            strips: Strips::find(metadata, vocabulary)?,
        })
    }

    /// Cuts `text`, at `markup` too where that is allowed, and hands the fragments
    /// to `emit` in order, as long as that wants more.
    pub(super) fn cut<'t>(
        &self,
        vocabulary: &Vocabulary,
        text: &'t str,
        markup: Markup,
        emit: &mut dyn FnMut(Fragment<'t>) -> bool,
    ) {
        let mut allowed = Allowed::new(markup);
        let (mut start, mut at) = (0, 0);
        while let Some(&byte) = text.as_bytes().get(at) {
            if self.texts.lacks(byte) {
                at += 1;
                continue;
            }
            let room = allowed.length_from(at);
            let rest = &text.as_bytes()[at..];
            let Some((length, id)) = self.find(vocabulary, rest, room, allowed.marks()) else {
                at += 1;
                // Merging must not make of a mark's characters what may not be
                // cut out of them.
                if self.is_withheld(vocabulary, rest, room, allowed.marks()) {
                    while !text.is_char_boundary(at) {
                        at += 1;
                    }
                    if !emit(Fragment::Text(&text[start..at])) {
                        return;
                    }
                    start = at;
                }
                continue;
            };
            let before = if self.strips == Strips::Before(id) {
                text[start..at].trim_end_matches(is_space)
            } else {
                &text[start..at]
            };
            if !before.is_empty() && !emit(Fragment::Text(before)) {
                return;
            }
            if !emit(Fragment::Token(id)) {
                return;
            }
            at += length;
            if self.strips == Strips::After
                && !matches!(vocabulary.text(id), b"<unk>" | b"<s>" | b"<|endoftext|>")
            {
                let rest = text[at..].trim_start_matches(is_space);
                at = text.len() - rest.len();
            }
            start = at;
        }
        if start < text.len() {
            emit(Fragment::Text(&text[start..]));
        }
    }

    /// Returns the longest token that `text` begins with, as length and id.
    /// `room` is the length of the longest markup that may begin there.
    fn find(
        &self,
        vocabulary: &Vocabulary,
        text: &[u8],
        room: usize,
        marks: &[u32],
    ) -> Option<(usize, u32)> {
        let is_allowed = |&(length, id): &(usize, u32)| {
            let is_text = vocabulary.token_type(id) == TokenType::UserDefined;
            length <= room || (is_text && marks.binary_search(&id).is_err())
        };
        self.texts.prefixes(text).filter(is_allowed).last()
    }

    /// Returns whether one of `marks` stands at the beginning of `text` and
    /// needs more than `room`.
    fn is_withheld(
        &self,
        vocabulary: &Vocabulary,
        text: &[u8],
        room: usize,
        marks: &[u32],
    ) -> bool {
        let is_withheld = |(length, id): (usize, u32)| {
            let is_text = vocabulary.token_type(id) == TokenType::UserDefined;
            length > room && is_text && marks.binary_search(&id).is_ok()
        };
        !marks.is_empty() && self.texts.prefixes(text).any(is_withheld)
    }
}

/// How far markup may reach at each place of a text, asked for in order.
struct Allowed<'r> {
    markup: Markup<'r>,
    /// Stretches that have been passed.
    passed: usize,
}

impl<'r> Allowed<'r> {
    fn new(markup: Markup<'r>) -> Self {
        Self { markup, passed: 0 }
    }

    /// Returns the length of the longest markup that may begin at `at`.
    fn length_from(&mut self, at: usize) -> usize {
        let Markup::Outside(foreign) = self.markup else {
            return 0;
        };
        while let Some(stretch) = foreign.stretches.get(self.passed) {
            if at < stretch.end {
                return stretch.start.saturating_sub(at);
            }
            self.passed += 1;
        }
        usize::MAX
    }

    /// Returns the user-defined tokens that count as markup.
    fn marks(&self) -> &'r [u32] {
        match self.markup {
            Markup::Outside(foreign) => foreign.marks,
            Markup::Nowhere => &[],
        }
    }
}

impl Strips {
    fn find(metadata: &Metadata, vocabulary: &Vocabulary) -> Result<Self, ValueError> {
        let text = |key| Ok(metadata.string(key)?.unwrap_or_default());
        let (pre, architecture) = (text("tokenizer.ggml.pre")?, text("general.architecture")?);
        let name = text("general.name")?.to_lowercase();
        let has = |text: &str, parts: &[&str]| parts.iter().any(|part| text.contains(part));
        let mask = if has(pre, &["jina-v2-de", "jina-v2-es", "jina-v2-code"])
            || has(architecture, &["nomic-bert-moe", "jina-bert-v3"])
        {
            "<mask>"
        } else if has(&name, &["phi-3", "phi3"]) {
            return Ok(Self::After);
        } else if has(&name, &["modern-bert"]) {
            "[MASK]"
        } else {
            return Ok(Self::None);
        };
        let id = vocabulary.find(mask.as_bytes(), |_| true);
        Ok(id.map_or(Self::None, Self::Before))
    }
}

/// The white space of C's `isspace`.
fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t'..='\r')
}
