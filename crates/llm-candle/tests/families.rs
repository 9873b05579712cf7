//! Both passes against llama.cpp on the tiny models with F32 weights and F32
//! keys and values: what a family does is right, and not only the same twice.
//! `scripts/make-goldens` makes the goldens.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints what it measured"
)]

mod support;

use std::path::Path;

use llm_engine::family::FAMILIES;
use llm_kernels::simd::Level;

use support::families::{FOREIGN, POSITIONS, SEED, tokens};
use support::measure::{rms, worst};
use support::tiny::plans::PLANS;
use support::ways::WAYS;

/// The largest difference of a logit, where logits have a root mean square of
/// 1 to 10.
const BOUND: f32 = 2e-4;

/// llama.cpp's logits, (positions, vocabulary).
fn golden(name: &str) -> Vec<f32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/families");
    let bytes = std::fs::read(path.join(format!("{name}.f32")))
        .unwrap_or_else(|error| panic!("{name}: {error}; scripts/make-goldens makes it"));
    let floats = bytes.chunks_exact(4);
    floats
        .map(|four| f32::from_le_bytes(four.try_into().unwrap()))
        .collect()
}

fn at_positions(logits: &[f32], vocabulary: usize) -> Vec<f32> {
    let row = |position: usize| &logits[position * vocabulary..(position + 1) * vocabulary];
    POSITIONS.into_iter().flat_map(row).copied().collect()
}

#[test]
fn every_family_is_as_llama_cpp_has_it() {
    for (name, plan) in PLANS {
        if FOREIGN.contains(&name) {
            continue;
        }
        let (model, tokens, expected) = (plan.build(SEED), tokens(&plan), golden(name));
        let size = rms(&expected);
        assert!((1.0..10.0).contains(&size), "{name}: logits of size {size}");
        let check = |who: &str, logits: &[f32]| {
            let difference = worst(&at_positions(logits, plan.vocabulary), &expected);
            println!("{name}, {who}: {difference:e} of {size}");
            assert!(difference < BOUND, "{name}, {who}: {difference}");
        };
        check("candle", &WAYS[0].1(&mut model.judge(), &tokens));
        let mut pass = model.cpu::<f32>(2, Level::detect().unwrap());
        for (way, compute) in WAYS {
            check(way, &compute(&mut pass, &tokens));
        }
    }
}

#[test]
fn every_family_has_a_tiny_model() {
    for family in FAMILIES {
        let name = family.architecture;
        assert!(PLANS.iter().any(|(_, plan)| plan.family == name), "{name}");
    }
}
