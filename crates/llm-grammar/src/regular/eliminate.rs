//! Automata, written as patterns: states are eliminated one by one, those with the fewest ways through
//! them first.

use std::collections::BTreeMap;

use regex_syntax::hir::ClassUnicode;

use super::automaton::{Automaton, scalars};

/// The longest pattern that an automaton is written as, in bytes.
const TEXT_MAX: usize = 50_000;

impl Automaton {
    /// Returns a Rust pattern, anchored at both ends, that matches the accepted texts.
    pub(crate) fn whole_text(&self) -> Option<String> {
        Some(format!("^(?:{})$", self.text()?))
    }

    /// Returns a Rust pattern that matches a whole text if it is accepted (states are eliminated one by
    /// one, those with the fewest ways through them first), or `None` if that would be too long.
    pub(crate) fn text(&self) -> Option<String> {
        let minimal = self.minimal();
        let live = minimal.live();
        if !live[0] {
            return Some("[^\\x{0}-\\x{10FFFF}]".to_owned());
        }
        let (enter, leave) = (minimal.next.len(), minimal.next.len() + 1);
        let mut ways: BTreeMap<(usize, usize), String> = BTreeMap::new();
        ways.insert((enter, 0), String::new());
        for state in (0..enter).filter(|&state| live[state]) {
            if minimal.accepting[state] {
                ways.insert((state, leave), String::new());
            }
            let mut classes: BTreeMap<usize, ClassUnicode> = BTreeMap::new();
            for (interval, &next) in minimal.next[state].iter().enumerate() {
                if live[next] {
                    let (low, high) = minimal.interval(interval);
                    let class = classes.entry(next).or_insert_with(ClassUnicode::empty);
                    class.union(&scalars(low, high));
                }
            }
            for (next, class) in classes {
                if !class.ranges().is_empty() {
                    ways.insert((state, next), class_text(&class));
                }
            }
        }
        let mut states = (0..enter).filter(|&state| live[state]).collect::<Vec<_>>();
        while let Some(index) = cheapest(&states, &ways) {
            eliminate(states.swap_remove(index), &mut ways)?;
        }
        ways.remove(&(enter, leave))
    }
}

/// Returns the index of the state whose removal makes the fewest new ways.
fn cheapest(states: &[usize], ways: &BTreeMap<(usize, usize), String>) -> Option<usize> {
    (0..states.len()).min_by_key(|&index| {
        let state = states[index];
        let into = ways
            .keys()
            .filter(|(from, to)| *to == state && *from != state)
            .count();
        let out = ways
            .keys()
            .filter(|(from, to)| *from == state && *to != state)
            .count();
        into * out
    })
}

/// Removes a state, and leads every way through it past it.
fn eliminate(state: usize, ways: &mut BTreeMap<(usize, usize), String>) -> Option<()> {
    let own = ways.remove(&(state, state));
    let own = own.map_or(String::new(), |own| format!("(?:{own})*"));
    let keys = ways.keys().copied().collect::<Vec<_>>();
    let into = keys.iter().filter(|key| key.1 == state);
    let into = into
        .map(|key| (key.0, ways[key].clone()))
        .collect::<Vec<_>>();
    let out = keys.iter().filter(|key| key.0 == state);
    let out = out
        .map(|key| (key.1, ways[key].clone()))
        .collect::<Vec<_>>();
    ways.retain(|key, _| key.0 != state && key.1 != state);
    for (from, first) in &into {
        for (to, last) in &out {
            let through = format!("{}{own}{}", grouped(first), grouped(last));
            let way = match ways.remove(&(*from, *to)) {
                None => through,
                Some(other) => format!("{other}|{through}"),
            };
            if way.len() > TEXT_MAX {
                return None;
            }
            ways.insert((*from, *to), way);
        }
    }
    Some(())
}

fn grouped(text: &str) -> String {
    if text.contains('|') {
        format!("(?:{text})")
    } else {
        text.to_owned()
    }
}

/// Writes a set of characters as a class of Rust's patterns.
pub(crate) fn class_text(class: &ClassUnicode) -> String {
    let mut text = String::from("[");
    for range in class.ranges() {
        let (low, high) = (u32::from(range.start()), u32::from(range.end()));
        text += &format!("\\x{{{low:X}}}");
        if high > low {
            text += &format!("-\\x{{{high:X}}}");
        }
    }
    if class.ranges().is_empty() {
        text += "^\\x{0}-\\x{10FFFF}";
    }
    text + "]"
}
