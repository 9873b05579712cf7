//! Blocks of 256 weights in groups of 16 or 32 with scales of their own: `Q2_K` to
//! `Q6_K`.

use super::{bytes_at, half_at, nibbles};
use crate::block::{Format, Layout};
use crate::quantized::Quantized;

pub(crate) struct Q2K;
impl Quantized for Q2K {
    const FORMAT: Format = Format::Q2K;
    const GROUP: usize = 16;
    const ZERO_POINT: i32 = 0;
    const SIGNED: bool = false;
    const CHAIN: usize = 4;
    #[inline(always)]
    fn decode(block: &[u8], quants: &mut [u8], scales: &mut [f32], offsets: &mut [f32]) {
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
    const ZERO_POINT: i32 = 4;
    const SIGNED: bool = false;
    const CHAIN: usize = 4;
    #[inline(always)]
    fn decode(block: &[u8], quants: &mut [u8], scales: &mut [f32], _offsets: &mut [f32]) {
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
    const ZERO_POINT: i32 = 0;
    const SIGNED: bool = false;
    const CHAIN: usize = 8;
    #[inline(always)]
    fn decode(block: &[u8], quants: &mut [u8], scales: &mut [f32], offsets: &mut [f32]) {
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
    const ZERO_POINT: i32 = 0;
    const SIGNED: bool = false;
    const CHAIN: usize = 4;
    #[inline(always)]
    fn decode(block: &[u8], quants: &mut [u8], scales: &mut [f32], offsets: &mut [f32]) {
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
    const ZERO_POINT: i32 = 32;
    const SIGNED: bool = false;
    const CHAIN: usize = 2;
    #[inline(always)]
    fn decode(block: &[u8], quants: &mut [u8], scales: &mut [f32], _offsets: &mut [f32]) {
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
