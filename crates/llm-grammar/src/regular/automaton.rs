//! Finite automata over Unicode scalar values: what patterns become where they are combined, negated or
//! compared. Every automaton here is deterministic and complete.

use std::collections::{HashMap, HashSet};

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use super::nfa::Nfa;
use super::pattern::Node;

/// The most states of an automaton, before and after it is made deterministic.
pub(super) const STATES_MAX: usize = 4000;

/// A deterministic automaton; the text is over the alphabet's intervals, state 0 is the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Automaton {
    /// Where each interval of the alphabet starts; the first at 0, ascending.
    pub(super) starts: Vec<u32>,
    /// The state after each interval, for each state.
    pub(super) next: Vec<Vec<usize>>,
    pub(super) accepting: Vec<bool>,
}

impl Automaton {
    /// Returns the automaton of the texts in which a pattern is found, or `None` if it would have too
    /// many states.
    pub(crate) fn of(pattern: &Node) -> Option<Self> {
        let mut nfa = Nfa::default();
        let first = nfa.state()?;
        nfa.any_loop(first);
        let found = nfa.add(pattern, first)?;
        let last = nfa.state()?;
        nfa.join(found, last);
        nfa.any_loop(last);
        nfa.determine(first, last)
    }

    /// Returns the automaton of the texts that both accept, or that only the first does.
    pub(crate) fn both(&self, other: &Self, negate_other: bool) -> Option<Self> {
        let starts = self.starts.iter().chain(&other.starts).copied();
        let mut starts = starts.collect::<Vec<_>>();
        starts.sort_unstable();
        starts.dedup();
        let mut ids = HashMap::from([((0, 0), 0)]);
        let mut pairs = vec![(0, 0)];
        let mut product = Self {
            starts,
            next: Vec::new(),
            accepting: Vec::new(),
        };
        let mut at = 0;
        while let Some(&(a, b)) = pairs.get(at) {
            at += 1;
            let accepting = self.accepting[a] && (other.accepting[b] != negate_other);
            product.accepting.push(accepting);
            let mut row = Vec::with_capacity(product.starts.len());
            for &start in &product.starts {
                let pair = (self.after(a, start), other.after(b, start));
                let id = *ids.entry(pair).or_insert_with(|| {
                    pairs.push(pair);
                    pairs.len() - 1
                });
                row.push(id);
            }
            product.next.push(row);
            if pairs.len() > STATES_MAX {
                return None;
            }
        }
        Some(product.minimal())
    }

    /// Returns the automaton of the texts that this one does not accept.
    pub(crate) fn negated(&self) -> Self {
        let mut negated = self.clone();
        for accepting in &mut negated.accepting {
            *accepting = !*accepting;
        }
        negated
    }

    fn after(&self, state: usize, c: u32) -> usize {
        let interval = self.starts.partition_point(|&start| start <= c) - 1;
        self.next[state][interval]
    }

    /// Returns whether a text is accepted.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let state = text.chars().fold(0, |state, c| self.after(state, c.into()));
        self.accepting[state]
    }

    /// Returns whether some text of a length between the bounds, in characters, is accepted.
    pub(crate) fn has_length(&self, min: u64, max: Option<u64>) -> bool {
        let mut level = HashSet::from([0]);
        let mut seen = HashSet::new();
        for length in 0_u64.. {
            if length >= min && level.iter().any(|&state| self.accepting[state]) {
                return true;
            }
            let mut key = level.iter().copied().collect::<Vec<_>>();
            key.sort_unstable();
            // A level that comes again past the lower bound has shown all there is.
            if max.is_some_and(|max| length >= max) || (length >= min && !seen.insert(key)) {
                return false;
            }
            if length > min.saturating_add(2 * STATES_MAX as u64) || length > 100_000 {
                return true;
            }
            level = level
                .iter()
                .flat_map(|&state| self.next[state].iter().copied())
                .collect();
        }
        false
    }

    /// Returns whether no text is accepted.
    pub(crate) fn is_empty(&self) -> bool {
        !self.live()[0]
    }

    /// Returns which states a text can still be accepted from.
    pub(super) fn live(&self) -> Vec<bool> {
        let mut live = self.accepting.clone();
        loop {
            let mut changed = false;
            for state in 0..live.len() {
                if !live[state] && self.next[state].iter().any(|&next| live[next]) {
                    live[state] = true;
                    changed = true;
                }
            }
            if !changed {
                return live;
            }
        }
    }

    /// Returns the smallest automaton of the same texts (Moore's partition refinement).
    pub(super) fn minimal(&self) -> Self {
        let mut class = self
            .accepting
            .iter()
            .map(|&a| usize::from(a))
            .collect::<Vec<_>>();
        let mut count = 0;
        loop {
            let mut ids = HashMap::new();
            let refined = (0..class.len()).map(|state| {
                let row = self.next[state].iter().map(|&next| class[next]);
                let key = (class[state], row.collect::<Vec<_>>());
                let fresh = ids.len();
                *ids.entry(key).or_insert(fresh)
            });
            class = refined.collect();
            if ids.len() == count {
                break;
            }
            count = ids.len();
        }
        // State 0 is met first, so that its class is 0.
        let mut minimal = Self {
            starts: self.starts.clone(),
            next: vec![Vec::new(); count],
            accepting: vec![false; count],
        };
        for state in 0..class.len() {
            minimal.next[class[state]] = self.next[state].iter().map(|&next| class[next]).collect();
            minimal.accepting[class[state]] = self.accepting[state];
        }
        minimal
    }

    /// Returns the characters that accepted texts start with.
    pub(crate) fn first(&self) -> ClassUnicode {
        let live = self.live();
        let mut class = ClassUnicode::empty();
        for (interval, &next) in self.next[0].iter().enumerate() {
            if live[next] {
                let (low, high) = self.interval(interval);
                class.union(&scalars(low, high));
            }
        }
        class
    }

    /// Returns whether some text of this automaton, not the empty one, goes on to a text of the other
    /// with a character out of a set.
    pub(crate) fn goes_on(&self, other: &Self, with: &ClassUnicode) -> bool {
        if with.ranges().is_empty() {
            return false;
        }
        let with = with.ranges().iter().flat_map(|range| {
            [u32::from(range.start()), u32::from(range.end()) + 1].map(|at| (at, ()))
        });
        let starts = self.starts.iter().chain(&other.starts).copied();
        let mut starts = starts
            .chain(with.clone().map(|(at, ())| at))
            .collect::<Vec<_>>();
        starts.sort_unstable();
        starts.dedup();
        starts.retain(|&start| start <= u32::from(char::MAX) && !(0xd800..0xe000).contains(&start));
        let ends = with.map(|(at, ())| at).collect::<Vec<_>>();
        let inside = |c: u32| ends.partition_point(|&at| at <= c) % 2 == 1;
        let (own, others) = (self.live(), other.live());
        let mut seen = HashSet::new();
        let mut open = vec![(0, 0)];
        while let Some((a, b)) = open.pop() {
            let ends_here = self.accepting[a] && seen.contains(&(a, b));
            for &c in &starts {
                let (next_a, next_b) = (self.after(a, c), other.after(b, c));
                if !others[next_b] {
                    continue;
                }
                if ends_here && inside(c) {
                    return true;
                }
                if own[next_a] && seen.insert((next_a, next_b)) {
                    open.push((next_a, next_b));
                }
            }
        }
        false
    }

    pub(super) fn interval(&self, index: usize) -> (u32, u32) {
        let end = self.starts.get(index + 1).copied();
        (
            self.starts[index],
            end.map_or(u32::from(char::MAX), |end| end - 1),
        )
    }
}

/// Returns the characters between two code points, without the surrogates.
pub(super) fn scalars(low: u32, high: u32) -> ClassUnicode {
    let pieces = [(low, high.min(0xd7ff)), (low.max(0xe000), high)];
    let pieces = pieces.iter().filter(|(low, high)| low <= high);
    let pieces =
        pieces.filter_map(|&(low, high)| Some((char::from_u32(low)?, char::from_u32(high)?)));
    ClassUnicode::new(pieces.map(|(low, high)| ClassUnicodeRange::new(low, high)))
}
