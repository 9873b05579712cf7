//! A quantized matrix → a storage format that is run: blocks that hold the same weights
//! where there are such, else floats.
//!
//! Integers with a scale for each group of whole blocks of 32 are blocks of ggml's: with a
//! sign, of 4, 5 or 8 bits (`Q4_0`, `Q5_0`, `Q8_0`), or with an offset (`Q4_1`, `Q5_1`). All that
//! can change are scales and offsets that f16 does not hold; what that may cost is
//! bounded by [`SHARE`].

use std::sync::Arc;

use half::f16;
use llm_kernels::block::Format;
use llm_kernels::mmap::Mapping;
use llm_kernels::pool::Pool;

use super::matrix::{Grid, Groups, Matrix};
use super::numbers::Coding;
use super::values::Values;

/// The part of a step between two codes that rounding to f16 may move a weight by. The
/// format itself has moved it by up to a half.
const SHARE: f32 = 1.0 / 16.0;
/// The part of a matrix's largest weight that it may be moved by in any case: groups
/// that are as good as zero have steps that f16 does not hold.
const FLOOR: f32 = 1.0 / 16384.0;
/// Elements of a block.
const BLOCK: usize = 32;

/// What rounding to f16 moves a number by.
fn rounding(number: f32) -> f32 {
    (f16::from_f32(number).to_f32() - number).abs()
}

impl Matrix {
    /// Returns the format that holds its weights.
    pub(crate) fn target(&self, grid: &Grid) -> Format {
        let largest = self.largest(grid);
        if let Some(format) = self.blocks(grid)
            && (format == Format::Mxfp4 || self.keeps_scales(grid, largest))
        {
            return format;
        }
        if self.fits_f16(grid, largest) {
            Format::F16
        } else {
            Format::F32
        }
    }

    /// Returns its numbers as floats that are wide enough for them.
    pub(crate) fn float_target(&self, grid: &Grid) -> Format {
        if self.fits_f16(grid, self.largest(grid)) {
            Format::F16
        } else {
            Format::F32
        }
    }

    /// Returns the blocks that hold its codes.
    fn blocks(&self, grid: &Grid) -> Option<Format> {
        let Groups::Blocks { columns, .. } = self.groups else {
            return None;
        };
        let is_whole = columns.is_multiple_of(BLOCK) || columns >= self.columns;
        if !is_whole || !self.columns.is_multiple_of(BLOCK) {
            return None;
        }
        let Some((least, most)) = self.integers(grid) else {
            let Values::Table { is_e2m1: true, .. } = self.values else {
                return None;
            };
            let is_plain = matches!(self.scales.coding, Coding::E8m0) && self.scales.factor == 1.0;
            return is_plain.then_some(Format::Mxfp4);
        };
        if self.offsets.is_some() {
            return match most {
                ..=15 => Some(Format::Q4_1),
                16..=31 => Some(Format::Q5_1),
                _ => None,
            };
        }
        match (least, most) {
            (-8.., ..=7) => Some(Format::Q4_0),
            (-16.., ..=15) => Some(Format::Q5_0),
            (-128.., ..=127) => Some(Format::Q8_0),
            _ => None,
        }
    }

    /// Returns the least and the greatest integer, zero points subtracted; `None` where
    /// codes are no integers.
    fn integers(&self, grid: &Grid) -> Option<(i16, i16)> {
        let (least, most) = self.values.range()?;
        let zeros = || grid.zeros.iter().copied();
        Some((least - zeros().max()?, most - zeros().min()?))
    }

    /// Returns the largest value that is multiplied by a scale, and the step between two.
    fn extent(&self, grid: &Grid) -> (f32, f32) {
        match &self.values {
            Values::Table { numbers, step, .. } => {
                let finite = numbers.iter().filter(|number| number.is_finite());
                (finite.fold(0.0, |most: f32, it| most.max(it.abs())), *step)
            }
            _ => {
                let (least, most) = self.integers(grid).unwrap_or((0, 0));
                (
                    f32::from(least.unsigned_abs().max(most.unsigned_abs())),
                    1.0,
                )
            }
        }
    }

    /// Returns the largest weight that a group can have.
    fn largest_of(&self, grid: &Grid, value: f32, group: usize) -> f32 {
        let (scale, offset) = (grid.scales[group], grid.offset(group));
        // With an offset, the least code is 0.
        let ends = match self.offsets {
            Some(_) => [offset, scale * value + offset],
            None => [scale * value, 0.0],
        };
        ends[0].abs().max(ends[1].abs())
    }

    /// Returns the largest weight that it can have.
    fn largest(&self, grid: &Grid) -> f32 {
        let (value, _) = self.extent(grid);
        let groups = 0..grid.scales.len();
        let weights = groups.map(|group| self.largest_of(grid, value, group));
        weights.fold(0.0, f32::max)
    }

    fn keeps_scales(&self, grid: &Grid, largest: f32) -> bool {
        let (value, step) = self.extent(grid);
        let mut groups = grid.scales.iter().enumerate();
        groups.all(|(group, &scale)| {
            let moved = rounding(scale) * value + rounding(grid.offset(group));
            moved <= (scale.abs() * step * SHARE).max(largest * FLOOR)
        })
    }

    fn fits_f16(&self, grid: &Grid, largest: f32) -> bool {
        /// Half of the difference between 1 and the next larger number, and half of
        /// the smallest.
        const HALF_STEPS: (f32, f32) = (1.0 / 4096.0, 1.0 / 33_554_432.0);
        let (value, step) = self.extent(grid);
        let mut groups = grid.scales.iter().enumerate();
        let is_near = |(group, &scale): (usize, &f32)| {
            let weight = self.largest_of(grid, value, group);
            let moved = (weight * HALF_STEPS.0).max(HALF_STEPS.1);
            moved <= (scale.abs() * step * SHARE).max(largest * FLOOR)
        };
        largest <= f16::MAX.to_f32() && groups.all(is_near)
    }

    /// Writes its rows, in the format that it was found to fit or in floats.
    pub(crate) fn write(
        &self,
        format: Format,
        grid: &Grid,
        shards: &[Arc<Mapping>],
        pool: Option<&Pool>,
        out: &mut [u8],
    ) {
        let bytes = self.bytes(shards);
        let one = |row: usize, out: &mut [u8]| match format {
            Format::F16 | Format::F32 => {
                let mut floats = vec![0.0; self.columns];
                self.floats(grid, bytes, row, &mut vec![0; self.columns], &mut floats);
                write_floats(format, &floats, out);
            }
            Format::Mxfp4 => self.write_mxfp4(shards, row, out),
            _ => self.write_integers(format, grid, bytes, row, out),
        };
        for_each_row(pool, out, format.row_bytes(self.columns), one);
    }

    /// Writes its rows as another makes blocks of them.
    pub(crate) fn for_each_row(
        &self,
        grid: &Grid,
        shards: &[Arc<Mapping>],
        pool: &Pool,
        row_bytes: usize,
        out: &mut [u8],
        take: impl Fn(&[f32], &mut [u8]) + Sync,
    ) {
        let bytes = self.bytes(shards);
        pool.for_each_row(out, row_bytes, |row, out| {
            let mut floats = vec![0.0; self.columns];
            self.floats(grid, bytes, row, &mut vec![0; self.columns], &mut floats);
            take(&floats, out);
        });
    }

    fn write_integers(
        &self,
        format: Format,
        grid: &Grid,
        bytes: &[u8],
        row: usize,
        out: &mut [u8],
    ) {
        let mut codes = vec![0; self.columns];
        self.codes.row(bytes, row, &mut codes);
        self.for_groups(row, |columns, group| {
            let (scale, offset) = (grid.scales[group], grid.offset(group));
            let zero = grid.zero(group);
            let size = format.block_bytes();
            let out = &mut out[columns.start / BLOCK * size..columns.end / BLOCK * size];
            for (codes, out) in codes[columns]
                .chunks_exact(BLOCK)
                .zip(out.chunks_exact_mut(size))
            {
                let mut integers = [0; BLOCK];
                for (integer, code) in integers.iter_mut().zip(codes) {
                    *integer = self.values.integer(*code) - zero;
                }
                write_block(format, scale, offset, &integers, out);
            }
        });
    }

    /// Writes an exponent and the codes, n and n + 16 in one byte.
    fn write_mxfp4(&self, shards: &[Arc<Mapping>], row: usize, out: &mut [u8]) {
        let mut codes = vec![0; self.columns];
        self.codes.row(self.bytes(shards), row, &mut codes);
        let exponents = self.scales.part.bytes(shards);
        self.for_groups(row, |columns, group| {
            let size = Format::Mxfp4.block_bytes();
            let out = &mut out[columns.start / BLOCK * size..columns.end / BLOCK * size];
            for (codes, out) in codes[columns]
                .chunks_exact(BLOCK)
                .zip(out.chunks_exact_mut(size))
            {
                out[0] = exponents[group];
                for (at, out) in out[1..].iter_mut().enumerate() {
                    *out = codes[at] | codes[at + BLOCK / 2] << 4;
                }
            }
        });
    }
}

/// Calls `run` with each row, on all threads where there are some.
fn for_each_row(
    pool: Option<&Pool>,
    out: &mut [u8],
    row_bytes: usize,
    run: impl Fn(usize, &mut [u8]) + Sync,
) {
    match pool {
        Some(pool) => pool.for_each_row(out, row_bytes, run),
        None => {
            for (row, out) in out.chunks_exact_mut(row_bytes).enumerate() {
                run(row, out);
            }
        }
    }
}

fn write_floats(format: Format, floats: &[f32], out: &mut [u8]) {
    if format == Format::F16 {
        for (out, float) in out.chunks_exact_mut(2).zip(floats) {
            out.copy_from_slice(&f16::from_f32(*float).to_le_bytes());
        }
    } else {
        for (out, float) in out.chunks_exact_mut(4).zip(floats) {
            out.copy_from_slice(&float.to_le_bytes());
        }
    }
}

/// Writes a block of ggml's (`ggml-common.h`): scale, offset, the fifth bits, and four
/// bits of elements n and n + 16 in each byte; or the scale and bytes.
fn write_block(format: Format, scale: f32, offset: f32, integers: &[i16; BLOCK], out: &mut [u8]) {
    out[..2].copy_from_slice(&f16::from_f32(scale).to_le_bytes());
    let (middle, has_fifth) = match format {
        Format::Q4_0 => (8, false),
        Format::Q5_0 => (16, true),
        Format::Q5_1 => (0, true),
        _ => (0, false),
    };
    let quants = integers.map(|integer| (integer + middle) as u8);
    let mut rest = &mut out[2..];
    if format == Format::Q8_0 {
        rest.copy_from_slice(&quants);
        return;
    }
    if matches!(format, Format::Q4_1 | Format::Q5_1) {
        rest[..2].copy_from_slice(&f16::from_f32(offset).to_le_bytes());
        rest = &mut rest[2..];
    }
    if has_fifth {
        let bits = quants.iter().enumerate();
        let bits = bits.fold(0, |bits, (at, quant)| bits | u32::from(quant >> 4) << at);
        rest[..4].copy_from_slice(&bits.to_le_bytes());
        rest = &mut rest[4..];
    }
    let (first, second) = quants.split_at(BLOCK / 2);
    for ((out, first), second) in rest.iter_mut().zip(first).zip(second) {
        *out = (first & 15) | (second & 15) << 4;
    }
}
