//! Sets of texts: by length, by list and by pattern.

use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::shape::{Origin, Refusal};
use crate::regular::automaton::Automaton;
use crate::regular::language::Language;
use crate::regular::pattern::Node;

/// A pattern and where it stands.
pub(super) type Pattern = (Rc<Language>, Origin);

/// A set of texts: all that meet every condition. Lengths are in characters.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Texts {
    pub(super) min: u64,
    pub(super) max: Option<u64>,
    /// Only these.
    pub(super) only: Option<Vec<String>>,
    pub(super) never: Vec<String>,
    pub(super) inside: Vec<Pattern>,
    pub(super) outside: Vec<Pattern>,
}

impl Texts {
    /// Returns the set of some texts.
    pub(super) fn only(texts: Vec<String>) -> Self {
        Self {
            only: Some(texts),
            ..Self::default()
        }
    }

    /// Returns what lies in both sets, or `None` if that is nothing.
    pub(super) fn meet(&self, other: &Self) -> Result<Option<Self>, Refusal> {
        let (min, max) = (self.min.max(other.min), lesser(self.max, other.max));
        if max.is_some_and(|max| max < min) {
            return Ok(None);
        }
        let joined = |a: &Vec<Pattern>, b: &Vec<Pattern>| {
            let mut all = a.clone();
            all.extend(b.iter().filter(|pattern| !a.contains(pattern)).cloned());
            all
        };
        let met = Self {
            min,
            max,
            only: match (&self.only, &other.only) {
                (Some(a), Some(b)) => Some(a.iter().filter(|t| b.contains(t)).cloned().collect()),
                (only, None) | (None, only) => only.clone(),
            },
            never: [self.never.clone(), other.never.clone()].concat(),
            inside: joined(&self.inside, &other.inside),
            outside: joined(&self.outside, &other.outside),
        };
        met.settled()
    }

    /// Returns whether a text is in the set.
    fn contains(&self, text: &String) -> Result<bool, Refusal> {
        let length = text.chars().count() as u64;
        let mut holds = length >= self.min
            && self.max.is_none_or(|max| length <= max)
            && !self.never.contains(text);
        for (patterns, wanted) in [(&self.inside, true), (&self.outside, false)] {
            for (language, origin) in patterns {
                let automaton = language.automaton().ok_or_else(|| too_large(origin))?;
                holds &= automaton.matches(text) == wanted;
            }
        }
        Ok(holds)
    }

    fn settled(mut self) -> Result<Option<Self>, Refusal> {
        if self
            .inside
            .iter()
            .any(|pattern| self.outside.iter().any(|other| pattern.0 == other.0))
        {
            return Ok(None);
        }
        let Some(only) = self.only.take() else {
            self.never.dedup();
            return Ok(self.may_hold().then_some(self));
        };
        let mut left = Vec::with_capacity(only.len());
        for text in only {
            if self.contains(&text)? && !left.contains(&text) {
                left.push(text);
            }
        }
        Ok((!left.is_empty()).then(|| Self::only(left)))
    }

    /// Returns whether the patterns and lengths leave any text, where automata are small enough to tell.
    fn may_hold(&self) -> bool {
        if self.inside.is_empty() && self.outside.is_empty() {
            return true;
        }
        let sides = [(&self.inside, false), (&self.outside, true)];
        let mut all: Option<Automaton> = None;
        for (patterns, negated) in sides {
            for (language, _) in patterns {
                let Some(automaton) = language.automaton() else {
                    return true;
                };
                let next = match all {
                    None if negated => Some(automaton.negated()),
                    None => Some((*automaton).clone()),
                    Some(all) => all.both(&automaton, negated),
                };
                let Some(next) = next else {
                    return true;
                };
                all = Some(next);
            }
        }
        all.is_none_or(|all| all.has_length(self.min, self.max))
    }

    /// Returns the automaton of a set that is no list.
    pub(super) fn automaton(&self, origin: &Origin) -> Result<Rc<Automaton>, Refusal> {
        let bounds = (
            u32::try_from(self.min),
            self.max.map(u32::try_from).transpose(),
        );
        let (Ok(min), Ok(max)) = bounds else {
            return Err(too_large(origin));
        };
        let any = Node::Class(crate::regular::pattern::any());
        let length = Node::Repeat(Box::new(any), min, max);
        let length = Language::of(Node::Concat(vec![Node::Start, length, Node::End]));
        let never = Language::of_texts(&self.never);
        let parts = self.inside.iter().map(|(language, _)| (&**language, false));
        let parts = parts.chain(self.outside.iter().map(|(language, _)| (&**language, true)));
        let mut all = length.automaton().ok_or_else(|| too_large(origin))?;
        for (language, negated) in parts.chain([(&never, true)]) {
            let next = language.automaton();
            let next = next.and_then(|next| all.both(&next, negated));
            all = next.ok_or_else(|| too_large(origin))?.into();
        }
        Ok(all)
    }

    /// Returns the sets that together hold the texts outside this one.
    pub(super) fn negated(&self) -> Vec<Self> {
        let mut sets = Vec::new();
        if let Some(only) = &self.only {
            sets.push(Self {
                never: only.clone(),
                ..Self::default()
            });
        }
        if !self.never.is_empty() {
            sets.push(Self::only(self.never.clone()));
        }
        if self.min > 0 {
            sets.push(Self {
                max: Some(self.min - 1),
                ..Self::default()
            });
        }
        if let Some(max) = self.max {
            sets.push(Self {
                min: max + 1,
                ..Self::default()
            });
        }
        for pattern in &self.inside {
            sets.push(Self {
                outside: vec![pattern.clone()],
                ..Self::default()
            });
        }
        for pattern in &self.outside {
            sets.push(Self {
                inside: vec![pattern.clone()],
                ..Self::default()
            });
        }
        sets
    }

    /// Writes the set as a schema for llguidance, or says what it cannot enforce.
    pub(super) fn write(&self) -> Result<Value, Refusal> {
        if let Some(only) = &self.only {
            let unwritable =
                |c: char| c.is_control() && !"\u{8}\u{c}\n\r\t".contains(c) && c < '\u{80}';
            if only.iter().any(|text| text.contains(unwritable)) {
                let reason = "a text with a control character has no spelling here";
                return Err(Origin::somewhere("enum").refusal(reason));
            }
            return Ok(match only.as_slice() {
                [text] => json!({ "const": text }),
                _ => json!({ "enum": only }),
            });
        }
        let mut patterns = Vec::new();
        for (language, origin) in &self.inside {
            patterns.push(language.text().ok_or_else(|| too_large(origin))?);
        }
        for (language, origin) in &self.outside {
            patterns.push(language.negated_text().ok_or_else(|| too_large(origin))?);
        }
        if !self.never.is_empty() {
            let never = Language::of_texts(&self.never);
            let origin = Origin::somewhere("not");
            patterns.push(never.negated_text().ok_or_else(|| too_large(&origin))?);
        }
        let mut schema = Map::new();
        schema.insert("type".to_owned(), "string".into());
        if self.min > 0 {
            schema.insert("minLength".to_owned(), self.min.into());
        }
        if let Some(max) = self.max {
            schema.insert("maxLength".to_owned(), max.into());
        }
        match patterns.as_slice() {
            [] => {}
            [pattern] => {
                schema.insert("pattern".to_owned(), pattern.as_str().into());
            }
            _ => {
                let each = patterns
                    .iter()
                    .map(|pattern| json!({"type": "string", "pattern": pattern}));
                schema.insert("allOf".to_owned(), each.collect());
            }
        }
        Ok(Value::Object(schema))
    }
}

/// Returns the refusal of a pattern whose automaton would be too large.
pub(super) fn too_large(origin: &Origin) -> Refusal {
    origin.refusal("its pattern must be compared with others here, and is too large for that")
}

fn lesser(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (bound, None) | (None, bound) => bound,
    }
}
