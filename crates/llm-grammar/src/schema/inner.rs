//! The keywords of JSON Schema that look into arrays and objects.

use std::rc::Rc;

use serde_json::Value;

use super::array::{Array, Contains, SeenItems};
use super::document::Dialect;
use super::expr::{ALWAYS, ExprId, NEVER};
use super::object::{Names, Object, Property, Region, SeenProperties};
use super::read::Site;
use super::shape::{Origin, Refusal, Shape};
use super::solve::Solver;
use super::text::{Texts, too_large};
use crate::regular::language::Language;
use crate::regular::pattern::PatternFault;

const ITEMS: [&str; 3] = ["prefixItems", "items", "additionalItems"];
const PROPERTIES: [&str; 6] = [
    "properties",
    "patternProperties",
    "additionalProperties",
    "required",
    "minProperties",
    "maxProperties",
];

impl Solver<'_> {
    /// Reads a keyword about what is inside an array or object.
    pub(super) fn inner_keyword(
        &mut self,
        site: &Site,
        keyword: &str,
        value: &Value,
    ) -> Result<Option<Shape>, Refusal> {
        let array = |array| Ok(Some(Shape::of_arrays(vec![array])));
        match keyword {
            _ if ITEMS.contains(&keyword) && site.leads(keyword, &ITEMS) => {
                self.items(site).map(Some)
            }
            "minItems" => array(Array {
                min: site.count(keyword)?.unwrap_or(0),
                ..Array::default()
            }),
            "maxItems" => array(Array {
                max: site.count(keyword)?,
                ..Array::default()
            }),
            "uniqueItems" if *value == Value::Bool(true) => array(Array {
                unique: Some(site.origin(keyword)),
                ..Array::default()
            }),
            "contains" => self.contains(site).map(Some),
            "propertyNames" => self.property_names(site).map(Some),
            _ if PROPERTIES.contains(&keyword) => {
                let leader = if site.map.contains_key("properties") {
                    keyword == "properties"
                } else {
                    site.leads(keyword, &PROPERTIES)
                };
                if leader {
                    self.properties(site).map(Some)
                } else {
                    Ok(None)
                }
            }
            _ => Ok(None),
        }
    }

    fn items(&mut self, site: &Site) -> Result<Shape, Refusal> {
        let old = self.document.dialect <= Dialect::Draft201909;
        let listed = matches!(site.map.get("items"), Some(Value::Array(_)));
        let (first, rest) = match (old, listed) {
            (true, true) => ("items", "additionalItems"),
            (true, false) => ("", "items"),
            (false, false) => ("prefixItems", "items"),
            (false, true) => {
                let reason = "a list of schemas is 'prefixItems' since 2020-12";
                return Err(site.invalid("items", reason));
            }
        };
        let mut array = Array::default();
        if let Some(list) = site.map.get(first) {
            array.prefix = self.branches(site, first, list)?;
        }
        if site.map.contains_key(rest) {
            array.items = self.inner(site, &[rest])?;
        }
        if site.seen {
            array.seen = SeenItems {
                upto: array.prefix.len(),
                all: site.map.contains_key(rest),
                some: None,
            };
        }
        let array = array.settled(&mut self.exprs);
        Ok(Shape::of_arrays(array.into_iter().collect()))
    }

    fn contains(&mut self, site: &Site) -> Result<Shape, Refusal> {
        let counted = self.document.dialect >= Dialect::Draft201909;
        let (mut min, mut max) = (1, None);
        if counted {
            min = site.count("minContains")?.unwrap_or(1);
            max = site.count("maxContains")?;
        }
        let item = self.inner(site, &["contains"])?;
        let seen = SeenItems {
            some: site.seen.then(|| site.origin("contains")),
            ..SeenItems::default()
        };
        let array = Array {
            contains: vec![Contains {
                item,
                from: 0,
                min,
                max,
                origin: site.origin("contains"),
            }],
            seen,
            ..Array::default()
        };
        let array = array.settled(&mut self.exprs);
        Ok(Shape::of_arrays(array.into_iter().collect()))
    }

    fn properties(&mut self, site: &Site) -> Result<Shape, Refusal> {
        let mut object = Object::default();
        let mut names = Vec::new();
        if let Some(value) = site.map.get("properties") {
            let Value::Object(map) = value else {
                return Err(site.invalid("properties", "it is no object"));
            };
            for name in map.keys() {
                let value = self.inner(site, &["properties", name])?;
                let property = Property {
                    value,
                    required: false,
                };
                object.properties.insert(name.clone(), property);
                names.push(name.clone());
            }
        }
        let mut all = Some(object);
        let regions = self.regions(site)?;
        for region in &regions {
            let part = Object {
                regions: vec![region.clone()],
                ..Object::default()
            };
            all = self.met(all, &part)?;
        }
        if site.map.contains_key("additionalProperties") {
            let part = self.additional(site, &names, &regions)?;
            all = self.met(all, &part)?;
        }
        for part in self.counts_and_required(site)? {
            all = self.met(all, &part)?;
        }
        if let Some(object) = &mut all
            && site.seen
        {
            object.seen = SeenProperties {
                names,
                regions: regions
                    .into_iter()
                    .map(|region| (region.names, region.origin))
                    .collect(),
                all: site.map.contains_key("additionalProperties"),
            };
        }
        Ok(Shape::of_objects(all.into_iter().collect()))
    }

    fn met(&mut self, all: Option<Object>, part: &Object) -> Result<Option<Object>, Refusal> {
        match all {
            None => Ok(None),
            Some(all) => all.meet(part, &mut self.exprs),
        }
    }

    fn regions(&mut self, site: &Site) -> Result<Vec<Region>, Refusal> {
        let keyword = "patternProperties";
        let map = match site.map.get(keyword) {
            None => return Ok(Vec::new()),
            Some(Value::Object(map)) => map,
            Some(_) => return Err(site.invalid(keyword, "it is no object")),
        };
        let mut regions = Vec::new();
        for pattern in map.keys() {
            let origin = site.origin(keyword);
            let language = Language::parse(pattern).map_err(|fault| match fault {
                PatternFault::Invalid(reason) => site.invalid(keyword, &reason),
                PatternFault::Unsupported(reason) => origin.refusal(reason),
            })?;
            let automaton = language.automaton().ok_or_else(|| too_large(&origin))?;
            let names = Names {
                automaton,
                language: Some(Rc::new(language)),
            };
            let value = self.inner(site, &[keyword, pattern])?;
            regions.push(Region {
                names,
                value,
                origin,
            });
        }
        Ok(regions)
    }

    /// Returns the objects whose properties beside the named ones meet `additionalProperties`.
    fn additional(
        &mut self,
        site: &Site,
        names: &[String],
        regions: &[Region],
    ) -> Result<Object, Refusal> {
        let value = self.inner(site, &["additionalProperties"])?;
        let regions = regions
            .iter()
            .map(|region| (region.names.clone(), region.origin.clone()));
        self.beside(names, regions, value)
    }

    /// Returns the objects whose properties outside some sets of names meet a condition.
    fn beside(
        &mut self,
        names: &[String],
        regions: impl Iterator<Item = (Names, Origin)>,
        value: ExprId,
    ) -> Result<Object, Refusal> {
        let free = Property {
            value: ALWAYS,
            required: false,
        };
        let mut object = Object {
            properties: names.iter().map(|name| (name.clone(), free)).collect(),
            ..Object::default()
        };
        for (names, origin) in regions {
            let part = Object {
                regions: vec![Region {
                    names,
                    value: ALWAYS,
                    origin,
                }],
                ..Object::default()
            };
            object = object.meet(&part, &mut self.exprs)?.unwrap_or(object);
        }
        object.rest = value;
        Ok(object)
    }

    fn counts_and_required(&mut self, site: &Site) -> Result<Vec<Object>, Refusal> {
        let mut parts = Vec::new();
        match site.map.get("required") {
            // Draft 3 had it as a flag of a property; programs still write it.
            None => {}
            Some(Value::Array(names)) => {
                for name in names {
                    let Value::String(name) = name else {
                        return Err(site.invalid("required", "a property's name is a string"));
                    };
                    parts.push(Object::with(name, ALWAYS, true));
                }
            }
            Some(_) => return Err(site.invalid("required", "it is no list of names")),
        }
        let (min, max) = (site.count("minProperties")?, site.count("maxProperties")?);
        let keyword = if min.is_some() {
            "minProperties"
        } else {
            "maxProperties"
        };
        if min.is_some() || max.is_some() {
            parts.push(Object {
                min: min.unwrap_or(0),
                max,
                bounds: Some(site.origin(keyword)),
                ..Object::default()
            });
        }
        Ok(parts)
    }

    fn property_names(&mut self, site: &Site) -> Result<Shape, Refusal> {
        let origin = site.origin("propertyNames");
        let names = self.inner(site, &["propertyNames"])?;
        let shape = self.shape(names, false)?;
        if shape.texts.iter().any(|texts| *texts == Texts::default()) {
            return Ok(Shape::any());
        }
        let mut object = Object {
            rest: NEVER,
            ..Object::default()
        };
        for texts in &shape.texts {
            let mut part = Object {
                rest: NEVER,
                ..Object::default()
            };
            if let Some(only) = &texts.only {
                for name in only {
                    let property = Property {
                        value: ALWAYS,
                        required: false,
                    };
                    part.properties.insert(name.clone(), property);
                }
            } else {
                let automaton = texts.automaton(&origin)?;
                part.regions.push(Region {
                    names: Names {
                        automaton,
                        language: None,
                    },
                    value: ALWAYS,
                    origin: origin.clone(),
                });
            }
            // A name may lie in either: outside both is inside neither's opposite.
            object = self.either(&object, &part)?;
        }
        Ok(Shape::of_objects(vec![object]))
    }

    /// Joins two sets that only say which names are free.
    fn either(&mut self, a: &Object, b: &Object) -> Result<Object, Refusal> {
        let flip = |object: &Object| {
            let mut flipped = object.clone();
            for property in flipped.properties.values_mut() {
                property.value = NEVER;
            }
            for region in &mut flipped.regions {
                region.value = NEVER;
            }
            flipped.rest = ALWAYS;
            flipped
        };
        let met = flip(a).meet(&flip(b), &mut self.exprs)?;
        let mut joined = met.unwrap_or_default();
        for property in joined.properties.values_mut() {
            property.value = ALWAYS;
        }
        for region in &mut joined.regions {
            region.value = if region.value == NEVER { ALWAYS } else { NEVER };
        }
        joined.rest = NEVER;
        Ok(joined)
    }

    /// Applies `unevaluatedItems` and `unevaluatedProperties` to what the other keywords left.
    pub(super) fn unevaluated(&mut self, site: &Site, mut shape: Shape) -> Result<Shape, Refusal> {
        if site.map.contains_key("unevaluatedItems") {
            let value = self.inner(site, &["unevaluatedItems"])?;
            let mut arrays = Vec::new();
            for mut array in std::mem::take(&mut shape.arrays) {
                if !array.seen.all {
                    if let (Some(origin), true) = (&array.seen.some, value != ALWAYS) {
                        let reason =
                            "'unevaluatedItems' beside it needs to know which items it was met by";
                        return Err(origin.refusal(reason));
                    }
                    let rest = Array {
                        prefix: vec![ALWAYS; array.seen.upto],
                        items: value,
                        ..Array::default()
                    };
                    let Some(met) = array.meet(&rest, &mut self.exprs) else {
                        continue;
                    };
                    array = met;
                    array.seen.all = true;
                }
                arrays.push(array);
            }
            shape.arrays = arrays;
        }
        if site.map.contains_key("unevaluatedProperties") {
            let value = self.inner(site, &["unevaluatedProperties"])?;
            let mut objects = Vec::new();
            for mut object in std::mem::take(&mut shape.objects) {
                if !object.seen.all {
                    let regions = object.seen.regions.clone();
                    let rest = self.beside(&object.seen.names, regions.into_iter(), value)?;
                    let Some(met) = object.meet(&rest, &mut self.exprs)? else {
                        continue;
                    };
                    object = met;
                    object.seen.all = true;
                }
                objects.push(object);
            }
            shape.objects = objects;
        }
        let none = Shape::any();
        self.meet(&shape, &none)
    }
}
