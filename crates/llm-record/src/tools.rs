//! Lists of tools, as OpenAI's API takes them and as MCP servers give them.

use serde_json::{Map, Value, json};

/// Reads a list of tools: OpenAI's (`[{"type": "function", "function": {…}}]`), the functions alone, or what an
/// MCP server answers to `tools/list`, with or without the envelope around it. Returns OpenAI's.
///
/// # Errors
/// Says in a sentence what is no such list.
pub fn tool_list(value: Value) -> Result<Value, String> {
    const WANTED: &str = "it holds no list of tools, which is OpenAI's ([{\"type\": \"function\", \"function\": {…}}]) or an MCP \
         server's answer to tools/list";
    let list = match value {
        Value::Array(list) => list,
        Value::Object(mut object) => {
            let inner = object.remove("result");
            let tools = object.remove("tools");
            let nested = inner.and_then(|mut inner| Some(inner.get_mut("tools")?.take()));
            match tools.or(nested) {
                Some(Value::Array(list)) => list,
                _ if object.contains_key("name") || object.contains_key("function") => {
                    vec![Value::Object(object)]
                }
                _ => return Err(WANTED.to_owned()),
            }
        }
        _ => return Err(WANTED.to_owned()),
    };
    if list.is_empty() {
        return Err("its list of tools is empty".to_owned());
    }
    let mut names = Vec::new();
    let tools = list.into_iter().enumerate().map(|(at, tool)| {
        let tool = tool_of(tool).map_err(|reason| format!("its tool {} {reason}", at + 1))?;
        let name = tool["function"]["name"].clone();
        if names.contains(&name) {
            return Err(format!("it has two tools of the name {name}"));
        }
        names.push(name);
        Ok(tool)
    });
    tools.collect::<Result<Vec<_>, String>>().map(Value::from)
}

/// Returns one tool in OpenAI's form.
fn tool_of(tool: Value) -> Result<Value, String> {
    let Value::Object(mut tool) = tool else {
        return Err("is no object".to_owned());
    };
    let mut function = match tool.remove("function") {
        Some(Value::Object(function)) => function,
        Some(_) => return Err("has a 'function' that is no object".to_owned()),
        None => tool,
    };
    let name = function.get("name").and_then(Value::as_str);
    if name.is_none_or(str::is_empty) {
        return Err("has no 'name'".to_owned());
    }
    // MCP's words; what else a server says of a tool is not for the model.
    if let Some(schema) = function.remove("inputSchema") {
        function.insert("parameters".to_owned(), schema);
        let known = ["name", "description", "parameters"];
        function = function
            .into_iter()
            .filter(|(key, _)| known.contains(&key.as_str()))
            .collect::<Map<_, _>>();
    }
    function.remove("type");
    if function
        .get("parameters")
        .is_some_and(|schema| !schema.is_object())
    {
        return Err("has 'parameters' that are no JSON Schema, which is an object".to_owned());
    }
    Ok(json!({"type": "function", "function": function}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_all_kinds_become_the_same() {
        let schema = json!({"type": "object", "properties": {}});
        let function = json!({"name": "f", "description": "d", "parameters": schema});
        let wanted = json!([{"type": "function", "function": function}]);
        let mcp = json!({"name": "f", "title": "F", "description": "d", "inputSchema": schema});
        for list in [
            wanted.clone(),
            json!([function]),
            json!({"tools": [mcp]}),
            json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": [mcp]}}),
            wanted[0].clone(),
        ] {
            assert_eq!(tool_list(list.clone()), Ok(wanted.clone()), "{list}");
        }
    }

    #[test]
    fn what_is_no_list_is_told() {
        for (list, says) in [
            (json!([]), "is empty"),
            (json!("x"), "holds no list of tools"),
            (json!({"a": 1}), "holds no list of tools"),
            (json!([{"function": {}}]), "its tool 1 has no 'name'"),
            (
                json!([{"name": "f"}, {"name": "f"}]),
                "two tools of the name",
            ),
            (json!([{"name": "f", "parameters": []}]), "no JSON Schema"),
        ] {
            assert!(tool_list(list).unwrap_err().contains(says), "{says}");
        }
    }
}
