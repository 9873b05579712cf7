//! What models write, with the calls that other programs read in it: the cases of llama.cpp's
//! `tests/test-chat.cpp` and vLLM's `tests/tool_parsers`, with their formats, their order and their faults, in words of
//! our own.

#![allow(
    clippy::unwrap_used,
    reason = "a test's helpers may fail as loudly as the test"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use llm_calls::{Offered, Syntax, ToolCall};
use serde_json::Value;

use support::{MARKUP, read, rows, templates};

const CASES: &str = include_str!("cases.jsonl");

/// Cases that are read otherwise than there, and why.
const APART: &str = include_str!("apart.txt");

/// Says in what calls differ from those of a case.
fn differ(found: &[ToolCall], wanted: &[Value]) -> bool {
    found.len() != wanted.len()
        || found.iter().zip(wanted).any(|(found, wanted)| {
            let arguments: Option<Value> = serde_json::from_str(&found.arguments).ok();
            let id = wanted.get("id").and_then(Value::as_str);
            found.name != wanted["name"]
                || arguments.as_ref() != Some(&wanted["arguments"])
                || id.is_some_and(|id| found.id.as_deref() != Some(id))
        })
}

#[test]
fn calls_are_read_as_other_programs_read_them() {
    let templates: BTreeMap<_, _> = templates().into_iter().collect();
    let apart: BTreeSet<&str> = rows(APART).map(|[name, ..]| name).collect();
    let mut failures = Vec::new();
    let mut syntaxes = BTreeMap::new();
    let mut formats = BTreeSet::new();
    for line in CASES.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| -> &str { case[name].as_str().unwrap() };
        let name = text("name");
        let template = &templates[text("template")];
        let syntax = syntaxes
            .entry(text("template").to_owned())
            .or_insert_with(|| Syntax::of(template, MARKUP).map(Arc::new));
        let Some(syntax) = syntax else {
            // Its template has no place for tools.
            assert_eq!(case["calls"], Value::Array(Vec::new()), "{name}");
            continue;
        };
        let offered = Arc::new(Offered::new(case["tools"].as_array().unwrap()));
        let output = (text("prompt_end"), text("output"));
        let found = read(template, syntax, &offered, output, usize::MAX);
        let cut = read(template, syntax, &offered, output, 1);
        let mut told = Vec::new();
        if cut != found {
            told.push(format!("letter by letter: {cut:?}"));
        }
        if differ(&found.calls, case["calls"].as_array().unwrap()) {
            told.push("calls".to_owned());
        }
        if case["unreadable"] == true && found.error.is_none() && !found.calls.is_empty() {
            told.push("not told".to_owned());
        }
        if found.said.trim() != text("text") {
            told.push("text".to_owned());
        }
        if found.thought.trim() != text("reasoning") {
            told.push("reasoning".to_owned());
        }
        if told.is_empty() == apart.contains(name) {
            failures.push(format!("{name} | {} | {found:?} | {case}", told.join(", ")));
        }
        formats.insert(format!("{syntax:?}"));
    }
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        CASES.lines().count(),
        failures.join("\n")
    );
    assert!(formats.len() > 12, "{}", formats.len());
}
