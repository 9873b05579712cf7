//! Chat templates that real models ship, against what Jinja2 makes of them as
//! Hugging Face sets it up. `chat_templates/make_goldens.py` made the goldens,
//! which hold hashes, since the templates' own words are not ours to copy.

#[path = "support/templates.rs"]
mod templates;

use std::collections::BTreeSet;

use llm_gguf::Gguf;
use llm_prompt::reasoning::{Markers, Splitter};
use llm_prompt::{
    ChatTemplates, Conversation, MarkupTexts, Message, TemplateError, reasoning::ReasoningSwitch,
};
use llm_tokenizer::Tokenizer;

use templates::{MARKUP, conversations, model_file, template, template_names};

/// For each template, read off its source: the marker of reasoning it writes,
/// whether a plain prompt ends `inside` reasoning or in a `header`, and whether
/// it has a `switch` for thinking.
const REASONING: &str = include_str!("chat_templates/expected.txt");
const GOLDENS: &str = include_str!("chat_templates/goldens.txt");

/// 64-bit FNV-1a (<https://www.rfc-editor.org/rfc/rfc9923>).
fn fnv1a(text: &str) -> String {
    let digest = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {
            (digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
    format!("{digest:016x}")
}

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
    (
        "CohereForAI-c4ai-command-r-plus-tool_use",
        &["described-list"],
        "`json_spec.items` is Python's method of that name in Jinja2, so that a list's kind is \
         `Union[]`; here it is what the tool says",
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
    "described",
    "described-list",
    "described-result",
    "described-answer",
];

#[test]
fn real_templates_render_as_by_jinja2() {
    let conversations = conversations();
    let mut failures = Vec::new();
    let mut compared = 0;
    let mut seen = BTreeSet::new();
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

/// A golden that says `raises` proves little.
#[test]
fn each_template_renders_in_some_conversation() {
    let rendered = GOLDENS.lines().filter_map(|line| {
        let (name, rest) = line.split_once(' ')?;
        let is_text = !(rest.ends_with(" refused") || rest.ends_with(" raises"));
        is_text.then(|| name.to_owned())
    });
    let rendered: BTreeSet<_> = rendered.collect();
    assert_eq!(rendered.into_iter().collect::<Vec<_>>(), template_names());
}

#[test]
fn reasoning_is_known_by_its_template() {
    let mut names = Vec::new();
    for line in REASONING.lines() {
        let mut words = line.split(' ');
        let (name, marker) = (words.next().unwrap(), words.next().unwrap());
        let facts: Vec<_> = words.collect();
        names.push(name.to_string());
        let template = template(name);
        let markers = Markers::find(template.source());
        let found = match &markers {
            None => "-".to_string(),
            Some(Markers::Fence(fence)) => fence.open.replace(' ', "·"),
            Some(Markers::Channels(channels)) => channels.reasoning.to_string(),
        };
        assert_eq!(found, marker, "{name}");
        let mut known = Vec::new();
        let conversation = Conversation::new(&[Message::new("user", "Hi")]);
        if let Ok(prompt) = template.render(&conversation, MARKUP) {
            let splitter = Splitter::new(markers.clone(), &prompt);
            if splitter.is_reasoning() {
                known.push("inside");
            } else if matches!(markers, Some(Markers::Channels(_))) {
                // In a header, words are no answer until its end is seen.
                let mut splitter = splitter;
                let held = splitter.push("to=self", false).is_empty();
                known.extend(held.then_some("header"));
            }
        }
        let off = template
            .reasoning_variables(ReasoningSwitch::Off, MARKUP)
            .unwrap();
        known.extend(off.is_some().then_some("switch"));
        assert_eq!(known, facts, "{name}: {off:?}");
        // What is switched off leaves no reasoning open.
        if let Some(variables) = off {
            let mut conversation = conversation;
            conversation.variables = variables;
            let prompt = template.render(&conversation, MARKUP).unwrap();
            let splitter = Splitter::new(markers, &prompt);
            assert!(!splitter.is_reasoning(), "{name}");
        }
    }
    names.sort();
    assert_eq!(names, template_names());
}

#[test]
fn smollm2_from_messages_to_ids() {
    let gguf = Gguf::open(&[model_file("smollm2-135m-instruct-q4_1.gguf")]).unwrap();
    let tokenizer = Tokenizer::from_gguf(gguf.metadata()).unwrap();
    let template = ChatTemplates::from_gguf(gguf.metadata()).unwrap();
    let template = template.for_request(false).unwrap().unwrap();
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
    assert!(
        ChatTemplates::from_gguf(gguf.metadata())
            .unwrap()
            .is_empty()
    );
}
