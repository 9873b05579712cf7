//! Text to token ids and back, by the tokenizer that a GGUF file describes.
//!
//! [`Tokenizer`] reads byte-pair encoding over bytes (`gpt2`) or characters
//! (`gemma4`), SentencePiece's BPE (`llama`) and unigram model (`t5`) and
//! WordPiece (`bert`) as llama.cpp reads them, and encodes as it does. Markup
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
mod byte_level;
pub mod cancel;
mod common_prefix;
mod charsmap;
mod unicode_class;
mod decoder;
mod encoding;
mod eog;
mod flow;
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
pub use warning::TokenizerWarning;

use std::sync::OnceLock;

use bpe::BytePairs;
use pre_tokenizer::{Bos, PreTokenizer, Text};
use prefix::SpacePrefix;
use special::Specials;
use spm::ScoredPieces;
use unigram::Unigram;
use vocabulary::{Defaults, Spelling, TokenType, Vocabulary};
use wordpiece::WordPieces;

use llm_gguf::{Metadata, ValueError};

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
    /// A part of another type than it has.
    #[error(transparent)]
    Metadata(#[from] ValueError),
    /// A `tokenizer.ggml.model` that this build does not know.
    #[error(
        "the tokenizer model '{name}' is not supported (known: {known}); a model with one of these runs"
    )]
    UnknownModel {
        /// The name in the file.
        name: String,
        /// The names that would do.
        known: String,
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
}

impl std::fmt::Debug for Model {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Bpe(_) => "Bpe",
            Self::Spm(_) => "Spm",
            Self::WordPiece(_) => "WordPiece",
            Self::Unigram(_) => "Unigram",
        })
    }
}

/// A way to build a tokenizer from metadata.
type Build = fn(&Metadata) -> Result<Tokenizer, TokenizerError>;

/// The values of `tokenizer.ggml.model` that this build knows.
const MODELS: [(&str, Build); 6] = [
    ("gpt2", Tokenizer::byte_pairs),
    ("llama", Tokenizer::sentence_piece),
    ("bert", Tokenizer::word_piece),
    ("t5", Tokenizer::unigram),
    ("gemma4", |it| Tokenizer::of_kind(it, "gemma4")),
    ("whitespace", |it| Tokenizer::of_kind(it, "whitespace")),
];

/// How a sequence begins and ends where the file does not say.
struct Ends {
    bos: Bos,
    add_eos: bool,
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
        let name = metadata
            .string(key)?
            .ok_or(TokenizerError::MissingKey { key })?;
        match MODELS.iter().find(|(known, _)| *known == name) {
            Some((_, build)) => build(metadata),
            None => Err(TokenizerError::UnknownModel {
                name: name.into(),
                known: MODELS.map(|(known, _)| known).join(", "),
            }),
        }
    }

    fn byte_pairs(metadata: &Metadata) -> Result<Self, TokenizerError> {
        // llama.cpp takes files without the key for the oldest kind, too.
        let pre = metadata.string("tokenizer.ggml.pre")?;
        let mut built = Self::of_kind(metadata, pre.unwrap_or("default"))?;
        if pre.is_none_or(str::is_empty) {
            built.warnings.insert(0, TokenizerWarning::NoPreTokenizer);
        }
        Ok(built)
    }

    fn of_kind(metadata: &Metadata, pre: &str) -> Result<Self, TokenizerError> {
        let kind = pre_tokenizer::find(pre).ok_or_else(|| TokenizerError::UnknownPreTokenizer {
            name: pre.into(),
            known: pre_tokenizer::known_names(),
        })?;
        let spelling = match kind.text {
            Text::ByteLevel => Spelling::ByteLevel,
            Text::Marked | Text::MarkedLines | Text::Plain => Spelling::SentencePiece,
        };
        let vocabulary = read_vocabulary(metadata, spelling, Defaults::default())?;
        let model = Model::Bpe(BytePairs::new(metadata, kind)?);
        let name = match metadata.string("tokenizer.ggml.model")? {
            Some("gpt2") => format!("gpt2/{pre}"),
            _ => pre.into(),
        };
        let PreTokenizer { bos, .. } = *kind;
        let add_eos = false;
        let ends = Ends { bos, add_eos };
        Self::assemble(metadata, name, vocabulary, model, &ends)
    }

    fn sentence_piece(metadata: &Metadata) -> Result<Self, TokenizerError> {
        // SentencePiece's own ids.
        let defaults = Defaults {
            bos: Some(1),
            eos: Some(2),
            unknown: Some(0),
        };
        let vocabulary = read_vocabulary(metadata, Spelling::SentencePiece, defaults)?;
        let model = Model::Spm(ScoredPieces::new(metadata, &vocabulary)?);
        let (bos, add_eos) = (Bos::ByDefault, false);
        let ends = Ends { bos, add_eos };
        let mut built = Self::assemble(metadata, "llama".into(), vocabulary, model, &ends)?;
        built.space_prefix = SpacePrefix::read(metadata)?;
        built.drops_space = built.space_prefix.is_some();
        Ok(built)
    }

    fn word_piece(metadata: &Metadata) -> Result<Self, TokenizerError> {
        // The ids of BERT's own vocabulary: [CLS], none and [UNK].
        let defaults = Defaults {
            bos: Some(101),
            eos: None,
            unknown: Some(100),
        };
        let vocabulary = read_vocabulary(metadata, Spelling::SentencePiece, defaults)?;
        let id = |name: &str| vocabulary::special_id(metadata, name, vocabulary.len());
        let bos = id("bos")?.or(id("cls")?).or(vocabulary.bos);
        // The key is misspelt by its specification.
        let separator = id("seperator")?
            .or(Some(102))
            .filter(|&id| (id as usize) < vocabulary.len());
        let model = Model::WordPiece(WordPieces::new(metadata)?);
        let (prefix, suffix) = (bos, separator);
        let ends = Ends {
            bos: Bos::Always,
            add_eos: false,
        };
        let mut built = Self::assemble(metadata, "bert".into(), vocabulary, model, &ends)?;
        // As in llama.cpp, an encoder has both whatever the file says.
        (built.prefix, built.suffix) = (prefix, suffix);
        built.drops_space = true;
        Ok(built)
    }

    fn unigram(metadata: &Metadata) -> Result<Self, TokenizerError> {
        // T5's own ids.
        let defaults = Defaults {
            bos: None,
            eos: Some(1),
            unknown: Some(2),
        };
        let vocabulary = read_vocabulary(metadata, Spelling::SentencePiece, defaults)?;
        let unigram = Unigram::new(metadata, &vocabulary)?;
        let drops_space = unigram.has_space_prefix();
        let ends = Ends {
            bos: Bos::OnRequest,
            add_eos: true,
        };
        let model = Model::Unigram(unigram);
        let mut built = Self::assemble(metadata, "t5".into(), vocabulary, model, &ends)?;
        built.drops_space = drops_space;
        Ok(built)
    }

    fn assemble(
        metadata: &Metadata,
        name: String,
        vocabulary: Vocabulary,
        model: Model,
        ends: &Ends,
    ) -> Result<Self, TokenizerError> {
        let flag = |name: &str| metadata.bool(&format!("tokenizer.ggml.{name}"));
        let stated = flag("add_bos_token")?;
        let add_bos = match ends.bos {
            Bos::OnRequest => stated.unwrap_or(false),
            Bos::ByDefault => stated.unwrap_or(true),
            Bos::Always => true,
        };
        let add_eos = flag("add_eos_token")?.unwrap_or(ends.add_eos);
        Ok(Self {
            name,
            specials: Specials::new(metadata, &vocabulary)?,
            prefix: vocabulary.bos.filter(|_| add_bos),
            suffix: vocabulary.eos.filter(|_| add_eos),
            vocabulary,
            model,
            // In llama.cpp the flag has no effect on byte-pair encoding.
            space_prefix: None,
            drops_space: false,
            most_bytes: OnceLock::new(),
            warnings: warning::of_ids(metadata)?,
        })
    }

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
    /// pre-tokenizer for byte-level BPE, else `llama`, `bert`, `t5`, ….
    pub fn kind(&self) -> &str {
        &self.name
    }
}

/// Reads the tokens of `metadata` and finds those that end a generation.
fn read_vocabulary(
    metadata: &Metadata,
    spelling: Spelling,
    defaults: Defaults,
) -> Result<Vocabulary, TokenizerError> {
    let mut vocabulary = Vocabulary::read(metadata, spelling, defaults)?;
    vocabulary.eog_ids = eog::find(metadata, &mut vocabulary)?;
    Ok(vocabulary)
}

/// Returns whether `name` is a kind of byte-pair encoding (`tokenizer.ggml.pre`).
pub fn knows_pre_tokenizer(name: &str) -> bool {
    pre_tokenizer::find(name).is_some()
}

#[cfg(test)]
mod tests;
