//! A grammar as a tree.

use regex_syntax::hir::ClassUnicode;

use super::GbnfError;

/// A part's number in its grammar.
pub(super) type PartId = usize;

/// A part of a grammar.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    /// One character out of a set.
    Class(ClassUnicode),
    /// One after the other.
    Sequence(Vec<PartId>),
    /// Any one of these.
    Choice(Vec<PartId>),
    /// From so many times to so many, without end if there is no bound.
    Repeat(PartId, u32, Option<u32>),
    /// What a rule matches.
    Rule(usize),
    /// A token of the vocabulary, as llguidance names it.
    Token(String),
}

/// A rule.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) body: PartId,
}

/// A grammar; the first rule is the root.
#[derive(Debug, Clone)]
pub(super) struct Grammar {
    pub(super) parts: Vec<Part>,
    pub(super) rules: Vec<Rule>,
}

impl Grammar {
    /// Returns the parts that a part is made of.
    pub(super) fn inner(&self, part: PartId) -> &[PartId] {
        match &self.parts[part] {
            Part::Sequence(parts) | Part::Choice(parts) => parts,
            Part::Repeat(inner, ..) => std::slice::from_ref(inner),
            Part::Class(_) | Part::Rule(_) | Part::Token(_) => &[],
        }
    }

    /// Returns for each rule whether it fulfils a condition, which is the least fixed point of `holds`:
    /// whether a part does, where the rules do that are known to.
    pub(super) fn rules_that(&self, holds: impl Fn(&Self, PartId, &[bool]) -> bool) -> Vec<bool> {
        let mut known = vec![false; self.rules.len()];
        loop {
            let mut changed = false;
            for (index, rule) in self.rules.iter().enumerate() {
                if !known[index] && holds(self, rule.body, &known) {
                    known[index] = true;
                    changed = true;
                }
            }
            if !changed {
                return known;
            }
        }
    }

    /// Fails where a rule matches no finite text.
    pub(super) fn check_productive(&self) -> Result<(), GbnfError> {
        let productive = self.rules_that(Self::is_productive);
        match productive.iter().position(|productive| !productive) {
            None => Ok(()),
            Some(index) => Err(GbnfError::Unproductive {
                rule: self.rules[index].name.clone(),
            }),
        }
    }

    fn is_productive(&self, part: PartId, rules: &[bool]) -> bool {
        match &self.parts[part] {
            Part::Class(class) => !class.ranges().is_empty(),
            Part::Rule(rule) => rules[*rule],
            Part::Token(_) | Part::Repeat(_, 0, _) => true,
            Part::Repeat(inner, ..) => self.is_productive(*inner, rules),
            Part::Sequence(parts) => parts.iter().all(|&part| self.is_productive(part, rules)),
            Part::Choice(parts) => parts.iter().any(|&part| self.is_productive(part, rules)),
        }
    }
}
