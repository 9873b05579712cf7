//! `{{field}}` templates over a line's fields. Chat templates, which belong to a model, are the
//! engine's business.

use std::ops::Range;

use thiserror::Error;

use crate::{Fields, Json};

/// At most so many field names stand in an error, so that it stays one sentence.
const NAMES_SHOWN: usize = 12;

/// A text with places for fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
    /// Fields are the columns of a table.
    of_columns: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// Path of a field, `meta.title` say.
    Field(String),
}

/// A template that cannot be read or filled.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// A place is opened and not closed.
    #[error("the template opens '{{{{' at byte {byte} without a '}}}}' after it")]
    Open {
        /// Place of the braces, from 1.
        byte: usize,
    },
    /// A place names nothing.
    #[error("the template has an empty '{{{{}}}}' at byte {byte}; write a field's name into it")]
    Empty {
        /// Place of the braces, from 1.
        byte: usize,
    },
    /// The line lacks a field.
    #[error("the template wants '{{{{{field}}}}}', and the line has {there}")]
    Missing {
        /// Path of the field.
        field: String,
        /// The fields that are there, for people.
        there: String,
    },
}

impl Template {
    /// Reads a template: `{{name}}` and `{{outer.inner}}` are places, single braces are text.
    ///
    /// # Errors
    /// [`TemplateError::Open`] or [`TemplateError::Empty`].
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let byte = text.len() - after.len() - 1;
            let (name, after) = after.split_once("}}").ok_or(TemplateError::Open { byte })?;
            if name.trim().is_empty() {
                return Err(TemplateError::Empty { byte });
            }
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Field(name.trim().to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self {
            pieces,
            of_columns: false,
        })
    }

    /// Returns the template for rows of a table, in whose names the case of letters does not matter.
    #[must_use]
    pub fn of_columns(self) -> Self {
        Self {
            of_columns: true,
            ..self
        }
    }

    fn value<'a>(&self, fields: &'a Fields, path: &str) -> Option<&'a Json> {
        if self.of_columns {
            fields.get_any_case(path)
        } else {
            lookup(fields, path)
        }
    }

    /// Whether the template has a place for any field.
    #[must_use]
    pub fn has_places(&self) -> bool {
        let is_place = |piece: &Piece| matches!(piece, Piece::Field(_));
        self.pieces.iter().any(is_place)
    }

    /// Whether the template has a place for a field, or for what it holds.
    #[must_use]
    pub fn names(&self, field: &str) -> bool {
        self.pieces.iter().any(|piece| match piece {
            Piece::Text(_) => false,
            Piece::Field(path) => is_path_of(path, field),
        })
    }

    /// Whether the template has places and an object holds nothing but blanks for them, so that the
    /// filled template would ask about nothing. A field that is not there is not blank.
    #[must_use]
    pub fn is_blank(&self, fields: &Fields) -> bool {
        let mut places = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Field(path) => Some(self.value(fields, path)),
        });
        let blank = |value: Option<&Json>| {
            value
                .and_then(Json::as_str)
                .is_some_and(|text| text.trim().is_empty())
        };
        places.next().is_some_and(blank) && places.all(blank)
    }

    /// Fills the places from an object. A string goes in as it is, anything else as JSON.
    ///
    /// # Errors
    /// [`TemplateError::Missing`] where a field is absent or null.
    pub fn render(&self, fields: &Fields) -> Result<String, TemplateError> {
        self.render_places(fields).map(|(text, _)| text)
    }

    /// Does the same, and says where the fields stand in the text, in bytes.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub fn render_places(
        &self,
        fields: &Fields,
    ) -> Result<(String, Vec<Range<usize>>), TemplateError> {
        let mut text = String::new();
        let mut places = Vec::new();
        for piece in &self.pieces {
            let start = text.len();
            match piece {
                Piece::Text(piece) => {
                    text.push_str(piece);
                    continue;
                }
                Piece::Field(path) => match self.value(fields, path) {
                    Some(Json::String(value)) => text.push_str(value),
                    None | Some(Json::Null) => return Err(missing(fields, path)),
                    Some(value) => text.push_str(&value.to_string()),
                },
            }
            places.push(start..text.len());
        }
        Ok((text, places))
    }
}

/// Returns the value at a path: `a.b` is the field of that very name, else field `b` of `a`; a number
/// picks from a list.
#[must_use]
pub fn lookup<'a>(fields: &'a Fields, path: &str) -> Option<&'a Json> {
    fields.get(path).or_else(|| {
        // The longest name first: a name may itself hold dots.
        path.rmatch_indices('.').find_map(|(dot, _)| {
            let value = fields.get(&path[..dot])?;
            inner(value, &path[dot + 1..])
        })
    })
}

/// Whether a path leads to a field, or into it.
#[must_use]
pub fn is_path_of(path: &str, field: &str) -> bool {
    path.strip_prefix(field)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn inner<'a>(value: &'a Json, path: &str) -> Option<&'a Json> {
    match value {
        Json::Object(fields) => lookup(fields, path),
        Json::Array(items) => {
            let (index, rest) = match path.split_once('.') {
                Some((index, rest)) => (index, Some(rest)),
                None => (path, None),
            };
            let item = items.get(index.parse::<usize>().ok()?)?;
            rest.map_or(Some(item), |rest| inner(item, rest))
        }
        _ => None,
    }
}

fn missing(fields: &Fields, path: &str) -> TemplateError {
    let names: Vec<_> = fields
        .keys()
        .take(NAMES_SHOWN)
        .map(|name| format!("'{name}'"))
        .collect();
    let there = match (names.len(), fields.len()) {
        (0, _) => "no fields".to_owned(),
        (shown, all) if shown < all => format!("{} and {} more", names.join(", "), all - shown),
        _ => format!("only {}", names.join(", ")),
    };
    let there = match lookup(fields, path) {
        Some(_) => "only null there".to_owned(),
        None => there,
    };
    TemplateError::Missing {
        field: path.to_owned(),
        there,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(template: &str, json: &str) -> Result<String, TemplateError> {
        Template::parse(template)?.render(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn fields_are_filled_in() {
        let json =
            r#"{"a":"x","n":1.5,"o":{"b":{"c":true},"l":[10,{"d":"e"}]},"f.g":"dot","z":{}}"#;
        for (template, wanted) in [
            ("{{a}}-{{ a }}", "x-x"),
            ("{{n}} {{o.b.c}} {{o.b}}", "1.5 true {\"c\":true}"),
            ("{{o.l.0}}{{o.l.1.d}}", "10e"),
            ("{{f.g}}", "dot"),
            ("{a} { {a} } }}", "{a} { {a} } }}"),
            ("", ""),
        ] {
            assert_eq!(render(template, json).as_deref(), Ok(wanted), "{template}");
        }
        // What a field holds is data: its braces are not filled in again.
        assert_eq!(render("{{a}}", r#"{"a":"{{b}}"}"#).as_deref(), Ok("{{b}}"));
    }

    #[test]
    fn a_missing_field_is_named_with_those_that_are_there() {
        let error = render("{{titel}}", r#"{"title":"x","body":"y"}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the template wants '{{titel}}', and the line has only 'title', 'body'"
        );
        let error = render("{{a.b}}", r#"{"a":{"b":null}}"#).unwrap_err();
        assert!(
            error.to_string().ends_with("the line has only null there"),
            "{error}"
        );
        assert!(render("{{a.7}}", r#"{"a":[1]}"#).is_err());
    }

    /// Keys of JSON are told apart by case, and names of columns are written as it comes.
    #[test]
    fn only_columns_are_found_whatever_their_case() {
        let json = r#"{"Title":"x","o":{"B":"y"},"a":"1","A":"2"}"#;
        for template in ["{{title}}", "{{o.b}}", "{{O.B}}"] {
            assert!(render(template, json).is_err(), "{template}");
        }
        assert_eq!(render("{{a}}{{A}}{{o.B}}", json).as_deref(), Ok("12y"));
        let fields = serde_json::from_str(json).unwrap();
        let columns = |text| Template::parse(text).unwrap().of_columns().render(&fields);
        assert_eq!(columns("{{TITLE}} {{a}}").as_deref(), Ok("x 1"));
        assert!(!Template::parse("{{title}}").unwrap().is_blank(&fields));
    }

    #[test]
    fn a_template_that_asks_about_nothing_is_seen() {
        let fields = serde_json::from_str(r#"{"a":" ","b":"","n":0}"#).unwrap();
        let blank = |text| Template::parse(text).unwrap().is_blank(&fields);
        assert!(blank("Sum up: {{a}}{{b}}"));
        assert!(!blank("Sum up: {{a}}{{n}}"));
        assert!(!blank("{{other}}") && !blank("no place"));
    }

    #[test]
    fn a_broken_template_is_refused_with_the_place() {
        assert_eq!(
            Template::parse("ab{{c"),
            Err(TemplateError::Open { byte: 3 })
        );
        assert_eq!(
            Template::parse("{{ }}"),
            Err(TemplateError::Empty { byte: 1 })
        );
    }
}
