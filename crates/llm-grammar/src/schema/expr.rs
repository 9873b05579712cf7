//! Conditions on the values inside a value: schemas of the document, their opposites and conjunctions.
//! They stay unevaluated until something needs them, so that a schema may contain itself.

use std::collections::HashMap;

use super::document::PlaceId;

/// A condition's number.
pub(super) type ExprId = usize;

/// The condition that every value meets.
pub(super) const ALWAYS: ExprId = 0;

/// The condition that no value meets.
pub(super) const NEVER: ExprId = 1;

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Expr {
    Always,
    Never,
    /// The schema at a place of the document.
    At(PlaceId),
    Not(ExprId),
    /// All of these, in the order in which their properties are written.
    All(Vec<ExprId>),
    /// This value only, as JSON.
    Value(String),
}

/// All conditions met so far; equal ones have one number.
#[derive(Debug)]
pub(super) struct Exprs {
    list: Vec<Expr>,
    ids: HashMap<Expr, ExprId>,
}

impl Exprs {
    pub(super) fn new() -> Self {
        let mut exprs = Self {
            list: Vec::new(),
            ids: HashMap::new(),
        };
        exprs.id(Expr::Always);
        exprs.id(Expr::Never);
        exprs
    }

    /// Returns a condition by its number.
    pub(super) fn get(&self, id: ExprId) -> &Expr {
        &self.list[id]
    }

    /// Returns how many conditions there are.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns the number of a condition.
    pub(super) fn id(&mut self, expr: Expr) -> ExprId {
        if let Some(&id) = self.ids.get(&expr) {
            return id;
        }
        self.list.push(expr.clone());
        let id = self.list.len() - 1;
        self.ids.insert(expr, id);
        id
    }

    /// Returns the opposite of a condition.
    pub(super) fn not(&mut self, id: ExprId) -> ExprId {
        match id {
            ALWAYS => NEVER,
            NEVER => ALWAYS,
            _ => match self.list[id] {
                Expr::Not(inner) => inner,
                _ => self.id(Expr::Not(id)),
            },
        }
    }

    /// Returns the conjunction of two conditions.
    pub(super) fn both(&mut self, a: ExprId, b: ExprId) -> ExprId {
        let mut all = Vec::new();
        for id in [a, b] {
            match &self.list[id] {
                Expr::All(list) => all.extend(list),
                _ => all.push(id),
            }
        }
        all.retain(|&id| id != ALWAYS);
        let mut unique = Vec::with_capacity(all.len());
        for id in all {
            if !unique.contains(&id) {
                unique.push(id);
            }
        }
        let opposed = unique.iter().any(|&id| match self.list[id] {
            Expr::Not(inner) => unique.contains(&inner),
            Expr::Never => true,
            _ => false,
        });
        match unique.as_slice() {
            _ if opposed => NEVER,
            [] => ALWAYS,
            [only] => *only,
            _ => self.id(Expr::All(unique)),
        }
    }
}
