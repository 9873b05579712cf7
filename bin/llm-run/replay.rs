//! Requests of an earlier run, answered again: row or record → request, new
//! answer → what differs from the old one. Where the old answers lie is
//! `llm-filter`'s business.

mod compare;
mod source;

use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use llm_cli::args::Reasoning;
use llm_cli::stdio::stdout_is_terminal;
use llm_cli::{Context, Job, Messages, Output, OutputFormat, RunArgs, Status};
use llm_filter::{Journal, Name, Past, Pump, Work};
use llm_record::{Completion, ErrorCode, ErrorRecord, Record, Sampling};

use crate::answer::Answerer;
use crate::progress::Progress;
use crate::prompt::Prompt;
use crate::task::Task;
use crate::work::Worker;
use crate::{digest, options, reads, settings, tell_stop};

use compare::{Comparison, Tally};
use source::Source;

/// Runs the requests of a file again.
pub(crate) fn run(args: &RunArgs, path: &Path, context: &Context) -> Result<Status> {
    let messages = context.messages;
    let mut past = Past::open(path)?;
    let source = Source::open(args, path, &past, context, messages)?;
    let args = &source.args(args);
    let form = OutputFormat::choose(&args.output, false, stdout_is_terminal())?;
    let reads = reads::of(args).inputs(&source.inputs);
    let mut output = Output::open(&args.output, form, "replay", &reads, messages)?;
    // Rows that an error has closed are passed over; without rows nothing is.
    let journal = match source.has_rows {
        true => past.take_errors(),
        false => Journal::default(),
    };
    let parallel = args.filter.parallel.map(usize::from);
    let mut progress = Progress::start(args, false, || source.total);
    let input = Pump::start(source.items)?;
    let worker = Worker::new(args, context, parallel);
    // Never dropped, as in an ordinary run.
    let mut replayer = ManuallyDrop::new(Replayer {
        worker,
        past,
        has_rows: source.has_rows,
        next: 0,
        under_way: HashMap::new(),
        ready: Vec::new(),
        tally: Tally::default(),
        with_reasoning: args.output.reasoning == Reasoning::Include,
        is_told: false,
        messages,
    });
    let mut ended = llm_filter::run(
        &input,
        journal,
        &mut *replayer,
        &mut output,
        options(args, parallel),
        context,
        &mut |summary| progress.show(summary),
    );
    drop(progress);
    let finished = ended.finish(output);
    let tally = &replayer.tally;
    if ended.failure.is_none() {
        messages.note(format_args!("{tally}{}", replayer.passed_over()));
    }
    tell_stop(&ended, context);
    // Lines that had failed then are no difference.
    ended.summary.skipped_failed = 0;
    let status = ended.close(finished)?;
    if tally.is_empty() && !context.interrupt.is_set() {
        context.messages.error(format_args!(
            "no request was run again: not every answer of '{}' holds its request, and no row has come; give \
             the rows on standard input",
            path.display()
        ));
        return Ok(Status::SomeFailed);
    }
    Ok(match tally.all_same() {
        true => status,
        false => status.and(Status::SomeFailed),
    })
}

/// Answers requests again.
struct Replayer<'a> {
    worker: Worker<'a>,
    past: Past,
    has_rows: bool,
    /// The next answer of the file, where there are no rows.
    next: usize,
    under_way: HashMap<u64, Then>,
    /// What was closed without the engine.
    ready: Vec<(u64, Record)>,
    tally: Tally,
    with_reasoning: bool,
    /// That another model answers now is said.
    is_told: bool,
    messages: Messages,
}

/// The answer that was given before.
struct Then {
    answer: Box<Completion>,
    /// The request is another one now, whatever the model.
    is_changed: bool,
}

/// A request that is ready to be answered again.
struct Row {
    task: Task,
    /// Where it is known already; else it is found by digest and occurrence.
    then: Option<Then>,
}

impl Row {
    /// Asks a request again as its record says. The digest that it had then stays
    /// its name, on which its random draws depend.
    fn again(
        answerer: &Answerer,
        job: Box<Job>,
        prompt: Prompt,
        answer: Box<Completion>,
    ) -> Result<Self> {
        let now = digest_then(&answer, &prompt);
        Ok(Self {
            task: Task {
                labels: labels(answerer, &job, &prompt, &answer.sampling)?,
                job,
                prompt,
                sampling: answer.sampling.clone(),
                request_digest: answer.request_digest.clone(),
                truncated: None,
                shared: 0,
                count: None,
                spent: Duration::ZERO,
            },
            then: Some(Then {
                is_changed: now != answer.request_digest,
                answer,
            }),
        })
    }
}

/// Returns the tokens of the labels that a request was to choose from.
fn labels(
    answerer: &Answerer,
    job: &Job,
    prompt: &Prompt,
    sampling: &Sampling,
) -> Result<Vec<Vec<u32>>> {
    let labels = answerer.labels(job, prompt, &sampling.choices);
    labels.map_err(|record| anyhow::Error::msg(record.error.message))
}

/// Returns the digest of a prompt with the model and the settings of an answer.
fn digest_then(answer: &Completion, prompt: &Prompt) -> String {
    let model = &answer.model.digest;
    digest::request(model, &prompt.text, &prompt.tokens, &answer.sampling)
}

impl Replayer<'_> {
    /// Makes the next answer's own request ready.
    fn recorded_row(&mut self, job: Box<Job>, prompt: Prompt) -> Result<Row> {
        let place = self.past.places().get(self.next).copied();
        self.next += 1;
        let Some(place) = place else {
            anyhow::bail!("the file of --replay has grown while it was read");
        };
        let answer = self.past.read(place)?;
        Row::again(self.worker.answerer()?, job, prompt, answer)
    }

    /// Makes a row ready: by its id, else by the digest that it had under any of
    /// the settings in the file.
    fn given_row(&mut self, job: Box<Job>, prompt: Prompt) -> Result<Row> {
        if let Some(place) = job.id.as_ref().and_then(|id| self.past.find_id(id)) {
            let answer = self.past.read(place)?;
            let digest = digest_then(&answer, &prompt);
            let is_other = digest != answer.request_digest;
            if !is_other || !self.past.knows(job.id.as_ref(), &digest) {
                return Row::again(self.worker.answerer()?, job, prompt, answer);
            }
        }
        let (request_digest, sampling) = self.name_then(&job, &prompt)?;
        let task = Task {
            labels: labels(self.worker.answerer()?, &job, &prompt, &sampling)?,
            job,
            prompt,
            sampling,
            request_digest,
            truncated: None,
            shared: 0,
            count: None,
            spent: Duration::ZERO,
        };
        Ok(Row { task, then: None })
    }

    /// Returns the digest and the settings under which the file knows a row; those
    /// of today where it does not.
    fn name_then(&mut self, job: &Job, prompt: &Prompt) -> Result<(String, Sampling)> {
        let answerer = self.worker.answerer()?;
        let recommended = &answerer.model.sampling;
        for then in self.past.conditions() {
            let own = job.overrides.or(&then.sampling.as_overrides());
            let own = settings::resolve(&own, recommended, then.sampling.max_tokens);
            for sampling in [&then.sampling, &own] {
                let digest = digest::request(&then.model, &prompt.text, &prompt.tokens, sampling);
                if self.past.knows(job.id.as_ref(), &digest) {
                    return Ok((digest, sampling.clone()));
                }
            }
        }
        let sampling = answerer.sampling(&job.overrides);
        let model = &answerer.identity.digest;
        let digest = digest::request(model, &prompt.text, &prompt.tokens, &sampling);
        Ok((digest, sampling))
    }

    /// Says once that another model answers than did.
    fn tell_model(&mut self, answer: &Completion) -> Result<()> {
        let now = &self.worker.answerer()?.identity;
        if !self.is_told && now.digest != answer.model.digest {
            self.messages.warning(format_args!(
                "'{}' (SHA-256 {}…) answers, and '{}' ({}…) did then; other weights give other answers",
                now.name,
                now.digest.get(..12).unwrap_or(&now.digest),
                answer.model.name,
                answer.model.digest.get(..12).unwrap_or(&answer.model.digest),
            ));
            self.is_told = true;
        }
        Ok(())
    }

    /// Compares what has come of a request with what came of it then.
    fn compare(&mut self, number: u64, record: Record) -> Record {
        let then = self.under_way.remove(&number);
        match (record, then) {
            (Record::Completion(now), Some(then)) => {
                let comparison = Comparison {
                    then: &then.answer,
                    now: &now,
                    is_request_changed: then.is_changed,
                    with_reasoning: self.with_reasoning,
                };
                let record = comparison.record();
                self.tally.add(&record);
                Record::from(record)
            }
            (record, _) => {
                self.tally.failed += 1;
                record
            }
        }
    }

    /// Returns what of the file was not run, as the end of a sentence.
    fn passed_over(&self) -> String {
        let mut text = String::new();
        let errors = self.past.error_records();
        if errors > 0 {
            text.push_str(&format!("; error records passed over: {errors}"));
        }
        let asked = self.tally.compared();
        let left = (self.past.places().len() as u64).saturating_sub(asked);
        if left > 0 {
            text.push_str(&format!("; answers not asked for again: {left}"));
        }
        text
    }
}

impl Work for Replayer<'_> {
    type Task = Row;

    fn prepare(&mut self, job: Box<Job>) -> Result<Result<Row, Box<ErrorRecord>>> {
        let prompt = match self.worker.answerer()?.prompt(&job) {
            Ok(prompt) => prompt,
            Err(record) => {
                self.next += 1;
                return Ok(Err(record));
            }
        };
        let row = match self.has_rows {
            true => self.given_row(job, prompt)?,
            false => self.recorded_row(job, prompt)?,
        };
        if let Some(then) = &row.then {
            self.tell_model(&then.answer)?;
        }
        Ok(Ok(row))
    }

    fn name<'t>(&self, row: &'t Row) -> Name<'t> {
        // A file may be several outputs, one after another, with the same ids.
        let id = row.task.job.id.as_ref().filter(|_| self.has_rows);
        Name::plain(id, &row.task.request_digest)
    }

    fn refuse(&self, row: &Row, code: ErrorCode, sentence: String) -> ErrorRecord {
        row.task.failed(code, sentence)
    }

    fn has_room(&mut self, row: &Row) -> bool {
        self.worker.has_room(&row.task)
    }

    fn start(&mut self, number: u64, row: Row, occurrence: u64) -> Result<(), Box<ErrorRecord>> {
        let Row { task, then } = row;
        let failed = |error: String| Box::new(task.failed(ErrorCode::GenerationFailed, error));
        let then = match then {
            Some(then) => then,
            None => {
                let id = task.job.id.as_ref();
                let Some(place) = self.past.find(id, &task.request_digest, occurrence) else {
                    return self.miss(number, &task);
                };
                let answer = self.past.read(place);
                let answer = answer.map_err(|error| failed(error.to_string()))?;
                let told = self.tell_model(&answer);
                told.map_err(|error| failed(error.to_string()))?;
                Then {
                    is_changed: digest_then(&answer, &task.prompt) != answer.request_digest,
                    answer,
                }
            }
        };
        let occurrence = then.answer.occurrence.unwrap_or(1);
        let started = self.worker.start(number, task, occurrence);
        match &started {
            Ok(()) => {
                self.under_way.insert(number, then);
            }
            Err(_) => self.tally.failed += 1,
        }
        started
    }

    fn is_idle(&self) -> bool {
        self.ready.is_empty() && self.worker.is_idle()
    }

    fn step(&mut self, output: &mut Output) -> Result<Vec<(u64, Record)>> {
        let mut closed = std::mem::take(&mut self.ready);
        for (number, record) in self.worker.step(output)? {
            closed.push((number, self.compare(number, record)));
        }
        Ok(closed)
    }
}

impl Replayer<'_> {
    /// Closes a row that the file holds no answer to.
    fn miss(&mut self, number: u64, task: &Task) -> Result<(), Box<ErrorRecord>> {
        let model = match self.worker.answerer() {
            Ok(answerer) => answerer.identity.clone(),
            Err(error) => {
                let sentence = format!("{error:#}");
                return Err(Box::new(task.failed(ErrorCode::ModelFailed, sentence)));
            }
        };
        let record = compare::missing(&task.job, model);
        self.tally.add(&record);
        self.ready.push((number, Record::from(record)));
        Ok(())
    }
}
