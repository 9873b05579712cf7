//! The chat templates of the tests, and how an answer is read by one.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test program uses a part of it, and a test's helpers may fail as loudly as the test"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use llm_calls::{Offered, Piece, Reader, Syntax, ToolCall};
use llm_prompt::reasoning::{Piece as Part, Splitter};
use llm_prompt::{ChatTemplate, MarkupTexts};

pub(crate) const MARKUP: MarkupTexts<'_> = MarkupTexts {
    bos: "<BOS>",
    eos: "<EOS>",
};

fn folder() -> PathBuf {
    let root = match std::env::var_os("LLM_TEST_ORACLE") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models"),
    };
    root.join("templates")
}

pub(crate) fn templates() -> Vec<(String, ChatTemplate)> {
    let files = std::fs::read_dir(folder()).expect("run scripts/fetch-test-models first");
    let mut paths: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let now = jiff::civil::date(2024, 11, 30).at(12, 34, 56, 0);
    let now = now.to_zoned(jiff::tz::TimeZone::UTC).unwrap();
    let read = |path: PathBuf| {
        let source = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, ChatTemplate::new(&source).unwrap().at(now.clone()))
    };
    paths.into_iter().map(read).collect()
}

/// What an answer holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub said: String,
    pub thought: String,
    pub calls: Vec<ToolCall>,
    pub error: Option<String>,
}

/// Reads an answer as it comes in pieces of so many characters.
pub(crate) fn read(
    template: &ChatTemplate,
    syntax: &Arc<Syntax>,
    offered: &Arc<Offered>,
    (prompt, text): (&str, &str),
    size: usize,
) -> Found {
    let mut splitter = Splitter::new(template.markers().cloned(), prompt).with_markup();
    let mut reader = Reader::new(Arc::clone(syntax), Arc::clone(offered));
    let letters: Vec<char> = text.chars().collect();
    let mut parts = Vec::new();
    let mut pieces = Vec::new();
    let mut found = Found::default();
    let mut chunks = letters.chunks(size);
    loop {
        let chunk = chunks.next();
        match chunk {
            Some(chunk) => parts.extend(splitter.push(&chunk.iter().collect::<String>(), false)),
            None => parts.extend(splitter.finish()),
        }
        for part in parts.drain(..) {
            match part {
                Part::Answer(text) => pieces.extend(reader.push(&text, false)),
                Part::Markup(text) => pieces.extend(reader.push(&text, true)),
                Part::Reasoning(text) => found.thought.push_str(&text),
            }
        }
        if chunk.is_none() {
            break;
        }
    }
    pieces.extend(reader.finish(false));
    for piece in pieces {
        match piece {
            Piece::Text(text) => found.said.push_str(&text),
            Piece::Call(call) => found.calls.push(call),
        }
    }
    if found.calls.is_empty()
        && found.said.is_empty()
        && let Some((at, calls)) = reader.calls_in(&found.thought)
    {
        found.thought.truncate(at);
        found.calls = calls;
    }
    found.error = reader.error().map(str::to_owned);
    found
}

/// Returns the rows of a list, each of three parts.
pub(crate) fn rows(text: &'static str) -> impl Iterator<Item = [&'static str; 3]> {
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let mut parts = line.splitn(3, " | ");
        [0; 3].map(|_| parts.next().unwrap_or_default())
    })
}
