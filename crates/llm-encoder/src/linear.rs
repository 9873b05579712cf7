//! A linear layer: a matrix as it lies in its file, or quantized, and its bias.

use std::sync::Arc;

use llm_kernels::block::Format;
use llm_kernels::dequantize::dequantize_row;
use llm_kernels::matmul::{Epilogue, Matrix};
use llm_kernels::mmap::Mapping;
use llm_kernels::quantize::QuantType;
use llm_kernels::simd::Level;

/// A matrix, (rows, columns), and what is added to its product.
pub(crate) struct Linear {
    format: Format,
    bytes: Bytes,
    rows: usize,
    columns: usize,
    /// (rows), or nothing.
    pub(crate) bias: Vec<f32>,
}

enum Bytes {
    /// Start and length within a file.
    File(Arc<Mapping>, usize, usize),
    Quantized(Vec<u8>),
}

/// A product with what finishes it and where it goes, as
/// [`multiply_with_epilogue`](llm_kernels::matmul::multiply_with_epilogue) takes it.
pub(crate) type Product<'a> = (Matrix<'a>, Epilogue<'a>, &'a mut [f32]);

impl std::fmt::Debug for Linear {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "Linear({:?}, {}, {})",
            self.format, self.rows, self.columns
        )
    }
}

impl Linear {
    /// Takes a matrix of (rows, columns) elements that begins at byte `start` of
    /// `map`; `None` where its rows are no whole blocks of its format or it does not
    /// lie within the file.
    pub(crate) fn mapped(
        map: &Arc<Mapping>,
        start: usize,
        format: Format,
        (rows, columns): (usize, usize),
    ) -> Option<Self> {
        if !columns.is_multiple_of(format.block_elements()) {
            return None;
        }
        let length = format.row_bytes(columns).checked_mul(rows)?;
        let end = start.checked_add(length)?;
        (end <= map.bytes().len()).then(|| Self {
            format,
            bytes: Bytes::File(Arc::clone(map), start, length),
            rows,
            columns,
            bias: Vec::new(),
        })
    }

    fn bytes(&self) -> &[u8] {
        match &self.bytes {
            // The extent was checked against this very map.
            Bytes::File(map, start, length) => &map.bytes()[*start..start + length],
            Bytes::Quantized(bytes) => bytes,
        }
    }

    /// Returns `rows` of its rows from `first` on, all of which it has.
    pub(crate) fn part(&self, first: usize, rows: usize) -> Self {
        let length = self.format.row_bytes(self.columns);
        let range = first * length..(first + rows) * length;
        let bytes = match &self.bytes {
            Bytes::File(map, start, _) => {
                Bytes::File(Arc::clone(map), start + range.start, range.len())
            }
            Bytes::Quantized(bytes) => Bytes::Quantized(bytes[range].to_vec()),
        };
        let bias = self.bias.get(first..first + rows).unwrap_or_default();
        Self {
            format: self.format,
            bytes,
            rows,
            columns: self.columns,
            bias: bias.to_vec(),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Returns the matrix; its sizes were checked when it was read.
    pub(crate) fn matrix(&self) -> Option<Matrix<'_>> {
        Matrix::new(self.format, self.bytes(), self.rows, self.columns)
    }

    /// Returns its product, (input rows, rows), with its bias added and through GELU
    /// where that follows. `outlier_weights` are those of the columns that the input
    /// keeps as floats, (outlier columns, rows), or nothing.
    pub(crate) fn product<'a>(
        &'a self,
        outlier_weights: &'a [f32],
        gelu: bool,
        out: &'a mut [f32],
    ) -> Option<Product<'a>> {
        let epilogue = Epilogue {
            bias: &self.bias,
            outliers: outlier_weights,
            gelu,
        };
        Some((self.matrix()?, epilogue, out))
    }

    /// Writes a row to `out`, (columns); zeros for one that it lacks.
    pub(crate) fn row(&self, row: usize, out: &mut [f32]) {
        let length = self.format.row_bytes(self.columns);
        match self.bytes().get(row * length..(row + 1) * length) {
            Some(bytes) => dequantize_row(self.format, bytes, out),
            None => out.fill(0.0),
        }
    }

    /// Returns whether its input is quantized too.
    pub(crate) fn is_quantized(&self) -> bool {
        self.format.is_quantized()
    }

    /// Returns some of its columns, (`columns`, rows).
    pub(crate) fn some_columns(&self, columns: &[usize]) -> Vec<f32> {
        let mut out = vec![0.0; columns.len() * self.rows];
        let mut weights = vec![0.0; self.columns];
        for row in 0..self.rows {
            self.row(row, &mut weights);
            for (index, &column) in columns.iter().enumerate() {
                out[index * self.rows + row] = weights[column];
            }
        }
        out
    }

    /// Returns it quantized, with zeros in the columns `outliers`; `None` where its
    /// rows are no whole blocks or it is quantized already.
    pub(crate) fn quantized(
        &self,
        level: Level,
        quant_type: QuantType,
        outliers: &[usize],
    ) -> Option<Self> {
        if self.is_quantized() || !quant_type.fits(self.columns) {
            return None;
        }
        let length = quant_type.format().row_bytes(self.columns);
        let mut bytes = vec![0; length * self.rows];
        let mut weights = vec![0.0; self.columns];
        for (row, out) in bytes.chunks_exact_mut(length).enumerate() {
            self.row(row, &mut weights);
            outliers.iter().for_each(|&column| weights[column] = 0.0);
            quant_type.quantize(level, &weights, out);
        }
        Some(Self {
            format: quant_type.format(),
            bytes: Bytes::Quantized(bytes),
            rows: self.rows,
            columns: self.columns,
            bias: self.bias.clone(),
        })
    }
}
