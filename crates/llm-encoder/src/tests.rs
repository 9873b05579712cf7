use std::path::{Path, PathBuf};

use llm_folder::Loading;
use llm_kernels::pool::Pool;
use llm_kernels::quantize::QuantType;
use llm_kernels::simd::Level;

use super::*;

mod mutations;
mod tiny;

/// The model that `scripts/fetch-test-models` puts there.
fn folder() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../models/all-minilm-l6-v2"
    ))
}

/// The texts and vectors of `scripts/make-embed-goldens`: a line of JSON each.
const GOLDENS: &str = include_str!("../../../tests/fixtures/embed/minilm.jsonl");

struct Golden {
    text: String,
    tokens: Vec<u32>,
    vector: Vec<f32>,
}

fn goldens() -> Vec<Golden> {
    read_goldens(GOLDENS)
}

fn read_goldens(lines: &str) -> Vec<Golden> {
    let read = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let numbers = |name: &str| line[name].as_array().unwrap().clone();
        Golden {
            text: line["text"].as_str().unwrap().to_owned(),
            tokens: numbers("tokens")
                .iter()
                .map(|number| number.as_u64().unwrap() as u32)
                .collect(),
            vector: numbers("vector")
                .iter()
                .map(|number| number.as_f64().unwrap() as f32)
                .collect(),
        }
    };
    lines.lines().map(read).collect()
}

fn encoder(packing: Option<QuantType>) -> Encoder {
    let (level, pool) = (Level::detect().unwrap(), Pool::new(2).unwrap());
    let loading = Loading {
        packing,
        level,
        pool: &pool,
        room: None,
        interrupted: &|| false,
    };
    Encoder::open(&folder(), Some(&loading), level).unwrap()
}

fn tokens(encoder: &Encoder, text: &str) -> Vec<u32> {
    let mut tokens = encoder.tokens(text);
    encoder.cut(&mut tokens, encoder.longest());
    tokens
}

fn vectors(encoder: &Encoder, texts: &[Vec<u32>]) -> Vec<Vec<f32>> {
    let pool = Pool::new(2).unwrap();
    let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
    encoder.embed(&pool, &texts, encoder.pooling())
}

fn cosine(left: &[f32], right: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let pairs = a.iter().zip(b);
        pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    dot(left, right) / (dot(left, left) * dot(right, right)).sqrt()
}

/// The least cosine of vectors with the reference's, in 32 bits and in 8.
const BOUNDS: [(Option<QuantType>, f64); 2] = [(None, 0.99999), (Some(QuantType::Q8_0), 0.999)];

#[test]
fn tokens_and_vectors_are_those_of_the_reference() {
    for (packing, bound) in BOUNDS {
        compare(&encoder(packing), bound);
    }
}

fn compare(encoder: &Encoder, bound: f64) {
    let goldens = goldens();
    assert!(goldens.len() >= 200, "{}", goldens.len());
    let texts: Vec<_> = goldens
        .iter()
        .map(|golden| tokens(encoder, &golden.text))
        .collect();
    for (golden, tokens) in goldens.iter().zip(&texts) {
        assert_eq!(tokens, &golden.tokens, "{:?}", golden.text);
    }
    for (golden, vector) in goldens.iter().zip(vectors(encoder, &texts)) {
        let cosine = cosine(&vector, &golden.vector);
        assert!(cosine >= bound, "{cosine}: {:?}", golden.text);
    }
}

#[test]
fn a_vector_is_the_same_to_the_bit_alone_and_among_others() {
    for packing in [None, Some(QuantType::Q8_0)] {
        let encoder = encoder(packing);
        let texts: Vec<_> = goldens()
            .iter()
            .map(|golden| golden.tokens.clone())
            .step_by(5)
            .collect();
        let together = vectors(&encoder, &texts);
        let backwards: Vec<_> = texts.iter().rev().cloned().collect();
        let backwards = vectors(&encoder, &backwards);
        for (index, text) in texts.iter().enumerate() {
            let alone = vectors(&encoder, std::slice::from_ref(text));
            let bits = |vector: &[f32]| vector.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&alone[0]), bits(&together[index]), "{index}");
            assert_eq!(bits(&alone[0]), bits(&backwards[texts.len() - 1 - index]));
        }
    }
}

#[test]
fn a_cut_text_keeps_its_ends() {
    let encoder = encoder(None);
    let mut tokens = vec![101, 1, 2, 3, 102];
    encoder.cut(&mut tokens, 5);
    assert_eq!(tokens.len(), 5);
    encoder.cut(&mut tokens, 4);
    assert_eq!(tokens, [101, 1, 2, 102]);
}

/// A folder with the model's small files, of which one is changed.
fn broken(name: &str, change: impl Fn(String) -> String) -> String {
    let copy = tempfile::tempdir().unwrap();
    std::fs::create_dir(copy.path().join("1_Pooling")).unwrap();
    for file in [
        "config.json",
        "tokenizer.json",
        "modules.json",
        "1_Pooling/config.json",
    ] {
        let mut text = std::fs::read_to_string(folder().join(file)).unwrap();
        if file == name {
            text = change(text);
        }
        std::fs::write(copy.path().join(file), text).unwrap();
    }
    let opened = Encoder::open(copy.path(), None, Level::SCALAR);
    opened.map(|_| ()).unwrap_err().to_string()
}

#[test]
fn what_cannot_be_run_is_named() {
    let swap = |from: &'static str, to: &'static str| move |text: String| text.replace(from, to);
    let whole = broken("", |text| text);
    assert!(whole.contains("lacks model.safetensors"), "{whole}");
    for (name, from, to, wanted) in [
        ("config.json", "\"bert\"", "\"xlnet\"", "'xlnet'"),
        ("config.json", "\"gelu\"", "\"relu\"", "'relu'"),
        ("config.json", "absolute", "relative_key", "'relative_key'"),
        ("config.json", ": 384", ": 385", "do not fit"),
        ("modules.json", "models.Normalize", "models.CNN", "'CNN'"),
        (
            "modules.json",
            "1_Pooling",
            "../1_Pooling",
            "'../1_Pooling'",
        ),
        ("1_Pooling/config.json", "true", "false", "another way"),
        (
            "tokenizer.json",
            "{\"id\":\"[SEP]\",\"type_id\":0}",
            "{\"id\":\"[XYZ]\",\"type_id\":0}",
            "[XYZ]",
        ),
    ] {
        let sentence = broken(name, swap(from, to));
        assert!(sentence.contains(wanted), "{name}: {sentence}");
    }
}
