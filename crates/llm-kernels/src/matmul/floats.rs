//! Tiles of floats times activation rows.
//!
//! Each sum is one chain of fused multiply-adds over the columns, whatever the
//! level and the number of rows that are multiplied together. Two tiles share
//! every broadcast and as many rows as the registers hold sums for share every
//! weight: twelve with 512 bits (24 of 32 registers), six with 256 (12 of 16).

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, __m512, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_setzero_ps,
    _mm256_storeu_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_storeu_ps,
};

use super::{Strip, lanes, store};
use crate::pool::DisjointRows;
use crate::simd::Level;
use crate::tile::{ROWS, Tile};

/// Multiplies a strip's tiles with the activation rows of `strip`, (rows,
/// `columns`) each.
pub(super) fn multiply_strip(
    level: Level,
    tiles: &[Tile],
    strip: Strip,
    input: &[f32],
    columns: usize,
    out: &DisjointRows<f32>,
) {
    let used = &tiles[..strip.count.div_ceil(lanes(level))];
    let work = Work {
        tiles: used,
        strip,
        input,
        columns,
        out,
    };
    #[cfg(target_arch = "x86_64")]
    if level >= Level::AVX512_VNNI {
        // SAFETY: the level exists only where its features do.
        return unsafe { with_512_bits(work) };
    }
    #[cfg(target_arch = "x86_64")]
    if level >= Level::AVX2 {
        // SAFETY: a level above scalar exists only where its features do.
        return unsafe { with_256_bits(work) };
    }
    plain(work);
}

#[derive(Clone, Copy)]
struct Work<'a> {
    tiles: &'a [Tile],
    strip: Strip,
    input: &'a [f32],
    columns: usize,
    out: &'a DisjointRows<f32>,
}

/// The twin that judges.
fn plain(work: Work<'_>) {
    for row in work.strip.from..work.strip.batch {
        let x = &work.input[row * work.columns..][..work.columns];
        for (index, tile) in work.tiles.iter().enumerate() {
            let mut sums = [0.0_f32; ROWS];
            for (weights, x) in tile.floats.chunks_exact(ROWS).zip(x) {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = weight.mul_add(*x, *sum);
                }
            }
            store(work.out, work.strip, row, index, &[sums]);
        }
    }
}

/// A register of floats, named only by functions that are compiled for it.
#[cfg(target_arch = "x86_64")]
trait Register: Copy {
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
        impl Register for $type {
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
register!(
    __m256,
    8,
    _mm256_setzero_ps,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_fmadd_ps
);
#[cfg(target_arch = "x86_64")]
register!(
    __m512,
    16,
    _mm512_setzero_ps,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_fmadd_ps
);

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
fn with_512_bits(work: Work<'_>) {
    rows::<__m512, 16, 12, 6>(work);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
fn with_256_bits(work: Work<'_>) {
    rows::<__m256, 8, 6, 3>(work);
}

/// Multiplies `MANY` rows at a time, then `SOME`, then single ones.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn rows<R: Register, const LANES: usize, const MANY: usize, const SOME: usize>(work: Work<'_>) {
    let mut row = work.strip.from;
    while row < work.strip.batch {
        row += match work.strip.batch - row {
            left if left >= MANY => pairs::<R, LANES, MANY>(work, row),
            left if left >= SOME => pairs::<R, LANES, SOME>(work, row),
            _ => pairs::<R, LANES, 1>(work, row),
        };
    }
}

/// Multiplies the `BATCH` rows from `row` on with all tiles, two at a time, and
/// returns `BATCH`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn pairs<R: Register, const LANES: usize, const BATCH: usize>(work: Work<'_>, row: usize) -> usize {
    for (index, tiles) in work.tiles.chunks(2).enumerate() {
        if let [one, two] = tiles {
            let sums = dot::<R, LANES, 2, BATCH>(work, row, [one, two]);
            keep::<R, LANES, 2, BATCH>(work, row, 2 * index, sums);
        } else if let [one] = tiles {
            let sums = dot::<R, LANES, 1, BATCH>(work, row, [one]);
            keep::<R, LANES, 1, BATCH>(work, row, 2 * index, sums);
        }
    }
    BATCH
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn dot<R: Register, const LANES: usize, const TILES: usize, const BATCH: usize>(
    work: Work<'_>,
    row: usize,
    tiles: [&Tile; TILES],
) -> [[R; TILES]; BATCH] {
    const { assert!(R::LANES == LANES) };
    let columns = work.columns;
    let input = &work.input[row * columns..(row + BATCH) * columns];
    for tile in tiles {
        assert!(tile.lanes == LANES && tile.floats.len() >= columns * LANES);
    }
    let mut sums = [[R::zero(); TILES]; BATCH];
    // SAFETY: a column is below `columns`, and tiles and input have been checked
    // to hold as many columns of `LANES` and `BATCH` numbers.
    unsafe {
        for column in 0..columns {
            let mut weights = [R::zero(); TILES];
            for (weights, tile) in weights.iter_mut().zip(tiles) {
                *weights = R::load(tile.floats.as_ptr().add(column * LANES));
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

/// Writes the sums of the tiles from `index` on for the activation rows from `row`
/// on.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn keep<R: Register, const LANES: usize, const TILES: usize, const BATCH: usize>(
    work: Work<'_>,
    row: usize,
    index: usize,
    sums: [[R; TILES]; BATCH],
) {
    let first = index * LANES;
    let count = (TILES * LANES).min(work.strip.count - first);
    for (batch, sums) in sums.into_iter().enumerate() {
        // SAFETY: a strip is computed by one thread and strips are disjoint;
        // the reference ends with the round.
        let out = unsafe { work.out.part(row + batch, work.strip.first + first, count) };
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
