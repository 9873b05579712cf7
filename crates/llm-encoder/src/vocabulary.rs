//! Text to the tokens that an encoder wants: its tokenizer, what its files do
//! with a text before that, and the tokens around it.
//!
//! WordPiece is read by `wordpiece`, the unigram model by `unigram`, byte-pair
//! encoding by `folder`; all become `tokenizer.ggml.*`, which `tokens` reads.

use std::path::Path;

use serde_json::Value as Json;
use unicode_normalization::UnicodeNormalization as _;

use super::{unigram, wordpiece};
use llm_folder::Stated;
use llm_folder::tokenizer_json::{TokenizerJson, kind, sequence};
use llm_folder::{FolderError, json, tokenizer};
use llm_gguf::Metadata;
use llm_tokenizer::cancel::Cancellation;
use llm_tokenizer::{Tokenizer, TokenizerWarning};

/// A tokenizer and what stands around it.
#[derive(Debug)]
pub(super) struct Tokens {
    tokenizer: Tokenizer,
    before: Vec<u32>,
    after: Vec<u32>,
    /// What stands around two texts, where the files say it.
    pair: Option<Pair>,
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
    pub(super) fn read(folder: &Path, stated: Stated<'_>) -> Result<Self, FolderError> {
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
        tokens.pair = sequence(file.post_processor.as_ref(), "processors")
            .into_iter()
            .find_map(Pair::read);
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
            pair: None,
            lowercases: false,
            composes: false,
            last_space: None,
        })
    }

    /// Returns what of the tokenizer the user may not have meant.
    pub(super) fn warnings(&self) -> &[TokenizerWarning] {
        self.tokenizer.warnings()
    }

    /// Makes sure that a network with so many embeddings has one for each token, those
    /// that are put around texts among them; all were read at `path`.
    pub(super) fn fit(&self, path: &Path, rows: usize) -> Result<(), FolderError> {
        let known = self.tokenizer.vocabulary_size();
        if known > rows {
            let reason = format!("it has {known} tokens and embeddings for {rows} only");
            return Err(FolderError::malformed(path, reason));
        }
        let pair = self
            .pair
            .iter()
            .flat_map(|pair| pair.around.iter().flatten());
        let mut around = self.before.iter().chain(&self.after).chain(pair);
        if let Some(id) = around.find(|&&id| id as usize >= rows) {
            let reason =
                format!("it puts the token {id} around texts, and has embeddings for {rows} only");
            return Err(FolderError::malformed(path, reason));
        }
        Ok(())
    }

    /// Returns the tokens of a text with those around it. Markup that is written
    /// out in the text is text.
    pub(super) fn of(&self, text: &str) -> Vec<u32> {
        [&self.before[..], &self.bare(text), &self.after].concat()
    }

    /// Returns the first tokens of a text with those around it, `most` or a few
    /// more where there are as many, and how many there are.
    pub(super) fn first(&self, text: &str, most: usize) -> (Vec<u32>, usize) {
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
    pub(super) fn bare(&self, text: &str) -> Vec<u32> {
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
        let whole = self.tokenizer.encode_each(text, false, false, &never, take);
        if let (Ok(()), Some(space)) = (whole, self.last_space)
            && text.ends_with(char::is_whitespace)
        {
            take(&[space]);
        }
    }

    /// Returns what stands around two texts, where the files say it.
    pub(super) fn pair(&self) -> Option<&Pair> {
        self.pair.as_ref()
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
            "BertProcessing" | "RobertaProcessing" => first_and_last(step),
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
fn first_and_last(step: &Json) -> Option<Around> {
    let of = |name: &str| id(step.get(name)?.get(1)?);
    Some(Around {
        before: vec![of("cls")?],
        after: vec![of("sep")?],
    })
}

fn template(step: &Json) -> Option<Around> {
    let (mut around, mut is_before) = (Around::default(), true);
    for part in step.get("single")?.as_array()? {
        if part.get("Sequence").is_some() {
            if !std::mem::take(&mut is_before) {
                return None;
            }
            continue;
        }
        let ids = special(step, part)?;
        match is_before {
            true => around.before.extend(ids),
            false => around.after.extend(ids),
        }
    }
    (!is_before).then_some(around)
}

/// Returns the ids that a part of a template stands for.
fn special(step: &Json, part: &Json) -> Option<Vec<u32>> {
    let name = part.get("SpecialToken")?.get("id")?.as_str()?;
    let special = step.get("special_tokens")?.get(name)?;
    special.get("ids")?.as_array()?.iter().map(id).collect()
}

/// What stands around two texts that are read together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pair {
    /// Before the first text, between both, behind the second.
    around: [Vec<u32>; 3],
    /// How many of the tokens between both are of the first segment; `None` where
    /// there is only one segment.
    first: Option<usize>,
}

impl Pair {
    /// Reads a step of a post-processor; `None` where it says nothing of pairs, or
    /// something that is no pair of segments.
    fn read(step: &Json) -> Option<Self> {
        match kind(step) {
            "TemplateProcessing" => Self::of_template(step),
            name @ ("BertProcessing" | "RobertaProcessing") => {
                let Around { before, after } = first_and_last(step)?;
                let is_bert = name == "BertProcessing";
                let between = after.repeat(if is_bert { 1 } else { 2 });
                let first = is_bert.then_some(between.len());
                let around = [before, between, after];
                Some(Self { around, first })
            }
            _ => None,
        }
    }

    fn of_template(step: &Json) -> Option<Self> {
        let (mut pair, mut texts, mut segment) = (Self::default(), 0, 0);
        for part in step.get("pair")?.as_array()? {
            let inner = part.as_object()?.values().next()?;
            let own = inner.get("type_id")?.as_u64()?;
            // The second segment begins between the texts, or not at all.
            let begins = own == 1 && segment == 0 && texts == 1;
            if own != segment && !begins {
                return None;
            }
            if begins {
                (pair.first, segment) = (Some(pair.around[1].len()), 1);
            }
            if part.get("Sequence").is_some() {
                let is_next = inner.get("id")?.as_str()? == ["A", "B"].get(texts).copied()?;
                texts += is_next.then_some(1)?;
            } else {
                pair.around[texts].extend(special(step, part)?);
            }
        }
        (texts == 2).then_some(pair)
    }

    /// Takes all tokens to be of one segment.
    pub(super) fn in_one_segment(self) -> Self {
        let around = self.around;
        Self {
            around,
            first: None,
        }
    }

    /// Returns how many tokens it puts around the texts.
    pub(super) fn len(&self) -> usize {
        self.around.iter().map(Vec::len).sum()
    }

    /// Returns two texts with what stands around them, and how many tokens are of
    /// the first segment.
    pub(super) fn of(&self, a: &[u32], b: &[u32]) -> (Vec<u32>, usize) {
        let [before, between, after] = &self.around;
        let tokens = [before, a, between, b, after].concat();
        let first = self.first.map(|first| before.len() + a.len() + first);
        let first = first.unwrap_or(tokens.len());
        (tokens, first)
    }
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

    #[test]
    fn what_stands_around_two_texts_is_read() {
        let of = |step: Json| Some(Pair::read(&step)?.of(&[1, 2], &[3]));
        let part = |name: &str, kind: u64| match name {
            "A" | "B" => json!({"Sequence": {"id": name, "type_id": kind}}),
            _ => json!({"SpecialToken": {"id": name, "type_id": kind}}),
        };
        let template = |parts: &[(&str, u64)]| {
            let pair: Vec<Json> = parts.iter().map(|(name, kind)| part(name, *kind)).collect();
            let specials = json!({"c": {"ids": [7]}, "s": {"ids": [8, 9]}});
            of(json!({"type": "TemplateProcessing", "pair": pair, "special_tokens": specials}))
        };
        let bert = [("c", 0), ("A", 0), ("s", 0), ("B", 1), ("s", 1)];
        let all = vec![7, 1, 2, 8, 9, 3, 8, 9];
        assert_eq!(template(&bert), Some((all.clone(), 5)));
        assert_eq!(template(&bert.map(|(name, _)| (name, 0))), Some((all, 8)));
        let late = [("A", 0), ("s", 0), ("c", 1), ("B", 1)];
        assert_eq!(template(&late), Some((vec![1, 2, 8, 9, 7, 3], 4)));
        for wrong in [
            &[("B", 0), ("A", 0)][..],
            &[("A", 1), ("B", 1)],
            &[("A", 0), ("B", 1), ("s", 0)],
            &[("A", 0), ("B", 0), ("B", 0)],
            &[("A", 0), ("B", 0), ("s", 1)],
            &[("A", 0), ("x", 0), ("B", 0)],
            &[("A", 0)],
        ] {
            assert_eq!(template(wrong), None, "{wrong:?}");
        }
        let old = |kind: &str| of(json!({"type": kind, "cls": ["<s>", 7], "sep": ["</s>", 8]}));
        assert_eq!(old("BertProcessing"), Some((vec![7, 1, 2, 8, 3, 8], 4)));
        let roberta = vec![7, 1, 2, 8, 8, 3, 8];
        assert_eq!(old("RobertaProcessing"), Some((roberta, 7)));
        assert_eq!(old("ByteLevel"), None);
    }
}
