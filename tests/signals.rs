//! How a run ends before its work does: readers that close, disks that are full, Ctrl-C and
//! termination. What is on standard output is whole in every case.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::ChildStdout;
use std::time::{Duration, Instant};

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
    for (signal, status) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let short = r#"{"id":"short","prompt":"Say hello","max_tokens":2}"#;
        // Who runs the tests may have left SIGHUP ignored, as nohup does.
        let tool = bench
            .pipe("exec env --default-signal=HUP llm-run --no-template --jsonl")
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

/// SIGUSR1 asks how far the run is, also of a quiet one; nohup's choice about the terminal's end stays.
#[test]
fn a_run_tells_how_far_it_is_and_goes_on() {
    let bench = Bench::new();
    let lines =
        "{\"id\":\"short\",\"prompt\":\"Say hello\",\"max_tokens\":2}\n".to_owned() + ENDLESS;
    let tool = bench
        .pipe("trap '' HUP; exec llm-run --no-template --jsonl -q")
        .input(lines);
    let (mut running, _stdout, _) = started(tool);
    running.signal("HUP");
    running.signal("USR1");
    let mut told = String::new();
    let stderr = running.child.stderr.take().unwrap();
    BufReader::new(stderr).read_line(&mut told).unwrap();
    assert!(told.contains("1 done, 0 failed"), "{told}");
    assert!(told.contains("1 under way, with "), "{told}");
    running.signal("TERM");
    assert_eq!(running.child.wait().unwrap().code(), Some(143));
}

#[test]
fn a_run_without_a_terminal_tells_how_far_it_is_now_and_then() {
    let bench = Bench::new();
    let told = bench
        .pipe("timeout 3 llm-run --no-template --jsonl --progress-every 1s")
        .input(ENDLESS)
        .run()
        .stderr();
    assert!(told.contains("1 under way, with "), "{told}");
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

/// One signal is enough, and felt at once: a fifth of a second is the least that a person notices. The
/// machine may be busy, so the best of a few times counts.
fn ends_at_once(about: &str, make: &dyn Fn() -> Tool) {
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        let running = make().start();
        // It is in the midst of its step by then: none of them ends by itself.
        std::thread::sleep(Duration::from_millis(700));
        let start = Instant::now();
        running.signal("TERM");
        let ran = running.wait().exits(143);
        fastest = fastest.min(start.elapsed());
        let whole = ran.stdout();
        assert!(whole.is_empty() || whole.len() >= 65_536, "{about}: {ran}");
        if fastest <= Duration::from_millis(200) {
            return;
        }
    }
    panic!("{about}: {fastest:?}");
}

#[test]
fn one_signal_ends_every_step_at_once() {
    let bench = Bench::new();
    let status = std::process::Command::new("mkfifo")
        .arg(bench.sandbox.path().join("fifo"))
        .status()
        .unwrap();
    assert!(status.success());
    // One word without an end: its pairs are joined for many seconds.
    bench.file("word.txt", "ab".repeat(4_000_000));
    // More than a pipe holds.
    bench.file("text.txt", "a line of a log\n".repeat(12_000));
    // It takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    let run = |args: &[&str]| bench.run().args(args);
    let tool = |name: &str, args: &[&str]| bench.sandbox.tool(name).args(args);
    let steps: [(&str, &dyn Fn() -> Tool); 8] = [
        ("tokens are counted", &|| {
            run(&["--count", "-f", "word.txt"])
        }),
        ("a text is awaited", &|| run(&["-f", "fifo"])),
        ("a template is awaited", &|| {
            run(&["-p", "hi", "--chat-template", "fifo"])
        }),
        ("nobody reads the output", &|| {
            run(&["--show-prompt", "-f", "text.txt"])
        }),
        ("records are awaited", &|| {
            let machine = ["payback", "--machine", "framework-desktop-395-128"];
            let model = ["--local", "gpt-oss-120b", "--usage", "fifo"];
            tool("llm-cost", &[&machine[..], &model].concat())
        }),
        ("vectors are awaited", &|| {
            tool("llm-embed", &["search", "fifo", "hi", "-m", "x"])
        }),
        ("a hub is awaited", &|| {
            tool("llm-pull", &["org/x"]).env("HF_ENDPOINT", &silent)
        }),
        ("a long prompt is computed", &|| {
            let tool = tool(
                "llm-bench",
                &["--shape", "smollm2-135m:q4_0", "-p", "8192", "-n", "0"],
            );
            tool.env("LLM_SIMD", "scalar")
        }),
    ];
    for (about, make) in steps {
        ends_at_once(about, make);
    }
}

/// What is known when a step is cut off is told, as at an end in order.
#[test]
fn a_signal_amid_a_long_step_tells_the_sums_so_far() {
    let bench = Bench::new();
    let short = r#"{"id":"short","prompt":"Say hello","max_tokens":2}"#;
    bench.file("short.jsonl", format!("{short}\n"));
    let long = "ab".repeat(4_000_000);
    bench.file("long.jsonl", format!("{{\"prompt\":\"{long}\"}}\n"));
    let ran = bench
        .pipe(
            "{ cat short.jsonl; while [ ! -s out ]; do sleep 0.1; done; cat long.jsonl; } 2> /dev/null | \
             llm-run --no-template --jsonl --on-overflow head > out & while [ ! -s out ]; do sleep 0.1; done; \
             sleep 1; kill -s INT $!; wait $!; echo $?; cat out",
        )
        .run()
        .says("1 done, 0 failed, 0 skipped");
    assert_eq!(ran.stderr().matches(" done").count(), 1, "{ran}");
    let shown = ran.stdout();
    let (status, out) = shown.split_once('\n').unwrap();
    assert_eq!(status, "130", "{ran}");
    assert!(out.ends_with("}\n") && out.lines().count() == 1, "{ran}");
}

/// The time of a request begins with the work on it, and not with its first token.
#[test]
fn a_timeout_counts_while_a_prompt_is_made() {
    let bench = Bench::new();
    bench.file("word.txt", "ab".repeat(4_000_000));
    let start = Instant::now();
    let ran = bench
        .run()
        .args([
            "-f",
            "word.txt",
            "--timeout",
            "0.2",
            "--on-overflow",
            "head",
        ])
        .run()
        .exits(1);
    let closed = &records(&ran)[0];
    assert_eq!(closed["error"]["code"], "timeout", "{ran}");
    // All of the work takes tens of seconds.
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}

/// A model's file that loses its end while it is computed with.
#[test]
fn a_model_file_that_is_cut_short_in_use_is_named() {
    let bench = Bench::new();
    let path = bench.sandbox.path().join("cut.gguf");
    std::fs::copy(
        crate::support::model::file("smollm2-135m-instruct-q4_1.gguf"),
        &path,
    )
    .unwrap();
    let tool = bench
        .run()
        .args(["-m", "./cut.gguf", "--no-template", "--jsonl", "--stream"])
        .input(ENDLESS);
    let (running, mut stdout, _) = started(tool);
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(1_000_000).unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert!(rest.is_empty() || rest.ends_with("}\n"), "{rest}");
    let ran = running.wait().exits(1);
    ran.says("llm-run: error: './cut.gguf' was cut short while it is in use");
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
