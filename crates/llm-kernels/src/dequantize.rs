//! What the bits of a quantized block mean.
//!
//! Every format reduces to one picture: a weight of scale group `g` is
//! `scale[g] * (quant - ZERO_POINT) + offset[g]` with an unsigned `quant`, or a signed one
//! where its range takes all of 8 bits or lies around a zero that it leaves out.
//! How a format's bits become these numbers is told once, in `arch::scalar`.

pub(crate) use crate::arch::scalar::dequantize::*;
use crate::arch::scalar::ops::widen;
use crate::block::{Format, Layout, NONE};

/// A block format whose weights are small integers with scales.
pub(crate) trait Quantized {
    const FORMAT: Format;
    /// The format's row of the table.
    const LAYOUT: Layout = Self::FORMAT.layout();
    /// Weights that share a scale.
    const GROUP: usize;
    /// The zero point: what is subtracted from each quant.
    const ZERO_POINT: i32;
    /// Whether the quants are `i8` and not `u8`.
    const SIGNED: bool;
    /// How many products of pairs fit a 16-bit sum: `2 * quant_max * 127` each,
    /// with activations in -127..=127.
    const CHAIN: usize;
    /// Whether the groups have an offset.
    const OFFSET: bool = Self::LAYOUT.minimum != NONE;
    /// What the nibbles stand for, where they are not the quants themselves.
    const TABLE: Option<&'static [u8; 16]> = None;
    /// Decodes one block into quants (in the order of the row), scales and, if
    /// `OFFSET`, offsets (one a group each).
    fn decode(block: &[u8], quants: &mut [u8], scales: &mut [f32], offsets: &mut [f32]);
}

/// Calls `$run::<Q>($args)` for the quantized format that `$format` is, and
/// evaluates `$float` for the others.
macro_rules! for_quantized {
    ($format:expr, $run:ident ($($arg:expr),* $(,)?), $float:expr) => {
        match $format {
            $crate::block::Format::Q4_0 => $run::<$crate::dequantize::Q4_0>($($arg),*),
            $crate::block::Format::Q4_1 => $run::<$crate::dequantize::Q4_1>($($arg),*),
            $crate::block::Format::Q5_0 => $run::<$crate::dequantize::Q5_0>($($arg),*),
            $crate::block::Format::Q5_1 => $run::<$crate::dequantize::Q5_1>($($arg),*),
            $crate::block::Format::Q8_0 => $run::<$crate::dequantize::Q8_0>($($arg),*),
            $crate::block::Format::Q2K => $run::<$crate::dequantize::Q2K>($($arg),*),
            $crate::block::Format::Q3K => $run::<$crate::dequantize::Q3K>($($arg),*),
            $crate::block::Format::Q4K => $run::<$crate::dequantize::Q4K>($($arg),*),
            $crate::block::Format::Q5K => $run::<$crate::dequantize::Q5K>($($arg),*),
            $crate::block::Format::Q6K => $run::<$crate::dequantize::Q6K>($($arg),*),
            $crate::block::Format::Iq2Xxs => $run::<$crate::dequantize::Iq2Xxs>($($arg),*),
            $crate::block::Format::Iq2Xs => $run::<$crate::dequantize::Iq2Xs>($($arg),*),
            $crate::block::Format::Iq2S => $run::<$crate::dequantize::Iq2S>($($arg),*),
            $crate::block::Format::Iq3Xxs => $run::<$crate::dequantize::Iq3Xxs>($($arg),*),
            $crate::block::Format::Iq3S => $run::<$crate::dequantize::Iq3S>($($arg),*),
            $crate::block::Format::Iq4Nl => $run::<$crate::dequantize::Iq4Nl>($($arg),*),
            $crate::block::Format::Iq4Xs => $run::<$crate::dequantize::Iq4Xs>($($arg),*),
            $crate::block::Format::Mxfp4 => $run::<$crate::dequantize::Mxfp4>($($arg),*),
            $crate::block::Format::F32
            | $crate::block::Format::F16
            | $crate::block::Format::Bf16 => $float,
        }
    };
}
pub(crate) use for_quantized;

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
