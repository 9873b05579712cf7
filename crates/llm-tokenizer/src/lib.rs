//! Text to token ids and back, by the tokenizer that a GGUF file describes.
//!
//! [`Tokenizer`] reads byte-pair encoding over bytes (`gpt2`) or characters
//! (`gemma4`), SentencePiece's BPE (`llama`) and unigram model (`t5`) and
//! WordPiece (`bert`) as llama.cpp reads them, and encodes as it does; any other
//! `tokenizer.json` is left to Hugging Face's `tokenizers` (`huggingface`). Markup
//! written out in a text becomes control tokens on request only. A text of
//! megabytes takes linear time, and any call can be broken off
//! ([`cancel::Cancellation`]).
//!
//! ```
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/smollm2-135m-instruct-q4_1.gguf");
//! # let path = std::path::Path::new(path);
//! use llm_gguf::{Gguf, shard_paths};
//! use llm_tokenizer::Tokenizer;
//!
//! let gguf = Gguf::open(&shard_paths(path))?;
//! let tokenizer = Tokenizer::from_gguf(gguf.metadata())?;
//! let ids = tokenizer.encode("Hello, <|im_end|> world!", false, false);
//! assert!(ids.iter().all(|&id| !tokenizer.is_markup(id)));
//! assert_eq!(tokenizer.decode(&ids), "Hello, <|im_end|> world!");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod border;
mod bound;
mod bpe;
mod build;
mod byte_level;
pub mod cancel;
mod common_prefix;
mod charsmap;
mod unicode_class;
mod decoder;
mod encoding;
mod eog;
mod error;
mod flow;
mod hugging_face;
mod pre_tokenizer;
mod word_cache;
mod merge;
mod prefix;
mod safe_splits;
mod special;
mod split;
mod spm;
mod steps;
mod text_index;
mod trie;
mod unigram;
mod vocabulary;
mod warning;
mod wordpiece;

pub use bound::black_bytes;
pub use common_prefix::common_prefix_len;
pub use decoder::Decoder;
pub use encoding::Marked;
pub use error::TokenizerError;
pub use warning::TokenizerWarning;

use std::sync::OnceLock;

use bpe::BytePairs;
use hugging_face::HuggingFace;
use prefix::SpacePrefix;
use special::Specials;
use spm::ScoredPieces;
use unigram::Unigram;
use vocabulary::{TokenType, Vocabulary};
use wordpiece::WordPieces;

/// The tokenizer of one model.
#[derive(Debug)]
pub struct Tokenizer {
    name: String,
    vocabulary: Vocabulary,
    specials: Specials,
    model: Model,
    /// Put before a sequence, if the model wants it.
    prefix: Option<u32>,
    /// Put after a sequence, if the model wants it.
    suffix: Option<u32>,
    /// Where a space is put before text, if anywhere.
    space_prefix: Option<SpacePrefix>,
    /// The space before decoded text is of the encoding's making.
    drops_space: bool,
    /// See `bound`.
    most_bytes: OnceLock<Option<usize>>,
    warnings: Vec<TokenizerWarning>,
}

enum Model {
    Bpe(BytePairs),
    Spm(ScoredPieces),
    WordPiece(WordPieces),
    Unigram(Unigram),
    HuggingFace(Box<HuggingFace>),
}

impl std::fmt::Debug for Model {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Bpe(_) => "Bpe",
            Self::Spm(_) => "Spm",
            Self::WordPiece(_) => "WordPiece",
            Self::Unigram(_) => "Unigram",
            Self::HuggingFace(_) => "HuggingFace",
        })
    }
}

impl Tokenizer {
    /// Returns what of it the user may not have meant.
    pub fn warnings(&self) -> &[TokenizerWarning] {
        &self.warnings
    }

    /// Returns the text of `ids`: markup hidden, bytes that are not UTF-8 as
    /// U+FFFD, without the space that encoding puts at the beginning.
    pub fn decode(&self, ids: &[u32]) -> String {
        let mut decoder = self.decoder();
        let mut text = String::new();
        for &id in ids {
            text.push_str(decoder.push(id));
        }
        text.push_str(decoder.finish());
        text
    }

    /// Returns whether [`Tokenizer::decode`] leaves out a space at the beginning,
    /// since encoding puts one there.
    pub fn drops_space(&self) -> bool {
        self.drops_space
    }

    /// Starts a stream that gives the same text as [`Tokenizer::decode`].
    pub fn decoder(&self) -> Decoder<'_> {
        Decoder::new(self, self.drops_space)
    }

    /// Starts a stream for ids that continue a text: a space at its beginning
    /// is kept, so that the text and its continuation can be put together.
    pub fn continuation_decoder(&self) -> Decoder<'_> {
        Decoder::new(self, false)
    }

    /// Returns the bytes that `id` stands for: possibly a part of a character,
    /// markup as it is written, nothing for an id beyond the vocabulary.
    pub fn token_bytes(&self, id: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.add_token_bytes(id, &mut bytes);
        bytes
    }

    /// Appends the same to `bytes`.
    pub fn add_token_bytes(&self, id: u32, bytes: &mut Vec<u8>) {
        self.vocabulary.show(id, bytes);
    }

    /// Returns whether `id` is markup, which no text from outside may become.
    pub fn is_markup(&self, id: u32) -> bool {
        self.vocabulary.token_type(id).is_markup()
    }

    /// Returns whether `id` is text that is always one token, if it stands in
    /// text at all.
    pub fn is_user_defined(&self, id: u32) -> bool {
        self.vocabulary.token_type(id) == TokenType::UserDefined
    }

    /// Returns whether decoded text leaves `id` out. Most markup is, but some is
    /// part of an answer (`<|channel|>`).
    pub fn is_hidden(&self, id: u32) -> bool {
        self.vocabulary.token_type(id).is_hidden()
    }

    /// Returns whether a generation ends with `id`.
    pub fn is_eog(&self, id: u32) -> bool {
        self.vocabulary.eog_ids.binary_search(&id).is_ok()
    }

    /// Returns the ids that end a generation, ascending.
    pub fn eog_ids(&self) -> &[u32] {
        &self.vocabulary.eog_ids
    }

    /// Returns what [`Tokenizer::encode`] puts before and after a text.
    pub fn around(&self) -> (Option<u32>, Option<u32>) {
        (self.prefix, self.suffix)
    }

    /// Returns the id that begins a sequence, if the model has one.
    pub fn bos(&self) -> Option<u32> {
        self.vocabulary.bos
    }

    /// Returns the id that ends a sequence, if the model has one.
    pub fn eos(&self) -> Option<u32> {
        self.vocabulary.eos
    }

    /// Returns BOS as chat templates write it, empty where there is none.
    pub fn bos_text(&self) -> String {
        self.text_of(self.bos())
    }

    /// Returns EOS as chat templates write it, empty where there is none.
    pub fn eos_text(&self) -> String {
        self.text_of(self.eos())
    }

    fn text_of(&self, id: Option<u32>) -> String {
        let bytes = id.map(|id| self.token_bytes(id)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Returns the number of tokens.
    pub fn vocabulary_size(&self) -> usize {
        self.vocabulary.len()
    }

    /// Returns the tokenizer's kind as the file names it: `gpt2/` and the
    /// pre-tokenizer for byte-level BPE, `huggingface/` and the model for what is left
    /// to `tokenizers`, else `llama`, `bert`, `t5`, ….
    pub fn kind(&self) -> &str {
        &self.name
    }
}

/// Returns whether `name` is a kind of byte-pair encoding (`tokenizer.ggml.pre`).
pub fn knows_pre_tokenizer(name: &str) -> bool {
    pre_tokenizer::find(name).is_some()
}

#[cfg(test)]
mod tests;
