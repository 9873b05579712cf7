//! A number of JSON as it was written: any count of digits, any exponent, trailing zeros. Where such a
//! number stands is `json`'s and `id`'s business.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A number that keeps its text. Two are equal where a program that reads doubles would not call them
/// different, `1.10` and `1.1`, but never where they differ in value.
#[derive(Clone, Debug)]
pub struct Number(Box<str>);

impl Number {
    /// Returns the number that a text of JSON is; nothing for a text that is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let raw: &RawValue = serde_json::from_str(text).ok()?;
        let is_number = raw
            .get()
            .starts_with(|c: char| c == '-' || c.is_ascii_digit());
        is_number.then(|| Self(raw.get().into()))
    }

    /// Returns its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns it as an integer, where it is written as one.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        self.0.parse().ok()
    }

    /// Returns the nearest number that computations know. What is beyond all doubles is the largest.
    #[must_use]
    pub fn to_nearest(&self) -> serde_json::Number {
        let nearest: Option<serde_json::Number> = serde_json::from_str(&self.0).ok();
        nearest.unwrap_or_else(|| {
            let largest = if self.0.starts_with('-') {
                f64::MIN
            } else {
                f64::MAX
            };
            serde_json::Number::from_f64(largest).unwrap_or_else(|| 0.into())
        })
    }

    /// Whether it is an integer that 64 bits do not hold.
    pub(crate) fn is_oversized(&self) -> bool {
        let digits = self.0.strip_prefix('-').unwrap_or(&self.0);
        let is_integer = digits.bytes().all(|byte| byte.is_ascii_digit());
        is_integer && self.0.parse::<i64>().is_err() && self.as_u64().is_none()
    }

    /// Whether a text is written back as it stands by whoever reads a double or an integer of 64 bits.
    pub(crate) fn is_plain(text: &str) -> bool {
        /// Digits of an integer that fits 64 bits whatever they are.
        const SAFE_DIGITS: usize = 18;
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.len() <= SAFE_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return text != "-0";
        }
        let read = serde_json::from_str::<serde_json::Number>(text);
        read.is_ok_and(|number| number.to_string() == text)
    }

    /// Returns the number that stands for all that are equal to it.
    pub(crate) fn named(&self) -> Self {
        Self(self.name().into())
    }

    /// Returns the text by which it is told from others: that of the nearest number of 64 bits where the
    /// two have one value, else its own.
    pub(crate) fn name(&self) -> Cow<'_, str> {
        let nearest = self.to_nearest().to_string();
        if decimal(&nearest) == decimal(&self.0) {
            Cow::Owned(nearest)
        } else {
            Cow::Borrowed(&self.0)
        }
    }
}

/// A value as sign, digits without zeros around them, and the power of ten of the last digit.
fn decimal(text: &str) -> (bool, String, i128) {
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i128 = exponent.parse().unwrap_or(i128::MAX / 2);
    let digits = format!("{whole}{fraction}");
    let untrailed = digits.trim_end_matches('0');
    let kept = untrailed.trim_start_matches('0');
    let power = if kept.is_empty() {
        0
    } else {
        exponent - fraction.len() as i128 + (digits.len() - untrailed.len()) as i128
    };
    (is_negative, kept.to_owned(), power)
}

impl From<&serde_json::Number> for Number {
    fn from(number: &serde_json::Number) -> Self {
        Self(number.to_string().into())
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self(number.to_string().into())
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self(number.to_string().into())
    }
}

impl From<i32> for Number {
    fn from(number: i32) -> Self {
        Self(number.to_string().into())
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.name() == other.name()
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl fmt::Display for Number {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if Self::is_plain(&self.0) {
            return self.to_nearest().serialize(serializer);
        }
        let raw = RawValue::from_string(self.0.to_string());
        raw.map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}

/// Reads the nearest number: what was written can only be had of the text, as `json` does.
impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_json::Number::deserialize(deserializer).map(|number| (&number).into())
    }
}

impl JsonSchema for Number {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn a_number_is_written_as_it_was_read() {
        for text in [
            "0",
            "-0",
            "-0.0",
            "7",
            "-7",
            "1.10",
            "1e400",
            "-1E-400",
            "1.5e+3",
            "9007199254740993",
            "18446744073709551616",
            "12345678901234567890123456789",
            "0.10000000000000000555",
        ] {
            assert_eq!(serde_json::to_string(&number(text)).unwrap(), text);
            assert_eq!(number(text).to_string(), text);
        }
        for text in ["", "x", "\"1\"", "1 2", "01", "[1]", "true", "NaN", "1e"] {
            assert!(Number::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn numbers_are_equal_where_doubles_are_and_the_value_is() {
        for (a, b) in [
            ("1.10", "1.1"),
            ("1e2", "100.0"),
            ("0.0", "0.00"),
            ("1E5", "100000.0"),
        ] {
            assert_eq!(number(a), number(b), "{a} {b}");
        }
        for (a, b) in [
            // Integers and fractions were told apart before numbers kept their text.
            ("1", "1.0"),
            ("9007199254740993.0", "9007199254740992.0"),
            (
                "12345678901234567890123456789",
                "12345678901234567890123456788",
            ),
            ("1e400", "1e401"),
            ("0.1", "0.10000000000000000555"),
            ("1e99999999999999999999999999999999999999999", "1e400"),
        ] {
            assert_ne!(number(a), number(b), "{a} {b}");
        }
    }

    #[test]
    fn what_is_beyond_all_doubles_is_the_largest() {
        assert_eq!(number("1e400").to_nearest().as_f64(), Some(f64::MAX));
        assert_eq!(number("-1e400").to_nearest().as_f64(), Some(f64::MIN));
        assert_eq!(
            number("18446744073709551615").to_nearest().as_u64(),
            Some(u64::MAX)
        );
    }
}
