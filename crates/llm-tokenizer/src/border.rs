//! Where a word of megabytes can be cut so that its parts have the same tokens as
//! the whole: between two bytes that stand side by side in no piece. Joining the
//! pairs of such a word as a whole takes forty times its memory.

use std::sync::OnceLock;

use super::steps;

/// Bytes of a word that is cut, and of its parts at least.
pub(super) const LONG: usize = 1 << 16;

/// Pairs of bytes that stand side by side in some piece, a bit each.
#[derive(Debug, Default)]
pub(super) struct Borders {
    pairs: OnceLock<Vec<u64>>,
}

impl Borders {
    /// Returns the length of a part at the start of `text` that no piece reaches
    /// across. `pieces` are all pieces there are, or all that is joined of two.
    pub(super) fn part<I: Iterator<Item = Vec<u8>>>(
        &self,
        text: &str,
        pieces: impl FnOnce() -> I,
    ) -> usize {
        let bytes = text.as_bytes();
        if bytes.len() <= LONG {
            return bytes.len();
        }
        let pairs = self.pairs.get_or_init(|| pairs(pieces()));
        let is_border = |at: &usize| {
            let bit = bit(bytes[at - 1], bytes[*at]);
            pairs[bit / 64] >> (bit % 64) & 1 == 0 && text.is_char_boundary(*at)
        };
        let cut = (LONG..bytes.len()).find(is_border).unwrap_or(bytes.len());
        steps::count(cut - LONG);
        cut
    }
}

fn bit(left: u8, right: u8) -> usize {
    usize::from(left) << 8 | usize::from(right)
}

fn pairs(pieces: impl Iterator<Item = Vec<u8>>) -> Vec<u64> {
    let mut pairs = vec![0; (1 << 16) / 64];
    for piece in pieces {
        for (left, right) in piece.iter().zip(piece.iter().skip(1)) {
            let bit = bit(*left, *right);
            pairs[bit / 64] |= 1 << (bit % 64);
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_word_is_cut_where_no_piece_has_both_bytes() {
        let borders = Borders::default();
        let part =
            |text: &str| borders.part(text, || ["ab", "ba", "xé"].into_iter().map(Vec::from));
        assert_eq!(part("a|b"), 3);
        let word = "ab".repeat(LONG);
        assert_eq!(part(&word), word.len());
        assert_eq!(part(&format!("{word}|{word}")), word.len());
        assert_eq!(part(&format!("{word}bb{word}")), word.len());
        // Not inside a character, whose second byte follows the first everywhere.
        assert_eq!(part(&format!("{word}a一")), word.len() + 1);
    }
}
