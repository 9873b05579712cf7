//! The tools that a model was told of, as far as its calls are read by them.

use serde_json::{Map, Value};

/// A list of tools, each with its name and the JSON Schema of what it is called with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Offered(Vec<(String, Value)>);

/// What a parameter takes, so that `2` is read as a text or as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// A text and nothing else.
    Text,
    /// No text.
    Others,
    /// Either, or nobody says.
    Anything,
}

impl Offered {
    /// Takes in a list as OpenAI's API has it, `{"type": "function", "function": {…}}`, or of what stands
    /// under `function` there.
    #[must_use]
    pub fn new(tools: &[Value]) -> Self {
        let named = tools.iter().filter_map(|tool| {
            let function = tool.get("function").unwrap_or(tool);
            let name = function.get("name")?.as_str()?;
            let schema = function.get("parameters").cloned().unwrap_or_default();
            Some((name.to_owned(), schema))
        });
        Self(named.collect())
    }

    /// Returns the schema of what a tool is called with; `None` where there is no such tool.
    #[must_use]
    pub fn schema(&self, name: &str) -> Option<&Value> {
        let mut tools = self.0.iter();
        tools
            .find(|(tool, _)| tool == name)
            .map(|(_, schema)| schema)
    }

    /// Returns the names, in the list's order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Returns what a parameter of a tool takes.
    pub(crate) fn takes(&self, tool: &str, parameter: &str) -> Takes {
        let schema = self.schema(tool);
        let properties = schema.and_then(|schema| schema.get("properties"));
        let parameter = properties.and_then(|properties| properties.get(parameter));
        parameter.map_or(Takes::Anything, |schema| takes(schema, 0))
    }
}

/// Returns what a schema takes. One that is made of others is looked into two levels deep.
pub(crate) fn takes(schema: &Value, depth: usize) -> Takes {
    let Some(schema) = schema.as_object() else {
        return Takes::Anything;
    };
    let kinds = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind == "string"],
        Some(Value::Array(kinds)) => kinds.iter().map(|kind| kind == "string").collect(),
        _ => return of_parts(schema, depth),
    };
    joined(
        kinds
            .into_iter()
            .map(|is_text| if is_text { Takes::Text } else { Takes::Others }),
    )
}

fn of_parts(schema: &Map<String, Value>, depth: usize) -> Takes {
    let of = |value: &Value| {
        if value.is_string() {
            Takes::Text
        } else {
            Takes::Others
        }
    };
    if let Some(value) = schema.get("const") {
        return of(value);
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return joined(values.iter().map(of));
    }
    let parts = ["anyOf", "oneOf"]
        .iter()
        .find_map(|name| schema.get(*name)?.as_array());
    match parts {
        Some(parts) if depth < 2 => joined(parts.iter().map(|part| takes(part, depth + 1))),
        _ => Takes::Anything,
    }
}

fn joined(parts: impl Iterator<Item = Takes>) -> Takes {
    let either = |one, other| {
        if one == other { one } else { Takes::Anything }
    };
    parts.reduce(either).unwrap_or(Takes::Anything)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_parameter_takes_is_read_from_its_schema() {
        let tool = json!({"name": "find", "parameters": {"properties": {
            "a": {"type": "string"},
            "b": {"type": ["integer", "null"]},
            "c": {"type": ["string", "null"]},
            "d": {"enum": ["x", "y"]},
            "e": {"anyOf": [{"type": "number"}, {"const": 1}]},
            "f": {},
        }}});
        let whole = json!({"type": "function", "function": tool});
        for tool in [tool, whole] {
            let offered = Offered::new(&[tool]);
            let takes = |name| offered.takes("find", name);
            assert_eq!(takes("a"), Takes::Text);
            assert_eq!(takes("b"), Takes::Others);
            assert_eq!(takes("c"), Takes::Anything);
            assert_eq!(takes("d"), Takes::Text);
            assert_eq!(takes("e"), Takes::Others);
            assert_eq!(takes("f"), Takes::Anything);
            assert_eq!(takes("g"), Takes::Anything);
            assert_eq!(offered.takes("other", "a"), Takes::Anything);
        }
    }
}
