//! The key-value pairs of a GGUF header, with typed look-ups: what is there with
//! another type than its meaning has is an error, and never as good as absent.

use std::collections::BTreeMap;

use super::{Floats, Integers, Strings};

/// A metadata value. Numbers are read in the widest type of their kind, since
/// readers ask for the meaning and not for the storage.
#[derive(Debug, Clone)]
pub enum Value {
    /// Any unsigned integer.
    Unsigned(u64),
    /// Any signed integer.
    Signed(i64),
    /// A 32- or 64-bit float.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A string; invalid UTF-8 is replaced.
    String(String),
    /// An array of integers or truth values.
    Integers(Integers),
    /// An array of floats.
    Floats(Floats),
    /// An array of strings.
    Strings(Strings),
}

impl Value {
    /// Returns what the value is, for messages: a text may be a template of many
    /// pages, and a list a vocabulary.
    fn described(&self) -> String {
        /// Characters of a text that are shown.
        const SHOWN: usize = 40;
        match self {
            Self::Unsigned(number) => number.to_string(),
            Self::Signed(number) => number.to_string(),
            Self::Float(number) => format!("the fraction {number:?}"),
            Self::Bool(truth) => format!("the truth value {truth}"),
            Self::String(text) if text.chars().nth(SHOWN).is_none() => format!("the text '{text}'"),
            Self::String(text) => {
                let start: String = text.chars().take(SHOWN).collect();
                format!("the text '{start}…'")
            }
            Self::Integers(items) => format!("a list of {} integers", items.len()),
            Self::Floats(items) => format!("a list of {} fractions", items.len()),
            Self::Strings(items) => format!("a list of {} texts", items.len()),
        }
    }
}

/// A value of another type than its meaning has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{key}' is {found}, and {wanted} is needed; convert the model again or fetch it from another source"
)]
pub struct ValueError {
    /// The key.
    pub key: String,
    /// What stands there.
    pub found: String,
    /// What would do.
    pub wanted: &'static str,
}

/// The metadata of one file.
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    values: BTreeMap<String, Value>,
}

fn id(value: &Value) -> Option<u32> {
    match *value {
        Value::Unsigned(number) => u32::try_from(number).ok(),
        Value::Signed(number) => signed_id(number),
        _ => None,
    }
}

fn signed_id(number: i64) -> Option<u32> {
    match number {
        -1 => Some(u32::MAX),
        number => u32::try_from(number).ok(),
    }
}

/// What a look-up gives: nothing where the key is not there.
type Found<T> = Result<Option<T>, ValueError>;

impl Metadata {
    /// Sets `key` to `value` and returns the value that stood there before.
    pub fn insert(&mut self, key: impl Into<String>, value: Value) -> Option<Value> {
        self.values.insert(key.into(), value)
    }

    /// Returns the value at `key`, for those who take more than one type.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// Iterates over all pairs in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value))
    }

    fn typed<'a, T>(
        &'a self,
        key: &str,
        wanted: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Found<T> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let mistaken = || ValueError {
            key: key.to_owned(),
            found: value.described(),
            wanted,
        };
        read(value).map(Some).ok_or_else(mistaken)
    }

    /// Returns a string.
    ///
    /// # Errors
    /// A value of another type, as with all look-ups below.
    pub fn string(&self, key: &str) -> Found<&str> {
        self.typed(key, "a text", |value| match value {
            Value::String(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// Returns what stands at `key` for people to read, whatever its type.
    pub fn shown(&self, key: &str) -> Option<String> {
        match self.get(key)? {
            Value::String(text) => Some(text.clone()),
            other => Some(other.described()),
        }
    }

    /// Returns a non-negative integer of any width.
    ///
    /// # Errors
    /// See [`string`](Self::string).
    pub fn u64(&self, key: &str) -> Found<u64> {
        self.typed(key, "a whole number from 0 on", |value| match *value {
            Value::Unsigned(number) => Some(number),
            Value::Signed(number) => u64::try_from(number).ok(),
            _ => None,
        })
    }

    /// Returns the id of a token. -1 stands for none, as the largest number of 32
    /// bits does.
    ///
    /// # Errors
    /// See [`string`](Self::string).
    pub fn id(&self, key: &str) -> Found<u32> {
        self.typed(key, "the number of a token", id)
    }

    /// Returns the ids of tokens, one or a list, in their order.
    ///
    /// # Errors
    /// See [`string`](Self::string).
    pub fn ids(&self, key: &str) -> Found<Vec<u32>> {
        let wanted = "the number of a token or a list of such";
        self.typed(key, wanted, |value| match value {
            Value::Integers(list) => list.iter().map(signed_id).collect(),
            one => id(one).map(|id| vec![id]),
        })
    }

    /// Returns a float, or an integer as a float.
    ///
    /// # Errors
    /// See [`string`](Self::string).
    pub fn f32(&self, key: &str) -> Found<f32> {
        self.typed(key, "a number", |value| match *value {
            Value::Float(number) => Some(number as f32),
            Value::Unsigned(number) => Some(number as f32),
            Value::Signed(number) => Some(number as f32),
            _ => None,
        })
    }

    /// Returns a truth value.
    ///
    /// # Errors
    /// See [`string`](Self::string).
    pub fn bool(&self, key: &str) -> Found<bool> {
        self.typed(key, "a truth value", |value| match *value {
            Value::Bool(truth) => Some(truth),
            _ => None,
        })
    }

    /// Returns an array of strings.
    ///
    /// # Errors
    /// See [`string`](Self::string).
    pub fn strings(&self, key: &str) -> Found<&Strings> {
        self.typed(key, "a list of texts", |value| match value {
            Value::Strings(items) => Some(items),
            _ => None,
        })
    }

    /// Returns an array of floats.
    ///
    /// # Errors
    /// See [`string`](Self::string).
    pub fn f32s(&self, key: &str) -> Found<&Floats> {
        self.typed(key, "a list of fractions", |value| match value {
            Value::Floats(items) => Some(items),
            _ => None,
        })
    }

    /// Returns an array of integers or truth values (as 0 and 1).
    ///
    /// # Errors
    /// See [`string`](Self::string).
    pub fn integers(&self, key: &str) -> Found<&Integers> {
        self.typed(key, "a list of integers", |value| match value {
            Value::Integers(items) => Some(items),
            _ => None,
        })
    }
}
