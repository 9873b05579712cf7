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

#[cfg(test)]
mod tests {
    use llm_cli::{Context, Interrupt, Messages};
    use serde_json::json;

    use super::*;

    /// Rows of three numbers that are no two alike in direction, more than two blocks.
    const ROWS: usize = 2 * BLOCK + 77;

    fn numbers(row: usize) -> [f32; 3] {
        let angle = row as f32 * 2.399_963;
        [
            angle.sin() * (1 + row % 5) as f32,
            angle.cos(),
            row as f32 / 700.0 - 1.5,
        ]
    }

    fn index(pool: &Pool) -> Index {
        let lines = (0..ROWS).map(|row| {
            let record = json!({"type": "embedding", "schema_version": 1, "line": row + 1, "dim": 3,
                "embedding": numbers(row), "pooling": "mean", "model": {"name": "m", "digest": "d"}});
            record.to_string() + "\n"
        });
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), lines.collect::<String>()).unwrap();
        let context = Context {
            messages: Messages::new("llm-embed"),
            interrupt: Interrupt::default(),
        };
        Index::open(file.path(), pool, &context).unwrap()
    }

    fn cosine(a: &[f32], b: &[f32]) -> f64 {
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            let both = a.iter().zip(b);
            both.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    }

    #[test]
    fn the_nearest_of_many_blocks_are_found() {
        let query = [0.3, -0.8, 0.5];
        let mut wanted: Vec<(usize, f64)> = (0..ROWS)
            .map(|row| (row, cosine(&numbers(row), &query)))
            .collect();
        wanted.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut before = None;
        for threads in [1, 3] {
            let pool = Pool::new(threads).unwrap();
            let mut index = index(&pool);
            for most in [1, 10, BLOCK + 1, ROWS + 1] {
                let best = index.nearest(&pool, Level::SCALAR, &query, most);
                assert_eq!(best.len(), most.min(ROWS));
                for ((row, score), (_, wanted)) in best.iter().zip(&wanted) {
                    let exact = cosine(&numbers(*row), &query);
                    assert!((f64::from(*score) - exact).abs() < 1e-6);
                    // Rows of nearly equal scores may change places.
                    assert!((exact - wanted).abs() < 1e-6);
                }
                if most > ROWS {
                    assert_eq!(*before.get_or_insert_with(|| best.clone()), best);
                    assert_eq!(index.found(best[0].0).unwrap().line, best[0].0 as u64 + 1);
                }
            }
        }
    }

    #[test]
    fn pairs_of_many_tiles_are_found_once_each() {
        let pool = Pool::new(2).unwrap();
        let index = index(&pool);
        let threshold = 0.999;
        let found: Vec<Near> = (0..index.tiles())
            .flat_map(|tile| index.near(&pool, Level::SCALAR, tile, threshold))
            .collect();
        let (mut sure, mut possible) = (0, 0);
        for a in 0..ROWS {
            for b in a + 1..ROWS {
                let score = cosine(&numbers(a), &numbers(b));
                sure += usize::from(score > f64::from(threshold) + 1e-6);
                possible += usize::from(score > f64::from(threshold) - 1e-6);
            }
        }
        assert!(sure > 100, "{sure}");
        assert!((sure..=possible).contains(&found.len()), "{}", found.len());
        assert!(found.is_sorted_by(|a, b| (a.0, a.1) < (b.0, b.1)));
        for (a, b, score) in found {
            let exact = cosine(&numbers(a), &numbers(b));
            assert!(a < b && (f64::from(score) - exact).abs() < 1e-6);
        }
    }
}
