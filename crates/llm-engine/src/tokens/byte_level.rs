//! The byte alphabet of GPT-2: how byte-level BPE vocabularies write arbitrary
//! bytes as printable characters (a space is `Ġ`, a newline `Ċ`).
//!
//! Source: `bytes_to_unicode` of <https://github.com/openai/gpt-2>. Printable
//! Latin-1 bytes stand for themselves; the other 68 bytes follow, in order,
//! from U+0100 on.

/// The first character that stands for a byte that is not printable.
const FIRST_STAND_IN: u32 = 0x100;

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

/// Returns the byte that `character` writes, if it writes one.
fn byte_of(character: char) -> Option<u8> {
    let code = u32::from(character);
    match u8::try_from(code) {
        Ok(byte) => is_printable(byte).then_some(byte),
        Err(_) => STOOD_IN.get((code - FIRST_STAND_IN) as usize).copied(),
    }
}

/// Appends the bytes that `text` writes and returns whether all of it is in
/// the alphabet. A character outside (added tokens and the odd stray token of
/// real vocabularies have some) stands for its own UTF-8.
pub(super) fn decode(text: &str, bytes: &mut Vec<u8>) -> bool {
    let mut is_written_in_it = true;
    for character in text.chars() {
        match byte_of(character) {
            Some(byte) => bytes.push(byte),
            None => {
                is_written_in_it = false;
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
    is_written_in_it
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_exactly_one_character() {
        let mut bytes: Vec<u8> = (0..0x200)
            .filter_map(char::from_u32)
            .filter_map(byte_of)
            .collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
    }

    #[test]
    fn known_characters() {
        let mut bytes = Vec::new();
        assert!(decode("ĠHiĊĉłŃ", &mut bytes));
        assert_eq!(bytes, b" Hi\n\t\xa0\xad");
        bytes.clear();
        assert!(!decode("a b", &mut bytes));
        assert_eq!(bytes, b"a b");
    }
}
