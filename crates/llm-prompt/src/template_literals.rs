//! The words that a template may look for in what it is given: the string
//! literals of its source, and the names that it looks up in maps.

use std::collections::{BTreeSet, HashMap};

/// Literals with something else in them than white space.
#[derive(Debug, Clone, Default)]
pub(super) struct TemplateLiterals {
    /// By the first byte in lower case, the longest first.
    by_first: HashMap<u8, Vec<String>>,
    /// What stands behind a dot.
    names: BTreeSet<String>,
}

impl TemplateLiterals {
    /// Collects the literals of a template's tags.
    pub(super) fn of_source(source: &str) -> Self {
        let (mut words, mut names) = (BTreeSet::new(), BTreeSet::new());
        let mut rest = source;
        while let Some(start) = rest.find('{') {
            rest = &rest[start + 1..];
            let end = match rest.as_bytes().first() {
                Some(b'#') => rest.find("#}").unwrap_or(rest.len()),
                Some(b'%' | b'{') => 1 + read_tag(&rest[1..], &mut words, &mut names),
                _ => 0,
            };
            rest = &rest[end..];
        }
        let mut by_first: HashMap<u8, Vec<String>> = HashMap::new();
        for word in words {
            if let Some(first) = word.bytes().next()
                && !word.trim().is_empty()
            {
                let first = first.to_ascii_lowercase();
                by_first.entry(first).or_default().push(word);
            }
        }
        for words in by_first.values_mut() {
            words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        }
        Self { by_first, names }
    }

    /// Returns whether the template may look for the key `name` in a map.
    pub(super) fn has_name(&self, name: &str) -> bool {
        self.names.contains(name) || self.longest_at(name) == Some(name.len())
    }

    /// Returns the length in bytes of the longest word at the beginning of
    /// `text`, in capitals or not, since templates compare what they have made
    /// lower case.
    pub(super) fn longest_at(&self, text: &str) -> Option<usize> {
        self.at(text).map(str::len).next()
    }

    /// Returns the same for words of one character.
    pub(super) fn letter_at(&self, text: &str) -> Option<usize> {
        let first = text.chars().next()?.len_utf8();
        self.at(text).map(str::len).find(|&length| length == first)
    }

    fn at<'w>(&'w self, text: &'w str) -> impl Iterator<Item = &'w str> {
        let bytes = text.as_bytes();
        let first = bytes.first().map(u8::to_ascii_lowercase);
        let words = first
            .and_then(|first| self.by_first.get(&first))
            .into_iter()
            .flatten()
            .map(String::as_str);
        words.filter(move |word| {
            let start = bytes.get(..word.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
        })
    }
}

/// Adds the literals and names of a tag, from behind its opening delimiter on,
/// and returns where it ends.
fn read_tag(text: &str, words: &mut BTreeSet<String>, names: &mut BTreeSet<String>) -> usize {
    let mut literal: Option<(char, String)> = None;
    let mut depth = 0_usize;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match (&mut literal, character) {
            (Some((_, word)), '\\') => {
                let escaped = characters.next().map(|(_, escaped)| escaped);
                word.extend(escaped.and_then(|escaped| unescaped(escaped, &mut characters)));
            }
            (Some((open, word)), close) if *open == close => {
                words.insert(std::mem::take(word));
                literal = None;
            }
            (Some((_, word)), _) => word.push(character),
            (None, _) if text[at..].starts_with("%}") => return at,
            (None, _) if depth == 0 && text[at..].starts_with("}}") => return at,
            (None, '"' | '\'') => literal = Some((character, String::new())),
            (None, '.') => {
                let name = characters
                    .as_str()
                    .chars()
                    .take_while(|one| one.is_alphanumeric() || *one == '_');
                names.insert(name.collect());
            }
            (None, '{') => depth += 1,
            (None, '}') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
    }
    text.len()
}

/// Returns what a backslash and `escaped` stand for; `\u` takes four digits
/// more.
fn unescaped(escaped: char, rest: &mut std::str::CharIndices<'_>) -> Option<char> {
    Some(match escaped {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => {
            let digits = rest.take(4).map(|(_, digit)| digit);
            let code = u32::from_str_radix(&digits.collect::<String>(), 16).ok()?;
            return char::from_u32(code);
        }
        _ => escaped,
    })
}
