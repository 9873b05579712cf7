//! How likely each token was: told in records and in the forms of OpenAI's two APIs, of answers, of answers that a
//! schema forces, and of labels; and the answers are those of a run that does not ask.

use serde_json::{Value, json};

use crate::support::model::Bench;

/// Returns the bytes of the tokens that are told of.
fn bytes(logprobs: &Value) -> Vec<u8> {
    let content = logprobs["content"].as_array().unwrap();
    let bytes = content
        .iter()
        .flat_map(|token| token["bytes"].as_array().unwrap());
    bytes
        .map(|byte| u8::try_from(byte.as_u64().unwrap()).unwrap())
        .collect()
}

/// Checks that as many others as asked for stand beside each token, the likeliest first, and none has more than
/// probability 1.
fn check(logprobs: &Value, count: usize) {
    let number = |token: &Value| token["logprob"].as_f64().unwrap();
    for token in logprobs["content"].as_array().unwrap() {
        let top = token["top_logprobs"].as_array().unwrap();
        assert_eq!(top.len(), count);
        assert!(
            top.iter()
                .is_sorted_by(|one, next| number(one) >= number(next))
        );
        let sum: f64 = top.iter().map(|one| number(one).exp()).sum();
        assert!(number(token) <= 0.0 && sum < 1.0 + 1e-6, "{token}");
        for one in top {
            let is_it = one["id"] == token["id"];
            assert!(!is_it || one["logprob"] == token["logprob"]);
        }
        assert!(top.first().is_none_or(|best| number(best) >= number(token)));
    }
}

#[test]
fn the_answers_are_those_of_a_run_that_does_not_ask() {
    let bench = Bench::new();
    let lines = "Name a colour.\nSag etwas Schönes über Bäume 🌳.\n";
    for flags in [
        &[][..],
        &["--temp", "1.2", "--top-p", "0.9", "--parallel", "2"],
        &["--schema", "colour, shade str, weight int", "--compact"],
        &["--temp", "1.2", "--schema", "colour, weight int"],
    ] {
        let ask = |more: &[&str]| {
            let tool = bench.run().args(["--lines", "-n", "48"]);
            let tool = tool.args(flags).args(more);
            tool.input(lines).run().exits(0).records()
        };
        let (plain, told) = (ask(&[]), ask(&["--logprobs", "3"]));
        for (plain, told) in plain.iter().zip(&told) {
            assert_eq!(plain["text"], told["text"], "{flags:?}");
            assert_eq!(plain["usage"], told["usage"]);
            assert_eq!(
                plain["metrics"]["forced_tokens"],
                told["metrics"]["forced_tokens"]
            );
            assert_eq!(plain["logprobs"], Value::Null);
            assert_ne!(plain["request_digest"], told["request_digest"]);
            let text = told["text"].as_str().unwrap();
            let bytes = bytes(&told["logprobs"]);
            // A limit may cut a character, of which the text has nothing.
            assert!(bytes.starts_with(text.as_bytes()), "{told}");
            assert!(bytes.len() < text.len() + 4);
            check(&told["logprobs"], 3);
        }
    }
}

#[test]
fn labels_are_told_token_by_token() {
    let bench = Bench::new();
    let tool = bench
        .run()
        .args(["--choices", "good,very bad", "--logprobs", "1"]);
    let record = tool
        .input("The food was cold. Was it")
        .run()
        .exits(0)
        .records();
    let record = &record[0];
    let number = |value: &Value| value["logprob"].as_f64().unwrap();
    for choice in record["choices"].as_array().unwrap() {
        check(&choice["logprobs"], 1);
        let content = choice["logprobs"]["content"].as_array().unwrap();
        let sum: f64 = content.iter().map(number).sum();
        assert!((sum - number(choice)).abs() < 1e-4, "{choice}");
        assert_eq!(
            bytes(&choice["logprobs"]),
            choice["text"].as_str().unwrap().as_bytes()
        );
        if choice["text"] == record["text"] {
            assert_eq!(choice["logprobs"], record["logprobs"]);
        }
    }
}

#[test]
fn batch_files_ask_and_are_told_in_their_own_forms() {
    let bench = Bench::new();
    let line = |name: &str, url: &str, body: Value| json!({"custom_id": name, "method": "POST", "url": url, "body": body});
    let messages = json!([{"role": "user", "content": "Name a colour."}]);
    let lines = [
        line(
            "chat",
            "/v1/chat/completions",
            json!({"messages": messages, "max_tokens": 6, "logprobs": true, "top_logprobs": 2}),
        ),
        line(
            "text",
            "/v1/completions",
            json!({"prompt": "The sky is", "max_tokens": 6, "logprobs": 2}),
        ),
        line(
            "silent",
            "/v1/chat/completions",
            json!({"messages": messages, "max_tokens": 6, "logprobs": false}),
        ),
    ];
    let lines = lines.map(|line| format!("{line}\n")).concat();
    let ran = bench.run().arg("--jsonl").input(lines).run().exits(0);
    let answers: Vec<Value> = ran
        .stdout()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let choice = |at: usize| &answers[at]["response"]["body"]["choices"][0];
    let chat = &choice(0)["logprobs"];
    check(chat, 2);
    assert_eq!(chat["refusal"], Value::Null);
    let content = choice(0)["message"]["content"].as_str().unwrap();
    assert_eq!(bytes(chat), content.as_bytes());

    let text = &choice(1)["logprobs"];
    let whole = choice(1)["text"].as_str().unwrap();
    let tokens: Vec<_> = text["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| token.as_str().unwrap())
        .collect();
    assert_eq!(tokens.concat(), whole);
    for (index, token) in tokens.iter().enumerate() {
        let own = &text["token_logprobs"][index];
        let beside = text["top_logprobs"][index].as_object().unwrap();
        assert_eq!(&beside[*token], own);
        assert!((2..=3).contains(&beside.len()));
        let offset = usize::try_from(text["text_offset"][index].as_u64().unwrap()).unwrap();
        assert!(
            whole
                .chars()
                .skip(offset)
                .collect::<String>()
                .starts_with(token)
        );
    }
    assert_eq!(choice(2)["logprobs"], Value::Null);
    assert_eq!(choice(2)["message"], choice(0)["message"]);
}

#[test]
fn a_line_decides_for_itself_and_wrong_numbers_are_named() {
    let bench = Bench::new();
    let lines = concat!(
        r#"{"id":"off","prompt":"A","logprobs":false}"#,
        "\n",
        r#"{"id":"own","prompt":"A","top_logprobs":1}"#,
        "\n",
        r#"{"id":"flag","prompt":"A"}"#,
        "\n",
        r#"{"id":"much","prompt":"A","logprobs":21}"#,
        "\n",
    );
    let tool = bench.run().args(["--jsonl", "-n", "2", "--logprobs", "4"]);
    let records = tool.input(lines).run().exits(1).records();
    assert_eq!(records[0]["logprobs"], Value::Null);
    check(&records[1]["logprobs"], 1);
    check(&records[2]["logprobs"], 4);
    let message = records[3]["error"]["message"].as_str().unwrap();
    assert!(message.contains("'logprobs' is 21"), "{message}");
    let refused = bench
        .run()
        .args(["--logprobs", "21"])
        .input("A")
        .run()
        .exits(2);
    assert!(
        refused.stderr().contains("from 0 to 20"),
        "{}",
        refused.stderr()
    );
}
