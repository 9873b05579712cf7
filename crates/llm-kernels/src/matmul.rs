//! Activations times weights: the one place where almost all time goes.
//!
//! Work is cut into panels of 32 weight rows. A thread packs a panel once and
//! multiplies it with all activation rows (GEMM), so the cost of dequantizing the
//! weights is shared by the whole batch and the file stays as it is. A single
//! activation row has nothing to share: `gemv` multiplies it straight from the file's
//! bytes.

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
use crate::block::for_quantized;
use crate::dequantize::Quantized;
use crate::packed_panel::{self, PackedPanel, ROWS};
use crate::pool::{DisjointRows, Pool};
use crate::prefetch::IdlePrefetch;
use crate::simd::Level;
pub use epilogue::Epilogue;

/// Packed panels of 8 rows in a panel, so that activations which do not fit the cache
/// are read once for 32 rows and not for every 8.
const PACKED_PANELS: usize = 4;
const PANEL_ROWS: usize = PACKED_PANELS * ROWS;
/// Activation rows that share one pass over a packed panel.
const BATCH: usize = 4;
/// Activation rows that a panel is multiplied with before the epilogue is applied
/// to their products: so few that these stay in the first-level cache, and a multiple
/// of the rows that any level multiplies together.
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

/// The activations that are multiplied, in both forms.
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
/// finished prefetch their beginnings.
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
        .map(|(matrix, out)| Product::new(*matrix, Epilogue::default(), input, out));
    run(level, pool, input, &products.collect::<Vec<_>>(), next);
}

/// Like [`multiply`], and applies an epilogue to each part of a product while it is
/// in the cache.
///
/// # Panics
/// If a matrix has other columns than the input, an output or its epilogue has
/// another size, or the input lacks the form that a matrix asks for.
pub fn multiply_with_epilogue(
    level: Level,
    pool: &Pool,
    input: Input<'_>,
    products: &mut [(Matrix<'_>, Epilogue<'_>, &mut [f32])],
) {
    let products = products
        .iter_mut()
        .map(|(matrix, epilogue, out)| Product::new(*matrix, *epilogue, input, out));
    run(level, pool, input, &products.collect::<Vec<_>>(), &[]);
}

/// One matrix of a call, its epilogue and its output.
struct Product<'a> {
    matrix: Matrix<'a>,
    epilogue: Epilogue<'a>,
    out: DisjointRows<f32>,
}

impl<'a> Product<'a> {
    fn new(matrix: Matrix<'a>, epilogue: Epilogue<'a>, input: Input<'_>, out: &mut [f32]) -> Self {
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
        epilogue.check(matrix.rows, &input.quantized.outliers, batch);
        let out = DisjointRows::new(out, matrix.rows);
        Self {
            matrix,
            epilogue,
            out,
        }
    }
}

fn run(level: Level, pool: &Pool, input: Input<'_>, products: &[Product<'_>], next: &[Matrix<'_>]) {
    let starts = panel_starts(products.iter().map(|product| &product.matrix));
    let panels = starts[starts.len() - 1];
    let run = |panel: usize| {
        let index = starts.partition_point(|&start| start <= panel) - 1;
        let product = &products[index];
        let first = (panel - starts[index]) * PANEL_ROWS;
        let panel = Panel {
            first,
            count: PANEL_ROWS.min(product.matrix.rows - first),
            from: 0,
            batch: input.quantized.rows,
        };
        SCRATCH.with_borrow_mut(|packed_panels| {
            multiply_product(level, packed_panels, product, panel, input);
        });
    };
    let next_starts = panel_starts(next);
    let prefetch = |thread: usize| {
        let first = pool.first_item(next_starts[next_starts.len() - 1], thread);
        let index = next_starts.partition_point(|&start| start <= first) - 1;
        next.get(index).map_or(IdlePrefetch::NONE, |matrix| {
            let row = (first - next_starts[index]) * PANEL_ROWS;
            IdlePrefetch::new(matrix.rows_from(row, matrix.rows - row))
        })
    };
    // Neighbouring panels go to the same thread, so that it uses itself what it has
    // prefetched.
    pool.for_each_in_runs(panels, run, prefetch);
}

/// Returns the first panel of each matrix, and last the number of all panels.
fn panel_starts<'a>(matrices: impl IntoIterator<Item = &'a Matrix<'a>>) -> Vec<usize> {
    let mut starts = vec![0];
    for matrix in matrices {
        starts.push(starts[starts.len() - 1] + matrix.rows.div_ceil(PANEL_ROWS));
    }
    starts
}

thread_local! {
    /// Each thread's packed panels, kept from one product to the next.
    static SCRATCH: RefCell<[PackedPanel; PACKED_PANELS]> = RefCell::default();
}

fn multiply_product(
    level: Level,
    packed_panels: &mut [PackedPanel],
    product: &Product<'_>,
    panel: Panel,
    input: Input<'_>,
) {
    let (matrix, out) = (&product.matrix, &product.out);
    if panel.batch == 1 {
        let bytes = matrix.rows_from(panel.first, panel.count);
        // SAFETY: a panel is computed by one thread and panels are disjoint; the
        // reference ends before the epilogue takes its own.
        let sums = unsafe { out.part(0, panel.first, panel.count) };
        if gemv::multiply(level, matrix.format, bytes, input.quantized, sums) {
            return product.epilogue.apply(level, panel, input, out);
        }
    }
    let lanes = lanes(level);
    let rows = panel.first..panel.first + panel.count;
    for (packed, first) in packed_panels.iter_mut().zip(rows.clone().step_by(lanes)) {
        let bytes = matrix.rows_from(first, lanes.min(rows.end - first));
        packed.lanes = lanes;
        packed_panel::fill(level, packed, matrix.format, bytes, matrix.columns);
    }
    let chunk = if product.epilogue.is_empty() {
        panel.batch
    } else {
        CHUNK
    };
    for from in (0..panel.batch).step_by(chunk.max(1)) {
        let chunk = Panel {
            from,
            batch: panel.batch.min(from + chunk),
            ..panel
        };
        for_quantized!(
            matrix.format,
            multiply_panel(level, packed_panels, chunk, input.quantized, out),
            gemm_f32::multiply_panel(
                level,
                packed_panels,
                chunk,
                input.floats,
                matrix.columns,
                out
            )
        );
        product.epilogue.apply(level, chunk, input, out);
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Panel {
    /// The first matrix row.
    pub(crate) first: usize,
    /// Matrix rows in the panel.
    pub(crate) count: usize,
    /// The first activation row.
    pub(crate) from: usize,
    /// The end of the activation rows.
    pub(crate) batch: usize,
}

/// Returns the rows of a level's packed panel.
fn lanes(level: Level) -> usize {
    if level >= Level::AVX512_VNNI {
        2 * ROWS
    } else {
        ROWS
    }
}

fn multiply_panel<Q: Quantized>(
    level: Level,
    packed_panels: &[PackedPanel],
    panel: Panel,
    input: &Activations,
    out: &DisjointRows<f32>,
) {
    let used = &packed_panels[..panel.count.div_ceil(lanes(level))];
    #[cfg(target_arch = "x86_64")]
    if level >= Level::AVX512_VNNI {
        // SAFETY: the level exists only where its features do.
        return unsafe { avx512::gemm::multiply_panel::<Q>(used, panel, input, out) };
    }
    let mut row = panel.from;
    while row < panel.batch {
        let left = panel.batch - row;
        for (index, packed) in used.iter().enumerate() {
            let write = |sums: &[[f32; ROWS]]| store(out, panel, row, index, sums);
            match left {
                1 => write(&dot::<Q, 1>(level, packed, input, row)),
                2 | 3 => write(&dot::<Q, 2>(level, packed, input, row)),
                _ => write(&dot::<Q, BATCH>(level, packed, input, row)),
            }
        }
        row += match left {
            1 => 1,
            2 | 3 => 2,
            _ => BATCH,
        };
    }
}

/// Writes the sums of packed panel `index` for the activation rows from `row` on.
pub(crate) fn store<const LANES: usize>(
    out: &DisjointRows<f32>,
    panel: Panel,
    row: usize,
    index: usize,
    sums: &[[f32; LANES]],
) {
    let first = panel.first + index * LANES;
    let count = LANES.min(panel.count - index * LANES);
    for (offset, sums) in sums.iter().enumerate() {
        // SAFETY: a panel is computed by one thread and panels are disjoint;
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
    packed: &PackedPanel,
    input: &Activations,
    row: usize,
) -> [[f32; ROWS]; BATCH] {
    #[cfg(target_arch = "x86_64")]
    if level >= Level::AVX_VNNI {
        // SAFETY: a level above scalar exists only where its features do.
        return unsafe { avx2::gemm::dot_vnni::<Q, BATCH>(packed, input, row) };
    }
    #[cfg(target_arch = "x86_64")]
    if level >= Level::AVX2 {
        // SAFETY: a level above scalar exists only where its features do.
        return unsafe { avx2::gemm::dot::<Q, BATCH>(packed, input, row) };
    }
    #[cfg(target_arch = "aarch64")]
    if level >= Level::NEON {
        return neon::gemm::dot::<Q, BATCH>(level, packed, input, row);
    }
    let _ = level;
    scalar::gemm::dot::<Q, BATCH>(packed, input, row)
}

#[cfg(test)]
mod tests;
