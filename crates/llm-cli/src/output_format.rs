//! The choice between records and text. No environment variable has a part in it: a script means the
//! same for everybody. Writing is `output`'s business.

use thiserror::Error;

use crate::args::{AnswerFormat, OutputArgs};

/// What the output looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// JSON records, a line each; with or without `delta` records before the closing one.
    Records {
        /// Whether pieces are written as they come.
        deltas: bool,
    },
    /// Answers as text; whole, or in pieces as they come.
    Text {
        /// Whether pieces are written as they come.
        streamed: bool,
    },
    /// The rows of a table with an answer in each, their fields separated by this byte.
    Table {
        /// A comma or a tab.
        delimiter: u8,
    },
}

/// The requests of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requests {
    /// One.
    One,
    /// A text each: lines, files or pieces.
    Texts,
    /// An object each, whose fields come with the answer.
    Objects,
}

/// A choice of flags that has no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FormatError {
    /// `-0` without text.
    #[error("-0 ends texts, but the output is JSON records; add -T")]
    NullWithoutText,
    /// A table of something that is none.
    #[error("--format csv and tsv write the rows of --csv with an answer in each; add --csv")]
    TableWithoutRows,
    /// A table of what has no answers.
    #[error(
        "--format csv and tsv write answers; leave out --stream, --count, --show-prompt and -0, or the format"
    )]
    TableWithoutAnswers,
}

impl OutputFormat {
    /// Chooses the form: `auto` is text where standard output is a terminal and requests are texts (or
    /// are only counted or shown), streamed where there is one, and records everywhere else (a pipe, a
    /// file, `-o`, objects). Text that was asked for is streamed where somebody watches one answer grow,
    /// or with `--stream`; else it is written whole, so that an error leaves the output empty.
    ///
    /// # Errors
    /// [`FormatError`]; that a table has rows is the caller's to see.
    pub fn choose(
        args: &OutputArgs,
        requests: Requests,
        on_terminal: bool,
    ) -> Result<Self, FormatError> {
        let is_told = args.count || args.show_prompt;
        let to_people = on_terminal && args.output.is_none();
        let watched = to_people && requests == Requests::One;
        let text = match args.asked() {
            AnswerFormat::Auto => to_people && (is_told || requests != Requests::Objects),
            AnswerFormat::Text => true,
            AnswerFormat::Jsonl => false,
            AnswerFormat::Csv | AnswerFormat::Tsv if is_told || args.stream || args.null => {
                return Err(FormatError::TableWithoutAnswers);
            }
            AnswerFormat::Csv => return Ok(Self::Table { delimiter: b',' }),
            AnswerFormat::Tsv => return Ok(Self::Table { delimiter: b'\t' }),
        };
        match (text, args.null) {
            (false, true) => Err(FormatError::NullWithoutText),
            (false, false) => Ok(Self::Records {
                deltas: args.stream,
            }),
            (true, _) => Ok(Self::Text {
                streamed: (watched || args.stream) && !is_told,
            }),
        }
    }

    /// Whether pieces of an answer are wanted before its end.
    #[must_use]
    pub fn wants_pieces(self) -> bool {
        matches!(
            self,
            Self::Records { deltas: true } | Self::Text { streamed: true }
        )
    }

    /// Whether the output is text or a table, and holds no records.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text { .. } | Self::Table { .. })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::RunArgs;

    fn choose(
        flags: &str,
        requests: Requests,
        on_terminal: bool,
    ) -> Result<OutputFormat, FormatError> {
        let words = std::iter::once("llm-run").chain(flags.split_whitespace());
        let args = RunArgs::try_parse_from(words).unwrap();
        OutputFormat::choose(&args.output, requests, on_terminal)
    }

    #[test]
    fn the_rule() {
        use Requests::{Objects, One, Texts};
        let records = |deltas| Ok(OutputFormat::Records { deltas });
        let text = |streamed| Ok(OutputFormat::Text { streamed });
        for (flags, requests, on_terminal, wanted) in [
            ("", One, true, text(true)),
            ("", One, false, records(false)),
            ("", Texts, true, text(false)),
            ("", Texts, false, records(false)),
            ("", Objects, true, records(false)),
            ("-o file", One, true, records(false)),
            ("-o file", Texts, true, records(false)),
            ("--format jsonl", One, true, records(false)),
            ("--stream", One, false, records(true)),
            ("--stream", One, true, text(true)),
            ("--stream", Texts, true, text(true)),
            ("-T", One, false, text(false)),
            ("-T", One, true, text(true)),
            ("-T", Objects, true, text(false)),
            ("-T -o file", One, true, text(false)),
            ("-T --stream", One, false, text(true)),
            ("-T -0", Objects, false, text(false)),
            ("--format text", One, false, text(false)),
            ("--count", One, true, text(false)),
            ("--count", Objects, true, text(false)),
            ("--count", Objects, false, records(false)),
            ("-0", One, false, Err(FormatError::NullWithoutText)),
            (
                "--format tsv",
                Objects,
                true,
                Ok(OutputFormat::Table { delimiter: b'\t' }),
            ),
            (
                "--format csv --count",
                Objects,
                true,
                Err(FormatError::TableWithoutAnswers),
            ),
        ] {
            assert_eq!(choose(flags, requests, on_terminal), wanted, "{flags}");
        }
    }
}
