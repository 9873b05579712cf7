//! The LoRA adapters of a request: those that a line chooses, and those that a record names.

use std::borrow::Cow;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::whole::whole;
use crate::{ModelIdentity, Values};

/// The field of a line.
const FIELD: &str = "lora";

/// One adapter that a line asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoraChoice {
    /// Which of those that the command line names.
    #[serde(flatten)]
    pub adapter: LoraName,
    /// What it adds is multiplied by; that of the command line where it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f32>,
}

/// How a line names an adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoraName {
    /// By its name.
    Name(String),
    /// By its place on the command line, from 0, as llama-server counts.
    Id(u64),
}

/// An adapter that was added to a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoraIdentity {
    /// The name that the user gave, or that of its file.
    pub name: String,
    /// SHA-256 of its file in hexadecimal (of the digests of its files, for a folder).
    pub digest: String,
    /// What it adds was multiplied by.
    pub scale: f32,
}

impl ModelIdentity {
    /// Returns what tells the weights that answered from others: the model's digest, and
    /// `+DIGEST*SCALE` for each adapter.
    #[must_use]
    pub fn weights(&self) -> Cow<'_, str> {
        let mut weights = Cow::Borrowed(self.digest.as_str());
        for lora in &self.lora {
            let (digest, scale) = (&lora.digest, lora.scale);
            // Writing into a text cannot fail.
            let _ = write!(weights.to_mut(), "+{digest}*{scale}");
        }
        weights
    }
}

/// Reads the adapters that a line chooses; `None` where it chooses none, which is other than
/// an empty list.
///
/// # Errors
/// What is wrong with the field.
pub(crate) fn choices(values: &Values) -> Result<Option<Vec<LoraChoice>>, String> {
    let wrong = || {
        format!(
            "'{FIELD}' must be the name of an adapter, or a list of names and of objects with 'name' (or 'id') and 'scale'"
        )
    };
    let named = |name: &str| LoraChoice {
        adapter: LoraName::Name(name.to_owned()),
        scale: None,
    };
    let one = |value: &Value| match value {
        Value::String(name) => Ok(named(name)),
        Value::Object(fields) => {
            let known = |key: &String| ["name", "id", "scale"].contains(&key.as_str());
            let adapter = match (fields.get("name"), fields.get("id")) {
                (Some(Value::String(name)), None) => Some(LoraName::Name(name.clone())),
                (None, Some(id)) => {
                    let id = whole(id).and_then(|id| u64::try_from(id).ok());
                    id.map(LoraName::Id)
                }
                _ => None,
            };
            let scale = fields.get("scale").map(|scale| {
                let scale = scale.as_f64().map(|scale| scale as f32);
                scale.filter(|scale| scale.is_finite())
            });
            match (adapter, scale, fields.keys().all(known)) {
                (Some(adapter), None, true) => Ok(LoraChoice {
                    adapter,
                    scale: None,
                }),
                (Some(adapter), Some(Some(scale)), true) => Ok(LoraChoice {
                    adapter,
                    scale: Some(scale),
                }),
                _ => Err(wrong()),
            }
        }
        _ => Err(wrong()),
    };
    match values.get(FIELD) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) => Ok(Some(vec![named(name)])),
        Some(Value::Array(list)) => list.iter().map(one).collect::<Result<_, _>>().map(Some),
        Some(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Result<Option<Vec<LoraChoice>>, String> {
        let values = json!({"prompt": "Hi", "lora": value});
        choices(values.as_object().unwrap())
    }

    #[test]
    fn a_line_chooses_by_name_or_as_llama_server_does() {
        let named = |name: &str, scale| LoraChoice {
            adapter: LoraName::Name(name.to_owned()),
            scale,
        };
        assert_eq!(read(&Value::Null).unwrap(), None);
        assert_eq!(read(&json!([])).unwrap(), Some(Vec::new()));
        assert_eq!(read(&json!("sql")).unwrap(), Some(vec![named("sql", None)]));
        let found = read(&json!(["sql", {"name": "de", "scale": 0.5}, {"id": 2, "scale": -1}]));
        let third = LoraChoice {
            adapter: LoraName::Id(2),
            scale: Some(-1.0),
        };
        let expected = vec![named("sql", None), named("de", Some(0.5)), third];
        assert_eq!(found.unwrap(), Some(expected.clone()));
        let written = serde_json::to_value(&expected).unwrap();
        assert_eq!(written[1], json!({"name": "de", "scale": 0.5}));
        assert_eq!(read(&written).unwrap(), Some(expected));
        for wrong in [
            json!(3),
            json!([3]),
            json!([{"scale": 1}]),
            json!([{"id": -1}]),
            json!([{"name": "a", "id": 1}]),
            json!([{"name": "a", "scale": 1e300}]),
            json!([{"name": "a", "weight": 1}]),
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
    }
}
