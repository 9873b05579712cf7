//! The parser of `llm-pull`. Names, files and the hub are the store's business.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::app::Program;
use crate::args::{ForceArgs, FormatArgs, QuietArgs};

const EXAMPLES: &str = "\
Examples:
  llm-pull smollm2                       fetch a model of the catalogue
  llm-pull ggml-org/gemma-3-270m-it-GGUF:Q8_0
  llm-pull --dry-run org/repo            say what would be fetched, how large
  llm-pull import ./model.gguf --name mine
  llm-pull ls -T                         name the models on this machine
  llm-pull ls --all                      what can be fetched, what runs here
  llm-pull https://huggingface.co/ggml-org/gemma-3-270m-it-GGUF
  llm-pull show smollm2 | jq .context_length
  llm-pull show smollm2 --tokenize - < report.txt | jq '.tokens | length'

Exit status:
  0  all well, or the reader of the output has enough
  1  the output could not be written
  2  the model could not be fetched, found or read; usage
  129, 130, 143  hung up, interrupted, terminated; no partial file is left under a model's name";

/// Fetches models and manages those on this machine
///
/// Writes one 'model' record for each model: where it is, how large it is and its digest. Models
/// are kept in the Hugging Face cache, where other programs find them too.
#[derive(Parser, Clone, Debug)]
#[command(name = "llm-pull", version, max_term_width = crate::HELP_WIDTH, after_help = EXAMPLES,
    args_conflicts_with_subcommands = true, disable_help_subcommand = true,
    arg_required_else_help = true, args_override_self = true)]
pub struct PullArgs {
    /// What to do other than fetch.
    #[command(subcommand)]
    pub command: Option<PullCommand>,
    /// What to fetch.
    #[command(flatten)]
    pub fetch: FetchArgs,
    /// The form of the output.
    #[command(flatten)]
    pub format: FormatArgs,
    /// How much is said on standard error.
    #[command(flatten)]
    pub quiet: QuietArgs,
}

impl Program for PullArgs {}

/// What to fetch.
#[derive(Args, Clone, Debug, Default)]
pub struct FetchArgs {
    /// Model to fetch: a name of the catalogue, ORG/REPO, ORG/REPO:QUANT or ORG/REPO@REVISION:FILE
    #[arg(value_name = "NAME", required = true, value_parser = fetchable)]
    pub name: Option<String>,
    /// Fetch this branch, tag or commit
    #[arg(long, value_name = "REVISION")]
    pub revision: Option<String>,
    /// Fetch the files that match this pattern; may be given several times
    #[arg(long, value_name = "GLOB")]
    pub include: Vec<String>,
    /// Say what would be fetched, without fetching it
    #[arg(long)]
    pub dry_run: bool,
    /// Whether a check may stop the fetch.
    #[command(flatten)]
    pub force: ForceArgs,
}

/// What to do other than fetch.
#[derive(Subcommand, Clone, Debug)]
pub enum PullCommand {
    /// Add a file on this machine to the store, by a link where that is possible
    #[command(max_term_width = crate::HELP_WIDTH)]
    Import {
        /// File to add
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Keep it under this name instead of the file's own
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Whether a check may stop the import.
        #[command(flatten)]
        force: ForceArgs,
    },
    /// List the models on this machine
    #[command(max_term_width = crate::HELP_WIDTH, visible_alias = "list")]
    Ls {
        /// List the models of the catalogue, which can be fetched by name: how large they are, about how
        /// much memory they need with a context of 8192 tokens, and whether this machine has as much
        #[arg(long)]
        all: bool,
    },
    /// Remove a model
    #[command(max_term_width = crate::HELP_WIDTH, visible_aliases = ["remove", "delete"])]
    Rm {
        /// Model to remove
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Describe a model from its header: architecture, size, quantization, context, tokenizer
    #[command(max_term_width = crate::HELP_WIDTH, visible_alias = "info")]
    Show {
        /// Model to describe, or a path to a .gguf file
        #[arg(value_name = "NAME")]
        name: String,
        /// Write the tokens of this text instead (- for standard input): as it stands, without
        /// template and BOS, markup in it as plain text
        #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
        tokenize: Option<String>,
    },
    /// What other programs have a word for, and the way to it here
    #[command(hide = true, name = "search", alias = "find")]
    Search {
        /// What was looked for
        #[arg(value_name = "WORD")]
        words: Vec<String>,
    },
    /// The same of fetching
    #[command(hide = true, name = "pull", aliases = ["get", "fetch", "download", "install", "add"])]
    Pull {
        /// What was to be fetched
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
}

/// Refuses a subcommand's name: after a flag (`llm-pull -q ls`) the parser takes it for a model's.
fn fetchable(name: &str) -> Result<String, String> {
    if PullCommand::has_subcommand(name) {
        return Err(format!("a command comes first: llm-pull {name} …"));
    }
    Ok(name.to_owned())
}
