//! Gemma's calls: `<|tool_call>call:name{key:<|"|>text<|"|>,other:2}<tool_call|>`.

use serde_json::{Map, Value};

use crate::ToolCall;
use crate::literal::{Literal, spaces};
use crate::parse::{Reading, Step, done};

/// Stands around a text.
const QUOTE: &str = "<|\"|>";

/// How deep values may nest.
const DEEPEST: usize = 64;

/// Reads one call.
pub(crate) fn read(reading: Reading<'_>, at: usize) -> Step<Vec<ToolCall>> {
    let at = done!(reading.expect(&Literal::new("<|tool_call>call:"), at)).1;
    let (name, at) = done!(reading.name(at));
    let (arguments, at) = done!(object(reading, at, 0));
    let at = done!(reading.pass(&Literal::new("<tool_call|>"), at)).1;
    let call = ToolCall {
        id: None,
        name: name.to_owned(),
        arguments: Value::from(arguments).to_string(),
    };
    Step::Done(vec![call], at)
}

/// Reads what stands in braces.
fn object(reading: Reading<'_>, at: usize, depth: usize) -> Step<Map<String, Value>> {
    let mut at = done!(reading.expect(&Literal::new("{"), at)).1;
    let mut items = Map::new();
    loop {
        at += spaces(reading.rest(at));
        if reading.rest(at).starts_with('}') {
            return Step::Done(items, at + 1);
        }
        let (key, end) = done!(key(reading, at));
        let (value, end) = done!(value(reading, end, depth + 1));
        items.insert(key, value);
        at = done!(separator(reading, end, '}')).1;
    }
}

fn key(reading: Reading<'_>, at: usize) -> Step<String> {
    if reading.rest(at).starts_with(QUOTE) {
        let (key, at) = done!(text(reading, at));
        let at = done!(reading.expect(&Literal::new(":"), at)).1;
        return Step::Done(key, at);
    }
    match reading.rest(at).find(':') {
        Some(length) => {
            let key = reading.rest(at)[..length].trim().to_owned();
            Step::Done(key, at + length + 1)
        }
        None => reading.cut("':'"),
    }
}

fn value(reading: Reading<'_>, at: usize, depth: usize) -> Step<Value> {
    let at = at + spaces(reading.rest(at));
    let rest = reading.rest(at);
    match rest.chars().next() {
        _ if depth > DEEPEST => Step::Bad("its values nest too deep".to_owned()),
        None => reading.cut("value"),
        Some('{') => {
            let (items, at) = done!(object(reading, at, depth));
            Step::Done(items.into(), at)
        }
        Some('[') => list(reading, at, depth),
        _ if rest.starts_with(QUOTE) => {
            let (text, at) = done!(text(reading, at));
            Step::Done(text.into(), at)
        }
        _ if QUOTE.starts_with(rest) => reading.cut("value"),
        Some(_) => word(reading, at),
    }
}

fn list(reading: Reading<'_>, at: usize, depth: usize) -> Step<Value> {
    let mut at = at + 1;
    let mut items = Vec::new();
    loop {
        at += spaces(reading.rest(at));
        if reading.rest(at).starts_with(']') {
            return Step::Done(items.into(), at + 1);
        }
        let (item, end) = done!(value(reading, at, depth + 1));
        items.push(item);
        at = done!(separator(reading, end, ']')).1;
    }
}

/// Passes a comma, or stays before the end.
fn separator(reading: Reading<'_>, at: usize, close: char) -> Step<()> {
    let at = at + spaces(reading.rest(at));
    match reading.rest(at).chars().next() {
        None => reading.cut(&format!("'{close}'")),
        Some(',') => Step::Done((), at + 1),
        Some(next) if next == close => Step::Done((), at),
        Some(_) => Step::Bad(format!("a value is followed by no ',' and no '{close}'")),
    }
}

fn text(reading: Reading<'_>, at: usize) -> Step<String> {
    let start = at + QUOTE.len();
    match reading.rest(start).find(QUOTE) {
        Some(length) => {
            let said = reading.rest(start)[..length].to_owned();
            Step::Done(said, start + length + QUOTE.len())
        }
        None => reading.cut(QUOTE),
    }
}

/// Reads a number, a truth value or nothing.
fn word(reading: Reading<'_>, at: usize) -> Step<Value> {
    let (word, end) = done!(reading.run(at, "value", |next| !",}]".contains(next)));
    let value = match word.trim() {
        "None" => Value::Null,
        "True" => true.into(),
        "False" => false.into(),
        word => serde_json::from_str(word).unwrap_or_else(|_| word.into()),
    };
    Step::Done(value, end)
}
