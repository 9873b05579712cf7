//! The one picture that every block format is reduced to.
//!
//! Every format reduces to one picture: a weight of scale group `g` is
//! `scale[g] * (quant - ZERO_POINT) + offset[g]` with an unsigned `quant`, or a signed one
//! where its range takes all of 8 bits or lies around a zero that it leaves out.

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
