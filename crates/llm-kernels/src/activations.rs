//! Activations as 8-bit integers with a scale for every 32, made once and used
//! by every matrix that multiplies them.

use crate::pool::{DisjointRows, Pool};
use crate::prefetch::IdlePrefetch;
use crate::simd::{Level, dispatch};

/// Columns that share a scale.
pub const GROUP: usize = 32;
/// Columns that share a sum; the finest group of any weight format.
pub const SUM_GROUP: usize = 16;

/// The rows of a batch, quantized, or as they are for float weights.
#[derive(Debug, Default)]
pub struct Activations {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    /// (rows, columns), each in -127..=127.
    pub(crate) quants: Vec<i8>,
    /// (columns), without the signs, of a single row; else empty.
    pub(crate) magnitudes: Vec<i8>,
    /// (rows, columns / 32)
    pub(crate) scales: Vec<f32>,
    /// (rows, columns / 16): sums of the quants.
    pub(crate) sums: Vec<i32>,
    /// (rows, columns / 32): sums of the quants.
    pub(crate) group_sums: Vec<i32>,
    /// (rows, columns / 32): the same, times the scales.
    pub(crate) scaled_sums: Vec<f32>,
    /// The outlier columns.
    pub(crate) outliers: Outliers,
}

/// Outlier columns, which are kept as floats and are zero among the quants: the few
/// columns that are far larger than the others would cost these their precision
/// (Dettmers et al. 2022, arXiv:2208.07339).
#[derive(Debug, Default)]
pub(crate) struct Outliers {
    pub(crate) columns: Vec<usize>,
    /// (rows, `columns`)
    pub(crate) values: Vec<f32>,
}

/// How rows are quantized; see [`Activations::take`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Take<'a> {
    /// Columns that are kept as floats, in ascending order.
    pub outliers: &'a [usize],
    /// Whether only float weights follow, which need no quants.
    pub as_floats: bool,
}

impl Activations {
    /// Returns the number of rows that were quantized last.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Quantizes `input`, (rows, `columns`), into this buffer.
    ///
    /// In each 32 columns the largest magnitude becomes 127 and the others are
    /// rounded to the nearest integer, ties to even. The scale is then the one
    /// with the least square error for these integers, `sum(x q) / sum(q q)`:
    /// `largest magnitude / 127` but for what rounding took or gave. 32 columns
    /// of zeros, or of magnitudes up to 1e-36, have the scale 0; with a number
    /// among them that is not finite, NaN.
    ///
    /// With columns that are no multiple of 32 nothing is quantized: no
    /// quantized format has such rows.
    ///
    /// # Panics
    /// If `input` does not consist of whole rows.
    pub fn quantize(&mut self, level: Level, pool: &Pool, input: &[f32], columns: usize) {
        self.resize(input.len(), columns, Take::default());
        if columns.is_multiple_of(GROUP) {
            let rows = self.targets();
            let run = |row| {
                let input = &input[row * columns..(row + 1) * columns];
                // SAFETY: `for_each_in_runs` hands every row out exactly once.
                quantize_row(level, input, unsafe { rows.row(row) });
            };
            let count = input.len() / columns.max(1);
            pool.for_each_in_runs(count, run, |_| IdlePrefetch::NONE);
        }
        self.measure_single();
    }

    /// Like [`quantize`](Self::quantize), after `prepare(index, row)` for each row,
    /// which may change it. The columns `how.outliers` of the rows are kept as floats,
    /// and the products take them from [`Epilogue::outliers`](crate::matmul::Epilogue).
    ///
    /// # Panics
    /// If `input` does not consist of whole rows, or `how.outliers` are not columns of
    /// it in ascending order.
    pub fn take(
        &mut self,
        level: Level,
        pool: &Pool,
        input: &mut [f32],
        columns: usize,
        how: Take<'_>,
        prepare: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        assert!(how.outliers.is_sorted_by(|column, next| column < next));
        assert!(how.outliers.last().is_none_or(|&column| column < columns));
        self.resize(input.len(), columns, how);
        let quantizes = !how.as_floats && columns.is_multiple_of(GROUP);
        let mut values = std::mem::take(&mut self.outliers.values);
        let outliers = DisjointRows::new(&mut values, how.outliers.len());
        let rows = self.targets();
        pool.for_each_row(input, columns, |index, row| {
            prepare(index, row);
            if !quantizes {
                return;
            }
            // SAFETY: `for_each_row` hands every row out exactly once.
            let (kept, target) = unsafe { (outliers.row(index), rows.row(index)) };
            for (kept, &column) in kept.iter_mut().zip(how.outliers) {
                *kept = std::mem::take(&mut row[column]);
            }
            quantize_row(level, row, target);
            for (kept, &column) in kept.iter().zip(how.outliers) {
                row[column] = *kept;
            }
        });
        self.outliers.values = values;
        self.measure_single();
    }

    /// Becomes one row like that of `other`, with the scale of each group times a
    /// factor of its own, (columns / 32).
    pub(crate) fn scale_groups(&mut self, other: &Self, factors: &[f32]) {
        assert_eq!(other.quants.len(), other.columns, "one quantized row");
        assert_eq!(
            factors.len(),
            other.columns / GROUP,
            "factors of the groups"
        );
        self.resize(other.columns, other.columns, Take::default());
        self.quants.copy_from_slice(&other.quants);
        self.sums.copy_from_slice(&other.sums);
        self.group_sums.copy_from_slice(&other.group_sums);
        let made = self.scales.iter_mut().zip(&mut self.scaled_sums);
        let given = other.scales.iter().zip(&other.scaled_sums).zip(factors);
        for ((scale, scaled), ((&old, &old_scaled), factor)) in made.zip(given) {
            *scale = old * factor;
            *scaled = old_scaled * factor;
        }
        self.measure_single();
    }

    /// Makes room for `count` numbers in rows of `columns`.
    fn resize(&mut self, count: usize, columns: usize, how: Take<'_>) {
        assert!(count.is_multiple_of(columns), "whole rows");
        self.columns = columns;
        self.rows = count / columns.max(1);
        let outliers = if how.as_floats { &[] } else { how.outliers };
        self.outliers.columns.clear();
        self.outliers.columns.extend_from_slice(outliers);
        self.outliers.values.resize(self.rows * outliers.len(), 0.0);
        if !columns.is_multiple_of(GROUP) || how.as_floats {
            // A quantized product of these rows must not find those before.
            self.quants.clear();
            return;
        }
        self.quants.resize(count, 0);
        self.scales.resize(count / GROUP, 0.0);
        self.sums.resize(count / SUM_GROUP, 0);
        self.group_sums.resize(count / GROUP, 0);
        self.scaled_sums.resize(count / GROUP, 0.0);
    }

    fn targets(&mut self) -> Targets {
        let columns = self.columns;
        Targets {
            quants: DisjointRows::new(&mut self.quants, columns),
            scales: DisjointRows::new(&mut self.scales, columns / GROUP),
            sums: DisjointRows::new(&mut self.sums, columns / SUM_GROUP),
            group_sums: DisjointRows::new(&mut self.group_sums, columns / GROUP),
            scaled_sums: DisjointRows::new(&mut self.scaled_sums, columns / GROUP),
        }
    }

    fn measure_single(&mut self) {
        self.magnitudes.clear();
        if self.rows == 1 {
            let magnitudes = self.quants.iter().map(|quant| quant.wrapping_abs());
            self.magnitudes.extend(magnitudes);
        }
    }
}

/// The destination of a batch; see [`Activations`].
struct Targets {
    quants: DisjointRows<i8>,
    scales: DisjointRows<f32>,
    sums: DisjointRows<i32>,
    group_sums: DisjointRows<i32>,
    scaled_sums: DisjointRows<f32>,
}

impl Targets {
    /// # Safety
    /// No two threads may have the same row, and the activations are not touched
    /// meanwhile.
    unsafe fn row(&self, row: usize) -> QuantizedRow<'_> {
        // SAFETY: passed on from the caller.
        unsafe {
            QuantizedRow {
                quants: self.quants.row(row),
                scales: self.scales.row(row),
                sums: self.sums.row(row),
                group_sums: self.group_sums.row(row),
                scaled_sums: self.scaled_sums.row(row),
            }
        }
    }
}

/// The destination of one row; see [`Activations`].
pub(crate) struct QuantizedRow<'a> {
    quants: &'a mut [i8],
    scales: &'a mut [f32],
    sums: &'a mut [i32],
    group_sums: &'a mut [i32],
    scaled_sums: &'a mut [f32],
}

dispatch! {
    /// Quantizes one row.
    pub(crate) fn quantize_row(input: &[f32], row: QuantizedRow<'_>) = quantize_row_body
}

#[inline(always)]
fn quantize_row_body(input: &[f32], row: QuantizedRow<'_>) {
    let inputs = input.as_chunks::<GROUP>().0.iter();
    let groups = inputs.zip(row.quants.as_chunks_mut::<GROUP>().0);
    let halves = row.sums.as_chunks_mut::<{ GROUP / SUM_GROUP }>().0;
    let sums = halves
        .iter_mut()
        .zip(row.group_sums.iter_mut().zip(row.scaled_sums));
    let results = row.scales.iter_mut().zip(sums);
    for ((input, quants), (scale, (halves, (sum, scaled)))) in groups.zip(results) {
        *scale = quantize_group(input, quants);
        for (half, quants) in halves.iter_mut().zip(quants.chunks_exact(SUM_GROUP)) {
            *half = quants.iter().map(|&quant| i32::from(quant)).sum();
        }
        *sum = halves.iter().sum();
        *scaled = *scale * *sum as f32;
    }
}

/// Rounds `input * 127 / largest magnitude` to the nearest integers, ties to
/// even, and returns the scale that brings these closest to `input` in the mean
/// square, `sum(x q) / sum(q q)`: a little closer than `largest / 127`. A group
/// with a number that is not finite becomes 0 with the scale NaN.
///
/// All sums are of integers, for which the compiler uses wide registers: it
/// keeps the order of a chain of floats. In `sum(x q)` the input counts in steps
/// of 1 / 4,096 of a quant's, so that no sum leaves 31 bits.
#[inline(always)]
fn quantize_group(input: &[f32; GROUP], quants: &mut [i8; GROUP]) -> f32 {
    /// Anything smaller is 0; 127 divided by it is finite.
    const LEAST: f32 = 1e-36;
    const STEPS: f32 = 4096.0;
    // As integers, magnitudes are ordered as they are as floats.
    let magnitudes = input.iter().map(|x| x.to_bits() & 0x7fff_ffff);
    let largest = f32::from_bits(magnitudes.fold(0, u32::max));
    let inverse = if largest > LEAST {
        127.0 / largest
    } else {
        0.0
    };
    let (mut products, mut squares) = (0_i32, 0_i32);
    for (quant, x) in quants.iter_mut().zip(input) {
        let x = x * inverse;
        let nearest = rounded::<1>(x);
        *quant = nearest as i8;
        products = products.wrapping_add(nearest.wrapping_mul(rounded::<4096>(x)));
        squares = squares.wrapping_add(nearest.wrapping_mul(nearest));
    }
    if squares > 0 {
        products as f32 / squares as f32 * (largest / (127.0 * STEPS))
    } else {
        // Not a number if `largest` is none or infinite.
        0.0 * largest
    }
}

/// Rounds `STEPS * x`, a power of two times a magnitude up to 127, to the nearest
/// integer, ties to even.
///
/// Adding 1.5 * 2^23 / `STEPS` leaves no bits for a finer fraction, so the
/// addition itself rounds and the integer stands in the lowest bits. A cast would
/// check for NaN, which keeps the compiler from using wide registers. The usual
/// NaN becomes a multiple of 2^22.
#[inline(always)]
fn rounded<const STEPS: u32>(x: f32) -> i32 {
    let shift = const { 12_582_912.0 / STEPS as f32 };
    (x + shift)
        .to_bits()
        .wrapping_sub(shift.to_bits())
        .cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_that_of_the_standard_library() {
        let mut x = -127.0_f32;
        while x <= 127.0 {
            assert_eq!(rounded::<1>(x), x.round_ties_even() as i32, "{x}");
            assert_eq!(rounded::<4096>(x), (4096.0 * x) as i32, "{x}");
            x += 0.125;
        }
    }

    #[test]
    fn no_quant_leaves_its_range_and_tiny_groups_become_zero() {
        let mut input = [1e-41_f32; 64];
        for (index, x) in input[32..].iter_mut().enumerate() {
            *x = (index as f32 * 0.37).sin() * 3e38;
        }
        let mut row = Activations::default();
        row.quantize(Level::SCALAR, &Pool::new(1).unwrap(), &input, 64);
        let quants = &row.quants;
        assert_eq!(
            (quants[..32].iter().max(), row.scales[0], row.sums[0]),
            (Some(&0), 0.0, 0)
        );
        assert!(quants.iter().all(|quant| *quant >= -127));
        assert_eq!(
            quants[32..].iter().map(|quant| quant.unsigned_abs()).max(),
            Some(127)
        );
    }

    #[test]
    fn outliers_are_no_quants_and_floats_need_none() {
        let pool = Pool::new(2).unwrap();
        let rows: Vec<f32> = (0..3 * 64).map(|at| (at as f32 * 0.37).sin()).collect();
        let mut input = rows.clone();
        let mut taken = Activations::default();
        let how = Take {
            outliers: &[5, 63],
            as_floats: false,
        };
        taken.take(Level::SCALAR, &pool, &mut input, 64, how, |_, row| {
            row[5] = 100.0;
        });
        for (at, row) in input.chunks_exact(64).enumerate() {
            assert_eq!(row[5], 100.0);
            assert_eq!(row[6..], rows[at * 64 + 6..(at + 1) * 64]);
            assert_eq!(taken.outliers.values[2 * at..2 * at + 2], [100.0, row[63]]);
            let quants = &taken.quants[at * 64..(at + 1) * 64];
            assert_eq!((quants[5], quants[63]), (0, 0));
            // The others' scale is that of the others.
            let largest = quants[..32].iter().map(|quant| quant.unsigned_abs()).max();
            assert_eq!(largest, Some(127));
        }
        let how = Take {
            outliers: &[5],
            as_floats: true,
        };
        taken.take(Level::SCALAR, &pool, &mut input, 64, how, |_, _| {});
        assert_eq!(
            (
                taken.rows(),
                taken.quants.len(),
                taken.outliers.values.len()
            ),
            (3, 0, 0)
        );
    }

    #[test]
    fn levels_agree_to_the_bit() {
        let pool = Pool::new(2).unwrap();
        for (rows, columns) in [(1, 32), (1, 96), (2, 32), (5, 160), (1, 1024)] {
            let count = rows * columns;
            let mut input: Vec<f32> = (0..count).map(|i| (i as f32 * 0.37).sin()).collect();
            // Ties, both zeros, and a size far from the others.
            input[..5].copy_from_slice(&[127.0, 0.5, -1.5, -0.0, 0.0]);
            input[count - 1] = 1e-20;
            let run = |level| {
                let mut made = Activations::default();
                made.quantize(level, &pool, &input, columns);
                let bits = |floats: &[f32]| floats.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                let floats = [bits(&made.scales), bits(&made.scaled_sums)];
                (
                    made.quants,
                    made.magnitudes,
                    made.sums,
                    made.group_sums,
                    floats,
                )
            };
            let judge = run(Level::SCALAR);
            assert_eq!(judge.1.len(), if rows == 1 { columns } else { 0 });
            let signs = judge.0.iter().zip(&judge.1);
            assert!(
                signs
                    .into_iter()
                    .all(|(quant, magnitude)| quant.abs() == *magnitude)
            );
            for level in Level::available() {
                assert!(run(level) == judge, "{rows}x{columns}, {level:?}");
            }
        }
    }
}
