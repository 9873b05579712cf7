//! Each step of the sampler on random logits against llama.cpp: the same tokens are left, with the same
//! probabilities. `samplers/README.md` has the format of the cases and of what llama.cpp says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llm_engine::sampler::{Breakers, Dry, MirostatVersion, Sampler, Sampling, Step};
use llm_gguf::Gguf;
use llm_tokenizer::Tokenizer;
use serde_json::Value;

/// How far two probabilities may be apart, as a share. Both sides compute in f32: an exponential of a
/// difference of 16 is off by 1e-6, and a sum of some thousand terms in another order by a few times that.
const RATIO: f64 = 1e-5;

/// A probability below this one may be missing: that is where f32's exponential loses its digits.
const LEAST: f64 = 1e-30;

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/samplers")
        .join(name)
}

/// Returns each case with what llama.cpp says.
fn cases() -> Vec<(Value, Value)> {
    let cases = std::fs::read_to_string(here("cases.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&cases).unwrap();
    let golden = std::fs::read_to_string(here("golden.jsonl")).unwrap();
    let lines = golden.lines().skip(1);
    let golden: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(cases.len(), golden.len(), "scripts/make-sampler-goldens");
    cases.into_iter().zip(golden).collect()
}

fn number(case: &Value, name: &str, usual: f32) -> f32 {
    case[name].as_f64().map_or(usual, |number| number as f32)
}

fn count(case: &Value, name: &str, usual: usize) -> usize {
    case[name].as_u64().map_or(usual, |number| number as usize)
}

fn ids(list: &Value) -> Vec<u32> {
    let items = list.as_array().into_iter().flatten();
    items.map(|id| id.as_u64().unwrap() as u32).collect()
}

fn sampling(case: &Value) -> Sampling {
    let usual = Sampling::GREEDY;
    let names = case["samplers"].as_array().into_iter().flatten();
    let biases = case["logit_bias"].as_array().into_iter().flatten();
    let bias = |pair: &Value| {
        let bias = pair[1]
            .as_f64()
            .map_or(f32::NEG_INFINITY, |bias| bias as f32);
        (pair[0].as_u64().unwrap() as u32, bias)
    };
    Sampling {
        temperature: number(case, "temperature", 1.0),
        dynatemp_range: number(case, "dynatemp_range", usual.dynatemp_range),
        dynatemp_exponent: number(case, "dynatemp_exponent", usual.dynatemp_exponent),
        top_k: count(case, "top_k", usual.top_k),
        top_p: number(case, "top_p", usual.top_p),
        min_p: number(case, "min_p", usual.min_p),
        typical_p: number(case, "typical_p", usual.typical_p),
        top_n_sigma: number(case, "top_n_sigma", usual.top_n_sigma),
        xtc_probability: number(case, "xtc_probability", usual.xtc_probability),
        xtc_threshold: number(case, "xtc_threshold", usual.xtc_threshold),
        min_keep: count(case, "min_keep", usual.min_keep),
        repeat_penalty: number(case, "repeat_penalty", usual.repeat_penalty),
        presence_penalty: number(case, "presence_penalty", usual.presence_penalty),
        frequency_penalty: number(case, "frequency_penalty", usual.frequency_penalty),
        repeat_last_n: count(case, "repeat_last_n", usual.repeat_last_n),
        dry: Dry {
            multiplier: number(case, "dry_multiplier", Dry::OFF.multiplier),
            base: number(case, "dry_base", Dry::OFF.base),
            allowed_length: count(case, "dry_allowed_length", Dry::OFF.allowed_length),
            penalty_last_n: count(case, "dry_penalty_last_n", Dry::OFF.penalty_last_n),
            breakers: None,
        },
        mirostat: match count(case, "mirostat", 0) {
            0 => None,
            1 => Some(MirostatVersion::V1),
            _ => Some(MirostatVersion::V2),
        },
        mirostat_tau: number(case, "mirostat_tau", usual.mirostat_tau),
        mirostat_eta: number(case, "mirostat_eta", usual.mirostat_eta),
        adaptive_target: number(case, "adaptive_target", usual.adaptive_target),
        adaptive_decay: number(case, "adaptive_decay", usual.adaptive_decay),
        logit_bias: biases.map(bias).collect(),
        samplers: names
            .map(|name| Step::from_name(name.as_str().unwrap()).unwrap())
            .collect(),
        ..usual
    }
}

/// splitmix64, of which 24 bits become a logit.
struct Random(u64);

impl Random {
    fn logit(&mut self, scale: f32) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        let half = 1 << 23;
        ((bits >> 40) as i32 - half) as f32 / half as f32 * scale
    }
}

/// Compares what is left with what llama.cpp leaves.
fn compare(name: &str, found: &[(u32, f32)], wanted: &Value) {
    let found: BTreeMap<u32, f64> = found
        .iter()
        .map(|(id, probability)| (*id, f64::from(*probability)))
        .filter(|(_, probability)| *probability > LEAST)
        .collect();
    let wanted: BTreeMap<u32, f64> = wanted
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (pair[0].as_u64().unwrap() as u32, pair[1].as_f64().unwrap()))
        .filter(|(_, probability)| *probability > LEAST)
        .collect();
    let tokens = |list: &BTreeMap<u32, f64>| list.keys().copied().collect::<Vec<_>>();
    assert_eq!(tokens(&found), tokens(&wanted), "{name}");
    for (id, wanted) in wanted {
        let found = found[&id];
        assert!(
            (found / wanted - 1.0).abs() <= RATIO,
            "{name}: token {id} has {found} and not {wanted}"
        );
    }
}

#[test]
fn each_step_leaves_what_llama_cpp_leaves() {
    let mut compared = 0;
    for (case, golden) in cases() {
        assert_eq!(case["name"], golden["name"]);
        let Some(steps) = golden["steps"].as_array() else {
            continue;
        };
        let name = case["name"].as_str().unwrap();
        let mut sampler = Sampler::new(sampling(&case), [0; 32]);
        let mut history = ids(&case["history"]);
        let mut random = Random(case["seed"].as_u64().unwrap());
        for step in steps {
            let scale = number(&case, "scale", 1.0);
            let size = count(&case, "vocabulary", 0);
            let mut logits: Vec<f32> = (0..size).map(|_| random.logit(scale)).collect();
            compare(
                name,
                sampler.distribute(&mut logits, &history),
                &step["kept"],
            );
            let token = step["token"].as_u64().unwrap() as u32;
            sampler.accept(token);
            history.push(token);
            compared += 1;
        }
    }
    assert!(compared > 150, "{compared} steps");
}

fn tokenizer(name: &str) -> Tokenizer {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../models/ggml-vocab")
        .join(format!("{name}.gguf"));
    assert!(
        path.exists(),
        "{} is missing; scripts/fetch-test-models puts it there",
        path.display()
    );
    let gguf = Gguf::open(&[path]).unwrap();
    Tokenizer::from_gguf(gguf.metadata()).unwrap()
}

#[test]
fn repetitions_end_where_llama_cpp_ends_them() {
    let mut tokenizers = BTreeMap::new();
    for (case, golden) in cases() {
        let (Some(text), Some(name)) = (case["text"].as_str(), case["tokenizer"].as_str()) else {
            continue;
        };
        let tokenizer = tokenizers
            .entry(name.to_owned())
            .or_insert_with(|| tokenizer(name));
        let history = tokenizer.encode(text, false, false);
        assert_eq!(history, ids(&golden["history"]), "{}", case["name"]);
        let texts = case["dry_sequence_breakers"].as_array().unwrap();
        let texts: Vec<&str> = texts.iter().map(|text| text.as_str().unwrap()).collect();
        let mut sampling = sampling(&case);
        sampling.dry.breakers = Some(Arc::new(Breakers::new(tokenizer, &texts)));
        let mut logits = vec![0.0; tokenizer.vocabulary_size()];
        Sampler::new(sampling, [0; 32]).sample(&mut logits, &history);
        let changed = (0_u32..).zip(&logits).filter(|(_, logit)| **logit != 0.0);
        let changed: Vec<_> = changed.map(|(id, logit)| (id, f64::from(*logit))).collect();
        let wanted: Vec<(u32, f64)> = serde_json::from_value(golden["changed"].clone()).unwrap();
        assert_eq!(changed, wanted, "{}", case["name"]);
    }
    assert_eq!(tokenizers.len(), 4);
}
