//! A line of a batch input file → a request. Each key of its body is used, changes no answer ([`INERT`]),
//! has the one value that is supported, or closes the line: a key is never passed over in silence that
//! another server would have heeded.

use serde_json::Value;

use super::{Reply, vectors};
use crate::request::{messages, tools};
use crate::{Fields, Id, LineError, LineFault, Overrides, Prompt, Request};

/// Keys of a body that change no answer.
pub const INERT: &[&str] = &[
    "user",
    "metadata",
    "store",
    "service_tier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "stream",
    "stream_options",
    "prediction",
];

/// Keys that both kinds of request have and that are read, the models' own settings among them.
const USED: &[&str] = &[
    "model",
    "max_tokens",
    "max_completion_tokens",
    "n_predict",
    "temperature",
    "temp",
    "top_k",
    "top_p",
    "min_p",
    "repeat_penalty",
    "repetition_penalty",
    "repeat_last_n",
    "seed",
    "stop",
];

/// A key with the values that ask for nothing, in words for the sentence about any other.
type Neutral = (&'static str, fn(&Value) -> bool, &'static str);

/// Keys that are supported only as far as they ask for nothing; null always does.
const NEUTRAL: &[Neutral] = &[
    ("n", |value| value.as_f64() == Some(1.0), "1"),
    ("best_of", |value| value.as_f64() == Some(1.0), "1"),
    ("presence_penalty", is_zero, "0"),
    ("frequency_penalty", is_zero, "0"),
    ("top_logprobs", is_zero, "0"),
    ("logit_bias", is_empty, "{}"),
    ("functions", is_empty, "[]"),
    ("logprobs", |value| value == false, "false"),
    ("echo", |value| value == false, "false"),
    ("suffix", |value| value == "", "an empty text"),
    ("parallel_tool_calls", |value| value == true, "true"),
    ("modalities", is_text_alone, "[\"text\"]"),
    (
        "response_format",
        |value| value.get("type").is_some_and(|kind| kind == "text"),
        "{\"type\":\"text\"}",
    ),
    ("tool_choice", is_free, "\"auto\" or \"none\""),
    ("function_call", is_free, "\"auto\" or \"none\""),
    ("audio", |_| false, "null"),
    ("reasoning_effort", |_| false, "null; --think sets it"),
    ("verbosity", |_| false, "null"),
    ("web_search_options", |_| false, "null"),
];

fn is_zero(value: &Value) -> bool {
    value.as_f64() == Some(0.0)
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Fields::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

fn is_text_alone(value: &Value) -> bool {
    let list = value.as_array();
    list.is_some_and(|list| list.iter().all(|one| one == "text"))
}

fn is_free(value: &Value) -> bool {
    value == "auto" || value == "none"
}

/// Whether an object is a line of a batch file: it says how to call which path with what body. A log
/// of another program's calls may do so too, and so it must also have a name or call a path of theirs.
/// With both, it is one that lacks the rest.
pub(crate) fn is_batch(fields: &Fields) -> bool {
    let url = fields.get("url").and_then(Value::as_str);
    let calls = fields.get("method").is_some_and(Value::is_string)
        && fields.get("body").is_some_and(Value::is_object);
    let named = |url: &str| fields.contains_key("custom_id") || endpoint(url).is_some();
    let is_whole = calls && url.is_some_and(|url| url.starts_with('/') && named(url));
    is_whole || fields.contains_key("custom_id") && url.is_some_and(|url| endpoint(url).is_some())
}

/// Understands a line of a batch file.
///
/// # Errors
/// A [`LineError`] with the line's number, its `custom_id` where it has one, and the reply's form.
pub(crate) fn parse(line: u64, fields: Fields) -> Result<Request, LineError> {
    let id = match fields.get("custom_id") {
        Some(Value::String(text)) => Some(Id::Text(text.clone())),
        _ => None,
    };
    let url = fields
        .get("url")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let reply = match endpoint(url) {
        Some("completions") => Reply::TextCompletion,
        Some("embeddings") => Reply::Embeddings,
        _ => Reply::ChatCompletion,
    };
    let parsed = match (&id, fields.get("body")) {
        (None, _) => Err(bad("it has no string 'custom_id'")),
        (_, Some(Value::Object(_))) if fields.get("method") != Some(&Value::from("POST")) => {
            Err(bad("its 'method' must be \"POST\""))
        }
        (_, Some(Value::Object(body))) => parse_body(url, body),
        _ => Err(bad("its 'body' must be an object")),
    };
    match parsed {
        Ok(request) => Ok(Request {
            line,
            id,
            reply,
            fields,
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
    let path = url.strip_prefix('/')?;
    let name = path.strip_prefix("v1/").unwrap_or(path);
    KNOWN.contains(&name).then_some(name)
}

fn parse_body(url: &str, body: &Fields) -> Result<Request, LineFault> {
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
    check_keys(body, prompt_key)?;
    let read = |reason: String| LineFault::Request { reason };
    let prompt = match (prompt_key, body.get(prompt_key)) {
        (_, None | Some(Value::Null)) => {
            return Err(bad(&format!("its body has no '{prompt_key}'")));
        }
        ("messages", Some(value)) => Prompt::Messages(messages(value).map_err(read)?),
        (_, Some(value)) => Prompt::Text(one_text(value)?),
    };
    // A model that must not call is best not told of what it could.
    let offers = prompt_key == "messages" && body.get("tool_choice").is_none_or(|it| it != "none");
    let tools = if offers {
        tools(body).map_err(read)?
    } else {
        None
    };
    let model = body.get("model").and_then(Value::as_str);
    Ok(Request {
        prompt: Some(prompt),
        tools,
        overrides: Overrides::of(body).map_err(read)?,
        requested_model: model.map(str::to_owned),
        ..Request::default()
    })
}

/// Refuses the first key that would change the answer.
fn check_keys(body: &Fields, prompt_key: &str) -> Result<(), LineFault> {
    for (key, value) in body {
        let name = key.as_str();
        let is_read = USED.contains(&name)
            || INERT.contains(&name)
            || name == prompt_key
            || (name == "tools" && prompt_key == "messages");
        if value.is_null() || is_read {
            continue;
        }
        match NEUTRAL.iter().find(|(known, ..)| *known == name) {
            Some((_, asks_nothing, _)) if asks_nothing(value) => {}
            Some((.., neutral)) => {
                return Err(unsupported(&format!(
                    "'body.{name}' would change the answer and is supported only as {neutral}"
                )));
            }
            None => {
                return Err(unsupported(&format!(
                    "'body.{name}' is not supported and may change the answer; leave it out"
                )));
            }
        }
    }
    Ok(())
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
            "'body.prompt' is supported as one text only; write each of several on a line of its own",
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
