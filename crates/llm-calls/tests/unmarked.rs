//! Calls that models write without the marks of their template: as JSON, or in a block of code.

mod support;

use std::sync::Arc;

use llm_calls::{Offered, Syntax};
use serde_json::{Value, json};

use support::{Found, MARKUP, read, templates};

/// Reads an answer by a template, whole and letter by letter.
fn found(name: &str, text: &str) -> Found {
    let all = templates();
    let (_, template) = all.iter().find(|(one, _)| one == name).expect(name);
    let syntax = Arc::new(Syntax::of(template, MARKUP).expect(name));
    let tool = |name: &str| json!({"name": name, "parameters": {"type": "object"}});
    let offered = Arc::new(Offered::new(&[tool("add"), tool("sub")]));
    let whole = read(template, &syntax, &offered, ("", text), usize::MAX);
    let cut = read(template, &syntax, &offered, ("", text), 1);
    assert_eq!(whole, cut, "{text}");
    whole
}

fn calls(found: &Found) -> Vec<(String, Value)> {
    let calls = found.calls.iter();
    calls
        .map(|call| {
            let arguments = serde_json::from_str(&call.arguments).unwrap_or_default();
            (call.name.clone(), arguments)
        })
        .collect()
}

const CALL: &str = r#"{"name": "add", "arguments": {"a": 1, "b": [2, "}"]}}"#;

#[test]
fn an_answer_that_is_a_call_is_one() {
    let one = ("add".to_owned(), json!({"a": 1, "b": [2, "}"]}));
    for name in [
        "Qwen-Qwen2.5-7B-Instruct",
        "Qwen3-Coder",
        "deepseek-ai-DeepSeek-V3.1",
    ] {
        for (text, count) in [
            (CALL.to_owned(), 1),
            (format!("\n{CALL}\n"), 1),
            (format!("```json\n{CALL}\n```"), 1),
            (format!("```\n{CALL}\n```\n"), 1),
            (format!("```json\n{CALL}"), 1),
            (format!("[{CALL}, {CALL}]"), 2),
            (format!("{CALL}\n{CALL}"), 2),
            (format!("```json\n{CALL}\n```\n```json\n{CALL}\n```"), 2),
        ] {
            let found = found(name, &text);
            assert_eq!(calls(&found), vec![one.clone(); count], "{name}: {text}");
            assert_eq!(
                (found.said.as_str(), found.error),
                ("", None),
                "{name}: {text}"
            );
        }
        let text = format!("```json\n{CALL}\n```\nThat adds.");
        let found = found(name, &text);
        assert_eq!((calls(&found).len(), found.said.trim()), (1, "That adds."));
    }
}

#[test]
fn other_json_is_an_answer() {
    for text in [
        r#"{"name": "Ada", "arguments": {}}"#,
        r#"{"name": "add"}"#,
        r#"{"a": 1}"#,
        "[1, 2]",
        "{ not json",
        "```json\n{\"a\": 1}\n```\nDone.",
        "```\nplain\n```",
        "```python\nprint({})\n```",
        "``` ",
        "{",
    ] {
        let found = found("Qwen-Qwen2.5-7B-Instruct", text);
        assert_eq!((found.said.as_str(), found.error), (text, None));
        assert!(found.calls.is_empty(), "{text}");
    }
    // Behind other words it is an example.
    let text = format!("Such a call is {CALL}.");
    assert_eq!(found("Qwen-Qwen2.5-7B-Instruct", &text).said, text);
}
