//! Flags that say what is written, where, and how much is told beside it. Choosing the form is
//! `format`'s business, writing `output`'s.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What standard output holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for one request on a terminal, else JSON lines
    #[default]
    Auto,
    /// One JSON record per line
    Jsonl,
    /// Only the answers, numbers, names or tables
    Text,
}

/// What the output of a run over requests holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AnswerFormat {
    /// On a terminal text (but records for --jsonl and --csv), else JSON lines
    #[default]
    Auto,
    /// One JSON record per line
    Jsonl,
    /// Only the answers, numbers or prompts
    Text,
    /// The columns of --csv with 'answer' and 'error' beside them, separated by commas
    Csv,
    /// The same, separated by tabs
    Tsv,
}

impl AnswerFormat {
    /// Whether it is that of a table's rows.
    #[must_use]
    pub fn is_table(self) -> bool {
        matches!(self, Self::Csv | Self::Tsv)
    }
}

impl From<Format> for AnswerFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Auto => Self::Auto,
            Format::Jsonl => Self::Jsonl,
            Format::Text => Self::Text,
        }
    }
}

/// Where a model's reasoning goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Reasoning {
    /// In the records, beside the answer
    #[default]
    Include,
    /// To standard error, as it is generated
    Stderr,
    /// Nowhere
    Drop,
}

/// The form of the output.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct FormatArgs {
    /// Write records or text
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        global = true
    )]
    pub format: Format,

    /// Write only answers, numbers, names or tables, each with a newline; short for --format text
    #[arg(short = 'T', long = "text", global = true, conflicts_with = "format")]
    pub text: bool,
}

impl FormatArgs {
    /// Returns the format asked for.
    #[must_use]
    pub fn asked(self) -> Format {
        if self.text { Format::Text } else { self.format }
    }
}

/// Where the output goes and how it ends.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Write records or text
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: AnswerFormat,

    /// Write only answers, numbers, names or tables, each with a newline; short for --format text
    #[arg(short = 'T', long = "text", conflicts_with = "format")]
    pub text: bool,

    /// Write to this file instead of standard output ('-')
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Replace the file that is written to, whatever it holds
    #[arg(long, requires = "output")]
    pub overwrite: bool,

    /// Write the answer in pieces as it is generated: 'delta' records, or text
    #[arg(long, conflicts_with_all = ["count", "show_prompt"])]
    pub stream: bool,

    /// Write how many tokens each prompt has, without running it
    #[arg(long)]
    pub count: bool,

    /// Write each prompt as the model would see it, and its tokens, without running it
    #[arg(long, conflicts_with = "count")]
    pub show_prompt: bool,

    /// Choose where the model's reasoning goes; text output never contains it
    #[arg(long, value_name = "WHERE", value_enum, default_value_t)]
    pub reasoning: Reasoning,

    /// End each text with NUL instead of a newline
    #[arg(short = '0', long = "null")]
    pub null: bool,
}

impl OutputArgs {
    /// Returns the format asked for.
    #[must_use]
    pub fn asked(&self) -> AnswerFormat {
        if self.text {
            AnswerFormat::Text
        } else {
            self.format
        }
    }
}

/// How much is said on standard error.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct QuietArgs {
    /// Show neither progress nor notes; warnings and errors are still shown
    #[arg(short, long, global = true)]
    pub quiet: bool,
}
