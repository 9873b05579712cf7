//! SentencePiece's byte-pair encoding: spaces become U+2581, then the adjacent
//! pair with the best score is joined until none is left; what no token can
//! write falls back to bytes. Hugging Face's files have no scores, but the pairs
//! in order.
//!
//! Source: <https://github.com/google/sentencepiece>, `bpe_model.cc`. As there
//! (and unlike llama.cpp) text never turns into markup or byte tokens by being
//! merged.

use super::TokenizerError;
use super::flow::{Checks, Flow};
use super::merge::{Join, Merger, NO_ID, Symbol};
use super::safe_splits::SafeSplits;
use super::text_index::TextIndex;
use super::vocabulary::{SPACE_MARK, Vocabulary};
use super::word_cache::WordCache;
use llm_gguf::{Floats, Metadata};

/// The tables of one SentencePiece vocabulary.
pub(super) struct ScoredPieces {
    order: Order,
    safe_splits: SafeSplits,
    known: WordCache,
}

/// Which pair is joined first.
enum Order {
    /// The one whose token has the best score, by id.
    Scores(Floats),
    /// The first of these, both parts with a space between them.
    Merges(TextIndex),
}

impl Order {
    /// Returns how early two parts are joined to the token `id`, if they are.
    fn priority(&self, parts: [&[u8]; 2], id: u32, pair: &mut Vec<u8>) -> Option<u32> {
        match self {
            Self::Scores(scores) => scores.get(id as usize).map(priority),
            Self::Merges(merges) => {
                pair.clear();
                pair.extend_from_slice(parts[0]);
                pair.push(b' ');
                pair.extend_from_slice(parts[1]);
                merges.find(pair, |_| true)
            }
        }
    }
}

impl ScoredPieces {
    /// Reads the scores of `metadata`, or the merges where it has no scores.
    ///
    /// # Errors
    /// A file without either, or with fewer scores than tokens.
    pub(super) fn new(
        metadata: &Metadata,
        vocabulary: &Vocabulary,
    ) -> Result<Self, TokenizerError> {
        let key = "tokenizer.ggml.scores";
        let scores = metadata.f32s(key)?;
        if let (None, Some(merges)) = (scores, metadata.strings("tokenizer.ggml.merges")?) {
            return Ok(Self::new_with(Order::Merges(TextIndex::new(
                merges,
                |_, _| true,
            ))));
        }
        let scores = scores.ok_or(TokenizerError::MissingKey { key })?;
        if scores.len() < vocabulary.len() {
            return Err(TokenizerError::TooShort {
                key,
                found: scores.len(),
                tokens: vocabulary.len(),
            });
        }
        Ok(Self::new_with(Order::Scores(scores.clone())))
    }

    fn new_with(order: Order) -> Self {
        Self {
            order,
            safe_splits: SafeSplits::default(),
            known: WordCache::default(),
        }
    }

    /// Hands on the tokens of `text`, with a space before it if `prefix`.
    pub(super) fn encode(
        &self,
        vocabulary: &Vocabulary,
        text: &str,
        prefix: bool,
        flow: &mut Flow,
    ) {
        let pieces = || vocabulary.pieces().map(|(piece, _)| piece);
        let mut escaped = String::new();
        if prefix {
            escaped.push_str(SPACE_MARK);
        }
        let mut merger = Merger::default();
        let mut known = self.known.open();
        let mut later = text;
        while !later.is_empty() || !escaped.is_empty() {
            let part;
            (part, later) = later.split_at(self.safe_splits.part(later, pieces));
            mark_spaces(part, &mut escaped);
            let whole = if part.len() < text.len() {
                usize::MAX
            } else {
                escaped.len()
            };
            let mut rest = escaped.as_str();
            while !rest.is_empty() && flow.go_on() {
                let (unit, next) = rest.split_at(self.safe_splits.unit(rest, whole, pieces));
                let Flow { ids, checks, .. } = &mut *flow;
                known.tokens(unit, ids, |ids| {
                    self.encode_unit(vocabulary, unit, &mut merger, checks, ids);
                });
                rest = next;
            }
            escaped.clear();
        }
    }

    fn encode_unit(
        &self,
        vocabulary: &Vocabulary,
        unit: &str,
        merger: &mut Merger,
        checks: &Checks,
        ids: &mut Vec<u32>,
    ) {
        let bytes = unit.as_bytes();
        let find = |text: &[u8]| vocabulary.find_text(text);
        let mut pair = Vec::new();
        let mut buffer = [0; 4];
        let characters = unit.chars().map(|character| {
            let text = character.encode_utf8(&mut buffer).as_bytes();
            (text.len(), find(text).unwrap_or(NO_ID))
        });
        let remaining = merger.merge(characters, checks, |left: &Symbol, right: &Symbol| {
            let end = right.start + right.length;
            let id = find(&bytes[left.start..end])?;
            let parts = [left.start..right.start, right.start..end].map(|part| &bytes[part]);
            let priority = self.order.priority(parts, id, &mut pair)?;
            Some(Join { priority, id })
        });
        for symbol in remaining {
            if symbol.id != NO_ID {
                ids.push(symbol.id);
                continue;
            }
            let written = &bytes[symbol.start..symbol.start + symbol.length];
            ids.extend(written.iter().filter_map(|&byte| vocabulary.byte_id(byte)));
        }
    }
}

/// Appends `text` with a [`SPACE_MARK`] for each space.
pub(super) fn mark_spaces(text: &str, marked: &mut String) {
    for (number, part) in text.split(' ').enumerate() {
        if number > 0 {
            marked.push_str(SPACE_MARK);
        }
        marked.push_str(part);
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
