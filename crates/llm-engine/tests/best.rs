//! The best logits alone are those of the whole vocabulary, to the bit.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::path::PathBuf;
use std::sync::Arc;

use half::f16;
use llm_engine::forward::{CpuForward, Forward, Input, Outputs};
use llm_engine::model::{Model, TemplateChoice};
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;

const TEXT: &str = "The quick brown fox jumps over the lazy dog, and then it goes home to its \
    den in the woods. There it sleeps until the evening, when the moon comes up over the hills \
    and the owls begin to call. Then it wakes up, looks around for a while, and runs down to \
    the river, where the water is cold and clear and full of small silver fish.";

fn forward(model: &Model) -> CpuForward<f16> {
    let (spec, weights) = (Arc::clone(&model.spec), Arc::clone(&model.weights));
    let level = Level::detect().unwrap();
    CpuForward::new(spec, weights, Pool::new(2).unwrap(), level)
}

/// Feeds the text token by token and returns the logits of each.
fn logits(model: &Model, tokens: &[u32], outputs: Outputs) -> Vec<Vec<f32>> {
    let mut forward = forward(model);
    let sequence = forward.start();
    let step = |token: &u32| {
        let input = Input {
            sequence,
            tokens: std::slice::from_ref(token),
            outputs,
        };
        let mut logits = Vec::new();
        forward.forward(&[input], &mut logits).unwrap();
        logits
    };
    tokens.iter().map(step).collect()
}

#[test]
fn the_best_logits_are_those_of_the_whole_vocabulary() {
    // How many of the small vocabulary are left out depends on the text: at 20 this one
    // leaves too few.
    for (file, counts) in [
        ("smollm2-135m-instruct-q4_1.gguf", [1, 4]),
        ("gemma-3-270m-q4_k_m.gguf", [1, 20]),
    ] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models");
        let path = path.join(file);
        assert!(
            path.exists(),
            "{} is missing; scripts/fetch-test-models puts it there",
            path.display()
        );
        let model = Model::open(&[path], None, &TemplateChoice::None).unwrap();
        let tokens = model.tokenizer.encode(TEXT, true, false);
        let all = logits(&model, &tokens, Outputs::Last);
        for count in counts {
            let best = logits(&model, &tokens, Outputs::Best(count));
            let mut left_out = 0;
            for (at, (best, all)) in best.iter().zip(&all).enumerate() {
                let mut order: Vec<usize> = (0..all.len()).collect();
                order.sort_by(|&a, &b| all[b].total_cmp(&all[a]));
                for &token in &order[..count] {
                    let (found, expected) = (best[token], all[token]);
                    assert_eq!(
                        found.to_bits(),
                        expected.to_bits(),
                        "{file}, {count}, {at}: {token}"
                    );
                }
                for (found, expected) in best.iter().zip(all) {
                    let is_left_out = *found == f32::NEG_INFINITY;
                    assert!(is_left_out || found.to_bits() == expected.to_bits());
                    left_out += usize::from(is_left_out);
                }
            }
            let is_level = Level::detect().unwrap() > Level::Scalar;
            assert_eq!(left_out > 0, is_level, "{file}, {count}: {left_out}");
        }
    }
}
