//! Flags that say where prompts come from. Reading them is `input`'s business.
//!
//! A text that a flag takes, here and in the other groups, may start with a hyphen: a script that
//! passes `"$text"` on does not know what it holds.

use clap::{Args, ValueEnum};
use llm_record::read::DEFAULT_LINE_LIMIT;
/// What to do if the input is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum IfEmpty {
    /// Report it and fail
    #[default]
    Error,
    /// Skip it and write nothing
    Skip,
    /// Run the instruction alone
    Run,
}

/// What to do if prompt and answer do not fit the context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OnOverflow {
    /// Fail
    #[default]
    Error,
    /// Cut the beginning of the text
    Head,
    /// Cut the end of the text
    Tail,
    /// Cut the middle of the text
    Middle,
}

/// Where prompts come from.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Input")]
pub struct InputArgs {
    /// Put this before each input, separated by a blank line
    #[arg(value_name = "INSTRUCTION")]
    pub instruction: Option<String>,

    /// Use this text as the input instead of standard input
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prompt: Option<String>,

    /// Read the input from this file ('-': standard input); several are read one after another
    #[arg(short, long, value_name = "FILE", conflicts_with = "prompt")]
    pub file: Vec<std::path::PathBuf>,

    /// Treat each line of the input as a separate prompt; blank lines get no record
    #[arg(long, conflicts_with_all = ["jsonl", "csv", "prompt"])]
    pub lines: bool,

    /// Treat each line as a JSON object with 'prompt' or 'messages', as a record of this toolkit, or as
    /// a request of an OpenAI batch file, which is answered in that format; blank lines get no record
    #[arg(long, group = "fields", conflicts_with = "prompt")]
    pub jsonl: bool,

    /// Read the input as CSV with a header line: each row is a separate prompt, from the column
    /// 'prompt' or 'text' or made with --template, and the column 'id' is its id
    #[arg(long, group = "fields", conflicts_with = "prompt")]
    pub csv: bool,

    /// Join all lines into one request: their texts in order, separated by blank lines; without
    /// --jsonl, --lines or --csv the input is one request anyway
    #[arg(long, conflicts_with = "keep")]
    pub slurp: bool,
    /// Split the input into chunks of at most TOKENS tokens, each a separate prompt: between
    /// paragraphs, else lines, sentences, words or characters
    #[arg(long, value_name = "TOKENS", conflicts_with_all = ["lines", "jsonl", "csv", "slurp"],
        value_parser = chunk)]
    pub chunk: Option<usize>,

    /// Make each prompt from this text; {{field}} stands for a field of the line
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub template: Option<String>,

    /// Keep this field of the line under 'input' in its record; may be given several times
    // What `requires` asks for is dropped where it conflicts with a flag that is there, so these are named.
    #[arg(long, value_name = "FIELD", requires = "fields", conflicts_with_all = ["lines", "prompt"])]
    pub keep: Vec<String>,

    /// Choose what to do if prompt and answer do not fit the context: fail, or cut this part of the
    /// text. The room for the answer is -n if given, else at most a quarter of the context
    #[arg(long, value_name = "PART", value_enum, default_value_t)]
    pub on_overflow: OnOverflow,

    /// Choose what to do if the input is empty; with --lines, --jsonl or --csv it may have no lines
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub if_empty: IfEmpty,

    /// Reject lines longer than N bytes
    #[arg(long, value_name = "N", default_value_t = DEFAULT_LINE_LIMIT, value_parser = line_limit)]
    pub max_line_bytes: usize,
}

pub(crate) fn chunk(text: &str) -> Result<usize, String> {
    /// One character fits, whatever the vocabulary.
    const LEAST: usize = 8;
    /// More than any model's context.
    const MOST: usize = 1 << 30;
    match text.parse() {
        Ok(tokens) if (LEAST..=MOST).contains(&tokens) => Ok(tokens),
        _ => Err(format!("must be a number of tokens from {LEAST} to {MOST}")),
    }
}

pub(crate) fn line_limit(text: &str) -> Result<usize, String> {
    /// A line is held in memory, so its limit has one too: 1 GiB.
    const MOST: usize = 1 << 30;
    match text.parse() {
        Ok(limit) if (1..=MOST).contains(&limit) => Ok(limit),
        _ => Err(format!("must be a number of bytes from 1 to {MOST}")),
    }
}
