//! What a file says about its tokens: their texts, types and scores, and the
//! ids with a special meaning. How text becomes tokens is left to `bpe`, `spm`
//! and the others.

use std::sync::OnceLock;

use super::TokenizerError;
use super::byte_level;
use super::text_index::TextIndex;
use llm_gguf::{Metadata, Strings, ValueError};

/// What a token is for (`tokenizer.ggml.token_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenType {
    /// Text.
    Normal,
    /// Stands for what the vocabulary cannot write.
    Unknown,
    /// Markup for the model, never shown: `<|im_start|>`.
    Control,
    /// Markup that is part of answers, and so shown: `<|channel|>`.
    ShownControl,
    /// Text that is always one token, shown as it is written.
    UserDefined,
    /// Reserved; nothing is shown for it.
    Unused,
    /// One byte, written `<0x0A>`.
    Byte,
}

impl TokenType {
    fn from_number(number: i64) -> Self {
        match number {
            1 => Self::Normal,
            2 => Self::Unknown,
            3 => Self::Control,
            4 => Self::UserDefined,
            6 => Self::Byte,
            _ => Self::Unused,
        }
    }

    /// Returns whether the token is markup, made from text only on request.
    pub(super) fn is_markup(self) -> bool {
        self.is_hidden() || self == Self::ShownControl
    }

    /// Returns whether the token is left out of decoded text.
    pub(super) fn is_hidden(self) -> bool {
        matches!(self, Self::Control | Self::Unknown)
    }

    /// Returns whether text may turn into the token by being merged: neither
    /// markup nor the stand-in for a byte, whatever the token's own text.
    pub(super) fn is_text(self) -> bool {
        !self.is_markup() && self != Self::Byte
    }
}

/// How the texts of normal tokens write bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// GPT-2's byte alphabet.
    ByteLevel,
    /// UTF-8 with U+2581 for a space.
    SentencePiece,
}

/// The character that SentencePiece writes for a space.
pub(super) const SPACE_MARK: &str = "\u{2581}";

/// The ids of tokens with a role, where the file does not state them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Defaults {
    /// Beginning of a sequence.
    pub(super) bos: Option<u32>,
    /// End of a sequence.
    pub(super) eos: Option<u32>,
    /// What no token can write.
    pub(super) unknown: Option<u32>,
}

/// The tokens of a model and their roles.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// The texts as the file writes them, by id.
    texts: Strings,
    index: TextIndex,
    spelling: Spelling,
    byte_ids: OnceLock<Vec<Option<u32>>>,
    /// Types by id.
    pub(super) types: Vec<TokenType>,
    /// Ids that end a generation, ascending.
    pub(super) eog_ids: Vec<u32>,
    /// Beginning of a sequence.
    pub(super) bos: Option<u32>,
    /// End of a sequence.
    pub(super) eos: Option<u32>,
    /// What stands for bytes that no token can write.
    pub(super) unknown: Option<u32>,
}

impl Vocabulary {
    /// Reads the tokens from `metadata`, but for those that end a generation,
    /// which `eog` finds among them.
    ///
    /// # Errors
    /// Missing tokens, or fewer types than tokens.
    pub(super) fn read(
        metadata: &Metadata,
        spelling: Spelling,
        defaults: Defaults,
    ) -> Result<Self, TokenizerError> {
        let key = "tokenizer.ggml.tokens";
        let texts = metadata
            .strings(key)?
            .filter(|texts| !texts.is_empty())
            .ok_or(TokenizerError::MissingKey { key })?;
        let types = token_types(metadata, texts.len())?;
        let in_range = |id: Option<u32>| id.filter(|&id| (id as usize) < texts.len());
        let id = |name: &str| special_id(metadata, name, texts.len());
        // Text and markup may be written alike, so each kind is found apart.
        let is_same = |one: u32, other: u32| types.get(one as usize) == types.get(other as usize);
        Ok(Self {
            index: TextIndex::new(texts, is_same),
            texts: texts.clone(),
            spelling,
            byte_ids: OnceLock::new(),
            types,
            eog_ids: Vec::new(),
            bos: id("bos")?.or_else(|| in_range(defaults.bos)),
            eos: eog_ids_of(metadata, "eos", texts.len())?
                .first()
                .copied()
                .or_else(|| in_range(defaults.eos)),
            unknown: id("unknown")?.or_else(|| in_range(defaults.unknown)),
        })
    }

    /// Returns the number of tokens.
    pub(super) fn len(&self) -> usize {
        self.types.len()
    }

    /// Returns the text of `id` as the file writes it.
    pub(super) fn text(&self, id: u32) -> &[u8] {
        self.texts.get(id as usize).unwrap_or_default()
    }

    /// Returns the first token that the file writes as `text` and whose type
    /// `is_wanted`.
    pub(super) fn find(&self, text: &[u8], is_wanted: impl Fn(TokenType) -> bool) -> Option<u32> {
        self.index.find(text, |id| is_wanted(self.token_type(id)))
    }

    /// Returns the first token that stands for text and that the file writes
    /// as `text`.
    pub(super) fn find_text(&self, text: &[u8]) -> Option<u32> {
        self.find(text, TokenType::is_text)
    }

    /// Returns the token that stands for `byte`, or the one for what no token
    /// can write.
    pub(super) fn byte_id(&self, byte: u8) -> Option<u32> {
        let ids = self.byte_ids.get_or_init(|| {
            let mut ids = vec![None; 256];
            for (&kind, id) in self.types.iter().zip(0..) {
                if kind == TokenType::Byte
                    && let Some(byte) = byte_of(self.text(id))
                {
                    ids[usize::from(byte)] = Some(id);
                }
            }
            ids
        });
        ids[usize::from(byte)].or(self.unknown)
    }

    /// Iterates over the tokens that text may turn into, as text and id.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (&[u8], u32)> {
        let tokens = self.texts.iter().zip(0..);
        tokens.filter(|&(_, id)| self.token_type(id).is_text())
    }

    /// Returns the type of `id`, or `Unused` beyond the vocabulary.
    pub(super) fn token_type(&self, id: u32) -> TokenType {
        let found = self.types.get(id as usize);
        found.copied().unwrap_or(TokenType::Unused)
    }

    /// Appends the bytes that `id` shows: markup as it is written, nothing
    /// beyond the vocabulary.
    pub(super) fn show(&self, id: u32, bytes: &mut Vec<u8>) {
        let text = self.text(id);
        match (self.token_type(id), self.spelling) {
            (TokenType::Unused, _) => {}
            (TokenType::Byte, _) => bytes.extend(byte_of(text)),
            (TokenType::Normal, Spelling::ByteLevel) => byte_level::decode(text, bytes),
            (TokenType::Normal, Spelling::SentencePiece) => unmark(text, bytes),
            _ => bytes.extend_from_slice(text),
        }
    }
}

/// Returns the key of the id of a role.
pub(super) fn key_of(name: &str) -> String {
    format!("tokenizer.ggml.{name}_token_id")
}

/// Reads the id of a role, ignoring one beyond the vocabulary (files in the wild
/// state 2^32 - 1 for "none").
pub(super) fn special_id(
    metadata: &Metadata,
    name: &str,
    count: usize,
) -> Result<Option<u32>, ValueError> {
    let id = metadata.id(&key_of(name))?;
    Ok(id.filter(|&id| (id as usize) < count))
}

/// Reads the ids of tokens that end something: one, or a list whose first is the
/// one to write.
pub(super) fn eog_ids_of(
    metadata: &Metadata,
    name: &str,
    count: usize,
) -> Result<Vec<u32>, ValueError> {
    let mut ids = metadata.ids(&key_of(name))?.unwrap_or_default();
    ids.retain(|&id| (id as usize) < count);
    Ok(ids)
}

/// Returns the byte that a token such as `<0x0A>` stands for.
fn byte_of(text: &[u8]) -> Option<u8> {
    let digits = text.strip_prefix(b"<0x")?.strip_suffix(b">")?;
    u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

fn token_types(metadata: &Metadata, count: usize) -> Result<Vec<TokenType>, TokenizerError> {
    let key = "tokenizer.ggml.token_type";
    let Some(numbers) = metadata.integers(key)? else {
        return Ok(vec![TokenType::Normal; count]);
    };
    if numbers.len() < count {
        return Err(TokenizerError::TooShort {
            key,
            found: numbers.len(),
            tokens: count,
        });
    }
    let types = numbers.iter().take(count);
    Ok(types.map(TokenType::from_number).collect())
}

/// Appends `text` with a space for each [`SPACE_MARK`].
fn unmark(text: &[u8], bytes: &mut Vec<u8>) {
    let mark = SPACE_MARK.as_bytes();
    let mut rest = text;
    while let Some((&first, later)) = rest.split_first() {
        let (byte, later) = match rest.strip_prefix(mark) {
            Some(later) => (b' ', later),
            None => (first, later),
        };
        bytes.push(byte);
        rest = later;
    }
}
