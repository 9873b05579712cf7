//! The loop: lines in while there is room, work in between, closing records out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use llm_cli::stdio::StdioError;
use llm_cli::{Context, Item, Job, Messages, Output, Status};
use llm_record::{ErrorCode, ErrorRecord, Record};

use crate::journal::digest_of;
use crate::{Journal, Name, Next, Pump, Summary, Verdict, Window};

/// How long nothing may come in before what was written is synced.
const IDLE: Duration = Duration::from_millis(500);

/// Whoever answers requests, several at a time.
pub trait Work {
    /// A request that is ready to be answered.
    type Task;

    /// Whether an answer is a vector, and nothing is generated.
    const IS_EMBEDDING: bool = false;

    /// Makes a request ready.
    ///
    /// # Errors
    /// The outer one ends the run; the inner one is the record that closes the
    /// request, with a digest that tells it from others.
    fn prepare(&mut self, job: Box<Job>) -> Result<Result<Self::Task, Box<ErrorRecord>>>;

    /// Returns what tells the request from others.
    fn name<'t>(&self, task: &'t Self::Task) -> Name<'t>;

    /// Returns the record that closes a request unanswered.
    fn refuse(&self, task: &Self::Task, code: ErrorCode, sentence: String) -> ErrorRecord;

    /// Returns whether a request can be begun now.
    fn has_room(&mut self, task: &Self::Task) -> bool;

    /// Begins a request, which is the given one of several that are equal.
    ///
    /// # Errors
    /// The record that closes it at once.
    fn start(
        &mut self,
        number: u64,
        task: Self::Task,
        occurrence: u64,
    ) -> Result<(), Box<ErrorRecord>>;

    /// Returns whether nothing is under way.
    fn is_idle(&self) -> bool;

    /// Goes on with all that is under way; returns what has ended, by number.
    ///
    /// # Errors
    /// What ends the run.
    fn step(&mut self, output: &mut Output) -> Result<Vec<(u64, Record)>>;
}

/// How a run goes.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Requests between the oldest that is open and the newest, at most.
    pub window: usize,
    /// Records come in the order of the input.
    pub is_ordered: bool,
    /// Failed requests after which no more are begun.
    pub max_errors: Option<u64>,
    /// Who is told the sums so far where a signal ends the program amid a step.
    pub last_words: Option<Messages>,
}

/// What closes a request.
#[derive(Debug)]
pub enum Closing {
    /// A record of this run.
    Record(Box<Record>),
    /// A record of an earlier stage, as it came.
    Passed(String),
    /// Nothing: the output holds its record already, which may be an error.
    Skipped {
        /// It is one.
        is_error: bool,
    },
    /// Nothing: what it asks for is there elsewhere.
    Seen,
}

/// How a run has ended.
#[derive(Debug)]
pub struct Outcome {
    /// The worst that has happened.
    pub status: Status,
    /// Its sums.
    pub summary: Summary,
    /// It stopped before its input's end, since too many requests failed.
    pub is_stopped: bool,
    /// What ended it early: an input that breaks, an output that cannot be
    /// written, a signal amid a request.
    pub failure: Option<anyhow::Error>,
}

impl Outcome {
    /// Ends an output; after a failure it is left as it is, for a run that could
    /// not start replaces nothing.
    ///
    /// # Errors
    /// [`StdioError::Write`].
    pub fn finish(&self, output: Output) -> Result<(), StdioError> {
        match self.failure {
            None => output.finish(),
            Some(_) => Ok(()),
        }
    }

    /// Says what a run over many lines has done, once its output is closed with
    /// `finished`, and returns how the program ends: with the status of lines that
    /// have failed also where an earlier run closed them.
    ///
    /// # Errors
    /// What ended the run early, or the output's end.
    pub fn tell(self, finished: Result<(), StdioError>, messages: Messages) -> Result<Status> {
        let is_over = matches!(self.status, Status::Done | Status::SomeFailed);
        let is_told = match &self.failure {
            None => is_over || !self.summary.is_empty(),
            Some(failure) => !self.summary.is_empty() && !is_unread(failure),
        };
        if is_told {
            messages.note(&self.summary);
        }
        self.close(finished)
    }

    /// Returns how the program ends, with nothing said.
    ///
    /// # Errors
    /// As [`tell`](Self::tell).
    pub fn close(self, finished: Result<(), StdioError>) -> Result<Status> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        finished?;
        Ok(match self.summary.skipped_failed {
            0 => self.status,
            _ => self.status.and(Status::SomeFailed),
        })
    }
}

/// Returns whether a run ended since nobody reads its output any more.
fn is_unread(failure: &anyhow::Error) -> bool {
    let failure = failure.downcast_ref::<StdioError>();
    matches!(failure, Some(StdioError::Ended(Status::Done)))
}

/// Answers all requests of the input, or those before something ends it.
pub fn run<W: Work>(
    input: &Pump<Result<Item, StdioError>>,
    journal: Journal,
    work: &mut W,
    output: &mut Output,
    options: Options,
    context: &Context,
    watch: &mut dyn FnMut(&Summary),
) -> Outcome {
    let mut filter = Filter {
        journal,
        window: Window::new(options.window, options.is_ordered),
        waiting: None,
        has_ended: false,
        summary: Summary {
            is_embedding: W::IS_EMBEDDING,
            ..Summary::default()
        },
        status: Status::Done,
        failures: 0,
        options,
        start: Instant::now(),
        told: Arc::default(),
    };
    if let Some(messages) = options.last_words {
        let told = Arc::clone(&filter.told);
        context.interrupt.set_last_words(move || {
            let summary = told.lock().unwrap_or_else(PoisonError::into_inner);
            if !summary.is_empty() {
                messages.note(&*summary);
            }
        });
    }
    let failure = filter.go(input, work, output, context, watch).err();
    context.interrupt.take_last_words_back();
    filter.summary.elapsed = filter.start.elapsed();
    Outcome {
        is_stopped: filter.is_stopped() && !filter.has_ended,
        status: filter.status,
        summary: filter.summary,
        failure,
    }
}

/// The state of a run.
struct Filter<T> {
    journal: Journal,
    window: Window<Closing>,
    /// A request that waits for room, with its place and which of equal ones it
    /// is.
    waiting: Option<(u64, T, u64)>,
    has_ended: bool,
    summary: Summary,
    status: Status,
    /// Requests that have failed, written or not.
    failures: u64,
    options: Options,
    start: Instant,
    /// The sums of what is written.
    told: Arc<Mutex<Summary>>,
}

impl<T> Filter<T> {
    fn is_stopped(&self) -> bool {
        let most = self.options.max_errors.unwrap_or(u64::MAX);
        self.failures >= most
    }

    /// Takes in, goes on and writes until all is closed.
    fn go<W: Work<Task = T>>(
        &mut self,
        input: &Pump<Result<Item, StdioError>>,
        work: &mut W,
        output: &mut Output,
        context: &Context,
        watch: &mut dyn FnMut(&Summary),
    ) -> Result<()> {
        loop {
            if let Some(status) = context.interrupt.status() {
                self.status = status;
                return self.write(output);
            }
            self.take_in(input, work, output)?;
            self.write(output)?;
            if !work.is_idle() {
                for (number, record) in work.step(output)? {
                    self.close(number, record);
                }
                self.write(output)?;
            } else if self.is_over() {
                return Ok(());
            }
            self.summary.elapsed = self.start.elapsed();
            watch(&self.summary);
        }
    }

    fn is_over(&self) -> bool {
        self.waiting.is_none() && (self.has_ended || self.is_stopped())
    }

    /// Takes in lines as long as there is room for them. With nothing under way
    /// it waits for one.
    fn take_in<W: Work<Task = T>>(
        &mut self,
        input: &Pump<Result<Item, StdioError>>,
        work: &mut W,
        output: &mut Output,
    ) -> Result<()> {
        loop {
            if let Some((number, task, occurrence)) = self.waiting.take() {
                if !work.has_room(&task) {
                    self.waiting = Some((number, task, occurrence));
                    return Ok(());
                }
                if let Err(record) = work.start(number, task, occurrence) {
                    self.fail(number, *record, occurrence);
                }
            }
            if self.has_ended || self.is_stopped() || !self.window.has_room() {
                return Ok(());
            }
            let next = match work.is_idle() {
                true => {
                    self.write(output)?;
                    input.wait(IDLE)
                }
                false => input.look(),
            };
            match next {
                Next::Line(item) => self.take(item?, work)?,
                Next::Nothing => {
                    output.sync()?;
                    return Ok(());
                }
                Next::End => self.has_ended = true,
            }
        }
    }

    /// Takes in one line.
    fn take<W: Work<Task = T>>(&mut self, item: Item, work: &mut W) -> Result<()> {
        let number = self.window.open();
        match item {
            Item::Run(job) => match work.prepare(job)? {
                Ok(task) => self.judge(number, task, work),
                Err(record) => self.fail_if_new(number, *record),
            },
            Item::Failed(record) => self.fail_if_new(number, *record),
            Item::Passed(line) => {
                let verdict = self.journal.next(Name::plain(None, &digest_of(&line)));
                let closing = match verdict {
                    Verdict::Skip | Verdict::SkipFailed => Closing::Skipped { is_error: true },
                    _ => Closing::Passed(line),
                };
                self.failures += u64::from(matches!(closing, Closing::Passed(_)));
                self.window.fill(number, closing);
            }
        }
        Ok(())
    }

    /// Decides whether a request is to be answered.
    fn judge<W: Work<Task = T>>(&mut self, number: u64, task: T, work: &W) {
        let name = work.name(&task);
        let shown = name
            .id
            .map(|id| serde_json::to_string(id).unwrap_or_default());
        let shown = shown.unwrap_or_default();
        match self.journal.next(name) {
            Verdict::Skip => self.skip(number, false),
            Verdict::SkipFailed => self.skip(number, true),
            Verdict::Seen => self.window.fill(number, Closing::Seen),
            Verdict::Run(occurrence) => self.waiting = Some((number, task, occurrence)),
            Verdict::DuplicateId(occurrence) => {
                let sentence = format!(
                    "an earlier line has the id {shown}, too; give each line an id of its own"
                );
                let record = work.refuse(&task, ErrorCode::DuplicateId, sentence);
                self.fail(number, record, occurrence);
            }
            Verdict::IdConflict(occurrence) => {
                let sentence = format!(
                    "the output holds an answer to {shown} already, and to another request; give the \
                     line another id, or the run another -o"
                );
                let record = work.refuse(&task, ErrorCode::IdConflict, sentence);
                self.fail(number, record, occurrence);
            }
        }
    }

    /// Closes a request that cannot be run, unless it is closed already.
    fn fail_if_new(&mut self, number: u64, record: ErrorRecord) {
        let digest = record.request_digest.as_deref().unwrap_or_default();
        let name = Name::new(record.id.as_ref(), &record.input, digest);
        match self.journal.next(name) {
            Verdict::Skip => self.skip(number, false),
            Verdict::SkipFailed => self.skip(number, true),
            // An error is no vector that is there.
            Verdict::Seen => self.fail(number, record, 1),
            Verdict::Run(occurrence)
            | Verdict::DuplicateId(occurrence)
            | Verdict::IdConflict(occurrence) => self.fail(number, record, occurrence),
        }
    }

    fn skip(&mut self, number: u64, is_error: bool) {
        self.window.fill(number, Closing::Skipped { is_error });
    }

    fn fail(&mut self, number: u64, mut record: ErrorRecord, occurrence: u64) {
        record.occurrence = (occurrence > 1).then_some(occurrence);
        self.close(number, Record::from(record));
    }

    fn close(&mut self, number: u64, record: Record) {
        self.failures += u64::from(matches!(record, Record::Error(_)));
        self.window.fill(number, Closing::Record(Box::new(record)));
    }

    /// Writes what is ready.
    fn write(&mut self, output: &mut Output) -> Result<()> {
        while let Some(closing) = self.window.take() {
            match closing {
                Closing::Skipped { is_error } => {
                    self.summary.skipped += 1;
                    self.summary.skipped_failed += u64::from(is_error);
                }
                Closing::Seen => self.summary.seen += 1,
                Closing::Passed(line) => {
                    output.pass(&line)?;
                    self.failed();
                }
                Closing::Record(record) => {
                    output.close(&record)?;
                    match &*record {
                        Record::Error(_) => self.failed(),
                        Record::Completion(completion) => self.summary.add(&completion.usage),
                        Record::Count(count) => self.summary.add(&count.usage),
                        Record::Prompt(prompt) => self.summary.add(&prompt.usage),
                        Record::Replay(replay) => {
                            self.summary.add(&replay.usage.unwrap_or_default());
                        }
                        Record::Embedding(embedding) => {
                            let tokens = embedding.usage.prompt_tokens;
                            self.summary.add(&llm_record::Usage::new(tokens, 0, 0));
                        }
                        _ => self.summary.done += 1,
                    }
                }
            }
            self.summary.elapsed = self.start.elapsed();
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.clone_from(&self.summary);
        }
        Ok(())
    }

    fn failed(&mut self) {
        self.summary.failed += 1;
        self.status = self.status.and(Status::SomeFailed);
    }
}
