//! A line of a batch input file → a request. Each key of its body is used, changes no answer (`known`),
//! has the one value that is supported, or closes the line: a key is never passed over in silence that
//! another server would have heeded.

use serde_json::Value;

use super::{Reply, vectors};
use crate::request::turns::{messages, tools};
use crate::{
    ErrorCode, Id, LineError, LineFault, Overrides, Prompt, Purpose, Request, StructuredOutput,
    Unsupported, Values, known, lora, settings, structured,
};

/// Whether the model may be told of tools.
pub(crate) fn lets_call(body: &Values) -> bool {
    let choice = body.get("tool_choice").unwrap_or(&Value::Null);
    choice.get("type").unwrap_or(choice) != "none"
}

/// Whether an object is a line of a batch file: it says how to call which path with what body. A log
/// of another program's calls may do so too, and so it must also have a name or call a path of theirs.
/// With both, it is one that lacks the rest.
pub(crate) fn is_batch(fields: &Values) -> bool {
    let url = fields.get("url").and_then(Value::as_str);
    let calls = fields.get("method").is_some_and(Value::is_string)
        && fields.get("body").is_some_and(Value::is_object);
    let is_named = fields.contains_key("custom_id");
    let is_known = url.is_some_and(|url| endpoint(url).is_some());
    let has_path = url.is_some_and(|url| url.starts_with('/'));
    calls && (is_known || is_named && has_path) || is_named && is_known
}

/// Understands a line of a batch file.
///
/// # Errors
/// A [`LineError`] with the line's number, its `custom_id` where it has one, and the reply's form.
pub(crate) fn parse(line: u64, id: Option<Id>, fields: &Values) -> Result<Request, LineError> {
    let url = fields
        .get("url")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let reply = match endpoint(url) {
        Some("completions") => Reply::TextCompletion,
        Some("embeddings") => Reply::Embeddings,
        _ => Reply::ChatCompletion,
    };
    let is_named = fields.get("custom_id").is_some_and(Value::is_string);
    let parsed = match fields.get("body") {
        _ if !is_named => Err(bad("it has no string 'custom_id'")),
        Some(Value::Object(_)) if fields.get("method") != Some(&Value::from("POST")) => {
            Err(bad("its 'method' must be \"POST\""))
        }
        Some(Value::Object(body)) => parse_body(url, body),
        _ => Err(bad("its 'body' must be an object")),
    };
    match parsed {
        Ok(request) => Ok(Request {
            line,
            id,
            reply,
            ..request
        }),
        Err(fault) => Err(LineError::new(line, id, fault).with_reply(reply)),
    }
}

/// Returns what a path calls, if it is one of `OpenAI`'s; some servers leave the version out.
fn endpoint(url: &str) -> Option<&str> {
    const KNOWN: &[&str] = &[
        "chat/completions",
        "completions",
        "embeddings",
        "responses",
        "moderations",
        "images/generations",
        "images/edits",
        "videos",
    ];
    let path = path(url)?.trim_end_matches('/');
    let name = path.strip_prefix("v1/").unwrap_or(path);
    KNOWN.contains(&name).then_some(name)
}

/// Returns the path of a URL without the first slash. Of one with a host, what stands before the version
/// is where that host has it.
fn path(url: &str) -> Option<&str> {
    if let Some(path) = url.strip_prefix('/') {
        return Some(path);
    }
    let rest = ["https://", "http://"].iter().find_map(|scheme| {
        let head = url.get(..scheme.len())?;
        head.eq_ignore_ascii_case(scheme)
            .then(|| &url[scheme.len()..])
    });
    let (_, path) = rest?.split_once('/')?;
    Some(path.rfind("/v1/").map_or(path, |slash| &path[slash + 1..]))
}

fn parse_body(url: &str, body: &Values) -> Result<Request, LineFault> {
    let prompt_key = match endpoint(url) {
        Some("chat/completions") => "messages",
        Some("completions") => "prompt",
        Some("embeddings") => {
            let model = body.get("model").and_then(Value::as_str);
            return Ok(Request {
                prompt: Some(Prompt::Inputs(vectors::parse(body)?)),
                requested_model: model.map(str::to_owned),
                ..Request::default()
            });
        }
        _ => {
            let known =
                "the endpoints are /v1/chat/completions, /v1/completions and /v1/embeddings";
            return Err(unsupported(&format!("'url' is {url:?}; {known}")));
        }
    };
    let mut unsupported_keys = unsupported_keys(body, prompt_key);
    let read = |reason: String| LineFault::Request { reason };
    let prompt = match (prompt_key, body.get(prompt_key)) {
        (_, None | Some(Value::Null)) => {
            return Err(bad(&format!("its body has no '{prompt_key}'")));
        }
        ("messages", Some(value)) => Prompt::Messages(messages(value).map_err(read)?),
        (_, Some(value)) => Prompt::Text(one_text(value)?),
    };
    // A model that must not call is best not told of what it could.
    let tools = if prompt_key == "messages" && lets_call(body) {
        tools(body).map_err(read)?
    } else {
        None
    };
    let model = body.get("model").and_then(Value::as_str);
    let structured_output = match StructuredOutput::of(body) {
        Ok(output) => output,
        Err(fault) => {
            unsupported_keys.push(Unsupported {
                field: format!("body.{}", fault.field),
                purpose: Purpose::Answers,
                code: ErrorCode::UnsupportedField,
                reason: fault.reason.replacen('\'', "'body.", 1),
            });
            None
        }
    };
    Ok(Request {
        prompt: Some(prompt),
        tools,
        overrides: Overrides {
            structured_output,
            ..Overrides::of(body).map_err(read)?
        },
        lora: lora::choices(body).map_err(read)?,
        requested_model: model.map(str::to_owned),
        unsupported: unsupported_keys,
        ..Request::default()
    })
}

/// Returns the keys that would change the answer.
fn unsupported_keys(body: &Values, prompt_key: &str) -> Vec<Unsupported> {
    let mut all = Vec::new();
    for (key, value) in body {
        let name = key.as_str();
        let is_read = name == "model"
            || name == prompt_key
            || settings::reads(name)
            || known::is_inert(name)
            || name == "lora"
            || structured::reads(name)
            || (name == "tools" && prompt_key == "messages");
        if value.is_null() || is_read {
            continue;
        }
        let reason = if let Some(neutral) = known::neutral_of(name, value) {
            format!("'body.{name}' would change the answer and is supported only as {neutral}")
        } else if known::is_listed(name) {
            continue;
        } else {
            format!("'body.{name}' is not supported and may change the answer; leave it out")
        };
        all.push(Unsupported {
            field: format!("body.{name}"),
            purpose: Purpose::Answers,
            code: ErrorCode::UnsupportedField,
            reason,
        });
    }
    all
}

/// Returns the one text of a completion's prompt. The API also takes several, and tokens.
fn one_text(value: &Value) -> Result<String, LineFault> {
    let one = match value.as_array().map(Vec::as_slice) {
        Some([one]) => one,
        _ => value,
    };
    match one {
        Value::String(text) => Ok(text.clone()),
        _ => Err(unsupported(
            "'body.prompt' is supported only as one text; write each of several on a separate line",
        )),
    }
}

fn bad(reason: &str) -> LineFault {
    LineFault::Request {
        reason: reason.to_owned(),
    }
}

fn unsupported(reason: &str) -> LineFault {
    LineFault::Unsupported {
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests;
