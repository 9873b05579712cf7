//! NEON and its integer products, for little-endian aarch64, where NEON itself
//! is always there. The two instructions have no stable intrinsics yet.

use std::arch::aarch64::{
    int8x16_t, int32x4_t, vcvt_f32_f16, vld1_u16, vreinterpret_f16_u16, vst1q_f32,
};
use std::arch::asm;

use crate::arch::primitives::{HALVES, Primitives};

/// The operations with 128-bit registers.
pub(crate) struct Neon;

impl Primitives for Neon {
    #[inline(always)]
    fn widen_all(halves: &[u16; HALVES]) -> [f32; HALVES] {
        let mut out = [0.0; HALVES];
        for part in (0..HALVES).step_by(4) {
            // SAFETY: four halves and four floats from `part` on lie inside the
            // arrays; every processor of the target has NEON.
            unsafe {
                let four = vreinterpret_f16_u16(vld1_u16(halves.as_ptr().add(part)));
                vst1q_f32(out.as_mut_ptr().add(part), vcvt_f32_f16(four));
            }
        }
        out
    }
}

/// Adds to each lane of `sums` the product of its four `weights` and the four
/// `quants` of lane `LANE`.
#[inline]
#[target_feature(enable = "dotprod")]
pub(crate) fn dot_lane<const LANE: usize>(
    mut sums: int32x4_t,
    weights: int8x16_t,
    quants: int8x16_t,
) -> int32x4_t {
    // SAFETY: works on registers only; the processor has the instruction.
    unsafe {
        asm!(
            "sdot {sums:v}.4s, {weights:v}.16b, {quants:v}.4b[{lane}]",
            sums = inout(vreg) sums,
            weights = in(vreg) weights,
            quants = in(vreg) quants,
            lane = const LANE,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}

/// Adds to each lane of `sums` the product of its four `weights` and `quants`.
#[inline]
#[target_feature(enable = "dotprod")]
pub(crate) fn dot(mut sums: int32x4_t, weights: int8x16_t, quants: int8x16_t) -> int32x4_t {
    // SAFETY: works on registers only; the processor has the instruction.
    unsafe {
        asm!(
            "sdot {sums:v}.4s, {weights:v}.16b, {quants:v}.16b",
            sums = inout(vreg) sums,
            weights = in(vreg) weights,
            quants = in(vreg) quants,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}

/// Adds to `sums`, (2, 2), the products of the two rows of eight in `a` and the
/// two in `b`.
#[inline]
#[target_feature(enable = "i8mm")]
pub(crate) fn matrix_product(mut sums: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    // SAFETY: works on registers only; the processor has the instruction.
    unsafe {
        asm!(
            "smmla {sums:v}.4s, {a:v}.16b, {b:v}.16b",
            sums = inout(vreg) sums,
            a = in(vreg) a,
            b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}
