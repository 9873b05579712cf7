//! SentencePiece's precompiled normalization: which characters are replaced by
//! which before a text is cut.
//!
//! Source: <https://github.com/google/sentencepiece>, `normalizer.cc`: the size
//! of a double array in bytes, the array, and the replacements, each ended by a
//! zero byte. The array's units are packed as in <https://github.com/s-yata/darts-clone>.

use super::steps;
use llm_gguf::{Metadata, ValueError};

/// The rules of one file, possibly none.
#[derive(Debug, Default)]
pub(super) struct CharsMap {
    units: Vec<u32>,
    replacements: Vec<u8>,
}

/// What a text begins with: its length in bytes and what stands for it, or
/// nothing for a text that stands for itself.
pub(super) type Replaced<'m> = (usize, Option<&'m str>);

impl CharsMap {
    /// Reads `tokenizer.ggml.precompiled_charsmap`. What does not fit together
    /// is no rule.
    pub(super) fn read(metadata: &Metadata) -> Result<Self, ValueError> {
        let bytes = metadata
            .integers("tokenizer.ggml.precompiled_charsmap")?
            .map(|bytes| bytes.iter().map(|byte| byte as u8).collect::<Vec<u8>>());
        Ok(bytes.map_or_else(Self::default, |bytes| Self::of(&bytes)))
    }

    fn of(bytes: &[u8]) -> Self {
        let Some((size, rest)) = bytes.split_first_chunk::<4>() else {
            return Self::default();
        };
        let Some((array, replacements)) = rest.split_at_checked(u32::from_le_bytes(*size) as usize)
        else {
            return Self::default();
        };
        let units = array.as_chunks::<4>().0.iter();
        Self {
            units: units.copied().map(u32::from_le_bytes).collect(),
            replacements: replacements.to_vec(),
        }
    }

    /// Returns the longest text with a replacement that `text` begins with.
    pub(super) fn replace(&self, text: &str) -> Option<Replaced<'_>> {
        let mut node = self.offset(0)?;
        let mut found = None;
        for (&byte, length) in text.as_bytes().iter().zip(1..) {
            steps::count(1);
            node ^= usize::from(byte);
            let Some(&unit) = self.units.get(node) else {
                break;
            };
            // The unit's label, which a value does not have.
            if byte == 0 || unit & (1 << 31 | 0xff) != u32::from(byte) {
                break;
            }
            let has_value = unit >> 8 & 1 == 1;
            node ^= self.offset(node)?;
            if has_value && let Some(&value) = self.units.get(node) {
                found = Some((length, value & !(1 << 31)));
            }
        }
        let (length, at) = found?;
        let replacement = self
            .replacements
            .get(at as usize..)?
            .split(|&byte| byte == 0)
            .next()?;
        Some((length, str::from_utf8(replacement).ok()))
    }

    /// Returns the distance from a unit to its children.
    fn offset(&self, node: usize) -> Option<usize> {
        let unit = *self.units.get(node)?;
        Some(((unit >> 10) << ((unit & 1 << 9) >> 6)) as usize)
    }
}
