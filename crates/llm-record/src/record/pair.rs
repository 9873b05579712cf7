//! Two texts whose vectors are near to each other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Found, SchemaVersion};

/// Two texts whose vectors are close to each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pair {
    /// The record's version.
    #[serde(default)]
    pub schema_version: SchemaVersion,
    /// The cosine similarity of their vectors.
    pub score: f32,
    /// The text that comes first in the input.
    pub a: Found,
    /// The text that it is close to.
    pub b: Found,
}
