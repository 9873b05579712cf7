//! Eight weight rows, unpacked and interleaved: the unit of every product.
//!
//! With rows side by side in a register, the eight sums of a group lie in its
//! eight lanes and nothing is ever added across a register. A tile is unpacked
//! from the file's bytes into a scratch that stays in the cache, and then
//! multiplied with every activation row of the batch.

#[cfg(target_arch = "x86_64")]
mod avx2;

use crate::block::Format;
use crate::simd::Level;
use crate::unpack::{Quantized, for_quantized, widen_row};

/// Rows of a tile: the `i32` or `f32` lanes of a 256-bit register.
pub(crate) const ROWS: usize = 8;
/// Weights of the longest block.
const BLOCK_MOST: usize = 256;

/// Scratch for one unpacked tile.
#[derive(Debug, Default)]
pub(crate) struct Tile {
    /// (columns / 4, 8 rows, 4 columns)
    pub(crate) quants: Vec<u8>,
    /// (columns / group, 8 rows)
    pub(crate) scales: Vec<f32>,
    /// (columns / group, 8 rows), empty for formats without offsets.
    pub(crate) offsets: Vec<f32>,
    /// (columns, 8 rows), for float formats.
    pub(crate) floats: Vec<f32>,
}

impl Tile {
    fn resize<Q: Quantized>(&mut self, columns: usize) {
        let scales = columns / Q::GROUP * ROWS;
        self.quants.resize(columns * ROWS, 0);
        self.scales.resize(scales, 0.0);
        self.offsets.resize(if Q::OFFSET { scales } else { 0 }, 0.0);
    }
}

/// Unpacks up to eight rows of `columns` weights, at least one; what stands in
/// place of missing rows has no meaning.
pub(crate) fn fill(level: Level, tile: &mut Tile, format: Format, rows: &[u8], columns: usize) {
    #[cfg(target_arch = "x86_64")]
    if level >= Level::Avx2 {
        #[target_feature(enable = "avx2,fma,f16c")]
        fn wide(tile: &mut Tile, format: Format, rows: &[u8], columns: usize) {
            if !avx2::fill(tile, format, rows, columns) {
                fill_plainly(tile, format, rows, columns);
            }
        }
        // SAFETY: a level above scalar exists only where its features do.
        return unsafe { wide(tile, format, rows, columns) };
    }
    let _ = level;
    fill_plainly(tile, format, rows, columns);
}

#[inline(always)]
fn fill_plainly(tile: &mut Tile, format: Format, rows: &[u8], columns: usize) {
    for_quantized!(
        format,
        fill_quantized(tile, rows, columns),
        fill_floats(tile, format, rows, columns)
    );
}

#[inline(always)]
fn fill_quantized<Q: Quantized>(tile: &mut Tile, rows: &[u8], columns: usize) {
    let elements = Q::FORMAT.block_elements();
    let groups = elements / Q::GROUP;
    let row_bytes = Q::FORMAT.row_bytes(columns);
    let count = rows.len() / row_bytes;
    tile.resize::<Q>(columns);
    // (row, column) of one block of each row; rows beyond `count` stay zero.
    let mut quants = [[0_u8; BLOCK_MOST]; ROWS];
    let (mut scales, mut offsets) = ([[0.0_f32; 16]; ROWS], [[0.0_f32; 16]; ROWS]);
    for block in 0..columns / elements {
        for row in 0..count {
            let start = row * row_bytes + block * Q::FORMAT.block_bytes();
            let bytes = &rows[start..start + Q::FORMAT.block_bytes()];
            // Eight rows at once are more streams than the hardware follows;
            // the same place of the next tile is needed in a moment.
            prefetch(bytes.as_ptr().wrapping_add(ROWS * row_bytes));
            Q::unpack(
                bytes,
                &mut quants[row][..elements],
                &mut scales[row][..groups],
                &mut offsets[row][..groups],
            );
        }
        let out = &mut tile.quants[block * elements * ROWS..][..elements * ROWS];
        for (chunk, out) in out.chunks_exact_mut(32 * ROWS).enumerate() {
            interleave(&quants, chunk * 32, out);
        }
        let first = block * groups * ROWS;
        for group in 0..groups {
            for row in 0..ROWS {
                tile.scales[first + group * ROWS + row] = scales[row][group];
                if Q::OFFSET {
                    tile.offsets[first + group * ROWS + row] = offsets[row][group];
                }
            }
        }
    }
}

/// Writes the 32 columns from `first` on of eight rows as (columns / 4, rows, 4).
#[inline(always)]
fn interleave(rows: &[[u8; BLOCK_MOST]; ROWS], first: usize, out: &mut [u8]) {
    for (step, out) in out.chunks_exact_mut(4 * ROWS).enumerate() {
        for (row, out) in out.chunks_exact_mut(4).enumerate() {
            let at = first + 4 * step;
            out.copy_from_slice(&rows[row][at..at + 4]);
        }
    }
}

/// Asks for a cache line; only a hint, any address is allowed.
#[inline(always)]
fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and faults never.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

#[inline(always)]
fn fill_floats(tile: &mut Tile, format: Format, rows: &[u8], columns: usize) {
    /// Columns that are widened at a time.
    const CHUNK: usize = 64;
    let row_bytes = format.row_bytes(columns);
    let count = rows.len() / row_bytes.max(1);
    tile.floats.clear();
    tile.floats.resize(columns * ROWS, 0.0);
    let mut wide = [0.0_f32; CHUNK];
    for row in 0..count {
        let bytes = &rows[row * row_bytes..(row + 1) * row_bytes];
        for first in (0..columns).step_by(CHUNK) {
            let wide = &mut wide[..CHUNK.min(columns - first)];
            widen_row(format, &bytes[format.row_bytes(first)..], wide);
            for (column, &value) in wide.iter().enumerate() {
                tile.floats[(first + column) * ROWS + row] = value;
            }
        }
    }
}
