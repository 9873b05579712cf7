//! What becomes of a product before it leaves the cache: the bias, the columns
//! that were kept apart from quantization, and the activation.

use super::{Input, STRIP_ROWS, Strip};
use crate::activations::Apart;
use crate::pool::DisjointRows;
use crate::simd::{Level, dispatch};
use crate::vector::gelu_body;

/// How a product is finished; by default not at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Finish<'a> {
    /// Added to each row, (matrix rows); or nothing.
    pub bias: &'a [f32],
    /// The weights, (columns apart, matrix rows), of the columns that the input
    /// keeps apart; or nothing, where the matrix itself has them.
    pub apart: &'a [f32],
    /// Whether GELU follows.
    pub gelu: bool,
}

impl Finish<'_> {
    pub(super) fn is_nothing(&self) -> bool {
        self.bias.is_empty() && self.apart.is_empty() && !self.gelu
    }

    /// # Panics
    /// If the sizes do not fit those of the matrix and the input.
    pub(super) fn check(&self, rows: usize, apart: &Apart, batch: usize) {
        assert!(self.bias.is_empty() || self.bias.len() == rows, "bias");
        let weights = apart.columns.len() * rows;
        assert!(
            self.apart.is_empty() || self.apart.len() == weights,
            "weights kept apart"
        );
        assert!(
            apart.values.len() == batch * apart.columns.len(),
            "activations kept apart"
        );
    }

    /// Finishes the rows of one strip, which its thread alone has computed.
    pub(super) fn strip(
        &self,
        level: Level,
        strip: Strip,
        input: Input<'_>,
        out: &DisjointRows<f32>,
    ) {
        if self.is_nothing() {
            return;
        }
        let apart = &input.quantized.apart;
        let count = apart.columns.len();
        for row in strip.from..strip.batch {
            // SAFETY: a strip is computed by one thread and strips are disjoint;
            // the reference ends with the round.
            let out = unsafe { out.part(row, strip.first, strip.count) };
            let step = Row {
                finish: *self,
                first: strip.first,
                inputs: &apart.values[row * count..(row + 1) * count],
            };
            finish_row(level, step, out);
        }
    }
}

/// A part of one row.
#[derive(Clone, Copy)]
struct Row<'a> {
    finish: Finish<'a>,
    /// The first matrix row of the part.
    first: usize,
    /// The row's activations that are kept apart.
    inputs: &'a [f32],
}

dispatch! {
    fn finish_row(row: Row<'_>, out: &mut [f32]) = finish_row_body
}

#[inline(always)]
fn finish_row_body(row: Row<'_>, out: &mut [f32]) {
    // A length that the compiler knows, where the strip is whole.
    if let Ok(whole) = <&mut [f32; STRIP_ROWS]>::try_from(&mut *out) {
        let part = |all: &[f32], start: usize| {
            let mut part = [0.0; STRIP_ROWS];
            part.copy_from_slice(&all[start..start + STRIP_ROWS]);
            part
        };
        finish(row, whole, part);
    } else {
        let count = out.len();
        finish(row, out, |all, start| all[start..start + count].to_vec());
    }
}

#[inline(always)]
fn finish<P: AsRef<[f32]>>(row: Row<'_>, out: &mut [f32], part: impl Fn(&[f32], usize) -> P) {
    let Finish { bias, apart, gelu } = row.finish;
    if !bias.is_empty() {
        for (out, bias) in out.iter_mut().zip(part(bias, row.first).as_ref()) {
            *out += bias;
        }
    }
    if !apart.is_empty() {
        let length = apart.len() / row.inputs.len().max(1);
        for (at, &x) in row.inputs.iter().enumerate() {
            let weights = part(apart, at * length + row.first);
            for (out, weight) in out.iter_mut().zip(weights.as_ref()) {
                *out = weight.mul_add(x, *out);
            }
        }
    }
    if gelu {
        gelu_body(out);
    }
}
