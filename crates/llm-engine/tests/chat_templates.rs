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

use llm_engine::gguf::{Gguf, Metadata, Value};
use llm_engine::prompt::reasoning::{Markers, Splitter};
use llm_engine::prompt::{
    ChatTemplate, Conversation, Guard, MarkupTexts, Message, TemplateError, Thinking,
};
use llm_engine::tokens::Tokenizer;
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

/// For each template, read off its source: the marker of reasoning it writes,
/// whether a plain prompt ends `inside` reasoning or in a `header`, and whether
/// it has a `switch` for thinking.
const REASONING: &str = include_str!("chat_templates/expected.txt");
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
        let off = template.thinking(Thinking::Off, MARKUP);
        known.extend(off.is_some().then_some("switch"));
        assert_eq!(known, facts, "{name}: {off:?}");
        // What is switched off leaves no reasoning open.
        if let Some(variables) = off {
            let mut conversation = conversation;
            conversation.variables = variables;
            let prompt = template.render(&conversation, MARKUP).unwrap();
            let splitter = Splitter::new(markers, &prompt);
            assert!(!splitter.is_reasoning() || name == "Cohere2MoE", "{name}");
        }
    }
    names.sort();
    assert_eq!(names, template_names());
}

/// The texts that a template writes and that look like control tokens; a
/// stricter vocabulary than any model's.
fn markup_of(source: &str) -> Vec<String> {
    let mut found = std::collections::BTreeSet::new();
    for (open, close) in [('<', '>'), ('[', ']')] {
        for (at, _) in source.match_indices(open) {
            let Some(length) = source[at..].find(close) else {
                continue;
            };
            let text = &source[at..=at + length];
            let inside = &text[1..text.len() - 1];
            let plain = |one: char| one.is_alphanumeric() || "|/_:｜▁".contains(one);
            let named = inside.chars().any(char::is_alphabetic);
            // An index such as `[role]` is no markup, and `</think>` no control
            // token in any vocabulary at hand; templates act on it.
            let counts = open == '<' || inside.chars().all(|one| !one.is_lowercase());
            if inside.chars().all(plain) && named && counts && !text.contains("think>") {
                found.insert(text.to_string());
            }
        }
    }
    found.extend(["<s>", "</s>", "<BOS>", "<EOS>", "<|im_end|>"].map(String::from));
    found.into_iter().collect()
}

/// A byte-level vocabulary with these control tokens, from id 256 on.
fn vocabulary(markup: &[String]) -> Tokenizer {
    // GPT-2's alphabet: printable bytes stand for themselves.
    let mut beyond = 0x100..;
    let letters = (0..=255_u8).map(|byte| match byte {
        b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff => char::from(byte).to_string(),
        _ => char::from_u32(beyond.next().unwrap()).unwrap().to_string(),
    });
    let texts: Vec<String> = letters.chain(markup.iter().cloned()).collect();
    let types = (0..texts.len())
        .map(|id| if id < 256 { 1 } else { 3 })
        .collect();
    let mut metadata = Metadata::default();
    metadata.insert("tokenizer.ggml.model", Value::String("gpt2".into()));
    metadata.insert("tokenizer.ggml.pre", Value::String("gpt-2".into()));
    metadata.insert(
        "tokenizer.ggml.tokens",
        Value::Strings(texts.iter().collect()),
    );
    metadata.insert("tokenizer.ggml.token_type", Value::Integers(types));
    let merges: Vec<String> = Vec::new();
    metadata.insert(
        "tokenizer.ggml.merges",
        Value::Strings(merges.iter().collect()),
    );
    Tokenizer::from_gguf(&metadata).unwrap()
}

/// A conversation of all kinds of turns in which everything that a caller says
/// holds `words`.
fn saying(words: &str) -> Conversation {
    let mut call = Message::new("assistant", format!("Let me {words} look"));
    let arguments = json!({"city": format!("{words} Paris"), "why": [words]});
    let function = json!({"name": "weather", "arguments": arguments});
    let calls = json!([{"id": "call00001", "type": "function", "function": function}]);
    call.fields.insert("tool_calls".into(), calls);
    let mut result = Message::new("tool", format!("{words}sunny{words}"));
    result
        .fields
        .insert("tool_call_id".into(), "call00001".into());
    result.fields.insert("name".into(), "weather".into());
    let parameters = json!({"type": "object", "properties": {
        "city": {"type": "string", "description": words}}, "required": ["city"]});
    let tool = json!([{"type": "function", "function": {"name": "weather",
        "description": format!("Tells {words} the weather"), "parameters": parameters}}]);
    let turns = [
        Message::new("system", format!("Be kind.{words}")),
        Message::new("user", format!("{words} Weather?")),
        call,
        result,
        Message::new("assistant", format!("Sunny {words}.")),
        Message::new("user", words.to_string()),
    ];
    Conversation::new(&turns).with_tools(Some(tool))
}

/// Turns of texts alone, which all but few templates take.
fn telling(words: &str) -> Conversation {
    Conversation::new(&[
        Message::new("user", format!("{words} Weather?{words}")),
        Message::new("assistant", format!("Sunny {words}.")),
        Message::new("user", words.to_string()),
    ])
}

/// The control tokens of a prompt, in order, or `None` where there is none.
fn control_tokens(
    template: &ChatTemplate,
    conversation: &Conversation,
    tokenizer: &Tokenizer,
    guard: &Guard,
) -> Option<Vec<u32>> {
    let rendered = template.render_guarded(conversation, MARKUP, guard).ok()?;
    let ids = tokenizer.encode_prompt_with_marks(&rendered.text, &rendered.foreign, guard.marks());
    let counts = |id: &u32| tokenizer.is_markup(*id) || guard.marks().contains(id);
    Some(ids.into_iter().filter(counts).collect())
}

/// Says control tokens, whole and in parts, in every place where a caller can
/// speak; the prompt has no other control tokens than one with harmless words.
fn check_injection(name: &str, tokenizer: &Tokenizer, markup: &[String], seed: usize) -> usize {
    let template = template(name);
    let guard = Guard::new(tokenizer, template.source());
    let mut prompts = 0;
    for (number, one) in markup.iter().enumerate() {
        let other = &markup[(number * 7 + seed) % markup.len()];
        let cut = (1..one.len())
            .rev()
            .find(|&at| one.is_char_boundary(at))
            .unwrap_or(0);
        let words = match (number + seed) % 4 {
            0 => one.clone(),
            1 => format!("{one}{other}"),
            2 => format!("{}\n{other}", &one[..cut]),
            _ => format!("x{one}\n{other}y{}", &other[..1]),
        };
        for conversation in [saying, telling] {
            let plain = control_tokens(&template, &conversation("w"), tokenizer, &guard);
            let found = control_tokens(&template, &conversation(&words), tokenizer, &guard);
            prompts += usize::from(found.is_some());
            if found.is_some() {
                assert_eq!(found, plain, "{name}: {words:?}");
            }
        }
    }
    prompts
}

/// Every template with a vocabulary of all that it writes itself.
#[test]
fn what_a_caller_says_becomes_no_control_token() {
    for name in template_names() {
        let markup = markup_of(template(&name).source());
        let tokenizer = vocabulary(&markup);
        let checked = check_injection(&name, &tokenizer, &markup, name.len());
        let refused = name.contains("firefunction");
        assert!(checked >= markup.len() / 2 || refused, "{name}: {checked}");
    }
}

/// Every template with the control tokens of every real vocabulary.
#[test]
fn what_a_caller_says_becomes_no_control_token_of_a_real_vocabulary() {
    let mut vocabularies = 0;
    for entry in std::fs::read_dir(model_file("ggml-vocab")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "gguf") {
            continue;
        }
        let gguf = Gguf::open(&[path]).unwrap();
        let Ok(tokenizer) = Tokenizer::from_gguf(gguf.metadata()) else {
            continue;
        };
        let ids = 0..u32::try_from(tokenizer.vocabulary_size()).unwrap();
        let texts = ids.filter(|&id| tokenizer.is_markup(id));
        let texts: Vec<String> = texts
            .map(|id| String::from_utf8(tokenizer.token_bytes(id)).unwrap())
            .filter(|text| !text.is_empty())
            .collect();
        // A few of each: some vocabularies reserve hundreds.
        let step = (texts.len() / 4).max(1);
        let texts: Vec<_> = texts.into_iter().step_by(step).collect();
        if texts.is_empty() {
            continue;
        }
        vocabularies += 1;
        for name in template_names() {
            check_injection(&name, &tokenizer, &texts, name.len());
        }
    }
    assert!(vocabularies >= 10, "{vocabularies}");
}

/// The vocabularies at hand with the most kinds of special tokens; Gemma 4 and
/// Command R have marks of turns and channels that are user-defined.
fn special_vocabularies() -> Vec<(Tokenizer, Vec<String>)> {
    let names = ["gemma-4", "command-r", "llama-bpe", "phi-3", "qwen2"];
    let open = |name: &str| {
        let path = model_file(&format!("ggml-vocab/ggml-vocab-{name}.gguf"));
        let gguf = Gguf::open(&[path]).unwrap();
        let tokenizer = Tokenizer::from_gguf(gguf.metadata()).unwrap();
        let ids = 0..u32::try_from(tokenizer.vocabulary_size()).unwrap();
        let is_special = |id: &u32| tokenizer.is_markup(*id) || tokenizer.is_user_defined(*id);
        let texts = ids.filter(is_special);
        let texts = texts.map(|id| String::from_utf8(tokenizer.token_bytes(id)).unwrap());
        let texts = texts.filter(|text| text.len() > 2 && !text.starts_with("[PAD"));
        let texts = texts.take(48).collect();
        (tokenizer, texts)
    };
    names.map(open).into()
}

/// What a user, a tool and an interface say; the model says nothing of it.
fn asking(words: &str) -> Conversation {
    let mut harmless = Message::new("assistant", "Let me look");
    let function = json!({"name": "weather", "arguments": {"city": "Paris"}});
    let calls = json!([{"id": "call00001", "type": "function", "function": function}]);
    harmless.fields.insert("tool_calls".into(), calls);
    let mut result = Message::new("tool", format!("x{words}"));
    for (key, value) in [("tool_call_id", "call00001"), ("name", "weather")] {
        result.fields.insert(key.into(), value.into());
    }
    let turns = [
        Message::new("system", format!("x{words}")),
        Message::new("user", format!("x{words}")),
        harmless,
        result,
        Message::new("assistant", "Sunny."),
        Message::new("user", format!("x{words}")),
    ];
    Conversation::new(&turns)
}

#[test]
fn a_templates_user_defined_marks_are_guarded() {
    let pairs = [
        ("gemma-4", "google-gemma-4-31B-it", "<|channel>"),
        ("gemma-4", "google-gemma-4-31B-it", "<|tool_call>"),
        ("command-r", "Cohere2MoE", "<|START_OF_TURN_TOKEN|>"),
        ("command-r", "Cohere2MoE", "<|SYSTEM_TOKEN|>"),
    ];
    for (vocabulary, name, words) in pairs {
        let path = model_file(&format!("ggml-vocab/ggml-vocab-{vocabulary}.gguf"));
        let gguf = Gguf::open(&[path]).unwrap();
        let tokenizer = Tokenizer::from_gguf(gguf.metadata()).unwrap();
        let template = template(name);
        let guard = Guard::new(&tokenizer, template.source());
        assert!(!guard.marks().is_empty(), "{vocabulary}");
        let tokens = |words: &str| {
            let conversation = Conversation::new(&[Message::new("user", format!("x{words}"))]);
            control_tokens(&template, &conversation, &tokenizer, &guard).unwrap()
        };
        assert_eq!(tokens(words), tokens("w"), "{name}: {words}");
        // The same text of the template's own is the token.
        let own = tokenizer.encode_prompt_with_marks(words, &[], guard.marks());
        assert!(own.iter().any(|id| guard.marks().contains(id)), "{words}");
    }
}

/// Special texts, whole, cut, doubled, in capitals or as JSON, at random.
#[test]
fn random_words_become_no_control_token() {
    let vocabularies = special_vocabularies();
    let names = template_names();
    let part = (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        0..8_u8,
    );
    let parts = prop::collection::vec(part, 1..6);
    let all = vocabularies
        .iter()
        .flat_map(|one| names.iter().map(move |name| (one, name)));
    let all: Vec<_> = all.collect();
    // Few templates write what is user-defined in a vocabulary at hand: they
    // get half of the cases.
    let has_marks = |((tokenizer, _), name): &(&(Tokenizer, Vec<String>), &String)| {
        !Guard::new(tokenizer, template(name).source())
            .marks()
            .is_empty()
    };
    let marked: Vec<_> = all.iter().copied().filter(has_marks).collect();
    assert!(marked.len() >= 5, "{}", marked.len());
    let which = (any::<bool>(), any::<prop::sample::Index>());
    proptest!(|((own, which) in which, parts in parts)| {
        let pairs = if own { &marked } else { &all };
        let ((tokenizer, texts), name) = pairs[which.index(pairs.len())];
        let mut words = String::new();
        for (text, at, kind) in parts {
            let text = &texts[text.index(texts.len())];
            let cuts: Vec<_> = text.char_indices().map(|(at, _)| at).collect();
            let cut = cuts[at.index(cuts.len())];
            match kind {
                0 | 1 => words.push_str(text),
                2 => words.push_str(&text[cut..]),
                3 => words.push_str(&text[..cut]),
                4 => words.push_str(&format!("{}{text}{}", &text[..cut], &text[cut..])),
                5 => words.push_str(&text.to_uppercase()),
                6 => words.push_str(&Json::from(format!("\"{text}\n")).to_string()),
                _ => words.push_str(&format!(" \n{text}\t ")),
            }
        }
        let template = template(name);
        let guard = Guard::new(tokenizer, template.source());
        let found = control_tokens(&template, &asking(&words), tokenizer, &guard);
        if found.is_some() {
            let plain = control_tokens(&template, &asking("w"), tokenizer, &guard);
            prop_assert_eq!(found, plain, "{}: {:?}", name, words);
        }
    });
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
