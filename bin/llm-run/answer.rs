//! An opened model: request → prompt and settings, what was generated → record.

mod fitting;

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;
use llm_cli::args::{DEFAULT_PREDICT, Reasoning, Think};
use llm_cli::{Context, Job, RunArgs};
use llm_engine::generate::{Finish, GenerateError, Generated};
use llm_engine::model::{Model, TemplateChoice};
use llm_record::usage::milliseconds;
use llm_record::{
    Build, Choice, Completion, Count, ErrorCode, ErrorRecord, FinishReason, Metrics, ModelIdentity,
    Overrides, Place, Record, RecordedRequest, RenderedPrompt, Sampling, SchemaVersion, Seed,
    TemplateUse, Usage,
};
use llm_tokenizer::cancel::Cancellation;
use llm_tokenizer::common_prefix_len;

use crate::digest;
use crate::overflow;
use crate::prompt::{Prompt, Prompts};
use crate::task::Task;
use crate::{open, renderer, settings};

/// A model, and what its records have in common.
pub(crate) struct Answerer {
    pub(crate) model: &'static Model,
    pub(crate) identity: ModelIdentity,
    /// The flags' settings; a line's own go before them.
    pub(crate) flags: Overrides,
    prompts: Prompts,
    reasoning: Reasoning,
    /// Positions that a request may use.
    pub(crate) positions: usize,
    /// What is cut out of a text that is too long.
    overflow: Option<Place>,
    /// Seconds that a request may take.
    timeout: Option<f64>,
    /// Prompts are counted and not run.
    is_counted: bool,
    /// Prompts are shown or counted, and need not fit the context.
    is_run: bool,
    /// Whether labels in place of reasoning were warned of.
    is_warned: Cell<bool>,
    /// Whether it is still to be found out what prompts have in common.
    asks_shared: Cell<bool>,
    /// What each request is kept with, where records hold their whole request.
    kept_with: Option<RecordedRequest>,
    context: Context,
}

/// What a completion's record says beside the text.
pub(crate) struct Circumstances {
    pub(crate) occurrence: u64,
    pub(crate) build: Build,
    /// Time to open the model, told once.
    pub(crate) load: Option<Duration>,
    /// Positions that a request may use.
    pub(crate) context: usize,
}

impl Answerer {
    /// Opens the model that the arguments name.
    pub(crate) fn open(args: &RunArgs, context: &Context) -> Result<Self> {
        let renderer = renderer::process();
        if !args.template.no_template {
            renderer.start();
        }
        let (found, header) = open::find(args, context)?;
        let template = open::template(&args.template)?;
        let asked = usize::try_from(args.model.ctx_size)?;
        let asked = (asked > 0).then_some(asked);
        let model = Model::from_gguf(&header, found.folder.as_deref(), &template, asked)?;
        for warning in &model.warnings {
            context.messages.warning(warning);
        }
        let positions = asked.unwrap_or(model.spec.context_length);
        let mut flags = args.sampling.settings();
        if flags.seed == Some(Seed::Drawn) {
            // One for the whole run; lines differ by their ids.
            flags.seed = Some(Seed::Fixed(settings::draw_seed()));
        }
        Ok(Self {
            identity: open::identity(&found, &model, &args.template),
            prompts: Prompts::new(&args.template, &model, &renderer)?,
            reasoning: args.output.reasoning,
            positions,
            overflow: overflow::place(args.input.on_overflow),
            timeout: args.filter.timeout,
            is_counted: args.output.count,
            is_run: !args.output.count && !args.output.show_prompt,
            is_warned: Cell::new(false),
            asks_shared: Cell::new(args.filter.prefix_cache.is_some()),
            kept_with: args
                .replay
                .record_request
                .then(|| conditions(args, &template, positions)),
            context: context.clone(),
            flags,
            // Never dropped: when the process ends, the system takes back weights
            // and vocabulary at once.
            model: Box::leak(Box::new(model)),
        })
    }

    /// Makes a request ready.
    pub(crate) fn prepare(&self, mut job: Box<Job>) -> Result<Task, Box<ErrorRecord>> {
        let start = Instant::now();
        let cancellation = self.cancellation();
        let sampling = self.sampling(&job.overrides);
        if self.is_counted
            && self.overflow.is_none()
            && let Some(tokens) = self.counted(&job, &cancellation)?
        {
            return Ok(Task::counted(job, sampling, tokens));
        }
        let (prompt, cutting) = self.fitting(&job, &sampling, &cancellation)?;
        let labels = self.labels(&job, &prompt, &sampling.choices)?;
        let shared = self.shared(&job, &prompt, &cancellation);
        let truncated = cutting.map(|cutting| {
            job.messages = cutting.messages;
            job.text = None;
            cutting.truncated
        });
        let model = &self.identity.digest;
        Ok(Task {
            request_digest: digest::request(model, &prompt.text, &prompt.tokens, &sampling),
            shared,
            job,
            prompt,
            sampling,
            labels,
            truncated,
            count: None,
            spent: start.elapsed(),
        })
    }

    /// Returns how many tokens the prompt shares with that of another text under
    /// the same instruction. Asked of the first request alone; others differ by
    /// their text.
    fn shared(&self, job: &Job, prompt: &Prompt, cancellation: &Cancellation) -> usize {
        if !self.asks_shared.replace(false) {
            return 0;
        }
        let Some(place) = &job.text else {
            return 0;
        };
        let mut twin = job.clone();
        if let Some(content) = &mut twin.messages[place.message].content {
            // Any text that begins in another way.
            let other = match content[place.bytes.clone()].starts_with('0') {
                true => "1",
                false => "0",
            };
            content.replace_range(place.bytes.clone(), other);
        }
        let twin = self.prompts.make(self.model, &twin, cancellation);
        twin.map_or(0, |twin| common_prefix_len(&twin.tokens, &prompt.tokens))
    }

    /// Returns the tokens of each label.
    pub(crate) fn labels(
        &self,
        job: &Job,
        prompt: &Prompt,
        labels: &[String],
    ) -> Result<Vec<Vec<u32>>, Box<ErrorRecord>> {
        if !labels.is_empty() && prompt.splitter.is_reasoning() && !self.is_warned.replace(true) {
            self.context.messages.warning(
                "the labels are scored where the model would begin to think; --think off leaves that out, if the \
                 model has a switch for it",
            );
        }
        let tokens = labels.iter().map(|label| {
            let tokens = self.prompts.continuation(self.model, job, prompt, label);
            let quoted = || serde_json::json!(label);
            match tokens.is_empty() {
                true => Err(Box::new(job.failed(
                    ErrorCode::BadRequest,
                    format!(
                        "the model has no tokens for the label {}; leave it out",
                        quoted()
                    ),
                ))),
                false => Ok(tokens),
            }
        });
        tokens.collect()
    }

    /// Makes a request's prompt, cut where that was asked for.
    pub(crate) fn prompt(&self, job: &Job) -> Result<Prompt, Box<ErrorRecord>> {
        let sampling = self.sampling(&job.overrides);
        let (prompt, _) = self.fitting(job, &sampling, &self.cancellation())?;
        Ok(prompt)
    }

    /// Returns the settings of a line that sets so much itself.
    pub(crate) fn sampling(&self, line: &Overrides) -> Sampling {
        let overrides = line.or(&self.flags);
        settings::resolve(&overrides, &self.model.sampling, DEFAULT_PREDICT)
    }

    /// Returns the request as its record keeps it.
    fn kept_request(&self, job: &mut Job, sampling: &Sampling) -> Option<Box<RecordedRequest>> {
        let mut request = RecordedRequest {
            id: job.id.clone(),
            settings: sampling.as_overrides(),
            ..self.kept_with.clone()?
        };
        if self.identity.template == TemplateUse::Raw || job.is_raw {
            request.prompt = Some(job.text());
        } else {
            request.messages = std::mem::take(&mut job.messages);
            request.tools = job.tools.take();
        }
        Some(Box::new(request))
    }

    /// Names the model in the record of a request.
    fn identity(&self, job: &Job) -> ModelIdentity {
        let mut identity = self.identity.clone();
        if job.is_raw {
            identity.template = TemplateUse::Raw;
        }
        identity
    }

    /// Returns the record of a request that is only counted.
    pub(crate) fn count(&self, task: Task) -> Record {
        let usage = Usage::new(task.tokens() as u64, 0, 0);
        Record::from(Count {
            schema_version: SchemaVersion::default(),
            model: self.identity(&task.job),
            id: task.job.id,
            line: task.job.line,
            usage,
            input: task.job.input,
        })
    }

    /// Returns the record of a request that is only shown.
    pub(crate) fn show(&self, task: Task) -> Record {
        Record::from(RenderedPrompt {
            schema_version: SchemaVersion::default(),
            model: self.identity(&task.job),
            id: task.job.id,
            line: task.job.line,
            usage: Usage::new(task.prompt.tokens.len() as u64, 0, 0),
            text: task.prompt.text,
            tokens: task.prompt.tokens,
            input: task.job.input,
        })
    }

    /// Returns the record of an answer.
    pub(crate) fn completion(
        &self,
        mut task: Task,
        generated: Generated,
        circumstances: Circumstances,
    ) -> Completion {
        let prompt_tokens = task.prompt.tokens.len();
        self.warn_if_cut(&task, &generated, circumstances.context);
        let choices = Choice::list(&task.sampling.choices, &generated.label_logprobs);
        let scored: usize = task.labels.iter().map(Vec::len).sum();
        let request = self.kept_request(&mut task.job, &task.sampling);
        let usage = Usage::new(
            prompt_tokens as u64,
            (generated.tokens.len() + scored) as u64,
            generated.cached_tokens as u64,
        )
        .with_reasoning(generated.reasoning_tokens as u64);
        let Generated {
            prefill,
            first_token,
            whole,
            busy,
            ..
        } = generated;
        let model = self.identity(&task.job);
        let metrics = Metrics::measured(&usage, prefill, first_token, whole);
        Completion {
            schema_version: SchemaVersion::default(),
            id: task.job.id,
            line: task.job.line,
            text: Choice::best(&choices).map_or(generated.text, |best| best.text.clone()),
            choices,
            truncated: task.truncated,
            reasoning_content: self.kept(generated.reasoning),
            finish_reason: match generated.finish {
                Finish::Stop => FinishReason::Stop,
                Finish::Length => FinishReason::Length,
            },
            usage,
            metrics: Metrics {
                load_ms: circumstances.load.map(milliseconds),
                busy_prefill_ms: Some(milliseconds(busy.prefill)),
                busy_decode_ms: Some(milliseconds(busy.decode)),
                ..metrics
            },
            created: Timestamp::now().as_second(),
            input: task.job.input,
            request,
            model,
            sampling: task.sampling,
            request_digest: task.request_digest,
            occurrence: (circumstances.occurrence > 1).then_some(circumstances.occurrence),
            requested_model: task.job.requested_model,
            build: circumstances.build,
            reply: task.job.reply,
        }
    }

    /// Returns the reasoning where records hold it.
    fn kept(&self, reasoning: String) -> Option<String> {
        let is_kept = self.reasoning == Reasoning::Include && !reasoning.is_empty();
        is_kept.then_some(reasoning)
    }

    /// An answer that ends at a limit which nobody asked for may surprise.
    fn warn_if_cut(&self, task: &Task, generated: &Generated, context: usize) {
        if generated.finish != Finish::Length {
            return;
        }
        let (line, messages) = (task.job.line, self.context.messages);
        let is_short = generated.tokens.len() < settings::count(task.sampling.max_tokens);
        if is_short && task.prompt.tokens.len() + generated.tokens.len() >= context {
            messages.warning(format_args!(
                "the answer to line {line} ends where the context of {context} tokens does"
            ));
        } else if generated.text.is_empty() && generated.reasoning_tokens > 0 {
            messages.warning(format_args!(
                "line {line} has no answer, because the model still thinks after {} tokens; -n sets the limit",
                generated.tokens.len()
            ));
        } else if task.sampling.max_tokens == DEFAULT_PREDICT {
            messages.warning(format_args!(
                "the answer to line {line} is cut at {DEFAULT_PREDICT} tokens; -n sets the limit"
            ));
        }
    }
}

/// Returns what the records of requests say of a run's prompts beside their own.
fn conditions(args: &RunArgs, template: &TemplateChoice, positions: usize) -> RecordedRequest {
    RecordedRequest {
        chat_template: match template {
            TemplateChoice::Source { source, .. } => Some(source.clone()),
            TemplateChoice::Own | TemplateChoice::None => None,
        },
        think: args.template.think.map(|think| think == Think::On),
        ctx_size: Some(positions as u64),
        ..RecordedRequest::default()
    }
}

/// Returns the kind of an error for records.
pub(crate) fn code(error: &GenerateError) -> ErrorCode {
    match error {
        GenerateError::EmptyPrompt => ErrorCode::EmptyInput,
        GenerateError::TooLong { .. } | GenerateError::LabelTooLong { .. } => {
            ErrorCode::ContextExceeded
        }
        GenerateError::TimedOut(_) => ErrorCode::Timeout,
        _ => ErrorCode::GenerationFailed,
    }
}
