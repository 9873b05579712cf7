//! Regular languages: patterns and the automata that they become where they must be compared.

pub(crate) mod pattern;
mod nfa;
pub(crate) mod automaton;
mod eliminate;
pub(crate) mod language;
