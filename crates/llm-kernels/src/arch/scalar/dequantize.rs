//! Each format's blocks in plain Rust, the reference for all levels. The layouts
//! follow ggml's `dequantize_row_*` (`ggml-quants.c`).

mod block32;
mod grids;
mod iq_grid;
mod k_quants;
mod lookup;

use crate::arch::scalar::primitives::widen;
pub(crate) use block32::{Q4_0, Q4_1, Q5_0, Q5_1, Q8_0};
#[cfg(target_arch = "aarch64")]
pub(crate) use iq_grid::Points;
pub(crate) use iq_grid::{Iq2S, Iq2Xs, Iq2Xxs, Iq3S, Iq3Xxs};
#[cfg(target_arch = "aarch64")]
pub(crate) use k_quants::six_bits;
pub(crate) use k_quants::{Q2K, Q3K, Q4K, Q5K, Q6K};
#[cfg(target_arch = "aarch64")]
pub(crate) use lookup::half_of_e8m0;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(crate) use lookup::iq4_xs_steps;
pub(crate) use lookup::{IQ4_QUANTS, Iq4Nl, Iq4Xs, Mxfp4};

/// Widens the half that stands `offset` bytes into the block.
#[inline(always)]
pub(crate) fn half_at(block: &[u8], offset: usize) -> f32 {
    widen(u16::from_le_bytes([block[offset], block[offset + 1]]))
}

/// Returns the `count` bytes from `offset` on.
#[inline(always)]
fn bytes_at(block: &[u8], offset: usize, count: usize) -> &[u8] {
    &block[offset..offset + count]
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
