//! A schema document: where its schemas stand, under which names, and what a reference names.
//!
//! References are followed inside the document only: by JSON pointer, by `$anchor` and by the `$id` of a
//! schema that is embedded in it (JSON Schema Core 2020-12, section 8). Nothing is ever fetched.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::SchemaError;
use super::uri;

/// How deeply a schema document may nest.
pub(super) const DEPTH_MAX: usize = 100;

/// A schema's number in its document.
pub(super) type PlaceId = usize;

/// The version of JSON Schema that a document is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dialect {
    Draft4,
    Draft6,
    Draft7,
    Draft201909,
    Draft202012,
}

/// A schema of the document.
#[derive(Debug, Clone)]
pub(super) struct Place<'a> {
    pub(super) value: &'a Value,
    pub(super) pointer: String,
    /// The URI that its references are relative to.
    base: String,
}

/// A schema document and its index of names.
#[derive(Debug)]
pub(super) struct Document<'a> {
    root: &'a Value,
    pub(super) dialect: Dialect,
    places: Vec<Place<'a>>,
    by_pointer: HashMap<String, PlaceId>,
    /// Schemas by the URI that names them, without a fragment.
    resources: HashMap<String, PlaceId>,
    /// Schemas by the URI of their resource and their `$anchor` or `$dynamicAnchor` in it.
    anchors: HashMap<(String, String), PlaceId>,
    /// How many schemas have each `$dynamicAnchor`.
    dynamic: HashMap<String, usize>,
    has_recursive_anchor: bool,
}

/// What stands under a keyword of a schema.
enum Holds {
    Schema,
    Schemas,
    Map,
    Either,
}

/// Returns what schemas a keyword holds.
fn holds(keyword: &str) -> Option<Holds> {
    Some(match keyword {
        "not"
        | "if"
        | "then"
        | "else"
        | "contains"
        | "additionalProperties"
        | "propertyNames"
        | "unevaluatedItems"
        | "unevaluatedProperties"
        | "additionalItems" => Holds::Schema,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => Holds::Schemas,
        "$defs" | "definitions" | "properties" | "patternProperties" | "dependentSchemas"
        | "dependencies" => Holds::Map,
        "items" => Holds::Either,
        _ => return None,
    })
}

impl<'a> Document<'a> {
    /// Indexes a document; the first place is its root.
    pub(super) fn new(root: &'a Value) -> Result<Self, SchemaError> {
        let mut document = Self {
            root,
            dialect: dialect(root)?,
            places: Vec::new(),
            by_pointer: HashMap::new(),
            resources: HashMap::new(),
            anchors: HashMap::new(),
            dynamic: HashMap::new(),
            has_recursive_anchor: false,
        };
        document.resources.insert(String::new(), 0);
        document.scan(root, "", "", 0)?;
        Ok(document)
    }

    /// Returns a schema of the document.
    pub(super) fn place(&self, id: PlaceId) -> &Place<'a> {
        &self.places[id]
    }

    /// Returns the schema at a pointer below another one, which is made of its keyword and names.
    pub(super) fn below(&mut self, id: PlaceId, path: &[&str]) -> Option<PlaceId> {
        let pointer = path
            .iter()
            .fold(self.places[id].pointer.clone(), |pointer, step| {
                format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"))
            });
        self.at(&pointer)
    }

    fn scan(
        &mut self,
        value: &'a Value,
        pointer: &str,
        base: &str,
        depth: usize,
    ) -> Result<(), SchemaError> {
        if depth > DEPTH_MAX {
            return Err(SchemaError::TooComplex {
                reason: format!("it nests more than {DEPTH_MAX} deep"),
            });
        }
        let id = self.places.len();
        let base = match value {
            Value::Object(map) => self.named(map, id, base)?,
            _ => base.to_owned(),
        };
        self.by_pointer.insert(pointer.to_owned(), id);
        self.places.push(Place {
            value,
            pointer: pointer.to_owned(),
            base: base.clone(),
        });
        let Value::Object(map) = value else {
            return Ok(());
        };
        for (keyword, inner) in map {
            let below = format!("{pointer}/{}", escaped(keyword));
            match (holds(keyword), inner) {
                (Some(Holds::Schema | Holds::Either), Value::Object(_) | Value::Bool(_)) => {
                    self.scan(inner, &below, &base, depth + 1)?;
                }
                (Some(Holds::Schemas | Holds::Either), Value::Array(list)) => {
                    for (index, inner) in list.iter().enumerate() {
                        self.scan(inner, &format!("{below}/{index}"), &base, depth + 1)?;
                    }
                }
                (Some(Holds::Map), Value::Object(list)) => {
                    for (name, inner) in list {
                        let below = format!("{below}/{}", escaped(name));
                        self.scan(inner, &below, &base, depth + 1)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Remembers a schema's names, and returns the URI that holds below it.
    fn named(
        &mut self,
        map: &Map<String, Value>,
        id: PlaceId,
        base: &str,
    ) -> Result<String, SchemaError> {
        let old_ref = self.dialect <= Dialect::Draft7 && map.contains_key("$ref");
        let keyword = if self.dialect == Dialect::Draft4 {
            "id"
        } else {
            "$id"
        };
        let mut base = base.to_owned();
        if let Some(Value::String(name)) = map.get(keyword)
            && !old_ref
        {
            let (uri, fragment) = uri::split(&uri::resolve(&base, name));
            if !uri.is_empty() && !(name.starts_with('#')) {
                self.resources.insert(uri.clone(), id);
                base = uri;
            }
            if !fragment.is_empty() {
                self.anchors.insert((base.clone(), fragment), id);
            }
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let Some(Value::String(name)) = map.get(keyword) {
                self.anchors.insert((base.clone(), name.clone()), id);
                if keyword == "$dynamicAnchor" {
                    *self.dynamic.entry(name.clone()).or_default() += 1;
                }
            }
        }
        self.has_recursive_anchor |= map.get("$recursiveAnchor") == Some(&Value::Bool(true));
        if id != 0
            && let Some(Value::String(schema)) = map.get("$schema")
            && version(schema) != Some(self.dialect)
        {
            return Err(SchemaError::Unsupported {
                pointer: String::new(),
                keyword: "$schema".to_owned(),
                reason: format!("a part is written in another version than the whole ({schema})"),
            });
        }
        Ok(base)
    }

    /// Returns the schema that a reference in another one names, and follows `$dynamicRef` and
    /// `$recursiveRef` only where no dynamic scope can change what they name.
    pub(super) fn follow(
        &mut self,
        from: PlaceId,
        keyword: &str,
        reference: &str,
    ) -> Result<PlaceId, SchemaError> {
        let place = self.place(from);
        let pointer = place.pointer.clone();
        let unsupported = |reason: String| SchemaError::Unsupported {
            pointer: pointer.clone(),
            keyword: keyword.to_owned(),
            reason,
        };
        let (uri, fragment) = uri::split(&uri::resolve(&place.base, reference));
        let Some(&resource) = self.resources.get(&uri) else {
            return Err(unsupported(format!(
                "'{reference}' lies outside the schema, and nothing is fetched; put it into $defs"
            )));
        };
        if keyword == "$recursiveRef" && self.has_recursive_anchor {
            return Err(unsupported(
                "what it names depends on the way to it".to_owned(),
            ));
        }
        let target = if fragment.is_empty() {
            Some(resource)
        } else if fragment.starts_with('/') {
            let below = uri::decoded(&fragment);
            let pointer = format!("{}{below}", self.places[resource].pointer);
            self.at(&pointer)
        } else {
            self.anchors.get(&(uri, fragment.clone())).copied()
        };
        let target = target.ok_or_else(|| SchemaError::Invalid {
            pointer: format!("{pointer}/{keyword}"),
            reason: format!("'{reference}' names nothing in the schema"),
        })?;
        let names = self.dynamic.get(&fragment).copied().unwrap_or(0);
        let is_dynamic = self.places[target].value.get("$dynamicAnchor").is_some();
        if keyword == "$dynamicRef" && is_dynamic && names > 1 {
            return Err(unsupported(
                "what it names depends on the way to it".to_owned(),
            ));
        }
        Ok(target)
    }

    /// Returns the schema at a JSON pointer of the document.
    fn at(&mut self, pointer: &str) -> Option<PlaceId> {
        if let Some(&id) = self.by_pointer.get(pointer) {
            return Some(id);
        }
        let value = self.root.pointer(pointer)?;
        let mut above = pointer;
        let base = loop {
            above = &above[..above.rfind('/')?];
            if let Some(&id) = self.by_pointer.get(above) {
                break self.places[id].base.clone();
            }
        };
        let id = self.places.len();
        self.by_pointer.insert(pointer.to_owned(), id);
        self.places.push(Place {
            value,
            pointer: pointer.to_owned(),
            base,
        });
        Some(id)
    }
}

fn escaped(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

fn version(schema: &str) -> Option<Dialect> {
    let name = schema.trim_end_matches('#');
    let name = name.split_once("://json-schema.org/")?.1;
    Some(match name {
        "draft/2020-12/schema" => Dialect::Draft202012,
        "draft/2019-09/schema" => Dialect::Draft201909,
        "draft-07/schema" => Dialect::Draft7,
        "draft-06/schema" => Dialect::Draft6,
        "draft-04/schema" => Dialect::Draft4,
        _ => return None,
    })
}

fn dialect(root: &Value) -> Result<Dialect, SchemaError> {
    match root.get("$schema") {
        None => Ok(Dialect::Draft202012),
        Some(Value::String(schema)) => version(schema).ok_or_else(|| SchemaError::Unsupported {
            pointer: String::new(),
            keyword: "$schema".to_owned(),
            reason: format!("'{schema}' is no version of JSON Schema from draft 4 to 2020-12"),
        }),
        Some(_) => Err(SchemaError::Invalid {
            pointer: "/$schema".to_owned(),
            reason: "it is no string".to_owned(),
        }),
    }
}
