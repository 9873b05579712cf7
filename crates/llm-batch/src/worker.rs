//! Requests under way: begun while there is room, gone on with together, closed
//! as they end.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use llm_engine::generate::{Event, Finish, GenerateError};
use llm_filter::{Conditions, Prepared, RecordSink, RequestName, UnderWay, Work};
use llm_record::{Delta, ErrorCode, Failed, Job, Record, Routed, SchemaVersion};
use llm_tokenizer::Tokenizer;
use serde_json::{Value, json};

use crate::answerer::Answerer;
use crate::calls::More;
use crate::host::{Host, Opener, Options, Purpose, ReasoningTo};
use crate::running::{InFlight, Running};
use crate::task::Task;

/// Answers the requests of a run.
pub struct Worker<'a> {
    opener: &'a dyn Opener,
    options: Arc<Options>,
    host: Arc<dyn Host>,
    /// Opened by the first request that needs it, so that an empty input costs
    /// nothing.
    opened: Option<Opened>,
    /// What was closed without the engine.
    ready: Vec<(u64, Routed<Record>)>,
}

struct Opened {
    answerer: Answerer,
    /// `None` where prompts are only counted or shown.
    running: Option<Running>,
}

impl<'a> Worker<'a> {
    /// Prepares to answer requests; nothing is opened yet.
    #[must_use]
    pub fn new(opener: &'a dyn Opener, options: Arc<Options>, host: Arc<dyn Host>) -> Self {
        Self {
            opener,
            options,
            host,
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
                let opened = Opened::new(self.opener, &self.options, &self.host)?;
                Ok(none.insert(opened))
            }
        }
    }

    /// Opens the model and returns its tokenizer.
    ///
    /// # Errors
    /// What keeps the model or the device from being opened.
    pub fn tokenizer(&mut self) -> Result<&'static Tokenizer> {
        Ok(&self.opened()?.answerer.model.tokenizer)
    }
}

impl Opened {
    fn new(opener: &dyn Opener, options: &Arc<Options>, host: &Arc<dyn Host>) -> Result<Self> {
        let start = Instant::now();
        let answerer = Answerer::new(opener.model()?, Arc::clone(options), Arc::clone(host))?;
        let running = match options.purpose {
            Purpose::Count | Purpose::ShowPrompt => None,
            Purpose::Answer => Some(Running::start(&answerer, opener, options, host, start)?),
        };
        Ok(Self { answerer, running })
    }
}

impl Work for Worker<'_> {
    type Task = Task;

    fn prepare(&mut self, job: Box<Job>) -> Result<Prepared<Task>> {
        match self.opened()?.answerer.prepare(job) {
            Ok(task) => Ok(Prepared::Ready(task)),
            Err(_) if self.host.is_interrupted() => Err(self.host.broken_off()),
            Err(record) => Ok(Prepared::Refused(record)),
        }
    }

    fn name<'t>(&self, task: &'t Task) -> RequestName<'t> {
        RequestName::new(task.job.id.as_ref(), &task.job.input, &task.request_digest)
    }

    fn conditions(&self, task: &Task) -> Value {
        let Some(opened) = &self.opened else {
            return Value::Null;
        };
        let model = opened.answerer.identity(&task.job, &task.chosen);
        // By way of their texts, as a record is read: 1.2 is no 1.2000000476837158 then.
        let told = serde_json::to_string(&(model, &task.sampling)).unwrap_or_default();
        let [model, sampling]: [Value; 2] = serde_json::from_str(&told).unwrap_or_default();
        json!({"model": model, "sampling": sampling})
    }

    fn digest_under(&self, task: &Task, then: &Conditions) -> Option<String> {
        let answerer = &self.opened.as_ref()?.answerer;
        Some(answerer.digest_under(&task.job, &task.prompt, then))
    }

    fn refuse(&self, task: &Task, code: ErrorCode, sentence: String) -> Failed {
        task.failed(code, sentence)
    }

    fn has_room(&mut self, task: &Task) -> bool {
        let running = self
            .opened
            .as_mut()
            .and_then(|opened| opened.running.as_mut());
        running.is_none_or(|running| running.has_room(task, &*self.host))
    }

    fn start(&mut self, number: u64, task: Task, occurrence: u64) -> Result<(), Failed> {
        let Some(opened) = &mut self.opened else {
            return Ok(());
        };
        match &mut opened.running {
            Some(running) => return running.begin(number, task, occurrence, &*self.host),
            None if self.options.purpose == Purpose::ShowPrompt => {
                let shown = opened.answerer.show(task);
                self.ready.push((number, Routed::own(shown)));
            }
            None => {
                let counted = opened.answerer.count(task);
                self.ready.push((number, Routed::own(counted)));
            }
        }
        Ok(())
    }

    fn under_way(&self) -> UnderWay {
        let running = self
            .opened
            .as_ref()
            .and_then(|opened| opened.running.as_ref());
        running.map_or_else(UnderWay::default, |running| {
            let (prompt_tokens, completion_tokens) = running.batch.tokens_under_way();
            UnderWay {
                requests: running.in_flight.len() as u64,
                prompt_tokens: prompt_tokens as u64,
                completion_tokens: completion_tokens as u64,
            }
        })
    }

    fn is_idle(&self) -> bool {
        let running = self
            .opened
            .as_ref()
            .and_then(|opened| opened.running.as_ref());
        self.ready.is_empty() && running.is_none_or(|running| running.in_flight.is_empty())
    }

    fn step(&mut self, sink: &mut dyn RecordSink) -> Result<Vec<(u64, Routed<Record>)>> {
        let mut closed = std::mem::take(&mut self.ready);
        let Some(Opened {
            answerer,
            running: Some(running),
        }) = &mut self.opened
        else {
            return Ok(closed);
        };
        let timeout = self.options.timeout;
        let mut ended = timeout.map_or_else(Vec::new, |seconds| running.time_out(seconds));
        let mut relay = EventRelay {
            sink,
            host: &*self.host,
            reasoning: self.options.reasoning,
            is_alone: running.parallel == 1,
            failure: None,
        };
        let in_flight = &mut running.in_flight;
        let step = running.batch.step(&mut |request_id, event| {
            let request = in_flight.get_mut(&request_id);
            request.map_or(ControlFlow::Continue(()), |request| {
                relay.tell(request, event)
            })
        });
        match (step, relay.failure.take()) {
            (_, Some(error)) => return Err(error),
            (Err(GenerateError::Interrupted), None) => return Err(self.host.broken_off()),
            (Ok(more), None) => {
                for one in &more {
                    let request = running.in_flight.get_mut(&one.request_id);
                    if let (Some(request), Ok(generated)) = (request, &one.result) {
                        relay.finish(request, generated.finish == Finish::Length);
                    }
                }
                if let Some(error) = relay.failure {
                    return Err(error);
                }
                ended.extend(more);
            }
            (Err(error), None) => ended.extend(running.fail_all(&error)),
        }
        for request in ended {
            closed.extend(running.close(request, answerer, &*self.host));
        }
        Ok(closed)
    }
}

/// Hands on what comes of requests while they are answered.
struct EventRelay<'w> {
    sink: &'w mut dyn RecordSink,
    host: &'w dyn Host,
    reasoning: ReasoningTo,
    /// No other request's words can come between.
    is_alone: bool,
    failure: Option<anyhow::Error>,
}

impl EventRelay<'_> {
    fn tell(&mut self, request: &mut InFlight, event: Event<'_>) -> ControlFlow<()> {
        if matches!(event, Event::Working) && (self.host.is_interrupted() || self.sink.is_unread())
        {
            return ControlFlow::Break(());
        }
        if let Some(calls) = &mut request.calls {
            let more = match event {
                Event::Text(text) => calls.push(text, false),
                Event::Markup(text) => calls.push(text, true),
                Event::Reasoning(text) => {
                    calls.think(text);
                    Vec::new()
                }
                Event::Working => Vec::new(),
            };
            if matches!(event, Event::Text(_) | Event::Markup(_)) {
                return self.hand_on(request, more);
            }
        }
        let mut delta = delta(request);
        match (event, self.reasoning) {
            (Event::Text(text), _) => text.clone_into(&mut delta.text),
            (Event::Reasoning(text), ReasoningTo::Records) => {
                delta.reasoning_content = Some(text.to_owned());
            }
            (Event::Reasoning(text), ReasoningTo::People) => {
                request.unsaid.push_str(text);
                if self.is_alone {
                    self.host.show_reasoning(&request.unsaid);
                    request.unsaid.clear();
                    request.is_told = true;
                }
                return ControlFlow::Continue(());
            }
            (Event::Reasoning(_), ReasoningTo::Nobody) | (Event::Markup(_) | Event::Working, _) => {
                return ControlFlow::Continue(());
            }
        }
        self.write(request, delta)
    }

    /// Ends the calls of an answer that has ended.
    fn finish(&mut self, request: &mut InFlight, is_cut: bool) {
        if let Some(calls) = &mut request.calls {
            let more = calls.finish(is_cut);
            // What cannot be written is told by `failure`.
            let _ = self.hand_on(request, more);
        }
    }

    /// Hands on text and calls.
    fn hand_on(&mut self, request: &InFlight, more: Vec<More>) -> ControlFlow<()> {
        for one in more {
            let mut delta = delta(request);
            match one {
                More::Text(text) => delta.text = text,
                More::Call(call) => delta.tool_calls.push(call),
            }
            self.write(request, delta)?;
        }
        ControlFlow::Continue(())
    }

    fn write(&mut self, request: &InFlight, delta: Delta) -> ControlFlow<()> {
        match self.sink.delta(Routed::new(delta, request.task.job.reply)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failure = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

/// Returns a piece of an answer with nothing in it yet.
fn delta(request: &InFlight) -> Delta {
    Delta {
        schema_version: SchemaVersion::default(),
        id: request.task.job.id.clone(),
        line: request.task.job.line,
        ..Delta::default()
    }
}
