//! Loops as in Python where minijinja is more lenient: a loop over `None` is an
//! error, as it is for a template that is written for tools and gets none.

use minijinja::{Environment, Error, ErrorKind, Value};

/// The filter that is put behind what a loop goes through.
const FILTER: &str = "iterated_by_for";

/// Adds the filter that [`checked`] refers to.
pub(super) fn set_up(environment: &mut Environment<'static>) {
    environment.add_filter(FILTER, |value: &Value| {
        if value.is_none() {
            let reason = "None cannot be iterated over";
            return Err(Error::new(ErrorKind::InvalidOperation, reason));
        }
        Ok(value.clone())
    });
}

/// Returns the inside of a `for` tag, from the word `for` on, with the filter
/// behind what it goes through; `None` for what is no such tag.
pub(super) fn checked(tag: &str) -> Option<String> {
    let words = tag
        .strip_prefix("for")
        .filter(|rest| !starts_a_word(rest))?;
    let start = keyword(words, &["in"])? + "in".len();
    let (targets, rest) = words.split_at(start);
    let end = keyword(rest, &["if", "recursive"]).unwrap_or(rest.len());
    let (items, condition) = rest.split_at(end);
    Some(format!(
        "for{targets} ({}) | {FILTER} {condition}",
        items.trim()
    ))
}

/// Returns where the first of `keywords` stands outside of strings and
/// brackets.
fn keyword(text: &str, keywords: &[&str]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None => match character {
                '"' | '\'' => quote = Some(character),
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            },
        }
        let is_start = quote.is_none() && depth == 0 && !is_word(before);
        let whole = |word: &&str| {
            let rest = text[at..].strip_prefix(*word);
            rest.is_some_and(|rest| !starts_a_word(rest))
        };
        if is_start && before != '.' && keywords.iter().any(whole) {
            return Some(at);
        }
        before = character;
    }
    None
}

fn starts_a_word(text: &str) -> bool {
    text.chars().next().is_some_and(is_word)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}
