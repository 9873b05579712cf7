//! Takes an answer apart into text and calls as it comes. What comes out does not depend on how the stream was
//! cut into pieces.

use std::ops::Range;
use std::sync::Arc;

use crate::literal::{Match, begun, spaces};
use crate::offered::Offered;
use crate::parse::{Reading, Step};
use crate::syntax::{Form, Syntax};
use crate::{Piece, ToolCall, recipients};

/// Texts up to this length, in bytes, are tried with each piece that comes.
const SHORT: usize = 256;

/// The state of one answer's stream.
#[derive(Debug, Clone)]
pub struct Reader {
    syntax: Arc<Syntax>,
    offered: Arc<Offered>,
    triggers: Vec<String>,
    state: State,
    /// What came and is not decided yet.
    pending: String,
    /// Where in that control tokens stand.
    markup: Vec<Range<usize>>,
    /// The length from which on an unfinished call is tried again.
    next_try: usize,
    /// Whether the answer has begun with something else than a call.
    has_said: bool,
    /// White space around calls, which belongs to the text if more of it comes.
    gap: String,
    /// Bytes of what is pending that the prompt has said.
    foreign: usize,
    /// Whether markup counts as text, since a call could not be read.
    shows_markup: bool,
    error: Option<String>,
}

/// Stands around a block of code.
const FENCE: &str = "```";

/// Returns what stands in a block of code, or the text itself where it is none; `None` where it ends before that is
/// certain.
fn within_fence(text: &str) -> Option<&str> {
    if FENCE.starts_with(text) {
        return None;
    }
    let Some(inner) = text.strip_prefix(FENCE) else {
        return Some(text);
    };
    let language = inner.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    let inner = language.trim_start();
    (!inner.is_empty()).then_some(inner)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Where the answer begins, or goes on behind a call without marks: another may be such a one.
    Start,
    /// In what may be such a call.
    Unmarked,
    Text,
    /// At what begins calls.
    Calls,
    /// Behind a call, where another may follow.
    Between,
}

impl Reader {
    /// Starts with an answer to a request that offers tools.
    #[must_use]
    pub fn new(syntax: Arc<Syntax>, offered: Arc<Offered>) -> Self {
        Self {
            triggers: syntax.triggers(),
            offered,
            state: State::Start,
            pending: String::new(),
            markup: Vec::new(),
            next_try: 0,
            has_said: false,
            gap: String::new(),
            foreign: 0,
            shows_markup: false,
            error: None,
            syntax,
        }
        .begun()
    }

    /// Begins with what ends the prompt, where that names the first message's recipient.
    fn begun(mut self) -> Self {
        if self.syntax.call == Form::Recipients {
            self.pending = recipients::MARK.to_owned();
            self.foreign = self.pending.len();
        }
        self
    }

    /// Returns why a call could not be read or is none of a tool that was offered; of several, the first.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Takes more of the stream and returns what is certain now. Markup, the text of control tokens, is shown
    /// only where it belongs to a call that cannot be read.
    pub fn push(&mut self, text: &str, is_markup: bool) -> Vec<Piece> {
        if is_markup {
            let start = self.pending.len();
            self.markup.push(start..start + text.len());
        }
        self.pending.push_str(text);
        let mut pieces = Vec::new();
        while self.step(&mut pieces, None) {}
        pieces
    }

    /// Ends the stream and returns what was held back. Where it `is_cut`, nothing that is missing at its end is
    /// forgiven.
    pub fn finish(&mut self, is_cut: bool) -> Vec<Piece> {
        let mut pieces = Vec::new();
        while self.step(&mut pieces, Some(is_cut)) {}
        pieces
    }

    /// Looks for calls at the end of what a model has thought: some go over to them without ending the thought.
    /// Returns where in it they begin, and the calls; `None` unless all that follows is calls.
    #[must_use]
    pub fn calls_in(&self, thought: &str) -> Option<(usize, Vec<ToolCall>)> {
        let found = self
            .triggers
            .iter()
            .filter_map(|one| thought.find(one.as_str()));
        let at = found.min()?;
        let mut reader = Self::new(Arc::clone(&self.syntax), Arc::clone(&self.offered));
        let mut pieces = reader.push(&thought[at..], false);
        pieces.extend(reader.finish(false));
        let calls = pieces.into_iter().map(|piece| match piece {
            Piece::Call(call) => Some(call),
            Piece::Text(_) => None,
        });
        let calls: Vec<_> = calls.collect::<Option<_>>()?;
        (!calls.is_empty()).then_some((at, calls))
    }

    /// Makes one step; returns whether another may follow.
    fn step(&mut self, pieces: &mut Vec<Piece>, is_cut: Option<bool>) -> bool {
        if self.pending.is_empty() {
            return false;
        }
        match self.state {
            State::Start => self.begin(is_cut.is_some()),
            State::Unmarked => self.read_unmarked(pieces, is_cut),
            State::Text => self.pass_text(pieces, is_cut.is_some()),
            State::Calls => self.read_calls(pieces, is_cut),
            State::Between => self.go_on(pieces, is_cut),
        }
    }

    /// Decides whether the answer begins with JSON, which may be calls: models that were not trained on the
    /// template's marks write those without, or as a block of code.
    fn begin(&mut self, is_over: bool) -> bool {
        let rest = self.pending.trim_start();
        let is_marked = self
            .triggers
            .iter()
            .any(|mark| rest.starts_with(mark.as_str()));
        let may_be_marked = self.triggers.iter().any(|mark| mark.starts_with(rest));
        let inner = within_fence(rest);
        let is_open = may_be_marked || inner.is_none();
        let is_json = inner.is_some_and(|inner| inner.starts_with(['{', '[']));
        if self.triggers.is_empty() || is_marked {
            self.state = State::Text;
        } else if is_open && !is_over {
            return false;
        } else if is_json {
            self.state = State::Unmarked;
        } else {
            self.state = State::Text;
            if self.has_said {
                let spaces = spaces(&self.pending);
                self.set_apart(spaces);
            }
        }
        true
    }

    /// Reads calls that stand without marks, or takes them for text.
    fn read_unmarked(&mut self, pieces: &mut Vec<Piece>, is_cut: Option<bool>) -> bool {
        if is_cut.is_none() && self.pending.len() < self.next_try {
            return false;
        }
        let rest = self.pending.trim_start();
        let Some(inner) = within_fence(rest) else {
            self.state = State::Text;
            return true;
        };
        let at = self.pending.len() - inner.len();
        let is_fenced = rest.starts_with(FENCE);
        match self.syntax.fields().read_unmarked(self.reading(is_cut), at) {
            Step::Done(calls, end) => {
                let after = self.pending[end..].trim_start();
                let end = match after.strip_prefix(FENCE) {
                    _ if !is_fenced => end,
                    Some(after) => self.pending.len() - after.len(),
                    None if is_cut.is_none() && FENCE.starts_with(after) => return false,
                    None => end,
                };
                pieces.extend(calls.into_iter().map(Piece::Call));
                self.has_said = true;
                self.drop_first(end);
                self.state = State::Start;
            }
            Step::Open if is_cut.is_none() => {
                let length = self.pending.len();
                self.next_try = length + if length < SHORT { 0 } else { length / 16 };
                return false;
            }
            Step::Open | Step::Bad(_) => self.state = State::Text,
        }
        true
    }

    /// Hands out text up to what may begin a call.
    fn pass_text(&mut self, pieces: &mut Vec<Piece>, is_over: bool) -> bool {
        let found = self
            .triggers
            .iter()
            .filter_map(|one| self.pending.find(one.as_str()));
        let bare = (self.triggers.is_empty() && !self.has_said)
            .then(|| spaces(&self.pending))
            .filter(|at| self.pending[*at..].starts_with(['{', '[']));
        if let Some(at) = found.min().or(bare) {
            let kept = self.pending[..at].trim_end().len();
            self.hand_out(pieces, kept);
            self.set_apart(at - kept);
            self.state = State::Calls;
            self.next_try = 0;
            return true;
        }
        let held = if is_over {
            0
        } else {
            let begun = self.triggers.iter().map(|one| begun(&self.pending, one));
            let begun = begun.max().unwrap_or(0);
            let before = &self.pending[..self.pending.len() - begun];
            begun + before.len() - before.trim_end().len()
        };
        self.hand_out(pieces, self.pending.len() - held);
        false
    }

    fn reading(&self, is_cut: Option<bool>) -> Reading<'_> {
        Reading {
            text: &self.pending,
            offered: &self.offered,
            is_over: is_cut == Some(false),
        }
    }

    /// Reads the first call, or the list of all.
    fn read_calls(&mut self, pieces: &mut Vec<Piece>, is_cut: Option<bool>) -> bool {
        if is_cut.is_none() && self.pending.len() < self.next_try {
            return false;
        }
        let at = match self.syntax.open.at(&self.pending, 0) {
            Match::Yes(end) => end,
            Match::Open if is_cut.is_none() => return false,
            Match::Open | Match::No => 0,
        };
        self.read_at(pieces, at, is_cut)
    }

    fn read_at(&mut self, pieces: &mut Vec<Piece>, at: usize, is_cut: Option<bool>) -> bool {
        match self.syntax.call.read(self.reading(is_cut), at) {
            Step::Done(calls, end) => {
                for call in calls {
                    self.check(&call);
                    pieces.push(Piece::Call(call));
                    self.has_said = true;
                }
                self.drop_first(end);
                self.state = State::Between;
            }
            Step::Open if is_cut.is_none() => {
                let length = self.pending.len();
                self.next_try = length + if length < SHORT { 0 } else { length / 16 };
                return false;
            }
            Step::Open => self.fail(pieces, "the answer ends in the midst of it"),
            Step::Bad(reason) => self.fail(pieces, &reason),
        }
        true
    }

    /// Decides what follows a call.
    fn go_on(&mut self, pieces: &mut Vec<Piece>, is_cut: Option<bool>) -> bool {
        let is_over = is_cut.is_some();
        if !is_over && (self.pending.trim().is_empty() || self.pending.len() < self.next_try) {
            return false;
        }
        let syntax = Arc::clone(&self.syntax);
        let begins = syntax.call.begins_with();
        let between = match syntax.between.at(&self.pending, 0) {
            Match::Yes(end) => end,
            Match::Open if !is_over => return false,
            Match::Open | Match::No => 0,
        };
        let (next, between) = if begins.is_blank() {
            let is_json = matches!(syntax.call, Form::Json { .. });
            let is_between = |next: char| next.is_whitespace() || ",;".contains(next);
            let rest = self.pending[between..].trim_start_matches(is_between);
            let is_next = is_json && rest.starts_with(['{', '[']);
            let is_open = is_json && rest.is_empty();
            let next = match (is_next, is_open) {
                (true, _) => Match::Yes(0),
                (_, true) => Match::Open,
                _ => Match::No,
            };
            (next, self.pending.len() - rest.len())
        } else {
            (begins.at(&self.pending, between), between)
        };
        match next {
            Match::Yes(_) => return self.read_at(pieces, between, is_cut),
            Match::Open if !is_over => return false,
            Match::Open | Match::No => {}
        }
        if !syntax.close.is_blank() {
            match syntax.close.at(&self.pending, 0) {
                Match::Yes(end) => self.drop_first(end),
                Match::Open if !is_over => return false,
                Match::Open => self.drop_first(self.pending.len()),
                Match::No => {}
            }
        }
        self.state = State::Text;
        let spaces = spaces(&self.pending);
        self.set_apart(spaces);
        true
    }

    fn check(&mut self, call: &ToolCall) {
        if self.offered.schema(&call.name).is_none() {
            let reason = format!("no tool '{}' was offered", call.name);
            self.error.get_or_insert(reason);
        }
    }

    /// Takes what looked like a call for text.
    fn fail(&mut self, pieces: &mut Vec<Piece>, reason: &str) {
        // An answer that is JSON is no failed call.
        if !self.triggers.is_empty() {
            self.shows_markup = true;
            self.error
                .get_or_insert(format!("a call could not be read: {reason}"));
        }
        let first = self.pending.chars().next().map_or(0, char::len_utf8);
        let trigger = self
            .triggers
            .iter()
            .filter(|one| self.pending.starts_with(one.as_str()));
        let length = trigger.map(String::len).max().unwrap_or(first);
        self.hand_out(pieces, length);
        self.state = State::Text;
    }

    /// Hands out the first bytes as text.
    fn hand_out(&mut self, pieces: &mut Vec<Piece>, length: usize) {
        let mut text = String::new();
        let mut from = 0;
        for range in self.markup.iter().filter(|_| !self.shows_markup) {
            let (start, end) = (range.start.min(length), range.end.min(length));
            text.push_str(&self.pending[from..start.max(from)]);
            from = end.max(from);
        }
        text.push_str(&self.pending[from..length.max(from)]);
        text.drain(..self.foreign.min(text.len()));
        self.drop_first(length);
        if text.is_empty() {
            return;
        }
        text.insert_str(0, &std::mem::take(&mut self.gap));
        self.has_said |= !text.trim().is_empty();
        match pieces.last_mut() {
            Some(Piece::Text(last)) => last.push_str(&text),
            _ => pieces.push(Piece::Text(text)),
        }
    }

    /// Keeps white space that may belong to the text.
    fn set_apart(&mut self, length: usize) {
        if self.has_said {
            self.gap.push_str(&self.pending[..length]);
        }
        self.drop_first(length);
    }

    fn drop_first(&mut self, length: usize) {
        self.foreign = self.foreign.saturating_sub(length);
        self.pending.drain(..length);
        self.next_try = 0;
        for range in &mut self.markup {
            *range = range.start.saturating_sub(length)..range.end.saturating_sub(length);
        }
        self.markup.retain(|range| !range.is_empty());
    }
}
