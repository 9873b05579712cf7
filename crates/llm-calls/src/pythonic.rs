//! Calls as Python writes them: `[name(key='value', other=2), …]`.

use serde_json::{Map, Value};

use crate::ToolCall;
use crate::literal::spaces;
use crate::parse::{Reading, Step, done};
use crate::python::{self, Read};

/// Reads a list of calls, or one alone.
pub(crate) fn read(reading: Reading<'_>, at: usize) -> Step<Vec<ToolCall>> {
    let mut at = at + spaces(reading.rest(at));
    let is_list = match reading.rest(at).chars().next() {
        Some(next) => next == '[',
        None => return reading.cut("calls"),
    };
    at += usize::from(is_list);
    let mut calls = Vec::new();
    loop {
        let (name, end) = done!(reading.name(at));
        let (arguments, end) = done!(arguments(reading, end));
        calls.push(ToolCall {
            id: None,
            name: name.to_owned(),
            arguments: Value::from(arguments).to_string(),
        });
        if !is_list {
            return Step::Done(calls, end);
        }
        at = end + spaces(reading.rest(end));
        match reading.rest(at).chars().next() {
            None => return reading.cut("']'"),
            Some(']') => return Step::Done(calls, at + 1),
            Some(',') => at += 1,
            Some(_) => return Step::Bad("a call is followed by no ',' and no ']'".to_owned()),
        }
    }
}

/// Reads what stands in a call's parentheses.
fn arguments(reading: Reading<'_>, at: usize) -> Step<Map<String, Value>> {
    let mut at = match reading.rest(at).chars().next() {
        Some('(') => at + 1,
        Some(_) => return Step::Bad("a name is followed by no '('".to_owned()),
        None => return reading.cut("'('"),
    };
    let mut arguments = Map::new();
    loop {
        at += spaces(reading.rest(at));
        if reading.rest(at).starts_with(')') {
            return Step::Done(arguments, at + 1);
        }
        let (key, end) = done!(reading.run(at, "argument", |next| {
            next.is_alphanumeric() || "_-.$".contains(next)
        }));
        at = end + spaces(reading.rest(end));
        match reading.rest(at).chars().next() {
            Some('=') => at += 1,
            Some(_) => return Step::Bad(format!("'{key}' is followed by no '='")),
            None => return reading.cut("'='"),
        }
        let (value, end) = match python::read(reading.text, at) {
            Read::Value(value, end) => (value, end),
            Read::Open => return reading.cut("value"),
            Read::No => return Step::Bad(format!("the value of '{key}' cannot be read")),
        };
        arguments.insert(key.to_owned(), value);
        at = end + spaces(reading.rest(end));
        match reading.rest(at).chars().next() {
            Some(',') => at += 1,
            Some(')') => {}
            Some(_) => return Step::Bad(format!("'{key}' is followed by no ',' and no ')'")),
            None => return reading.cut("')'"),
        }
    }
}
