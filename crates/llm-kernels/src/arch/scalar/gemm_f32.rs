//! Packed panels of floats times activation rows, the reference for all levels.

use crate::matmul::gemm_f32::Work;
use crate::matmul::store;
use crate::packed_panel::ROWS;

/// Multiplies the packed panels with the activation rows.
pub(crate) fn multiply(work: Work<'_>) {
    for row in work.panel.from..work.panel.batch {
        let x = &work.input[row * work.columns..][..work.columns];
        for (index, packed) in work.packed_panels.iter().enumerate() {
            let mut sums = [0.0_f32; ROWS];
            for (weights, x) in packed.floats.chunks_exact(ROWS).zip(x) {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = weight.mul_add(*x, *sum);
                }
            }
            store(work.out, work.panel, row, index, &[sums]);
        }
    }
}
