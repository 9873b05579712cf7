//! Byte-level byte-pair encoding: cut text by the kind's pattern, then join
//! bytes by the ranks of the file's merges.
//!
//! Source: Sennrich et al. 2016 (<https://arxiv.org/abs/1508.07909>) over
//! bytes as in GPT-2. Everything here works on the bytes themselves; the
//! alphabet in which files write them is gone after loading.

use std::collections::HashMap;

use super::TokenizerError;
use super::byte_level;
use super::kind::Kind;
use super::merge::{Join, Merger, NO_ID};
use super::split::split;
use super::text_index::TextIndex;
use super::vocabulary::{Vocabulary, token_texts};
use crate::gguf::Metadata;

/// The tables of one byte-level vocabulary.
pub(super) struct BytePairs {
    kind: &'static Kind,
    index: TextIndex,
    /// Joined pairs: both ids → rank and id of the whole.
    merges: HashMap<(u32, u32), (u32, u32), PairHash>,
    /// The token of each byte, or [`NO_ID`].
    byte_ids: Vec<u32>,
    tokens: u32,
    unknown: Option<u32>,
}

impl BytePairs {
    /// Reads the merges of `metadata`.
    ///
    /// # Errors
    /// A file without merges, or with one that is not two parts.
    pub(super) fn new(
        metadata: &Metadata,
        kind: &'static Kind,
        vocabulary: &Vocabulary,
    ) -> Result<Self, TokenizerError> {
        let texts = token_texts(metadata)?;
        let key = "tokenizer.ggml.merges";
        let lines = metadata.strings(key);
        let lines = lines.ok_or(TokenizerError::MissingKey { key })?;
        let mut index = TextIndex::with_capacity(texts.len());
        for (text, kind) in texts.iter().zip(&vocabulary.types) {
            // Text must never turn into markup by being merged.
            index.push(|bytes| byte_level::decode(text, bytes) && !kind.is_markup());
        }
        let merges = read_merges(lines, &mut index)?;
        let byte_id = |byte| index.find(&[byte]).unwrap_or(NO_ID);
        Ok(Self {
            kind,
            byte_ids: (0..=255).map(byte_id).collect(),
            index,
            merges,
            tokens: texts.len() as u32,
            unknown: vocabulary.unknown,
        })
    }

    /// Appends the tokens of `text`.
    pub(super) fn encode(&self, text: &str, ids: &mut Vec<u32>) {
        let mut merger = Merger::default();
        split(self.kind.stages, text, &mut |piece| {
            self.encode_piece(piece.as_bytes(), &mut merger, ids);
        });
    }

    fn encode_piece(&self, piece: &[u8], merger: &mut Merger, ids: &mut Vec<u32>) {
        if self.kind.ignore_merges
            && let Some(id) = self.index.find(piece).filter(|&id| id < self.tokens)
        {
            return ids.push(id);
        }
        let bytes = piece.iter().map(|&byte| (1, self.byte_id(byte)));
        let remaining = merger.merge(bytes, |left, right| {
            let &(priority, id) = self.merges.get(&(left.id, right.id))?;
            Some(Join { priority, id })
        });
        for symbol in remaining {
            if symbol.id < self.tokens {
                ids.push(symbol.id);
                continue;
            }
            // The file joins bytes to something that is no token.
            for &byte in &piece[symbol.start..symbol.start + symbol.length] {
                let id = Some(self.byte_id(byte)).filter(|&id| id < self.tokens);
                ids.extend(id.or(self.unknown));
            }
        }
    }

    fn byte_id(&self, byte: u8) -> u32 {
        self.byte_ids[usize::from(byte)]
    }
}

type Merges = HashMap<(u32, u32), (u32, u32), PairHash>;

/// Reads merges, the best first. Parts and wholes that are no tokens get ids
/// beyond the vocabulary, so that later merges can build on them.
fn read_merges(lines: &[String], index: &mut TextIndex) -> Result<Merges, TokenizerError> {
    let mut merges = Merges::with_capacity_and_hasher(lines.len(), PairHash);
    let mut whole = Vec::new();
    for (line, rank) in lines.iter().zip(0..) {
        // The first part has at least one character, which may be a space.
        let first = line.chars().next().map_or(0, char::len_utf8);
        let Some(space) = line[first..].find(' ').map(|at| first + at) else {
            return Err(TokenizerError::BadMerge {
                line: line.clone(),
                rank,
            });
        };
        whole.clear();
        byte_level::decode(&line[..space], &mut whole);
        let middle = whole.len();
        byte_level::decode(&line[space + 1..], &mut whole);
        let left = find_or_add(index, &whole[..middle]);
        let right = find_or_add(index, &whole[middle..]);
        let joined = find_or_add(index, &whole);
        merges.entry((left, right)).or_insert((rank, joined));
    }
    Ok(merges)
}

fn find_or_add(index: &mut TextIndex, text: &[u8]) -> u32 {
    match index.find(text) {
        Some(id) => id,
        None => index.push(|bytes| {
            bytes.extend_from_slice(text);
            true
        }),
    }
}

/// Hashes a pair of ids by one multiplication: the look-up of a pair is the
/// inner loop of encoding, where the standard hasher takes most of the time.
#[derive(Debug, Clone, Copy, Default)]
struct PairHash;

impl std::hash::BuildHasher for PairHash {
    type Hasher = PairHasher;

    fn build_hasher(&self) -> PairHasher {
        PairHasher(0)
    }
}

struct PairHasher(u64);

impl std::hash::Hasher for PairHasher {
    fn finish(&self) -> u64 {
        // 2^64 divided by the golden ratio (Knuth, TAOCP 3, 6.4), folded so
        // that the low bits, which choose the bucket, depend on all of them.
        let product = u128::from(self.0) * 0x9e37_79b9_7f4a_7c15;
        (product as u64) ^ ((product >> 64) as u64)
    }

    fn write_u32(&mut self, id: u32) {
        self.0 = self.0 << 32 | u64::from(id);
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }
}
