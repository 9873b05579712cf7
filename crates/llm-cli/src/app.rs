//! What stands around a program: parse, run, tell what went wrong, end with the right status.
//! What the program does is its own business.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::input::InputError;
use crate::message::Messages;
use crate::signal::Interrupt;
use crate::status::Status;
use crate::stdio::{Sink, StdioError};
use crate::{llama_cpp_flags, llm_options, parser};

/// What a program gets beside its arguments.
#[derive(Clone, Debug)]
pub struct Context {
    /// Sentences for people.
    pub messages: Messages,
    /// Whether the user asked for an end.
    pub interrupt: Interrupt,
}

impl Context {
    /// Returns the same, without notes if `quiet`.
    #[must_use]
    pub fn quiet(&self, quiet: bool) -> Self {
        Self {
            messages: self.messages.quiet(quiet),
            interrupt: self.interrupt.clone(),
        }
    }
}

/// The arguments of a program.
pub trait Program: Parser {
    /// Returns them with what several spellings mean alike in one: `-o -` is standard output, as without
    /// -o.
    #[must_use]
    fn settled(self) -> Self {
        self
    }
}

/// Returns the file of an -o; `-` is none.
pub(crate) fn file_of(output: Option<PathBuf>) -> Option<PathBuf> {
    output.filter(|path| path != Path::new("-"))
}

/// Runs a program: parses its arguments, calls it, and turns what comes back into an exit status.
///
/// An error is told on standard error as one sentence and means [`Status::NotStarted`], but for
/// [`StdioError`]: an output that breaks while it is written is [`Status::SomeFailed`], and an ordinary
/// end (an early closed pipe, a signal during a wait) is silent and has the status that it names.
pub fn main<A: Program>(
    program: &'static str,
    run: impl FnOnce(A, &Context) -> anyhow::Result<Status>,
) -> ExitCode {
    let messages = Messages::new(program);
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let args = match parse::<A>(program, &arguments, &messages) {
        Ok(args) => args.settled(),
        Err(status) => return status.end(),
    };
    let result = Interrupt::catch()
        .map_err(anyhow::Error::from)
        .and_then(|interrupt| {
            let context = Context {
                messages,
                interrupt,
            };
            run(args, &context)
        });
    let status = result.unwrap_or_else(|error| {
        let (status, sentence) = ending(&error);
        if let Some(sentence) = sentence {
            messages.error(sentence);
        }
        status
    });
    status.end()
}

/// Parses the arguments. Help and version go to standard output, what is wrong to standard error.
fn parse<A: Parser>(
    program: &str,
    arguments: &[OsString],
    messages: &Messages,
) -> Result<A, Status> {
    let command = parser::command(A::command());
    let foreign = llama_cpp_flags::find(program, &command, arguments)
        .or_else(|| llm_options::find(program, arguments));
    if let Some(sentence) = foreign {
        messages.error(sentence);
        return Err(Status::NotStarted);
    }
    let matches = command.clone().try_get_matches_from(arguments);
    let parsed = matches.and_then(|matches| A::from_arg_matches(&matches));
    parsed.map_err(|error| {
        let error = without_double_dash(error);
        let text = error.to_string();
        match error.kind() {
            ErrorKind::InvalidUtf8 => {
                messages.error(parser::not_utf8(&command, arguments));
                Status::NotStarted
            }
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => shown(&text, messages),
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                messages.usage(&format!("no argument is given\n\n{text}"));
                Status::NotStarted
            }
            _ => {
                messages.usage(text.strip_prefix("error: ").unwrap_or(&text));
                Status::NotStarted
            }
        }
    })
}

/// Takes out clap's advice to write a flag that it does not know behind `--`: whoever mistypes a flag wants
/// no argument of that name.
fn without_double_dash(mut error: clap::Error) -> clap::Error {
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    if let Some(ContextValue::StyledStrs(mut tips)) = error.remove(ContextKind::Suggested) {
        tips.retain(|tip| !tip.to_string().contains("'-- "));
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    error
}

/// Writes help to standard output, whose reader may have enough of it.
fn shown(text: &str, messages: &Messages) -> Status {
    let written = Sink::stdout().and_then(|mut sink| {
        sink.write_all(text.as_bytes())
            .map_err(|error| StdioError::write(sink.name(), error))
    });
    match written {
        Ok(()) | Err(StdioError::Ended(_)) => Status::Done,
        Err(error) => {
            messages.error(error);
            Status::SomeFailed
        }
    }
}

/// Returns the status that an error leads to, and the sentence to tell, if any.
fn ending(error: &anyhow::Error) -> (Status, Option<String>) {
    let stdio = error
        .chain()
        .find_map(|cause| match cause.downcast_ref::<InputError>() {
            Some(InputError::Stdio(error)) => Some(error),
            _ => cause.downcast_ref::<StdioError>(),
        });
    match stdio {
        Some(StdioError::Ended(status)) => (*status, None),
        Some(StdioError::Write { .. }) => (Status::SomeFailed, Some(sentence(error))),
        _ => (Status::NotStarted, Some(sentence(error))),
    }
}

/// Returns an error and its causes as one sentence; a cause that the error already tells is not told
/// twice.
fn sentence(error: &anyhow::Error) -> String {
    let mut sentence = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !sentence.contains(&cause) {
            sentence.push_str(": ");
            sentence.push_str(&cause);
        }
    }
    sentence
}

#[cfg(test)]
mod tests {
    use std::io;

    use anyhow::Context as _;

    use super::*;
    use crate::RunArgs;
    use crate::reads::Reads;
    use crate::replaces::Replaces;

    fn parsed(arguments: &[&str]) -> Result<RunArgs, Status> {
        let all = std::iter::once(&"llm-run").chain(arguments);
        let all: Vec<_> = all.map(OsString::from).collect();
        parse("llm-run", &all, &Messages::new("llm-run"))
    }

    #[test]
    fn usage_that_is_wrong_cannot_start() {
        for arguments in [
            &["--unknown"] as &[_],
            &["-sys", "x"],
            &["-p", "a", "-f", "b"],
        ] {
            assert_eq!(
                parsed(arguments).unwrap_err(),
                Status::NotStarted,
                "{arguments:?}"
            );
        }
        let args = parsed(&["-n", "-1", "-s", "-1"]).unwrap();
        let settings = args.sampling.settings();
        assert_eq!(
            (settings.max_tokens, settings.seed),
            (Some(-1), Some(llm_record::Seed::Drawn))
        );
    }

    #[test]
    fn an_unknown_flag_is_not_advised_to_be_an_argument() {
        for (arguments, kept) in [
            (&["llm-run", "--nosuch"] as &[_], "'--nosuch'"),
            (&["llm-run", "--stopp", "x"], "'--stop'"),
        ] {
            let error = RunArgs::try_parse_from(arguments).unwrap_err();
            let told = without_double_dash(error).to_string();
            assert!(told.contains(kept) && !told.contains("-- --"), "{told}");
        }
    }

    /// An alias that sets a flag must not forbid to set it again.
    #[test]
    fn of_a_flag_that_is_repeated_the_last_counts() {
        let args = parsed(&[
            "--temp",
            "0.8",
            "-n5",
            "-q",
            "-o",
            "a",
            "--temp=0.5",
            "-n",
            "6",
            "-q",
            "-o",
            "b",
        ])
        .unwrap();
        let settings = args.sampling.settings();
        assert_eq!(
            (settings.temperature, settings.max_tokens),
            (Some(0.5), Some(6))
        );
        assert_eq!(args.output.output.as_deref(), Some("b".as_ref()));
        let args = parsed(&[
            "--jsonl", "--jsonl", "--stop", "a", "--keep", "k", "-f", "x", "--stop", "b", "--keep",
            "l", "-f", "y",
        ])
        .unwrap();
        assert_eq!(args.sampling.settings().stop.unwrap(), ["a", "b"]);
        assert_eq!(args.input.keep, ["k", "l"]);
        assert_eq!(args.input.file.len(), 2);
        let args = [
            "llm-pull",
            "ls",
            "-q",
            "-q",
            "--format=text",
            "--format=jsonl",
        ];
        assert!(crate::PullArgs::try_parse_from(args).is_ok());
    }

    #[test]
    fn a_number_out_of_range_is_answered_with_the_range() {
        let told = |arguments: &[&str]| {
            let all = std::iter::once(&"llm-run").chain(arguments);
            RunArgs::try_parse_from(all).unwrap_err().to_string()
        };
        for number in ["-1", "2147483649", "18446744073709551615", "many"] {
            let told = told(&["-c", number]);
            assert!(
                told.contains("a number of tokens from 0 to 2147483648"),
                "{told}"
            );
        }
        for number in ["-2", "0", "99999999999999999999"] {
            let told = told(&["-t", number]);
            assert!(
                told.contains("a number of threads from 1, or -1 for"),
                "{told}"
            );
        }
        assert!(parsed(&["-t", "-1"]).unwrap().device.threads.is_some());
        assert_eq!(
            parsed(&["-c", "2147483648"]).unwrap().model.ctx_size,
            1 << 31
        );
    }

    #[test]
    fn errors_of_the_streams_have_their_own_endings() {
        let full = StdioError::write("x", io::ErrorKind::StorageFull.into());
        assert_eq!(ending(&full.into()).0, Status::SomeFailed);
        for path in ["/nonexistent/x", "/"] {
            let unopened =
                Sink::create(path.as_ref(), &Reads::default(), Replaces::Nothing).unwrap_err();
            let (status, sentence) = ending(&unopened.into());
            assert_eq!(status, Status::NotStarted);
            let wanted = format!("cannot write '{path}': ");
            assert!(sentence.is_some_and(|sentence| sentence.starts_with(&wanted)));
        }
        let closed = StdioError::write("x", io::ErrorKind::BrokenPipe.into());
        assert_eq!(ending(&closed.into()), (Status::Done, None));
        let interrupted = InputError::from(StdioError::Ended(Status::Interrupted));
        assert_eq!(ending(&interrupted.into()), (Status::Interrupted, None));
        // A closed socket is no closed output: only the typed error is silent.
        let socket = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(ending(&socket).0, Status::NotStarted);
    }

    #[test]
    fn a_cause_is_told_once() {
        let inner = io::Error::other("no route");
        let error = Err::<(), _>(inner)
            .context("cannot fetch 'x': no route")
            .unwrap_err();
        assert_eq!(sentence(&error), "cannot fetch 'x': no route");
        let error = Err::<(), _>(io::Error::other("no route"))
            .context("cannot fetch 'x'")
            .unwrap_err();
        assert_eq!(sentence(&error), "cannot fetch 'x': no route");
    }
}
