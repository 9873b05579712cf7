//! Every reader of foreign bytes as one function that must survive all of them.
//!
//! A target takes any bytes and neither panics, aborts, hangs nor takes memory
//! out of proportion; and it asserts what must hold of whatever is read: round
//! trips, bounds, that the same bytes in other pieces are the same. The test
//! `replay` runs all of them on the files of `corpus/` and on a fixed number of
//! mutations, on the stable toolchain. `scripts/fuzz` searches for more with
//! libFuzzer; `fuzz/` holds the shims. An input that was found goes into
//! `corpus/TARGET/` under a name that says what it is.
//!
//! Targets that need a folder or a vocabulary take their name from the first
//! line of the input, so that a corpus file can be read by people.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a target that finds something says so by a panic"
)]

mod scratch;

mod model;
mod folder;
mod template;
mod text;
mod lines;
mod output;
mod cost;
mod grammar;

pub use cost::{prices, usage};
pub use folder::{config, folder, safetensors, tokenizer};
pub use grammar::{gbnf, schema};
pub use lines::{choices, csv, fields, requests};
pub use model::gguf;
pub use output::{journal, matrix, prefix, vectors};
pub use template::{reasoning, template};
pub use text::text;

/// A function that must survive any bytes.
pub type Target = fn(&[u8]);

/// All targets, by the names under which their corpora lie.
pub const TARGETS: &[(&str, Target)] = &[
    ("gguf", gguf),
    ("safetensors", safetensors),
    ("config", config),
    ("tokenizer", tokenizer),
    ("folder", folder),
    ("template", template),
    ("reasoning", reasoning),
    ("text", text),
    ("requests", requests),
    ("csv", csv),
    ("fields", fields),
    ("choices", choices),
    ("journal", journal),
    ("vectors", vectors),
    ("matrix", matrix),
    ("prefix", prefix),
    ("usage", usage),
    ("prices", prices),
    ("schema", schema),
    ("gbnf", gbnf),
];
