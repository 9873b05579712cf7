//! Layers that keep a state, over texts that are longer than the ways of
//! `agree` have: checkpoints, what is computed anew behind them, and requests
//! that go back to them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and prints what it was about"
)]

mod support;

use std::ops::ControlFlow;

use llm_engine::cache::SequenceId;
use llm_engine::forward::{CpuForward, Forward, Input, Outputs, cache_bytes};
use llm_engine::generate::{Batch, Generate};
use llm_gguf::Gguf;
use llm_kernels::simd::Level;
use llm_tokenizer::Tokenizer;

use support::measure::identical;
use support::random::Random;
use support::tiny::Plan;
use support::tiny::plans::{FALCON_H1, LFM2, LLAMA, MAMBA2, QWEN35};
use support::ways::extend;
use support::{Model, levels};

/// Two regular checkpoints and some more.
const LENGTH: usize = 600;

/// One model for each thing that layers do with a state.
fn plans() -> [(&'static str, Plan); 4] {
    [
        ("qwen35", QWEN35),
        ("lfm2", LFM2),
        ("mamba2", MAMBA2),
        ("falcon-h1", FALCON_H1),
    ]
}

fn setup(plan: &Plan) -> (Model, Vec<u32>) {
    let model = plan.build(3);
    let tokens = Random(5).tokens(LENGTH, plan.vocabulary);
    (model, tokens)
}

/// Goes back to at most `length`, computes the rest of `tokens` anew and
/// returns the positions that were kept.
fn again(
    pass: &mut dyn Forward,
    sequence: SequenceId,
    length: usize,
    tokens: &[u32],
    expected: &[f32],
) -> usize {
    let kept = pass.sequences_mut().truncate(sequence, length);
    assert_eq!(pass.sequences().length(sequence), Some(kept));
    let logits = extend(pass, sequence, &tokens[kept..]);
    let expected = &expected[kept * pass.vocabulary()..];
    assert!(identical(&logits, expected), "from {kept} for {length}");
    kept
}

#[test]
fn what_follows_a_checkpoint_is_the_same_to_the_bit() {
    for ((name, plan), level) in plans()
        .iter()
        .flat_map(|plan| levels().map(move |level| (plan, level)))
    {
        println!("{name}, {level:?}");
        let (model, tokens) = setup(plan);
        let mut pass = model.cpu::<f32>(2, level);
        let sequence = pass.sequences_mut().start();
        let expected = extend(&mut pass, sequence, &tokens);
        let mut again = |length| again(&mut pass, sequence, length, &tokens, &expected);
        assert_eq!(again(LENGTH), LENGTH);
        assert_eq!(again(LENGTH - 1), 512);
        assert_eq!(again(LENGTH - 1), LENGTH - 1, "it was wanted before");
        assert_eq!(again(300), 256);
        assert_eq!(again(511), 300);
        assert_eq!(again(300), 300);
        assert_eq!(again(255), 0);
        assert_eq!(again(0), 0);
    }
}

/// A state is copied where it is due, whatever else is in the batch.
#[test]
fn sequences_of_a_batch_have_checkpoints_of_their_own() {
    for (name, plan) in plans() {
        println!("{name}");
        batch_of_two(&plan);
    }
}

fn batch_of_two(plan: &Plan) {
    let (model, tokens) = setup(plan);
    let mut pass = model.cpu::<f32>(2, Level::detect().unwrap());
    let [first, second] = [(); 2].map(|()| pass.sequences_mut().start());
    let expected = extend(&mut pass, first, &tokens);
    pass.sequences_mut().truncate(first, 0);
    extend(&mut pass, second, &tokens[..100]);
    let outputs = Outputs::All;
    let mut logits = Vec::new();
    let batch =
        [(first, &tokens[..300]), (second, &tokens[100..])].map(|(sequence, tokens)| Input {
            sequence,
            tokens,
            outputs,
            adapters: &[],
        });
    pass.forward(&batch, &mut logits).unwrap();
    let vocabulary = pass.vocabulary();
    assert!(identical(
        &logits[..300 * vocabulary],
        &expected[..300 * vocabulary]
    ));
    assert!(identical(
        &logits[300 * vocabulary..],
        &expected[100 * vocabulary..]
    ));
    for (sequence, length, kept) in [(first, 299, 256), (second, 511, 256), (second, 590, 511)] {
        assert_eq!(again(&mut pass, sequence, length, &tokens, &expected), kept);
    }
}

/// Token by token there is a checkpoint too, and a fork has those of its origin.
#[test]
fn decoding_leaves_checkpoints_and_forks_share_them() {
    for (name, plan) in plans() {
        println!("{name}");
        decode_and_fork(&plan);
    }
}

fn decode_and_fork(plan: &Plan) {
    let (model, tokens) = setup(plan);
    let mut pass = model.cpu::<f32>(1, Level::detect().unwrap());
    let sequence = pass.sequences_mut().start();
    let expected = extend(&mut pass, sequence, &tokens);
    pass.sequences_mut().truncate(sequence, 0);
    for token in tokens[..300].chunks(1) {
        extend(&mut pass, sequence, token);
    }
    let (fork, kept) = pass.sequences_mut().fork(sequence, 280).unwrap();
    assert_eq!(kept, 256);
    pass.sequences_mut().end(sequence);
    let logits = extend(&mut pass, fork, &tokens[kept..]);
    assert!(identical(&logits, &expected[kept * pass.vocabulary()..]));
    assert_eq!(again(&mut pass, fork, 280, &tokens, &expected), 280);
}

/// Of a sequence's cache the states are what does not grow.
#[test]
fn the_memory_of_states_is_counted() {
    let (qwen, llama) = (QWEN35.build(1).spec, LLAMA.build(1).spec);
    assert_eq!(
        (cache_bytes::<f32>(&qwen, 0, 0), llama.state_elements()),
        (0, 0)
    );
    // Five layers of six: three tokens of the convolution and six heads.
    let state = 5 * (3 * (2 * 2 + 6) * 16 + 6 * 16 * 16);
    assert_eq!(qwen.state_elements(), state);
    let [one, two] = [64, 128].map(|positions| cache_bytes::<f32>(&qwen, positions, 1));
    let block = 64 * 2 * 24 * 2 * 4;
    assert_eq!(two - one, block, "a block of the one layer that attends");
    assert_eq!(
        one - block,
        5 * 4 * state as u64,
        "the state and four checkpoints"
    );
    let many = cache_bytes::<f32>(&qwen, 128, 7);
    assert_eq!(many - two, 6 * (one - block), "those of each sequence");
}

/// What is kept where nothing grows, where only a convolution looks back, and where
/// every layer has both.
#[test]
fn each_kind_of_state_has_its_size() {
    let [lfm, mamba, falcon] = [LFM2, MAMBA2, FALCON_H1].map(|plan| plan.build(1).spec);
    // Four layers of five: three tokens.
    assert_eq!(lfm.state_elements(), 4 * 3 * 64);
    // Four layers: three tokens of values, keys and queries, and eight heads.
    let state = 4 * (3 * (128 + 2 * 2 * 24) + 8 * 16 * 24);
    assert_eq!(mamba.state_elements(), state);
    let [none, some] = [0, 4096].map(|positions| cache_bytes::<f32>(&mamba, positions, 2));
    assert_eq!((none, some), (2 * 5 * 4 * state as u64, none));
    let state = 3 * (3 * (96 + 2 * 24) + 6 * 16 * 24);
    assert_eq!(falcon.state_elements(), state);
    let keys = cache_bytes::<f32>(&falcon, 64, 1) - cache_bytes::<f32>(&falcon, 0, 1);
    assert_eq!(keys, 3 * 64 * 2 * 2 * 16 * 4, "all of them attend as well");
}

/// A prompt that parts from the last one within a call is computed from the
/// last checkpoint on, one that parts there again from just there.
#[test]
fn what_is_kept_answers_as_if_it_were_new() {
    for (name, plan) in plans() {
        println!("{name}");
        answer_again(&plan);
    }
}

fn answer_again(plan: &Plan) {
    let (model, tokens) = setup(plan);
    let gguf = support::fetched("smollm2-135m-instruct-q4_1.gguf");
    let tokenizer = Tokenizer::from_gguf(Gguf::open(&[gguf]).unwrap().metadata()).unwrap();
    let batch = || {
        let pass: CpuForward<f32> = model.cpu(2, Level::detect().unwrap());
        Batch::new(Box::new(pass), &tokenizer, 1000)
    };
    let answer = |batch: &mut Batch<'_>, prompt: &[u32]| {
        let request = Generate::greedy(prompt.to_vec(), 20);
        let answer = batch
            .answer(request, &mut |_| ControlFlow::Continue(()))
            .unwrap();
        (answer.tokens, answer.cached_tokens)
    };
    let mut kept = batch();
    // 340 tokens in common, then their own.
    for (index, cached) in [0, 256, 340, 340].into_iter().enumerate() {
        let own = &tokens[400 + 40 * index..][..40];
        let prompt = [&tokens[..340], own].concat();
        let (expected, _) = answer(&mut batch(), &prompt);
        assert_eq!(answer(&mut kept, &prompt), (expected, cached), "{index}");
    }
}
