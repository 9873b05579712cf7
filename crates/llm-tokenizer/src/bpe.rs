//! Byte-pair encoding: cut text by the kind's pattern, then join bytes or
//! characters by the ranks of the file's merges.
//!
//! Source: Sennrich et al. 2016 (<https://arxiv.org/abs/1508.07909>), over
//! bytes as in GPT-2 or over characters as in SentencePiece. Text is written
//! in the file's own alphabet, so that its tables are used as they stand there.

use super::TokenizerError;
use super::border::Borders;
use super::byte_level::{self, spell};
use super::flow::{Checks, Flow};
use super::merge::{Join, Merger, NO_ID, Symbol};
use super::pre_tokenizer::{PreTokenizer, Text};
use super::safe_splits::{SafeSplits, without_space};
use super::split::split;
use super::spm::mark_spaces;
use super::text_index::TextIndex;
use super::unicode_class::{SPACE, class};
use super::vocabulary::Vocabulary;
use super::word_cache::WordCache;
use llm_gguf::{Metadata, Strings};

/// The tables of one vocabulary.
pub(super) struct BytePairs {
    kind: &'static PreTokenizer,
    /// Pairs to join, the best first: both parts with a space between them,
    /// which the alphabet does not have.
    merges: TextIndex,
    lines: Strings,
    known: WordCache,
    safe_splits: SafeSplits,
    borders: Borders,
    /// White space is a border between pieces and nothing else.
    drops_spaces: bool,
    lowercase: bool,
}

impl BytePairs {
    /// Reads the merges of `metadata`.
    ///
    /// # Errors
    /// A file without merges, or with one that is not two parts.
    pub(super) fn new(
        metadata: &Metadata,
        kind: &'static PreTokenizer,
    ) -> Result<Self, TokenizerError> {
        let key = "tokenizer.ggml.merges";
        let lines = metadata
            .strings(key)?
            .ok_or(TokenizerError::MissingKey { key })?;
        check_merges(lines)?;
        let drops_spaces = metadata.string("tokenizer.ggml.model")? == Some("whitespace");
        let lowercase = metadata.bool("tokenizer.ggml.normalizer.lowercase")?;
        Ok(Self {
            kind,
            merges: TextIndex::new(lines, |_, _| true),
            lines: lines.clone(),
            known: WordCache::default(),
            safe_splits: SafeSplits::default(),
            borders: Borders::default(),
            drops_spaces,
            lowercase: drops_spaces && lowercase.unwrap_or(false),
        })
    }

    /// Returns whether bytes are written as characters.
    pub(super) fn is_byte_level(&self) -> bool {
        self.kind.text == Text::ByteLevel
    }

    /// Returns whether every character of a text is in its tokens, white space
    /// aside.
    pub(super) fn keeps_all(&self) -> bool {
        self.kind.text != Text::Plain
    }

    /// Hands on the tokens of `text`.
    pub(super) fn encode(&self, vocabulary: &Vocabulary, text: &str, flow: &mut Flow) {
        let mut known = self.known.open();
        let mut encoder = Encoder {
            pairs: self,
            vocabulary,
            merger: Merger::default(),
            spelled: Vec::new(),
            lengths: Vec::new(),
            pair: Vec::new(),
        };
        let mut normal = String::new();
        let mut later = text;
        while !later.is_empty() {
            let part;
            (part, later) = later.split_at(self.part(later));
            let is_cut = part.len() < text.len();
            normal.clear();
            let part = match self.kind.text {
                Text::Marked | Text::MarkedLines => {
                    mark_spaces(part, &mut normal);
                    &normal
                }
                Text::Plain if self.lowercase => {
                    normal.extend(part.chars().flat_map(char::to_lowercase));
                    &normal
                }
                Text::ByteLevel | Text::Plain => part,
            };
            let whole = if is_cut { usize::MAX } else { part.len() };
            split(self.kind.stages, part, &mut |piece| {
                let mut rest = piece;
                while !rest.is_empty() && flow.go_on() {
                    let (unit, later) = rest.split_at(self.unit(rest, whole));
                    let Flow { ids, checks, .. } = &mut *flow;
                    known.tokens(unit, ids, |ids| encoder.encode_piece(unit, checks, ids));
                    rest = later;
                }
            });
        }
    }

    /// Returns the length of a part at the start of `text` that can be taken for
    /// itself.
    fn part(&self, text: &str) -> usize {
        match self.kind.text {
            Text::ByteLevel | Text::Plain => text.len(),
            Text::Marked | Text::MarkedLines => self.safe_splits.part(text, || self.lines.iter()),
        }
    }

    /// Returns the length of a stretch at the start of `text`, a part of a text
    /// of `whole` bytes, that no merge reaches across.
    fn unit(&self, text: &str, whole: usize) -> usize {
        match self.kind.text {
            Text::ByteLevel => self.borders.part(text, || self.lines.iter().map(unspelled)),
            Text::Plain => self
                .borders
                .part(text, || self.lines.iter().map(without_space)),
            Text::Marked | Text::MarkedLines => {
                self.safe_splits.unit(text, whole, || self.lines.iter())
            }
        }
    }
}

/// Returns the bytes of what is joined of a pair that is written as characters.
fn unspelled(line: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(line.len());
    byte_level::decode(&without_space(line), &mut bytes);
    bytes
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
    fn encode_piece(&mut self, piece: &str, checks: &Checks, ids: &mut Vec<u32>) {
        let pairs = self.pairs;
        if pairs.drops_spaces && piece.chars().all(|it| class(it) & SPACE != 0) {
            return;
        }
        self.spell(piece);
        let whole_lines = pairs.kind.text == Text::MarkedLines && piece.starts_with('\n');
        if (pairs.kind.ignore_merges || whole_lines)
            && let Some(id) = self.vocabulary.find_text(&self.spelled)
        {
            return ids.push(id);
        }
        let Self {
            vocabulary,
            merger,
            spelled,
            lengths,
            pair,
            ..
        } = self;
        let text = |symbol: &Symbol| &spelled[symbol.start..symbol.start + symbol.length];
        let characters = lengths.iter().map(|&length| (length, NO_ID));
        let remaining = merger.merge(characters, checks, |left, right| {
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
            match vocabulary.find_text(text(symbol)) {
                Some(id) => ids.push(id),
                None => fall_back(vocabulary, pairs.kind.text, text(symbol), ids),
            }
        }
    }

    /// Writes `piece` in the file's alphabet.
    fn spell(&mut self, piece: &str) {
        self.spelled.clear();
        self.lengths.clear();
        if self.pairs.kind.text == Text::ByteLevel {
            let lengths = piece.bytes().map(|byte| spell(byte, &mut self.spelled));
            self.lengths.extend(lengths);
        } else {
            self.spelled.extend_from_slice(piece.as_bytes());
            self.lengths.extend(piece.chars().map(char::len_utf8));
        }
    }
}

/// Appends tokens for a text that is none: the file joins to it what it does
/// not have, or lacks the character.
fn fall_back(vocabulary: &Vocabulary, kind: Text, text: &[u8], ids: &mut Vec<u32>) {
    if kind != Text::ByteLevel {
        let bytes = text.iter();
        return ids.extend(bytes.filter_map(|&byte| vocabulary.byte_id(byte)));
    }
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            let id = vocabulary.find_text(character.encode_utf8(&mut [0; 4]).as_bytes());
            ids.extend(id.or(vocabulary.unknown));
        }
    }
}
