//! The vector of a text as a record, and what made it. How a text becomes a vector is the engine's
//! business.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Build, Fields, Id, SchemaVersion};

/// The vector of a text; closes a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Embedding {
    /// The record's version.
    #[serde(default)]
    pub schema_version: SchemaVersion,
    /// The request's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The request's line in the input, from 1.
    pub line: u64,
    /// The vector.
    pub embedding: Vector,
    /// Its length.
    pub dim: u64,
    /// How many tokens it took.
    pub usage: EmbeddingUsage,
    /// Whether the end of the text was cut, since it is longer than the model takes.
    pub truncated: bool,
    /// How the tokens' vectors became one: `cls`, `mean`, `max` or `last`.
    pub pooling: String,
    /// Whether the vector is one long.
    pub normalized: bool,
    /// What was put before the text; left out where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Fields of the input that were asked to be kept.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub input: Fields,
    /// The model that made it.
    pub model: Encoder,
    /// SHA-256 in hexadecimal of all that the vector depends on: model digest, tokens,
    /// pooling, dimensions, and the form in which it is written.
    pub request_digest: String,
    /// Which of several equal requests without an id this is, from 2 on; the first has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<u64>,
    /// The program that made it.
    pub build: Build,
}

/// A vector in one of its forms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Vector {
    /// Numbers.
    Floats(Vec<f32>),
    /// 32-bit floats, the lowest byte first, in base64, as OpenAI's API writes them.
    Base64(String),
}

/// How many tokens a vector took, in OpenAI's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EmbeddingUsage {
    /// Tokens of the text, with what was put before it and the special tokens around it.
    pub prompt_tokens: u64,
    /// The same.
    pub total_tokens: u64,
}

/// Which weights made a vector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Encoder {
    /// The name that the user gave.
    pub name: String,
    /// SHA-256 of the weights in hexadecimal.
    pub digest: String,
}

impl Vector {
    /// Writes numbers as base64 (RFC 4648, section 4).
    #[must_use]
    pub fn base64(numbers: &[f32]) -> Self {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
        for three in bytes.chunks(3) {
            let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            for place in 0..4 {
                let digit = (bits >> (18 - 6 * place) & 63) as usize;
                text.push(match place <= three.len() {
                    true => char::from(ALPHABET[digit]),
                    false => '=',
                });
            }
        }
        Self::Base64(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1.0 is 00 00 80 3f, -2.0 is 00 00 00 c0 and 0.5 is 00 00 00 3f.
    #[test]
    fn base64_is_that_of_the_little_endian_bytes() {
        for (numbers, text) in [
            (&[][..], ""),
            (&[1.0], "AACAPw=="),
            (&[1.0, -2.0], "AACAPwAAAMA="),
            (&[1.0, -2.0, 0.5], "AACAPwAAAMAAAAA/"),
        ] {
            assert_eq!(Vector::base64(numbers), Vector::Base64(text.to_owned()));
        }
    }
}
