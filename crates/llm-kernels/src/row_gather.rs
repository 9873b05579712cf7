//! Products of some rows of a matrix with one activation row: those of [`matmul::multiply`], to the bit.

use crate::matmul::{self, Input, Matrix};
use crate::pool::Pool;
use crate::simd::Level;

/// Rows that are multiplied, copied side by side.
#[derive(Debug, Default)]
pub struct RowGather {
    bytes: Vec<u8>,
    products: Vec<f32>,
}

impl RowGather {
    /// Multiplies `rows` of `matrix` with the single row of `input`, and returns their products, in the
    /// order of `rows`.
    ///
    /// # Panics
    /// If a row is beyond the matrix, or the input does not fit.
    pub fn multiply(
        &mut self,
        level: Level,
        pool: &Pool,
        matrix: &Matrix<'_>,
        input: Input<'_>,
        rows: &[usize],
    ) -> &[f32] {
        self.products.clear();
        if rows.is_empty() {
            return &self.products;
        }
        let row_bytes = matrix.format().row_bytes(matrix.columns());
        self.bytes.resize(rows.len() * row_bytes, 0);
        pool.for_each_row(&mut self.bytes, row_bytes, |at, bytes| {
            bytes.copy_from_slice(matrix.row(rows[at]));
        });
        let gathered = Matrix::new(matrix.format(), &self.bytes, rows.len(), matrix.columns())
            .expect("whole rows of a matrix");
        self.products.resize(rows.len(), 0.0);
        let mut products = [(gathered, self.products.as_mut_slice())];
        matmul::multiply(level, pool, input, &mut products, &[]);
        &self.products
    }
}
