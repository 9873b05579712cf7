//! A packed panel times activation rows, the reference for all levels.

use crate::activations::{self, Activations};
use crate::packed_panel::{PackedPanel, ROWS};
use crate::quantized::Quantized;

/// Multiplies a packed panel with the `BATCH` activation rows from `row` on.
pub(crate) fn dot<Q: Quantized, const BATCH: usize>(
    packed: &PackedPanel,
    input: &Activations,
    row: usize,
) -> [[f32; ROWS]; BATCH] {
    let mut out = [[0.0; ROWS]; BATCH];
    for (batch, sums) in out.iter_mut().enumerate() {
        let row = row + batch;
        let columns = input.columns;
        let quants = &input.quants[row * columns..(row + 1) * columns];
        let scales = &input.scales[row * columns / activations::GROUP..];
        for (group, quants) in quants.chunks_exact(Q::GROUP).enumerate() {
            let scale = scales[group * Q::GROUP / activations::GROUP];
            let sum = quants.iter().map(|&quant| i32::from(quant)).sum::<i32>();
            let weights = &packed.quants[group * Q::GROUP * ROWS..(group + 1) * Q::GROUP * ROWS];
            for (lane, total) in sums.iter_mut().enumerate() {
                let product = dot_group::<Q>(weights, lane, quants) - Q::ZERO_POINT * sum;
                let weight_scale = packed.scales[group * ROWS + lane];
                *total = (weight_scale * scale).mul_add(product as f32, *total);
                if Q::OFFSET {
                    *total =
                        packed.offsets[group * ROWS + lane].mul_add(scale * sum as f32, *total);
                }
            }
        }
    }
    out
}

/// The exact product of one lane of a group's weights, (group / 4, 8, 4), and
/// the group's activations.
fn dot_group<Q: Quantized>(weights: &[u8], lane: usize, quants: &[i8]) -> i32 {
    let steps = weights.chunks_exact(4 * ROWS).zip(quants.chunks_exact(4));
    let products = steps.flat_map(|(weights, quants)| {
        let weights = &weights[4 * lane..4 * lane + 4];
        weights.iter().zip(quants).map(|(&weight, &quant)| {
            let weight = if Q::SIGNED {
                i32::from(weight as i8)
            } else {
                i32::from(weight)
            };
            weight * i32::from(quant)
        })
    });
    products.sum()
}
