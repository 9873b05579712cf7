//! What comes in: a JSON object of the user's, or a record of the toolkit's own.
//! How bytes become lines is `read`'s business, what flags add to a request `llm-cli`'s.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::csv::Row;
use crate::known::{self, Purpose, Unsupported};
use crate::openai::request as batch;
use crate::{
    ErrorCode, Fields, Id, Inputs, Json, Line, LineError, LineFault, Overrides, Reply, Values, json,
};

/// One line of input, understood.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// Something to answer.
    Request(Box<Request>),
    /// An `error` record of an earlier stage: passes through, byte for byte.
    Failed(Line),
    /// A `delta` record of an earlier stage: the completion that closes it holds its text.
    Delta,
}

/// A prompt with its name and settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Line in the input, from 1.
    pub line: u64,
    /// The line's own name.
    pub id: Option<Id>,
    /// The prompt, where the line has one; a template over `fields` may make another.
    pub prompt: Option<Prompt>,
    /// The tools that the model may call, a list as OpenAI's API takes it.
    pub tools: Option<Value>,
    /// Sampling settings of this line.
    pub overrides: Overrides,
    /// In whose format it is answered.
    pub reply: Reply,
    /// The model that a line of a batch file asks for, whichever answers it.
    pub requested_model: Option<String>,
    /// What an earlier stage kept under `input`; goes into the answer's `input` again.
    pub input: Fields,
    /// The whole object, for templates and for fields to keep.
    pub fields: Fields,
    /// What a line of the user's asks for and does not get, unless its fields are the user's own data.
    pub unsupported: Vec<Unsupported>,
}

/// What the model is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Prompt {
    /// One text.
    Text(String),
    /// A conversation, never empty.
    Messages(Vec<Message>),
    /// Texts whose vectors are wanted.
    Inputs(Inputs),
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// Who speaks: `system`, `user`, `assistant`, `tool`, or another role that the chat template knows.
    pub role: String,
    /// What is said. Only a turn that calls tools may say nothing.
    #[serde(default)]
    pub content: Option<String>,
    /// What else the chat template may read, in OpenAI's names and the models' own: `tool_calls`,
    /// `tool_call_id`, `name`, `reasoning_content`.
    #[serde(flatten)]
    pub fields: Values,
}

impl Message {
    /// Returns a message.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            role: role.into(),
            content: Some(content.into()),
            fields: Values::new(),
        }
    }
}

impl Request {
    /// Returns the request for a plain text, which templates reach as `{{text}}`.
    #[must_use]
    pub fn from_text(line: u64, text: String) -> Self {
        let mut fields = Fields::new();
        fields.insert("text".into(), Json::String(text.clone()));
        Self {
            line,
            prompt: Some(Prompt::Text(text)),
            fields,
            ..Self::default()
        }
    }

    /// Returns the request for a row of a table: the prompt is its `prompt`, `text` or `input`, and an
    /// empty id counts as none. Its other columns are for templates and to be kept; they set nothing,
    /// since a column named `seed` of a table may be one of plants.
    ///
    /// # Errors
    /// As [`Incoming::parse`].
    pub fn from_row(row: Row) -> Result<Self, LineError> {
        let Row { number, fields } = row;
        let named = |name: &str| fields.get(name).filter(|value| **value != *"").cloned();
        let request = |reason| LineError::new(number, None, LineFault::Request { reason });
        Ok(Self {
            line: number,
            id: Id::of(named).map_err(request)?,
            prompt: text_in_row(&fields).map(Prompt::Text),
            fields,
            ..Self::default()
        })
    }
}

impl Incoming {
    /// Understands one line of JSON.
    ///
    /// An object with a `type` and a `schema_version` is one of our own records: a completion's
    /// `text`, and that which a vector was made of, is the prompt and its `input` is kept. A line of a
    /// batch file of OpenAI's is a request that is answered in their format. Any other object is a
    /// request; its prompt is the first of `messages`, `prompt`, `text` and `input` that is present and
    /// not null.
    ///
    /// # Errors
    /// A [`LineError`] with the line's number, and its id where one could be read.
    pub fn parse(line: Line) -> Result<Self, LineError> {
        let object = json::object(&line.text).map_err(|error| {
            let id = Id::salvage(line.text.as_bytes());
            LineError::new(line.number, id, json_fault(&error))
        })?;
        let (values, exact) = object;
        let id = |values: &Values| {
            let exact = exact.as_ref();
            Id::of(|name| match exact {
                Some(fields) => fields.get(name).cloned(),
                None => values.get(name).cloned().map(Json::from),
            })
        };
        let bad = |id, reason| LineError::new(line.number, id, LineFault::Request { reason });
        if batch::is_batch(&values) {
            let id = id(&values).ok().flatten();
            let request = batch::parse(line.number, id, &values)?;
            let fields = exact.unwrap_or_else(|| values.into());
            return Ok(Self::Request(Box::new(Request { fields, ..request })));
        }
        let id = id(&values).map_err(|reason| bad(None, reason))?;
        let request = match own_type(&values) {
            Some("error") => return Ok(Self::Failed(line)),
            Some("delta") => return Ok(Self::Delta),
            Some(kind) => from_record(kind, &values, exact.as_ref()),
            None => from_user(&values),
        };
        match request {
            Ok(request) => Ok(Self::Request(Box::new(Request {
                line: line.number,
                id,
                fields: exact.unwrap_or_else(|| values.into()),
                ..request
            }))),
            Err(reason) => Err(bad(id, reason)),
        }
    }
}

/// Returns the `type` of one of our own records; a user's object may well have a `type` too, so the
/// version must stand beside it.
fn own_type(values: &Values) -> Option<&str> {
    values.get("schema_version")?.as_u64()?;
    values.get("type")?.as_str()
}

/// Returns what a record of an earlier stage asks.
fn from_record(kind: &str, values: &Values, exact: Option<&Fields>) -> Result<Request, String> {
    if !["completion", "embedding", "hit"].contains(&kind) {
        return Err(format!("a record of type '{kind}' holds no prompt"));
    }
    let Some(Value::String(text)) = values.get("text") else {
        return Err(match kind {
            "completion" => "a completion must hold a string 'text'",
            _ => "it holds no text; llm-embed --keep-text keeps it",
        }
        .to_owned());
    };
    let input = match (
        exact.and_then(|fields| fields.get("input")),
        values.get("input"),
    ) {
        (Some(Json::Object(input)), _) => input.clone(),
        (None, Some(Value::Object(input))) => input.clone().into(),
        _ => Fields::new(),
    };
    Ok(Request {
        prompt: Some(Prompt::Text(text.clone())),
        input,
        ..Request::default()
    })
}

/// Returns what an object of the user's asks.
fn from_user(values: &Values) -> Result<Request, String> {
    let prompt = prompt_of(values)?;
    let mut unsupported = known::unsupported(values);
    // Without messages, `tools` is a field like any other. A model that must not call is best not told
    // of what it could.
    let tools = match &prompt {
        Some(Prompt::Messages(_)) if batch::lets_call(values) => tools(values)?,
        Some(Prompt::Messages(_)) => None,
        _ => {
            unsupported.extend(idle_tools(values));
            None
        }
    };
    unsupported.extend(second_prompt(values));
    Ok(Request {
        prompt,
        tools,
        overrides: Overrides::of(values)?,
        unsupported,
        ..Request::default()
    })
}

/// Says of tools that a plain prompt has no place for them.
fn idle_tools(values: &Values) -> Option<Unsupported> {
    let tools = values.get("tools")?.as_array()?;
    (!tools.is_empty()).then(|| Unsupported {
        field: "tools".to_owned(),
        purpose: Purpose::Answers,
        code: ErrorCode::UnsupportedField,
        reason: "'tools' is used with 'messages' only; write the prompt as a message, or name 'tools' in --keep \
                 or --template if it is data of your own"
            .to_owned(),
    })
}

/// The fields that a prompt is read from, in this order.
const PROMPTS: [&str; 4] = ["messages", "prompt", "text", "input"];

/// Says of a line with two prompts that the answer would be to half of it, whichever was meant.
fn second_prompt(values: &Values) -> Option<Unsupported> {
    let holds = |name: &&str| match values.get(*name) {
        None | Some(Value::Null) => false,
        Some(value) => *name == "messages" || value.is_string(),
    };
    let mut there = PROMPTS.into_iter().filter(holds);
    let (first, second) = (there.next()?, there.next()?);
    Some(Unsupported {
        field: second.to_owned(),
        purpose: Purpose::Prompt,
        code: ErrorCode::BadRequest,
        reason: format!(
            "it has both '{first}' and '{second}'; leave one out, make the prompt with --template, or name \
             '{second}' in --keep if it is data of your own"
        ),
    })
}

fn prompt_of(values: &Values) -> Result<Option<Prompt>, String> {
    if let Some(value) = values.get("messages").filter(|value| !value.is_null()) {
        return messages(value).map(|messages| Some(Prompt::Messages(messages)));
    }
    for name in PROMPTS {
        match values.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => return Ok(Some(Prompt::Text(text.clone()))),
            // A template may well use such a field, so it is not an error before a prompt is needed.
            Some(_) if name == "input" => {}
            Some(_) => return Err(format!("'{name}' must be a string")),
        }
    }
    Ok(None)
}

/// Returns the first text of a row that can be a prompt.
fn text_in_row(fields: &Fields) -> Option<String> {
    let texts = PROMPTS[1..].iter().filter_map(|name| fields.get(name));
    texts.map(Json::as_str).next().flatten().map(str::to_owned)
}

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
    let role = value.get("role").and_then(Value::as_str);
    let role = role.ok_or_else(|| format!("'{name}' has no string 'role'"))?;
    let mut fields = value.as_object().cloned().unwrap_or_default();
    fields
        .retain(|field, value| !["role", "content"].contains(&field.as_str()) && !value.is_null());
    let calls = fields.get("tool_calls");
    if let Some(calls) = calls {
        check_calls(calls).map_err(|reason| format!("'{name}.tool_calls' {reason}"))?;
    }
    let calls_nothing = |calls: &Value| calls.as_array().is_some_and(Vec::is_empty);
    let content = match value.get("content").unwrap_or(&Value::Null) {
        Value::Null if calls.is_some_and(calls_nothing) => {
            return Err(format!(
                "'{name}' says nothing: its 'content' is null and its 'tool_calls' is empty; give it a \
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
                (Some(kind), Some(Value::String(text))) if kind == "text" => Ok(text.as_str()),
                (Some(Value::String(kind)), _) if kind != "text" => Err(format!(
                    "has a part of type '{kind}', but only text can be read"
                )),
                _ => Err("has a part that is not {\"type\":\"text\",\"text\":…}".to_owned()),
            })
            .collect(),
        _ => Err("must be a string or a list of text parts".to_owned()),
    }
}

fn json_fault(error: &serde_json::Error) -> LineFault {
    if error.is_data() {
        return LineFault::NotAnObject;
    }
    // A record is one line, so serde's own "line 1" would only confuse.
    let text = error.to_string();
    if text.starts_with("recursion limit exceeded") {
        return LineFault::TooDeep {
            column: error.column(),
        };
    }
    let reason = text.split(" at line ").next().unwrap_or(&text).to_owned();
    LineFault::Json {
        column: error.column(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    fn parse(text: &str) -> Result<Incoming, LineError> {
        Incoming::parse(Line {
            number: 3,
            text: text.into(),
        })
    }

    fn request(text: &str) -> Request {
        match parse(text) {
            Ok(Incoming::Request(request)) => *request,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_prompt_has_four_names() {
        for name in ["prompt", "text", "input"] {
            let read = request(&format!(r#"{{"id":1,"{name}":"Hi","seed":5}}"#));
            assert_eq!(read.prompt, Some(Prompt::Text("Hi".into())));
            assert_eq!((read.line, read.id), (3, Some(Id::Number(1.into()))));
            assert_eq!(read.overrides.seed, Some(Seed::Fixed(5)));
            assert_eq!(read.fields[name], "Hi");
        }
        let read = request(
            r#"{"messages":[{"role":"system","content":"S"},
                {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}"#,
        );
        let wanted = vec![Message::new("system", "S"), Message::new("user", "ab")];
        assert_eq!(read.prompt, Some(Prompt::Messages(wanted)));
        assert_eq!(request(r#"{"title":"x","input":{"a":1}}"#).prompt, None);
    }

    #[test]
    fn turns_call_tools_and_tell_what_came_of_it() {
        let read = request(
            r#"{"tools":[{"type":"function","function":{"name":"f"}}],"messages":[
                {"role":"assistant","content":null,"reasoning_content":"hm","refusal":null,
                 "tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]},
                {"role":"tool","tool_call_id":"1","content":"done"}]}"#,
        );
        assert_eq!(read.tools.unwrap()[0]["function"]["name"], "f");
        let Some(Prompt::Messages(messages)) = read.prompt else {
            panic!("{:?}", read.prompt);
        };
        assert_eq!(messages[0].content, None);
        let names: Vec<_> = messages[0].fields.keys().collect();
        assert_eq!(names, ["reasoning_content", "tool_calls"]);
        assert_eq!(messages[1].content.as_deref(), Some("done"));
        assert_eq!(messages[1].fields["tool_call_id"], "1");
        // A prompt of its own knows no tools, and `tools` is a field for templates.
        assert_eq!(request(r#"{"prompt":"x","tools":"hammer"}"#).tools, None);
    }

    #[test]
    fn own_records_chain() {
        let read = request(
            r#"{"type":"completion","schema_version":1,"id":"a","text":"T","input":{"k":1},
                "temperature":9e9,"usage":{}}"#,
        );
        assert_eq!(read.prompt, Some(Prompt::Text("T".into())));
        assert_eq!(read.id, Some(Id::Text("a".into())));
        assert_eq!(read.input["k"].as_u64(), Some(1));
        assert_eq!(read.overrides, Overrides::default());
        let failed = r#"{"type":"error", "schema_version":1,"error":{"code":"later"}}"#;
        let line = Line {
            number: 3,
            text: failed.into(),
        };
        assert_eq!(parse(failed), Ok(Incoming::Failed(line)));
        let delta = r#"{"type":"delta","schema_version":1,"text":"x"}"#;
        assert_eq!(parse(delta), Ok(Incoming::Delta));
        assert!(parse(r#"{"type":"count","schema_version":1}"#).is_err());
    }

    #[test]
    fn a_users_object_with_a_type_is_a_request() {
        assert_eq!(
            request(r#"{"type":"error","text":"disk full"}"#).prompt,
            Some(Prompt::Text("disk full".into()))
        );
    }

    #[test]
    fn faults_name_the_field_and_keep_the_id() {
        for (line, wanted) in [
            (r#"{"id":"a","prompt":["x"]}"#, "'prompt' must be a string"),
            (r#"{"id":"a","messages":[]}"#, "'messages' must be"),
            (
                r#"{"id":"a","messages":[{"content":"x"}]}"#,
                "'messages[0]' has no string 'role'",
            ),
            (
                r#"{"id":"a","messages":[{"role":"user"}]}"#,
                "'messages[0].content' must be",
            ),
            (
                r#"{"id":"a","messages":[{"role":"user","content":[{"type":"image_url"}]}]}"#,
                "type 'image_url'",
            ),
            (
                r#"{"id":"a","messages":[{"role":"user","content":"x"}],"tools":{}}"#,
                "'tools' must be a list",
            ),
            (
                r#"{"id":"a","messages":[{"role":"assistant","tool_calls":[{"id":"1"}]}]}"#,
                "'messages[0].tool_calls' has no string 'function.name' at 0",
            ),
            (r#"{"id":"a","prompt":"x","top_k":"many"}"#, "'top_k'"),
            (r#"{"id":"a","prompt":"x""#, "JSON"),
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.id, Some(Id::Text("a".into())), "{line}");
            assert!(error.to_string().contains(wanted), "{line}: {error}");
        }
        let error = parse("[1]").unwrap_err();
        assert_eq!(error.to_string(), "line 3 is not a JSON object");
    }
}
