//! A text that was found for a query. Vectors, and how they are compared, are left to others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Fields, Id, Json, SchemaVersion, json};

/// A text that was found for a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hit {
    /// The record's version.
    #[serde(default)]
    pub schema_version: SchemaVersion,
    /// The query.
    pub query: String,
    /// The query's own name, where its line has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_id: Option<Id>,
    /// Its place among the texts that were found for the query, from 1.
    pub rank: u64,
    /// How near it is to the query: the cosine of the two vectors, or what a model that reads both says.
    pub score: f32,
    /// Whether its end was cut before a model read it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// The text.
    #[serde(flatten)]
    pub found: Found,
}

/// A text that was found, as far as its record tells of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Found {
    /// Its own name, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// Its line in the input that it came from, from 1.
    #[serde(default)]
    pub line: u64,
    /// The text, where it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What was kept of its line, and where in which file it stands.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub input: Fields,
}

impl Found {
    /// Reads what the record of a text tells of it.
    ///
    /// # Errors
    /// What `serde_json` says of a text that is no such record.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        json::record(text, |found: &mut Self, id, input| {
            (found.id, found.input) = (id, input);
        })
    }

    /// Returns what it is called for people: its name, its place in a file, or its line.
    #[must_use]
    pub fn name(&self) -> String {
        let path = self.input.get("path").and_then(Json::as_str);
        let offset = self.input.get("offset").and_then(Json::as_u64);
        match (&self.id, path, offset) {
            (Some(id), ..) => id.to_string(),
            (None, Some(path), Some(offset)) if offset > 0 => format!("{path}:{offset}"),
            (None, Some(path), _) => path.to_owned(),
            (None, None, _) => format!("line {}", self.line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_called_by_what_is_known() {
        let name = |json: &str| serde_json::from_str::<Found>(json).unwrap().name();
        assert_eq!(name(r#"{"id":"a","line":3}"#), "a");
        assert_eq!(name(r#"{"id":7,"line":3}"#), "7");
        assert_eq!(name(r#"{"line":3,"input":{"path":"x","offset":0}}"#), "x");
        assert_eq!(name(r#"{"line":3,"input":{"path":"x","offset":9}}"#), "x:9");
        assert_eq!(name(r#"{"line":3,"input":{"offset":9}}"#), "line 3");
    }
}
