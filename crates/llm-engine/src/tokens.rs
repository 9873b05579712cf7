//! Text to token ids and back, by the tokenizer that a GGUF file describes.
//!
//! Byte-level BPE (`gpt2`) and SentencePiece's BPE (`llama`), as llama.cpp
//! reads them. What a prompt consists of is left to `prompt`; what ids mean to
//! the network is left to `forward`.

mod bpe;
mod byte_level;
mod class;
mod decoder;
mod ending;
mod kind;
mod merge;
mod special;
mod split;
mod spm;
mod text_index;
mod vocabulary;

pub use decoder::Decoder;

use bpe::BytePairs;
use special::{Fragment, Specials};
use spm::ScoredPieces;
use vocabulary::{Spelling, Vocabulary};

use crate::gguf::Metadata;

/// Why a file's tokenizer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// The file lacks a part of its tokenizer.
    #[error(
        "the model file has no '{key}', so its tokenizer cannot be built; convert or download the model again"
    )]
    MissingKey {
        /// The metadata key.
        key: &'static str,
    },
    /// A `tokenizer.ggml.model` that this build does not know.
    #[error(
        "the tokenizer model '{name}' is not supported (known: gpt2, llama); a model with one of these runs"
    )]
    UnknownModel {
        /// The name in the file.
        name: String,
    },
    /// A `tokenizer.ggml.pre` that this build does not know.
    #[error(
        "the pre-tokenizer '{name}' is not supported (known: {known}); a model with one of these runs"
    )]
    UnknownPreTokenizer {
        /// The name in the file.
        name: String,
        /// The names that would do.
        known: String,
    },
    /// An array with fewer entries than there are tokens.
    #[error(
        "the model file has {tokens} tokens and only {found} entries in '{key}'; convert or download the model again"
    )]
    TooShort {
        /// The metadata key of the array.
        key: &'static str,
        /// Entries found.
        found: usize,
        /// Tokens in the vocabulary.
        tokens: usize,
    },
    /// An entry of `tokenizer.ggml.merges` without a space in the middle.
    #[error(
        "entry {rank} of the model file's 'tokenizer.ggml.merges' is '{line}', which is not two parts; convert or download the model again"
    )]
    BadMerge {
        /// The entry.
        line: String,
        /// Its number, from 0.
        rank: u32,
    },
}

/// The tokenizer of one model.
#[derive(Debug)]
pub struct Tokenizer {
    name: String,
    vocabulary: Vocabulary,
    specials: Specials,
    model: Model,
    add_bos: bool,
    add_eos: bool,
    /// A space is put before text that begins a sequence or follows markup.
    add_space_prefix: bool,
}

enum Model {
    Bpe(BytePairs),
    Spm(ScoredPieces),
}

impl std::fmt::Debug for Model {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Bpe(_) => "Bpe",
            Self::Spm(_) => "Spm",
        })
    }
}

impl Tokenizer {
    /// Builds the tokenizer that `metadata` describes (keys
    /// `tokenizer.ggml.*`).
    ///
    /// # Errors
    /// A kind that this build does not know, by name, and metadata that is
    /// incomplete or does not fit together.
    pub fn from_gguf(metadata: &Metadata) -> Result<Self, TokenizerError> {
        let key = "tokenizer.ggml.model";
        match metadata.string(key) {
            Some("gpt2") => Self::byte_level(metadata),
            Some("llama") => Self::sentence_piece(metadata),
            Some(name) => Err(TokenizerError::UnknownModel { name: name.into() }),
            None => Err(TokenizerError::MissingKey { key }),
        }
    }

    fn byte_level(metadata: &Metadata) -> Result<Self, TokenizerError> {
        // llama.cpp takes files without the key for the oldest kind, too.
        let pre = metadata.string("tokenizer.ggml.pre").unwrap_or("default");
        let kind = kind::find(pre).ok_or_else(|| TokenizerError::UnknownPreTokenizer {
            name: pre.into(),
            known: kind::known_names(),
        })?;
        let vocabulary = Vocabulary::read(metadata, Spelling::ByteLevel, [None; 3])?;
        let model = Model::Bpe(BytePairs::new(metadata, kind)?);
        let name = format!("gpt2/{pre}");
        Ok(Self::assemble(
            metadata,
            name,
            vocabulary,
            model,
            kind.add_bos,
        ))
    }

    fn sentence_piece(metadata: &Metadata) -> Result<Self, TokenizerError> {
        // SentencePiece's own ids for BOS, EOS and unknown.
        let defaults = [Some(1), Some(2), Some(0)];
        let vocabulary = Vocabulary::read(metadata, Spelling::SentencePiece, defaults)?;
        let model = Model::Spm(ScoredPieces::new(metadata, &vocabulary)?);
        let name = "llama".into();
        Ok(Self::assemble(metadata, name, vocabulary, model, true))
    }

    fn assemble(
        metadata: &Metadata,
        name: String,
        vocabulary: Vocabulary,
        model: Model,
        add_bos: bool,
    ) -> Self {
        let flag = |name: &str| metadata.bool(&format!("tokenizer.ggml.{name}"));
        let title = metadata.string("general.name").unwrap_or_default();
        let title = title.to_lowercase();
        let phi3 = title.contains("phi-3") || title.contains("phi3");
        let is_spm = matches!(model, Model::Spm(_));
        Self {
            name,
            specials: Specials::new(&vocabulary, phi3),
            vocabulary,
            model,
            add_bos: flag("add_bos_token").unwrap_or(add_bos),
            add_eos: flag("add_eos_token").unwrap_or(false),
            // In llama.cpp the flag has no effect on byte-level BPE either.
            add_space_prefix: is_spm && flag("add_space_prefix").unwrap_or(true),
        }
    }

    /// Returns the ids of `text`.
    ///
    /// `add_special` puts BOS before and EOS after it where the model wants
    /// them. `parse_special` turns markup in the text (`<|im_start|>`) into
    /// the tokens it names; without it, markup is text like any other, which
    /// is what text from outside should be.
    pub fn encode(&self, text: &str, add_special: bool, parse_special: bool) -> Vec<u32> {
        let mut ids = Vec::with_capacity(text.len() / 3 + 2);
        if add_special && self.add_bos {
            ids.extend(self.bos());
        }
        self.encode_text(text, parse_special, &mut ids);
        if add_special && self.add_eos {
            ids.extend(self.eos());
        }
        ids
    }

    /// Returns the ids of a whole prompt that a chat template has rendered,
    /// markup included. BOS stands before it once where the model wants it,
    /// whether or not the template has written it as well; EOS is not added,
    /// since the answer follows.
    pub fn encode_prompt(&self, rendered: &str) -> Vec<u32> {
        let mut ids = Vec::with_capacity(rendered.len() / 3 + 2);
        let bos_text = self.bos_text();
        let has_bos = !bos_text.is_empty() && rendered.starts_with(&bos_text);
        if self.add_bos && !has_bos {
            ids.extend(self.bos());
        }
        self.encode_text(rendered, true, &mut ids);
        ids
    }

    fn encode_text(&self, text: &str, parse_special: bool, ids: &mut Vec<u32>) {
        // As in llama.cpp, a user-defined token counts as markup here.
        let mut after_markup = true; // or at the beginning
        let vocabulary = &self.vocabulary;
        for fragment in self.specials.cut(vocabulary, text, parse_special) {
            match (&fragment, &self.model) {
                (Fragment::Token(id), _) => ids.push(*id),
                (Fragment::Text(text), Model::Bpe(pairs)) => pairs.encode(vocabulary, text, ids),
                (Fragment::Text(text), Model::Spm(pieces)) => {
                    let prefix = self.add_space_prefix && after_markup;
                    pieces.encode(vocabulary, text, prefix, ids);
                }
            }
            after_markup = matches!(fragment, Fragment::Token(_));
        }
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

    /// Starts a stream that gives the same text as [`Tokenizer::decode`].
    pub fn decoder(&self) -> Decoder<'_> {
        Decoder::new(self, self.add_space_prefix)
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
        self.vocabulary.show(id, &mut bytes);
        bytes
    }

    /// Returns whether `id` is markup, which decoded text does not show.
    pub fn is_markup(&self, id: u32) -> bool {
        self.vocabulary.token_type(id).is_markup()
    }

    /// Returns whether a generation ends with `id`.
    pub fn is_end_of_generation(&self, id: u32) -> bool {
        self.vocabulary.endings.binary_search(&id).is_ok()
    }

    /// Returns the ids that end a generation, ascending.
    pub fn ends_of_generation(&self) -> &[u32] {
        &self.vocabulary.endings
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
    /// pre-tokenizer for byte-level BPE, `llama` for SentencePiece.
    pub fn kind(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests;
