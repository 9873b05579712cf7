//! `llm-run` and `llm-cost` make no network call: they run under a kernel filter that ends a process at the
//! first one.
//! That the filter does so is shown on programs that make one.

use std::io::Cursor;
use std::os::unix::process::ExitStatusExt;
use std::thread;

use seccompiler::{BpfProgram, TargetArch, compile_from_json};
use serde_json::{Value, json};

use crate::harness::{Ran, Sandbox, Tool};
use crate::support::model::Bench;
use crate::support::records::records;

/// Signal of a process that the filter ended.
const SIGSYS: i32 = 31;

/// Every way to reach another host, or a daemon beside us that would. Not among them: `socketpair`,
/// which reaches nobody, and receiving, which needs a socket first; the standard library does both to
/// learn whether a program could be started.
const CALLS: [&str; 10] = [
    "socket",
    "connect",
    "bind",
    "listen",
    "accept",
    "accept4",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "io_uring_setup",
];

fn filter() -> BpfProgram {
    let calls: Vec<Value> = CALLS.iter().map(|call| json!({"syscall": call})).collect();
    let text = json!({"network": {"mismatch_action": "allow", "match_action": "kill_process",
        "filter": calls}});
    let machine = TargetArch::try_from(std::env::consts::ARCH).unwrap();
    let mut filters = compile_from_json(Cursor::new(text.to_string()), machine).unwrap();
    filters.remove("network").unwrap()
}

/// Runs a program under the filter, which it inherits from a thread of its own: no other test is
/// under it.
fn without_network(tool: Tool) -> Ran {
    let filter = filter();
    let thread = thread::spawn(move || {
        seccompiler::apply_filter(&filter).unwrap();
        tool.run()
    });
    thread.join().unwrap()
}

#[test]
fn the_filter_ends_a_program_that_opens_a_socket() {
    let sandbox = Sandbox::new();
    // A datagram socket is connected without a packet, so that this works on a machine without a
    // network too.
    let control = || sandbox.pipe("exec 3<> /dev/udp/127.0.0.1/9");
    control().run().exits(0);
    assert_eq!(without_network(control()).status().signal(), Some(SIGSYS));
    without_network(sandbox.pipe("echo in; cat < /dev/null")).exits(0);
    // So would our own program that fetches; nothing listens on port 9 as a rule.
    let pull = || {
        let tool = sandbox.tool("llm-pull").arg("org/repo");
        tool.env("HF_ENDPOINT", "http://127.0.0.1:9")
    };
    pull().run().exits(2).says("cannot reach");
    assert_eq!(without_network(pull()).status().signal(), Some(SIGSYS));
}

#[test]
fn a_run_makes_no_network_call() {
    let bench = Bench::new();
    let input = "{\"prompt\":\"Say hello\"}\nbroken\n{\"prompt\":\"Say goodbye\"}\n";
    let tool = bench.run().args(["--jsonl", "--stream", "-n", "2"]);
    let ran = without_network(tool.input(input)).exits(1);
    assert!(records(&ran).len() >= 3, "{ran}");
    let candle = ["-p", "Hi", "--no-template", "-n", "1", "--device", "candle"];
    without_network(bench.run().args(candle)).exits(0);
}

#[test]
fn a_run_does_not_look_for_a_model_elsewhere() {
    let sandbox = Sandbox::new();
    for name in ["smollm2", "org/repo", "nonsense"] {
        let tool = sandbox.tool("llm-run").args(["-p", "Hi", "-m", name]);
        let tool = tool.env("HF_ENDPOINT", "http://127.0.0.1:9");
        without_network(tool).exits(2).says(name);
    }
}

#[test]
fn a_cost_makes_no_network_call() {
    let sandbox = Sandbox::new();
    for line in [
        "payback --profile medium --machine dgx-spark-128 --local gpt-oss-120b",
        "floor llama-3.3-70b",
        "floor --this-machine",
        "catalogue prices",
    ] {
        let tool = sandbox.tool("llm-cost").args(line.split(' '));
        without_network(tool).exits(0);
    }
}
