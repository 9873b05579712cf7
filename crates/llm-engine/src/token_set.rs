//! Some tokens of a vocabulary.

/// Tokens of a vocabulary, a bit for each: token `t` is bit `t % 32` of word `t / 32`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenSet {
    words: Vec<u32>,
}

impl TokenSet {
    /// Returns the set that these words stand for.
    pub fn from_words(words: Vec<u32>) -> Self {
        Self { words }
    }

    /// Returns the words.
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    /// Returns how many tokens there are.
    pub fn len(&self) -> usize {
        self.words
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// Returns the tokens, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        let words = self.words.iter().enumerate();
        words.flat_map(|(at, &word)| {
            (0..32)
                .filter(move |bit| word >> bit & 1 == 1)
                .map(move |bit| 32 * at + bit)
        })
    }

    /// Returns whether a token is one of them.
    pub fn contains(&self, token: u32) -> bool {
        let word = self.words.get(token as usize / 32);
        word.is_some_and(|word| word >> (token % 32) & 1 == 1)
    }

    /// Adds a token of the vocabulary.
    pub fn insert(&mut self, token: u32) {
        if let Some(word) = self.words.get_mut(token as usize / 32) {
            *word |= 1 << (token % 32);
        }
    }

    /// Sets the logits (vocabulary) of all other tokens to -∞.
    pub fn mask(&self, logits: &mut [f32]) {
        let mut words = self.words.iter().copied();
        for logits in logits.chunks_mut(32) {
            let word = words.next().unwrap_or(0);
            if word == 0 {
                logits.fill(f32::NEG_INFINITY);
                continue;
            }
            for (bit, logit) in logits.iter_mut().enumerate() {
                if word >> bit & 1 == 0 {
                    *logit = f32::NEG_INFINITY;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_set_is_masked() {
        let mut set = TokenSet::from_words(vec![0b101, 0, 1 << 31]);
        set.insert(40);
        set.insert(1000);
        let mut logits = vec![1.0; 100];
        set.mask(&mut logits);
        let left: Vec<usize> = (0..100).filter(|&token| logits[token] == 1.0).collect();
        assert_eq!(left, [0, 2, 40, 95]);
        for token in 0..100 {
            assert_eq!(set.contains(token), left.contains(&(token as usize)));
        }
        assert!(!set.contains(1000));
    }
}
