//! Tiny cross-encoders against sentence-transformers, see `scripts/make-tiny-encoders`.

use std::path::PathBuf;

use serde_json::json;

use super::super::Encoder;
use super::*;

/// With the second segment's embedding, a pooler and no activation; with one segment,
/// positions behind those of padding and a score from 0 to 1.
const MODELS: [&str; 2] = ["cross-bert", "cross-roberta"];

fn tiny(name: &str) -> PathBuf {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/embed/tiny"
    );
    Path::new(folder).join(name)
}

fn golden(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(tiny(name).join("golden.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// The scores of pairs of one query each, all texts of a query together.
fn scores(model: &CrossEncoder, query: &str, texts: &[&str]) -> Vec<f32> {
    let pairs = pair_scores(model, query, texts);
    pairs.iter().map(|pair| pair.score).collect()
}

fn pair_scores(model: &CrossEncoder, query: &str, texts: &[&str]) -> Vec<PairScore> {
    let pool = Pool::new(2).unwrap();
    let texts: Vec<_> = texts.iter().map(|text| model.tokens(text)).collect();
    let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
    model.score(&pool, &model.tokens(query), &texts)
}

/// Queries and their lines.
fn by_query(lines: &[Value]) -> Vec<(&str, Vec<&Value>)> {
    let mut groups: Vec<(&str, Vec<&Value>)> = Vec::new();
    for line in lines {
        let query = line["query"].as_str().unwrap();
        match groups.last_mut() {
            Some((known, group)) if *known == query => group.push(line),
            _ => groups.push((query, vec![line])),
        }
    }
    groups
}

fn text(line: &Value) -> &str {
    line["text"].as_str().unwrap()
}

#[test]
fn tokens_and_scores_are_those_of_the_reference() {
    for name in MODELS {
        let golden = golden(name);
        let score = |line: &Value| line["score"].as_f64().unwrap();
        let largest = golden
            .iter()
            .map(|line| score(line).abs())
            .fold(0.0, f64::max);
        for level in [Level::SCALAR, Level::detect().unwrap()] {
            let model = CrossEncoder::open(&tiny(name), level).unwrap();
            for (query, lines) in by_query(&golden) {
                let texts: Vec<&str> = lines.iter().map(|line| text(line)).collect();
                for line in &lines {
                    let tokens = [&model.tokens(text(line))[..]];
                    let (tokens, _) = model.pairs(&model.tokens(query), &tokens).remove(0);
                    assert_eq!(json!(tokens), line["tokens"], "{name}: {line}");
                }
                for (line, found) in lines.iter().zip(scores(&model, query, &texts)) {
                    let differs = (f64::from(found) - score(line)).abs();
                    assert!(differs <= 1e-5 * largest, "{name}: {found}: {line}");
                }
            }
        }
    }
}

/// sentence-transformers' score of cross-bert is the logit itself, of cross-roberta its sigmoid.
#[test]
fn logits_are_those_of_the_reference() {
    for name in MODELS {
        let golden = golden(name);
        let model = CrossEncoder::open(&tiny(name), Level::detect().unwrap()).unwrap();
        for (query, lines) in by_query(&golden) {
            let texts: Vec<&str> = lines.iter().map(|line| text(line)).collect();
            for (line, found) in lines.iter().zip(pair_scores(&model, query, &texts)) {
                let score = line["score"].as_f64().unwrap();
                let wanted = match name {
                    "cross-bert" => score,
                    _ => (score / (1.0 - score)).ln(),
                };
                let differs = (f64::from(found.logit) - wanted).abs();
                assert!(
                    differs <= 2e-5 * wanted.abs().max(1.0),
                    "{name}: {found:?}: {line}"
                );
            }
        }
    }
}

#[test]
fn a_score_is_the_same_to_the_bit_alone_and_among_others() {
    for name in MODELS {
        let golden = golden(name);
        let model = CrossEncoder::open(&tiny(name), Level::detect().unwrap()).unwrap();
        for (query, lines) in by_query(&golden) {
            let texts: Vec<&str> = lines.iter().map(|line| text(line)).collect();
            let together = scores(&model, query, &texts);
            for (text, score) in texts.iter().zip(together) {
                let alone = scores(&model, query, &[text]);
                assert_eq!(alone[0].to_bits(), score.to_bits(), "{name}: {text}");
            }
        }
    }
}

#[test]
fn what_is_too_long_is_cut() {
    let model = CrossEncoder::open(&tiny("cross-bert"), Level::SCALAR).unwrap();
    assert_eq!(
        (model.longest(), model.room(10), model.room(90)),
        (64, 51, 0)
    );
    let (tokens, first) = model.pairs(&[9; 3], &[&[8; 99]]).remove(0);
    assert_eq!((tokens.len(), first), (64, 5));
    let (tokens, first) = model.pairs(&[9; 99], &[&[8; 99]]).remove(0);
    assert_eq!((tokens.len(), first), (64, 63));
    let pool = Pool::new(1).unwrap();
    assert!(model.score(&pool, &[9; 99], &[]).is_empty());
    let odd: [&[u32]; 2] = [&[900_000], &[]];
    assert_eq!(model.score(&pool, &[9; 99], &odd).len(), 2);
}

/// A copy of a tiny model whose `file` is changed; a file that is not there is empty.
fn changed(name: &str, file: &str, change: impl FnOnce(&mut Value)) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        std::fs::copy(tiny(name).join(file), copy.path().join(file)).unwrap();
    }
    let path = copy.path().join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|_| "{}".to_owned());
    let mut value = serde_json::from_str(&text).unwrap();
    change(&mut value);
    std::fs::write(path, value.to_string()).unwrap();
    copy
}

#[test]
fn what_follows_the_head_is_read() {
    let score = |folder: &Path| {
        let model = CrossEncoder::open(folder, Level::SCALAR).unwrap();
        f64::from(scores(&model, "a", &["b"])[0])
    };
    let plain = score(&tiny("cross-bert"));
    let from_0_to_1 = 1.0 / (1.0 + (-plain).exp());
    let older = "sbert_ce_default_activation_function";
    let own = "config_sentence_transformers.json";
    let sigmoid = "torch.nn.modules.activation.Sigmoid";
    for (file, key, value, wanted) in [
        (
            "config.json",
            "sentence_transformers",
            json!(null),
            from_0_to_1,
        ),
        (
            "config.json",
            "sentence_transformers",
            json!({"activation_fn": sigmoid}),
            from_0_to_1,
        ),
        ("config.json", older, json!(sigmoid), plain),
        (own, "activation_fn", json!(sigmoid), from_0_to_1),
        (
            own,
            "activation_fn",
            json!("torch.nn.modules.activation.Tanh"),
            plain.tanh(),
        ),
    ] {
        let copy = changed("cross-bert", file, |json| json[key] = value.clone());
        let found = score(copy.path());
        assert!(
            (found - wanted).abs() < 1e-6,
            "{file}: {key}: {value}: {found}"
        );
    }
    let copy = changed("cross-bert", "config.json", |config| {
        config["sentence_transformers"] = json!({});
        config[older] = json!("torch.nn.modules.linear.Identity");
    });
    assert_eq!(score(copy.path()), plain);
    // What is left out of the tokenizer's list is not told.
    let inputs = |names: Value| {
        let file = "tokenizer_config.json";
        let copy = changed("cross-bert", file, |json| json["model_input_names"] = names);
        score(copy.path())
    };
    assert_eq!(inputs(json!(["input_ids", "token_type_ids"])), plain);
    assert_ne!(inputs(json!(["input_ids", "attention_mask"])), plain);
}

#[test]
fn what_is_no_cross_encoder_is_named() {
    let fails = |file: &str, key: &str, value: Value| {
        let copy = changed("cross-bert", file, |json| json[key] = value);
        let opened = CrossEncoder::open(copy.path(), Level::SCALAR);
        opened.map(|_| ()).unwrap_err().to_string()
    };
    let own = "config_sentence_transformers.json";
    for (file, key, value, wanted) in [
        (
            "config.json",
            "id2label",
            json!({"0": "a", "1": "b", "2": "c"}),
            "has 3 labels",
        ),
        ("config.json", "id2label", json!(null), "has 2 labels"),
        (
            "config.json",
            "model_type",
            json!("deberta-v2"),
            "'deberta-v2'",
        ),
        (
            "config.json",
            "vocab_size",
            json!(200),
            "embeddings for 200 only",
        ),
        (
            "tokenizer.json",
            "post_processor",
            json!({
                "type": "TemplateProcessing",
                "single": [{"Sequence": {"id": "A", "type_id": 0}}],
                "special_tokens": {},
            }),
            "around two texts",
        ),
        (
            "tokenizer.json",
            "post_processor",
            json!({"type": "BertProcessing", "cls": ["[CLS]", 2], "sep": ["[SEP]", 70_000]}),
            "the token 70000 around texts",
        ),
        (own, "activation_fn", json!("x.Swish"), "'x.Swish'"),
        (own, "prompts", json!([]), own),
    ] {
        let sentence = fails(file, key, value);
        assert!(sentence.contains(wanted), "{file}: {key}: {sentence}");
    }
    let copy = changed("cross-bert", own, |json| {
        *json = json!({"prompts": {"a": "b"}, "default_prompt_name": "a"});
    });
    let sentence = CrossEncoder::open(copy.path(), Level::SCALAR).unwrap_err();
    assert!(sentence.to_string().contains("a prompt"), "{sentence}");
    std::fs::remove_file(copy.path().join(own)).unwrap();
    std::fs::copy(
        tiny("bert/model.safetensors"),
        copy.path().join("model.safetensors"),
    )
    .unwrap();
    let sentence = CrossEncoder::open(copy.path(), Level::SCALAR).unwrap_err();
    assert!(
        sentence.to_string().contains("'pooler.dense.weight'"),
        "{sentence}"
    );
}

#[test]
fn an_encoder_and_a_cross_encoder_are_told_apart() {
    for name in MODELS {
        assert!(CrossEncoder::is_in(&tiny(name)).unwrap(), "{name}");
        let refused = Encoder::open(&tiny(name), None, Level::SCALAR).unwrap_err();
        assert!(
            refused.to_string().contains("llm-embed rerank"),
            "{refused}"
        );
    }
    for name in ["bert", "roberta", "modernbert"] {
        assert!(!CrossEncoder::is_in(&tiny(name)).unwrap(), "{name}");
    }
    // What sentence-transformers' files make an encoder of is one.
    let modules = json!([
        {"path": "", "type": "sentence_transformers.models.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]);
    let copy = changed("cross-bert", "modules.json", |json| *json = modules);
    assert!(!CrossEncoder::is_in(copy.path()).unwrap());
}

/// Whatever the numbers of a folder are: a sentence or a score, and no panic.
#[test]
fn no_number_of_a_folder_brings_it_down() {
    let pool = Pool::new(1).unwrap();
    for name in MODELS {
        let text = std::fs::read_to_string(tiny(name).join("config.json")).unwrap();
        let config: Value = serde_json::from_str(&text).unwrap();
        for key in config.as_object().unwrap().keys() {
            for value in [
                "0",
                "1",
                "3",
                "-5",
                "1048576",
                "18446744073709551615",
                "1e300",
                "null",
                "[]",
            ] {
                let value = serde_json::from_str(value).unwrap();
                let copy = changed(name, "config.json", |config| config[key] = value);
                if let Ok(model) = CrossEncoder::open(copy.path(), Level::SCALAR) {
                    let (query, text) = (model.tokens("a person"), model.tokens("is happy"));
                    assert_eq!(model.score(&pool, &query, &[&text, &[]]).len(), 2);
                }
            }
        }
    }
}
