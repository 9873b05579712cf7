//! The rows of a text to one vector, as sentence-transformers' `Pooling` does.

/// How a text's rows become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The first row.
    Cls,
    /// The mean of all rows.
    Mean,
    /// The largest of each column.
    Max,
    /// The last row.
    Last,
}

impl Pooling {
    /// Returns the name that records have.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cls => "cls",
            Self::Mean => "mean",
            Self::Max => "max",
            Self::Last => "last",
        }
    }

    /// Pools `rows`, (tokens, `width`).
    pub(super) fn of(self, rows: &[f32], width: usize) -> Vec<f32> {
        let mut all = rows.chunks_exact(width);
        let nothing = || vec![0.0; width];
        match self {
            Self::Cls => all.next().map_or_else(nothing, <[f32]>::to_vec),
            Self::Last => all.next_back().map_or_else(nothing, <[f32]>::to_vec),
            Self::Mean => {
                let count = all.len().max(1) as f32;
                let mut sum = nothing();
                for row in all {
                    fold(&mut sum, row, |sum, x| sum + x);
                }
                sum.iter_mut().for_each(|sum| *sum /= count);
                sum
            }
            Self::Max => {
                let mut most = all.next().map_or_else(nothing, <[f32]>::to_vec);
                for row in all {
                    fold(&mut most, row, f32::max);
                }
                most
            }
        }
    }
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
        assert_eq!(Pooling::Cls.of(&rows, 2), [1.0, -2.0]);
        assert_eq!(Pooling::Last.of(&rows, 2), [3.0, -9.0]);
        assert_eq!(Pooling::Mean.of(&rows, 2), [3.0, -5.0]);
        assert_eq!(Pooling::Max.of(&rows, 2), [5.0, -2.0]);
        for pooling in [Pooling::Cls, Pooling::Last, Pooling::Mean, Pooling::Max] {
            assert_eq!(pooling.of(&[], 2), [0.0, 0.0]);
        }
    }
}
