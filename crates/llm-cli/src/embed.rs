//! The parser of `llm-embed`. What becomes of a text is the program's and the engine's business.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};

use crate::args::threads;
use crate::args::{FormatArgs, IfEmpty, InputArgs, OnOverflow, OutputArgs, QuietArgs, Reasoning};

const EXAMPLES: &str = "\
Examples:
  llm-embed -m ./all-minilm-l6-v2 < lines.txt > vectors.jsonl
  llm-embed -m ./all-minilm-l6-v2 --jsonl --keep title -o vectors.jsonl < documents.jsonl
  llm-embed -m ./bge-small-en-v1.5 --query < questions.txt
  llm-embed -m ./all-minilm-l6-v2 --on-overflow truncate < lines.txt
  echo hello | llm-embed -m ./all-minilm-l6-v2 | jq -c .embedding

Exit status:
  0  all well, or the reader of the output has enough
  1  some text failed (its error record is on standard output), or a record could not be written
  2  could not start: usage, no such model, unreadable file
  130, 143  interrupted, terminated; records already written are whole";

/// Turns texts into vectors with a local model
///
/// Reads a text a line from standard input or files and writes an 'embedding' record for each. Pooling,
/// prompts, the longest text and whether vectors are made one long are read from the model's own files,
/// and said in the record.
#[derive(Parser, Clone, Debug)]
#[command(name = "llm-embed", version, max_term_width = crate::HELP_WIDTH, after_help = EXAMPLES,
    args_override_self = true)]
pub struct EmbedArgs {
    /// Where texts come from.
    #[command(flatten)]
    pub input: EmbedInputArgs,
    /// Which model, and how it is used.
    #[command(flatten)]
    pub model: EmbedModelArgs,
    /// What is written, and where.
    #[command(flatten)]
    pub output: EmbedOutputArgs,
    /// How much is told beside it.
    #[command(flatten)]
    pub quiet: QuietArgs,
    /// Use N threads (-1, the default: one a core); vectors do not depend on it
    #[arg(short, long, value_name = "N", allow_negative_numbers = true, value_parser = threads,
        help_heading = "Machine")]
    pub threads: Option<NonZeroUsize>,
}

/// Where texts come from.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Input")]
pub struct EmbedInputArgs {
    /// Read this file, '-' for standard input; several are read one after another
    #[arg(short, long, value_name = "FILE")]
    pub file: Vec<PathBuf>,

    /// Take each line as a JSON object with 'text' and perhaps 'id'; a blank line gets no record
    #[arg(long)]
    pub jsonl: bool,

    /// Make each text from this one; {{field}} stands for a field of the line
    #[arg(
        long,
        value_name = "TEXT",
        allow_hyphen_values = true,
        requires = "jsonl"
    )]
    pub template: Option<String>,

    /// Keep this field of the line under 'input' of its record; may be given several times
    #[arg(long, value_name = "FIELD", requires = "jsonl")]
    pub keep: Vec<String>,

    /// Choose what to do with a text that is longer than the model takes
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub on_overflow: TooLong,
}

/// Which model, and how it is used.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Model")]
pub struct EmbedModelArgs {
    /// Use this model: a folder of safetensors, or a name or ORG/REPO of the store
    #[arg(short, long, value_name = "NAME")]
    pub model: String,

    /// Put the model's own prompt for queries before each text
    #[arg(long, group = "put_before")]
    pub query: bool,

    /// Put the model's own prompt for documents before each text, where it has one
    #[arg(long, group = "put_before")]
    pub document: bool,

    /// Put this before each text
    #[arg(
        long,
        value_name = "TEXT",
        allow_hyphen_values = true,
        group = "put_before"
    )]
    pub prompt: Option<String>,

    /// Make one vector of the tokens' in this way instead of the model's own
    #[arg(long, value_name = "HOW", value_enum)]
    pub pooling: Option<PoolingChoice>,

    /// Keep the first N numbers of each vector and make it one long again
    #[arg(long, value_name = "N")]
    pub dimensions: Option<NonZeroUsize>,
}

/// What is written, and where.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct EmbedOutputArgs {
    /// Write vectors as numbers, or as base64 of 32-bit floats
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    pub encoding: Encoding,

    /// Write to this file instead of standard output; one that is there is gone on with
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Leave out lines that FILE holds the record of; for '>> FILE', where -o FILE does it by itself
    #[arg(long, value_name = "FILE", conflicts_with = "output")]
    pub resume: Option<PathBuf>,

    /// Embed lines again whose record, in the file that is gone on with, is an error
    #[arg(long)]
    pub retry_errors: bool,

    /// Begin no more lines after N have failed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_errors: Option<u64>,
}

/// What to do with a text that is too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TooLong {
    /// Fail
    #[default]
    Error,
    /// Cut its end
    Truncate,
}

/// How the tokens' vectors become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PoolingChoice {
    /// The first
    Cls,
    /// Their mean
    Mean,
    /// The largest of each number
    Max,
    /// The last
    Last,
}

/// How a vector is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Encoding {
    /// Numbers
    #[default]
    Float,
    /// 32-bit floats, the lowest byte first
    Base64,
}

impl EmbedArgs {
    /// Returns the flags as those of the input that the programs share.
    #[must_use]
    pub fn shared_input(&self) -> InputArgs {
        InputArgs {
            instruction: None,
            prompt: None,
            file: self.input.file.clone(),
            lines: !self.input.jsonl,
            jsonl: self.input.jsonl,
            csv: false,
            slurp: false,
            chunk: None,
            template: self.input.template.clone(),
            keep: self.input.keep.clone(),
            on_overflow: OnOverflow::Error,
            if_empty: IfEmpty::Error,
            max_line_bytes: llm_record::read::DEFAULT_LINE_LIMIT,
        }
    }

    /// Returns the flags as those of the output that the programs share.
    #[must_use]
    pub fn shared_output(&self) -> OutputArgs {
        OutputArgs {
            format: FormatArgs::default(),
            output: self.output.output.clone(),
            stream: false,
            count: false,
            show_prompt: false,
            reasoning: Reasoning::default(),
            null: false,
        }
    }
}
