//! The contract of the pipes: statuses, empty and bad input, forms of output. Signals, closed readers
//! and full disks are in signals.rs; what becomes of one request is in requests.rs.

use serde_json::{Value, json};

use crate::harness::{Ran, Sandbox};
use crate::support::model::Bench;
use crate::support::records::{record, records};

/// Expects one sentence for people, nothing on standard output, and status 2.
#[track_caller]
fn refused(ran: Ran, parts: &[&str]) {
    let ran = ran.exits(2).writes("");
    let told = ran.stderr();
    if told.lines().count() != 1 || !told.starts_with("llm-run: error: ") {
        ran.fail("expected one sentence");
    }
    for part in parts {
        if !told.contains(part) {
            ran.fail(&format!("expected {part:?} in the sentence"));
        }
    }
}

/// Returns the values of one field, in order.
fn column<'a>(records: &'a [Value], pointer: &str) -> Vec<&'a Value> {
    records
        .iter()
        .map(|record| record.pointer(pointer).unwrap_or(&Value::Null))
        .collect()
}

#[test]
fn one_request_is_one_whole_record() {
    let bench = Bench::new();
    let ran = bench
        .run()
        .args(["Answer:", "-n", "4"])
        .input("What is the capital of France?\n")
        .run()
        .exits(0)
        .says_nothing();
    let record = record(&ran);
    assert_eq!(record["type"], "completion");
    assert_eq!(record["line"], 1);
    assert!(!record["text"].as_str().unwrap().is_empty());
    assert_eq!(record["finish_reason"], "length");
    let usage = &record["usage"];
    assert_eq!(usage["completion_tokens"], 4);
    let sum = usage["prompt_tokens"].as_u64().unwrap() + 4;
    assert_eq!(usage["total_tokens"], sum);
    let model = &record["model"];
    assert_eq!(model["name"], "smollm2");
    assert_eq!(model["digest"], crate::support::model::DIGEST);
    assert_eq!(model["quantization"], "Q4_1");
    assert_eq!(model["template"], "chat");
    assert!(record["metrics"]["load_ms"].as_f64().unwrap() > 0.0);
}

#[test]
fn what_cannot_start_says_so_in_a_sentence() {
    let sandbox = Sandbox::new();
    let run = |arguments: &[&str]| sandbox.tool("llm-run").args(arguments).run();
    refused(
        run(&["-m", "smolm2", "-p", "x"]),
        &["'smolm2'", "did you mean 'smollm2'?", "llm-pull smollm2"],
    );
    refused(
        run(&["-m", "org/repo", "-p", "x"]),
        &["'org/repo'", "llm-pull org/repo"],
    );
    refused(run(&["-m", "./none.gguf", "-p", "x"]), &["none.gguf"]);
    refused(run(&["-f", "none.txt"]), &["cannot read 'none.txt'"]);
    refused(run(&["-f", "."]), &["cannot read '.'"]);
    refused(
        run(&["-sys", "Be brief", "-p", "x"]),
        &["'-sys'", "--system"],
    );
    refused(run(&["-ngl", "99", "-p", "x"]), &["'-ngl'", "--device"]);
    refused(run(&["-p", "x", "-0"]), &["-0", "-T"]);
    refused(
        run(&["-p", "x", "--template", "{{a"]),
        &["--template", "'}}'"],
    );
    // The parser of arguments adds the usage below its sentence.
    let ran = run(&["--unknown"]).exits(2).writes("");
    assert!(ran.stderr().contains("'--unknown'"), "{ran}");
    for flags in [&["-p", "x"] as &[_], &["-f", "x"]] {
        let ran = run(&[flags, &["--keep", "a"]].concat()).exits(2).writes("");
        ran.says("--keep").says(if flags[0] == "-f" {
            "--jsonl"
        } else {
            flags[0]
        });
    }
    for bad in [["-n", "-2"], ["-t", "0"], ["--temp", "-1"], ["-c", "x"]] {
        run(&bad).exits(2).writes("").says(bad[0]);
    }
}

#[test]
fn empty_input_is_never_answered() {
    let bench = Bench::new();
    for input in ["", "\n", " \n\t\n"] {
        for arguments in [&["Summarize"] as &[_], &[], &["-f", "-"]] {
            let ran = bench.run().args(arguments).input(input).run();
            refused(ran, &["standard input is empty", "--if-empty"]);
        }
    }
    bench
        .run()
        .args(["Summarize", "--if-empty", "skip"])
        .run()
        .exits(0)
        .writes("")
        .says_nothing();
    // There is nothing to run without an instruction, whatever the flag says.
    let ran = bench.run().args(["--if-empty", "run"]).run();
    refused(ran, &["standard input is empty"]);
    // No line is no request: an empty table has an empty summary.
    for flag in ["--lines", "--jsonl"] {
        bench.run().arg(flag).run().exits(0).writes("");
    }
}

#[test]
fn if_empty_run_runs_the_instruction_alone() {
    let bench = Bench::new();
    let run = |arguments: &[&str]| {
        let ran = bench.run().args(arguments).args(["-n", "2"]).run();
        record(&ran.exits(0))
    };
    let alone = run(&["Say hello", "--if-empty", "run"]);
    let whole = run(&["-p", "Say hello"]);
    assert_eq!(alone["request_digest"], whole["request_digest"]);
    assert_eq!(alone["text"], whole["text"]);
}

#[test]
fn a_bad_line_between_two_good_ones_stops_nothing() {
    let bench = Bench::new();
    let input = concat!(
        r#"{"id":"a","prompt":"Say one"}"#,
        "\n",
        r#"{"id":"b","prompt":"Say"#,
        "\n\n",
        r#"{"id":3,"prompt":"Say three"}"#,
    );
    let ran = bench
        .run()
        .args(["--jsonl", "-n", "2"])
        .input(input)
        .run()
        .exits(1)
        .says_only_the_sums();
    let records = records(&ran);
    let kinds = column(&records, "/type");
    assert_eq!(kinds, ["completion", "error", "completion"]);
    assert_eq!(
        column(&records, "/id"),
        [&json!("a"), &json!("b"), &json!(3)]
    );
    // A blank line has a number and no record.
    assert_eq!(column(&records, "/line"), [1, 2, 4]);
    assert_eq!(records[1]["error"]["code"], "bad_json");
}

#[test]
fn each_kind_of_bad_line_has_its_code() {
    let bench = Bench::new();
    let mut input = Vec::new();
    for line in [
        &br#"{"id":1,"prompt":["x"]}"#[..],
        br#"{"id":2,"prompt":"caf"#,
        b"{\"id\":3,\"prompt\":\"caf\xe9\"}",
        b"[1]",
        br#"{"id":5}"#,
        br#"{"id":6,"prompt":"x","temperature":-1}"#,
        br#"{"id":7,"prompt":" "}"#,
        br#"{"id":8,"messages":[{"role":"user"}]}"#,
    ] {
        input.extend(line);
        input.push(b'\n');
    }
    let ran = bench.run().arg("--jsonl").input(input).run().exits(1);
    let records = records(&ran);
    assert_eq!(column(&records, "/line"), [1, 2, 3, 4, 5, 6, 7, 8]);
    let codes = column(&records, "/error/code");
    assert_eq!(
        codes,
        [
            "bad_request",
            "bad_json",
            "bad_utf8",
            "bad_json",
            "bad_request",
            "bad_request",
            "empty_input",
            "bad_request"
        ]
    );
    let ids: Vec<_> = [1, 2, 3, 0, 5, 6, 7, 8]
        .map(|id| if id == 0 { Value::Null } else { id.into() })
        .into();
    assert_eq!(column(&records, "/id"), ids.iter().collect::<Vec<_>>());
}

#[test]
fn text_that_is_not_utf8_is_a_failed_request() {
    let bench = Bench::new();
    let input = b"caf\xe9".to_vec();
    let ran = bench.run().arg("Say").input(input.clone()).run().exits(1);
    let record = record(&ran);
    assert_eq!(record["error"]["code"], "bad_utf8");
    let sentence = record["error"]["message"].as_str().unwrap();
    assert!(sentence.contains("(byte 4)"), "{sentence}");
    // As text: nothing for the next program, the sentence for people, and the status.
    bench
        .run()
        .args(["Say", "-T"])
        .input(input)
        .run()
        .exits(1)
        .writes("")
        .says("llm-run: error: standard input is not valid UTF-8");
}

#[test]
fn a_line_of_ten_megabytes_is_refused_and_the_next_one_answered() {
    let bench = Bench::new();
    let long = "x".repeat(10_000_000);
    let input = format!(
        "{}\n{}\n",
        json!({"id": "long", "prompt": long}),
        json!({"id": "next", "prompt": "Hi"})
    );
    let ran = bench
        .run()
        .args(["--jsonl", "-n", "2"])
        .input(input)
        .run()
        .exits(1);
    let records = records(&ran);
    assert_eq!(column(&records, "/type"), ["error", "completion"]);
    assert_eq!(column(&records, "/id"), ["long", "next"]);
    assert_eq!(column(&records, "/line"), [1, 2]);
    assert_eq!(records[0]["error"]["code"], "input_too_long");
    // The way out is a flag that is there: what was too long fits, and is too long for the model.
    let ran = bench
        .run()
        .args(["--lines", "--max-line-bytes", "5", "-n", "2"])
        .input("123456\n12345\n")
        .run()
        .exits(1);
    let kinds: Vec<_> = ran.records().iter().map(|r| r["type"].clone()).collect();
    assert_eq!(kinds, ["error", "completion"]);
}

#[test]
fn text_is_the_answer_and_one_line_end() {
    let bench = Bench::new();
    let ran = bench
        .pipe(r#"answer=$(llm-run -T -p "Say hello" -n 4) && printf '<%s>' "$answer""#)
        .run()
        .exits(0)
        .says_nothing();
    let shown = ran.stdout();
    let record = record(&bench.run().args(["-p", "Say hello", "-n", "4"]).run());
    let text = record["text"].as_str().unwrap();
    assert_eq!(shown, format!("<{text}>"));
    bench
        .run()
        .args(["-T", "-p", "Say hello", "-n", "4"])
        .run()
        .exits(0)
        .writes(&format!("{text}\n"));
    // Several answers come in input order, and NUL tells them apart where asked for.
    let ran = bench
        .run()
        .args(["-T", "-0", "--lines", "-n", "4"])
        .input("Say hello\nSay goodbye\n")
        .run()
        .exits(0);
    let shown = ran.stdout();
    let parts: Vec<_> = shown.split('\0').collect();
    assert_eq!(parts.len(), 3, "{shown:?}");
    assert_eq!((parts[0], parts[2]), (text, ""));
}

#[test]
fn no_variable_changes_the_format() {
    let bench = Bench::new();
    let ran = bench
        .run()
        .args(["-p", "Hi", "-n", "1"])
        .env("NO_COLOR", "1")
        .env("TERM", "xterm-256color")
        .env("CLICOLOR_FORCE", "1")
        .run()
        .exits(0)
        .says_nothing();
    record(&ran);
}

#[test]
fn an_output_file_holds_records_and_is_never_an_input() {
    let bench = Bench::new();
    let input = bench.file("in.txt", "Say hello\n");
    bench
        .run()
        .args(["-f", "in.txt", "-n", "2", "-o", "out.jsonl"])
        .run()
        .exits(0)
        .writes("");
    let written = std::fs::read_to_string(bench.sandbox.path().join("out.jsonl")).unwrap();
    assert!(
        written.ends_with("}\n") && written.lines().count() == 1,
        "{written}"
    );
    // By its path, by another path, by the shell.
    std::os::unix::fs::symlink("in.txt", bench.sandbox.path().join("link.txt")).unwrap();
    for line in [
        "llm-run -f in.txt -o in.txt",
        "llm-run -f in.txt -o link.txt",
        "llm-run --lines < in.txt -o in.txt",
        "llm-run --lines < in.txt >> in.txt",
    ] {
        let ran = bench.pipe(line).run();
        refused(ran, &["is both input and output"]);
        assert_eq!(
            std::fs::read_to_string(&input).unwrap(),
            "Say hello\n",
            "{line}"
        );
    }
    // What was there stays where a run cannot start.
    bench.file("out.txt", "kept");
    let run = bench.run().args(["-f", "in.txt", "-o", "out.txt"]);
    run.args(["-m", "no-such-model"]).run().exits(2);
    let kept = std::fs::read_to_string(bench.sandbox.path().join("out.txt")).unwrap();
    assert_eq!(kept, "kept");
}

#[test]
fn a_loop_keeps_its_list() {
    let bench = Bench::new();
    for name in ["a", "b", "c"] {
        bench.file(name, "Say hello");
    }
    let ran = bench
        .pipe(r#"while read -r f; do llm-run -f "$f" -n 1; llm-run -p "$f" -n 1; done"#)
        .input("a\nb\nc\n")
        .run()
        .exits(0);
    assert_eq!(records(&ran).len(), 6);
}
