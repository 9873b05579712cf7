//! One tensor by its name and the shape that it must have → a matrix, some of its rows, a stack of
//! them, or a vector.
//!
//! Whatever is found is noted, so that what is left can be told, see `rest`.

use std::sync::Arc;

use llm_kernels::block::Format;
use llm_kernels::dequantize::dequantize_row;
use llm_kernels::mmap::Mapping;

use super::Loader;
use crate::weights::{Linear, WeightsError};
use llm_gguf::TensorInfo;

/// Rows `first..first + rows` of a tensor that has `all` of them.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub(super) first: usize,
    pub(super) rows: usize,
    pub(super) all: usize,
}

/// What the products of a matrix are multiplied by, and what is added to them then.
#[derive(Default)]
struct Factors {
    scales: Option<Vec<f32>>,
    bias: Option<Vec<f32>>,
}

impl Rows {
    pub(super) fn whole(rows: usize) -> Self {
        Self {
            first: 0,
            rows,
            all: rows,
        }
    }
}

impl<'a> Loader<'a> {
    pub(super) fn has(&self, name: &str) -> bool {
        self.gguf.tensor(&format!("{name}.weight")).is_some()
    }

    /// Returns a tensor and notes that it was found: the one way to one.
    fn look_up(&self, name: &str) -> Option<&'a TensorInfo> {
        let found = self.gguf.tensor(name);
        self.taken
            .borrow_mut()
            .extend(found.map(|it| it.name.as_str()));
        found
    }

    pub(super) fn tensor(&self, name: &str) -> Result<&'a TensorInfo, WeightsError> {
        self.look_up(name)
            .ok_or_else(|| WeightsError::Missing(name.to_owned()))
    }

    /// Returns the rows of the matrix `name`, 0 where it is none.
    pub(in crate::weights) fn matrix_rows(&self, name: &str) -> Result<usize, WeightsError> {
        let tensor = self.tensor(&format!("{name}.weight"))?;
        Ok(tensor.shape.get(1).copied().unwrap_or(0) as usize)
    }

    /// Returns a matrix of which only rows are read, which no bias is added to.
    pub(in crate::weights) fn table(
        &self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Linear, WeightsError> {
        let tensor = self.tensor(&format!("{name}.weight"))?;
        check_shape(tensor, &[columns, rows])?;
        self.slice(tensor, 0, rows, columns, Factors::default())
    }

    pub(in crate::weights) fn linear(
        &self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Linear, WeightsError> {
        self.rows_of(name, Rows::whole(rows), columns)
    }

    /// Returns a matrix of which a tensor by the name of a factor is none.
    pub(super) fn unscaled(
        &self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Linear, WeightsError> {
        self.rows_with(name, Rows::whole(rows), columns, None)
    }

    /// Returns some rows of a matrix as a matrix.
    pub(super) fn rows_of(
        &self,
        name: &str,
        part: Rows,
        columns: usize,
    ) -> Result<Linear, WeightsError> {
        let scales = self.scales(name, part.all)?;
        self.rows_with(name, part, columns, scales)
    }

    /// The same with factors of the whole matrix.
    fn rows_with(
        &self,
        name: &str,
        part: Rows,
        columns: usize,
        scales: Option<Vec<f32>>,
    ) -> Result<Linear, WeightsError> {
        let tensor = self.tensor(&format!("{name}.weight"))?;
        check_shape(tensor, &[columns, part.all])?;
        let own = |numbers: Vec<f32>| match numbers.len() {
            1 => numbers,
            _ => numbers[part.first..part.first + part.rows].to_vec(),
        };
        let bias = self.optional_vector(&format!("{name}.bias"), part.all)?;
        let factors = Factors {
            scales: scales.map(own),
            bias: bias.map(own),
        };
        Ok(Linear {
            place: Some(self.place(name, part, columns, None)),
            ..self.slice(tensor, part.first, part.rows, columns, factors)?
        })
    }

    /// Returns what the products of a matrix are multiplied by: one number, or one a
    /// row.
    fn scales(&self, name: &str, rows: usize) -> Result<Option<Vec<f32>>, WeightsError> {
        let Some(scales) = self.look_up(&format!("{name}.scale")) else {
            return Ok(None);
        };
        let count = if scales.elements() == 1 { 1 } else { rows };
        self.floats(scales, &[count]).map(Some)
    }

    /// Returns rows of a matrix of `all` in another order, as a matrix in memory.
    pub(super) fn gathered(
        &self,
        name: &str,
        rows: &[usize],
        all: usize,
        columns: usize,
    ) -> Result<Linear, WeightsError> {
        let whole = self.rows_of(name, Rows::whole(all), columns)?;
        // Its rows stand nowhere together, so that no adapter can add to them.
        self.places.borrow_mut().pop();
        let matrix = whole.matrix();
        let length = rows.len() * whole.format.row_bytes(columns);
        let mapping = Mapping::anonymous(length, |out| {
            let places = out.chunks_exact_mut(whole.format.row_bytes(columns));
            for (out, &row) in places.zip(rows) {
                out.copy_from_slice(matrix.row(row));
            }
        });
        let own = |numbers: &Vec<f32>| match numbers.as_slice() {
            &[one] => vec![one],
            all => rows.iter().map(|&row| all[row]).collect(),
        };
        Ok(Linear {
            place: None,
            scales: whole.scales.as_ref().map(own),
            bias: whole.bias.as_ref().map(own),
            mapping: Arc::new(mapping.map_err(|error| WeightsError::NoMemory {
                name: name.to_owned(),
                reason: error.to_string(),
            })?),
            range: 0..length,
            rows: rows.len(),
            ..whole
        })
    }

    /// Returns the matrices of a stack, (`count`, rows, columns), whose biases
    /// are (`count`, rows).
    pub(super) fn stack(
        &self,
        name: &str,
        count: usize,
        rows: usize,
        columns: usize,
    ) -> Result<Vec<Linear>, WeightsError> {
        self.stack_of(name, count, Rows::whole(rows), columns)
    }

    /// Returns some rows of each matrix of a stack.
    pub(super) fn stack_of(
        &self,
        name: &str,
        count: usize,
        part: Rows,
        columns: usize,
    ) -> Result<Vec<Linear>, WeightsError> {
        let tensor = self.tensor(&format!("{name}.weight"))?;
        check_shape(tensor, &[columns, part.all, count])?;
        let biases = self
            .look_up(&format!("{name}.bias"))
            .map(|tensor| self.floats(tensor, &[part.all, count]))
            .transpose()?;
        let matrix = |index: usize| {
            let first = index * part.all + part.first;
            let bias = biases
                .as_ref()
                .map(|all| all[first..first + part.rows].to_vec());
            let factors = Factors { scales: None, bias };
            Ok(Linear {
                place: Some(self.place(name, part, columns, Some((index, count)))),
                ..self.slice(tensor, first, part.rows, columns, factors)?
            })
        };
        (0..count).map(matrix).collect()
    }

    /// Returns `rows` rows of a checked tensor from row `first` on.
    fn slice(
        &self,
        tensor: &TensorInfo,
        first: usize,
        rows: usize,
        columns: usize,
        factors: Factors,
    ) -> Result<Linear, WeightsError> {
        let format = runnable(tensor)?;
        let mapping = Arc::clone(self.gguf.mapping(tensor));
        let offset = tensor.offset as usize;
        Ok(Linear {
            scales: factors.scales,
            bias: factors.bias,
            ..Linear::at(mapping, offset, format, first, rows, columns)
        })
    }

    pub(in crate::weights) fn vector(
        &self,
        name: &str,
        length: usize,
    ) -> Result<Vec<f32>, WeightsError> {
        self.floats(self.tensor(name)?, &[length])
    }

    pub(in crate::weights) fn optional_vector(
        &self,
        name: &str,
        length: usize,
    ) -> Result<Option<Vec<f32>>, WeightsError> {
        let found = self.look_up(name);
        found.map(|it| self.floats(it, &[length])).transpose()
    }

    pub(super) fn floats(
        &self,
        tensor: &TensorInfo,
        shape: &[usize],
    ) -> Result<Vec<f32>, WeightsError> {
        check_shape(tensor, shape)?;
        let mut out = vec![0.0; shape.iter().product()];
        let format = runnable(tensor)?;
        let bytes = self.gguf.bytes(tensor);
        let row = format.row_bytes(shape[0]);
        for (out, bytes) in out.chunks_exact_mut(shape[0]).zip(bytes.chunks_exact(row)) {
            dequantize_row(format, bytes, out);
        }
        Ok(out)
    }
}

fn runnable(tensor: &TensorInfo) -> Result<Format, WeightsError> {
    tensor.dtype.format().ok_or_else(|| WeightsError::Type {
        name: tensor.name.clone(),
        dtype: tensor.dtype.to_string(),
    })
}

fn check_shape(tensor: &TensorInfo, expected: &[usize]) -> Result<(), WeightsError> {
    let text = |shape: &[u64]| {
        shape
            .iter()
            .map(u64::to_string)
            .collect::<Vec<_>>()
            .join(" x ")
    };
    let expected: Vec<u64> = expected.iter().map(|&extent| extent as u64).collect();
    if without_ones(&tensor.shape) == without_ones(&expected) && !expected.contains(&0) {
        return Ok(());
    }
    Err(WeightsError::Shape {
        name: tensor.name.clone(),
        found: text(&tensor.shape),
        expected: text(&expected),
    })
}

/// Returns a shape without the extents of 1 at its end, which some files have where
/// others have none: the bytes are the same.
fn without_ones(shape: &[u64]) -> &[u64] {
    let last = shape.iter().rposition(|&extent| extent != 1);
    &shape[..last.map_or(0, |at| at + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use llm_gguf::TensorType;

    #[test]
    fn extents_of_one_at_the_end_say_nothing() {
        let check = |shape: &[u64], expected: &[usize]| {
            let tensor = TensorInfo {
                name: "t".to_owned(),
                shape: shape.to_vec(),
                dtype: TensorType(0),
                shard: 0,
                offset: 0,
                size: None,
            };
            check_shape(&tensor, expected).is_ok()
        };
        assert!(check(&[8, 1], &[8]) && check(&[8], &[8, 1]) && check(&[1], &[1]));
        assert!(!check(&[1, 8], &[8]) && !check(&[8, 2], &[8]) && !check(&[0], &[0]));
    }
}
