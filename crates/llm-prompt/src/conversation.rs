//! What a chat template is asked to render: turns, tools and switches.

use minijinja::Value;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Who speaks: `system`, `user`, `assistant`, `tool` or what the template
    /// knows.
    pub role: String,
    /// What is said; `None` where a turn only calls tools.
    pub content: Option<String>,
    /// What else the template may look at, in the field's own names:
    /// `reasoning_content`, `tool_calls`, `tool_call_id`, `name`.
    pub fields: Map<String, Json>,
}

impl Message {
    /// Makes a message.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            role: role.into(),
            content: Some(content.into()),
            fields: Map::new(),
        }
    }

    /// Returns the message as templates see it.
    fn json(&self) -> Json {
        let mut message = Map::with_capacity(2 + self.fields.len());
        message.insert("role".into(), self.role.clone().into());
        message.insert("content".into(), self.content.clone().into());
        for (name, value) in &self.fields {
            message.insert(name.clone(), value.clone());
        }
        message.into()
    }
}

/// What a template renders.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Conversation {
    /// The turns, as JSON objects.
    pub(super) messages: Vec<Json>,
    /// The tools that the model may call, as OpenAI's API describes them.
    pub(super) tools: Option<Json>,
    /// Variables of this template's own, such as `enable_thinking`.
    pub variables: Map<String, Json>,
    /// Whether the text ends with the opening of the assistant's answer.
    pub add_generation_prompt: bool,
}

impl Conversation {
    /// Makes a conversation that the assistant is to go on with.
    pub fn new(messages: &[Message]) -> Self {
        Self {
            messages: messages.iter().map(Message::json).collect(),
            add_generation_prompt: true,
            ..Self::default()
        }
    }

    /// Adds the tools that the model may call: a list as OpenAI's API takes it.
    #[must_use]
    pub fn with_tools(mut self, tools: Option<Json>) -> Self {
        self.tools = tools;
        self
    }

    /// Returns the conversation with the `arguments` of its tool calls as maps
    /// where they are JSON objects written as a string, which is how OpenAI's
    /// API gives them and not what most templates go through; `None` where
    /// there is nothing to change.
    #[must_use]
    pub fn with_parsed_arguments(&self) -> Option<Self> {
        let mut parsed = self.clone();
        let mut changed = false;
        for call in parsed.messages.iter_mut().flat_map(calls) {
            let Some(arguments) = arguments(call) else {
                continue;
            };
            if let Some(text) = arguments.as_str()
                && let Ok(map) = serde_json::from_str::<Map<String, Json>>(text)
            {
                *arguments = map.into();
                changed = true;
            }
        }
        changed.then_some(parsed)
    }

    /// Returns the conversation with each content that is a text as a list of one
    /// part, as OpenAI's API has it and templates of models that see pictures do.
    #[must_use]
    pub fn with_parts(&self) -> Self {
        let mut parts = self.clone();
        for message in &mut parts.messages {
            if let Some(content) = message.get_mut("content")
                && let Json::String(text) = content
            {
                *content = json!([{"type": "text", "text": std::mem::take(text)}]);
            }
        }
        parts
    }

    /// Returns whether a turn's content is a list of parts.
    pub(super) fn has_parts(&self) -> bool {
        let mut contents = self.messages.iter().map(|message| message.get("content"));
        contents.any(|content| content.is_some_and(Json::is_array))
    }

    /// Returns the conversation with the turns of the developer as the system's,
    /// as OpenAI's API called them before; `None` where there are none.
    #[must_use]
    pub fn with_system_turns(&self) -> Option<Self> {
        let mut changed = false;
        let mut turned = self.clone();
        for message in &mut turned.messages {
            if let Some(role) = message.get_mut("role")
                && *role == "developer"
            {
                *role = "system".into();
                changed = true;
            }
        }
        changed.then_some(turned)
    }

    pub(super) fn messages(&self) -> Value {
        self.messages.iter().map(value).collect()
    }

    pub(super) fn tools(&self) -> Value {
        self.tools.as_ref().map_or(Value::from(()), value)
    }

    pub(super) fn variables(&self) -> Value {
        map(&self.variables)
    }
}

/// Returns JSON as templates see it.
fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(truth) => Value::from(*truth),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Value::from(number),
            (None, Some(number)) => Value::from(number),
            (None, None) => Value::from(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => items.iter().map(value).collect(),
        Json::Object(object) => map(object),
    }
}

fn map(object: &Map<String, Json>) -> Value {
    Value::from_pairs(object.iter().map(|(key, item)| (key.as_str(), value(item))))
}

/// Returns the tool calls of a message.
fn calls(message: &mut Json) -> impl Iterator<Item = &mut Json> {
    let calls = message.get_mut("tool_calls").and_then(Json::as_array_mut);
    calls.into_iter().flatten()
}

/// Returns the arguments of a tool call, which OpenAI's API puts under
/// `function`.
fn arguments(call: &mut Json) -> Option<&mut Json> {
    if call.get("function").is_some() {
        return call.get_mut("function")?.get_mut("arguments");
    }
    call.get_mut("arguments")
}
