//! Every tokenizer that has no scanner of its own here, by Hugging Face's crate
//! `tokenizers`: normalizers, pre-tokenizers and models of any kind, as a
//! `tokenizer.json` describes them. Special tokens are left to `special`, what
//! stands around a text to the caller.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

use super::TokenizerError;
use super::flow::Flow;
use super::vocabulary::Spelling;
use llm_gguf::Metadata;

/// The whole `tokenizer.json` (GGUF's specification names the key).
pub(super) const KEY: &str = "tokenizer.huggingface.json";
/// Whether the tokens are written in GPT-2's byte alphabet.
const BYTE_LEVEL: &str = "tokenizer.huggingface.byte_level";

/// Bytes that are given to the crate at a time, about: it keeps some hundred bytes
/// for each of a text and cannot be broken off. This is more text than a context
/// of 100,000 tokens holds; where a text is longer, a word may be cut in two.
const PART: usize = 1 << 20;

/// The tables of one file.
pub(super) struct HuggingFace {
    /// For the beginning of a text.
    first: tokenizers::Tokenizer,
    /// For what follows a special token, where that differs.
    later: Option<tokenizers::Tokenizer>,
    /// Stands for what has no token.
    unknown: Option<u32>,
}

impl HuggingFace {
    /// Reads the tables of `metadata`.
    ///
    /// # Errors
    /// No `tokenizer.json` in it, or one that the crate refuses.
    pub(super) fn new(metadata: &Metadata) -> Result<Self, TokenizerError> {
        let text = metadata
            .string(KEY)?
            .ok_or(TokenizerError::MissingKey { key: KEY })?;
        let mut file: Value = serde_json::from_str(text).map_err(|error| refused(&error))?;
        let Some(parts) = file.as_object_mut() else {
            return Err(refused(&"it is no object"));
        };
        // What text must not become, and what is done elsewhere.
        parts.insert("added_tokens".to_owned(), json!([]));
        for part in ["post_processor", "truncation", "padding", "decoder"] {
            parts.insert(part.to_owned(), Value::Null);
        }
        let first = built(&file)?;
        let unknown = unknown(&file, &first)?;
        let later = marks_only_the_first(&mut file)
            .then(|| built(&file))
            .transpose()?;
        Ok(Self {
            first,
            later,
            unknown,
        })
    }

    /// Appends the ids of a stretch between special tokens; `is_first` is that at
    /// the beginning of the text.
    pub(super) fn encode(&self, text: &str, is_first: bool, flow: &mut Flow) {
        let (mut rest, mut is_first) = (text, is_first);
        while !rest.is_empty() && flow.go_on() {
            let (part, later) = rest.split_at(part(rest));
            let tokenizer = match &self.later {
                Some(later) if !is_first => later,
                _ => &self.first,
            };
            self.encode_part(tokenizer, part, flow);
            (rest, is_first) = (later, false);
        }
    }

    /// Appends the ids of a part. No model fails on a text once its file is read;
    /// should the crate do so, only the character that it fails on becomes unknown.
    fn encode_part(&self, tokenizer: &tokenizers::Tokenizer, part: &str, flow: &mut Flow) {
        let encoded = unpanicking(|| tokenizer.encode_fast(part, false));
        if let Ok(Ok(encoding)) = encoded {
            flow.ids.extend_from_slice(encoding.get_ids());
            return;
        }
        let middle = part.ceil_char_boundary(part.len().div_ceil(2));
        let (before, behind) = part.split_at(middle);
        if behind.is_empty() {
            flow.ids.extend(self.unknown);
            return;
        }
        for half in [before, behind] {
            if flow.checks.go_on() {
                self.encode_part(tokenizer, half, flow);
            }
        }
    }
}

/// Returns how the tokens of `metadata` are written.
pub(super) fn spelling(metadata: &Metadata) -> Result<Spelling, TokenizerError> {
    Ok(if metadata.bool(BYTE_LEVEL)? == Some(true) {
        Spelling::ByteLevel
    } else {
        Spelling::SentencePiece
    })
}

/// Returns the length of what is taken of a text at a time: whole lines, where
/// there are any.
fn part(text: &str) -> usize {
    if text.len() <= PART {
        return text.len();
    }
    let most = text.floor_char_boundary(PART);
    text[..most].rfind('\n').map_or(most, |end| end + 1)
}

/// Returns the token of what has none.
///
/// # Errors
/// The kind of model fails without one, and it has none.
fn unknown(file: &Value, tokenizer: &tokenizers::Tokenizer) -> Result<Option<u32>, TokenizerError> {
    let model = &file["model"];
    let named = model["unk_token"].as_str();
    let id = match model["unk_id"].as_u64() {
        Some(id) => u32::try_from(id).ok(),
        None => named.and_then(|token| tokenizer.token_to_id(token)),
    };
    let kind = model["type"].as_str().unwrap_or_default();
    let fails = matches!(kind, "WordLevel" | "WordPiece" | "Unigram");
    if id.is_none() && fails {
        let reason = format!("its {kind} model has no token for what is unknown");
        return Err(refused(&reason));
    }
    Ok(id)
}

/// Characters of private use and of a dead script, which hardly a model can write.
const HARDLY_WRITTEN: &str = "\u{e000} \u{10380} \u{10fffd}";

fn built(file: &Value) -> Result<tokenizers::Tokenizer, TokenizerError> {
    let bytes = serde_json::to_vec(file).map_err(|error| refused(&error))?;
    let built = unpanicking(|| tokenizers::Tokenizer::from_bytes(bytes));
    let tokenizer = built?.map_err(|error| refused(&error))?;
    // A model that fails where it knows no token would swallow whole texts.
    let written = unpanicking(|| tokenizer.encode_fast(HARDLY_WRITTEN, false).map(|_| ()));
    written?.map_err(|error| refused(&error))?;
    Ok(tokenizer)
}

/// Does what the crate may panic at, on files that nobody has seen.
fn unpanicking<T>(what: impl FnOnce() -> T) -> Result<T, TokenizerError> {
    catch_unwind(AssertUnwindSafe(what)).map_err(|_| refused(&"the crate 'tokenizers' gave up"))
}

fn refused(reason: &impl ToString) -> TokenizerError {
    let reason = reason.to_string();
    TokenizerError::HuggingFace { reason }
}

/// Has the file put no space before a text where it puts one before the first
/// word of all alone; returns whether it did.
fn marks_only_the_first(file: &mut Value) -> bool {
    file.get_mut("pre_tokenizer").is_some_and(marks_first)
}

fn marks_first(step: &mut Value) -> bool {
    if step.get("prepend_scheme").and_then(Value::as_str) == Some("first") {
        step["prepend_scheme"] = json!("never");
        return true;
    }
    let steps = step.get_mut("pretokenizers").and_then(Value::as_array_mut);
    // All of them, also behind one that was changed.
    let changed = steps
        .into_iter()
        .flatten()
        .filter_map(|step| marks_first(step).then_some(()));
    changed.count() > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tokenizer;
    use llm_gguf::Value as Entry;

    fn metadata(file: &Value) -> Metadata {
        let mut metadata = Metadata::default();
        for (key, value) in [
            ("tokenizer.ggml.model", "huggingface".to_owned()),
            ("tokenizer.ggml.pre", "WordLevel".to_owned()),
            (KEY, file.to_string()),
        ] {
            metadata.insert(key, Entry::String(value));
        }
        let texts = ["▁[UNK]", "▁a", "▁b", "<end>"];
        metadata.insert(
            "tokenizer.ggml.tokens",
            Entry::Strings(texts.iter().collect()),
        );
        let types = [2_i64, 1, 1, 3];
        metadata.insert(
            "tokenizer.ggml.token_type",
            Entry::Integers(types.into_iter().collect()),
        );
        metadata.insert("tokenizer.ggml.add_space_prefix", Entry::Bool(true));
        metadata
    }

    fn words() -> Value {
        json!({
            "added_tokens": [{"id": 3, "content": "<end>", "special": true}],
            "normalizer": {"type": "Lowercase"},
            "pre_tokenizer": {"type": "Whitespace"},
            "post_processor": null,
            "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1, "b": 2}, "unk_token": "[UNK]"},
        })
    }

    #[test]
    fn a_model_without_a_scanner_here_is_encoded_and_decoded() {
        let tokenizer = Tokenizer::from_gguf(&metadata(&words())).unwrap();
        assert_eq!(tokenizer.encode("A b<end>c", false, true), [1, 2, 3, 0]);
        // What text writes is text: none of these words is known.
        assert_eq!(tokenizer.encode("<end>", false, false), [0, 0, 0]);
        assert_eq!(tokenizer.decode(&[1, 2]), "a b");
        assert_eq!(tokenizer.kind(), "huggingface/WordLevel");
    }

    #[test]
    fn what_the_crate_refuses_is_an_error() {
        let mut without_unknown = words();
        without_unknown["model"]["unk_token"] = json!("[NONE]");
        let none = json!({"model": {"type": "Nothing"}});
        // It fails on other words than those that are tried.
        let mut knows_rare_words = without_unknown.clone();
        for (id, word) in ["\u{e000}", "\u{10380}", "\u{10fffd}"].iter().enumerate() {
            knows_rare_words["model"]["vocab"][word] = json!(id + 4);
        }
        for file in [json!([]), none, without_unknown, knows_rare_words] {
            let told = Tokenizer::from_gguf(&metadata(&file)).unwrap_err();
            assert!(matches!(told, TokenizerError::HuggingFace { .. }), "{told}");
        }
    }

    #[test]
    fn long_texts_are_taken_a_few_lines_at_a_time() {
        let line = "a b\n";
        let text = line.repeat(PART / line.len() + 100);
        assert_eq!(part(&text) % line.len(), 0);
        let tokenizer = Tokenizer::from_gguf(&metadata(&words())).unwrap();
        let ids = tokenizer.encode(&text, false, false);
        assert_eq!(ids.len(), text.len() / line.len() * 2);
        assert_eq!(part(&"é".repeat(PART)), PART);
    }

    #[test]
    fn the_space_before_the_first_word_is_put_there_alone() {
        let mut file = words();
        file["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": [
            {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true}]});
        assert!(marks_only_the_first(&mut file));
        assert_eq!(
            file["pre_tokenizer"]["pretokenizers"][0]["prepend_scheme"],
            "never"
        );
        assert!(!marks_only_the_first(&mut file));
    }
}
