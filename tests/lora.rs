//! LoRA adapters in the real program, on the tiny models that llm-engine is tested with. That
//! their numbers are right is tested there.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::Sandbox;
use crate::support::hub::sha256;
use crate::support::records::{record, records};

fn tests() -> String {
    format!("{}/crates/llm-engine/tests", env!("CARGO_MANIFEST_DIR"))
}

/// The start of a call with the adapters `lora`.
fn call(lora: &str) -> String {
    let model = format!("{}/published/llama-3/llama-3.gguf", tests());
    format!("llm-run -m {model} --no-template -n 6 -t 1 {lora}")
}

fn adapter(name: &str) -> String {
    format!("{}/adapters/{name}", tests())
}

#[test]
fn a_record_names_its_adapters_and_its_digest_depends_on_them() {
    let sandbox = Sandbox::new();
    let ask = |lora: &str| {
        record(
            &sandbox
                .pipe(&format!("{} -p abcdef", call(lora)))
                .run()
                .exits(0),
        )
    };
    let file = adapter("llama.gguf");
    let own = ask("");
    let added = ask(&format!("--lora {file}"));
    let half = ask(&format!("--lora sql={file}:0.5"));
    let none = ask(&format!("--lora {file}:0"));
    assert_eq!(own["model"]["lora"], Value::Null);
    let digest = sha256(std::fs::read(&file).unwrap());
    let expected = json!([{"name": "llama", "digest": digest, "scale": 1.0}]);
    assert_eq!(added["model"]["lora"], expected);
    assert_eq!(half["model"]["lora"][0]["name"], "sql");
    let digests = [&own, &added, &half].map(|answer| answer["request_digest"].clone());
    assert!(
        digests[0] != digests[1] && digests[1] != digests[2],
        "{digests:?}"
    );
    assert!(
        own["text"] != added["text"] && added["text"] != half["text"],
        "{own} {added} {half}"
    );
    assert_eq!(
        (&none["text"], &none["request_digest"]),
        (&own["text"], &own["request_digest"])
    );
    // A folder of PEFT is the same adapter.
    let folder = ask(&format!("--lora {}", adapter("llama")));
    assert_eq!(folder["text"], added["text"]);
}

#[test]
fn lines_choose_among_the_adapters_and_are_what_each_is_alone() {
    let sandbox = Sandbox::new();
    let rows = [
        json!({"id": "all", "prompt": "abcdef"}),
        json!({"id": "none", "prompt": "abcdef", "lora": []}),
        json!({"id": "one", "prompt": "abcdef", "lora": "b"}),
        json!({"id": "as-llama-server", "prompt": "abcdef", "lora": [{"id": 0, "scale": 0.5}]}),
        json!({"id": "other", "prompt": "abcdef", "lora": "c"}),
    ];
    let rows = rows.map(|row| format!("{row}\n")).concat();
    sandbox.file("rows.jsonl", rows);
    let (a, b) = (adapter("llama.gguf"), adapter("llama-embedding.gguf"));
    let two = format!("--lora a={a} --lora b={b}:1.5");
    let run = format!("{} --jsonl --parallel 5 < rows.jsonl", call(&two));
    let answers = records(&sandbox.pipe(&run).run().exits(1));
    let of = |id: &str| answers.iter().find(|answer| answer["id"] == id).unwrap();
    let message = of("other")["error"]["message"].to_string();
    assert!(
        message.contains("'c'") && message.contains("'a', 'b'"),
        "{message}"
    );
    for (id, lora) in [
        ("all", two.clone()),
        ("none", String::new()),
        ("one", format!("--lora b={b}:1.5")),
        ("as-llama-server", format!("--lora a={a}:0.5")),
    ] {
        let alone = record(
            &sandbox
                .pipe(&format!("{} -p abcdef", call(&lora)))
                .run()
                .exits(0),
        );
        assert_eq!(of(id)["text"], alone["text"], "{id}");
        assert_eq!(of(id)["request_digest"], alone["request_digest"], "{id}");
        assert_eq!(of(id)["model"]["lora"], alone["model"]["lora"], "{id}");
    }
}

#[test]
fn a_run_is_not_resumed_with_another_scale_and_a_replay_says_so() {
    let sandbox = Sandbox::new();
    sandbox.file(
        "rows.jsonl",
        "{\"prompt\": \"abc\"}\n{\"prompt\": \"def\"}\n",
    );
    let run = |scale: &str| {
        let call = call(&format!("--lora {}:{scale}", adapter("llama.gguf")));
        let line = format!("{call} --jsonl --record-request -o out.jsonl < rows.jsonl");
        sandbox.pipe(&line).run()
    };
    let count = || {
        std::fs::read_to_string(sandbox.path().join("out.jsonl"))
            .unwrap()
            .lines()
            .count()
    };
    run("1").exits(0);
    run("1").exits(0);
    assert_eq!(count(), 2);
    run("0.5").exits(0);
    assert_eq!(count(), 4);
    let model = format!("{}/published/llama-3/llama-3.gguf", tests());
    let file = adapter("llama.gguf");
    let replay = format!("llm-run -m {model} -t 1 --lora {file}:0.5 --replay out.jsonl");
    let again = records(&sandbox.pipe(&replay).run().exits(0));
    assert!(
        again.iter().all(|answer| answer["same"] == true),
        "{again:?}"
    );
}

#[test]
fn an_adapter_is_shown_and_is_no_model() {
    let sandbox = Sandbox::new();
    for (path, format) in [("llama.gguf", "gguf"), ("llama", "peft")] {
        let show = format!("llm-pull show {}", adapter(path));
        let shown = record(&sandbox.pipe(&show).run().exits(0));
        assert_eq!(shown["lora"]["format"], format);
        assert_eq!(
            (&shown["lora"]["rank"], &shown["lora"]["alpha"]),
            (&json!(4), &json!(6.0))
        );
        assert_eq!(shown["runnable"], false);
        assert!(Path::new(shown["path"].as_str().unwrap()).exists());
    }
    let run = format!("llm-run -m {} -p Hi", adapter("llama.gguf"));
    sandbox.pipe(&run).run().exits(2).says("--lora");
}

#[test]
fn an_adapter_of_another_model_is_refused() {
    let sandbox = Sandbox::new();
    for (name, sentence) in [
        ("qwen2.gguf", "'qwen2'"),
        ("gemma", "do not fit"),
        ("mixtral", "does not have"),
        ("nothing.gguf", "nothing.gguf"),
    ] {
        let run = format!("{} -p abc", call(&format!("--lora {}", adapter(name))));
        sandbox.pipe(&run).run().exits(2).says(sentence);
    }
}
