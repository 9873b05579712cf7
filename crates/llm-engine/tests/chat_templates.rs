//! Chat templates that real models ship, against what Jinja2 makes of them as
//! Hugging Face sets it up. `chat_templates/make_goldens.py` made the goldens,
//! which hold hashes, since the templates' own words are not ours to copy.
//!
//! `scripts/fetch-test-models` puts the templates into `models/templates/`,
//! and `LLM_TEST_ORACLE` names another folder than `models/`.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers may fail as loudly as the test"
)]

use std::path::{Path, PathBuf};

use llm_engine::gguf::Gguf;
use llm_engine::prompt::{ChatTemplate, Conversation, MarkupTexts, Message, TemplateError};
use llm_engine::tokens::Tokenizer;
use serde_json::{Map, Value as Json, json};

const GOLDENS: &str = include_str!("chat_templates/goldens.txt");
const CONVERSATIONS: &str = include_str!("chat_templates/conversations.json");

fn model_file(name: &str) -> PathBuf {
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

/// The switches that templates have for thinking, as in `make_goldens.py`.
fn switches(name: Option<&str>) -> Map<String, Json> {
    let values = match name {
        Some("on") => json!({"enable_thinking": true, "thinking": true,
            "reasoning_effort": "high", "thinking_mode": "enabled", "thinking_budget": 512}),
        Some("off") => json!({"enable_thinking": false, "thinking": false,
            "reasoning_effort": "low", "thinking_mode": "disabled", "thinking_budget": 0}),
        _ => json!({}),
    };
    values.as_object().unwrap().clone()
}

/// The conversations by name, as the goldens' script hands them to Jinja2.
fn conversations() -> Vec<(String, Conversation)> {
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
        conversation.variables = switches(value["variables"].as_str());
        conversation.add_generation_prompt = value["add_generation_prompt"] != json!(false);
        let name = value["name"].as_str().unwrap().to_string();
        (name, conversation.with_tools(value.get("tools").cloned()))
    };
    parsed.iter().map(conversation).collect()
}

fn template(name: &str) -> ChatTemplate {
    let source = std::fs::read_to_string(model_file(&format!("templates/{name}.jinja"))).unwrap();
    let now = jiff::civil::date(2024, 11, 30).at(12, 34, 56, 0);
    let now = now.to_zoned(jiff::tz::TimeZone::UTC).unwrap();
    ChatTemplate::new(&source).unwrap().at(now)
}

/// The names of all templates, ascending.
fn template_names() -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(model_file("templates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        names.extend(name.strip_suffix(".jinja").map(String::from));
    }
    names.sort();
    names
}

/// 64-bit FNV-1a (<https://www.rfc-editor.org/rfc/rfc9923>).
fn fnv1a(text: &str) -> String {
    let digest = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {
            (digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
    format!("{digest:016x}")
}

const MARKUP: MarkupTexts<'_> = MarkupTexts {
    bos: "<BOS>",
    eos: "<EOS>",
};

/// What is not rendered as by Jinja2: a template, a word of what Jinja2 makes
/// of it, and the reason.
const DIFFERENT: &[(&str, &[&str], &str)] = &[
    (
        "llama-cpp-deepseek-r1",
        WITH_TOOLS,
        "written for llama.cpp: it applies `tojson` to what `map` gives, a generator in Jinja2, \
         which raises, and a list here",
    ),
    (
        "meetkai-functionary-medium-v3.1",
        WITH_TOOLS,
        "Jinja2 escapes HTML in what is added to a string that was marked `safe`, so that the \
         tools' JSON is full of `&#34;`; minijinja does not",
    ),
];

/// The conversations that have tools.
const WITH_TOOLS: &[&str] = &[
    "tools",
    "tools-system",
    "tools-thinking-off",
    "call",
    "result",
    "result-text",
    "result-null",
    "result-arguments-as-string",
    "result-null-arguments-as-string",
    "result-reasoning",
    "two-calls",
    "two-calls-arguments-as-string",
    "call-without-arguments",
];

#[test]
fn real_templates_render_as_by_jinja2() {
    let conversations = conversations();
    let mut failures = Vec::new();
    let mut compared = 0;
    let mut seen = std::collections::BTreeSet::new();
    for line in GOLDENS.lines() {
        let [name, about, expected] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("not a golden: {line}");
        };
        seen.insert(name.to_string());
        let (_, conversation) = conversations.iter().find(|one| one.0 == about).unwrap();
        let result = template(name).render(conversation, MARKUP);
        let found = match &result {
            Ok(text) => fnv1a(text),
            Err(TemplateError::Refused { .. }) => "refused".into(),
            Err(_) => "raises".into(),
        };
        compared += 1;
        let excused = DIFFERENT
            .iter()
            .any(|(template, abouts, _)| *template == name && abouts.contains(&about));
        if let Ok(folder) = std::env::var("LLM_TEST_RENDERINGS") {
            let shown = result.unwrap_or_else(|error| error.to_string());
            std::fs::write(format!("{folder}/{name}.{about}"), shown).unwrap();
        }
        if (found != expected) != excused {
            failures.push(format!("{line}: {found}"));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {compared}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), template_names());
    assert_eq!(compared, template_names().len() * conversations.len());
}

#[test]
fn smollm2_from_messages_to_ids() {
    let gguf = Gguf::open(&[model_file("smollm2-135m-instruct-q4_1.gguf")]).unwrap();
    let tokenizer = Tokenizer::from_gguf(gguf.metadata()).unwrap();
    let template = ChatTemplate::from_gguf(gguf.metadata()).unwrap().unwrap();
    let (bos, eos) = (tokenizer.bos_text(), tokenizer.eos_text());
    let markup = MarkupTexts {
        bos: &bos,
        eos: &eos,
    };
    let messages = [
        Message::new("system", "Be brief."),
        Message::new("user", "Hi!"),
    ];
    let prompt = template
        .render(&Conversation::new(&messages), markup)
        .unwrap();
    assert_eq!(
        prompt,
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi!<|im_end|>\n<|im_start|>assistant\n"
    );
    let ids = tokenizer.encode_prompt(&prompt);
    assert_eq!(
        ids.iter().filter(|&&id| id == 1).count(),
        3,
        "<|im_start|> is token 1"
    );
    assert_eq!(
        ids.iter().filter(|&&id| id == 2).count(),
        2,
        "<|im_end|> is token 2"
    );
    let shown = "system\nBe brief.\nuser\nHi!\nassistant\n";
    assert_eq!(tokenizer.decode(&ids), shown);
}

#[test]
fn a_base_model_has_no_template() {
    let gguf = Gguf::open(&[model_file("gemma-3-270m-q4_k_m.gguf")]).unwrap();
    assert!(ChatTemplate::from_gguf(gguf.metadata()).unwrap().is_none());
}
