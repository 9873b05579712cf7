//! `tokenizer.json` of WordPiece as `tokenizer.ggml.*`, which `llm-tokenizer` reads.
//! Pieces are written as llama.cpp's converter writes them: U+2581 before what
//! begins a word, nothing before what goes on with one.

use std::path::Path;

use serde_json::Value as Json;

use llm_folder::FolderError;
use llm_folder::tokenizer_json::TokenizerJson;
use llm_gguf::{Integers, Metadata, Value};

/// `tokenizer.ggml.token_type`
const NORMAL: i64 = 1;
const CONTROL: i64 = 3;

/// Characters of the longest word that Hugging Face's tokenizers look at where
/// the file does not say.
const LONGEST_WORD: u64 = 100;

/// Reads the file at `path` into `metadata`.
pub(crate) fn read(
    path: &Path,
    file: &TokenizerJson,
    metadata: &mut Metadata,
) -> Result<(), FolderError> {
    let unsupported = |what: String| FolderError::unsupported(path, what);
    let mut set = |name: &str, value: Value| {
        metadata.insert(format!("tokenizer.ggml.{name}"), value);
    };
    set("model", Value::String("bert".to_owned()));
    normalizer(file, &mut set).map_err(unsupported)?;
    let longest = file.model.max_input_chars_per_word.unwrap_or(LONGEST_WORD);
    set("normalizer.max_word_length", Value::Unsigned(longest));
    pieces(file, &mut set).map_err(|reason| FolderError::malformed(path, reason))?;
    unknown_token(file, &mut set).map_err(unsupported)
}

fn normalizer(file: &TokenizerJson, set: &mut dyn FnMut(&str, Value)) -> Result<(), String> {
    let kind = |step: &Option<Json>| {
        let name = step.as_ref().and_then(|step| step.get("type")?.as_str());
        name.unwrap_or("none").to_owned()
    };
    for (what, step, wanted) in [
        ("normalizer", &file.normalizer, "BertNormalizer"),
        ("pre_tokenizer", &file.pre_tokenizer, "BertPreTokenizer"),
    ] {
        if kind(step) != wanted {
            return Err(format!("the {what} is '{}'", kind(step)));
        }
    }
    let flag = |name: &str| {
        file.normalizer
            .as_ref()
            .and_then(|normalizer| normalizer.get(name)?.as_bool())
    };
    for name in ["clean_text", "handle_chinese_chars"] {
        if flag(name) == Some(false) {
            return Err(format!("the normalizer's {name} is false"));
        }
    }
    let lowercase = flag("lowercase").unwrap_or(true);
    set("normalizer.lowercase", Value::Bool(lowercase));
    let strip = flag("strip_accents").unwrap_or(lowercase);
    set("normalizer.strip_accents", Value::Bool(strip));
    Ok(())
}

fn pieces(file: &TokenizerJson, set: &mut dyn FnMut(&str, Value)) -> Result<(), String> {
    let prefix = file
        .model
        .continuing_subword_prefix
        .as_deref()
        .filter(|prefix| !prefix.is_empty())
        .unwrap_or("##");
    let entries = &file.model.vocab.0;
    let mut texts: Vec<Option<(String, i64)>> = vec![None; entries.len()];
    for (text, id) in entries {
        let place = usize::try_from(*id)
            .ok()
            .and_then(|id| texts.get_mut(id))
            .ok_or("its vocabulary's ids leave gaps")?;
        let piece = match text.strip_prefix(prefix) {
            Some(rest) if !rest.is_empty() => rest.to_owned(),
            _ => format!("\u{2581}{text}"),
        };
        *place = Some((piece, NORMAL));
    }
    for added in file.added_tokens.iter().filter(|added| added.special) {
        let place = usize::try_from(added.id).ok();
        if let Some(place) = place.and_then(|id| texts.get_mut(id)) {
            *place = Some((added.content.clone(), CONTROL));
        }
    }
    let texts: Option<Vec<_>> = texts.into_iter().collect();
    let texts = texts.ok_or("its vocabulary's ids leave gaps")?;
    let types: Integers = texts.iter().map(|(_, kind)| *kind).collect();
    set(
        "tokens",
        Value::Strings(texts.iter().map(|(text, _)| text).collect()),
    );
    set("token_type", Value::Integers(types));
    Ok(())
}

/// Sets the token for what is unknown; those around a text are read by `vocabulary`.
fn unknown_token(file: &TokenizerJson, set: &mut dyn FnMut(&str, Value)) -> Result<(), String> {
    if file.post_processor.is_none() {
        return Err("no post_processor puts tokens around a text".to_owned());
    }
    let text = file.model.unk_token.as_deref().unwrap_or("[UNK]");
    let mut entries = file.model.vocab.0.iter();
    let id = entries
        .find(|(entry, _)| entry == text)
        .map(|(_, id)| *id)
        .ok_or_else(|| format!("the vocabulary lacks '{text}'"))?;
    set("unknown_token_id", Value::Unsigned(id));
    Ok(())
}
