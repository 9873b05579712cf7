//! Keeps what the caller says apart from the template's own markup: text such
//! as `<|im_end|>` inside a message must not become the token that ends it.
//!
//! A template is a program; what it makes of a string cannot be followed from
//! outside. So the caller's strings are rendered with a mark behind the
//! characters with which markup could begin, a private character that occurs
//! nowhere else; taken out of the rendered text again, the marks say which
//! characters came from the caller, and no control token is made of those.
//! Templates look into what they are given (`content.startswith(…)`), so a
//! marked rendering counts only where it equals the plain one but for the
//! marks; else fewer are set. What is always marked are whole texts of control
//! tokens. A template that itself acts on one of those inside a message does
//! not see it: markup in a message is text, for the template too.
//!
//! Some vocabularies have the marks of turns and channels as user-defined
//! tokens, which any text may hold. Those that the template itself writes count
//! as control tokens here. Only an answer of the model's may hold them, where
//! the template looks for them: templates cut the reasoning out of it so.

use std::collections::HashSet;
use std::ops::Range;

use serde_json::{Map, Value as Json};

use super::{ChatTemplate, Conversation, MarkupTexts, TemplateError};
use crate::tokens::Tokenizer;

/// A prompt, and which of its characters must not become part of a control
/// token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// The caller's characters that markup could be made of, as byte ranges of
    /// `text`, in order and apart. No control token may hold one of them.
    pub foreign: Vec<Range<usize>>,
}

/// The texts of a vocabulary's control tokens, and of those that a template
/// uses alike.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    texts: HashSet<String>,
    /// Those of them that are user-defined tokens.
    own_texts: HashSet<String>,
    /// Their ids, ascending.
    marks: Vec<u32>,
    /// Characters with which one begins.
    firsts: HashSet<char>,
    /// What one can end with, whole texts excluded.
    ends: HashSet<String>,
    /// All of them without their first character, a NUL between two.
    insides: String,
    /// Bytes of the longest.
    longest: usize,
}

/// How much is marked, the safest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// Each character with which a control token can begin, and the first
    /// character of what could end one that the template has begun.
    Strict,
    /// Each character with which a control token can begin.
    Beginnings,
    /// The first character of each whole control token.
    Whole,
}

/// How a text is marked.
#[derive(Debug, Clone, Copy)]
struct How {
    level: Level,
    mark: char,
    /// Whether the words are the model's.
    model: bool,
}

impl Guard {
    /// Collects the control tokens of a tokenizer, and the user-defined ones
    /// that end a generation or that stand in the source of a template.
    pub fn new(tokenizer: &Tokenizer, template: &str) -> Self {
        let ids = 0..u32::try_from(tokenizer.vocabulary_size()).unwrap_or(u32::MAX);
        let (mut texts, mut own_texts, mut marks) = (Vec::new(), HashSet::new(), Vec::new());
        for id in ids {
            let is_own = tokenizer.is_user_defined(id);
            if !is_own && !tokenizer.is_markup(id) {
                continue;
            }
            let Ok(text) = String::from_utf8(tokenizer.token_bytes(id)) else {
                continue;
            };
            if is_own {
                let is_used = is_mark(&text) && template.contains(&text);
                if !is_used && !tokenizer.is_end_of_generation(id) {
                    continue;
                }
                marks.push(id);
                own_texts.insert(text.clone());
            }
            texts.push(text);
        }
        Self {
            own_texts,
            marks,
            ..Self::of_texts(texts)
        }
    }

    /// Returns the ids of the user-defined tokens among them, ascending, for
    /// [`Tokenizer::encode_prompt_with_marks`].
    pub fn marks(&self) -> &[u32] {
        &self.marks
    }

    /// Makes a guard against these texts; empty ones do not count.
    pub fn of_texts(texts: impl IntoIterator<Item = String>) -> Self {
        let mut guard = Self::default();
        for text in texts {
            let Some(first) = text.chars().next() else {
                continue;
            };
            let rest = &text[first.len_utf8()..];
            guard.firsts.insert(first);
            guard.longest = guard.longest.max(text.len());
            let ends = rest.char_indices().map(|(at, _)| rest[at..].to_owned());
            guard.ends.extend(ends);
            guard.insides.push_str(rest);
            guard.insides.push('\0');
            guard.texts.insert(text);
        }
        guard
    }

    /// Returns whether a whole control token stands at the beginning of `text`,
    /// which a template may look for in the `model`'s own words where it is
    /// user-defined.
    fn begins(&self, text: &str, model: bool) -> bool {
        prefixes(text, self.longest).any(|prefix| {
            self.texts.contains(prefix) && !(model && self.own_texts.contains(prefix))
        })
    }

    /// Returns whether `text` could end, or stand inside, a control token that
    /// begins before it.
    fn continues(&self, text: &str) -> bool {
        let inside = text.len() < self.longest && !text.is_empty() && self.insides.contains(text);
        inside || prefixes(text, self.longest).any(|prefix| self.ends.contains(prefix))
    }

    /// Returns `text` with a mark behind each character that counts.
    fn mark(&self, text: &str, how: How, said: bool) -> String {
        let mut marked = String::with_capacity(text.len() + 8);
        for (at, character) in text.char_indices() {
            marked.push(character);
            let counts = match how.level {
                Level::Whole => {
                    self.firsts.contains(&character) && self.begins(&text[at..], how.model)
                }
                Level::Beginnings | Level::Strict => self.firsts.contains(&character),
            };
            let first = how.level == Level::Strict && said && at == 0 && self.continues(text);
            if counts || first {
                marked.push(how.mark);
            }
        }
        marked
    }

    /// Returns the same tree with its strings and keys marked; `said` tells
    /// whether they are what is said, and no words of an interface.
    fn mark_tree(&self, tree: &Json, how: How, said: bool) -> Json {
        match tree {
            Json::String(text) => self.mark(text, how, said).into(),
            Json::Array(items) => {
                let items = items.iter();
                items.map(|item| self.mark_tree(item, how, said)).collect()
            }
            Json::Object(map) => self.mark_map(map, how, said).into(),
            other => other.clone(),
        }
    }

    fn mark_map(&self, map: &Map<String, Json>, how: How, said: bool) -> Map<String, Json> {
        let items = map.iter().map(|(key, value)| {
            let inner = said || ["content", "reasoning_content", "arguments"].contains(&&**key);
            let value = self.mark_tree(value, how, inner);
            (self.mark(key, how, said), value)
        });
        items.collect()
    }

    fn mark_conversation(
        &self,
        conversation: &Conversation,
        level: Level,
        mark: char,
    ) -> Conversation {
        let messages = conversation.messages.iter();
        let tools = conversation.tools.as_ref();
        let model = false;
        let how = How { level, mark, model };
        Conversation {
            messages: messages
                .map(|message| {
                    let model = message.get("role").is_some_and(|role| role == "assistant");
                    self.mark_tree(message, How { model, ..how }, false)
                })
                .collect(),
            tools: tools.map(|tools| self.mark_tree(tools, how, false)),
            ..conversation.clone()
        }
    }
}

impl ChatTemplate {
    /// Renders a conversation and finds out which characters the caller has
    /// brought, see [`Rendered`].
    ///
    /// The text is that of [`ChatTemplate::render`], but where the template
    /// acts on a control token's text inside a message: it does not see it.
    ///
    /// # Errors
    /// As [`ChatTemplate::render`].
    pub fn render_guarded(
        &self,
        conversation: &Conversation,
        markup: MarkupTexts<'_>,
        guard: &Guard,
    ) -> Result<Rendered, TemplateError> {
        let plain = self.render(conversation, markup)?;
        let Some(mark) = unused_mark(conversation, &plain) else {
            return Err(TemplateError::Marks);
        };
        for level in [Level::Strict, Level::Beginnings] {
            let marked = guard.mark_conversation(conversation, level, mark);
            if marked == *conversation {
                break;
            }
            if let Ok(text) = self.render(&marked, markup) {
                let rendered = unmark(&text, mark);
                if rendered.text == plain {
                    return Ok(rendered);
                }
            }
        }
        let marked = guard.mark_conversation(conversation, Level::Whole, mark);
        if marked == *conversation {
            let foreign = Vec::new();
            return Ok(Rendered {
                text: plain,
                foreign,
            });
        }
        Ok(unmark(&self.render(&marked, markup)?, mark))
    }
}

/// Returns whether a user-defined token is more than a word or white space,
/// which templates write as well.
fn is_mark(text: &str) -> bool {
    let is_plain = |one: char| one.is_alphanumeric() || one.is_whitespace() || one == '\u{2581}';
    text.chars().count() > 2 && !text.chars().all(is_plain)
}

/// Returns the beginnings of `text` of at most `longest` bytes.
fn prefixes(text: &str, longest: usize) -> impl Iterator<Item = &str> {
    let ends = text.char_indices().map(|(at, one)| at + one.len_utf8());
    ends.take_while(move |&end| end <= longest)
        .map(|end| &text[..end])
}

/// Returns a private character that occurs neither in what the caller says nor
/// in what the template makes of it, as it is or as JSON in ASCII writes it.
fn unused_mark(conversation: &Conversation, plain: &str) -> Option<char> {
    let mut texts = vec![plain.to_owned()];
    let trees = conversation.messages.iter().chain(&conversation.tools);
    texts.extend(trees.map(Json::to_string));
    let mut used: HashSet<char> = HashSet::new();
    for text in &texts {
        used.extend(text.chars().filter(|&one| one >= '\u{e000}'));
    }
    let free = |mark: &char| {
        let escaped = escaped(*mark);
        !used.contains(mark) && !texts.iter().any(|text| text.contains(&escaped))
    };
    ('\u{e000}'..='\u{f8ff}').find(free)
}

/// Returns a mark as JSON in ASCII writes it.
fn escaped(mark: char) -> String {
    format!("\\u{:04x}", u32::from(mark))
}

/// Takes the marks out of a rendered text.
fn unmark(marked: &str, mark: char) -> Rendered {
    let marked = marked.replace(&escaped(mark), mark.encode_utf8(&mut [0; 4]));
    let mut rendered = Rendered::default();
    for part in marked.split_inclusive(mark) {
        match part.strip_suffix(mark) {
            Some(part) => {
                rendered.text.push_str(part);
                let end = rendered.text.len();
                let marked = part.chars().next_back().map_or(0, char::len_utf8);
                if marked > 0 {
                    rendered.foreign.push(end - marked..end);
                }
            }
            None => rendered.text.push_str(part),
        }
    }
    rendered
}
