//! `llm-cost`: how its tests call it and read its records. The formulas are tested in the library.

mod payback;
mod pictures;
mod shown;
mod speeds;
mod usage;

use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::Value;

use crate::harness::{Ran, Sandbox, Tool};

const SCHEMA: &str = include_str!("../crates/llm-cost/schema/cost.json");

/// The day of the tests; no row of the cloud's current models is old on it.
const DAY: &str = "2026-11-24";

/// The example of the contract, all by hand.
pub const BY_HAND: &str = "payback --cloud anthropic/claude-sonnet-4.6 --input-mtok 2.4 --output-mtok 12 \
    --machine-price 4000 --load-watts 110 --usd-per-kwh 0.17 --decode-tps 11 --prefill-tps 94";

pub fn tool(sandbox: &Sandbox, line: &str) -> Tool {
    let words = line.split_whitespace();
    sandbox.tool("llm-cost").args(words).args(["--on", DAY])
}

pub fn cost(line: &str) -> Ran {
    tool(&Sandbox::new(), line).run()
}

pub fn fed(line: &str, input: &str) -> Ran {
    tool(&Sandbox::new(), line).input(input).run()
}

/// Returns the records, each of which has passed the schema.
#[track_caller]
pub fn records(ran: &Ran) -> Vec<Value> {
    static VALIDATOR: OnceLock<Validator> = OnceLock::new();
    let validator = VALIDATOR.get_or_init(|| {
        let schema = serde_json::from_str(SCHEMA).unwrap();
        jsonschema::validator_for(&schema).unwrap()
    });
    let records = ran.records();
    for record in &records {
        assert_eq!(record["type"], "cost", "{record}");
        if let Err(fault) = validator.validate(record) {
            ran.fail(&format!("{fault}: {record}"));
        }
    }
    records
}

#[track_caller]
pub fn record(ran: &Ran) -> Value {
    match records(ran).as_slice() {
        [record] => record.clone(),
        _ => ran.fail("expected one record"),
    }
}

#[track_caller]
pub fn near(value: &Value, wanted: f64) {
    let number = value.as_f64().unwrap_or(f64::NAN);
    assert!(
        (number - wanted).abs() <= 0.005 + wanted.abs() * 1e-3,
        "{value} is not {wanted}"
    );
}

/// Returns whether a note of a record has this part.
pub fn is_noted(record: &Value, part: &str) -> bool {
    let notes = record["notes"].as_array().unwrap();
    notes
        .iter()
        .any(|note| note.as_str().unwrap().contains(part))
}
