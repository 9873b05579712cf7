//! Sets of arrays.

use super::expr::{ALWAYS, ExprId, Exprs, NEVER};
use super::shape::Origin;

/// How many items must meet a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contains {
    pub(super) item: ExprId,
    /// The first item that counts.
    pub(super) from: usize,
    pub(super) min: u64,
    pub(super) max: Option<u64>,
    pub(super) origin: Origin,
}

/// Which items `unevaluatedItems` does not look at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct SeenItems {
    pub(super) upto: usize,
    pub(super) all: bool,
    /// Those that a `contains` was met by.
    pub(super) some: Option<Origin>,
}

/// A set of arrays: all that meet every condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Array {
    pub(super) prefix: Vec<ExprId>,
    /// What the items behind the prefix meet.
    pub(super) items: ExprId,
    pub(super) min: u64,
    pub(super) max: Option<u64>,
    pub(super) contains: Vec<Contains>,
    /// No two items are equal.
    pub(super) unique: Option<Origin>,
    /// Some two items are equal.
    pub(super) repeats: Option<Origin>,
    pub(super) seen: SeenItems,
}

impl Default for Array {
    fn default() -> Self {
        Self {
            prefix: Vec::new(),
            items: ALWAYS,
            min: 0,
            max: None,
            contains: Vec::new(),
            unique: None,
            repeats: None,
            seen: SeenItems::default(),
        }
    }
}

impl Array {
    /// Returns what an item meets.
    pub(super) fn item(&self, index: usize) -> ExprId {
        self.prefix.get(index).copied().unwrap_or(self.items)
    }

    /// Returns what lies in both sets, or `None` if that is nothing.
    pub(super) fn meet(&self, other: &Self, exprs: &mut Exprs) -> Option<Self> {
        let length = self.prefix.len().max(other.prefix.len());
        let prefix = (0..length).map(|index| exprs.both(self.item(index), other.item(index)));
        let prefix = prefix.collect();
        let mut contains = self.contains.clone();
        contains.extend(
            other
                .contains
                .iter()
                .filter(|one| !self.contains.contains(one))
                .cloned(),
        );
        let met = Self {
            prefix,
            items: exprs.both(self.items, other.items),
            min: self.min.max(other.min),
            max: match (self.max, other.max) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (max, None) | (None, max) => max,
            },
            contains,
            unique: self.unique.clone().or_else(|| other.unique.clone()),
            repeats: self.repeats.clone().or_else(|| other.repeats.clone()),
            seen: SeenItems {
                upto: self.seen.upto.max(other.seen.upto),
                all: self.seen.all || other.seen.all,
                some: self.seen.some.clone().or_else(|| other.seen.some.clone()),
            },
        };
        met.settled(exprs)
    }

    /// Draws what follows from the conditions, and returns `None` if no array is left.
    pub(super) fn settled(mut self, exprs: &mut Exprs) -> Option<Self> {
        for one in std::mem::take(&mut self.contains) {
            self.settle_contains(one, exprs)?;
        }
        if let Some(index) = self.prefix.iter().position(|&item| item == NEVER) {
            self.cap(index as u64);
        }
        if self.items == NEVER {
            self.cap(self.prefix.len() as u64);
        }
        if let Some(max) = self.max
            && max <= self.prefix.len() as u64
        {
            self.prefix
                .truncate(usize::try_from(max).unwrap_or(usize::MAX));
            self.items = NEVER;
        }
        if self.max.is_some_and(|max| max < 2) {
            self.unique = None;
            if self.repeats.is_some() {
                return None;
            }
        }
        if self.unique.is_some() && self.repeats.is_some() {
            return None;
        }
        self.max.is_none_or(|max| self.min <= max).then_some(self)
    }

    fn cap(&mut self, max: u64) {
        self.max = Some(self.max.map_or(max, |other| other.min(max)));
    }

    /// Keeps a condition on how many items there are of a kind, or what follows from it.
    fn settle_contains(&mut self, one: Contains, exprs: &mut Exprs) -> Option<()> {
        let from = one.from as u64;
        if one.max.is_some_and(|max| max < one.min) {
            return None;
        }
        match one.item {
            NEVER => return (one.min == 0).then_some(()),
            ALWAYS => {
                if one.min > 0 {
                    self.min = self.min.max(from.saturating_add(one.min));
                }
                if let Some(max) = one.max {
                    self.cap(from.saturating_add(max));
                }
                return Some(());
            }
            _ => {}
        }
        if one.max == Some(0) && one.from < 1000 {
            let none = exprs.not(one.item);
            while self.prefix.len() < one.from {
                self.prefix.push(self.items);
            }
            for item in &mut self.prefix[one.from..] {
                *item = exprs.both(*item, none);
            }
            self.items = exprs.both(self.items, none);
            return Some(());
        }
        if one.min > 0 || one.max.is_some() {
            self.min = self.min.max(if one.min > 0 { from + one.min } else { 0 });
            self.contains.push(one);
        }
        Some(())
    }

    /// Returns the sets that together hold the arrays outside this one.
    pub(super) fn negated(&self, exprs: &mut Exprs) -> Vec<Self> {
        let mut sets = Vec::new();
        let mut add = |set: Self, exprs: &mut Exprs| sets.extend(set.settled(exprs));
        for (index, &item) in self.prefix.iter().enumerate() {
            let mut prefix = vec![ALWAYS; index];
            prefix.push(exprs.not(item));
            let set = Self {
                prefix,
                min: index as u64 + 1,
                ..Self::default()
            };
            add(set, exprs);
        }
        if self.items != ALWAYS {
            let none = Contains {
                item: exprs.not(self.items),
                from: self.prefix.len(),
                min: 1,
                max: None,
                origin: Origin::somewhere("items"),
            };
            let set = Self {
                contains: vec![none],
                ..Self::default()
            };
            add(set, exprs);
        }
        if self.min > 0 {
            let set = Self {
                max: Some(self.min - 1),
                ..Self::default()
            };
            add(set, exprs);
        }
        if let Some(max) = self.max {
            let set = Self {
                min: max.saturating_add(1),
                ..Self::default()
            };
            add(set, exprs);
        }
        for one in &self.contains {
            let fewer = one.min.checked_sub(1).map(|max| (0, Some(max)));
            let more = one.max.map(|max| (max.saturating_add(1), None));
            for (min, max) in fewer.into_iter().chain(more) {
                let one = Contains {
                    min,
                    max,
                    ..one.clone()
                };
                let set = Self {
                    contains: vec![one],
                    ..Self::default()
                };
                add(set, exprs);
            }
        }
        let unique = (self.repeats.clone(), self.unique.clone());
        if unique.0.is_some() || unique.1.is_some() {
            let set = Self {
                unique: unique.0,
                repeats: unique.1,
                ..Self::default()
            };
            add(set, exprs);
        }
        sets
    }
}
