//! Labels and the tokens of answers are as likely as the definition says: the
//! logarithm of the softmax, of a label the sum over its tokens, here computed
//! from a pass over prompt and text in one piece, without fork, batch or shared
//! prefix.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use half::f16;
use llm_engine::forward::{CpuForward, Forward, Input, Outputs};
use llm_engine::generate::{Batch, Generate, GenerateError, Generated, TokenLogprobs};
use llm_engine::model::{Model, TemplateChoice};
use llm_engine::sampler::Sampling;
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

/// The definition: the log-probabilities of all tokens at the place of each of `label`.
fn distributions(model: &Model, prompt: &[u32], label: &[u32]) -> Vec<Vec<f64>> {
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
    let places = (0..label.len()).map(|index| {
        let row = rows[prompt.len() + index - 1];
        let sum: f64 = row.iter().map(|&logit| f64::from(logit).exp()).sum();
        let logprobs = row.iter().map(|&logit| (f64::from(logit).exp() / sum).ln());
        logprobs.collect()
    });
    places.collect()
}

/// The log-probability of a label.
fn expected(model: &Model, prompt: &[u32], label: &[u32]) -> f64 {
    let places = distributions(model, prompt, label);
    let scores = label.iter().zip(places);
    scores.map(|(&token, place)| place[token as usize]).sum()
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
        assert_eq!(found.labels.len(), labels.len());
        for (index, found) in found.labels.iter().enumerate() {
            let wanted = expected(&model, prompt, &labels[index]);
            let found = found.logprob;
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

/// What each token of an answer must be told to be.
fn assert_likely(model: &Model, prompt: &[u32], found: &[TokenLogprobs], count: usize) {
    let tokens: Vec<_> = found.iter().map(|one| one.token).collect();
    let places = distributions(model, prompt, &tokens);
    for (one, place) in found.iter().zip(places) {
        assert!((one.logprob - place[one.token as usize]).abs() < BOUND);
        let mut best: Vec<_> = (0..).zip(place).collect();
        best.sort_by(|one, other| other.1.total_cmp(&one.1));
        assert_eq!(one.top.len(), count);
        for (found, wanted) in one.top.iter().zip(best) {
            assert!((found.1 - wanted.1).abs() < BOUND, "{found:?} {wanted:?}");
        }
    }
}

#[test]
fn tokens_are_told_as_the_model_holds_them_for_likely() {
    let model = model();
    let prompt = model
        .tokenizer
        .encode("The capital of France is", false, false);
    let sampled = Sampling {
        temperature: 1.5,
        repeat_penalty: 1.3,
        top_p: 0.9,
        // "The" and " the" never come.
        suppress_tokens: vec![504, 260],
        ..Sampling::GREEDY
    };
    for sampling in [Sampling::GREEDY, sampled] {
        let mut batch = Batch::new(Box::new(forward(&model)), &model.tokenizer, 512);
        let request = |top_logprobs| Generate {
            sampling: sampling.clone(),
            top_logprobs,
            ..Generate::greedy(prompt.clone(), 24)
        };
        let mut answer = |top_logprobs| {
            let request = request(top_logprobs);
            let answer = batch.answer(request, &mut |_| ControlFlow::Continue(()));
            answer.unwrap()
        };
        let plain = answer(None);
        assert!(plain.logprobs.is_empty());
        let alone = answer(Some(0));
        let told = answer(Some(5));
        // Whoever asks gets the same answer.
        assert_eq!((&told.tokens, &told.text), (&plain.tokens, &plain.text));
        let own = |one: &Generated| {
            one.logprobs
                .iter()
                .map(|one| one.logprob)
                .collect::<Vec<_>>()
        };
        assert_eq!(own(&alone), own(&told));
        let tokens: Vec<_> = told.logprobs.iter().map(|one| one.token).collect();
        let ended = usize::from(told.tokens.len() < 24);
        assert_eq!(tokens, told.tokens[..told.tokens.len() - ended]);
        assert_likely(&model, &prompt, &told.logprobs, 5);
        assert_likely(&model, &prompt, &alone.logprobs, 0);
    }
}

#[test]
fn tokens_of_labels_are_told_too() {
    let model = model();
    let encode = |text: &str| model.tokenizer.encode(text, false, false);
    let prompt = encode("The capital of France is");
    let labels = [encode(" Paris"), encode(" Paris, which is in Texas")];
    let mut batch = Batch::new(Box::new(forward(&model)), &model.tokenizer, 512);
    let asked = Generate {
        top_logprobs: Some(2),
        ..request(&prompt, &labels)
    };
    let found = batch.answer(asked, &mut |_| ControlFlow::Continue(()));
    for (label, found) in labels.iter().zip(found.unwrap().labels) {
        let tokens: Vec<_> = found.tokens.iter().map(|one| one.token).collect();
        assert_eq!(tokens, *label);
        assert_likely(&model, &prompt, &found.tokens, 2);
        let sum: f64 = found.tokens.iter().map(|one| one.logprob).sum();
        assert!((found.logprob - sum).abs() < BOUND);
    }
}

#[test]
fn of_a_stop_text_nothing_is_told() {
    let model = model();
    let prompt = model.tokenizer.encode("One, two, three,", false, false);
    let mut batch = Batch::new(Box::new(forward(&model)), &model.tokenizer, 512);
    let asked = |stop: &str| Generate {
        top_logprobs: Some(0),
        stop: vec![stop.to_owned()],
        ..Generate::greedy(prompt.clone(), 24)
    };
    let mut answer = |stop: &str| {
        let answer = batch.answer(asked(stop), &mut |_| ControlFlow::Continue(()));
        let answer = answer.unwrap();
        let told = answer.logprobs.iter();
        let bytes: Vec<_> = told
            .flat_map(|one| model.tokenizer.token_bytes(one.token))
            .collect();
        (answer.text, String::from_utf8(bytes).unwrap())
    };
    let (whole, told) = answer("no such text");
    assert_eq!(whole, told);
    // A stop text of several tokens, and one that begins inside of a token.
    for stop in [", five, six", "ive, s"] {
        let (text, told) = answer(stop);
        assert!(whole.contains(stop), "{whole}");
        assert_eq!(text, whole[..whole.find(stop).unwrap()]);
        assert!(told.starts_with(&text) && !told.contains(stop), "{told:?}");
    }
}
