//! Keeps what the caller says apart from the template's own markup: text such
//! as `<|im_end|>` inside a message must not become the token that ends it.
//!
//! A template is a program; what it makes of a string cannot be followed from
//! outside. So the caller's strings are rendered with marks among their
//! characters, private characters that occur nowhere else; taken out of the
//! rendered text again, they say which characters came from the caller, and no
//! control token is made with any of those. Templates look into what they are
//! given (`'</think>' in content`), so the words that one may look for, which
//! stand in its source, are left whole, and the rendering with marks is compared
//! with one without. Where they differ in more than marks and white space, the
//! template looks for something in a way of its own: then it gets a marked text in which it
//! finds nothing, and what it makes of that counts.
//!
//! Whole control tokens in what a user, a tool or an interface says are never
//! shown to a template: markup in a message is text, for the template too. In
//! the model's own words it may find them: templates cut the reasoning out so.
//!
//! Some vocabularies have the marks of turns and channels as user-defined
//! tokens, which any text may hold. Those that the template itself writes count
//! as control tokens here.

mod marks;
mod private_characters;

use std::collections::HashSet;
use std::ops::Range;

use super::{ChatTemplate, Conversation, MarkupTexts, TemplateError};
use llm_tokenizer::Tokenizer;
use llm_tokenizer::cancel::Cancellation;

use marks::{Level, Marker};
use private_characters::Marks;

pub(super) use private_characters::private_characters;

/// A prompt, and which of its characters must not become part of a control
/// token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// What the caller said, white space aside, as byte ranges of `text`, in
    /// order and apart. No control token may hold a character of them.
    pub foreign: Vec<Range<usize>>,
}

/// The texts of a vocabulary's control tokens, and of those that a template
/// uses alike.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    texts: HashSet<String>,
    /// The ids of those that are user-defined tokens, ascending.
    marks: Vec<u32>,
    /// Characters with which one begins.
    firsts: HashSet<char>,
    /// What one can begin with, whole texts included.
    beginnings: HashSet<String>,
    /// What one can end with, whole texts excluded.
    ends: HashSet<String>,
    /// All of them without their first character, a NUL between two.
    insides: String,
    /// Bytes of the longest.
    longest: usize,
}

impl Guard {
    /// Collects the control tokens of a tokenizer, and the user-defined ones
    /// that end a generation or that stand in the source of a template.
    pub fn new(tokenizer: &Tokenizer, template: &str) -> Self {
        let ids = 0..u32::try_from(tokenizer.vocabulary_size()).unwrap_or(u32::MAX);
        let (mut texts, mut marks) = (Vec::new(), Vec::new());
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
                if !is_used && !tokenizer.is_eog(id) {
                    continue;
                }
                marks.push(id);
            }
            texts.push(text);
        }
        Self {
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
            let beginnings = prefixes(&text, text.len()).map(str::to_owned);
            guard.beginnings.extend(beginnings);
            let ends = rest.char_indices().map(|(at, _)| rest[at..].to_owned());
            guard.ends.extend(ends);
            guard.insides.push_str(rest);
            guard.insides.push('\0');
            guard.texts.insert(text);
        }
        guard
    }

    /// Returns the length of the longest control token at the beginning of
    /// `text`.
    fn longest_at(&self, text: &str) -> Option<usize> {
        let first = text.chars().next()?;
        if !self.firsts.contains(&first) {
            return None;
        }
        let begun = prefixes(text, self.longest).take_while(|one| self.beginnings.contains(*one));
        let whole = begun.filter(|prefix| self.texts.contains(*prefix));
        whole.last().map(str::len)
    }

    /// Returns whether a whole control token stands at the beginning of `text`.
    fn begins(&self, text: &str) -> bool {
        self.longest_at(text).is_some()
    }

    /// Returns whether a control token stands at the beginning of `text`, or
    /// all of it could begin one.
    fn may_begin(&self, text: &str) -> bool {
        (text.len() < self.longest && self.beginnings.contains(text)) || self.begins(text)
    }

    /// Returns whether `text` holds a whole control token.
    fn is_in(&self, text: &str) -> bool {
        text.char_indices().any(|(at, _)| self.begins(&text[at..]))
    }

    /// Returns whether `text` could be a part of a control token that begins
    /// before it or ends behind it.
    fn reaches_out(&self, text: &str) -> bool {
        let inside = text.len() < self.longest && self.insides.contains(text);
        let ends_one = || prefixes(text, self.longest).any(|prefix| self.ends.contains(prefix));
        let mut last = text
            .char_indices()
            .rev()
            .take_while(|(at, _)| text.len() - at <= self.longest);
        inside || ends_one() || last.any(|(at, _)| self.beginnings.contains(&text[at..]))
    }
}

impl ChatTemplate {
    /// Renders a conversation and finds out which characters the caller has
    /// brought, see [`Rendered`].
    ///
    /// The text is that of [`ChatTemplate::render`], but where the template
    /// acts on a control token's text inside a message that is not the model's,
    /// or on words that are not in its source: it does not see them.
    ///
    /// # Errors
    /// As [`ChatTemplate::render`].
    pub fn render_guarded(
        &self,
        conversation: &Conversation,
        markup: MarkupTexts<'_>,
        guard: &Guard,
    ) -> Result<Rendered, TemplateError> {
        self.render_guarded_within(conversation, markup, guard, &Cancellation::default())
    }

    /// Does the same as long as it is wanted.
    pub(super) fn render_guarded_within(
        &self,
        conversation: &Conversation,
        markup: MarkupTexts<'_>,
        guard: &Guard,
        cancellation: &Cancellation,
    ) -> Result<Rendered, TemplateError> {
        let render =
            |conversation: &Conversation| self.render_within(conversation, markup, cancellation);
        let plain = render(conversation)?;
        let Some(marks) = Marks::unused(conversation, &plain) else {
            return Err(TemplateError::Marks);
        };
        let marker = |level| Marker::new(guard, &self.words, marks, level);
        let mut whole = marker(Level::Whole);
        let marked = whole.mark(conversation);
        let expected = if marked == *conversation {
            plain
        } else {
            whole.unmark(&render(&marked)?).text
        };
        for level in [Level::TemplateLiterals, Level::Names] {
            let mut words = marker(level);
            let text = match render(&words.mark(conversation)) {
                Ok(text) => text,
                Err(error) if error.is_final() => return Err(error),
                Err(_) => continue,
            };
            if let Some(rendered) = words.unmark(&text).onto(&expected) {
                return Ok(rendered);
            }
        }
        let mut letters = marker(Level::Letters);
        let text = match render(&letters.mark(conversation)) {
            Ok(text) => text,
            Err(error) if error.is_final() => return Err(error),
            Err(error) => {
                return Err(TemplateError::Opaque {
                    reason: error.to_string(),
                });
            }
        };
        Ok(letters.unmark(&text))
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
