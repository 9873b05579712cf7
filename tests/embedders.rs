//! `llm-embed` with every kind of model that it takes. What their vectors must be is tested in
//! llm-engine; here it is that the program finds, opens and describes them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::Sandbox;
use crate::support::model::file;
use crate::support::records::{record, records};

/// The tiny models of scripts/make-tiny-encoders, with what their files say of pooling.
const MODELS: [(&str, &str); 17] = [
    ("bert", "weightedmean"),
    ("bert-cls", "cls"),
    ("roberta", "mean_sqrt_len"),
    ("xlm-roberta", "cls"),
    ("mpnet", "mean"),
    ("nomic-bert", "mean"),
    ("modernbert", "cls"),
    ("jina-bert", "mean"),
    ("qwen3", "last"),
    ("embedding-gemma", "mean"),
    ("gguf/bert-cls.gguf", "cls"),
    ("gguf/xlm-roberta.gguf", "cls"),
    ("gguf/nomic-bert.gguf", "mean"),
    ("gguf/modernbert.gguf", "cls"),
    ("gguf/jina-bert.gguf", "mean"),
    ("gguf/qwen3.gguf", "last"),
    ("gguf/embedding-gemma.gguf", "mean"),
];

pub(crate) fn tiny(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/embed/tiny");
    folder.join(name)
}

fn numbers(record: &Value, name: &str) -> Vec<f64> {
    let numbers = record[name].as_array().unwrap().iter();
    numbers.map(|x| x.as_f64().unwrap()).collect()
}

fn cosine(one: &[f64], other: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(one, other) / (dot(one, one) * dot(other, other)).sqrt()
}

#[test]
fn every_kind_is_found_opened_and_described() {
    let sandbox = Sandbox::new();
    for (name, pooling) in MODELS {
        let stem = Path::new(name).file_stem().unwrap().to_str().unwrap();
        let golden = std::fs::read_to_string(tiny(stem).join("golden.jsonl")).unwrap();
        let golden: Value = serde_json::from_str(golden.lines().nth(2).unwrap()).unwrap();
        let tool = sandbox.tool("llm-embed").arg("-m").arg(tiny(name));
        // One of them has a prompt that is used where nobody asks for another.
        let tool = tool.args(["--prompt", ""]);
        let found = record(&tool.input(golden["text"].as_str().unwrap()).run().exits(0));
        assert_eq!(found["pooling"], pooling, "{name}");
        // The tokenizer of that file is another one, see llm-engine.
        if name != "gguf/embedding-gemma.gguf" {
            let cosine = cosine(&numbers(&found, "embedding"), &numbers(&golden, "vector"));
            assert!(cosine > 0.999_999, "{name}: {cosine}");
            let tokens = golden["tokens"].as_array().unwrap().len();
            assert_eq!(found["usage"]["prompt_tokens"], tokens, "{name}");
        }
    }
}

#[test]
fn a_folder_that_does_not_say_how_it_pools_is_warned_of() {
    let sandbox = Sandbox::new();
    for name in ["mine", "bge-small-en"] {
        let folder = sandbox.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        for file in ["config.json", "tokenizer.json", "model.safetensors"] {
            std::fs::copy(tiny("bert-cls").join(file), folder.join(file)).unwrap();
        }
    }
    let run = |model: &str, more: &[&str]| {
        let tool = sandbox.tool("llm-embed").args(["-m", model]).args(more);
        tool.input("a text\n").run().exits(0)
    };
    let mean = run("./mine", &[]).says("assumed to be 'mean', not normalized");
    assert_eq!(record(&mean)["pooling"], "mean");
    run("./mine", &["--pooling", "cls"]).says_only_the_sums();
    let cls = run("./bge-small-en", &[]).says("its name says 'bge-small-'");
    let cls = record(&cls);
    assert_eq!(
        (&cls["pooling"], &cls["normalized"]),
        (&json!("cls"), &json!(true))
    );
}

#[test]
fn splade_gives_the_weights_of_tokens() {
    let sandbox = Sandbox::new();
    let tool = |name: &str| sandbox.tool("llm-embed").arg("-m").arg(tiny(name));
    for name in ["splade-bert", "splade-roberta", "splade-modernbert"] {
        let golden = std::fs::read_to_string(tiny(name).join("golden.jsonl")).unwrap();
        let golden: Value = serde_json::from_str(golden.lines().nth(1).unwrap()).unwrap();
        let found = record(
            &tool(name)
                .input(golden["text"].as_str().unwrap())
                .run()
                .exits(0),
        );
        assert_eq!(
            (&found["pooling"], &found["encoding"], &found["normalized"]),
            (&json!("splade"), &json!("sparse"), &json!(false))
        );
        let all = numbers(&golden, "vector");
        assert_eq!(found["dim"], all.len(), "{name}");
        let sparse = &found["embedding"];
        let indices = sparse["indices"].as_array().unwrap().iter();
        let indices: Vec<usize> = indices.map(|it| it.as_u64().unwrap() as usize).collect();
        let weights = (0..all.len()).filter(|index| all[*index] != 0.0);
        assert_eq!(indices, weights.collect::<Vec<_>>(), "{name}");
        for (index, value) in indices.iter().zip(numbers(sparse, "values")) {
            assert!((value - all[*index]).abs() < 1e-4, "{name}: {index}");
        }
    }
    let splade = || tool("splade-bert").input("a\n");
    let dense = splade().args(["--encoding", "f16"]).run().exits(2);
    dense.says("leave --encoding and --dimensions out");
    let matrix = splade().args(["--format", "npy", "-o", "v.npy"]).run();
    matrix.exits(2).says("leave --format out");
    let headless = tool("bert-cls").args(["--pooling", "splade"]);
    let headless = headless.input("a\n").run().exits(2);
    headless.says("has no head that guesses words");
    splade().args(["-o", "vectors.jsonl"]).run().exits(0);
    let search = sandbox
        .tool("llm-embed")
        .args(["search", "vectors.jsonl", "a"]);
    search.run().exits(2).says("holds a sparse vector");
    let line = r#"{"custom_id": "1", "method": "POST", "url": "/v1/embeddings", "body": {"model": "m", "input": "a", "encoding_format": "float"}}"#;
    let batch = tool("splade-bert")
        .arg("--jsonl")
        .input(line)
        .run()
        .exits(1);
    assert!(batch.stdout().contains("no place for sparse vectors"));
}

/// Of `scripts/lib/real_goldens.py`: what Model2Vec and sentence-transformers make with
/// published weights.
fn real(name: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/embed/real");
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

fn vectors_of_real(sandbox: &Sandbox, model: &str, goldens: &[Value], more: &[&str]) -> Vec<Value> {
    let texts = goldens
        .iter()
        .map(|golden| golden["text"].as_str().unwrap());
    let call = sandbox.tool("llm-embed").arg("-m");
    let call = call.arg(file(&format!("real/{model}"))).args(more);
    let input = texts.collect::<Vec<_>>().join("\n");
    let records = records(&call.input(input).run().exits(0));
    assert_eq!(records.len(), goldens.len());
    records
}

#[test]
fn a_published_table_gives_model2vec_s_vectors() {
    let (sandbox, goldens) = (Sandbox::new(), real("tokenlearn.jsonl"));
    let records = vectors_of_real(&sandbox, "tokenlearn", &goldens, &[]);
    for (golden, record) in goldens.iter().zip(&records) {
        let (ours, theirs) = (numbers(record, "embedding"), numbers(golden, "vector"));
        let differ = ours.iter().zip(&theirs).map(|(x, y)| (x - y).abs());
        let most = differ.fold(0.0, f64::max);
        assert!(
            ours.len() == theirs.len() && most < 1e-6,
            "{}: {most}",
            golden["text"]
        );
    }
}

#[test]
fn a_published_splade_gives_sentence_transformers_weights() {
    let (sandbox, goldens) = (Sandbox::new(), real("splade-tiny.jsonl"));
    let asked = ["--pooling", "splade"];
    let records = vectors_of_real(&sandbox, "splade-tiny", &goldens, &asked);
    for (golden, record) in goldens.iter().zip(&records) {
        let sparse = &record["embedding"];
        assert_eq!(sparse["indices"], golden["indices"], "{}", golden["text"]);
        let pairs = numbers(sparse, "values")
            .into_iter()
            .zip(numbers(golden, "values"));
        let most = pairs.fold(0.0, |most: f64, (x, y)| most.max((x - y).abs()));
        assert!(most < 1e-5, "{}: {most}", golden["text"]);
    }
}

#[test]
fn a_file_puts_texts_in_order_too() {
    let sandbox = Sandbox::new();
    for name in ["gguf/bert-cls.gguf", "gguf/qwen3.gguf"] {
        let tool = sandbox
            .tool("llm-embed")
            .args(["rerank", "-m"])
            .arg(tiny(name))
            .arg("a happy person");
        let hits = tool
            .input("the sea\na happy person\n")
            .run()
            .exits(0)
            .records();
        assert_eq!(hits[0]["text"], "a happy person", "{name}");
        assert!(hits[0]["score"].as_f64().unwrap() > 0.999, "{name}");
        assert_eq!(hits.len(), 2);
    }
}

#[test]
fn a_folder_for_vectors_is_shown_with_what_keeps_it_from_text() {
    let sandbox = Sandbox::new();
    let show = sandbox.tool("llm-pull").arg("show").arg(tiny("bert"));
    let shown = record(&show.run().exits(0));
    assert_eq!(shown["runnable"], false);
    let obstacle = shown["obstacle"].as_str().unwrap();
    assert!(
        obstacle.contains("llm-embed makes vectors with it"),
        "{obstacle}"
    );
}

#[test]
fn a_decoder_embeds_where_pooling_is_said() {
    let sandbox = Sandbox::new();
    let tool = sandbox
        .tool("llm-embed")
        .arg("-m")
        .arg(file("smollm2-135m-instruct-q4_1.gguf"));
    let found = record(
        &tool
            .args(["--pooling", "last"])
            .input("hello")
            .run()
            .exits(0),
    );
    assert_eq!(
        (&found["dim"], &found["pooling"]),
        (&Value::from(576), &Value::from("last"))
    );
    assert_eq!(found["normalized"], true);
}

#[test]
fn a_model_for_vectors_makes_no_text() {
    let sandbox = Sandbox::new();
    for name in ["embedding-gemma", "gguf/embedding-gemma.gguf"] {
        let tool = sandbox.tool("llm-run").arg("-m").arg(tiny(name));
        let ran = tool.args(["-p", "hello"]).run().exits(2).writes("");
        assert!(
            ran.stderr().contains("llm-embed runs it"),
            "{}",
            ran.stderr()
        );
    }
}
