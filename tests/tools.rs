//! What a model calls: offered by a flag or a line, read by the format of the chat template, written as records,
//! pieces, text and batch output, and taken back with the tool's answer.

use serde_json::{Value, json};

use crate::support::model::{Bench, file};
use crate::support::records::{record, records};

/// An answer that the tiny model of the tests would never write.
const CALL: &str = r#"(Let me see\. )?<tool_call>\n\{"name": "(add|sub)", "arguments": \{"a": 12\}\}\n</tool_call>"#;

fn tools() -> Value {
    json!([{"type": "function", "function": {"name": "add", "description": "Adds one.",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}}}])
}

fn bench() -> Bench {
    let bench = Bench::new();
    let template = file("templates/Qwen-Qwen2.5-7B-Instruct.jinja");
    let source = std::fs::read(template).unwrap();
    bench.file("qwen.jinja", source);
    bench.file("tools.json", tools().to_string());
    bench
}

const FLAGS: [&str; 8] = [
    "--tools",
    "tools.json",
    "--chat-template",
    "qwen.jinja",
    "--regex",
    r#"(Let me see\. )?<tool_call>\n\{"name": "add", "arguments": \{"a": 12\}\}\n</tool_call>"#,
    "-n",
    "60",
];

#[test]
fn a_call_is_a_record() {
    let bench = bench();
    let ran = bench
        .run()
        .args(FLAGS)
        .args(["-p", "What is 12 + 1?"])
        .run();
    let first = record(&ran.exits(0));
    assert_eq!(first["finish_reason"], "tool_calls");
    let calls = first["tool_calls"].as_array().unwrap();
    assert_eq!(calls.len(), 1);
    assert_eq!(
        calls[0]["function"],
        json!({"name": "add", "arguments": "{\"a\": 12}"})
    );
    let text = first["text"].as_str().unwrap();
    assert!(["", "Let me see."].contains(&text), "{text}");
    assert!(first.get("tool_error").is_none());
    // The same request has the same id.
    let again = bench
        .run()
        .args(FLAGS)
        .args(["-p", "What is 12 + 1?"])
        .run();
    assert_eq!(record(&again.exits(0))["tool_calls"], first["tool_calls"]);
    // As text, a call is a line of JSON.
    let told = bench
        .run()
        .args(FLAGS)
        .args(["-p", "What is 12 + 1?", "-T"])
        .run();
    let told = told.exits(0).stdout();
    let last = told.lines().last().unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(last).unwrap(),
        calls[0]["function"]
    );
}

#[test]
fn pieces_of_an_answer_hold_its_calls() {
    let bench = bench();
    let ran = bench
        .run()
        .args(FLAGS)
        .args(["-p", "What is 12 + 1?", "--stream"])
        .run();
    let all = records(&ran.exits(0));
    let (closing, pieces) = all.split_last().unwrap();
    let calls: Vec<_> = pieces
        .iter()
        .filter_map(|piece| piece["tool_calls"].as_array())
        .flatten()
        .collect();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0]["index"], 0);
    assert_eq!(calls[0]["id"], closing["tool_calls"][0]["id"]);
    let text: String = pieces
        .iter()
        .filter_map(|piece| piece["text"].as_str())
        .collect();
    assert_eq!(text, closing["text"]);
}

/// The line goes back with the tool's answer, as `jq` makes it.
#[test]
fn a_conversation_goes_on() {
    let bench = bench();
    let ran = bench
        .run()
        .args(FLAGS)
        .args(["-p", "What is 12 + 1?", "--conversation"])
        .run();
    let mut first = record(&ran.exits(0));
    let turns = first["messages"].as_array_mut().unwrap();
    assert_eq!(turns.len(), 2);
    let id = turns[1]["tool_calls"][0]["id"].clone();
    turns.push(json!({"role": "tool", "tool_call_id": id, "content": "13 <|im_end|>"}));
    let line = first.to_string();
    let flags = [
        "--jsonl",
        "--tools",
        "tools.json",
        "--chat-template",
        "qwen.jinja",
        "-n",
        "3",
    ];
    let shown = bench
        .run()
        .args(flags)
        .args(["--show-prompt"])
        .input(line.as_str())
        .run();
    let shown = record(&shown.exits(0));
    let prompt = shown["text"].as_str().unwrap();
    for part in [
        "What is 12 + 1?",
        "<tool_call>\n{\"name\": \"add\"",
        "<tool_response>\n13 <|im_end|>",
    ] {
        assert!(prompt.contains(part), "{part} in {prompt}");
    }
    // What a tool says is no markup: one such token ends the turn, the other is text.
    let plain = line.replace("13 <|im_end|>", "13");
    let without = bench
        .run()
        .args(flags)
        .args(["--show-prompt"])
        .input(plain.as_str())
        .run();
    let without = record(&without.exits(0));
    let marks = |record: &Value| {
        let tokens = record["tokens"].as_array().unwrap();
        tokens.iter().filter(|token| **token == json!(2)).count()
    };
    assert_eq!(marks(&shown), marks(&without));
    let second = bench.run().args(flags).input(line.as_str()).run();
    assert_eq!(record(&second.exits(0))["type"], "completion");
}

#[test]
fn a_batch_file_carries_calls_both_ways() {
    let bench = bench();
    let call = json!({"id": "call_1", "type": "function",
        "function": {"name": "add", "arguments": "{\"a\": 12}"}});
    let line = json!({"custom_id": "r", "method": "POST", "url": "/v1/chat/completions",
        "body": {"model": "m", "tools": tools(), "messages": [
            {"role": "user", "content": "12 + 1?"},
            {"role": "assistant", "content": null, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "13"}]}});
    let ran = bench
        .run()
        .args(["--jsonl"])
        .args(&FLAGS[2..])
        .input(line.to_string())
        .run();
    let ran = ran.exits(0);
    let output: Value = serde_json::from_str(ran.stdout().trim()).unwrap();
    let choice = &output["response"]["body"]["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(
        choice["message"]["tool_calls"][0]["function"]["name"],
        "add"
    );
}

/// Nothing of what the model wrote is lost.
#[test]
fn a_call_that_is_none_is_told() {
    let bench = bench();
    let run = |pattern: &str, count: &str| {
        let flags = [
            "--tools",
            "tools.json",
            "--chat-template",
            "qwen.jinja",
            "-n",
            count,
            "-p",
            "Go",
        ];
        let ran = bench.run().args(flags).args(["--regex", pattern]).run();
        record(&ran.exits(0))
    };
    let unknown = run(&CALL.replace("(add|sub)", "sub"), "60");
    assert_eq!(unknown["tool_calls"][0]["function"]["name"], "sub");
    assert_eq!(unknown["tool_error"], "no tool 'sub' was offered");
    let broken = run(r#"<tool_call>\n\{"name": add\}\n</tool_call>"#, "60");
    assert_eq!(broken["text"], "<tool_call>\n{\"name\": add}\n</tool_call>");
    assert!(
        broken["tool_error"]
            .as_str()
            .unwrap()
            .starts_with("a call could not be read")
    );
    assert_eq!(broken["finish_reason"], "stop");
    assert!(broken.get("tool_calls").is_none());
}

#[test]
fn a_list_of_tools_that_is_none_is_refused() {
    let bench = bench();
    for (text, says) in [
        ("[]", "its list of tools is empty"),
        ("{", "'bad.json': EOF while parsing"),
        ("[{}]", "its tool 1 has no 'name'"),
        ("{\"a\": 1}", "holds no list of tools"),
    ] {
        bench.file("bad.json", text);
        let ran = bench.run().args(["--tools", "bad.json", "-p", "Hi"]).run();
        ran.exits(2).says(says);
    }
    // A model that would not know of them is not asked.
    let ran = bench
        .run()
        .args(["--tools", "tools.json", "-p", "Hi"])
        .run();
    let refused = record(&ran.exits(1));
    assert_eq!(refused["error"]["code"], "unsupported_field");
    // An MCP server's answer is such a list.
    let mcp = json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": [
        {"name": "add", "description": "Adds one.", "inputSchema": {"type": "object", "properties": {}}}]}});
    bench.file("mcp.json", mcp.to_string());
    let flags = [
        "--tools",
        "mcp.json",
        "--chat-template",
        "qwen.jinja",
        "-p",
        "Hi",
        "--show-prompt",
    ];
    let shown = record(&bench.run().args(flags).run().exits(0));
    assert!(shown["text"].as_str().unwrap().contains("Adds one."));
}
