//! The texts: a megabyte each, the same in every run.

use std::fmt;

/// A kind of text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Text {
    /// Words of a real vocabulary, the more common ones more often.
    Prose,
    /// Words of random letters.
    Rare,
    /// One letter.
    Letter,
    /// Spaces.
    Spaces,
    /// Digits.
    Digits,
    /// Pictures.
    Emoji,
    /// Chinese without any punctuation.
    Han,
    /// Random bytes, what is no UTF-8 replaced.
    Bytes,
    /// Markup that is not quite a token.
    Markup,
}

impl Text {
    /// Texts in which much hangs together.
    pub(crate) const HARD: [Self; 7] = [
        Self::Letter,
        Self::Spaces,
        Self::Digits,
        Self::Emoji,
        Self::Han,
        Self::Bytes,
        Self::Markup,
    ];

    /// Makes the text.
    pub(crate) fn megabyte(self) -> String {
        let mut random = Random(1);
        match self {
            Self::Prose => prose(&mut random),
            Self::Rare => fill(|text| {
                let length = 2 + random.below(9);
                text.extend((0..length).map(|_| random.letter()));
                text.push(' ');
            }),
            Self::Letter => fill(|text| text.push('a')),
            Self::Spaces => fill(|text| text.push(' ')),
            Self::Digits => fill(|text| text.push(random.of('0', 10))),
            Self::Emoji => fill(|text| text.push(random.of('\u{1f600}', 64))),
            Self::Han => fill(|text| text.push(random.of('\u{4e00}', 4000))),
            Self::Bytes => {
                let bytes: Vec<u8> = (0..SIZE).map(|_| random.below(256) as u8).collect();
                String::from_utf8_lossy(&bytes).into_owned()
            }
            Self::Markup => fill(|text| text.push_str("<|im_<unused<0x0<")),
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

const SIZE: usize = 1 << 20;

fn fill(mut add: impl FnMut(&mut String)) -> String {
    let mut text = String::with_capacity(SIZE + 64);
    while text.len() < SIZE {
        add(&mut text);
    }
    text
}

/// Words of GPT-2's vocabulary, which stand in the order in which they were
/// found, so about as common as they are in English, with some punctuation.
fn prose(random: &mut Random) -> String {
    let gguf = super::open("gpt-2");
    let tokens = gguf
        .metadata()
        .strings("tokenizer.ggml.tokens")
        .ok()
        .flatten();
    let tokens = tokens.expect("a vocabulary has tokens");
    let words: Vec<_> = (0..tokens.len())
        .filter_map(|id| tokens.text(id)?.strip_prefix('Ġ').map(str::to_owned))
        .filter(|word| word.chars().all(char::is_alphabetic))
        .collect();
    let ends = [" ", " ", " ", " ", " ", " ", " ", ", ", ". ", ".\n\n"];
    fill(|text| {
        // Zipf's law: rank r comes with a probability of about 1/r.
        let power = random.below(1 << 20) as f64 / f64::from(1 << 20);
        let rank = (words.len() as f64).powf(power) as usize - 1;
        text.push_str(words.get(rank).map_or("the", String::as_str));
        text.push_str(ends[random.below(ends.len())]);
    })
}

/// A stream of numbers (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ bits >> 31) % count as u64) as usize
    }

    /// Returns one of the `count` characters from `first` on.
    fn of(&mut self, first: char, count: usize) -> char {
        let code = first as u32 + self.below(count) as u32;
        char::from_u32(code).unwrap_or(first)
    }

    fn letter(&mut self) -> char {
        self.of('a', 26)
    }
}
