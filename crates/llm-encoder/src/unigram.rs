//! `tokenizer.json` of SentencePiece's unigram model (XLM-RoBERTa's) as
//! `tokenizer.ggml.*`, which `llm-tokenizer` reads.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value as Json;

use llm_folder::tokenizer_json::TokenizerJson;
use llm_folder::tokenizer_json::{kind, sequence};
use llm_folder::{FolderError, json};
use llm_gguf::{Floats, Integers, Metadata, Value};

/// `tokenizer.ggml.token_type`
const NORMAL: i64 = 1;
const UNKNOWN: i64 = 2;
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;

const SPACE_MARK: &str = "\u{2581}";

/// The part of the file that other models do not have in this form.
#[derive(Deserialize)]
struct File {
    model: Model,
}

#[derive(Deserialize)]
struct Model {
    vocab: Vec<(String, f64)>,
    unk_id: Option<usize>,
}

/// What is done to a text before it is cut.
#[derive(Default)]
struct Rules {
    charsmap: Vec<i64>,
    /// Whether a run of spaces is one, and the first is none.
    merges: bool,
    /// Whether a space at the end of a text is a token.
    keeps_last: bool,
}

/// Reads the file at `path` into `metadata`. Returns the token of the space that
/// a text ends with, where it is one.
pub(crate) fn read(
    path: &Path,
    file: &TokenizerJson,
    metadata: &mut Metadata,
) -> Result<Option<u32>, FolderError> {
    let rules = rules(file).map_err(|what| FolderError::unsupported(path, what))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let model = json::read::<File>(folder, "tokenizer.json")?.model;
    let mut kinds: Vec<i64> = vec![NORMAL; model.vocab.len()];
    for added in &file.added_tokens {
        let place = usize::try_from(added.id).ok();
        if let Some(place) = place.and_then(|id| kinds.get_mut(id)) {
            *place = if added.special { CONTROL } else { USER_DEFINED };
        }
    }
    if let Some(place) = model.unk_id.and_then(|id| kinds.get_mut(id)) {
        if *place != CONTROL {
            // Texts are cut into it as well, which the scanner here never does.
            let what = "what is unknown becomes a token that texts may hold";
            return Err(FolderError::unsupported(path, what));
        }
        *place = UNKNOWN;
    }
    let mut set = |name: &str, value: Value| {
        metadata.insert(format!("tokenizer.ggml.{name}"), value);
    };
    let texts = model.vocab.iter().map(|(text, _)| text).collect();
    let scores: Floats = model.vocab.iter().map(|(_, score)| *score as f32).collect();
    set("model", Value::String("t5".to_owned()));
    set("tokens", Value::Strings(texts));
    set("scores", Value::Floats(scores));
    set(
        "token_type",
        Value::Integers(kinds.iter().copied().collect::<Integers>()),
    );
    set("add_space_prefix", Value::Bool(true));
    set("remove_extra_whitespaces", Value::Bool(rules.merges));
    set("add_eos_token", Value::Bool(false));
    set(
        "precompiled_charsmap",
        Value::Integers(rules.charsmap.iter().copied().collect()),
    );
    if let Some(id) = model.unk_id {
        set("unknown_token_id", Value::Unsigned(id as u64));
    }
    let mut texts = model.vocab.iter();
    let mark = texts
        .position(|(text, _)| text == SPACE_MARK)
        .and_then(|id| u32::try_from(id).ok());
    Ok(mark.filter(|_| rules.keeps_last))
}

/// Reads the normalizer and the pre-tokenizer.
fn rules(file: &TokenizerJson) -> Result<Rules, String> {
    let mut rules = Rules::default();
    let text = |step: &Json, name: &str| step.get(name)?.as_str().map(str::to_owned);
    let mut strips = false;
    for step in sequence(file.normalizer.as_ref(), "normalizers") {
        let pattern = step
            .get("pattern")
            .and_then(|pattern| text(pattern, "Regex"));
        match (kind(step), pattern.as_deref()) {
            ("Precompiled", _) => {
                let map = text(step, "precompiled_charsmap").unwrap_or_default();
                let bytes = base64(&map).ok_or("the normalizer's rules are no base64")?;
                rules.charsmap = bytes.into_iter().map(i64::from).collect();
            }
            ("Replace", Some(" {2,}")) => rules.merges = true,
            ("Strip", _) => strips = true,
            _ => return Err(format!("the normalizer has the step {step}")),
        }
    }
    let mut marks = false;
    for step in sequence(file.pre_tokenizer.as_ref(), "pretokenizers") {
        let flag = |name: &str| step.get(name).and_then(Json::as_bool);
        match kind(step) {
            "WhitespaceSplit" => {
                rules.merges = true;
                strips = true;
            }
            "Metaspace"
                if text(step, "replacement").as_deref() == Some(SPACE_MARK)
                    && flag("add_prefix_space") != Some(false)
                    && text(step, "prepend_scheme").is_none_or(|scheme| scheme == "always") =>
            {
                marks = true;
            }
            _ => return Err(format!("the pre_tokenizer has the step {step}")),
        }
    }
    if !marks || !rules.merges {
        return Err("the tokenizer does not merge spaces and write them with a mark".to_owned());
    }
    rules.keeps_last = !strips;
    Ok(rules)
}

/// Decodes base64 (RFC 4648, section 4), `None` for what is none.
fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for part in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for &character in part {
            let value = match character {
                b'A'..=b'Z' => character - b'A',
                b'a'..=b'z' => character - b'a' + 26,
                b'0'..=b'9' => character - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        // Four characters are three bytes, three are two, and two are one.
        let count = part.len().checked_sub(1).filter(|&count| count > 0)?;
        let bits = bits << (6 * (4 - part.len()));
        bytes.extend(&bits.to_be_bytes()[1..=count]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of RFC 4648, section 10.
    #[test]
    fn base64_is_decoded() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(base64(text).unwrap(), bytes.as_bytes(), "{text}");
        }
        assert_eq!(base64("Zm9v*"), None);
        assert_eq!(base64("Zm9vY"), None);
    }
}
