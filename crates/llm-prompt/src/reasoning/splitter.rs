//! Takes the stream of an answer apart into reasoning and answer. What comes
//! out does not depend on how the stream was cut into pieces.

use super::{Channels, Fence, Markers};
use letters::{Letter, begins, could_become, find, held, shown};
use quoting::Quoting;

mod letters;
mod quoting;

/// More of one of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// What the model answers.
    Answer(String),
    /// What it thinks.
    Reasoning(String),
    /// The text of control tokens in the answer, and headers of messages, where those are kept.
    Markup(String),
}

/// What may come next in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ahead<'s> {
    /// Reasoning, or the header of a message.
    Reasoning,
    /// Either: reasoning, or what stands around the answer, begins with one of these markers.
    Either {
        /// The markers, none of which is empty.
        markers: Vec<&'s str>,
        /// Whether there was reasoning before.
        is_after: bool,
    },
    /// The answer.
    Answer,
}

/// The state of one answer's stream. The default one takes all for the answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Splitter {
    markers: Option<Markers>,
    state: State,
    /// What came and is not decided yet.
    pending: Vec<Letter>,
    /// A reasoning block has begun or is over.
    has_reasoned: bool,
    /// The prompt has ended a block, so that none comes.
    is_closed: bool,
    /// Some reasoning was handed out.
    has_reasoning: bool,
    /// The block under way has handed out nothing yet.
    is_fresh: bool,
    /// What stands around the answer has begun.
    is_around: bool,
    /// The header of the message under way; for channels.
    header: String,
    /// Whether a marker that comes next would be quoted.
    quoting: Quoting,
    /// What begins the pending letters may be a block, if its end comes.
    is_doubtful: bool,
    /// Blocks that were in doubt until their end came.
    settled: usize,
    /// Whether markup in the answer is handed out.
    keeps_markup: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Where reasoning or answer may begin.
    Before,
    /// In the header of a message.
    Header,
    Reasoning,
    #[default]
    Answer,
}

impl Splitter {
    /// Starts with what follows `prompt`, the rendered text, which may end
    /// inside a reasoning block or in the header of a message.
    pub fn new(markers: Option<Markers>, prompt: &str) -> Self {
        let state = match &markers {
            None => State::Answer,
            Some(Markers::Fence(fence)) if prompt.trim_end().ends_with(&fence.open) => {
                State::Reasoning
            }
            Some(Markers::Fence(_)) => State::Before,
            Some(Markers::Channels(channels)) => {
                let start = prompt.rfind(channels.start);
                let contents = channels.contents.iter();
                let content = contents.filter_map(|content| prompt.rfind(content)).max();
                if start > content {
                    State::Header
                } else {
                    State::Answer
                }
            }
        };
        // The prompt may open what stands around the answer.
        let around = match &markers {
            Some(Markers::Fence(fence)) => fence.around_answer.as_ref(),
            _ => None,
        };
        let is_around =
            around.is_some_and(|[open, _]| !open.is_empty() && prompt.trim_end().ends_with(open));
        let is_closed = matches!(&markers, Some(Markers::Fence(fence))
            if prompt.trim_end().ends_with(&fence.close));
        Self {
            markers,
            is_closed,
            state: if is_around { State::Answer } else { state },
            has_reasoned: state == State::Reasoning,
            is_fresh: state == State::Reasoning,
            is_around,
            ..Self::default()
        }
    }

    /// Has markup in the answer handed out, too: tool calls are made of it.
    #[must_use]
    pub fn with_markup(mut self) -> Self {
        self.keeps_markup = true;
        self
    }

    /// Returns whether what comes now is reasoning.
    pub fn is_reasoning(&self) -> bool {
        self.state == State::Reasoning
    }

    /// Returns what may come next, given that nothing is held back.
    pub fn ahead(&self) -> Ahead<'_> {
        match (self.state, &self.markers) {
            (State::Reasoning | State::Header, _) | (State::Before, Some(Markers::Channels(_))) => {
                Ahead::Reasoning
            }
            (State::Before, Some(Markers::Fence(fence))) => {
                let around = fence.around_answer.as_ref().map(|[open, _]| open.as_str());
                let is_free = !self.has_reasoned && !self.is_closed;
                let open = Some(fence.open.as_str()).filter(|_| is_free);
                let markers = [open, around.filter(|open| !open.is_empty())];
                Ahead::Either {
                    markers: markers.into_iter().flatten().collect(),
                    is_after: self.has_reasoned,
                }
            }
            (State::Before | State::Answer, _) => Ahead::Answer,
        }
    }

    /// Takes all that comes for the answer, and returns what was held back.
    pub fn settle(&mut self) -> Vec<Piece> {
        std::mem::take(self).finish()
    }

    /// Returns whether what comes now may turn out to be reasoning.
    pub fn is_doubtful(&self) -> bool {
        self.is_doubtful
    }

    /// Returns how many blocks were in doubt until their end came.
    pub fn settled(&self) -> usize {
        self.settled
    }

    /// Takes more of the stream and returns what is certain now. `hidden` text
    /// is that of a control token: a marker can be made of it, nothing else.
    pub fn push(&mut self, text: &str, hidden: bool) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if self.markers.is_none() {
            if !hidden {
                emit(&mut pieces, Piece::Answer, text.to_owned());
            } else if self.keeps_markup {
                emit(&mut pieces, Piece::Markup, text.to_owned());
            }
            return pieces;
        }
        let letters = text.chars().map(|character| Letter { character, hidden });
        self.pending.extend(letters);
        self.advance(&mut pieces);
        pieces
    }

    /// Ends the stream and returns what was held back.
    pub fn finish(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let rest = shown(&self.pending);
        match self.state {
            State::Reasoning => self.reason(&mut pieces, rest.trim_end()),
            State::Before if self.has_reasoned && self.quoting.is_apart() => {
                let is_space = |letter: &Letter| !letter.hidden && letter.character.is_whitespace();
                let spaces = self
                    .pending
                    .iter()
                    .take_while(|letter| is_space(letter))
                    .count();
                self.drop_first(spaces);
                self.answer(&mut pieces, self.pending.len());
            }
            State::Before | State::Answer => self.answer(&mut pieces, self.pending.len()),
            // A model that keeps to no format has written no header either.
            State::Header if !self.has_reasoned && self.header.is_empty() => {
                let plain = self.pending.iter().all(|letter| !letter.hidden);
                if plain {
                    emit(&mut pieces, Piece::Answer, rest);
                }
            }
            State::Header => {}
        }
        self.pending.clear();
        pieces
    }

    fn advance(&mut self, pieces: &mut Vec<Piece>) {
        let Some(markers) = self.markers.clone() else {
            return;
        };
        while match &markers {
            Markers::Fence(fence) => self.step(fence, pieces),
            Markers::Channels(channels) => self.step_channels(channels, pieces),
        } {}
    }

    /// Makes one step with a fence; returns whether another may follow.
    fn step(&mut self, fence: &Fence, pieces: &mut Vec<Piece>) -> bool {
        match self.state {
            State::Before | State::Header => self.begin(fence, pieces),
            State::Reasoning => {
                // What begins the answer ends the reasoning, too.
                let around = fence.around_answer.as_ref().map(|[open, _]| open.as_str());
                let around = around.filter(|open| !open.is_empty() && *open != fence.close);
                let ends: Vec<&str> = [fence.close.as_str()].into_iter().chain(around).collect();
                let Some(at) = find(&self.pending, &ends) else {
                    let held = held(&self.pending, &ends);
                    self.reason_but(pieces, held);
                    return false;
                };
                let is_close = begins(&self.pending[at..], &fence.close);
                self.end_block(pieces, at, if is_close { &fence.close } else { "" });
                self.state = State::Before;
                true
            }
            State::Answer => self.go_on(fence, pieces),
        }
    }

    /// Decides what begins here: reasoning, what stands around the answer, or
    /// the answer itself.
    fn begin(&mut self, fence: &Fence, pieces: &mut Vec<Piece>) -> bool {
        let is_space = |letter: &&Letter| !letter.hidden && letter.character.is_whitespace();
        let spaces = self.pending.iter().take_while(is_space).count();
        let rest = &self.pending[spaces..];
        if rest.is_empty() {
            return false;
        }
        if begins(rest, &fence.open) {
            self.drop_first(spaces + fence.open.chars().count());
            self.open_block();
            return true;
        }
        // The end of a block that has not begun: the model takes it for begun.
        if !self.has_reasoned && begins(rest, &fence.close) {
            self.drop_first(spaces + fence.close.chars().count());
            self.has_reasoned = true;
            return true;
        }
        let around = fence.around_answer.as_ref().map(|[open, _]| open);
        if let Some(open) = around.filter(|open| {
            // What ends the reasoning may begin the answer, too.
            (self.has_reasoned || !open.is_empty()) && begins(rest, open)
        }) {
            let length = spaces + open.chars().count();
            self.drop_first(length);
            self.is_around = true;
            self.state = State::Answer;
            return true;
        }
        let could_be = |marker: &str| could_become(rest, marker);
        if could_be(&fence.open)
            || (!self.has_reasoned && could_be(&fence.close))
            || around.is_some_and(|open| could_be(open))
        {
            return false;
        }
        if !self.keeps_markup && rest.first().is_some_and(|letter| letter.hidden) {
            self.pending.remove(spaces);
            return true;
        }
        if self.has_reasoned && self.quoting.is_apart() {
            self.drop_first(spaces);
        }
        self.state = State::Answer;
        self.go_on(fence, pieces)
    }

    /// Hands out the answer up to what may be a marker.
    fn go_on(&mut self, fence: &Fence, pieces: &mut Vec<Piece>) -> bool {
        let around = fence.around_answer.as_ref().filter(|_| self.is_around);
        let close = around.map(|[_, close]| close.as_str());
        let markers: Vec<&str> = [Some(fence.open.as_str()), close]
            .into_iter()
            .flatten()
            .collect();
        let Some(at) = find(&self.pending, &markers) else {
            let held = held(&self.pending, &markers);
            self.answer(pieces, self.pending.len() - held);
            return false;
        };
        self.answer(pieces, at);
        if let Some(close) = close.filter(|close| begins(&self.pending, close)) {
            self.drop_first(close.chars().count());
            self.is_around = false;
            self.has_reasoned = true;
            self.state = State::Before;
            return true;
        }
        self.reopen(fence, pieces)
    }

    /// Decides about a marker inside of an answer, which may well speak of
    /// `<think>`. A control token begins reasoning anywhere, a text where it
    /// begins a line, or where its end follows; none in quotes or in code.
    fn reopen(&mut self, fence: &Fence, pieces: &mut Vec<Piece>) -> bool {
        let length = fence.open.chars().count();
        let hidden = self.pending.first().is_some_and(|letter| letter.hidden);
        if !hidden && self.quoting.is_quoted() {
            self.answer(pieces, length);
            return true;
        }
        if !hidden && !self.quoting.begins_line() {
            let rest = &self.pending[length..];
            self.is_doubtful = find(rest, &[&fence.close]).is_none();
            if self.is_doubtful {
                return false;
            }
            self.settled += 1;
        }
        self.drop_first(length);
        self.open_block();
        true
    }

    /// Makes one step with channels; returns whether another may follow.
    fn step_channels(&mut self, channels: &Channels, pieces: &mut Vec<Piece>) -> bool {
        if matches!(self.state, State::Before | State::Header) {
            let Some(at) = find(&self.pending, channels.contents) else {
                return false;
            };
            let marker = channels
                .contents
                .iter()
                .find(|one| begins(&self.pending[at..], one));
            let length = at + marker.map_or(0, |marker| marker.chars().count());
            self.header = self.pending[..length]
                .iter()
                .map(|one| one.character)
                .collect();
            self.drop_first(length);
            // A call may stand in a channel of reasoning.
            let is_call = self.keeps_markup && self.header.contains("to=functions.");
            if self.header.contains(channels.reasoning) && !is_call {
                self.open_block();
            } else {
                self.state = State::Answer;
                if self.keeps_markup {
                    emit(pieces, Piece::Markup, self.header.clone());
                }
            }
            return true;
        }
        let mut ends = channels.ends.to_vec();
        ends.push(channels.start);
        let Some(at) = find(&self.pending, &ends) else {
            let held = held(&self.pending, &ends);
            match self.state {
                State::Reasoning => self.reason_but(pieces, held),
                _ => self.answer(pieces, self.pending.len() - held),
            }
            return false;
        };
        let end = ends
            .iter()
            .find(|end| begins(&self.pending[at..], end))
            .copied()
            .unwrap_or_default();
        match self.state {
            State::Reasoning => self.end_block(pieces, at, end),
            _ => {
                self.answer(pieces, at);
                self.drop_first(end.chars().count());
            }
        }
        self.has_reasoned = true;
        self.state = State::Header;
        true
    }

    fn open_block(&mut self) {
        self.state = State::Reasoning;
        self.has_reasoned = true;
        self.is_fresh = true;
    }

    /// Hands out the reasoning before `at` and drops it with the marker there.
    fn end_block(&mut self, pieces: &mut Vec<Piece>, at: usize, marker: &str) {
        let text = shown(&self.pending[..at]);
        self.reason(pieces, text.trim_end());
        self.drop_first(at + marker.chars().count());
    }

    /// Hands out the reasoning but for the last `held` letters and the white
    /// space before them, which may stand at the block's end.
    fn reason_but(&mut self, pieces: &mut Vec<Piece>, held: usize) {
        let certain = &self.pending[..self.pending.len() - held];
        let is_space = |letter: &&Letter| letter.hidden || letter.character.is_whitespace();
        let spaces = certain.iter().rev().take_while(is_space).count();
        let length = certain.len() - spaces;
        let text = shown(&certain[..length]);
        self.drop_first(length);
        self.reason(pieces, &text);
    }

    /// Hands out reasoning: without white space at its block's beginning, and
    /// on a line of its own after an earlier block.
    fn reason(&mut self, pieces: &mut Vec<Piece>, text: &str) {
        let text = if self.is_fresh {
            text.trim_start()
        } else {
            text
        };
        if text.is_empty() {
            return;
        }
        let separator = if self.is_fresh && self.has_reasoning {
            "\n"
        } else {
            ""
        };
        self.is_fresh = false;
        self.has_reasoning = true;
        emit(pieces, Piece::Reasoning, format!("{separator}{text}"));
    }

    /// Hands out the first `length` letters as the answer.
    fn answer(&mut self, pieces: &mut Vec<Piece>, length: usize) {
        let letters: Vec<Letter> = self.pending.drain(..length).collect();
        self.quoting.pass(&shown(&letters));
        for part in letters.chunk_by(|one, other| one.hidden == other.hidden) {
            let text = part.iter().map(|letter| letter.character).collect();
            match part.first() {
                Some(letter) if !letter.hidden => emit(pieces, Piece::Answer, text),
                Some(_) if self.keeps_markup => emit(pieces, Piece::Markup, text),
                _ => {}
            }
        }
    }

    fn drop_first(&mut self, length: usize) {
        self.pending.drain(..length.min(self.pending.len()));
    }
}

/// Adds to the last piece, or as one more.
fn emit(pieces: &mut Vec<Piece>, kind: fn(String) -> Piece, text: String) {
    if text.is_empty() {
        return;
    }
    let piece = kind(text);
    match (pieces.last_mut(), piece) {
        (Some(Piece::Answer(last)), Piece::Answer(text)) => last.push_str(&text),
        (_, piece) => pieces.push(piece),
    }
}
