//! Which parts of a grammar become lexemes.
//!
//! llguidance reads a lexeme as far as any lexeme goes on, and only then asks the grammar. That makes no
//! difference if, wherever one lexeme could end and another (or the same) could go on, the next character
//! tells which it is. So as much as possible becomes a lexeme at first: every part without recursion. For
//! each pair of lexemes, those characters that the one can be followed by are compared with those that the
//! other can go on with after the same text; where they meet, the longer lexeme is cut into its parts.
//! Single characters never meet, so this ends.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::GbnfError;
use super::sets::Sets;
use super::tree::{Grammar, Part, PartId};
use crate::regular::automaton::Automaton;
use crate::regular::pattern::Node;

/// The most lexemes that are compared with each other.
const LEXEMES_MAX: usize = 400;

/// The most parts that one lexeme may be made of.
const NODES_MAX: usize = 20_000;

/// A part of a grammar over lexemes.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    Lexeme(usize),
    Token(String),
    Rule(usize),
    Sequence(Vec<Piece>),
    Choice(Vec<Piece>),
    Repeat(Box<Piece>, u32, Option<u32>),
}

/// A set of texts that is read at once.
#[derive(Debug, Clone)]
pub(super) struct Lexeme {
    /// The part that is cut if this lexeme is.
    owner: PartId,
    pub(super) node: Node,
    pub(super) automaton: Rc<Automaton>,
}

/// A grammar over lexemes. The first rule is the root.
#[derive(Debug, Default)]
pub(super) struct Cut {
    pub(super) rules: HashMap<usize, Piece>,
    /// The rules in the order in which they were met.
    pub(super) order: Vec<usize>,
    pub(super) lexemes: Vec<Lexeme>,
}

/// Cuts a grammar into lexemes.
pub(super) fn cut(grammar: &Grammar) -> Result<Cut, GbnfError> {
    let mut cutter = Cutter {
        grammar,
        regular: grammar.rules_that(is_regular),
        split: HashSet::new(),
        automata: HashMap::new(),
        cut: Cut::default(),
    };
    loop {
        cutter.cut = Cut::default();
        cutter.needed(0);
        let mut at = 0;
        while let Some(&rule) = cutter.cut.order.get(at) {
            at += 1;
            let piece = cutter.piece(grammar.rules[rule].body)?;
            cutter.cut.rules.insert(rule, piece);
        }
        let split = cutter.conflicts();
        if split.is_empty() {
            return Ok(cutter.cut);
        }
        cutter.split.extend(split);
    }
}

/// Returns whether a part uses neither tokens nor rules that are not known to be regular.
fn is_regular(grammar: &Grammar, part: PartId, rules: &[bool]) -> bool {
    match &grammar.parts[part] {
        Part::Class(_) => true,
        Part::Token(_) => false,
        Part::Rule(rule) => rules[*rule],
        _ => grammar
            .inner(part)
            .iter()
            .all(|&part| is_regular(grammar, part, rules)),
    }
}

struct Cutter<'g> {
    grammar: &'g Grammar,
    /// The rules without recursion and tokens.
    regular: Vec<bool>,
    /// Parts that are no lexeme, though they could be.
    split: HashSet<PartId>,
    /// The automata of lexemes by their first and last part.
    automata: HashMap<(PartId, PartId, usize), Option<Rc<Automaton>>>,
    cut: Cut,
}

impl Cutter<'_> {
    fn needed(&mut self, rule: usize) {
        if !self.cut.order.contains(&rule) {
            self.cut.order.push(rule);
        }
    }

    fn is_regular(&self, part: PartId) -> bool {
        is_regular(self.grammar, part, &self.regular)
    }

    fn piece(&mut self, part: PartId) -> Result<Piece, GbnfError> {
        let splits = self.split.contains(&part);
        if !splits
            && self.is_regular(part)
            && let Some(lexeme) = self.lexeme(part, &[part], false)?
        {
            return Ok(lexeme);
        }
        match self.grammar.parts[part].clone() {
            Part::Token(token) => Ok(Piece::Token(token)),
            Part::Rule(rule) => {
                self.needed(rule);
                Ok(Piece::Rule(rule))
            }
            Part::Repeat(inner, min, max) => {
                Ok(Piece::Repeat(Box::new(self.piece(inner)?), min, max))
            }
            Part::Sequence(parts) => self.sequence(part, &parts, splits).map(Piece::Sequence),
            Part::Choice(parts) => self.choice(part, &parts, splits).map(Piece::Choice),
            Part::Class(_) => Err(too_large()),
        }
    }

    /// Makes one lexeme of each run of regular parts.
    fn sequence(
        &mut self,
        owner: PartId,
        parts: &[PartId],
        splits: bool,
    ) -> Result<Vec<Piece>, GbnfError> {
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < parts.len() {
            let run = parts[at..]
                .iter()
                .take_while(|&&part| self.is_regular(part))
                .count();
            if !splits
                && run > 1
                && let Some(lexeme) = self.lexeme(owner, &parts[at..at + run], false)?
            {
                pieces.push(lexeme);
                at += run;
                continue;
            }
            pieces.push(self.piece(parts[at])?);
            at += 1;
        }
        Ok(pieces)
    }

    /// Makes one lexeme of all regular branches.
    fn choice(
        &mut self,
        owner: PartId,
        parts: &[PartId],
        splits: bool,
    ) -> Result<Vec<Piece>, GbnfError> {
        let mut pieces = Vec::new();
        let regular = parts.iter().copied().filter(|&part| self.is_regular(part));
        let regular = regular.collect::<Vec<_>>();
        let mut alone = parts.to_vec();
        if !splits
            && regular.len() > 1
            && let Some(lexeme) = self.lexeme(owner, &regular, true)?
        {
            pieces.push(lexeme);
            alone.retain(|part| !regular.contains(part));
        }
        for part in alone {
            pieces.push(self.piece(part)?);
        }
        Ok(pieces)
    }

    /// Returns the lexeme of some parts, or `None` if it would be too large.
    fn lexeme(
        &mut self,
        owner: PartId,
        parts: &[PartId],
        choice: bool,
    ) -> Result<Option<Piece>, GbnfError> {
        let mut budget = NODES_MAX;
        let nodes = parts.iter().map(|&part| self.node(part, &mut budget));
        let Some(mut nodes) = nodes.collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        let node = match nodes.len() {
            1 => nodes.remove(0),
            _ if choice => Node::Alternation(nodes),
            _ => Node::Concat(nodes),
        };
        let key = (parts[0], owner, parts.len());
        let automaton = self.automata.entry(key).or_insert_with(|| {
            let whole = Node::Concat(vec![Node::Start, node.clone(), Node::End]);
            Automaton::of(&whole).map(Rc::new)
        });
        let Some(automaton) = automaton.clone() else {
            return Ok(None);
        };
        if self.cut.lexemes.len() >= LEXEMES_MAX {
            return Err(too_large());
        }
        self.cut.lexemes.push(Lexeme {
            owner,
            node,
            automaton,
        });
        Ok(Some(Piece::Lexeme(self.cut.lexemes.len() - 1)))
    }

    /// Returns the pattern of a regular part, its rules written out.
    fn node(&self, part: PartId, budget: &mut usize) -> Option<Node> {
        *budget = budget.checked_sub(1)?;
        let mut each = |parts: &[PartId]| {
            let nodes = parts.iter().map(|&part| self.node(part, budget));
            nodes.collect::<Option<Vec<_>>>()
        };
        Some(match &self.grammar.parts[part] {
            Part::Class(class) => Node::Class(class.clone()),
            Part::Sequence(parts) => Node::Concat(each(parts)?),
            Part::Choice(parts) => Node::Alternation(each(parts)?),
            Part::Repeat(inner, min, max) => {
                Node::Repeat(Box::new(self.node(*inner, budget)?), *min, *max)
            }
            Part::Rule(rule) => self.node(self.grammar.rules[*rule].body, budget)?,
            Part::Token(_) => return None,
        })
    }

    /// Returns the owners of lexemes that go on where another may end.
    fn conflicts(&self) -> HashSet<PartId> {
        let sets = Sets::of(&self.cut);
        let lexemes = &self.cut.lexemes;
        let mut owners = HashSet::new();
        for (index, short) in lexemes.iter().enumerate() {
            let follow = &sets.follow[index];
            for long in lexemes {
                if !owners.contains(&long.owner) && short.automaton.goes_on(&long.automaton, follow)
                {
                    owners.insert(long.owner);
                }
            }
        }
        owners
    }
}

fn too_large() -> GbnfError {
    GbnfError::TooComplex {
        reason: format!("it has more than {LEXEMES_MAX} parts that do not fit together"),
    }
}
