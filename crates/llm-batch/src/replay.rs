//! Requests of an earlier run, answered again: row or record → request, new
//! answer → what differs from the old one. Where the old answers lie is
//! `llm-filter`'s business.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use llm_engine::generate::Grammar;
use llm_engine::sampler;
use llm_filter::{Prepared, RecordSink, RequestName, RunLog, Work};
use llm_record::comparison::{Comparison, Tally, missing};
use llm_record::{Completion, ErrorCode, Failed, Job, LoraIdentity, Record, Routed, Sampling};

use crate::adapters::Chosen;
use crate::answerer::Answerer;
use crate::host::{Host, ReasoningTo};
use crate::prompt::Prompt;
use crate::task::Task;
use crate::worker::Worker;
use crate::{digest, settings};

/// Where the requests of a replay come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplaySource {
    /// The answers hold them, and come in the file's order.
    Answers,
    /// They are rows of an input.
    Rows,
}

/// Answers requests again.
pub struct Replayer<'a> {
    worker: Worker<'a>,
    log: RunLog,
    source: ReplaySource,
    /// The next answer of the file, where there are no rows.
    next: usize,
    under_way: HashMap<u64, EarlierAnswer>,
    /// What was closed without the engine.
    ready: Vec<(u64, Routed<Record>)>,
    tally: Tally,
    with_reasoning: bool,
    /// Whether it was said that another model answers now.
    is_told: bool,
    /// The same of adapters.
    are_adapters_told: bool,
    host: Arc<dyn Host>,
}

impl<'a> Replayer<'a> {
    /// Prepares to answer the requests of `log` again.
    #[must_use]
    pub fn new(
        worker: Worker<'a>,
        log: RunLog,
        source: ReplaySource,
        reasoning: ReasoningTo,
        host: Arc<dyn Host>,
    ) -> Self {
        Self {
            worker,
            log,
            source,
            next: 0,
            under_way: HashMap::new(),
            ready: Vec::new(),
            tally: Tally::default(),
            with_reasoning: reasoning == ReasoningTo::Records,
            is_told: false,
            are_adapters_told: false,
            host,
        }
    }

    /// Returns what has come of the requests so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }
}

/// The answer that was given before.
struct EarlierAnswer {
    answer: Box<Completion>,
    /// Whether the request has changed, apart from the model.
    is_changed: bool,
}

/// A request that is ready to be answered again.
pub struct ReplayTask {
    task: Task,
    /// The earlier answer, where it is known already; else it is found by digest and occurrence.
    then: Option<EarlierAnswer>,
}

/// The digests of a request.
struct Digests {
    request: String,
    /// What its random draws depend on, where that is another.
    draws: Option<String>,
}

impl ReplayTask {
    /// Repeats a request as its record says. It keeps its earlier digest, on which its
    /// random draws depend.
    fn recorded(
        answerer: &Answerer,
        job: Box<Job>,
        (prompt, chosen): (Prompt, Chosen),
        answer: Box<Completion>,
    ) -> Result<Self> {
        let now = digest_then(&answer, &prompt);
        let model = answer.model.weights();
        let draws_digest = digest::of_draws(&model, &prompt.text, &prompt.tokens, &answer.sampling);
        Ok(Self {
            task: Task {
                labels: labels(answerer, &job, &prompt, &answer.sampling)?,
                grammar: grammar(answerer, &job, &answer.sampling)?,
                engine_sampling: engine_sampling(answerer, &job, &answer.sampling)?,
                job,
                prompt,
                sampling: answer.sampling.clone(),
                chosen,
                request_digest: answer.request_digest.clone(),
                draws_digest,
                truncated: None,
                shared: 0,
                count: None,
                spent: Duration::ZERO,
            },
            then: Some(EarlierAnswer {
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
    answerer
        .labels(job, prompt, &sampling.choices)
        .map_err(|failed| anyhow::Error::msg(failed.record.error.message))
}

/// Returns what the answer to a request was to look like.
fn grammar(
    answerer: &Answerer,
    job: &Job,
    sampling: &Sampling,
) -> Result<Option<Arc<dyn Grammar>>> {
    let grammar = answerer.grammar(job, sampling);
    grammar.map_err(|failed| anyhow::Error::msg(failed.record.error.message))
}

/// Returns the settings of an answer as the engine takes them.
fn engine_sampling(
    answerer: &Answerer,
    job: &Job,
    sampling: &Sampling,
) -> Result<sampler::Sampling> {
    answerer
        .engine_sampling(job, sampling)
        .map_err(|failed| anyhow::Error::msg(failed.record.error.message))
}

/// Returns the digest of a prompt with the model and the settings of an answer.
fn digest_then(answer: &Completion, prompt: &Prompt) -> String {
    digest::request(
        &answer.model.weights(),
        &prompt.text,
        &prompt.tokens,
        &answer.sampling,
    )
}

impl Replayer<'_> {
    /// Makes the request of the next answer in the file ready.
    fn recorded_row(&mut self, job: Box<Job>, asked: (Prompt, Chosen)) -> Result<ReplayTask> {
        let offset = self.log.offsets().get(self.next).copied();
        self.next += 1;
        let Some(offset) = offset else {
            anyhow::bail!("the file of --replay has grown while it was read");
        };
        let answer = self.log.read(offset)?;
        ReplayTask::recorded(self.worker.answerer()?, job, asked, answer)
    }

    /// Makes a row ready: its earlier answer is found by its id, or else by the digest that it
    /// had under any of the settings in the file.
    fn given_row(&mut self, job: Box<Job>, asked: (Prompt, Chosen)) -> Result<ReplayTask> {
        if let Some(offset) = job.id.as_ref().and_then(|id| self.log.find_id(id)) {
            let answer = self.log.read(offset)?;
            let digest = digest_then(&answer, &asked.0);
            let is_other = digest != answer.request_digest;
            if !is_other || !self.log.knows(job.id.as_ref(), &digest) {
                return ReplayTask::recorded(self.worker.answerer()?, job, asked, answer);
            }
        }
        let (digests, sampling) = self.name_then(&job, &asked)?;
        let (prompt, chosen) = asked;
        let answerer = self.worker.answerer()?;
        let task = Task {
            labels: labels(answerer, &job, &prompt, &sampling)?,
            engine_sampling: engine_sampling(answerer, &job, &sampling)?,
            grammar: grammar(answerer, &job, &sampling)?,
            job,
            prompt,
            sampling,
            chosen,
            request_digest: digests.request,
            draws_digest: digests.draws,
            truncated: None,
            shared: 0,
            count: None,
            spent: Duration::ZERO,
        };
        Ok(ReplayTask { task, then: None })
    }

    /// Returns the digests and the settings under which the file knows a row, or those of
    /// today.
    fn name_then(
        &mut self,
        job: &Job,
        (prompt, chosen): &(Prompt, Chosen),
    ) -> Result<(Digests, Sampling)> {
        let digests = |model: &str, sampling: &Sampling| Digests {
            request: digest::request(model, &prompt.text, &prompt.tokens, sampling),
            draws: digest::of_draws(model, &prompt.text, &prompt.tokens, sampling),
        };
        let answerer = self.worker.answerer()?;
        let recommended = &answerer.model.sampling;
        for then in self.log.conditions() {
            let asked = job.overrides.or(&then.sampling.as_overrides());
            let own = settings::resolve(&asked, recommended, then.sampling.max_tokens);
            for sampling in [&then.sampling, &own] {
                let digests = digests(&then.model, sampling);
                if self.log.knows(job.id.as_ref(), &digests.request) {
                    return Ok((digests, sampling.clone()));
                }
            }
        }
        let sampling = answerer.sampling(&job.overrides);
        let model = answerer.identity(job, chosen);
        Ok((digests(&model.weights(), &sampling), sampling))
    }

    /// Warns once where another model answers than did before.
    fn tell_model(&mut self, answer: &Completion) -> Result<()> {
        let now = self.worker.answerer()?.model_identity();
        if !self.is_told && now.digest != answer.model.digest {
            self.host.warn(&format_args!(
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

    /// Warns once where other adapters are added than were then.
    fn tell_adapters(&mut self, now: &Chosen, answer: &Completion) {
        let same = |one: &LoraIdentity, other: &LoraIdentity| {
            one.digest == other.digest && one.scale == other.scale
        };
        let (now, then) = (&now.identities, &answer.model.lora);
        let is_same = now.len() == then.len() && now.iter().zip(then).all(|(a, b)| same(a, b));
        if !is_same && !self.are_adapters_told {
            self.host.warn(
                &"other LoRA adapters or scales are used than were then; give the same --lora to compare",
            );
            self.are_adapters_told = true;
        }
    }

    /// Compares the answer to a request with the earlier one.
    fn compare(&mut self, number: u64, routed: Routed<Record>) -> Routed<Record> {
        let then = self.under_way.remove(&number);
        routed.map(|record| match (record, then) {
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
        })
    }

    /// Returns what of the file was not run again, as the end of a sentence.
    #[must_use]
    pub fn passed_over(&self) -> String {
        let mut text = String::new();
        let errors = self.log.error_records();
        if errors > 0 {
            text.push_str(&format!("; error records passed over: {errors}"));
        }
        let asked = self.tally.compared();
        let left = (self.log.offsets().len() as u64).saturating_sub(asked);
        if left > 0 {
            text.push_str(&format!("; answers not asked for again: {left}"));
        }
        text
    }
}

impl Work for Replayer<'_> {
    type Task = ReplayTask;

    fn prepare(&mut self, job: Box<Job>) -> Result<Prepared<ReplayTask>> {
        let prompt = match self.worker.answerer()?.prompt(&job) {
            Ok(prompt) => prompt,
            Err(record) => {
                self.next += 1;
                return Ok(Prepared::Refused(record));
            }
        };
        let chosen = match self.worker.answerer()?.choose(&job) {
            Ok(chosen) => chosen,
            Err(record) => {
                self.next += 1;
                return Ok(Prepared::Refused(record));
            }
        };
        let asked = (prompt, chosen);
        let row = match self.source {
            ReplaySource::Rows => self.given_row(job, asked)?,
            ReplaySource::Answers => self.recorded_row(job, asked)?,
        };
        if let Some(then) = &row.then {
            self.tell_model(&then.answer)?;
            self.tell_adapters(&row.task.chosen, &then.answer);
        }
        Ok(Prepared::Ready(row))
    }

    fn name<'t>(&self, row: &'t ReplayTask) -> RequestName<'t> {
        // A file may be several outputs, one after another, with the same ids.
        let id = row
            .task
            .job
            .id
            .as_ref()
            .filter(|_| self.source == ReplaySource::Rows);
        RequestName::plain(id, &row.task.request_digest)
    }

    fn refuse(&self, row: &ReplayTask, code: ErrorCode, sentence: String) -> Failed {
        row.task.failed(code, sentence)
    }

    fn has_room(&mut self, row: &ReplayTask) -> bool {
        self.worker.has_room(&row.task)
    }

    fn start(&mut self, number: u64, row: ReplayTask, occurrence: u64) -> Result<(), Failed> {
        let ReplayTask { task, then } = row;
        let failed = |error: String| task.failed(ErrorCode::GenerationFailed, error);
        let then = match then {
            Some(then) => then,
            None => {
                let id = task.job.id.as_ref();
                let Some(offset) = self.log.find(id, &task.request_digest, occurrence) else {
                    return self.miss(number, &task);
                };
                let answer = self
                    .log
                    .read(offset)
                    .map_err(|error| failed(error.to_string()))?;
                self.tell_model(&answer)
                    .map_err(|error| failed(error.to_string()))?;
                self.tell_adapters(&task.chosen, &answer);
                EarlierAnswer {
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

    fn step(&mut self, sink: &mut dyn RecordSink) -> Result<Vec<(u64, Routed<Record>)>> {
        let mut closed = std::mem::take(&mut self.ready);
        for (number, routed) in self.worker.step(sink)? {
            closed.push((number, self.compare(number, routed)));
        }
        Ok(closed)
    }
}

impl Replayer<'_> {
    /// Closes a row that the file holds no answer to.
    fn miss(&mut self, number: u64, task: &Task) -> Result<(), Failed> {
        let model = match self.worker.answerer() {
            Ok(answerer) => answerer.model_identity().clone(),
            Err(error) => {
                let sentence = format!("{error:#}");
                return Err(task.failed(ErrorCode::ModelFailed, sentence));
            }
        };
        let record = missing(&task.job, model);
        self.tally.add(&record);
        self.ready.push((number, Routed::own(Record::from(record))));
        Ok(())
    }
}
