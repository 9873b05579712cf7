//! The number that a stream of random draws begins with. Drawing one is the program's business.

use std::borrow::Cow;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::whole::whole;

/// A seed, written as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seed {
    /// The program draws one: -1.
    Drawn,
    /// The given seed.
    Fixed(u64),
}

impl Seed {
    /// What a seed must be, in words.
    pub const RANGE: &'static str = "a whole number from 0 to 18446744073709551615, or -1";

    /// Returns the seed that a number is.
    #[must_use]
    pub fn of(number: i128) -> Option<Self> {
        match number {
            -1 => Some(Self::Drawn),
            number => u64::try_from(number).ok().map(Self::Fixed),
        }
    }
}

impl FromStr for Seed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seed = text.parse().ok().and_then(Self::of);
        seed.ok_or_else(|| format!("must be {}", Self::RANGE))
    }
}

impl Serialize for Seed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Drawn => serializer.serialize_i64(-1),
            Self::Fixed(seed) => serializer.serialize_u64(*seed),
        }
    }
}

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        let seed = whole(&number.into()).and_then(Self::of);
        seed.ok_or_else(|| D::Error::custom(Self::RANGE))
    }
}

impl JsonSchema for Seed {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Seed".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": -1, "maximum": u64::MAX})
    }
}
