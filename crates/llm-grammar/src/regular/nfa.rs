//! Automata with empty steps, on the way from a pattern to a deterministic one.

use std::collections::{HashMap, HashSet};

use regex_syntax::hir::ClassUnicode;

use super::automaton::{Automaton, STATES_MAX};
use super::pattern::{Node, any};

enum Edge {
    Empty(usize),
    Start(usize),
    End(usize),
    Class(ClassUnicode, usize),
}

/// An automaton with empty steps (Thompson's construction), before it is made deterministic.
#[derive(Default)]
pub(super) struct Nfa {
    edges: Vec<Vec<Edge>>,
}

impl Nfa {
    pub(super) fn state(&mut self) -> Option<usize> {
        self.edges.push(Vec::new());
        (self.edges.len() <= 10 * STATES_MAX).then_some(self.edges.len() - 1)
    }

    pub(super) fn any_loop(&mut self, state: usize) {
        self.edges[state].push(Edge::Class(any(), state));
    }

    /// Leads from one state to another without a character.
    pub(super) fn join(&mut self, from: usize, to: usize) {
        self.edges[from].push(Edge::Empty(to));
    }

    /// Adds what a node matches after a state, and returns the state behind it.
    pub(super) fn add(&mut self, node: &Node, from: usize) -> Option<usize> {
        let to = match node {
            Node::Concat(nodes) => {
                return nodes
                    .iter()
                    .try_fold(from, |from, node| self.add(node, from));
            }
            Node::Repeat(node, min, max) => return self.repeat(node, *min, *max, from),
            _ => self.state()?,
        };
        match node {
            Node::Class(class) => self.edges[from].push(Edge::Class(class.clone(), to)),
            Node::Start => self.edges[from].push(Edge::Start(to)),
            Node::End => self.edges[from].push(Edge::End(to)),
            Node::Alternation(branches) => {
                for branch in branches {
                    let end = self.add(branch, from)?;
                    self.edges[end].push(Edge::Empty(to));
                }
            }
            Node::Concat(_) | Node::Repeat(..) => {}
        }
        Some(to)
    }

    fn repeat(&mut self, node: &Node, min: u32, max: Option<u32>, from: usize) -> Option<usize> {
        let mut at = from;
        for _ in 0..min {
            at = self.add(node, at)?;
        }
        let Some(max) = max else {
            let hub = self.state()?;
            self.edges[at].push(Edge::Empty(hub));
            let end = self.add(node, hub)?;
            self.edges[end].push(Edge::Empty(hub));
            return Some(hub);
        };
        let last = self.state()?;
        for _ in min..max {
            self.edges[at].push(Edge::Empty(last));
            // A state of its own, so that no way leads back into what came before.
            let next = self.state()?;
            self.edges[at].push(Edge::Empty(next));
            at = self.add(node, next)?;
        }
        self.edges[at].push(Edge::Empty(last));
        Some(last)
    }

    /// Returns all states that are reached without a character.
    fn closure(
        &self,
        states: impl IntoIterator<Item = usize>,
        start: bool,
        end: bool,
    ) -> Vec<usize> {
        let mut open = states.into_iter().collect::<Vec<_>>();
        let mut seen = HashSet::new();
        while let Some(state) = open.pop() {
            if !seen.insert(state) {
                continue;
            }
            for edge in &self.edges[state] {
                match edge {
                    Edge::Empty(to) => open.push(*to),
                    Edge::Start(to) if start => open.push(*to),
                    Edge::End(to) if end => open.push(*to),
                    _ => {}
                }
            }
        }
        let mut seen = seen.into_iter().collect::<Vec<_>>();
        seen.sort_unstable();
        seen
    }

    /// Returns where the intervals start between which no class tells characters apart.
    fn alphabet(&self) -> Vec<u32> {
        let mut starts = vec![0];
        for edge in self.edges.iter().flatten() {
            if let Edge::Class(class, _) = edge {
                for range in class.ranges() {
                    starts.push(range.start().into());
                    starts.push(u32::from(range.end()) + 1);
                }
            }
        }
        starts.sort_unstable();
        starts.dedup();
        starts.retain(|&start| start <= u32::from(char::MAX));
        starts
    }

    /// Makes the automaton deterministic (subset construction).
    pub(super) fn determine(&self, first: usize, last: usize) -> Option<Automaton> {
        let starts = self.alphabet();
        let mut sets = vec![self.closure([first], true, false)];
        let mut ids = HashMap::from([((sets[0].clone(), true), 0)]);
        let mut automaton = Automaton {
            starts,
            next: Vec::new(),
            accepting: Vec::new(),
        };
        let mut at = 0;
        let mut work = 0;
        while let Some(set) = sets.get(at).cloned() {
            let ended = self.closure(set.iter().copied(), at == 0, true);
            automaton.accepting.push(ended.contains(&last));
            let mut row = Vec::with_capacity(automaton.starts.len());
            for &start in &automaton.starts {
                let moved = self.moved(&set, start);
                let closed = self.closure(moved, false, false);
                work += closed.len();
                let id = *ids.entry((closed.clone(), false)).or_insert_with(|| {
                    sets.push(closed);
                    sets.len() - 1
                });
                row.push(id);
            }
            automaton.next.push(row);
            at += 1;
            if sets.len() > STATES_MAX || work > 5_000_000 {
                return None;
            }
        }
        Some(automaton.minimal())
    }

    fn moved(&self, set: &[usize], c: u32) -> Vec<usize> {
        let edges = set.iter().flat_map(|&state| &self.edges[state]);
        let targets = edges.filter_map(|edge| match edge {
            Edge::Class(class, to) => {
                let ranges = class.ranges();
                let index = ranges.partition_point(|range| u32::from(range.end()) < c);
                let range = ranges.get(index)?;
                (u32::from(range.start()) <= c).then_some(*to)
            }
            _ => None,
        });
        targets.collect()
    }
}
