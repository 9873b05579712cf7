//! A run over many lines that is killed, started again, given other lines or a full disk: every line is
//! closed once, and what was answered is as in an undisturbed run.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::model::Bench;
use crate::support::records::records;

/// The settings of a run in which no two answers are alike by chance.
const WARM: [&str; 5] = ["--jsonl", "--temp", "1.2", "-n", "6"];

fn jsonl(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Reads a file of records, each of which must be whole.
#[track_caller]
fn held(bench: &Bench, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(bench.sandbox.path().join(name)).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{name} is torn");
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

/// Returns how often each id is closed, and with what.
fn by_id(records: &[Value]) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in records {
        let text = record["text"].as_str().unwrap_or("error").to_owned();
        found
            .entry(record["id"].to_string())
            .or_default()
            .push(text);
    }
    found
}

#[track_caller]
fn run_on(bench: &Bench, arguments: &[&str], lines: &[Value], status: i32) -> String {
    let tool = bench.run().args(arguments).args(["-o", "out.jsonl"]);
    let ran = tool.input(jsonl(lines)).run().exits(status);
    ran.writes("").stderr()
}

#[test]
fn a_run_that_is_killed_again_and_again_closes_every_line_once() {
    let bench = Bench::new();
    let mut lines: Vec<Value> = (0..200)
        .map(|id| json!({"id": id, "prompt": format!("Tell a story about {id}.")}))
        .collect();
    // Some cannot be answered, some have no id, some of these are equal.
    lines[50] = json!({"id": 50, "prompt": ["no text"]});
    for (at, line) in lines.iter_mut().enumerate().skip(60).take(10) {
        *line = json!({"prompt": format!("Say {}", at % 3)});
    }
    let undisturbed = bench.run().args(WARM).input(jsonl(&lines)).run().exits(1);
    let wanted = records(&undisturbed);
    assert_eq!(wanted.len(), 200);
    let mut kills = 0;
    // Delays without a pattern, from a linear congruential generator.
    let mut random = 12345_u64;
    for round in 0..20 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let delay = 30 + (random >> 33) % 220;
        let options: &[&str] = if round % 2 == 0 {
            &[]
        } else {
            &["--parallel", "3", "--unordered"]
        };
        let tool = bench
            .run()
            .args(WARM)
            .args(options)
            .args(["-o", "out.jsonl"]);
        let mut running = tool.input(jsonl(&lines)).start();
        std::thread::sleep(Duration::from_millis(delay));
        if running.child.try_wait().unwrap().is_none() {
            running.signal("KILL");
            kills += 1;
        }
        running.wait();
    }
    assert!(kills > 5, "{kills} kills are no test");
    run_on(&bench, &WARM, &lines, 1);
    let found = held(&bench, "out.jsonl");
    assert_eq!(found.len(), 200);
    let sorted = |mut all: BTreeMap<String, Vec<String>>| {
        all.values_mut().for_each(|texts| texts.sort());
        all
    };
    assert_eq!(sorted(by_id(&found)), sorted(by_id(&wanted)));
}

#[test]
fn other_lines_and_another_instruction_are_answered_on_the_same_output() {
    let bench = Bench::new();
    let lines = |day: &str| -> Vec<Value> {
        (0..5)
            .map(|at| json!({"prompt": format!("{day} {at}")}))
            .collect()
    };
    let told = run_on(&bench, &WARM, &lines("Monday"), 0);
    assert!(told.contains("5 done, 0 failed, 0 skipped"), "{told}");
    // Day two: two lines of day one stand between the new ones, one of them twice.
    let mut second = lines("Tuesday");
    second.insert(1, lines("Monday")[3].clone());
    second.insert(4, lines("Monday")[2].clone());
    second.insert(5, lines("Monday")[2].clone());
    let told = run_on(&bench, &WARM, &second, 0);
    assert!(told.contains("6 done, 0 failed, 2 skipped"), "{told}");
    let told = run_on(&bench, &WARM, &second, 0);
    assert!(told.contains("0 done, 0 failed, 8 skipped"), "{told}");
    // Another instruction or another setting makes other requests.
    let told = run_on(&bench, &[&WARM[..], &["Sum up"]].concat(), &second, 0);
    assert!(told.contains("8 done, 0 failed, 0 skipped"), "{told}");
    let told = run_on(&bench, &[&WARM[..], &["-s", "7"]].concat(), &second, 0);
    assert!(told.contains("8 done, 0 failed, 0 skipped"), "{told}");
    assert_eq!(held(&bench, "out.jsonl").len(), 5 + 6 + 8 + 8);
}

#[test]
fn an_id_stands_for_one_request() {
    let bench = Bench::new();
    let line = |id: Value, prompt: &str| json!({"id": id, "prompt": prompt});
    run_on(&bench, &WARM, &[line(json!("a"), "Say one")], 0);
    let lines = [
        line(json!("a"), "Say two"),
        line(json!(1), "Say three"),
        line(json!("1"), "Say three"),
        line(json!(1), "Say four"),
    ];
    let each = [&WARM[..], &["--on-conflict", "error"]].concat();
    let told = run_on(&bench, &each, &lines, 1);
    assert!(told.contains("2 done, 2 failed, 0 skipped"), "{told}");
    let found = held(&bench, "out.jsonl");
    let codes: Vec<_> = found.iter().map(|one| &one["error"]["code"]).collect();
    assert_eq!(
        codes,
        [
            &Value::Null,
            &json!("id_conflict"),
            &Value::Null,
            &Value::Null,
            &json!("duplicate_id")
        ]
    );
    // All of it is closed now, and what has failed is not done by being closed.
    let told = run_on(&bench, &WARM, &lines, 1);
    assert!(
        told.contains("0 done, 0 failed, 4 skipped (1 of them failed before)")
            && told.contains("1 line closed as id_conflict in an earlier run"),
        "{told}"
    );
}

#[test]
fn failed_lines_are_run_again_where_that_is_asked_for() {
    let bench = Bench::new();
    let lines = [
        json!({"id": 1, "prompt": "Count to a million", "max_tokens": 100_000}),
        json!({"id": 2, "prompt": "Say two"}),
    ];
    let slow = ["--jsonl", "-n", "6", "--timeout", "0.000001"];
    let told = run_on(&bench, &slow, &lines, 1);
    assert!(told.contains("0 done, 2 failed"), "{told}");
    let found = held(&bench, "out.jsonl");
    assert!(
        found.iter().all(|one| one["error"]["code"] == "timeout"),
        "{found:?}"
    );
    let told = run_on(&bench, &["--jsonl", "-n", "6"], &lines[1..], 1);
    assert!(told.contains("1 skipped (1 of them"), "{told}");
    let told = run_on(
        &bench,
        &["--jsonl", "-n", "6", "--retry-errors"],
        &lines[1..],
        0,
    );
    assert!(told.contains("1 done, 0 failed, 0 skipped"), "{told}");
    let last = held(&bench, "out.jsonl").pop().unwrap();
    assert_eq!(
        (&last["id"], &last["type"]),
        (&json!(2), &json!("completion"))
    );
}

#[test]
fn many_errors_stop_a_run() {
    let bench = Bench::new();
    let lines: Vec<_> = (0..300).map(|id| json!({"id": id, "prompt": 5})).collect();
    let told = run_on(&bench, &["--jsonl", "--max-errors", "3"], &lines, 1);
    assert!(told.contains("stopped after 3 failed lines"), "{told}");
    assert_eq!(held(&bench, "out.jsonl").len(), 3);
    // Those that fail while they are answered count as well.
    let lines: Vec<_> = (0..40)
        .map(|id| json!({"id": id, "prompt": "Tell a story"}))
        .collect();
    let call = "--jsonl -n 300 --timeout 0.001 --max-errors 2 --parallel 2";
    let bench = Bench::new();
    let told = run_on(&bench, &call.split(' ').collect::<Vec<_>>(), &lines, 1);
    assert!(
        told.contains("failed lines, as --max-errors asks"),
        "{told}"
    );
    assert!(held(&bench, "out.jsonl").len() <= 4, "{told}");
}

#[test]
fn errors_are_tried_again_in_a_file_only() {
    let bench = Bench::new();
    let tool = bench.run().args(["--lines", "--retry-errors"]);
    tool.input("a\n").run().exits(2).says("name it with -o");
}

#[test]
fn what_a_power_cut_leaves_is_cut_off() {
    let bench = Bench::new();
    let lines: Vec<_> = (0..4)
        .map(|id| json!({"id": id, "prompt": format!("Say {id}")}))
        .collect();
    run_on(&bench, &WARM, &lines, 0);
    let path = bench.sandbox.path().join("out.jsonl");
    let whole = std::fs::read(&path).unwrap();
    let last = whole[..whole.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n');
    let mut torn = whole[..last.unwrap() + 40].to_vec();
    torn.extend([0; 1000]);
    std::fs::write(&path, torn).unwrap();
    let told = run_on(&bench, &WARM, &lines, 0);
    assert!(
        told.contains("ended in 1039 bytes of an incomplete record"),
        "{told}"
    );
    assert!(told.contains("1 done, 0 failed, 3 skipped"), "{told}");
    let texts = |bytes: &[u8]| -> Vec<Value> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|record| record["text"].clone()).collect()
    };
    assert_eq!(texts(&std::fs::read(&path).unwrap()), texts(&whole));
}

#[test]
fn standard_output_is_gone_on_with_by_name() {
    let bench = Bench::new();
    let lines: Vec<_> = (0..6)
        .map(|id| json!({"id": id, "prompt": format!("Say {id}")}))
        .collect();
    bench.sandbox.file("rows.jsonl", jsonl(&lines));
    bench.sandbox.file("half.jsonl", jsonl(&lines[..3]));
    let line = "llm-run --jsonl -n 2 < half.jsonl > out.jsonl && printf '{\"type\":\"comp' >> out.jsonl && \
                llm-run --jsonl -n 2 --resume out.jsonl < rows.jsonl >> out.jsonl";
    bench
        .pipe(line)
        .run()
        .exits(0)
        .says("3 done, 0 failed, 3 skipped");
    let found = held(&bench, "out.jsonl");
    let ids: Vec<_> = found.iter().map(|record| record["id"].clone()).collect();
    assert_eq!(ids, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_disk_that_fills_up_is_one_sentence_and_the_next_run_goes_on() {
    let bench = Bench::new();
    let lines: Vec<_> = (0..20)
        .map(|id| json!({"id": id, "prompt": format!("Say {id}")}))
        .collect();
    bench.sandbox.file("rows.jsonl", jsonl(&lines));
    let full = "(ulimit -f 6; llm-run --jsonl -n 4 -o out.jsonl < rows.jsonl)";
    let told = bench.pipe(full).run().exits(1).stderr();
    let errors: Vec<_> = told.lines().filter(|line| line.contains("error")).collect();
    assert_eq!(errors.len(), 1, "{told}");
    assert!(
        errors[0].contains("cannot write 'out.jsonl': File too large"),
        "{told}"
    );
    let before = held(&bench, "out.jsonl").len();
    assert!(before > 0 && before < 20, "{before}");
    assert!(told.contains(" done, 0 failed, 0 skipped; "), "{told}");
    let told = run_on(&bench, &["--jsonl", "-n", "4"], &lines, 0);
    assert!(told.contains(&format!("{before} skipped")), "{told}");
    let found = by_id(&held(&bench, "out.jsonl"));
    assert_eq!(found.len(), 20);
    assert!(found.values().all(|texts| texts.len() == 1));
}

#[test]
fn two_runs_cannot_write_one_output() {
    let bench = Bench::new();
    // It waits for its input, and holds the file meanwhile.
    let fifo = bench.sandbox.path().join("fifo");
    let status = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(status.unwrap().success());
    let tool = bench
        .run()
        .args(["--lines", "-o", "out.jsonl", "-f", "fifo"]);
    let first = tool.start();
    let writer = std::fs::File::options().write(true).open(&fifo).unwrap();
    let path = bench.sandbox.path().join("out.jsonl");
    let is_there = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        path.exists()
    });
    assert!(is_there);
    std::thread::sleep(Duration::from_millis(50));
    let told = run_on(&bench, &["--jsonl"], &[json!({"prompt": "Hi"})], 2);
    assert!(told.contains("another run writes 'out.jsonl'"), "{told}");
    first.signal("KILL");
    first.wait();
    drop(writer);
    run_on(
        &bench,
        &["--jsonl", "-n", "1"],
        &[json!({"prompt": "Hi"})],
        0,
    );
}

#[test]
fn a_file_of_something_else_is_not_written_to() {
    let bench = Bench::new();
    for text in ["my notes\n", "{\"id\":1,\"prompt\":\"a row\"}\n"] {
        bench.sandbox.file("out.jsonl", text);
        let told = run_on(&bench, &["--jsonl"], &[json!({"prompt": "Hi"})], 2);
        assert!(
            told.contains("line 1 of 'out.jsonl' is no record"),
            "{told}"
        );
        let after = std::fs::read_to_string(bench.sandbox.path().join("out.jsonl")).unwrap();
        assert_eq!(after, text);
    }
    // A device is written to as it is.
    let tool = bench.run().args(["--jsonl", "-n", "1", "-o"]);
    tool.arg(Path::new("/dev/null"))
        .input(jsonl(&[json!({"prompt": "Hi"})]))
        .run()
        .exits(0)
        .says("1 done");
}

#[test]
fn a_finished_run_is_not_replaced() {
    let bench = Bench::new();
    let lines: Vec<_> = (0..3)
        .map(|id| json!({"id": id, "prompt": format!("Say {id}")}))
        .collect();
    run_on(&bench, &WARM, &lines, 0);
    let before = held(&bench, "out.jsonl");
    for arguments in [
        &["--jsonl", "--count"][..],
        &["--jsonl", "--show-prompt"],
        &["--jsonl", "--estimate"],
        &["--jsonl", "--slurp"],
        &["--jsonl", "-T"],
        &["-p", "Hi"],
    ] {
        let told = run_on(&bench, arguments, &lines, 2);
        assert!(
            told.contains("'out.jsonl' holds records of an earlier run"),
            "{told}"
        );
        assert_eq!(held(&bench, "out.jsonl"), before, "{arguments:?}");
    }
}

#[test]
fn lines_of_a_batch_file_without_a_name_are_closed_once() {
    let bench = Bench::new();
    let url = "/v1/chat/completions";
    let lines = [
        json!({"method": "POST", "url": url, "body": {"messages": []}}),
        json!({"custom_id": 7, "method": "POST", "url": url, "body": {"messages": []}}),
        json!({"custom_id": 7, "method": "POST", "url": url, "body": {"messages": []}}),
    ];
    run_on(&bench, &["--jsonl"], &lines, 1);
    assert_eq!(held(&bench, "out.jsonl").len(), 3);
    let told = run_on(&bench, &["--jsonl"], &lines, 1);
    assert!(told.contains("0 done, 0 failed, 3 skipped (3"), "{told}");
    assert_eq!(held(&bench, "out.jsonl").len(), 3);
}

#[test]
fn lines_are_answered_alike_together_and_alone() {
    let bench = Bench::new();
    let lines: Vec<_> = (0..24)
        .map(|id| json!({"id": id, "prompt": format!("Tell a story about {id}. {}", "x ".repeat(id * 3))}))
        .collect();
    let run = |arguments: &[&str], lines: &[Value]| {
        let tool = bench.run().args(WARM).args(arguments);
        let ran = tool.input(jsonl(lines)).run().exits(0);
        by_id(&records(&ran))
    };
    let alone = run(&["--parallel", "1"], &lines);
    assert_eq!(alone.len(), 24);
    let backwards: Vec<_> = lines.iter().rev().cloned().collect();
    for (arguments, lines) in [
        (&["--parallel", "24"][..], &lines),
        (&["--parallel", "5", "-t", "1"], &lines),
        (&["--unordered", "-t", "3"], &backwards),
    ] {
        assert_eq!(run(arguments, lines), alone, "{arguments:?}");
    }
}

#[test]
fn records_come_in_the_order_of_the_lines() {
    let bench = Bench::new();
    // The first line takes longest.
    let lines: Vec<_> = (0..30)
        .map(|id| json!({"id": id, "prompt": "Tell a story", "max_tokens": 60 - 2 * id}))
        .collect();
    let run = |arguments: &[&str]| {
        let tool = bench
            .run()
            .args(["--jsonl", "--parallel", "8"])
            .args(arguments);
        let found = records(&tool.input(jsonl(&lines)).run().exits(0));
        found
            .iter()
            .map(|one| one["id"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    let ordered = run(&[]);
    assert_eq!(ordered, (0..30).collect::<Vec<_>>());
    let mut unordered = run(&["--unordered"]);
    assert_ne!(unordered, ordered);
    unordered.sort_unstable();
    assert_eq!(unordered, ordered);
}

#[test]
fn an_instruction_is_computed_once() {
    let bench = Bench::new();
    let instruction = format!("Answer in one word. {}", "Be kind. ".repeat(30));
    let lines: Vec<_> = (0..6)
        .map(|id| json!({"id": id, "prompt": format!("{id}?")}))
        .collect();
    let tool = bench.run().args(["--jsonl", "-n", "2", &instruction]);
    let found = records(&tool.input(jsonl(&lines)).run().exits(0));
    for (at, record) in found.iter().enumerate() {
        let usage = &record["usage"];
        let cached = usage["prompt_tokens_details"]["cached_tokens"]
            .as_u64()
            .unwrap();
        let prompt = usage["prompt_tokens"].as_u64().unwrap();
        assert!(prompt > 100, "{record}");
        assert_eq!(cached > prompt / 2, at > 0, "{record}");
    }
}

#[test]
fn a_reader_that_has_enough_ends_an_endless_input() {
    let bench = Bench::new();
    bench
        .pipe("yes 'Say hello' | (llm-run --lines -n 2; echo $? >&2) | head -n 3 | jq .line")
        .run()
        .writes("1\n2\n3\n")
        .says("0\n");
}

#[test]
fn an_instruction_is_kept_between_runs() {
    let bench = Bench::new();
    let instruction = format!("Answer in one word. {}", "Be kind. ".repeat(60));
    let run = |text: &str, cache: &[&str]| {
        let tool = bench.run().args(["-n", "4", "--temp", "1.2"]).args(cache);
        let ran = tool.arg(&instruction).input(text).run().exits(0);
        let record = records(&ran).remove(0);
        let cached = record["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64();
        (record["text"].clone(), cached.unwrap(), ran.stderr())
    };
    let kept = ["--prefix-cache", "prefixes"];
    let texts = ["One?", "Two?", "Three?"];
    let alone = texts.map(|text| run(text, &[]).0);
    let (text, cached, _) = run(texts[0], &kept);
    assert_eq!((&text, cached), (&alone[0], 0));
    let (text, cached, _) = run(texts[1], &kept);
    assert_eq!(text, alone[1]);
    assert!(cached >= 128 && cached % 64 == 0, "{cached}");
    let files = || {
        let folder = std::fs::read_dir(bench.sandbox.path().join("prefixes")).unwrap();
        folder.map(|file| file.unwrap().path()).collect::<Vec<_>>()
    };
    assert_eq!(files().len(), 1, "{:?}", files());
    // A damaged file is passed over, said, and written anew.
    let path = &files()[0];
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, &bytes).unwrap();
    let (text, cached, told) = run(texts[2], &kept);
    assert_eq!((&text, cached), (&alone[2], 0));
    assert!(told.contains("is not used: it is damaged"), "{told}");
    assert!(run(texts[2], &kept).1 >= 128);
    // Lines use it as well, together or not.
    let lines: Vec<_> = texts.map(|text| json!({"prompt": text})).into();
    let tool = bench
        .run()
        .args(["--jsonl", "-n", "4", "--temp", "1.2"])
        .args(kept);
    let ran = tool.arg(&instruction).input(jsonl(&lines)).run().exits(0);
    for record in records(&ran) {
        let usage = &record["usage"];
        let cached = usage["prompt_tokens_details"]["cached_tokens"]
            .as_u64()
            .unwrap();
        assert!(cached >= 128, "{record}");
    }
}
