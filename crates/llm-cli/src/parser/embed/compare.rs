//! The parsers of `llm-embed`'s commands, which compare vectors instead of making them.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{PoolingChoice, TooLong};
use crate::args::{DEFAULT_EMBEDDER, FormatArgs, QuietArgs, TextArg, text_or_file, threads};

const SEARCH: &str = "\
Examples:
  llm-embed search vectors.jsonl 'unified memory'
  llm-embed search vectors.npy < questions.txt
  llm-embed search vectors.jsonl 'opening hours' |
    jq -r .text | llm-run -T 'Summarize this'";

const SIMILAR: &str = "\
Examples:
  llm-embed similar vectors.jsonl --threshold 0.95 |
    jq -c '[.score, .a.text, .b.text]'";

const RERANK: &str = "\
Examples:
  llm-embed rerank -m ./all-minilm-l6-v2 'opening hours' < lines.txt
  llm-embed rerank -m ms-marco-minilm 'opening hours' < lines.txt
  llm-embed search vectors.jsonl -k 50 'opening hours' |
    llm-embed rerank -m ms-marco-minilm --jsonl -k 5 'opening hours'";

/// What to do with vectors.
#[derive(Subcommand, Clone, Debug)]
pub enum EmbedCommand {
    /// Find the texts that are nearest to a query, by the vectors in a file
    ///
    /// Queries are embedded with the model, pooling and normalization that FILE's records name, after
    /// the model's own query prompt; texts are ranked by cosine similarity.
    #[command(max_term_width = crate::HELP_WIDTH, after_help = SEARCH)]
    Search(SearchArgs),
    /// Find pairs of texts whose vectors are close to each other
    ///
    /// Each vector of FILE is compared with every other by cosine similarity; no model is needed.
    #[command(max_term_width = crate::HELP_WIDTH, after_help = SIMILAR)]
    Similar(SimilarArgs),
    /// Sort texts by how well they match a query
    ///
    /// Reads all texts from standard input, one per line, and writes them with the best first. A
    /// cross-encoder reads each text together with the query; with any other model, vectors are
    /// compared by cosine similarity.
    #[command(max_term_width = crate::HELP_WIDTH, after_help = RERANK)]
    Rerank(RerankArgs),
}

/// What is searched, and for what.
#[derive(Args, Clone, Debug)]
pub struct SearchArgs {
    /// Vectors written by llm-embed: JSON lines ('-': standard input), or a matrix (.npy, .safetensors)
    /// with its .jsonl
    #[arg(value_name = "FILE")]
    pub vectors: PathBuf,

    /// What to search for; if omitted or '-', each line of standard input is a query
    #[arg(value_name = "QUERY", value_parser = query)]
    pub query: Option<String>,

    /// Treat each line of standard input as a JSON object with 'text' and optionally 'id'
    #[arg(long, conflicts_with = "query", help_heading = "Input")]
    pub jsonl: bool,

    /// Choose what to do with a query that is too long for the model
    #[arg(
        long,
        value_name = "WHAT",
        value_enum,
        default_value_t,
        help_heading = "Input"
    )]
    pub on_overflow: TooLong,

    /// Write the N best texts for each query
    #[arg(
        short = 'k',
        long,
        value_name = "N",
        default_value = "10",
        help_heading = "Output"
    )]
    pub hits: NonZeroUsize,

    /// Use this model, which must be the one that made the vectors, if it has moved since
    #[arg(short, long, value_name = "NAME", help_heading = "Model")]
    pub model: Option<String>,

    /// Check that the vectors were pooled in this way
    #[arg(long, value_name = "HOW", value_enum, help_heading = "Model")]
    pub pooling: Option<PoolingChoice>,

    /// Put this before each query instead of the model's own query prompt; \n stands for a newline,
    /// \t for a tab, \\ for a backslash
    #[arg(
        long,
        value_name = "TEXT|@FILE",
        allow_hyphen_values = true,
        value_parser = text_or_file,
        help_heading = "Model"
    )]
    pub prompt: Option<TextArg>,

    /// The form of the output.
    #[command(flatten)]
    pub format: FormatArgs,
    /// How much is said on standard error.
    #[command(flatten)]
    pub quiet: QuietArgs,
    /// How many threads compute.
    #[command(flatten)]
    pub machine: EmbedMachineArgs,
}

/// Which pairs are looked for.
#[derive(Args, Clone, Debug)]
pub struct SimilarArgs {
    /// Vectors written by llm-embed: JSON lines ('-': standard input), or a matrix (.npy, .safetensors)
    /// with its .jsonl
    #[arg(value_name = "FILE")]
    pub vectors: PathBuf,

    /// Write pairs whose cosine similarity is at least N
    #[arg(long, value_name = "N", default_value = "0.9", allow_negative_numbers = true,
        value_parser = threshold)]
    pub threshold: f32,

    /// The form of the output.
    #[command(flatten)]
    pub format: FormatArgs,
    /// How much is said on standard error.
    #[command(flatten)]
    pub quiet: QuietArgs,
    /// How many threads compute.
    #[command(flatten)]
    pub machine: EmbedMachineArgs,
}

/// What is sorted, and by which query.
#[derive(Args, Clone, Debug)]
pub struct RerankArgs {
    /// What the texts are matched against
    #[arg(value_name = "QUERY", value_parser = query)]
    pub query: String,

    /// Treat each line as a JSON object with 'text' and optionally 'id', or as a record of llm-embed
    /// search
    #[arg(long, help_heading = "Input")]
    pub jsonl: bool,

    /// Make each text from this one; {{field}} stands for a field of the line, \n for a newline, \t for a
    /// tab, \\ for a backslash
    #[arg(
        long,
        value_name = "TEXT|@FILE",
        allow_hyphen_values = true,
        value_parser = text_or_file,
        requires = "jsonl",
        help_heading = "Input"
    )]
    pub template: Option<TextArg>,

    /// Choose what to do with a text that is too long for the model
    #[arg(
        long,
        value_name = "WHAT",
        value_enum,
        default_value_t,
        help_heading = "Input"
    )]
    pub on_overflow: TooLong,

    /// Write only the N best texts
    #[arg(short = 'k', long, value_name = "N", help_heading = "Output")]
    pub hits: Option<NonZeroUsize>,

    /// Use this model: a folder of safetensors, a GGUF file, or a name or ORG/REPO of the store
    /// [default: minilm]
    #[arg(short, long, value_name = "NAME", help_heading = "Model")]
    pub model: Option<String>,

    /// The form of the output.
    #[command(flatten)]
    pub format: FormatArgs,
    /// How much is said on standard error.
    #[command(flatten)]
    pub quiet: QuietArgs,
    /// How many threads compute.
    #[command(flatten)]
    pub machine: EmbedMachineArgs,
}

impl RerankArgs {
    /// Returns the model's name, the default one where none was given.
    #[must_use]
    pub fn name(&self) -> &str {
        self.model.as_deref().unwrap_or(DEFAULT_EMBEDDER)
    }
}

/// How many threads compute.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Machine")]
pub struct EmbedMachineArgs {
    /// Use N threads (-1, the default: one per core); scores do not depend on it
    #[arg(short, long, value_name = "N", allow_negative_numbers = true, value_parser = threads)]
    pub threads: Option<NonZeroUsize>,
}

fn query(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("the query is blank".to_owned());
    }
    Ok(text.to_owned())
}

fn threshold(text: &str) -> Result<f32, String> {
    let number = text.parse::<f32>().ok();
    number
        .filter(|number| (-1.0..=1.0).contains(number))
        .ok_or_else(|| "must be a cosine, from -1 to 1".to_owned())
}
