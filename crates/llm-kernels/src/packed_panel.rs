//! Packed panels: weight rows, dequantized to integers and interleaved, the unit of
//! products with many activation rows.
//!
//! With rows side by side in a register, the sums of a group lie in its lanes
//! and nothing is ever added across a register. A packed panel is filled from the
//! file's bytes into a scratch that stays in the cache, and then multiplied with
//! every activation row of the batch. It is as wide as the level's registers, 8
//! or 16 rows, and is filled in parts of 8.

mod lines;

#[cfg(target_arch = "x86_64")]
use crate::arch::avx2;
#[cfg(target_arch = "aarch64")]
use crate::arch::neon;
use crate::block::Format;
use crate::block::for_quantized;
use crate::dequantize::{Quantized, widen_row};
use crate::prefetch::prefetch_near;
use crate::simd::Level;
use lines::Lines;

/// Rows that are dequantized together: the `i32` or `f32` lanes of a 256-bit
/// register.
pub(crate) const ROWS: usize = 8;
/// Weights of the largest block.
const LARGEST_BLOCK: usize = 256;

/// Scratch space for one packed panel.
#[derive(Debug, Default)]
pub(crate) struct PackedPanel {
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

impl PackedPanel {
    pub(crate) fn resize<Q: Quantized>(&mut self, columns: usize) {
        let scales = columns / Q::GROUP * self.lanes;
        self.quants.resize(columns * self.lanes);
        self.scales.resize(scales);
        self.offsets.resize(if Q::OFFSET { scales } else { 0 });
    }

    /// Returns what every quant is xored with: 16 rows are multiplied by a product that
    /// takes unsigned weights, and here the sign bit of each is flipped only once.
    pub(crate) fn sign_flip<Q: Quantized>(&self) -> u8 {
        if Q::SIGNED && self.lanes > ROWS {
            0x80
        } else {
            0
        }
    }
}

/// Dequantizes up to `packed.lanes` rows of `columns` weights, at least one; what
/// stands in place of missing rows has no meaning.
pub(crate) fn fill(
    level: Level,
    packed: &mut PackedPanel,
    format: Format,
    rows: &[u8],
    columns: usize,
) {
    let part_bytes = ROWS * format.row_bytes(columns);
    for (part, rows) in rows.chunks(part_bytes).enumerate() {
        fill_part(level, packed, part, format, rows, columns);
    }
}

/// Dequantizes up to eight rows into the lanes from `8 * part` on.
fn fill_part(
    level: Level,
    packed: &mut PackedPanel,
    part: usize,
    format: Format,
    rows: &[u8],
    columns: usize,
) {
    #[cfg(target_arch = "x86_64")]
    if level >= Level::AVX2 {
        #[target_feature(enable = "avx2,fma,f16c")]
        fn wide(
            packed: &mut PackedPanel,
            part: usize,
            format: Format,
            rows: &[u8],
            columns: usize,
        ) {
            if format.is_quantized() {
                if !avx2::dequantize::fill(packed, part, format, rows, columns) {
                    fill_plainly(packed, part, format, rows, columns);
                }
            } else {
                fill_floats_by(
                    packed,
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
        return unsafe { wide(packed, part, format, rows, columns) };
    }
    #[cfg(target_arch = "aarch64")]
    if level >= Level::NEON {
        return for_quantized!(
            format,
            fill_neon(level, packed, part, rows, columns),
            fill_floats(packed, part, format, rows, columns)
        );
    }
    let _ = level;
    fill_plainly(packed, part, format, rows, columns);
}

#[cfg(target_arch = "aarch64")]
fn fill_neon<L: neon::dequantize::Layout>(
    level: Level,
    packed: &mut PackedPanel,
    part: usize,
    rows: &[u8],
    columns: usize,
) {
    // SAFETY: a level above scalar exists only where its features do.
    unsafe {
        if level >= Level::I8MM {
            neon::dequantize::fill::<L, 8>(packed, part, rows, columns);
        } else {
            neon::dequantize::fill::<L, 4>(packed, part, rows, columns);
        }
    }
}

#[inline(always)]
fn fill_plainly(
    packed: &mut PackedPanel,
    part: usize,
    format: Format,
    rows: &[u8],
    columns: usize,
) {
    for_quantized!(
        format,
        fill_quantized(packed, part, rows, columns),
        fill_floats(packed, part, format, rows, columns)
    );
}

#[inline(always)]
fn fill_quantized<Q: Quantized>(
    packed: &mut PackedPanel,
    part: usize,
    rows: &[u8],
    columns: usize,
) {
    let elements = Q::FORMAT.block_elements();
    let groups = elements / Q::GROUP;
    let row_bytes = Q::FORMAT.row_bytes(columns);
    let count = rows.len() / row_bytes;
    packed.resize::<Q>(columns);
    let sign_flip = packed.sign_flip::<Q>();
    // (row, column) of one block of each row; rows beyond `count` stay zero.
    let mut quants = [[0_u8; LARGEST_BLOCK]; ROWS];
    let (mut scales, mut offsets) = ([[0.0_f32; 16]; ROWS], [[0.0_f32; 16]; ROWS]);
    for block in 0..columns / elements {
        for row in 0..count {
            let start = row * row_bytes + block * Q::FORMAT.block_bytes();
            let bytes = &rows[start..start + Q::FORMAT.block_bytes()];
            // Eight rows at once are more streams than the hardware follows;
            // the same place of the next packed panel is needed in a moment.
            prefetch_near(bytes.as_ptr().wrapping_add(ROWS * row_bytes));
            Q::decode(
                bytes,
                &mut quants[row][..elements],
                &mut scales[row][..groups],
                &mut offsets[row][..groups],
            );
        }
        let lanes = packed.lanes;
        let out = &mut packed.quants[block * elements * lanes..][..elements * lanes];
        for (step, out) in out.chunks_exact_mut(4 * lanes).enumerate() {
            let out = &mut out[part * 4 * ROWS..][..4 * ROWS];
            for (row, out) in out.chunks_exact_mut(4).enumerate() {
                for (out, quant) in out.iter_mut().zip(&quants[row][4 * step..]) {
                    *out = quant ^ sign_flip;
                }
            }
        }
        for group in 0..groups {
            let first = (block * groups + group) * lanes + part * ROWS;
            for row in 0..ROWS {
                packed.scales[first + row] = scales[row][group];
                if Q::OFFSET {
                    packed.offsets[first + row] = offsets[row][group];
                }
            }
        }
    }
}

/// Columns of float rows that are widened at a time.
pub(crate) const CHUNK: usize = 64;

#[inline(always)]
fn fill_floats(packed: &mut PackedPanel, part: usize, format: Format, rows: &[u8], columns: usize) {
    fill_floats_by(
        packed,
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

/// Fills a part of a packed panel by `put(rows, count, lanes, out)`, which writes `count`
/// columns of eight widened rows to the beginnings of every `lanes` of `out`.
#[inline(always)]
fn fill_floats_by(
    packed: &mut PackedPanel,
    part: usize,
    format: Format,
    rows: &[u8],
    columns: usize,
    put: impl Fn(&[[f32; CHUNK]; ROWS], usize, usize, &mut [f32]),
) {
    let row_bytes = format.row_bytes(columns);
    let lanes = packed.lanes;
    packed.floats.resize(columns * lanes);
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
            &mut packed.floats[first * lanes + part * ROWS..],
        );
    }
}
