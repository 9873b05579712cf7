//! What the bits of a quantized block mean.
//!
//! Every format reduces to one picture: a weight of scale group `g` is
//! `scale[g] * (quant - ZERO) + offset[g]` with an unsigned `quant`, or a signed one
//! where its range takes all of 8 bits or lies around a zero that it leaves out.
//! Layouts follow ggml's `dequantize_row_*` (`ggml-quants.c`).

mod grids;
mod iq;

use crate::block::{Format, Layout, NONE};
use crate::simd::ops::widen;
#[cfg(target_arch = "aarch64")]
pub(crate) use iq::Points;
pub(crate) use iq::{Iq2S, Iq2Xs, Iq2Xxs, Iq3S, Iq3Xxs};

/// A block format whose weights are small integers with scales.
pub(crate) trait Quantized {
    const FORMAT: Format;
    /// The format's row of the table.
    const LAYOUT: Layout = Self::FORMAT.layout();
    /// Weights that share a scale.
    const GROUP: usize;
    /// Subtracted from each quant.
    const ZERO: i32;
    /// Whether the quants are `i8` and not `u8`.
    const SIGNED: bool;
    /// How many products of pairs fit a 16-bit sum: `2 * quant_max * 127` each,
    /// with activations in -127..=127.
    const CHAIN: usize;
    /// Whether the groups have an offset.
    const OFFSET: bool = Self::LAYOUT.minimum != NONE;
    /// What the nibbles stand for, where they are not the quants themselves.
    const TABLE: Option<&'static [u8; 16]> = None;
    /// Splits one block into quants (in the order of the row), scales and, if
    /// `OFFSET`, offsets (one a group each).
    fn unpack(block: &[u8], quants: &mut [u8], scales: &mut [f32], offsets: &mut [f32]);
}

/// Widens the half that stands `at` bytes into the block.
#[inline(always)]
pub(crate) fn half_at(block: &[u8], at: usize) -> f32 {
    widen(u16::from_le_bytes([block[at], block[at + 1]]))
}

/// Returns the `count` bytes from `at` on.
#[inline(always)]
fn bytes_at(block: &[u8], at: usize, count: usize) -> &[u8] {
    &block[at..at + count]
}

#[inline(always)]
fn nibbles(packed: &[u8], quants: &mut [u8]) {
    let (low, high) = quants.split_at_mut(packed.len());
    for ((&byte, low), high) in packed.iter().zip(low).zip(high) {
        *low = byte & 15;
        *high = byte >> 4;
    }
}

/// Adds the fifth bits of a 32-weight block, bit `j` for weight `j`.
#[inline(always)]
fn fifth_bits(packed: &[u8], quants: &mut [u8]) {
    for (&byte, eight) in packed.iter().zip(quants.chunks_exact_mut(8)) {
        for (bit, quant) in eight.iter_mut().enumerate() {
            *quant |= (byte >> bit & 1) << 4;
        }
    }
}

pub(crate) struct Q4_0;
impl Quantized for Q4_0 {
    const FORMAT: Format = Format::Q4_0;
    const GROUP: usize = 32;
    const ZERO: i32 = 8;
    const SIGNED: bool = false;
    const CHAIN: usize = 8;
    #[inline(always)]
    fn unpack(block: &[u8], quants: &mut [u8], scales: &mut [f32], _offsets: &mut [f32]) {
        scales[0] = half_at(block, Self::LAYOUT.scale);
        nibbles(bytes_at(block, Self::LAYOUT.quants, 16), quants);
    }
}

pub(crate) struct Q4_1;
impl Quantized for Q4_1 {
    const FORMAT: Format = Format::Q4_1;
    const GROUP: usize = 32;
    const ZERO: i32 = 0;
    const SIGNED: bool = false;
    const CHAIN: usize = 8;
    #[inline(always)]
    fn unpack(block: &[u8], quants: &mut [u8], scales: &mut [f32], offsets: &mut [f32]) {
        scales[0] = half_at(block, Self::LAYOUT.scale);
        offsets[0] = half_at(block, Self::LAYOUT.minimum);
        nibbles(bytes_at(block, Self::LAYOUT.quants, 16), quants);
    }
}

pub(crate) struct Q5_0;
impl Quantized for Q5_0 {
    const FORMAT: Format = Format::Q5_0;
    const GROUP: usize = 32;
    const ZERO: i32 = 16;
    const SIGNED: bool = false;
    const CHAIN: usize = 4;
    #[inline(always)]
    fn unpack(block: &[u8], quants: &mut [u8], scales: &mut [f32], _offsets: &mut [f32]) {
        scales[0] = half_at(block, Self::LAYOUT.scale);
        nibbles(bytes_at(block, Self::LAYOUT.quants, 16), quants);
        fifth_bits(bytes_at(block, Self::LAYOUT.high, 4), quants);
    }
}

pub(crate) struct Q5_1;
impl Quantized for Q5_1 {
    const FORMAT: Format = Format::Q5_1;
    const GROUP: usize = 32;
    const ZERO: i32 = 0;
    const SIGNED: bool = false;
    const CHAIN: usize = 4;
    #[inline(always)]
    fn unpack(block: &[u8], quants: &mut [u8], scales: &mut [f32], offsets: &mut [f32]) {
        scales[0] = half_at(block, Self::LAYOUT.scale);
        offsets[0] = half_at(block, Self::LAYOUT.minimum);
        nibbles(bytes_at(block, Self::LAYOUT.quants, 16), quants);
        fifth_bits(bytes_at(block, Self::LAYOUT.high, 4), quants);
    }
}

pub(crate) struct Q8_0;
impl Quantized for Q8_0 {
    const FORMAT: Format = Format::Q8_0;
    const GROUP: usize = 32;
    const ZERO: i32 = 0;
    const SIGNED: bool = true;
    const CHAIN: usize = 1;
    #[inline(always)]
    fn unpack(block: &[u8], quants: &mut [u8], scales: &mut [f32], _offsets: &mut [f32]) {
        scales[0] = half_at(block, Self::LAYOUT.scale);
        quants.copy_from_slice(bytes_at(block, Self::LAYOUT.quants, 32));
    }
}

pub(crate) struct Q2K;
impl Quantized for Q2K {
    const FORMAT: Format = Format::Q2K;
    const GROUP: usize = 16;
    const ZERO: i32 = 0;
    const SIGNED: bool = false;
    const CHAIN: usize = 4;
    #[inline(always)]
    fn unpack(block: &[u8], quants: &mut [u8], scales: &mut [f32], offsets: &mut [f32]) {
        let layout = Self::LAYOUT;
        let (scale, minimum) = (half_at(block, layout.scale), half_at(block, layout.minimum));
        let steps = bytes_at(block, layout.scales, 16);
        for group in 0..16 {
            scales[group] = scale * f32::from(steps[group] & 15);
            offsets[group] = -(minimum * f32::from(steps[group] >> 4));
        }
        two_bits(bytes_at(block, layout.quants, 64), quants);
    }
}

/// Splits 64 bytes of 2-bit quants: each half of 128 takes 32 bytes, four
/// runs of 32 from the lowest bits up.
#[inline(always)]
fn two_bits(packed: &[u8], quants: &mut [u8]) {
    for (packed, quants) in packed.chunks_exact(32).zip(quants.chunks_exact_mut(128)) {
        for (run, quants) in quants.chunks_exact_mut(32).enumerate() {
            for (quant, &byte) in quants.iter_mut().zip(packed) {
                *quant = byte >> (2 * run) & 3;
            }
        }
    }
}

pub(crate) struct Q3K;
impl Quantized for Q3K {
    const FORMAT: Format = Format::Q3K;
    const GROUP: usize = 16;
    const ZERO: i32 = 4;
    const SIGNED: bool = false;
    const CHAIN: usize = 4;
    #[inline(always)]
    fn unpack(block: &[u8], quants: &mut [u8], scales: &mut [f32], _offsets: &mut [f32]) {
        let layout = Self::LAYOUT;
        let scale = half_at(block, layout.scale);
        let steps = bytes_at(block, layout.scales, 12);
        for group in 0..16 {
            let low = steps[group % 8] >> (4 * (group / 8)) & 15;
            let high = steps[8 + group % 4] >> (2 * (group / 4)) & 3;
            scales[group] = scale * (f32::from(low | high << 4) - 32.0);
        }
        two_bits(bytes_at(block, layout.quants, 64), quants);
        let masks = bytes_at(block, layout.high, 32);
        for (run, quants) in quants.chunks_exact_mut(32).enumerate() {
            for (quant, &mask) in quants.iter_mut().zip(masks) {
                *quant |= (mask >> run & 1) << 2;
            }
        }
    }
}

/// Decodes the 6-bit scale and minimum of group `group` of `Q4_K` and `Q5_K`
/// (ggml's `get_scale_min_k4`).
#[inline(always)]
fn scale_and_minimum(packed: &[u8], group: usize) -> (f32, f32) {
    let (scale, minimum) = if group < 4 {
        (packed[group] & 63, packed[group + 4] & 63)
    } else {
        (
            packed[group + 4] & 15 | packed[group - 4] >> 6 << 4,
            packed[group + 4] >> 4 | packed[group] >> 6 << 4,
        )
    };
    (f32::from(scale), f32::from(minimum))
}

/// Decodes the scales and minima of all eight groups, a byte each, from the
/// packed bytes as little-endian words.
#[cfg(target_arch = "aarch64")]
#[inline]
pub(crate) fn six_bits([a, b, c]: [u32; 3]) -> (u64, u64) {
    let high = |word: u32| word >> 6 & 0x0303_0303;
    let scales = u64::from(a & 0x3f3f_3f3f) | u64::from(c & 0x0f0f_0f0f | high(a) << 4) << 32;
    let minima = u64::from(b & 0x3f3f_3f3f) | u64::from(c >> 4 & 0x0f0f_0f0f | high(b) << 4) << 32;
    (scales, minima)
}

#[inline(always)]
fn k_scales(layout: Layout, block: &[u8], scales: &mut [f32], offsets: &mut [f32]) {
    let (scale, minimum) = (half_at(block, layout.scale), half_at(block, layout.minimum));
    for group in 0..8 {
        let (factor, steps) = scale_and_minimum(bytes_at(block, layout.scales, 12), group);
        scales[group] = scale * factor;
        offsets[group] = -(minimum * steps);
    }
}

pub(crate) struct Q4K;
impl Quantized for Q4K {
    const FORMAT: Format = Format::Q4K;
    const GROUP: usize = 32;
    const ZERO: i32 = 0;
    const SIGNED: bool = false;
    const CHAIN: usize = 8;
    #[inline(always)]
    fn unpack(block: &[u8], quants: &mut [u8], scales: &mut [f32], offsets: &mut [f32]) {
        k_scales(Self::LAYOUT, block, scales, offsets);
        let packed = bytes_at(block, Self::LAYOUT.quants, 128).chunks_exact(32);
        for (packed, quants) in packed.zip(quants.chunks_exact_mut(64)) {
            nibbles(packed, quants);
        }
    }
}

pub(crate) struct Q5K;
impl Quantized for Q5K {
    const FORMAT: Format = Format::Q5K;
    const GROUP: usize = 32;
    const ZERO: i32 = 0;
    const SIGNED: bool = false;
    const CHAIN: usize = 4;
    #[inline(always)]
    fn unpack(block: &[u8], quants: &mut [u8], scales: &mut [f32], offsets: &mut [f32]) {
        k_scales(Self::LAYOUT, block, scales, offsets);
        let packed = bytes_at(block, Self::LAYOUT.quants, 128).chunks_exact(32);
        for (packed, quants) in packed.zip(quants.chunks_exact_mut(64)) {
            nibbles(packed, quants);
        }
        let high = bytes_at(block, Self::LAYOUT.high, 32);
        for (run, quants) in quants.chunks_exact_mut(32).enumerate() {
            for (quant, &bits) in quants.iter_mut().zip(high) {
                *quant |= (bits >> run & 1) << 4;
            }
        }
    }
}

pub(crate) struct Q6K;
impl Quantized for Q6K {
    const FORMAT: Format = Format::Q6K;
    const GROUP: usize = 16;
    const ZERO: i32 = 32;
    const SIGNED: bool = false;
    const CHAIN: usize = 2;
    #[inline(always)]
    fn unpack(block: &[u8], quants: &mut [u8], scales: &mut [f32], _offsets: &mut [f32]) {
        let layout = Self::LAYOUT;
        let scale = half_at(block, layout.scale);
        for (group, &factor) in scales.iter_mut().zip(bytes_at(block, layout.scales, 16)) {
            *group = scale * f32::from(factor as i8);
        }
        for half in 0..2 {
            let low = bytes_at(block, layout.quants + 64 * half, 64);
            let high = bytes_at(block, layout.high + 32 * half, 32);
            let quants = &mut quants[128 * half..128 * half + 128];
            nibbles(low, quants);
            for (run, quants) in quants.chunks_exact_mut(32).enumerate() {
                for (quant, &bits) in quants.iter_mut().zip(high) {
                    *quant |= (bits >> (2 * run) & 3) << 4;
                }
            }
        }
    }
}

/// The quants of the IQ4 formats (ggml's `kvalues_iq4nl`), closer together
/// around zero, as the weights are.
pub(crate) const IQ4_QUANTS: [u8; 16] = bytes([
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
]);

/// Twice the values of E2M1 (ggml's `kvalues_mxfp4`), moved up by 12: so they
/// are unsigned and need five bits.
const MXFP4_QUANTS: [u8; 16] = [12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0];

const fn bytes(quants: [i8; 16]) -> [u8; 16] {
    let mut out = [0; 16];
    let mut at = 0;
    while at < 16 {
        out[at] = quants[at].cast_unsigned();
        at += 1;
    }
    out
}

/// Like [`nibbles`], each looked up in a table.
#[inline(always)]
fn looked_up(table: &[u8; 16], packed: &[u8], quants: &mut [u8]) {
    nibbles(packed, quants);
    for quant in quants {
        *quant = table[usize::from(*quant & 15)];
    }
}

/// Half of the power of two that an E8M0 byte is, `2^(byte - 128)` (ggml's
/// `e8m0_to_fp32_half`): the quants are doubled. The two least are subnormal.
#[inline(always)]
pub(crate) fn half_of_e8m0(byte: u8) -> f32 {
    f32::from_bits(match byte {
        0 | 1 => 0x0020_0000 << byte,
        _ => u32::from(byte - 1) << 23,
    })
}

pub(crate) struct Iq4Nl;
impl Quantized for Iq4Nl {
    const FORMAT: Format = Format::Iq4Nl;
    const GROUP: usize = 32;
    const ZERO: i32 = 0;
    const SIGNED: bool = true;
    const CHAIN: usize = 1;
    const TABLE: Option<&'static [u8; 16]> = Some(&IQ4_QUANTS);
    #[inline(always)]
    fn unpack(block: &[u8], quants: &mut [u8], scales: &mut [f32], _offsets: &mut [f32]) {
        scales[0] = half_at(block, Self::LAYOUT.scale);
        looked_up(
            &IQ4_QUANTS,
            bytes_at(block, Self::LAYOUT.quants, 16),
            quants,
        );
    }
}

pub(crate) struct Iq4Xs;
impl Quantized for Iq4Xs {
    const FORMAT: Format = Format::Iq4Xs;
    const GROUP: usize = 32;
    const ZERO: i32 = 0;
    const SIGNED: bool = true;
    const CHAIN: usize = 1;
    const TABLE: Option<&'static [u8; 16]> = Some(&IQ4_QUANTS);
    #[inline(always)]
    fn unpack(block: &[u8], quants: &mut [u8], scales: &mut [f32], _offsets: &mut [f32]) {
        let scale = half_at(block, Self::LAYOUT.scale);
        let steps = bytes_at(block, Self::LAYOUT.scales, 6);
        for (group, out) in scales.iter_mut().enumerate() {
            let low = steps[2 + group / 2] >> (4 * (group % 2)) & 15;
            let high = steps[group / 4] >> (2 * (group % 4)) & 3;
            *out = scale * (f32::from(low | high << 4) - 32.0);
        }
        let packed = bytes_at(block, Self::LAYOUT.quants, 128).chunks_exact(16);
        for (packed, quants) in packed.zip(quants.chunks_exact_mut(32)) {
            looked_up(&IQ4_QUANTS, packed, quants);
        }
    }
}

/// Returns the eight scales of an `IQ4_XS` block, less 32, as signed bytes, from
/// the block's first eight bytes as a little-endian word: the factor, the high
/// two bits of each, the low four.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline]
pub(crate) fn iq4_xs_steps(head: u64) -> u64 {
    let low = head >> 32;
    let low = (low | low << 16) & 0x0000_ffff_0000_ffff;
    let low = (low | low << 8) & 0x00ff_00ff_00ff_00ff;
    let low = (low | low << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    let high = head >> 16 & 0xffff;
    let high = (high | high << 24) & 0x0000_00ff_0000_00ff;
    let high = (high | high << 12) & 0x000f_000f_000f_000f;
    let high = (high | high << 6) & 0x0303_0303_0303_0303;
    // With the sixth bit turned over, it is the sign; it is copied upwards.
    let steps = (low | high << 4) ^ 0x2020_2020_2020_2020;
    steps | ((steps & 0x2020_2020_2020_2020) * 6)
}

pub(crate) struct Mxfp4;
impl Quantized for Mxfp4 {
    const FORMAT: Format = Format::Mxfp4;
    const GROUP: usize = 32;
    const ZERO: i32 = 12;
    const SIGNED: bool = false;
    const CHAIN: usize = 4;
    const TABLE: Option<&'static [u8; 16]> = Some(&MXFP4_QUANTS);
    #[inline(always)]
    fn unpack(block: &[u8], quants: &mut [u8], scales: &mut [f32], _offsets: &mut [f32]) {
        scales[0] = half_of_e8m0(block[Self::LAYOUT.scale]);
        looked_up(
            &MXFP4_QUANTS,
            bytes_at(block, Self::LAYOUT.quants, 16),
            quants,
        );
    }
}

/// Calls `$run::<Q>($args)` for the quantized format that `$format` is, and
/// evaluates `$float` for the others.
macro_rules! for_quantized {
    ($format:expr, $run:ident ($($arg:expr),* $(,)?), $float:expr) => {
        match $format {
            $crate::block::Format::Q4_0 => $run::<$crate::unpack::Q4_0>($($arg),*),
            $crate::block::Format::Q4_1 => $run::<$crate::unpack::Q4_1>($($arg),*),
            $crate::block::Format::Q5_0 => $run::<$crate::unpack::Q5_0>($($arg),*),
            $crate::block::Format::Q5_1 => $run::<$crate::unpack::Q5_1>($($arg),*),
            $crate::block::Format::Q8_0 => $run::<$crate::unpack::Q8_0>($($arg),*),
            $crate::block::Format::Q2K => $run::<$crate::unpack::Q2K>($($arg),*),
            $crate::block::Format::Q3K => $run::<$crate::unpack::Q3K>($($arg),*),
            $crate::block::Format::Q4K => $run::<$crate::unpack::Q4K>($($arg),*),
            $crate::block::Format::Q5K => $run::<$crate::unpack::Q5K>($($arg),*),
            $crate::block::Format::Q6K => $run::<$crate::unpack::Q6K>($($arg),*),
            $crate::block::Format::Iq2Xxs => $run::<$crate::unpack::Iq2Xxs>($($arg),*),
            $crate::block::Format::Iq2Xs => $run::<$crate::unpack::Iq2Xs>($($arg),*),
            $crate::block::Format::Iq2S => $run::<$crate::unpack::Iq2S>($($arg),*),
            $crate::block::Format::Iq3Xxs => $run::<$crate::unpack::Iq3Xxs>($($arg),*),
            $crate::block::Format::Iq3S => $run::<$crate::unpack::Iq3S>($($arg),*),
            $crate::block::Format::Iq4Nl => $run::<$crate::unpack::Iq4Nl>($($arg),*),
            $crate::block::Format::Iq4Xs => $run::<$crate::unpack::Iq4Xs>($($arg),*),
            $crate::block::Format::Mxfp4 => $run::<$crate::unpack::Mxfp4>($($arg),*),
            $crate::block::Format::F32
            | $crate::block::Format::F16
            | $crate::block::Format::Bf16 => $float,
        }
    };
}
pub(crate) use for_quantized;

/// Writes the weights of one row as floats.
///
/// `row` holds `out.len()` weights in `format`; a partial block is left out.
pub fn dequantize_row(format: Format, row: &[u8], out: &mut [f32]) {
    for_quantized!(
        format,
        dequantize_blocks(row, out),
        widen_row(format, row, out)
    );
}

fn dequantize_blocks<Q: Quantized>(row: &[u8], out: &mut [f32]) {
    let (mut quants, mut scales, mut offsets) = ([0; 256], [0.0; 16], [0.0; 16]);
    let elements = Q::FORMAT.block_elements();
    let groups = elements / Q::GROUP;
    let blocks = row.chunks_exact(Q::FORMAT.block_bytes());
    for (block, out) in blocks.zip(out.chunks_exact_mut(elements)) {
        let quants = &mut quants[..elements];
        Q::unpack(block, quants, &mut scales[..groups], &mut offsets[..groups]);
        for (at, (out, &quant)) in out.iter_mut().zip(quants.iter()).enumerate() {
            let quant = if Q::SIGNED {
                i32::from(quant as i8)
            } else {
                i32::from(quant)
            };
            *out = scales[at / Q::GROUP] * (quant - Q::ZERO) as f32;
            // Without an offset, a zero keeps its sign.
            if Q::OFFSET {
                *out += offsets[at / Q::GROUP];
            }
        }
    }
}

/// Widens a row of floats of any width.
#[inline(always)]
pub(crate) fn widen_row(format: Format, row: &[u8], out: &mut [f32]) {
    match format {
        Format::F16 => {
            for (out, bytes) in out.iter_mut().zip(row.chunks_exact(2)) {
                *out = widen(u16::from_le_bytes([bytes[0], bytes[1]]));
            }
        }
        Format::Bf16 => {
            for (out, bytes) in out.iter_mut().zip(row.chunks_exact(2)) {
                *out = f32::from_bits(u32::from(u16::from_le_bytes([bytes[0], bytes[1]])) << 16);
            }
        }
        _ => {
            for (out, bytes) in out.iter_mut().zip(row.chunks_exact(4)) {
                *out = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            }
        }
    }
}
