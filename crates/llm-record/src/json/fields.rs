//! The fields of an object, in their order.

use std::ops::Index;

use indexmap::IndexMap;

use super::read::numbers_are_plain;
use super::{Json, Values};

/// The fields of a JSON object, in the order in which they were written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(pub(super) IndexMap<String, Json>);

impl Extend<(String, Json)> for Fields {
    fn extend<T: IntoIterator<Item = (String, Json)>>(&mut self, fields: T) {
        self.0.extend(fields);
    }
}

impl Fields {
    /// Returns no fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.get(name)
    }

    /// Returns the column of this name, or else the one whose name differs from it in the case of letters
    /// alone; nothing where several do. The keys of an object are told apart by case.
    #[must_use]
    pub fn get_any_case(&self, name: &str) -> Option<&Json> {
        let lower = name.to_lowercase();
        let is_like = |(key, _): &(&String, &Json)| key.to_lowercase() == lower;
        self.get(name).or_else(|| {
            let mut alike = self.0.iter().filter(is_like);
            let (_, value) = alike.next()?;
            alike.next().is_none().then_some(value)
        })
    }

    /// Returns the fields in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&String, &Json)> {
        self.0.iter()
    }

    /// Whether a field is there.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Sets a field.
    pub fn insert(&mut self, name: String, value: Json) {
        self.0.insert(name, value);
    }

    /// Returns the names in their order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &String> {
        self.0.keys()
    }

    /// Returns how many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns a text that tells the fields from others: JSON, in which numbers of equal value that a
    /// reader of doubles would take for one are one.
    #[must_use]
    pub fn key(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        if numbers_are_plain(&text) {
            text
        } else {
            serde_json::to_string(&self.named()).unwrap_or_default()
        }
    }

    pub(super) fn named(&self) -> Self {
        let fields = self.0.iter();
        Self(
            fields
                .map(|(name, value)| (name.clone(), value.named()))
                .collect(),
        )
    }

    /// Returns the fields with the nearest numbers.
    pub(crate) fn to_nearest(&self) -> Values {
        let fields = self.0.iter();
        fields
            .map(|(name, value)| (name.clone(), value.to_nearest()))
            .collect()
    }
}

impl FromIterator<(String, Json)> for Fields {
    fn from_iter<I: IntoIterator<Item = (String, Json)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

impl Index<&str> for Fields {
    type Output = Json;

    /// Returns a field; null where there is none, as `serde_json` has it.
    fn index(&self, name: &str) -> &Json {
        self.get(name).unwrap_or(&Json::Null)
    }
}

impl From<Values> for Fields {
    fn from(values: Values) -> Self {
        values
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect()
    }
}
