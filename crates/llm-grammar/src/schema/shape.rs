//! The set of values that a schema describes, as a union of simple sets for each type.

use std::rc::Rc;

use super::SchemaError;
use super::array::Array;
use super::number::Numbers;
use super::object::Object;
use super::text::Texts;

/// Why a set is not enforced.
pub(super) type Refusal = SchemaError;

/// The pointer of a condition that no longer knows where it stood.
pub(super) const SOMEWHERE: &str = "?";

/// Where a condition comes from: a keyword, and the JSON pointer of the schema in which it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) pointer: Rc<str>,
    pub(super) keyword: Rc<str>,
}

impl Origin {
    pub(super) fn new(pointer: &str, keyword: &str) -> Self {
        Self {
            pointer: pointer.into(),
            keyword: keyword.into(),
        }
    }

    /// Returns the origin of what follows from a keyword, wherever it stood.
    pub(super) fn somewhere(keyword: &str) -> Self {
        Self::new(SOMEWHERE, keyword)
    }

    /// Returns the error that this keyword is not enforced.
    pub(super) fn refusal(&self, reason: impl Into<String>) -> SchemaError {
        SchemaError::Unsupported {
            pointer: self.pointer.to_string(),
            keyword: self.keyword.to_string(),
            reason: reason.into(),
        }
    }
}

/// A set of JSON values. A type's values are the union of its list.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Shape {
    pub(super) null: bool,
    pub(super) no: bool,
    pub(super) yes: bool,
    pub(super) numbers: Vec<Numbers>,
    pub(super) texts: Vec<Texts>,
    pub(super) arrays: Vec<Array>,
    pub(super) objects: Vec<Object>,
}

impl Shape {
    /// Returns the set of all values.
    pub(super) fn any() -> Self {
        Self {
            null: true,
            no: true,
            yes: true,
            numbers: vec![Numbers::default()],
            texts: vec![Texts::default()],
            arrays: vec![Array::default()],
            objects: vec![Object::default()],
        }
    }

    /// Returns the set of all values but arrays, and those of a list.
    pub(super) fn of_arrays(arrays: Vec<Array>) -> Self {
        Self {
            arrays,
            ..Self::any()
        }
    }

    /// Returns the set of all values but objects, and those of a list.
    pub(super) fn of_objects(objects: Vec<Object>) -> Self {
        Self {
            objects,
            ..Self::any()
        }
    }

    /// Returns whether no value is in the set.
    pub(super) fn is_none(&self) -> bool {
        let scalars = self.null || self.no || self.yes;
        !scalars
            && self.numbers.is_empty()
            && self.texts.is_empty()
            && self.arrays.is_empty()
            && self.objects.is_empty()
    }

    /// Returns how many simple sets it is the union of.
    pub(super) fn size(&self) -> usize {
        self.numbers.len() + self.texts.len() + self.arrays.len() + self.objects.len()
    }

    /// Adds the values of another set.
    pub(super) fn join(&mut self, other: Self) {
        self.null |= other.null;
        self.no |= other.no;
        self.yes |= other.yes;
        add(&mut self.numbers, other.numbers);
        add(&mut self.texts, other.texts);
        add(&mut self.arrays, other.arrays);
        add(&mut self.objects, other.objects);
        merge_lists(&mut self.texts);
    }

    /// Forgets which items and properties were evaluated.
    pub(super) fn forget(&mut self) {
        for array in &mut self.arrays {
            array.seen = super::array::SeenItems::default();
        }
        for object in &mut self.objects {
            object.seen = super::object::SeenProperties::default();
        }
        let arrays = std::mem::take(&mut self.arrays);
        add(&mut self.arrays, arrays);
        let objects = std::mem::take(&mut self.objects);
        add(&mut self.objects, objects);
    }
}

/// A set of one type's values. The default is all of them.
pub(super) trait Simple: PartialEq + Default {
    /// Returns whether the set tells what was evaluated, which makes it more than its values.
    fn has_seen(&self) -> bool {
        false
    }
}

impl Simple for Numbers {}

impl Simple for Texts {}

impl Simple for Array {
    fn has_seen(&self) -> bool {
        self.seen != super::array::SeenItems::default()
    }
}

impl Simple for Object {
    fn has_seen(&self) -> bool {
        self.seen != super::object::SeenProperties::default()
    }
}

/// Adds sets to a union; what is there already, or beside all of the type, is not repeated.
pub(super) fn add<T: Simple>(list: &mut Vec<T>, more: Vec<T>) {
    for item in more {
        if !list.contains(&item) {
            list.push(item);
        }
    }
    let all = T::default();
    if list.len() > 1 && list.contains(&all) {
        list.retain(T::has_seen);
        list.push(all);
    }
}

/// Makes one list of texts of several.
fn merge_lists(texts: &mut Vec<Texts>) {
    let is_list = |set: &Texts| set.only.is_some();
    let Some(first) = texts.iter().position(is_list) else {
        return;
    };
    let mut all: Vec<String> = Vec::new();
    for text in texts.iter().filter_map(|set| set.only.as_ref()).flatten() {
        if !all.contains(text) {
            all.push(text.clone());
        }
    }
    texts[first] = Texts::only(all);
    let mut index = 0;
    texts.retain(|set| {
        index += 1;
        !is_list(set) || index == first + 1
    });
}
