//! What several test files need beside the harness: the real model, the check of every record, broken
//! model files, and a hub on this machine. What is expected of the programs is left to the tests.

pub mod gguf;
pub mod hub;
pub mod model;
pub mod records;
