//! How long the allowed tokens take to compute: `cargo bench -p llm-grammar` prints, for some rules, the
//! time to compile one, and the median and the 99th percentile over the steps of random answers.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for people"
)]

use std::path::Path;
use std::time::Instant;

use llm_engine::generate::Grammar;
use llm_gguf::{Gguf, shard_paths};
use llm_grammar::{Compiler, Rule};
use llm_tokenizer::Tokenizer;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};

const MODEL: &str = "../../models/smollm2-135m-instruct-q4_1.gguf";

/// Answers to each rule.
const ANSWERS: usize = 40;

/// Tokens of an answer at most.
const TOKENS: usize = 200;

fn main() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(MODEL);
    let gguf = Gguf::open(&shard_paths(&path)).unwrap();
    let tokenizer = Tokenizer::from_gguf(gguf.metadata()).unwrap();
    let tokenizer: &'static Tokenizer = Box::leak(Box::new(tokenizer));
    let start = Instant::now();
    let compiler = Compiler::new(tokenizer).unwrap();
    println!("vocabulary: {:.1} ms", ms(start));
    for (name, rule) in rules() {
        let start = Instant::now();
        let grammar = compiler.compile(&rule).unwrap();
        let compiled = ms(start);
        let mut times = masks(&grammar, tokenizer);
        times.sort_by(f64::total_cmp);
        let at = |share: f64| 1e3 * times[((times.len() - 1) as f64 * share) as usize];
        println!(
            "{name}: compiled in {compiled:.1} ms, {} masks, p50 {:.0} us, p99 {:.0} us, most {:.0} us",
            times.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
}

fn rules() -> Vec<(&'static str, Rule)> {
    let schema = |schema: Value| Rule::Schema {
        schema,
        is_compact: false,
        is_loose: false,
    };
    let text = json!({"type": "string"});
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let properties: serde_json::Map<_, _> = names
        .iter()
        .map(|name| ((*name).to_owned(), text.clone()))
        .collect();
    let ten = json!({"type": "object", "properties": properties, "required": names,
        "additionalProperties": false});
    let list = json!({"type": "array", "items": {"anyOf": [
        {"type": "number"}, {"type": "string", "pattern": "^[a-z]+@[a-z]+\\.(org|com)$"},
        {"enum": ["red", "green", "blue"]}]}});
    vec![
        ("ten texts", schema(ten)),
        ("any JSON", schema(json!(true))),
        ("a list of alternatives", schema(list)),
        (
            "a date",
            Rule::Regex("[0-9]{4}-[0-9]{2}-[0-9]{2}".to_owned()),
        ),
    ]
}

/// Returns the milliseconds of each mask of random answers.
fn masks(grammar: &impl Grammar, tokenizer: &Tokenizer) -> Vec<f64> {
    let mut times = Vec::new();
    for answer in 0..ANSWERS {
        let mut random = ChaCha8Rng::from_seed([answer as u8; 32]);
        let mut constraint = grammar.start();
        for _ in 0..TOKENS {
            if constraint.is_over().unwrap() {
                break;
            }
            let start = Instant::now();
            let allowed = constraint.allowed().unwrap();
            times.push(ms(start));
            let tokens: Vec<usize> = allowed.iter().collect();
            let token = tokens[random.next_u64() as usize % tokens.len()] as u32;
            if tokenizer.is_eog(token) {
                break;
            }
            constraint.accept(token).unwrap();
        }
    }
    times
}

fn ms(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}
