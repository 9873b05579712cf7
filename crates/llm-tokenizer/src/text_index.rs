//! Strings of a header, found by content.
//!
//! The strings stay in the file; the index holds their numbers only, so that
//! opening a vocabulary hashes each string once and copies none.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::steps;
use llm_gguf::Strings;

/// Finds the numbers of strings by content.
#[derive(Debug)]
pub(super) struct TextIndex {
    texts: Strings,
    numbers: HashTable<u32>,
    hasher: RandomState,
    longest: usize,
}

impl TextIndex {
    /// Indexes `texts`. Of equal ones for which `is_same` holds as well, only
    /// the first can be found.
    pub(super) fn new(texts: &Strings, is_same: impl Fn(u32, u32) -> bool) -> Self {
        let hasher = RandomState::default();
        let mut numbers = HashTable::with_capacity(texts.len());
        let mut longest = 0;
        for (text, number) in texts.iter().zip(0..) {
            let entry = numbers.entry(
                hasher.hash_one(text),
                |&other| is_same(other, number) && text_of(texts, other) == text,
                |&other| hasher.hash_one(text_of(texts, other)),
            );
            entry.or_insert(number);
            longest = longest.max(text.len());
        }
        Self {
            texts: texts.clone(),
            numbers,
            hasher,
            longest,
        }
    }

    /// Returns the first number of `text` that `is_wanted`.
    pub(super) fn find(&self, text: &[u8], is_wanted: impl Fn(u32) -> bool) -> Option<u32> {
        if text.len() > self.longest {
            return None;
        }
        steps::count(1 + text.len());
        let candidates = self.numbers.iter_hash(self.hasher.hash_one(text)).copied();
        candidates
            .filter(|&number| text_of(&self.texts, number) == text && is_wanted(number))
            .min()
    }
}

fn text_of(texts: &Strings, number: u32) -> &[u8] {
    texts.get(number as usize).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_there_and_nothing_else() {
        let texts = (0..1000).map(|number| number.to_string()).collect();
        let index = TextIndex::new(&texts, |_, _| true);
        for number in 0..1000_u32 {
            let text = number.to_string();
            assert_eq!(index.find(text.as_bytes(), |_| true), Some(number));
            assert_eq!(index.find(text.as_bytes(), |found| found != number), None);
        }
        assert_eq!(index.find(b"1000", |_| true), None);
        assert_eq!(index.find(b"", |_| true), None);
    }

    #[test]
    fn of_equal_texts_the_first_that_is_wanted_is_found() {
        let texts = ["a", "b", "a", "a", "a"].iter().collect();
        let index = TextIndex::new(&texts, |one, other| one % 2 == other % 2);
        assert_eq!(index.find(b"a", |_| true), Some(0));
        assert_eq!(index.find(b"a", |number| number > 0), Some(3));
        assert_eq!(index.find(b"a", |number| number > 3), None);
    }
}
