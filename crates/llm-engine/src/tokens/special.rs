//! Cuts special tokens out of text before anything else looks at it.
//!
//! The longest token at the leftmost place wins, as Hugging Face tokenizers
//! do it. (llama.cpp looks for one token after another, the longest first,
//! which differs only where two of them overlap in part.) One pass over the
//! text, whatever the number of special tokens.

use std::ops::Range;

use super::trie::Trie;
use super::vocabulary::{TokenType, Vocabulary};
use crate::gguf::Metadata;

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
    /// Everywhere but in these stretches, which stand in order.
    Outside(&'r [Range<usize>]),
}

/// The tokens that are cut out of text. Which ones there are, the vocabulary
/// knows.
#[derive(Debug)]
pub(super) struct Specials {
    /// User-defined tokens, which are cut out always.
    always: Trie,
    /// These and markup, which is cut out on request.
    all: Trie,
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
    pub(super) fn new(metadata: &Metadata, vocabulary: &Vocabulary) -> Self {
        let of = |wanted: fn(TokenType) -> bool| {
            let tokens = vocabulary.types.iter().zip(0..);
            let ids = tokens.filter(move |&(&kind, _)| wanted(kind));
            let texts = ids.map(|(_, id)| (vocabulary.text(id), id));
            // A part of a character would cut the text inside of it.
            Trie::new(texts.filter(|(text, _)| str::from_utf8(text).is_ok()))
        };
        Self {
            always: of(|kind| kind == TokenType::UserDefined),
            all: of(|kind| kind == TokenType::UserDefined || kind.is_markup()),
            strips: Strips::find(metadata, vocabulary),
        }
    }

    /// Cuts `text`, at `markup` too where that is allowed.
    pub(super) fn cut<'t>(
        &self,
        vocabulary: &Vocabulary,
        text: &'t str,
        markup: Markup,
    ) -> Vec<Fragment<'t>> {
        let mut fragments = Vec::new();
        let mut allowed = Allowed::new(markup);
        let (mut start, mut at) = (0, 0);
        while let Some(&byte) = text.as_bytes().get(at) {
            if self.all.lacks(byte) {
                at += 1;
                continue;
            }
            let Some((length, id)) = self.find(&text.as_bytes()[at..], at, &mut allowed) else {
                at += 1;
                continue;
            };
            let before = match self.strips == Strips::Before(id) {
                true => text[start..at].trim_end_matches(is_space),
                false => &text[start..at],
            };
            if !before.is_empty() {
                fragments.push(Fragment::Text(before));
            }
            fragments.push(Fragment::Token(id));
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
            fragments.push(Fragment::Text(&text[start..]));
        }
        fragments
    }

    /// Returns the longest token that `text`, which stands at the byte `at`,
    /// begins with.
    fn find(&self, text: &[u8], at: usize, allowed: &mut Allowed) -> Option<(usize, u32)> {
        let longest = allowed.length_from(at);
        let always = self.always.prefixes(text).last();
        let fitting = self.all.prefixes(text);
        let fitting = fitting.take_while(|&(length, _)| length <= longest).last();
        // What is always cut out may be longer than the room for markup.
        match (fitting, always) {
            (Some(fitting), Some(always)) if always.0 > fitting.0 => Some(always),
            (fitting, always) => fitting.or(always),
        }
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
        let Markup::Outside(stretches) = self.markup else {
            return 0;
        };
        while let Some(stretch) = stretches.get(self.passed) {
            if at < stretch.end {
                return stretch.start.saturating_sub(at);
            }
            self.passed += 1;
        }
        usize::MAX
    }
}

impl Strips {
    fn find(metadata: &Metadata, vocabulary: &Vocabulary) -> Self {
        let text = |key| metadata.string(key).unwrap_or_default();
        let (pre, architecture) = (text("tokenizer.ggml.pre"), text("general.architecture"));
        let name = text("general.name").to_lowercase();
        let has = |text: &str, parts: &[&str]| parts.iter().any(|part| text.contains(part));
        let mask = if has(pre, &["jina-v2-de", "jina-v2-es", "jina-v2-code"])
            || has(architecture, &["nomic-bert-moe", "jina-bert-v3"])
        {
            "<mask>"
        } else if has(&name, &["phi-3", "phi3"]) {
            return Self::After;
        } else if has(&name, &["modern-bert"]) {
            "[MASK]"
        } else {
            return Self::None;
        };
        let id = vocabulary.find(mask.as_bytes(), |_| true);
        id.map_or(Self::None, Self::Before)
    }
}

/// The white space of C's `isspace`.
fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t'..='\r')
}
