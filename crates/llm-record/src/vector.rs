//! A vector in the forms in which it is written, and back to numbers. Which form is asked for, and what
//! stands beside a vector, is left to others.

use std::fmt;

use half::f16;
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A vector in one of its forms.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Vector {
    /// Numbers.
    Floats(Vec<f32>),
    /// Bytes in base64 (RFC 4648, section 4); [`Encoding`] says what they are.
    Base64(String),
    /// The numbers that are not zero, for [`Encoding::Sparse`].
    Sparse {
        /// Where each stands, from 0 and ascending: the token whose weight it is.
        indices: Vec<u32>,
        /// The numbers.
        values: Vec<f32>,
    },
}

/// What the bytes of a vector are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// JSON numbers, not bytes.
    Float,
    /// 32-bit floats, the lowest byte first, as OpenAI's API writes them.
    #[default]
    Base64,
    /// 16-bit floats (IEEE 754 binary16), the lowest byte first.
    F16,
    /// Signed bytes from -127 to 127; a number is its byte times the vector's scale, the largest size of
    /// a number of the vector divided by 127.
    Int8,
    /// A bit a number, 1 where it is above zero, the first the highest of its byte; the last byte is
    /// filled up with zeros. This is sentence-transformers' `ubinary`.
    Binary,
    /// The numbers that are not zero, with where they stand; for vectors of weights of a vocabulary's
    /// tokens (SPLADE).
    Sparse,
}

/// The largest signed byte that is used, so that the range is symmetric.
const MOST: f32 = 127.0;

impl Encoding {
    /// Writes numbers in this form; the second is the scale of [`Encoding::Int8`].
    #[must_use]
    pub fn encode(self, numbers: &[f32]) -> (Vector, Option<f32>) {
        match self {
            Self::Float => (Vector::Floats(numbers.to_vec()), None),
            Self::Sparse => {
                let numbered = (0..).zip(numbers.iter().copied());
                let (indices, values) = numbered.filter(|(_, x)| *x != 0.0).unzip();
                (Vector::Sparse { indices, values }, None)
            }
            _ => {
                let (bytes, scale) = self.bytes(numbers);
                (Vector::Base64(to_base64(&bytes)), scale)
            }
        }
    }

    /// Returns the bytes of numbers in this form, where [`Encoding::Float`] and
    /// [`Encoding::Sparse`] are as [`Encoding::Base64`], and the scale of [`Encoding::Int8`].
    #[must_use]
    pub fn bytes(self, numbers: &[f32]) -> (Vec<u8>, Option<f32>) {
        let bytes = match self {
            Self::Float | Self::Base64 | Self::Sparse => {
                numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
            }
            Self::F16 => numbers
                .iter()
                .flat_map(|x| f16::from_f32(*x).to_le_bytes())
                .collect(),
            Self::Int8 => {
                let largest = numbers.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
                let scale = largest / MOST;
                let byte = |x: &f32| {
                    if scale > 0.0 {
                        (x / scale).round().clamp(-MOST, MOST) as i8
                    } else {
                        0
                    }
                };
                let bytes = numbers.iter().map(|x| byte(x).cast_unsigned()).collect();
                return (bytes, Some(scale));
            }
            Self::Binary => numbers
                .chunks(8)
                .map(|eight| {
                    let bits = eight.iter().enumerate();
                    bits.fold(0, |byte, (at, x)| byte | u8::from(*x > 0.0) << (7 - at))
                })
                .collect(),
        };
        (bytes, None)
    }

    /// Returns how many bytes a vector of `length` numbers has.
    #[must_use]
    pub fn size(self, length: usize) -> usize {
        match self {
            Self::Float | Self::Base64 | Self::Sparse => length.saturating_mul(4),
            Self::F16 => length.saturating_mul(2),
            Self::Int8 => length,
            Self::Binary => length.div_ceil(8),
        }
    }

    /// Adds the numbers that bytes stand for to `into`; those of [`Encoding::Binary`] are 1 and -1.
    /// Returns whether there are `length` of them.
    pub fn decode(self, bytes: &[u8], length: usize, scale: f32, into: &mut Vec<f32>) -> bool {
        if bytes.len() != self.size(length) {
            return false;
        }
        match self {
            Self::Float | Self::Base64 | Self::Sparse => into.extend(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|four| f32::from_le_bytes(*four)),
            ),
            Self::F16 => into.extend(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|two| f16::from_le_bytes(*two).to_f32()),
            ),
            Self::Int8 => into.extend(
                bytes
                    .iter()
                    .map(|byte| f32::from(byte.cast_signed()) * scale),
            ),
            Self::Binary => into.extend((0..length).map(|at| {
                let bit = bytes[at / 8] >> (7 - at % 8) & 1;
                if bit == 1 { 1.0 } else { -1.0 }
            })),
        }
        true
    }
}

impl Vector {
    /// Adds the numbers to `into`, given what stands beside the vector. Returns whether there are
    /// `length` of them; a sparse vector is not made dense.
    pub fn decode(
        &self,
        encoding: Encoding,
        length: usize,
        scale: f32,
        into: &mut Vec<f32>,
    ) -> bool {
        match self {
            Self::Floats(numbers) => {
                into.extend_from_slice(numbers);
                numbers.len() == length
            }
            Self::Base64(text) => {
                from_base64(text).is_some_and(|bytes| encoding.decode(&bytes, length, scale, into))
            }
            Self::Sparse { .. } => false,
        }
    }
}

/// Reads a form without a look at what could be another, since a file holds millions of numbers.
impl<'de> Deserialize<'de> for Vector {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Forms)
    }
}

struct Forms;

impl<'de> Visitor<'de> for Forms {
    type Value = Vector;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of numbers, base64, or 'indices' with 'values'")
    }

    fn visit_str<E>(self, text: &str) -> Result<Vector, E> {
        Ok(Vector::Base64(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vector, A::Error> {
        let mut numbers = Vec::with_capacity(list.size_hint().unwrap_or(0).min(1 << 12));
        while let Some(number) = list.next_element()? {
            numbers.push(number);
        }
        Ok(Vector::Floats(numbers))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vector, A::Error> {
        #[derive(Deserialize)]
        struct Sparse {
            indices: Vec<u32>,
            values: Vec<f32>,
        }
        let Sparse { indices, values } = Sparse::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Vector::Sparse { indices, values })
    }
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes bytes in base64.
fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = (bits >> (18 - 6 * place) & 63) as usize;
            text.push(if place <= three.len() {
                char::from(DIGITS[digit])
            } else {
                '='
            });
        }
    }
    text
}

/// Reads base64; nothing where it is none.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let (fours, []) = text.as_bytes().as_chunks::<4>() else {
        return None;
    };
    let mut bytes = Vec::with_capacity(fours.len() * 3);
    for (at, four) in fours.iter().enumerate() {
        let filled = four.iter().rev().take_while(|byte| **byte == b'=').count();
        if filled > 2 || filled > 0 && at + 1 < fours.len() {
            return None;
        }
        let mut bits = 0_u32;
        for byte in &four[..4 - filled] {
            bits = bits << 6 | digit(*byte)?;
        }
        bits <<= 6 * filled;
        bytes.extend_from_slice(&bits.to_be_bytes()[1..4 - filled]);
    }
    Some(bytes)
}

fn digit(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Encoding; 5] = [
        Encoding::Float,
        Encoding::Base64,
        Encoding::F16,
        Encoding::Int8,
        Encoding::Binary,
    ];

    /// 1.0 is 00 00 80 3f, -2.0 is 00 00 00 c0 and 0.5 is 00 00 00 3f.
    #[test]
    fn base64_is_that_of_the_little_endian_bytes() {
        for (numbers, text) in [
            (&[][..], ""),
            (&[1.0], "AACAPw=="),
            (&[1.0, -2.0], "AACAPwAAAMA="),
            (&[1.0, -2.0, 0.5], "AACAPwAAAMAAAAA/"),
        ] {
            let wanted = (Vector::Base64(text.to_owned()), None);
            assert_eq!(Encoding::Base64.encode(numbers), wanted);
        }
    }

    /// 1.0 is 00 3c and -2.0 is 00 c0 in 16 bits; 254 / 127 is 2, and -3 / 2 rounds to -2.
    #[test]
    fn smaller_forms_are_as_they_are_defined() {
        assert_eq!(
            Encoding::F16.bytes(&[1.0, -2.0]).0,
            [0x00, 0x3c, 0x00, 0xc0]
        );
        let (bytes, scale) = Encoding::Int8.bytes(&[254.0, -3.0, 0.0, 2.0]);
        assert_eq!((bytes, scale), (vec![127, 0xfe, 0, 1], Some(2.0)));
        assert_eq!(Encoding::Int8.bytes(&[0.0, 0.0]), (vec![0, 0], Some(0.0)));
        // numpy.packbits([1, 0, 0, 1, 1, 0, 0, 0,  0, 1]) is [152, 64].
        let numbers = [0.5, -0.5, 0.0, 1.0, 2.0, -1.0, -1.0, -1.0, -3.0, 3.0];
        assert_eq!(Encoding::Binary.bytes(&numbers).0, [152, 64]);
    }

    #[test]
    fn what_is_no_vector_is_not_read() {
        let mut into = Vec::new();
        for text in ["AACAPw=", "AACAPw", "AAC?Pw==", "AA==Pw==", "A===", "é==="] {
            let vector = Vector::Base64(text.to_owned());
            assert!(
                !vector.decode(Encoding::Base64, 1, 1.0, &mut into),
                "{text}"
            );
        }
        let vector = Vector::Base64("AACAPw==".to_owned());
        assert!(!vector.decode(Encoding::Base64, 2, 1.0, &mut into));
        assert!(!Vector::Floats(vec![1.0]).decode(Encoding::Float, 2, 1.0, &mut into));
        let sparse = r#"{"indices": [1], "values": [2.5]}"#;
        let sparse: Vector = serde_json::from_str(sparse).unwrap();
        let (written, scale) = Encoding::Sparse.encode(&[0.0, 2.5, 0.0]);
        assert_eq!((&written, scale), (&sparse, None));
        assert!(!sparse.decode(Encoding::Sparse, 3, 1.0, &mut into));
        for json in ["{}", "[\"a\"]", "[1,[2]]", "true"] {
            assert!(serde_json::from_str::<Vector>(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(numbers in prop::collection::vec(-100.0_f32..100.0, 0..40)) {
            for encoding in ALL {
                let (vector, scale) = encoding.encode(&numbers);
                let json = serde_json::to_string(&vector).unwrap();
                let read: Vector = serde_json::from_str(&json).unwrap();
                prop_assert_eq!(&read, &vector);
                let mut back = Vec::new();
                prop_assert!(read.decode(encoding, numbers.len(), scale.unwrap_or(1.0), &mut back));
                for (x, back) in numbers.iter().zip(&back) {
                    let bound = match encoding {
                        Encoding::Float | Encoding::Base64 | Encoding::Sparse => 0.0,
                        // Half a unit in the last of eleven bits.
                        Encoding::F16 => x.abs() / 2048.0 + 1e-7,
                        // Half a step, and the rounding of the division.
                        Encoding::Int8 => scale.unwrap_or(0.0) * 0.5001,
                        Encoding::Binary => {
                            prop_assert_eq!(*back > 0.0, *x > 0.0);
                            continue;
                        }
                    };
                    prop_assert!((x - back).abs() <= bound, "{:?}: {} {}", encoding, x, back);
                }
            }
        }
    }
}
