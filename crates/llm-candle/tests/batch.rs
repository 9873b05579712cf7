//! Requests in a batch on tiny models of several kinds: they get what they would
//! get alone, whoever they share a prefix with, and they do share it.
//!
//! That a pass computes the right numbers is in `agree`, states that go back to a
//! checkpoint are in `states`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::HashMap;
use std::ops::ControlFlow;

use half::f16;
use llm_engine::forward::{CpuForward, Forward};
use llm_engine::generate::{Batch, Generate, Generated, RequestId};
use llm_engine::sampler::Sampling;
use llm_gguf::Gguf;
use llm_kernels::simd::Level;
use llm_prompt::reasoning::Splitter;
use llm_tokenizer::Tokenizer;

use support::Model;
use support::random::Random;
use support::tiny::plans::PLANS;

/// Plain keys and values, windows, layers of different shapes that share keys,
/// short vectors in place of keys, states, states and experts.
const KINDS: [&str; 6] = [
    "llama",
    "gemma3",
    "gemma4",
    "deepseek2",
    "qwen35",
    "qwen35moe",
];

/// Kinds that keep a state.
fn has_states(kind: &str) -> bool {
    kind.starts_with("qwen35")
}

/// Tokens of the two beginnings that prompts share: more than a step of the
/// batch takes, and less.
const BEGINNINGS: [usize; 2] = [300, 140];

/// The beginning that each request has.
const REQUESTS: [usize; 6] = [0, 0, 1, 0, 1, 0];

const CONTEXT: usize = 600;

fn build(kind: &str) -> Model {
    let plan = PLANS.iter().find(|(name, _)| *name == kind);
    plan.unwrap().1.build(6)
}

/// Of the tiny models' ids it only gives a text that nobody looks at.
fn tokenizer() -> Tokenizer {
    let path = support::fetched("smollm2-135m-instruct-q4_1.gguf");
    Tokenizer::from_gguf(Gguf::open(&[path]).unwrap().metadata()).unwrap()
}

fn batch<'t>(model: &Model, tokenizer: &'t Tokenizer) -> Batch<'t> {
    let pass: CpuForward<f16> = model.cpu(2, Level::detect().unwrap());
    Batch::new(Box::new(pass), tokenizer, CONTEXT)
}

/// A request that draws its tokens, since a flat choice shows a difference that
/// the best token would hide.
fn request(prompt: Vec<u32>, key: u8) -> Generate {
    Generate {
        top_logprobs: None,
        prompt,
        max_tokens: 12,
        sampling: Sampling {
            temperature: 1.0,
            ..Sampling::GREEDY
        },
        key: [key; 32],
        stop: Vec::new(),
        splitter: Splitter::default(),
        labels: Vec::new(),
        shared: 0,
        adapters: Vec::new(),
        stops_repetition: false,
        grammar: None,
    }
}

/// Requests with [`BEGINNINGS`] and ends of their own; the last one scores labels.
fn requests(vocabulary: usize) -> Vec<Generate> {
    let mut random = Random(8);
    let beginnings = BEGINNINGS.map(|length| random.tokens(length, vocabulary));
    let mut requests: Vec<Generate> = (0_u8..)
        .zip(REQUESTS)
        .map(|(key, which)| {
            // No two go on alike.
            let own = [u32::from(key)]
                .into_iter()
                .chain(random.tokens(37, vocabulary));
            request(beginnings[which].iter().copied().chain(own).collect(), key)
        })
        .collect();
    let labels = [1, 2, 3].map(|length| random.tokens(length, vocabulary));
    requests.last_mut().unwrap().labels = labels.to_vec();
    requests
}

fn answer(batch: &mut Batch<'_>, request: &Generate) -> Generated {
    let answer = batch.answer(request.clone(), &mut |_| ControlFlow::Continue(()));
    answer.unwrap()
}

/// Answers all at a time, in the order of the requests.
fn together(batch: &mut Batch<'_>, requests: &[Generate]) -> Vec<Generated> {
    let admit = |request: &Generate| batch.admit(request.clone()).unwrap();
    let request_ids: Vec<RequestId> = requests.iter().map(admit).collect();
    let mut answers = HashMap::new();
    while !batch.is_empty() {
        let ended = batch.step(&mut |_, _| ControlFlow::Continue(())).unwrap();
        answers.extend(ended.into_iter().map(|one| (one.request_id, one.result)));
    }
    let take = |request_id| answers.remove(request_id).unwrap().unwrap();
    request_ids.iter().map(take).collect()
}

fn assert_same(found: &Generated, expected: &Generated, what: &str) {
    assert_eq!(found.tokens, expected.tokens, "{what}");
    assert_eq!(found.labels, expected.labels, "{what}");
}

/// What each request can take from those before it.
fn shared() -> Vec<usize> {
    let is_first = |at: usize| !REQUESTS[..at].contains(&REQUESTS[at]);
    let shared = |at: usize| {
        if is_first(at) {
            0
        } else {
            BEGINNINGS[REQUESTS[at]]
        }
    };
    (0..REQUESTS.len()).map(shared).collect()
}

#[test]
fn requests_together_get_what_each_gets_alone() {
    let tokenizer = tokenizer();
    for kind in KINDS {
        let model = build(kind);
        let requests = requests(model.weights.vocabulary());
        let answers = together(&mut batch(&model, &tokenizer), &requests);
        let cached: Vec<_> = answers.iter().map(|answer| answer.cached_tokens).collect();
        assert_eq!(cached, shared(), "{kind}");
        let drawn: usize = answers.iter().map(|answer| answer.tokens.len()).sum();
        assert!(drawn >= 3 * answers.len(), "{kind}: only {drawn} tokens");
        for (at, (found, request)) in answers.iter().zip(&requests).enumerate() {
            let expected = answer(&mut batch(&model, &tokenizer), request);
            assert_eq!(expected.cached_tokens, 0);
            assert_same(found, &expected, &format!("{kind}, {at}"));
        }
    }
}

/// Of a state there is a copy where prompts part once one has come in vain.
#[test]
fn requests_one_after_another_get_what_each_gets_alone() {
    let tokenizer = tokenizer();
    for kind in KINDS {
        let model = build(kind);
        let requests = requests(model.weights.vocabulary());
        let mut expected = shared();
        if has_states(kind) {
            // The second of the first beginning has the copy after 256 tokens,
            // the second of the other one none.
            (expected[1], expected[4]) = (256, 0);
        }
        let mut kept = batch(&model, &tokenizer);
        for (at, request) in requests.iter().enumerate() {
            let found = answer(&mut kept, request);
            assert_eq!(found.cached_tokens, expected[at], "{kind}, {at}");
            let alone = answer(&mut batch(&model, &tokenizer), request);
            assert_same(&found, &alone, &format!("{kind}, {at}"));
        }
    }
}

/// A prompt that holds the last one and its answer goes on from the last token
/// computed, with a state as without.
#[test]
fn a_conversation_goes_on_from_its_last_token() {
    let tokenizer = tokenizer();
    for kind in KINDS {
        let model = build(kind);
        let vocabulary = model.weights.vocabulary();
        let mut prompt = Random(9).tokens(50, vocabulary);
        let mut kept = batch(&model, &tokenizer);
        let mut cached = 0;
        for turn in 0..3 {
            let request = request(prompt.clone(), turn);
            let found = answer(&mut kept, &request);
            assert_eq!(found.cached_tokens, cached, "{kind}, {turn}");
            let alone = answer(&mut batch(&model, &tokenizer), &request);
            assert_same(&found, &alone, &format!("{kind}, {turn}"));
            // The last token of an answer is not computed.
            cached = prompt.len() + found.tokens.len() - 1;
            prompt.extend(&found.tokens);
            prompt.extend(Random(u64::from(turn)).tokens(20, vocabulary));
        }
    }
}

/// The candle pass shares the same prefixes; it rounds by how many tokens it
/// meets at a time, so that only best tokens are compared.
#[test]
fn the_candle_pass_shares_prefixes_too() {
    let tokenizer = tokenizer();
    for kind in ["llama", "gemma4", "qwen35"] {
        let model = build(kind);
        let batch = || {
            let pass: Box<dyn Forward> = Box::new(model.judge());
            Batch::new(pass, &tokenizer, CONTEXT)
        };
        let mut requests = requests(model.weights.vocabulary());
        requests.pop();
        for request in &mut requests {
            request.sampling = Sampling::GREEDY;
        }
        let answers = together(&mut batch(), &requests);
        let cached: Vec<_> = answers.iter().map(|answer| answer.cached_tokens).collect();
        assert_eq!(cached, shared()[..requests.len()], "{kind}");
        for (at, (found, request)) in answers.iter().zip(&requests).enumerate() {
            let alone = answer(&mut batch(), request);
            assert_same(found, &alone, &format!("{kind}, {at}"));
        }
    }
}
