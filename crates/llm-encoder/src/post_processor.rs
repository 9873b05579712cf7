//! The special tokens that a tokenizer's post-processor puts around one text, or two.

use std::path::Path;

use serde_json::Value as Json;

use llm_folder::FolderError;
use llm_folder::tokenizer_json::{kind, sequence};

/// The ids that a post-processor puts around a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Around {
    pub(crate) before: Vec<u32>,
    pub(crate) after: Vec<u32>,
}

/// Reads what the post-processor puts around one text.
pub(crate) fn around(path: &Path, step: Option<&Json>) -> Result<Around, FolderError> {
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
        if is_before {
            around.before.extend(ids);
        } else {
            around.after.extend(ids);
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
pub(crate) struct Pair {
    /// Before the first text, between both, behind the second.
    around: [Vec<u32>; 3],
    /// How many of the tokens between both are of the first segment; `None` where
    /// there is only one segment.
    first: Option<usize>,
}

impl Pair {
    /// Returns what a post-processor puts around two texts; `None` where it does not
    /// say it.
    pub(crate) fn find(step: Option<&Json>) -> Option<Self> {
        let mut steps = sequence(step, "processors").into_iter();
        steps.find_map(Self::read)
    }

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
    pub(crate) fn in_one_segment(self) -> Self {
        let around = self.around;
        Self {
            around,
            first: None,
        }
    }

    /// Returns the tokens that it puts around the texts.
    pub(crate) fn special_tokens(&self) -> impl Iterator<Item = &u32> {
        self.around.iter().flatten()
    }

    /// Returns how many tokens it puts around the texts.
    pub(crate) fn len(&self) -> usize {
        self.around.iter().map(Vec::len).sum()
    }

    /// Returns two texts with what stands around them, and how many tokens are of
    /// the first segment.
    pub(crate) fn join(&self, a: &[u32], b: &[u32]) -> (Vec<u32>, usize) {
        let [before, between, after] = &self.around;
        let tokens = [before, a, between, b, after].concat();
        let first = self
            .first
            .map(|first| before.len() + a.len() + first)
            .unwrap_or(tokens.len());
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
        let of = |step: Json| Some(Pair::read(&step)?.join(&[1, 2], &[3]));
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
