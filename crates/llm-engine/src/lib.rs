//! Prompt to text: a language model's whole way from bytes on disk to
//! generated text, on the CPU.
//!
//! The modules stand in the order in which data moves. The crate knows no
//! records, no flags and no standard streams.

#![forbid(unsafe_code)]

pub mod model;
pub mod synthetic;
pub mod weights;
pub mod spec;
pub mod family;
pub mod cache;
pub mod forward;
pub mod sampler;
pub mod defaults;
pub mod generate;
pub mod perplexity;
