//! The rotation of queries and keys by their positions.

use llm_engine::forward::Rotation;
use llm_kernels::pool::Pool;
use llm_kernels::rope::{self, RopeLayout};
use llm_kernels::simd::Level;

use crate::batch::Row;

/// Cosines and sines of one rotation, (positions, pairs) each.
pub(crate) struct Angles {
    pairs: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Angles {
    /// Computes those of the first `positions`.
    pub(crate) fn new(rotation: &Rotation, positions: usize) -> Self {
        let (mut cos, mut sin) = (Vec::new(), Vec::new());
        for position in 0..positions {
            rotation.append(position, &mut cos, &mut sin);
        }
        Self {
            pairs: rotation.pairs(),
            cos,
            sin,
        }
    }

    /// Rotates all heads of `x`, (rows, `columns`), in place.
    pub(crate) fn rotate(
        &self,
        level: Level,
        pool: &Pool,
        rows: &[Row],
        x: &mut [f32],
        (columns, head_dim): (usize, usize),
    ) {
        pool.for_each_row(x, columns, |row, x| {
            let start = rows[row].position * self.pairs;
            let range = start..start + self.pairs;
            let (cos, sin) = (&self.cos[range.clone()], &self.sin[range]);
            rope::rotate(level, x, head_dim, RopeLayout::Halves, cos, sin);
        });
    }
}
