//! WordPiece: words without case and accents, each cut into the longest pieces
//! that there are.
//!
//! Source: BERT's `tokenization.py` (<https://github.com/google-research/bert>),
//! with the range of Chinese characters that Hugging Face's tokenizers have.
//! As there, every accent goes and what a letter decomposes into stays;
//! llama.cpp keeps the first part only. As in llama.cpp, a word may have any
//! length, unless `normalizer.max_word_length` sets a limit. The converter writes U+2581 before pieces that begin a word.

use std::sync::OnceLock;

use unicode_normalization::char::decompose_canonical;

use super::flow::Flow;
use super::trie::Trie;
use super::unicode_class::{CONTROL, NONSPACING, PUNCTUATION, SPACE, class};
use super::vocabulary::{SPACE_MARK, Vocabulary};
use super::word_cache::WordCache;
use llm_gguf::{Metadata, ValueError};

/// The rules of one vocabulary.
pub(super) struct WordPieces {
    lowercase: bool,
    strip_accents: bool,
    /// Characters of a word; a longer one is unknown.
    longest: usize,
    pieces: OnceLock<Trie>,
    known: WordCache,
}

impl WordPieces {
    /// Reads the rules of `metadata`.
    pub(super) fn new(metadata: &Metadata) -> Result<Self, ValueError> {
        let flag = |name: &str| metadata.bool(&format!("tokenizer.ggml.normalizer.{name}"));
        let lowercase = flag("lowercase")?.unwrap_or(true);
        Ok(Self {
            lowercase,
            strip_accents: flag("strip_accents")?.unwrap_or(lowercase),
            longest: metadata
                .u64("tokenizer.ggml.normalizer.max_word_length")?
                .map_or(usize::MAX, |most| {
                    usize::try_from(most).unwrap_or(usize::MAX)
                }),
            pieces: OnceLock::new(),
            known: WordCache::default(),
        })
    }

    /// Hands on the tokens of `text`.
    pub(super) fn encode(&self, vocabulary: &Vocabulary, text: &str, flow: &mut Flow) {
        let pieces = self.pieces.get_or_init(|| Trie::new(vocabulary.pieces()));
        let mut known = self.known.open();
        let mut word = String::from(SPACE_MARK);
        let mut end_word = |word: &mut String, flow: &mut Flow| {
            let ids = &mut flow.ids;
            let length = word.len() - SPACE_MARK.len();
            if length > self.longest && word.chars().count() - 1 > self.longest {
                ids.extend(vocabulary.unknown);
                word.truncate(SPACE_MARK.len());
            } else if length > 0 {
                known.tokens(word, ids, |ids| {
                    encode_word(pieces, vocabulary, word.as_bytes(), ids);
                });
                word.truncate(SPACE_MARK.len());
            }
        };
        for character in text.chars() {
            let bits = class(character);
            if bits & SPACE != 0 {
                end_word(&mut word, flow);
                if !flow.go_on() {
                    return;
                }
            } else if bits & CONTROL == 0 && !is_dropped(character) {
                self.normalize(character, &mut |character| {
                    if stands_alone(character) {
                        end_word(&mut word, flow);
                        word.push(character);
                        end_word(&mut word, flow);
                        flow.go_on();
                    } else {
                        word.push(character);
                    }
                });
            }
        }
        end_word(&mut word, flow);
    }

    /// Hands what is left of `character` to `emit`.
    fn normalize(&self, character: char, emit: &mut dyn FnMut(char)) {
        let mut lower = |character: char| {
            if self.lowercase {
                character.to_lowercase().for_each(&mut *emit);
            } else {
                emit(character);
            }
        };
        if character.is_ascii() || !self.strip_accents {
            return lower(character);
        }
        decompose_canonical(character, |part| {
            if class(part) & NONSPACING == 0 {
                lower(part);
            }
        });
    }
}

/// Appends the tokens of one word: the longest piece at each place, or unknown
/// for the whole word if there is none at one of them.
fn encode_word(pieces: &Trie, vocabulary: &Vocabulary, word: &[u8], ids: &mut Vec<u32>) {
    let (before, mut rest) = (ids.len(), word);
    while !rest.is_empty() {
        let Some((length, id)) = pieces.prefixes(rest).last() else {
            ids.truncate(before);
            return ids.extend(vocabulary.unknown);
        };
        ids.push(id);
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// Whether a character is left out of text besides control characters.
fn is_dropped(character: char) -> bool {
    matches!(
        character,
        char::REPLACEMENT_CHARACTER
            | '\u{e000}'..='\u{f8ff}'
            | '\u{f0000}'..='\u{10ffff}' // private use
    )
}

/// Whether a character is a word of its own.
fn stands_alone(character: char) -> bool {
    character.is_ascii_punctuation()
        || class(character) & PUNCTUATION != 0
        || matches!(
            character,
            '\u{4e00}'..='\u{9fff}'
                | '\u{3400}'..='\u{4dbf}'
                | '\u{20000}'..='\u{2a6df}'
                | '\u{2a700}'..='\u{2b73f}'
                | '\u{2b740}'..='\u{2b81f}'
                | '\u{2b920}'..='\u{2ceaf}'
                | '\u{f900}'..='\u{faff}'
                | '\u{2f800}'..='\u{2fa1f}'
        )
}
