//! The catalogue's rows as records, or as a table of the columns that matter.

use anyhow::Result;
use llm_cli::cost::Table;
use llm_cost::Catalogue;
use llm_cost::record::{Body, RowRecord};
use serde::Serialize;
use serde_json::Value;

use crate::data::Data;
use crate::show::Writer;
use crate::table;

/// Writes a table's rows.
pub(crate) fn run(which: Table, data: &Data, writer: &mut Writer) -> Result<()> {
    let (name, columns, rows) = rows_of(which, &data.catalogue);
    let rows = rows?;
    let body = |row: &Value| {
        Body::Row(RowRecord {
            table: name.to_owned(),
            row: row.clone(),
        })
    };
    let bodies = rows.iter().map(body).collect();
    writer.answer(bodies, |_| {
        let cell = |row: &Value, column: &str| match row.get(column) {
            None | Some(Value::Null | Value::Bool(false)) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.as_f64().map_or_else(String::new, table::short),
            Some(value) => value.to_string(),
        };
        let lines = rows
            .iter()
            .map(|row| columns.iter().map(|column| cell(row, column)).collect());
        table::table(columns, lines)
    })?;
    Ok(())
}

/// A table's name, the columns that people see, and its rows.
type Rows = (&'static str, &'static [&'static str], Result<Vec<Value>>);

fn rows_of(which: Table, all: &Catalogue) -> Rows {
    match which {
        Table::Prices => (
            "prices",
            &[
                "id",
                "input",
                "output",
                "cache_read",
                "context",
                "status",
                "as_of",
            ],
            values(&all.prices),
        ),
        Table::Machines => (
            "machines",
            &[
                "id",
                "usable_gib",
                "bandwidth_gbs",
                "price",
                "price_assumed",
                "load_w",
                "as_of",
            ],
            values(&all.machines),
        ),
        Table::Models => (
            "models",
            &["id", "params_b", "active_b", "layers", "context", "repo"],
            values(&all.models),
        ),
        Table::Quants => ("quants", &["quant", "bits", "source"], values(&all.quants)),
        Table::Electricity => (
            "electricity",
            &["region", "usd_per_kwh", "as_of", "confidence"],
            values(&all.electricity),
        ),
        Table::Profiles => (
            "profiles",
            &["id", "input_mtok", "output_mtok", "cache_hit", "note"],
            values(&all.profiles),
        ),
        Table::Predictor => (
            "predictor",
            &["family", "rows", "eta", "tau_us", "moe", "prefill_moe"],
            values(&all.families),
        ),
    }
}

/// Returns rows as JSON, without what is not known.
fn values<R: Serialize>(rows: &[R]) -> Result<Vec<Value>> {
    let value = |row: &R| {
        let mut value = serde_json::to_value(row)?;
        if let Some(fields) = value.as_object_mut() {
            fields.retain(|_, field| !field.is_null());
        }
        Ok(value)
    };
    rows.iter().map(value).collect()
}
