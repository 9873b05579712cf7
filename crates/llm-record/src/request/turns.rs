//! The turns of a conversation and the tools of a request, as OpenAI's API takes them.

use serde_json::Value;

use super::Message;
use crate::Values;

pub(crate) fn messages(value: &Value) -> Result<Vec<Message>, String> {
    let list = value
        .as_array()
        .filter(|list| !list.is_empty())
        .ok_or("'messages' must be a list of at least one message")?;
    list.iter()
        .enumerate()
        .map(|(index, value)| message(value, &format!("messages[{index}]")))
        .collect()
}

fn message(value: &Value, name: &str) -> Result<Message, String> {
    let role = value
        .get("role")
        .and_then(Value::as_str)
        .ok_or_else(|| format!("'{name}' has no string 'role'"))?;
    let mut fields = value.as_object().cloned().unwrap_or_default();
    fields
        .retain(|field, value| !["role", "content"].contains(&field.as_str()) && !value.is_null());
    let calls = fields.get("tool_calls");
    if let Some(calls) = calls {
        check_calls(calls).map_err(|reason| format!("'{name}.tool_calls' {reason}"))?;
    }
    // Templates that know of pictures and sounds look for them among the parts.
    if let Some(kind) = ["images", "audio"]
        .into_iter()
        .find(|kind| holds(&fields, kind))
    {
        return Err(format!(
            "'{name}.{kind}' cannot be read, only text can; leave it out"
        ));
    }
    let calls_nothing = |calls: &Value| calls.as_array().is_some_and(Vec::is_empty);
    let content = match value.get("content").unwrap_or(&Value::Null) {
        Value::Null if calls.is_some_and(calls_nothing) => {
            return Err(format!(
                "'{name}' is empty: its 'content' is null and its 'tool_calls' is empty; give it \
                 content, or leave the turn out"
            ));
        }
        Value::Null if calls.is_some() => None,
        content => {
            let text = content_text(content);
            Some(text.map_err(|reason| format!("'{name}.content' {reason}"))?)
        }
    };
    Ok(Message {
        role: role.to_owned(),
        content,
        fields,
    })
}

fn holds(fields: &Values, field: &str) -> bool {
    let list = fields
        .get(field)
        .map(|value| value.as_array().is_some_and(Vec::is_empty));
    list == Some(false)
}

/// Checks what a turn calls: a list of objects with the name of a function, in OpenAI's shape or
/// without the wrapping.
fn check_calls(calls: &Value) -> Result<(), String> {
    let calls = calls.as_array().ok_or("must be a list")?;
    for (index, call) in calls.iter().enumerate() {
        let function = call.get("function").unwrap_or(call);
        if !function.get("name").is_some_and(Value::is_string) {
            return Err(format!("has no string 'function.name' at {index}"));
        }
    }
    Ok(())
}

pub(crate) fn tools(fields: &Values) -> Result<Option<Value>, String> {
    match fields.get("tools") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(tools)) if tools.is_empty() => Ok(None),
        Some(Value::Array(tools)) if tools.iter().all(Value::is_object) => {
            Ok(Some(Value::Array(tools.clone())))
        }
        Some(_) => Err("'tools' must be a list of objects".to_owned()),
    }
}

/// Returns the text of a message's content: a string, or a list of text parts, which are joined.
fn content_text(content: &Value) -> Result<String, String> {
    match content {
        Value::String(text) => Ok(text.clone()),
        Value::Array(parts) => parts
            .iter()
            .map(|part| match (part.get("type"), part.get("text")) {
                (Some(kind), Some(Value::String(text))) if kind == "text" => match idle_key(part) {
                    None => Ok(text.as_str()),
                    Some(key) => Err(format!(
                        "has a text part with '{key}', which may change the answer and is not used; leave it out"
                    )),
                },
                (Some(Value::String(kind)), _) if kind != "text" => Err(format!(
                    "has a part of type '{kind}', but only text can be read"
                )),
                _ => Err("has a part that is not {\"type\":\"text\",\"text\":…}".to_owned()),
            })
            .collect(),
        _ => Err("must be a string or a list of text parts".to_owned()),
    }
}

/// Returns a key of a text part that asks for more than its text. What it says of caches, and notes that a
/// server made for people, change no answer.
fn idle_key(part: &Value) -> Option<&str> {
    const KNOWN: [&str; 5] = [
        "type",
        "text",
        "prompt_cache_breakpoint",
        "cache_control",
        "annotations",
    ];
    let mut fields = part.as_object()?.iter();
    let idle = fields.find(|(key, value)| !value.is_null() && !KNOWN.contains(&key.as_str()));
    idle.map(|(key, _)| key.as_str())
}
