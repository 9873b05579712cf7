//! One request → its closing record: render, count, generate, report.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;
use llm_cli::args::{DEFAULT_PREDICT, Reasoning};
use llm_cli::stdio::StdioError;
use llm_cli::{Context, Job, Output, RunArgs, Status};
use llm_engine::generate::{Event, Finish, Generate, GenerateError, Generated, Session};
use llm_engine::model::Model;
use llm_record::usage::milliseconds;
use llm_record::{
    Build, Completion, Count, Delta, ErrorCode, ErrorRecord, FinishReason, Metrics, ModelIdentity,
    Overrides, Record, RenderedPrompt, Sampling, SchemaVersion, TemplateUse, Usage,
};

use crate::digest::{self, Keys};
use crate::memory::Memory;
use crate::prompt::{Prompt, Prompts};
use crate::{open, settings};

/// An opened model that answers one request after another.
pub(crate) struct Answerer {
    model: Model,
    identity: ModelIdentity,
    /// The flags' settings; a line's own go before them.
    flags: Overrides,
    prompts: Prompts,
    /// `None` where prompts are only counted or shown.
    engine: Option<Running>,
    /// Shows prompts, with no engine.
    shows: bool,
    reasoning: Reasoning,
    keys: Keys,
    memory: Memory,
    context: Context,
}

struct Running {
    session: Session,
    build: Build,
    /// Time to open the model, until a record has told it.
    load: Option<Duration>,
}

impl Answerer {
    /// Opens the model that the arguments name, checks that it fits the memory
    /// and prepares the device.
    pub(crate) fn open(args: &RunArgs, context: &Context) -> Result<Self> {
        let start = Instant::now();
        let (found, header) = open::find(args, context)?;
        let template = open::template(&args.template)?;
        let asked = usize::try_from(args.model.ctx_size)?;
        let asked = (asked > 0).then_some(asked);
        let model = Model::from_gguf(&header, found.folder.as_deref(), &template, asked)?;
        let mut flags = args.sampling.settings();
        if flags.seed == Some(-1) {
            // One for the whole run; lines differ by their ids.
            flags.seed = i64::try_from(settings::draw_seed()).ok();
        }
        let mut answerer = Self {
            identity: open::identity(&found, &model, &args.template),
            prompts: Prompts::new(&args.template, &model)?,
            engine: None,
            shows: args.output.show_prompt,
            reasoning: args.output.reasoning,
            keys: Keys::default(),
            memory: Memory::new(&model, args),
            context: context.clone(),
            flags,
            model,
        };
        if !args.output.count && !args.output.show_prompt {
            answerer.start(args, start)?;
        }
        Ok(answerer)
    }

    fn start(&mut self, args: &RunArgs, start: Instant) -> Result<()> {
        let trained = self.model.spec.context_length;
        let asked = usize::try_from(args.model.ctx_size)?;
        let positions = if asked == 0 { trained } else { asked };
        let messages = self.context.messages;
        if positions > trained {
            messages.warning(format_args!(
                "the model was trained for {trained} tokens of context; it may lose the thread beyond them"
            ));
        }
        if let Some(flag) = settings::idle_flag(&self.flags, &self.model.sampling) {
            messages.warning(format_args!(
                "{flag} has no effect, because the best token is always taken; --temp 0.8 draws"
            ));
        }
        // With a context of its own choice, the cache grows with the requests;
        // each is checked when its length is known.
        let fits = self.memory.check(asked, messages);
        fits.map_err(anyhow::Error::msg)?;
        let engine = open::engine(args, &self.model)?;
        self.memory.loaded();
        self.engine = Some(Running {
            session: Session::new(engine.forward, positions),
            build: engine.build,
            load: Some(start.elapsed()),
        });
        Ok(())
    }

    /// Answers one request and writes its closing record.
    pub(crate) fn answer(&mut self, job: &Job, output: &mut Output) -> Result<Status> {
        let prompt = match self.prompts.make(&self.model, job) {
            Ok(prompt) => prompt,
            Err(record) => {
                output.fail(*record)?;
                return Ok(Status::SomeFailed);
            }
        };
        let closed = match self.engine.take() {
            None if self.shows => Ok(Record::from(self.show(job, prompt))),
            None => Ok(Record::from(self.count(job, &prompt))),
            Some(mut running) => {
                let closed = self.complete(job, prompt, &mut running, output);
                self.engine = Some(running);
                closed?.map(Record::from)
            }
        };
        Ok(match closed {
            Ok(record) => {
                output.close(&record)?;
                Status::Done
            }
            Err(record) => {
                output.fail(record)?;
                Status::SomeFailed
            }
        })
    }

    /// Returns which model answers, and by what way the request becomes its text.
    fn identity(&self, job: &Job) -> ModelIdentity {
        let mut identity = self.identity.clone();
        if job.is_raw() {
            identity.template = TemplateUse::Raw;
        }
        identity
    }

    fn count(&self, job: &Job, prompt: &Prompt) -> Count {
        Count {
            schema_version: SchemaVersion::default(),
            id: job.id.clone(),
            line: job.line,
            usage: Usage::new(prompt.tokens.len() as u64, 0, 0),
            input: job.input.clone(),
            model: self.identity(job),
        }
    }

    fn show(&self, job: &Job, prompt: Prompt) -> RenderedPrompt {
        RenderedPrompt {
            schema_version: SchemaVersion::default(),
            id: job.id.clone(),
            line: job.line,
            usage: Usage::new(prompt.tokens.len() as u64, 0, 0),
            text: prompt.text,
            tokens: prompt.tokens,
            input: job.input.clone(),
            model: self.identity(job),
        }
    }

    /// Generates the answer; the inner error closes the request, the outer one
    /// ends the program.
    fn complete(
        &mut self,
        job: &Job,
        prompt: Prompt,
        running: &mut Running,
        output: &mut Output,
    ) -> Result<Result<Completion, ErrorRecord>> {
        let overrides = job.overrides.or(&self.flags);
        let sampling = settings::resolve(&overrides, &self.model.sampling, DEFAULT_PREDICT);
        let most = settings::count(sampling.max_tokens).saturating_add(prompt.tokens.len());
        let most = most.min(running.session.context());
        let fits = self.memory.check_request(most, self.context.messages);
        if let Err(sentence) = fits {
            return Ok(Err(job.failed(ErrorCode::OutOfMemory, sentence)));
        }
        let model = &self.identity.digest;
        let request_digest = digest::request(model, &prompt.text, &prompt.tokens, &sampling);
        let prompt_tokens = prompt.tokens.len();
        let request = Generate {
            prompt: prompt.tokens,
            max_tokens: settings::count(sampling.max_tokens),
            sampling: settings::for_engine(&sampling),
            key: self.keys.next(job.id.as_ref(), &request_digest, &sampling),
            stop: sampling.stop.clone(),
            splitter: prompt.splitter,
        };
        let generated = match self.generate(job, &request, running, output)? {
            Ok(generated) => generated,
            Err(error) => return Ok(Err(job.failed(code(&error), error.to_string()))),
        };
        self.memory.took(prompt_tokens + generated.tokens.len());
        self.warn_if_cut(
            job,
            &generated,
            &sampling,
            prompt_tokens,
            running.session.context(),
        );
        let usage = Usage::new(
            prompt_tokens as u64,
            generated.tokens.len() as u64,
            generated.cached_tokens as u64,
        )
        .with_reasoning(generated.reasoning_tokens as u64);
        let Generated {
            prefill,
            first_token,
            whole,
            ..
        } = generated;
        let metrics = Metrics::measured(&usage, prefill, first_token, whole);
        Ok(Ok(Completion {
            schema_version: SchemaVersion::default(),
            id: job.id.clone(),
            line: job.line,
            text: generated.text,
            reasoning_content: self.kept(generated.reasoning),
            finish_reason: match generated.finish {
                Finish::Stop => FinishReason::Stop,
                Finish::Length => FinishReason::Length,
            },
            usage,
            metrics: Metrics {
                load_ms: running.load.take().map(milliseconds),
                ..metrics
            },
            created: Timestamp::now().as_second(),
            input: job.input.clone(),
            model: self.identity(job),
            sampling,
            request_digest,
            occurrence: None,
            requested_model: job.requested_model.clone(),
            build: running.build.clone(),
            reply: job.reply,
        }))
    }

    /// Returns the reasoning where records hold it.
    fn kept(&self, reasoning: String) -> Option<String> {
        let is_kept = self.reasoning == Reasoning::Include && !reasoning.is_empty();
        is_kept.then_some(reasoning)
    }

    /// Runs the generation, writing pieces where they are wanted.
    fn generate(
        &self,
        job: &Job,
        request: &Generate,
        running: &mut Running,
        output: &mut Output,
    ) -> Result<Result<Generated, GenerateError>> {
        let mut failure: Option<StdioError> = None;
        let mut told = false;
        let interrupt = &self.context.interrupt;
        let mut watch = |event: Event<'_>| {
            if interrupt.is_set() || output.reader_gone() {
                return ControlFlow::Break(());
            }
            let mut piece = Delta {
                schema_version: SchemaVersion::default(),
                id: job.id.clone(),
                line: job.line,
                text: String::new(),
                reasoning_content: None,
                reply: job.reply,
            };
            match (event, self.reasoning) {
                (Event::Text(text), _) => text.clone_into(&mut piece.text),
                (Event::Reasoning(text), Reasoning::Include) => {
                    piece.reasoning_content = Some(text.to_owned());
                }
                (Event::Reasoning(text), Reasoning::Stderr) => {
                    told = true;
                    self.context.messages.passage(text);
                    return ControlFlow::Continue(());
                }
                (Event::Reasoning(_), Reasoning::Drop) | (Event::Working, _) => {
                    return ControlFlow::Continue(());
                }
            }
            match output.piece(piece) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        };
        let generated = running
            .session
            .generate(&self.model.tokenizer, request, &mut watch);
        if told {
            self.context.messages.passage("\n");
        }
        match generated {
            Err(GenerateError::Interrupted) => Err(failure
                .unwrap_or_else(|| open::broken_off(&self.context))
                .into()),
            generated => Ok(generated),
        }
    }

    /// An answer that ends at a limit which nobody asked for may surprise.
    fn warn_if_cut(
        &self,
        job: &Job,
        generated: &Generated,
        sampling: &Sampling,
        prompt_tokens: usize,
        context: usize,
    ) {
        if generated.finish != Finish::Length {
            return;
        }
        let (line, messages) = (job.line, self.context.messages);
        if prompt_tokens + generated.tokens.len() >= context {
            messages.warning(format_args!(
                "the answer to line {line} ends where the context of {context} tokens does"
            ));
        } else if generated.text.is_empty() && generated.reasoning_tokens > 0 {
            messages.warning(format_args!(
                "line {line} has no answer, because the model still thinks after {} tokens; -n sets the limit",
                generated.tokens.len()
            ));
        } else if sampling.max_tokens == DEFAULT_PREDICT {
            messages.warning(format_args!(
                "the answer to line {line} is cut at {DEFAULT_PREDICT} tokens; -n sets the limit"
            ));
        }
    }
}

fn code(error: &GenerateError) -> ErrorCode {
    match error {
        GenerateError::EmptyPrompt => ErrorCode::EmptyInput,
        GenerateError::TooLong { .. } => ErrorCode::ContextExceeded,
        _ => ErrorCode::GenerationFailed,
    }
}
