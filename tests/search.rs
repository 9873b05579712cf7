//! `llm-embed search`, `similar` and `rerank`: what is found equals what can be computed from the records,
//! whatever form the vectors have, and what is damaged is said.

use std::path::Path;

use serde_json::{Value, json};

use crate::embed::{copy, refused, tool, vector};
use crate::embedders::tiny;
use crate::harness::{Ran, Sandbox};
use crate::support::model::file;
use crate::support::records::{records, timeless};

const TEXTS: [&str; 6] = [
    "The shop opens at nine in the morning.",
    "Cats sleep most of the day.",
    "A dog barks at night.",
    "Kittens nap in the sun.",
    "The store is closed on Sundays.",
    "Iron melts at a high temperature.",
];

const QUERY: &str = "When can I go shopping?";

/// A sandbox with the texts, and their vectors in `name`, made with the flags.
fn made(name: &str, flags: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.file("texts", TEXTS.join("\n"));
    make(&sandbox, name, flags);
    sandbox
}

fn make(sandbox: &Sandbox, name: &str, flags: &[&str]) {
    let tool = tool(sandbox).args(["--keep-text", "-f", "texts", "-o", name]);
    tool.args(flags).run().exits(0);
}

fn command(sandbox: &Sandbox, arguments: &[&str], input: &str) -> Ran {
    let tool = sandbox.tool("llm-embed").args(arguments);
    tool.input(input).run()
}

/// Returns what a run gives at any time.
fn same(ran: &Ran) -> Vec<Value> {
    ran.records().into_iter().map(timeless).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let products = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b));
        products.sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The vectors of the texts and that of the query.
fn vectors(sandbox: &Sandbox) -> (Vec<Vec<f32>>, Vec<f32>) {
    let embed = |input: &str| -> Vec<Vec<f32>> {
        let records = records(&tool(sandbox).input(input).run().exits(0));
        records.iter().map(vector).collect()
    };
    (embed(&TEXTS.join("\n")), embed(QUERY).remove(0))
}

/// The lines of the texts, the nearest to the query first, with their cosines.
fn wanted(sandbox: &Sandbox) -> Vec<(u64, f64)> {
    let (texts, query) = vectors(sandbox);
    let mut all: Vec<(u64, f64)> = (1..)
        .zip(texts.iter().map(|text| cosine(text, &query)))
        .collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all
}

fn found(hits: &[Value]) -> Vec<u64> {
    hits.iter()
        .map(|hit| hit["line"].as_u64().unwrap())
        .collect()
}

#[test]
fn what_is_nearest_is_found_in_every_form() {
    let sandbox = made("float.jsonl", &[]);
    let wanted = wanted(&sandbox);
    for (name, flags, bound) in [
        ("float.jsonl", &[][..], 1e-5),
        ("base64.jsonl", &["--encoding", "base64"], 1e-5),
        ("f16.jsonl", &["--encoding", "f16"], 1e-3),
        ("int8.jsonl", &["--encoding", "int8"], 1e-2),
        ("float.npy", &["--format", "npy"], 1e-5),
        ("f16.npy", &["--format", "npy", "--encoding", "f16"], 1e-3),
        ("int8.npy", &["--format", "npy", "--encoding", "int8"], 1e-2),
        ("float.safetensors", &["--format", "safetensors"], 1e-5),
    ] {
        if name != "float.jsonl" {
            make(&sandbox, name, flags);
        }
        let ran = command(&sandbox, &["search", name, QUERY], "not read").exits(0);
        let hits = records(&ran.says_nothing());
        assert_eq!(hits.len(), TEXTS.len(), "{name}");
        let scores: Vec<f64> = hits
            .iter()
            .map(|hit| hit["score"].as_f64().unwrap())
            .collect();
        assert!(scores.is_sorted_by(|a, b| a >= b), "{name}: {scores:?}");
        for (rank, (hit, score)) in hits.iter().zip(scores).enumerate() {
            let line = hit["line"].as_u64().unwrap();
            let (_, cosine) = wanted.iter().find(|(known, _)| *known == line).unwrap();
            assert!((cosine - score).abs() < bound, "{name}: {hit}");
            assert_eq!(hit["rank"], rank + 1);
            assert_eq!(hit["text"], TEXTS[usize::try_from(line).unwrap() - 1]);
            assert_eq!(hit["query"], QUERY);
        }
        assert_eq!(hits[0]["line"], wanted[0].0, "{name}");
    }
    // Signs alone are coarse, and still tell cats from shops.
    for (name, flags) in [
        ("bits.jsonl", &["--encoding", "binary"][..]),
        ("bits.npy", &["--encoding", "binary", "--format", "npy"]),
    ] {
        make(&sandbox, name, flags);
        let hits = records(&command(&sandbox, &["search", name, QUERY, "-k", "2"], "").exits(0));
        let mut lines = found(&hits);
        lines.sort_unstable();
        assert_eq!(lines, [1, 5], "{name}");
    }
}

#[test]
fn queries_come_as_lines_and_hits_are_texts_of_the_next_stage() {
    let sandbox = made("v.jsonl", &[]);
    let run = |arguments: &[&str], input: &str| {
        let all = [&["search", "v.jsonl", "-k", "1"], arguments].concat();
        command(&sandbox, &all, input)
    };
    let lines = format!("{}\n\n{}\n", TEXTS[1], TEXTS[5]);
    let hits = records(&run(&[], &lines).exits(0));
    assert_eq!(found(&hits), [2, 6]);
    assert!((hits[0]["score"].as_f64().unwrap() - 1.0).abs() < 1e-5);
    let input = json!({"id": "q", "text": TEXTS[2]}).to_string() + "\n{bad\n{\"id\":1}\n";
    let hits = records(&run(&["--jsonl"], &input).exits(1));
    assert_eq!(
        (&hits[0]["query_id"], &hits[0]["line"]),
        (&json!("q"), &json!(3))
    );
    assert_eq!(hits[1]["error"]["code"], "bad_json");
    assert_eq!(hits[2]["error"]["code"], "bad_request");
    let long = vec!["word"; 300].join(" ");
    let told = records(&run(&[long.as_str()], "").exits(1));
    assert_eq!(told[0]["error"]["code"], "context_exceeded");
    assert_eq!(
        run(&[&long, "--on-overflow", "truncate"], "")
            .exits(0)
            .records()
            .len(),
        1
    );
    let text = run(&["-T", TEXTS[3]], "").exits(0);
    assert_eq!(text.stdout(), format!("1.0000\tline 4\t{}\n", TEXTS[3]));
    let both = format!("{}\n{QUERY}\n", TEXTS[3]);
    assert_eq!(same(&run(&["-"], &both)), same(&run(&[], &both)));
    // A hit is a line of input, for this program and for llm-run.
    let hit = run(&[TEXTS[3]], "").exits(0).stdout();
    let again = tool(&sandbox).args(["--jsonl", "--keep-text"]).input(hit);
    assert_eq!(records(&again.run().exits(0))[0]["text"], TEXTS[3]);
}

#[test]
fn vectors_come_from_standard_input_and_from_a_pipe() {
    let sandbox = made("v.jsonl", &[]);
    let wanted = same(&command(&sandbox, &["search", "v.jsonl", QUERY], "").exits(0));
    let vectors = std::fs::read_to_string(sandbox.path().join("v.jsonl")).unwrap();
    let found = command(&sandbox, &["search", "-", QUERY], &vectors).exits(0);
    assert_eq!(same(&found.says_nothing()), wanted);
    let line = format!("llm-embed search - '{QUERY}' < v.jsonl");
    assert_eq!(same(&sandbox.pipe(&line).run().exits(0)), wanted);
    let line = format!("llm-embed search <(cat v.jsonl) '{QUERY}'");
    assert_eq!(same(&sandbox.pipe(&line).run().exits(0)), wanted);
    let pairs = command(&sandbox, &["similar", "-", "--threshold", "-1"], &vectors);
    assert_eq!(pairs.exits(0).records().len(), 15);
    refused(
        command(&sandbox, &["search", "-"], &vectors),
        "the query must be an argument",
    );
    let foreign = command(&sandbox, &["search", "-", "a"], "notes\n");
    foreign.exits(2).says("standard input holds no");
}

#[test]
fn pairs_are_those_that_can_be_computed() {
    let sandbox = made("v.jsonl", &[]);
    let (texts, _) = vectors(&sandbox);
    let threshold = 0.3;
    let mut wanted = Vec::new();
    for a in 0..texts.len() {
        for b in a + 1..texts.len() {
            let score = cosine(&texts[a], &texts[b]);
            if score >= threshold {
                wanted.push((a as u64 + 1, b as u64 + 1, score));
            }
        }
    }
    assert!(wanted.len() > 1 && wanted.len() < 15, "{wanted:?}");
    let run = |more: &[&str]| command(&sandbox, &[&["similar", "v.jsonl"], more].concat(), "");
    let pairs = records(&run(&["--threshold", "0.3"]).exits(0).says_nothing());
    assert_eq!(pairs.len(), wanted.len());
    for (pair, (a, b, score)) in pairs.iter().zip(wanted) {
        assert_eq!(
            (&pair["a"]["line"], &pair["b"]["line"]),
            (&json!(a), &json!(b))
        );
        assert!(
            (pair["score"].as_f64().unwrap() - score).abs() < 1e-5,
            "{pair}"
        );
    }
    assert_eq!(run(&["--threshold", "-1"]).exits(0).records().len(), 15);
    run(&["--threshold", "1.1"]).exits(2).says("from -1 to 1");
    run(&[]).exits(0).writes("");
}

/// More rows than are looked at together, so that blocks and threads have borders.
#[test]
fn the_number_of_threads_changes_nothing() {
    let sandbox = Sandbox::new();
    let lines: String = (0..300)
        .map(|n| format!("{} apples\n", n * 37 % 101))
        .collect();
    sandbox.file("texts", lines);
    make(&sandbox, "v.npy", &["--format", "npy"]);
    for command_line in [
        &["search", "v.npy", "7 apples", "-k", "250"][..],
        &["similar", "v.npy", "--threshold", "0.99"],
    ] {
        let run = |threads: &str| {
            let all = [command_line, &["-t", threads]].concat();
            same(&command(&sandbox, &all, "").exits(0))
        };
        let one = run("1");
        assert!(one.len() > 200);
        assert!(one == run("3"));
    }
}

#[test]
fn texts_are_put_in_order() {
    let sandbox = Sandbox::new();
    let wanted = wanted(&sandbox);
    let run = |more: &[&str], input: &str| {
        let model = file("all-minilm-l6-v2");
        let tool = sandbox.tool("llm-embed").args(["rerank", QUERY, "-m"]);
        tool.arg(model).args(more).input(input).run()
    };
    let hits = records(&run(&[], &TEXTS.join("\n")).exits(0));
    let order: Vec<u64> = wanted.iter().map(|(line, _)| *line).collect();
    assert_eq!(found(&hits), order);
    for (hit, (_, score)) in hits.iter().zip(&wanted) {
        assert!(
            (hit["score"].as_f64().unwrap() - score).abs() < 1e-5,
            "{hit}"
        );
    }
    let input = [
        json!({"id": "a", "text": TEXTS[5]}),
        json!({"id": "b", "title": "x"}),
        json!({"id": "c", "text": TEXTS[0]}),
        json!({"id": "d", "text": vec!["word"; 300].join(" ")}),
    ];
    let input: String = input.iter().map(|line| format!("{line}\n")).collect();
    let hits = records(&run(&["--jsonl", "-k", "1"], &input).exits(1));
    let ids: Vec<_> = hits.iter().map(|hit| &hit["id"]).collect();
    assert_eq!(json!(ids), json!(["b", "d", "c"]));
    assert_eq!(hits[1]["error"]["code"], "context_exceeded");
    run(&[], "").exits(0).writes("");
}

/// The golden scores are sentence-transformers' own, see llm-engine.
#[test]
fn a_cross_encoder_puts_texts_in_order() {
    let sandbox = Sandbox::new();
    // How many texts are longer than what the model takes.
    for (name, cut) in [("cross-bert", 1), ("cross-roberta", 0)] {
        let golden = std::fs::read_to_string(tiny(name).join("golden.jsonl")).unwrap();
        let lines = golden
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        // Also those that are blank, as sentence-transformers scores them.
        let mut wanted: Vec<Value> = lines.collect();
        let query = wanted[0]["query"].clone();
        wanted.retain(|it| it["query"] == query);
        let input: String = wanted
            .iter()
            .map(|it| format!("{}\n", json!({"text": it["text"]})))
            .collect();
        let run = |more: &[&str]| {
            let tool = sandbox
                .tool("llm-embed")
                .arg("rerank")
                .arg("-m")
                .arg(tiny(name))
                .arg(query.as_str().unwrap());
            tool.args(["--jsonl"])
                .args(more)
                .input(input.as_str())
                .run()
        };
        let truncate = ["--on-overflow", "truncate"];
        let hits = records(&run(&truncate).exits(0).says_nothing());
        wanted.sort_by(|a, b| {
            let score = |it: &Value| it["score"].as_f64().unwrap();
            score(b).total_cmp(&score(a))
        });
        assert_eq!(hits.len(), wanted.len());
        for (rank, (hit, wanted)) in hits.iter().zip(&wanted).enumerate() {
            assert_eq!(hit["text"], wanted["text"], "{name}");
            assert_eq!(hit["rank"], rank + 1);
            let differs = hit["score"].as_f64().unwrap() - wanted["score"].as_f64().unwrap();
            assert!(differs.abs() < 1e-5, "{name}: {hit}");
        }
        let long = |it: &&Value| it["truncated"] == true;
        let long: Vec<&Value> = hits.iter().filter(long).collect();
        assert_eq!(long.len(), cut, "{name}");
        let is_cat = |hit: &&Value| hit["text"].as_str().unwrap().starts_with("the cat sat");
        assert!(long.iter().all(is_cat), "{name}");
        let told = records(&run(&["-k", "1"]).exits(i32::from(cut > 0)));
        assert_eq!(told.len(), cut + 1);
        for error in &told[..cut] {
            assert_eq!(error["error"]["code"], "context_exceeded");
        }
        let threads = |n: &str| same(&run(&[&truncate[..], &["-t", n]].concat()).exits(0));
        assert!(threads("1") == threads("3"), "{name}");
    }
}

/// Adds to the one bias of a head in a safetensors file of 32-bit floats.
fn raise_bias(file: &Path, tensor: &str, by: f32) {
    let mut bytes = std::fs::read(file).unwrap();
    let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let start = header[tensor]["data_offsets"][0].as_u64().unwrap();
    let at = 8 + length + usize::try_from(start).unwrap();
    let bias = f32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    bytes[at..at + 4].copy_from_slice(&(bias + by).to_le_bytes());
    std::fs::write(file, bytes).unwrap();
}

/// With 30 added to every logit all scores are 1 in 32-bit floats: the order is still that of
/// sentence-transformers' scores without it.
#[test]
fn texts_whose_scores_are_one_are_put_in_order_by_their_logits() {
    let sandbox = Sandbox::new();
    let model = sandbox.path().join("raised");
    copy(&tiny("cross-roberta"), &model);
    raise_bias(
        &model.join("model.safetensors"),
        "classifier.out_proj.bias",
        30.0,
    );
    let golden = std::fs::read_to_string(model.join("golden.jsonl")).unwrap();
    let golden: Vec<Value> = golden
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let query = golden[0]["query"].as_str().unwrap();
    let score = |it: &Value| it["score"].as_f64().unwrap();
    let mut wanted: Vec<&Value> = golden.iter().filter(|it| it["query"] == query).collect();
    let input: String = wanted
        .iter()
        .map(|it| format!("{}\n", json!({"text": it["text"]})))
        .collect();
    wanted.sort_by(|a, b| score(b).total_cmp(&score(a)));
    let tool = sandbox
        .tool("llm-embed")
        .args(["rerank", query, "--jsonl", "-m"]);
    let ran = tool
        .arg(&model)
        .args(["--on-overflow", "truncate"])
        .input(input)
        .run();
    let hits = records(&ran.exits(0));
    assert!(hits.iter().all(|hit| hit["score"] == 1.0), "{hits:?}");
    let texts =
        |list: &[&Value]| -> Vec<Value> { list.iter().map(|it| it["text"].clone()).collect() };
    assert_eq!(texts(&hits.iter().collect::<Vec<_>>()), texts(&wanted));
    for (hit, wanted) in hits.iter().zip(wanted) {
        let logit = (score(wanted) / (1.0 - score(wanted))).ln() + 30.0;
        assert!(
            (hit["logit"].as_f64().unwrap() - logit).abs() < 1e-4,
            "{hit}"
        );
    }
}

#[test]
fn a_cross_encoder_is_for_rerank_alone() {
    let sandbox = Sandbox::new();
    let model = tiny("cross-bert");
    let run = |arguments: &[&str], model: &Path| {
        let tool = sandbox.tool("llm-embed").args(arguments);
        tool.arg("-m").arg(model).input("a text").run()
    };
    refused(run(&[], &model), "it is for llm-embed rerank");
    let mean = ["rerank", "a", "--on-overflow", "chunk-mean"];
    refused(run(&mean, &model), "truncate cuts");
    let long = vec!["word"; 99].join(" ");
    refused(run(&["rerank", &long], &model), "leaves no room");
    // An ordinary encoder still ranks by its vectors.
    run(&["rerank", "a"], &tiny("bert-cls")).exits(0);
    let labels = sandbox.path().join("labels");
    copy(&model, &labels);
    let config = std::fs::read_to_string(model.join("config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["id2label"] = json!({"0": "no", "1": "yes"});
    sandbox.file("labels/config.json", config.to_string());
    refused(run(&["rerank", "a"], &labels), "has 2 labels");
}

#[test]
fn another_model_is_refused() {
    let sandbox = made("v.jsonl", &[]);
    let run = |more: &[&str]| command(&sandbox, &[&["search", "v.jsonl", "x"], more].concat(), "");
    refused(run(&["--pooling", "cls"]), "'mean'");
    run(&["--pooling", "mean"]).exits(0);
    refused(
        run(&["-m", "./nowhere"]),
        "cannot open the model that made the vectors",
    );
    let other = sandbox.path().join("other");
    copy(&file("all-minilm-l6-v2"), &other);
    let weights = other.join("model.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    refused(run(&["-m", "./other"]), "has other weights");
    // A file of that name is reached by its path, and flags do not get lost.
    std::fs::copy(sandbox.path().join("texts"), sandbox.path().join("search")).unwrap();
    assert_eq!(
        tool(&sandbox)
            .arg("./search")
            .run()
            .exits(0)
            .records()
            .len(),
        1
    );
    let before = tool(&sandbox).args(["search", "v.jsonl", "x"]).run();
    before.exits(2).writes("").says("go after it");
}

#[test]
fn a_query_is_embedded_as_the_texts_were() {
    let sandbox = made("v.jsonl", &["--quantize", "q8_0"]);
    let text = TEXTS[1];
    let score = || {
        let hits =
            records(&command(&sandbox, &["search", "v.jsonl", text, "-k", "1"], "").exits(0));
        assert_eq!(hits[0]["line"], 2);
        hits[0]["score"].as_f64().unwrap()
    };
    // With whole weights the query's vector would be another.
    assert!((score() - 1.0).abs() < 1e-6, "{}", score());
    change(&sandbox, "v.jsonl", "unknown.jsonl", |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text.replace("\"q8_0\"", "\"q1\"").into_bytes();
    });
    refused(
        command(&sandbox, &["search", "unknown.jsonl", "x"], ""),
        "'q1'",
    );
    // Texts after two prompts, and a model without one for queries.
    let two = ["a: ", "b: "].map(|prompt| {
        let tool = tool(&sandbox).args(["--prompt", prompt]);
        tool.input("cats\n").run().exits(0).stdout()
    });
    sandbox.file("two.jsonl", two.concat());
    let search = |more: &[&str]| {
        command(
            &sandbox,
            &[&["search", "two.jsonl", "cats"], more].concat(),
            "",
        )
    };
    refused(search(&[]), "--prompt");
    assert_eq!(
        records(&search(&["--prompt", "b: "]).exits(0))[0]["line"],
        1
    );
    for call in [&["search", "v.jsonl", " "][..], &["rerank", "-m", "x", ""]] {
        let told = command(&sandbox, call, "").exits(2).writes("").stderr();
        assert!(
            told.contains("query is blank") && !told.contains("--if-empty"),
            "{told}"
        );
    }
}

#[test]
fn the_models_own_prompt_is_put_before_queries() {
    let sandbox = Sandbox::new();
    let own = sandbox.path().join("own");
    copy(&file("all-minilm-l6-v2"), &own);
    let prompts = json!({"prompts": {"query": "query: "}});
    sandbox.file("own/config_sentence_transformers.json", prompts.to_string());
    let input = ["query: cats", "cats"].join("\n");
    let embed = sandbox.tool("llm-embed").args(["-m", "./own"]).input(input);
    sandbox.file("v.jsonl", embed.run().exits(0).stdout());
    let best = |more: &[&str]| {
        let all = [&["search", "v.jsonl", "cats", "-k", "1"], more].concat();
        let hits = records(&command(&sandbox, &all, "").exits(0));
        assert!((hits[0]["score"].as_f64().unwrap() - 1.0).abs() < 1e-5);
        found(&hits)
    };
    assert_eq!(best(&[]), [1]);
    assert_eq!(best(&["--prompt", ""]), [2]);
}

fn change(sandbox: &Sandbox, from: &str, to: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(sandbox.path().join(from)).unwrap();
    change(&mut bytes);
    sandbox.file(to, bytes);
}

#[test]
fn damaged_records_are_said() {
    let sandbox = made("v.jsonl", &[]);
    let run = |name: &str| command(&sandbox, &["similar", name, "--threshold", "-1"], "");
    let text = std::fs::read_to_string(sandbox.path().join("v.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    // A torn line, as a power cut leaves it, and another program's.
    sandbox.file("one.jsonl", format!("{text}{{\"a\":1}}\n"));
    run("one.jsonl")
        .exits(0)
        .says("line 7 of 'one.jsonl' is not a record");
    let torn = format!(
        "{}\n{}\n{{\"a\":1}}\n{}",
        lines[0],
        lines[1],
        &lines[2][..99]
    );
    sandbox.file("torn.jsonl", torn);
    let ran = run("torn.jsonl").exits(0);
    assert_eq!(ran.records().len(), 1);
    ran.says("2 lines of 'torn.jsonl' are not records")
        .says("the first is line 3");
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut last: Value = serde_json::from_str(lines[1]).unwrap();
        edit(&mut last);
        sandbox.file("edited.jsonl", format!("{}\n{last}\n", lines[0]));
        run("edited.jsonl")
    };
    refused(
        edited(&|it| it["embedding"] = json!([1.0])),
        "does not have 384 values",
    );
    refused(
        edited(&|it| it["embedding"] = json!("AAAA")),
        "does not have 384 values",
    );
    refused(
        edited(&|it| it["embedding"] = json!("????")),
        "does not have 384 values",
    );
    refused(edited(&|it| it["dim"] = json!(0)), "fields missing");
    refused(
        edited(&|it| it["model"]["digest"] = json!("00")),
        "another model",
    );
    refused(
        edited(&|it| it["model"]["quantization"] = json!("q8_0")),
        "another quantization",
    );
    refused(
        edited(&|it| it["normalized"] = json!(false)),
        "another normalization",
    );
    refused(
        edited(&|it| it["pooling"] = json!("cls")),
        "another pooling",
    );
    let shorter = edited(&|it| {
        it["embedding"] = json!([1.0]);
        it["dim"] = json!(1);
    });
    refused(shorter, "different lengths");
    let bare = edited(&|it| drop(it.as_object_mut().unwrap().remove("embedding")));
    refused(bare, "holds no vector");
    sandbox.file("empty.jsonl", "");
    refused(run("empty.jsonl"), "holds no embedding record");
    let texts = run("texts").exits(2).writes("");
    texts.says("holds no embedding record");
    refused(run("nowhere"), "cannot read 'nowhere'");
    refused(run("."), "is not a regular file");
    // Zeros are near to nothing, and no fault.
    let zeros = edited(&|it| it["embedding"] = json!(vec![0.0; 384])).exits(0);
    assert_eq!(records(&zeros)[0]["score"], 0.0);
}

#[test]
fn a_vector_with_what_is_no_number_is_said() {
    let sandbox = made("base64.jsonl", &["--encoding", "base64"]);
    // The first four bytes are those of a NaN, 00 00 c0 7f.
    let base64 = std::fs::read_to_string(sandbox.path().join("base64.jsonl")).unwrap();
    let mut first: Value = serde_json::from_str(base64.lines().next().unwrap()).unwrap();
    let text = first["embedding"].as_str().unwrap()[6..].to_owned();
    // Those of infinity are 00 00 80 7f, and no number of 32 bits is 1e60, a square.
    let large = vec![1e30; 384];
    for embedding in [
        json!(format!("AADAfw{text}")),
        json!(format!("AACAfw{text}")),
        json!(large),
    ] {
        first["embedding"] = embedding;
        sandbox.file("nan.jsonl", format!("{first}\n"));
        refused(
            command(&sandbox, &["similar", "nan.jsonl"], ""),
            "row 1 of 'nan.jsonl' has values that are not finite",
        );
    }
}

#[test]
fn damaged_matrices_are_said() {
    let sandbox = made("v.npy", &["--format", "npy"]);
    let run = |name: &str| command(&sandbox, &["similar", name, "--threshold", "-1"], "");
    let beside = |name: &str| {
        std::fs::copy(
            sandbox.path().join("v.npy.jsonl"),
            sandbox.path().join(name),
        )
        .unwrap();
    };
    assert_eq!(run("v.npy").exits(0).records().len(), 15);
    refused(run("v.npy.jsonl"), "give the matrix's own name");
    change(&sandbox, "v.npy", "x.npy", |_| {});
    refused(run("x.npy"), "the records of its rows");
    beside("x.npy.jsonl");
    run("x.npy").exits(0);
    change(&sandbox, "v.npy", "x.npy", |bytes| {
        bytes.truncate(bytes.len() - 1);
    });
    refused(run("x.npy"), "is damaged");
    change(&sandbox, "v.npy", "x.npy", |bytes| bytes[0] = b'x');
    refused(run("x.npy"), "is not a matrix of vectors in .npy format");
    change(&sandbox, "v.npy", "x.npy", |bytes| {
        bytes[128..132].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    refused(
        run("x.npy"),
        "row 1 of 'x.npy.jsonl' has values that are not finite",
    );
    change(&sandbox, "v.npy", "x.npy", Vec::clear);
    refused(run("x.npy"), "x.npy'");
    change(&sandbox, "v.npy", "x.npy", |_| {});
    change(&sandbox, "v.npy.jsonl", "x.npy.jsonl", |bytes| {
        let first = bytes.iter().position(|byte| *byte == b'\n').unwrap();
        bytes.drain(..=first);
    });
    refused(run("x.npy"), "do not belong together");
    change(&sandbox, "v.npy.jsonl", "x.npy.jsonl", |bytes| {
        let last = bytes[..bytes.len() - 1]
            .iter()
            .rposition(|byte| *byte == b'\n');
        bytes.truncate(last.unwrap() + 1);
    });
    refused(run("x.npy"), "has 6 rows of 384");
    change(&sandbox, "v.npy.jsonl", "x.npy.jsonl", |_| {});
    for (cut, told) in [
        (4000, "it is cut off, its header tells of 6 rows of 384"),
        (40, "within the header"),
    ] {
        change(&sandbox, "v.npy", "x.npy", |bytes| bytes.truncate(cut));
        refused(run("x.npy"), told);
    }
    let order = |bytes: &mut Vec<u8>| {
        let at = bytes.windows(5).position(|it| it == b"False").unwrap();
        bytes[at..at + 5].copy_from_slice(b"True ");
    };
    change(&sandbox, "v.npy", "x.npy", order);
    refused(run("x.npy"), "numpy.ascontiguousarray");
    assert!(Path::new("/dev/full").exists());
    let full = sandbox
        .tool("llm-embed")
        .args(["similar", "v.npy", "--threshold", "-1"]);
    full.output_to(Path::new("/dev/full")).wait().exits(1);
    let early = "llm-embed similar v.npy --threshold -1 | head -n 1";
    assert_eq!(sandbox.pipe(early).run().exits(0).records().len(), 1);
}
