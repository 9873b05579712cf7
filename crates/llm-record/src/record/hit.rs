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
    /// What a model that reads both says before its activation, by which equal scores are put in order;
    /// left out where vectors were compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logit: Option<f32>,
    /// Whether its end was cut before a model read it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// When it was found, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<i64>,
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

    /// Returns what it is called for people: its name, its place in a file as editors and compilers write
    /// it (`file:line`), or its line.
    #[must_use]
    pub fn name(&self) -> String {
        let path = self.input.get("path").and_then(Json::as_str);
        let number = |name: &str| self.input.get(name).and_then(Json::as_u64);
        let offset = number("offset");
        // A field of that name that was kept of a line is another thing.
        let line = number("line").filter(|_| offset.is_some());
        match (&self.id, path, line, offset) {
            (Some(id), ..) => id.to_string(),
            (None, Some(path), Some(line), _) => format!("{path}:{line}"),
            // Records from before lines were kept.
            (None, Some(path), None, Some(offset)) if offset > 0 => {
                format!("{path} (byte {offset})")
            }
            (None, Some(path), ..) => path.to_owned(),
            (None, None, line, _) => format!("line {}", line.unwrap_or(self.line)),
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
        let old = r#"{"line":3,"input":{"path":"x","offset":9}}"#;
        assert_eq!(name(old), "x (byte 9)");
        let piece = r#"{"line":3,"input":{"path":"x","line":4,"offset":9}}"#;
        assert_eq!(name(piece), "x:4");
        let first = r#"{"line":3,"input":{"path":"x","line":1,"offset":0}}"#;
        assert_eq!(name(first), "x:1");
        assert_eq!(name(r#"{"line":3,"input":{"path":"x","line":4}}"#), "x");
        assert_eq!(
            name(r#"{"line":3,"input":{"line":4,"offset":9}}"#),
            "line 4"
        );
        assert_eq!(name(r#"{"line":3,"input":{"offset":9}}"#), "line 3");
    }
}
