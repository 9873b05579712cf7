//! `llm-embed`: texts in, one `embedding` record each out; its commands compare what
//! such records hold.
//!
//! Parse, and do what was asked. What the input means is `llm-cli`'s business, in what
//! order lines are read, resumed and written `llm-filter`'s, how a text becomes a
//! vector `llm-engine`'s.

mod embed;
mod matrix;
mod open;
mod text;
mod work;

use std::process::ExitCode;

use llm_cli::EmbedProgram;

fn main() -> ExitCode {
    llm_cli::main("llm-embed", |asked: EmbedProgram, context| match &asked {
        EmbedProgram::Embed(args) => embed::run(args, context),
        EmbedProgram::Compare(_) => anyhow::bail!("not yet"),
    })
}
