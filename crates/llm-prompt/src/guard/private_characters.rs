//! Private characters that occur nowhere in a conversation nor in what a template makes of it, and so
//! can stand for something of our own.

use std::collections::HashSet;

use serde_json::Value as Json;

use super::Conversation;

/// Three of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marks {
    /// Stands behind a character.
    pub(super) letter: char,
    /// Stands before a stretch.
    pub(super) open: char,
    /// Stands behind a stretch.
    pub(super) close: char,
}

impl Marks {
    /// Returns marks, if there are private characters left for them.
    pub(super) fn unused(conversation: &Conversation, plain: &str) -> Option<Self> {
        let mut free = private_characters(conversation, plain);
        Some(Self {
            letter: free.next()?,
            open: free.next()?,
            close: free.next()?,
        })
    }
}

/// Returns the private characters that occur neither in what the caller says nor
/// in what the template makes of it, as they are or as JSON in ASCII writes
/// them.
pub(in super::super) fn private_characters(
    conversation: &Conversation,
    plain: &str,
) -> impl Iterator<Item = char> + use<> {
    let mut texts = vec![plain.to_owned()];
    let trees = conversation.messages.iter().chain(&conversation.tools);
    texts.extend(trees.map(Json::to_string));
    let mut used: HashSet<char> = HashSet::new();
    for text in &texts {
        used.extend(text.chars().filter(|&one| one >= '\u{e000}'));
    }
    let is_escaping = texts.iter().any(|text| text.contains("\\u"));
    let is_free = move |mark: &char| {
        let is_written = || {
            let escaped = escaped(*mark);
            is_escaping && texts.iter().any(|text| text.contains(&escaped))
        };
        !used.contains(mark) && !is_written()
    };
    ('\u{e000}'..='\u{f8ff}').filter(is_free)
}

/// Returns a mark as JSON in ASCII writes it.
pub(super) fn escaped(mark: char) -> String {
    format!("\\u{:04x}", u32::from(mark))
}
