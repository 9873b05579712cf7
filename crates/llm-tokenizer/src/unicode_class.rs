//! Unicode classes of characters, as the pre-tokenizers' patterns name them
//! (`\p{L}`, `\p{N}`, `\s`, …). How patterns use them is left to `split`.

use std::sync::LazyLock;

use regex_syntax::hir::{Class, HirKind};

use super::steps;

/// Class bits of one character.
pub(super) type Bits = u16;

/// `\p{L}`: letters.
pub(super) const LETTER: Bits = 1;
/// `\p{N}`: decimal digits, letter numbers and other numbers.
pub(super) const NUMBER: Bits = 1 << 1;
/// `\p{M}`: combining marks.
pub(super) const MARK: Bits = 1 << 2;
/// `\p{P}`: punctuation.
pub(super) const PUNCTUATION: Bits = 1 << 3;
/// `\s`: Unicode's `White_Space`.
pub(super) const SPACE: Bits = 1 << 4;
/// `\p{S}`: symbols.
pub(super) const SYMBOL: Bits = 1 << 5;
/// `[\p{Lu}\p{Lt}]`: letters in upper or title case.
pub(super) const UPPER: Bits = 1 << 6;
/// `\p{Ll}`: letters in lower case.
pub(super) const LOWER: Bits = 1 << 7;
/// `\d`: decimal digits.
pub(super) const DIGIT: Bits = 1 << 8;
/// `\p{Han}`: the script of Chinese, its numbers and marks included.
pub(super) const HAN: Bits = 1 << 9;
/// `\w`: what words consist of.
pub(super) const WORD: Bits = 1 << 10;
/// `[\p{Cc}\p{Cf}]`: control and format characters.
pub(super) const CONTROL: Bits = 1 << 11;
/// `\p{Mn}`: combining marks that take no room of their own.
pub(super) const NONSPACING: Bits = 1 << 12;

const PATTERNS: [(&str, Bits); 13] = [
    (r"\p{L}", LETTER),
    (r"\p{N}", NUMBER),
    (r"\p{M}", MARK),
    (r"\p{P}", PUNCTUATION),
    (r"\s", SPACE),
    (r"\p{S}", SYMBOL),
    (r"[\p{Lu}\p{Lt}]", UPPER),
    (r"\p{Ll}", LOWER),
    (r"\d", DIGIT),
    (r"\p{Han}", HAN),
    (r"\w", WORD),
    (r"[\p{Cc}\p{Cf}]", CONTROL),
    (r"\p{Mn}", NONSPACING),
];

/// The class bits of each code point. Two megabytes of address space, of which
/// the pages with classified characters are touched.
static CLASSES: LazyLock<Vec<Bits>> = LazyLock::new(|| {
    let mut classes = vec![0; char::MAX as usize + 1];
    for (pattern, bit) in PATTERNS {
        for (start, end) in ranges(pattern) {
            for entry in &mut classes[start as usize..=end as usize] {
                *entry |= bit;
            }
        }
    }
    classes
});

/// The same for ASCII, which most texts do not leave: the table of all
/// characters is only made for one that does.
const ASCII_CLASSES: [Bits; 128] = {
    let mut classes = [0; 128];
    let mut code = 0;
    while code < classes.len() {
        classes[code] = match code as u8 {
            b'A'..=b'Z' => LETTER | UPPER | WORD,
            b'a'..=b'z' => LETTER | LOWER | WORD,
            b'0'..=b'9' => NUMBER | DIGIT | WORD,
            b'$' | b'+' | b'<' | b'=' | b'>' | b'^' | b'`' | b'|' | b'~' => SYMBOL,
            b'_' => PUNCTUATION | WORD,
            b'!'..=b'~' => PUNCTUATION,
            b'\t'..=b'\r' => SPACE | CONTROL,
            b' ' => SPACE,
            _ => CONTROL,
        };
        code += 1;
    }
    classes
};

/// Returns the class bits of `character`, 0 for one that has none of them.
pub(super) fn class(character: char) -> Bits {
    steps::count(1);
    let ascii = ASCII_CLASSES.get(character as usize);
    ascii
        .copied()
        .unwrap_or_else(|| CLASSES[character as usize])
}

/// A class that one pattern spells out, character by character.
#[derive(Debug)]
pub(super) struct Set(Vec<(char, char)>);

impl Set {
    /// Reads a class such as `[a-zé]`, which is part of a published pattern.
    pub(super) fn new(pattern: &str) -> Self {
        Self(ranges(pattern))
    }

    /// Returns whether `character` is in the class.
    pub(super) fn contains(&self, character: char) -> bool {
        let after = self.0.partition_point(|&(_, end)| end < character);
        self.0
            .get(after)
            .is_some_and(|&(start, _)| start <= character)
    }
}

/// Returns the characters of a class, as ranges in ascending order.
fn ranges(pattern: &str) -> Vec<(char, char)> {
    let hir = regex_syntax::parse(pattern).expect("the patterns are constants that parse");
    let HirKind::Class(Class::Unicode(class)) = hir.kind() else {
        return Vec::new();
    };
    let ranges = class.ranges().iter();
    ranges.map(|range| (range.start(), range.end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_unicode() {
        for (character, expected) in [
            ('a', LETTER | LOWER | WORD),
            ('ß', LETTER | LOWER | WORD),
            ('ǅ', LETTER | UPPER | WORD),
            ('我', LETTER | HAN | WORD),
            ('ひ', LETTER | WORD),
            ('⺀', SYMBOL | HAN),
            ('〇', NUMBER | HAN | WORD),
            ('7', NUMBER | DIGIT | WORD),
            ('٣', NUMBER | DIGIT | WORD),
            ('Ⅷ', NUMBER | WORD),
            ('²', NUMBER),
            ('\u{301}', MARK | NONSPACING | WORD),
            ('\u{17b6}', MARK | WORD),
            ('!', PUNCTUATION),
            ('«', PUNCTUATION),
            ('$', SYMBOL),
            ('🦙', SYMBOL),
            ('\u{a0}', SPACE),
            ('\u{85}', SPACE | CONTROL),
            ('\n', SPACE | CONTROL),
            ('\u{200b}', CONTROL),
            ('\u{e000}', 0),
        ] {
            assert_eq!(class(character), expected, "{character:?}");
        }
    }

    #[test]
    fn ascii_is_classified_as_by_unicode() {
        assert_eq!(ASCII_CLASSES[..], CLASSES[..ASCII_CLASSES.len()]);
    }

    #[test]
    fn a_set_has_its_own_characters_and_no_others() {
        let set = Set::new("[a-cx一-龥ࠀ-一]");
        let all = "abcxࠀ中龥";
        assert!(all.chars().all(|character| set.contains(character)));
        assert!(
            "dwy\u{7ff}龦🦙 "
                .chars()
                .all(|character| !set.contains(character))
        );
    }
}
