//! Byte strings by number and numbers by byte string, in two flat buffers.
//!
//! A map from owned strings would make a quarter of a million allocations for
//! a large vocabulary; this makes three, and loads several times as fast.

use std::hash::{BuildHasher, RandomState};

/// Byte strings one after another in one buffer.
#[derive(Debug, Default)]
pub(super) struct ByteStrings {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl ByteStrings {
    /// Appends the string that `write` appends to the buffer.
    pub(super) fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    /// Returns the string with the given number.
    pub(super) fn get(&self, number: usize) -> Option<&[u8]> {
        let end = *self.ends.get(number)?;
        let start = match number {
            0 => 0,
            _ => self.ends[number - 1],
        };
        Some(&self.bytes[start..end])
    }

    /// Returns the number of strings.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }
}

/// Marks a free slot.
const FREE: u32 = u32::MAX;

/// Byte strings numbered in the order of their arrival, found by content.
#[derive(Debug)]
pub(super) struct TextIndex {
    texts: ByteStrings,
    slots: Vec<u32>, // open addressing; a power of two, at most half full
    hasher: RandomState,
    longest: usize,
}

impl TextIndex {
    /// Makes an empty index with room for `count` strings.
    pub(super) fn with_capacity(count: usize) -> Self {
        Self {
            texts: ByteStrings::default(),
            slots: vec![FREE; (2 * count.max(8)).next_power_of_two()],
            hasher: RandomState::new(),
            longest: 0,
        }
    }

    /// Gives the next number to the text that `write` appends to the buffer.
    /// A text that is not to be found (`write` returns false) and one that
    /// came before take a number all the same.
    pub(super) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>) -> bool) -> u32 {
        let number = self.texts.len();
        let mut findable = true;
        self.texts.push_with(|bytes| findable = write(bytes));
        if 2 * number >= self.slots.len() {
            self.grow();
        }
        let id = number as u32;
        let text = self.texts.get(number).unwrap_or_default();
        let slot = self.slot(text);
        if findable && self.slots[slot] == FREE {
            self.slots[slot] = id;
            self.longest = self.longest.max(text.len());
        }
        id
    }

    /// Returns the number of `text`.
    pub(super) fn find(&self, text: &[u8]) -> Option<u32> {
        if text.len() > self.longest {
            return None;
        }
        Some(self.slots[self.slot(text)]).filter(|&id| id != FREE)
    }

    /// Returns the slot that holds `text` or, free, is where it belongs.
    fn slot(&self, text: &[u8]) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = self.hasher.hash_one(text) as usize & mask;
        while self.slots[slot] != FREE && self.texts.get(self.slots[slot] as usize) != Some(text) {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        let found: Vec<u32> = self
            .slots
            .iter()
            .copied()
            .filter(|&id| id != FREE)
            .collect();
        self.slots = vec![FREE; 2 * self.slots.len()];
        for id in found {
            let slot = self.slot(self.texts.get(id as usize).unwrap_or_default());
            self.slots[slot] = id;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_pushed_and_nothing_else() {
        let mut index = TextIndex::with_capacity(0);
        for number in 0..1000_u32 {
            let id = index.push(|bytes| {
                bytes.extend_from_slice(number.to_string().as_bytes());
                number % 10 != 3
            });
            assert_eq!(id, number);
        }
        for number in 0..1000_u32 {
            let expected = (number % 10 != 3).then_some(number);
            assert_eq!(index.find(number.to_string().as_bytes()), expected);
        }
        assert_eq!(index.find(b"1000"), None);
        assert_eq!(index.find(b""), None);
    }

    #[test]
    fn the_first_of_equal_texts_is_found() {
        let mut index = TextIndex::with_capacity(2);
        for _ in 0..2 {
            index.push(|bytes| {
                bytes.push(b'a');
                true
            });
        }
        assert_eq!(index.find(b"a"), Some(0));
    }
}
