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
mod spool;
mod stale;
mod work;

use std::process::ExitCode;

use anyhow::Result;
use llm_cli::{Context, EmbedCommand, EmbedProgram, Status};
use llm_kernels::mmap::tell_lost_files;

fn main() -> ExitCode {
    llm_cli::main("llm-embed", |asked, context| run(&asked, context))
}

fn run(asked: &EmbedProgram, context: &Context) -> Result<Status> {
    tell_lost_files("llm-embed")?;
    match asked {
        EmbedProgram::Embed(args) => embed::run(args, context),
        EmbedProgram::Compare(EmbedCommand::Search(args)) => search::run(args, context),
        EmbedProgram::Compare(EmbedCommand::Similar(args)) => similar::run(args, context),
        EmbedProgram::Compare(EmbedCommand::Rerank(args)) => rerank::run(args, context),
    }
}
