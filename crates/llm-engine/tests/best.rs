//! The best logits alone are those of the whole vocabulary, to the bit.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::path::PathBuf;
use std::sync::Arc;

use half::f16;
use llm_engine::forward::{CpuForward, Forward, Input, Outputs, TOKENS_BEFORE_SCREEN};
use llm_engine::model::{Model, TemplateChoice};
use llm_engine::spec::Spec;
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;

const TEXT: &str = "The quick brown fox jumps over the lazy dog, and then it goes home to its \
    den in the woods. There it sleeps until the evening, when the moon comes up over the hills \
    and the owls begin to call. Then it wakes up, looks around for a while, and runs down to \
    the river, where the water is cold and clear and full of small silver fish.";

/// A model, and the soft cap that its logits get, whatever its family has.
struct Subject<'a> {
    model: &'a Model,
    spec: Arc<Spec>,
}

impl<'a> Subject<'a> {
    fn new(model: &'a Model, logit_soft_cap: Option<f32>) -> Self {
        let spec = Spec {
            logit_soft_cap,
            ..Spec::clone(&model.spec)
        };
        Self {
            model,
            spec: Arc::new(spec),
        }
    }

    /// Feeds the text token by token and returns the logits of each, and the bytes of
    /// the output matrix that were read.
    fn logits(&self, tokens: &[u32], outputs: Outputs) -> (Vec<Vec<f32>>, u64) {
        let (spec, weights) = (Arc::clone(&self.spec), Arc::clone(&self.model.weights));
        let pool = Pool::new(2).unwrap();
        let mut forward = CpuForward::<f16>::new(spec, weights, pool, Level::detect().unwrap());
        let sequence = forward.sequences_mut().start();
        let mut step = |token: &u32| {
            let input = Input {
                sequence,
                tokens: std::slice::from_ref(token),
                outputs,
                adapters: &[],
            };
            let mut logits = Vec::new();
            forward.forward(&[input], &mut logits).unwrap();
            logits
        };
        let logits = tokens.iter().map(&mut step).collect();
        (logits, forward.output_bytes_read())
    }

    /// Compares the best `count` logits of the text with those of the whole
    /// vocabulary; returns how many were left out.
    fn left_out(&self, name: &str, count: usize) -> usize {
        let tokens = self.model.tokenizer.encode(TEXT, true, false);
        let (all, all_bytes) = self.logits(&tokens, Outputs::Last);
        let matrix = self.model.weights.output.matrix().size();
        assert_eq!(all_bytes, (tokens.len() * matrix) as u64, "{name}");
        let (best, best_bytes) = self.logits(&tokens, Outputs::Best(count));
        let mut left_out = 0;
        for (at, (best, all)) in best.iter().zip(&all).enumerate() {
            let mut order: Vec<usize> = (0..all.len()).collect();
            order.sort_by(|&a, &b| all[b].total_cmp(&all[a]));
            for &token in &order[..count] {
                let (found, expected) = (best[token], all[token]);
                assert_eq!(
                    found.to_bits(),
                    expected.to_bits(),
                    "{name}, {count}, {at}: {token}"
                );
            }
            for (found, expected) in best.iter().zip(all) {
                let is_left_out = *found == f32::NEG_INFINITY;
                assert!(is_left_out || found.to_bits() == expected.to_bits());
                left_out += usize::from(is_left_out);
            }
        }
        if left_out == 0 {
            assert!(best_bytes >= all_bytes, "{name}, {count}: {best_bytes}");
        }
        left_out
    }
}

fn model(file: &str) -> Model {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../models")
        .join(file);
    assert!(
        path.exists(),
        "{} is missing; scripts/fetch-test-models puts it there",
        path.display()
    );
    Model::open(&[path], None, &TemplateChoice::None).unwrap()
}

#[test]
fn the_best_logits_are_those_of_the_whole_vocabulary() {
    // How many of the small vocabulary are left out depends on the text: at 20 this one
    // leaves too few.
    for (file, counts) in [
        ("smollm2-135m-instruct-q4_1.gguf", [1, 4]),
        ("gemma-3-270m-q4_k_m.gguf", [1, 20]),
    ] {
        let model = model(file);
        let subject = Subject::new(&model, None);
        for count in counts {
            let left_out = subject.left_out(file, count);
            let is_level = Level::detect().unwrap() > Level::SCALAR;
            assert_eq!(left_out > 0, is_level, "{file}, {count}: {left_out}");
        }
    }
}

/// A cap above the logits changes nothing of what is left out; one far below makes the
/// best of them the same, and none may be missed.
#[test]
fn a_soft_cap_hides_none_of_the_best_logits() {
    let model = model("gemma-3-270m-q4_k_m.gguf");
    let is_level = Level::detect().unwrap() > Level::SCALAR;
    let wide = Subject::new(&model, Some(30.0)).left_out("30", 1);
    assert_eq!(wide > 0, is_level, "{wide}");
    assert_eq!(Subject::new(&model, Some(0.5)).left_out("0.5", 1), 0);
}

/// A text of which nearly all is left out takes less reading than half of the matrix
/// for each token that a copy serves, of which the first 31 are none.
#[test]
fn the_best_logit_takes_less_reading() {
    let model = model("gemma-3-270m-q4_k_m.gguf");
    let subject = Subject::new(&model, None);
    let tokens = model.tokenizer.encode(TEXT, true, false);
    let matrix = model.weights.output.matrix().size() as u64;
    let served = (tokens.len() - (TOKENS_BEFORE_SCREEN - 1)) as u64;
    let (_, bytes) = subject.logits(&tokens, Outputs::Best(1));
    let all = tokens.len() as u64 * matrix;
    if Level::detect().unwrap() == Level::SCALAR {
        assert_eq!(bytes, all);
        return;
    }
    // The copy has 4.5 bits for 8.5.
    let least = all - served * matrix * 4 / 8;
    assert!(
        (least..all - served * matrix * 3 / 8).contains(&bytes),
        "{bytes} of {all}"
    );
}
