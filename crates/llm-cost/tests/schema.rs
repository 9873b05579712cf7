//! The checked-in JSON Schema equals what the types generate. The program's own output is held against
//! it by the tests of the root package.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by a panic")]

use std::path::PathBuf;

use llm_cost::record::Cost;
use schemars::generate::SchemaSettings;

#[test]
fn the_schema_is_fresh() {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let schema = settings.into_generator().into_root_schema_for::<Cost>();
    let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schema/cost.json");
    if std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == text,
        "crates/llm-cost/schema/cost.json is stale; \
         UPDATE_GENERATED=1 cargo test --release -p llm-cost writes it"
    );
    jsonschema::validator_for(schema.as_value()).unwrap();
}
