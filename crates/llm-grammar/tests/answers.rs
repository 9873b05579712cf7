//! Answers of a real model under grammars: the same tokens as from all logits, with every forbidden one
//! set to -∞ and none taken without being chosen, alone and in a batch.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use half::f16;
use llm_engine::forward::{Input, Outputs};
use llm_engine::generate::{Batch, Generate, Grammar};
use llm_engine::sampler::{Sampler, Sampling};
use llm_engine::{CpuForward, Forward, Model, TemplateChoice};
use llm_grammar::{Compiler, Rule};
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use serde_json::json;

const MODEL: &str = "../../models/smollm2-135m-instruct-q4_1.gguf";

fn model() -> &'static Model {
    static MODEL_ONCE: OnceLock<Model> = OnceLock::new();
    MODEL_ONCE.get_or_init(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(MODEL);
        Model::open(&[path], None, &TemplateChoice::None).unwrap()
    })
}

fn forward() -> CpuForward<f16> {
    let model = model();
    let (spec, weights) = (Arc::clone(&model.spec), Arc::clone(&model.weights));
    CpuForward::new(
        spec,
        weights,
        Pool::new(2).unwrap(),
        Level::detect().unwrap(),
    )
}

fn rules() -> Vec<Rule> {
    let schema = |schema, is_compact| Rule::Schema {
        schema,
        is_compact,
        is_loose: false,
    };
    let person = json!({"type": "object", "properties": {
        "name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"},
        "address": {"type": "object", "properties": {"street": {"type": "string", "maxLength": 9}},
            "required": ["street"], "additionalProperties": false}},
        "required": ["name", "age", "address"], "additionalProperties": false});
    vec![
        schema(person.clone(), true),
        schema(person, false),
        Rule::Regex("[0-9]{4}-[0-9]{2}-[0-9]{2}( or later| or earlier)?".to_owned()),
        Rule::Lark("start: \"The answer is \" /[a-z ]{1,20}/ \"!\"".to_owned()),
    ]
}

const PROMPT: &str = "User: Describe Anna, who is 34 and lives in the Main Street.\nAssistant: ";

/// The definition: one token after another, chosen among the allowed of all logits.
fn expected(grammar: &dyn Grammar, prompt: &[u32], sampling: Sampling, key: [u8; 32]) -> Vec<u32> {
    let mut forward = forward();
    let sequence = forward.sequences_mut().start();
    let mut constraint = grammar.start();
    let mut sampler = Sampler::new(sampling, key);
    let (mut history, mut pending, mut logits) = (prompt.to_vec(), prompt.to_vec(), Vec::new());
    while !constraint.is_over().unwrap() && history.len() < prompt.len() + 80 {
        let input = Input {
            sequence,
            tokens: &pending,
            outputs: Outputs::Last,
            adapters: &[],
        };
        forward.forward(&[input], &mut logits).unwrap();
        let allowed = constraint.allowed().unwrap();
        let tokens: Vec<usize> = allowed.iter().collect();
        let token = if let &[token] = &tokens[..] {
            token as u32
        } else {
            allowed.mask(&mut logits);
            sampler.sample(&mut logits, &history).unwrap()
        };
        if model().tokenizer.is_eog(token) {
            history.push(token);
            break;
        }
        constraint.accept(token).unwrap();
        history.push(token);
        pending = vec![token];
    }
    history.split_off(prompt.len())
}

#[test]
fn tokens_are_those_of_all_logits_with_the_forbidden_ones_masked() {
    let compiler = Compiler::new(&model().tokenizer).unwrap();
    let prompt = model().tokenizer.encode(PROMPT, true, false);
    let warm = Sampling {
        temperature: 0.8,
        top_k: 20,
        ..Sampling::GREEDY
    };
    for sampling in [Sampling::GREEDY, warm] {
        let mut requests = Vec::new();
        for (at, rule) in rules().iter().enumerate() {
            let grammar: Arc<dyn Grammar> = Arc::new(compiler.compile(rule).unwrap());
            let request = Generate {
                grammar: Some(Arc::clone(&grammar)),
                sampling: sampling.clone(),
                key: [at as u8; 32],
                ..Generate::greedy(prompt.clone(), 80)
            };
            let wanted = expected(&*grammar, &prompt, sampling.clone(), request.key);
            requests.push((request, wanted));
        }
        // Alone, so that few logits are computed.
        let mut alone = Batch::new(Box::new(forward()), &model().tokenizer, 512);
        for (request, wanted) in &requests {
            let go_on = &mut |_: llm_engine::generate::Event<'_>| ControlFlow::Continue(());
            let answer = alone.answer(request.clone(), go_on).unwrap();
            assert_eq!(answer.tokens, *wanted, "{}", answer.text);
            assert_eq!(answer.is_whole, Some(true), "{}", answer.text);
        }
        let mut batch = Batch::new(Box::new(forward()), &model().tokenizer, 512);
        let mut ids = Vec::new();
        for (request, _) in &requests {
            ids.push(batch.admit(request.clone()).unwrap());
        }
        while !batch.is_empty() {
            for ended in batch.step(&mut |_, _| ControlFlow::Continue(())).unwrap() {
                let at = ids.iter().position(|id| *id == ended.request_id).unwrap();
                let answer = ended.result.unwrap();
                assert_eq!(answer.tokens, requests[at].1, "{}", answer.text);
            }
        }
    }
}

/// What is written without being chosen is written as the tokenizer writes the whole text.
#[test]
fn forced_tokens_are_the_tokenizer_s_own() {
    let tokenizer = &model().tokenizer;
    let compiler = Compiler::new(tokenizer).unwrap();
    let text = "{\"temperature\":21.5,\"unit\":\"celsius\",\"note\":\"über 20 °C\"}";
    for text in [
        text,
        "The quick brown fox jumps over the lazy dog.",
        "naïve 日本語 text",
    ] {
        let escaped: String = text
            .chars()
            .flat_map(|letter| {
                let special = r"\.+*?()|[]{}^$#&-~/".contains(letter);
                special.then_some('\\').into_iter().chain([letter])
            })
            .collect();
        let grammar = compiler.compile(&Rule::Regex(escaped)).unwrap();
        let mut answer = grammar.start();
        let forced = answer.forced().unwrap();
        let wanted = tokenizer.encode(text, false, false);
        // The end is held back where a longer token could reach beyond it.
        assert!(
            !forced.is_empty() && wanted.starts_with(&forced),
            "{forced:?}, {wanted:?}"
        );
        for token in &wanted {
            assert!(
                answer.allowed().unwrap().contains(*token),
                "{text}: {token}"
            );
            answer.accept(*token).unwrap();
        }
        assert!(answer.is_over().unwrap() && grammar.matches(text));
    }
}
