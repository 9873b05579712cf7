//! Real chat templates, the vocabularies of llama.cpp's tests, and the
//! conversations that the templates are tested over.
//!
//! `scripts/fetch-test-models` puts the files into `models/`, and
//! `LLM_TEST_ORACLE` names another folder.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test program that includes this file uses a part of it, and a test's helpers \
              may fail as loudly as the test"
)]

use std::path::{Path, PathBuf};

use llm_prompt::{ChatTemplate, Conversation, MarkupTexts, Message};
use serde_json::{Map, Value as Json, json};

const CONVERSATIONS: &str = include_str!("../chat_templates/conversations.json");

pub(crate) const MARKUP: MarkupTexts<'_> = MarkupTexts {
    bos: "<BOS>",
    eos: "<EOS>",
};

pub(crate) fn model_file(name: &str) -> PathBuf {
    let folder = match std::env::var_os("LLM_TEST_ORACLE") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models"),
    };
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is missing; run scripts/fetch-test-models first",
        path.display()
    );
    path
}

/// The template's own variables: switches for thinking by their name, as in
/// `make_goldens.py`, or any.
fn variables(named: &Json) -> Map<String, Json> {
    let values = match named.as_str() {
        Some("on") => json!({"enable_thinking": true, "thinking": true,
            "reasoning_effort": "high", "thinking_mode": "enabled", "thinking_budget": 512}),
        Some("off") => json!({"enable_thinking": false, "thinking": false,
            "reasoning_effort": "low", "thinking_mode": "disabled", "thinking_budget": 0}),
        Some("none") => json!({"enable_thinking": false, "thinking": false,
            "reasoning_effort": "none", "thinking_mode": "disabled", "thinking_budget": 0}),
        _ => named.clone(),
    };
    values.as_object().cloned().unwrap_or_default()
}

/// The conversations by name, as the goldens' script hands them to Jinja2.
pub(crate) fn conversations() -> Vec<(String, Conversation)> {
    let spoken = spoken().into_iter();
    spoken
        .map(|(name, _, conversation)| (name, conversation))
        .collect()
}

/// The same with what each turn says.
pub(crate) fn spoken() -> Vec<(String, Vec<Option<String>>, Conversation)> {
    let parsed: Vec<Json> = serde_json::from_str(CONVERSATIONS).unwrap();
    let message = |value: &Json| {
        let mut fields = value.as_object().unwrap().clone();
        Message {
            role: fields.remove("role").unwrap().as_str().unwrap().into(),
            content: fields.remove("content").unwrap().as_str().map(String::from),
            fields,
        }
    };
    let conversation = |value: &Json| {
        let messages = value["messages"].as_array().unwrap().iter();
        let messages: Vec<_> = messages.map(message).collect();
        let mut conversation = Conversation::new(&messages);
        conversation.variables = variables(&value["variables"]);
        conversation.add_generation_prompt = value["add_generation_prompt"] != json!(false);
        let name = value["name"].as_str().unwrap().to_string();
        let said = messages
            .into_iter()
            .map(|message| message.content)
            .collect();
        (
            name,
            said,
            conversation.with_tools(value.get("tools").cloned()),
        )
    };
    parsed.iter().map(conversation).collect()
}

pub(crate) fn template(name: &str) -> ChatTemplate {
    let source = std::fs::read_to_string(model_file(&format!("templates/{name}.jinja"))).unwrap();
    let now = jiff::civil::date(2024, 11, 30)
        .at(12, 34, 56, 0)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .unwrap();
    ChatTemplate::new(&source).unwrap().at(now)
}

/// The names of all templates, ascending.
pub(crate) fn template_names() -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(model_file("templates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        names.extend(name.strip_suffix(".jinja").map(String::from));
    }
    names.sort();
    names
}
