//! SentencePiece's unigram model: of all ways to write a text with pieces, the
//! one with the best sum of scores, after the text has been normalized by the
//! rules in the file.
//!
//! Source: Kudo 2018 (<https://arxiv.org/abs/1804.10959>) and
//! <https://github.com/google/sentencepiece> (`unigram_model.cc`,
//! `normalizer.cc`); the details follow llama.cpp's `llm_tokenizer_ugm`.

use std::sync::OnceLock;

use super::TokenizerError;
use super::charsmap::CharsMap;
use super::flow::Flow;
use super::safe_splits::SafeSplits;
use super::trie::Trie;
use super::vocabulary::{SPACE_MARK, TokenType, Vocabulary};
use super::word_cache::WordCache;
use llm_gguf::{Floats, Metadata};

/// The tables of one vocabulary.
pub(super) struct Unigram {
    /// By id.
    scores: Floats,
    map: CharsMap,
    pieces: OnceLock<Pieces>,
    safe_splits: SafeSplits,
    known: WordCache,
    add_space_prefix: bool,
    merge_spaces: bool,
}

/// What is made from all pieces for the first text.
struct Pieces {
    tree: Trie,
    /// User-defined ones, which normalization leaves alone.
    fixed: Trie,
    /// The score of a character that no piece has.
    unknown_score: f64,
}

/// How much worse an unknown character is than the worst piece.
const UNKNOWN_PENALTY: f32 = 10.0;

/// The best way to write a text up to some byte.
#[derive(Clone, Copy)]
struct Best {
    score: f64,
    /// Where the last piece begins.
    start: usize,
    /// The last piece, or none for an unknown character.
    id: Option<u32>,
}

impl Unigram {
    /// Reads the tables of `metadata`.
    ///
    /// # Errors
    /// A file without scores, or with fewer of them than tokens.
    pub(super) fn new(
        metadata: &Metadata,
        vocabulary: &Vocabulary,
    ) -> Result<Self, TokenizerError> {
        let key = "tokenizer.ggml.scores";
        let scores = metadata
            .f32s(key)?
            .ok_or(TokenizerError::MissingKey { key })?;
        if scores.len() < vocabulary.len() {
            return Err(TokenizerError::TooShort {
                key,
                found: scores.len(),
                tokens: vocabulary.len(),
            });
        }
        let flag = |name: &str| metadata.bool(&format!("tokenizer.ggml.{name}"));
        Ok(Self {
            scores: scores.clone(),
            map: CharsMap::read(metadata)?,
            pieces: OnceLock::new(),
            safe_splits: SafeSplits::default(),
            known: WordCache::default(),
            add_space_prefix: flag("add_space_prefix")?.unwrap_or(false),
            merge_spaces: flag("remove_extra_whitespaces")?.unwrap_or(false),
        })
    }

    /// Returns whether text gets a space before it.
    pub(super) fn has_space_prefix(&self) -> bool {
        self.add_space_prefix || self.merge_spaces
    }

    /// Hands on the tokens of `text`.
    pub(super) fn encode(&self, vocabulary: &Vocabulary, text: &str, flow: &mut Flow) {
        let pieces = self.pieces.get_or_init(|| self.all_pieces(vocabulary));
        let normal = self.normalize(&pieces.fixed, text);
        let mut was_unknown = false;
        let mut known = self.known.open();
        let mut best = Vec::new();
        let mut rest = normal.as_str();
        while !rest.is_empty() && flow.go_on() {
            let all = || vocabulary.pieces().map(|(piece, _)| piece);
            let (unit, later) = rest.split_at(self.safe_splits.unit(rest, normal.len(), all));
            let first = flow.ids.len();
            known.tokens(unit, &mut flow.ids, |ids| {
                self.find_best(vocabulary, pieces, unit, &mut best);
                let (before, mut at) = (ids.len(), unit.len());
                while let Some(step) = best.get(at).filter(|_| at > 0) {
                    ids.extend(step.id.or(vocabulary.unknown));
                    at = step.start;
                }
                ids[before..].reverse();
            });
            merge_unknown(&mut flow.ids, first, vocabulary.unknown, &mut was_unknown);
            rest = later;
        }
    }

    fn all_pieces(&self, vocabulary: &Vocabulary) -> Pieces {
        let of_kind = |wanted| {
            let all = vocabulary.pieces();
            all.filter(move |&(_, id)| vocabulary.token_type(id) == wanted)
        };
        let normal = of_kind(TokenType::Normal);
        let scores = normal.filter_map(|(_, id)| self.scores.get(id as usize));
        let worst = scores.fold(f32::MAX, f32::min);
        Pieces {
            tree: Trie::new(vocabulary.pieces()),
            fixed: Trie::new(of_kind(TokenType::UserDefined)),
            unknown_score: f64::from(worst - UNKNOWN_PENALTY),
        }
    }

    /// Sets `best` to the best way to write each part of `text` from its
    /// beginning, by the byte where the part ends.
    fn find_best(
        &self,
        vocabulary: &Vocabulary,
        pieces: &Pieces,
        text: &str,
        best: &mut Vec<Best>,
    ) {
        let nothing = Best {
            score: f64::NEG_INFINITY,
            start: 0,
            id: None,
        };
        best.clear();
        best.resize(text.len() + 1, nothing);
        best[0].score = 0.0;
        for (start, character) in text.char_indices() {
            let score = best[start].score;
            let mut offer = |length: usize, more: f64, id| {
                let entry = &mut best[start + length];
                if score + more > entry.score {
                    *entry = Best {
                        score: score + more,
                        start,
                        id,
                    };
                }
            };
            let mut is_known = false;
            for (length, id) in pieces.tree.prefixes(&text.as_bytes()[start..]) {
                is_known |= length == character.len_utf8();
                let more = match vocabulary.token_type(id) {
                    TokenType::UserDefined => 0.0,
                    _ => self.scores.get(id as usize).map_or(0.0, f64::from),
                };
                offer(length, more, Some(id));
            }
            if !is_known {
                offer(character.len_utf8(), pieces.unknown_score, None);
            }
        }
    }

    /// Applies the file's rules to `text`: characters are replaced, spaces
    /// become U+2581, runs of them one, and one goes before the text.
    fn normalize(&self, fixed: &Trie, text: &str) -> String {
        let mut normal = String::with_capacity(text.len() + text.len() / 2);
        let (mut in_word, mut has_prefix) = (false, false);
        let mut push = |character: char| {
            if character != ' ' {
                if !in_word && (self.merge_spaces || (self.add_space_prefix && !has_prefix)) {
                    normal.push_str(SPACE_MARK);
                    has_prefix = true;
                }
                normal.push(character);
            } else if !self.merge_spaces {
                normal.push_str(SPACE_MARK);
            }
            in_word = character != ' ';
        };
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let is_fixed = fixed.prefixes(rest.as_bytes()).last();
            let (length, replacement) = match is_fixed {
                Some((length, _)) => (length, None),
                None => self.map.replace(rest).unwrap_or((first.len_utf8(), None)),
            };
            let Some((found, later)) = rest.split_at_checked(length) else {
                push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            };
            match replacement {
                Some(replacement) => replacement.chars().for_each(&mut push),
                None => found.chars().for_each(&mut push),
            }
            rest = later;
        }
        normal
    }
}

/// Leaves one of each run of unknown tokens from `first` on, and none of one that
/// has begun before.
fn merge_unknown(ids: &mut Vec<u32>, first: usize, unknown: Option<u32>, was_unknown: &mut bool) {
    let mut kept = first;
    for at in first..ids.len() {
        let id = ids[at];
        let is_unknown = Some(id) == unknown;
        if !is_unknown || !*was_unknown {
            ids[kept] = id;
            kept += 1;
        }
        *was_unknown = is_unknown;
    }
    ids.truncate(kept);
}
