//! Before and after a run over many lines: requests in their records, answers that are given again and
//! compared, and what a run would take. How answers are compared is tested in the program itself.

use serde_json::{Value, json};

use crate::harness::Ran;
use crate::support::model::{Bench, DIGEST, file};
use crate::support::records::{record, records};

/// Draws, so that a replay has to find the random stream again; equal lines without an id draw anew.
const WARM: &str = "--temp 1.2 -n 6 -s 5";

/// Two lines with ids, two equal ones without, and one that has nothing to answer.
const ROWS: &str = r#"{"id":"a","prompt":"Name a color."}
{"prompt":"Tell a story"}
{"prompt":"Tell a story"}
{"id":7,"prompt":"Name a city.","max_tokens":3,"seed":9}
{"id":"e","title":"nothing to answer"}
"#;

fn bench() -> Bench {
    let bench = Bench::new();
    bench.file("rows.jsonl", ROWS);
    bench
}

fn run(bench: &Bench, script: &str) -> Ran {
    bench.pipe(script).run()
}

/// A bench with a first run's output, with and without its requests.
fn after_a_run() -> Bench {
    let bench = bench();
    let script = format!(
        "llm-run --jsonl {WARM} --record-request -o whole.jsonl < rows.jsonl
         jq -c 'del(.request)' whole.jsonl > out.jsonl"
    );
    run(&bench, &script).exits(0);
    bench
}

/// Returns one field of each record, null where it is absent.
fn column(records: &[Value], pointer: &str) -> Vec<Value> {
    let field = |record: &Value| record.pointer(pointer).cloned().unwrap_or_default();
    records.iter().map(field).collect()
}

/// The flags need not be given again: each record has its settings.
#[test]
fn the_same_rows_give_the_same_answers() {
    let bench = after_a_run();
    let ran = run(&bench, "llm-run --replay out.jsonl < rows.jsonl").exits(0);
    let read = records(&ran);
    assert_eq!(column(&read, "/type"), ["replay"; 4]);
    assert_eq!(column(&read, "/same"), [true; 4]);
    assert_eq!(
        column(&read, "/id"),
        ["a".into(), Value::Null, Value::Null, 7.into()]
    );
    assert_eq!(column(&read, "/line"), [1, 2, 3, 4]);
    assert_eq!(column(&read, "/was"), [(); 4].map(|()| Value::Null));
    ran.says("4 same, 0 different, 0 missing, 0 failed; error records passed over: 1");
}

/// Rows may come in another order, and fewer of them; the equal ones are told apart all the same.
#[test]
fn rows_are_found_in_any_order() {
    let bench = after_a_run();
    let ran = run(
        &bench,
        "tac rows.jsonl | grep -v color | llm-run --replay out.jsonl --parallel 2 -t 1",
    )
    .exits(0);
    let read = records(&ran);
    assert_eq!(column(&read, "/same"), [true; 3]);
    assert_eq!(
        column(&read, "/occurrence"),
        [Value::Null, Value::Null, 2.into()]
    );
    ran.says("answers not asked for again: 1");
}

#[test]
fn with_the_requests_in_the_records_no_rows_are_needed() {
    let bench = after_a_run();
    // Nobody writes into this pipe, and it does not end: whoever reads it waits for ever.
    let script = "mkfifo silent; timeout 60 llm-run --replay whole.jsonl <> silent";
    let ran = run(&bench, script).exits(0);
    let read = records(&ran);
    assert_eq!(column(&read, "/same"), [true; 4]);
    assert_eq!(column(&read, "/line"), [1, 2, 3, 4]);
}

/// A request of a record is a line of input, and gives the same answer without any flag.
#[test]
fn a_recorded_request_is_a_line_of_input() {
    let bench = after_a_run();
    let again = "jq -c 'select(.request).request' whole.jsonl | llm-run --jsonl";
    let again = records(&run(&bench, again).exits(0));
    let first = records(&run(&bench, "grep '\"request\":' whole.jsonl").exits(0));
    for field in [
        "/id",
        "/text",
        "/request_digest",
        "/sampling",
        "/occurrence",
    ] {
        assert_eq!(column(&again, field), column(&first, field), "{field}");
    }
    let request = &first[0]["request"];
    assert_eq!(
        request["messages"],
        json!([{"role": "user", "content": "Name a color."}])
    );
    assert_eq!(
        (&request["max_tokens"], &request["seed"]),
        (&json!(6), &json!(5))
    );
}

#[test]
fn a_request_holds_what_the_flags_have_added_and_a_raw_one_its_prompt() {
    let bench = Bench::new();
    let call = bench
        .run()
        .args(["--record-request", "-n", "1", "-p", "a cat", "Describe"]);
    let chat = record(&call.args(["--system", "Be brief."]).run().exits(0));
    assert_eq!(
        chat["request"]["messages"],
        json!([{"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Describe\n\na cat"}])
    );
    let call = bench
        .run()
        .args(["--record-request", "-n", "1", "-p", "a cat", "Describe"]);
    let raw = record(&call.arg("--no-template").run().exits(0));
    assert_eq!(raw["request"]["prompt"], "Describe\n\na cat");
    assert_eq!(raw["request"]["messages"], Value::Null);
    let none = bench.run().args(["-n", "1", "-p", "a cat"]).run().exits(0);
    assert_eq!(record(&none)["request"], Value::Null);
}

#[test]
fn a_difference_is_told_with_its_place_and_makes_status_1() {
    let bench = after_a_run();
    let script =
        "jq -c 'if .line == 1 then .text = \"Käse\" + .text else . end' out.jsonl > old.jsonl
        llm-run --replay old.jsonl < rows.jsonl";
    let ran = run(&bench, script).exits(1);
    let read = records(&ran);
    assert_eq!(column(&read, "/same"), [false, true, true, true]);
    assert_eq!(read[0]["differs"], "text");
    let (was, is) = (
        read[0]["was"].as_str().unwrap(),
        read[0]["is"].as_str().unwrap(),
    );
    assert_eq!(was, format!("Käse{is}"));
    let common = was.bytes().zip(is.bytes()).take_while(|(a, b)| a == b);
    assert_eq!(read[0]["first_difference"], common.count());
    ran.says("3 same, 1 different");
    let text = run(&bench, "llm-run -T --replay old.jsonl < rows.jsonl").exits(1);
    let line = format!(
        "line 1 differs: the answer, from byte {} on\n",
        read[0]["first_difference"]
    );
    text.writes(&line);
}

#[test]
fn what_has_changed_around_an_answer_is_named() {
    let bench = after_a_run();
    let script = "jq -c '.build.version = \"0.0.1\" | .build.threads = 77' whole.jsonl > old.jsonl
        llm-run --replay old.jsonl";
    let read = records(&run(&bench, script).exits(0));
    assert_eq!(column(&read, "/same"), [true; 4]);
    assert_eq!(read[0]["changed"], json!(["version", "threads"]));
    // Another row under the same id is answered, and said to be another; without an id it is unknown.
    let script = "sed 's/color/tree/; s/a story/a joke/' rows.jsonl | llm-run --replay out.jsonl";
    let ran = run(&bench, script).exits(1);
    let read = records(&ran);
    assert_eq!(read[0]["changed"], json!(["request_digest"]));
    assert_eq!(column(&read[1..3], "/missing"), [true; 2]);
    assert_eq!(read[3]["same"], true);
    ran.says("2 missing");
}

#[test]
fn other_weights_are_named_once() {
    let bench = after_a_run();
    let gemma = file("gemma-3-270m-q4_k_m.gguf");
    let ran = run(
        &bench,
        &format!("llm-run -m {} --replay whole.jsonl", gemma.display()),
    )
    .exits(1);
    let told = ran
        .stderr()
        .matches("other weights give other answers")
        .count();
    assert_eq!(told, 1, "{}", ran.stderr());
    for record in records(&ran) {
        let changed = record["changed"].as_array().unwrap();
        assert!(changed.contains(&"model_digest".into()), "{record}");
        assert_ne!(record["model"]["digest"], DIGEST);
    }
}

#[test]
fn what_cannot_be_replayed_is_a_sentence() {
    let bench = after_a_run();
    bench.file("other.jsonl", "{\"a\":1}\n");
    for (call, sentence) in [
        ("--replay nothing.jsonl", "cannot read 'nothing.jsonl'"),
        ("--replay other.jsonl", "holds no completion record"),
        ("--replay <(cat out.jsonl)", "is no file"),
        (
            "--replay whole.jsonl -o whole.jsonl",
            "both input and output",
        ),
        ("--replay whole.jsonl -n 5", "cannot be used with"),
    ] {
        run(&bench, &format!("llm-run {call} < rows.jsonl"))
            .exits(2)
            .writes("")
            .says(sentence);
    }
    let torn = "head -c -9 whole.jsonl > torn.jsonl; llm-run --replay torn.jsonl";
    run(&bench, torn)
        .exits(0)
        .says("passed over in 'torn.jsonl': 1 line that is no record");
}

#[test]
fn an_estimate_counts_what_a_run_would() {
    let bench = bench();
    let call = "llm-run --jsonl -n 6 'Answer in one word.' < rows.jsonl";
    let ran = run(&bench, &call.replace("-n 6", "-n 6 --estimate --watts 90")).exits(1);
    let estimate = record(&ran);
    assert_eq!(
        (&estimate["lines"], &estimate["failed"]),
        (&json!(4), &json!(1))
    );
    let counted = records(&run(&bench, &format!("{call} --count")).exits(1));
    let tokens = column(&counted, "/usage/prompt_tokens");
    let sum: u64 = tokens.iter().filter_map(Value::as_u64).sum();
    assert_eq!(estimate["prompt_tokens"], sum);
    assert_eq!(estimate["max_completion_tokens"], 3 * 6 + 3);
    let shown = records(&run(&bench, &format!("{call} --show-prompt")).exits(1));
    let prompts: Vec<&Vec<Value>> = shown
        .iter()
        .filter_map(|record| record["tokens"].as_array())
        .collect();
    let shared = (0..)
        .take_while(|at| {
            let token = prompts[0].get(*at);
            token.is_some() && prompts.iter().all(|prompt| prompt.get(*at) == token)
        })
        .count();
    assert_eq!(estimate["shared_prefix_tokens"], shared);
    let number = |pointer: &str| estimate.pointer(pointer).unwrap().as_f64().unwrap();
    // What is computed again is not counted again.
    let prompts = (sum - 3 * shared as u64) as f64 / number("/speed/prompt_tokens_per_second");
    let hours = (prompts + 21.0 / number("/speed/tokens_per_second")) / 3600.0;
    assert!((number("/hours") - hours).abs() < 1e-9, "{estimate}");
    assert!((number("/kwh") - hours * 0.09).abs() < 1e-9, "{estimate}");
    assert!(number("/cloud/usd") > number("/cloud/usd_by_batch"));
    assert!(number("/memory/weights_bytes") > 90e6 && number("/memory/cache_bytes") > 0.0);
    assert!(number("/speed/measured_ms") > 0.0);
    assert_eq!(number("/parallel") as u64, 4);
}

#[test]
fn an_estimate_leaves_out_what_nobody_knows() {
    let bench = bench();
    let ran = run(&bench, "llm-run --lines --estimate < rows.jsonl").exits(0);
    assert_eq!(record(&ran)["kwh"], Value::Null);
    ran.says("--watts").says("measured here");
    let none = run(&bench, "llm-run --lines --estimate < /dev/null").exits(0);
    let none = record(&none);
    assert_eq!((&none["lines"], &none["hours"]), (&json!(0), &Value::Null));
    run(
        &bench,
        "llm-run --lines --estimate --cloud nobody/nothing < rows.jsonl",
    )
    .exits(2)
    .says("nobody/nothing");
    run(&bench, "llm-run --lines --watts 5 < rows.jsonl")
        .exits(2)
        .says("--estimate");
}

/// A prompt that went to the model as it was goes so again, whatever the template.
#[test]
fn a_raw_request_is_replayed_raw() {
    let bench = bench();
    let script = format!(
        "llm-run --jsonl {WARM} --no-template --record-request -o raw.jsonl < rows.jsonl
         llm-run --replay raw.jsonl"
    );
    let read = records(&run(&bench, &script).exits(0));
    assert_eq!(column(&read, "/same"), [true; 4]);
}

/// The record holds what was left of the text, and how prompts were made.
#[test]
fn a_cut_request_under_a_template_and_a_context_of_its_own_needs_no_flags() {
    let bench = bench();
    bench.file(
        "own.jinja",
        "{% for message in messages %}<<{{ message.content }}>>{% endfor %}",
    );
    let long = "one two three ".repeat(60);
    bench.file(
        "long.jsonl",
        format!("{}\n", json!({"text": long, "temperature": 1.5})),
    );
    let script =
        "llm-run --jsonl 'Sum it up.' -c 96 -n -1 --chat-template own.jinja --on-overflow tail \
                  --record-request -o long.out < long.jsonl
                  llm-run --replay long.out";
    let read = record(&run(&bench, script).exits(0));
    assert_eq!(
        (&read["same"], &read["changed"]),
        (&json!(true), &Value::Null)
    );
    let answer = record(&run(&bench, "cat long.out"));
    let sum = |field: &str| answer["usage"][field].as_u64().unwrap();
    assert_eq!(sum("total_tokens"), 96, "the context is what ended it");
    assert!(answer["truncated"]["tokens"].as_u64().unwrap() > 0);
    let content = answer["request"]["messages"][0]["content"]
        .as_str()
        .unwrap();
    assert!(content.starts_with("Sum it up.") && content.len() < long.len());
    // What is given again counts, and what records say otherwise is told.
    let other = "cp long.out two.out
                 jq -c '.request.ctx_size = 4096' long.out >> two.out
                 llm-run --replay two.out -c 80";
    let ran = run(&bench, other).says("those of the first record are used for all");
    assert_eq!(
        column(&records(&ran.exits(1)), "/differs"),
        ["text", "text"]
    );
}

/// Neither which model it was nor how markup was read has to be said again.
#[test]
fn a_record_says_which_model_and_how_markup_was_read() {
    let bench = bench();
    let gemma = file("gemma-3-270m-q4_k_m.gguf");
    let script = format!(
        "echo 'a <end_of_turn> b' | llm-run --lines -n 4 -m {0} --parse-special --record-request -o g.jsonl
         llm-run --replay g.jsonl",
        gemma.display()
    );
    let read = record(&run(&bench, &script).exits(0));
    assert_eq!(
        (&read["same"], &read["changed"]),
        (&json!(true), &Value::Null)
    );
    assert!(read["model"]["name"].as_str().unwrap().contains("gemma"));
}

#[test]
fn a_replay_that_asks_nothing_is_no_success() {
    let bench = after_a_run();
    run(&bench, "llm-run --replay out.jsonl < /dev/null")
        .exits(1)
        .says("no request was run again");
}

#[test]
fn an_estimate_of_a_run_to_go_on_with_counts_what_is_open() {
    let bench = bench();
    let script = "head -2 rows.jsonl | llm-run --jsonl -n 3 -o out.jsonl
                  llm-run --jsonl -n 3 --estimate --resume out.jsonl < rows.jsonl";
    let estimate = record(&run(&bench, script).exits(1));
    let lines = ["lines", "failed", "skipped"].map(|field| &estimate[field]);
    assert_eq!(lines, [2, 1, 2]);
}

/// Nothing is generated for labels, and so they are what counts.
#[test]
fn labels_are_estimated_by_their_tokens() {
    let bench = bench();
    let line = r#"{"prompt":"Is it good?"}"#;
    let tool = bench
        .run()
        .args(["--jsonl", "--choices", "yes,no", "--estimate"]);
    let estimate = record(&tool.input(line).run().exits(0));
    let tool = bench.run().args(["--jsonl", "--choices", "yes,no"]);
    let answer = record(&tool.input(line).run().exits(0));
    assert_eq!(
        estimate["max_completion_tokens"],
        answer["usage"]["completion_tokens"]
    );
}
