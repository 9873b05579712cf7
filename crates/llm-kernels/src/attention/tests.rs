//! Attention against its definition, and against itself in other batches.

use half::f16;

use super::*;
use crate::pool::Pool;
use crate::simd::Level;

/// Heads that no register divides, and values that are shorter than keys.
const ODD: Shape = Shape {
    heads: 6,
    kv_heads: 2,
    head_dim: 20,
    value_dim: 20,
    scale: 0.3,
    soft_cap: None,
};
const SHAPES: [Shape; 5] = [
    ODD,
    Shape {
        head_dim: 24,
        value_dim: 17,
        ..ODD
    },
    Shape {
        head_dim: 1,
        value_dim: 1,
        scale: 1.0,
        ..ODD
    },
    Shape {
        heads: 4,
        kv_heads: 4,
        head_dim: 64,
        value_dim: 64,
        scale: 0.1,
        soft_cap: Some(5.0),
    },
    Shape {
        heads: 8,
        kv_heads: 1,
        head_dim: 144,
        value_dim: 128,
        scale: 0.1,
        soft_cap: None,
    },
];
const SINKS: [f32; 8] = [0.5, -2.0, 9.0, 0.0, 1.5, -40.0, 3.0, 60.0];

fn wave(index: usize, step: f32) -> f32 {
    (index as f32 * step).sin()
}

fn waves(count: usize, step: f32) -> Vec<f32> {
    (0..count).map(|i| wave(i, step)).collect()
}

/// Keys, (count, `kv_heads` * `head_dim`), and values, (count, `kv_heads` *
/// `value_dim`), of `count` positions.
struct Memory {
    shape: Shape,
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl Memory {
    fn new(shape: Shape, count: usize) -> Self {
        Self {
            shape,
            keys: waves(count * shape.kv_heads * shape.head_dim, 0.7),
            values: waves(count * shape.kv_heads * shape.value_dim, 0.31),
        }
    }

    fn blocks<T: Element>(&self) -> Vec<Vec<T>> {
        let shape = self.shape;
        let keys = self.keys.chunks_exact(shape.kv_heads * shape.head_dim);
        let values = self.values.chunks_exact(shape.kv_heads * shape.value_dim);
        let empty = vec![T::default(); shape.block_elements()];
        let mut blocks = vec![empty; keys.len().div_ceil(BLOCK)];
        for (position, (key, value)) in keys.zip(values).enumerate() {
            let block = &mut blocks[position / BLOCK];
            shape.store(block, shape.head_elements(), position % BLOCK, key, value);
        }
        blocks
    }
}

fn run_on<T: Element>(
    threads: usize,
    level: Level,
    attention: &Attention<'_, T>,
    blocks: &[Vec<T>],
    spans: &[Span],
    queries: &[f32],
) -> Vec<f32> {
    let pool = Pool::new(threads).unwrap();
    let shape = attention.shape;
    let stride = shape.head_elements();
    let block = |elements| Block { elements, stride };
    let lists = [blocks.iter().map(Vec::as_slice).map(block).collect()];
    let rows = queries.len() / (shape.heads * shape.head_dim);
    let mut out = vec![f32::NAN; rows * shape.heads * shape.value_dim];
    let attention = Attention {
        blocks: &lists,
        spans,
        ..*attention
    };
    attention.run(level, &pool, queries, &mut out);
    out
}

fn plain<T>(shape: Shape, window: Option<usize>, sinks: bool) -> Attention<'static, T> {
    Attention {
        shape,
        window,
        chunked: false,
        bidirectional: false,
        sinks: sinks.then(|| &SINKS[..shape.heads]),
        blocks: &[],
        spans: &[],
    }
}

/// Softmax attention as it is defined, in double precision.
fn defined(attention: &Attention<'_, f32>, memory: &Memory, queries: &[f32]) -> Vec<f64> {
    let shape = memory.shape;
    let (dim, values) = (shape.head_dim, shape.value_dim);
    let mut out = Vec::new();
    for (position, row) in queries.chunks_exact(shape.heads * dim).enumerate() {
        let window = attention.window;
        let first = window.map_or(0, |window| (position + 1).saturating_sub(window));
        let end = queries.len() / (shape.heads * dim) - 1;
        let last = match (attention.bidirectional, window) {
            (false, _) => position,
            (true, None) => end,
            (true, Some(window)) => end.min(position + window - 1),
        };
        for (head, query) in row.chunks_exact(dim).enumerate() {
            let kv = head / (shape.heads / shape.kv_heads);
            let weight = |p: usize| {
                let key = &memory.keys[(p * shape.kv_heads + kv) * dim..][..dim];
                let products = query.iter().zip(key);
                let score = products
                    .map(|(q, k)| f64::from(*q) * f64::from(*k))
                    .sum::<f64>()
                    * f64::from(shape.scale);
                let cap = shape.soft_cap.map(f64::from);
                cap.map_or(score, |cap| cap * (score / cap).tanh()).exp()
            };
            let sink = attention.sinks.map_or(0.0, |s| f64::from(s[head]).exp());
            let weights: Vec<f64> = (first..=last).map(weight).collect();
            let total: f64 = sink + weights.iter().sum::<f64>();
            for i in 0..values {
                let value = |p: usize| memory.values[(p * shape.kv_heads + kv) * values + i];
                let weighted = (first..).zip(&weights);
                let products = weighted.map(|(p, weight)| weight * f64::from(value(p)));
                out.push(products.sum::<f64>() / total);
            }
        }
    }
    out
}

#[test]
fn it_is_softmax_attention_with_and_without_a_window_and_sinks() {
    let count = 150;
    for shape in SHAPES {
        let memory = Memory::new(shape, count);
        let queries: Vec<f32> = (0..count * shape.heads * shape.head_dim)
            .map(|i| 2.0 * wave(i, 0.13))
            .collect();
        let blocks = memory.blocks::<f32>();
        let span = Span {
            sequence: 0,
            row: 0,
            count,
            position: 0,
        };
        for window in [None, Some(1), Some(70), Some(1000)] {
            for (sinks, bidirectional) in [(false, false), (true, false), (false, true)] {
                let attention = Attention {
                    bidirectional,
                    ..plain(shape, window, sinks)
                };
                let expected = defined(&attention, &memory, &queries);
                let got = run_on(2, Level::SCALAR, &attention, &blocks, &[span], &queries);
                assert_eq!(got.len(), expected.len());
                for (got, expected) in got.iter().zip(&expected) {
                    assert!(
                        (f64::from(*got) - expected).abs() < 4e-6,
                        "{got} for {expected}, {shape:?}, window {window:?}, sinks {sinks}, bidirectional {bidirectional}"
                    );
                }
            }
        }
    }
}

#[test]
fn levels_and_spans_agree_to_the_bit() {
    let count = 133;
    let spans = |length: usize| -> Vec<Span> {
        let starts = (0..count).step_by(length);
        starts
            .map(|start| Span {
                sequence: 0,
                row: start,
                count: length.min(count - start),
                position: start,
            })
            .collect()
    };
    for shape in SHAPES {
        let blocks = Memory::new(shape, count).blocks::<f16>();
        let queries = waves(count * shape.heads * shape.head_dim, 0.13);
        for (window, sinks) in [(None, false), (Some(65), true)] {
            let attention = plain(shape, window, sinks);
            let bits = |level, length| -> Vec<u32> {
                let out = run_on(2, level, &attention, &blocks, &spans(length), &queries);
                out.iter().map(|x| x.to_bits()).collect()
            };
            let judge = bits(Level::SCALAR, 1);
            for level in Level::available() {
                for length in [1, 2, 7, 133] {
                    assert!(
                        bits(level, length) == judge,
                        "{level:?}, {shape:?}, spans of {length}, window {window:?}"
                    );
                }
            }
        }
    }
}

/// Two KV splits, the second incomplete. One head alone on two threads is split; on one
/// thread or with many spans it is not.
#[test]
fn threads_levels_and_kv_splits_change_no_bit_and_no_result() {
    let count = 600;
    // Three lanes a head, and more than share one pass.
    let many = Shape {
        heads: 8,
        kv_heads: 1,
        ..SHAPES[1]
    };
    for (shape, window, sinks, bidirectional) in [
        (many, None, true, false),
        (SHAPES[1], Some(300), false, false),
        (SHAPES[1], None, false, true),
    ] {
        let memory = Memory::new(shape, count);
        let queries: Vec<f32> = (0..count * shape.heads * shape.head_dim)
            .map(|i| 3.0 * wave(i, 0.13))
            .collect();
        let whole = Span {
            sequence: 0,
            row: 0,
            count,
            position: 0,
        };
        let case = Attention {
            bidirectional,
            ..plain(shape, window, sinks)
        };
        let blocks = memory.blocks::<f32>();
        let all = run_on(1, Level::SCALAR, &case, &blocks, &[whole], &queries);
        let expected = defined(&case, &memory, &queries);
        for (got, expected) in all.iter().zip(&expected) {
            assert!(
                (f64::from(*got) - expected).abs() < 4e-6,
                "{got}, {expected}"
            );
        }
        for level in Level::available() {
            for threads in [1, 2, 7] {
                let found = run_on(threads, level, &case, &blocks, &[whole], &queries);
                let same = found
                    .iter()
                    .zip(&all)
                    .all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same, "{level:?}, {shape:?} on {threads} threads");
            }
        }
        if !bidirectional {
            one_by_one(&plain(shape, window, sinks), &memory, &queries);
        }
    }
}

/// Compares queries alone with those of a prompt, in half precision.
fn one_by_one(case: &Attention<'_, f16>, memory: &Memory, queries: &[f32]) {
    let shape = case.shape;
    let level = Level::detect().unwrap();
    let blocks = memory.blocks::<f16>();
    let (width, results) = (shape.heads * shape.head_dim, shape.heads * shape.value_dim);
    let span = |row, count, position| Span {
        sequence: 0,
        row,
        count,
        position,
    };
    let count = queries.len() / width;
    let starts = (0..count).step_by(8);
    let eights: Vec<Span> = starts
        .map(|start| span(start, 8.min(count - start), start))
        .collect();
    let all = run_on(2, level, case, &blocks, &eights, queries);
    for position in [0, 511, 512, 599] {
        let query = &queries[position * width..(position + 1) * width];
        let judge = &all[position * results..(position + 1) * results];
        for threads in [1, 2, 3, 7] {
            let single = [span(0, 1, position)];
            let found = run_on(threads, level, case, &blocks, &single, query);
            let same = found
                .iter()
                .zip(judge)
                .all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{shape:?}, {position} on {threads} threads");
        }
    }
}
