//! Attention whose scores depend on the distance of two positions too. Plain
//! loops: a text's queries one after another, each head on its own.

use std::path::Path;

use llm_kernels::simd::Level;
use llm_kernels::vector;

use crate::weights::File;
use llm_folder::FolderError;

/// What is added to the scores of a distance.
#[derive(Debug)]
pub(super) enum Bias {
    /// `-slope * distance`, one slope a head.
    Slopes(Vec<f32>),
    /// A number for each bucket of distances, (buckets, heads).
    Buckets { table: Vec<f32>, heads: usize },
}

/// Distances from here on are in one bucket.
const FARTHEST: f32 = 128.0;

impl Bias {
    /// Returns the slopes of so many heads: a geometric series that ends at
    /// `2^-8`; a number that is no power of two takes the series of the next
    /// smaller one and every other of the next larger.
    pub(super) fn slopes(heads: usize) -> Self {
        let series = |count: usize| {
            let ratio = (-8.0 / count as f64).exp2();
            (1..=count).map(move |at| ratio.powi(i32::try_from(at).unwrap_or(i32::MAX)) as f32)
        };
        let whole = 1 << heads.ilog2();
        let rest = series(2 * whole).step_by(2).take(heads - whole);
        Self::Slopes(series(whole).chain(rest).collect())
    }

    /// Reads the buckets' numbers.
    pub(super) fn read(path: &Path, file: &File, heads: usize) -> Result<Self, FolderError> {
        let matrix = file.matrix("attn_rel_b.weight", None, heads)?;
        let mut table = vec![0.0; matrix.rows() * heads];
        for (row, out) in table.chunks_exact_mut(heads).enumerate() {
            matrix.row(row, out);
        }
        // Two sides, of each a part for near distances.
        if matrix.rows() < 4 {
            let reason = "its relative_attention_bias has too few rows";
            return Err(FolderError::malformed(path, reason));
        }
        Ok(Self::Buckets { table, heads })
    }

    /// Returns what is added for each head and each distance `key - query` from
    /// `-(length - 1)` on, (heads, 2 * `length` - 1).
    pub(super) fn of_length(&self, heads: usize, length: usize) -> Vec<f32> {
        let distances = 0..2 * length - 1;
        let one = |head: usize, at: usize| {
            let distance = at as i64 - (length as i64 - 1);
            match self {
                Self::Slopes(slopes) => -slopes[head] * distance.unsigned_abs() as f32,
                Self::Buckets { table, heads } => {
                    let count = table.len() / heads;
                    table[bucket(distance, count) * heads + head]
                }
            }
        };
        let all = (0..heads).flat_map(|head| distances.clone().map(move |at| (head, at)));
        all.map(|(head, at)| one(head, at)).collect()
    }
}

/// Returns the bucket of a distance: half of them for keys after the query; of
/// each half one half for the distances themselves, the other for a logarithm.
fn bucket(distance: i64, count: usize) -> usize {
    let side = count / 2;
    let exact = side / 2;
    let start = if distance > 0 { side } else { 0 };
    let size = distance.unsigned_abs() as usize;
    if size < exact {
        return start + size;
    }
    // In single precision, as where the models were trained.
    let exact_f = exact as f32;
    let share =
        (size as f32 / exact_f).ln() / (f64::from(FARTHEST) / f64::from(exact_f)).ln() as f32;
    // A share without bound, of a table that has no room for far ones, is the last.
    let far = exact.saturating_add((share * (side - exact) as f32) as usize);
    start + far.min(side - 1)
}

/// One text's part of a layer's attention.
pub(super) struct Text<'a> {
    pub(super) heads: usize,
    /// Elements of a head.
    pub(super) head: usize,
    pub(super) scale: f32,
    /// (tokens, hidden_size) each.
    pub(super) keys: &'a [f32],
    pub(super) values: &'a [f32],
    /// See [`Bias::of_length`], for the length `longest`.
    pub(super) bias: &'a [f32],
    pub(super) longest: usize,
}

impl Text<'_> {
    /// Writes what the query at `position`, (hidden_size), sees to `out`, (hidden_size).
    pub(super) fn attend(&self, level: Level, position: usize, query: &[f32], out: &mut [f32]) {
        let hidden_size = self.heads * self.head;
        let length = self.keys.len() / hidden_size;
        let row = 2 * self.longest - 1;
        let mut weights = vec![0.0; length];
        out.fill(0.0);
        for head in 0..self.heads {
            let part = head * self.head..(head + 1) * self.head;
            let query = &query[part.clone()];
            let bias = &self.bias[head * row + self.longest - 1 - position..];
            let keys = self.keys.chunks_exact(hidden_size);
            for ((weight, key), bias) in weights.iter_mut().zip(keys).zip(bias) {
                *weight = vector::dot(level, query, &key[part.clone()]) * self.scale + bias;
            }
            softmax(&mut weights);
            let out = &mut out[part.clone()];
            for (weight, value) in weights.iter().zip(self.values.chunks_exact(hidden_size)) {
                vector::add_weighted(level, out, *weight, &value[part.clone()]);
            }
        }
    }
}

fn softmax(scores: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut total = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - largest).exp();
        total += *score;
    }
    scores.iter_mut().for_each(|score| *score /= total);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the paper's authors: 8 heads, and 12.
    #[test]
    fn slopes_are_a_series() {
        let Bias::Slopes(eight) = Bias::slopes(8) else {
            panic!()
        };
        let wanted: Vec<f32> = (1..=8).map(|at| 0.5_f32.powi(at)).collect();
        assert_eq!(eight, wanted);
        let Bias::Slopes(twelve) = Bias::slopes(12) else {
            panic!()
        };
        let more: Vec<f32> = [0.5, 1.5, 2.5, 3.5]
            .iter()
            .map(|at: &f32| (-at).exp2())
            .collect();
        assert_eq!(twelve[..8], wanted);
        for (found, wanted) in twelve[8..].iter().zip(more) {
            assert!((found - wanted).abs() < 1e-6);
        }
    }

    #[test]
    fn far_distances_share_buckets() {
        let of = |distance| bucket(distance, 32);
        assert_eq!([0, -1, -7, 1, 7].map(of), [0, 1, 7, 17, 23]);
        assert_eq!(
            [-8, -11, -12, -128, -5000, 8, 5000].map(of),
            [8, 8, 9, 15, 15, 24, 31]
        );
    }
}
