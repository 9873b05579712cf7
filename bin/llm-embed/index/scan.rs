//! Exact comparisons of all rows, on all threads: the rows that are nearest to a query,
//! and pairs that are near to each other. No score depends on the number of threads.

use std::cmp::Ordering;
use std::sync::{Mutex, PoisonError};

use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_kernels::vector;

use super::{BLOCK, Index};

/// Rows that are compared with all others while they stay in the cache: 64 rows of 768
/// numbers are 192 KiB.
const TILE: usize = 64;

/// A row and its cosine.
pub(crate) type Scored = (usize, f32);

/// Two rows, the first before the second, and their cosine.
pub(crate) type Near = (usize, usize, f32);

/// Returns the best first; of equal scores the one that comes first.
pub(crate) fn order(a: &Scored, b: &Scored) -> Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

impl Index {
    /// Returns the `most` rows whose cosine with a query is largest, the best first.
    pub(crate) fn nearest(
        &self,
        pool: &Pool,
        level: Level,
        query: &[f32],
        most: usize,
    ) -> Vec<Scored> {
        let length = vector::dot(level, query, query).sqrt();
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        let best = Mutex::new(Vec::new());
        pool.for_each(self.len().div_ceil(BLOCK), |block| {
            let rows = block * BLOCK..self.len().min((block + 1) * BLOCK);
            let mut own: Vec<Scored> = rows
                .map(|row| {
                    let product = vector::dot(level, query, self.row(row));
                    (row, product * scale * self.inverse[row])
                })
                .collect();
            keep(&mut own, most);
            let mut best = best.lock().unwrap_or_else(PoisonError::into_inner);
            best.append(&mut own);
            keep(&mut best, most);
        });
        let mut best = best.into_inner().unwrap_or_else(PoisonError::into_inner);
        best.sort_unstable_by(order);
        best
    }

    /// Returns how many steps [`near`](Self::near) has.
    pub(crate) fn tiles(&self) -> usize {
        self.len().div_ceil(TILE)
    }

    /// Returns the pairs whose first is in the given one of [`tiles`](Self::tiles), with
    /// a cosine of at least `threshold`, in the order of the rows.
    pub(crate) fn near(&self, pool: &Pool, level: Level, tile: usize, threshold: f32) -> Vec<Near> {
        let first = tile * TILE;
        let rows = first..self.len().min(first + TILE);
        let found = Mutex::new(Vec::new());
        pool.for_each((self.len() - first).div_ceil(TILE), |other| {
            let start = first + other * TILE;
            let others = start..self.len().min(start + TILE);
            let mut own: Vec<Near> = Vec::new();
            for a in rows.clone() {
                for b in others.clone().filter(|b| *b > a) {
                    let product = vector::dot(level, self.row(a), self.row(b));
                    let score = product * self.inverse[a] * self.inverse[b];
                    if score >= threshold {
                        own.push((a, b, score));
                    }
                }
            }
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            found.append(&mut own);
        });
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.sort_unstable_by_key(|(a, b, _)| (*a, *b));
        found
    }
}

/// Keeps the best, in no order.
fn keep(scored: &mut Vec<Scored>, most: usize) {
    if scored.len() > most {
        scored.select_nth_unstable_by(most, order);
        scored.truncate(most);
    }
}
