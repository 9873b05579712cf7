//! Whether what a conversation says arrives in the prompt.
//!
//! A template may print nothing of a turn whose role it does not know, or of a
//! content whose form it does not expect, and does not say so. So each text of
//! a conversation is looked for in what was rendered: white space and capitals
//! aside, as it is or as JSON writes it, each in a place of its own, and with a
//! character in it that is known to be the caller's. One that is not found so
//! is rendered once more with a mark behind each of its characters, and has
//! arrived where as many marks come out as were put in, whatever the template
//! has made of the characters.
//!
//! Reasoning of earlier turns is left out by templates on purpose, so what
//! stands before its end is not looked for.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::Value as Json;

use super::guard::{Rendered, private_characters};
use super::reasoning::Markers;
use super::{ChatTemplate, Conversation, MarkupTexts, TemplateError};
use llm_tokenizer::cancel::Cancellation;

/// A text of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    what: What,
    /// Byte of the text from which on it has to arrive.
    from: usize,
    text: String,
}

/// Where a text stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// In a turn, counted from 1, of a role.
    Turn(usize, String),
    /// In a tool call of a turn: a name.
    CallName(usize),
    /// In a tool call of a turn: what it is called with.
    Argument(usize),
    /// In the tools: the name of one.
    Tool,
}

impl What {
    /// Whether the text is a name, which templates print as it is and which is
    /// hardly found by accident.
    fn is_name(&self) -> bool {
        matches!(self, Self::CallName(_) | Self::Tool)
    }
}

impl Said {
    /// The text that has to arrive.
    fn needle(&self) -> &str {
        &self.text[self.from..]
    }

    fn missing(&self) -> TemplateError {
        let what = match &self.what {
            What::Turn(number, role) => format!("what message {number} says (role '{role}')"),
            What::CallName(number) => {
                format!("the tool call '{}' of message {number}", self.text)
            }
            What::Argument(number) => format!("an argument of a tool call of message {number}"),
            What::Tool => format!("the tool '{}'", self.text),
        };
        TemplateError::LeftOut { what }
    }
}

impl ChatTemplate {
    /// Checks that all texts of a conversation have arrived in its rendering.
    ///
    /// # Errors
    /// [`TemplateError::LeftOut`] for the first that has not, or what goes wrong
    /// when it is rendered with marks.
    pub(super) fn check_arrival(
        &self,
        conversation: &Conversation,
        rendered: &Rendered,
        markup: MarkupTexts<'_>,
        cancellation: &Cancellation,
    ) -> Result<(), TemplateError> {
        let said = texts(conversation, self.markers.as_ref());
        let missing = Haystack::new(rendered).without(&said);
        if missing.is_empty() {
            return Ok(());
        }
        let marks = private_characters(conversation, &rendered.text);
        let marks: Vec<char> = marks.take(missing.len()).collect();
        if marks.len() < missing.len() {
            return Err(TemplateError::Marks);
        }
        let mut marked = conversation.clone();
        let mut wanted = Vec::with_capacity(missing.len());
        let mut number = 0;
        visit(&mut marked, &mut |_, text| {
            if let Ok(place) = missing.binary_search(&number) {
                let (with_marks, count) = with_marks(text, said[number].from, marks[place]);
                *text = with_marks;
                wanted.push(count);
            }
            number += 1;
        });
        let text = match self.render_within(&marked, markup, cancellation) {
            Ok(text) => text,
            Err(error) if error.is_final() => return Err(error),
            Err(_) => String::new(),
        };
        for ((&index, mark), wanted) in missing.iter().zip(marks).zip(wanted) {
            let escaped = format!("\\u{:04x}", u32::from(mark));
            let found = text.matches(mark).count() + text.matches(&escaped).count();
            if found < wanted {
                return Err(said[index].missing());
            }
        }
        Ok(())
    }
}

/// Puts a mark behind each character that is no white space, from `from` on, and
/// counts them.
fn with_marks(text: &str, from: usize, mark: char) -> (String, usize) {
    let mut marked = text[..from].to_owned();
    let mut count = 0;
    for character in text[from..].chars() {
        marked.push(character);
        if !character.is_whitespace() {
            marked.push(mark);
            count += 1;
        }
    }
    (marked, count)
}

/// Collects the texts of a conversation, in the order of [`visit`].
fn texts(conversation: &Conversation, markers: Option<&Markers>) -> Vec<Said> {
    let close = match markers {
        Some(Markers::Fence(fence)) => Some(fence.close.as_str()),
        _ => None,
    };
    let mut said = Vec::new();
    // Visiting needs a conversation that may be changed.
    visit(&mut conversation.clone(), &mut |what, text| {
        let is_model = matches!(&what, What::Turn(_, role) if role == "assistant");
        let end = close.filter(|_| is_model).and_then(|close| {
            let start = text.rfind(close)?;
            Some(start + close.len())
        });
        said.push(Said {
            what,
            from: end.unwrap_or(0),
            text: text.clone(),
        });
    });
    said
}

/// Shows all texts of a conversation that have to arrive.
fn visit(conversation: &mut Conversation, show: &mut dyn FnMut(What, &mut String)) {
    for (index, message) in conversation.messages.iter_mut().enumerate() {
        let number = index + 1;
        let role = message
            .get("role")
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned();
        match message.get_mut("content") {
            Some(Json::String(text)) => show(What::Turn(number, role), text),
            Some(Json::Array(parts)) => {
                for part in parts {
                    if let Some(Json::String(text)) = part.get_mut("text") {
                        show(What::Turn(number, role.clone()), text);
                    }
                }
            }
            _ => {}
        }
        let calls = message.get_mut("tool_calls").and_then(Json::as_array_mut);
        for call in calls.into_iter().flatten() {
            visit_call(call, number, show);
        }
    }
    let tools = conversation.tools.as_mut().and_then(Json::as_array_mut);
    for tool in tools.into_iter().flatten() {
        if let Some(Json::String(name)) = function(tool).get_mut("name") {
            show(What::Tool, name);
        }
    }
}

fn visit_call(call: &mut Json, number: usize, show: &mut dyn FnMut(What, &mut String)) {
    let call = function(call);
    if let Some(Json::String(name)) = call.get_mut("name") {
        show(What::CallName(number), name);
    }
    if let Some(arguments) = call.get_mut("arguments") {
        leaves(arguments, &mut |text| show(What::Argument(number), text));
    }
}

/// Returns what describes a function, which OpenAI's API puts under `function`.
fn function(tool: &mut Json) -> &mut Json {
    match tool.get("function") {
        Some(Json::Object(_)) => &mut tool["function"],
        _ => tool,
    }
}

fn leaves(tree: &mut Json, show: &mut dyn FnMut(&mut String)) {
    match tree {
        Json::String(text) => show(text),
        Json::Array(items) => items.iter_mut().for_each(|item| leaves(item, show)),
        Json::Object(map) => map.values_mut().for_each(|item| leaves(item, show)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// What was rendered, without white space and capitals.
struct Haystack {
    text: String,
    /// For each byte, whether it is the caller's.
    is_foreign: Vec<bool>,
    /// For each byte, whether a text was found there.
    is_taken: Vec<bool>,
}

impl Haystack {
    fn new(rendered: &Rendered) -> Self {
        let mut text = String::with_capacity(rendered.text.len());
        let mut is_foreign = Vec::with_capacity(rendered.text.len());
        let mut foreign = rendered.foreign.iter().peekable();
        for (at, character) in rendered.text.char_indices() {
            while foreign.next_if(|range| range.end <= at).is_some() {}
            let is_callers = foreign.peek().is_some_and(|range| range.contains(&at));
            push(&mut text, character);
            is_foreign.resize(text.len(), is_callers);
        }
        Self {
            is_taken: vec![false; text.len()],
            text,
            is_foreign,
        }
    }

    /// Returns which of the texts are not found, by their numbers, ascending.
    ///
    /// Texts of some length are looked for one behind the other, as templates
    /// print them. Of the others the longest come first, since a short one may
    /// also stand within a longer. Where one is missing, all that stand within it
    /// are as well: they may have been found in its place.
    fn without(mut self, said: &[Said]) -> Vec<usize> {
        let needles: Vec<_> = said.iter().map(Needle::new).collect();
        let mut cursor = 0;
        let mut rest = Vec::new();
        for (index, needle) in needles.iter().enumerate() {
            let is_long = needle.forms[0].len() >= LONG_TEXT;
            if is_long && let Some(end) = self.take(needle, cursor) {
                cursor = end;
            } else {
                rest.push(index);
            }
        }
        rest.sort_by_key(|&index| std::cmp::Reverse(needles[index].forms[0].len()));
        let mut behind = HashMap::new();
        let mut missing = Vec::new();
        for index in rest {
            let needle = &needles[index];
            let from = behind.entry(needle.forms[0].as_str()).or_default();
            match self.take(needle, *from) {
                // An equal one comes next, if at all.
                Some(end) => *from = end,
                None => missing.push(needle.forms[0].as_str()),
            }
        }
        let is_missing = |needle: &Needle| {
            let text = needle.forms[0].as_str();
            !text.is_empty() && missing.iter().any(|one| one.contains(text))
        };
        let numbers = 0..said.len();
        numbers
            .filter(|&index| is_missing(&needles[index]))
            .collect()
    }

    /// Looks for a text from a place on, takes the place where it stands, and
    /// returns where that ends.
    fn take(&mut self, needle: &Needle, from: usize) -> Option<usize> {
        if needle.forms[0].is_empty() {
            return Some(from);
        }
        let [text, json] = &needle.forms;
        let forms = std::iter::once(text).chain(Some(json).filter(|json| *json != text));
        let range = forms
            .filter_map(|form| self.find(form, needle.is_name, from))
            .min_by_key(|range| range.start)?;
        self.is_taken[range.clone()].fill(true);
        Some(range.end)
    }

    fn find(&self, form: &str, is_name: bool, mut from: usize) -> Option<Range<usize>> {
        while let Some(start) = self.text[from..].find(form) {
            let range = from + start..from + start + form.len();
            let is_free = !self.is_taken[range.clone()].contains(&true);
            if is_free && (is_name || self.is_foreign[range.clone()].contains(&true)) {
                return Some(range);
            }
            // The next place begins behind this one's first character.
            from = range.start + form.chars().next().map_or(1, char::len_utf8);
        }
        None
    }
}

/// Bytes of a text that is not found within another by accident.
const LONG_TEXT: usize = 16;

/// What is looked for.
struct Needle {
    /// The text, and as JSON writes it.
    forms: [String; 2],
    is_name: bool,
}

impl Needle {
    fn new(said: &Said) -> Self {
        let text = said.needle();
        let json = Json::from(text).to_string();
        Self {
            forms: [text, &json[1..json.len() - 1]].map(squeezed),
            is_name: said.what.is_name(),
        }
    }
}

/// Returns a text without white space and capitals.
fn squeezed(text: &str) -> String {
    let mut squeezed = String::with_capacity(text.len());
    for character in text.chars() {
        push(&mut squeezed, character);
    }
    squeezed
}

fn push(text: &mut String, character: char) {
    if !character.is_whitespace() {
        text.extend(character.to_lowercase());
    }
}
