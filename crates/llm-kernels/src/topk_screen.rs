//! The largest products of a matrix with one activation row, without reading all
//! of the matrix.
//!
//! A second copy of the weights in 4 bits gives an upper bound of each product; only
//! rows that can be among the largest are multiplied in full. Rounding is
//! subtractively dithered (Roberts 1962, IRE Trans. Inf. Theory 8(2); Schuchman
//! 1964, IEEE Trans. Commun. 12(4)): with a random shift of each column's steps the
//! errors of a row are independent and uniform whatever the weights are. A sum of
//! such errors is sub-Gaussian with its own variance, so that it goes beyond `z`
//! deviations with a probability below `exp(-z²/2)`.
//!
//! The products that come out are those of [`matmul::multiply`], to the bit.

use crate::activations::{Activations, GROUP};
use crate::block::Format;
use crate::dequantize::half_at;
use crate::matmul::{self, Input, Matrix};
use crate::mmap::Mapping;
use crate::pool::{DisjointRows, Pool};
use crate::row_gather::RowGather;
use crate::simd::{Level, dispatch};

/// How the codes are stored: quants of 4 bits, all with the scale 1.
const FORMAT: Format = Format::Q4_0;
/// How the matrix that is copied is stored.
const SOURCE: Format = Format::Q8_0;
/// The scale 1 as the half that a block begins with.
const ONE: [u8; 2] = [0x00, 0x3c];
/// Quantization steps between the least and the largest weight of a block.
const STEPS: f32 = 15.0;
/// Standard deviations of the error that a bound allows for: a product exceeds it once
/// in 4e10 times. The additional 0.05 covers the rounding of sums.
const DEVIATIONS: f32 = 7.0 + 0.05;
/// Rows that are sampled for the usual step of each block.
const SAMPLE: usize = 1024;
/// Rows of a chunk, of which the highest bound is kept.
const CHUNK: usize = 64;
/// Chunks whose best rows are multiplied first.
const FIRST: usize = 32;
/// If more than one row in this many would be multiplied, all are.
const SHARE: usize = 16;

/// A copy of a matrix in 4 bits, and the error bounds of its rows.
#[derive(Debug)]
pub struct TopkScreen {
    rows: usize,
    columns: usize,
    /// (rows, columns), in [`FORMAT`].
    codes: Mapping,
    /// (rows): what a row's steps are multiplied by.
    sizes: Vec<f32>,
    /// (columns / 32): steps of a block.
    steps: Vec<f32>,
    /// (columns): what is added to each of a column's quants.
    shifts: Vec<f32>,
    scratch: Scratch,
}

/// Scratch space of one search.
#[derive(Debug, Default)]
struct Scratch {
    /// The activations, their scales times the steps.
    scaled: Activations,
    /// (rows): an upper bound of each product.
    bounds: Vec<f32>,
    /// The highest bound of each chunk, and which chunk.
    highest: Vec<(f32, usize)>,
    /// Rows that are multiplied, and the products of those that were multiplied first.
    chosen: Vec<usize>,
    gather: RowGather,
    products: Vec<f32>,
}

/// Which products are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'w> {
    /// So many of the largest.
    pub count: usize,
    /// Those of these rows alone, a bit for each: row `r` is bit `r % 32` of word `r / 32`; `None` for all
    /// rows.
    pub among: Option<&'w [u32]>,
}

/// Which products have been computed.
#[derive(Debug)]
pub enum Computed<'a> {
    /// The products of all rows.
    All,
    /// The products of these rows; the others are -∞.
    Some(&'a [usize]),
}

impl TopkScreen {
    /// Returns whether a copy of such a matrix saves time: in 4 bits it is about half
    /// as large.
    pub fn suits(format: Format, rows: usize) -> bool {
        format == SOURCE && rows >= CHUNK * FIRST
    }

    /// Returns the bytes of a copy of a (`rows`, `columns`) matrix.
    pub fn bytes_for(rows: usize, columns: usize) -> u64 {
        let numbers = 4 * (rows + columns + columns / GROUP);
        (rows * FORMAT.row_bytes(columns) + numbers) as u64
    }

    /// Returns the bytes of this copy.
    pub fn bytes(&self) -> u64 {
        Self::bytes_for(self.rows, self.columns)
    }

    /// Copies a matrix; `None` if a copy would save nothing, a weight is not finite, or
    /// the system has no memory for it.
    pub fn new(level: Level, pool: &Pool, matrix: &Matrix<'_>) -> Option<Self> {
        if !Self::suits(matrix.format(), matrix.rows()) {
            return None;
        }
        let (rows, columns) = (matrix.rows(), matrix.columns());
        let steps = steps(matrix);
        let dither: Vec<f32> = (0..columns as u64).map(dither).collect();
        let mut sizes = vec![0.0; rows];
        let row_bytes = FORMAT.row_bytes(columns);
        let mapped = Mapping::anonymous_large(rows * row_bytes, |codes| {
            let targets = DisjointRows::new(codes, row_bytes);
            pool.for_each_row(&mut sizes, 1, |row, size| {
                // SAFETY: `for_each_row` hands every row out exactly once.
                let codes = unsafe { targets.row(row) };
                size[0] = quantize_row(level, matrix.row(row), &steps, &dither, codes);
            });
        });
        let codes = mapped.ok()?;
        // A size that is no number, or infinite, bounds nothing.
        sizes.iter().all(|size| size.is_finite()).then(|| Self {
            rows,
            columns,
            codes,
            sizes,
            steps,
            shifts: dither.iter().map(|dither| 1.0 - dither).collect(),
            scratch: Scratch::default(),
        })
    }

    /// Multiplies `matrix`, the one that was copied, with the single row of `input`
    /// and writes to `out`, (rows), the products of at least as many rows as are `wanted`
    /// with the largest ones; the others become -∞. One is missed with a probability of
    /// about 1e-10. Products that are NaN count as small. Where all are computed, those of
    /// rows that are not wanted stand there, too.
    ///
    /// # Panics
    /// If the matrix has another size than the one that was copied, or the input
    /// or the output does not fit.
    pub fn largest<'a>(
        &'a mut self,
        level: Level,
        pool: &Pool,
        matrix: Matrix<'_>,
        input: Input<'_>,
        wanted: Wanted<'_>,
        out: &mut [f32],
    ) -> Computed<'a> {
        assert_eq!((matrix.rows(), matrix.columns()), (self.rows, self.columns));
        assert_eq!(input.quantized.rows, 1, "rows of the input");
        if !self.bound(level, pool, input) {
            matmul::multiply(level, pool, input, &mut [(matrix, out)], &[]);
            return Computed::All;
        }
        if let Some(rows) = wanted.among {
            self.scratch.leave_out(rows);
        }
        let count = wanted.count;
        out.fill(f32::NEG_INFINITY);
        self.scratch.choose_first(count);
        self.scratch.multiply(level, pool, &matrix, input, 0, out);
        let first = self.scratch.chosen.len();
        let least = self.scratch.least(count);
        self.scratch.choose_above(least);
        if self.scratch.chosen.len() > self.rows / SHARE {
            matmul::multiply(level, pool, input, &mut [(matrix, out)], &[]);
            return Computed::All;
        }
        self.scratch
            .multiply(level, pool, &matrix, input, first, out);
        Computed::Some(&self.scratch.chosen)
    }

    /// Computes the upper bounds; false if an activation is not finite.
    fn bound(&mut self, level: Level, pool: &Pool, input: Input<'_>) -> bool {
        let scratch = &mut self.scratch;
        scratch.scaled.scale_groups(input.quantized, &self.steps);
        let (mut shift, mut variance) = (0.0_f64, 0.0_f64);
        let quants = input.quantized.quants.chunks_exact(GROUP);
        let groups = quants.zip(self.shifts.chunks_exact(GROUP));
        for ((quants, shifts), &scale) in groups.zip(&scratch.scaled.scales) {
            let products = quants.iter().zip(shifts);
            let sum: f32 = products.map(|(&quant, x)| f32::from(quant) * x).sum();
            let squares: i32 = quants.iter().map(|&quant| i32::from(quant).pow(2)).sum();
            shift += f64::from(scale) * f64::from(sum);
            variance += f64::from(scale).powi(2) * f64::from(squares) / 12.0;
        }
        let above = shift as f32 + DEVIATIONS * variance.sqrt() as f32;
        if !above.is_finite() {
            return false;
        }
        let codes = Matrix::new(FORMAT, self.codes.bytes(), self.rows, self.columns)
            .expect("the codes were made for these sizes");
        let input = Input {
            floats: input.floats,
            quantized: &scratch.scaled,
        };
        scratch.bounds.resize(self.rows, 0.0);
        let mut products = [(codes, scratch.bounds.as_mut_slice())];
        matmul::multiply(level, pool, input, &mut products, &[]);
        scratch.highest.clear();
        let sizes = self.sizes.chunks(CHUNK);
        for (chunk, (bounds, sizes)) in scratch.bounds.chunks_mut(CHUNK).zip(sizes).enumerate() {
            let highest = raise(level, bounds, sizes, above);
            scratch.highest.push((highest, chunk));
        }
        true
    }
}

impl Scratch {
    /// Bounds the rows that are not wanted by -∞.
    fn leave_out(&mut self, wanted: &[u32]) {
        const WORDS: usize = CHUNK / 32;
        for (highest, chunk) in &mut self.highest {
            let words = &wanted[(*chunk * WORDS).min(wanted.len())..];
            let words = &words[..words.len().min(WORDS)];
            if words.len() == WORDS && words.iter().all(|&word| word == u32::MAX) {
                continue;
            }
            let rows = *chunk * CHUNK..self.bounds.len().min((*chunk + 1) * CHUNK);
            *highest = f32::NEG_INFINITY;
            for (at, bound) in self.bounds[rows].iter_mut().enumerate() {
                let word = words.get(at / 32).copied().unwrap_or(0);
                if word >> (at % 32) & 1 == 0 {
                    *bound = f32::NEG_INFINITY;
                }
                *highest = highest.max(*bound);
            }
        }
    }

    /// Chooses the best rows of the best chunks, at least `count`.
    fn choose_first(&mut self, count: usize) {
        let wanted = FIRST.max(2 * count).min(self.highest.len());
        if wanted < self.highest.len() {
            self.highest
                .select_nth_unstable_by(wanted, |a, b| b.0.total_cmp(&a.0));
        }
        self.chosen.clear();
        let best = self.highest[..wanted].iter();
        for &(highest, chunk) in best.filter(|(highest, _)| *highest > f32::NEG_INFINITY) {
            let rows = chunk * CHUNK..self.bounds.len().min((chunk + 1) * CHUNK);
            let best = rows.clone().find(|&row| self.bounds[row] == highest);
            self.chosen.push(best.unwrap_or(rows.start));
        }
    }

    /// Returns the `count`th largest of the products that have been computed.
    fn least(&mut self, count: usize) -> f32 {
        let mut products = self.products.clone();
        products.retain(|product| product.is_finite());
        products.sort_unstable_by(|a, b| b.total_cmp(a));
        let least = products.get(count.max(1) - 1);
        least.copied().unwrap_or(f32::NEG_INFINITY)
    }

    /// Adds all rows whose product can be `least` or more.
    fn choose_above(&mut self, least: f32) {
        let mut first = std::mem::take(&mut self.chosen);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        let is_first = |row: &usize| sorted.binary_search(row).is_ok();
        for &(highest, chunk) in &self.highest {
            if highest < least || highest == f32::NEG_INFINITY {
                continue;
            }
            let rows = chunk * CHUNK..self.bounds.len().min((chunk + 1) * CHUNK);
            let is_high = |bound: f32| bound >= least && bound > f32::NEG_INFINITY;
            let new = rows.filter(|row| is_high(self.bounds[*row]) && !is_first(row));
            self.chosen.extend(new);
        }
        first.append(&mut self.chosen);
        self.chosen = first;
    }

    /// Multiplies the rows chosen from the `from`th on.
    fn multiply(
        &mut self,
        level: Level,
        pool: &Pool,
        matrix: &Matrix<'_>,
        input: Input<'_>,
        from: usize,
        out: &mut [f32],
    ) {
        let rows = &self.chosen[from..];
        let products = self.gather.multiply(level, pool, matrix, input, rows);
        self.products.clear();
        self.products.extend_from_slice(products);
        for (&row, &product) in rows.iter().zip(&self.products) {
            out[row] = product;
        }
    }
}

/// Returns the usual step of each block: the root mean square over a sample of rows.
fn steps(matrix: &Matrix<'_>) -> Vec<f32> {
    let (rows, columns) = (matrix.rows(), matrix.columns());
    let mut squares = vec![0.0_f64; columns / GROUP];
    let every = rows.div_ceil(SAMPLE);
    for row in (0..rows).step_by(every) {
        for (sum, block) in squares.iter_mut().zip(matrix.row(row).as_chunks().0) {
            *sum += f64::from(2.0 * largest(block) / STEPS).powi(2);
        }
    }
    let count = rows.div_ceil(every) as f64;
    let means = squares.iter().map(|sum| (sum / count).sqrt() as f32);
    // A block that is zero in the sample may have weights elsewhere.
    means
        .map(|step| step.max(f32::MIN_POSITIVE * 1e8))
        .collect()
}

/// Returns a fixed pseudo-random number in [0, 1) for a column (`SplitMix64`, Steele
/// et al. 2014, doi:10.1145/2660193.2660195).
fn dither(column: u64) -> f32 {
    let mut z = column.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 40) as f32 / (1_u32 << 24) as f32
}

dispatch! {
    /// Writes a row's codes and returns its size.
    fn quantize_row(row: &[u8], steps: &[f32], dither: &[f32], codes: &mut [u8]) -> f32 = quantize_row_body
}

#[inline(always)]
fn quantize_row_body(row: &[u8], steps: &[f32], dither: &[f32], codes: &mut [u8]) -> f32 {
    let blocks = row.as_chunks::<{ SOURCE.block_bytes() }>().0;
    let mut size = 0.0_f32;
    for (block, step) in blocks.iter().zip(steps) {
        let needed = 2.0 * largest(block) / (STEPS * step);
        // Also where it is no number.
        if needed.is_nan() || needed > size {
            size = needed;
        }
    }
    let targets = codes
        .as_chunks_mut::<{ FORMAT.block_bytes() }>()
        .0
        .iter_mut();
    let shifts = dither.as_chunks::<GROUP>().0;
    for ((block, codes), (dither, step)) in blocks.iter().zip(targets).zip(shifts.iter().zip(steps))
    {
        let (scale, weights) = weights(block);
        let step = step * size;
        let inverse = if step > 0.0 { scale / step } else { 0.0 };
        let mut quants = [0_u8; GROUP];
        for (quant, (&weight, dither)) in quants.iter_mut().zip(weights.iter().zip(dither)) {
            let code = f32::from(weight as i8) * inverse + (STEPS / 2.0 + dither);
            *quant = floor(code.clamp(0.0, STEPS));
        }
        let (one, codes) = codes.split_at_mut(FORMAT.layout().quants);
        one.copy_from_slice(&ONE);
        for (at, code) in codes.iter_mut().enumerate() {
            *code = quants[at] | quants[GROUP / 2 + at] << 4;
        }
    }
    size
}

/// Returns a block's scale and its quants.
#[inline(always)]
fn weights(block: &[u8; SOURCE.block_bytes()]) -> (f32, [u8; GROUP]) {
    let mut weights = [0; GROUP];
    weights.copy_from_slice(&block[SOURCE.layout().quants..]);
    (half_at(block, SOURCE.layout().scale), weights)
}

/// Returns the largest magnitude of a block.
#[inline(always)]
fn largest(block: &[u8; SOURCE.block_bytes()]) -> f32 {
    let (scale, weights) = weights(block);
    let magnitudes = weights.iter().map(|&x| (x as i8).unsigned_abs());
    scale.abs() * f32::from(magnitudes.fold(0, u8::max))
}

/// Rounds a number from 0 to 255 down. Adding 1.5 * 2^23 less a half leaves no bits for
/// a fraction; a cast would check for what is no number, which keeps the compiler from
/// using wide registers. A tie is rounded to the even of two neighbours.
#[inline(always)]
fn floor(x: f32) -> u8 {
    ((x - 0.5) + 12_582_912.0).to_bits() as u8
}

dispatch! {
    /// bounds = (bounds + above) * sizes; returns the highest.
    fn raise(bounds: &mut [f32], sizes: &[f32], above: f32) -> f32 = raise_body
}

#[inline(always)]
fn raise_body(bounds: &mut [f32], sizes: &[f32], above: f32) -> f32 {
    const LANES: usize = 16;
    let mut highest = [f32::NEG_INFINITY; LANES];
    for (bounds, sizes) in bounds.chunks_mut(LANES).zip(sizes.chunks(LANES)) {
        for ((bound, size), highest) in bounds.iter_mut().zip(sizes).zip(&mut highest) {
            *bound = (*bound + above) * size;
            if *bound > *highest {
                *highest = *bound;
            }
        }
    }
    highest.into_iter().fold(f32::NEG_INFINITY, f32::max)
}

#[cfg(test)]
mod tests;
