//! How a run ends before its work does: readers that close, disks that are full, Ctrl-C and
//! termination. What is on standard output is whole in every case.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::ChildStdout;

use crate::harness::{Running, Sandbox, Tool};
use crate::support::model::Bench;
use crate::support::records::records;

/// An answer that takes half a minute if nothing ends it: the model counts on and on, where no chat
/// template (`--no-template`) tells it to come to an end.
const ENDLESS: &str = r#"{"id":"long","prompt":"1, 2, 3,","max_tokens":4000}"#;

#[test]
fn a_reader_that_has_enough_ends_the_run_quietly() {
    let bench = Bench::new();
    // Endless input: only the closed reader ends it. `yes` itself is told so by its own signal.
    bench
        .pipe("{ yes 'Say hello' || :; } | timeout 60 llm-run --lines -n 2 | head -n 1 | wc -l")
        .run()
        .exits(0)
        .writes("1\n")
        .says_nothing();
}

#[test]
fn a_reader_that_closes_amid_an_answer_ends_it() {
    let bench = Bench::new();
    bench
        .pipe("timeout 60 llm-run --no-template --jsonl --stream | head -n 3 | wc -l")
        .input(ENDLESS)
        .run()
        .exits(0)
        .writes("3\n")
        .says_nothing();
    // No write is due before the end, after more than 20 s: the run has to look by itself.
    bench
        .pipe("timeout 20 llm-run --no-template --jsonl | true")
        .input(ENDLESS)
        .run()
        .exits(0)
        .says_nothing();
}

#[test]
fn a_reader_that_closes_while_input_is_awaited_ends_the_run() {
    let bench = Bench::new();
    bench
        .pipe(
            "mkfifo lines; exec 3<> lines; echo hello >&3; \
             timeout 60 llm-run --lines -n 1 < lines | head -n 1 | wc -l",
        )
        .run()
        .exits(0)
        .writes("1\n")
        .says_nothing();
}

/// A limit on the size of files breaks a write in the middle of a record, as a disk does that fills up.
#[test]
fn a_disk_that_fills_up_leaves_whole_records() {
    let bench = Bench::new();
    let lines: String = (0..40).map(|id| format!("{{\"id\":{id},oops\n")).collect();
    for end in ["-o out.jsonl", "> out.jsonl"] {
        bench
            .pipe(&format!(
                "(ulimit -f 1; llm-run --jsonl {end}; echo $?); \
                 tail -c 1 out.jsonl | od -An -c; rm out.jsonl"
            ))
            .input(lines.as_str())
            .run()
            .says("File too large")
            .writes("1\n  \\n\n");
    }
}

#[test]
fn a_full_disk_is_a_sentence_and_status_1() {
    let bench = Bench::new();
    for form in ["--format=jsonl", "--format=text"] {
        let ran = bench
            .run()
            .args(["-p", "Hi", "-n", "1", form])
            .output_to(Path::new("/dev/full"))
            .wait();
        let ran = ran
            .exits(1)
            .says("llm-run: error: cannot write standard output: No space left on device");
        assert_eq!(ran.stderr().lines().count(), 1, "{ran}");
    }
    bench
        .run()
        .args(["-p", "Hi", "-n", "1", "-o", "/dev/full"])
        .run()
        .exits(1)
        .says("cannot write '/dev/full'");
    let help = bench.run().arg("--help").output_to(Path::new("/dev/full"));
    help.wait().exits(1).says("No space left on device");
}

/// Starts a run and waits for its first line.
fn started(tool: Tool) -> (Running, BufReader<ChildStdout>, String) {
    let mut running = tool.start();
    let mut stdout = BufReader::new(running.child.stdout.take().unwrap());
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    (running, stdout, first)
}

#[test]
fn ctrl_c_between_records_leaves_whole_ones() {
    let bench = Bench::new();
    for (signal, status) in [("INT", 130), ("TERM", 143)] {
        let short = r#"{"id":"short","prompt":"Say hello","max_tokens":2}"#;
        let tool = bench
            .run()
            .args(["--no-template", "--jsonl"])
            .input(format!("{short}\n{ENDLESS}\n"));
        let (running, mut stdout, first) = started(tool);
        running.signal(signal);
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        let ran = running
            .wait()
            .exits(status)
            .says("1 done, 0 failed, 0 skipped");
        assert!(
            first.contains(r#""id":"short""#) && first.ends_with("}\n"),
            "{first}{ran}"
        );
        assert_eq!(rest, "", "{ran}");
    }
}

#[test]
fn ctrl_c_amid_an_answer_leaves_whole_pieces() {
    let bench = Bench::new();
    let tool = bench
        .run()
        .args(["--no-template", "--jsonl", "--stream"])
        .input(ENDLESS);
    let (running, mut stdout, first) = started(tool);
    running.signal("INT");
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    running.wait().exits(130).says_nothing();
    let all = first + &rest;
    assert!(all.ends_with("}\n"), "{all}");
    for line in all.lines() {
        let piece: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(piece["type"], "delta", "{line}");
    }
}

#[test]
fn ctrl_c_while_input_is_awaited_ends_the_run() {
    let bench = Bench::new();
    let ran = bench
        .pipe(
            "mkfifo lines; llm-run --lines -n 1 < lines > out & exec 3> lines; echo hello >&3; \
             while [ ! -s out ]; do sleep 0.1; done; kill -s TERM $!; wait $!; echo $?; cat out",
        )
        .run();
    let shown = ran.stdout();
    let (status, out) = shown.split_once('\n').unwrap();
    assert_eq!(status, "143", "{ran}");
    assert!(out.ends_with("}\n") && out.lines().count() == 1, "{ran}");
}

/// On the scalar level the second prompt takes minutes.
#[test]
fn termination_amid_a_long_prompt_of_a_benchmark_ends_it() {
    let sandbox = Sandbox::new();
    let ran = sandbox
        .pipe(
            "timeout 60 llm-bench --shape smollm2-135m:q4_0 -p 4,8192 -n 0 -r 1 > out & \
             while [ ! -s out ]; do sleep 0.1; done; kill -s TERM $!; wait $!; echo $?; wc -l < out",
        )
        .env("LLM_SIMD", "scalar")
        .run();
    let shown: Vec<String> = ran.stdout().split_whitespace().map(str::to_owned).collect();
    assert_eq!(shown, ["143", "1"], "{ran}");
}

#[test]
fn a_signal_that_comes_twice_is_obeyed_at_once() {
    let bench = Bench::new();
    let tool = bench
        .run()
        .args(["--no-template", "--jsonl", "--stream"])
        .input(ENDLESS);
    let (running, _stdout, _) = started(tool);
    running.signal("INT");
    running.signal("INT");
    running.wait().exits(130).says_nothing();
}

#[test]
fn without_a_signal_the_same_run_ends_well() {
    let bench = Bench::new();
    let short = r#"{"id":"short","prompt":"Say hello","max_tokens":2}"#;
    let ran = bench
        .run()
        .args(["--no-template", "--jsonl", "--stream"])
        .input(short)
        .run();
    assert!(records(&ran.exits(0)).len() >= 2);
}
