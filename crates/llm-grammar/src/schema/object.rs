//! Sets of objects. A property's name falls into one of three: a name of its own, a region of names that
//! a pattern describes, or the rest. Regions do not overlap, and hold no name that stands by itself.

use std::rc::Rc;

use indexmap::IndexMap;

use super::expr::{ALWAYS, ExprId, Exprs, NEVER};
use super::shape::{Origin, Refusal};
use crate::regular::automaton::Automaton;
use crate::regular::language::Language;

/// A property that stands by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Property {
    pub(super) value: ExprId,
    pub(super) required: bool,
}

/// A set of names.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub(super) automaton: Rc<Automaton>,
    /// The pattern that the automaton was made of, if it is one pattern's.
    pub(super) language: Option<Rc<Language>>,
}

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        self.automaton == other.automaton
    }
}

/// What the values of some names meet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Region {
    pub(super) names: Names,
    pub(super) value: ExprId,
    pub(super) origin: Origin,
}

/// Some property meets a condition, and has a name from a set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Exists {
    /// Any name if there is none.
    names: Option<Names>,
    not: Vec<String>,
    pub(super) value: ExprId,
    pub(super) origin: Origin,
}

/// Which properties `unevaluatedProperties` does not look at.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct SeenProperties {
    pub(super) names: Vec<String>,
    pub(super) regions: Vec<(Names, Origin)>,
    pub(super) all: bool,
}

/// A set of objects: all that meet every condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Object {
    pub(super) properties: IndexMap<String, Property>,
    pub(super) regions: Vec<Region>,
    /// What the values of all other names meet.
    pub(super) rest: ExprId,
    pub(super) min: u64,
    pub(super) max: Option<u64>,
    /// Where the bounds come from.
    pub(super) bounds: Option<Origin>,
    pub(super) exists: Vec<Exists>,
    pub(super) seen: SeenProperties,
}

impl Default for Object {
    fn default() -> Self {
        Self {
            properties: IndexMap::new(),
            regions: Vec::new(),
            rest: ALWAYS,
            min: 0,
            max: None,
            bounds: None,
            exists: Vec::new(),
            seen: SeenProperties::default(),
        }
    }
}

impl Object {
    /// Returns the objects with one condition on one name.
    pub(super) fn with(name: &str, value: ExprId, required: bool) -> Self {
        let property = Property { value, required };
        Self {
            properties: IndexMap::from([(name.to_owned(), property)]),
            ..Self::default()
        }
    }

    /// Returns what the value of a name meets.
    fn value(&self, name: &str) -> ExprId {
        if let Some(property) = self.properties.get(name) {
            return property.value;
        }
        let region = self
            .regions
            .iter()
            .find(|region| region.names.automaton.matches(name));
        region.map_or(self.rest, |region| region.value)
    }

    /// Returns what lies in both sets, or `None` if that is nothing.
    pub(super) fn meet(&self, other: &Self, exprs: &mut Exprs) -> Result<Option<Self>, Refusal> {
        let mut properties = IndexMap::new();
        for name in self.properties.keys().chain(other.properties.keys()) {
            let required = [self, other].iter().any(|object| {
                object
                    .properties
                    .get(name)
                    .is_some_and(|property| property.required)
            });
            let value = exprs.both(self.value(name), other.value(name));
            properties.insert(name.clone(), Property { value, required });
        }
        let mut seen = self.seen.clone();
        seen.all |= other.seen.all;
        seen.names.extend(other.seen.names.iter().cloned());
        seen.regions.extend(other.seen.regions.iter().cloned());
        let mut exists = self.exists.clone();
        exists.extend(
            other
                .exists
                .iter()
                .filter(|one| !self.exists.contains(one))
                .cloned(),
        );
        let met = Self {
            properties,
            regions: self.joint_regions(other, exprs)?,
            rest: exprs.both(self.rest, other.rest),
            min: self.min.max(other.min),
            max: match (self.max, other.max) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (max, None) | (None, max) => max,
            },
            bounds: self.bounds.clone().or_else(|| other.bounds.clone()),
            exists,
            seen,
        };
        Ok(met.settled())
    }

    /// Cuts the regions of two sets into pieces that lie in one of each.
    fn joint_regions(&self, other: &Self, exprs: &mut Exprs) -> Result<Vec<Region>, Refusal> {
        let mut regions = Vec::new();
        for a in &self.regions {
            let mut left = Some(a.names.clone());
            for b in &other.regions {
                let Some(names) = left.take() else { break };
                if names == b.names {
                    regions.push(joint(a, names, exprs.both(a.value, b.value)));
                    break;
                }
                let shared = cut(&names, &b.names, false, &b.origin)?;
                if shared.automaton.is_empty() {
                    left = Some(names);
                    continue;
                }
                regions.push(joint(a, shared, exprs.both(a.value, b.value)));
                left = Some(cut(&names, &b.names, true, &b.origin)?);
            }
            if let Some(names) = left.filter(|names| !names.automaton.is_empty()) {
                regions.push(joint(a, names, exprs.both(a.value, other.rest)));
            }
        }
        for b in &other.regions {
            let mut left = b.names.clone();
            for a in &self.regions {
                left = cut(&left, &a.names, true, &a.origin)?;
            }
            if !left.automaton.is_empty() {
                regions.push(joint(b, left, exprs.both(self.rest, b.value)));
            }
        }
        Ok(regions)
    }

    /// Returns whether no other names than those that stand by themselves may be there.
    pub(super) fn is_closed(&self) -> bool {
        let mut regions = self.regions.iter();
        self.rest == NEVER && regions.all(|region| region.value == NEVER)
    }

    /// Draws what follows from the conditions, and returns `None` if no object is left.
    fn settled(mut self) -> Option<Self> {
        let required = self
            .properties
            .values()
            .filter(|property| property.required);
        let mut needed = 0;
        for property in required {
            if property.value == NEVER {
                return None;
            }
            needed += 1;
        }
        if self.max.is_some_and(|max| max < needed.max(self.min)) {
            return None;
        }
        if self.min <= needed {
            self.min = 0;
        }
        for one in std::mem::take(&mut self.exists) {
            if one.value == NEVER || self.max == Some(0) {
                return None;
            }
            let anywhere = one.names.is_none() && one.not.is_empty();
            if anywhere && one.value == ALWAYS {
                self.min = self.min.max(u64::from(needed == 0));
                self.bounds = self.bounds.or(Some(one.origin));
                continue;
            }
            self.exists.push(one);
        }
        let closed = self.is_closed();
        if closed {
            let most = self
                .properties
                .values()
                .filter(|property| property.value != NEVER);
            let most = most.count() as u64;
            if self.min > most {
                return None;
            }
            self.max = self.max.filter(|&max| max < most);
        }
        Some(self)
    }

    /// Returns the sets that together hold the objects outside this one.
    pub(super) fn negated(&self, exprs: &mut Exprs) -> Result<Vec<Self>, Refusal> {
        let mut sets = Vec::new();
        for (name, property) in &self.properties {
            if property.required {
                sets.push(Self::with(name, NEVER, false));
            }
            if property.value != ALWAYS {
                sets.push(Self::with(name, exprs.not(property.value), true));
            }
        }
        let own = self.properties.keys().cloned().collect::<Vec<_>>();
        let mut outside: Option<Names> = None;
        for region in &self.regions {
            outside = Some(match outside {
                None => Names {
                    automaton: Rc::new(region.names.automaton.negated()),
                    language: None,
                },
                Some(names) => cut(&names, &region.names, true, &region.origin)?,
            });
            sets.push(Self::existing(
                Some(region.names.clone()),
                &own,
                exprs.not(region.value),
                &region.origin,
            ));
        }
        let rest = exprs.not(self.rest);
        sets.push(Self::existing(
            outside,
            &own,
            rest,
            &Origin::somewhere("additionalProperties"),
        ));
        if self.min > 0 {
            sets.push(Self {
                max: Some(self.min - 1),
                bounds: self.bounds.clone(),
                ..Self::default()
            });
        }
        if let Some(max) = self.max {
            sets.push(Self {
                min: max + 1,
                bounds: self.bounds.clone(),
                ..Self::default()
            });
        }
        for one in &self.exists {
            sets.push(one.negated(exprs));
        }
        Ok(sets.into_iter().filter_map(Self::settled).collect())
    }

    fn existing(names: Option<Names>, not: &[String], value: ExprId, origin: &Origin) -> Self {
        let one = Exists {
            names,
            not: not.to_vec(),
            value,
            origin: origin.clone(),
        };
        Self {
            exists: vec![one],
            ..Self::default()
        }
    }
}

impl Exists {
    /// Returns whether a name is one of the set.
    pub(super) fn covers(&self, name: &String) -> bool {
        let names = self.names.as_ref();
        names.is_none_or(|names| names.automaton.matches(name)) && !self.not.contains(name)
    }

    /// Returns the objects none of whose properties is such a one.
    fn negated(&self, exprs: &mut Exprs) -> Object {
        let free = Property {
            value: ALWAYS,
            required: false,
        };
        let mut object = Object {
            properties: self.not.iter().map(|name| (name.clone(), free)).collect(),
            ..Object::default()
        };
        let value = exprs.not(self.value);
        match &self.names {
            None => object.rest = value,
            Some(names) => object.regions.push(Region {
                names: names.clone(),
                value,
                origin: self.origin.clone(),
            }),
        }
        object
    }
}

fn joint(region: &Region, names: Names, value: ExprId) -> Region {
    Region {
        names,
        value,
        origin: region.origin.clone(),
    }
}

/// Returns the names that lie in both sets, or in the first only.
pub(super) fn cut(a: &Names, b: &Names, without: bool, origin: &Origin) -> Result<Names, Refusal> {
    let automaton = a.automaton.both(&b.automaton, without);
    let automaton = automaton.ok_or_else(|| super::text::too_large(origin))?;
    let language = if automaton == *a.automaton {
        a.language.clone()
    } else {
        None
    };
    Ok(Names {
        automaton: Rc::new(automaton),
        language,
    })
}
