//! What is refused is refused with its place, and nothing overflows or runs on.

mod support;

use std::time::{Duration, Instant};

use llguidance::api::TopLevelGrammar;
use llm_grammar::{SchemaError, SchemaOptions, prepare};
use serde_json::{Value, json};
use support::Grammar;

const EXACT: SchemaOptions = SchemaOptions {
    compact: false,
    loose: false,
};

#[test]
fn what_cannot_be_enforced_is_named_with_its_place() {
    let cases = [
        (
            json!({"properties": {"a": {"contains": {"const": 1}}}}),
            "/properties/a",
            "contains",
        ),
        (
            json!({"items": {"uniqueItems": true}}),
            "/items",
            "uniqueItems",
        ),
        (
            json!({"properties": {"a/b": {"pattern": "(?=x)"}}}),
            "/properties/a~1b",
            "pattern",
        ),
        (
            json!({"allOf": [{"pattern": "(a)\\1"}]}),
            "/allOf/0",
            "pattern",
        ),
        (
            json!({"$defs": {"a": {"format": "regex"}}, "$ref": "#/$defs/a"}),
            "/$defs/a",
            "format",
        ),
        (json!({"$ref": "https://example.com/a"}), "", "$ref"),
        (json!({"minProperties": 2}), "", "minProperties"),
        (
            json!({"items": {"not": {"type": "integer"}}}),
            "/items",
            "type",
        ),
        (json!({"maximum": 1e19}), "", "maximum"),
        (json!({"minimum": 1e-22}), "", "minimum"),
        (json!({"const": 9_007_199_254_740_993_u64}), "", "const"),
        (json!({"multipleOf": 0.123_456_789_01}), "", "multipleOf"),
        (
            json!({"$schema": "https://example.com/mine"}),
            "",
            "$schema",
        ),
    ];
    for (schema, place, word) in cases {
        match prepare(&schema, EXACT) {
            Err(SchemaError::Unsupported {
                pointer, keyword, ..
            }) => {
                assert_eq!(
                    (pointer.as_str(), keyword.as_str()),
                    (place, word),
                    "{schema}"
                );
            }
            other => panic!("{schema}: {other:?}"),
        }
    }
}

#[test]
fn what_is_no_schema_is_named_with_its_place() {
    for (schema, place) in [
        (json!({"properties": {"a": 1}}), "/properties/a"),
        (json!({"type": "text"}), "/type"),
        (json!({"items": [{"type": "string"}]}), "/items"),
        (json!({"minLength": -1}), "/minLength"),
        (json!({"pattern": "("}), "/pattern"),
        (json!({"pattern": "[b-a]"}), "/pattern"),
        (json!({"required": "a"}), "/required"),
        (json!({"$ref": "#/$defs/none"}), "/$ref"),
        (json!({"$ref": "#"}), ""),
        (json!(1), ""),
    ] {
        match prepare(&schema, EXACT) {
            Err(SchemaError::Invalid { pointer, .. }) => assert_eq!(pointer, place, "{schema}"),
            other => panic!("{schema}: {other:?}"),
        }
    }
}

#[test]
fn what_no_value_meets_is_refused() {
    for schema in [
        json!(false),
        json!({"type": "string", "minLength": 3, "maxLength": 2}),
        json!({"type": "string", "pattern": "^a$", "minLength": 2}),
        json!({"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2}),
        json!({"allOf": [{"type": "null"}, {"type": "string"}]}),
        json!({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}),
        json!({"type": "array", "items": {"$ref": "#"}, "minItems": 1}),
    ] {
        match prepare(&schema, EXACT) {
            Err(SchemaError::Unsatisfiable { .. }) => {}
            other => panic!("{schema}: {other:?}"),
        }
    }
}

/// Puts a schema into another.
type Wrap = fn(Value) -> Value;

/// Nests a schema in itself.
fn nested(depth: usize, wrap: Wrap) -> Value {
    (0..depth).fold(json!({"type": "null"}), |inner, _| wrap(inner))
}

#[test]
fn depth_is_bounded_and_what_is_within_the_bounds_compiles() {
    let wraps: [(Wrap, usize); 4] = [
        (|inner| json!({"type": "array", "items": inner}), 30),
        (
            |inner| json!({"properties": {"a": inner}, "required": ["a"]}),
            30,
        ),
        (|inner| json!({ "allOf": [inner] }), 30),
        (|inner| json!({"anyOf": [inner, {"type": "string"}]}), 30),
    ];
    for (wrap, within) in wraps {
        assert!(prepare(&nested(within, wrap), EXACT).is_ok());
        for depth in [within + 10, 90, 101, 150] {
            match prepare(&nested(depth, wrap), EXACT) {
                Err(SchemaError::TooComplex { .. }) => {}
                other => panic!("{depth}: {other:?}"),
            }
        }
    }
    let link = |index: usize| format!("#/$defs/d{}", index + 1);
    let chain = |length: usize| {
        let defs = (0..length).map(|index| {
            let next = json!({"type": "array", "items": {"$ref": link(index)}});
            (format!("d{index}"), next)
        });
        let mut defs = defs.collect::<serde_json::Map<_, _>>();
        defs.insert(format!("d{length}"), json!({"type": "null"}));
        json!({"$ref": "#/$defs/d0", "$defs": defs})
    };
    assert!(prepare(&chain(30), EXACT).is_ok());
    assert!(matches!(
        prepare(&chain(3000), EXACT),
        Err(SchemaError::TooComplex { .. })
    ));
}

#[test]
fn time_is_bounded() {
    let many = |count: usize| (0..count).map(|index| json!({"required": [format!("p{index}")]}));
    let long = "(a|b)*a".to_owned() + &"(a|b)".repeat(30);
    let cases = [
        json!({"oneOf": many(12).collect::<Value>()}),
        json!({"not": {"anyOf": many(200).collect::<Value>()}}),
        json!({"allOf": many(40).map(|one| json!({"anyOf": [one, {"type": "array"}]})).collect::<Value>()}),
        json!({"not": {"pattern": long}}),
        json!({"patternProperties": {long.as_str(): true}}),
        json!({"pattern": "((a{1,100}){1,100}){1,100}"}),
        json!({"maxProperties": 10, "properties": (0..30).map(|i| (format!("p{i}"), json!(true))).collect::<Value>()}),
        json!({"type": "array", "items": {"type": "string"}, "maxItems": 1_000_000}),
        json!({"type": "string", "maxLength": 100_000}),
    ];
    for schema in cases {
        let start = Instant::now();
        let result = prepare(&schema, EXACT);
        let time = start.elapsed();
        let text = schema.to_string();
        assert!(
            time < Duration::from_secs(60),
            "{time:?} for {}",
            &text[..text.len().min(80)]
        );
        println!(
            "{time:?} {} {:?}",
            &text[..text.len().min(60)],
            result.err()
        );
    }
}

#[test]
fn a_listed_name_has_one_spelling() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    let grammar = Grammar::new(TopLevelGrammar::from_json_schema(
        prepare(&schema, EXACT).unwrap(),
    ));
    let grammar = grammar.unwrap();
    assert!(grammar.accepts(r#"{"a": 1, "b": "x"}"#));
    assert!(!grammar.accepts(r#"{"a": "x"}"#));
    assert!(!grammar.accepts("{\"\\u0061\": \"x\"}"));
}

#[test]
fn compact_answers_have_no_white_space() {
    let schema = json!({"type": "array", "items": {"type": "integer"}});
    for (compact, spaced) in [(true, false), (false, true)] {
        let options = SchemaOptions {
            compact,
            loose: false,
        };
        let grammar = TopLevelGrammar::from_json_schema(prepare(&schema, options).unwrap());
        let grammar = Grammar::new(grammar).unwrap();
        assert!(grammar.accepts("[1,2]"));
        assert_eq!(grammar.accepts("[\n  1,\n  2\n]"), spaced);
    }
}

#[test]
fn a_loose_schema_is_held_to_as_far_as_it_can_be() {
    let loose = SchemaOptions {
        compact: false,
        loose: true,
    };
    let schema = json!({"type": "array", "items": {"type": "integer"}, "uniqueItems": true});
    let grammar = TopLevelGrammar::from_json_schema(prepare(&schema, loose).unwrap());
    let grammar = Grammar::new(grammar).unwrap();
    assert!(grammar.accepts("[1, 1]"));
    assert!(!grammar.accepts("[true]"));
    assert!(prepare(&json!({"type": "text"}), loose).is_err());
}
