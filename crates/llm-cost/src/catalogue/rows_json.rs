//! Files of our own rows: a list, or the records in which `catalogue TABLE` writes them, a line each.

use serde_json::{Deserializer, Value};

/// Returns a file's one value, or its lines as a list; or why it is neither.
pub(super) fn whole(text: &str) -> Result<Value, String> {
    let values = Deserializer::from_str(text).into_iter::<Value>();
    let values: Result<Vec<Value>, _> = values.collect();
    let mut values = values.map_err(|error| error.to_string())?;
    let is_row = |value: &Value| {
        let is_written = value.get("kind").is_some_and(|kind| kind == "row");
        is_written || value.get("id").is_some_and(Value::is_string)
    };
    match values.pop() {
        None => Err("it is empty".to_owned()),
        Some(only) if values.is_empty() && !is_row(&only) => Ok(only),
        Some(last) => {
            values.push(last);
            Ok(Value::Array(values))
        }
    }
}

/// Takes the rows of `table` out of the records that they are written in; others are left as they are.
pub(super) fn rows(entries: Vec<Value>, table: &str) -> Result<Vec<Value>, String> {
    let row = |mut entry: Value| {
        if entry.get("kind").is_none_or(|kind| kind != "row") {
            return Ok(entry);
        }
        match entry.get("table").and_then(Value::as_str) {
            Some(own) if own == table => Ok(entry["row"].take()),
            other => Err(format!(
                "it holds a row of '{}' where '{table}' are wanted",
                other.unwrap_or_default()
            )),
        }
    };
    entries.into_iter().map(row).collect()
}
