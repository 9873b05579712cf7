//! Packed panels by 256-bit registers: dequantized and interleaved without a detour
//! through memory, for the formats that most files are made of. What the bits
//! mean is told by `arch::scalar`, which every format here must equal.
//!
//! `blocks` reads eight rows side by side, `formats` dequantizes one family of
//! formats in each of its functions, and a [`Sink`] takes what they produce.

mod formats;

use std::arch::x86_64::{
    __m256, __m256i, _mm256_loadu_si256, _mm256_storeu_ps, _mm256_storeu_si256,
};

use super::blocks::transposed;
use crate::block::Format;
use crate::dequantize::{self, Quantized};
use crate::packed_panel::{CHUNK, PackedPanel, ROWS};
use formats::{block32, iq4_xs, k_quants, q6_k};

/// Where a part of a packed panel begins and how far apart its neighbouring steps are.
#[derive(Clone, Copy)]
struct PartOffsets {
    /// Rows of the packed panel.
    lanes: usize,
    /// The first of the part's rows.
    first: usize,
}

impl PartOffsets {
    /// The first byte of the 32 columns `chunk`.
    fn quants(self, chunk: usize) -> usize {
        4 * (chunk * 8 * self.lanes + self.first)
    }

    /// The first scale or offset of a group.
    fn scales(self, group: usize) -> usize {
        group * self.lanes + self.first
    }
}

/// Where eight dequantized rows go.
pub(crate) trait Sink {
    /// Prepares for rows of `columns` weights, and returns the sign flip: what
    /// every quant is xored with.
    fn start<Q: Quantized>(&mut self, columns: usize) -> u8;

    /// Takes the rows' scales of a group.
    ///
    /// # Safety
    /// The processor has AVX2, FMA and F16C, and the rows have the group.
    unsafe fn scales(&mut self, group: usize, scales: __m256);

    /// Takes the rows' offsets of a group.
    ///
    /// # Safety
    /// As [`Sink::scales`].
    unsafe fn offsets(&mut self, group: usize, offsets: __m256);

    /// Takes the rows' 32 columns from `32 * chunk` on, transposed: four columns
    /// of all rows each. Their scales and offsets came before.
    ///
    /// # Safety
    /// As [`Sink::scales`].
    unsafe fn quants<Q: Quantized>(&mut self, chunk: usize, columns: &[__m256i; ROWS]);
}

/// A part of a packed panel.
struct PanelPart<'a> {
    packed: &'a mut PackedPanel,
    offsets: PartOffsets,
}

impl Sink for PanelPart<'_> {
    fn start<Q: Quantized>(&mut self, columns: usize) -> u8 {
        self.packed.resize::<Q>(columns);
        self.packed.sign_flip::<Q>()
    }

    #[inline(always)]
    unsafe fn scales(&mut self, group: usize, scales: __m256) {
        let at = self.offsets.scales(group);
        // SAFETY: `start` has sized the packed panel for every group.
        unsafe { _mm256_storeu_ps(self.packed.scales.as_mut_ptr().add(at), scales) };
    }

    #[inline(always)]
    unsafe fn offsets(&mut self, group: usize, offsets: __m256) {
        let at = self.offsets.scales(group);
        // SAFETY: as for the scales.
        unsafe { _mm256_storeu_ps(self.packed.offsets.as_mut_ptr().add(at), offsets) };
    }

    #[inline(always)]
    unsafe fn quants<Q: Quantized>(&mut self, chunk: usize, columns: &[__m256i; ROWS]) {
        let at = self.offsets.quants(chunk);
        let lanes = self.offsets.lanes;
        for (step, column) in columns.iter().enumerate() {
            // SAFETY: `start` has sized the packed panel for every chunk of 32 columns.
            unsafe {
                let out = self.packed.quants.as_mut_ptr().add(at + step * 4 * lanes);
                _mm256_storeu_si256(out.cast(), *column);
            }
        }
    }
}

/// Fills a part of a packed panel if its format has a path of its own here; else returns false
/// and does nothing.
#[target_feature(enable = "avx2,fma,f16c")]
pub(crate) fn fill(
    packed: &mut PackedPanel,
    part: usize,
    format: Format,
    rows: &[u8],
    columns: usize,
) -> bool {
    let offsets = PartOffsets {
        lanes: packed.lanes,
        first: part * ROWS,
    };
    assert!(offsets.first < offsets.lanes);
    dequantize_eight(&mut PanelPart { packed, offsets }, format, rows, columns)
}

/// Dequantizes up to eight rows if their format has a path of its own here; else
/// returns false and does nothing.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(crate) fn dequantize_eight(
    sink: &mut impl Sink,
    format: Format,
    rows: &[u8],
    columns: usize,
) -> bool {
    match format {
        Format::Q4_0 => block32::<dequantize::Q4_0>(sink, rows, columns),
        Format::Q4_1 => block32::<dequantize::Q4_1>(sink, rows, columns),
        Format::Q5_0 => block32::<dequantize::Q5_0>(sink, rows, columns),
        Format::Q5_1 => block32::<dequantize::Q5_1>(sink, rows, columns),
        Format::Q8_0 => block32::<dequantize::Q8_0>(sink, rows, columns),
        Format::Iq4Nl => block32::<dequantize::Iq4Nl>(sink, rows, columns),
        Format::Mxfp4 => block32::<dequantize::Mxfp4>(sink, rows, columns),
        Format::Iq4Xs => iq4_xs(sink, rows, columns),
        Format::Q4K => k_quants::<dequantize::Q4K>(sink, rows, columns),
        Format::Q5K => k_quants::<dequantize::Q5K>(sink, rows, columns),
        Format::Q6K => q6_k::<dequantize::Q6K>(sink, rows, columns),
        _ => return false,
    }
    true
}

/// Writes `count` columns of eight rows to the beginnings of every `lanes` of
/// `out`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(crate) fn put(rows: &[[f32; CHUNK]; ROWS], count: usize, lanes: usize, out: &mut [f32]) {
    let whole = count / ROWS * ROWS;
    assert!(count <= CHUNK && count > 0 && out.len() >= (count - 1) * lanes + ROWS);
    for first in (0..whole).step_by(ROWS) {
        // SAFETY: eight floats from `first` on lie inside each row.
        let load =
            |row: &[f32; CHUNK]| unsafe { _mm256_loadu_si256(row.as_ptr().add(first).cast()) };
        let columns = transposed(&rows.each_ref().map(load));
        for (column, eight) in columns.into_iter().enumerate() {
            // SAFETY: the column is below `count`, and `out` has been checked to
            // have eight floats at the last one.
            unsafe {
                let to = out.as_mut_ptr().add((first + column) * lanes);
                _mm256_storeu_si256(to.cast(), eight);
            }
        }
    }
    for column in whole..count {
        for (out, row) in out[column * lanes..].iter_mut().zip(rows) {
            *out = row[column];
        }
    }
}
