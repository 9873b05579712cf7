//! Blocks of 32 weights with one scale: `Q4_0` to `Q8_0`.

use super::{bytes_at, fifth_bits, half_at, nibbles};
use crate::block::Format;
use crate::quantized::Quantized;

pub(crate) struct Q4_0;
impl Quantized for Q4_0 {
    const FORMAT: Format = Format::Q4_0;
    const GROUP: usize = 32;
    const ZERO_POINT: i32 = 8;
    const SIGNED: bool = false;
    const CHAIN: usize = 8;
    #[inline(always)]
    fn decode(block: &[u8], quants: &mut [u8], scales: &mut [f32], _offsets: &mut [f32]) {
        scales[0] = half_at(block, Self::LAYOUT.scale);
        nibbles(bytes_at(block, Self::LAYOUT.quants, 16), quants);
    }
}

pub(crate) struct Q4_1;
impl Quantized for Q4_1 {
    const FORMAT: Format = Format::Q4_1;
    const GROUP: usize = 32;
    const ZERO_POINT: i32 = 0;
    const SIGNED: bool = false;
    const CHAIN: usize = 8;
    #[inline(always)]
    fn decode(block: &[u8], quants: &mut [u8], scales: &mut [f32], offsets: &mut [f32]) {
        scales[0] = half_at(block, Self::LAYOUT.scale);
        offsets[0] = half_at(block, Self::LAYOUT.minimum);
        nibbles(bytes_at(block, Self::LAYOUT.quants, 16), quants);
    }
}

pub(crate) struct Q5_0;
impl Quantized for Q5_0 {
    const FORMAT: Format = Format::Q5_0;
    const GROUP: usize = 32;
    const ZERO_POINT: i32 = 16;
    const SIGNED: bool = false;
    const CHAIN: usize = 4;
    #[inline(always)]
    fn decode(block: &[u8], quants: &mut [u8], scales: &mut [f32], _offsets: &mut [f32]) {
        scales[0] = half_at(block, Self::LAYOUT.scale);
        nibbles(bytes_at(block, Self::LAYOUT.quants, 16), quants);
        fifth_bits(bytes_at(block, Self::LAYOUT.high, 4), quants);
    }
}

pub(crate) struct Q5_1;
impl Quantized for Q5_1 {
    const FORMAT: Format = Format::Q5_1;
    const GROUP: usize = 32;
    const ZERO_POINT: i32 = 0;
    const SIGNED: bool = false;
    const CHAIN: usize = 4;
    #[inline(always)]
    fn decode(block: &[u8], quants: &mut [u8], scales: &mut [f32], offsets: &mut [f32]) {
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
    const ZERO_POINT: i32 = 0;
    const SIGNED: bool = true;
    const CHAIN: usize = 1;
    #[inline(always)]
    fn decode(block: &[u8], quants: &mut [u8], scales: &mut [f32], _offsets: &mut [f32]) {
        scales[0] = half_at(block, Self::LAYOUT.scale);
        quants.copy_from_slice(bytes_at(block, Self::LAYOUT.quants, 32));
    }
}
