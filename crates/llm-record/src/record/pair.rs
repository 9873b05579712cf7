//! Two texts whose vectors are near to each other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Found, SchemaVersion};

/// Two texts that are near to each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pair {
    /// The record's version.
    #[serde(default)]
    pub schema_version: SchemaVersion,
    /// The cosine of their vectors.
    pub score: f32,
    /// The one that comes first.
    pub a: Found,
    /// The other.
    pub b: Found,
}
