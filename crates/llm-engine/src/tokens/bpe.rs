//! Byte-level byte-pair encoding: cut text by the kind's pattern, then join
//! bytes by the ranks of the file's merges.
//!
//! Source: Sennrich et al. 2016 (<https://arxiv.org/abs/1508.07909>) over
//! bytes as in GPT-2. Text is written in the file's own alphabet, so that its
//! tables are used as they stand there.

use std::collections::HashMap;
use std::sync::Mutex;

use super::TokenizerError;
use super::byte_level::spell;
use super::kind::Kind;
use super::merge::{Join, Merger, NO_ID, Symbol};
use super::split::split;
use super::text_index::TextIndex;
use super::vocabulary::Vocabulary;
use crate::gguf::{Metadata, Strings};

/// The tables of one byte-level vocabulary.
pub(super) struct BytePairs {
    kind: &'static Kind,
    /// Pairs to join, the best first: both parts with a space between them,
    /// which the alphabet does not have.
    merges: TextIndex,
    known: Mutex<KnownPieces>,
}

/// Pieces that have come before and their tokens: most words of a text come
/// again, in it or in the next one.
type KnownPieces = HashMap<Box<[u8]>, Box<[u32]>, foldhash::fast::RandomState>;

/// Pieces that are kept, some 6 MiB; then all are forgotten.
const MOST_KNOWN: usize = 1 << 16;
/// Longer pieces, in bytes, do not come again.
const LONGEST_KNOWN: usize = 32;

impl BytePairs {
    /// Reads the merges of `metadata`.
    ///
    /// # Errors
    /// A file without merges, or with one that is not two parts.
    pub(super) fn new(metadata: &Metadata, kind: &'static Kind) -> Result<Self, TokenizerError> {
        let key = "tokenizer.ggml.merges";
        let lines = metadata.strings(key);
        let lines = lines.ok_or(TokenizerError::MissingKey { key })?;
        check_merges(lines)?;
        Ok(Self {
            kind,
            merges: TextIndex::new(lines, |_, _| true),
            known: Mutex::default(),
        })
    }

    /// Appends the tokens of `text`.
    pub(super) fn encode(&self, vocabulary: &Vocabulary, text: &str, ids: &mut Vec<u32>) {
        // While another thread has them, this one starts afresh.
        let (mut shared, mut own) = (self.known.try_lock(), KnownPieces::default());
        let known = match &mut shared {
            Ok(known) => known,
            Err(_) => &mut own,
        };
        let mut encoder = Encoder {
            pairs: self,
            vocabulary,
            merger: Merger::default(),
            spelled: Vec::new(),
            lengths: Vec::new(),
            pair: Vec::new(),
        };
        split(self.kind.stages, text, &mut |piece| {
            let piece = piece.as_bytes();
            if let Some(tokens) = known.get(piece) {
                return ids.extend_from_slice(tokens);
            }
            let before = ids.len();
            encoder.encode_piece(piece, ids);
            if piece.len() <= LONGEST_KNOWN {
                if known.len() == MOST_KNOWN {
                    known.clear();
                }
                known.insert(piece.into(), ids[before..].into());
            }
        });
    }
}

/// The first part has at least one byte, which may be a space.
fn check_merges(lines: &Strings) -> Result<(), TokenizerError> {
    let is_pair = |line: &[u8]| line.iter().skip(1).any(|&byte| byte == b' ');
    let Some(broken) = lines.iter().position(|line| !is_pair(line)) else {
        return Ok(());
    };
    Err(TokenizerError::BadMerge {
        line: lines.text(broken).unwrap_or_default().into_owned(),
        rank: broken as u32,
    })
}

/// The tables and the buffers of one text.
struct Encoder<'a> {
    pairs: &'a BytePairs,
    vocabulary: &'a Vocabulary,
    merger: Merger,
    /// The piece in the file's alphabet, and the length of each of its
    /// characters.
    spelled: Vec<u8>,
    lengths: Vec<usize>,
    /// A pair as the merges write it.
    pair: Vec<u8>,
}

impl Encoder<'_> {
    fn encode_piece(&mut self, piece: &[u8], ids: &mut Vec<u32>) {
        let Self {
            pairs,
            vocabulary,
            merger,
            spelled,
            lengths,
            pair,
        } = self;
        spelled.clear();
        lengths.clear();
        lengths.extend(piece.iter().map(|&byte| spell(byte, spelled)));
        // Text must never turn into markup by being merged.
        let find = |text: &[u8]| vocabulary.find(text, |kind| !kind.is_markup());
        if pairs.kind.ignore_merges
            && let Some(id) = find(spelled)
        {
            return ids.push(id);
        }
        let text = |symbol: &Symbol| &spelled[symbol.start..symbol.start + symbol.length];
        let characters = lengths.iter().map(|&length| (length, NO_ID));
        let remaining = merger.merge(characters, |left, right| {
            pair.clear();
            pair.extend_from_slice(text(left));
            pair.push(b' ');
            pair.extend_from_slice(text(right));
            let priority = pairs.merges.find(pair, |_| true)?;
            Some(Join {
                priority,
                id: NO_ID,
            })
        });
        for symbol in remaining {
            if let Some(id) = find(text(symbol)) {
                ids.push(id);
                continue;
            }
            // The file joins bytes to something that is no token.
            for character in text(symbol)
                .utf8_chunks()
                .flat_map(|chunk| chunk.valid().chars())
            {
                let id = find(character.encode_utf8(&mut [0; 4]).as_bytes());
                ids.extend(id.or(vocabulary.unknown));
            }
        }
    }
}
