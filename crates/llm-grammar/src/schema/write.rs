//! Sets of values, written as a schema that llguidance enforces to the letter: no set inside another
//! but by `anyOf`, and every schema that contains others under a name of its own in `$defs`.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::SchemaError;
use super::array::Array;
use super::expr::{ALWAYS, ExprId, NEVER};
use super::object::{Object, Region};
use super::shape::{Refusal, SOMEWHERE, Shape};
use super::solve::Solver;
use super::text::too_large;
use crate::regular::language::Language;

/// The longest way of schemas into each other. llguidance 1.9.1 follows it by recursion, which takes some
/// 45 KiB of stack for each in a debug build.
const CHAIN_MAX: usize = 32;

/// The most schemas that one may become.
const SCHEMAS_MAX: usize = 5000;

/// One case of a schema.
#[derive(Debug)]
enum Form {
    Scalar(Value),
    Array(Array),
    Object(Object, Vec<String>),
}

/// What is known of the schemas to write.
#[derive(Debug, Default)]
struct Plan {
    forms: HashMap<ExprId, Vec<Form>>,
    /// All conditions, in the order in which they were found.
    order: Vec<ExprId>,
    /// Those that some finite value meets.
    productive: HashSet<ExprId>,
    whole: HashSet<ExprId>,
}

impl Solver<'_> {
    /// Writes the schema of a condition.
    pub(super) fn write(&mut self, root: ExprId) -> Result<Value, Refusal> {
        let mut plan = self.plan(root)?;
        plan.find_productive();
        if !plan.is_productive(root) {
            return Err(SchemaError::Unsatisfiable {
                pointer: self.pointer(root),
            });
        }
        plan.check_chains(root)?;
        let mut schema = match plan.written(root) {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        let mut named = Map::new();
        let used = plan.forms.values().flatten().flat_map(Form::inner);
        let used = used.collect::<HashSet<_>>();
        for &id in &plan.order {
            if used.contains(&id) && plan.is_productive(id) && !plan.is_inline(id) {
                named.insert(format!("s{id}"), plan.written(id));
            }
        }
        if !named.is_empty() {
            schema.insert("$defs".to_owned(), Value::Object(named));
        }
        Ok(Value::Object(schema))
    }

    fn plan(&mut self, root: ExprId) -> Result<Plan, Refusal> {
        let mut plan = Plan::default();
        let mut open = vec![root];
        while let Some(id) = open.pop() {
            if plan.forms.contains_key(&id) || id == ALWAYS || id == NEVER {
                continue;
            }
            let forms = self.forms(id).map_err(|error| self.located(error, id))?;
            for form in &forms {
                open.extend(form.inner());
            }
            if *self.shape(id, false)? == Shape::any() {
                plan.whole.insert(id);
            }
            plan.forms.insert(id, forms);
            plan.order.push(id);
            if plan.order.len() > SCHEMAS_MAX {
                return Err(SchemaError::TooComplex {
                    reason: format!("it stands for more than {SCHEMAS_MAX} schemas"),
                });
            }
        }
        Ok(plan)
    }

    /// Names the schema that an error is about where only its keyword is known.
    fn located(&self, error: SchemaError, id: ExprId) -> SchemaError {
        match error {
            SchemaError::Unsupported {
                pointer,
                keyword,
                reason,
            } if pointer == SOMEWHERE => SchemaError::Unsupported {
                pointer: self.pointer(id),
                keyword,
                reason,
            },
            other => other,
        }
    }

    fn forms(&mut self, id: ExprId) -> Result<Vec<Form>, Refusal> {
        let shape = self.shape(id, false)?;
        if *shape == Shape::any() {
            return Ok(vec![Form::Scalar(Value::Bool(true))]);
        }
        let mut forms = Vec::new();
        let mut scalar = |value| forms.push(Form::Scalar(value));
        if shape.null {
            scalar(json!({"type": "null"}));
        }
        match (shape.no, shape.yes) {
            (true, true) => scalar(json!({"type": "boolean"})),
            (true, false) => scalar(json!({"const": false})),
            (false, true) => scalar(json!({"const": true})),
            (false, false) => {}
        }
        for numbers in &shape.numbers {
            scalar(numbers.write()?);
        }
        for texts in &shape.texts {
            scalar(texts.write()?);
        }
        for array in &shape.arrays {
            let plain = self.plain_arrays(array.clone())?;
            forms.extend(plain.into_iter().map(Form::Array));
        }
        for object in &shape.objects {
            for object in self.plain_objects(object.clone())? {
                let mut object = object;
                let rest = object.rest;
                object.regions.retain(|region| region.value != rest);
                let patterns = object.regions.iter().map(|region| pattern(region, &object));
                let patterns = patterns.collect::<Result<_, _>>()?;
                forms.push(Form::Object(object, patterns));
            }
        }
        Ok(forms)
    }
}

/// Writes the names of a region without those that stand by themselves, which llguidance would hold to
/// the region's condition, too.
fn pattern(region: &Region, object: &Object) -> Result<String, Refusal> {
    let names = object.properties.keys();
    let own = names
        .filter(|name| region.names.automaton.matches(name))
        .collect::<Vec<_>>();
    let text = if own.is_empty() {
        let language = region.names.language.as_ref();
        let text = language.and_then(|language| language.text());
        text.or_else(|| region.names.automaton.whole_text())
    } else {
        let own = Language::of_texts(own).automaton();
        let left = own.and_then(|own| region.names.automaton.both(&own, true));
        left.and_then(|left| left.whole_text())
    };
    text.ok_or_else(|| too_large(&region.origin))
}

impl Form {
    /// Returns the conditions on what is inside, the one that is written first last.
    fn inner(&self) -> Vec<ExprId> {
        match self {
            Self::Scalar(_) => Vec::new(),
            Self::Array(array) => {
                let prefix = array.prefix.iter().rev().copied();
                [array.items].into_iter().chain(prefix).collect()
            }
            Self::Object(object, _) => {
                let named = object
                    .properties
                    .values()
                    .rev()
                    .map(|property| property.value);
                let regions = object.regions.iter().map(|region| region.value);
                [object.rest]
                    .into_iter()
                    .chain(regions)
                    .chain(named)
                    .collect()
            }
        }
    }
}

impl Plan {
    fn is_productive(&self, id: ExprId) -> bool {
        id == ALWAYS || self.productive.contains(&id)
    }

    /// Finds the conditions that some finite value meets: the least fixed point.
    fn find_productive(&mut self) {
        loop {
            let found = self.order.iter().copied().filter(|id| {
                !self.productive.contains(id) && self.forms[id].iter().any(|form| self.can_be(form))
            });
            let found = found.collect::<Vec<_>>();
            if found.is_empty() {
                return;
            }
            self.productive.extend(found);
        }
    }

    fn can_be(&self, form: &Form) -> bool {
        match form {
            Form::Scalar(_) => true,
            Form::Array(array) => {
                let prefix = array.prefix.iter().zip(0_u64..);
                let mut needed = prefix.filter(|(_, index)| *index < array.min);
                let tail = array.min > array.prefix.len() as u64;
                needed.all(|(&item, _)| self.is_productive(item))
                    && (!tail || self.is_productive(array.items))
            }
            Form::Object(object, _) => {
                let mut required = object
                    .properties
                    .values()
                    .filter(|property| property.required);
                let count = required.clone().count() as u64;
                required.all(|property| self.is_productive(property.value))
                    && (object.min <= count || self.is_open(object))
            }
        }
    }

    fn is_open(&self, object: &Object) -> bool {
        let mut regions = object.regions.iter();
        self.is_productive(object.rest) || regions.any(|region| self.is_productive(region.value))
    }

    /// Returns whether a schema stands where it is used: one that holds no others.
    fn is_inline(&self, id: ExprId) -> bool {
        let forms = self.forms.get(&id);
        forms.is_none_or(|forms| forms.iter().all(|form| matches!(form, Form::Scalar(_))))
    }

    /// Writes a condition where it is used.
    fn used(&self, id: ExprId) -> Value {
        if id == ALWAYS || self.whole.contains(&id) {
            return Value::Bool(true);
        }
        if !self.is_productive(id) {
            return Value::Bool(false);
        }
        if self.is_inline(id) {
            return self.written(id);
        }
        json!({ "$ref": format!("#/$defs/s{id}") })
    }

    /// Writes a condition's cases.
    fn written(&self, id: ExprId) -> Value {
        let forms = self.forms.get(&id).map_or(&[][..], Vec::as_slice);
        let forms = forms.iter().filter(|form| self.can_be(form));
        let mut cases = forms.map(|form| self.form(form)).collect::<Vec<_>>();
        match cases.len() {
            0 => Value::Bool(id == ALWAYS),
            1 => cases.remove(0),
            _ => json!({ "anyOf": cases }),
        }
    }

    fn form(&self, form: &Form) -> Value {
        match form {
            Form::Scalar(value) => value.clone(),
            Form::Array(array) => self.array(array),
            Form::Object(object, patterns) => self.object(object, patterns),
        }
    }

    fn array(&self, array: &Array) -> Value {
        let mut schema = Map::from_iter([("type".to_owned(), json!("array"))]);
        let cut = array
            .prefix
            .iter()
            .position(|&item| !self.is_productive(item));
        let length = cut.unwrap_or(array.prefix.len());
        let mut max = array.max;
        let ends = cut.is_some() || !self.is_productive(array.items);
        if ends {
            max = Some(max.map_or(length as u64, |max| max.min(length as u64)));
        }
        if length > 0 {
            let prefix = array.prefix[..length].iter().map(|&item| self.used(item));
            schema.insert("prefixItems".to_owned(), prefix.collect());
        }
        let items = if ends {
            Value::Bool(false)
        } else {
            self.used(array.items)
        };
        if items != Value::Bool(true) {
            schema.insert("items".to_owned(), items);
        }
        if array.min > 0 {
            schema.insert("minItems".to_owned(), array.min.into());
        }
        if let Some(max) = max {
            schema.insert("maxItems".to_owned(), max.into());
        }
        Value::Object(schema)
    }

    fn object(&self, object: &Object, patterns: &[String]) -> Value {
        let mut schema = Map::from_iter([("type".to_owned(), json!("object"))]);
        let named = object.properties.iter();
        let named = named.map(|(name, property)| (name.clone(), self.used(property.value)));
        let named = named.collect::<Map<_, _>>();
        if !named.is_empty() {
            schema.insert("properties".to_owned(), Value::Object(named));
        }
        let required = object
            .properties
            .iter()
            .filter(|(_, property)| property.required);
        let required = required.map(|(name, _)| json!(name)).collect::<Vec<_>>();
        if !required.is_empty() {
            schema.insert("required".to_owned(), Value::Array(required));
        }
        if !object.regions.is_empty() {
            let regions = patterns.iter().zip(&object.regions);
            let regions = regions.map(|(text, region)| (text.clone(), self.used(region.value)));
            schema.insert(
                "patternProperties".to_owned(),
                Value::Object(regions.collect()),
            );
        }
        let rest = self.used(object.rest);
        if rest != Value::Bool(true) {
            schema.insert("additionalProperties".to_owned(), rest);
        }
        if object.min > 0 {
            schema.insert("minProperties".to_owned(), object.min.into());
        }
        if let Some(max) = object.max {
            schema.insert("maxProperties".to_owned(), max.into());
        }
        Value::Object(schema)
    }

    /// Refuses schemas that llguidance would follow too deeply: it goes into each one where it first
    /// meets it.
    fn check_chains(&self, root: ExprId) -> Result<(), Refusal> {
        let mut seen = HashSet::new();
        let mut open = vec![(root, 0)];
        while let Some((id, depth)) = open.pop() {
            if !seen.insert(id) || !self.is_productive(id) {
                continue;
            }
            if depth > CHAIN_MAX {
                return Err(SchemaError::TooComplex {
                    reason: format!("schemas lie in each other more than {CHAIN_MAX} deep"),
                });
            }
            let forms = self.forms.get(&id).into_iter().flatten();
            let inner = forms.flat_map(Form::inner).collect::<Vec<_>>();
            open.extend(inner.into_iter().map(|inner| (inner, depth + 1)));
        }
        Ok(())
    }
}
