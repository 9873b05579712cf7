//! Set algebra on the values that schemas describe: every schema becomes a union of simple sets.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use indexmap::IndexMap;
use serde_json::Value;

use super::SchemaError;
use super::array::Array;
use super::document::Document;
use super::expr::{ALWAYS, Expr, ExprId, Exprs, NEVER};
use super::number::{Numbers, exact};
use super::object::{Object, Property};
use super::shape::{Refusal, Shape, add};
use super::text::Texts;

/// The most simple sets of one type that a schema may be the union of.
const UNION_MAX: usize = 300;

/// The most conditions and steps that one schema may take.
const STEPS_MAX: usize = 200_000;

/// How deeply required values are looked into when a union is thinned out.
const LOOK_MAX: usize = 8;

/// How deeply schemas may apply to one and the same value; each takes some stack.
const IN_PLACE_MAX: usize = 32;

/// A schema document with everything found out about it so far.
pub(super) struct Solver<'a> {
    pub(super) document: Document<'a>,
    pub(super) exprs: Exprs,
    shapes: HashMap<(ExprId, bool), Rc<Shape>>,
    busy: HashSet<(ExprId, bool)>,
    steps: usize,
    looking: usize,
}

impl<'a> Solver<'a> {
    pub(super) fn new(document: Document<'a>) -> Self {
        Self {
            document,
            exprs: Exprs::new(),
            shapes: HashMap::new(),
            busy: HashSet::new(),
            steps: 0,
            looking: 0,
        }
    }

    /// Returns the values that meet a condition. With `seen`, each set of arrays and objects tells which
    /// items and properties were evaluated on the way.
    pub(super) fn shape(&mut self, id: ExprId, seen: bool) -> Result<Rc<Shape>, Refusal> {
        let key = (id, seen);
        if let Some(shape) = self.shapes.get(&key) {
            return Ok(shape.clone());
        }
        if !self.busy.insert(key) {
            return Err(SchemaError::Invalid {
                pointer: self.pointer(id),
                reason: "it refers to itself without end".to_owned(),
            });
        }
        if self.busy.len() > IN_PLACE_MAX {
            self.busy.remove(&key);
            return Err(SchemaError::TooComplex {
                reason: format!("more than {IN_PLACE_MAX} schemas refer to each other in a row"),
            });
        }
        let shape = self.evaluated(id, seen);
        self.busy.remove(&key);
        let shape = Rc::new(shape?);
        self.shapes.insert(key, shape.clone());
        Ok(shape)
    }

    fn evaluated(&mut self, id: ExprId, seen: bool) -> Result<Shape, Refusal> {
        match self.exprs.get(id).clone() {
            Expr::Always => Ok(Shape::any()),
            Expr::Never => Ok(Shape::default()),
            Expr::At(place) => self.read(place, seen),
            Expr::Not(inner) => {
                let inner = self.shape(inner, false)?;
                self.negated(&inner)
            }
            Expr::All(list) => {
                let mut all = Shape::any();
                for one in list {
                    let one = self.shape(one, seen)?;
                    all = self.meet(&all, &one)?;
                }
                Ok(all)
            }
            Expr::Value(text) => {
                let value = serde_json::from_str(&text).unwrap_or(Value::Null);
                self.of_value(&value, "", "const")
            }
        }
    }

    /// Returns the JSON pointer of the schema that a condition comes from.
    pub(super) fn pointer(&self, id: ExprId) -> String {
        match self.exprs.get(id) {
            Expr::At(place) => self.document.place(*place).pointer.clone(),
            Expr::Not(inner) => self.pointer(*inner),
            Expr::All(list) => list
                .first()
                .map_or(String::new(), |&first| self.pointer(first)),
            _ => String::new(),
        }
    }

    /// Counts one step, and fails where a schema takes too many.
    fn step(&mut self) -> Result<(), Refusal> {
        self.steps += 1;
        if self.steps + self.exprs.len() > STEPS_MAX {
            return Err(SchemaError::TooComplex {
                reason: format!("its combinations take more than {STEPS_MAX} steps"),
            });
        }
        Ok(())
    }

    /// Returns the set of one value.
    pub(super) fn of_value(
        &mut self,
        value: &Value,
        pointer: &str,
        keyword: &str,
    ) -> Result<Shape, Refusal> {
        let mut shape = Shape::default();
        match value {
            Value::Null => shape.null = true,
            Value::Bool(yes) => (shape.yes, shape.no) = (*yes, !*yes),
            Value::Number(number) => {
                let number = exact(value).ok_or_else(|| SchemaError::Unsupported {
                    pointer: pointer.to_owned(),
                    keyword: keyword.to_owned(),
                    reason: format!("{number} has more digits than are kept apart"),
                })?;
                shape.numbers.push(Numbers::only(number));
            }
            Value::String(text) => shape.texts.push(Texts::only(vec![text.clone()])),
            Value::Array(items) => shape.arrays.push(Array {
                prefix: items.iter().map(|item| self.value_id(item)).collect(),
                items: NEVER,
                min: items.len() as u64,
                max: Some(items.len() as u64),
                ..Array::default()
            }),
            Value::Object(map) => {
                let property = |value| Property {
                    value,
                    required: true,
                };
                let properties = map
                    .iter()
                    .map(|(name, value)| (name.clone(), property(self.value_id(value))));
                shape.objects.push(Object {
                    properties: properties.collect::<IndexMap<_, _>>(),
                    rest: NEVER,
                    ..Object::default()
                });
            }
        }
        Ok(shape)
    }

    fn value_id(&mut self, value: &Value) -> ExprId {
        self.exprs.id(Expr::Value(value.to_string()))
    }

    /// Returns the values in both sets.
    pub(super) fn meet(&mut self, a: &Shape, b: &Shape) -> Result<Shape, Refusal> {
        let mut met = Shape {
            null: a.null && b.null,
            no: a.no && b.no,
            yes: a.yes && b.yes,
            ..Shape::default()
        };
        for a in &a.numbers {
            for b in &b.numbers {
                self.step()?;
                add(&mut met.numbers, a.meet(b)?.into_iter().collect());
            }
        }
        for a in &a.texts {
            for b in &b.texts {
                self.step()?;
                add(&mut met.texts, a.meet(b)?.into_iter().collect());
            }
        }
        for a in &a.arrays {
            for b in &b.arrays {
                self.step()?;
                if let Some(array) = a.meet(b, &mut self.exprs)
                    && !self.hopeless_array(&array)
                {
                    add(&mut met.arrays, vec![array]);
                }
            }
        }
        for a in &a.objects {
            for b in &b.objects {
                self.step()?;
                if let Some(object) = a.meet(b, &mut self.exprs)?
                    && !self.hopeless_object(&object)
                {
                    add(&mut met.objects, vec![object]);
                }
            }
        }
        if met.size() > UNION_MAX {
            return Err(SchemaError::TooComplex {
                reason: format!("a part of it is the union of more than {UNION_MAX} cases"),
            });
        }
        Ok(met)
    }

    /// Returns the values outside a set.
    pub(super) fn negated(&mut self, shape: &Shape) -> Result<Shape, Refusal> {
        let mut all = Shape {
            null: !shape.null,
            no: !shape.no,
            yes: !shape.yes,
            ..Shape::any()
        };
        for set in &shape.numbers {
            let outside = Shape {
                numbers: set.negated(),
                ..Shape::any()
            };
            all = self.meet(&all, &outside)?;
        }
        for set in &shape.texts {
            let outside = Shape {
                texts: set.negated(),
                ..Shape::any()
            };
            all = self.meet(&all, &outside)?;
        }
        for set in &shape.arrays {
            let outside = Shape::of_arrays(set.negated(&mut self.exprs));
            all = self.meet(&all, &outside)?;
        }
        for set in &shape.objects {
            let outside = Shape::of_objects(set.negated(&mut self.exprs)?);
            all = self.meet(&all, &outside)?;
        }
        Ok(all)
    }

    fn hopeless_array(&mut self, array: &Array) -> bool {
        let required = usize::try_from(array.min).unwrap_or(usize::MAX);
        let items = array.prefix.iter().take(required).copied();
        let mut items = items.collect::<Vec<_>>();
        if required > array.prefix.len() {
            items.push(array.items);
        }
        items
            .into_iter()
            .any(|item| self.is_combined(item) && self.surely_empty(item))
    }

    fn hopeless_object(&mut self, object: &Object) -> bool {
        let required = object
            .properties
            .values()
            .filter(|property| property.required);
        let required = required.map(|property| property.value).collect::<Vec<_>>();
        required
            .into_iter()
            .any(|value| self.is_combined(value) && self.surely_empty(value))
    }

    fn is_combined(&self, id: ExprId) -> bool {
        matches!(self.exprs.get(id), Expr::All(_) | Expr::Not(_))
    }

    /// Returns whether no value meets a condition, as far as that is found out without following it into
    /// itself.
    pub(super) fn surely_empty(&mut self, id: ExprId) -> bool {
        if id == NEVER || id == ALWAYS || self.looking >= LOOK_MAX {
            return id == NEVER;
        }
        self.looking += 1;
        let empty = self.shape(id, false).is_ok_and(|shape| shape.is_none());
        self.looking -= 1;
        empty
    }
}
