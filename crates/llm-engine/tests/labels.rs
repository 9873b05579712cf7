//! Labels are scored as the definition says: the sum over a label's tokens of
//! the logarithm of the softmax, here computed from a pass over prompt and
//! label in one piece, without fork, batch or shared prefix.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use half::f16;
use llm_engine::forward::{CpuForward, Forward, Input, Outputs};
use llm_engine::generate::{Batch, Generate, GenerateError};
use llm_engine::model::{Model, TemplateChoice};
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;

/// Logits do not depend on what else is in a batch, so the sums differ by the
/// rounding of doubles alone.
const BOUND: f64 = 1e-9;

fn model() -> Model {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../models/smollm2-135m-instruct-q4_1.gguf");
    assert!(
        path.exists(),
        "{} is missing; scripts/fetch-test-models puts it there",
        path.display()
    );
    Model::open(&[path], None, &TemplateChoice::None).unwrap()
}

fn forward(model: &Model) -> CpuForward<f16> {
    let (spec, weights) = (Arc::clone(&model.spec), Arc::clone(&model.weights));
    CpuForward::new(
        spec,
        weights,
        Pool::new(2).unwrap(),
        Level::detect().unwrap(),
    )
}

fn request(prompt: &[u32], labels: &[Vec<u32>]) -> Generate {
    Generate {
        labels: labels.to_vec(),
        ..Generate::greedy(prompt.to_vec(), 1)
    }
}

/// The definition.
fn expected(model: &Model, prompt: &[u32], label: &[u32]) -> f64 {
    let mut forward = forward(model);
    let sequence = forward.sequences_mut().start();
    let tokens = [prompt, label].concat();
    let input = Input {
        sequence,
        tokens: &tokens,
        outputs: Outputs::All,
        adapters: &[],
    };
    let mut logits = Vec::new();
    forward.forward(&[input], &mut logits).unwrap();
    let rows: Vec<_> = logits.chunks_exact(forward.vocabulary()).collect();
    let scores = label.iter().enumerate().map(|(index, &token)| {
        let row = rows[prompt.len() + index - 1];
        let sum: f64 = row.iter().map(|&logit| f64::from(logit).exp()).sum();
        (f64::from(row[token as usize]).exp() / sum).ln()
    });
    scores.sum()
}

#[test]
fn labels_have_the_log_probability_of_their_tokens() {
    let model = model();
    let encode = |text: &str| model.tokenizer.encode(text, false, false);
    // One token, several, a shared beginning, and more than are computed at once.
    let mut texts = vec![
        " Paris".to_owned(),
        " Paris, which is in France".to_owned(),
        " Paris, which is in Texas".to_owned(),
        " Ouagadougou".to_owned(),
        " one two three four".repeat(24),
    ];
    texts.extend((0..40).map(|number| format!(" number {number}")));
    let labels: Vec<_> = texts.iter().map(|text| encode(text)).collect();
    assert!(labels[0].len() == 1 && labels[4].len() > 64);
    let prompts = [
        encode("The capital of France is"),
        encode("The capital of Burkina Faso is"),
    ];
    let mut batch = Batch::new(Box::new(forward(&model)), &model.tokenizer, 512);
    let request_ids = prompts
        .each_ref()
        .map(|prompt| batch.admit(request(prompt, &labels)).unwrap());
    let mut ended = Vec::new();
    while !batch.is_empty() {
        ended.extend(batch.step(&mut |_, _| ControlFlow::Continue(())).unwrap());
    }
    assert_eq!(ended.len(), 2);
    for one in ended {
        let prompt = request_ids
            .iter()
            .position(|request_id| *request_id == one.request_id);
        let prompt = &prompts[prompt.unwrap()];
        let found = one.result.unwrap();
        assert!(found.tokens.is_empty() && found.text.is_empty());
        assert_eq!(found.label_logprobs.len(), labels.len());
        for (index, &found) in found.label_logprobs.iter().enumerate() {
            let wanted = expected(&model, prompt, &labels[index]);
            let difference = (found - wanted).abs();
            assert!(
                difference < BOUND * labels[index].len() as f64,
                "{:?}: {found} for {wanted}",
                texts[index]
            );
        }
    }
}

#[test]
fn a_label_that_does_not_fit_the_context_is_refused() {
    let model = model();
    let mut batch = Batch::new(Box::new(forward(&model)), &model.tokenizer, 16);
    let fits = request(&[10; 12], &[vec![11; 4], vec![12]]);
    assert!(batch.admit(fits).is_ok());
    let longer = request(&[10; 12], &[vec![12], vec![11; 5]]);
    let error = batch.admit(longer).unwrap_err();
    let sizes = |error| match error {
        GenerateError::LabelTooLong {
            prompt,
            label,
            context,
        } => (prompt, label, context),
        error => panic!("{error}"),
    };
    assert_eq!(sizes(error), (12, 5, 16));
    let error = batch.admit(request(&[10; 16], &[vec![12]])).unwrap_err();
    assert!(matches!(error, GenerateError::TooLong { prompt: 16, .. }));
}
