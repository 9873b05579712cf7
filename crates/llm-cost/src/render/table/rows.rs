//! Rows of the catalogue, the columns that matter.

use serde_json::Value;

use super::super::format::short;
use super::table;
use crate::listing::Table;
use crate::record::Body;

/// Returns the rows that [`Catalogue::rows`](crate::Catalogue::rows) lists as a table.
#[must_use]
pub fn rows(listed: Table, bodies: &[Body]) -> String {
    let lines = bodies.iter().filter_map(|body| match body {
        Body::Row(row) => Some(&row.row),
        _ => None,
    });
    let columns = listed.columns();
    let line = |row: &Value| columns.iter().map(|column| cell(row.get(column))).collect();
    table(columns, lines.map(line))
}

fn cell(field: Option<&Value>) -> String {
    match field {
        None | Some(Value::Null | Value::Bool(false)) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.as_f64().map_or_else(String::new, short),
        Some(value) => value.to_string(),
    }
}
