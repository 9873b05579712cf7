//! What llguidance's schemas have no word for, said by cases: how many items meet a condition, items that
//! differ from each other, and how many of the named properties there are.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::SchemaError;
use super::array::{Array, Contains};
use super::expr::{Expr, ExprId, NEVER};
use super::number::number_value;
use super::object::{Exists, Object, Property};
use super::shape::{Origin, Refusal};
use super::solve::Solver;

/// The most cases that one set may become.
const CASES_MAX: usize = 500;

/// The longest array whose items are counted by cases.
const LENGTH_MAX: u64 = 12;

fn too_many() -> SchemaError {
    SchemaError::TooComplex {
        reason: format!("a part of it stands for more than {CASES_MAX} cases"),
    }
}

impl Solver<'_> {
    /// Returns sets of arrays without `contains` and `uniqueItems` that together are the same.
    pub(super) fn plain_arrays(&mut self, array: Array) -> Result<Vec<Array>, Refusal> {
        let mut open = VecDeque::from([array]);
        let mut plain = Vec::new();
        while let Some(mut array) = open.pop_front() {
            if let Some(origin) = &array.repeats {
                return Err(
                    origin.refusal("arrays with a repeated item are no set that can be enforced")
                );
            }
            if let Some(one) = array.contains.pop() {
                open.extend(self.counted(array, &one)?);
            } else if let Some(origin) = array.unique.take() {
                plain.extend(self.distinct(array, &origin)?);
            } else {
                plain.push(array);
            }
            if open.len() + plain.len() > CASES_MAX {
                return Err(too_many());
            }
        }
        Ok(plain)
    }

    /// Returns the arrays of a set in which some items meet a condition, by cases of which do.
    fn counted(&mut self, array: Array, one: &Contains) -> Result<Vec<Array>, Refusal> {
        if one.max.is_none() && self.sure_items(&array, one) >= one.min {
            return Ok(vec![array]);
        }
        let Some(length) = array.max.filter(|&max| max <= LENGTH_MAX) else {
            let reason = format!(
                "the items that meet it are counted in arrays of at most {LENGTH_MAX} items only; set 'maxItems'"
            );
            return Err(one.origin.refusal(reason));
        };
        let none = self.exprs.not(one.item);
        let mut cases = Vec::new();
        let mut open = vec![(array, one.from, 0)];
        while let Some((array, index, found)) = open.pop() {
            if open.len() + cases.len() > CASES_MAX {
                return Err(too_many());
            }
            if index as u64 >= length || (found >= one.min && one.max.is_none()) {
                if found >= one.min {
                    cases.push(array);
                }
                continue;
            }
            let mut without = array.clone();
            if one.max.is_some() {
                without = self.with_item(without, index, none);
            }
            let without = without.settled(&mut self.exprs);
            open.extend(without.map(|array| (array, index + 1, found)));
            if one.max.is_none_or(|max| found < max) {
                let mut with = self.with_item(array, index, one.item);
                with.min = with.min.max(index as u64 + 1);
                let with = with.settled(&mut self.exprs);
                open.extend(with.map(|array| (array, index + 1, found + 1)));
            }
        }
        Ok(cases)
    }

    /// Returns how many items are there for sure and meet a condition for sure.
    fn sure_items(&mut self, array: &Array, one: &Contains) -> u64 {
        let none = self.exprs.not(one.item);
        let end = usize::try_from(array.min.min(64)).unwrap_or(0);
        let mut sure = 0;
        for index in one.from..end {
            let outside = self.exprs.both(array.item(index), none);
            sure += u64::from(self.surely_empty(outside));
        }
        sure
    }

    fn with_item(&mut self, mut array: Array, index: usize, item: ExprId) -> Array {
        while array.prefix.len() <= index && array.items != NEVER {
            array.prefix.push(array.items);
        }
        if let Some(place) = array.prefix.get_mut(index) {
            *place = self.exprs.both(*place, item);
        }
        array
    }

    /// Returns the arrays of a set whose items differ from each other.
    fn distinct(&mut self, array: Array, origin: &Origin) -> Result<Vec<Array>, Refusal> {
        if self.differ(&array) {
            return Ok(vec![array]);
        }
        let unknown = || {
            origin.refusal("items that differ are enforced only where they are few known values or can never be equal")
        };
        let mut choices = Vec::new();
        for &item in array.prefix.iter().chain([&array.items]) {
            let values = if item == NEVER {
                Vec::new()
            } else {
                self.values(item)?.ok_or_else(unknown)?
            };
            choices.push(values);
        }
        let mut cases = Vec::new();
        let mut open: Vec<Vec<Value>> = vec![Vec::new()];
        while let Some(items) = open.pop() {
            let length = items.len() as u64;
            if length >= array.min {
                cases.push(self.exactly(&items));
            }
            if cases.len() + open.len() > CASES_MAX {
                return Err(unknown());
            }
            if array.max.is_some_and(|max| length >= max) {
                continue;
            }
            let choice = &choices[items.len().min(choices.len() - 1)];
            for value in choice.iter().filter(|value| !items.contains(value)).rev() {
                let mut longer = items.clone();
                longer.push(value.clone());
                open.push(longer);
            }
        }
        Ok(cases)
    }

    fn exactly(&mut self, items: &[Value]) -> Array {
        let prefix = items
            .iter()
            .map(|item| self.exprs.id(Expr::Value(item.to_string())));
        Array {
            prefix: prefix.collect(),
            items: NEVER,
            min: items.len() as u64,
            max: Some(items.len() as u64),
            ..Array::default()
        }
    }

    /// Returns whether no two items of an array can be equal.
    fn differ(&mut self, array: &Array) -> bool {
        let Some(max) = array.max.filter(|&max| max <= LENGTH_MAX) else {
            return false;
        };
        let items = (0..max).map(|index| array.item(usize::try_from(index).unwrap_or(0)));
        let items = items.collect::<Vec<_>>();
        for (index, &a) in items.iter().enumerate() {
            for &b in &items[index + 1..] {
                let both = self.exprs.both(a, b);
                if !self.surely_empty(both) {
                    return false;
                }
            }
        }
        true
    }

    /// Returns all values that meet a condition, if they are a list of scalars.
    fn values(&mut self, id: ExprId) -> Result<Option<Vec<Value>>, Refusal> {
        let shape = self.shape(id, false)?;
        let mut values = Vec::new();
        values.extend(shape.null.then_some(Value::Null));
        values.extend(shape.no.then_some(json!(false)));
        values.extend(shape.yes.then_some(json!(true)));
        if !(shape.arrays.is_empty() && shape.objects.is_empty()) {
            return Ok(None);
        }
        for numbers in &shape.numbers {
            let Some(number) = numbers.single() else {
                return Ok(None);
            };
            values.push(number_value(number));
        }
        for texts in &shape.texts {
            let Some(only) = &texts.only else {
                return Ok(None);
            };
            values.extend(only.iter().map(|text| json!(text)));
        }
        Ok(Some(values))
    }

    /// Returns sets of objects that together are the same, whose conditions are all on names, and whose
    /// number of properties is bounded only where all named ones are required or forbidden.
    pub(super) fn plain_objects(&mut self, object: Object) -> Result<Vec<Object>, Refusal> {
        let mut open = vec![object];
        let mut plain = Vec::new();
        while let Some(mut object) = open.pop() {
            if open.len() + plain.len() > CASES_MAX {
                return Err(too_many());
            }
            match object.exists.pop() {
                Some(one) => open.extend(self.existing(&object, &one)?),
                None => plain.extend(counted_properties(object)?),
            }
        }
        Ok(plain)
    }

    /// Returns the objects of a set in which some property is such a one, by cases of which it is.
    fn existing(&mut self, object: &Object, one: &Exists) -> Result<Vec<Object>, Refusal> {
        if !object.is_closed() {
            let reason =
                "that some property of any name meets a condition is no set that can be enforced";
            return Err(one.origin.refusal(reason));
        }
        let mut cases = Vec::new();
        for (index, (name, property)) in object.properties.iter().enumerate() {
            let value = self.exprs.both(property.value, one.value);
            if value != NEVER && one.covers(name) {
                let mut case = object.clone();
                let required = true;
                case.properties[index] = Property { value, required };
                cases.push(case);
            }
        }
        Ok(cases)
    }
}

/// Returns sets of objects that together are the same, and whose number of properties is bounded only
/// where all named ones are required or forbidden.
fn counted_properties(object: Object) -> Result<Vec<Object>, Refusal> {
    let origin = object.bounds.clone();
    let origin = origin.unwrap_or_else(|| Origin::somewhere("minProperties"));
    let mut plain = Vec::new();
    let mut open = vec![(object, 0)];
    while let Some((mut object, index)) = open.pop() {
        if open.len() + plain.len() > CASES_MAX {
            return Err(too_many());
        }
        let is_there = |property: &&Property| property.value != NEVER;
        let required = object
            .properties
            .values()
            .filter(|property| property.required);
        let required = required.count() as u64;
        let named = object.properties.values().filter(is_there).count() as u64;
        let closed = object.is_closed();
        if required >= object.min {
            object.min = 0;
        }
        if closed {
            object.max = object.max.filter(|&max| max < named);
        }
        if object.max.is_some_and(|max| max < required) || (closed && object.min > named) {
            continue;
        }
        let free = |property: &Property| property.value != NEVER && !property.required;
        let next = (index..object.properties.len()).find(|&index| free(&object.properties[index]));
        match next {
            Some(next) if object.min > 0 || object.max.is_some() => {
                let mut without = object.clone();
                without.properties[next].value = NEVER;
                object.properties[next].required = true;
                open.push((without, next + 1));
                open.push((object, next + 1));
            }
            _ => {
                if object.min > required + 1 {
                    let reason = "a name may be written twice, so that more than one property of free names is not counted";
                    return Err(origin.refusal(reason));
                }
                plain.push(object);
            }
        }
    }
    Ok(plain)
}
