//! `llm-pull show MODEL --tokenize TEXT`: the tokens of a text as it stands, from a model or from a file
//! that holds a vocabulary and nothing else. What the tokens should be is llama.cpp's word (`.out`); the
//! tokenizers themselves are tested in llm-engine.

use std::fs;

use serde_json::{Value, json};

use crate::harness::Sandbox;
use crate::support::gguf::header;
use crate::support::model::{Bench, file};
use crate::support::records::record;

/// Separates the texts of an `.inp` file.
const SEPARATOR: &str = "\n__ggml_vocab_test__\n";

fn vocabulary(name: &str) -> String {
    let path = file(&format!("ggml-vocab/ggml-vocab-{name}.gguf"));
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_vocabulary_alone_is_enough() {
    let sandbox = Sandbox::new();
    for (name, size) in [
        ("llama-bpe", 128_256),
        ("llama-spm", 32_000),
        ("bert-bge", 30_522),
    ] {
        let path = vocabulary(name);
        let texts = fs::read_to_string(format!("{path}.inp")).unwrap();
        let expected = fs::read_to_string(format!("{path}.out")).unwrap();
        let pairs = texts.split(SEPARATOR).zip(expected.lines());
        for (text, line) in pairs.filter(|(text, _)| !text.contains('\0')).step_by(7) {
            let call = sandbox
                .tool("llm-pull")
                .args(["show", &path, "--tokenize", text]);
            let told = record(&call.run().exits(0));
            let expected: Vec<u32> = line
                .split_whitespace()
                .map(|id| id.parse().unwrap())
                .collect();
            assert_eq!(told["tokens"], json!(expected), "{name}: {text:?}");
            assert_eq!(told["type"], "tokens");
            assert_eq!(told["model"]["vocabulary"], size);
            assert_eq!(told["model"]["name"], json!(path));
        }
    }
}

#[test]
fn standard_input_is_taken_as_it_stands() {
    let sandbox = Sandbox::new();
    let path = vocabulary("gpt-2");
    let tokens = |text: &[u8]| {
        let call = sandbox
            .tool("llm-pull")
            .args(["show", &path, "--tokenize", "-"]);
        call.input(text).run()
    };
    // GPT-2's "Hello", " world" and line end.
    assert_eq!(
        record(&tokens(b"Hello world\n").exits(0))["tokens"],
        json!([15496, 995, 198])
    );
    assert_eq!(record(&tokens(b"").exits(0))["tokens"], json!([]));
    let broken = tokens(b"Hello \xff").exits(2).writes("");
    broken.says("standard input is not valid UTF-8 (byte 7)");
}

#[test]
fn markup_in_the_text_is_text_and_nothing_is_added() {
    let bench = Bench::new();
    let line = "llm-pull show smollm2 --tokenize '<|im_start|>user'";
    let told = record(&bench.pipe(line).run().exits(0));
    let ids = told["tokens"].as_array().unwrap();
    // 0 to 16 are the model's markup.
    assert!(
        ids.iter().all(|id| id.as_u64().unwrap() > 16) && ids.len() > 3,
        "{told}"
    );
    assert_eq!(told["model"]["digest"], crate::support::model::DIGEST);
    assert_eq!(told["model"]["tokenizer"], "gpt2/smollm");
    let text = bench
        .pipe("llm-pull show -T smollm2 --tokenize '-5 é\t'")
        .run();
    let lines = text.exits(0).stdout();
    let pieces: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line.split_once('\t').unwrap().1).unwrap())
        .collect();
    assert_eq!(pieces, ["-", "5", " é", "\t"].map(Value::from));
}

#[test]
fn a_tokenizer_that_is_unknown_is_named() {
    let sandbox = Sandbox::new();
    let pairs = [
        ("general.architecture", "llama"),
        ("tokenizer.ggml.model", "dna"),
    ];
    sandbox.file("dna.gguf", header(0, &pairs));
    sandbox.file("none.gguf", header(0, &pairs[..1]));
    for (name, part) in [
        ("dna.gguf", "'dna' is not supported (known: gpt2, llama"),
        ("none.gguf", "tokenizer.ggml.model"),
    ] {
        let call = sandbox
            .tool("llm-pull")
            .args(["show", name, "--tokenize", "x"]);
        call.run().exits(2).writes("").says(part);
    }
}
