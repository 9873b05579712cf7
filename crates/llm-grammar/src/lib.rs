//! JSON Schemas and grammars that an answer is held to.
//!
//! [`mod@schema`] turns a JSON Schema into one that llguidance enforces to the letter, or says why that
//! cannot be; [`gbnf`] reads llama.cpp's grammars.
#![forbid(unsafe_code)]

mod regular;
pub mod schema;
pub mod gbnf;

pub use gbnf::{GbnfError, lark_of_gbnf};
pub use schema::{SchemaError, SchemaOptions, prepare};
