//! Formats of input and output that are not our own lines: OpenAI's batch files both ways, CSV, and many
//! lines as one request. That OpenAI's own package reads the answers is checked by scripts/check-openai,
//! which also made the batch file here.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::harness::Ran;
use crate::support::model::Bench;
use crate::support::records::{record, records};

const BATCH: &str = include_str!("fixtures/openai/batch.jsonl");

const SCHEMA: &str = include_str!("../crates/llm-record/schema/openai_batch_output.json");

/// A line of a batch output file as OpenAI documents it, closed, so that nothing else may stand there but
/// `requested_model` and `reasoning_content`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    custom_id: String,
    // Null, but there: serde takes an `Option` that is absent, and this is for what must not be.
    response: Value,
    error: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Response {
    status_code: u16,
    request_id: String,
    body: Body,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    id: String,
    object: String,
    created: u64,
    model: String,
    requested_model: Option<String>,
    choices: Vec<Choice>,
    usage: Usage,
    system_fingerprint: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    index: u64,
    message: Option<Message>,
    text: Option<String>,
    logprobs: Value,
    finish_reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    role: String,
    content: String,
    refusal: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: Value,
    completion_tokens_details: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Failure {
    code: String,
    message: String,
}

/// Returns the lines of a batch output file by their names, each checked against the schema.
#[track_caller]
fn lines(text: &str) -> BTreeMap<String, Line> {
    let validator = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
    text.lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).unwrap();
            let fault = validator
                .validate(&value)
                .map_err(|fault| fault.to_string());
            assert_eq!(fault, Ok(()), "{line}");
            let line: Line = serde_json::from_value(value).unwrap();
            (line.custom_id.clone(), line)
        })
        .collect()
}

/// Returns an answer, whose names must be made of the one digest.
#[track_caller]
fn answer(line: &Line) -> Body {
    assert_eq!(line.error, Value::Null, "{line:?}");
    let response: Response = serde_json::from_value(line.response.clone()).unwrap();
    assert_eq!(response.status_code, 200);
    let digest = line.id.strip_prefix("batch_req_").unwrap();
    assert_eq!(response.request_id, format!("req_{digest}"));
    let body = response.body;
    assert!(body.id.ends_with(&format!("-{digest}")), "{line:?}");
    assert_eq!(body.model, "smollm2");
    assert!(body.created > 1_700_000_000 && body.system_fingerprint.starts_with("fp_"));
    assert_eq!((body.choices.len(), body.choices[0].index), (1, 0));
    let usage = &body.usage;
    assert_eq!(usage.completion_tokens, 4);
    assert_eq!(usage.total_tokens, usage.prompt_tokens + 4);
    assert!(usage.prompt_tokens_details["cached_tokens"].is_u64());
    assert!(usage.completion_tokens_details["reasoning_tokens"].is_u64());
    body
}

/// Answers one line of our own.
#[track_caller]
fn own(bench: &Bench, arguments: &[&str], line: &Value) -> Value {
    let tool = bench.run().arg("--jsonl").args(arguments);
    record(&tool.input(line.to_string()).run().exits(0))
}

#[test]
fn a_batch_file_is_answered_as_documented() {
    let bench = Bench::new();
    let ran = bench
        .run()
        .args(["--jsonl", "--stream"])
        .input(BATCH)
        .run()
        .exits(1);
    let written = lines(&ran.stdout());
    assert_eq!(ran.stdout().lines().count(), BATCH.lines().count(), "{ran}");

    let question: Value = serde_json::from_str(BATCH.lines().next().unwrap()).unwrap();
    let messages = &question["body"]["messages"];
    let same = own(&bench, &[], &json!({"messages": messages, "max_tokens": 4}));
    let plain = answer(&written["plain"]);
    assert_eq!(plain.object, "chat.completion");
    assert_eq!(plain.requested_model.as_deref(), Some("gpt-4o-mini"));
    assert_eq!(
        plain.id,
        format!("chatcmpl-{}", same["request_digest"].as_str().unwrap())
    );
    let choice = &plain.choices[0];
    let message = choice.message.as_ref().unwrap();
    assert_eq!(
        (message.role.as_str(), &message.refusal),
        ("assistant", &Value::Null)
    );
    assert_eq!(message.content, same["text"]);
    assert_eq!(choice.finish_reason, same["finish_reason"]);
    assert_eq!(choice.logprobs, Value::Null);
    assert_eq!(plain.usage.prompt_tokens, same["usage"]["prompt_tokens"]);

    // A completion's prompt goes to the model as it is.
    let line = json!({"prompt": "The capital of France is", "max_tokens": 4, "temperature": 0});
    let same = own(&bench, &["--no-template"], &line);
    let text = answer(&written["text"]);
    assert_eq!(text.object, "text_completion");
    assert_eq!(
        text.id,
        format!("cmpl-{}", same["request_digest"].as_str().unwrap())
    );
    assert_eq!(text.choices[0].text.as_deref(), same["text"].as_str());

    answer(&written["settings"]);
    // `tests/logprobs.rs` has what stands in them.
    for name in ["likely", "likely-text"] {
        assert!(answer(&written[name]).choices[0].logprobs.is_object());
    }
    for (name, key) in [
        // This model's template has no place for them.
        ("tools", "'tools'"),
        ("two-answers", "'body.n'"),
        ("echo", "'body.echo'"),
        ("embedding", "llm-embed"),
    ] {
        let line = &written[name];
        assert_eq!(line.response, Value::Null, "{line:?}");
        let failure: Failure = serde_json::from_value(line.error.clone()).unwrap();
        assert_eq!(failure.code, "unsupported_field");
        assert!(failure.message.contains(key), "{failure:?}");
    }
    // JSON, or cut before it was whole, which a model as small as this one may need.
    let line = &written["as-json"];
    if line.response == Value::Null {
        let failure: Failure = serde_json::from_value(line.error.clone()).unwrap();
        assert_eq!(failure.code, "incomplete");
    } else {
        let content = &line.response["body"]["choices"][0]["message"]["content"];
        let value: Value = serde_json::from_str(content.as_str().unwrap()).unwrap();
        assert!(value.is_object(), "{value}");
    }
    let told = ran.stderr();
    for key in ["user", "metadata", "store", "service_tier"] {
        let sentence = format!("the field 'body.{key}' is not used");
        assert_eq!(told.matches(&sentence).count(), 1, "{told}");
    }
}

/// A line whose request gets as far as a prompt, and one that does not even parse.
#[test]
fn failures_in_a_batch_file_are_lines_of_it() {
    let bench = Bench::new();
    let long = json!({"custom_id": "long", "method": "POST", "url": "/v1/completions",
        "body": {"model": "m", "prompt": "word ".repeat(200), "max_tokens": 4}});
    let input = format!("{long}\n{}\n", r#"{"custom_id":"torn","method":"POST","#);
    let ran = bench
        .run()
        .args(["--jsonl", "-c", "64"])
        .input(input)
        .run()
        .exits(1);
    let written = lines(&ran.stdout());
    let code = |name: &str| written[name].error["code"].clone();
    assert_eq!(code("long"), "context_exceeded");
    assert_eq!(code("torn"), "bad_json");
}

#[test]
fn a_batch_file_is_counted_and_read_as_text() {
    let bench = Bench::new();
    let asked = |name: &str| {
        let name = format!(r#""custom_id": "{name}""#);
        BATCH.lines().find(|line| line.contains(&name)).unwrap()
    };
    let input = format!("{}\n{}\n", asked("plain"), asked("text"));
    let call = |arguments: &[&str]| -> Ran {
        let tool = bench.run().arg("--jsonl").args(arguments);
        tool.input(input.clone()).run().exits(0)
    };
    let counts = records(&call(&["--count", "--format", "jsonl"]));
    assert_eq!(counts[0]["id"], "plain");
    assert_eq!(counts[0]["model"]["template"], "chat");
    assert_eq!(counts[1]["model"]["template"], "raw");
    let prompts = records(&call(&["--show-prompt", "Go on:"]));
    assert_eq!(prompts[1]["text"], "Go on:\n\nThe capital of France is");
    let texts = call(&["-T"]).stdout();
    assert!(
        texts.lines().count() >= 2 && !texts.contains("batch_req"),
        "{texts}"
    );
}

#[test]
fn a_table_is_answered_row_by_row() {
    let bench = Bench::new();
    let table =
        "id,colour,text\r\n1,red,\"Say \"\"hi\"\",\r\nplease.\"\r\n2,blue\r\n,green,Say no.\r\n";
    let tool = bench.run().args(["--csv", "--keep", "colour", "-n", "4"]);
    let rows = records(&tool.input(table).run().exits(1));
    assert_eq!(rows.len(), 3);
    assert_eq!((&rows[0]["id"], &rows[0]["line"]), (&json!("1"), &json!(2)));
    assert_eq!(rows[0]["input"], json!({"colour": "red"}));
    let prompt = "Say \"hi\",\r\nplease.";
    let same = own(&bench, &["-n", "4"], &json!({"prompt": prompt}));
    assert_eq!(rows[0]["request_digest"], same["request_digest"]);
    assert_eq!((&rows[1]["id"], &rows[1]["line"]), (&json!("2"), &json!(4)));
    assert_eq!(rows[1]["error"]["code"], "bad_csv");
    assert_eq!((rows[2].get("id"), &rows[2]["line"]), (None, &json!(5)));

    let tool = bench
        .run()
        .args(["--csv", "--count", "-T", "--template", "{{colour}}"]);
    assert_eq!(tool.input(table).run().exits(1).stdout().lines().count(), 2);
}

#[test]
fn what_many_answers_say_is_put_together() {
    let bench = Bench::new();
    let ran = bench
        .pipe(
            "llm-run --jsonl -n 4 | tee parts | \
             llm-run --jsonl --slurp 'Combine' -n 2",
        )
        .input("{\"prompt\":\"Name a colour\"}\nbroken\n{\"prompt\":\"Name a fruit\"}\n")
        .run()
        .exits(1);
    let parts = std::fs::read_to_string(bench.sandbox.path().join("parts")).unwrap();
    let parts: Vec<_> = parts.lines().collect();
    assert_eq!(ran.stdout().lines().next(), Some(parts[1]), "{ran}");
    let combined = records(&ran);
    assert_eq!(combined.len(), 2, "{ran}");
    let text = |line: &str| -> String {
        let record: Value = serde_json::from_str(line).unwrap();
        let text = record["text"].as_str().unwrap();
        text.trim_matches('\n').to_owned()
    };
    let prompt = format!("Combine\n\n{}\n\n{}", text(parts[0]), text(parts[2]));
    let alone = own(&bench, &["-n", "2"], &json!({"prompt": prompt}));
    assert_eq!(combined[1]["request_digest"], alone["request_digest"]);
    // One request, and so a script may take it as text.
    let tool = bench.run().args(["--lines", "--slurp", "--count", "-T"]);
    assert_eq!(
        tool.input("a\nb\n").run().exits(0).stdout().lines().count(),
        1
    );
}

/// Such a line is one of a batch file all the same, and its error has that form.
#[test]
fn a_batch_line_that_lacks_something_is_answered_in_its_form() {
    let bench = Bench::new();
    let url = "/v1/chat/completions";
    for (line, wanted) in [
        (
            json!({"custom_id": "a", "method": "POST", "url": url}),
            "its 'body' must be an object",
        ),
        (
            json!({"custom_id": "a", "method": "POST", "url": url, "body": "x"}),
            "its 'body' must be an object",
        ),
        (
            json!({"custom_id": "a", "url": url, "body": {"messages": []}}),
            "its 'method' must be \"POST\"",
        ),
    ] {
        let ran = bench.run().arg("--jsonl").input(line.to_string()).run();
        let reply: Value = serde_json::from_str(&ran.exits(1).stdout()).unwrap();
        assert_eq!(reply["custom_id"], "a", "{reply}");
        let told = reply["error"]["message"].as_str().unwrap();
        assert!(told.contains(wanted), "{told}");
    }
}
