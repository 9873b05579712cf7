//! Text to the tokens that an encoder wants: its tokenizer, what its files do
//! with a text before that, and the tokens around it.
//!
//! WordPiece is read by `wordpiece`, the unigram model by `unigram`, byte-pair
//! encoding by `folder`; all become `tokenizer.ggml.*`, which `tokens` reads.

use std::path::Path;

use serde_json::Value as Json;
use unicode_normalization::UnicodeNormalization as _;

use super::{unigram, wordpiece};
use crate::folder::tokenizer::{kind, sequence};
use crate::folder::vocabulary::TokenizerJson;
use crate::folder::{FolderError, json, tokenizer};
use crate::gguf::Metadata;
use crate::tokens::Tokenizer;

/// A tokenizer and what stands around it.
#[derive(Debug)]
pub(super) struct Tokens {
    tokenizer: Tokenizer,
    before: Vec<u32>,
    after: Vec<u32>,
    /// Texts are made lower case first.
    pub(super) lowercases: bool,
    /// Then characters are composed (Unicode's form NFC).
    composes: bool,
    /// What stands for the space that a text ends with.
    last_space: Option<u32>,
}

impl Tokens {
    /// Reads the tokenizer of `folder`; `stated` are the ids that `config.json`
    /// gives a name.
    pub(super) fn read(
        folder: &Path,
        stated: &dyn Fn(&str) -> Vec<u64>,
    ) -> Result<Self, FolderError> {
        let path = folder.join("tokenizer.json");
        let file: TokenizerJson = json::read(folder, "tokenizer.json")?;
        let mut metadata = Metadata::default();
        let mut last_space = None;
        match file.model.kind.as_deref() {
            Some("WordPiece") => wordpiece::read(&path, &file, &mut metadata)?,
            Some("Unigram") => last_space = unigram::read(&path, &file, &mut metadata)?,
            Some("BPE") | None => tokenizer::read(folder, stated, &mut metadata)?,
            Some(other) => {
                let what = format!(
                    "the model is '{other}', and of encoders WordPiece, Unigram and BPE are known"
                );
                return Err(FolderError::unsupported(&path, what));
            }
        }
        let mut tokens = Self::from_metadata(&path, &metadata)?;
        let around = around(&path, file.post_processor.as_ref())?;
        if !around.before.is_empty() {
            tokens.before = around.before;
        }
        if !around.after.is_empty() {
            tokens.after = around.after;
        }
        let steps = sequence(file.normalizer.as_ref(), "normalizers");
        tokens.composes = steps.iter().any(|step| kind(step) == "NFC");
        tokens.last_space = last_space;
        Ok(tokens)
    }

    /// Takes the tokenizer of a GGUF file at `path`.
    pub(super) fn from_metadata(path: &Path, metadata: &Metadata) -> Result<Self, FolderError> {
        let tokenizer = Tokenizer::from_gguf(metadata)
            .map_err(|error| FolderError::malformed(path, error.to_string()))?;
        let (before, after) = tokenizer.around();
        Ok(Self {
            tokenizer,
            before: before.into_iter().collect(),
            after: after.into_iter().collect(),
            lowercases: false,
            composes: false,
            last_space: None,
        })
    }

    /// Returns the number of tokens that it knows.
    pub(super) fn vocabulary(&self) -> usize {
        self.tokenizer.vocabulary_size()
    }

    /// Returns the tokens of a text with those around it. Markup that is written
    /// out in the text is text.
    pub(super) fn of(&self, text: &str) -> Vec<u32> {
        let lower = self.lowercases.then(|| text.to_lowercase());
        let text = lower.as_deref().unwrap_or(text);
        let composed: Option<String> = self.composes.then(|| text.nfc().collect());
        let text = composed.as_deref().unwrap_or(text);
        let mut tokens = self.before.clone();
        tokens.extend(self.tokenizer.encode(text, false, false));
        tokens.extend(
            self.last_space
                .filter(|_| text.ends_with(char::is_whitespace)),
        );
        tokens.extend(&self.after);
        tokens
    }

    /// Cuts tokens to `most`; those after the text stay.
    pub(super) fn cut(&self, tokens: &mut Vec<u32>, most: usize) {
        if tokens.len() > most {
            let kept = self.after.len().min(most);
            let end = tokens.split_off(tokens.len() - kept);
            tokens.truncate(most - kept);
            tokens.extend(end);
        }
    }
}

/// The ids that a post-processor puts around a text.
#[derive(Debug, Default, PartialEq, Eq)]
struct Around {
    before: Vec<u32>,
    after: Vec<u32>,
}

/// Reads what the post-processor puts around one text.
fn around(path: &Path, step: Option<&Json>) -> Result<Around, FolderError> {
    let mut around = Around::default();
    for step in sequence(step, "processors") {
        let read = match kind(step) {
            "BertProcessing" | "RobertaProcessing" => pair(step),
            "TemplateProcessing" => template(step),
            // It changes where tokens are said to lie, and no token.
            "ByteLevel" => continue,
            _ => None,
        };
        around = read.ok_or_else(|| {
            FolderError::unsupported(path, format!("the post_processor is {step}"))
        })?;
    }
    Ok(around)
}

fn id(value: &Json) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}

/// `{"cls": ["[CLS]", 101], "sep": ["[SEP]", 102]}`
fn pair(step: &Json) -> Option<Around> {
    let of = |name: &str| id(step.get(name)?.get(1)?);
    Some(Around {
        before: vec![of("cls")?],
        after: vec![of("sep")?],
    })
}

fn template(step: &Json) -> Option<Around> {
    let specials = step.get("special_tokens")?;
    let (mut around, mut is_before) = (Around::default(), true);
    for part in step.get("single")?.as_array()? {
        if part.get("Sequence").is_some() {
            if !std::mem::take(&mut is_before) {
                return None;
            }
            continue;
        }
        let name = part.get("SpecialToken")?.get("id")?.as_str()?;
        let ids = specials.get(name)?.get("ids")?.as_array()?;
        let ids: Option<Vec<u32>> = ids.iter().map(id).collect();
        match is_before {
            true => around.before.extend(ids?),
            false => around.after.extend(ids?),
        }
    }
    (!is_before).then_some(around)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_stands_around_a_text_is_read() {
        let of = |step: Json| around(Path::new("tokenizer.json"), Some(&step));
        let special = |name: &str| json!({"SpecialToken": {"id": name, "type_id": 0}});
        let text = json!({"Sequence": {"id": "A", "type_id": 0}});
        let ids = json!({"<s>": {"id": "<s>", "ids": [7, 8]}, "</s>": {"id": "</s>", "ids": [9]}});
        let template = |single: Json| json!({"type": "TemplateProcessing", "single": single, "special_tokens": ids});
        let found = of(template(json!([special("<s>"), text, special("</s>")]))).unwrap();
        assert_eq!((found.before, found.after), (vec![7, 8], vec![9]));
        let bytes = json!({"type": "ByteLevel"});
        let end = template(json!([text, special("</s>")]));
        let both = json!({"type": "Sequence", "processors": [bytes, end]});
        let found = of(both).unwrap();
        assert_eq!((found.before, found.after), (vec![], vec![9]));
        let old = json!({"type": "RobertaProcessing", "cls": ["<s>", 0], "sep": ["</s>", 2]});
        let found = of(old).unwrap();
        assert_eq!((found.before, found.after), (vec![0], vec![2]));
        assert_eq!(of(Json::Null).unwrap(), Around::default());
        let unknown = template(json!([text, special("<x>")]));
        assert!(of(unknown).unwrap_err().to_string().contains("<x>"));
    }
}
