//! The durable loop as a program runs it: where the closing records go, what stands there already,
//! and one call that reads, answers, writes and ends the output. What a request is answered with
//! is the business of whoever answers it.

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use llm_filter::durable::{self, DurableError, EarlierRun, Existing, Opened};
use llm_filter::{
    Conflict, Control, Journal, Options, ReadAhead, RecordSink, Replaced, Rules, Summary, Work,
};
use llm_record::{Delta, Item, Record, Routed, counted};

use crate::reads::{FileIdentity, Reads};
use crate::replaces::Replaces;
use crate::reporter::Reporter;
use crate::stdio::{Sink, StdioError};
use crate::{Context, Messages, Output, Status};

impl RecordSink for Output {
    fn close(&mut self, routed: &mut Routed<Record>) -> Result<()> {
        Ok(Self::close(self, routed)?)
    }

    fn pass(&mut self, line: &str) -> Result<()> {
        Ok(Self::pass(self, line)?)
    }

    fn delta(&mut self, delta: Routed<Delta>) -> Result<()> {
        Ok(self.piece(delta)?)
    }

    fn sync(&mut self) -> Result<()> {
        Ok(Self::sync(self)?)
    }

    fn is_unread(&self) -> bool {
        self.reader_gone()
    }
}

/// An output, and what earlier runs have closed in it.
#[derive(Debug, Default)]
pub struct Target {
    /// The file of `-o`, or standard output where it is gone on with; `None` where nothing is.
    pub sink: Option<Sink>,
    /// What is closed.
    pub journal: Journal,
    /// Hold the locks on the file of `--resume`, and on what lines were moved out of.
    _locked: [Option<File>; 2],
}

impl Target {
    /// Opens the file of `-o` to go on with it, or else reads that of `--resume`. What is cut off or
    /// torn is told.
    ///
    /// # Errors
    /// [`DurableError`], and standard output that cannot be opened.
    pub fn open(
        output: Option<&Path>,
        resumed: Option<&Path>,
        existing: Existing,
        reads: &Reads,
        rules: Rules,
        messages: Messages,
    ) -> Result<Self> {
        if let Some(path) = output {
            return Self::append(path, existing, reads, rules, messages);
        }
        let Some(path) = resumed else {
            return Ok(Self {
                journal: Journal::new(rules),
                ..Self::default()
            });
        };
        reads.refuse_stdout()?;
        let (file, earlier) = resume(path, rules)?;
        let sink = Sink::stdout()?.durable();
        tell_damage(&earlier, path, messages);
        Ok(Self {
            sink: Some(sink),
            journal: earlier.journal,
            _locked: [Some(file), earlier.before],
        })
    }

    fn append(
        path: &Path,
        existing: Existing,
        reads: &Reads,
        rules: Rules,
        messages: Messages,
    ) -> Result<Self> {
        let refuse = |path: &Path| reads.refuse(path).map_err(Into::into);
        let name = format!("'{}'", path.display());
        let (sink, earlier) = match durable::open(path, rules, existing, &refuse)? {
            Opened::Device => (Sink::create(path, reads, Replaces::Anything)?, None),
            Opened::Replaced(file) => (Sink::anew(file, name), None),
            Opened::Continued(file, earlier) => (Sink::append(file, name), Some(earlier)),
        };
        let Some(earlier) = earlier else {
            return Ok(Self {
                sink: Some(sink),
                journal: Journal::new(rules),
                ..Self::default()
            });
        };
        tell_damage(&earlier, path, messages);
        Ok(Self {
            sink: Some(sink),
            journal: earlier.journal,
            _locked: [None, earlier.before],
        })
    }
}

/// Reads the file of `--resume`. Where it is standard output's, too, it is locked and cut; the lock
/// lasts as long as the file that is returned.
///
/// # Errors
/// [`DurableError`]; the file is as it was then.
pub fn resume(path: &Path, rules: Rules) -> Result<(File, EarlierRun), DurableError> {
    let is_output = match (FileIdentity::of_path(path), FileIdentity::of_stdout()) {
        (Some(file), Some(output)) => output.refuse(&[file]).is_err(),
        _ => false,
    };
    durable::resume(path, rules, is_output)
}

fn tell_damage(earlier: &EarlierRun, path: &Path, messages: Messages) {
    if !earlier.tears.is_empty() {
        let name = format!("'{}'", path.display());
        messages.warning(earlier.tears.sentence(&name));
    }
    if earlier.torn > 0 {
        messages.warning(format_args!(
            "the output ended in {} of an incomplete record that an earlier run has left, now cut off",
            counted(earlier.torn, "byte", "bytes")
        ));
    }
}

/// What a run needs beside its input and whoever answers it.
pub struct Run<'r> {
    /// What is closed already.
    pub journal: Journal,
    /// Where closing records go; it is ended with the run.
    pub output: Output,
    /// How the run goes.
    pub options: Options,
    /// The file that the records go to, where it is one that is continued.
    pub file: Option<&'r Path>,
    /// How often the sums so far are printed, if they are.
    pub every: Option<Duration>,
    /// Lines that are read ahead, at least one.
    pub read_ahead: usize,
    /// Whether the totals so far are printed where a signal ends the program in the middle of a step.
    pub tells_last_words: bool,
    /// Gets the sums after each step, and is dropped before the output is ended.
    pub progress: Box<dyn FnMut(&Summary) + 'r>,
}

/// Reads the items, has them answered, writes what closes them, and ends the output: one that has
/// failed is left as it is, for a run that could not start replaces nothing.
///
/// # Errors
/// The system starts no thread to read with. What ends a run early is in what is returned.
pub fn run<W: Work>(
    items: impl Iterator<Item = Result<Item, StdioError>> + Send + 'static,
    work: &mut W,
    run: Run<'_>,
    context: &Context,
) -> Result<Ended> {
    let Run {
        journal,
        mut output,
        options,
        file,
        every,
        read_ahead,
        tells_last_words,
        mut progress,
    } = run;
    let input = ReadAhead::start(items, read_ahead)?;
    let written: Arc<Mutex<Summary>> = Arc::default();
    if tells_last_words {
        let (written, messages) = (Arc::clone(&written), context.messages);
        context.interrupt.set_last_words(move || {
            let summary = written.lock().unwrap_or_else(PoisonError::into_inner);
            if !summary.is_empty() {
                messages.note(&*summary);
            }
        });
    }
    let reporter = Reporter::start(&written, every, context)?;
    let control = Control {
        is_interrupted: &|| context.interrupt.is_set(),
        progress: &mut *progress,
        written: &written,
        answered_again: &|conflict| {
            if let Some(file) = file {
                context.messages.warning(conflict.note(file));
            }
        },
    };
    let outcome = llm_filter::run(&input, journal, work, &mut output, options, control);
    context.interrupt.take_last_words_back();
    drop(reporter);
    drop(progress);
    let status = match (outcome.is_interrupted, outcome.summary.failed) {
        (true, _) => context.interrupt.status().unwrap_or(Status::Interrupted),
        (false, 0) => Status::Done,
        (false, _) => Status::SomeFailed,
    };
    let finished = match outcome.failure {
        None => output.finish(),
        Some(_) => {
            drop(output);
            Ok(())
        }
    };
    if let (Some(file), Ok(())) = (file, &finished) {
        take_out(&outcome.replaced, file, context.messages);
    }
    let failure = outcome.failure.map(|failure| explained(failure, file));
    Ok(Ended {
        status,
        summary: outcome.summary,
        journal: outcome.journal,
        is_stopped: outcome.is_stopped,
        failure,
        finished,
    })
}

/// Takes the answers that this run has replaced out of its output. Where that fails they stand beside the
/// new ones, and the same command takes them out.
fn take_out(replaced: &Replaced, file: &Path, messages: Messages) {
    match replaced.take_out(file) {
        Ok(0) => {}
        Ok(1) => messages.note("1 earlier record was replaced"),
        Ok(lines) => messages.note(format_args!("{lines} earlier records were replaced")),
        Err(error) => messages.warning(format_args!(
            "what was answered anew still stands in the output, too: {error}; the same command takes it out"
        )),
    }
}

/// Says of a run that is made otherwise than its output in what it is.
fn explained(failure: anyhow::Error, file: Option<&Path>) -> anyhow::Error {
    match (failure.downcast_ref::<Conflict>(), file) {
        (Some(conflict), Some(file)) => anyhow::Error::msg(conflict.sentence(file)),
        _ => failure,
    }
}

/// How a run has ended.
#[derive(Debug)]
pub struct Ended {
    /// The worst that has happened.
    pub status: Status,
    /// Its sums.
    pub summary: Summary,
    /// What was closed before, and what the run has met.
    pub journal: Journal,
    /// It stopped before its input's end, since too many requests failed.
    pub is_stopped: bool,
    /// What ended it early: an input that breaks, an output that cannot be written, a signal amid
    /// a request.
    pub failure: Option<anyhow::Error>,
    /// Whether the output could be ended.
    pub finished: Result<(), StdioError>,
}

impl Ended {
    /// Says that the run has stopped at too many failures, if it has, and what becomes of its
    /// output then.
    pub fn tell_stop(&self, outlook: &str, messages: Messages) {
        if self.is_stopped {
            messages.error(format_args!(
                "stopped after {} failed lines, as --max-errors asks; {outlook}",
                self.summary.failed
            ));
        }
    }

    /// Says what a run over many lines has done, and returns how the program ends: with the status
    /// of lines that have failed also where an earlier run closed them.
    ///
    /// # Errors
    /// What ended the run early, or the output's end.
    pub fn tell(self, messages: Messages) -> Result<Status> {
        let is_over = matches!(self.status, Status::Done | Status::SomeFailed);
        let is_told = match &self.failure {
            None => is_over || !self.summary.is_empty(),
            Some(failure) => !self.summary.is_empty() && !is_unread(failure),
        };
        if is_told {
            messages.note(&self.summary);
            self.tell_failures(messages);
        }
        self.close()
    }

    /// Says why the status is not 0, also to those who want no notes: what a night job mails.
    fn tell_failures(&self, messages: Messages) {
        let summary = &self.summary;
        if !summary.failures.is_empty() {
            messages.error(&summary.failures);
        }
        if summary.skipped_failed > 0 {
            messages.error(format_args!(
                "{} failed in an earlier run; --retry-errors runs what failed again",
                lines(summary.skipped_failed)
            ));
        }
        if summary.told_conflicts > 0 {
            messages.error(format_args!(
                "{} closed as id_conflict in an earlier run; --on-conflict skip or replace ends that",
                lines(summary.told_conflicts)
            ));
        }
    }

    /// Returns how the program ends, with nothing said.
    ///
    /// # Errors
    /// As [`tell`](Self::tell).
    pub fn close(self) -> Result<Status> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        self.finished?;
        Ok(
            match self.summary.skipped_failed + self.summary.told_conflicts {
                0 => self.status,
                _ => self.status.and(Status::SomeFailed),
            },
        )
    }
}

fn lines(count: u64) -> String {
    counted(count, "line", "lines")
}

/// Returns whether a run ended since nobody reads its output any more.
fn is_unread(failure: &anyhow::Error) -> bool {
    matches!(
        failure.downcast_ref::<StdioError>(),
        Some(StdioError::Ended(Status::Done))
    )
}
