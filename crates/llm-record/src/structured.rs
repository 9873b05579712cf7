//! What an answer must look like, as a request asks for it: under the names that other servers have for
//! it, and as a record tells of it. What it means for tokens is `llm-grammar`'s business.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Values;

/// What an answer must look like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StructuredOutput {
    /// The language that says so, and what it says.
    #[serde(flatten)]
    pub rule: OutputRule,
    /// Whether JSON has no white space outside of its texts.
    #[serde(default, skip_serializing_if = "is_false")]
    pub compact: bool,
    /// Whether what of a schema cannot be enforced is left out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub loose: bool,
}

/// The language in which an answer is described, and the description.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum OutputRule {
    /// A JSON document that a JSON Schema (draft 2020-12) describes.
    JsonSchema {
        /// The schema.
        schema: Value,
    },
    /// Any JSON object.
    JsonObject,
    /// Any JSON value.
    Json,
    /// A text that a regular expression describes from beginning to end.
    Regex {
        /// The expression.
        pattern: String,
    },
    /// A text of a grammar in Lark's syntax.
    Lark {
        /// The grammar.
        grammar: String,
    },
    /// A text of a grammar in llama.cpp's syntax.
    Gbnf {
        /// The grammar.
        grammar: String,
    },
}

/// A field of a line that says what its answer must look like, and cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFault {
    /// The field.
    pub field: &'static str,
    /// What is wrong, and the way out.
    pub reason: String,
}

/// Names under which a line may say what its answer must look like, of our own and, after it, of `OpenAI`,
/// llama.cpp, Ollama, vLLM and `SGLang`.
const NAMES: &[&str] = &[
    "schema",
    "response_format",
    "json_schema",
    "grammar",
    "format",
    "guided_json",
    "guided_regex",
    "guided_grammar",
    "structured_outputs",
];

/// What to do with a field that only looks like one of these.
const OWN: &str = "if it is data of your own, name it in --keep or --template";

/// Whether a line says under this name what its answer must look like.
pub(crate) fn reads(name: &str) -> bool {
    NAMES.contains(&name)
}

impl From<OutputRule> for StructuredOutput {
    fn from(rule: OutputRule) -> Self {
        Self {
            rule,
            compact: false,
            loose: false,
        }
    }
}

impl StructuredOutput {
    /// Returns what the answer to a line must look like, if the line says so.
    ///
    /// # Errors
    /// A field that cannot be read, or that says something else than another.
    pub fn of(fields: &Values) -> Result<Option<Self>, OutputFault> {
        let mut found: Option<(&str, OutputRule)> = None;
        for name in NAMES {
            let Some(value) = fields.get(*name).filter(|value| !value.is_null()) else {
                continue;
            };
            let fault = |reason| OutputFault {
                field: name,
                reason,
            };
            let Some(rule) = rule(name, value).map_err(fault)? else {
                continue;
            };
            match &found {
                None => found = Some((name, rule)),
                Some((_, earlier)) if *earlier == rule => {}
                Some((earlier, _)) => {
                    return Err(fault(format!(
                        "'{earlier}' and '{name}' both say what the answer must look like; leave one out"
                    )));
                }
            }
        }
        Ok(found.map(|(_, rule)| rule.into()))
    }

    /// Returns the schema of the document that is asked for, where it is one of JSON.
    #[must_use]
    pub fn schema(&self) -> Option<Value> {
        match &self.rule {
            OutputRule::JsonSchema { schema } => Some(schema.clone()),
            OutputRule::JsonObject => Some(json!({"type": "object"})),
            OutputRule::Json => Some(json!(true)),
            OutputRule::Regex { .. } | OutputRule::Lark { .. } | OutputRule::Gbnf { .. } => None,
        }
    }

    /// Whether the answer is a JSON document.
    #[must_use]
    pub fn is_json(&self) -> bool {
        matches!(
            self.rule,
            OutputRule::JsonSchema { .. } | OutputRule::JsonObject | OutputRule::Json
        )
    }
}

/// Reads what stands under a name; nothing where it asks for any text.
fn rule(name: &str, value: &Value) -> Result<Option<OutputRule>, String> {
    match (name, value) {
        ("response_format", _) => response_format(value),
        ("structured_outputs", _) => structured_outputs(value),
        ("format" | "grammar", Value::String(text)) if text.is_empty() => Ok(None),
        ("format", Value::String(text)) if text == "json" => Ok(Some(OutputRule::JsonObject)),
        ("grammar", Value::String(grammar)) => Ok(Some(OutputRule::Gbnf {
            grammar: grammar.clone(),
        })),
        ("guided_grammar", Value::String(grammar)) => Ok(Some(either_grammar(grammar))),
        ("guided_regex", Value::String(pattern)) => Ok(Some(OutputRule::Regex {
            pattern: pattern.clone(),
        })),
        ("grammar" | "guided_grammar" | "guided_regex", _) => {
            Err(format!("'{name}' must be a string"))
        }
        ("format", Value::String(text)) => Err(format!(
            "'format' is {}, which no API has; it is \"json\" or a JSON Schema; {OWN}",
            Value::from(text.as_str())
        )),
        _ => schema(name, value).map(Some),
    }
}

/// Reads a schema, which some servers take as a text.
fn schema(name: &str, value: &Value) -> Result<OutputRule, String> {
    let schema = match value {
        Value::String(text) => serde_json::from_str(text)
            .map_err(|error| format!("'{name}' is no JSON Schema: {error}; {OWN}"))?,
        other => other.clone(),
    };
    match schema {
        Value::Object(_) | Value::Bool(_) => Ok(OutputRule::JsonSchema { schema }),
        other => Err(format!(
            "'{name}' is {other} but must be a JSON Schema, an object; {OWN}"
        )),
    }
}

/// Reads OpenAI's, and the form that llama.cpp's server has beside it.
fn response_format(value: &Value) -> Result<Option<OutputRule>, String> {
    let own = |name: &str| value.get(name).filter(|value| !value.is_null());
    match (own("type").and_then(Value::as_str), own("json_schema")) {
        (Some("text"), _) => Ok(None),
        (Some("json_object"), _) => match own("schema") {
            Some(own) => schema("response_format.schema", own).map(Some),
            None => Ok(Some(OutputRule::JsonObject)),
        },
        (Some("json_schema"), Some(named)) => {
            let own = named.get("schema").or(own("schema"));
            let own = own.ok_or("'response_format.json_schema' has no 'schema'")?;
            schema("response_format.json_schema.schema", own).map(Some)
        }
        (Some("json_schema"), None) => match own("schema") {
            Some(own) => schema("response_format.schema", own).map(Some),
            None => Err("'response_format' has no 'json_schema'".to_owned()),
        },
        _ => Err(format!(
            "'response_format' is {value} but its 'type' must be \"text\", \"json_object\" or \"json_schema\"; {OWN}"
        )),
    }
}

/// Reads vLLM's: one of several keys.
fn structured_outputs(value: &Value) -> Result<Option<OutputRule>, String> {
    let named = |name: &str| value.get(name).filter(|value| !value.is_null());
    let text = |name: &str| {
        let value = named(name).map(|value| {
            let text = value.as_str().map(str::to_owned);
            text.ok_or_else(|| format!("'structured_outputs.{name}' must be a string"))
        });
        value.transpose()
    };
    if let Some(choices) = named("choice") {
        return Err(format!(
            "'structured_outputs.choice' is {choices}; write it as 'choices', which takes the likeliest of them"
        ));
    }
    let json = named("json")
        .map(|own| schema("structured_outputs.json", own))
        .transpose()?;
    let regex = text("regex")?.map(|pattern| OutputRule::Regex { pattern });
    let grammar = text("grammar")?.map(|grammar| either_grammar(&grammar));
    let object = named("json_object").filter(|value| **value == true);
    let mut all = [json, regex, grammar, object.map(|_| OutputRule::JsonObject)]
        .into_iter()
        .flatten();
    match (all.next(), all.next()) {
        (Some(rule), None) => Ok(Some(rule)),
        (None, _) if value.as_object().is_some_and(Values::is_empty) => Ok(None),
        _ => Err(format!(
            "'structured_outputs' is {value} but must have one of 'json', 'regex', 'grammar' and 'json_object'"
        )),
    }
}

/// Tells llama.cpp's syntax, of which each rule has `::=`, from Lark's.
fn either_grammar(grammar: &str) -> OutputRule {
    let grammar = grammar.to_owned();
    if grammar.contains("::=") {
        OutputRule::Gbnf { grammar }
    } else {
        OutputRule::Lark { grammar }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde hands over")]
fn is_false(switch: &bool) -> bool {
    !switch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: Value) -> Result<Option<OutputRule>, OutputFault> {
        let Value::Object(fields) = line else {
            panic!("not an object");
        };
        StructuredOutput::of(&fields).map(|output| output.map(|output| output.rule))
    }

    /// Forms as the APIs' references have them (November 2026).
    #[test]
    fn forms_of_other_servers_are_read() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
        let wanted = OutputRule::JsonSchema {
            schema: schema.clone(),
        };
        for line in [
            json!({"schema": schema}),
            json!({"response_format": {"type": "json_schema",
                "json_schema": {"name": "n", "strict": true, "schema": schema}}}),
            json!({"response_format": {"type": "json_object", "schema": schema}}),
            json!({"json_schema": schema}),
            json!({"format": schema}),
            json!({"guided_json": schema}),
            json!({"guided_json": schema.to_string()}),
            json!({"structured_outputs": {"json": schema}}),
            json!({"schema": schema, "guided_json": schema}),
        ] {
            assert_eq!(read(line.clone()), Ok(Some(wanted.clone())), "{line}");
        }
        let object = Ok(Some(OutputRule::JsonObject));
        assert_eq!(
            read(json!({"response_format": {"type": "json_object"}})),
            object
        );
        assert_eq!(read(json!({"format": "json"})), object);
        assert_eq!(
            read(json!({"structured_outputs": {"json_object": true}})),
            object
        );
        let grammar = "root ::= \"a\"".to_owned();
        let gbnf = Ok(Some(OutputRule::Gbnf {
            grammar: grammar.clone(),
        }));
        assert_eq!(read(json!({"grammar": grammar})), gbnf);
        assert_eq!(read(json!({"guided_grammar": grammar})), gbnf);
        let lark = "start: \"a\"".to_owned();
        assert_eq!(
            read(json!({"structured_outputs": {"grammar": lark}})),
            Ok(Some(OutputRule::Lark { grammar: lark }))
        );
    }

    #[test]
    fn what_asks_for_nothing_is_nothing() {
        for line in [
            json!({}),
            json!({"schema": null, "response_format": {"type": "text"}}),
            json!({"grammar": "", "format": "", "structured_outputs": {}}),
        ] {
            assert_eq!(read(line.clone()), Ok(None), "{line}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (line, told) in [
            (json!({"schema": 5}), "'schema' is 5"),
            (
                json!({"guided_json": "{"}),
                "'guided_json' is no JSON Schema",
            ),
            (json!({"format": "yaml"}), "'format' is \"yaml\""),
            (
                json!({"guided_regex": 1}),
                "'guided_regex' must be a string",
            ),
            (
                json!({"response_format": {"type": "json_schema"}}),
                "has no 'json_schema'",
            ),
            (
                json!({"response_format": {"type": "structural_tag"}}),
                "its 'type' must be",
            ),
            (
                json!({"structured_outputs": {"choice": ["a"]}}),
                "write it as 'choices'",
            ),
            (
                json!({"structured_outputs": {"regex": "a", "grammar": "start: \"a\""}}),
                "must have one of",
            ),
            (
                json!({"schema": {}, "guided_regex": "a"}),
                "'schema' and 'guided_regex' both",
            ),
        ] {
            let OutputFault { reason, .. } = read(line).unwrap_err();
            assert!(reason.contains(told), "{reason}");
        }
    }
}
