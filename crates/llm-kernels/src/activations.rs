//! Activations as 8-bit integers with a scale for every 32, made once and used
//! by every matrix that multiplies them.

use crate::pool::{DisjointRows, Pool};
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
    /// (rows, columns / 32)
    pub(crate) scales: Vec<f32>,
    /// (rows, columns / 16): sums of the quants.
    pub(crate) sums: Vec<i32>,
    /// (rows, columns / 32): sums of the quants.
    pub(crate) group_sums: Vec<i32>,
    /// (rows, columns / 32): the same, times the scales.
    pub(crate) scaled_sums: Vec<f32>,
}

impl Activations {
    /// Returns the number of rows that were quantized last.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Quantizes `input`, (rows, `columns`), into this buffer.
    ///
    /// `scale = largest magnitude / 127` of each 32 columns, quants rounded to
    /// the nearest. With columns that are no multiple of 32 nothing is
    /// quantized: no quantized format has such rows.
    pub fn quantize(&mut self, level: Level, pool: &Pool, input: &[f32], columns: usize) {
        self.columns = columns;
        self.rows = input.len() / columns.max(1);
        if !columns.is_multiple_of(GROUP) {
            return;
        }
        self.quants.resize(input.len(), 0);
        self.scales.resize(input.len() / GROUP, 0.0);
        self.sums.resize(input.len() / SUM_GROUP, 0);
        self.group_sums.resize(input.len() / GROUP, 0);
        self.scaled_sums.resize(input.len() / GROUP, 0.0);
        let quants = DisjointRows::new(&mut self.quants, columns);
        let scales = DisjointRows::new(&mut self.scales, columns / GROUP);
        let sums = DisjointRows::new(&mut self.sums, columns / SUM_GROUP);
        let group_sums = DisjointRows::new(&mut self.group_sums, columns / GROUP);
        let scaled_sums = DisjointRows::new(&mut self.scaled_sums, columns / GROUP);
        pool.for_each(self.rows, |row| {
            let input = &input[row * columns..(row + 1) * columns];
            // SAFETY: `for_each` hands every row out exactly once.
            let row = unsafe {
                QuantizedRow {
                    quants: quants.row(row),
                    scales: scales.row(row),
                    sums: sums.row(row),
                    group_sums: group_sums.row(row),
                    scaled_sums: scaled_sums.row(row),
                }
            };
            quantize_row(level, input, row);
        });
    }
}

/// Where one row goes; see [`Activations`].
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
    let groups = input
        .chunks_exact(GROUP)
        .zip(row.quants.chunks_exact_mut(GROUP));
    let halves = row.sums.chunks_exact_mut(GROUP / SUM_GROUP);
    let sums = halves.zip(row.group_sums.iter_mut().zip(row.scaled_sums));
    let results = row.scales.iter_mut().zip(sums);
    for ((input, quants), (scale, (halves, (sum, scaled)))) in groups.zip(results) {
        let largest = largest_magnitude(input);
        let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
        for (quant, x) in quants.iter_mut().zip(input) {
            *quant = rounded(x * inverse);
        }
        *scale = best_scale(input, quants);
        for (half, quants) in halves.iter_mut().zip(quants.chunks_exact(SUM_GROUP)) {
            *half = quants.iter().map(|&quant| i32::from(quant)).sum();
        }
        *sum = halves.iter().sum();
        *scaled = *scale * *sum as f32;
    }
}

/// Returns the largest magnitude, by eight lanes, since the compiler keeps the
/// order of a single chain; NaN counts as nothing.
#[inline(always)]
fn largest_magnitude(input: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    for input in input.chunks_exact(8) {
        for (most, x) in lanes.iter_mut().zip(input) {
            *most = if x.abs() > *most { x.abs() } else { *most };
        }
    }
    lanes.iter().fold(0.0_f32, |most, lane| most.max(*lane))
}

/// Rounds to the nearest integer, ties to even, for magnitudes up to 127. Infinite
/// numbers and the usual NaN become 0.
///
/// Adding 1.5 * 2^23 leaves no bits for a fraction, so the addition itself rounds
/// and the integer stands in the lowest bits. A cast would check for NaN, which
/// keeps the compiler from using wide registers.
#[inline(always)]
fn rounded(x: f32) -> i8 {
    const SHIFT: f32 = 12_582_912.0;
    (x + SHIFT).to_bits().wrapping_sub(SHIFT.to_bits()) as i8
}

/// Returns the scale that brings `quants` closest to `input` in the mean square,
/// `sum(x q) / sum(q q)`: a little closer than `largest / 127`.
#[inline(always)]
fn best_scale(input: &[f32], quants: &[i8]) -> f32 {
    let (mut products, mut squares) = ([0.0_f32; 8], [0.0_f32; 8]);
    for (input, quants) in input.chunks_exact(8).zip(quants.chunks_exact(8)) {
        let sums = products.iter_mut().zip(&mut squares);
        for ((x, quant), (product, square)) in input.iter().zip(quants).zip(sums) {
            let quant = f32::from(*quant);
            *product += x * quant;
            *square += quant * quant;
        }
    }
    let squares: f32 = squares.iter().sum();
    if squares > 0.0 {
        products.iter().sum::<f32>() / squares
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_that_of_the_standard_library() {
        let mut x = -127.0_f32;
        while x <= 127.0 {
            assert_eq!(rounded(x), x.round_ties_even() as i8, "{x}");
            x += 0.125;
        }
        assert_eq!(rounded(f32::INFINITY), 0);
        assert_eq!(rounded(f32::NAN), 0);
    }

    #[test]
    fn no_quant_leaves_its_range_and_tiny_groups_become_zero() {
        let mut input = [1e-41_f32; 64];
        for (index, x) in input[32..].iter_mut().enumerate() {
            *x = (index as f32 * 0.37).sin() * 3e38;
        }
        let mut row = Activations::default();
        row.quantize(Level::Scalar, &Pool::new(1).unwrap(), &input, 64);
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
}
