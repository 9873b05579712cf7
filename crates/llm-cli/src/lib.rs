//! What the programs do alike: flags, standard streams, messages, memory, exit status.
//!
//! In the order of a run: flags are parsed ([`parser`], a program each, of the groups in [`args`]), the
//! [`output_format`] is chosen, [`input`] turns arguments and standard input
//! ([`stdio`]) into requests, [`output`] writes their answers, but never over a file that is read
//! ([`reads`]) or that belongs to something else ([`replaces`]). [`mod@filter`] runs over many lines, [`memory`] and [`host`] describe the
//! machine, [`message`] writes to people, [`signal`] listens to them, and [`status`] is what the shell
//! sees. [`main`] runs a program. How a request is answered is left to the engine, which this crate does
//! not know.
#![forbid(unsafe_code)]

pub mod args;
pub mod parser;
pub mod filter;
mod llama_cpp_flags;
mod llm_options;
mod app;

mod file_identity;
pub mod progress;
pub mod host;
pub mod output_format;
pub mod input;
pub mod memory;
pub mod message;
pub mod output;
pub mod reads;
pub mod replaces;
mod reporter;
pub mod signal;
pub mod status;
pub mod stdio;

pub use app::{Context, Program, main};
pub use input::{Item, Job, Jobs, TextPlace, Told};
pub use message::Messages;
pub use output::Output;
pub use output_format::{OutputFormat, Requests};
pub use parser::bench::{BenchArgs, BenchFormat, BenchLogits};
pub use parser::cost::{CostArgs, CostCommand};
pub use parser::embed::{EmbedArgs, EmbedCommand, EmbedProgram};
pub use parser::pull::{PullArgs, PullCommand};
pub use parser::run::RunArgs;
pub use reads::Reads;
pub use replaces::Replaces;
pub use signal::Interrupt;
pub use status::Status;
pub use stdio::StdioError;

use clap::CommandFactory;

/// The width of help texts at most, in columns.
pub const HELP_WIDTH: usize = 100;

/// Returns the parsers of all programs; man pages, completions and their test follow from them.
#[must_use]
pub fn commands() -> Vec<clap::Command> {
    vec![
        PullArgs::command(),
        RunArgs::command(),
        BenchArgs::command(),
        CostArgs::command(),
        EmbedProgram::command(),
    ]
}
