//! OpenAI's embeddings, both ways: the body of a request, and the list of vectors that answers it.
//! The format is that of <https://platform.openai.com/docs/api-reference/embeddings>.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::known::INERT;
use crate::whole::whole;
use crate::{Embedding, EmbeddingUsage, Encoding, LineFault, Values, Vector};

/// Texts of one request at most, as OpenAI has it.
const MOST_INPUTS: usize = 2048;

/// What a line of a batch file wants vectors of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// The texts, at least one.
    pub texts: Vec<Input>,
    /// How many numbers of each vector are wanted.
    pub dimensions: Option<usize>,
    /// In which form, numbers or base64, where it says so.
    pub encoding: Option<Encoding>,
}

/// One text of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// As it is, never empty.
    Text(String),
    /// As the model's tokens, never none.
    Tokens(Vec<u32>),
}

/// What a list of vectors says beside the record of its first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListRest {
    /// The vectors of the further texts.
    pub vectors: Vec<Vector>,
    /// The model that the line asks for, whichever answers it.
    pub requested_model: Option<String>,
}

/// The answer to one request.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct VectorList {
    /// Always `list`.
    pub object: &'static str,
    /// A vector for each text, in order.
    pub data: Vec<VectorItem>,
    /// The model that answered, by our name.
    pub model: String,
    /// The model that the line asked for; a field of our own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_model: Option<String>,
    /// How many tokens it took.
    pub usage: EmbeddingUsage,
}

/// One vector of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct VectorItem {
    /// Always `embedding`.
    pub object: &'static str,
    /// Its place, from 0.
    pub index: usize,
    /// The vector.
    pub embedding: Vector,
}

impl VectorList {
    /// Returns the answer that begins with the vector of a record.
    pub(super) fn of(record: &Embedding, rest: &ListRest) -> Self {
        let vectors = record.embedding.iter().chain(&rest.vectors);
        let items = vectors.enumerate().map(|(index, vector)| VectorItem {
            object: "embedding",
            index,
            embedding: vector.clone(),
        });
        Self {
            object: "list",
            data: items.collect(),
            model: record.model.name.clone(),
            requested_model: rest.requested_model.clone(),
            usage: record.usage,
        }
    }
}

/// Understands the body of a request for vectors.
pub(super) fn parse(body: &Values) -> Result<Inputs, LineFault> {
    const KNOWN: [&str; 4] = ["model", "input", "dimensions", "encoding_format"];
    let is_known = |key: &str| KNOWN.contains(&key) || INERT.contains(&key);
    let unknown = body
        .iter()
        .find(|(key, value)| !value.is_null() && !is_known(key));
    if let Some((key, _)) = unknown {
        return Err(LineFault::Unsupported {
            reason: format!(
                "'body.{key}' is not supported and may change the answer; leave it out"
            ),
        });
    }
    let bad = |reason: String| LineFault::Request { reason };
    let dimensions = match set(body, "dimensions") {
        None => None,
        Some(value) => {
            let number = whole(value)
                .and_then(|number| usize::try_from(number).ok())
                .filter(|number| *number > 0);
            Some(number.ok_or_else(|| bad("'dimensions' must be a number from 1".to_owned()))?)
        }
    };
    let encoding = match set(body, "encoding_format") {
        None => None,
        Some(value) if value == "float" => Some(Encoding::Float),
        Some(value) if value == "base64" => Some(Encoding::Base64),
        Some(_) => {
            return Err(bad(
                "'encoding_format' must be \"float\" or \"base64\"".to_owned()
            ));
        }
    };
    let texts = match set(body, "input") {
        None => return Err(bad("its body has no 'input'".to_owned())),
        Some(value) => texts(value).ok_or_else(|| {
            bad(format!(
                "'input' must be a text, a list of at most {MOST_INPUTS} texts, a list of tokens, or a list of such lists, \
                 and none of them empty"
            ))
        })?,
    };
    Ok(Inputs {
        texts,
        dimensions,
        encoding,
    })
}

fn set<'a>(body: &'a Values, key: &str) -> Option<&'a Value> {
    body.get(key).filter(|value| !value.is_null())
}

fn texts(value: &Value) -> Option<Vec<Input>> {
    let list = match value {
        Value::Array(list) if whole(list.first()?).is_none() && list.len() <= MOST_INPUTS => list,
        one => return Some(vec![one_text(one)?]),
    };
    list.iter().map(one_text).collect()
}

fn one_text(value: &Value) -> Option<Input> {
    match value {
        Value::String(text) => (!text.is_empty()).then(|| Input::Text(text.clone())),
        Value::Array(list) if !list.is_empty() => {
            let ids = list.iter().map(|id| u32::try_from(whole(id)?).ok());
            Some(Input::Tokens(ids.collect::<Option<_>>()?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &Value) -> Result<Inputs, String> {
        let fields = body.as_object().unwrap();
        parse(fields).map_err(|fault| fault.to_string())
    }

    #[test]
    fn an_input_has_four_forms() {
        let text = |text: &str| Input::Text(text.to_owned());
        for (input, wanted) in [
            (json!("a"), vec![text("a")]),
            (json!(["a", "b"]), vec![text("a"), text("b")]),
            (json!([1, 2]), vec![Input::Tokens(vec![1, 2])]),
            (
                json!([[1], [2, 3]]),
                vec![Input::Tokens(vec![1]), Input::Tokens(vec![2, 3])],
            ),
        ] {
            let inputs = read(&json!({"model": "m", "input": input, "user": "u"})).unwrap();
            assert_eq!(inputs.texts, wanted);
            assert_eq!((inputs.dimensions, inputs.encoding), (None, None));
        }
        let floats = read(&json!({"input": [1.0, 2.0], "dimensions": 4.0})).unwrap();
        assert_eq!(floats.texts, vec![Input::Tokens(vec![1, 2])]);
        assert_eq!(floats.dimensions, Some(4));
        let more = json!({"input": "a", "dimensions": 8, "encoding_format": "base64"});
        let inputs = read(&more).unwrap();
        assert_eq!(
            (inputs.dimensions, inputs.encoding),
            (Some(8), Some(Encoding::Base64))
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, wanted) in [
            (json!({}), "'input'"),
            (json!({"input": null}), "'input'"),
            (json!({"input": ""}), "'input'"),
            (json!({"input": []}), "'input'"),
            (json!({"input": ["a", ""]}), "'input'"),
            (json!({"input": [1, -2]}), "'input'"),
            (json!({"input": [[]]}), "'input'"),
            (json!({"input": {"a": 1}}), "'input'"),
            (json!({"input": vec!["a"; 2049]}), "2048"),
            (json!({"input": "a", "dimensions": 0}), "'dimensions'"),
            (json!({"input": "a", "dimensions": 4.5}), "'dimensions'"),
            (json!({"input": [1.5]}), "'input'"),
            (
                json!({"input": "a", "encoding_format": "int8"}),
                "\"base64\"",
            ),
            (json!({"input": "a", "truncate": true}), "'body.truncate'"),
        ] {
            let told = read(&body).unwrap_err();
            assert!(told.contains(wanted), "{body}: {told}");
        }
    }
}
