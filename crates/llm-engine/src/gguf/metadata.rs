//! The key-value pairs of a GGUF header, with typed look-ups.

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

/// The metadata of one file.
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    values: BTreeMap<String, Value>,
}

impl Metadata {
    /// Sets `key` to `value` and returns the value that stood there before.
    pub fn insert(&mut self, key: impl Into<String>, value: Value) -> Option<Value> {
        self.values.insert(key.into(), value)
    }

    /// Returns the value at `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// Iterates over all pairs in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Returns a string.
    pub fn string(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a non-negative integer of any width.
    pub fn u64(&self, key: &str) -> Option<u64> {
        match *self.get(key)? {
            Value::Unsigned(number) => Some(number),
            Value::Signed(number) => u64::try_from(number).ok(),
            _ => None,
        }
    }

    /// Returns a float, or an integer as a float.
    pub fn f32(&self, key: &str) -> Option<f32> {
        match *self.get(key)? {
            Value::Float(number) => Some(number as f32),
            Value::Unsigned(number) => Some(number as f32),
            Value::Signed(number) => Some(number as f32),
            _ => None,
        }
    }

    /// Returns a truth value.
    pub fn bool(&self, key: &str) -> Option<bool> {
        match *self.get(key)? {
            Value::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// Returns an array of strings.
    pub fn strings(&self, key: &str) -> Option<&Strings> {
        match self.get(key)? {
            Value::Strings(items) => Some(items),
            _ => None,
        }
    }

    /// Returns an array of floats.
    pub fn f32s(&self, key: &str) -> Option<&Floats> {
        match self.get(key)? {
            Value::Floats(items) => Some(items),
            _ => None,
        }
    }

    /// Returns an array of integers or truth values (as 0 and 1).
    pub fn integers(&self, key: &str) -> Option<&Integers> {
        match self.get(key)? {
            Value::Integers(items) => Some(items),
            _ => None,
        }
    }
}
