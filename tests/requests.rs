//! What becomes of one request: the prompt that is made of it, its settings, the tokens it counts, the
//! digest that names it, and how records of one run feed the next.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::hub::sha256;
use crate::support::model::Bench;
use crate::support::records::{record, records, timeless};

/// Runs with arguments and returns the one record.
#[track_caller]
fn run(bench: &Bench, arguments: &[&str]) -> Value {
    record(&bench.run().args(arguments).run().exits(0))
}

/// Runs `--jsonl` over objects and returns the records.
#[track_caller]
fn run_lines(bench: &Bench, arguments: &[&str], lines: &[Value], status: i32) -> Vec<Value> {
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let tool = bench.run().arg("--jsonl").args(arguments).input(input);
    records(&tool.run().exits(status))
}

fn prompt_tokens(record: &Value) -> u64 {
    record["usage"]["prompt_tokens"].as_u64().unwrap()
}

#[test]
fn a_chain_keeps_ids_and_inputs_and_passes_errors_on_unchanged() {
    let bench = Bench::new();
    let input = concat!(
        r#"{"id":"a","prompt":"Say hello","title":"T"}"#,
        "\nbroken\n",
        r#"{"id":"c","prompt":"Say goodbye"}"#,
        "\n"
    );
    let ran = bench
        .pipe(
            "llm-run --jsonl --keep title --stream -n 4 | tee first | \
             llm-run --jsonl 'Shout:' -n 2",
        )
        .input(input)
        .run()
        .exits(1);
    let first = std::fs::read_to_string(bench.sandbox.path().join("first")).unwrap();
    let failure = first
        .lines()
        .find(|line| line.contains(r#""type":"error""#))
        .unwrap();
    // Byte for byte, not only in meaning; and the deltas of the first run are no requests.
    let shown = ran.stdout();
    assert_eq!(shown.lines().nth(1), Some(failure), "{ran}");
    let chained = records(&ran);
    assert_eq!(chained.len(), 3, "{ran}");
    assert_eq!(chained[0]["id"], "a");
    assert_eq!(chained[0]["input"], json!({"title": "T"}));
    assert_eq!(chained[2]["id"], "c");
    assert_eq!(chained[2].get("input"), None);
    // The prompt of the second run is the text of the first.
    let text = first
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|record| record["type"] == "completion")
        .unwrap()["text"]
        .clone();
    let prompt = format!("Shout:\n\n{}", text.as_str().unwrap());
    let alone = run(&bench, &["-p", &prompt, "-n", "2"]);
    assert_eq!(chained[0]["request_digest"], alone["request_digest"]);
}

#[test]
fn a_template_makes_prompts_of_fields() {
    let bench = Bench::new();
    let lines = [
        json!({"id": 1, "title": "Red", "body": {"size": 3}, "input": "kept out"}),
        json!({"id": 2, "title": "Blue"}),
    ];
    let template = "Colour {{title}}, size {{body.size}}";
    let arguments = [
        "--template",
        template,
        "--keep",
        "title",
        "--keep",
        "body",
        "-n",
        "1",
    ];
    let answers = run_lines(&bench, &arguments, &lines, 1);
    assert_eq!(
        answers[0]["input"],
        json!({"title": "Red", "body": {"size": 3}})
    );
    let alone = run(&bench, &["-p", "Colour Red, size 3", "-n", "1"]);
    assert_eq!(answers[0]["request_digest"], alone["request_digest"]);
    assert_eq!(answers[1]["error"]["code"], "missing_field");
    let sentence = answers[1]["error"]["message"].as_str().unwrap();
    assert!(sentence.contains("{{body.size}}"), "{sentence}");
    // What failed can still be told apart.
    assert_eq!(answers[1]["input"], json!({"title": "Blue"}));
    assert_eq!(answers[1]["id"], 2);
}

#[test]
fn a_line_wins_over_the_flags() {
    let bench = Bench::new();
    let lines = [
        json!({"prompt": "Say hello"}),
        json!({"prompt": "Say hello", "max_tokens": 3, "temperature": 0.5, "seed": 9, "top_k": 5,
            "top_p": 0.9, "min_p": 0.1, "repeat_penalty": 1.1, "repeat_last_n": 7, "stop": "zzz"}),
        json!({"prompt": "Say hello", "max_completion_tokens": 1, "stop": ["a", "b"]}),
    ];
    let answers = run_lines(
        &bench,
        &["-n", "2", "--top-k", "50", "--temp", "0.7"],
        &lines,
        0,
    );
    let sampling: Vec<_> = answers.iter().map(|answer| &answer["sampling"]).collect();
    assert_eq!(sampling[0]["max_tokens"], 2);
    assert_eq!(sampling[0]["top_k"], 50);
    assert_eq!(sampling[0]["temperature"], 0.7);
    let wanted = json!({"greedy": false, "temperature": 0.5, "top_k": 5, "top_p": 0.9,
        "min_p": 0.1, "repeat_penalty": 1.1, "repeat_last_n": 7, "seed": 9, "max_tokens": 3,
        "stop": ["zzz"]});
    assert_eq!(*sampling[1], wanted);
    assert_eq!(sampling[2]["max_tokens"], 1);
    assert_eq!(sampling[2]["stop"], json!(["a", "b"]));
    for (answer, most) in answers.iter().zip([2, 3, 1]) {
        let count = answer["usage"]["completion_tokens"].as_u64().unwrap();
        assert!(count <= most, "{answer}");
    }
}

#[test]
fn a_limit_that_was_asked_for_is_no_surprise() {
    let bench = Bench::new();
    let lines = [json!({"prompt": "Count from 1 to 100.", "max_tokens": 3})];
    let input = lines[0].to_string();
    let ran = bench.run().arg("--jsonl").input(input).run().exits(0);
    let answer = record(&ran.says_only_the_sums());
    assert_eq!(answer["finish_reason"], "length");
    assert_eq!(answer["usage"]["completion_tokens"], 3);
    // The default limit and the end of the context are none.
    let counting = ["--no-template", "-p", "1, 2, 3,"];
    let ran = bench.run().args(counting).run().exits(0);
    let answer = record(&ran.says("the answer to line 1 is cut at 1024 tokens; -n"));
    assert_eq!(answer["finish_reason"], "length");
    assert_eq!(answer["usage"]["completion_tokens"], 1024);
    let tool = bench.run().args(["-p", "Count from 1 to 100.", "-c", "44"]);
    let ran = tool.run().exits(0).says("the context of 44 tokens");
    let answer = record(&ran);
    assert_eq!(answer["finish_reason"], "length");
    assert_eq!(answer["usage"]["total_tokens"], 44);
}

#[test]
fn a_stop_text_ends_the_answer_and_is_no_part_of_it() {
    let bench = Bench::new();
    let whole = run(&bench, &["-p", "Say hello", "-n", "8"]);
    let text = whole["text"].as_str().unwrap();
    // From the middle of the answer, so that the stop text crosses tokens.
    let stop = &text[2..7];
    let cut = run(&bench, &["-p", "Say hello", "-n", "8", "--stop", stop]);
    assert_eq!(cut["text"], text[..text.find(stop).unwrap()]);
    assert_eq!(cut["finish_reason"], "stop");
}

#[test]
fn a_prompt_that_does_not_fit_is_told_with_both_lengths() {
    let bench = Bench::new();
    let counted = run(&bench, &["-p", "Say hello", "--count"]);
    let length = prompt_tokens(&counted);
    let tool = bench.run().args(["-p", "Say hello", "-c", "20"]);
    let failed = record(&tool.run().exits(1));
    assert_eq!(failed["error"]["code"], "context_exceeded");
    let sentence = failed["error"]["message"].as_str().unwrap();
    for part in [&format!("{length} tokens"), "context 20", "--ctx-size"] {
        assert!(sentence.contains(part), "{sentence}");
    }
}

#[test]
fn a_count_is_what_a_run_would_take() {
    let bench = Bench::new();
    let lines = [
        json!({"id": "a", "prompt": "Naïve café 👀"}),
        json!({"id": "b", "messages": [{"role": "user", "content": "Say hello"}]}),
    ];
    let counts = run_lines(&bench, &["--count"], &lines, 0);
    let answers = run_lines(&bench, &["-n", "1"], &lines, 0);
    for (count, answer) in counts.iter().zip(&answers) {
        assert_eq!(count["type"], "count");
        assert_eq!(count["id"], answer["id"]);
        assert_eq!(prompt_tokens(count), prompt_tokens(answer));
        assert_eq!(count["usage"]["completion_tokens"], 0);
    }
    bench
        .run()
        .args(["-p", "Naïve café 👀", "--count", "-T"])
        .run()
        .exits(0)
        .writes(&format!("{}\n", prompt_tokens(&counts[0])));
    // The words of llama.cpp's tokenizer for this text: nothing is added to raw text here.
    let raw = run(&bench, &["-p", "Hello world", "--count", "--no-template"]);
    assert_eq!(prompt_tokens(&raw), 2);
}

#[test]
fn pieces_make_the_whole_text() {
    let bench = Bench::new();
    let lines = [
        json!({"id": "a", "prompt": "Repeat: 👀 🎉 é"}),
        json!({"id": "b", "prompt": "Say hello", "stop": "!"}),
        json!({"id": "c", "prompt": "b", "temperature": 1.5, "seed": 1}),
    ];
    let all = run_lines(&bench, &["--stream", "-n", "12"], &lines, 0);
    // Pieces of several answers come mixed; the id tells whose each is.
    let mut pieces: BTreeMap<String, String> = BTreeMap::new();
    let mut closed = Vec::new();
    for record in &all {
        let text = record["text"].as_str().unwrap();
        let at = lines.iter().position(|line| line["id"] == record["id"]);
        assert_eq!(record["line"], at.unwrap() as u64 + 1);
        let own = pieces.entry(record["id"].to_string()).or_default();
        match record["type"].as_str().unwrap() {
            "delta" => own.push_str(text),
            _ => {
                assert_eq!(std::mem::take(own), text);
                closed.push(timeless(record.clone()));
            }
        }
    }
    assert_eq!(closed.len(), 3);
    assert!(all.len() > 9, "{} records are no stream", all.len());
    // And the closing records are those of a run without pieces.
    let whole = run_lines(&bench, &["-n", "12"], &lines, 0);
    let whole: Vec<_> = whole.into_iter().map(timeless).collect();
    assert_eq!(closed, whole);
}

#[test]
fn system_text_comes_from_the_flag_unless_the_line_has_its_own() {
    let bench = Bench::new();
    let turn = |role: &str, content: &str| json!({"role": role, "content": content});
    let user = turn("user", "Who are you?");
    let lines = [
        json!({"prompt": "Who are you?"}),
        json!({"messages": [turn("system", "You are a pirate."), user]}),
        json!({"messages": [turn("system", "You are a cat."), user]}),
    ];
    let answers = run_lines(
        &bench,
        &["--system", "You are a pirate.", "-n", "2"],
        &lines,
        0,
    );
    let digest = |answer: &Value| answer["request_digest"].as_str().unwrap().to_owned();
    assert_eq!(digest(&answers[0]), digest(&answers[1]));
    assert_ne!(digest(&answers[1]), digest(&answers[2]));
    let without = run(&bench, &["-p", "Who are you?", "-n", "2"]);
    assert_ne!(digest(&answers[0]), digest(&without));
}

#[test]
fn records_say_in_what_words_the_model_was_asked() {
    let bench = Bench::new();
    bench.file("chat.jinja", "{{ messages[0].content }} world");
    let own = run(&bench, &["-p", "Hello", "-n", "1"]);
    let raw = run(&bench, &["-p", "Hello world", "-n", "1", "--no-template"]);
    let file = run(
        &bench,
        &["-p", "Hello", "-n", "1", "--chat-template", "chat.jinja"],
    );
    let used = |answer: &Value| answer["model"]["template"].as_str().unwrap().to_owned();
    assert_eq!([&own, &raw, &file].map(used), ["chat", "raw", "file"]);
    assert!(prompt_tokens(&own) > prompt_tokens(&raw));
    // The same words in another way are the same request.
    assert_eq!(raw["request_digest"], file["request_digest"]);
    let missing = bench
        .run()
        .args(["-p", "x", "--chat-template", "none.jinja"]);
    missing.run().exits(2).writes("").says("'none.jinja'");
    bench.file("bad.jinja", "{% if %}");
    let bad = bench
        .run()
        .args(["-p", "x", "--chat-template", "bad.jinja"]);
    bad.run().exits(2).writes("").says("template");
    // A template that refuses the messages fails that request alone.
    bench.file("refuses.jinja", "{{ raise_exception('no cats') }}");
    let refusing = bench
        .run()
        .args(["-p", "x", "--chat-template", "refuses.jinja"]);
    let failed = record(&refusing.run().exits(1));
    assert_eq!(failed["error"]["code"], "template_failed");
    assert!(
        failed["error"]["message"]
            .as_str()
            .unwrap()
            .contains("no cats")
    );
}

#[test]
fn anyone_can_compute_the_digest_of_a_request() {
    let bench = Bench::new();
    let arguments = [
        "-p",
        "The sky is",
        "--no-template",
        "-n",
        "2",
        "--temp",
        "0.8",
        "-s",
        "7",
    ];
    let answer = run(&bench, &arguments);
    let shown = run(
        &bench,
        &["-p", "The sky is", "--no-template", "--show-prompt"],
    );
    assert_eq!(shown["text"], "The sky is");
    let model = &answer["model"]["digest"];
    let parts = json!([model, "The sky is", shown["tokens"], answer["sampling"]]);
    let digest = sha256(parts.to_string().as_bytes());
    assert_eq!(answer["request_digest"], digest);
    // Each part counts, and what does not change the answer does not.
    let others = |more: &[&str]| {
        let all: Vec<_> = arguments.iter().chain(more).copied().collect();
        run(&bench, &all)["request_digest"].clone()
    };
    assert_eq!(others(&["-t", "1"]), answer["request_digest"]);
    assert_eq!(others(&["-c", "64"]), answer["request_digest"]);
    assert_ne!(others(&["--top-k", "9"]), answer["request_digest"]);
    let mut seed = arguments;
    seed[8] = "8";
    assert_ne!(run(&bench, &seed)["request_digest"], digest);
    let mut prompt = arguments;
    prompt[1] = "The sky was";
    assert_ne!(run(&bench, &prompt)["request_digest"], digest);
}

/// The same text is another request where its markup is no text.
#[test]
fn markup_that_counts_as_such_is_another_request() {
    let bench = Bench::new();
    let text = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";
    let ask = |more: &[&str]| {
        let arguments = [&["-p", text, "--no-template", "-n", "1"] as &[&str], more].concat();
        run(&bench, &arguments)
    };
    let (as_text, as_markup) = (ask(&[]), ask(&["--parse-special"]));
    assert!(prompt_tokens(&as_text) > prompt_tokens(&as_markup));
    assert_ne!(as_text["request_digest"], as_markup["request_digest"]);
    // Where there is no markup, the flag changes nothing and neither does the digest.
    let plain = |more: &[&str]| {
        let arguments = [&["-p", "Hi", "-n", "1"] as &[&str], more].concat();
        run(&bench, &arguments)["request_digest"].clone()
    };
    assert_eq!(plain(&[]), plain(&["--parse-special"]));
}

/// Another program's fields do not change the answer, and the user is told so, once.
#[test]
fn a_field_that_is_not_used_is_warned_of() {
    let bench = Bench::new();
    let told = bench
        .pipe("llm-run --jsonl --if-empty skip")
        .input("{\"prompt\":\" \",\"model\":\"m\"}\n".repeat(2))
        .run()
        .exits(0)
        .writes("")
        .stderr();
    assert_eq!(
        told.matches("warning: line 1: the field 'model' is not used")
            .count(),
        1
    );
    // The sums of the run are the other line.
    assert_eq!(told.lines().count(), 2, "{told}");
}
