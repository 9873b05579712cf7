//! The byte alphabet of GPT-2: how byte-level BPE vocabularies write arbitrary
//! bytes as printable characters (a space is `Ġ`, a newline `Ċ`).
//!
//! Source: `bytes_to_unicode` of <https://github.com/openai/gpt-2>. Printable
//! Latin-1 bytes stand for themselves; the other 68 bytes follow, in order,
//! from U+0100 on. So each byte has a character of one or two bytes of UTF-8.

/// The first character that stands for a byte that is not printable.
const FIRST_STAND_IN: u16 = 0x100;

/// Returns whether `byte` stands for itself.
const fn is_printable(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff)
}

/// The bytes that have a stand-in, in the order of their stand-ins.
const STOOD_IN: [u8; 68] = {
    let mut bytes = [0; 68];
    let (mut byte, mut count) = (0_u8, 0);
    while count < bytes.len() {
        if !is_printable(byte) {
            bytes[count] = byte;
            count += 1;
        }
        byte = byte.wrapping_add(1);
    }
    bytes
};

/// The character of each byte, as its code point.
const CHARACTERS: [u16; 256] = {
    let mut characters = [0; 256];
    let (mut byte, mut stand_ins) = (0, 0);
    while byte < characters.len() {
        if is_printable(byte as u8) {
            characters[byte] = byte as u16;
        } else {
            characters[byte] = FIRST_STAND_IN + stand_ins;
            stand_ins += 1;
        }
        byte += 1;
    }
    characters
};

/// Appends the character that stands for `byte` and returns its length in
/// bytes.
pub(super) fn spell(byte: u8, text: &mut Vec<u8>) -> usize {
    let code = CHARACTERS[usize::from(byte)];
    if code < 0x80 {
        text.push(code as u8);
        return 1;
    }
    text.extend([0xc0 | (code >> 6) as u8, 0x80 | (code & 0x3f) as u8]);
    2
}

/// Returns the byte that the character `code` stands for, if it is in the
/// alphabet.
fn byte_of(code: u16) -> Option<u8> {
    match u8::try_from(code) {
        Ok(byte) => is_printable(byte).then_some(byte),
        Err(_) => STOOD_IN.get(usize::from(code - FIRST_STAND_IN)).copied(),
    }
}

/// Appends the bytes that `text` writes. A character outside the alphabet
/// (added tokens and the odd stray token of real vocabularies have some) stands
/// for its own UTF-8.
pub(super) fn decode(text: &[u8], bytes: &mut Vec<u8>) {
    let mut rest = text;
    while let Some((&first, later)) = rest.split_first() {
        // The alphabet's characters of two bytes begin with C2 to C5.
        if let (0xc2..=0xc5, [second @ 0x80..=0xbf, after @ ..]) = (first, later)
            && let Some(byte) = byte_of(u16::from(first & 0x1f) << 6 | u16::from(second & 0x3f))
        {
            bytes.push(byte);
            rest = after;
        } else {
            bytes.push(first);
            rest = later;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_character_of_its_own() {
        let mut texts = std::collections::HashSet::new();
        for byte in 0..=255 {
            let (mut text, mut bytes) = (Vec::new(), Vec::new());
            let length = spell(byte, &mut text);
            let character = str::from_utf8(&text).unwrap().chars().next().unwrap();
            assert_eq!((text.len(), character.len_utf8()), (length, length));
            assert!(!character.is_control() && !character.is_whitespace());
            decode(&text, &mut bytes);
            assert_eq!(bytes, [byte]);
            assert!(texts.insert(text));
        }
    }

    #[test]
    fn known_characters() {
        let mut bytes = Vec::new();
        decode("ĠHiĊĉłŃ".as_bytes(), &mut bytes);
        assert_eq!(bytes, b" Hi\n\t\xa0\xad");
        bytes.clear();
        decode("a b我ŤÀ".as_bytes(), &mut bytes);
        assert_eq!(bytes, [b"a b", "我Ť".as_bytes(), b"\xc0"].concat());
    }
}
