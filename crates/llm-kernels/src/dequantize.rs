//! What the bits of a quantized block mean.
//!
//! Every format reduces to one picture: a weight of scale group `g` is
//! `scale[g] * (quant - ZERO_POINT) + offset[g]` with an unsigned `quant`, or a signed one
//! where its range takes all of 8 bits or lies around a zero that it leaves out.
//! How a format's bits become these numbers is defined once, in `arch::scalar`.

pub(crate) use crate::arch::scalar::dequantize::*;
use crate::arch::scalar::primitives::widen;
use crate::block::{Format, for_quantized};
pub(crate) use crate::quantized::Quantized;

/// Dequantizes one row: writes its weights as floats.
///
/// `row` holds `out.len()` weights in `format`; a partial block at the end is left
/// out.
pub fn dequantize_row(format: Format, row: &[u8], out: &mut [f32]) {
    for_quantized!(
        format,
        dequantize_blocks(row, out),
        widen_row(format, row, out)
    );
}

fn dequantize_blocks<Q: Quantized>(row: &[u8], out: &mut [f32]) {
    let (mut quants, mut scales, mut offsets) = ([0; 256], [0.0; 16], [0.0; 16]);
    let elements = Q::FORMAT.block_elements();
    let groups = elements / Q::GROUP;
    let blocks = row.chunks_exact(Q::FORMAT.block_bytes());
    for (block, out) in blocks.zip(out.chunks_exact_mut(elements)) {
        let quants = &mut quants[..elements];
        Q::decode(block, quants, &mut scales[..groups], &mut offsets[..groups]);
        for (at, (out, &quant)) in out.iter_mut().zip(quants.iter()).enumerate() {
            let quant = if Q::SIGNED {
                i32::from(quant as i8)
            } else {
                i32::from(quant)
            };
            *out = scales[at / Q::GROUP] * (quant - Q::ZERO_POINT) as f32;
            // Without an offset, a zero keeps its sign.
            if Q::OFFSET {
                *out += offsets[at / Q::GROUP];
            }
        }
    }
}

/// Widens a row of floats of any width.
#[inline(always)]
pub(crate) fn widen_row(format: Format, row: &[u8], out: &mut [f32]) {
    match format {
        Format::F16 => {
            for (out, bytes) in out.iter_mut().zip(row.chunks_exact(2)) {
                *out = widen(u16::from_le_bytes([bytes[0], bytes[1]]));
            }
        }
        Format::Bf16 => {
            for (out, bytes) in out.iter_mut().zip(row.chunks_exact(2)) {
                *out = f32::from_bits(u32::from(u16::from_le_bytes([bytes[0], bytes[1]])) << 16);
            }
        }
        _ => {
            for (out, bytes) in out.iter_mut().zip(row.chunks_exact(4)) {
                *out = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            }
        }
    }
}
