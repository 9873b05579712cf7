//! Weight rows, unpacked and interleaved: the unit of products with many
//! activation rows.
//!
//! With rows side by side in a register, the sums of a group lie in its lanes
//! and nothing is ever added across a register. A tile is unpacked from the
//! file's bytes into a scratch that stays in the cache, and then multiplied with
//! every activation row of the batch. It is as wide as the level's registers, 8
//! or 16 rows, and is filled in parts of 8.

mod lines;

#[cfg(target_arch = "x86_64")]
use crate::arch::avx2;
#[cfg(target_arch = "aarch64")]
use crate::arch::neon;
use crate::block::Format;
use crate::dequantize::{Quantized, for_quantized, widen_row};
use crate::prefetch::prefetch;
use crate::simd::Level;
use lines::Lines;

/// Rows that are unpacked together: the `i32` or `f32` lanes of a 256-bit
/// register.
pub(crate) const ROWS: usize = 8;
/// Weights of the longest block.
const BLOCK_MOST: usize = 256;

/// Scratch for one unpacked tile.
#[derive(Debug, Default)]
pub(crate) struct Tile {
    /// Rows, a multiple of `ROWS`.
    pub(crate) lanes: usize,
    /// (columns / 4, lanes, 4 columns); for i8mm (columns / 8, lanes, 8 columns).
    /// Signed ones are moved up by 128 if there are 16 lanes.
    pub(crate) quants: Lines<u8>,
    /// (columns / group, lanes)
    pub(crate) scales: Lines<f32>,
    /// (columns / group, lanes), empty for formats without offsets.
    pub(crate) offsets: Lines<f32>,
    /// (columns, lanes), for float formats.
    pub(crate) floats: Lines<f32>,
}

impl Tile {
    pub(crate) fn resize<Q: Quantized>(&mut self, columns: usize) {
        let scales = columns / Q::GROUP * self.lanes;
        self.quants.resize(columns * self.lanes);
        self.scales.resize(scales);
        self.offsets.resize(if Q::OFFSET { scales } else { 0 });
    }

    /// Returns what every quant is xored with: 16 rows are multiplied by a
    /// product that takes unsigned weights, and here each is turned only once.
    pub(crate) fn turn<Q: Quantized>(&self) -> u8 {
        if Q::SIGNED && self.lanes > ROWS {
            0x80
        } else {
            0
        }
    }
}

/// Unpacks up to `tile.lanes` rows of `columns` weights, at least one; what
/// stands in place of missing rows has no meaning.
pub(crate) fn fill(level: Level, tile: &mut Tile, format: Format, rows: &[u8], columns: usize) {
    let part_bytes = ROWS * format.row_bytes(columns);
    for (part, rows) in rows.chunks(part_bytes).enumerate() {
        fill_part(level, tile, part, format, rows, columns);
    }
}

/// Unpacks up to eight rows into the lanes from `8 * part` on.
fn fill_part(
    level: Level,
    tile: &mut Tile,
    part: usize,
    format: Format,
    rows: &[u8],
    columns: usize,
) {
    #[cfg(target_arch = "x86_64")]
    if level >= Level::AVX2 {
        #[target_feature(enable = "avx2,fma,f16c")]
        fn wide(tile: &mut Tile, part: usize, format: Format, rows: &[u8], columns: usize) {
            if format.is_quantized() {
                if !avx2::dequantize::fill(tile, part, format, rows, columns) {
                    fill_plainly(tile, part, format, rows, columns);
                }
            } else {
                fill_floats_by(
                    tile,
                    part,
                    format,
                    rows,
                    columns,
                    |wide, count, lanes, out| {
                        avx2::dequantize::put(wide, count, lanes, out);
                    },
                );
            }
        }
        // SAFETY: a level above scalar exists only where its features do.
        return unsafe { wide(tile, part, format, rows, columns) };
    }
    #[cfg(target_arch = "aarch64")]
    if level >= Level::NEON {
        return for_quantized!(
            format,
            fill_neon(level, tile, part, rows, columns),
            fill_floats(tile, part, format, rows, columns)
        );
    }
    let _ = level;
    fill_plainly(tile, part, format, rows, columns);
}

#[cfg(target_arch = "aarch64")]
fn fill_neon<L: neon::dequantize::Layout>(
    level: Level,
    tile: &mut Tile,
    part: usize,
    rows: &[u8],
    columns: usize,
) {
    // SAFETY: a level above scalar exists only where its features do.
    unsafe {
        if level >= Level::I8MM {
            neon::dequantize::fill::<L, 8>(tile, part, rows, columns);
        } else {
            neon::dequantize::fill::<L, 4>(tile, part, rows, columns);
        }
    }
}

#[inline(always)]
fn fill_plainly(tile: &mut Tile, part: usize, format: Format, rows: &[u8], columns: usize) {
    for_quantized!(
        format,
        fill_quantized(tile, part, rows, columns),
        fill_floats(tile, part, format, rows, columns)
    );
}

#[inline(always)]
fn fill_quantized<Q: Quantized>(tile: &mut Tile, part: usize, rows: &[u8], columns: usize) {
    let elements = Q::FORMAT.block_elements();
    let groups = elements / Q::GROUP;
    let row_bytes = Q::FORMAT.row_bytes(columns);
    let count = rows.len() / row_bytes;
    tile.resize::<Q>(columns);
    let turn = tile.turn::<Q>();
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
        let lanes = tile.lanes;
        let out = &mut tile.quants[block * elements * lanes..][..elements * lanes];
        for (step, out) in out.chunks_exact_mut(4 * lanes).enumerate() {
            let out = &mut out[part * 4 * ROWS..][..4 * ROWS];
            for (row, out) in out.chunks_exact_mut(4).enumerate() {
                for (out, quant) in out.iter_mut().zip(&quants[row][4 * step..]) {
                    *out = quant ^ turn;
                }
            }
        }
        for group in 0..groups {
            let first = (block * groups + group) * lanes + part * ROWS;
            for row in 0..ROWS {
                tile.scales[first + row] = scales[row][group];
                if Q::OFFSET {
                    tile.offsets[first + row] = offsets[row][group];
                }
            }
        }
    }
}

/// Columns of float rows that are widened at a time.
pub(crate) const CHUNK: usize = 64;

#[inline(always)]
fn fill_floats(tile: &mut Tile, part: usize, format: Format, rows: &[u8], columns: usize) {
    fill_floats_by(
        tile,
        part,
        format,
        rows,
        columns,
        |wide, count, lanes, out| {
            for (column, out) in out.chunks_mut(lanes).take(count).enumerate() {
                for (out, row) in out.iter_mut().zip(wide) {
                    *out = row[column];
                }
            }
        },
    );
}

/// Fills a part of a tile by `put(rows, count, lanes, out)`, which writes `count`
/// columns of eight widened rows to the beginnings of every `lanes` of `out`.
#[inline(always)]
fn fill_floats_by(
    tile: &mut Tile,
    part: usize,
    format: Format,
    rows: &[u8],
    columns: usize,
    put: impl Fn(&[[f32; CHUNK]; ROWS], usize, usize, &mut [f32]),
) {
    let row_bytes = format.row_bytes(columns);
    let lanes = tile.lanes;
    tile.floats.resize(columns * lanes);
    // Rows that are missing stay zero.
    let mut wide = [[0.0_f32; CHUNK]; ROWS];
    for first in (0..columns).step_by(CHUNK) {
        let count = CHUNK.min(columns - first);
        for (row, wide) in rows.chunks_exact(row_bytes.max(1)).zip(&mut wide) {
            widen_row(format, &row[format.row_bytes(first)..], &mut wide[..count]);
        }
        put(
            &wide,
            count,
            lanes,
            &mut tile.floats[first * lanes + part * ROWS..],
        );
    }
}
