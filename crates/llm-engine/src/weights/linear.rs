//! A matrix that stays in the file's memory map.

use std::ops::Range;
use std::sync::Arc;

use llm_kernels::block::Format;
use llm_kernels::dequantize::dequantize_row;
use llm_kernels::matmul::Matrix;
use llm_kernels::mmap::Mapping;

use super::PlaceId;

/// A matrix in the memory map, with what its products are multiplied by and its bias.
#[derive(Debug, Clone)]
pub struct Linear {
    pub(super) mapping: Arc<Mapping>,
    pub(super) range: Range<usize>,
    pub(super) format: Format,
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// (rows), or one for all, where the file has it: the products are multiplied by it
    /// before the bias is added.
    pub scales: Option<Vec<f32>>,
    /// (rows)
    pub bias: Option<Vec<f32>>,
    /// What an adapter knows it by; `None` where none can add to it.
    pub place: Option<PlaceId>,
}

impl Linear {
    /// Returns rows `first..first + rows` of the matrix that begins at `offset`; whoever
    /// calls has checked that they are there and whole blocks.
    pub(crate) fn at(
        mapping: Arc<Mapping>,
        offset: usize,
        format: Format,
        first: usize,
        rows: usize,
        columns: usize,
    ) -> Self {
        let row = format.row_bytes(columns);
        let start = offset + first * row;
        Self {
            mapping,
            range: start..start + rows * row,
            format,
            rows,
            columns,
            scales: None,
            bias: None,
            place: None,
        }
    }

    /// Returns the matrix, (rows, columns).
    pub fn matrix(&self) -> Matrix<'_> {
        let bytes = &self.mapping.bytes()[self.range.clone()];
        Matrix::new(self.format, bytes, self.rows, self.columns)
            .expect("the sizes were checked when the tensor was found")
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Returns the storage format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Writes row `row` as floats.
    pub fn dequantize_row(&self, row: usize, out: &mut [f32]) {
        dequantize_row(self.format, self.matrix().row(row), out);
    }

    /// Returns all weights as floats, (rows, columns).
    pub fn dequantize(&self) -> Vec<f32> {
        let mut out = vec![0.0; self.rows * self.columns];
        for (row, out) in out.chunks_exact_mut(self.columns).enumerate() {
            self.dequantize_row(row, out);
        }
        out
    }
}
