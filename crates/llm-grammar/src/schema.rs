//! JSON Schemas (drafts 4 to 2020-12) that answers are held to, to the letter.
//!
//! A schema is read as the set of values that it allows, with the set algebra that its keywords need
//! (`allOf`, `not`, `if`, …), and that set is written anew as the simple schema that llguidance enforces
//! exactly. What has no such form is refused with its keyword and place: nothing is loosened in silence.
//!
//! What holds of an answer:
//!
//! - It is valid by the schema, `format` included, and its properties stand in the schema's order.
//! - Each value has one spelling where JSON has several: whole numbers have no fraction or exponent where
//!   the schema says `integer` or names the number, and no character is escaped that need not be.
//! - A name that the schema does not list (`additionalProperties`, `patternProperties`) may be written
//!   twice, each time with a valid value. Whoever reads the answer takes the last. Where that would break
//!   a count (`minProperties` above one free name), the schema is refused.
//! - A number without bounds may have more digits or a greater exponent than a double holds.
//! - References stay inside the document.
//!
//! ```
//! use llm_grammar::{SchemaOptions, prepare};
//! use serde_json::json;
//!
//! let schema = json!({"type": ["integer", "string"], "not": {"type": "integer"}});
//! let prepared = prepare(&schema, SchemaOptions::default())?;
//! assert_eq!(prepared["type"], "string");
//! # Ok::<(), llm_grammar::SchemaError>(())
//! ```

mod format;
mod uri;
mod document;
mod expr;
mod number;
mod text;
mod array;
mod object;
mod shape;
mod solve;
mod read;
mod scalar;
mod inner;
mod expand;
mod write;
mod compile;

use serde_json::{Value, json};
use thiserror::Error;

use compile::compile;
use document::Document;
use expr::Expr;
use solve::Solver;

/// How a schema is enforced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SchemaOptions {
    /// No white space between the parts of an answer.
    pub compact: bool,
    /// What cannot be enforced is ignored.
    pub loose: bool,
}

/// Why a schema is not enforced. Pointers are JSON pointers into it; the empty one is its root.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A keyword that is valid, but cannot be enforced to the letter.
    #[error("{}", unsupported(pointer, keyword, reason))]
    Unsupported {
        /// The schema in which the keyword stands.
        pointer: String,
        /// The keyword; empty where only the schema is known.
        keyword: String,
        /// What is not possible.
        reason: String,
    },
    /// No valid JSON Schema.
    #[error("the schema is not valid at '#{pointer}': {reason}")]
    Invalid {
        /// What is wrong.
        pointer: String,
        /// Why it is.
        reason: String,
    },
    /// No value is valid by it.
    #[error("no value can be valid by the schema at '#{pointer}'")]
    Unsatisfiable {
        /// The schema that allows nothing.
        pointer: String,
    },
    /// Larger than the bounds on time and memory.
    #[error("the schema is too complex to be enforced: {reason}")]
    TooComplex {
        /// Which bound it passes.
        reason: String,
    },
}

fn unsupported(pointer: &str, keyword: &str, reason: &str) -> String {
    let what = if keyword.is_empty() {
        String::from("schema")
    } else {
        format!("schema's keyword '{keyword}'")
    };
    format!("the {what} at '#{pointer}' cannot be enforced to the letter: {reason}")
}

impl SchemaError {
    /// Returns whether ignoring what is not enforced would do (`SchemaOptions::loose`).
    fn can_be_loosened(&self) -> bool {
        matches!(self, Self::Unsupported { .. } | Self::TooComplex { .. })
    }
}

/// Returns a schema that llguidance enforces to the letter and that allows the same values, for
/// `TopLevelGrammar::from_json_schema`.
///
/// With `options.loose`, one that cannot be enforced is returned as it is, for llguidance to enforce what
/// it can.
///
/// # Errors
///
/// Fails for what is no schema, cannot be enforced, allows no value or is too complex.
pub fn prepare(schema: &Value, options: SchemaOptions) -> Result<Value, SchemaError> {
    match exact(schema, options) {
        Err(error) if options.loose && error.can_be_loosened() => {
            loosened(schema, options).ok_or(error)
        }
        prepared => prepared,
    }
}

fn exact(schema: &Value, options: SchemaOptions) -> Result<Value, SchemaError> {
    let mut solver = Solver::new(Document::new(schema)?);
    let root = match schema {
        Value::Bool(true) => expr::ALWAYS,
        Value::Bool(false) => expr::NEVER,
        _ => solver.exprs.id(Expr::At(0)),
    };
    let mut written = solver.write(root)?;
    // Without `\u`, which would be a second spelling of a name that the schema lists.
    written["x-guidance"] = white_space(options);
    written["x-guidance"]["json_allowed_escapes"] = json!("nrbtf\\\"");
    compile(&written, |id| solver.pointer(id))?;
    Ok(written)
}

/// Returns llguidance's options for what stands between the parts of a document: as models write it, and
/// so little that none goes on with it for ever.
fn white_space(options: SchemaOptions) -> Value {
    if options.compact {
        return json!({"whitespace_flexible": false});
    }
    json!({"whitespace_pattern": r"[\x20\x0A\x0D\x09]{1,64}"})
}

/// Returns the schema with leave to ignore what llguidance does not enforce, if that is all it needs.
fn loosened(schema: &Value, options: SchemaOptions) -> Option<Value> {
    let mut schema = schema.clone();
    let mut guidance = white_space(options);
    guidance["lenient"] = json!(true);
    guidance["coerce_one_of"] = json!(true);
    schema
        .as_object_mut()?
        .insert("x-guidance".to_owned(), guidance);
    compile::compile_loose(&schema).then_some(schema)
}
