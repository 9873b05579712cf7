//! The device and the requests under way on it: whether one more fits, how one begins,
//! and the record with which it ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use llm_engine::generate::{Batch, Ended, GenerateError, RequestId};
use llm_record::{Build, ErrorCode, Failed, Record, Routed, StructuredOutput};

use crate::answerer::{Answerer, Circumstances, code};
use crate::calls::Calls;
use crate::host::{Host, Opener, Options};
use crate::memory::{CacheNeed, Memory};
use crate::prefix_folder::PrefixFolder;
use crate::settings;
use crate::task::Task;

/// What computes, and what is under way on it.
pub(crate) struct Running {
    pub(crate) batch: Batch<'static>,
    pub(crate) in_flight: HashMap<RequestId, InFlight>,
    pub(crate) parallel: usize,
    memory: Memory,
    build: Build,
    /// Time to open the model; the first record takes it.
    load: Option<Duration>,
}

/// A request under way.
pub(crate) struct InFlight {
    number: u64,
    pub(crate) task: Task,
    occurrence: u64,
    start: Instant,
    /// Reasoning that is to be shown to people and has not been yet.
    pub(crate) unsaid: String,
    /// Some reasoning has been shown.
    pub(crate) is_told: bool,
    /// Reads the calls in its answer, where tools were offered and the answer is free.
    pub(crate) calls: Option<Calls>,
}

impl Running {
    /// Prepares the device, once the weights are known to fit the memory; the model has been
    /// opened since `start`.
    ///
    /// # Errors
    /// A model that does not fit the memory, and a device or a folder that cannot be used.
    pub(crate) fn start(
        answerer: &Answerer,
        opener: &dyn Opener,
        options: &Options,
        host: &Arc<dyn Host>,
        start: Instant,
    ) -> Result<Self> {
        let model = answerer.model;
        let (trained, positions) = (model.spec.context_length, answerer.positions());
        if positions > trained {
            host.warn(&format_args!(
                "the model was trained for {trained} tokens of context; it may lose the thread beyond them"
            ));
        }
        if let Some(flag) = settings::idle_flag(&options.settings, &model.sampling) {
            host.warn(&format_args!(
                "{flag} has no effect, because the best token is always taken; --temp 0.8 draws"
            ));
        }
        // With a context of its own choice, the cache grows with the requests;
        // each is checked when its length is known.
        let mut memory = Memory::new(model, &answerer.adapters, options.memory);
        memory
            .check(
                CacheNeed::of_sequence(options.context.unwrap_or(0)),
                &**host,
            )
            .map_err(anyhow::Error::msg)?;
        let device = opener.device(model, &answerer.adapters)?;
        memory.loaded();
        let mut batch = Batch::new(device.forward, &model.tokenizer, positions);
        if let Some(folder) = &options.prefix_folder {
            let digest = &answerer.model_identity().digest;
            let opened = PrefixFolder::open(folder, digest, &device.build, Arc::clone(host));
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
            in_flight: HashMap::new(),
            parallel: options
                .parallel
                .unwrap_or_else(|| default_parallel(&device.build)),
            memory,
            build: device.build,
            load: Some(start.elapsed()),
        })
    }

    /// Returns the most positions that all requests in flight and `task` can take together.
    fn positions(&self, task: &Task) -> usize {
        let context = self.batch.context();
        let under_way = self.in_flight.values().map(|request| &request.task);
        let positions = under_way
            .chain([task])
            .map(|task| task.positions(context).next_multiple_of(BLOCK));
        positions.fold(0, usize::saturating_add)
    }

    /// Checks whether one more request fits the memory. Cached sequences that no request
    /// uses are evicted if it does not.
    fn fits(&mut self, task: &Task, host: &dyn Host) -> Result<(), String> {
        let needed = CacheNeed {
            positions: self.positions(task),
            sequences: self.in_flight.len() + 1,
        };
        let kept = self.batch.kept_sequences();
        let with_kept = CacheNeed {
            positions: needed.positions.saturating_add(self.batch.kept_positions()),
            sequences: needed.sequences + kept,
        };
        let fits = self.memory.check_request(with_kept, host);
        if fits.is_ok() || kept == 0 {
            return fits;
        }
        self.batch.forget();
        self.memory.check_request(needed, host)
    }

    pub(crate) fn has_room(&mut self, task: &Task, host: &dyn Host) -> bool {
        // A request that does not fit alone is refused when it is begun.
        self.in_flight.is_empty()
            || self.in_flight.len() < self.parallel && self.fits(task, host).is_ok()
    }

    pub(crate) fn begin(
        &mut self,
        number: u64,
        task: Task,
        occurrence: u64,
        host: &dyn Host,
    ) -> Result<(), Failed> {
        if let Err(sentence) = self.fits(&task, host) {
            return Err(task.failed(ErrorCode::OutOfMemory, sentence));
        }
        match self.batch.admit(task.request(occurrence)) {
            Ok(request_id) => {
                let now = Instant::now();
                // An answer that has to be JSON is no call.
                let is_json = |output: &StructuredOutput| output.is_json();
                let is_data = task
                    .sampling
                    .structured_output
                    .as_ref()
                    .is_some_and(is_json);
                let format = task.prompt.calls.as_ref().filter(|_| !is_data);
                let calls =
                    format.map(|format| Calls::new(format, &task.request_digest, occurrence));
                let request = InFlight {
                    number,
                    start: now.checked_sub(task.spent).unwrap_or(now),
                    task,
                    occurrence,
                    unsaid: String::new(),
                    is_told: false,
                    calls,
                };
                self.in_flight.insert(request_id, request);
                Ok(())
            }
            Err(error) => Err(task.failed(code(&error), error.to_string())),
        }
    }

    /// Makes the record of a request that has ended.
    pub(crate) fn close(
        &mut self,
        ended: Ended,
        answerer: &Answerer,
        host: &dyn Host,
    ) -> Option<(u64, Routed<Record>)> {
        let request = self.in_flight.remove(&ended.request_id)?;
        if request.is_told || !request.unsaid.is_empty() {
            host.show_reasoning(&format!("{}\n", request.unsaid));
        }
        let record = match ended.result {
            Err(error) => {
                let mut failed = request.task.failed(code(&error), error.to_string());
                failed.record.occurrence = (request.occurrence > 1).then_some(request.occurrence);
                failed.map(Record::from)
            }
            Ok(mut generated) => {
                let length = request.task.prompt.tokens.len() + generated.tokens.len();
                self.memory.took(length);
                if let Some(mut failed) = answerer.incomplete(&request.task, &generated) {
                    failed.record.occurrence =
                        (request.occurrence > 1).then_some(request.occurrence);
                    return Some((request.number, failed.map(Record::from)));
                }
                let circumstances = Circumstances {
                    occurrence: request.occurrence,
                    build: self.build.clone(),
                    load: self.load.take(),
                    context: self.batch.context(),
                };
                let reply = request.task.job.reply;
                let called = request.calls.map(Calls::into_called);
                if let Some(called) = &called {
                    generated.text.clone_from(&called.text);
                    generated.reasoning.truncate(called.reasoning);
                }
                let answer = answerer.completion(request.task, generated, called, circumstances);
                Routed::new(Record::from(answer), reply)
            }
        };
        Some((request.number, record))
    }

    /// Ends the requests that have exceeded their time limit.
    pub(crate) fn time_out(&mut self, seconds: f64) -> Vec<Ended> {
        let late: Vec<RequestId> = self
            .in_flight
            .iter()
            .filter(|(_, request)| request.start.elapsed().as_secs_f64() > seconds)
            .map(|(request_id, _)| *request_id)
            .collect();
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

    /// Ends all requests after the forward pass has failed.
    pub(crate) fn fail_all(&mut self, error: &GenerateError) -> Vec<Ended> {
        self.batch.clear();
        let tickets = self.in_flight.keys();
        tickets
            .map(|request_id| Ended {
                request_id: *request_id,
                result: Err(error.clone()),
            })
            .collect()
    }
}

/// Returns how many requests a machine answers together by default: enough to share
/// the reading of the weights.
pub(crate) fn default_parallel(build: &Build) -> usize {
    let threads = usize::try_from(build.threads).unwrap_or(1);
    (8 * threads).clamp(1, 64)
}

/// A sequence's cache grows by this many positions at a time.
const BLOCK: usize = llm_kernels::attention::BLOCK;
