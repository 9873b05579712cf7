//! Calls whose arguments are elements with the parameters' names, and lists of `item`:
//! `<invoke name="find"><where><city>Rome</city></where></invoke>`, each mark after a text that none else has.

use serde_json::{Map, Value};

use crate::ToolCall;
use crate::literal::Literal;
use crate::offered::{Takes, takes};
use crate::parse::{Reading, Step, done};
use crate::python;

/// Stands before each mark.
const BEFORE: &str = "]<]minimax[>[";

/// The element of a list.
const ITEM: &str = "item";

/// How deep elements may nest.
const DEEPEST: usize = 64;

/// Reads one call.
pub(crate) fn read(reading: Reading<'_>, at: usize) -> Step<Vec<ToolCall>> {
    let open = format!("{BEFORE}<invoke name=\"");
    let at = done!(reading.expect(&Literal::new(open), at)).1;
    let (name, at) = done!(reading.name(at));
    let at = done!(reading.expect(&Literal::new("\">"), at)).1;
    let schema = reading.offered.schema(name);
    let (value, at) = done!(content(reading, at, "invoke", schema, 0));
    let arguments = match value {
        Value::Object(items) => items,
        // Nothing but white space.
        _ => Map::new(),
    };
    let call = ToolCall {
        id: None,
        name: name.to_owned(),
        arguments: Value::from(arguments).to_string(),
    };
    Step::Done(vec![call], at)
}

/// Reads what stands in an element, and its end.
fn content(
    reading: Reading<'_>,
    at: usize,
    element: &str,
    schema: Option<&Value>,
    depth: usize,
) -> Step<Value> {
    if depth > DEEPEST {
        return Step::Bad("its arguments nest too deep".to_owned());
    }
    let close = format!("{BEFORE}</{element}>");
    let Some(length) = reading.rest(at).find(BEFORE) else {
        return reading.cut(&close);
    };
    let mut end = at + length;
    if reading.rest(end).starts_with(&close) {
        let written = &reading.rest(at)[..length];
        return Step::Done(leaf(written, schema), end + close.len());
    }
    let mut children: Vec<(String, Value)> = Vec::new();
    loop {
        if reading.rest(end).trim_start().starts_with(&close) {
            let end = done!(reading.expect(&Literal::new(close), end)).1;
            return Step::Done(joined(children), end);
        }
        let open = Literal::new(format!("{BEFORE}<"));
        let start = done!(reading.expect(&open, end)).1;
        let Some(length) = reading.rest(start).find('>') else {
            return reading.cut("'>'");
        };
        let name = &reading.rest(start)[..length];
        if name.starts_with('/') {
            return Step::Bad(format!("'<{name}>' ends what has not begun"));
        }
        let inner = schema.and_then(|schema| of_child(schema, name));
        let (value, after) = done!(content(reading, start + length + 1, name, inner, depth + 1));
        children.push((name.to_owned(), value));
        end = after;
    }
}

fn of_child<'s>(schema: &'s Value, name: &str) -> Option<&'s Value> {
    let property = schema.get("properties").and_then(|all| all.get(name));
    property.or_else(|| schema.get("items").filter(|_| name == ITEM))
}

fn joined(children: Vec<(String, Value)>) -> Value {
    if children.iter().all(|(name, _)| name == ITEM) {
        return children.into_iter().map(|(_, value)| value).collect();
    }
    Value::Object(children.into_iter().collect())
}

fn leaf(written: &str, schema: Option<&Value>) -> Value {
    let takes = schema.map_or(Takes::Anything, |schema| takes(schema, 0));
    if takes == Takes::Text {
        return written.into();
    }
    let is_list = schema.is_some_and(|schema| schema["type"] == "array");
    let is_object = schema.is_some_and(|schema| schema["type"] == "object");
    match written.trim() {
        "" if is_list => Vec::<Value>::new().into(),
        "" if is_object => Map::new().into(),
        trimmed => {
            let read = serde_json::from_str(trimmed).ok();
            let read = read.or_else(|| python::parse(trimmed));
            let read = read.filter(|value| takes == Takes::Others || !value.is_string());
            read.unwrap_or_else(|| written.into())
        }
    }
}
