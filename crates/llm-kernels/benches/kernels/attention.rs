//! Attention over keys and values in half precision.

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use half::f16;
use llm_kernels::attention::{Attention, BLOCK, Block, Shape, Span};
use llm_kernels::simd::Level;

use crate::{Case, cases, floats, levels, one_thread};

/// The heads of a model with a billion weights.
const SHAPE: Shape = Shape {
    heads: 32,
    kv_heads: 8,
    head_dim: 64,
    value_dim: 64,
    scale: 0.125,
    soft_cap: None,
};

/// The last 64 of 512 positions.
#[divan::bench(args = levels(), max_time = 0.5)]
fn prefill(bencher: Bencher<'_, '_>, level: Level) {
    attend(bencher, level, 448, 64);
}

/// One position after few and after many.
#[divan::bench(args = cases([64, 4096]), max_time = 0.5)]
fn decode(bencher: Bencher<'_, '_>, case: &Case<usize>) {
    attend(bencher, case.level, case.subject, 1);
}

/// Queries `count` positions after `position` others.
fn attend(bencher: Bencher<'_, '_>, level: Level, position: usize, count: usize) {
    let pool = one_thread();
    let width = SHAPE.kv_heads * SHAPE.head_dim;
    let vector = floats(width);
    let mut block = vec![f16::ZERO; SHAPE.block_elements()];
    for slot in 0..BLOCK {
        SHAPE.store(&mut block, SHAPE.head_elements(), slot, &vector, &vector);
    }
    let blocks = vec![block; (position + count).div_ceil(BLOCK)];
    let block = |elements| Block {
        elements,
        stride: SHAPE.head_elements(),
    };
    let lists = [blocks.iter().map(Vec::as_slice).map(block).collect()];
    let span = Span {
        sequence: 0,
        row: 0,
        count,
        position,
    };
    let attention = Attention {
        shape: SHAPE,
        window: None,
        chunked: false,
        bidirectional: false,
        sinks: None,
        blocks: &lists,
        spans: &[span],
    };
    let queries = floats(count * SHAPE.heads * SHAPE.head_dim);
    let mut out = vec![0.0; queries.len()];
    // Each query is multiplied with the keys that it sees, then their values
    // with its weights.
    let seen: usize = (position + 1..=position + count).sum();
    bencher
        .counter(ItemsCount::new(2 * seen * SHAPE.heads * SHAPE.head_dim))
        .counter(BytesCount::new(
            2 * (position + count) * width * size_of::<f16>(),
        ))
        .bench_local(|| attention.run(level, &pool, &queries, &mut out));
}
