//! What a conversation says arrives in the prompt, or the template is refused:
//! random conversations over all templates that are tested.
//!
//! Each character that is said here occurs once, so that the prompt itself shows
//! whether it has arrived.

#[path = "support/templates.rs"]
mod templates;

use std::cell::Cell;

use llm_prompt::{
    ChatTemplate, ContentFormat, Conversation, Guard, Message, Rendered, Rendering, TemplateError,
};
use llm_tokenizer::cancel::Cancellation;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use templates::{MARKUP, spoken, template, template_names};

/// Renders as llm-run does.
fn render(
    template: &ChatTemplate,
    conversation: &Conversation,
    format: ContentFormat,
) -> Result<Rendered, TemplateError> {
    let guard = Guard::of_texts(["<|im_end|>", "<|eot_id|>", "</s>"].map(String::from));
    let rendering = Rendering {
        markup: MARKUP,
        guard: Some(&guard),
        format,
        cancellation: &Cancellation::default(),
    };
    template.render_whole(conversation, rendering)
}

/// A turn without words yet: its role, how many characters it says, and whether
/// it calls a tool.
fn turn() -> impl Strategy<Value = (&'static str, usize, bool)> {
    let role = prop::sample::select(vec![
        "system",
        "developer",
        "user",
        "user",
        "assistant",
        "assistant",
        "tool",
        "critic",
    ]);
    (role, 0..12_usize, any::<bool>())
}

/// Gives each turn characters of its own, some of them with a space before.
fn conversation(turns: &[(&'static str, usize, bool)]) -> (Conversation, Vec<char>) {
    let mut unused = ('\u{4e00}'..='\u{9fff}').chain('\u{ac00}'..='\u{d7a3}');
    let mut said = Vec::new();
    let mut words = |count: usize| {
        let mut text = String::new();
        for character in unused.by_ref().take(count) {
            if u32::from(character) % 3 == 0 {
                text.push(' ');
            }
            text.push(character);
            said.push(character);
        }
        text
    };
    let messages: Vec<Message> = turns
        .iter()
        .map(|&(role, count, calls)| {
            let mut message = Message::new(role, words(count));
            match role {
                "assistant" if calls => {
                    let call = json!([{"id": "call00001", "type": "function", "function":
                        {"name": "look_up", "arguments": {"word": words(count + 1)}}}]);
                    message.fields.insert("tool_calls".into(), call);
                }
                "tool" => {
                    message.fields.insert("name".into(), "look_up".into());
                    message
                        .fields
                        .insert("tool_call_id".into(), "call00001".into());
                }
                _ => {}
            }
            message
        })
        .collect();
    (Conversation::new(&messages), said)
}

/// Whether a character is there, as it is or as JSON in ASCII writes it.
fn holds(text: &str, character: char) -> bool {
    text.contains(character) || text.contains(&format!("\\u{:04x}", u32::from(character)))
}

#[test]
fn every_character_arrives_or_the_conversation_is_refused() {
    let templates: Vec<_> = template_names()
        .into_iter()
        .map(|name| {
            let template = template(&name);
            let format = template.content_format(MARKUP).unwrap();
            (name, template, format)
        })
        .collect();
    let rendered = Cell::new(0_usize);
    let mut runner = TestRunner::new(Config::with_cases(100));
    let result = runner.run(&prop::collection::vec(turn(), 1..7), |turns| {
        let (conversation, said) = conversation(&turns);
        for (name, template, format) in &templates {
            let Ok(prompt) = render(template, &conversation, *format) else {
                continue;
            };
            for &character in &said {
                prop_assert!(
                    holds(&prompt.text, character),
                    "{name} leaves out '{character}': {}",
                    prompt.text
                );
            }
            rendered.set(rendered.get() + 1);
        }
        Ok(())
    });
    result.unwrap();
    // A test that refuses all would prove nothing.
    assert!(rendered.get() > 1000, "{rendered:?}");
}

/// Returns a text without white space.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

/// What is refused is really not there: the words that are named do not stand in
/// what the template makes of the conversation.
#[test]
fn nothing_that_arrives_is_refused() {
    let mut refused = 0;
    for name in template_names() {
        let template = template(&name);
        let format = template.content_format(MARKUP).unwrap();
        for (about, messages, conversation) in spoken() {
            let Err(TemplateError::LeftOut { what }) = render(&template, &conversation, format)
            else {
                continue;
            };
            let plain = template.render(&conversation, MARKUP).unwrap();
            let missing = if let Some(rest) = what.strip_prefix("what message ") {
                let number: usize = rest.split(' ').next().unwrap().parse().unwrap();
                squeezed(messages[number - 1].as_deref().unwrap())
            } else if let Some(tool) = what.strip_prefix("the tool '")
                && !["call", "result", "answer"]
                    .iter()
                    .any(|one| about.contains(one))
            {
                tool.trim_end_matches('\'').to_owned()
            } else {
                // A name that is called, and words of a call, may stand elsewhere.
                continue;
            };
            assert!(
                !squeezed(&plain).contains(&missing),
                "{name}, {about}: {what} is there: {plain}"
            );
            refused += 1;
        }
    }
    assert!(refused > 10, "{refused}");
}
