//! The IQ2 and IQ3 formats: a block points to the magnitudes of eight or four
//! weights at once, by a number in a grid; the signs stand apart.

use super::{bytes_at, grids, half_at};
use crate::block::Format;
use crate::quantized::Quantized;

/// A format with blocks of 256 weights whose magnitudes are points of a grid.
pub(crate) trait Points {
    const FORMAT: Format;
    /// Weights that share a scale.
    const GROUP: usize;
    /// What the grid's points are made of, the largest last.
    const MAGNITUDES: &'static [u8];
    /// Writes the scales of a block.
    fn scales(block: &[u8], out: &mut [f32]);
    /// Returns the 32 weights `part` of a block, a byte each; the first of eight
    /// is the lowest byte of a word.
    fn part(block: &[u8], part: usize) -> [u64; 4];
}

/// Signed, since the magnitudes are odd or wide apart: moved up, they would take
/// a bit more and shorten the chains.
impl<P: Points> Quantized for P {
    const FORMAT: Format = P::FORMAT;
    const GROUP: usize = P::GROUP;
    const ZERO_POINT: i32 = 0;
    const SIGNED: bool = true;
    const CHAIN: usize = chain(P::MAGNITUDES, P::GROUP);
    #[inline(always)]
    fn decode(block: &[u8], quants: &mut [u8], scales: &mut [f32], _offsets: &mut [f32]) {
        P::scales(block, scales);
        for (part, quants) in quants.chunks_exact_mut(32).enumerate() {
            let words = P::part(block, part);
            for (quants, word) in quants.chunks_exact_mut(8).zip(words) {
                quants.copy_from_slice(&word.to_le_bytes());
            }
        }
    }
}

/// Returns how many products of pairs, with activations in -127..=127, fit a
/// 16-bit sum: at most those of a group, and a power of two, so that a group is
/// whole chains.
const fn chain(magnitudes: &[u8], group: usize) -> usize {
    let largest = magnitudes[magnitudes.len() - 1] as usize;
    let pair = 2 * largest * 127;
    let fits = 1 << (i16::MAX as usize / pair).ilog2();
    let steps = group / 4;
    if fits < steps { fits } else { steps }
}

/// Eight sign bits by the lower seven: their number is even.
static EVEN: [u8; 128] = even();

const fn even() -> [u8; 128] {
    let mut out = [0; 128];
    let mut bits = 0_u8;
    while bits < 128 {
        out[bits as usize] = bits | ((bits.count_ones() & 1) as u8) << 7;
        bits += 1;
    }
    out
}

/// Takes the magnitudes whose bit is set negative.
#[inline(always)]
fn signed(magnitudes: u64, bits: u8) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // Bit `j` alone in byte `j`, then as 1; no sum leaves its byte.
    let alone = (u64::from(bits) * ONES) & 0x8040_2010_0804_0201;
    let set = (alone + 0x7f * ONES) >> 7 & ONES;
    // Minus one and turned over; no magnitude is 0.
    (magnitudes - set) ^ (set * 0xff)
}

#[inline(always)]
fn word_at(block: &[u8], offset: usize) -> u32 {
    let bytes = &block[offset..offset + 4];
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// Returns the signs of the eight weights number `eight` of the four that share a word, seven bits
/// each; its high four are the scale's.
#[inline(always)]
fn signs(word: u32, eight: usize) -> u8 {
    EVEN[(word >> (7 * eight) & 127) as usize]
}

/// Returns nibble `index` of bytes.
#[inline(always)]
fn nibble(bytes: &[u8], index: usize) -> u8 {
    bytes[index / 2] >> (4 * (index % 2)) & 15
}

pub(crate) struct Iq2Xxs;
impl Points for Iq2Xxs {
    const FORMAT: Format = Format::Iq2Xxs;
    const GROUP: usize = 32;
    const MAGNITUDES: &'static [u8] = &grids::IQ2_MAGNITUDES;
    #[inline(always)]
    fn scales(block: &[u8], out: &mut [f32]) {
        let scale = half_at(block, Self::LAYOUT.scale);
        for (part, out) in out.iter_mut().enumerate() {
            let steps = word_at(block, Self::LAYOUT.quants + 8 * part + 4) >> 28;
            *out = scale * (0.5 + steps as f32) * 0.25;
        }
    }
    #[inline(always)]
    fn part(block: &[u8], part: usize) -> [u64; 4] {
        let word = word_at(block, Self::LAYOUT.quants + 8 * part + 4);
        [0, 1, 2, 3].map(|eight: usize| {
            let number = block[Self::LAYOUT.quants + 8 * part + eight];
            signed(grids::IQ2_XXS[usize::from(number)], signs(word, eight))
        })
    }
}

pub(crate) struct Iq2Xs;
impl Points for Iq2Xs {
    const FORMAT: Format = Format::Iq2Xs;
    const GROUP: usize = 16;
    const MAGNITUDES: &'static [u8] = &grids::IQ2_MAGNITUDES;
    #[inline(always)]
    fn scales(block: &[u8], out: &mut [f32]) {
        let scale = half_at(block, Self::LAYOUT.scale);
        for (group, out) in out.iter_mut().enumerate() {
            *out = scale
                * (0.5 + f32::from(nibble(bytes_at(block, Self::LAYOUT.scales, 8), group)))
                * 0.25;
        }
    }
    #[inline(always)]
    fn part(block: &[u8], part: usize) -> [u64; 4] {
        [0, 1, 2, 3].map(|eight: usize| {
            let offset = Self::LAYOUT.quants + 8 * part + 2 * eight;
            let both = usize::from(u16::from_le_bytes([block[offset], block[offset + 1]]));
            signed(grids::IQ2_XS[both & 511], EVEN[both >> 9])
        })
    }
}

pub(crate) struct Iq2S;
impl Points for Iq2S {
    const FORMAT: Format = Format::Iq2S;
    const GROUP: usize = 16;
    const MAGNITUDES: &'static [u8] = &grids::IQ2_MAGNITUDES;
    #[inline(always)]
    fn scales(block: &[u8], out: &mut [f32]) {
        let scale = half_at(block, Self::LAYOUT.scale);
        for (group, out) in out.iter_mut().enumerate() {
            *out = scale
                * (0.5 + f32::from(nibble(bytes_at(block, Self::LAYOUT.scales, 8), group)))
                * 0.25;
        }
    }
    #[inline(always)]
    fn part(block: &[u8], part: usize) -> [u64; 4] {
        let high = usize::from(block[Self::LAYOUT.high + part]);
        [0, 1, 2, 3].map(|eight: usize| {
            let low = usize::from(block[Self::LAYOUT.quants + 4 * part + eight]);
            let number = low | (high >> (2 * eight) & 3) << 8;
            signed(
                grids::IQ2_S[number],
                block[Self::LAYOUT.signs + 4 * part + eight],
            )
        })
    }
}

pub(crate) struct Iq3Xxs;
impl Points for Iq3Xxs {
    const FORMAT: Format = Format::Iq3Xxs;
    const GROUP: usize = 32;
    const MAGNITUDES: &'static [u8] = &grids::IQ3_XXS_MAGNITUDES;
    #[inline(always)]
    fn scales(block: &[u8], out: &mut [f32]) {
        let scale = half_at(block, Self::LAYOUT.scale);
        for (part, out) in out.iter_mut().enumerate() {
            let steps = word_at(block, Self::LAYOUT.signs + 4 * part) >> 28;
            *out = scale * (0.5 + steps as f32) * 0.5;
        }
    }
    #[inline(always)]
    fn part(block: &[u8], part: usize) -> [u64; 4] {
        let word = word_at(block, Self::LAYOUT.signs + 4 * part);
        let four = |index: usize| {
            u64::from(grids::IQ3_XXS[usize::from(block[Self::LAYOUT.quants + 8 * part + index])])
        };
        [0, 1, 2, 3].map(|eight: usize| {
            let magnitudes = four(2 * eight) | four(2 * eight + 1) << 32;
            signed(magnitudes, signs(word, eight))
        })
    }
}

pub(crate) struct Iq3S;
impl Points for Iq3S {
    const FORMAT: Format = Format::Iq3S;
    const GROUP: usize = 32;
    const MAGNITUDES: &'static [u8] = &grids::IQ3_S_MAGNITUDES;
    #[inline(always)]
    fn scales(block: &[u8], out: &mut [f32]) {
        let scale = half_at(block, Self::LAYOUT.scale);
        for (part, out) in out.iter_mut().enumerate() {
            *out = scale * f32::from(1 + 2 * nibble(bytes_at(block, Self::LAYOUT.scales, 4), part));
        }
    }
    #[inline(always)]
    fn part(block: &[u8], part: usize) -> [u64; 4] {
        let high = usize::from(block[Self::LAYOUT.high + part]);
        let four = |index: usize| {
            let low = usize::from(block[Self::LAYOUT.quants + 8 * part + index]);
            u64::from(grids::IQ3_S[low | (high >> index & 1) << 8])
        };
        [0, 1, 2, 3].map(|eight: usize| {
            let magnitudes = four(2 * eight) | four(2 * eight + 1) << 32;
            signed(magnitudes, block[Self::LAYOUT.signs + 4 * part + eight])
        })
    }
}
