//! The operations in plain Rust.

use crate::arch::primitives::{HALVES, Primitives};

/// Plain Rust.
pub(crate) struct Scalar;

impl Primitives for Scalar {
    #[inline(always)]
    fn widen_all(halves: &[u16; HALVES]) -> [f32; HALVES] {
        halves.map(widen)
    }
}

/// Widens an IEEE half to single precision, exactly. Written out because
/// `half`'s version asks for the processor's features on every call.
#[inline(always)]
pub(crate) fn widen(half: u16) -> f32 {
    /// Moves the exponent's bias from 15 to 127.
    const REBIAS: f32 = f32::from_bits((127 + 112) << 23);
    let sign = u32::from(half & 0x8000) << 16;
    let magnitude = u32::from(half & 0x7fff) << 13;
    let scaled = (f32::from_bits(magnitude) * REBIAS).to_bits();
    let special = if magnitude >= 0x0f80_0000 {
        0x7f80_0000
    } else {
        0
    };
    f32::from_bits(scaled | special | sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_widens_as_the_half_crate_does() {
        for bits in 0..=u16::MAX {
            let expected = half::f16::from_bits(bits).to_f32();
            let got = widen(bits);
            let same = got.to_bits() == expected.to_bits();
            assert!(same || got.is_nan() && expected.is_nan(), "{bits:#x}");
        }
    }
}
