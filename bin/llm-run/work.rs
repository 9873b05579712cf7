//! Requests under way: begun while there is room, gone on with together, closed
//! as they end.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use llm_cli::args::Reasoning;
use llm_cli::stdio::StdioError;
use llm_cli::{Context, Job, Output, RunArgs};
use llm_engine::generate::{Batch, Ended, Event, GenerateError, Ticket};
use llm_engine::tokens::Tokenizer;
use llm_filter::Work;
use llm_record::{Build, Delta, ErrorCode, ErrorRecord, Id, Record, SchemaVersion};

use crate::answer::{Answerer, Circumstances, Task, code};
use crate::memory::{Memory, Room};
use crate::prefix::PrefixFolder;
use crate::{open, settings};

/// Answers the requests of a run.
pub(crate) struct Worker<'a> {
    args: &'a RunArgs,
    context: &'a Context,
    /// Most requests at a time; `None` leaves it to the machine.
    parallel: Option<usize>,
    /// Opened by the first request that needs it, so that an empty input costs
    /// nothing.
    opened: Option<Opened>,
    /// What was closed without the engine.
    ready: Vec<(u64, Record)>,
}

struct Opened {
    answerer: Answerer,
    /// `None` where prompts are only counted or shown.
    engine: Option<Engine>,
}

struct Engine {
    batch: Batch<'static>,
    flights: HashMap<Ticket, Flight>,
    parallel: usize,
    memory: Memory,
    build: Build,
    /// Time to open the model, until a record has told it.
    load: Option<Duration>,
}

/// A request under way.
struct Flight {
    number: u64,
    task: Task,
    occurrence: u64,
    start: Instant,
    /// What it thinks, where that goes to standard error and is not told yet.
    passage: String,
    /// Some of it is told.
    is_told: bool,
}

impl<'a> Worker<'a> {
    /// Prepares to answer at most `parallel` requests at a time.
    pub(crate) fn new(args: &'a RunArgs, context: &'a Context, parallel: Option<usize>) -> Self {
        Self {
            args,
            context,
            parallel,
            opened: None,
            ready: Vec::new(),
        }
    }

    /// Returns the model's side, which is opened if nobody has done so yet.
    pub(crate) fn answerer(&mut self) -> Result<&Answerer> {
        Ok(&self.opened()?.answerer)
    }

    fn opened(&mut self) -> Result<&mut Opened> {
        match &mut self.opened {
            Some(opened) => Ok(opened),
            none => {
                let opened = Opened::new(self.args, self.context, self.parallel)?;
                Ok(none.insert(opened))
            }
        }
    }

    /// Opens the model and returns its tokenizer.
    pub(crate) fn tokenizer(&mut self) -> Result<&'static Tokenizer> {
        Ok(&self.opened()?.answerer.model.tokenizer)
    }

    fn engine(&self) -> Option<&Engine> {
        self.opened.as_ref()?.engine.as_ref()
    }
}

impl Opened {
    fn new(args: &RunArgs, context: &Context, parallel: Option<usize>) -> Result<Self> {
        let start = Instant::now();
        let answerer = Answerer::open(args, context)?;
        let engine = match args.output.count || args.output.show_prompt {
            true => None,
            false => Some(Engine::start(&answerer, args, context, start, parallel)?),
        };
        Ok(Self { answerer, engine })
    }
}

impl Engine {
    /// Prepares the device, once the weights are known to fit the memory.
    fn start(
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

    fn has_room(&mut self, task: &Task, context: &Context) -> bool {
        // A request that does not fit alone is refused when it is begun.
        self.flights.is_empty()
            || self.flights.len() < self.parallel && self.fits(task, context).is_ok()
    }

    fn begin(
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
            Ok(ticket) => {
                let flight = Flight {
                    number,
                    task,
                    occurrence,
                    start: Instant::now(),
                    passage: String::new(),
                    is_told: false,
                };
                self.flights.insert(ticket, flight);
                Ok(())
            }
            Err(error) => Err(Box::new(task.failed(code(&error), error.to_string()))),
        }
    }

    /// Makes the record of a request that has ended.
    fn close(
        &mut self,
        ended: Ended,
        answerer: &Answerer,
        context: &Context,
    ) -> Option<(u64, Record)> {
        let flight = self.flights.remove(&ended.ticket)?;
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
    fn time_out(&mut self, seconds: f64) -> Vec<Ended> {
        let late = self
            .flights
            .iter()
            .filter(|(_, flight)| flight.start.elapsed().as_secs_f64() > seconds);
        let late: Vec<Ticket> = late.map(|(ticket, _)| *ticket).collect();
        let mut ended = Vec::new();
        for ticket in late {
            self.batch.cancel(ticket);
            ended.push(Ended {
                ticket,
                result: Err(GenerateError::TimedOut(seconds)),
            });
        }
        ended
    }

    /// Ends all requests, since the forward pass has failed.
    fn fail_all(&mut self, error: &GenerateError) -> Vec<Ended> {
        self.batch.clear();
        let tickets = self.flights.keys();
        tickets
            .map(|ticket| Ended {
                ticket: *ticket,
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

impl Work for Worker<'_> {
    type Task = Task;

    fn prepare(&mut self, job: Box<Job>) -> Result<Result<Task, Box<ErrorRecord>>> {
        Ok(self.opened()?.answerer.prepare(job))
    }

    fn name<'t>(&self, task: &'t Task) -> (Option<&'t Id>, &'t str) {
        (task.job.id.as_ref(), &task.request_digest)
    }

    fn refuse(&self, task: &Task, code: ErrorCode, sentence: String) -> ErrorRecord {
        task.failed(code, sentence)
    }

    fn has_room(&mut self, task: &Task) -> bool {
        let engine = self
            .opened
            .as_mut()
            .and_then(|opened| opened.engine.as_mut());
        engine.is_none_or(|engine| engine.has_room(task, self.context))
    }

    fn start(&mut self, number: u64, task: Task, occurrence: u64) -> Result<(), Box<ErrorRecord>> {
        let Some(opened) = &mut self.opened else {
            return Ok(());
        };
        match &mut opened.engine {
            Some(engine) => return engine.begin(number, task, occurrence, self.context),
            None if self.args.output.show_prompt => {
                self.ready.push((number, opened.answerer.show(task)));
            }
            None => self.ready.push((number, opened.answerer.count(task))),
        }
        Ok(())
    }

    fn is_idle(&self) -> bool {
        self.ready.is_empty() && self.engine().is_none_or(|engine| engine.flights.is_empty())
    }

    fn step(&mut self, output: &mut Output) -> Result<Vec<(u64, Record)>> {
        let mut closed = std::mem::take(&mut self.ready);
        let Some(Opened {
            answerer,
            engine: Some(engine),
        }) = &mut self.opened
        else {
            return Ok(closed);
        };
        let mut ended = self
            .args
            .filter
            .timeout
            .map_or_else(Vec::new, |seconds| engine.time_out(seconds));
        let mut watch = Watch {
            output,
            context: self.context,
            reasoning: self.args.output.reasoning,
            is_alone: engine.parallel == 1,
            failure: None,
        };
        let flights = &mut engine.flights;
        let step = engine.batch.step(&mut |ticket, event| {
            let flight = flights.get_mut(&ticket);
            flight.map_or(ControlFlow::Continue(()), |flight| {
                watch.tell(flight, event)
            })
        });
        match (step, watch.failure) {
            (_, Some(error)) => return Err(error.into()),
            (Err(GenerateError::Interrupted), None) => {
                return Err(open::broken_off(self.context).into());
            }
            (Ok(more), None) => ended.extend(more),
            (Err(error), None) => ended.extend(engine.fail_all(&error)),
        }
        for one in ended {
            closed.extend(engine.close(one, answerer, self.context));
        }
        Ok(closed)
    }
}

/// Hands on what comes of requests while they are answered.
struct Watch<'w> {
    output: &'w mut Output,
    context: &'w Context,
    reasoning: Reasoning,
    /// No other request's words can come between.
    is_alone: bool,
    failure: Option<StdioError>,
}

impl Watch<'_> {
    fn tell(&mut self, flight: &mut Flight, event: Event<'_>) -> ControlFlow<()> {
        if matches!(event, Event::Working)
            && (self.context.interrupt.is_set() || self.output.reader_gone())
        {
            return ControlFlow::Break(());
        }
        let mut piece = Delta {
            schema_version: SchemaVersion::default(),
            id: flight.task.job.id.clone(),
            line: flight.task.job.line,
            text: String::new(),
            reasoning_content: None,
            reply: flight.task.job.reply,
        };
        match (event, self.reasoning) {
            (Event::Text(text), _) => text.clone_into(&mut piece.text),
            (Event::Reasoning(text), Reasoning::Include) => {
                piece.reasoning_content = Some(text.to_owned());
            }
            (Event::Reasoning(text), Reasoning::Stderr) => {
                flight.passage.push_str(text);
                if self.is_alone {
                    self.context.messages.passage(&flight.passage);
                    flight.passage.clear();
                    flight.is_told = true;
                }
                return ControlFlow::Continue(());
            }
            (Event::Reasoning(_), Reasoning::Drop) | (Event::Working, _) => {
                return ControlFlow::Continue(());
            }
        }
        match self.output.piece(piece) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failure = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}
