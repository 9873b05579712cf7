//! The merge loop that BPE and SPM share: joins the best adjacent pair until
//! none is left, in O(n log n).
//!
//! Which pairs may be joined, and how good each is, the caller says.

mod queue;

use queue::{Candidate, Queue};

use super::flow::Checks;

/// The id of a symbol that is in no vocabulary.
pub(super) const NO_ID: u32 = u32::MAX;

/// Marks the ends of the chain of symbols.
const END: usize = usize::MAX;

/// A stretch of the text that is joined so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Symbol {
    /// First byte of the stretch.
    pub(super) start: usize,
    /// Its length in bytes, 0 once it has been joined to its left neighbour.
    pub(super) length: usize,
    /// The symbol's id, or [`NO_ID`].
    pub(super) id: u32,
    previous: usize,
    next: usize,
}

/// What joining two symbols gives.
pub(super) struct Join {
    /// The smaller, the earlier; among equals the leftmost pair goes first.
    pub(super) priority: u32,
    /// The id of the joined symbol.
    pub(super) id: u32,
}

/// Buffers of the loop, kept from one piece of text to the next.
#[derive(Default)]
pub(super) struct Merger {
    symbols: Vec<Symbol>,
    queue: Queue,
}

impl Merger {
    /// Joins the stretches of `parts` (length in bytes and id, from byte 0
    /// on) as `join` allows, and returns what remains, in order.
    pub(super) fn merge(
        &mut self,
        parts: impl Iterator<Item = (usize, u32)>,
        checks: &Checks,
        mut join: impl FnMut(&Symbol, &Symbol) -> Option<Join>,
    ) -> impl Iterator<Item = &Symbol> {
        self.fill(parts);
        self.queue.begin(self.symbols.len());
        // What is short ends soon, and its tokens may be kept for other texts.
        let goes_on = |is_long: bool| !is_long || checks.go_on();
        let is_long = self.symbols.len() >= queue::LONG;
        for right in 1..self.symbols.len() {
            if !goes_on(is_long) {
                break;
            }
            self.queue_pair(right - 1, right, &mut join);
        }
        while goes_on(is_long)
            && let Some(candidate) = self.queue.pop()
        {
            self.apply(candidate, &mut join);
        }
        self.symbols.iter().filter(|symbol| symbol.length > 0)
    }

    fn fill(&mut self, parts: impl Iterator<Item = (usize, u32)>) {
        self.symbols.clear();
        let mut start = 0;
        for (index, (length, id)) in parts.enumerate() {
            self.symbols.push(Symbol {
                start,
                length,
                id,
                previous: index.checked_sub(1).unwrap_or(END),
                next: index + 1,
            });
            start += length;
        }
        if let Some(last) = self.symbols.last_mut() {
            last.next = END;
        }
    }

    fn queue_pair(
        &mut self,
        left: usize,
        right: usize,
        join: &mut impl FnMut(&Symbol, &Symbol) -> Option<Join>,
    ) {
        let (Some(first), Some(second)) = (self.symbols.get(left), self.symbols.get(right)) else {
            return; // one of the two is `END`
        };
        if let Some(Join { priority, id }) = join(first, second) {
            let length = first.length + second.length;
            self.queue.push(Candidate {
                priority,
                left,
                length,
                id,
            });
        }
    }

    fn apply(
        &mut self,
        candidate: Candidate,
        join: &mut impl FnMut(&Symbol, &Symbol) -> Option<Join>,
    ) {
        let left = self.symbols[candidate.left];
        let Some(&right) = self.symbols.get(left.next) else {
            return;
        };
        // Symbols only grow, so the lengths tell whether either of the two
        // has changed (or vanished) since the pair was queued.
        if left.length == 0 || left.length + right.length != candidate.length {
            return;
        }
        self.symbols[left.next].length = 0;
        let joined = &mut self.symbols[candidate.left];
        joined.length = candidate.length;
        joined.id = candidate.id;
        joined.next = right.next;
        if let Some(following) = self.symbols.get_mut(right.next) {
            following.previous = candidate.left;
        }
        self.queue_pair(left.previous, candidate.left, join);
        self.queue_pair(candidate.left, right.next, join);
    }
}
