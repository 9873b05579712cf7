//! Nibbles that are looked up in a table: the IQ4 formats and `MXFP4`.

use super::{bytes_at, half_at, nibbles};
use crate::block::Format;
use crate::quantized::Quantized;

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
    const ZERO_POINT: i32 = 0;
    const SIGNED: bool = true;
    const CHAIN: usize = 1;
    const TABLE: Option<&'static [u8; 16]> = Some(&IQ4_QUANTS);
    #[inline(always)]
    fn decode(block: &[u8], quants: &mut [u8], scales: &mut [f32], _offsets: &mut [f32]) {
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
    const ZERO_POINT: i32 = 0;
    const SIGNED: bool = true;
    const CHAIN: usize = 1;
    const TABLE: Option<&'static [u8; 16]> = Some(&IQ4_QUANTS);
    #[inline(always)]
    fn decode(block: &[u8], quants: &mut [u8], scales: &mut [f32], _offsets: &mut [f32]) {
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
    /// Moves bits apart: each half of a field `shift` bits further up than the other.
    #[inline]
    fn spread(bits: u64, shift: u32, mask: u64) -> u64 {
        (bits | bits << shift) & mask
    }
    let low_pairs = spread(head >> 32, 16, 0x0000_ffff_0000_ffff);
    let low_bytes = spread(low_pairs, 8, 0x00ff_00ff_00ff_00ff);
    let low = spread(low_bytes, 4, 0x0f0f_0f0f_0f0f_0f0f);
    let high_bytes = spread(head >> 16 & 0xffff, 24, 0x0000_00ff_0000_00ff);
    let high_nibbles = spread(high_bytes, 12, 0x000f_000f_000f_000f);
    let high = spread(high_nibbles, 6, 0x0303_0303_0303_0303);
    // With the sixth bit turned over, it is the sign; it is copied upwards.
    let steps = (low | high << 4) ^ 0x2020_2020_2020_2020;
    steps | ((steps & 0x2020_2020_2020_2020) * 6)
}

pub(crate) struct Mxfp4;
impl Quantized for Mxfp4 {
    const FORMAT: Format = Format::Mxfp4;
    const GROUP: usize = 32;
    const ZERO_POINT: i32 = 12;
    const SIGNED: bool = false;
    const CHAIN: usize = 4;
    const TABLE: Option<&'static [u8; 16]> = Some(&MXFP4_QUANTS);
    #[inline(always)]
    fn decode(block: &[u8], quants: &mut [u8], scales: &mut [f32], _offsets: &mut [f32]) {
        scales[0] = half_of_e8m0(block[Self::LAYOUT.scale]);
        looked_up(
            &MXFP4_QUANTS,
            bytes_at(block, Self::LAYOUT.quants, 16),
            quants,
        );
    }
}
