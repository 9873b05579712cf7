//! What a caller says, held against every real template: none of it becomes
//! part of a control token, wherever a caller can speak, unless it is asked for.
//!
//! `guard/unheard.txt` lists where a template has nothing to guard: the
//! template, the place, and whether it `drops` what is said there, `refuses` or
//! `raises`.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers may fail as loudly as the test"
)]

#[path = "support/templates.rs"]
mod templates;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use llm_gguf::{Gguf, Metadata, Value};
use llm_prompt::{ChatTemplate, Conversation, Guard, Message, TemplateError};
use llm_tokenizer::Tokenizer;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use templates::{MARKUP, conversations, model_file, template, template_names};

const UNHEARD: &str = include_str!("guard/unheard.txt");

/// A word that no template and no vocabulary has.
const HARMLESS: &str = "zqz";

/// Where a caller can speak.
const PLACES: [&str; 7] = [
    "system",
    "user",
    "assistant",
    "reasoning",
    "arguments",
    "tool",
    "description",
];

/// What is in the model's own words, in which a template may look for markup.
fn is_model(place: &str) -> bool {
    matches!(place, "assistant" | "reasoning" | "arguments")
}

/// Conversations in which `words` stand at `place` and nowhere else, in the
/// forms that one template or another takes.
fn saying(place: &str, words: &str) -> Vec<Conversation> {
    let at = |here: &str, plain: &str| {
        if place == here {
            format!("{plain}{words}")
        } else {
            plain.to_owned()
        }
    };
    let description = at("description", "Tells the weather");
    let city = json!({"type": "string", "description": description});
    let tools = json!([{"type": "function", "function": {"name": "weather",
        "description": description, "parameters": {"type": "object",
        "properties": {"city": city}, "required": ["city"]}}}]);
    let system = Message::new("system", at("system", "Be kind."));
    let mut forms = turns(&at);
    for form in forms.clone() {
        forms.push([vec![system.clone()], form].concat());
    }
    let conversation = |form: &Vec<Message>| {
        let has_calls = form.iter().any(|turn| turn.role == "tool");
        let tools = Some(tools.clone()).filter(|_| has_calls || place == "description");
        let mut conversation = Conversation::new(form).with_tools(tools);
        for name in ["functions", "datetime"] {
            conversation.variables.insert(name.into(), "none".into());
        }
        // Some say what was thought where the model is to think.
        for name in ["thinking", "enable_thinking"] {
            let on = (place == "reasoning").then(|| (name.to_owned(), true.into()));
            conversation.variables.extend(on);
        }
        conversation
    };
    forms.iter().map(conversation).collect()
}

/// The turns after the system's, where `at` says what stands in a place.
fn turns(at: &impl Fn(&str, &str) -> String) -> Vec<Vec<Message>> {
    let user = Message::new("user", at("user", "Weather?"));
    let mut bare_call = calling(at, false);
    bare_call.content = Some(String::new());
    bare_call.fields.remove("reasoning_content");
    bare_call.fields.remove("thinking");
    let mut result = Message::new("tool", at("tool", "It is "));
    for (key, value) in [("tool_call_id", "call00001"), ("name", "weather")] {
        result.fields.insert(key.into(), value.into());
    }
    let plain_answer = Message::new("assistant", at("assistant", "Sunny."));
    let mut answer = plain_answer.clone();
    let reasoning = at("reasoning", "It is sunny.").into();
    answer.fields.insert("reasoning_content".into(), reasoning);
    let thought = Message::new("assistant", "<think>\nr\n</think>\n\nHello");
    let form = |turns: &[&Message]| turns.iter().map(|&turn| turn.clone()).collect();
    let (call, call_as_text) = (calling(at, false), calling(at, true));
    vec![
        form(&[&user, &call, &result, &answer, &user]),
        form(&[&user, &call_as_text, &result, &answer, &user]),
        form(&[&user, &call_as_text, &result]),
        form(&[&user, &call, &result]),
        form(&[&user, &plain_answer, &user]),
        form(&[&user, &thought, &user, &plain_answer, &user]),
        form(&[&user, &answer]),
        form(&[&user, &bare_call, &result]),
    ]
}

/// A turn that calls a tool, with the arguments as a map or as a text.
fn calling(at: &impl Fn(&str, &str) -> String, as_text: bool) -> Message {
    let mut call = Message::new("assistant", at("assistant", "Let me look."));
    let arguments = json!({"city": at("arguments", "Paris")});
    let arguments = if as_text {
        arguments.to_string().into()
    } else {
        arguments
    };
    let function = json!({"name": "weather", "arguments": arguments});
    let calls = json!([{"id": "call00001", "type": "function", "function": function}]);
    call.fields.insert("tool_calls".into(), calls);
    for key in ["reasoning_content", "thinking"] {
        let reasoning = at("reasoning", "They ask.").into();
        call.fields.insert(key.into(), reasoning);
    }
    call
}

/// The forms in which a template says what is said at `place`, or why there is
/// none.
fn heard(template: &ChatTemplate, place: &str) -> Result<Vec<usize>, &'static str> {
    let mut reason = "raises";
    let mut forms = Vec::new();
    for (form, conversation) in saying(place, HARMLESS).iter().enumerate() {
        if !format!("{conversation:?}").contains(HARMLESS) {
            continue;
        }
        match template.render(conversation, MARKUP) {
            Ok(text) if text.to_lowercase().contains(HARMLESS) => forms.push(form),
            Ok(_) => reason = "drops",
            Err(TemplateError::Refused { .. }) if reason == "raises" => reason = "refuses",
            Err(_) => {}
        }
    }
    (!forms.is_empty()).then_some(forms).ok_or(reason)
}

/// The texts that a template writes and that look like control tokens; a
/// stricter vocabulary than any model's.
fn markup_of(source: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    for (open, close) in [('<', '>'), ('[', ']')] {
        for (at, _) in source.match_indices(open) {
            let Some(length) = source[at..].find(close) else {
                continue;
            };
            let text = &source[at..=at + length];
            let inside = &text[1..text.len() - 1];
            let plain = |one: char| one.is_alphanumeric() || "|/_:｜▁".contains(one);
            let named = inside.chars().any(char::is_alphabetic);
            // An index such as `[role]` is no markup.
            let counts = open == '<' || inside.chars().all(|one| !one.is_lowercase());
            if inside.chars().all(plain) && named && counts {
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

/// A template and a vocabulary.
struct Pair<'t> {
    name: &'t str,
    template: ChatTemplate,
    tokenizer: &'t Tokenizer,
    guard: Guard,
    /// What of the vocabulary is said.
    markup: &'t [String],
    /// The control tokens of prompts with harmless words.
    harmless: RefCell<HashMap<(String, usize, String), Vec<u32>>>,
}

impl<'t> Pair<'t> {
    fn new(name: &'t str, tokenizer: &'t Tokenizer, markup: &'t [String]) -> Self {
        let template = template(name);
        Self {
            guard: Guard::new(tokenizer, template.source()),
            name,
            template,
            tokenizer,
            markup,
            harmless: RefCell::default(),
        }
    }

    /// Returns the control tokens of a prompt, in order.
    fn tokens(&self, conversation: &Conversation) -> Result<Vec<u32>, TemplateError> {
        let rendered = self
            .template
            .render_guarded(conversation, MARKUP, &self.guard)?;
        let ids = self.tokenizer.encode_prompt_with_marks(
            &rendered.text,
            &rendered.foreign,
            self.guard.marks(),
        );
        Ok(self.control(ids))
    }

    /// The same where nothing is guarded.
    fn unguarded(&self, conversation: &Conversation) -> Result<Vec<u32>, TemplateError> {
        let text = self.template.render(conversation, MARKUP)?;
        Ok(self.control(self.tokenizer.encode_prompt(&text)))
    }

    fn control(&self, ids: Vec<u32>) -> Vec<u32> {
        let counts = |id: &u32| self.tokenizer.is_markup(*id) || self.guard.marks().contains(id);
        ids.into_iter().filter(counts).collect()
    }

    /// Says `words` at a place in some of the forms in which they are heard;
    /// the prompt has no other control tokens than with `harmless` ones.
    fn check(&self, place: &str, forms: &[usize], words: &str, harmless: &str) {
        let said = saying(place, words);
        for &form in forms {
            // A template may refuse some words: nothing is rendered then.
            let Ok(found) = self.tokens(&said[form]) else {
                continue;
            };
            let expected = self.harmless(place, form, harmless);
            assert_eq!(
                found, expected,
                "{}, {place}, form {form}: {words:?}",
                self.name
            );
        }
    }

    /// Returns the control tokens of a prompt with `words` of no harm.
    fn harmless(&self, place: &str, form: usize, words: &str) -> Vec<u32> {
        let key = (place.to_owned(), form, words.to_owned());
        let tokens = || self.tokens(&saying(place, words)[form]).unwrap();
        let mut known = self.harmless.borrow_mut();
        known.entry(key).or_insert_with(tokens).clone()
    }

    /// Returns whether the template hands `words` on as they are.
    fn hands_on(&self, place: &str, form: usize, words: &str) -> bool {
        let render = |words: &str| self.template.render(&saying(place, words)[form], MARKUP);
        let plain = render(HARMLESS).unwrap();
        render(words).is_ok_and(|text| text == plain.replace(HARMLESS, words))
    }

    /// Says control tokens, whole and in parts.
    fn check_markup(&self, place: &str, forms: &[usize], seed: usize) {
        for (number, one) in self.markup.iter().enumerate() {
            let other = &self.markup[(number * 7 + seed) % self.markup.len()];
            let cut = middle(one);
            let words = match (number + seed) % 4 {
                0 => one.clone(),
                1 => format!("{one}{other}"),
                2 => format!("{}\n{other}", &one[..cut]),
                _ => format!("x{one}\n{other}y{}", &other[..1]),
            };
            let form = forms[(number + seed) % forms.len()];
            // Templates look for some in the model's own words.
            let is_known = ACTED_ON.iter().any(|known| words.contains(known));
            if is_model(place) && is_known && !self.hands_on(place, form, &words) {
                continue;
            }
            self.check(place, &[form], &words, HARMLESS);
        }
    }

    /// Says control tokens with words inside that the template takes out.
    fn check_cut(&self, place: &str, forms: &[usize], seed: usize) {
        let source = self.template.source();
        let words = TAKEN_OUT.iter().filter(|word| source.contains(**word));
        let mut words: Vec<String> = words.map(ToString::to_string).collect();
        let pairs = FENCES.iter().filter(|(open, _)| source.contains(open));
        words.extend(pairs.map(|(open, close)| format!("{open}q{close}")));
        words.push("/think".into());
        for (number, one) in self.markup.iter().enumerate() {
            let cut = match (number + seed) % 2 {
                0 => one.chars().next().unwrap().len_utf8(),
                _ => middle(one),
            };
            for (which, word) in words.iter().enumerate() {
                let said = format!("x{}{word}{} y", &one[..cut], &one[cut..]);
                let harmless = format!("x{HARMLESS}{word}{HARMLESS} y");
                let form = forms[(number + which + seed) % forms.len()];
                // What is left may be a word that the template looks for, too;
                // then it may also have seen none at all.
                let is_one = TAKEN_OUT.iter().any(|word| one.contains(word));
                if is_one
                    && self.tokens(&saying(place, &said)[form])
                        == Ok(self.harmless(place, form, HARMLESS))
                {
                    continue;
                }
                self.check(place, &[form], &said, &harmless);
            }
        }
    }
}

/// Returns a place inside of a text, its last character's if it can be.
fn middle(text: &str) -> usize {
    let places = text.char_indices().map(|(at, _)| at).rev();
    places.skip(1).find(|at| *at > 0).unwrap_or(0)
}

/// What templates look for in the model's own words, and act on.
const ACTED_ON: [&str; 12] = [
    "<think>",
    "</think>",
    "<|channel>",
    "<channel|>",
    "[THINK]",
    "[/THINK]",
    "<mm:think>",
    "</mm:think>",
    "<seed:think>",
    "</seed:think>",
    "<tool_sep>",
    "<|channel|>",
];

/// Words that templates take out of what is said, or cut it at.
const TAKEN_OUT: [&str; 14] = [
    "/think",
    "/no_think",
    "/nothink",
    "<think>",
    "</think>",
    "<|channel>",
    "<channel|>",
    "[THINK]",
    "[/THINK]",
    "</mm:think>",
    "</seed:think>",
    "<tool_sep>",
    "<tool_def_sep>",
    "[BEGIN FINAL RESPONSE]",
];

/// What they take out with all that stands between.
const FENCES: [(&str, &str); 4] = [
    ("<|channel>", "<channel|>"),
    ("<think>", "</think>"),
    ("[THINK]", "[/THINK]"),
    ("<mm:think>", "</mm:think>"),
];

/// Every template with a vocabulary of all that it writes itself, in each place
/// where it can be heard.
#[test]
fn what_a_caller_says_becomes_no_control_token() {
    let names = template_names();
    let (some, others) = names.split_at(names.len() / 2);
    let (mut unheard, more) = std::thread::scope(|scope| {
        let others = scope.spawn(|| check_templates(others));
        (check_templates(some), others.join().unwrap())
    });
    unheard.extend(more);
    let known: Vec<_> = UNHEARD.lines().map(str::to_owned).collect();
    assert_eq!(unheard.join("\n"), known.join("\n"));
}

/// Checks each place of each template where it can be, and returns where it
/// cannot.
fn check_templates(names: &[String]) -> Vec<String> {
    let mut unheard = Vec::new();
    for name in names {
        let markup = markup_of(template(name).source());
        let tokenizer = vocabulary(&markup);
        let pair = Pair::new(name, &tokenizer, &markup);
        for (number, place) in PLACES.iter().enumerate() {
            match heard(&pair.template, place) {
                Ok(forms) => {
                    pair.check_markup(place, &forms, name.len() + number);
                    pair.check_cut(place, &forms, name.len() + number);
                }
                Err(reason) => unheard.push(format!("{name} {place} {reason}")),
            }
        }
    }
    unheard
}

/// Every template with the control tokens of every real vocabulary.
#[test]
fn what_a_caller_says_becomes_no_control_token_of_a_real_vocabulary() {
    let mut vocabularies = 0;
    let names = template_names();
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
        let texts: Vec<_> = texts.into_iter().step_by(step).take(4).collect();
        if texts.is_empty() {
            continue;
        }
        vocabularies += 1;
        for name in &names {
            let pair = Pair::new(name, &tokenizer, &texts);
            let place = PLACES[(vocabularies + name.len()) % PLACES.len()];
            for place in [place, "user"] {
                if let Ok(forms) = heard(&pair.template, place) {
                    pair.check_markup(place, &forms, name.len() + vocabularies);
                }
            }
        }
    }
    assert!(vocabularies >= 10, "{vocabularies}");
}

/// What is asked for with `--parse-special`, in every template.
#[test]
fn what_a_caller_says_is_markup_where_it_is_asked_for() {
    for name in template_names() {
        let markup = markup_of(template(&name).source());
        let tokenizer = vocabulary(&markup);
        let pair = Pair::new(&name, &tokenizer, &markup);
        for place in ["system", "user", "tool"] {
            let Ok(forms) = heard(&pair.template, place) else {
                continue;
            };
            let counted = |words: &str, id| {
                let ids = pair.unguarded(&saying(place, words)[forms[0]]).unwrap();
                ids.into_iter().filter(|&found| found == id).count()
            };
            let mut checked = 0;
            for (one, id) in markup.iter().zip(256..) {
                let words = format!("x{one}y");
                // Gemma 4 has `</s>` for an element of HTML.
                if tokenizer.is_markup(id) && pair.hands_on(place, forms[0], &words) {
                    let more = counted(&words, id) > counted(HARMLESS, id);
                    assert!(more, "{name}, {place}: {one}");
                    checked += 1;
                }
            }
            assert!(
                checked * 4 >= markup.len() * 3,
                "{name}, {place}: {checked}"
            );
        }
    }
}

/// Nothing is lost by guarding: with words of no harm the text is the same, and
/// so are the template's own control tokens.
#[test]
fn a_guarded_prompt_is_the_templates_own() {
    let mut failures = Vec::new();
    for name in template_names() {
        let markup = markup_of(template(&name).source());
        let tokenizer = vocabulary(&markup);
        let pair = Pair::new(&name, &tokenizer, &markup);
        for (about, conversation) in conversations() {
            let Ok(plain) = pair.template.render(&conversation, MARKUP) else {
                continue;
            };
            let guarded = pair
                .template
                .render_guarded(&conversation, MARKUP, &pair.guard)
                .unwrap();
            // The model's own `<think>` is text where the template leaves it.
            let tokens = || (pair.tokens(&conversation), pair.unguarded(&conversation));
            let is_same = || about == "thought-in-text" || tokens().0 == tokens().1;
            if guarded.text != plain || !is_same() {
                failures.push(format!("{name} {about}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn open(vocabulary: &str) -> Tokenizer {
    let path = model_file(&format!("ggml-vocab/ggml-vocab-{vocabulary}.gguf"));
    let gguf = Gguf::open(&[path]).unwrap();
    Tokenizer::from_gguf(gguf.metadata()).unwrap()
}

/// The vocabularies at hand with the most kinds of special tokens; Gemma 4 and
/// Command R have marks of turns and channels that are user-defined.
fn special_vocabularies() -> Vec<(Tokenizer, Vec<String>)> {
    let names = ["gemma-4", "command-r", "llama-bpe", "phi-3", "qwen2"];
    let special = |name: &str| {
        let tokenizer = open(name);
        let ids = 0..u32::try_from(tokenizer.vocabulary_size()).unwrap();
        let is_special = |id: &u32| tokenizer.is_markup(*id) || tokenizer.is_user_defined(*id);
        let texts = ids
            .filter(is_special)
            .map(|id| String::from_utf8(tokenizer.token_bytes(id)).unwrap())
            .filter(|text| text.len() > 2 && !text.starts_with("[PAD"))
            .take(48)
            .collect();
        (tokenizer, texts)
    };
    names.map(special).into()
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
        let tokenizer = open(vocabulary);
        let pair = Pair::new(name, &tokenizer, &[]);
        assert!(!pair.guard.marks().is_empty(), "{vocabulary}");
        let forms = heard(&pair.template, "user").unwrap();
        pair.check("user", &forms, words, HARMLESS);
        // The same text of the template's own is the token.
        let own = tokenizer.encode_prompt_with_marks(words, &[], pair.guard.marks());
        assert!(!pair.control(own).is_empty(), "{words}");
    }
}

/// A token around what a template cuts out of the model's words, and a token
/// that it does not cut out.
#[test]
fn reasoning_is_cut_out_of_an_answer_and_nothing_is_made_of_the_rest() {
    let smollm = Gguf::open(&[model_file("smollm2-135m-instruct-q4_1.gguf")]).unwrap();
    let smollm = Tokenizer::from_gguf(smollm.metadata()).unwrap();
    let gemma = open("gemma-4");
    for (tokenizer, name, open, close) in [
        (&gemma, "google-gemma-4-31B-it", "<|channel>", "<channel|>"),
        (
            &gemma,
            "google-gemma-4-31B-it-interleaved",
            "<|channel>",
            "<channel|>",
        ),
        (&smollm, "NVIDIA-Nemotron-Nano-v2", "<think>", "</think>"),
        (&smollm, "Qwen-Qwen3-0.6B", "<think>", "</think>"),
    ] {
        let pair = Pair::new(name, tokenizer, &[]);
        let rendered = |answer: String, last: &str| {
            let turns = [("user", "Hi"), ("assistant", &answer), ("user", last)]
                .map(|(role, words)| Message::new(role, words));
            let conversation = Conversation::new(&turns);
            let text = pair
                .template
                .render_guarded(&conversation, MARKUP, &pair.guard);
            (text.unwrap().text, pair.tokens(&conversation).unwrap())
        };
        let plain = rendered("Hello".into(), "x");
        let cut = rendered(format!("{open}\nr\n{close}\n\nHello"), "x");
        assert_eq!(cut, plain, "{name}");
        for token in ["<|im_end|>", "<turn|>", "<|turn>", "<eos>"] {
            for at in [1, 2, token.len() - 1] {
                let (start, end) = token.split_at(at);
                let words = format!("{start}/think{end}\n{start}/no_think{end} /think");
                let harmless = "w/thinkw\nw/no_thinkw /think";
                let thought = format!("{open}\nr\n{close}\n\nHello");
                let found = rendered(thought.clone(), &words).1;
                assert_eq!(found, rendered(thought, harmless).1, "{name}: {words}");
                let words = format!("a{start}{open}q{close}{end}b");
                let found = rendered(words.clone(), "x").1;
                let harmless = format!("aw{open}q{close}wb");
                assert_eq!(found, rendered(harmless, "x").1, "{name}: {words}");
            }
        }
    }
}

/// Special texts, whole, cut, doubled, in capitals or as JSON, and words that
/// templates take out, at random.
#[test]
fn random_words_become_no_control_token() {
    let vocabularies = special_vocabularies();
    let names = template_names();
    let part = (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        0..9_u8,
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
    let place = prop::sample::select(vec!["system", "user", "tool", "description"]);
    proptest!(|((own, which) in which, parts in parts, place in place)| {
        let pairs = if own { &marked } else { &all };
        let ((tokenizer, texts), name) = pairs[which.index(pairs.len())];
        let (mut words, mut harmless) = (String::new(), String::new());
        for (text, at, kind) in parts {
            let taken = TAKEN_OUT[at.index(TAKEN_OUT.len())];
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
                7 => {
                    words.push_str(&format!("{}{taken}{}", &text[..cut], &text[cut..]));
                    harmless.push_str(taken);
                }
                _ => words.push_str(&format!(" \n{text}\t ")),
            }
            harmless.push_str(HARMLESS);
        }
        let pair = Pair::new(name, tokenizer, texts);
        if let Ok(forms) = heard(&pair.template, place) {
            pair.check(place, &forms[..1], &words, &harmless);
        }
    });
}
