//! JSON whose numbers are written as they were read: the fields of a line, of which templates are filled
//! and which go into records. What a field means is read from the nearest numbers, which computations
//! know.

mod fields;
mod read;
mod serialize;

use std::fmt;

use serde_json::Value;

use crate::Number;

pub use fields::Fields;
pub(crate) use read::{object, record};

/// A JSON value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Json {
    /// JSON's `null`.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A number, as it was written.
    Number(Number),
    /// A text.
    String(String),
    /// A list.
    Array(Vec<Json>),
    /// An object.
    Object(Fields),
}

/// The fields of a JSON object with the nearest numbers of 64 bits.
pub type Values = serde_json::Map<String, Value>;

impl Json {
    /// Reads a whole text with its numbers as they are written.
    ///
    /// # Errors
    /// What `serde_json` says of a text that is no JSON, or nests deeper than 127 levels.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        Self::exact(serde_json::from_str(text)?, 1)
    }

    /// Returns the text, where it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the integer, where it is one without a sign.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns the first integer that 64 bits do not hold, which a chat template would see as another: there
    /// integers have no end, as Python's.
    pub(crate) fn oversized(&self) -> Option<&Number> {
        match self {
            Self::Number(number) => Some(number).filter(|number| number.is_oversized()),
            Self::Array(items) => items.iter().find_map(Self::oversized),
            Self::Object(fields) => fields.0.values().find_map(Self::oversized),
            _ => None,
        }
    }

    /// Returns the value with the numbers by which it is told from others.
    fn named(&self) -> Self {
        match self {
            Self::Number(number) => Self::Number(number.named()),
            Self::Array(items) => Self::Array(items.iter().map(Self::named).collect()),
            Self::Object(fields) => Self::Object(fields.named()),
            other => other.clone(),
        }
    }

    fn to_nearest(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Number(number) => Value::Number(number.to_nearest()),
            Self::String(text) => Value::String(text.clone()),
            Self::Array(items) => items.iter().map(Self::to_nearest).collect(),
            Self::Object(fields) => Value::Object(fields.to_nearest()),
        }
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(truth) => Self::Bool(truth),
            Value::Number(number) => Self::Number((&number).into()),
            Value::String(text) => Self::String(text),
            Value::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Value::Object(values) => Self::Object(values.into()),
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<usize> for Json {
    fn from(number: usize) -> Self {
        Self::Number((number as u64).into())
    }
}

impl PartialEq<str> for Json {
    fn eq(&self, text: &str) -> bool {
        self.as_str() == Some(text)
    }
}

impl PartialEq<&str> for Json {
    fn eq(&self, text: &&str) -> bool {
        self == *text
    }
}

/// Writes it as JSON in one line.
impl fmt::Display for Json {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests;
