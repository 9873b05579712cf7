//! Requests under way: begun while there is room, gone on with together, closed
//! as they end.

mod engine;

use std::ops::ControlFlow;
use std::time::Instant;

use anyhow::Result;
use llm_cli::args::Reasoning;
use llm_cli::stdio::StdioError;
use llm_cli::{Context, Job, Output, RunArgs};
use llm_engine::generate::{Event, GenerateError};
use llm_filter::{Name, Work};
use llm_record::{Delta, ErrorCode, ErrorRecord, Record, SchemaVersion};
use llm_tokenizer::Tokenizer;

use crate::answer::Answerer;
use crate::open;
use crate::task::Task;

pub(crate) use engine::default_parallel;
use engine::{Engine, Flight};

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

impl Work for Worker<'_> {
    type Task = Task;

    fn prepare(&mut self, job: Box<Job>) -> Result<Result<Task, Box<ErrorRecord>>> {
        let prepared = self.opened()?.answerer.prepare(job);
        if prepared.is_err() && self.context.interrupt.is_set() {
            return Err(open::broken_off(self.context).into());
        }
        Ok(prepared)
    }

    fn name<'t>(&self, task: &'t Task) -> Name<'t> {
        Name::plain(task.job.id.as_ref(), &task.request_digest)
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
        let step = engine.batch.step(&mut |request_id, event| {
            let flight = flights.get_mut(&request_id);
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
