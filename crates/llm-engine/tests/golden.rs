//! The CPU pass on the real models against llama.cpp, teacher-forced on 2,000
//! tokens (goldens and their format: `tests/fixtures/golden/README.md`).
//!
//! The bounds come from holding llama.cpp against itself with flash attention
//! on and off, other batch sizes and dequantized weights: KL 0.003 to 0.006 and
//! no disagreement where its two best differ by more than 0.32 nats.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "support/golden.rs"]
mod golden;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use half::f16;
use llm_engine::forward::{CpuForward, Forward, Input, Outputs};
use llm_engine::generate::{Batch, Event, Generate};
use llm_engine::model::{Model, TemplateChoice};
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_prompt::{Conversation, MarkupTexts, Message};
use serde_json::Value;

use golden::{Comparison, Golden, measured};

/// Tokens of a forward call: keeps the logits of a vocabulary of 262,144 under
/// 135 MB.
const CHUNK: usize = 128;

fn model(file: &str) -> Model {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../models")
        .join(file);
    assert!(
        path.exists(),
        "{} is missing; scripts/fetch-test-models puts it there",
        path.display()
    );
    Model::open(&[path], None, &TemplateChoice::Own).unwrap()
}

fn compare(file: &str, name: &str, largest_kl: f64) {
    let golden = Golden::named(name).unwrap();
    let model = model(file);
    let text = include_str!("../../../tests/fixtures/golden.txt");
    let tokens = model.tokenizer.encode(text, true, false);
    assert_eq!(
        tokens[..golden.tokens.len()],
        golden.tokens,
        "the tokenizer differs from llama.cpp's"
    );
    let (spec, weights) = (Arc::clone(&model.spec), Arc::clone(&model.weights));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = Pool::new(threads).unwrap();
    let mut forward = CpuForward::<f16>::new(spec, weights, pool, Level::detect().unwrap());
    let sequence = forward.sequences_mut().start();
    let mut comparison = Comparison::new(&golden);
    let mut logits = Vec::new();
    let vocabulary = forward.vocabulary();
    for (chunk, tokens) in golden.tokens.chunks(CHUNK).enumerate() {
        let input = Input {
            sequence,
            tokens,
            outputs: Outputs::All,
            adapters: &[],
        };
        forward.forward(&[input], &mut logits).unwrap();
        for (row, logits) in logits.chunks_exact(vocabulary).enumerate() {
            comparison.add(chunk * CHUNK + row, logits);
        }
    }
    let (at, margin) = comparison.worst_disagreement();
    let ratio = comparison.perplexity_ratio();
    measured(&format!(
        "{name}: mean KL {:.5}, worst {:?}, best token agrees at {:.2} %, worst disagreement {margin:.3} nats at {at}, perplexity ratio {ratio:.5} (llama.cpp {:.3})",
        comparison.mean_kl(),
        comparison.worst_kl(),
        100.0 * comparison.agreement(),
        golden.perplexity(),
    ));
    assert_eq!(comparison.positions(), golden.positions.len());
    assert!(
        comparison.mean_kl() <= largest_kl,
        "mean KL {}",
        comparison.mean_kl()
    );
    assert!(
        margin <= 0.5,
        "another best token at {at}, where llama.cpp's two best differ by {margin} nats"
    );
    assert!(
        (0.985..=1.005).contains(&ratio),
        "perplexity is {ratio} times llama.cpp's"
    );
}

#[test]
fn smollm2_agrees_with_llama_cpp() {
    compare("smollm2-135m-instruct-q4_1.gguf", "smollm2", 0.006);
}

#[test]
fn gemma_agrees_with_llama_cpp() {
    compare("gemma-3-270m-q4_k_m.gguf", "gemma", 0.009);
}

/// Greedy texts part ways after a few tokens, as llama.cpp's own do under
/// another batch size, so they are printed and not judged. The prompt that goes
/// into the model is: template and tokenizer allow no difference.
#[test]
fn greedy_answers_stand_beside_llama_cpps() {
    let path = golden::folder().join("answers.json");
    let golden: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let model = model("smollm2-135m-instruct-q4_1.gguf");
    let (spec, weights) = (Arc::clone(&model.spec), Arc::clone(&model.weights));
    let forward = CpuForward::<f16>::new(
        spec,
        weights,
        Pool::new(2).unwrap(),
        Level::detect().unwrap(),
    );
    let mut batch = Batch::new(
        Box::new(forward),
        &model.tokenizer,
        model.spec.context_length,
    );
    let answers = golden["answers"].as_array().unwrap();
    assert_eq!(answers.len(), 8);
    let mut shown = String::from("greedy answers of SmolLM2, ours and llama.cpp's:");
    for answer in answers {
        let message = Message::new("user", answer["prompt"].as_str().unwrap());
        let markup = MarkupTexts {
            bos: &model.tokenizer.bos_text(),
            eos: &model.tokenizer.eos_text(),
        };
        let rendered = model
            .templates
            .for_request(false)
            .unwrap()
            .unwrap()
            .render(&Conversation::new(&[message]), markup)
            .unwrap();
        assert_eq!(rendered, answer["rendered"].as_str().unwrap());
        let prompt = model.tokenizer.encode_prompt(&rendered);
        assert_eq!(
            serde_json::to_value(&prompt).unwrap(),
            answer["prompt_tokens"]
        );
        let request = Generate::greedy(prompt, answer["tokens"].as_array().unwrap().len());
        let mut streamed = String::new();
        let generated = batch.answer(request, &mut |event| {
            if let Event::Text(text) = event {
                streamed.push_str(text);
            }
            ControlFlow::Continue(())
        });
        let generated = generated.unwrap();
        assert_eq!(streamed, generated.text);
        assert!(!generated.tokens.is_empty());
        shown.push_str(&format!(
            "\n{}\n  ours:      {:?}\n  llama.cpp: {:?}",
            answer["prompt"],
            generated.text,
            answer["text"].as_str().unwrap()
        ));
    }
    measured(&shown);
}
