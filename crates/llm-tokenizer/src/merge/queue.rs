//! The pairs that wait to be joined, the best and leftmost first.
//!
//! A few wait in a heap. Of a long piece without a border (a megabyte of one
//! letter, say) there are a million, and each step through a heap of them would
//! leave the processor's caches; but they have few priorities, so each priority
//! has a list of its own, in the order of the text as a rule.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::super::steps;

/// A pair that was adjacent when it was queued. Declared in the order in
/// which candidates compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// The smaller, the earlier.
    pub(super) priority: u32,
    /// The number of its left symbol.
    pub(super) left: usize,
    /// Bytes of both symbols together.
    pub(super) length: usize,
    /// The id of what joining gives.
    pub(super) id: u32,
}

/// So many symbols make a long piece. The lists win from some thousand on.
pub(super) const LONG: usize = 4096;

/// The candidates of one piece.
#[derive(Debug, Default)]
pub(super) struct Queue {
    is_long: bool,
    heap: BinaryHeap<Reverse<Candidate>>,
    lists: HashMap<u32, List, foldhash::fast::RandomState>,
    /// The priorities that have a list.
    waiting: BinaryHeap<Reverse<u32>>,
}

/// The candidates of one priority.
#[derive(Debug, Default)]
struct List {
    /// Those that came before the first was taken, sorted then.
    first: Vec<Candidate>,
    /// How many of them are taken, once they are sorted.
    taken: Option<usize>,
    /// Those that came later.
    later: BinaryHeap<Reverse<Candidate>>,
}

impl Queue {
    /// Begins with an empty queue for a piece of so many symbols.
    pub(super) fn begin(&mut self, symbols: usize) {
        self.is_long = symbols >= LONG;
        self.heap.clear();
        self.lists.clear();
        self.waiting.clear();
    }

    /// Adds a candidate.
    pub(super) fn push(&mut self, candidate: Candidate) {
        steps::count(1);
        if !self.is_long {
            return self.heap.push(Reverse(candidate));
        }
        let list = self.lists.entry(candidate.priority).or_insert_with(|| {
            self.waiting.push(Reverse(candidate.priority));
            List::default()
        });
        match list.taken {
            None => list.first.push(candidate),
            Some(_) => list.later.push(Reverse(candidate)),
        }
    }

    /// Takes the best candidate, the leftmost among equals.
    pub(super) fn pop(&mut self) -> Option<Candidate> {
        steps::count(1);
        if !self.is_long {
            return self.heap.pop().map(|Reverse(candidate)| candidate);
        }
        loop {
            let &Reverse(priority) = self.waiting.peek()?;
            let next = self.lists.get_mut(&priority).and_then(List::pop);
            if next.is_some() {
                return next;
            }
            self.lists.remove(&priority);
            self.waiting.pop();
        }
    }
}

impl List {
    fn pop(&mut self) -> Option<Candidate> {
        let taken = self.taken.get_or_insert_with(|| {
            self.first.sort_unstable();
            0
        });
        let first = self.first.get(*taken);
        let later = self.later.peek().map(|Reverse(candidate)| candidate);
        match (first, later) {
            (Some(first), Some(later)) if later < first => {}
            (Some(&first), _) => {
                *taken += 1;
                return Some(first);
            }
            (None, _) => {}
        }
        self.later.pop().map(|Reverse(candidate)| candidate)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lists_give_the_order_of_a_heap(
            steps in proptest::collection::vec(proptest::option::of((0_u32..4, 0_usize..9)), 0..200),
        ) {
            let (mut few, mut many) = (Queue::default(), Queue::default());
            few.begin(0);
            many.begin(LONG);
            // No step is a pop; at the end all that waits is taken.
            for step in steps.into_iter().chain([None; 200]) {
                match step {
                    Some((priority, left)) => {
                        let candidate = Candidate { priority, left, length: 1, id: 0 };
                        few.push(candidate);
                        many.push(candidate);
                    }
                    None => prop_assert_eq!(few.pop(), many.pop()),
                }
            }
        }
    }
}
