//! The opened device and the requests under way on it: whether one more fits,
//! how one begins, and the record with which it ends.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use llm_cli::{Context, RunArgs};
use llm_engine::generate::{Batch, Ended, GenerateError, RequestId};
use llm_record::{Build, ErrorCode, ErrorRecord, Record};

use crate::answer::{Answerer, Circumstances, code};
use crate::memory::{Memory, Room};
use crate::prefix::PrefixFolder;
use crate::task::Task;
use crate::{open, settings};

/// What computes, and what is under way on it.
pub(super) struct Engine {
    pub(super) batch: Batch<'static>,
    pub(super) flights: HashMap<RequestId, Flight>,
    pub(super) parallel: usize,
    memory: Memory,
    build: Build,
    /// Time to open the model, until a record has told it.
    load: Option<Duration>,
}

/// A request under way.
pub(super) struct Flight {
    number: u64,
    pub(super) task: Task,
    occurrence: u64,
    start: Instant,
    /// What it thinks, where that goes to standard error and is not told yet.
    pub(super) passage: String,
    /// Some of it is told.
    pub(super) is_told: bool,
}

impl Engine {
    /// Prepares the device, once the weights are known to fit the memory.
    pub(super) fn start(
        answerer: &Answerer,
        args: &RunArgs,
        context: &Context,
        start: Instant,
        parallel: Option<usize>,
    ) -> Result<Self> {
        let model = answerer.model;
        let messages = context.messages;
        let trained = model.spec.context_length;
        let asked = usize::try_from(args.model.ctx_size)?;
        let positions = answerer.positions;
        if positions > trained {
            messages.warning(format_args!(
                "the model was trained for {trained} tokens of context; it may lose the thread beyond them"
            ));
        }
        if let Some(flag) = settings::idle_flag(&answerer.flags, &model.sampling) {
            messages.warning(format_args!(
                "{flag} has no effect, because the best token is always taken; --temp 0.8 draws"
            ));
        }
        // With a context of its own choice, the cache grows with the requests;
        // each is checked when its length is known.
        let mut memory = Memory::new(model, args);
        memory
            .check(Room::of_one(asked), messages)
            .map_err(anyhow::Error::msg)?;
        let engine = open::engine(args, model)?;
        memory.loaded();
        let mut batch = Batch::new(engine.forward, &model.tokenizer, positions);
        if let Some(folder) = &args.filter.prefix_cache {
            let (digest, build) = (&answerer.identity.digest, &engine.build);
            let opened = PrefixFolder::open(folder, digest, build, messages);
            let store = opened.with_context(|| {
                format!(
                    "cannot make the folder '{}' of --prefix-cache",
                    folder.display()
                )
            })?;
            batch = batch.with_store(Box::new(store));
        }
        Ok(Self {
            batch,
            flights: HashMap::new(),
            parallel: parallel.unwrap_or_else(|| default_parallel(&engine.build)),
            memory,
            build: engine.build,
            load: Some(start.elapsed()),
        })
    }

    /// Returns the positions that all requests under way take at most, with one
    /// more.
    fn positions(&self, task: &Task) -> usize {
        let context = self.batch.context();
        let flights = self.flights.values().map(|flight| &flight.task);
        let positions = flights
            .chain([task])
            .map(|task| task.positions(context).next_multiple_of(BLOCK));
        positions.fold(0, usize::saturating_add)
    }

    /// Checks whether one more request fits the memory. Sequences that are only
    /// kept in case they are wanted again give way.
    fn fits(&mut self, task: &Task, context: &Context) -> Result<(), String> {
        let needed = Room {
            positions: self.positions(task),
            sequences: self.flights.len() + 1,
        };
        let kept = self.batch.kept_sequences();
        let with_kept = Room {
            positions: needed.positions.saturating_add(self.batch.kept_positions()),
            sequences: needed.sequences + kept,
        };
        let fits = self.memory.check_request(with_kept, context.messages);
        if fits.is_ok() || kept == 0 {
            return fits;
        }
        self.batch.forget();
        self.memory.check_request(needed, context.messages)
    }

    pub(super) fn has_room(&mut self, task: &Task, context: &Context) -> bool {
        // A request that does not fit alone is refused when it is begun.
        self.flights.is_empty()
            || self.flights.len() < self.parallel && self.fits(task, context).is_ok()
    }

    pub(super) fn begin(
        &mut self,
        number: u64,
        task: Task,
        occurrence: u64,
        context: &Context,
    ) -> Result<(), Box<ErrorRecord>> {
        if let Err(sentence) = self.fits(&task, context) {
            return Err(Box::new(task.failed(ErrorCode::OutOfMemory, sentence)));
        }
        match self.batch.admit(task.request(occurrence)) {
            Ok(request_id) => {
                let now = Instant::now();
                let flight = Flight {
                    number,
                    start: now.checked_sub(task.spent).unwrap_or(now),
                    task,
                    occurrence,
                    passage: String::new(),
                    is_told: false,
                };
                self.flights.insert(request_id, flight);
                Ok(())
            }
            Err(error) => Err(Box::new(task.failed(code(&error), error.to_string()))),
        }
    }

    /// Makes the record of a request that has ended.
    pub(super) fn close(
        &mut self,
        ended: Ended,
        answerer: &Answerer,
        context: &Context,
    ) -> Option<(u64, Record)> {
        let flight = self.flights.remove(&ended.request_id)?;
        if flight.is_told || !flight.passage.is_empty() {
            context.messages.passage(&format!("{}\n", flight.passage));
        }
        let record = match ended.result {
            Err(error) => {
                let mut record = flight.task.failed(code(&error), error.to_string());
                record.occurrence = (flight.occurrence > 1).then_some(flight.occurrence);
                Record::from(record)
            }
            Ok(generated) => {
                let length = flight.task.prompt.tokens.len() + generated.tokens.len();
                self.memory.took(length);
                let circumstances = Circumstances {
                    occurrence: flight.occurrence,
                    build: self.build.clone(),
                    load: self.load.take(),
                    context: self.batch.context(),
                };
                Record::from(answerer.completion(flight.task, generated, circumstances))
            }
        };
        Some((flight.number, record))
    }

    /// Ends the requests that have taken longer than they were given.
    pub(super) fn time_out(&mut self, seconds: f64) -> Vec<Ended> {
        let late = self
            .flights
            .iter()
            .filter(|(_, flight)| flight.start.elapsed().as_secs_f64() > seconds);
        let late: Vec<RequestId> = late.map(|(request_id, _)| *request_id).collect();
        let mut ended = Vec::new();
        for request_id in late {
            self.batch.cancel(request_id);
            ended.push(Ended {
                request_id,
                result: Err(GenerateError::TimedOut(seconds)),
            });
        }
        ended
    }

    /// Ends all requests, since the forward pass has failed.
    pub(super) fn fail_all(&mut self, error: &GenerateError) -> Vec<Ended> {
        self.batch.clear();
        let request_ids = self.flights.keys();
        request_ids
            .map(|request_id| Ended {
                request_id: *request_id,
                result: Err(error.clone()),
            })
            .collect()
    }
}

/// Requests that a machine answers together where nobody says how many: enough
/// that reading the weights is shared by many.
pub(crate) fn default_parallel(build: &Build) -> usize {
    let threads = usize::try_from(build.threads).unwrap_or(1);
    (8 * threads).clamp(1, 64)
}

/// Positions that a sequence's memory is a multiple of.
const BLOCK: usize = llm_kernels::attention::BLOCK;
