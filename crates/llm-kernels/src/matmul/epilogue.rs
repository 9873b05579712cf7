//! What becomes of a product before it leaves the cache: the bias, the
//! outlier columns that were not quantized, and the activation.

use super::{Input, PANEL_ROWS, Panel};
use crate::activations::Outliers;
use crate::pool::DisjointRows;
use crate::simd::{Level, dispatch};
use crate::vector::gelu_body;

/// What follows a product; by default nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Epilogue<'a> {
    /// Added to each row, (matrix rows); or nothing.
    pub bias: &'a [f32],
    /// The weights, (outlier columns, matrix rows), of the columns that the input
    /// keeps as floats; or nothing, where the matrix itself has them.
    pub outliers: &'a [f32],
    /// Whether GELU follows.
    pub gelu: bool,
}

impl Epilogue<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.bias.is_empty() && self.outliers.is_empty() && !self.gelu
    }

    /// # Panics
    /// If the sizes do not fit those of the matrix and the input.
    pub(super) fn check(&self, rows: usize, outliers: &Outliers, batch: usize) {
        assert!(self.bias.is_empty() || self.bias.len() == rows, "bias");
        let weights = outliers.columns.len() * rows;
        assert!(
            self.outliers.is_empty() || self.outliers.len() == weights,
            "weights of the outliers"
        );
        assert!(
            outliers.values.len() == batch * outliers.columns.len(),
            "activations of the outliers"
        );
    }

    /// Applies it to the rows of one panel, which its thread alone has computed.
    pub(super) fn apply(
        &self,
        level: Level,
        panel: Panel,
        input: Input<'_>,
        out: &DisjointRows<f32>,
    ) {
        if self.is_empty() {
            return;
        }
        let outliers = &input.quantized.outliers;
        let count = outliers.columns.len();
        for row in panel.from..panel.batch {
            // SAFETY: a panel is computed by one thread and panels are disjoint;
            // the reference ends with the round.
            let out = unsafe { out.part(row, panel.first, panel.count) };
            let part = RowPart {
                epilogue: *self,
                first: panel.first,
                inputs: &outliers.values[row * count..(row + 1) * count],
            };
            apply_to_row(level, part, out);
        }
    }
}

/// A part of one row.
#[derive(Clone, Copy)]
struct RowPart<'a> {
    epilogue: Epilogue<'a>,
    /// The first matrix row of the part.
    first: usize,
    /// The row's activations in the outlier columns.
    inputs: &'a [f32],
}

dispatch! {
    fn apply_to_row(row: RowPart<'_>, out: &mut [f32]) = apply_to_row_body
}

#[inline(always)]
fn apply_to_row_body(row: RowPart<'_>, out: &mut [f32]) {
    // A length that the compiler knows, where the panel is whole.
    if let Ok(whole) = <&mut [f32; PANEL_ROWS]>::try_from(&mut *out) {
        let part = |all: &[f32], start: usize| {
            let mut part = [0.0; PANEL_ROWS];
            part.copy_from_slice(&all[start..start + PANEL_ROWS]);
            part
        };
        apply_with(row, whole, part);
    } else {
        let count = out.len();
        apply_with(row, out, |all, start| all[start..start + count].to_vec());
    }
}

#[inline(always)]
fn apply_with<P: AsRef<[f32]>>(
    row: RowPart<'_>,
    out: &mut [f32],
    part: impl Fn(&[f32], usize) -> P,
) {
    let Epilogue {
        bias,
        outliers,
        gelu,
    } = row.epilogue;
    if !bias.is_empty() {
        for (out, bias) in out.iter_mut().zip(part(bias, row.first).as_ref()) {
            *out += bias;
        }
    }
    if !outliers.is_empty() {
        let length = outliers.len() / row.inputs.len().max(1);
        for (at, &x) in row.inputs.iter().enumerate() {
            let weights = part(outliers, at * length + row.first);
            for (out, weight) in out.iter_mut().zip(weights.as_ref()) {
                *out = weight.mul_add(x, *out);
            }
        }
    }
    if gelu {
        gelu_body(out);
    }
}
