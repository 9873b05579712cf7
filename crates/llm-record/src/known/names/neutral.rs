//! Values that ask for nothing.

use serde_json::Value;

use crate::Values;

pub(super) fn never(_: &Value) -> bool {
    false
}

pub(super) fn is_zero(value: &Value) -> bool {
    value.as_f64() == Some(0.0)
}

pub(super) fn is_off(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number <= 0.0)
}

pub(super) fn is_one(value: &Value) -> bool {
    value.as_f64() == Some(1.0)
}

pub(super) fn is_false(value: &Value) -> bool {
    value == false
}

pub(super) fn is_true(value: &Value) -> bool {
    value == true
}

pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

pub(super) fn is_text_alone(value: &Value) -> bool {
    let list = value.as_array();
    list.is_some_and(|list| list.iter().all(|modality| modality == "text"))
}

pub(super) fn is_text_type(value: &Value) -> bool {
    value.get("type").is_some_and(|kind| kind == "text")
}

pub(super) fn is_disabled(value: &Value) -> bool {
    value.get("type").is_some_and(|kind| kind == "disabled")
}

/// As OpenAI writes it, or Anthropic.
pub(super) fn is_free(value: &Value) -> bool {
    let kind = value.get("type").unwrap_or(value);
    kind == "auto" || kind == "none"
}

/// Whether a request for moderation is of no effect on the answer: scores are told beside it.
pub(super) fn only_scores(value: &Value) -> bool {
    let policy = value.get("policy").and_then(Value::as_object);
    let rules = policy.into_iter().flat_map(Values::values);
    let mut set = rules.filter(|rule| !rule.is_null());
    value.is_object() && set.all(|rule| rule["mode"] == "score")
}
