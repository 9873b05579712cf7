//! Text → the tokens of an encoder: its tokenizer, what its files do with a text
//! before that, and the special tokens around it.
//!
//! WordPiece is read by `wordpiece`, the unigram model by `unigram`, byte-pair
//! encoding and what neither of them knows by `llm-folder`; all become `tokenizer.ggml.*`, which `llm-tokenizer` reads.

use std::path::Path;

use unicode_normalization::UnicodeNormalization as _;

use llm_folder::Stated;
use llm_folder::tokenizer_json::TokenizerJson;
use llm_folder::tokenizer_json::{kind, sequence};
use llm_folder::{FolderError, tokenizer};
use llm_gguf::Metadata;
use llm_tokenizer::cancel::Cancellation;
use llm_tokenizer::{Tokenizer, TokenizerWarning};

use crate::post_processor::{self, Pair};
use crate::{unigram, wordpiece};

/// A tokenizer and what stands around it.
#[derive(Debug)]
pub(crate) struct Tokens {
    tokenizer: Tokenizer,
    before: Vec<u32>,
    after: Vec<u32>,
    /// What stands around two texts, where the files say it.
    pair: Option<Pair>,
    /// Texts are lowercased first.
    pub(crate) lowercases: bool,
    /// Then characters are composed (Unicode's form NFC).
    composes: bool,
    /// The token of the space that a text ends with, where it is one.
    last_space: Option<u32>,
    /// The token of what no other can write, where it is left out.
    left_out: Option<u32>,
}

impl Tokens {
    /// Reads the tokenizer of `folder`; `stated` are the ids that `config.json`
    /// gives a name.
    pub(crate) fn read(folder: &Path, stated: Stated<'_>) -> Result<Self, FolderError> {
        let path = folder.join("tokenizer.json");
        let file = TokenizerJson::read(folder, stated)?;
        let mut metadata = Metadata::default();
        let mut last_space = None;
        let own = match file.model.kind.as_deref() {
            Some("WordPiece") => wordpiece::read(&path, &file, &mut metadata),
            Some("Unigram") => {
                unigram::read(&path, &file, &mut metadata).map(|space| last_space = space)
            }
            _ => tokenizer::read(folder, stated, &mut metadata),
        };
        match own {
            // A step that is not known here is known to the crate `tokenizers`.
            Err(FolderError::Unsupported { .. }) => {
                metadata = Metadata::default();
                tokenizer::read(folder, stated, &mut metadata)?;
            }
            own => own?,
        }
        let mut tokens = Self::from_metadata(&path, &metadata)?;
        let around = post_processor::around(&path, file.post_processor.as_ref())?;
        if !around.before.is_empty() {
            tokens.before = around.before;
        }
        if !around.after.is_empty() {
            tokens.after = around.after;
        }
        tokens.pair = Pair::find(file.post_processor.as_ref());
        let steps = sequence(file.normalizer.as_ref(), "normalizers");
        tokens.composes = steps.iter().any(|step| kind(step) == "NFC");
        tokens.last_space = last_space;
        Ok(tokens)
    }

    /// Reads the tokenizer of `folder` for a text's own tokens alone; of these the
    /// unknown one is left out where only known ones are wanted.
    pub(crate) fn bare_of(folder: &Path, known_alone: bool) -> Result<Self, FolderError> {
        let stated: Stated<'_> = &|_| Ok(Vec::new());
        let file = TokenizerJson::read(folder, stated)?;
        let unknown = file.unknown_id().filter(|_| known_alone);
        let left_out = unknown.and_then(|id| u32::try_from(id).ok());
        Ok(Self {
            before: Vec::new(),
            after: Vec::new(),
            left_out,
            ..Self::read(folder, stated)?
        })
    }

    /// Takes the tokenizer of a GGUF file at `path`.
    pub(crate) fn from_metadata(path: &Path, metadata: &Metadata) -> Result<Self, FolderError> {
        let tokenizer = Tokenizer::from_gguf(metadata)
            .map_err(|error| FolderError::malformed(path, error.to_string()))?;
        let (before, after) = tokenizer.around();
        Ok(Self {
            tokenizer,
            before: before.into_iter().collect(),
            after: after.into_iter().collect(),
            pair: None,
            lowercases: false,
            composes: false,
            last_space: None,
            left_out: None,
        })
    }

    /// Returns what about the tokenizer may not be what the user meant.
    pub(crate) fn warnings(&self) -> &[TokenizerWarning] {
        self.tokenizer.warnings()
    }

    /// Makes sure that a network with so many embeddings has one for each token, those
    /// that are put around texts among them; all were read at `path`.
    pub(crate) fn check_vocabulary(&self, path: &Path, rows: usize) -> Result<(), FolderError> {
        let known = self.tokenizer.vocabulary_size();
        if known > rows {
            let reason = format!("it has {known} tokens and embeddings for {rows} only");
            return Err(FolderError::malformed(path, reason));
        }
        let pair = self.pair.iter().flat_map(Pair::special_tokens);
        let mut around = self.before.iter().chain(&self.after).chain(pair);
        if let Some(id) = around.find(|&&id| id as usize >= rows) {
            let reason =
                format!("it puts the token {id} around texts, and has embeddings for {rows} only");
            return Err(FolderError::malformed(path, reason));
        }
        Ok(())
    }

    /// Returns the tokens of a text with those around it. The name of a special token
    /// that is written out in the text is text.
    pub(crate) fn encode(&self, text: &str) -> Vec<u32> {
        [&self.before[..], &self.bare(text), &self.after].concat()
    }

    /// Returns the first tokens of a text with those around it, `most` or a few
    /// more where there are as many, and how many there are.
    pub(crate) fn first(&self, text: &str, most: usize) -> (Vec<u32>, usize) {
        let mut first = self.before.clone();
        let mut count = first.len();
        self.each(text, &mut |ids| {
            let room = most.saturating_sub(first.len());
            first.extend_from_slice(&ids[..ids.len().min(room)]);
            count += ids.len();
        });
        first.extend_from_slice(&self.after);
        (first, count + self.after.len())
    }

    /// Returns the tokens of a text without those around it.
    pub(crate) fn bare(&self, text: &str) -> Vec<u32> {
        let mut tokens = Vec::with_capacity(text.len() / 4 + 2);
        self.each(text, &mut |ids| tokens.extend_from_slice(ids));
        tokens
    }

    /// Hands on the same as they come.
    fn each(&self, text: &str, take: &mut dyn FnMut(&[u32])) {
        let lower = self.lowercases.then(|| text.to_lowercase());
        let text = lower.as_deref().unwrap_or(text);
        let composed: Option<String> = self.composes.then(|| text.nfc().collect());
        let text = composed.as_deref().unwrap_or(text);
        let never = Cancellation::default();
        let mut take_known = |ids: &[u32]| match self.left_out {
            Some(unknown) if ids.contains(&unknown) => {
                let known: Vec<u32> = ids.iter().copied().filter(|&id| id != unknown).collect();
                take(&known);
            }
            _ => take(ids),
        };
        let whole = self
            .tokenizer
            .encode_each(text, false, false, &never, &mut take_known);
        if let (Ok(()), Some(space)) = (whole, self.last_space)
            && text.ends_with(char::is_whitespace)
        {
            take(&[space]);
        }
    }

    /// Returns what stands around two texts, where the files say it.
    pub(crate) fn pair(&self) -> Option<&Pair> {
        self.pair.as_ref()
    }

    /// Cuts tokens to `most`; those after the text stay.
    pub(crate) fn cut(&self, tokens: &mut Vec<u32>, most: usize) {
        if tokens.len() > most {
            let kept = self.after.len().min(most);
            let end = tokens.split_off(tokens.len() - kept);
            tokens.truncate(most - kept);
            tokens.extend(end);
        }
    }
}
