//! `IQ4_XS`: eight groups of 32 with 6-bit scales, whose nibbles are looked up.

use std::arch::aarch64::{int8x16_t, vld1q_u8, vqtbl1q_u8};

use super::{Blocks, Layout, Scales, eight, nibbles, signed, spread};
use crate::dequantize::{self, Quantized};

impl Layout for dequantize::Iq4Xs {
    #[inline(always)]
    unsafe fn quants(block: *const u8, chunk: usize) -> [int8x16_t; 2] {
        // SAFETY: 16 bytes a chunk stand behind the scales; the table has 16.
        unsafe {
            let table = vld1q_u8(dequantize::IQ4_QUANTS.as_ptr());
            let packed = vld1q_u8(block.add(Self::LAYOUT.quants + 16 * chunk));
            nibbles(packed).map(|half| signed(vqtbl1q_u8(table, half)))
        }
    }

    #[inline(always)]
    unsafe fn scales(blocks: &Blocks) -> Scales {
        const { assert!(Self::LAYOUT.scale == 0 && Self::LAYOUT.scales == 2) };
        // SAFETY: a block begins with eight bytes of the factor and the steps.
        unsafe {
            let mut out = Scales::zero();
            let heads = blocks.heads.map(|head| head.cast::<u64>().read_unaligned());
            let steps = heads.map(|head| eight(dequantize::iq4_xs_steps(head)));
            spread(blocks.halves(Self::LAYOUT.scale), steps, 8, &mut out.scales);
            out
        }
    }
}
