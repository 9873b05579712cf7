//! Smaller matrices, and which columns are kept out of them.
//!
//! In a trained encoder a few columns of the norms' outputs are many times as
//! large as the others, in every text. Quantized with them, their neighbours lose
//! most of their precision, so these columns are multiplied as floats (Dettmers et
//! al. 2022, arXiv:2208.07339). Which they are is found by running the model, as it
//! is, over texts of words of its own vocabulary.

use llm_kernels::pool::Pool;
use llm_kernels::quantize::QuantType;
use llm_kernels::simd::Level;

use super::pass::{self, Segments};
use super::settings::Shape;
use super::weights::{Apart, Linear, Weights};

/// Columns of each input that are kept apart. Two are enough for all-MiniLM, and
/// more than four change nothing.
const APART: usize = 4;

/// Lengths of the texts that are run, in tokens.
const LENGTHS: [usize; 8] = [2, 3, 4, 5, 8, 12, 20, 32];

/// Packs the matrices of all layers.
pub(super) fn pack(shape: &Shape, weights: &mut Weights, level: Level, packing: QuantType) {
    let largest = largest(shape, weights, level);
    for (layer, largest) in weights.layers.iter_mut().zip(largest) {
        let [attention, feed_forward] = largest.map(|largest| outliers(&largest));
        layer.apart = [
            apart(
                attention,
                (packing, level),
                [&mut layer.query, &mut layer.key, &mut layer.value],
            ),
            apart(feed_forward, (packing, level), [&mut layer.up]),
        ];
        for linear in [&mut layer.output, &mut layer.down] {
            if let Some(packed) = linear.packed((packing, level), &[]) {
                *linear = packed;
            }
        }
    }
}

/// Packs matrices of one input, and returns what is kept apart: nothing where they
/// cannot be packed.
fn apart<const N: usize>(
    columns: Vec<usize>,
    packing: (QuantType, Level),
    mut linears: [&mut Linear; N],
) -> Apart {
    let packed: Option<Vec<Linear>> = linears
        .iter()
        .map(|linear| linear.packed(packing, &columns))
        .collect();
    let Some(packed) = packed else {
        return Apart::default();
    };
    let weights = linears.iter().map(|linear| linear.columns(&columns));
    let weights = weights.collect();
    for (linear, packed) in linears.iter_mut().zip(packed) {
        **linear = packed;
    }
    Apart { columns, weights }
}

/// Returns the `APART` columns with the largest numbers, in ascending order.
fn outliers(largest: &[f32]) -> Vec<usize> {
    let mut columns: Vec<usize> = (0..largest.len()).collect();
    columns.sort_by(|&one, &other| largest[other].total_cmp(&largest[one]));
    columns.truncate(APART);
    columns.sort_unstable();
    columns
}

/// Returns the largest magnitude of each column of the inputs of each layer's
/// attention and feed-forward step.
fn largest(shape: &Shape, weights: &Weights, level: Level) -> Vec<[Vec<f32>; 2]> {
    let mut largest = vec![[(); 2].map(|()| vec![0.0_f32; shape.hidden_size]); shape.layers];
    // Without other threads none can fail to start.
    let Ok(pool) = Pool::new(1) else {
        return largest;
    };
    let texts = probes(shape);
    let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
    pass::run_seeing(
        shape,
        weights,
        &pool,
        level,
        &Segments::single(&texts),
        &mut |layer, step, rows| {
            for row in rows.chunks_exact(shape.hidden_size) {
                for (largest, x) in largest[layer][step].iter_mut().zip(row) {
                    *largest = largest.max(x.abs());
                }
            }
        },
    );
    largest
}

/// Returns texts of tokens from all over the vocabulary.
fn probes(shape: &Shape) -> Vec<Vec<u32>> {
    /// The golden section of 2^32: its multiples lie evenly in every range.
    const STEP: u32 = 2_654_435_769;
    let vocabulary = shape.vocabulary as u64;
    let mut number = 0_u32;
    let mut next = || {
        number = number.wrapping_add(STEP);
        ((u64::from(number) * vocabulary) >> 32) as u32
    };
    let lengths = LENGTHS.iter().filter(|&&length| length <= shape.positions);
    lengths
        .map(|&length| (0..length).map(|_| next()).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_columns_are_found_in_order() {
        let mut largest = vec![1.0; 12];
        for (column, x) in [(9, 7.0), (2, 30.0), (4, 6.0), (0, 5.0), (11, 4.0)] {
            largest[column] = x;
        }
        assert_eq!(outliers(&largest), [0, 2, 4, 9]);
        assert_eq!(outliers(&[3.0, 8.0]), [0, 1]);
    }

    #[test]
    fn probes_fit_the_model_and_reach_all_of_its_vocabulary() {
        let shape = Shape {
            layers: 1,
            hidden_size: 8,
            inner: 8,
            heads: 1,
            positions: 12,
            first_position: 0,
            vocabulary: 50,
            epsilon: 0.0,
        };
        let probes = probes(&shape);
        assert_eq!(probes.iter().map(Vec::len).max(), Some(12));
        let tokens = probes.concat();
        assert!(tokens.iter().all(|&token| token < 50));
        for tenth in 0..10 {
            let inside = tokens.iter().filter(|&&token| token / 5 == tenth).count();
            assert!(inside > 0, "{tenth}");
        }
    }
}
