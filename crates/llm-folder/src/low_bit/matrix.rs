//! A quantized matrix as it lies in the files, and its rows as numbers.

use std::ops::Range;
use std::sync::Arc;

use llm_kernels::mmap::Mapping;

use super::codes::Codes;
use super::numbers::{Numbers, Zeros};
use super::parts::Part;
use super::values::Values;

/// A matrix, or a stack of them: weight = scale * (value of its code - zero) + offset,
/// with a scale, zero and offset for each group.
#[derive(Debug)]
pub(crate) struct Matrix {
    /// Extents, the fastest-running first.
    pub(crate) shape: Vec<u64>,
    /// Rows of all matrices.
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) part: Part,
    pub(super) codes: Codes,
    pub(super) values: Values,
    pub(super) groups: Groups,
    pub(super) scales: Numbers,
    pub(super) zeros: Zeros,
    pub(super) offsets: Option<Numbers>,
}

/// Which elements share a scale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Groups {
    /// So many neighbours in each of so many rows; in a stack, rows end with a matrix.
    Blocks {
        columns: usize,
        rows: usize,
        /// Rows of a matrix.
        of_matrix: usize,
    },
    /// Those whose columns name one: GPTQ's act-order.
    Named(Vec<u32>),
    /// So many neighbours in the order of all elements.
    Flat(usize),
}

/// The numbers of all groups.
#[derive(Debug)]
pub(crate) struct Grid {
    pub(super) scales: Vec<f32>,
    /// One for each, or one for all.
    pub(super) zeros: Vec<i16>,
    /// One for each, or none.
    pub(super) offsets: Vec<f32>,
}

impl Grid {
    pub(super) fn zero(&self, group: usize) -> i16 {
        match self.zeros.as_slice() {
            [zero] => *zero,
            zeros => zeros[group],
        }
    }

    pub(super) fn offset(&self, group: usize) -> f32 {
        self.offsets.get(group).copied().unwrap_or(0.0)
    }
}

impl Matrix {
    /// Returns the groups beside each other in a row, and the rows of groups.
    pub(super) fn grid_shape(&self) -> (usize, usize) {
        match &self.groups {
            Groups::Blocks {
                columns,
                rows,
                of_matrix,
            } => {
                let stacked = self.rows / of_matrix.max(&1);
                let rows = of_matrix.div_ceil(*rows) * stacked;
                (self.columns.div_ceil(*columns), rows)
            }
            Groups::Named(names) => {
                let last = names.iter().max().copied().unwrap_or(0);
                let there = self.scales.part.elements() / self.rows.max(1);
                (there.max(last as usize + 1), self.rows)
            }
            Groups::Flat(block) => ((self.rows * self.columns).div_ceil(*block), 1),
        }
    }

    /// Checks that all parts have the sizes that they should.
    ///
    /// # Errors
    /// The part that does not.
    pub(super) fn checked(self) -> Result<Self, String> {
        let there = self.part.elements() * self.part.width();
        if self.rows == 0 || self.columns == 0 {
            return Err(self.part.misfit());
        }
        if self.codes.size(self.rows, self.columns) != Some(there) {
            return Err(self.part.misfit());
        }
        let (groups, rows) = self.grid_shape();
        let count = groups.checked_mul(rows);
        let numbers = [Some(&self.scales), self.offsets.as_ref()];
        for numbers in numbers.into_iter().flatten() {
            if Some(numbers.part.elements()) != count {
                return Err(numbers.part.misfit());
            }
        }
        if let Zeros::Coded { part, codes, .. } = &self.zeros
            && codes.size(rows, groups) != Some(part.elements() * part.width())
        {
            return Err(part.misfit());
        }
        Ok(self)
    }

    /// Reads the numbers of all groups.
    ///
    /// # Errors
    /// One that is infinite or not a number.
    pub(crate) fn grid(&self, shards: &[Arc<Mapping>]) -> Result<Grid, String> {
        let (groups, rows) = self.grid_shape();
        let offsets = self.offsets.as_ref();
        Ok(Grid {
            scales: self.scales.read(groups, shards)?,
            zeros: self.zeros.read(rows, groups, shards),
            offsets: offsets.map_or(Ok(Vec::new()), |offsets| offsets.read(groups, shards))?,
        })
    }

    /// Returns its codes as they lie in the file.
    pub(super) fn bytes<'a>(&self, shards: &'a [Arc<Mapping>]) -> &'a [u8] {
        self.part.bytes(shards)
    }

    /// Calls `take` with the columns of each group of a row, and the group's index.
    pub(super) fn for_groups(&self, row: usize, mut take: impl FnMut(Range<usize>, usize)) {
        match &self.groups {
            Groups::Blocks {
                columns,
                rows,
                of_matrix,
            } => {
                let (matrix, within) = (row / of_matrix, row % of_matrix);
                let group_row = matrix * of_matrix.div_ceil(*rows) + within / rows;
                let groups = self.columns.div_ceil(*columns);
                for group in 0..groups {
                    let first = group * columns;
                    let end = self.columns.min(first.saturating_add(*columns));
                    take(first..end, group_row * groups + group);
                }
            }
            Groups::Named(names) => {
                let (groups, _) = self.grid_shape();
                for (column, name) in names.iter().enumerate() {
                    take(column..column + 1, row * groups + *name as usize);
                }
            }
            Groups::Flat(block) => {
                let mut column = 0;
                while column < self.columns {
                    let element = row * self.columns + column;
                    let end = self.columns.min(column + block - element % block);
                    take(column..end, element / block);
                    column = end;
                }
            }
        }
    }

    /// Writes the weights of a row; `codes` is room for as many.
    pub(super) fn floats(
        &self,
        grid: &Grid,
        bytes: &[u8],
        row: usize,
        codes: &mut [u8],
        out: &mut [f32],
    ) {
        self.codes.row(bytes, row, codes);
        self.for_groups(row, |columns, group| {
            let (scale, offset) = (grid.scales[group], grid.offset(group));
            let pairs = codes[columns.clone()].iter().zip(&mut out[columns]);
            if let Values::Table { numbers, .. } = &self.values {
                for (code, out) in pairs {
                    *out = scale * numbers[usize::from(*code)];
                }
                return;
            }
            let zero = grid.zero(group);
            for (code, out) in pairs {
                *out = scale * f32::from(self.values.integer(*code) - zero) + offset;
            }
        });
    }
}
