//! The loop: lines in while there is room, work in between, closing records out.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use llm_record::{ErrorCode, Failed, Item, Record, Routed};

use crate::conflict::{Conflict, OnConflict, Replaced};
use crate::work::{Prepared, RecordSink, Work};
use crate::{
    Conditions, Journal, Next, ReadAhead, ReorderBuffer, RequestName, Summary, UnderWay, Verdict,
};

/// How long the input may pause before what was written is synced.
const IDLE: Duration = Duration::from_millis(500);

/// How a run goes.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The most requests from the oldest open one to the newest: what the reorder buffer holds.
    pub reorder: usize,
    /// Records come in the order of the input.
    pub is_ordered: bool,
    /// Failed requests after which no more are begun.
    pub max_errors: Option<u64>,
    /// What becomes of a request whose id the output has with an answer to another one.
    pub on_conflict: OnConflict,
}

/// What a run is told, and tells, while it goes on.
pub struct Control<'c> {
    /// Whether the user wants an end: asked between two steps.
    pub is_interrupted: &'c dyn Fn() -> bool,
    /// Gets the sums after each step.
    pub progress: &'c mut dyn FnMut(&Summary),
    /// Gets the first request that is answered although the output holds an answer to it that was made
    /// otherwise.
    pub answered_again: &'c dyn Fn(&Conflict),
    /// Holds the sums of what is written, for another thread to tell where a signal ends the
    /// program amid a step.
    pub written: &'c Mutex<Summary>,
}

/// What closes a request.
#[derive(Debug)]
enum Closing {
    /// A record of this run.
    Record(Box<Routed<Record>>),
    /// A record of an earlier stage, as it came.
    Passed(String),
    /// Nothing: the output holds its record already, which may be an error.
    Skipped {
        /// Whether that record is an error.
        is_error: bool,
    },
    /// Nothing: what it asks for is there elsewhere.
    Seen,
}

/// How a run has ended.
#[derive(Debug)]
pub struct Outcome {
    /// Its sums.
    pub summary: Summary,
    /// What was closed before, and what the run has met.
    pub journal: Journal,
    /// The user wanted an end.
    pub is_interrupted: bool,
    /// It stopped before its input's end, since too many requests failed.
    pub is_stopped: bool,
    /// What ended it early: an input that breaks, an output that cannot be
    /// written, a signal amid a request.
    pub failure: Option<anyhow::Error>,
    /// What the answers of this run replace.
    pub replaced: Replaced,
}

/// Answers all requests of the input, or those before something ends it.
pub fn run<W: Work, E: Into<anyhow::Error> + Send + 'static>(
    input: &ReadAhead<Result<Item, E>>,
    journal: Journal,
    work: &mut W,
    sink: &mut dyn RecordSink,
    options: Options,
    control: Control<'_>,
) -> Outcome {
    let Control {
        is_interrupted,
        written,
        progress,
        answered_again,
    } = control;
    let mut filter = Filter {
        journal,
        buffer: ReorderBuffer::new(options.reorder, options.is_ordered),
        waiting: None,
        has_ended: false,
        is_interrupted: false,
        summary: Summary {
            is_embedding: W::IS_EMBEDDING,
            ..Summary::default()
        },
        failures: 0,
        has_matched: false,
        answered_again: Some(answered_again),
        replaced: Replaced::default(),
        options,
        start: Instant::now(),
        written,
    };
    let failure = filter.go(input, work, sink, is_interrupted, progress).err();
    filter.summary.elapsed = filter.start.elapsed();
    filter.summary.under_way = UnderWay::default();
    Outcome {
        is_stopped: filter.is_stopped() && !filter.has_ended,
        is_interrupted: filter.is_interrupted,
        summary: filter.summary,
        journal: filter.journal,
        failure,
        replaced: filter.replaced,
    }
}

/// The state of a run.
struct Filter<'c, T> {
    journal: Journal,
    buffer: ReorderBuffer<Closing>,
    /// A request that waits for room, with its place and which of equal ones it
    /// is.
    waiting: Option<(u64, T, u64)>,
    has_ended: bool,
    is_interrupted: bool,
    summary: Summary,
    /// Requests that have failed, written or not.
    failures: u64,
    /// Whether the output had an answer to some request, so that it is of this run's kind.
    has_matched: bool,
    /// Whom to tell that a request is answered again; `None` once that is done.
    answered_again: Option<&'c dyn Fn(&Conflict)>,
    replaced: Replaced,
    options: Options,
    start: Instant,
    /// The sums of what is written.
    written: &'c Mutex<Summary>,
}

impl<T> Filter<'_, T> {
    fn is_stopped(&self) -> bool {
        let most = self.options.max_errors.unwrap_or(u64::MAX);
        self.failures >= most
    }

    /// Reads, steps and writes until every request is closed.
    fn go<W: Work<Task = T>, E: Into<anyhow::Error> + Send + 'static>(
        &mut self,
        input: &ReadAhead<Result<Item, E>>,
        work: &mut W,
        sink: &mut dyn RecordSink,
        is_interrupted: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(&Summary),
    ) -> Result<()> {
        loop {
            if is_interrupted() {
                self.is_interrupted = true;
                return self.write(sink);
            }
            self.take_in(input, work, sink)?;
            self.write(sink)?;
            if !work.is_idle() {
                for (number, routed) in work.step(sink)? {
                    self.close(number, routed);
                }
                self.write(sink)?;
            } else if self.is_over() {
                return Ok(());
            }
            self.summary.elapsed = self.start.elapsed();
            self.summary.under_way = work.under_way();
            self.tell_written();
            progress(&self.summary);
        }
    }

    fn is_over(&self) -> bool {
        self.waiting.is_none() && (self.has_ended || self.is_stopped())
    }

    /// Takes lines from the input while there is room for them. With nothing under way it
    /// waits for one.
    fn take_in<W: Work<Task = T>, E: Into<anyhow::Error> + Send + 'static>(
        &mut self,
        input: &ReadAhead<Result<Item, E>>,
        work: &mut W,
        sink: &mut dyn RecordSink,
    ) -> Result<()> {
        loop {
            if let Some((number, task, occurrence)) = self.waiting.take() {
                if !work.has_room(&task) {
                    self.waiting = Some((number, task, occurrence));
                    return Ok(());
                }
                if let Err(failed) = work.start(number, task, occurrence) {
                    self.fail(number, failed, occurrence);
                }
            }
            if self.has_ended || self.is_stopped() || !self.buffer.has_room() {
                return Ok(());
            }
            let next = if work.is_idle() {
                self.write(sink)?;
                input.wait(IDLE)
            } else {
                input.look()
            };
            match next {
                Next::Line(item) => self.take(item.map_err(Into::into)?, work)?,
                Next::Nothing => {
                    sink.sync()?;
                    return Ok(());
                }
                Next::End => self.has_ended = true,
            }
        }
    }

    /// Takes in one line.
    fn take<W: Work<Task = T>>(&mut self, item: Item, work: &mut W) -> Result<()> {
        let number = self.buffer.open();
        match item {
            Item::Run(job) => match work.prepare(job)? {
                Prepared::Ready(task) => self.judge(number, task, work)?,
                Prepared::Refused(failed) => self.fail_if_new(number, failed),
            },
            Item::Failed(failed) => self.fail_if_new(number, failed),
            Item::Passed(line) => {
                if self.journal.has_passed(&line) {
                    self.skip(number, true);
                } else {
                    self.failures += 1;
                    self.buffer.fill(number, Closing::Passed(line));
                }
            }
        }
        Ok(())
    }

    /// Decides whether a request is to be answered.
    fn judge<W: Work<Task = T>>(&mut self, number: u64, task: T, work: &W) -> Result<()> {
        let name = work.name(&task);
        match self.journal.next(name) {
            Verdict::Skip => {
                self.has_matched = true;
                self.replaced.keep(name, self.options.on_conflict);
                self.skip(number, false);
            }
            Verdict::SkipFailed => {
                self.replaced.keep_error(name, self.options.on_conflict);
                self.skip(number, true);
            }
            Verdict::Seen => self.buffer.fill(number, Closing::Seen),
            Verdict::Run(occurrence) => {
                let digest_under = |then: &Conditions| work.digest_under(&task, then);
                let otherwise = self.journal.find_otherwise(name, occurrence, &digest_under);
                match otherwise {
                    Some(otherwise) => {
                        let is_told = otherwise.is_told;
                        let then = Some(otherwise.digest);
                        return self.settle(number, (task, occurrence), then, is_told, work);
                    }
                    None => self.waiting = Some((number, task, occurrence)),
                }
            }
            Verdict::DuplicateId(occurrence) => {
                let sentence = format!(
                    "an earlier line has the id {}, too; give each line an id of its own",
                    shown(name)
                );
                let failed = work.refuse(&task, ErrorCode::DuplicateId, sentence);
                self.fail(number, failed, occurrence);
            }
            Verdict::IdConflict {
                occurrence,
                is_told,
            } => return self.settle(number, (task, occurrence), None, is_told, work),
        }
        Ok(())
    }

    /// Decides what becomes of a request that the output answers as another one: under its id, or `then`,
    /// under another digest.
    fn settle<W: Work<Task = T>>(
        &mut self,
        number: u64,
        (task, occurrence): (T, u64),
        then: Option<String>,
        is_told: bool,
        work: &W,
    ) -> Result<()> {
        let name = work.name(&task);
        match self.options.on_conflict {
            OnConflict::Replace => {
                if let Some(then) = &then {
                    self.replaced.begin(name, then);
                }
                self.waiting = Some((number, task, occurrence));
            }
            OnConflict::Skip => {
                self.summary.conflicts += 1;
                self.skip(number, false);
            }
            OnConflict::Stop | OnConflict::Error if is_told => {
                self.summary.told_conflicts += 1;
                self.skip(number, false);
            }
            // Without an id it is another request.
            OnConflict::Stop if then.is_some() => {
                if let Some(tell) = self.answered_again.take() {
                    tell(&Conflict::new(None, then, work.conditions(&task)));
                }
                self.waiting = Some((number, task, occurrence));
            }
            // What is written already would be another run's beginning.
            OnConflict::Stop if !self.has_matched && self.summary.is_empty() => {
                let id = name.id.cloned();
                return Err(Conflict::new(id, None, work.conditions(&task)).into());
            }
            OnConflict::Stop | OnConflict::Error => {
                let sentence = match then {
                    None => format!(
                        "the output holds an answer to {} already, and to another request; give the line \
                         another id or the run another -o, or let --on-conflict skip or replace it",
                        shown(name)
                    ),
                    Some(_) => "the output holds an answer to this line already, with other settings or of \
                                another model; give the run another -o, or let --on-conflict skip or \
                                replace it"
                        .to_owned(),
                };
                let failed = work.refuse(&task, ErrorCode::IdConflict, sentence);
                self.fail(number, failed, occurrence);
            }
        }
        Ok(())
    }

    /// Closes a request that cannot be run, unless it is closed already.
    fn fail_if_new(&mut self, number: u64, failed: Failed) {
        let record = &failed.record;
        let digest = record.request_digest.as_deref().unwrap_or_default();
        let name = RequestName::new(record.id.as_ref(), &record.input, digest);
        if let (Some(path), ErrorCode::UnreadableFile) = (name.path, record.error.code) {
            self.journal.miss(path);
        }
        match self.journal.next(name) {
            Verdict::Skip => self.skip(number, false),
            Verdict::SkipFailed => {
                self.replaced.keep_error(name, self.options.on_conflict);
                self.skip(number, true);
            }
            // An error is no vector that is there.
            Verdict::Seen => self.fail(number, failed, 1),
            Verdict::Run(occurrence)
            | Verdict::DuplicateId(occurrence)
            | Verdict::IdConflict { occurrence, .. } => self.fail(number, failed, occurrence),
        }
    }

    fn skip(&mut self, number: u64, is_error: bool) {
        self.buffer.fill(number, Closing::Skipped { is_error });
    }

    fn fail(&mut self, number: u64, mut failed: Failed, occurrence: u64) {
        failed.record.occurrence = (occurrence > 1).then_some(occurrence);
        self.close(number, failed.map(Record::from));
    }

    fn close(&mut self, number: u64, routed: Routed<Record>) {
        self.failures += u64::from(matches!(routed.record, Record::Error(_)));
        self.buffer.fill(number, Closing::Record(Box::new(routed)));
    }

    /// Writes what is ready.
    fn write(&mut self, sink: &mut dyn RecordSink) -> Result<()> {
        while let Some(closing) = self.buffer.take() {
            match closing {
                Closing::Skipped { is_error } => {
                    self.summary.skipped += 1;
                    self.summary.skipped_failed += u64::from(is_error);
                }
                Closing::Seen => self.summary.seen += 1,
                Closing::Passed(line) => {
                    sink.pass(&line)?;
                    self.summary.failed += 1;
                    self.summary.failures.add_line(&line);
                }
                Closing::Record(mut routed) => {
                    sink.close(&mut routed)?;
                    self.replaced.add(&routed.record, self.options.on_conflict);
                    match &routed.record {
                        Record::Error(error) => self.summary.add_failure(error),
                        Record::Completion(answer) => self.summary.add_answer(answer),
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
            self.tell_written();
        }
        Ok(())
    }

    /// Lets another thread know the sums.
    fn tell_written(&self) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.clone_from(&self.summary);
    }
}

/// Returns the id of a request as JSON.
fn shown(name: RequestName<'_>) -> String {
    let id = name.id.map(serde_json::to_string);
    id.and_then(Result::ok).unwrap_or_default()
}
