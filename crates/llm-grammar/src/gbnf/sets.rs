//! The characters that parts of a grammar start with and are followed by.

use std::collections::HashMap;

use regex_syntax::hir::ClassUnicode;

use super::cut::{Cut, Piece};

/// What lexemes and rules start with and are followed by.
pub(super) struct Sets<'c> {
    cut: &'c Cut,
    lexemes: Vec<ClassUnicode>,
    nullable: HashMap<usize, bool>,
    first: HashMap<usize, ClassUnicode>,
    rules: HashMap<usize, ClassUnicode>,
    /// What each lexeme may be followed by.
    pub(super) follow: Vec<ClassUnicode>,
}

impl<'c> Sets<'c> {
    /// Finds the sets of a grammar.
    pub(super) fn of(cut: &'c Cut) -> Self {
        let empty = |&rule: &usize| (rule, ClassUnicode::empty());
        let mut sets = Self {
            cut,
            lexemes: cut
                .lexemes
                .iter()
                .map(|lexeme| lexeme.automaton.first())
                .collect(),
            nullable: cut.order.iter().map(|&rule| (rule, false)).collect(),
            first: cut.order.iter().map(empty).collect(),
            rules: cut.order.iter().map(empty).collect(),
            follow: vec![ClassUnicode::empty(); cut.lexemes.len()],
        };
        while sets.grow_first() {}
        while sets.grow_follow() {}
        sets
    }

    fn grow_first(&mut self) -> bool {
        let mut changed = false;
        for &rule in &self.cut.order {
            let body = &self.cut.rules[&rule];
            let (nullable, first) = (self.is_nullable(body), self.first(body));
            changed |= self.nullable.insert(rule, nullable) != Some(nullable);
            changed |= self.first.insert(rule, first.clone()) != Some(first);
        }
        changed
    }

    fn grow_follow(&mut self) -> bool {
        let before = (self.rules.clone(), self.follow.clone());
        for &rule in &self.cut.order {
            let after = self.rules[&rule].clone();
            self.walk(&self.cut.rules[&rule], &after);
        }
        (&before.0, &before.1) != (&self.rules, &self.follow)
    }

    fn is_nullable(&self, piece: &Piece) -> bool {
        match piece {
            Piece::Lexeme(lexeme) => self.cut.lexemes[*lexeme].automaton.matches(""),
            Piece::Token(_) => false,
            Piece::Rule(rule) => self.nullable[rule],
            Piece::Sequence(pieces) => pieces.iter().all(|piece| self.is_nullable(piece)),
            Piece::Choice(pieces) => pieces.iter().any(|piece| self.is_nullable(piece)),
            Piece::Repeat(inner, min, _) => *min == 0 || self.is_nullable(inner),
        }
    }

    fn first(&self, piece: &Piece) -> ClassUnicode {
        let mut first = ClassUnicode::empty();
        match piece {
            Piece::Lexeme(lexeme) => first = self.lexemes[*lexeme].clone(),
            Piece::Token(_) => {}
            Piece::Rule(rule) => first = self.first[rule].clone(),
            Piece::Sequence(pieces) => {
                for piece in pieces {
                    first.union(&self.first(piece));
                    if !self.is_nullable(piece) {
                        break;
                    }
                }
            }
            Piece::Choice(pieces) => pieces
                .iter()
                .for_each(|piece| first.union(&self.first(piece))),
            Piece::Repeat(inner, ..) => first = self.first(inner),
        }
        first
    }

    /// Notes what follows the lexemes and rules in a piece, and returns what the piece and then `after`
    /// start with.
    fn walk(&mut self, piece: &Piece, after: &ClassUnicode) -> ClassUnicode {
        match piece {
            Piece::Lexeme(lexeme) => self.follow[*lexeme].union(after),
            Piece::Token(_) => {}
            Piece::Rule(rule) => {
                self.rules
                    .entry(*rule)
                    .or_insert_with(ClassUnicode::empty)
                    .union(after);
            }
            Piece::Sequence(pieces) => {
                let mut next = after.clone();
                for piece in pieces.iter().rev() {
                    next = self.walk(piece, &next);
                }
            }
            Piece::Choice(pieces) => {
                for piece in pieces {
                    self.walk(piece, after);
                }
            }
            Piece::Repeat(inner, ..) => {
                let mut next = after.clone();
                next.union(&self.first(inner));
                self.walk(inner, &next);
            }
        }
        let mut first = self.first(piece);
        if self.is_nullable(piece) {
            first.union(after);
        }
        first
    }
}
