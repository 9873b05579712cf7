//! The choice between records and text. No environment variable has a part in it: a script means the
//! same for everybody. Writing is `output`'s business.

use thiserror::Error;

use crate::args::{Format, OutputArgs};

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
}

/// A choice of flags that has no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FormatError {
    /// `-0` without text.
    #[error("-0 ends texts, but the output is JSON records; add -T")]
    NullWithoutText,
}

impl OutputFormat {
    /// Chooses the form: `auto` is streamed text only for one request with standard output a
    /// terminal, and records everywhere else (a pipe, a file, `-o`, several requests). Text that was
    /// asked for is streamed where somebody watches one answer grow, or with `--stream`; else it is
    /// written whole, so that an error leaves the output empty.
    ///
    /// # Errors
    /// [`FormatError::NullWithoutText`].
    pub fn choose(
        args: &OutputArgs,
        one_request: bool,
        on_terminal: bool,
    ) -> Result<Self, FormatError> {
        let watched = one_request && on_terminal && args.output.is_none();
        let text = match args.format.asked() {
            Format::Auto => watched,
            Format::Text => true,
            Format::Jsonl => false,
        };
        match (text, args.null) {
            (false, true) => Err(FormatError::NullWithoutText),
            (false, false) => Ok(Self::Records {
                deltas: args.stream,
            }),
            (true, _) => Ok(Self::Text {
                streamed: (watched || args.stream) && !args.count && !args.show_prompt,
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

    /// Whether the output is text.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text { .. })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::RunArgs;

    fn choose(
        flags: &str,
        one_request: bool,
        on_terminal: bool,
    ) -> Result<OutputFormat, FormatError> {
        let words = std::iter::once("llm-run").chain(flags.split_whitespace());
        let args = RunArgs::try_parse_from(words).unwrap();
        OutputFormat::choose(&args.output, one_request, on_terminal)
    }

    #[test]
    fn the_rule() {
        let records = |deltas| Ok(OutputFormat::Records { deltas });
        let text = |streamed| Ok(OutputFormat::Text { streamed });
        for (flags, one_request, on_terminal, wanted) in [
            ("", true, true, text(true)),
            ("", true, false, records(false)),
            ("", false, true, records(false)),
            ("-o file", true, true, records(false)),
            ("--format jsonl", true, true, records(false)),
            ("--stream", true, false, records(true)),
            ("--stream", true, true, text(true)),
            ("-T", true, false, text(false)),
            ("-T", true, true, text(true)),
            ("-T", false, true, text(false)),
            ("-T -o file", true, true, text(false)),
            ("-T --stream", true, false, text(true)),
            ("-T -0", false, false, text(false)),
            ("--format text", true, false, text(false)),
            ("--count", true, true, text(false)),
            ("-0", true, false, Err(FormatError::NullWithoutText)),
        ] {
            assert_eq!(choose(flags, one_request, on_terminal), wanted, "{flags}");
        }
    }
}
