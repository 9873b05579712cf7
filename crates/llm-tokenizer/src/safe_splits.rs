//! Where a long text can be cut so that its parts have the same tokens as the
//! whole: before a space that no piece holds after another character.
//!
//! For vocabularies that know no words, only pieces with U+2581 for a space.

use std::ops::Range;
use std::sync::OnceLock;

use super::border::{Borders, LONG};
use super::steps;
use super::vocabulary::SPACE_MARK;

/// The characters after which a text must not be cut.
#[derive(Debug, Default)]
pub(super) struct SafeSplits {
    joined: OnceLock<Vec<char>>,
    borders: Borders,
}

/// A text of at most so many bytes is taken as a whole: to find out where a
/// longer one can be cut takes a look at all pieces.
const SHORT_TEXT: usize = 4096;

/// Bytes of a text, about, that are written with marks at a time.
const PART: usize = 1 << 16;

impl SafeSplits {
    /// Returns the length of a part at the start of `text`, which has plain
    /// spaces yet, that no piece reaches across; a longer text has several.
    pub(super) fn part<'p, I: Iterator<Item = &'p [u8]>>(
        &self,
        text: &str,
        pieces: impl FnOnce() -> I,
    ) -> usize {
        if text.len() <= PART {
            return text.len();
        }
        let joined = self.joined.get_or_init(|| joined_to_space(pieces()));
        let from = text.ceil_char_boundary(PART);
        let mut spaces = text[from..].match_indices(' ');
        let cut = spaces.find_map(|(at, _)| {
            let before = text[..from + at].chars().next_back()?;
            let is_safe = before != ' ' && joined.binary_search(&before).is_err();
            is_safe.then_some(from + at)
        });
        cut.unwrap_or(text.len())
    }

    /// Returns the length of a stretch at the start of `text`, a part of a
    /// text of `whole` bytes, that no piece reaches across: spaces and the
    /// word after them, as a rule. `pieces` are all pieces there are.
    pub(super) fn unit<'p, I: Iterator<Item = &'p [u8]>>(
        &self,
        text: &str,
        whole: usize,
        pieces: impl Fn() -> I,
    ) -> usize {
        if whole <= SHORT_TEXT {
            return text.len();
        }
        let joined = self.joined.get_or_init(|| joined_to_space(pieces()));
        let seam = |range: Range<usize>| {
            let mut spaces = text[range.clone()].match_indices(SPACE_MARK);
            spaces.find_map(|(at, _)| {
                let at = range.start + at;
                let before = text[..at].chars().next_back()?;
                joined.binary_search(&before).is_err().then_some(at)
            })
        };
        // Only where the word is long is it looked for another end, so that none
        // is gone through for each of its parts, or for each word before it.
        let near = text.floor_char_boundary(LONG);
        let cut = seam(0..near).unwrap_or_else(|| {
            let pieces = || pieces().map(without_space);
            let border = self.borders.part(text, pieces);
            seam(near..border).unwrap_or(border)
        });
        steps::count(1 + cut);
        cut
    }
}

/// Returns a pair of pieces as what is joined of the two.
pub(super) fn without_space(pair: &[u8]) -> Vec<u8> {
    pair.iter().copied().filter(|&byte| byte != b' ').collect()
}

/// Returns the characters that stand before a space inside some piece (or some
/// pair of pieces with a plain space between them), sorted.
fn joined_to_space<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> Vec<char> {
    // Runs of spaces stay whole.
    let mut joined: Vec<char> = SPACE_MARK.chars().collect();
    for piece in pieces {
        let Ok(text) = str::from_utf8(piece) else {
            continue; // no text can contain it
        };
        let inside = text.trim_start_matches(SPACE_MARK);
        for (at, _) in inside.match_indices(SPACE_MARK) {
            // A plain space stands between the two parts of a merge.
            joined.extend(inside[..at].chars().rfind(|&before| before != ' '));
        }
    }
    joined.sort_unstable();
    joined.dedup();
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_before_a_space_that_no_piece_joins() {
        let safe_splits = SafeSplits::default();
        let unit = |text: &str, whole| {
            let pieces = ["▁a", "b ▁c", "▁▁d▁", "▁ ▁"];
            safe_splits.unit(text, whole, || pieces.into_iter().map(str::as_bytes))
        };
        assert_eq!(unit("a▁b", 10), "a▁b".len());
        assert_eq!(unit("a▁b", 10_000), "a".len());
        assert_eq!(unit("▁▁ab▁c▁d", 10_000), "▁▁ab▁c".len());
        assert_eq!(unit("d▁d", 10_000), "d▁d".len());
    }
}
