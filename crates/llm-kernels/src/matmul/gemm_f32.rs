//! Packed panels of floats times activation rows.
//!
//! Each sum is one chain of fused multiply-adds over the columns, whatever the
//! level and the number of rows that are multiplied together. Two packed panels share
//! every broadcast and as many rows as the registers hold sums for share every
//! weight: twelve with 512 bits (24 of 32 registers), six with 256 (12 of 16).

use super::{Panel, lanes};
use crate::arch::scalar;
#[cfg(target_arch = "x86_64")]
use crate::arch::{avx2, avx512};
use crate::packed_panel::PackedPanel;
use crate::pool::DisjointRows;
use crate::simd::Level;

/// Multiplies the packed panels of `panel` with its activation rows, (rows, `columns`).
pub(super) fn multiply_panel(
    level: Level,
    packed_panels: &[PackedPanel],
    panel: Panel,
    input: &[f32],
    columns: usize,
    out: &DisjointRows<f32>,
) {
    let used = &packed_panels[..panel.count.div_ceil(lanes(level))];
    let work = Work {
        packed_panels: used,
        panel,
        input,
        columns,
        out,
    };
    #[cfg(target_arch = "x86_64")]
    if level >= Level::AVX512_VNNI {
        // SAFETY: the level exists only where its features do.
        return unsafe { avx512::gemm_f32::multiply(work) };
    }
    #[cfg(target_arch = "x86_64")]
    if level >= Level::AVX2 {
        // SAFETY: a level above scalar exists only where its features do.
        return unsafe { avx2::gemm_f32::multiply(work) };
    }
    scalar::gemm_f32::multiply(work);
}

#[derive(Clone, Copy)]
pub(crate) struct Work<'a> {
    pub(crate) packed_panels: &'a [PackedPanel],
    pub(crate) panel: Panel,
    pub(crate) input: &'a [f32],
    pub(crate) columns: usize,
    pub(crate) out: &'a DisjointRows<f32>,
}

/// A register of floats, named only by functions that are compiled for it.
#[cfg(target_arch = "x86_64")]
pub(crate) trait Register: Copy {
    const LANES: usize;
    fn zero() -> Self;
    fn all(x: f32) -> Self;
    /// # Safety
    /// `LANES` floats lie behind `from`.
    unsafe fn load(from: *const f32) -> Self;
    /// # Safety
    /// `LANES` floats fit behind `to`.
    unsafe fn store(self, to: *mut f32);
    /// Returns `self * x + sum`, rounded once.
    fn times(self, x: Self, sum: Self) -> Self;
}

/// Implements [`Register`] with a level's instructions.
#[cfg(target_arch = "x86_64")]
macro_rules! register {
    ($type:ty, $lanes:expr, $zero:ident, $all:ident, $load:ident, $store:ident, $times:ident) => {
        impl $crate::matmul::gemm_f32::Register for $type {
            const LANES: usize = $lanes;
            #[inline(always)]
            fn zero() -> Self {
                // SAFETY: see the trait's comment, here and below.
                unsafe { $zero() }
            }
            #[inline(always)]
            fn all(x: f32) -> Self {
                // SAFETY: as above.
                unsafe { $all(x) }
            }
            #[inline(always)]
            unsafe fn load(from: *const f32) -> Self {
                // SAFETY: as above; the rest is passed on from the caller.
                unsafe { $load(from) }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut f32) {
                // SAFETY: as above; the rest is passed on from the caller.
                unsafe { $store(to, self) }
            }
            #[inline(always)]
            fn times(self, x: Self, sum: Self) -> Self {
                // SAFETY: as above.
                unsafe { $times(self, x, sum) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
pub(crate) use register;

/// Multiplies `MANY` rows at a time, then `SOME`, then single ones.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn rows<R: Register, const LANES: usize, const MANY: usize, const SOME: usize>(
    work: Work<'_>,
) {
    let mut row = work.panel.from;
    while row < work.panel.batch {
        row += match work.panel.batch - row {
            left if left >= MANY => pairs::<R, LANES, MANY>(work, row),
            left if left >= SOME => pairs::<R, LANES, SOME>(work, row),
            _ => pairs::<R, LANES, 1>(work, row),
        };
    }
}

/// Multiplies the `BATCH` rows from `row` on with all packed panels, two at a time, and
/// returns `BATCH`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn pairs<R: Register, const LANES: usize, const BATCH: usize>(work: Work<'_>, row: usize) -> usize {
    for (index, packed_panels) in work.packed_panels.chunks(2).enumerate() {
        if let [first, second] = packed_panels {
            let sums = dot::<R, LANES, 2, BATCH>(work, row, [first, second]);
            keep::<R, LANES, 2, BATCH>(work, row, 2 * index, sums);
        } else if let [single] = packed_panels {
            let sums = dot::<R, LANES, 1, BATCH>(work, row, [single]);
            keep::<R, LANES, 1, BATCH>(work, row, 2 * index, sums);
        }
    }
    BATCH
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn dot<R: Register, const LANES: usize, const PANELS: usize, const BATCH: usize>(
    work: Work<'_>,
    row: usize,
    packed_panels: [&PackedPanel; PANELS],
) -> [[R; PANELS]; BATCH] {
    const { assert!(R::LANES == LANES) };
    let columns = work.columns;
    let input = &work.input[row * columns..(row + BATCH) * columns];
    for packed in packed_panels {
        assert!(packed.lanes == LANES && packed.floats.len() >= columns * LANES);
    }
    let mut sums = [[R::zero(); PANELS]; BATCH];
    // SAFETY: a column is below `columns`, and packed panels and input have been checked
    // to hold as many columns of `LANES` and `BATCH` numbers.
    unsafe {
        for column in 0..columns {
            let mut weights = [R::zero(); PANELS];
            for (weights, packed) in weights.iter_mut().zip(packed_panels) {
                *weights = R::load(packed.floats.as_ptr().add(column * LANES));
            }
            for (batch, sums) in sums.iter_mut().enumerate() {
                let x = R::all(*input.as_ptr().add(batch * columns + column));
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = weights.times(x, *sum);
                }
            }
        }
    }
    sums
}

/// Writes the sums of the packed panels from `index` on for the activation rows from `row`
/// on.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn keep<R: Register, const LANES: usize, const PANELS: usize, const BATCH: usize>(
    work: Work<'_>,
    row: usize,
    index: usize,
    sums: [[R; PANELS]; BATCH],
) {
    let first = index * LANES;
    let count = (PANELS * LANES).min(work.panel.count - first);
    for (batch, sums) in sums.into_iter().enumerate() {
        // SAFETY: a panel is computed by one thread and panels are disjoint;
        // the reference ends with the round.
        let out = unsafe { work.out.part(row + batch, work.panel.first + first, count) };
        for (out, sum) in out.chunks_mut(LANES).zip(sums) {
            if out.len() == LANES {
                // SAFETY: there is room for `LANES` floats.
                unsafe { sum.store(out.as_mut_ptr()) };
            } else {
                let mut all = [0.0; LANES];
                // SAFETY: as above.
                unsafe { sum.store(all.as_mut_ptr()) };
                out.copy_from_slice(&all[..out.len()]);
            }
        }
    }
}
