//! Blocks of 32 weights with one scale.

use std::arch::aarch64::{int8x16_t, vld1q_f32, vld1q_s8, vld1q_u8, vorrq_u8, vqtbl1q_u8};

use super::{Blocks, Layout, Scales, fifth_bits, nibbles, signed};
use crate::block::{Format, NONE};
use crate::dequantize::{self, Quantized};

/// Implements [`Layout`] for a format with blocks of 32 weights in nibbles.
macro_rules! nibble_format {
    ($format:ident) => {
        impl Layout for dequantize::$format {
            #[inline(always)]
            unsafe fn quants(block: *const u8, _chunk: usize) -> [int8x16_t; 2] {
                // SAFETY: a block holds 16 bytes of nibbles and, where the
                // format has them, four of fifth bits.
                unsafe {
                    let [mut low, mut high] = nibbles(vld1q_u8(block.add(Self::LAYOUT.quants)));
                    if let Some(table) = Self::TABLE {
                        let table = vld1q_u8(table.as_ptr());
                        (low, high) = (vqtbl1q_u8(table, low), vqtbl1q_u8(table, high));
                    }
                    if Self::LAYOUT.high != NONE {
                        let bits = block.add(Self::LAYOUT.high).cast::<[u8; 4]>().read();
                        low = vorrq_u8(low, fifth_bits(bits[0], bits[1]));
                        high = vorrq_u8(high, fifth_bits(bits[2], bits[3]));
                    }
                    [signed(low), signed(high)]
                }
            }

            #[inline(always)]
            unsafe fn scales(blocks: &Blocks) -> Scales {
                // SAFETY: a block begins with its scale.
                unsafe {
                    let mut out = Scales::zero();
                    out.scales[0] = if matches!(Self::FORMAT, Format::Mxfp4) {
                        let scales = blocks.heads.map(|head| {
                            dequantize::half_of_e8m0(head.add(Self::LAYOUT.scale).read())
                        });
                        vld1q_f32(scales.as_ptr())
                    } else {
                        blocks.halves(Self::LAYOUT.scale)
                    };
                    if Self::OFFSET {
                        out.offsets[0] = blocks.halves(Self::LAYOUT.minimum);
                    }
                    out
                }
            }
        }
    };
}
nibble_format!(Q4_0);
nibble_format!(Q4_1);
nibble_format!(Q5_0);
nibble_format!(Q5_1);
nibble_format!(Iq4Nl);
nibble_format!(Mxfp4);

impl Layout for dequantize::Q8_0 {
    #[inline(always)]
    unsafe fn quants(block: *const u8, _chunk: usize) -> [int8x16_t; 2] {
        // SAFETY: 32 bytes stand behind the scale.
        unsafe {
            let quants = block.add(Self::LAYOUT.quants).cast::<i8>();
            [vld1q_s8(quants), vld1q_s8(quants.add(16))]
        }
    }

    #[inline(always)]
    unsafe fn scales(blocks: &Blocks) -> Scales {
        // SAFETY: a block begins with its scale.
        unsafe {
            let mut out = Scales::zero();
            out.scales[0] = blocks.halves(Self::LAYOUT.scale);
            out
        }
    }
}
