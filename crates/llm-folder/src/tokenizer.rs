//! `tokenizer.json` as GGUF's `tokenizer.ggml.*`. What ids and templates are
//! for is left to `special_tokens`.
//!
//! Two kinds have scanners of our own: byte-level BPE (`gpt2`) and SentencePiece's
//! BPE with bytes for what no token can write (`llama`). The latter's files have lost
//! the scores; the merges, in order, say the same and are kept instead. Every other
//! kind is `foreign`'s.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::foreign_tokenizer::Foreign;
use super::special_tokens::Stated;
use super::tokenizer_json::{Added, TokenizerJson, kind, sequence};
use super::{FolderError, pre_tokenizer, special_tokens};
use llm_gguf::{Integers, Metadata, Value};

/// `tokenizer.ggml.token_type`
const NORMAL: i64 = 1;
const UNKNOWN: i64 = 2;
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;
const UNUSED: i64 = 5;
const BYTE: i64 = 6;

pub(super) const SPACE_MARK: &str = "\u{2581}";

/// A key without `tokenizer.` before it, and its value.
pub(super) type Pair = (&'static str, Value);

/// Markup that who reads an answer looks for, and that is written out therefore: what
/// Gemma 4 puts around its reasoning and its calls (the converter's `visible_tokens`).
const VISIBLE: [&str; 7] = [
    "<|channel>",
    "<channel|>",
    "<|tool_call>",
    "<tool_call|>",
    "<|tool_response>",
    "<tool_response|>",
    "<|\"|>",
];

/// Reads the tokenizer of `folder` into `metadata`; `stated` are the ids that
/// `config.json` gives a name.
///
/// # Errors
/// A tokenizer that is missing, damaged or of another kind.
pub fn read(folder: &Path, stated: Stated<'_>, metadata: &mut Metadata) -> Result<(), FolderError> {
    let file = TokenizerJson::read(folder, stated)?;
    let reader = Reader {
        path: folder.join("tokenizer.json"),
        file,
    };
    let (pairs, tokens) = match reader.scanner() {
        Ok((is_byte_level, mut pairs)) => {
            pairs.push(("ggml.merges", reader.merges()?));
            (pairs, reader.tokens(is_byte_level)?)
        }
        Err(FolderError::Unsupported { what, .. }) => {
            let foreign = Foreign::new(&reader.file)
                .map_err(|reason| reader.unsupported(format!("{what}, and {reason}")))?;
            let mut tokens = reader.tokens(foreign.is_byte_level())?;
            for (text, kind) in &mut tokens {
                if *kind == NORMAL {
                    *text = foreign.respelled(text);
                }
            }
            (foreign.pairs(&reader.path, &reader.file)?, tokens)
        }
        Err(error) => return Err(error),
    };
    let texts = tokens.iter().map(|(text, _)| text).collect();
    let types: Integers = tokens.iter().map(|(_, kind)| *kind).collect();
    let of_tokens = [
        ("ggml.tokens", Value::Strings(texts)),
        ("ggml.token_type", Value::Integers(types)),
    ];
    for (name, value) in pairs.into_iter().chain(of_tokens) {
        metadata.insert(format!("tokenizer.{name}"), value);
    }
    special_tokens::read(folder, stated, &reader.file, metadata)
}

struct Reader {
    path: PathBuf,
    file: TokenizerJson,
}

impl Reader {
    fn unsupported(&self, what: impl Into<String>) -> FolderError {
        FolderError::unsupported(&self.path, what)
    }

    /// Returns whether bytes are written as characters, and what tells which of our
    /// own scanners reads it.
    fn scanner(&self) -> Result<(bool, Vec<Pair>), FolderError> {
        let text = |text: &str| Value::String(text.to_owned());
        if self.refuse_unsupported()? {
            let name = text(self.pre_tokenizer()?);
            let pairs = vec![("ggml.model", text("gpt2")), ("ggml.pre", name)];
            return Ok((true, pairs));
        }
        let scheme = self.space_prefix()?;
        let mut pairs = vec![
            ("ggml.model", text("llama")),
            ("ggml.add_space_prefix", Value::Bool(scheme.is_some())),
        ];
        pairs.extend(scheme.map(|scheme| ("ggml.space_prefix_scheme", text(scheme))));
        Ok((false, pairs))
    }

    fn merges(&self) -> Result<Value, FolderError> {
        let Some(merges) = &self.file.model.merges else {
            let reason =
                "its model has no 'merges', without which it cannot make words of characters";
            return Err(FolderError::malformed(&self.path, reason));
        };
        let merges = merges.iter().map(|merge| &merge.0);
        Ok(Value::Strings(merges.collect()))
    }

    /// Returns whether bytes are written as characters, which the other kind
    /// does not.
    fn refuse_unsupported(&self) -> Result<bool, FolderError> {
        let model = &self.file.model;
        let kind = model.kind.as_deref().unwrap_or("BPE");
        if kind != "BPE" {
            return Err(self.unsupported(format!("the model is '{kind}'")));
        }
        for (name, affix) in [
            (
                "continuing_subword_prefix",
                &model.continuing_subword_prefix,
            ),
            ("end_of_word_suffix", &model.end_of_word_suffix),
        ] {
            if affix.as_ref().is_some_and(|affix| !affix.is_empty()) {
                return Err(self.unsupported(format!("the model has a '{name}'")));
            }
        }
        let is_byte_level = pre_tokenizer::is_byte_level(self.file.pre_tokenizer.as_ref());
        let falls_back = model.byte_fallback == Some(true) && model.ignore_merges != Some(true);
        if !is_byte_level && !falls_back {
            return Err(self.unsupported("the model does not write bytes"));
        }
        Ok(is_byte_level)
    }

    fn pre_tokenizer(&self) -> Result<&'static str, FolderError> {
        for step in sequence(self.file.normalizer.as_ref(), "normalizers") {
            // As in llama.cpp, text is taken to be in this form.
            if kind(step) != "NFC" {
                return Err(self.unsupported(format!("the normalizer is {step}")));
            }
        }
        let pre_tokenizer = self.file.pre_tokenizer.as_ref().unwrap_or(&Json::Null);
        let ignore_merges = self.file.model.ignore_merges == Some(true);
        let name = pre_tokenizer::name(pre_tokenizer, ignore_merges);
        name.map_err(|reason| self.unsupported(reason))
    }

    /// Returns where a space is put before text, of the kind that writes spaces
    /// with a mark (see `tokens::prefix`); `None` for nowhere.
    fn space_prefix(&self) -> Result<Option<&'static str>, FolderError> {
        let mut scheme = None;
        let mut marks = false;
        let is_mark = |step: &Json, name: &str| {
            let text = step.get(name).and_then(Json::as_str);
            text == Some(SPACE_MARK)
        };
        let pattern = |step: &Json| {
            let pattern = step
                .get("pattern")
                .and_then(|it| it.get("String")?.as_str());
            pattern == Some(" ")
        };
        for step in sequence(self.file.normalizer.as_ref(), "normalizers") {
            match kind(step) {
                "Prepend" if is_mark(step, "prepend") => scheme = Some("every"),
                "Replace" if pattern(step) && is_mark(step, "content") => marks = true,
                _ => return Err(self.unsupported(format!("the normalizer is {step}"))),
            }
        }
        for step in sequence(self.file.pre_tokenizer.as_ref(), "pretokenizers") {
            let flag = |name: &str| step.get(name).and_then(Json::as_bool);
            match kind(step) {
                // There are no more spaces to split at.
                "Split" if pattern(step) && marks => {}
                "Metaspace" if flag("split") == Some(false) && !marks => {
                    marks = true;
                    let stated = step.get("prepend_scheme").and_then(Json::as_str);
                    scheme = match stated {
                        Some("never") => None,
                        Some("first") => Some("first"),
                        None if flag("add_prefix_space") == Some(false) => None,
                        _ => Some("missing"),
                    };
                }
                _ => return Err(self.unsupported(format!("the pre-tokenizer is {step}"))),
            }
        }
        if !marks {
            return Err(self.unsupported("the tokenizer does not write spaces with a mark"));
        }
        Ok(scheme)
    }

    /// Returns texts and types of all tokens, by id.
    fn tokens(&self, is_byte_level: bool) -> Result<Vec<(String, i64)>, FolderError> {
        let model = &self.file.model;
        let added = &self.file.added_tokens;
        let ids = model.vocab.0.iter().map(|(_, id)| *id);
        let last = ids.chain(added.iter().map(|token| token.id)).max();
        let known = (model.vocab.0.len() + added.len()) as u64;
        // A hostile id must not take all memory; real files have few gaps.
        let most = known.saturating_mul(4).saturating_add(1 << 16);
        let count = match last {
            Some(last) if last < most => last as usize + 1,
            Some(last) => {
                let reason = format!("it has {known} tokens and the id {last}");
                return Err(FolderError::malformed(&self.path, reason));
            }
            None => return Err(FolderError::malformed(&self.path, "it has no tokens")),
        };
        let mut tokens: Vec<(String, i64)> = vec![(String::new(), UNUSED); count];
        for (text, id) in &model.vocab.0 {
            let kind = if !is_byte_level && is_byte(text) {
                BYTE
            } else {
                NORMAL
            };
            let token = &mut tokens[*id as usize];
            // Gemma's files write the tabulator twice, as itself and as a byte.
            if token.1 != BYTE {
                *token = (text.clone(), kind);
            }
        }
        for token in added {
            let is_unknown = model.unk_token.as_deref() == Some(token.content.as_str());
            tokens[token.id as usize] = match (is_unknown && !is_byte_level, token.is_markup()) {
                (true, _) => (token.content.clone(), UNKNOWN),
                (_, true) => (token.content.clone(), CONTROL),
                // It is looked for in text with its spaces unmarked.
                (_, false) => (token.content.replace(SPACE_MARK, " "), USER_DEFINED),
            };
        }
        for (id, (text, kind)) in tokens.iter_mut().enumerate() {
            if *kind == UNUSED {
                *text = format!("[PAD{id}]");
            }
        }
        Ok(tokens)
    }
}

impl Added {
    /// Some files do not call their markup special; this is the converter's
    /// guess (`does_token_look_special`).
    fn is_markup(&self) -> bool {
        let text = self.content.as_str();
        let between = |start: &str, end: &str| text.starts_with(start) && text.ends_with(end);
        if VISIBLE.contains(&text) {
            return false;
        }
        self.special
            || matches!(text, "<pad>" | "<mask>" | "<2mass>" | "[@BOS@]")
            || between("<|", "|>")
            || between("<｜", "｜>")
            || between("<unused", ">")
    }
}

/// Whether a text is that of a byte, such as `<0x0A>`.
fn is_byte(text: &str) -> bool {
    let digits = text
        .strip_prefix("<0x")
        .and_then(|text| text.strip_suffix('>'));
    digits.is_some_and(|digits| {
        digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}
