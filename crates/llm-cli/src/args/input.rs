//! Flags that say where prompts come from. Reading them is `input`'s business.
//!
//! A text that a flag takes, here and in the other groups, may start with a hyphen: a script that
//! passes `"$text"` on does not know what it holds.

use clap::{Args, ValueEnum};
use llm_record::read::DEFAULT_LINE_LIMIT;

use super::{TextArg, text_of_file, text_or_file, unescaped};
use crate::input::Texts;

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
#[derive(Args, Clone, Debug, Default)]
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

    /// Run one request for each of these files, with the model loaded once; the record has the file's name
    /// under 'input.path'
    #[arg(long, value_name = "FILE", num_args = 1..,
        conflicts_with_all = ["prompt", "file", "lines", "jsonl", "csv", "slurp"])]
    pub each: Vec<std::path::PathBuf>,

    /// Run one request for each file that is named in FILE ('-': standard input), each name ended by NUL
    #[arg(long, value_name = "FILE",
        conflicts_with_all = ["prompt", "file", "lines", "jsonl", "csv", "slurp"])]
    pub files0_from: Option<std::path::PathBuf>,

    /// Treat each line of the input as a separate prompt; blank lines get no record
    #[arg(long, group = "fields", conflicts_with_all = ["jsonl", "csv", "prompt"])]
    pub lines: bool,

    /// Treat each line as a JSON object with 'prompt' or 'messages', as a record of this toolkit, or as
    /// a request of an OpenAI batch file, which is answered in that format; blank lines get no record.
    /// An array of such objects is read as its elements
    #[arg(long, group = "fields", conflicts_with = "prompt")]
    pub jsonl: bool,

    /// Read the input as CSV with a header line: each row is a separate prompt, from the column
    /// 'prompt', 'text' or 'input' or made with --template, and the column 'id' is its id
    #[arg(long, group = "fields", conflicts_with = "prompt")]
    pub csv: bool,

    /// Take C for what separates the columns of --csv (\t: a tab); without it a comma, or a semicolon or
    /// a tab where the header has those and no comma
    #[arg(long, value_name = "C", requires = "csv", value_parser = delimiter)]
    pub delimiter: Option<u8>,

    /// Join all lines into one request: their texts in order, separated by blank lines; without
    /// --jsonl, --lines or --csv the input is one request anyway
    #[arg(long, conflicts_with = "keep")]
    pub slurp: bool,
    /// Split the input into chunks of at most TOKENS tokens, each a separate prompt: between
    /// paragraphs, else lines, sentences, words or characters
    #[arg(long, value_name = "TOKENS", conflicts_with_all = ["lines", "jsonl", "csv", "slurp"],
        value_parser = chunk)]
    pub chunk: Option<usize>,

    /// Make each prompt from this text; {{field}} stands for a field of the line, \n for a newline, \t
    /// for a tab, \\ for a backslash
    #[arg(long, value_name = "TEXT|@FILE", allow_hyphen_values = true, value_parser = text_or_file)]
    pub template: Option<TextArg>,

    /// Make each prompt from the text in this file, as it stands
    #[arg(long, value_name = "FILE", conflicts_with = "template", value_parser = text_of_file)]
    pub template_file: Option<TextArg>,

    /// Keep this field of the line under 'input' in its record; may be given several times
    // What `requires` asks for is dropped where it conflicts with a flag that is there, so these are named.
    #[arg(
        long,
        value_name = "FIELD",
        requires = "fields",
        conflicts_with = "prompt"
    )]
    pub keep: Vec<String>,

    /// Ignore what a line asks for and does not get (an `n` of 3 say), instead of closing the line
    /// with an error; each record lists it under 'ignored'
    #[arg(long, requires = "jsonl")]
    pub ignore_unsupported: bool,

    /// Keep the text of each request under 'input.text' in its record
    #[arg(long, conflicts_with = "slurp")]
    pub keep_text: bool,

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

impl InputArgs {
    /// Returns the files that are a request each.
    #[must_use]
    pub fn texts(&self) -> Texts {
        Texts {
            files: self.each.clone(),
            files0_from: self.files0_from.clone(),
            overlap: 0,
        }
    }

    /// Returns the template, from wherever it comes.
    #[must_use]
    pub fn template(&self) -> Option<&TextArg> {
        self.template.as_ref().or(self.template_file.as_ref())
    }
}

fn delimiter(text: &str) -> Result<u8, String> {
    match unescaped(text).as_bytes() {
        [byte] if !matches!(byte, b'"' | b'\r' | b'\n' | 0x80..) => Ok(*byte),
        _ => Err("must be one character of ASCII, and neither a quote nor a line end".to_owned()),
    }
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
