//! The rows of a text → one vector, as sentence-transformers' `Pooling` makes it.

use llm_kernels::simd::Level;
use llm_kernels::vector;

/// Vectors shorter than this are divided by it: sentence-transformers' own bound.
const MIN_LENGTH: f32 = 1e-12;

/// Normalizes a vector to unit length; zeros stay.
pub(crate) fn normalize(level: Level, vector: &mut [f32]) {
    vector::normalize(level, vector, MIN_LENGTH);
}

/// How a text's rows become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The first row.
    Cls,
    /// The mean of all rows.
    Mean,
    /// The sum of all rows, divided by the root of their number.
    MeanSqrtLen,
    /// The mean of all rows, the n-th with the weight n.
    WeightedMean,
    /// The largest number of each column.
    Max,
    /// The last row.
    Last,
    /// The weights of the vocabulary's tokens that a masked language model's head makes
    /// of all rows (Formal et al. 2021, arXiv:2109.10086): a sparse vector.
    Splade,
}

impl Pooling {
    /// Returns its name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cls => "cls",
            Self::Mean => "mean",
            Self::MeanSqrtLen => "mean_sqrt_len",
            Self::WeightedMean => "weightedmean",
            Self::Max => "max",
            Self::Last => "last",
            Self::Splade => "splade",
        }
    }

    /// Pools `rows`, (tokens, `hidden_size`); the head before [`Self::Splade`] is left
    /// to the encoder.
    pub(crate) fn pool(self, rows: &[f32], hidden_size: usize) -> Vec<f32> {
        let mut all = rows.chunks_exact(hidden_size);
        let nothing = || vec![0.0; hidden_size];
        match self {
            Self::Cls => all.next().map_or_else(nothing, <[f32]>::to_vec),
            Self::Last => all.next_back().map_or_else(nothing, <[f32]>::to_vec),
            Self::Mean => weighted(rows, hidden_size, |_| 1.0, |total| total),
            Self::MeanSqrtLen => weighted(rows, hidden_size, |_| 1.0, f32::sqrt),
            Self::WeightedMean => {
                weighted(rows, hidden_size, |row| (row + 1) as f32, |total| total)
            }
            Self::Max | Self::Splade => {
                let mut most = all.next().map_or_else(nothing, <[f32]>::to_vec);
                for row in all {
                    fold(&mut most, row, f32::max);
                }
                most
            }
        }
    }
}

/// Returns the sum of all rows, each as often as `weight` says of its index,
/// over what `divisor` makes of the sum of the weights.
fn weighted(
    rows: &[f32],
    hidden_size: usize,
    weight: fn(usize) -> f32,
    divisor: fn(f32) -> f32,
) -> Vec<f32> {
    let (mut sum, mut total) = (vec![0.0; hidden_size], 0.0);
    for (index, row) in rows.chunks_exact(hidden_size).enumerate() {
        let weight = weight(index);
        total += weight;
        for (sum, x) in sum.iter_mut().zip(row) {
            *sum += weight * x;
        }
    }
    if total > 0.0 {
        let divisor = divisor(total);
        sum.iter_mut().for_each(|sum| *sum /= divisor);
    }
    sum
}

fn fold(into: &mut [f32], row: &[f32], step: fn(f32, f32) -> f32) {
    for (into, x) in into.iter_mut().zip(row) {
        *into = step(*into, *x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_is_what_its_name_says() {
        let rows = [1.0, -2.0, 5.0, -4.0, 3.0, -9.0];
        assert_eq!(Pooling::Cls.pool(&rows, 2), [1.0, -2.0]);
        assert_eq!(Pooling::Last.pool(&rows, 2), [3.0, -9.0]);
        assert_eq!(Pooling::Mean.pool(&rows, 2), [3.0, -5.0]);
        assert_eq!(Pooling::Max.pool(&rows, 2), [5.0, -2.0]);
        let close = |found: Vec<f32>, wanted: [f32; 2]| {
            let differ = found.iter().zip(wanted).map(|(x, y)| (x - y).abs());
            assert!(differ.fold(0.0, f32::max) < 1e-6, "{found:?}");
        };
        // (1, -2) + (5, -4) + (3, -9) over the root of 3
        let root = 3.0_f32.sqrt();
        close(
            Pooling::MeanSqrtLen.pool(&rows, 2),
            [9.0 / root, -15.0 / root],
        );
        // once, twice and three times, over 6
        close(
            Pooling::WeightedMean.pool(&rows, 2),
            [20.0 / 6.0, -37.0 / 6.0],
        );
        for pooling in [
            Pooling::Cls,
            Pooling::Last,
            Pooling::Mean,
            Pooling::MeanSqrtLen,
            Pooling::WeightedMean,
            Pooling::Max,
        ] {
            assert_eq!(pooling.pool(&[], 2), [0.0, 0.0]);
        }
    }
}
