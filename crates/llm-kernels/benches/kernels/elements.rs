//! The element-wise steps between the products, each on one row.

use divan::Bencher;
use divan::counter::ItemsCount;
use llm_kernels::rope::{RopeLayout, rotate};
use llm_kernels::simd::Level;
use llm_kernels::vector::{self, Gate};

use crate::{floats, levels};

/// Elements of a row.
const COUNT: usize = 2048;
const HEAD_DIM: usize = 64;

#[divan::bench(args = levels(), max_time = 0.5)]
fn rms_norm(bencher: Bencher<'_, '_>, level: Level) {
    let (x, weight) = (floats(COUNT), floats(COUNT));
    let mut out = vec![0.0; COUNT];
    bencher
        .counter(ItemsCount::new(COUNT))
        .bench_local(|| vector::rms_norm(level, &x, &weight, 1e-6, &mut out));
}

#[divan::bench(args = levels(), max_time = 0.5)]
fn rms_norm_in_place(bencher: Bencher<'_, '_>, level: Level) {
    let (x, weight) = (floats(COUNT), floats(COUNT));
    on_copies(bencher, &x, |x| {
        vector::rms_norm_in_place(level, x, &weight, 1e-6);
    });
}

#[divan::bench(args = levels(), max_time = 0.5)]
fn add_weighted(bencher: Bencher<'_, '_>, level: Level) {
    let (x, y) = (floats(COUNT), floats(COUNT));
    on_copies(bencher, &x, |x| vector::add_weighted(level, x, 0.3, &y));
}

#[divan::bench(args = levels(), max_time = 0.5)]
fn silu_clamped(bencher: Bencher<'_, '_>, level: Level) {
    let (gate, up) = (floats(COUNT), floats(COUNT));
    on_copies(bencher, &gate, |gate| {
        vector::gated(level, Gate::SiluClamped, gate, &up);
    });
}

#[divan::bench(args = levels(), max_time = 0.5)]
fn add(bencher: Bencher<'_, '_>, level: Level) {
    let (x, y) = (floats(COUNT), floats(COUNT));
    on_copies(bencher, &x, |x| vector::add(level, x, &y));
}

#[divan::bench(args = levels(), max_time = 0.5)]
fn silu(bencher: Bencher<'_, '_>, level: Level) {
    let (gate, up) = (floats(COUNT), floats(COUNT));
    on_copies(bencher, &gate, |gate| {
        vector::gated(level, Gate::Silu, gate, &up);
    });
}

#[divan::bench(args = levels(), max_time = 0.5)]
fn gelu_tanh(bencher: Bencher<'_, '_>, level: Level) {
    let (gate, up) = (floats(COUNT), floats(COUNT));
    on_copies(bencher, &gate, |gate| {
        vector::gated(level, Gate::GeluTanh, gate, &up);
    });
}

#[divan::bench(args = levels(), max_time = 0.5)]
fn soft_cap(bencher: Bencher<'_, '_>, level: Level) {
    let x = floats(COUNT);
    on_copies(bencher, &x, |x| vector::soft_cap(level, x, 30.0));
}

#[divan::bench(args = levels(), max_time = 0.5)]
fn rope_adjacent(bencher: Bencher<'_, '_>, level: Level) {
    rope(bencher, level, RopeLayout::Adjacent);
}

#[divan::bench(args = levels(), max_time = 0.5)]
fn rope_halves(bencher: Bencher<'_, '_>, level: Level) {
    rope(bencher, level, RopeLayout::Halves);
}

fn rope(bencher: Bencher<'_, '_>, level: Level, layout: RopeLayout) {
    let x = floats(COUNT);
    let angles: Vec<f32> = (0..HEAD_DIM / 2).map(|i| i as f32 * 0.1).collect();
    let cos: Vec<f32> = angles.iter().map(|angle| angle.cos()).collect();
    let sin: Vec<f32> = angles.iter().map(|angle| angle.sin()).collect();
    on_copies(bencher, &x, |x| {
        rotate(level, x, HEAD_DIM, layout, &cos, &sin);
    });
}

/// Measures a step that works in place, each time on a fresh copy of `x`: on its
/// own result it would soon reach 0 or infinity.
fn on_copies(bencher: Bencher<'_, '_>, x: &[f32], mut step: impl FnMut(&mut [f32])) {
    bencher
        .counter(ItemsCount::new(x.len()))
        .with_inputs(|| x.to_vec())
        .bench_local_refs(|x| step(x));
}
