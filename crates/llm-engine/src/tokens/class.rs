//! Unicode classes of characters, as the pre-tokenizers' patterns name them
//! (`\p{L}`, `\p{N}`, `\s`, …). How patterns use them is left to `split`.

use std::sync::LazyLock;

use regex_syntax::hir::{Class, HirKind};

/// `\p{L}`: letters.
pub(super) const LETTER: u8 = 1;
/// `\p{N}`: decimal digits, letter numbers and other numbers.
pub(super) const NUMBER: u8 = 1 << 1;
/// `\p{M}`: combining marks.
pub(super) const MARK: u8 = 1 << 2;
/// `\p{P}`: punctuation.
pub(super) const PUNCTUATION: u8 = 1 << 3;
/// `\s`: Unicode's `White_Space`.
pub(super) const SPACE: u8 = 1 << 4;

/// One byte of class bits for each code point. A megabyte of address space,
/// of which the pages with classified characters are touched (some 300 KiB).
static CLASSES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut classes = vec![0_u8; char::MAX as usize + 1];
    for (pattern, bit) in [
        (r"\p{L}", LETTER),
        (r"\p{N}", NUMBER),
        (r"\p{M}", MARK),
        (r"\p{P}", PUNCTUATION),
        (r"\s", SPACE),
    ] {
        let hir = regex_syntax::parse(pattern).expect("the five patterns are valid");
        if let HirKind::Class(Class::Unicode(class)) = hir.kind() {
            for range in class.ranges() {
                for entry in &mut classes[range.start() as usize..=range.end() as usize] {
                    *entry |= bit;
                }
            }
        }
    }
    classes
});

/// The same for ASCII, which most texts do not leave: the table of all
/// characters is only made for one that does.
const ASCII_CLASSES: [u8; 128] = {
    let mut classes = [0; 128];
    let mut code = 0;
    while code < classes.len() {
        classes[code] = match code as u8 {
            b'A'..=b'Z' | b'a'..=b'z' => LETTER,
            b'0'..=b'9' => NUMBER,
            b'$' | b'+' | b'<' | b'=' | b'>' | b'^' | b'`' | b'|' | b'~' => 0, // symbols
            b'!'..=b'~' => PUNCTUATION,
            b'\t'..=b'\r' | b' ' => SPACE,
            _ => 0,
        };
        code += 1;
    }
    classes
};

/// Returns the class bits of `character`, 0 for one that has none of them.
pub(super) fn class(character: char) -> u8 {
    let ascii = ASCII_CLASSES.get(character as usize);
    ascii
        .copied()
        .unwrap_or_else(|| CLASSES[character as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_unicode() {
        for (character, expected) in [
            ('a', LETTER),
            ('ß', LETTER),
            ('我', LETTER),
            ('7', NUMBER),
            ('Ⅷ', NUMBER),
            ('²', NUMBER),
            ('\u{301}', MARK),
            ('\u{17b6}', MARK),
            ('!', PUNCTUATION),
            ('«', PUNCTUATION),
            ('$', 0),
            ('🦙', 0),
            ('\u{a0}', SPACE),
            ('\u{85}', SPACE),
            ('\n', SPACE),
            ('\u{200b}', 0),
        ] {
            assert_eq!(class(character), expected, "{character:?}");
        }
    }

    #[test]
    fn ascii_is_classified_as_by_unicode() {
        assert_eq!(ASCII_CLASSES[..], CLASSES[..ASCII_CLASSES.len()]);
    }
}
