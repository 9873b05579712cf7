//! What comes in: a JSON object of the user's, or a record of the toolkit's own.
//! How bytes become lines is `read`'s business, what flags add to a request `llm-cli`'s.

pub(crate) mod turns;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::csv::CsvRow;
use crate::known::{self, Purpose, Unsupported};
use crate::openai::request as batch;
use crate::whole::whole;
use crate::{
    ErrorCode, Fields, Id, Inputs, Json, Line, LineError, LineFault, LoraChoice, Overrides, Reply,
    StructuredOutput, Values, json, lora,
};

use turns::{messages, tools};

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
    /// The LoRA adapters that this line chooses; `None` leaves it to the flags.
    pub lora: Option<Vec<LoraChoice>>,
    /// In whose format it is answered.
    pub reply: Reply,
    /// The model that a line of a batch file asks for, whichever answers it.
    pub requested_model: Option<String>,
    /// What an earlier stage kept under `input`; goes into the answer's `input` again.
    pub input: Fields,
    /// The whole object, for templates and for fields to keep.
    pub fields: Fields,
    /// What the line asks for and does not get, unless its fields are the user's own data.
    pub unsupported: Vec<Unsupported>,
    /// Those fields of it that are ignored.
    pub ignored: Vec<String>,
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
    pub fn from_row(row: CsvRow) -> Result<Self, LineError> {
        let CsvRow { number, fields } = row;
        let named = |name: &str| {
            fields
                .get_any_case(name)
                .filter(|value| **value != *"")
                .cloned()
        };
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
            LineError::new(line.number, id, json_fault(&error, &line.text))
        })?;
        let (values, exact) = object;
        if batch::is_batch(&values) {
            let request = from_batch(line.number, values, exact)?;
            return Ok(Self::Request(Box::new(request)));
        }
        let bad = |id, reason| LineError::new(line.number, id, LineFault::Request { reason });
        let id = Id::of(|name| as_written(&values, exact.as_ref(), name))
            .map_err(|reason| bad(None, reason))?;
        let request = match own_type(&values) {
            Some("error") => return Ok(Self::Failed(line)),
            Some("delta") => return Ok(Self::Delta),
            Some(kind) => from_record(kind, &values, exact.as_ref()),
            None => from_user(&values),
        };
        match request {
            Ok(mut request) => {
                if matches!(request.prompt, Some(Prompt::Messages(_))) {
                    request
                        .unsupported
                        .extend(exact.as_ref().and_then(oversized));
                }
                Ok(Self::Request(Box::new(Request {
                    line: line.number,
                    id,
                    fields: exact.unwrap_or_else(|| values.into()),
                    ..request
                })))
            }
            Err(reason) => Err(bad(id, reason)),
        }
    }
}

/// Returns a field with its numbers as they are written.
fn as_written(values: &Values, exact: Option<&Fields>, name: &str) -> Option<Json> {
    match exact {
        Some(fields) => fields.get(name).cloned(),
        None => values.get(name).cloned().map(Json::from),
    }
}

/// Returns what a line of a batch file asks. Its id is its `custom_id`, whatever else it holds.
fn from_batch(line: u64, values: Values, exact: Option<Fields>) -> Result<Request, LineError> {
    let id = as_written(&values, exact.as_ref(), "custom_id").and_then(Id::of_json);
    let mut request = batch::parse(line, id, &values)?;
    if let (Some(fields), Some(Prompt::Messages(_))) = (&exact, &request.prompt)
        && let Some(Json::Object(body)) = fields.get("body")
        && let Some(one) = oversized(body)
    {
        request.unsupported.push(one);
    }
    let fields = exact.unwrap_or_else(|| values.into());
    Ok(Request { fields, ..request })
}

/// Says of a conversation that its template would see another number.
fn oversized(fields: &Fields) -> Option<Unsupported> {
    ["messages", "tools"].into_iter().find_map(|field| {
        let number = fields.get(field)?.oversized()?;
        Some(Unsupported {
            field: field.to_owned(),
            purpose: Purpose::Answers,
            code: ErrorCode::UnsupportedField,
            reason: format!(
                "'{field}' holds the number {number}, which does not fit into 64 bits; write it as a string"
            ),
        })
    })
}

/// Returns the `type` of one of our own records; a user's object may well have a `type` too, so the
/// version must stand beside it.
fn own_type(values: &Values) -> Option<&str> {
    whole(values.get("schema_version")?)?;
    values.get("type")?.as_str()
}

/// Returns what a record of an earlier stage asks.
fn from_record(kind: &str, values: &Values, exact: Option<&Fields>) -> Result<Request, String> {
    if !["completion", "embedding", "hit"].contains(&kind) {
        return Err(format!("a record of type '{kind}' holds no prompt"));
    }
    // A conversation that is to go on: the last turn's answer, and what came after it.
    if kind == "completion" && values.get("messages").is_some_and(Value::is_array) {
        return Ok(Request {
            prompt: Some(Prompt::Messages(messages(&values["messages"])?)),
            tools: tools(values)?,
            input: input_of(values, exact),
            ..Request::default()
        });
    }
    let Some(Value::String(text)) = values.get("text") else {
        return Err(match kind {
            "completion" => "a completion must hold a string 'text'",
            _ => "it holds no text; llm-embed --keep-text keeps it",
        }
        .to_owned());
    };
    Ok(Request {
        prompt: Some(Prompt::Text(text.clone())),
        input: input_of(values, exact),
        ..Request::default()
    })
}

/// Returns what a record keeps of its input.
fn input_of(values: &Values, exact: Option<&Fields>) -> Fields {
    match (
        exact.and_then(|fields| fields.get("input")),
        values.get("input"),
    ) {
        (Some(Json::Object(input)), _) => input.clone(),
        (None, Some(Value::Object(input))) => input.clone().into(),
        _ => Fields::new(),
    }
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
    let mut overrides = Overrides::of(values)?;
    match StructuredOutput::of(values) {
        Ok(Some(_)) if overrides.choices.is_some() => {
            return Err(
                "'choices' and a schema or grammar both say what the answer is; leave one out"
                    .to_owned(),
            );
        }
        Ok(output) => overrides.structured_output = output,
        Err(fault) => unsupported.push(Unsupported {
            field: fault.field.to_owned(),
            purpose: Purpose::Answers,
            code: ErrorCode::UnsupportedField,
            reason: fault.reason,
        }),
    }
    Ok(Request {
        prompt,
        tools,
        overrides,
        lora: lora::choices(values)?,
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
    let texts = PROMPTS[1..]
        .iter()
        .filter_map(|name| fields.get_any_case(name));
    texts.map(Json::as_str).next().flatten().map(str::to_owned)
}

fn json_fault(error: &serde_json::Error, line: &str) -> LineFault {
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
    let mut reason = text.split(" at line ").next().unwrap_or(&text).to_owned();
    if reason == "trailing characters" && line.contains('\r') {
        reason.push_str("; lines must end with LF, but here some seem to end with CR alone");
    }
    LineFault::Json {
        column: error.column(),
        reason,
    }
}

#[cfg(test)]
mod tests;
