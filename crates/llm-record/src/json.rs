//! JSON whose numbers are written as they were read: the fields of a line, of which templates are filled
//! and which go into records. What a field means is read from the nearest numbers, which computations
//! know.

use std::fmt;
use std::ops::Index;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{Id, Number};

/// A JSON value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Json {
    /// Nothing.
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

/// The fields of a JSON object, in the order in which they were written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(IndexMap<String, Json>);

/// The fields of a JSON object with the nearest numbers of 64 bits.
pub type Values = serde_json::Map<String, Value>;

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
fn numbers_are_plain(text: &str) -> bool {
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

    /// Whether it is nothing.
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

    /// Reads a value that stands at some depth of a text.
    fn exact(raw: &RawValue, depth: usize) -> Result<Self, serde_json::Error> {
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'{') => Self::Object(Fields::exact_at(text, depth)?),
            Some(b'[') => {
                check(depth)?;
                let items: Vec<&RawValue> = serde_json::from_str(text)?;
                let items = items.into_iter().map(|item| Self::exact(item, depth + 1));
                Self::Array(items.collect::<Result<_, _>>()?)
            }
            Some(b'-' | b'0'..=b'9') => match Number::parse(text) {
                Some(number) => Self::Number(number),
                None => serde_json::from_str(text)?,
            },
            _ => serde_json::from_str(text)?,
        })
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

/// Refuses a list or an object that stands deeper than `serde_json` reads, so that no line takes the stack.
fn check(depth: usize) -> Result<(), serde_json::Error> {
    const MOST: usize = 127;
    match depth <= MOST {
        true => Ok(()),
        false => Err(serde::de::Error::custom("recursion limit exceeded")),
    }
}

impl Fields {
    /// Returns no fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.get(name)
    }

    /// Whether a field is there.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Sets a field.
    pub fn insert(&mut self, name: String, value: Json) {
        self.0.insert(name, value);
    }

    /// Returns the names in their order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &String> {
        self.0.keys()
    }

    /// Returns how many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads an object with its numbers as they are written.
    fn exact(text: &str) -> Result<Self, serde_json::Error> {
        Self::exact_at(text, 1)
    }

    fn exact_at(text: &str, depth: usize) -> Result<Self, serde_json::Error> {
        check(depth)?;
        let fields: IndexMap<String, &RawValue> = serde_json::from_str(text)?;
        let fields = fields
            .into_iter()
            .map(|(name, value)| Ok((name, Json::exact(value, depth + 1)?)));
        Ok(Self(fields.collect::<Result<_, serde_json::Error>>()?))
    }

    /// Returns a text that tells the fields from others: JSON, in which numbers of equal value that a
    /// reader of doubles would take for one are one.
    #[must_use]
    pub fn key(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        match numbers_are_plain(&text) {
            true => text,
            false => serde_json::to_string(&self.named()).unwrap_or_default(),
        }
    }

    fn named(&self) -> Self {
        let fields = self.0.iter();
        Self(
            fields
                .map(|(name, value)| (name.clone(), value.named()))
                .collect(),
        )
    }

    /// Returns the fields with the nearest numbers.
    pub(crate) fn to_nearest(&self) -> Values {
        let fields = self.0.iter();
        fields
            .map(|(name, value)| (name.clone(), value.to_nearest()))
            .collect()
    }
}

impl FromIterator<(String, Json)> for Fields {
    fn from_iter<I: IntoIterator<Item = (String, Json)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

impl Index<&str> for Fields {
    type Output = Json;

    /// Returns a field; null where there is none, as `serde_json` has it.
    fn index(&self, name: &str) -> &Json {
        self.get(name).unwrap_or(&Json::Null)
    }
}

impl From<Values> for Fields {
    fn from(values: Values) -> Self {
        values
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect()
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

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => items.serialize(serializer),
            Self::Object(fields) => fields.serialize(serializer),
        }
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.0)
    }
}

/// Reads the nearest numbers, as any reader but `object` does.
impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

/// Reads the nearest numbers, as any reader but `object` does.
impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Values::deserialize(deserializer).map(Self::from)
    }
}

impl JsonSchema for Json {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Json".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}

impl JsonSchema for Fields {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Fields".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Values::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NUMBERS: &str =
        r#"{"a":12345678901234567890123456789,"b":[1.10,{"c":-0}],"d":"1.10","e":1e400}"#;

    #[test]
    fn numbers_stay_as_they_are_written() {
        let (values, exact) = object(NUMBERS).unwrap();
        let fields = exact.unwrap();
        assert_eq!(serde_json::to_string(&fields).unwrap(), NUMBERS);
        assert_eq!(fields["b"].to_string(), r#"[1.10,{"c":-0}]"#);
        // Whatever is computed with sees a double.
        assert_eq!(
            values["a"].as_f64(),
            Some(12_345_678_901_234_567_890_123_456_789.0)
        );
        assert_eq!(values["e"].as_f64(), Some(f64::MAX));
        let plain = r#"{"a":1,"b":[1.5,-2,1e-7],"c":"\"1.10","d":9007199254740993}"#;
        assert_eq!(object(plain).unwrap().1, None);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in [
            "",
            "1",
            "[1.10]",
            r#"{"a":1.10"#,
            r#"{"a":01.10}"#,
            r#"{"a":1.10,"b":"\ud800"}"#,
        ] {
            assert!(object(text).is_err(), "{text}");
        }
    }

    /// The object is the first level. The outside's limit is 127, of which nothing may come near the stack's.
    #[test]
    fn the_depth_is_bounded_with_any_number() {
        for number in ["1", "1.10", "1e400"] {
            let nested = |levels: usize| {
                let (open, close) = ("[".repeat(levels), "]".repeat(levels));
                object(&format!(r#"{{"k":{number},"a":{open}1{close}}}"#)).is_ok()
            };
            assert!(nested(126) && !nested(127) && !nested(100_000), "{number}");
        }
    }

    /// A digest of a line must not change with the way in which numbers are held.
    #[test]
    fn the_key_is_the_json_of_doubles_where_they_have_the_value() {
        let key = |text: &str| {
            let (values, exact) = object(text).unwrap();
            exact.unwrap_or_else(|| values.into()).key()
        };
        for text in [
            r#"{"a":1.10,"b":[1E2,-0,0.0,100]}"#,
            r#"{"a":1,"b":{"c":null,"d":true,"e":"é"}}"#,
        ] {
            let values: Values = serde_json::from_str(text).unwrap();
            assert_eq!(key(text), serde_json::to_string(&values).unwrap());
        }
        let big = |last| key(&format!(r#"{{"a":1844674407370955161{last}}}"#));
        assert_ne!(big(6), big(7));
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_serde_json_reads_it(text in r#"\{[-{}\[\]",:0-9.eE a\\]{0,40}"#) {
            let ours = object(&text);
            let theirs = serde_json::from_str::<Values>(&text);
            prop_assert_eq!(ours.is_ok(), theirs.is_ok() || Fields::exact(&text).is_ok());
            if let (Ok((values, _)), Ok(wanted)) = (ours, theirs) {
                prop_assert_eq!(values, wanted);
            }
        }

        #[test]
        fn any_number_comes_back(
            whole in "-?(0|[1-9][0-9]{0,30})",
            rest in r"(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,5})?",
        ) {
            let text = format!(r#"{{"k":[{whole}{rest}]}}"#);
            let (values, exact) = object(&text).unwrap();
            let fields = exact.unwrap_or_else(|| values.into());
            prop_assert_eq!(serde_json::to_string(&fields).unwrap(), text);
        }
    }
}
