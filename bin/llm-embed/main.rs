//! `llm-embed`: texts in, one `embedding` record each out; its commands compare what
//! such records hold.
//!
//! Parse, and do what was asked. What the input means is `llm-cli`'s business, in what
//! order lines are read, resumed and written `llm-filter`'s, how a text becomes a
//! vector `llm-engine`'s.

mod ask;
mod embed;
mod index;
mod matrix;
mod open;
mod reads;
mod rerank;
mod search;
mod similar;
mod text;
mod work;

use std::process::ExitCode;

use llm_cli::{EmbedCommand, EmbedProgram};

fn main() -> ExitCode {
    llm_cli::main("llm-embed", |asked: EmbedProgram, context| match &asked {
        EmbedProgram::Embed(args) => embed::run(args, context),
        EmbedProgram::Compare(EmbedCommand::Search(args)) => search::run(args, context),
        EmbedProgram::Compare(EmbedCommand::Similar(args)) => similar::run(args, context),
        EmbedProgram::Compare(EmbedCommand::Rerank(args)) => rerank::run(args, context),
    })
}
