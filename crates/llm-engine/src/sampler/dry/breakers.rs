//! Texts that a repetition does not go beyond, as the tokens that they may
//! stand in.

use std::collections::HashMap;

use llm_tokenizer::Tokenizer;

/// The most tokens of a breaker that follow its first one.
const MOST_TAIL: usize = 20;

/// The breakers, by the token that each begins in. A text has several: tokens
/// that hold all of it, and those that end with a beginning of it, each with the
/// tokens of the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breakers {
    tails: HashMap<u32, Vec<Vec<u32>>>,
}

impl Breakers {
    /// llama.cpp's, where a request names none.
    pub const USUAL: [&str; 4] = ["\n", ":", "\"", "*"];

    /// Finds the tokens of texts; goes through the whole vocabulary for each.
    pub fn new(tokenizer: &Tokenizer, texts: &[impl AsRef<str>]) -> Self {
        let mut breakers = Self::default();
        let mut word = Vec::new();
        for id in 0..tokenizer.vocabulary_size() as u32 {
            word.clear();
            tokenizer.add_token_bytes(id, &mut word);
            let is_padded = tokenizer.drops_space() && word.starts_with(b" ");
            let word = &word[usize::from(is_padded)..];
            for text in texts {
                breakers.add(tokenizer, id, word, text.as_ref());
            }
        }
        breakers
    }

    /// Adds the ways that `text` begins in the token `id`, which is `word`.
    fn add(&mut self, tokenizer: &Tokenizer, id: u32, word: &[u8], text: &str) {
        let Some(&first) = text.as_bytes().first() else {
            return;
        };
        let starts = (0..word.len()).filter(|at| word[*at] == first);
        if starts
            .clone()
            .any(|at| word[at..].starts_with(text.as_bytes()))
        {
            return self.insert(id, Vec::new());
        }
        for at in starts {
            let part = &word[at..];
            // A beginning that ends within a character has no rest that is text.
            let rest = text.as_bytes().strip_prefix(part).map(str::from_utf8);
            if let Some(Ok(rest)) = rest {
                let mut tail = tokenizer.encode(rest, false, false);
                tail.truncate(MOST_TAIL);
                self.insert(id, tail);
            }
        }
    }

    fn insert(&mut self, head: u32, tail: Vec<u32>) {
        let tails = self.tails.entry(head).or_default();
        if !tails.contains(&tail) {
            tails.push(tail);
        }
    }

    /// Returns how many tokens there are after the latest breaker, of tokens of
    /// which the latest comes first; `None` without a breaker. A breaker that is
    /// part of another one may be found in its place, as in llama.cpp.
    pub(super) fn first_in(&self, recent: &[u32]) -> Option<usize> {
        recent.iter().enumerate().find_map(|(at, head)| {
            let after = &recent[..at];
            let follows = |tail: &&Vec<u32>| {
                let next = after.iter().rev();
                tail.len() <= at && next.zip(*tail).all(|(token, wanted)| token == wanted)
            };
            let found = self.tails.get(head)?.iter().filter(follows);
            found.map(Vec::len).max().map(|longest| at - longest)
        })
    }

    /// Returns whether a token holds all of a breaker.
    pub(super) fn is_alone(&self, token: u32) -> bool {
        let tails = self.tails.get(&token);
        tails.is_some_and(|tails| tails.iter().any(Vec::is_empty))
    }
}
