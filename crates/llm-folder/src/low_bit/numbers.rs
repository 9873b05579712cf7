//! The numbers beside a matrix's codes: scales, offsets and zero points, read into
//! memory one for each group.

use std::sync::Arc;

use half::{bf16, f16};
use llm_kernels::mmap::Mapping;

use super::codes::Codes;
use super::parts::Part;
use super::values::{e4m3, e8m0};

/// Numbers of a tensor, one for each group of a matrix.
#[derive(Debug)]
pub(super) struct Numbers {
    pub(super) part: Part,
    pub(super) coding: Coding,
    /// The tensor has (groups, rows) where (rows, groups) is meant.
    pub(super) is_transposed: bool,
    /// What each is multiplied by.
    pub(super) factor: f32,
}

/// How numbers are stored.
#[derive(Debug)]
pub(super) enum Coding {
    /// As floats of the tensor's type.
    Float,
    /// As exponents of two, in bytes.
    E8m0,
    /// As floats of 8 bits, in bytes.
    E4m3,
    /// As places in a table, a byte each, with a scale for each block of them and a
    /// number that is added to all: bitsandbytes' double quantization.
    Nested {
        /// 256 floats.
        table: Part,
        /// One for each block.
        scales: Part,
        block: usize,
        offset: f32,
    },
}

impl Numbers {
    /// Returns those of a tensor that is stored in floats.
    pub(super) fn floats(part: &Part) -> Result<Self, String> {
        Ok(Self {
            part: part.of(&["F32", "F16", "BF16"])?.clone(),
            coding: Coding::Float,
            is_transposed: false,
            factor: 1.0,
        })
    }

    /// Reads them, in rows of `groups`.
    ///
    /// # Errors
    /// One that is infinite or not a number.
    pub(super) fn read(&self, groups: usize, shards: &[Arc<Mapping>]) -> Result<Vec<f32>, String> {
        let stored = self.stored(shards);
        let rows = stored.len() / groups.max(1);
        let mut numbers = if self.is_transposed {
            let of_row = |row: usize| (0..groups).map(move |group| group * rows + row);
            (0..rows).flat_map(of_row).map(|at| stored[at]).collect()
        } else {
            stored
        };
        for number in &mut numbers {
            *number *= self.factor;
        }
        if numbers.iter().all(|number| number.is_finite()) {
            return Ok(numbers);
        }
        Err(format!(
            "the tensor '{}' holds scales that are infinite or no numbers",
            self.part.name
        ))
    }

    fn stored(&self, shards: &[Arc<Mapping>]) -> Vec<f32> {
        let bytes = self.part.bytes(shards);
        match &self.coding {
            Coding::Float => floats(&self.part, shards),
            Coding::E8m0 => bytes.iter().map(|&byte| e8m0(byte)).collect(),
            Coding::E4m3 => bytes.iter().map(|&byte| e4m3(byte)).collect(),
            Coding::Nested {
                table,
                scales,
                block,
                offset,
            } => {
                let (table, scales) = (floats(table, shards), floats(scales, shards));
                let at = |(index, &byte): (usize, &u8)| {
                    table[usize::from(byte)] * scales[index / block] + offset
                };
                bytes.iter().enumerate().map(at).collect()
            }
        }
    }
}

/// Returns the floats of a tensor of F32, F16 or BF16.
pub(super) fn floats(part: &Part, shards: &[Arc<Mapping>]) -> Vec<f32> {
    let bytes = part.bytes(shards);
    let pairs = || bytes.chunks_exact(2).map(|two| [two[0], two[1]]);
    match part.dtype.as_str() {
        "F16" => pairs()
            .map(|two| f16::from_le_bytes(two).to_f32())
            .collect(),
        "BF16" => pairs()
            .map(|two| bf16::from_le_bytes(two).to_f32())
            .collect(),
        _ => {
            let fours = bytes.chunks_exact(4);
            let four = |four: &[u8]| f32::from_le_bytes([four[0], four[1], four[2], four[3]]);
            fours.map(four).collect()
        }
    }
}

/// What is subtracted from the codes of each group.
#[derive(Debug)]
pub(super) enum Zeros {
    /// The same from all.
    Same(i16),
    /// Codes (row, group), and what is added to each.
    Coded {
        part: Part,
        codes: Codes,
        more: i16,
        /// They are 8 bits with a sign.
        is_signed: bool,
    },
}

impl Zeros {
    /// Reads them, (rows, groups), or one for all.
    pub(super) fn read(&self, rows: usize, groups: usize, shards: &[Arc<Mapping>]) -> Vec<i16> {
        match self {
            Self::Same(zero) => vec![*zero],
            Self::Coded {
                part,
                codes,
                more,
                is_signed,
            } => {
                let bytes = part.bytes(shards);
                let mut row_codes = vec![0; groups];
                let mut zeros = Vec::with_capacity(rows * groups);
                for row in 0..rows {
                    codes.row(bytes, row, &mut row_codes);
                    zeros.extend(row_codes.iter().map(|&code| {
                        let zero = if *is_signed {
                            i16::from(code.cast_signed())
                        } else {
                            i16::from(code)
                        };
                        zero + more
                    }));
                }
                zeros
            }
        }
    }
}
