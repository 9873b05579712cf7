//! What is added to the scores of attention, by the distance of two positions.

use llm_folder::FolderError;

use crate::tensors::Tensors;

/// How the scores of attention depend on the distance.
#[derive(Debug)]
pub(crate) enum RelativeBias {
    /// `-slope * distance`, one slope a head.
    Slopes(Vec<f32>),
    /// A number for each bucket of distances, (buckets, heads).
    Buckets { table: Vec<f32>, heads: usize },
}

/// Distances from here on are in one bucket.
const FARTHEST: f32 = 128.0;

impl RelativeBias {
    /// Returns the slopes of `heads` heads: a geometric series that ends at
    /// `2^-8`; a number that is no power of two takes the series of the next
    /// smaller one and every other of the next larger.
    pub(crate) fn slopes(heads: usize) -> Self {
        let series = |count: usize| {
            let ratio = (-8.0 / count as f64).exp2();
            (1..=count)
                .map(move |power| ratio.powi(i32::try_from(power).unwrap_or(i32::MAX)) as f32)
        };
        let whole = 1 << heads.ilog2();
        let rest = series(2 * whole).step_by(2).take(heads - whole);
        Self::Slopes(series(whole).chain(rest).collect())
    }

    /// Reads the buckets' numbers.
    pub(crate) fn read(tensors: &Tensors, heads: usize) -> Result<Self, FolderError> {
        let matrix = tensors.matrix("attn_rel_b.weight", None, heads)?;
        let mut table = vec![0.0; matrix.rows() * heads];
        for (row, out) in table.chunks_exact_mut(heads).enumerate() {
            matrix.row(row, out);
        }
        // Two sides, of each a part for near distances.
        if matrix.rows() < 4 {
            let reason = "its relative_attention_bias has too few rows";
            return Err(FolderError::malformed(&tensors.path, reason));
        }
        Ok(Self::Buckets { table, heads })
    }

    /// Computes what is added in texts of up to `longest` tokens, at least one.
    pub(crate) fn table(&self, heads: usize, longest: usize) -> BiasTable {
        let distances = 0..2 * longest - 1;
        let value = |head: usize, index: usize| {
            let distance = index as i64 - (longest as i64 - 1);
            match self {
                Self::Slopes(slopes) => -slopes[head] * distance.unsigned_abs() as f32,
                Self::Buckets { table, heads } => {
                    let count = table.len() / heads;
                    table[bucket(distance, count) * heads + head]
                }
            }
        };
        let all = (0..heads).flat_map(|head| distances.clone().map(move |index| (head, index)));
        BiasTable {
            values: all.map(|(head, index)| value(head, index)).collect(),
            longest,
        }
    }
}

/// What is added for each head and each distance `key - query` from
/// `-(longest - 1)` on.
#[derive(Debug)]
pub(crate) struct BiasTable {
    /// (heads, 2 * `longest` - 1)
    values: Vec<f32>,
    longest: usize,
}

impl BiasTable {
    /// Returns what is added to the scores of the query at `position`, from the text's
    /// first key on; behind its last one stands what is not meant.
    pub(crate) fn row(&self, head: usize, position: usize) -> &[f32] {
        let length = 2 * self.longest - 1;
        &self.values[head * length + self.longest - 1 - position..]
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the paper's authors: 8 heads, and 12.
    #[test]
    fn slopes_are_a_series() {
        let RelativeBias::Slopes(eight) = RelativeBias::slopes(8) else {
            panic!()
        };
        let wanted: Vec<f32> = (1..=8).map(|power| 0.5_f32.powi(power)).collect();
        assert_eq!(eight, wanted);
        let RelativeBias::Slopes(twelve) = RelativeBias::slopes(12) else {
            panic!()
        };
        let more: Vec<f32> = [0.5, 1.5, 2.5, 3.5]
            .iter()
            .map(|power: &f32| (-power).exp2())
            .collect();
        assert_eq!(twelve[..8], wanted);
        for (found, wanted) in twelve[8..].iter().zip(more) {
            assert!((found - wanted).abs() < 1e-6);
        }
    }

    #[test]
    fn far_distances_share_buckets() {
        let buckets = |distance| bucket(distance, 32);
        assert_eq!([0, -1, -7, 1, 7].map(buckets), [0, 1, 7, 17, 23]);
        assert_eq!(
            [-8, -11, -12, -128, -5000, 8, 5000].map(buckets),
            [8, 8, 9, 15, 15, 24, 31]
        );
    }
}
