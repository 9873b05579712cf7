//! Blocks of 256 weights in groups of 16 or 32 with scales of their own.

use std::arch::aarch64::{
    int8x16_t, vcombine_s8, vcreate_s8, vdupq_n_s8, vld1q_s8, vld1q_u8, vnegq_f32, vsubq_s8,
};

use super::{Blocks, Layout, Scales, eight, joined, nibbles, shifted, signed, spread};
use crate::block::Layout as BlockLayout;
use crate::dequantize::{self, Quantized};

/// Returns the scales and offsets of `Q4_K` and `Q5_K` blocks: eight groups
/// with 6-bit steps.
///
/// # Safety
/// They are whole blocks.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn six_bit_scales(layout: BlockLayout, blocks: &Blocks) -> Scales {
    let mut out = Scales::zero();
    // SAFETY: a block begins with two halves and 12 bytes.
    unsafe {
        let packed = blocks.heads.map(|head| {
            let words = head.add(layout.scales).cast::<[u32; 3]>();
            dequantize::six_bits(words.read_unaligned())
        });
        let steps = packed.map(|(steps, _)| eight(steps));
        spread(blocks.halves(layout.scale), steps, 8, &mut out.scales);
        let lows = packed.map(|(_, lows)| eight(lows));
        let minima = vnegq_f32(blocks.halves(layout.minimum));
        spread(minima, lows, 8, &mut out.offsets);
    }
    out
}

impl Layout for dequantize::Q4K {
    #[inline(always)]
    unsafe fn quants(block: *const u8, chunk: usize) -> [int8x16_t; 2] {
        // SAFETY: two chunks share 32 of the 128 bytes behind the scales.
        unsafe {
            let packed = block.add(Self::LAYOUT.quants + chunk / 2 * 32);
            shifted(packed, chunk % 2 * 4, 15).map(|half| signed(half))
        }
    }

    #[inline(always)]
    unsafe fn scales(blocks: &Blocks) -> Scales {
        // SAFETY: passed on from the caller.
        unsafe { six_bit_scales(Self::LAYOUT, blocks) }
    }
}

impl Layout for dequantize::Q5K {
    #[inline(always)]
    unsafe fn quants(block: *const u8, chunk: usize) -> [int8x16_t; 2] {
        // SAFETY: 32 bytes of fifth bits stand behind the scales, then 128 of
        // which two chunks share 32.
        unsafe {
            let packed = block.add(Self::LAYOUT.quants + chunk / 2 * 32);
            let low = shifted(packed, chunk % 2 * 4, 15);
            joined::<4>(low, shifted(block.add(Self::LAYOUT.high), chunk, 1))
        }
    }

    #[inline(always)]
    unsafe fn scales(blocks: &Blocks) -> Scales {
        // SAFETY: passed on from the caller.
        unsafe { six_bit_scales(Self::LAYOUT, blocks) }
    }
}

impl Layout for dequantize::Q6K {
    #[inline(always)]
    unsafe fn quants(block: *const u8, chunk: usize) -> [int8x16_t; 2] {
        let (half, run) = (chunk / 4, chunk % 4);
        // SAFETY: each half has 64 bytes of low bits, and of high ones 32
        // behind all of those.
        unsafe {
            let packed = block.add(Self::LAYOUT.quants + 64 * half + run % 2 * 32);
            let low = shifted(packed, run / 2 * 4, 15);
            let high = block.add(Self::LAYOUT.high + 32 * half);
            joined::<4>(low, shifted(high, 2 * run, 3))
        }
    }

    #[inline(always)]
    unsafe fn scales(blocks: &Blocks) -> Scales {
        // SAFETY: a block ends with 16 bytes and a half.
        unsafe {
            let mut out = Scales::zero();
            let load = |head: *const u8| vld1q_s8(head.add(Self::LAYOUT.scales).cast());
            let steps = blocks.heads.map(load);
            spread(
                blocks.halves(Self::LAYOUT.scale),
                steps,
                16,
                &mut out.scales,
            );
            out
        }
    }
}

impl Layout for dequantize::Q2K {
    #[inline(always)]
    unsafe fn quants(block: *const u8, chunk: usize) -> [int8x16_t; 2] {
        // SAFETY: behind 16 bytes of steps, four chunks share 32 of 64 bytes.
        unsafe {
            let packed = block.add(Self::LAYOUT.quants + chunk / 4 * 32);
            shifted(packed, chunk % 4 * 2, 3).map(|half| signed(half))
        }
    }

    #[inline(always)]
    unsafe fn scales(blocks: &Blocks) -> Scales {
        // SAFETY: a block begins with 16 bytes and ends with two halves.
        unsafe {
            let mut out = Scales::zero();
            let load = |head: *const u8| nibbles(vld1q_u8(head.add(Self::LAYOUT.scales)));
            let steps = blocks.heads.map(load);
            let low = steps.map(|both| signed(both[0]));
            spread(blocks.halves(Self::LAYOUT.scale), low, 16, &mut out.scales);
            let high = steps.map(|both| signed(both[1]));
            let minima = vnegq_f32(blocks.halves(Self::LAYOUT.minimum));
            spread(minima, high, 16, &mut out.offsets);
            out
        }
    }
}

impl Layout for dequantize::Q3K {
    #[inline(always)]
    unsafe fn quants(block: *const u8, chunk: usize) -> [int8x16_t; 2] {
        // SAFETY: 32 bytes of third bits, then 64 of which four chunks share 32.
        unsafe {
            let packed = block.add(Self::LAYOUT.quants + chunk / 4 * 32);
            let low = shifted(packed, chunk % 4 * 2, 3);
            joined::<2>(low, shifted(block.add(Self::LAYOUT.high), chunk, 1))
        }
    }

    #[inline(always)]
    unsafe fn scales(blocks: &Blocks) -> Scales {
        // SAFETY: a block ends with 12 bytes and a half.
        unsafe {
            let mut out = Scales::zero();
            let centered = |head: *const u8| centered_six_bits(head.add(Self::LAYOUT.scales));
            let steps = blocks.heads.map(centered);
            spread(
                blocks.halves(Self::LAYOUT.scale),
                steps,
                16,
                &mut out.scales,
            );
            out
        }
    }
}

/// Returns the sixteen 6-bit scales of a `Q3_K` block, less 32: eight bytes with
/// the low four bits of two each, then four bytes with the high two of four.
///
/// # Safety
/// `packed` points to 12 bytes.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn centered_six_bits(packed: *const u8) -> int8x16_t {
    // SAFETY: passed on from the caller.
    let (low, high) = unsafe {
        let low = packed.cast::<u64>().read_unaligned();
        (low, packed.add(8).cast::<u32>().read_unaligned())
    };
    let low_of = |bits: u64| bits & 0x0f0f_0f0f_0f0f_0f0f;
    let high_of = |run: u32| u64::from(high >> (2 * run) & 0x0303_0303) << 4;
    let first = low_of(low) | high_of(0) | high_of(1) << 32;
    let second = low_of(low >> 4) | high_of(2) | high_of(3) << 32;
    let steps = vcombine_s8(vcreate_s8(first), vcreate_s8(second));
    vsubq_s8(steps, vdupq_n_s8(32))
}
