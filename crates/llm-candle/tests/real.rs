//! The two real test models: the candle pass against llama.cpp's logits of the
//! same file dequantized to F32, and the engine's pass (8-bit activations, F16
//! keys and values) against the candle pass.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

#[path = "../../llm-engine/tests/support/golden.rs"]
mod golden;

use golden::{Comparison, Golden, measured};
use half::f16;
use llm_engine::forward::{Forward, Input, Outputs};
use llm_kernels::attention::Element;
use llm_kernels::simd::Level;

use support::Model;
use support::measure::{best, divergence, identical};
use support::ways::extend;

/// Positions that are computed together, so that nobody holds all logits.
const PIECE: usize = 64;
/// Positions on which the two passes are compared.
const COMPARED: usize = 192;

/// What two passes may differ by.
struct Bounds {
    /// Largest difference of any of llama.cpp's 64 best logits from candle's.
    logit: f64,
    /// Mean divergence of the engine's distributions from candle's, in nats.
    divergence: f64,
    /// Smallest share of positions with the same best token.
    agreement: f64,
}

fn judge(file: &str, golden: &str, bounds: &Bounds) {
    let model = Model::fetched(file);
    let golden = Golden::named(golden).unwrap();
    assert!(golden.exact);
    let vocabulary = model.weights.vocabulary();
    let mut judge = model.judge();
    let mut engine = model.cpu::<f16>(2, Level::detect().unwrap());
    let (judged, run) = (
        judge.sequences_mut().start(),
        engine.sequences_mut().start(),
    );
    let mut comparison = Comparison::new(&golden);
    let (mut sum, mut equal) = (0.0, 0);
    for (piece, tokens) in golden.tokens.chunks(PIECE).enumerate() {
        let expected = extend(&mut judge, judged, tokens);
        for (offset, expected) in expected.chunks_exact(vocabulary).enumerate() {
            comparison.add(piece * PIECE + offset, expected);
        }
        if piece * PIECE >= COMPARED {
            continue;
        }
        let logits = extend(&mut engine, run, tokens);
        for (logits, expected) in logits
            .chunks_exact(vocabulary)
            .zip(expected.chunks_exact(vocabulary))
        {
            sum += divergence(expected, logits);
            equal += usize::from(best(expected) == best(logits));
        }
    }
    measured(&format!("{file}, candle: {comparison}"));
    let (mean, agreement) = (sum / COMPARED as f64, equal as f64 / COMPARED as f64);
    measured(&format!(
        "{file}, engine against candle: KL {mean:.6}, best token equal {agreement:.4}"
    ));
    assert!(
        comparison.worst_logit() < bounds.logit,
        "{file}: {comparison}"
    );
    assert!(mean < bounds.divergence, "{file}: mean KL {mean}");
    assert!(
        agreement > bounds.agreement,
        "{file}: best token equal {agreement}"
    );
}

/// Measured: 6.3e-5, 0.0029 nats, 99.0 %.
#[test]
fn smollm2() {
    let bounds = Bounds {
        logit: 2.5e-4,
        divergence: 0.006,
        agreement: 0.96,
    };
    judge("smollm2-135m-instruct-q4_1.gguf", "smollm2.f32", &bounds);
}

/// Measured: 1.1e-4, 0.0021 nats, 97.4 %.
#[test]
fn gemma() {
    let bounds = Bounds {
        logit: 4e-4,
        divergence: 0.006,
        agreement: 0.94,
    };
    judge("gemma-3-270m-q4_k_m.gguf", "gemma.f32", &bounds);
}

/// The last logits of 100 tokens, computed in chunks of `size`.
fn last_logits<T: Element>(model: &Model, threads: usize, size: usize, tokens: &[u32]) -> Vec<f32> {
    let mut pass = model.cpu::<T>(threads, Level::detect().unwrap());
    let sequence = pass.sequences_mut().start();
    let mut logits = Vec::new();
    for tokens in tokens.chunks(size) {
        let input = Input {
            sequence,
            tokens,
            outputs: Outputs::Last,
            adapters: &[],
        };
        pass.forward(&[input], &mut logits).unwrap();
    }
    logits
}

#[test]
fn threads_and_chunks_change_no_bit() {
    let files = [
        "smollm2-135m-instruct-q4_1.gguf",
        "gemma-3-270m-q4_k_m.gguf",
    ];
    for (file, golden) in files.into_iter().zip(["smollm2", "gemma"]) {
        let model = Model::fetched(file);
        let tokens = &Golden::named(golden).unwrap().tokens[..100];
        let expected = last_logits::<f16>(&model, 1, 100, tokens);
        for (threads, size) in [(2, 100), (2, 7), (1, 33)] {
            let logits = last_logits::<f16>(&model, threads, size, tokens);
            assert!(
                identical(&logits, &expected),
                "{file}: {threads} threads, chunks of {size}"
            );
        }
    }
}
