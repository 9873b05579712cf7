//! Marks in what the caller says, and what they tell of a rendered text.
//!
//! A mark stands behind each character. In words that the template may look
//! for there is none, else it would not find them: such a stretch has a mark at
//! either end, outside of the white space around it, which templates strip. The
//! two count only where some of the stretch still stands between them; where
//! the template has taken it out, they mean nothing.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use serde_json::{Map, Value as Json};

use super::super::template_literals::TemplateLiterals;
use super::private_characters::{Marks, escaped};
use super::{Conversation, Guard, Rendered};

/// How much is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// The first character of each whole control token, but for those in the
    /// model's own words.
    Whole,
    /// All but the words that the template may look for.
    TemplateLiterals,
    /// The same, and of the arguments' names none that it may look up.
    Names,
    /// All but the single characters that the template may look for.
    Letters,
}

/// Sets marks and takes them out again.
pub(super) struct Marker<'g> {
    guard: &'g Guard,
    words: &'g TemplateLiterals,
    marks: Marks,
    level: Level,
    stretches: Stretches,
}

/// Whose words a string holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaker {
    /// The interface's: names, roles and the like.
    Nobody,
    Model,
    Other,
}

/// The part of a message that a string stands in, and so whose words it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MessagePart {
    /// Where the interface has names for roles, kinds, calls and tools.
    Interface,
    /// In a value that a template knows only by its key.
    Field,
    /// In the arguments of a call, whose keys are said as well.
    Arguments,
}

/// The keys of the interface's own words.
const NAMES: [&str; 5] = ["role", "type", "name", "id", "tool_call_id"];

/// The keys of what a tool's description says in words of its own.
const PROSE: [&str; 6] = [
    "description",
    "title",
    "enum",
    "default",
    "const",
    "examples",
];

impl<'g> Marker<'g> {
    pub(super) fn new(
        guard: &'g Guard,
        words: &'g TemplateLiterals,
        marks: Marks,
        level: Level,
    ) -> Self {
        Self {
            guard,
            words,
            marks,
            level,
            stretches: Stretches::default(),
        }
    }

    /// Returns the conversation with marks.
    pub(super) fn mark(&mut self, conversation: &Conversation) -> Conversation {
        let messages = conversation.messages.iter().map(|message| {
            let is_model = message.get("role").is_some_and(|role| role == "assistant");
            let speaker = if is_model {
                Speaker::Model
            } else {
                Speaker::Other
            };
            self.tree(message, speaker, MessagePart::Interface)
        });
        let messages = messages.collect();
        let tools = conversation
            .tools
            .as_ref()
            .map(|tools| self.tree(tools, Speaker::Nobody, MessagePart::Interface));
        Conversation {
            messages,
            tools,
            ..conversation.clone()
        }
    }

    fn tree(&mut self, tree: &Json, speaker: Speaker, part: MessagePart) -> Json {
        match tree {
            Json::String(text) => self.text(text, speaker).into(),
            Json::Array(items) => {
                let items = items.iter();
                items.map(|item| self.tree(item, speaker, part)).collect()
            }
            Json::Object(map) => self.map(map, speaker, part).into(),
            other => other.clone(),
        }
    }

    fn map(
        &mut self,
        map: &Map<String, Json>,
        speaker: Speaker,
        at: MessagePart,
    ) -> Map<String, Json> {
        let keys = match at {
            MessagePart::Arguments => speaker,
            MessagePart::Interface | MessagePart::Field => Speaker::Nobody,
        };
        let items = map.iter().map(|(key, value)| {
            let name = &**key;
            let is_text = value.is_string() || value.is_array();
            let (speaker, part) = match at {
                MessagePart::Interface if NAMES.contains(&name) && value.is_string() => {
                    (Speaker::Nobody, at)
                }
                MessagePart::Interface if speaker == Speaker::Nobody => {
                    let is_prose = is_text && PROSE.contains(&name);
                    (if is_prose { Speaker::Other } else { speaker }, at)
                }
                MessagePart::Interface => match name {
                    "arguments" => (speaker, MessagePart::Arguments),
                    "content" | "tool_calls" | "function" => (speaker, at),
                    _ => (speaker, MessagePart::Field),
                },
                MessagePart::Field | MessagePart::Arguments => (speaker, at),
            };
            let value = self.tree(value, speaker, part);
            let is_looked_up = self.level == Level::Names && self.words.has_name(key);
            let keys = if is_looked_up { Speaker::Nobody } else { keys };
            (self.text(key, keys), value)
        });
        items.collect()
    }

    fn text(&mut self, text: &str, speaker: Speaker) -> String {
        let marks_whole = self.level == Level::Whole;
        match speaker {
            Speaker::Nobody => self.with_marks(text, |at| self.guard.may_begin(&text[at..])),
            Speaker::Model if marks_whole => text.to_owned(),
            Speaker::Other if marks_whole => {
                self.with_marks(text, |at| self.guard.begins(&text[at..]))
            }
            Speaker::Model => self.said(text, true),
            Speaker::Other => self.said(text, false),
        }
    }

    /// Marks the characters that `counts` tells by their places.
    fn with_marks(&self, text: &str, counts: impl Fn(usize) -> bool) -> String {
        let mut marked = String::with_capacity(text.len() + 8);
        for (at, character) in text.char_indices() {
            marked.push(character);
            if counts(at) {
                marked.push(self.marks.letter);
            }
        }
        marked
    }

    /// Marks what is said, by the `model` or by another.
    fn said(&mut self, text: &str, model: bool) -> String {
        let runs = self.runs(text, model);
        let stretches = self.stretches(text, &runs);
        let mut marked = String::with_capacity(text.len() * 5);
        let (mut runs, mut next) = (runs.iter().peekable(), stretches.iter().peekable());
        for (at, character) in text.char_indices() {
            if next.peek().is_some_and(|stretch| stretch.start == at) {
                marked.push(self.marks.open);
            }
            marked.push(character);
            let end = at + character.len_utf8();
            while runs.next_if(|run| run.end <= at).is_some() {}
            let is_spared = runs.peek().is_some_and(|run| run.contains(&at));
            let is_hidden = !model && self.guard.begins(&text[at..]);
            if is_hidden || !(is_spared || character.is_whitespace()) {
                marked.push(self.marks.letter);
            }
            if next.next_if(|stretch| stretch.end == end).is_some() {
                marked.push(self.marks.close);
            }
        }
        for stretch in stretches {
            self.stretches.add(&text[stretch]);
        }
        marked
    }

    /// Returns where the template may look for something; in the model's own
    /// words for control tokens, too.
    fn runs(&self, text: &str, model: bool) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for (at, _) in text.char_indices() {
            let rest = &text[at..];
            let length = match self.level {
                Level::TemplateLiterals | Level::Names => {
                    let token = self.guard.longest_at(rest).filter(|_| model);
                    self.words.longest_at(rest).max(token)
                }
                Level::Whole | Level::Letters => self.words.letter_at(rest),
            };
            let Some(end) = length.map(|length| at + length) else {
                continue;
            };
            match runs.last_mut() {
                Some(last) if at < last.end => last.end = last.end.max(end),
                _ => runs.push(at..end),
            }
        }
        runs
    }

    /// Returns the stretches to mark at both ends: the runs with the white space
    /// around them. One that a string begins or ends with is left without,
    /// since templates ask for that, if nothing can be made of it.
    fn stretches(&self, text: &str, runs: &[Range<usize>]) -> Vec<Range<usize>> {
        let start = text.len() - text.trim_start().len();
        let end = text.trim_end().len();
        let is_tight = start < end && self.guard.reaches_out(&text[start..end]);
        let mut stretches: Vec<Range<usize>> = Vec::new();
        let mut last = start;
        for (number, run) in runs.iter().enumerate() {
            let from = text[..run.start].trim_end().len().max(last);
            let after = &text[run.end..];
            let spaces = after.len() - after.trim_start().len();
            let until = runs.get(number + 1).map_or(end, |next| next.start.min(end));
            let to = (run.end + spaces).min(until);
            let is_outer = from <= start || to >= end;
            if from < to {
                last = to;
                if !is_outer || is_tight || self.guard.is_in(&text[run.clone()]) {
                    stretches.push(from..to);
                }
            }
        }
        stretches
    }

    /// Takes the marks out of a rendered text.
    pub(super) fn unmark(&self, marked: &str) -> Rendered {
        let Marks {
            letter,
            open,
            close,
        } = self.marks;
        let mut plain = Cow::Borrowed(marked);
        for mark in [letter, open, close] {
            if plain.contains(&escaped(mark)) {
                plain = Cow::Owned(plain.replace(&escaped(mark), mark.encode_utf8(&mut [0; 4])));
            }
        }
        let mut rendered = Rendered::default();
        let mut opened = None;
        for character in plain.chars() {
            let end = rendered.text.len();
            if character == letter {
                let last = rendered.text.chars().next_back();
                rendered.add(end - last.map_or(0, char::len_utf8)..end);
            } else if character == open {
                opened = Some(end);
            } else if character == close {
                if let Some(from) = opened.take()
                    && self.stretches.hold(&rendered.text[from..])
                {
                    rendered.add(from..end);
                }
            } else {
                rendered.text.push(character);
            }
        }
        rendered
    }
}

impl Rendered {
    /// Returns the same for another text, or none where the two differ in more
    /// than white space: templates strip it, and a mark may stand in their way.
    pub(super) fn onto(self, text: &str) -> Option<Self> {
        if self.text == text {
            return Some(self);
        }
        let mut result = Self::default();
        let mut foreign = self.foreign.iter().peekable();
        let is_black = |(_, one): &(usize, char)| !one.is_whitespace();
        let mut own = self.text.char_indices().filter(is_black);
        for (at, character) in text.char_indices().filter(is_black) {
            let (from, same) = own.next()?;
            if same != character {
                return None;
            }
            while foreign.next_if(|range| range.end <= from).is_some() {}
            if foreign.peek().is_some_and(|range| range.contains(&from)) {
                result.add(at..at + character.len_utf8());
            }
        }
        text.clone_into(&mut result.text);
        own.next().is_none().then_some(result)
    }

    /// Adds a range that ends where the text does.
    fn add(&mut self, mut range: Range<usize>) {
        while let Some(last) = self.foreign.pop_if(|last| last.end >= range.start) {
            range.start = range.start.min(last.start);
        }
        if !range.is_empty() {
            self.foreign.push(range);
        }
    }
}

/// The stretches of a conversation that have a mark at both ends, in lower
/// case.
#[derive(Debug, Default)]
struct Stretches {
    texts: HashSet<String>,
    /// All of them and what JSON makes of them, a NUL behind each.
    all: String,
}

impl Stretches {
    fn add(&mut self, text: &str) {
        let text = text.to_ascii_lowercase();
        if self.texts.contains(&text) {
            return;
        }
        self.all.push_str(&text);
        self.all.push('\0');
        let json = Json::from(&*text).to_string();
        if json.len() > text.len() + 2 {
            self.all.push_str(&json[1..json.len() - 1]);
            self.all.push('\0');
        }
        self.texts.insert(text);
    }

    /// Returns whether `text` is one, or a part of one.
    fn hold(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        let inner = text.trim();
        !inner.is_empty() && (self.texts.contains(&text) || self.all.contains(inner))
    }
}
