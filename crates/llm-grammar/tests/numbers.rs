//! Numbers: for random bounds and steps, just those numbers of a grid are accepted that the `jsonschema`
//! crate finds valid.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use llguidance::api::TopLevelGrammar;
use llm_grammar::{SchemaError, SchemaOptions, prepare};
use serde_json::{Map, Value, json};
use support::Grammar;
use support::random::Random;

/// The grid, as JSON writes it, and zero below zero.
fn grid() -> Vec<(String, Value)> {
    let quarters = (-50..=50).map(|quarter| f64::from(quarter) / 4.0);
    let tenths = (-12..=12).map(|tenth| f64::from(tenth) / 10.0);
    let more = [
        0.05, 0.001, -0.001, 99.0, 100.0, 101.0, -99.5, -100.0, 1000.5,
    ];
    let all = quarters.chain(tenths).chain(more).map(|number| {
        let text = number.to_string();
        let value = serde_json::from_str(&text).unwrap();
        (text, value)
    });
    all.chain([("-0".to_owned(), json!(0))]).collect()
}

/// Returns a number with none, one and two zeros more behind its point.
fn spellings(text: &str) -> [String; 3] {
    let point = if text.contains('.') { "" } else { "." };
    [
        text.to_owned(),
        format!("{text}{point}0"),
        format!("{text}{point}00"),
    ]
}

fn schema(random: &mut Random) -> Value {
    let bounds = [
        json!(-100),
        json!(-12.5),
        json!(-2),
        json!(-1.5),
        json!(-1),
        json!(-0.5),
        json!(-0.001),
        json!(0),
        json!(0.05),
        json!(0.5),
        json!(0.75),
        json!(1),
        json!(1.1),
        json!(2),
        json!(10),
        json!(12.25),
        json!(99),
        json!(100),
    ];
    let mut map = Map::new();
    let kind = if random.chance(30) {
        "integer"
    } else {
        "number"
    };
    map.insert("type".to_owned(), json!(kind));
    for keyword in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
        if random.chance(40) {
            map.insert(keyword.to_owned(), random.pick(&bounds).clone());
        }
    }
    if random.chance(30) {
        let steps = [
            json!(2),
            json!(3),
            json!(0.5),
            json!(0.25),
            json!(0.1),
            json!(1.5),
        ];
        map.insert("multipleOf".to_owned(), random.pick(&steps).clone());
    }
    Value::Object(map)
}

#[test]
fn just_the_numbers_within_bounds_are_accepted() {
    let grid = grid();
    let (mut exact, mut refused) = (0, 0);
    for seed in 1..=400 {
        let mut random = Random::new(seed);
        let mut schema = schema(&mut random);
        if random.chance(20) {
            schema = json!({"type": "number", "not": schema});
        }
        let judge = jsonschema::validator_for(&schema).unwrap();
        let prepared = match prepare(&schema, SchemaOptions::default()) {
            Ok(prepared) => prepared,
            Err(SchemaError::Unsatisfiable { .. }) => {
                let valid = grid.iter().find(|(_, number)| judge.is_valid(number));
                assert_eq!(valid, None, "{schema}");
                continue;
            }
            Err(SchemaError::Unsupported { .. }) => {
                refused += 1;
                continue;
            }
            Err(error) => panic!("{schema}: {error}"),
        };
        let grammar = Grammar::new(TopLevelGrammar::from_json_schema(prepared)).unwrap();
        for (text, number) in &grid {
            let accepted = spellings(text).iter().any(|text| grammar.accepts(text));
            // -0 is another way to write 0, which need not be accepted.
            if accepted || text != "-0" {
                assert_eq!(accepted, judge.is_valid(number), "{schema}: {text}");
            }
        }
        exact += 1;
    }
    println!("{exact} exact, {refused} refused");
    assert!(exact > 200, "only {exact} schemas, {refused} refused");
}
