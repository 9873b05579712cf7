//! The name that a line carries from input to output, and how it is found in a line that cannot be
//! parsed. What else a line holds is `request`'s business.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Json, Number};

/// A line's own name, written back as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Id {
    /// Any string, the empty one included.
    Text(String),
    /// A number, of whatever size.
    Number(Number),
}

impl Id {
    /// Returns the id of an object: its `id`, else its `custom_id`; `null` counts as absent.
    ///
    /// # Errors
    /// A sentence, when the value is neither a string nor a number.
    pub fn of(field: impl Fn(&str) -> Option<Json>) -> Result<Option<Self>, String> {
        for name in ["id", "custom_id"] {
            match field(name) {
                None | Some(Json::Null) => {}
                Some(value) => {
                    let wrong = || format!("'{name}' must be a string or a number");
                    return Self::of_json(value).ok_or_else(wrong).map(Some);
                }
            }
        }
        Ok(None)
    }

    /// Returns the id that a value is.
    pub(crate) fn of_json(value: Json) -> Option<Self> {
        match value {
            Json::String(text) => Some(Self::Text(text)),
            Json::Number(number) => Some(Self::Number(number)),
            _ => None,
        }
    }

    /// Returns the id that a text of JSON is.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        let number = || Number::parse(text).map(Self::Number);
        let text = serde_json::from_str(text).ok().map(Self::Text);
        text.or_else(number)
    }

    /// Returns a text that tells the id from every other: JSON, in which numbers of equal value that a
    /// reader of doubles would take for one are one.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
            Self::Number(number) => number.name().into_owned(),
        }
    }

    /// Returns the id of a line that does not parse, where it stands whole in the bytes at hand.
    ///
    /// Bad UTF-8 elsewhere, a cut end and broken JSON after the id do no harm; an id that may itself
    /// be cut is not returned. A guess is never made: only a key at the top level counts.
    #[must_use]
    pub fn salvage(bytes: &[u8]) -> Option<Self> {
        let mut custom = None;
        let mut scan = Scan { bytes, at: 0 };
        scan.expect(b'{')?;
        loop {
            // From here on a failure to scan ends the search, it does not undo what was found.
            let Some((key, value)) = scan.member() else {
                return custom;
            };
            let found = || std::str::from_utf8(value).ok().and_then(Self::of_text);
            match key {
                b"\"id\"" => {
                    if let Some(id) = found() {
                        return Some(id);
                    }
                }
                b"\"custom_id\"" => custom = found(),
                _ => {}
            }
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => out.write_str(text),
            Self::Number(number) => write!(out, "{number}"),
        }
    }
}

/// A tolerant walk over the members of one JSON object.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn skip_space(&mut self) {
        while matches!(
            self.bytes.get(self.at),
            Some(b' ' | b'\t' | b'\r' | b'\n' | b',')
        ) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.skip_space();
        (self.bytes.get(self.at) == Some(&byte)).then(|| self.at += 1)
    }

    /// Returns the next key (with its quotes) and the bytes of its value, if both are whole.
    fn member(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        self.skip_space();
        let key = self.string()?;
        self.expect(b':')?;
        self.skip_space();
        Some((key, self.value()?))
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        if self.bytes.get(start) != Some(&b'"') {
            return None;
        }
        self.at += 1;
        loop {
            match self.bytes.get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.bytes.get(start..self.at)
    }

    fn value(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        match self.bytes.get(start)? {
            b'"' => return self.string(),
            b'{' | b'[' => self.nested()?,
            // A bare word or number is whole only when something ends it.
            _ => {
                while !matches!(
                    self.bytes.get(self.at)?,
                    b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n'
                ) {
                    self.at += 1;
                }
            }
        }
        (self.at > start).then(|| self.bytes.get(start..self.at))?
    }

    fn nested(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.bytes.get(self.at)? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Option<Id> {
        Some(Id::Text(text.into()))
    }

    #[test]
    fn an_id_is_found_in_broken_lines() {
        let whole = |line: &str| Id::salvage(line.as_bytes());
        assert_eq!(whole(r#"{"id":"a","prompt":"x"#), text("a"));
        assert_eq!(whole(r#"{"prompt":"x\"}","id": "a", oops"#), text("a"));
        assert_eq!(
            whole(r#"{"meta":{"id":1,"l":["}"]},"id":2 "#),
            Some(Id::Number(2.into()))
        );
        assert_eq!(whole(r#"{"custom_id":"c","prompt":"#), text("c"));
        assert_eq!(whole(r#"{"custom_id":"c","id":"i"}x"#), text("i"));
        assert_eq!(Id::salvage(b"{\"x\":\"\xff\",\"id\":\"a\"}"), text("a"));
    }

    #[test]
    fn an_id_that_may_be_cut_or_is_nested_is_not_invented() {
        let none = |line: &[u8]| assert_eq!(Id::salvage(line), None, "{line:?}");
        none(br#"{"id":12"#);
        none(br#"{"id":"ab"#);
        none(br#"{"id":"ab\"#);
        none(br#"{"meta":{"id":1}}"#);
        none(br#"{"prompt":"\"id\":1"}"#);
        none(b"{\"id\":\"\xff\"}");
        none(br#"["id",1]"#);
        none(br#"{"id":{"a":1}}"#);
        none(b"");
        none(b"{");
        none(b"{\"\\");
    }

    #[test]
    fn an_id_is_a_text_or_a_number() {
        let of = |json: &str| {
            let fields: crate::Fields = serde_json::from_str(json).unwrap();
            Id::of(|name| fields.get(name).cloned())
        };
        assert_eq!(
            of(r#"{"id":18446744073709551615}"#),
            Ok(Some(Id::Number(u64::MAX.into())))
        );
        assert!(of(r#"{"id":true}"#).is_err());
        assert_eq!(of(r#"{"id":null,"custom_id":"c"}"#), Ok(text("c")));
        assert_eq!(of(r#"{"other":1}"#), Ok(None));
    }

    #[test]
    fn a_number_of_any_size_is_salvaged_as_it_stands() {
        for text in ["184467440737095516150", "1.10", "1e400", "-0"] {
            let id = Id::salvage(format!(r#"{{"id":{text},"prompt":"#).as_bytes()).unwrap();
            assert_eq!(id.to_string(), text);
            assert_eq!(serde_json::to_string(&id).unwrap(), text);
        }
    }

    #[test]
    fn every_id_has_a_key_of_its_own() {
        let key = |text: &str| Id::of_text(text).unwrap().key();
        assert_eq!((key("7"), key("\"7\"")), ("7".into(), "\"7\"".into()));
        assert_eq!(key("1.10"), key("1.1"));
        assert_ne!(
            key("12345678901234567890123456789"),
            key("12345678901234567890123456788")
        );
    }
}
