//! SentencePiece's byte-pair encoding: spaces become U+2581, then the adjacent
//! pair with the best score is joined until none is left; what no token can
//! write falls back to bytes.
//!
//! Source: <https://github.com/google/sentencepiece>, `bpe_model.cc`. As there
//! (and unlike llama.cpp) text never turns into markup or byte tokens by being
//! merged.

use std::sync::OnceLock;

use super::TokenizerError;
use super::merge::{Join, Merger, NO_ID, Symbol};
use super::vocabulary::{SPACE_MARK, TokenType, Vocabulary, byte_of};
use crate::gguf::{Floats, Metadata};

/// The tables of one SentencePiece vocabulary.
pub(super) struct ScoredPieces {
    /// By id.
    scores: Floats,
    byte_ids: OnceLock<Vec<Option<u32>>>,
    joined_to_space: OnceLock<Vec<char>>,
}

/// A text of at most so many bytes is merged as a whole: to find out where a
/// longer one can be cut takes a look at all pieces.
const SHORT_TEXT: usize = 4096;

impl ScoredPieces {
    /// Reads the scores of `metadata`.
    ///
    /// # Errors
    /// A file without scores, or with fewer of them than tokens.
    pub(super) fn new(
        metadata: &Metadata,
        vocabulary: &Vocabulary,
    ) -> Result<Self, TokenizerError> {
        let key = "tokenizer.ggml.scores";
        let scores = metadata.f32s(key);
        let scores = scores.ok_or(TokenizerError::MissingKey { key })?;
        if scores.len() < vocabulary.len() {
            return Err(TokenizerError::TooShort {
                key,
                found: scores.len(),
                tokens: vocabulary.len(),
            });
        }
        Ok(Self {
            scores: scores.clone(),
            byte_ids: OnceLock::new(),
            joined_to_space: OnceLock::new(),
        })
    }

    /// Appends the tokens of `text`, with a space before it if `prefix`.
    pub(super) fn encode(
        &self,
        vocabulary: &Vocabulary,
        text: &str,
        prefix: bool,
        ids: &mut Vec<u32>,
    ) {
        let mut escaped = String::with_capacity(text.len() + text.len() / 2);
        if prefix {
            escaped.push_str(SPACE_MARK);
        }
        for (number, part) in text.split(' ').enumerate() {
            if number > 0 {
                escaped.push_str(SPACE_MARK);
            }
            escaped.push_str(part);
        }
        let mut merger = Merger::default();
        let mut rest = escaped.as_str();
        while !rest.is_empty() {
            let (unit, later) = rest.split_at(self.unit_length(vocabulary, rest));
            self.encode_unit(vocabulary, unit, &mut merger, ids);
            rest = later;
        }
    }

    /// Returns the length of a stretch at the start of `text` that no piece
    /// reaches across: spaces and the word after them, as a rule.
    fn unit_length(&self, vocabulary: &Vocabulary, text: &str) -> usize {
        if text.len() <= SHORT_TEXT {
            return text.len();
        }
        let joined = self
            .joined_to_space
            .get_or_init(|| joined_to_space(vocabulary));
        let mut spaces = text.match_indices(SPACE_MARK);
        let cut = spaces.find(|&(at, _)| {
            let before = text[..at].chars().next_back();
            before.is_some_and(|before| joined.binary_search(&before).is_err())
        });
        cut.map_or(text.len(), |(at, _)| at)
    }

    fn encode_unit(
        &self,
        vocabulary: &Vocabulary,
        unit: &str,
        merger: &mut Merger,
        ids: &mut Vec<u32>,
    ) {
        let bytes = unit.as_bytes();
        let find = |text: &[u8]| vocabulary.find(text, is_text);
        let mut buffer = [0; 4];
        let characters = unit.chars().map(|character| {
            let text = character.encode_utf8(&mut buffer).as_bytes();
            (text.len(), find(text).unwrap_or(NO_ID))
        });
        let remaining = merger.merge(characters, |left: &Symbol, right: &Symbol| {
            let end = right.start + right.length;
            let id = find(&bytes[left.start..end])?;
            let priority = priority(self.scores.get(id as usize)?);
            Some(Join { priority, id })
        });
        for symbol in remaining {
            if symbol.id != NO_ID {
                ids.push(symbol.id);
                continue;
            }
            let byte_ids = self.byte_ids.get_or_init(|| byte_ids(vocabulary));
            for &byte in &bytes[symbol.start..symbol.start + symbol.length] {
                ids.extend(byte_ids[usize::from(byte)].or(vocabulary.unknown));
            }
        }
    }
}

/// Whether text is ever merged to a token of this type.
fn is_text(kind: TokenType) -> bool {
    !kind.is_markup() && kind != TokenType::Byte
}

/// Returns the token of each byte, where there is one.
fn byte_ids(vocabulary: &Vocabulary) -> Vec<Option<u32>> {
    let mut ids = vec![None; 256];
    for (&kind, id) in vocabulary.types.iter().zip(0..) {
        if kind == TokenType::Byte
            && let Some(byte) = byte_of(vocabulary.text(id))
        {
            ids[usize::from(byte)] = Some(id);
        }
    }
    ids
}

/// Returns the characters that stand before a space inside some piece, sorted.
/// After any other, text can be cut and merged apart with the same result.
fn joined_to_space(vocabulary: &Vocabulary) -> Vec<char> {
    // Runs of spaces stay whole.
    let mut joined: Vec<char> = SPACE_MARK.chars().collect();
    for (&kind, id) in vocabulary.types.iter().zip(0..) {
        let Ok(text) = str::from_utf8(vocabulary.text(id)) else {
            continue; // no text can contain it
        };
        let inside = text.trim_start_matches(SPACE_MARK);
        if is_text(kind) && inside.contains(SPACE_MARK) {
            let spaces = inside.match_indices(SPACE_MARK);
            joined.extend(spaces.filter_map(|(at, _)| inside[..at].chars().next_back()));
        }
    }
    joined.sort_unstable();
    joined.dedup();
    joined
}

/// Maps a score to an integer that is smaller for a better score: the usual
/// order-preserving view of a float's bits, upside down.
fn priority(score: f32) -> u32 {
    // Adding zero turns -0 into +0, which must compare as equal.
    let bits = (score + 0.0).to_bits();
    let negative = bits >> 31 == 1;
    if negative { bits } else { !(bits | 1 << 31) }
}

#[cfg(test)]
mod tests {
    use super::priority;

    #[test]
    fn better_scores_go_first() {
        let scores = [3.5, 1.0, 0.0, -0.25, -1.0, -1e9, f32::NEG_INFINITY];
        let priorities: Vec<_> = scores.iter().map(|&score| priority(score)).collect();
        assert!(priorities.is_sorted() && priorities[0] < priorities[6]);
        assert_eq!(priority(0.0), priority(-0.0));
    }
}
