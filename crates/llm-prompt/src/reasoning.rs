//! What a model thinks, told apart from what it answers.
//!
//! Models write their reasoning into the same stream as the answer, between
//! markers that their chat template shows: `<think>…</think>` and its like, or
//! messages to a channel of their own (OpenAI's harmony). [`Markers::find`]
//! reads the kind from the template, [`Splitter`] takes the stream apart as it
//! comes. Markers may be control tokens, which decoded text does not show; so
//! the splitter is told of those as well.

mod splitter;
mod switch;

pub use splitter::{Ahead, Piece, Splitter};
pub use switch::ReasoningSwitch;

/// How a model marks its reasoning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Markers {
    /// A text before it and a text after it.
    Fence(Fence),
    /// Messages, each with a header that names whom it is for.
    Channels(Channels),
}

/// Reasoning between two texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// What begins it.
    pub open: String,
    /// What ends it.
    pub close: String,
    /// What some models put around the answer after it, which is no part of it.
    pub around_answer: Option<[String; 2]>,
}

/// Messages to several readers, the model itself among them: `start`, a header,
/// one of `contents`, a body, one of `ends`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channels {
    /// What begins a message.
    pub start: &'static str,
    /// What ends the header and begins the body.
    pub contents: &'static [&'static str],
    /// What may end a body.
    pub ends: &'static [&'static str],
    /// What in the header, its end included, says that the body is reasoning.
    pub reasoning: &'static str,
}

/// OpenAI's harmony (<https://developers.openai.com/cookbook/articles/openai-harmony>).
const HARMONY: Channels = Channels {
    start: "<|start|>",
    contents: &["<|message|>"],
    ends: &["<|end|>", "<|return|>", "<|call|>"],
    reasoning: "<|channel|>analysis",
};

/// Messages to oneself, in a format like harmony's.
const RECIPIENTS: Channels = Channels {
    start: "<|start|>",
    contents: &["<|message|>"],
    ends: &["<|eom|>", "<|eot|>"],
    reasoning: "to=self",
};

/// Solar's: the kind of a message is the token that ends its header.
const SOLAR: Channels = Channels {
    start: "<|begin|>",
    contents: &["<|content|>", "<|think|>", "<|tool_calls|>"],
    ends: &["<|end|>", "<|calls|>"],
    reasoning: "<|think|>",
};

/// The fences, and what in a template's source shows each. Earlier ones win.
const FENCES: &[(&[&str], &str, &str)] = &[
    (&["<seed:think>"], "<seed:think>", "</seed:think>"),
    (&["<mm:think>"], "<mm:think>", "</mm:think>"),
    (
        &["'<think{}>'", ":opensource"],
        "<think:opensource>",
        "</think:opensource>",
    ),
    (
        &["<|START_THINKING|>"],
        "<|START_THINKING|>",
        "<|END_THINKING|>",
    ),
    (&["[THINK]", "[/THINK]"], "[THINK]", "[/THINK]"),
    (
        &["<|inner_prefix|>"],
        "<|inner_prefix|>",
        "<|inner_suffix|>",
    ),
    (&["<|channel>thought"], "<|channel>thought", "<channel|>"),
    (
        &["open_tag('think'"],
        "<|open|>think<|sep|>",
        "<|close|>think<|sep|>",
    ),
    (
        &["Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"],
        "Here are my reasoning steps:",
        "[BEGIN FINAL RESPONSE]",
    ),
    (
        &["[BEGIN FINAL RESPONSE] ... [END FINAL RESPONSE]"],
        "Here are my reasoning steps:",
        "[BEGIN FINAL RESPONSE]",
    ),
    (&["</think>"], "<think>", "</think>"),
];

/// What stands around the answer after a fence, and what in the source shows
/// it.
const AROUND: &[(&str, [&str; 2])] = &[
    (
        "between <response></response>",
        ["<response>", "</response>"],
    ),
    (
        "open_tag('response'",
        ["<|open|>response<|sep|>", "<|close|>response<|sep|>"],
    ),
    (
        "<|START_RESPONSE|>",
        ["<|START_RESPONSE|>", "<|END_RESPONSE|>"],
    ),
    // What ends the reasoning begins the answer.
    ("[END FINAL RESPONSE]", ["", "[END FINAL RESPONSE]"]),
    ("<|START_TEXT|>", ["<|START_TEXT|>", "<|END_TEXT|>"]),
];

impl Markers {
    /// Reads the kind of markers from a template's source; `None` where the
    /// template knows no reasoning.
    pub fn find(source: &str) -> Option<Self> {
        let shows = |words: &[&str]| words.iter().all(|word| source.contains(word));
        if shows(&["<|channel|>analysis"]) && shows(&["<|message|>"]) {
            return Some(Self::Channels(HARMONY));
        }
        if shows(&["to=self<|message|>"]) {
            return Some(Self::Channels(RECIPIENTS));
        }
        if shows(&["<|think|>", "<|begin|>assistant", "<|content|>"]) {
            return Some(Self::Channels(SOLAR));
        }
        let (_, open, close) = FENCES.iter().find(|(words, _, _)| shows(words))?;
        let around = AROUND.iter().find(|(word, _)| source.contains(word));
        Some(Self::Fence(Fence {
            open: (*open).to_owned(),
            close: (*close).to_owned(),
            around_answer: around.map(|(_, texts)| texts.map(str::to_owned)),
        }))
    }
}

#[cfg(test)]
mod tests;
