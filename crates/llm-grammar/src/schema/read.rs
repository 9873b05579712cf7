//! The keywords of JSON Schema, read into sets of values. Keywords that it does not define are
//! annotations, as it says (Core 2020-12, section 6.5).

use serde_json::{Map, Value};

use super::SchemaError;
use super::document::{Dialect, PlaceId};
use super::expr::{ALWAYS, Expr, ExprId, NEVER};
use super::object::Object;
use super::scalar::{of_numbers, of_texts, step, text_keyword, types};
use super::shape::{Origin, Refusal, Shape};
use super::solve::Solver;
use super::text::Texts;

/// The most branches of an `anyOf` beside `unevaluatedItems` or `unevaluatedProperties`.
const SEEN_BRANCHES_MAX: usize = 6;

/// A schema of the document that is being read.
#[derive(Clone, Copy)]
pub(super) struct Site<'s> {
    pub(super) place: PlaceId,
    pub(super) pointer: &'s str,
    pub(super) map: &'s Map<String, Value>,
    /// Whether sets tell what was evaluated.
    pub(super) seen: bool,
}

impl Site<'_> {
    pub(super) fn origin(&self, keyword: &str) -> Origin {
        Origin::new(self.pointer, keyword)
    }

    pub(super) fn invalid(&self, keyword: &str, reason: &str) -> SchemaError {
        SchemaError::Invalid {
            pointer: format!("{}/{keyword}", self.pointer),
            reason: reason.to_owned(),
        }
    }

    /// Reads a count, which other programs may write as a float.
    pub(super) fn count(&self, keyword: &str) -> Result<Option<u64>, Refusal> {
        let Some(value) = self.map.get(keyword) else {
            return Ok(None);
        };
        let float = value.as_f64().filter(|float| float.fract() == 0.0);
        let float = float.filter(|float| (0.0..=9e15).contains(float));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to be whole, small and not negative"
        )]
        let count = value.as_u64().or(float.map(|float| float as u64));
        count
            .map(Some)
            .ok_or_else(|| self.invalid(keyword, "it is no count of things"))
    }

    /// Returns whether a keyword is the first of a group that is read together.
    pub(super) fn leads(&self, keyword: &str, group: &[&str]) -> bool {
        let first = self.map.keys().find(|key| group.contains(&key.as_str()));
        first.is_some_and(|first| first == keyword)
    }
}

impl Solver<'_> {
    /// Returns the values that a schema of the document allows.
    pub(super) fn read(&mut self, place: PlaceId, seen: bool) -> Result<Shape, Refusal> {
        let (value, pointer) = {
            let place = self.document.place(place);
            (place.value, place.pointer.clone())
        };
        let map = match value {
            Value::Bool(true) => return Ok(Shape::any()),
            Value::Bool(false) => return Ok(Shape::default()),
            Value::Object(map) => map,
            _ => {
                return Err(SchemaError::Invalid {
                    pointer,
                    reason: "a schema is an object, true or false".to_owned(),
                });
            }
        };
        let rests = ["unevaluatedItems", "unevaluatedProperties"];
        let has_rest = rests.iter().any(|rest| map.contains_key(*rest));
        let site = Site {
            place,
            pointer: &pointer,
            map,
            seen: seen || has_rest,
        };
        let mut shape = Shape::any();
        for (keyword, value) in map {
            let replaced = self.document.dialect <= Dialect::Draft7 && map.contains_key("$ref");
            if replaced && keyword != "$ref" {
                continue;
            }
            if let Some(part) = self.keyword(&site, keyword, value)? {
                shape = self.meet(&shape, &part)?;
            }
        }
        if has_rest && self.document.dialect >= Dialect::Draft201909 {
            shape = self.unevaluated(&site, shape)?;
        }
        if !seen {
            shape.forget();
        }
        Ok(shape)
    }

    fn keyword(
        &mut self,
        site: &Site,
        keyword: &str,
        value: &Value,
    ) -> Result<Option<Shape>, Refusal> {
        Ok(Some(match keyword {
            "type" => types(site, value)?,
            "const" => self.of_value(value, site.pointer, "const")?,
            "enum" => self.list(site, value)?,
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => {
                match self.bound(site, keyword, value)? {
                    None => return Ok(None),
                    Some(numbers) => of_numbers(numbers),
                }
            }
            "multipleOf" => of_numbers(step(site, value)?),
            "minLength" | "maxLength" | "pattern" | "format" => {
                of_texts(text_keyword(site, keyword, value)?)
            }
            "allOf" => {
                let mut all = Shape::any();
                for part in self.branches(site, keyword, value)? {
                    let part = self.shape(part, site.seen)?;
                    all = self.meet(&all, &part)?;
                }
                all
            }
            "anyOf" => self.any_of(site, value)?,
            "oneOf" => self.one_of(site, value)?,
            "not" => {
                let inner = self.inner(site, &[keyword])?;
                let outside = self.exprs.not(inner);
                (*self.shape(outside, false)?).clone()
            }
            "if" => return self.conditional(site),
            "$ref" | "$dynamicRef" | "$recursiveRef" => {
                let Value::String(reference) = value else {
                    return Err(site.invalid(keyword, "a reference is a string"));
                };
                let target = self.document.follow(site.place, keyword, reference)?;
                let target = self.place_id(target);
                (*self.shape(target, site.seen)?).clone()
            }
            "dependentRequired" | "dependentSchemas" | "dependencies" => {
                self.dependent(site, keyword, value)?
            }
            _ => return self.inner_keyword(site, keyword, value),
        }))
    }

    /// Returns the condition that a schema of the document is.
    pub(super) fn place_id(&mut self, place: PlaceId) -> ExprId {
        match self.document.place(place).value {
            Value::Bool(true) => ALWAYS,
            Value::Bool(false) => NEVER,
            _ => self.exprs.id(Expr::At(place)),
        }
    }

    /// Returns the condition that stands under a keyword.
    pub(super) fn inner(&mut self, site: &Site, path: &[&str]) -> Result<ExprId, Refusal> {
        let place = self.document.below(site.place, path);
        let place = place.ok_or_else(|| site.invalid(path[0], "it holds no schema"))?;
        if !matches!(
            self.document.place(place).value,
            Value::Object(_) | Value::Bool(_)
        ) {
            return Err(SchemaError::Invalid {
                pointer: self.document.place(place).pointer.clone(),
                reason: "a schema is an object, true or false".to_owned(),
            });
        }
        Ok(self.place_id(place))
    }

    /// Returns the conditions in a keyword's list.
    pub(super) fn branches(
        &mut self,
        site: &Site,
        keyword: &str,
        value: &Value,
    ) -> Result<Vec<ExprId>, Refusal> {
        let Value::Array(list) = value else {
            return Err(site.invalid(keyword, "it is no list of schemas"));
        };
        let indices = 0..list.len();
        indices
            .map(|index| self.inner(site, &[keyword, &index.to_string()]))
            .collect()
    }

    fn list(&mut self, site: &Site, value: &Value) -> Result<Shape, Refusal> {
        let Value::Array(values) = value else {
            return Err(site.invalid("enum", "it is no list of values"));
        };
        let mut shape = Shape::default();
        let texts = values
            .iter()
            .filter_map(|value| Some(value.as_str()?.to_owned()));
        let texts = texts.collect::<Vec<_>>();
        for value in values.iter().filter(|value| !value.is_string()) {
            shape.join(self.of_value(value, site.pointer, "enum")?);
        }
        if !texts.is_empty() {
            shape.texts.push(Texts::only(texts));
        }
        Ok(shape)
    }

    fn any_of(&mut self, site: &Site, value: &Value) -> Result<Shape, Refusal> {
        let branches = self.branches(site, "anyOf", value)?;
        let mut shapes = Vec::new();
        for &branch in &branches {
            shapes.push(self.shape(branch, site.seen)?);
        }
        let mut union = Shape::default();
        if !site.seen {
            for shape in &shapes {
                union.join((**shape).clone());
            }
            return Ok(union);
        }
        if shapes.len() > SEEN_BRANCHES_MAX {
            let reason =
                "unevaluated properties or items beside so many branches are too many cases";
            return Err(site.origin("anyOf").refusal(reason));
        }
        // What more branches evaluate is what more branches hold, so each set of branches is a case.
        for chosen in 1..(1_usize << shapes.len()) {
            let mut all = Shape::any();
            for (index, shape) in shapes.iter().enumerate() {
                if chosen & (1 << index) != 0 {
                    all = self.meet(&all, shape)?;
                }
            }
            union.join(all);
        }
        Ok(union)
    }

    fn one_of(&mut self, site: &Site, value: &Value) -> Result<Shape, Refusal> {
        let branches = self.branches(site, "oneOf", value)?;
        let mut union = Shape::default();
        for (index, &branch) in branches.iter().enumerate() {
            let mut one = (*self.shape(branch, site.seen)?).clone();
            for (other_index, &other) in branches.iter().enumerate() {
                if other_index == index {
                    continue;
                }
                let other_shape = self.shape(other, false)?;
                if self.meet(&one, &other_shape)?.is_none() {
                    continue;
                }
                let outside = self.exprs.not(other);
                let outside = self.shape(outside, false)?;
                one = self.meet(&one, &outside)?;
            }
            union.join(one);
        }
        Ok(union)
    }

    fn conditional(&mut self, site: &Site) -> Result<Option<Shape>, Refusal> {
        let has = |keyword| site.map.contains_key(keyword);
        if !(has("then") || has("else") || site.seen) {
            return Ok(None);
        }
        let condition = self.inner(site, &["if"])?;
        let opposite = self.exprs.not(condition);
        let mut union = Shape::default();
        for (condition, branch) in [(condition, "then"), (opposite, "else")] {
            let seen = site.seen && branch == "then";
            let mut case = (*self.shape(condition, seen)?).clone();
            if has(branch) {
                let then = self.inner(site, &[branch])?;
                let then = self.shape(then, site.seen)?;
                case = self.meet(&case, &then)?;
            }
            union.join(case);
        }
        Ok(Some(union))
    }

    fn dependent(&mut self, site: &Site, keyword: &str, value: &Value) -> Result<Shape, Refusal> {
        let Value::Object(map) = value else {
            return Err(site.invalid(keyword, "it is no object"));
        };
        let mut all = Shape::any();
        for (name, value) in map {
            let mut present = Object::with(name, ALWAYS, true);
            if let Value::Array(names) = value {
                for name in names {
                    let Value::String(name) = name else {
                        return Err(site.invalid(keyword, "a property's name is a string"));
                    };
                    let other = Object::with(name, ALWAYS, true);
                    present = present.meet(&other, &mut self.exprs)?.unwrap_or(present);
                }
            }
            let mut with = Shape {
                objects: vec![present],
                ..Shape::default()
            };
            if !value.is_array() {
                let schema = self.inner(site, &[keyword, name])?;
                let schema = self.shape(schema, site.seen)?;
                with = self.meet(&with, &schema)?;
            }
            let mut cases = Shape::of_objects(vec![Object::with(name, NEVER, false)]);
            cases.join(with);
            all = self.meet(&all, &cases)?;
        }
        Ok(all)
    }
}
