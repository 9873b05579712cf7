//! Activations times weights: the one place where almost all time goes.
//!
//! Work is cut into strips of 32 weight rows. A thread unpacks a strip's tiles
//! once and multiplies them with all activation rows, so the cost of decoding
//! the weights is shared by the whole batch and the file stays as it is. A
//! single activation row has nobody to share with: `single` multiplies it
//! straight from the file's bytes.

mod epilogue;
pub(crate) mod gemm_f32;
mod gemv;

use std::cell::RefCell;

use crate::activations::Activations;
#[cfg(target_arch = "aarch64")]
use crate::arch::neon;
use crate::arch::scalar;
#[cfg(target_arch = "x86_64")]
use crate::arch::{avx2, avx512};
use crate::block::Format;
use crate::dequantize::{Quantized, for_quantized};
use crate::packed_panel::{self, ROWS, Tile};
use crate::pool::{Ahead, DisjointRows, Pool};
use crate::simd::Level;
pub use epilogue::Finish;

/// Tiles of a strip: 32 rows, so that activations which do not fit the cache
/// are read once for 32 rows and not for 8.
const STRIP_TILES: usize = 4;
const STRIP_ROWS: usize = STRIP_TILES * ROWS;
/// Activation rows that share one pass over a tile.
const BATCH: usize = 4;
/// Activation rows that a strip is multiplied with before their products are
/// finished: so few that these lie in the nearest cache, and a multiple of the
/// rows that any level multiplies together.
const CHUNK: usize = 96;

/// A weight matrix as its file's bytes, (rows, columns).
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    format: Format,
    bytes: &'a [u8],
    rows: usize,
    columns: usize,
}

impl<'a> Matrix<'a> {
    /// Describes `bytes` as `rows` rows of `columns` weights in `format`;
    /// `None` if the sizes do not fit.
    pub fn new(format: Format, bytes: &'a [u8], rows: usize, columns: usize) -> Option<Self> {
        let whole = columns > 0 && columns.is_multiple_of(format.block_elements());
        let blocks = columns / format.block_elements();
        let row_bytes = blocks.checked_mul(format.block_bytes())?;
        let size = rows.checked_mul(row_bytes)?;
        (whole && bytes.len() == size).then_some(Self {
            format,
            bytes,
            rows,
            columns,
        })
    }

    /// Returns the number of rows, the length of a product.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the number of columns, the length of an activation row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Returns the storage format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns the number of bytes of all rows.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the bytes of row `row`.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, row: usize) -> &'a [u8] {
        let length = self.format.row_bytes(self.columns);
        &self.bytes[row * length..(row + 1) * length]
    }

    fn rows_from(&self, first: usize, count: usize) -> &'a [u8] {
        let length = self.format.row_bytes(self.columns);
        &self.bytes[first * length..(first + count) * length]
    }
}

/// What is multiplied: a batch in both of its forms.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// (rows, columns), for float weights.
    pub floats: &'a [f32],
    /// The same rows, quantized, for quantized weights.
    pub quantized: &'a Activations,
}

/// Computes `out[row] = weights * input[row]` for several matrices of the same
/// input in one parallel region. Each `out` is (input rows, matrix rows). The
/// matrices `next` are those of the call that follows: threads that have
/// finished ask the memory for their beginnings.
///
/// # Panics
/// If a matrix has other columns than the input, an output has another size, or the
/// input lacks the form that a matrix asks for.
pub fn multiply(
    level: Level,
    pool: &Pool,
    input: Input<'_>,
    products: &mut [(Matrix<'_>, &mut [f32])],
    next: &[Matrix<'_>],
) {
    let products = products
        .iter_mut()
        .map(|(matrix, out)| Product::new(*matrix, Finish::default(), input, out));
    run(level, pool, input, &products.collect::<Vec<_>>(), next);
}

/// Like [`multiply`], and finishes each part of a product while it is in the
/// cache.
///
/// # Panics
/// If a matrix has other columns than the input, an output or what finishes it has
/// another size, or the input lacks the form that a matrix asks for.
pub fn multiply_and_finish(
    level: Level,
    pool: &Pool,
    input: Input<'_>,
    products: &mut [(Matrix<'_>, Finish<'_>, &mut [f32])],
) {
    let products = products
        .iter_mut()
        .map(|(matrix, finish, out)| Product::new(*matrix, *finish, input, out));
    run(level, pool, input, &products.collect::<Vec<_>>(), &[]);
}

/// One matrix of a call, and where its product goes.
struct Product<'a> {
    matrix: Matrix<'a>,
    finish: Finish<'a>,
    out: DisjointRows<f32>,
}

impl<'a> Product<'a> {
    fn new(matrix: Matrix<'a>, finish: Finish<'a>, input: Input<'_>, out: &mut [f32]) -> Self {
        let batch = input.quantized.rows;
        assert_eq!(
            matrix.columns, input.quantized.columns,
            "columns of weights and activations"
        );
        assert_eq!(out.len(), batch * matrix.rows, "size of a product");
        let (numbers, form) = if matrix.format.is_quantized() {
            (input.quantized.quants.len(), "quantized activations")
        } else {
            (input.floats.len(), "activations as floats")
        };
        assert!(numbers >= batch * matrix.columns, "{form}");
        finish.check(matrix.rows, &input.quantized.apart, batch);
        let out = DisjointRows::new(out, matrix.rows);
        Self {
            matrix,
            finish,
            out,
        }
    }
}

fn run(level: Level, pool: &Pool, input: Input<'_>, products: &[Product<'_>], next: &[Matrix<'_>]) {
    let starts = strip_starts(products.iter().map(|product| &product.matrix));
    let strips = starts[starts.len() - 1];
    let run = |strip: usize| {
        let index = starts.partition_point(|&start| start <= strip) - 1;
        let product = &products[index];
        let first = (strip - starts[index]) * STRIP_ROWS;
        let strip = Strip {
            first,
            count: STRIP_ROWS.min(product.matrix.rows - first),
            from: 0,
            batch: input.quantized.rows,
        };
        TILES.with_borrow_mut(|tiles| multiply_one(level, tiles, product, strip, input));
    };
    let later = strip_starts(next);
    let ahead = |thread: usize| {
        let first = pool.first_item(later[later.len() - 1], thread);
        let index = later.partition_point(|&start| start <= first) - 1;
        next.get(index).map_or(Ahead::NONE, |matrix| {
            let row = (first - later[index]) * STRIP_ROWS;
            Ahead::of(matrix.rows_from(row, matrix.rows - row))
        })
    };
    // Neighbouring strips go to the same thread, so that what one asks the
    // memory for ahead is used by itself.
    pool.for_each_in_runs(strips, run, ahead);
}

/// Returns the first strip of each matrix, and last the number of all strips.
fn strip_starts<'a>(matrices: impl IntoIterator<Item = &'a Matrix<'a>>) -> Vec<usize> {
    let mut starts = vec![0];
    for matrix in matrices {
        starts.push(starts[starts.len() - 1] + matrix.rows.div_ceil(STRIP_ROWS));
    }
    starts
}

thread_local! {
    /// Scratch of each thread, kept from one product to the next.
    static TILES: RefCell<[Tile; STRIP_TILES]> = RefCell::default();
}

fn multiply_one(
    level: Level,
    tiles: &mut [Tile],
    product: &Product<'_>,
    strip: Strip,
    input: Input<'_>,
) {
    let (matrix, out) = (&product.matrix, &product.out);
    if strip.batch == 1 {
        let bytes = matrix.rows_from(strip.first, strip.count);
        // SAFETY: a strip is computed by one thread and strips are disjoint; the
        // reference ends before the strip is finished.
        let sums = unsafe { out.part(0, strip.first, strip.count) };
        if gemv::multiply(level, matrix.format, bytes, input.quantized, sums) {
            return product.finish.strip(level, strip, input, out);
        }
    }
    let lanes = lanes(level);
    let rows = strip.first..strip.first + strip.count;
    for (tile, first) in tiles.iter_mut().zip(rows.clone().step_by(lanes)) {
        let bytes = matrix.rows_from(first, lanes.min(rows.end - first));
        tile.lanes = lanes;
        packed_panel::fill(level, tile, matrix.format, bytes, matrix.columns);
    }
    let chunk = if product.finish.is_nothing() {
        strip.batch
    } else {
        CHUNK
    };
    for from in (0..strip.batch).step_by(chunk.max(1)) {
        let chunk = Strip {
            from,
            batch: strip.batch.min(from + chunk),
            ..strip
        };
        for_quantized!(
            matrix.format,
            multiply_strip(level, tiles, chunk, input.quantized, out),
            gemm_f32::multiply_strip(level, tiles, chunk, input.floats, matrix.columns, out)
        );
        product.finish.strip(level, chunk, input, out);
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Strip {
    /// The first matrix row.
    pub(crate) first: usize,
    /// Matrix rows in the strip.
    pub(crate) count: usize,
    /// The first activation row.
    pub(crate) from: usize,
    /// The activation row behind the last one.
    pub(crate) batch: usize,
}

/// Returns the rows of a level's tile.
fn lanes(level: Level) -> usize {
    if level >= Level::AVX512_VNNI {
        2 * ROWS
    } else {
        ROWS
    }
}

fn multiply_strip<Q: Quantized>(
    level: Level,
    tiles: &[Tile],
    strip: Strip,
    input: &Activations,
    out: &DisjointRows<f32>,
) {
    let used = &tiles[..strip.count.div_ceil(lanes(level))];
    #[cfg(target_arch = "x86_64")]
    if level >= Level::AVX512_VNNI {
        // SAFETY: the level exists only where its features do.
        return unsafe { avx512::gemm::multiply_strip::<Q>(used, strip, input, out) };
    }
    let mut row = strip.from;
    while row < strip.batch {
        let left = strip.batch - row;
        for (index, tile) in used.iter().enumerate() {
            let write = |sums: &[[f32; ROWS]]| store(out, strip, row, index, sums);
            match left {
                1 => write(&dot::<Q, 1>(level, tile, input, row)),
                2 | 3 => write(&dot::<Q, 2>(level, tile, input, row)),
                _ => write(&dot::<Q, BATCH>(level, tile, input, row)),
            }
        }
        row += match left {
            1 => 1,
            2 | 3 => 2,
            _ => BATCH,
        };
    }
}

/// Writes the sums of tile `index` for the activation rows from `row` on.
pub(crate) fn store<const LANES: usize>(
    out: &DisjointRows<f32>,
    strip: Strip,
    row: usize,
    index: usize,
    sums: &[[f32; LANES]],
) {
    let first = strip.first + index * LANES;
    let count = LANES.min(strip.count - index * LANES);
    for (offset, sums) in sums.iter().enumerate() {
        // SAFETY: a strip is computed by one thread and strips are disjoint;
        // the reference ends with the round.
        let out = unsafe { out.part(row + offset, first, count) };
        if let Ok(whole) = <&mut [f32; LANES]>::try_from(&mut *out) {
            // Of a length that the compiler knows: no call.
            *whole = *sums;
        } else {
            out.copy_from_slice(&sums[..count]);
        }
    }
}

#[inline]
fn dot<Q: Quantized, const BATCH: usize>(
    level: Level,
    tile: &Tile,
    input: &Activations,
    row: usize,
) -> [[f32; ROWS]; BATCH] {
    #[cfg(target_arch = "x86_64")]
    if level >= Level::AVX_VNNI {
        // SAFETY: a level above scalar exists only where its features do.
        return unsafe { avx2::gemm::dot_vnni::<Q, BATCH>(tile, input, row) };
    }
    #[cfg(target_arch = "x86_64")]
    if level >= Level::AVX2 {
        // SAFETY: a level above scalar exists only where its features do.
        return unsafe { avx2::gemm::dot::<Q, BATCH>(tile, input, row) };
    }
    #[cfg(target_arch = "aarch64")]
    if level >= Level::NEON {
        return neon::gemm::dot::<Q, BATCH>(level, tile, input, row);
    }
    let _ = level;
    scalar::gemm::dot::<Q, BATCH>(tile, input, row)
}

#[cfg(test)]
mod tests;
