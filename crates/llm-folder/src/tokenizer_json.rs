//! A `tokenizer.json` as it stands there: the parts that are looked at, read
//! without building a tree of its half a million strings.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

use super::{FolderError, Stated, json};

/// The whole file.
#[derive(Debug, Deserialize)]
pub struct TokenizerJson {
    /// The tables.
    pub model: Model,
    /// Tokens that are cut out of text first.
    #[serde(default)]
    pub added_tokens: Vec<Added>,
    /// What changes text first.
    pub normalizer: Option<Json>,
    /// What cuts text into pieces.
    pub pre_tokenizer: Option<Json>,
    /// What puts tokens around those of a text.
    pub post_processor: Option<Json>,
    /// What makes a text of tokens.
    pub decoder: Option<Json>,
}

impl TokenizerJson {
    /// Reads the file of `folder`. An added token without an embedding is left out:
    /// Gemma 3's text models have one for pictures behind the last row, and no text
    /// becomes it. `stated` are the numbers that `config.json` gives a name.
    ///
    /// # Errors
    /// A file that is missing or damaged.
    pub fn read(folder: &Path, stated: Stated<'_>) -> Result<Self, FolderError> {
        let mut file: Self = json::read(folder, "tokenizer.json")?;
        if let Some(&rows) = stated("vocab_size")?.first() {
            file.added_tokens.retain(|token| token.id < rows);
        }
        Ok(file)
    }

    /// Returns the id of the unknown token, if there is one.
    pub fn unknown_id(&self) -> Option<u64> {
        let Some(text) = &self.model.unk_token else {
            return self.model.unk_id;
        };
        let added = self.added_tokens.iter().find(|it| it.content == *text);
        let known = self.model.vocab.0.iter().find(|(known, _)| known == text);
        added.map(|it| it.id).or(known.map(|(_, id)| *id))
    }
}

/// The tables of the model.
#[derive(Debug, Deserialize)]
pub struct Model {
    /// Old files leave it out.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Texts and their ids.
    #[serde(default)]
    pub vocab: Entries,
    /// Pairs to join, the best first.
    pub merges: Option<Vec<Merge>>,
    /// The unknown token.
    pub unk_token: Option<String>,
    /// Its id, of a unigram model.
    pub unk_id: Option<u64>,
    /// Longer words of WordPiece are unknown.
    pub max_input_chars_per_word: Option<u64>,
    /// Put before pieces inside a word.
    pub continuing_subword_prefix: Option<String>,
    /// Put after the last piece of a word.
    pub end_of_word_suffix: Option<String>,
    /// Whether bytes stand for what no token can write.
    pub byte_fallback: Option<bool>,
    /// Whether a whole word that is a token is taken as it is.
    pub ignore_merges: Option<bool>,
}

/// A token that is cut out of text before the model sees it.
#[derive(Debug, Deserialize)]
pub struct Added {
    /// Its id.
    pub id: u64,
    /// Its text.
    pub content: String,
    /// Whether decoding leaves it out.
    #[serde(default)]
    pub special: bool,
}

/// Texts and ids; those of a list of texts and scores are their places.
#[derive(Debug, Default)]
pub struct Entries(pub Vec<(String, u64)>);

/// Both parts with a space between them, as GGUF has it.
#[derive(Debug)]
pub struct Merge(pub String);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Entries;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("texts and their ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some((text, _)) = list.next_element::<(String, IgnoredAny)>()? {
                    entries.push((text, entries.len() as u64));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for Merge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Merge;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a merge, 'a b' or [\"a\", \"b\"]")
            }

            fn visit_str<E: Error>(self, line: &str) -> Result<Merge, E> {
                Ok(Merge(line.to_owned()))
            }

            fn visit_string<E: Error>(self, line: String) -> Result<Merge, E> {
                Ok(Merge(line))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Merge, A::Error> {
                let mut part = || parts.next_element::<String>();
                let (Some(left), Some(right), None) = (part()?, part()?, part()?) else {
                    return Err(A::Error::custom("a merge of other than two parts"));
                };
                // As the converter writes the space that must not be there.
                let part = |text: String| text.replace(' ', "\u{120}");
                Ok(Merge(format!("{} {}", part(left), part(right))))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Returns the `type` of a normalizer, pre-tokenizer or post-processor.
pub fn kind(step: &Json) -> &str {
    step.get("type").and_then(Json::as_str).unwrap_or_default()
}

/// Returns the parts of a sequence, the only part, or none.
pub fn sequence<'a>(step: Option<&'a Json>, parts: &str) -> Vec<&'a Json> {
    let Some(step) = step.filter(|step| !step.is_null()) else {
        return Vec::new();
    };
    match step.get(parts).and_then(Json::as_array) {
        Some(parts) if kind(step) == "Sequence" => parts.iter().collect(),
        _ => vec![step],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of google/embeddinggemma-300m: 262,144 embeddings, and a token for pictures
    /// with the id 262144.
    #[test]
    fn an_added_token_without_an_embedding_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let added = r#"{"model": {"vocab": {"a": 0, "b": 1}}, "added_tokens": [
            {"id": 1, "content": "b"}, {"id": 2, "content": "<image_soft_token>"}]}"#;
        std::fs::write(folder.path().join("tokenizer.json"), added).unwrap();
        let kept = |rows: &'static [u64]| {
            let file = TokenizerJson::read(folder.path(), &|name| {
                assert_eq!(name, "vocab_size");
                Ok(rows.to_vec())
            });
            file.unwrap().added_tokens.len()
        };
        assert_eq!((kept(&[2]), kept(&[3]), kept(&[])), (1, 2, 2));
    }

    #[test]
    fn both_forms_of_merges_and_any_form_of_vocabulary_are_read() {
        let read = |text: &str| serde_json::from_str::<TokenizerJson>(text);
        let bpe = r#"{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": [["a", "b"], "b a"]}}"#;
        let bpe = read(bpe).unwrap();
        assert_eq!(bpe.model.vocab.0[1], ("b".to_owned(), 1));
        let merges: Vec<_> = bpe
            .model
            .merges
            .iter()
            .flatten()
            .map(|merge| &*merge.0)
            .collect();
        assert_eq!(merges, ["a b", "b a"]);
        let unigram = r#"{"model": {"type": "Unigram", "vocab": [["a", -1.5]]}}"#;
        let unigram = read(unigram).unwrap().model.vocab.0;
        assert_eq!(unigram, [("a".to_owned(), 0)]);
        assert!(read(r#"{"model": {"merges": [["a"]]}}"#).is_err());
        assert!(read(r#"{"model": {"merges": [["a", "b", "c"]]}}"#).is_err());
        assert!(read(r#"{"model": {"vocab": {"a": -1}}}"#).is_err());
    }
}
