//! A text of JSON → its fields, for computations and as they were written. What is plain is read once.

use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Fields, Json, Values};
use crate::{Id, Number};

/// Reads an object: its fields for computations, and as they were written.
///
/// # Errors
/// What `serde_json` says of a text that is no object, or nests deeper than 127 levels.
pub(crate) fn object(text: &str) -> Result<(Values, Option<Fields>), serde_json::Error> {
    let values = serde_json::from_str::<Values>(text);
    match values {
        Ok(values) if numbers_are_plain(text) => Ok((values, None)),
        Ok(values) => Ok((values, Fields::exact(text).ok())),
        // A number beyond all doubles is JSON.
        Err(error) => match Fields::exact(text) {
            Ok(fields) => Ok((fields.to_nearest(), Some(fields))),
            Err(_) => Err(error),
        },
    }
}

/// Reads a record, and puts what it says of a request's own words back as it is written.
///
/// # Errors
/// What `serde_json` says of a text that is no such record.
pub(crate) fn record<T: DeserializeOwned>(
    text: &str,
    restore: impl FnOnce(&mut T, Option<Id>, Fields),
) -> Result<T, serde_json::Error> {
    if numbers_are_plain(text) {
        return serde_json::from_str(text);
    }
    let (values, exact) = object(text)?;
    let mut record = serde_json::from_value(Value::Object(values))?;
    if let Some(fields) = exact {
        let id = fields.get("id").cloned().and_then(Id::of_json);
        let input = match fields.get("input") {
            Some(Json::Object(input)) => input.clone(),
            _ => Fields::new(),
        };
        restore(&mut record, id, input);
    }
    Ok(record)
}

/// Whether all numbers of a text of JSON are written as computations write them.
pub(super) fn numbers_are_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match byte {
            b'"' => {
                while let Some(byte) = bytes.get(at).filter(|byte| **byte != b'"') {
                    at += if *byte == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let is_part = |byte: &&u8| {
                    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
                };
                at += bytes[at..].iter().take_while(is_part).count();
                if !Number::is_plain(&text[start..at]) {
                    return false;
                }
            }
            _ => {}
        }
    }
    true
}

impl Json {
    /// Reads a value that stands at some depth of a text.
    pub(super) fn exact(raw: &RawValue, depth: usize) -> Result<Self, serde_json::Error> {
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'{') => Self::Object(Fields::exact_at(text, depth)?),
            Some(b'[') => {
                check(depth)?;
                let items: Vec<&RawValue> = serde_json::from_str(text)?;
                let exact = items.into_iter().map(|item| Self::exact(item, depth + 1));
                Self::Array(exact.collect::<Result<_, _>>()?)
            }
            Some(b'-' | b'0'..=b'9') => match Number::parse(text) {
                Some(number) => Self::Number(number),
                None => serde_json::from_str(text)?,
            },
            _ => serde_json::from_str(text)?,
        })
    }
}

impl Fields {
    /// Reads an object with its numbers as they are written.
    pub(super) fn exact(text: &str) -> Result<Self, serde_json::Error> {
        Self::exact_at(text, 1)
    }

    fn exact_at(text: &str, depth: usize) -> Result<Self, serde_json::Error> {
        check(depth)?;
        let raw: IndexMap<String, &RawValue> = serde_json::from_str(text)?;
        let fields = raw
            .into_iter()
            .map(|(name, value)| Ok((name, Json::exact(value, depth + 1)?)));
        Ok(Self(fields.collect::<Result<_, serde_json::Error>>()?))
    }
}

/// Refuses a list or an object that stands deeper than `serde_json` reads, so that no line takes the stack.
fn check(depth: usize) -> Result<(), serde_json::Error> {
    const MOST: usize = 127;
    if depth > MOST {
        return Err(serde::de::Error::custom("recursion limit exceeded"));
    }
    Ok(())
}
