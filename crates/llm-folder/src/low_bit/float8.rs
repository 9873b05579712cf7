//! Floats of 8 bits (OCP's E4M3), with a scale for the matrix, each row, each group of a
//! row or each block of rows and columns.

use super::codes::Codes;
use super::matrix::{Groups, Matrix};
use super::numbers::{Coding, Numbers, Zeros};
use super::parts::{Part, Parts};
use super::values::Values;

/// Returns the matrix of the parts; `block` has so many rows and columns.
pub(super) fn matrix(parts: &Parts, block: Option<(usize, usize)>) -> Result<Matrix, String> {
    let weight = parts.need(".weight")?.of(&["F8_E4M3"])?;
    if let Some(zeros) = parts.get(".weight_zero_point") {
        return Err(zeros.misfit());
    }
    let scales = match parts.get(".weight_scale_inv") {
        Some(scales) => scales,
        None => parts.need(".weight_scale")?,
    };
    let coding = if matches!(scales.dtype.as_str(), "F8_E8M0" | "U8") {
        Coding::E8m0
    } else {
        Coding::Float
    };
    let numbers = match coding {
        Coding::E8m0 => Numbers {
            part: scales.clone(),
            coding,
            is_transposed: false,
            factor: 1.0,
        },
        _ => Numbers::floats(scales)?,
    };
    bytes(weight, Values::e4m3(), numbers, Zeros::Same(0), block)
}

/// Returns the matrix of a part that has a byte for each element.
pub(super) fn bytes(
    weight: &Part,
    values: Values,
    scales: Numbers,
    zeros: Zeros,
    block: Option<(usize, usize)>,
) -> Result<Matrix, String> {
    let [rows, columns] = *weight.shape.as_slice() else {
        return Err(weight.misfit());
    };
    Ok(Matrix {
        shape: vec![columns as u64, rows as u64],
        rows,
        columns,
        part: weight.clone(),
        codes: Codes::Along {
            bits: 8,
            stride: columns,
        },
        values,
        groups: groups(&scales.part, rows, columns, block)?,
        scales,
        zeros,
        offsets: None,
    })
}

/// Returns which elements share each of the scales.
pub(super) fn groups(
    scales: &Part,
    rows: usize,
    columns: usize,
    block: Option<(usize, usize)>,
) -> Result<Groups, String> {
    let of = |columns: usize, of_rows: usize| Groups::Blocks {
        columns: columns.max(1),
        rows: of_rows.max(1),
        of_matrix: rows,
    };
    if scales.elements() == 1 {
        return Ok(of(columns, rows));
    }
    match (scales.shape.as_slice(), block) {
        ([down, across], Some((block_rows, block_columns)))
            if *down == rows.div_ceil(block_rows) && *across == columns.div_ceil(block_columns) =>
        {
            Ok(of(block_columns, block_rows))
        }
        ([down], _) | ([down, 1], _) if *down == rows => Ok(of(columns, 1)),
        ([down, across], _) if *down == rows && *across > 0 && columns.is_multiple_of(*across) => {
            Ok(of(columns / across, 1))
        }
        _ => Err(scales.misfit()),
    }
}
