//! How many requests of an input are answered together, and how a run goes on where another ended.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use llm_filter::OnConflict;

use super::ProgressArgs;

/// What becomes of a line whose id has an answer to another request in the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Conflict {
    /// Close it with an error, once
    Error,
    /// Leave the earlier answer
    Skip,
    /// Answer it, and take the earlier answer out of the file once the run ends
    Replace,
}

/// What becomes of lines that the output answers otherwise.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Batches")]
pub struct ConflictArgs {
    /// Choose what becomes of a line whose id has an answer to another request in the output (its text,
    /// a setting or the model has changed); by default a run that begins with such a line does not
    /// start, and later ones close with an error
    #[arg(
        long,
        value_name = "WHAT",
        value_enum,
        conflicts_with = "overwrite",
        requires_if("replace", "output")
    )]
    pub on_conflict: Option<Conflict>,
}

impl ConflictArgs {
    /// Returns the rule for the loop.
    #[must_use]
    pub fn rule(self) -> OnConflict {
        match self.on_conflict {
            None => OnConflict::Stop,
            Some(Conflict::Error) => OnConflict::Error,
            Some(Conflict::Skip) => OnConflict::Skip,
            Some(Conflict::Replace) => OnConflict::Replace,
        }
    }
}

/// How a run over many lines goes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Batches")]
pub struct FilterArgs {
    /// Answer up to N lines at once; answers do not depend on it (default: eight per thread, as far as
    /// memory allows)
    #[arg(long, value_name = "N", value_parser = parallel)]
    pub parallel: Option<NonZeroUsize>,

    /// Write each record as soon as its line is answered, not in the order of the input
    #[arg(long)]
    pub unordered: bool,

    /// Skip lines whose record is already in FILE; for use with '>> FILE', since -o FILE does it by
    /// itself
    #[arg(long, value_name = "FILE", conflicts_with = "output")]
    pub resume: Option<PathBuf>,

    /// Answer again the lines whose record in the file to be continued is an error
    #[arg(long, conflicts_with = "overwrite")]
    pub retry_errors: bool,

    /// Move lines torn by a crash from the -o file to FILE.torn, and continue
    #[arg(long, requires = "output", conflicts_with = "overwrite")]
    pub repair: bool,

    /// What becomes of lines that the output answers otherwise.
    #[command(flatten)]
    pub conflict: ConflictArgs,

    /// Close a line with an error if its prompt and its answer take longer than SECONDS
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub timeout: Option<f64>,

    /// Start no more lines after N have failed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_errors: Option<u64>,

    /// How often the run tells how far it is.
    #[command(flatten)]
    pub progress: ProgressArgs,

    /// Cache the computed start that all prompts share (instruction, system text) in the folder DIR for
    /// the next run with the same model; answers do not depend on it
    #[arg(long, value_name = "DIR")]
    pub prefix_cache: Option<PathBuf>,
}

/// More lines than any machine can answer together.
const MOST_LINES: usize = 4096;

fn parallel(text: &str) -> Result<NonZeroUsize, String> {
    let number = text.parse::<NonZeroUsize>().ok();
    number
        .filter(|number| number.get() <= MOST_LINES)
        .ok_or_else(|| format!("must be a number of lines from 1 to {MOST_LINES}"))
}

fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok();
    number
        .filter(|number| number.is_finite() && *number > 0.0)
        .ok_or_else(|| "must be a number of seconds above 0".to_owned())
}
