//! What a line asks for that is not done here: fields to which an API of this field gives a meaning
//! (`names`) and which are not read (`settings` reads some). A name that no API knows is the user's own.

mod names;

use serde_json::Value;

use crate::{ErrorCode, Values, settings};

pub use names::INERT;
use names::{ANSWERS, LAYOUT, Row, VECTORS};

/// The kind of run whose result a field would change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A run that answers prompts.
    Answers,
    /// A run that makes vectors.
    Vectors,
    /// Either, unless a template makes the prompt.
    Prompt,
}

/// A field of a line that asks for what is not done, unless the user has said what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// The field.
    pub field: String,
    /// The kind of run that it matters to.
    pub purpose: Purpose,
    /// What is wrong, for programs.
    pub code: ErrorCode,
    /// What is wrong, and the way out.
    pub reason: String,
}

impl Unsupported {
    fn new(purpose: Purpose, field: &str, name: &str, neutral: &str) -> Self {
        let reason = format!(
            "'{name}' would change the answer and is supported only as {neutral}; if '{field}' is data of your \
             own, name it in --keep or --template"
        );
        Self {
            field: field.to_owned(),
            purpose,
            code: ErrorCode::UnsupportedField,
            reason,
        }
    }
}

/// Returns in words the values of a field that ask for nothing, where this is none of them; nothing where
/// it is, and for a field that no API knows.
pub(crate) fn neutral_of(name: &str, value: &Value) -> Option<&'static str> {
    refused(ANSWERS, name, value)
}

/// Whether a field changes no answer, whatever it holds.
pub(crate) fn is_inert(name: &str) -> bool {
    INERT.contains(&name)
}

/// Whether an API gives a field a meaning that is not read here.
pub(crate) fn is_listed(name: &str) -> bool {
    ANSWERS.iter().any(|(known, ..)| *known == name)
}

fn refused(rows: &[Row], name: &str, value: &Value) -> Option<&'static str> {
    let (_, asks_nothing, neutral) = rows.iter().find(|(known, ..)| *known == name)?;
    (!value.is_null() && !asks_nothing(value)).then_some(*neutral)
}

/// Returns the fields of a line of the user's that ask for what is not done.
pub(crate) fn unsupported(fields: &Values) -> Vec<Unsupported> {
    let mut all = Vec::new();
    for (name, value) in fields {
        for (purpose, rows) in [(Purpose::Answers, ANSWERS), (Purpose::Vectors, VECTORS)] {
            if let Some(neutral) = refused(rows, name, value) {
                all.push(Unsupported::new(purpose, name, name, neutral));
            }
        }
    }
    if let Some(options) = fields.get("options") {
        all.extend(unsupported_option(options));
    }
    all
}

/// Returns what of Ollama's `options` asks for what is not done. They are theirs alone, so what nobody
/// knows is refused too.
fn unsupported_option(options: &Value) -> Option<Unsupported> {
    let new = |name: &str, neutral| Unsupported::new(Purpose::Answers, "options", name, neutral);
    let options = match options {
        Value::Null => return None,
        Value::Object(options) => options,
        _ => return Some(new("options", "an object of settings")),
    };
    options.iter().find_map(|(name, value)| {
        let is_used = settings::reads(name) || is_inert(name) || LAYOUT.contains(&name.as_str());
        if value.is_null() || is_used {
            return None;
        }
        let neutral = if is_listed(name) {
            refused(ANSWERS, name, value)?
        } else {
            "null, since no setting has that name"
        };
        Some(new(&format!("options.{name}"), neutral))
    })
}

#[cfg(test)]
mod tests;
