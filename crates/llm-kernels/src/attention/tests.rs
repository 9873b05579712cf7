//! Attention against its definition, and against itself in other batches.

use super::*;

const SHAPE: Shape = Shape {
    heads: 6,
    kv_heads: 2,
    head_dim: 20,
    scale: 0.3,
    soft_cap: None,
};

fn wave(index: usize, step: f32) -> f32 {
    (index as f32 * step).sin()
}

/// Keys and values of `count` positions, (count, `kv_heads` * `head_dim`).
fn vectors(count: usize, step: f32) -> Vec<f32> {
    (0..count * SHAPE.kv_heads * SHAPE.head_dim)
        .map(|i| wave(i, step))
        .collect()
}

fn store<T: Element>(keys: &[f32], values: &[f32]) -> Vec<Vec<T>> {
    let width = SHAPE.kv_heads * SHAPE.head_dim;
    let positions = keys.len() / width;
    let mut blocks = vec![vec![T::default(); SHAPE.block_elements()]; positions.div_ceil(BLOCK)];
    for position in 0..positions {
        let row = position * width..(position + 1) * width;
        let block = &mut blocks[position / BLOCK];
        SHAPE.store(block, position % BLOCK, &keys[row.clone()], &values[row]);
    }
    blocks
}

fn run<T: Element>(
    level: Level,
    window: Option<usize>,
    blocks: &[Vec<T>],
    spans: &[Span],
    queries: &[f32],
) -> Vec<f32> {
    let pool = Pool::new(2).unwrap();
    let lists = [blocks.iter().map(Vec::as_slice).collect()];
    let mut out = vec![f32::NAN; queries.len()];
    let attention = Attention {
        shape: SHAPE,
        window,
        blocks: &lists,
        spans,
    };
    attention.run(level, &pool, queries, &mut out);
    out
}

/// Softmax attention as it is defined, in double precision.
fn defined(window: Option<usize>, keys: &[f32], values: &[f32], queries: &[f32]) -> Vec<f64> {
    let (width, dim) = (SHAPE.heads * SHAPE.head_dim, SHAPE.head_dim);
    let kv_width = SHAPE.kv_heads * dim;
    let mut out = vec![0.0; queries.len()];
    for position in 0..queries.len() / width {
        let first = window.map_or(0, |window| (position + 1).saturating_sub(window));
        for head in 0..SHAPE.heads {
            let at = position * width + head * dim;
            let kv = head / (SHAPE.heads / SHAPE.kv_heads) * dim;
            let weight = |p: usize| {
                let products = (0..dim)
                    .map(|i| f64::from(queries[at + i]) * f64::from(keys[p * kv_width + kv + i]));
                (products.sum::<f64>() * f64::from(SHAPE.scale)).exp()
            };
            let total: f64 = (first..=position).map(weight).sum();
            for i in 0..dim {
                let sum: f64 = (first..=position)
                    .map(|p| weight(p) * f64::from(values[p * kv_width + kv + i]))
                    .sum();
                out[at + i] = sum / total;
            }
        }
    }
    out
}

#[test]
fn it_is_softmax_attention_with_and_without_a_window() {
    let count = 150;
    let (keys, values) = (vectors(count, 0.7), vectors(count, 0.31));
    let queries: Vec<f32> = (0..count * SHAPE.heads * SHAPE.head_dim)
        .map(|i| 2.0 * wave(i, 0.13))
        .collect();
    let blocks = store::<f32>(&keys, &values);
    let span = Span {
        sequence: 0,
        row: 0,
        count,
        position: 0,
    };
    for window in [None, Some(1), Some(70), Some(1000)] {
        let expected = defined(window, &keys, &values, &queries);
        let got = run(Level::Scalar, window, &blocks, &[span], &queries);
        for (got, expected) in got.iter().zip(&expected) {
            assert!(
                (f64::from(*got) - expected).abs() < 2e-6,
                "{got} for {expected}, window {window:?}"
            );
        }
    }
}

#[test]
fn levels_and_spans_agree_to_the_bit() {
    let count = 133;
    let blocks = store::<f16>(&vectors(count, 0.7), &vectors(count, 0.31));
    let queries: Vec<f32> = (0..count * SHAPE.heads * SHAPE.head_dim)
        .map(|i| wave(i, 0.13))
        .collect();
    let spans = |length: usize| -> Vec<Span> {
        let starts = (0..count).step_by(length);
        starts
            .map(|at| Span {
                sequence: 0,
                row: at,
                count: length.min(count - at),
                position: at,
            })
            .collect()
    };
    for window in [None, Some(65)] {
        let bits = |level, length| -> Vec<u32> {
            let out = run(level, window, &blocks, &spans(length), &queries);
            out.iter().map(|x| x.to_bits()).collect()
        };
        let judge = bits(Level::Scalar, 1);
        for level in Level::ALL.into_iter().filter(|level| level.is_available()) {
            for length in [1, 2, 7, 133] {
                assert!(
                    bits(level, length) == judge,
                    "{level:?}, spans of {length}, window {window:?}"
                );
            }
        }
    }
}
