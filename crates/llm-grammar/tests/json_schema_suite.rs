//! The official JSON-Schema-Test-Suite (draft 2020-12) against what llguidance enforces of a prepared
//! schema, compared with `json_schema_suite.txt`: nothing may be accepted that is invalid, and what
//! passes may only grow.
//!
//! Property order is the schema's, so that an instance counts in the order of its properties that fits
//! best: a valid one in any order, an invalid one in none.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use llguidance::api::TopLevelGrammar;
use llm_grammar::{SchemaError, SchemaOptions, prepare};
use serde_json::Value;
use support::Grammar;

/// The most orders of properties that are tried for an instance.
const ORDERS_MAX: usize = 720;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Counts {
    pass: usize,
    refused: usize,
    too_loose: usize,
    too_strict: usize,
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn suite() -> Vec<(String, PathBuf)> {
    let root = here().join("../../models/json-schema-test-suite/draft2020-12");
    let mut files = Vec::new();
    for folder in ["", "optional/format/"] {
        let entries = std::fs::read_dir(root.join(folder))
            .expect("the suite is there: scripts/fetch-test-models fetches it");
        for entry in entries {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "json") {
                let stem = path.file_stem().unwrap().to_string_lossy();
                files.push((format!("{folder}{stem}"), path.clone()));
            }
        }
    }
    files.sort();
    files
}

/// Returns an instance with the properties of its objects in every order, up to a bound.
fn orders(value: &Value) -> Vec<Value> {
    let mut all = match value {
        Value::Array(items) => {
            let mut all = vec![Vec::new()];
            for item in items {
                all = crossed(&all, &orders(item));
            }
            all.into_iter().map(Value::Array).collect()
        }
        Value::Object(map) => {
            let mut all: Vec<Vec<(String, Value)>> = vec![Vec::new()];
            for (name, value) in map {
                let mut longer = Vec::new();
                for value in orders(value) {
                    for entries in &all {
                        for at in 0..=entries.len() {
                            let mut entries = entries.clone();
                            entries.insert(at, (name.clone(), value.clone()));
                            longer.push(entries);
                        }
                    }
                }
                longer.truncate(ORDERS_MAX);
                all = longer;
            }
            let objects = all.into_iter();
            objects
                .map(|entries| Value::Object(entries.into_iter().collect()))
                .collect()
        }
        scalar => vec![scalar.clone()],
    };
    all.truncate(ORDERS_MAX);
    all
}

fn crossed(starts: &[Vec<Value>], items: &[Value]) -> Vec<Vec<Value>> {
    let pairs = starts
        .iter()
        .flat_map(|start| items.iter().map(move |item| (start, item)));
    let pairs = pairs.take(ORDERS_MAX);
    pairs
        .map(|(start, item)| [start.as_slice(), std::slice::from_ref(item)].concat())
        .collect()
}

/// Runs a group's tests, and tells of each that does not pass.
fn run(group: &Value, counts: &mut Counts, tell: &mut dyn FnMut(&str, &Value)) {
    let tests = group["tests"].as_array().unwrap();
    let grammar = match prepare(&group["schema"], SchemaOptions::default()) {
        Ok(schema) => Grammar::new(TopLevelGrammar::from_json_schema(schema)),
        Err(SchemaError::Unsatisfiable { .. }) => {
            // Refused, and rightly: no answer can be valid.
            for test in tests {
                if test["valid"] == false {
                    counts.pass += 1;
                } else {
                    tell("too strict (unsatisfiable)", test);
                    counts.too_strict += 1;
                }
            }
            return;
        }
        Err(error) => Err(error.to_string()),
    };
    let grammar = match grammar {
        Ok(grammar) => grammar,
        Err(error) => {
            tell(&format!("refused: {error}"), &group["description"]);
            counts.refused += tests.len();
            return;
        }
    };
    for test in tests {
        let any = |write: fn(&Value) -> String| {
            orders(&test["data"])
                .iter()
                .any(|data| grammar.accepts(&write(data)))
        };
        let compact = any(ToString::to_string);
        let pretty = any(|data| serde_json::to_string_pretty(data).unwrap());
        match (test["valid"] == true, compact, pretty) {
            (true, true, true) | (false, false, false) => counts.pass += 1,
            (true, ..) => {
                tell("too strict", test);
                counts.too_strict += 1;
            }
            (false, ..) => {
                tell("too loose", test);
                counts.too_loose += 1;
            }
        }
    }
}

fn ratchet(text: &str) -> BTreeMap<String, Counts> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let rows = lines.map(|line| {
        let mut fields = line.split_whitespace();
        let name = fields.next().unwrap_or_default().to_owned();
        let mut number = || fields.next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let counts = Counts {
            pass: number(),
            refused: number(),
            too_loose: number(),
            too_strict: number(),
        };
        (name, counts)
    });
    rows.collect()
}

#[test]
fn nothing_invalid_is_accepted_and_what_passes_only_grows() {
    let verbose = std::env::var_os("SUITE_VERBOSE").is_some();
    let mut text = String::from(
        "# JSON-Schema-Test-Suite, draft 2020-12 (jsonschema 4.26.0): file pass refused too_loose too_strict\n",
    );
    let mut total = Counts::default();
    for (name, path) in suite() {
        let groups = std::fs::read_to_string(path).unwrap();
        let groups: Value = serde_json::from_str(&groups).unwrap();
        let mut counts = Counts::default();
        for group in groups.as_array().unwrap() {
            let mut tell = |what: &str, test: &Value| {
                if verbose {
                    println!("{name} | {} | {what} | {test}", group["description"]);
                }
            };
            run(group, &mut counts, &mut tell);
        }
        let Counts {
            pass,
            refused,
            too_loose,
            too_strict,
        } = counts;
        writeln!(text, "{name} {pass} {refused} {too_loose} {too_strict}").unwrap();
        total.pass += pass;
        total.refused += refused;
        total.too_loose += too_loose;
        total.too_strict += too_strict;
    }
    println!("{total:?}");
    let file = here().join("tests/json_schema_suite.txt");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let kept = ratchet(&std::fs::read_to_string(&file).unwrap_or_default());
    let now = ratchet(&text);
    assert_eq!(
        total.too_loose, 0,
        "invalid instances are accepted (SUITE_VERBOSE=1 names them)"
    );
    for (name, counts) in &now {
        let before = kept.get(name).copied().unwrap_or_default();
        assert!(
            counts.pass >= before.pass,
            "{name}: {} pass, {} did (SUITE_VERBOSE=1 names the others)",
            counts.pass,
            before.pass
        );
    }
    assert_eq!(
        now, kept,
        "the suite's results have changed for the better: UPDATE_GENERATED=1 cargo test -p llm-grammar --test json_schema_suite writes them"
    );
}
