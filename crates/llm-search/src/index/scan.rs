//! Exact comparisons of all rows, on all threads: the rows that are nearest to a query,
//! and pairs that are near to each other. No score depends on the number of threads.
//!
//! All rows are looked at in 32-bit floats, whose sums are off by some units of the last place:
//! equal rows would be 1.0000001 or 0.9999999 alike. So what may be wanted is compared once more,
//! in double precision, before anything is put in order or held against a threshold.

use std::cmp::Ordering;
use std::sync::{Mutex, PoisonError};

use llm_kernels::pool::Pool;
use llm_kernels::vector;

use super::{BLOCK, Index};

/// Rows that are compared with all others while they stay in the cache: 64 rows of 768
/// numbers are 192 KiB.
const TILE: usize = 64;

/// A row that was compared with a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// The row, from 0.
    pub row: usize,
    /// The cosine of the row and the query, from -1 to 1; 0 where one of them is all zeros.
    pub score: f32,
}

/// Two rows that are near to each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimilarPair {
    /// The row that comes first, from 0.
    pub first: usize,
    /// The other.
    pub second: usize,
    /// Their cosine, from -1 to 1.
    pub score: f32,
}

/// Orders by score, the highest first; of equal scores, the row that comes first.
#[must_use]
pub fn best_first(a: &Neighbour, b: &Neighbour) -> Ordering {
    b.score.total_cmp(&a.score).then(a.row.cmp(&b.row))
}

/// Returns the cosine of two vectors of the same length, the nearest number to what is computed in
/// double precision, so that it is 1 for equal ones and never above it: 0 where one is all zeros,
/// and NaN where one holds it.
#[must_use]
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let both = a.iter().zip(b);
        both.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    // Zero, or no number.
    let cosine = if lengths > 0.0 {
        dot(a, b) / lengths
    } else {
        lengths
    };
    cosine as f32
}

/// Returns how far a cosine of so many numbers may be off in 32-bit floats: a sum of n products by
/// n half units of the last place of 1, and so its two lengths together; a few more are the roots,
/// divisions and products around them (Higham 2002, section 3.1).
fn slack(dimensions: usize) -> f32 {
    (dimensions + 8) as f32 * f32::EPSILON
}

impl Index {
    /// Returns the `most` rows whose cosine with a query is largest, the best first. The query has
    /// as many numbers as a row, and any length.
    #[must_use]
    pub fn nearest(&self, pool: &Pool, query: &[f32], most: usize) -> Vec<Neighbour> {
        let (level, slack) = (self.level, slack(query.len()));
        let length = vector::dot(level, query, query).sqrt();
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        let best = Mutex::new(Vec::new());
        pool.for_each(self.len().div_ceil(BLOCK), |block| {
            let rows = block * BLOCK..self.len().min((block + 1) * BLOCK);
            let mut own: Vec<Neighbour> = rows
                .map(|row| {
                    let product = vector::dot(level, query, self.row(row));
                    Neighbour {
                        row,
                        score: product * scale * self.inverse_lengths[row],
                    }
                })
                .collect();
            keep_best(&mut own, most, slack);
            let mut best = best.lock().unwrap_or_else(PoisonError::into_inner);
            best.append(&mut own);
            keep_best(&mut best, most, slack);
        });
        let mut best = best.into_inner().unwrap_or_else(PoisonError::into_inner);
        for found in &mut best {
            found.score = cosine(query, self.row(found.row));
        }
        best.sort_unstable_by(best_first);
        best.truncate(most);
        best
    }

    /// Returns how many steps [`similar`](Self::similar) has.
    #[must_use]
    pub fn tiles(&self) -> usize {
        self.len().div_ceil(TILE)
    }

    /// Returns the pairs whose first row is in the given one of [`tiles`](Self::tiles), with
    /// a cosine of at least `threshold`, in the order of the rows.
    #[must_use]
    pub fn similar(&self, pool: &Pool, tile: usize, threshold: f32) -> Vec<SimilarPair> {
        let level = self.level;
        let near = threshold - slack(self.provenance().dimensions);
        let tile_start = tile * TILE;
        let rows = tile_start..self.len().min(tile_start + TILE);
        let found = Mutex::new(Vec::new());
        pool.for_each((self.len() - tile_start).div_ceil(TILE), |other| {
            let start = tile_start + other * TILE;
            let others = start..self.len().min(start + TILE);
            let mut own: Vec<SimilarPair> = Vec::new();
            for first in rows.clone() {
                for second in others.clone().filter(|second| *second > first) {
                    let product = vector::dot(level, self.row(first), self.row(second));
                    let rough =
                        product * self.inverse_lengths[first] * self.inverse_lengths[second];
                    if rough < near {
                        continue;
                    }
                    let score = cosine(self.row(first), self.row(second));
                    if score >= threshold {
                        own.push(SimilarPair {
                            first,
                            second,
                            score,
                        });
                    }
                }
            }
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            found.append(&mut own);
        });
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.sort_unstable_by_key(|pair| (pair.first, pair.second));
        found
    }
}

/// Keeps the `most` best, at least one, in no order, and those whose score is off by so little that
/// they may be among them.
fn keep_best(neighbours: &mut Vec<Neighbour>, most: usize, slack: f32) {
    if neighbours.len() > most {
        let (_, last, _) = neighbours.select_nth_unstable_by(most.saturating_sub(1), best_first);
        // Both may be off.
        let least = last.score - 2.0 * slack;
        neighbours.retain(|found| found.score >= least);
    }
}

#[cfg(test)]
mod tests {
    use llm_kernels::simd::Level;
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
        Index::open(file.path(), pool, Level::SCALAR).unwrap()
    }

    fn exact_cosine(a: &[f32], b: &[f32]) -> f64 {
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
            .map(|row| (row, exact_cosine(&numbers(row), &query)))
            .collect();
        wanted.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut before = None;
        for threads in [1, 3] {
            let pool = Pool::new(threads).unwrap();
            let mut index = index(&pool);
            for most in [1, 10, BLOCK + 1, ROWS + 1] {
                let best = index.nearest(&pool, &query, most);
                assert_eq!(best.len(), most.min(ROWS));
                for (found, (_, wanted)) in best.iter().zip(&wanted) {
                    let exact = exact_cosine(&numbers(found.row), &query);
                    assert!((f64::from(found.score) - exact).abs() < 1e-6);
                    // Rows of nearly equal scores may change places.
                    assert!((exact - wanted).abs() < 1e-6);
                }
                if most > ROWS {
                    assert_eq!(*before.get_or_insert_with(|| best.clone()), best);
                    assert_eq!(
                        index.record(best[0].row).unwrap().line,
                        best[0].row as u64 + 1
                    );
                }
            }
        }
    }

    #[test]
    fn pairs_of_many_tiles_are_found_once_each() {
        let pool = Pool::new(2).unwrap();
        let index = index(&pool);
        let threshold = 0.999;
        let found: Vec<SimilarPair> = (0..index.tiles())
            .flat_map(|tile| index.similar(&pool, tile, threshold))
            .collect();
        let (mut sure, mut possible) = (0, 0);
        for a in 0..ROWS {
            for b in a + 1..ROWS {
                let score = exact_cosine(&numbers(a), &numbers(b));
                sure += usize::from(score > f64::from(threshold) + 1e-6);
                possible += usize::from(score > f64::from(threshold) - 1e-6);
            }
        }
        assert!(sure > 100, "{sure}");
        assert!((sure..=possible).contains(&found.len()), "{}", found.len());
        assert!(found.is_sorted_by(|a, b| (a.first, a.second) < (b.first, b.second)));
        for pair in found {
            let exact = exact_cosine(&numbers(pair.first), &numbers(pair.second));
            assert!(pair.first < pair.second);
            assert!((f64::from(pair.score) - exact).abs() < 1e-6);
        }
    }

    #[test]
    fn a_cosine_does_not_depend_on_lengths() {
        let of = |a: &[f32], b: &[f32]| cosine(a, b);
        assert_eq!(of(&[3.0, 0.0], &[0.0, 0.5]), 0.0);
        assert!((of(&[3.0, 4.0], &[0.0, 7.0]) - 0.8).abs() < 1e-6);
        assert_eq!(of(&[0.0, 0.0], &[1.0, 1.0]), 0.0);
        assert!(of(&[f32::NAN, 0.0], &[1.0, 1.0]).is_nan());
        // Squares of both that are no 32-bit floats.
        assert!((of(&[3e30, 4e30], &[0.0, 7e30]) - 0.8).abs() < 1e-6);
    }

    /// Sixty vectors of many numbers, each twice, in the order 1, 1, 2, 2, …
    fn twins(pool: &Pool, level: Level) -> (Index, tempfile::NamedTempFile) {
        // The upper bits of a multiplicative hash (Knuth 1998, section 6.4).
        let number = |row: usize, at: usize| {
            let hash = ((row * 384 + at + 1) as u32).wrapping_mul(2_654_435_769);
            (hash.wrapping_mul(hash | 1) >> 16) as f32 - 32_767.5
        };
        let lines = (0..120).map(|line| {
            let row: Vec<f32> = (0..384).map(|at| number(line / 2, at)).collect();
            let record = json!({"type": "embedding", "schema_version": 1, "line": line + 1, "dim": 384,
                "embedding": row, "pooling": "mean", "model": {"name": "m", "digest": "d"}});
            record.to_string() + "\n"
        });
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), lines.collect::<String>()).unwrap();
        (Index::open(file.path(), pool, level).unwrap(), file)
    }

    /// A cosine is at most 1, and 1 for equal vectors (Cauchy and Schwarz), whatever the sums round.
    #[test]
    fn equal_vectors_are_one_and_no_more_at_every_level() {
        let pool = Pool::new(2).unwrap();
        for level in [Level::SCALAR, Level::detect().unwrap()] {
            let (index, _file) = twins(&pool, level);
            let pairs: Vec<SimilarPair> = (0..index.tiles())
                .flat_map(|tile| index.similar(&pool, tile, 1.0))
                .collect();
            let wanted: Vec<_> = (0..60).map(|row| (2 * row, 2 * row + 1, 1.0)).collect();
            let found = pairs
                .iter()
                .map(|pair| (pair.first, pair.second, pair.score));
            assert_eq!(found.collect::<Vec<_>>(), wanted);
            for row in 0..60 {
                let query: Vec<f32> = index.row(2 * row).iter().map(|x| x * 3.1).collect();
                let best = index.nearest(&pool, &query, 3);
                let found: Vec<_> = best.iter().map(|best| (best.row, best.score)).collect();
                assert_eq!(found[..2], [(2 * row, 1.0), (2 * row + 1, 1.0)]);
                assert!(found[2].1 < 0.9);
                assert_eq!(index.nearest(&pool, &query, 1)[0].row, 2 * row);
            }
        }
    }
}
