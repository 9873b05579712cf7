//! What an answer must look like → which tokens may come next.
//!
//! A [`Compiler`] knows a model's vocabulary; it makes a [`Grammar`] of a JSON Schema, a regular
//! expression, a Lark grammar or one of llama.cpp's. The engine asks the grammar before each token
//! ([`llm_engine::generate::Constraint`]). The parser is `llguidance`'s: a derivative lexer and an Earley
//! parser that walk the vocabulary's trie (<https://github.com/guidance-ai/llguidance>). What it cannot
//! enforce to the letter is refused here, with the keyword and its place ([`mod@schema`]).
//!
//! ```
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/smollm2-135m-instruct-q4_1.gguf");
//! # let gguf = llm_gguf::Gguf::open(&llm_gguf::shard_paths(std::path::Path::new(path)))?;
//! # let tokenizer: &'static _ = Box::leak(Box::new(llm_tokenizer::Tokenizer::from_gguf(gguf.metadata())?));
//! use llm_engine::generate::Grammar as _;
//! use llm_grammar::{Compiler, Rule};
//!
//! let compiler = Compiler::new(tokenizer)?;
//! let grammar = compiler.compile(&Rule::Regex("ja|nein".to_owned()))?;
//! assert!(grammar.matches("ja") && !grammar.matches("jawohl"));
//!
//! let mut answer = grammar.start();
//! let no = tokenizer.encode("no", false, false)[0];
//! assert!(!answer.allowed()?.contains(no));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod regular;
pub mod schema;
pub mod gbnf;
mod token_env;
mod grammar;
mod masks;
mod compiler;

pub use compiler::{Compiler, GrammarError, Rule};
pub use gbnf::{GbnfError, lark_of_gbnf};
pub use grammar::Grammar;
pub use schema::{SchemaError, SchemaOptions, prepare};
