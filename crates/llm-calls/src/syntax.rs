//! How a model writes its calls.

use crate::literal::Literal;
use crate::{harmony, recipients};

/// A format of calls: `open`, a call, any number of `between` and a call, `close`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Syntax {
    pub(crate) open: Literal,
    pub(crate) between: Literal,
    pub(crate) close: Literal,
    pub(crate) call: Form,
}

/// The format of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// A JSON object, or a list of them for all calls.
    Json {
        before: Literal,
        fields: Fields,
        after: Literal,
    },
    /// Its name and what it is called with, with texts around them.
    Parts(Vec<Part>),
    /// A list of calls as Python writes them: `[name(key='value')]`.
    Python { before: Literal, after: Literal },
    /// Gemma's: `call:name{key:<|"|>value<|"|>}`.
    Gemma,
    /// Elements inside of elements, each with the tool's own names.
    Elements,
    /// Messages to functions.
    Harmony,
    /// Messages to functions or to `all`; what names the first one's recipient ends the prompt.
    Recipients,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            name: Some(vec!["name".to_owned()]),
            arguments: vec!["arguments".to_owned()],
            id: None,
        }
    }
}

/// Where in the JSON object of a call its parts stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fields {
    /// Keys that lead to the name; `None` where the name is itself the only key, and its value the arguments.
    pub(crate) name: Option<Vec<String>>,
    /// Keys that lead to the arguments.
    pub(crate) arguments: Vec<String>,
    /// Keys that lead to the id, where it has one.
    pub(crate) id: Option<Vec<String>>,
}

/// A part of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Literal(Literal),
    Name,
    Id,
    /// An id from which the name is to be read: `functions.name:0`.
    NamedId,
    /// The arguments as a JSON object.
    Json,
    /// The arguments one by one.
    Tagged(Tagged),
}

/// Arguments that stand one by one: `open`, then `before_key`, a key, `after_key`, a value, `after_value`,
/// with `between` in between, and `close`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tagged {
    pub(crate) open: Literal,
    pub(crate) before_key: Literal,
    /// What may stand there, and whether it says that the value is a text.
    pub(crate) after_key: Vec<(Literal, Option<bool>)>,
    pub(crate) after_value: Literal,
    pub(crate) between: Literal,
    pub(crate) close: Literal,
}

impl Form {
    /// Returns what a call begins with.
    pub(crate) fn begins_with(&self) -> Literal {
        match self {
            Self::Json { before, .. } | Self::Python { before, .. } => before.clone(),
            Self::Parts(parts) => match parts.first() {
                Some(Part::Literal(literal)) => literal.clone(),
                _ => Literal::default(),
            },
            Self::Gemma => Literal::new("<|tool_call>"),
            Self::Elements => Literal::new("]<]minimax[>[<invoke"),
            Self::Harmony => Literal::default(),
            Self::Recipients => Literal::new(recipients::MARK),
        }
    }
}

impl Syntax {
    /// Returns how a call is read that stands without its marks.
    pub(crate) fn fields(&self) -> Fields {
        match &self.call {
            Form::Json { fields, .. } => fields.clone(),
            _ => Fields::default(),
        }
    }

    /// Returns the texts that begin calls; none where a call begins with an answer, and with nothing but its
    /// JSON.
    pub(crate) fn triggers(&self) -> Vec<String> {
        if self.call == Form::Harmony {
            return harmony::TRIGGERS.map(str::to_owned).to_vec();
        }
        let call = self.call.begins_with();
        let whole = self.open.then(&call);
        let first = whole.core().split_whitespace().next().map(first_mark);
        // Models leave out the first of two marks.
        let others = [
            call.core().split_whitespace().next().map(first_mark),
            call.core().split_whitespace().last(),
        ];
        let is_mark = |word: &&str| word.starts_with('<') && word.len() > 3;
        let others = others.into_iter().flatten().filter(is_mark);
        let mut all: Vec<_> = first.into_iter().chain(others).map(str::to_owned).collect();
        all.dedup();
        all
    }
}

/// The first of several marks that stand side by side.
pub(crate) fn first_mark(word: &str) -> &str {
    let close = match word.chars().next() {
        Some('<') => '>',
        Some('[') => ']',
        _ => return word,
    };
    word.find(close).map_or(word, |end| &word[..=end])
}
