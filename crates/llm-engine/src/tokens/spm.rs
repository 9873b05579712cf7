//! SentencePiece's byte-pair encoding: spaces become U+2581, then the adjacent
//! pair with the best score is joined until none is left; what no token can
//! write falls back to bytes.
//!
//! Source: <https://github.com/google/sentencepiece>, `bpe_model.cc`. As there
//! (and unlike llama.cpp) text never turns into markup or byte tokens by being
//! merged.

use super::TokenizerError;
use super::merge::{Join, Merger, NO_ID, Symbol};
use super::text_index::TextIndex;
use super::vocabulary::{SPACE_MARK, TokenType, Vocabulary, byte_of, token_texts};
use crate::gguf::Metadata;

/// The tables of one SentencePiece vocabulary.
pub(super) struct ScoredPieces {
    index: TextIndex,
    /// The order in which joined pieces go first, by id: the better the
    /// score, the smaller.
    priorities: Vec<u32>,
    /// The token of each byte, where there is one.
    byte_ids: Vec<Option<u32>>,
    unknown: Option<u32>,
    /// The characters that stand before a space inside some piece, sorted.
    /// After any other, text can be cut and merged apart with the same result.
    joined_to_space: Vec<char>,
}

impl ScoredPieces {
    /// Reads the scores of `metadata`.
    ///
    /// # Errors
    /// A file without scores, or with fewer of them than tokens.
    pub(super) fn new(
        metadata: &Metadata,
        vocabulary: &Vocabulary,
    ) -> Result<Self, TokenizerError> {
        let texts = token_texts(metadata)?;
        let key = "tokenizer.ggml.scores";
        let scores = metadata.f32s(key);
        let scores = scores.ok_or(TokenizerError::MissingKey { key })?;
        if scores.len() < texts.len() {
            return Err(TokenizerError::TooShort {
                key,
                found: scores.len(),
                tokens: texts.len(),
            });
        }
        let mut index = TextIndex::with_capacity(texts.len());
        let mut byte_ids = vec![None; 256];
        let mut joined_to_space = Vec::new();
        for ((text, &kind), id) in texts.iter().zip(&vocabulary.types).zip(0..) {
            let is_text = !kind.is_markup() && kind != TokenType::Byte;
            index.push(|bytes| {
                bytes.extend_from_slice(text.as_bytes());
                is_text
            });
            if is_text && text.trim_start_matches(SPACE_MARK).contains(SPACE_MARK) {
                let before = text.chars().zip(text.chars().skip(1));
                let before = before.filter(|&(_, space)| space == SPACE_MARK);
                joined_to_space.extend(before.map(|(character, _)| character));
            }
            if kind == TokenType::Byte
                && let Some(byte) = byte_of(text)
            {
                byte_ids[usize::from(byte)] = Some(id);
            }
        }
        joined_to_space.push(SPACE_MARK); // runs of spaces stay whole
        joined_to_space.sort_unstable();
        joined_to_space.dedup();
        Ok(Self {
            index,
            priorities: scores[..texts.len()]
                .iter()
                .map(|&score| priority(score))
                .collect(),
            byte_ids,
            unknown: vocabulary.unknown,
            joined_to_space,
        })
    }

    /// Appends the tokens of `text`, with a space before it if `prefix`.
    pub(super) fn encode(&self, text: &str, prefix: bool, ids: &mut Vec<u32>) {
        let mut escaped = String::with_capacity(text.len() + text.len() / 2);
        if prefix {
            escaped.push(SPACE_MARK);
        }
        for (number, part) in text.split(' ').enumerate() {
            if number > 0 {
                escaped.push(SPACE_MARK);
            }
            escaped.push_str(part);
        }
        let mut merger = Merger::default();
        let mut rest = escaped.as_str();
        while !rest.is_empty() {
            let (unit, later) = rest.split_at(self.unit_length(rest));
            self.encode_unit(unit, &mut merger, ids);
            rest = later;
        }
    }

    /// Returns the length of a stretch at the start of `text` that no piece
    /// reaches across: spaces and the word after them, as a rule.
    fn unit_length(&self, text: &str) -> usize {
        let mut spaces = text.match_indices(SPACE_MARK);
        let cut = spaces.find(|&(at, _)| {
            let before = text[..at].chars().next_back();
            before.is_some_and(|before| self.joined_to_space.binary_search(&before).is_err())
        });
        cut.map_or(text.len(), |(at, _)| at)
    }

    fn encode_unit(&self, unit: &str, merger: &mut Merger, ids: &mut Vec<u32>) {
        let bytes = unit.as_bytes();
        let mut buffer = [0; 4];
        let characters = unit.chars().map(|character| {
            let text = character.encode_utf8(&mut buffer).as_bytes();
            (text.len(), self.index.find(text).unwrap_or(NO_ID))
        });
        let remaining = merger.merge(characters, |left: &Symbol, right: &Symbol| {
            let end = right.start + right.length;
            let id = self.index.find(&bytes[left.start..end])?;
            let priority = self.priorities[id as usize];
            Some(Join { priority, id })
        });
        for symbol in remaining {
            if symbol.id != NO_ID {
                ids.push(symbol.id);
                continue;
            }
            for &byte in &bytes[symbol.start..symbol.start + symbol.length] {
                ids.extend(self.byte_ids[usize::from(byte)].or(self.unknown));
            }
        }
    }
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
