//! Quantizing the matrices of an encoder, and which columns stay floats beside them.
//!
//! In a trained encoder a few columns of the norms' outputs are many times as
//! large as the others, in every text. Quantized with them, their neighbours lose
//! most of their precision, so these columns are multiplied as floats (Dettmers et
//! al. 2022, arXiv:2208.07339). Which they are is found by running the model, as it
//! is, over texts of words of its own vocabulary.

use llm_kernels::pool::Pool;
use llm_kernels::quantize::QuantType;
use llm_kernels::simd::Level;

use crate::batch::Segments;
use crate::config::EncoderConfig;
use crate::linear::Linear;
use crate::pass::{self, Step};
use crate::weights::{Outliers, Weights};

/// Lengths of the texts that are run, in tokens.
const LENGTHS: [usize; 8] = [2, 3, 4, 5, 8, 12, 20, 32];

/// Quantizes the matrices of all layers, with as many outlier columns as the family
/// keeps.
pub(crate) fn quantize(weights: &mut Weights, level: Level, quant_type: QuantType) {
    let columns = outlier_columns(weights, level);
    for (layer, [attention, feed_forward]) in weights.layers.iter_mut().zip(columns) {
        let inputs = [&mut layer.query, &mut layer.key, &mut layer.value];
        layer.attention_outliers = quantize_together(level, inputs, attention, quant_type);
        layer.feed_forward_outliers = match &mut layer.gate {
            Some(gate) => quantize_together(level, [gate, &mut layer.up], feed_forward, quant_type),
            None => quantize_together(level, [&mut layer.up], feed_forward, quant_type),
        };
        for linear in [&mut layer.output, &mut layer.down] {
            quantize_together(level, [linear], Vec::new(), quant_type);
        }
    }
}

/// Quantizes the matrices of one input, and returns its outliers. Where there are
/// some, all matrices are quantized or none.
fn quantize_together<const N: usize>(
    level: Level,
    mut linears: [&mut Linear; N],
    columns: Vec<usize>,
    quant_type: QuantType,
) -> Outliers {
    let quantized: Vec<Option<Linear>> = linears
        .iter()
        .map(|linear| linear.quantized(level, quant_type, &columns))
        .collect();
    let has_outliers = !columns.is_empty();
    if has_outliers && quantized.iter().any(Option::is_none) {
        return Outliers::default();
    }
    let weights = linears.iter().filter(|_| has_outliers);
    let weights = weights
        .map(|linear| linear.some_columns(&columns))
        .collect();
    for (linear, quantized) in linears.iter_mut().zip(quantized) {
        if let Some(quantized) = quantized {
            **linear = quantized;
        }
    }
    Outliers { columns, weights }
}

/// Returns the outlier columns of the inputs of each layer's steps.
fn outlier_columns(weights: &Weights, level: Level) -> Vec<[Vec<usize>; 2]> {
    let count = weights.family.outlier_columns;
    if count == 0 {
        return vec![Default::default(); weights.layers.len()];
    }
    let largest = largest_magnitudes(weights, level).into_iter();
    largest
        .map(|steps| steps.map(|magnitudes| largest_columns(&magnitudes, count)))
        .collect()
}

/// Returns the `count` columns with the largest numbers, in ascending order.
fn largest_columns(magnitudes: &[f32], count: usize) -> Vec<usize> {
    let mut columns: Vec<usize> = (0..magnitudes.len()).collect();
    columns.sort_by(|&left, &right| magnitudes[right].total_cmp(&magnitudes[left]));
    columns.truncate(count);
    columns.sort_unstable();
    columns
}

/// Returns the largest magnitude of each column of the inputs of each layer's
/// attention and feed-forward step.
fn largest_magnitudes(weights: &Weights, level: Level) -> Vec<[Vec<f32>; 2]> {
    let hidden_size = weights.config.hidden_size;
    let zeros = [(); 2].map(|()| vec![0.0_f32; hidden_size]);
    let mut largest = vec![zeros; weights.layers.len()];
    // Without other threads none can fail to start.
    let Ok(pool) = Pool::new(1) else {
        return largest;
    };
    let texts = probes(&weights.config);
    let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
    let mut observe = |layer: usize, step: Step, rows: &[f32]| {
        for row in rows.chunks_exact(hidden_size) {
            for (largest, x) in largest[layer][step as usize].iter_mut().zip(row) {
                *largest = largest.max(x.abs());
            }
        }
    };
    let texts = Segments::single(&texts);
    pass::run_observed(weights, &pool, level, &texts, &mut observe);
    largest
}

/// Returns texts of tokens from all over the vocabulary.
fn probes(config: &EncoderConfig) -> Vec<Vec<u32>> {
    /// The golden section of 2^32: its multiples lie evenly in every range.
    const STEP: u32 = 2_654_435_769;
    let vocabulary_size = config.vocabulary_size as u64;
    let mut number = 0_u32;
    let mut next = || {
        number = number.wrapping_add(STEP);
        ((u64::from(number) * vocabulary_size) >> 32) as u32
    };
    let lengths = LENGTHS.iter().filter(|&&length| length <= config.positions);
    lengths
        .map(|&length| (0..length).map(|_| next()).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::Activation;

    #[test]
    fn the_largest_columns_are_found_in_order() {
        let mut magnitudes = vec![1.0; 12];
        for (column, x) in [(9, 7.0), (2, 30.0), (4, 6.0), (0, 5.0), (11, 4.0)] {
            magnitudes[column] = x;
        }
        assert_eq!(largest_columns(&magnitudes, 4), [0, 2, 4, 9]);
        assert_eq!(largest_columns(&[3.0, 8.0], 4), [0, 1]);
    }

    #[test]
    fn probes_fit_the_model_and_reach_all_of_its_vocabulary() {
        let config = EncoderConfig {
            layers: 1,
            hidden_size: 8,
            intermediate_size: 8,
            heads: 1,
            positions: 12,
            first_position: 0,
            vocabulary_size: 50,
            norm_epsilon: 0.0,
            activation: Activation::Gelu,
            ropes: Vec::new(),
            windows: Vec::new(),
        };
        let probes = probes(&config);
        assert_eq!(probes.iter().map(Vec::len).max(), Some(12));
        let tokens = probes.concat();
        assert!(tokens.iter().all(|&token| token < 50));
        for tenth in 0..10 {
            let inside = tokens.iter().filter(|&&token| token / 5 == tenth).count();
            assert!(inside > 0, "{tenth}");
        }
    }
}
