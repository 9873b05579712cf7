//! `llm-embed` in real pipes. That its tokens and vectors are right is tested in llm-engine.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::{Ran, Sandbox, Tool};
use crate::support::model::file;
use crate::support::records::{record, records};

/// SHA-256 of the weights, as scripts/test-models.sha256 has it.
const MANIFEST: &str = include_str!("../scripts/test-models.sha256");

/// Returns a call of `llm-embed` with the test model.
pub fn tool(sandbox: &Sandbox) -> Tool {
    let tool = sandbox.tool("llm-embed");
    tool.arg("-m").arg(file("all-minilm-l6-v2"))
}

/// Returns the numbers of a record.
pub fn vector(record: &Value) -> Vec<f32> {
    let numbers = record["embedding"].as_array().unwrap();
    numbers.iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

/// Returns how long a vector is.
pub fn length(vector: &[f32]) -> f32 {
    vector.iter().map(|x| x * x).sum::<f32>().sqrt()
}

#[test]
fn a_line_is_a_record_that_says_how_it_came_about() {
    let sandbox = Sandbox::new();
    let ran = tool(&sandbox).input("A happy person\n\nhello\n").run();
    let records = records(&ran.exits(0));
    assert_eq!(records.len(), 2);
    let first = &records[0];
    assert_eq!(first["type"], "embedding");
    assert_eq!(
        (&first["line"], &records[1]["line"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(first["dim"], 384);
    assert_eq!(vector(first).len(), 384);
    assert!((length(&vector(first)) - 1.0).abs() < 1e-5);
    // [CLS] a happy person [SEP]
    assert_eq!(first["usage"]["prompt_tokens"], 5);
    assert_eq!(first["pooling"], "mean");
    assert_eq!(first["normalized"], true);
    assert_eq!(first["truncated"], false);
    let name = "all-minilm-l6-v2/model.safetensors";
    let wanted = MANIFEST.lines().find_map(|line| line.strip_suffix(name));
    assert_eq!(first["model"]["digest"], wanted.unwrap().trim_end());
}

#[test]
fn a_vector_does_not_depend_on_other_lines() {
    let sandbox = Sandbox::new();
    let lines: Vec<String> = (1..40)
        .map(|n| "some words ".repeat(n * 7 % 30 + 1))
        .collect();
    let together = records(&tool(&sandbox).input(lines.join("\n")).run().exits(0));
    for (at, line) in lines.iter().enumerate().step_by(6) {
        let alone = record(
            &tool(&sandbox)
                .args(["-t", "1"])
                .input(line.as_str())
                .run()
                .exits(0),
        );
        assert_eq!(alone["embedding"], together[at]["embedding"], "{line}");
    }
}

#[test]
fn a_line_that_fails_has_its_error_in_its_place() {
    let sandbox = Sandbox::new();
    let long = "word ".repeat(400);
    let input = format!(
        "{{\"id\":\"a\",\"text\":\"hello\",\"t\":3}}\n{{\"id\":\"b\",\"text\":\"{long}\"}}\n{{bad\n{}\n",
        r#"{"id":"d","messages":[{"role":"system","content":"x"},{"role":"user","content":"y"}]}"#
    );
    let flags = ["--jsonl", "--keep", "t"];
    let ran = tool(&sandbox).args(flags).input(input.clone()).run();
    let records = records(&ran.exits(1));
    assert_eq!(
        (&records[0]["id"], &records[0]["input"]["t"]),
        (&json!("a"), &json!(3))
    );
    let codes: Vec<_> = records.iter().map(|it| &it["error"]["code"]).collect();
    let wanted = [
        json!(null),
        json!("context_exceeded"),
        json!("bad_json"),
        json!("bad_request"),
    ];
    assert_eq!(codes, wanted.iter().collect::<Vec<_>>());
    assert_eq!(records[1]["id"], "b");
    let first = input.lines().nth(1).unwrap();
    let cut = ["--jsonl", "--on-overflow", "truncate"];
    let cut = record(&tool(&sandbox).args(cut).input(first).run().exits(0));
    assert_eq!(cut["truncated"], true);
    assert_eq!(cut["usage"]["prompt_tokens"], 256);
}

#[test]
fn dimensions_are_cut_and_made_one_long() {
    let sandbox = Sandbox::new();
    let whole = vector(&record(&tool(&sandbox).input("hello").run().exits(0)));
    let cut = tool(&sandbox)
        .args(["--dimensions", "8"])
        .input("hello")
        .run();
    let cut = vector(&record(&cut.exits(0)));
    assert_eq!(cut.len(), 8);
    assert!((length(&cut) - 1.0).abs() < 1e-6);
    let scale = length(&whole[..8]);
    for (cut, whole) in cut.iter().zip(&whole) {
        assert!((cut * scale - whole).abs() < 1e-6);
    }
    let flags = ["--dimensions", "2", "--encoding", "base64"];
    let text = record(&tool(&sandbox).args(flags).input("hello").run().exits(0));
    // Eight bytes are twelve digits, the last of them filled up.
    let text = text["embedding"].as_str().unwrap().to_owned();
    assert!(text.len() == 12 && text.ends_with('='), "{text}");
}

#[test]
fn a_run_goes_on_where_it_ended() {
    let sandbox = Sandbox::new();
    let run = |input: &str| {
        let ran = tool(&sandbox).args(["-o", "out.jsonl"]).input(input).run();
        ran.exits(0);
        std::fs::read_to_string(sandbox.path().join("out.jsonl")).unwrap()
    };
    let first = run("one\ntwo\n");
    let second = run("one\ntwo\nthree\n");
    assert_eq!(first.lines().count(), 2);
    assert_eq!(second.lines().count(), 3);
    assert!(second.starts_with(&first));
}

#[test]
fn vectors_of_two_kinds_do_not_come_into_one_file() {
    let sandbox = Sandbox::new();
    let run = |more: &[&str]| {
        let tool = tool(&sandbox).args(["-o", "out.jsonl"]).args(more);
        tool.input("one\ntwo\n").run()
    };
    run(&[]).exits(0);
    let read = || std::fs::read(sandbox.path().join("out.jsonl")).unwrap();
    let old = read();
    refused(run(&["--pooling", "cls"]), "another pooling");
    refused(run(&["--dimensions", "8"]), "another number of dimensions");
    refused(run(&["--quantize", "q8_0"]), "another quantization");
    let text = String::from_utf8(old.clone()).unwrap();
    let digest = record_digest(&text);
    sandbox.file("out.jsonl", text.replace(&digest, &"0".repeat(64)));
    refused(run(&[]), "another model");
    sandbox.file("out.jsonl", &old);
    run(&[]).exits(0);
    assert_eq!(read(), old);
}

/// The digest of the model in the first record.
fn record_digest(text: &str) -> String {
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    first["model"]["digest"].as_str().unwrap().to_owned()
}

/// The vectors of an independent implementation, empty texts among them.
#[test]
fn lines_of_json_have_the_vectors_of_the_goldens() {
    let sandbox = Sandbox::new();
    let goldens = include_str!("fixtures/embed/minilm.jsonl").lines();
    let goldens: Vec<Value> = goldens
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let lines = goldens
        .iter()
        .map(|golden| json!({"text": golden["text"]}).to_string() + "\n");
    let flags = ["--jsonl", "--on-overflow", "truncate"];
    let ran = tool(&sandbox)
        .args(flags)
        .input(lines.collect::<String>())
        .run();
    let records = records(&ran.exits(0));
    assert_eq!((records.len(), goldens.len()), (207, 207));
    for (record, golden) in records.iter().zip(&goldens) {
        let wanted: Vec<f32> = serde_json::from_value(golden["vector"].clone()).unwrap();
        let own = vector(record);
        let dot: f32 = own.iter().zip(&wanted).map(|(x, y)| x * y).sum();
        let cosine = dot / (length(&own) * length(&wanted));
        assert!(cosine >= 0.99999, "{}: {cosine}", golden["text"]);
    }
    let blank = tool(&sandbox)
        .arg("--jsonl")
        .input("{\"text\":\" \"}\n")
        .run()
        .exits(0);
    assert_eq!(vector(&record(&blank)), vector(&records[0]));
    // Without tokens around a text there is nothing to make a vector of.
    let decoder = sandbox
        .tool("llm-embed")
        .arg("-m")
        .arg(file("smollm2-135m-instruct-q4_1.gguf"))
        .args(["--pooling", "mean", "--jsonl"]);
    let ran = decoder.input("{\"text\":\"\"}\n").run().exits(1);
    assert_eq!(record(&ran)["error"]["code"], "empty_input");
}

/// Expects that a run does not start, and one sentence that says why.
#[track_caller]
pub fn refused(ran: Ran, part: &str) {
    let ran = ran.exits(2).writes("");
    if ran.stderr().lines().count() != 1 || !ran.stderr().contains(part) {
        ran.fail(&format!("expected one sentence with {part:?}"));
    }
}

/// How near the vectors are to the model's own is tested in llm-engine.
#[test]
fn eight_bits_are_named_and_are_another_request() {
    let sandbox = Sandbox::new();
    let whole = record(&tool(&sandbox).input("A happy person\n").run().exits(0));
    let call = tool(&sandbox).args(["--quantize", "q8_0"]);
    let small = record(&call.input("A happy person\n").run().exits(0));
    assert_eq!(small["model"]["quantization"], "q8_0");
    assert_eq!(whole["model"]["quantization"], Value::Null);
    assert_eq!(small["model"]["digest"], whole["model"]["digest"]);
    assert_ne!(small["request_digest"], whole["request_digest"]);
    let (small, whole) = (vector(&small), vector(&whole));
    let cosine: f32 = small.iter().zip(&whole).map(|(x, y)| x * y).sum();
    assert!((0.999..1.0).contains(&cosine), "{cosine}");
    let decoder = sandbox
        .tool("llm-embed")
        .arg("-m")
        .arg(file("smollm2-135m-instruct-q4_1.gguf"));
    decoder
        .args(["--pooling", "mean", "--quantize", "q8_0"])
        .input("a\n")
        .run()
        .exits(2)
        .says("is a GGUF file, which is run as it is; --quantize is for folders");
}

#[test]
fn what_cannot_be_done_is_said_in_a_sentence() {
    let sandbox = Sandbox::new();
    let run = |flags: &[&str]| tool(&sandbox).args(flags).input("hello").run();
    refused(run(&["--query"]), "--prompt");
    refused(run(&["--dimensions", "1000"]), "have 384 numbers");
    let help = sandbox
        .tool("llm-embed")
        .arg("--help")
        .run()
        .exits(0)
        .stdout();
    assert!(help.starts_with("Turns texts into vectors"), "{help}");
    let other = sandbox
        .tool("llm-embed")
        .arg("-m")
        .arg(file("smollm2-135m-instruct-q4_1.gguf"));
    refused(other.input("hello").run(), "--pooling mean, last or cls");
}

/// Puts the test model into a store, as a pull of its short name would.
fn store_with_minilm(sandbox: &Sandbox) -> PathBuf {
    let store = sandbox.path().join("store");
    let repo = store.join("hub/models--sentence-transformers--all-MiniLM-L6-v2");
    let snapshot = repo.join("snapshots/1110a243fdf4706b3f48f1d95db1a4f5529b4d41");
    let model = file("all-minilm-l6-v2");
    for folder in [model.clone(), model.join("1_Pooling")] {
        let below = folder.strip_prefix(&model).unwrap();
        std::fs::create_dir_all(snapshot.join(below)).unwrap();
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&model).unwrap();
            if path.is_file() {
                std::os::unix::fs::symlink(&path, snapshot.join(name)).unwrap();
            }
        }
    }
    store
}

#[test]
fn a_short_name_is_a_folder_of_the_store() {
    let sandbox = Sandbox::new();
    let tool = |store: &Path| {
        let tool = sandbox.tool("llm-embed").env("HF_HOME", store);
        tool.args(["-m", "minilm"]).input("one\n").run()
    };
    let none = tool(&sandbox.path().join("none"));
    refused(none, "llm-pull minilm fetches it, 91 MB");
    let short = record(&tool(&store_with_minilm(&sandbox)).exits(0));
    let long = record(&self::tool(&sandbox).input("one\n").run().exits(0));
    assert_eq!(short["model"]["name"], "minilm");
    assert_eq!(short["model"]["digest"], long["model"]["digest"]);
    assert_eq!(short["embedding"], long["embedding"]);
}

#[test]
fn the_models_own_prompts_are_used() {
    let sandbox = Sandbox::new();
    let own = sandbox.path().join("own");
    copy(&file("all-minilm-l6-v2"), &own);
    let prompts = json!({"prompts": {"query": "query: "}});
    let name = "own/config_sentence_transformers.json";
    sandbox.file(name, prompts.to_string());
    let run = |flags: &[&str], input: &str| {
        let tool = sandbox.tool("llm-embed").arg("-m").arg(&own);
        record(&tool.args(flags).input(input).run().exits(0))
    };
    let query = run(&["--query"], "hello");
    assert_eq!(query["prompt"], "query: ");
    let same = run(&["--prompt", "query: "], "hello");
    assert_eq!(query["embedding"], same["embedding"]);
    assert_eq!(query["embedding"], run(&[], "query: hello")["embedding"]);
    let document = run(&["--document"], "hello");
    assert!(document.get("prompt").is_none());
    assert_eq!(document["embedding"], run(&[], "hello")["embedding"]);
}

/// Copies a folder.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
