//! The same line and seed give the same bytes: again, in another order, beside other lines, with more
//! threads, at another level of the kernels. Bit-identical logits are tested in llm-engine.

use serde_json::{Value, json};

use crate::support::model::Bench;
use crate::support::records::{record, records, timeless};

/// Enough randomness that two streams hardly ever agree on eight tokens.
const WARM: [&str; 4] = ["--temp", "1.2", "-n", "8"];

#[track_caller]
fn run(bench: &Bench, arguments: &[&str]) -> Value {
    record(&bench.run().args(arguments).run().exits(0))
}

#[track_caller]
fn run_lines(bench: &Bench, arguments: &[&str], lines: &[Value]) -> Vec<Value> {
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let tool = bench.run().arg("--jsonl").args(arguments).input(input);
    records(&tool.run().exits(0))
}

#[test]
fn a_seed_gives_the_same_bytes_and_another_seed_others() {
    let bench = Bench::new();
    let with_seed = |seed: &str| {
        let arguments = [&WARM[..], &["-p", "Tell a story", "-s", seed]].concat();
        timeless(run(&bench, &arguments)).to_string()
    };
    assert_eq!(with_seed("1"), with_seed("1"));
    assert_ne!(with_seed("1"), with_seed("2"));
}

#[test]
fn a_drawn_seed_stands_in_the_record_and_replays() {
    let bench = Bench::new();
    let with_seed = |seed: &str| {
        let arguments = [&WARM[..], &["-p", "Tell a story", "-s", seed]].concat();
        timeless(run(&bench, &arguments))
    };
    let drawn = with_seed("-1");
    let seed = drawn["sampling"]["seed"].as_u64().unwrap();
    assert_eq!(with_seed(&seed.to_string()), drawn);
    // One draw of 32 bits may repeat by chance; a constant would always.
    let others = [(); 2].map(|()| with_seed("-1")["sampling"]["seed"].as_u64().unwrap());
    assert!(others != [seed, seed], "{others:?}");
}

#[test]
fn a_named_line_is_independent_of_order_and_neighbours() {
    let bench = Bench::new();
    let mut lines: Vec<_> = ["a", "b", "c"]
        .map(|id| json!({"id": id, "prompt": "Tell a story"}))
        .into();
    let forth = run_lines(&bench, &WARM, &lines);
    lines.reverse();
    let back = run_lines(&bench, &WARM, &lines);
    let alone = run_lines(&bench, &WARM, &lines[1..2]);
    for (one, other) in forth.iter().zip(back.iter().rev()) {
        assert_eq!((&one["id"], &one["text"]), (&other["id"], &other["text"]));
    }
    assert_eq!(alone[0]["text"], forth[1]["text"]);
    // The same prompt under three names draws three times.
    assert!(
        forth[0]["text"] != forth[1]["text"] || forth[1]["text"] != forth[2]["text"],
        "{forth:?}"
    );
}

#[test]
fn lines_without_a_name_draw_anew_and_the_same_again() {
    let bench = Bench::new();
    let lines = vec![json!({"prompt": "Tell a story"}); 3];
    let texts = || {
        let answers = run_lines(&bench, &WARM, &lines);
        answers
            .iter()
            .map(|a| a["text"].clone())
            .collect::<Vec<_>>()
    };
    let first = texts();
    assert_eq!(first, texts());
    assert!(first[0] != first[1] || first[1] != first[2], "{first:?}");
}

#[test]
fn threads_and_levels_change_no_byte() {
    let bench = Bench::new();
    let arguments = [
        "-p",
        "The sky is",
        "--no-template",
        "-n",
        "4",
        "--temp",
        "1.2",
    ];
    let text = |threads: &str, level: Option<&str>| {
        let tool = bench.run().args(arguments).args(["-t", threads]);
        let tool = match level {
            Some(level) => tool.env("LLM_SIMD", level),
            None => tool,
        };
        let answer = record(&tool.run().exits(0));
        assert_eq!(answer["build"]["threads"].to_string(), threads);
        if let Some(level) = level {
            assert_eq!(answer["build"]["simd"], level);
        }
        answer["text"].clone()
    };
    let one = text("1", None);
    assert_eq!(text("2", None), one);
    assert_eq!(text("3", None), one);
    // The levels of today add in the same order, so they agree to the bit.
    assert_eq!(text("2", Some("scalar")), one);
}

#[test]
fn a_level_that_is_not_there_is_a_sentence() {
    let bench = Bench::new();
    let ran = bench
        .run()
        .args(["-p", "Hi", "-n", "1"])
        .env("LLM_SIMD", "bogus")
        .run()
        .exits(2)
        .writes("")
        .says("llm-run: error: LLM_SIMD=bogus");
    assert_eq!(ran.stderr().lines().count(), 1, "{ran}");
}

#[test]
fn a_shared_instruction_is_computed_once_and_changes_nothing() {
    let bench = Bench::new();
    let instruction = "Name the colour of this thing in one word.";
    let tool = bench.run().args([instruction, "--lines", "-n", "6"]);
    let ran = tool.input("grass\nsnow\ngrass\n").run().exits(0);
    let lines = records(&ran);
    let cached = |record: &Value| {
        let details = &record["usage"]["prompt_tokens_details"];
        details["cached_tokens"].as_u64().unwrap()
    };
    assert_eq!(cached(&lines[0]), 0);
    // The template's start and the instruction: most of the prompt.
    let prompt = lines[1]["usage"]["prompt_tokens"].as_u64().unwrap();
    assert!(cached(&lines[1]) * 2 > prompt, "{}", lines[1]);
    let tool = bench.run().args([instruction, "-n", "6"]);
    let alone = record(&tool.input("snow\n").run().exits(0));
    assert_eq!(cached(&alone), 0);
    assert_eq!(alone["text"], lines[1]["text"]);
    assert_eq!(lines[2]["text"], lines[0]["text"]);
    assert_eq!(alone["request_digest"], lines[1]["request_digest"]);
}
