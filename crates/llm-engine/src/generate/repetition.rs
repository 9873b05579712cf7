//! Answers that repeat themselves without end: what a small model falls into that always takes the most
//! likely token. The definition is exact, so that the same answer ends at the same token everywhere.

/// The longest block that is looked for: a paragraph.
const LONGEST_BLOCK: usize = 256;
/// How often a block must stand in a row.
const TIMES: usize = 4;
/// How many tokens that must be at least: a list of a few equal items is none.
const LEAST: usize = 128;

/// What is known of the repetitions at an answer's end.
#[derive(Debug, Clone, Default)]
pub(super) struct Repetition {
    /// For a block of each length, from 1: how many of the last tokens equal the one that stands so far
    /// before them.
    equal: Vec<usize>,
}

impl Repetition {
    /// Takes in the newest of an answer's tokens; returns whether the answer ends in a repetition: whether
    /// its last n tokens are one block of p tokens over and over, with p at most 256 and n at least 128 and
    /// at least 4 p.
    pub(super) fn goes_on(&mut self, tokens: &[u32]) -> bool {
        let Some((newest, before)) = tokens.split_last() else {
            return false;
        };
        if before.len() <= LONGEST_BLOCK {
            self.equal.resize(before.len().min(LONGEST_BLOCK), 0);
        }
        let blocks = self.equal.iter_mut().zip(before.iter().rev());
        let mut is_over = false;
        for (index, (equal, earlier)) in blocks.enumerate() {
            *equal = if newest == earlier { *equal + 1 } else { 0 };
            let block = index + 1;
            is_over |= *equal + block >= LEAST.max(TIMES * block);
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns after how many tokens an answer ends.
    fn end(tokens: &[u32]) -> Option<usize> {
        let mut repetition = Repetition::default();
        (1..=tokens.len()).find(|&count| repetition.goes_on(&tokens[..count]))
    }

    /// The definition, word for word.
    fn defined(tokens: &[u32]) -> Option<usize> {
        (1..=tokens.len()).find(|&count| {
            (1..=256).any(|block| {
                let length = 128.max(4 * block);
                let Some(start) = count.checked_sub(length) else {
                    return false;
                };
                (start + block..count).all(|place| tokens[place] == tokens[place - block])
            })
        })
    }

    /// Tokens that do not repeat: some, and then a block over and over.
    fn looped(lead: u32, block: u32) -> Vec<u32> {
        let lead = 1000..1000 + lead;
        lead.chain((0..block).cycle()).take(3000).collect()
    }

    #[test]
    fn an_answer_ends_after_the_fourth_block() {
        for (lead, block, wanted) in [
            (0, 1, Some(128)),
            (7, 1, Some(135)),
            (0, 32, Some(128)),
            (5, 33, Some(5 + 4 * 33)),
            (700, 256, Some(700 + 4 * 256)),
            (0, 257, None),
        ] {
            let tokens = looped(lead, block);
            assert_eq!(end(&tokens), wanted, "{lead} {block}");
            assert_eq!(defined(&tokens), wanted, "{lead} {block}");
        }
    }

    #[test]
    fn a_repetition_that_breaks_off_is_none() {
        let mut tokens = looped(0, 5);
        tokens.truncate(127);
        tokens.push(9);
        assert_eq!(end(&tokens), None);
        let counted: Vec<u32> = (0..2000).collect();
        assert_eq!(end(&counted), None);
        assert_eq!(end(&[]), None);
    }

    /// Answers of few words, from a linear congruential generator.
    #[test]
    fn the_definition_holds_for_any_tokens() {
        let mut random = 7_u64;
        for _ in 0..60 {
            let tokens: Vec<u32> = (0..400)
                .map(|_| {
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    u32::from(random >> 59 == 0)
                })
                .collect();
            assert_eq!(end(&tokens), defined(&tokens));
        }
    }
}
