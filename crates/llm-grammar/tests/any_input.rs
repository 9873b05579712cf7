//! Whatever comes in, nothing panics.

use llm_grammar::{SchemaOptions, lark_of_gbnf, prepare};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Keywords, and a name that is none.
const KEYWORDS: &[&str] = &[
    "type",
    "enum",
    "const",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "$ref",
    "$dynamicRef",
    "$defs",
    "a",
    "properties",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "required",
    "dependentRequired",
    "dependentSchemas",
    "minProperties",
    "maxProperties",
    "items",
    "prefixItems",
    "contains",
    "minContains",
    "maxContains",
    "uniqueItems",
    "minItems",
    "maxItems",
    "pattern",
    "format",
    "minLength",
    "maxLength",
    "minimum",
    "exclusiveMaximum",
    "multipleOf",
    "unevaluatedProperties",
    "unevaluatedItems",
    "$id",
    "$anchor",
    "$schema",
];

/// Values that keywords hold, right and wrong.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        (-3..5_i64).prop_map(Value::from),
        "[ab(){}|*+?^$\\\\\\[\\]0-9,:=!<>.-]{0,8}".prop_map(Value::from),
        prop::sample::select(vec![
            "object",
            "array",
            "string",
            "integer",
            "#",
            "#/$defs/a",
            "date"
        ])
        .prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        let entry = (prop::sample::select(KEYWORDS), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..3).prop_map(Value::from),
            prop::collection::vec(entry, 0..4).prop_map(|entries| {
                let entries = entries
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value));
                Value::Object(entries.collect())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_is_a_schema_or_none(schema in value(), compact: bool, loose: bool) {
        let _ = prepare(&schema, SchemaOptions { compact, loose });
    }

    #[test]
    fn any_pattern_is_read_or_not(pattern in "[ab(){}|*+?^$\\\\\\[\\]0-9,:=!<>.pdwsuxcB-]{0,16}") {
        let schema = json!({"patternProperties": {pattern.as_str(): {"pattern": pattern}}});
        let _ = prepare(&schema, SchemaOptions::default());
    }

    #[test]
    fn any_text_is_a_grammar_or_none(rest in "[ab\"(){}|*+?^\\\\\\[\\]0-9,:=!<> \n#.xuU-]{0,24}") {
        let _ = lark_of_gbnf(&rest);
        let _ = lark_of_gbnf(&format!("root ::= {rest}"));
    }
}
