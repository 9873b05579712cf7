//! Inputs that are near to given ones: a handful of the changes that fuzzers
//! make, from a fixed stream of random numbers.

use std::ops::Range;

/// Texts that many formats give a meaning, or that many readers trip over.
const TEXTS: [&[u8]; 28] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b",",
    b":",
    b"\n",
    b"\r\n",
    b"\0",
    b"null",
    b"true",
    b"-1",
    b"0",
    b"1e999",
    b"-0.0",
    b"NaN",
    b"18446744073709551616",
    b"9223372036854775807",
    b"4294967296",
    b"\\u0000",
    b"\\ud800",
    b"\xef\xbb\xbf",
    b"\xff",
    b"{{",
    b"{%",
    b"%}",
    "\u{2581}é\u{1F999}".as_bytes(),
];

/// Numbers at the edges of their types.
const NUMBERS: [u64; 12] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 40,
    i64::MAX as u64,
    u64::MAX,
];

/// The longest input that is made.
const LONGEST: usize = 64 << 10;

/// An endless stream of inputs.
pub(crate) struct Mutator<'s> {
    seeds: &'s [Vec<u8>],
    state: u64,
}

impl<'s> Mutator<'s> {
    /// Starts the stream over these inputs, one at least.
    pub(crate) fn new(seeds: &'s [Vec<u8>]) -> Self {
        Self { seeds, state: 0 }
    }

    /// Returns the next input.
    pub(crate) fn input(&mut self) -> Vec<u8> {
        let mut bytes = self.seed().clone();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes);
            bytes.truncate(LONGEST);
        }
        bytes
    }

    fn seed(&mut self) -> &'s Vec<u8> {
        let index = self.below(self.seeds.len());
        &self.seeds[index]
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len() + 1);
        let range = self.range(bytes.len());
        match self.below(9) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << self.below(8);
                }
            }
            1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = self.random() as u8;
                }
            }
            2 => drop(bytes.drain(range)),
            3 => bytes.truncate(at),
            4 => {
                let number = NUMBERS[self.below(NUMBERS.len())].to_le_bytes();
                let width = 1 << self.below(4);
                for (byte, new) in bytes.iter_mut().skip(at).zip(&number[..width]) {
                    *byte = *new;
                }
            }
            5 => {
                let text = TEXTS[self.below(TEXTS.len())];
                // Once as a rule, and at times so often that it nests deep.
                let times = [1, 1, 1, 2, 3000][self.below(5)];
                insert(bytes, at, &text.repeat(times));
            }
            6 => {
                let text = TEXTS[self.below(TEXTS.len())].to_vec();
                bytes.splice(range, text);
            }
            7 => {
                let copy = bytes[range].to_vec();
                insert(bytes, at, &copy);
            }
            _ => {
                let seed = self.seed();
                let part = self.range(seed.len());
                insert(bytes, at, &seed[part]);
            }
        }
    }

    /// Returns a range of `length` bytes, short ones more often than long ones.
    fn range(&mut self, length: usize) -> Range<usize> {
        let start = self.below(length + 1);
        let most = (length - start).min(1 << self.below(13));
        start..start + self.below(most + 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.random() % bound.max(1) as u64) as usize
    }

    /// `SplitMix64` (Steele, Lea and Flood, 2014).
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    bytes.splice(at..at, new.iter().copied());
}
