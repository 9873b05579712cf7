//! What does not fit the memory is refused before anything is computed, and `--force` goes on. How
//! sizes are compared is tested with the program's own unit tests.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::support::model::{self, Bench};
use crate::support::records::{record, records};

/// Positions whose cache takes 49 TB, more than any machine has.
const ENDLESS: u32 = 1 << 31;

/// The longest context that a file may claim, and the bytes of its cache.
const LONGEST: u32 = 1 << 24;
const LONGEST_BYTES: u64 = LONGEST as u64 * 23_040;

#[test]
fn a_context_that_cannot_fit_is_refused_with_both_numbers() {
    let bench = Bench::new();
    let run = |more: &[&str]| {
        let tool = bench.run().args(["-p", "Say hello.", "-n", "1"]);
        tool.args(["-c", &ENDLESS.to_string()]).args(more).run()
    };
    let ran = run(&[]).exits(2).writes("");
    let told = ran.stderr();
    let last = told.lines().last().unwrap();
    for part in [
        "llm-run: error: weights of 0.09 GiB",
        "for 2147483648 tokens",
        "GiB of memory, and ",
        "GiB are available",
        "--ctx-size",
        "--force",
    ] {
        assert!(last.contains(part), "{part:?}: {told}");
    }
    let forced = run(&["--force"]).exits(0).says("warning: weights of");
    assert_eq!(record(&forced)["type"], "completion");
}

/// Without -c a request's own length is what is checked, with the weights.
#[test]
fn a_request_that_cannot_fit_fails_alone() {
    if llm_cli::memory::available().is_some_and(|there| there > LONGEST_BYTES) {
        return; // This machine has nothing to refuse.
    }
    let bench = Bench::new();
    let model = endless(&bench);
    let model = model.to_str().unwrap();
    let lines = [
        json!({"id": "a", "prompt": "Say hello.", "max_tokens": 2_000_000_000, "stop": "e"}),
        json!({"id": "b", "prompt": "Say hello.", "max_tokens": 2}),
    ];
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let run = || {
        bench
            .run()
            .args(["-q", "--jsonl", "-m", model])
            .input(input.clone())
    };
    let answers = records(&run().run().exits(1));
    assert_eq!(answers[0]["id"], "a");
    assert_eq!(answers[0]["error"]["code"], "out_of_memory");
    let sentence = answers[0]["error"]["message"].as_str().unwrap();
    for part in [
        "weights of 0.09 GiB, a cache of",
        "are available",
        "-n",
        "--force",
    ] {
        assert!(sentence.contains(part), "{part:?}: {sentence}");
    }
    assert_eq!(answers[1]["type"], "completion");

    let ran = run().arg("--force").run().exits(0);
    assert_eq!(ran.stderr().matches("are available").count(), 1, "{ran}");
    assert_eq!(records(&ran)[0]["finish_reason"], "stop");
}

/// The real model, in a file that says it was trained for the longest context.
fn endless(bench: &Bench) -> PathBuf {
    let mut bytes = fs::read(model::file("smollm2-135m-instruct-q4_1.gguf")).unwrap();
    let key = b"llama.context_length";
    let at = bytes.windows(key.len()).position(|part| part == key);
    // The key is followed by its type and by a number of 32 bits.
    let value = at.unwrap() + key.len() + 4;
    bytes[value..value + 4].copy_from_slice(&LONGEST.to_le_bytes());
    bench.file("endless.gguf", bytes)
}
