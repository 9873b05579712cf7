//! The IQ2 and IQ3 formats: the scalar dequantization, 32 columns at a time.

use std::arch::aarch64::{int8x16_t, vld1q_f32, vld1q_s8};
use std::slice;

use super::{Blocks, GROUPS_MOST, Layout, QUAD, Scales};
use crate::dequantize::Points;

impl<P: Points> Layout for P {
    #[inline(always)]
    unsafe fn quants(block: *const u8, chunk: usize) -> [int8x16_t; 2] {
        // SAFETY: passed on from the caller.
        let block = unsafe { slice::from_raw_parts(block, P::FORMAT.block_bytes()) };
        let [a, b, c, d] = P::part(block, chunk).map(u64::to_le_bytes);
        let halves = [[a, b], [c, d]];
        // SAFETY: a half is 16 bytes; passed on from the caller.
        halves.map(|half| unsafe { vld1q_s8(half.as_ptr().cast()) })
    }

    #[inline(always)]
    unsafe fn scales(blocks: &Blocks) -> Scales {
        let groups = P::FORMAT.block_elements() / P::GROUP;
        let mut scales = [[0.0_f32; GROUPS_MOST]; QUAD];
        for (head, scales) in blocks.heads.into_iter().zip(&mut scales) {
            // SAFETY: passed on from the caller.
            let block = unsafe { slice::from_raw_parts(head, P::FORMAT.block_bytes()) };
            P::scales(block, &mut scales[..groups]);
        }
        // SAFETY: an array of four floats is read.
        unsafe {
            let mut out = Scales::zero();
            for (group, out) in out.scales.iter_mut().enumerate().take(groups) {
                let four = scales.map(|row| row[group]);
                *out = vld1q_f32(four.as_ptr());
            }
            out
        }
    }
}
