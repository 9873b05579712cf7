//! Calls that real chat templates print as an assistant's turn, read back: each kind of value alone, and random
//! calls of those that a template can carry, whole and cut at every character.

#![allow(
    clippy::unwrap_used,
    reason = "a test's helpers may fail as loudly as the test"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use llm_calls::{Offered, Syntax};
use llm_prompt::reasoning::{Markers, Splitter};
use llm_prompt::{ChatTemplate, Conversation, Message};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::{Map, Value, json};

use support::{MARKUP, read, rows, templates};

/// Templates that print no calls and say nothing of their format.
const SILENT: &str = include_str!("silent.txt");

/// What a template cannot carry, or not so that it could be told: template, kinds, and the reason.
const LOST: &str = include_str!("lost.txt");

/// Kinds of values, and of turns.
const KINDS: [&str; 22] = [
    "word",
    "spaces",
    "empty text",
    "quotes",
    "backslash",
    "lines",
    "unicode",
    "braces",
    "markers",
    "digits",
    "integer",
    "float",
    "bool",
    "null",
    "list",
    "object",
    "nested",
    "empty list",
    "empty object",
    "no arguments",
    "two calls",
    "text before",
];

/// Ends of turns that a model's generation stops at.
const ENDS: [&str; 8] = [
    "<EOS>",
    "<|eom_id|>",
    "<|call|>",
    "<SPECIAL_12>",
    "<｜hy_eos:opensource｜>",
    "<|calls|>",
    "<|tool_response>",
    "<｜end▁of▁sentence｜><｜Assistant｜>",
];

/// A value of a kind, and its schema.
fn value(kind: &str, random: &mut ChaCha8Rng) -> (Value, Value) {
    let number = random.next_u32() % 1000;
    let text = |text: String| (Value::from(text), json!({"type": "string"}));
    match kind {
        "spaces" => text(format!(" a{number}  b ")),
        "empty text" => text(String::new()),
        "quotes" => text(format!("\"{number}\" and 'x' it's")),
        "backslash" => text(format!("C:\\new\\{number} \\\" \\n")),
        "lines" => text(format!("one {number}\n  two\n\nthree")),
        "unicode" => text(format!("Ünï {number} 漢字 😀 \u{2028}é")),
        "braces" => text(format!("{{\"a\": [{number}]}} }} ] {{{{ x }}}}")),
        "markers" => text(format!(
            "<tool_call> [TOOL_CALLS] </x{number}> <function=f> <|im_start|> </tool_call>"
        )),
        "digits" => text(number.to_string()),
        "integer" => (json!(number), json!({"type": "integer"})),
        "float" => (json!(f64::from(number) + 0.5), json!({"type": "number"})),
        "bool" => (json!(number.is_multiple_of(2)), json!({"type": "boolean"})),
        "null" => (Value::Null, json!({"type": "null"})),
        "list" => (
            json!([format!("a \"{number}\""), "b, c", "it's"]),
            json!({"type": "array", "items": {"type": "string"}}),
        ),
        "object" => (
            json!({"inner": format!("x {number}"), "count": number}),
            json!({"type": "object", "properties":
                {"inner": {"type": "string"}, "count": {"type": "integer"}}}),
        ),
        "nested" => (
            json!({"deep": [{"on": true, "at": [1, number]}, {"on": false, "at": []}], "no": null}),
            json!({"type": "object", "properties": {"deep": {"type": "array", "items":
                {"type": "object", "properties": {"on": {"type": "boolean"},
                    "at": {"type": "array", "items": {"type": "integer"}}}}},
                "no": {"type": "null"}}}),
        ),
        "empty list" => (json!([]), json!({"type": "array"})),
        "empty object" => (json!({}), json!({"type": "object"})),
        _ => text(format!("Rome{number}")),
    }
}

/// A turn of an assistant, and the tools that it could call.
struct Turn {
    said: String,
    calls: Vec<(String, Map<String, Value>)>,
    tools: Vec<Value>,
}

impl Turn {
    /// Makes one that has all of these kinds.
    fn new(kinds: &[&str], count: usize, random: &mut ChaCha8Rng) -> Self {
        let mut turn = Self {
            said: String::new(),
            calls: Vec::new(),
            tools: Vec::new(),
        };
        if kinds.contains(&"text before") {
            turn.said = format!("Let me see {}.", random.next_u32() % 1000);
        }
        let is_value = |kind: &&&str| !["no arguments", "two calls", "text before"].contains(*kind);
        let values: Vec<_> = kinds.iter().filter(is_value).collect();
        for at in 0..count {
            let name = format!("find_{}_{at}", ["book", "train", "garden-9"][at % 3]);
            let mut arguments = Map::new();
            let mut properties = Map::new();
            let is_empty = kinds.contains(&"no arguments") && at == 0;
            for place in 0..if is_empty {
                0
            } else {
                values.len().clamp(1, 4)
            } {
                let kind = match values.len() {
                    0 => "word",
                    many => values[(place + at) % many],
                };
                let key = format!("key_{place}_{}", random.next_u32() % 100);
                let (value, mut schema) = value(kind, random);
                schema["description"] = "What to look for.".into();
                arguments.insert(key.clone(), value);
                properties.insert(key, schema);
            }
            turn.tools
                .push(json!({"type": "function", "function": {"name": name,
                "description": "Finds.",
                "parameters": {"type": "object", "properties": properties}}}));
            turn.calls.push((name, arguments));
        }
        turn
    }

    fn render(&self, template: &ChatTemplate, is_prompt: bool) -> Option<String> {
        let user = Message::new("user", "Umbrella?");
        let forms = [(false, true), (true, true), (false, false), (true, false)];
        let mut texts = forms.iter().filter_map(|&(is_text, has_content)| {
            let mut turn = Message::new("assistant", self.said.clone());
            turn.content = turn.content.filter(|_| has_content);
            let calls = self
                .calls
                .iter()
                .enumerate()
                .map(|(at, (name, arguments))| {
                    let arguments = Value::from(arguments.clone());
                    let arguments = if is_text {
                        arguments.to_string().into()
                    } else {
                        arguments
                    };
                    json!({"id": format!("idAbcd00{at}"), "type": "function",
                    "function": {"name": name, "arguments": arguments}})
                });
            if !self.calls.is_empty() {
                turn.fields.insert("tool_calls".to_owned(), calls.collect());
            }
            let messages = if is_prompt {
                vec![user.clone()]
            } else {
                vec![user.clone(), turn]
            };
            let mut conversation =
                Conversation::new(&messages).with_tools(Some(self.tools.clone().into()));
            conversation.add_generation_prompt = is_prompt;
            template.render(&conversation, MARKUP).ok()
        });
        texts.find(|text| {
            let is_there = |(name, arguments): &(String, Map<String, Value>)| {
                text.contains(name) && arguments.keys().all(|key| text.contains(key))
            };
            is_prompt || self.calls.iter().all(is_there)
        })
    }

    /// Returns what a model would have generated for it, and the prompt; `None` where the template refuses.
    fn generated(&self, template: &ChatTemplate) -> Option<(String, String)> {
        let prompt = self.render(template, true)?;
        let text = self.render(template, false)?;
        let same = prompt.char_indices().zip(text.chars());
        let same = same.take_while(|((_, a), b)| a == b).last();
        let mut start = same.map_or(0, |((at, letter), _)| at + letter.len_utf8());
        let asked = text.rfind("Umbrella?")? + "Umbrella?".len();
        // Not in the midst of a marker.
        if let Some(open) = text[..start].rfind('<')
            && !text[open..start].contains('>')
        {
            start = open;
        }
        let mut text = &text[start.max(asked)..];
        let said = Self {
            said: "Quagmire.".to_owned(),
            calls: Vec::new(),
            tools: self.tools.clone(),
        };
        let said = said.render(template, false)?;
        let end = said.rsplit_once("Quagmire.").map_or("", |(_, end)| end);
        text = text.strip_suffix(end).unwrap_or(text);
        // One prints its instructions once more.
        text = text
            .split("<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>")
            .next()?;
        text = text.strip_prefix("<|CHATBOT_TOKEN|>").unwrap_or(text);
        for end in ENDS {
            text = text.trim_end().strip_suffix(end).unwrap_or(text);
        }
        Some((prompt, text.to_owned()))
    }
}

/// Renders a turn and reads it; says what is wrong.
fn round_trip(template: &ChatTemplate, syntax: &Arc<Syntax>, turn: &Turn) -> Result<(), String> {
    let Some((prompt, mut text)) = turn.generated(template) else {
        return Err("refused, or not printed".to_owned());
    };
    // A prompt that opens reasoning, which turns of the past do not have, or ends it itself.
    if let Some(Markers::Fence(fence)) = template.markers() {
        let is_open = Splitter::new(template.markers().cloned(), &prompt).is_reasoning();
        if is_open && !text.contains(&fence.close) {
            text = format!("Hm.\n{}\n\n{text}", fence.close);
        } else if !is_open && let Some(rest) = text.trim_start().strip_prefix(&fence.close) {
            text = rest.to_owned();
        }
    }
    let offered = Arc::new(Offered::new(&turn.tools));
    let whole = read(template, syntax, &offered, (&prompt, &text), usize::MAX);
    for size in [1, 3] {
        let cut = read(template, syntax, &offered, (&prompt, &text), size);
        if cut != whole {
            return Err(format!("{size}: {cut:?} is not {whole:?} in {text:?}"));
        }
    }
    let parsed = whole.calls.iter().map(|call| {
        (
            call.name.clone(),
            serde_json::from_str(&call.arguments).unwrap_or_default(),
        )
    });
    let parsed: Vec<(String, Map<String, Value>)> = parsed.collect();
    if parsed != turn.calls || whole.error.is_some() {
        return Err(format!("{parsed:?} {:?} from {text:?}", whole.error));
    }
    // Some templates print no text beside calls.
    let wanted = if text.contains(&turn.said) {
        turn.said.as_str()
    } else {
        ""
    };
    if whole.said.trim() != wanted {
        let prompt = &prompt[prompt.floor_char_boundary(prompt.len().saturating_sub(40))..];
        return Err(format!(
            "text {:?} from {text:?} after {prompt:?}",
            whole.said
        ));
    }
    if wanted != turn.said {
        return Err("the text is not printed".to_owned());
    }
    Ok(())
}

#[test]
fn calls_are_read_back_as_they_were_rendered() {
    let silent: BTreeSet<_> = rows(SILENT).map(|[name, ..]| name).collect();
    let lost: BTreeMap<&str, BTreeSet<&str>> = rows(LOST).fold(BTreeMap::new(), |mut all, row| {
        let kinds = row[1].split(", ").collect::<BTreeSet<_>>();
        all.entry(row[0])
            .or_insert_with(BTreeSet::new)
            .extend(kinds);
        all
    });
    let mut failures = Vec::new();
    let mut trips = 0;
    for (name, template) in templates() {
        let syntax = Syntax::of(&template, MARKUP);
        if syntax.is_none() != silent.contains(name.as_str()) {
            failures.push(format!("{name}: {syntax:?}"));
        }
        let Some(syntax) = syntax.map(Arc::new) else {
            continue;
        };
        let none = BTreeSet::new();
        let lost = lost.get(name.as_str()).unwrap_or(&none);
        let mut random = ChaCha8Rng::seed_from_u64(22);
        for kind in KINDS {
            let count = if kind == "two calls" { 2 } else { 1 };
            let turn = Turn::new(&[kind], count, &mut random);
            let told = round_trip(&template, &syntax, &turn);
            trips += 1;
            if told.is_err() != lost.contains(kind) && !lost.contains("all") {
                failures.push(format!("{name} | {kind} | {told:?}"));
            }
        }
        let whole: Vec<&str> = KINDS
            .into_iter()
            .filter(|kind| !lost.contains(kind))
            .collect();
        for _ in 0..if lost.contains("all") { 0 } else { 20 } {
            let mut kinds: Vec<&str> = (0..1 + random.next_u32() % 4)
                .map(|_| whole[random.next_u32() as usize % whole.len()])
                .collect();
            kinds.dedup();
            let most = match (lost.contains("two calls"), lost.contains("three calls")) {
                (true, _) => 1,
                (_, true) => 2,
                _ => 4,
            };
            let count = 1 + random.next_u32() as usize % most;
            let turn = Turn::new(&kinds, count, &mut random);
            trips += 1;
            if let Err(told) = round_trip(&template, &syntax, &turn) {
                failures.push(format!("{name} | {kinds:?} {count} | {told}"));
            }
        }
    }
    println!("{trips} turns");
    assert!(
        failures.is_empty(),
        "{} of {trips}:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// Damages a text: leaves out a stretch, says one twice, or puts another in between.
fn damaged(text: &str, other: &str, random: &mut ChaCha8Rng) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let other: Vec<char> = other.chars().collect();
    for _ in 0..1 + random.next_u32() % 3 {
        let place =
            |length: usize, random: &mut ChaCha8Rng| random.next_u32() as usize % (length + 1);
        let (a, b) = (place(letters.len(), random), place(letters.len(), random));
        let stretch = a.min(b)..a.max(b).min(a.min(b) + 40);
        match random.next_u32() % 3 {
            0 => drop(letters.drain(stretch)),
            1 => {
                let again = letters[stretch].to_vec();
                letters.splice(a..a, again);
            }
            _ => {
                let from = place(other.len(), random);
                let more = other[from..].iter().take(30).copied();
                letters.splice(a..a, more.collect::<Vec<_>>());
            }
        }
    }
    letters.into_iter().collect()
}

#[test]
fn damaged_calls_are_read_the_same_however_they_come() {
    let mut random = ChaCha8Rng::seed_from_u64(9);
    let mut others = vec!["{\"name\": \"find\"}</tool_call>]".to_owned()];
    let mut failures = Vec::new();
    for (name, template) in templates() {
        let Some(syntax) = Syntax::of(&template, MARKUP).map(Arc::new) else {
            continue;
        };
        for kind in ["word", "nested", "markers", "unicode", "no arguments"] {
            let turn = Turn::new(&[kind, "text before"], 1, &mut random);
            let Some((prompt, text)) = turn.generated(&template) else {
                continue;
            };
            let offered = Arc::new(Offered::new(&turn.tools));
            for _ in 0..20 {
                let other = others[random.next_u32() as usize % others.len()].clone();
                let text = damaged(&text, &other, &mut random);
                let whole = read(&template, &syntax, &offered, (&prompt, &text), usize::MAX);
                let cut = read(&template, &syntax, &offered, (&prompt, &text), 1);
                if whole != cut {
                    failures.push(format!("{name} {text:?}: {whole:?} is not {cut:?}"));
                }
            }
            others.push(text);
        }
    }
    assert!(
        failures.is_empty(),
        "{}:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
