//! What a file says of its tokenizer → the tokenizer, each kind as llama.cpp reads it.

use std::sync::OnceLock;

use super::bpe::BytePairs;
use super::hugging_face::{self, HuggingFace};
use super::pre_tokenizer::{self, Bos, PreTokenizer, Text};
use super::prefix::SpacePrefix;
use super::special::Specials;
use super::spm::ScoredPieces;
use super::unigram::Unigram;
use super::vocabulary::{self, Defaults, Spelling, Vocabulary};
use super::wordpiece::WordPieces;
use super::{Model, Tokenizer, TokenizerError, TokenizerWarning, eog, warning};

use llm_gguf::Metadata;

/// A way to build a tokenizer from metadata.
type Build = fn(&Metadata) -> Result<Tokenizer, TokenizerError>;

/// The values of `tokenizer.ggml.model` that this build knows.
const MODELS: [(&str, Build); 7] = [
    ("gpt2", Tokenizer::byte_pairs),
    ("llama", Tokenizer::sentence_piece),
    ("bert", Tokenizer::word_piece),
    ("t5", Tokenizer::unigram),
    ("gemma4", |it| Tokenizer::of_kind(it, "gemma4")),
    ("huggingface", Tokenizer::hugging_face),
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

    fn hugging_face(metadata: &Metadata) -> Result<Self, TokenizerError> {
        let spelling = hugging_face::spelling(metadata)?;
        let vocabulary = read_vocabulary(metadata, spelling, Defaults::default())?;
        let model = Model::HuggingFace(Box::new(HuggingFace::new(metadata)?));
        let ends = Ends {
            bos: Bos::OnRequest,
            add_eos: false,
        };
        let kind = metadata.string("tokenizer.ggml.pre")?.unwrap_or("unknown");
        let name = format!("huggingface/{kind}");
        let mut built = Self::assemble(metadata, name, vocabulary, model, &ends)?;
        let key = "tokenizer.ggml.add_space_prefix";
        built.drops_space = metadata.bool(key)?.unwrap_or(false);
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
