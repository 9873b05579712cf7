//! A `tokenizer.json` that no scanner of ours reads: it is handed on whole, for
//! `llm-tokenizer` to run it by Hugging Face's own crate. What is known of it here is
//! how its tokens are written, so that they become text again.

use std::path::Path;

use serde_json::Value as Json;

use super::tokenizer::{Pair, SPACE_MARK};
use super::tokenizer_json::{TokenizerJson, kind, sequence};
use super::{FolderError, json, pre_tokenizer};
use llm_gguf::Value;

/// How tokens are written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    /// In GPT-2's byte alphabet.
    ByteLevel,
    /// With a mark for a space, which stands before a text as well where
    /// `before_text`.
    Marked { before_text: bool },
    /// A piece inside a word begins with these characters.
    Inner(String),
    /// The last piece of a word ends with these characters.
    Last(String),
    /// Each is a word.
    Words,
}

impl Foreign {
    /// Finds out.
    ///
    /// # Errors
    /// What is not known of it.
    pub(super) fn new(file: &TokenizerJson) -> Result<Self, String> {
        if pre_tokenizer::is_byte_level(file.pre_tokenizer.as_ref()) {
            return Ok(Self::ByteLevel);
        }
        let steps = sequence(file.decoder.as_ref(), "decoders");
        let text = |step: &Json, name: &str| {
            let text = step.get(name).and_then(Json::as_str);
            text.map(str::to_owned)
        };
        let is_mark = |step: &Json| {
            let pattern = step.get("pattern").and_then(|it| it.get("String"));
            pattern.and_then(Json::as_str) == Some(SPACE_MARK)
                && text(step, "content").as_deref() == Some(" ")
        };
        let mut found = None;
        let mut before_text = false;
        for step in &steps {
            let meaning = match kind(step) {
                "ByteLevel" => Self::ByteLevel,
                "Metaspace" if text(step, "replacement").as_deref() == Some(SPACE_MARK) => {
                    before_text = text(step, "prepend_scheme").as_deref() != Some("never")
                        && step.get("add_prefix_space") != Some(&Json::Bool(false));
                    Self::Marked { before_text: false }
                }
                "Replace" if is_mark(step) => Self::Marked { before_text: false },
                "WordPiece" => Self::Inner(text(step, "prefix").unwrap_or_else(|| "##".to_owned())),
                "BPEDecoder" => {
                    Self::Last(text(step, "suffix").unwrap_or_else(|| "</w>".to_owned()))
                }
                "ByteFallback" | "Fuse" => continue,
                "Strip" if step.get("stop").and_then(Json::as_u64) == Some(0) => {
                    before_text |= step.get("start").and_then(Json::as_u64).unwrap_or(0) > 0;
                    continue;
                }
                _ => return Err(format!("its tokens become text by {step}")),
            };
            if found.is_some_and(|other| other != meaning) {
                return Err("its tokens become text in more than one way".to_owned());
            }
            found = Some(meaning);
        }
        Ok(match found {
            Some(Self::Marked { .. }) => Self::Marked { before_text },
            Some(found) => found,
            None => Self::Words,
        })
    }

    pub(super) fn is_byte_level(&self) -> bool {
        *self == Self::ByteLevel
    }

    /// Returns the text of a token with SentencePiece's mark for each space of it.
    pub(super) fn respelled(&self, token: &str) -> String {
        match self {
            Self::ByteLevel | Self::Marked { .. } => token.to_owned(),
            Self::Words => format!("{SPACE_MARK}{token}"),
            Self::Inner(prefix) => match token.strip_prefix(prefix.as_str()) {
                Some(inner) => inner.to_owned(),
                None => format!("{SPACE_MARK}{token}"),
            },
            Self::Last(suffix) => match token.strip_suffix(suffix.as_str()) {
                Some(last) => format!("{last}{SPACE_MARK}"),
                None => token.to_owned(),
            },
        }
    }

    /// Returns all that is said of it beside its tokens.
    ///
    /// # Errors
    /// A file that can no longer be read.
    pub(super) fn pairs(
        &self,
        path: &Path,
        file: &TokenizerJson,
    ) -> Result<Vec<Pair>, FolderError> {
        let whole = json::text_if_there(path)?.unwrap_or_default();
        let whole = whole.strip_prefix('\u{feff}').unwrap_or(&whole).to_owned();
        let model = file.model.kind.as_deref().unwrap_or("BPE");
        let begins_with_space = match self {
            Self::ByteLevel | Self::Last(_) => false,
            Self::Marked { before_text } => *before_text,
            Self::Words | Self::Inner(_) => true,
        };
        Ok(vec![
            ("ggml.model", Value::String("huggingface".to_owned())),
            ("ggml.pre", Value::String(model.to_owned())),
            ("ggml.add_space_prefix", Value::Bool(begins_with_space)),
            ("huggingface.byte_level", Value::Bool(self.is_byte_level())),
            ("huggingface.json", Value::String(whole)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn file(decoder: &Json) -> TokenizerJson {
        serde_json::from_value(json!({"model": {"vocab": {"a": 0}}, "decoder": decoder})).unwrap()
    }

    #[test]
    fn decoders_tell_how_tokens_are_written() {
        let marks = json!({"type": "Replace", "pattern": {"String": "\u{2581}"}, "content": " "});
        let strip = json!({"type": "Strip", "content": " ", "start": 1, "stop": 0});
        for (decoder, token, text, before_text) in [
            (json!(null), "a", "▁a", true),
            (
                json!({"type": "WordPiece", "prefix": "##"}),
                "##a",
                "a",
                true,
            ),
            (
                json!({"type": "WordPiece", "prefix": "##"}),
                "a",
                "▁a",
                true,
            ),
            (
                json!({"type": "BPEDecoder", "suffix": "</w>"}),
                "a</w>",
                "a▁",
                false,
            ),
            (
                json!({"type": "Metaspace", "replacement": "▁"}),
                "▁a",
                "▁a",
                true,
            ),
            (json!({"type": "ByteLevel"}), "Ġa", "Ġa", false),
            (
                json!({"type": "Sequence", "decoders": [&marks, {"type": "Fuse"}]}),
                "▁a",
                "▁a",
                false,
            ),
            (
                json!({"type": "Sequence", "decoders": [&marks, &strip]}),
                "▁a",
                "▁a",
                true,
            ),
        ] {
            let file = file(&decoder);
            let foreign = Foreign::new(&file).unwrap();
            assert_eq!(foreign.respelled(token), text, "{decoder}");
            let place = tempfile::tempdir().unwrap();
            let pairs = foreign.pairs(&place.path().join("none"), &file).unwrap();
            let key = "ggml.add_space_prefix";
            let said = pairs
                .iter()
                .find(|(name, _)| *name == key)
                .map(|pair| &pair.1);
            assert!(
                matches!(said, Some(Value::Bool(said)) if *said == before_text),
                "{decoder}"
            );
        }
        assert!(Foreign::new(&file(&json!({"type": "CTC"}))).is_err());
        let both = json!({"type": "Sequence", "decoders": [{"type": "ByteLevel"}, &marks]});
        assert!(Foreign::new(&file(&both)).is_err());
    }
}
