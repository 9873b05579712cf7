//! A model that is open: request → prompt and settings, what was generated → record.

mod fitting;

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;
use llm_engine::generate::{Finish, GenerateError, Generated, Grammar, TokenLogprobs};
use llm_engine::model::Model;
use llm_engine::sampler;
use llm_filter::Conditions;
use llm_record::usage::milliseconds;
use llm_record::{
    Build, Choice, Completion, Count, ErrorCode, Failed, FinishReason, Job, Json, Logprobs,
    Message, Metrics, ModelIdentity, Overrides, RankedToken, Record, RecordedRequest,
    RenderedPrompt, Sampling, SchemaVersion, StructuredOutput, TemplateUse, TokenLogprob, ToolCall,
    Usage, counted,
};
use llm_tokenizer::cancel::Cancellation;
use llm_tokenizer::common_prefix_len;
use serde_json::json;

use crate::adapters::{Adapters, Chosen};
use crate::biases::Biases;
use crate::calls::Called;
use crate::grammars::Grammars;
use crate::host::{Host, OpenedModel, Options, Purpose, ReasoningTo};
use crate::prompt::{Prompt, Prompts};
use crate::task::Task;
use crate::{digest, settings};

/// A model, and what its records have in common.
pub struct Answerer {
    pub(crate) model: &'static Model,
    identity: ModelIdentity,
    pub(crate) adapters: Adapters,
    prompts: Prompts,
    grammars: Grammars,
    biases: Biases<'static>,
    options: Arc<Options>,
    /// Positions that a request may use.
    positions: usize,
    /// Whether it was said that labels are scored where reasoning would begin.
    is_warned: Cell<bool>,
    /// Whether the beginning that all prompts share is still to be found.
    asks_shared: Cell<bool>,
    /// What each request is kept with, where records hold their whole request.
    kept_with: Option<RecordedRequest>,
    host: Arc<dyn Host>,
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
    /// Prepares to make prompts for a model that is open.
    ///
    /// # Errors
    /// Chat templates that cannot be used as `options` ask.
    pub fn new(opened: OpenedModel, options: Arc<Options>, host: Arc<dyn Host>) -> Result<Self> {
        let model = opened.model;
        Ok(Self {
            model,
            identity: opened.identity,
            adapters: opened.adapters,
            grammars: Grammars::new(
                &model.tokenizer,
                options.purpose == Purpose::Answer && options.settings.structured_output.is_some(),
            ),
            prompts: Prompts::new(options.prompts, model, &opened.renderer)?,
            biases: Biases::new(&model.tokenizer),
            positions: options.context.unwrap_or(model.spec.context_length),
            is_warned: Cell::new(false),
            asks_shared: Cell::new(options.prefix_folder.is_some()),
            kept_with: opened.kept_with,
            options,
            host,
        })
    }

    /// Returns how records name the model.
    #[must_use]
    pub fn model_identity(&self) -> &ModelIdentity {
        &self.identity
    }

    /// Returns the positions that a request may use.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.positions
    }

    /// Makes a request ready.
    ///
    /// # Errors
    /// The record that closes a request whose prompt cannot be made or does not fit.
    pub fn prepare(&self, mut job: Box<Job>) -> Result<Task, Failed> {
        let start = Instant::now();
        let cancellation = self.cancellation();
        let sampling = self.sampling(&job.overrides);
        let engine_sampling = self.engine_sampling(&job, &sampling)?;
        let chosen = self.choose(&job)?;
        if self.options.purpose == Purpose::Count
            && self.options.overflow.is_none()
            && let Some(tokens) = self.counted(&job, &cancellation)?
        {
            return Ok(Task::counted(job, sampling, tokens));
        }
        let grammar = self.grammar(&job, &sampling)?;
        let (prompt, cutting) = self.fitting(&job, &sampling, &cancellation)?;
        let labels = self.labels(&job, &prompt, &sampling.choices)?;
        let shared = self.shared(&job, &prompt, &cancellation);
        let truncated = cutting.map(|cutting| {
            job.messages = cutting.messages;
            job.text = None;
            cutting.truncated
        });
        let model = self.identity(&job, &chosen);
        let model = model.weights();
        Ok(Task {
            request_digest: digest::request(&model, &prompt.text, &prompt.tokens, &sampling),
            draws_digest: digest::of_draws(&model, &prompt.text, &prompt.tokens, &sampling),
            chosen,
            shared,
            job,
            prompt,
            sampling,
            engine_sampling,
            labels,
            grammar,
            truncated,
            count: None,
            spent: start.elapsed(),
        })
    }

    /// Returns how many tokens the prompt shares with that of another text under
    /// the same instruction. It is found for the first request only; the others differ by
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
            let other = if content[place.bytes.clone()].starts_with('0') {
                "1"
            } else {
                "0"
            };
            content.replace_range(place.bytes.clone(), other);
        }
        let twin_prompt = self.prompts.make(self.model, &twin, cancellation);
        twin_prompt.map_or(0, |twin| common_prefix_len(&twin.tokens, &prompt.tokens))
    }

    /// Returns the tokens of each label.
    pub(crate) fn labels(
        &self,
        job: &Job,
        prompt: &Prompt,
        labels: &[String],
    ) -> Result<Vec<Vec<u32>>, Failed> {
        if !labels.is_empty() && prompt.splitter.is_reasoning() && !self.is_warned.replace(true) {
            self.host.warn(
                &"the labels are scored where the model would begin to think; --think off leaves that out, if the \
                 model has a switch for it",
            );
        }
        let tokens = labels.iter().map(|label| {
            let tokens = self.prompts.continuation(self.model, job, prompt, label);
            if tokens.is_empty() {
                let sentence = format!(
                    "the model has no tokens for the label {}; leave it out",
                    serde_json::json!(label)
                );
                return Err(job.failed(ErrorCode::BadRequest, sentence));
            }
            Ok(tokens)
        });
        tokens.collect()
    }

    /// Returns what the answer to a request must look like; nothing where none is given.
    ///
    /// # Errors
    /// The record that closes a request whose answer cannot be held to it.
    pub(crate) fn grammar(
        &self,
        job: &Job,
        sampling: &Sampling,
    ) -> Result<Option<Arc<dyn Grammar>>, Failed> {
        let is_generated = self.options.purpose == Purpose::Answer && sampling.choices.is_empty();
        let asked = sampling.structured_output.as_ref();
        let Some(asked) = asked.filter(|_| is_generated) else {
            return Ok(None);
        };
        let grammar = self.grammars.of(asked);
        grammar
            .map(Some)
            .map_err(|(code, sentence)| job.failed(code, sentence))
    }

    /// Returns a request's settings as the engine takes them.
    ///
    /// # Errors
    /// The record that closes a request about tokens which the model does not have.
    pub(crate) fn engine_sampling(
        &self,
        job: &Job,
        sampling: &Sampling,
    ) -> Result<sampler::Sampling, Failed> {
        let ready = self.biases.for_engine(sampling);
        ready.map_err(|sentence| job.failed(ErrorCode::BadRequest, sentence))
    }

    /// Makes a request's prompt, cut to the context where that was asked for.
    pub(crate) fn prompt(&self, job: &Job) -> Result<Prompt, Failed> {
        let sampling = self.sampling(&job.overrides);
        let (prompt, _) = self.fitting(job, &sampling, &self.cancellation())?;
        Ok(prompt)
    }

    /// Returns the adapters of a request.
    ///
    /// # Errors
    /// The record that closes a request whose adapters are not loaded.
    pub(crate) fn choose(&self, job: &Job) -> Result<Chosen, Failed> {
        let chosen = self.adapters.choose(job.lora.as_deref());
        chosen.map_err(|sentence| job.failed(ErrorCode::BadRequest, sentence))
    }

    /// Returns the settings of a request, given those that it sets itself.
    pub(crate) fn sampling(&self, request: &Overrides) -> Sampling {
        settings::resolve(
            &request.or(&self.options.settings),
            &self.model.sampling,
            self.options.default_max_tokens,
        )
    }

    /// Returns the digest of a request under the conditions of an earlier answer, with what its line sets
    /// itself as it is.
    pub(crate) fn digest_under(&self, job: &Job, prompt: &Prompt, then: &Conditions) -> String {
        let asked = job.overrides.or(&then.sampling.as_overrides());
        let recommended = &self.model.sampling;
        let sampling = settings::resolve(&asked, recommended, then.sampling.max_tokens);
        digest::request(&then.model, &prompt.text, &prompt.tokens, &sampling)
    }

    /// Returns the request as its record keeps it.
    fn kept_request(
        &self,
        job: &mut Job,
        chosen: &Chosen,
        sampling: &Sampling,
    ) -> Option<Box<RecordedRequest>> {
        let has_adapters = !self.adapters.identities().is_empty();
        let mut request = RecordedRequest {
            id: job.id.clone(),
            settings: sampling.as_overrides(),
            lora: has_adapters.then(|| chosen.choices()),
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

    /// Names the model in the record of a request, with its adapters.
    pub(crate) fn identity(&self, job: &Job, chosen: &Chosen) -> ModelIdentity {
        let mut identity = self.identity.clone();
        identity.lora.clone_from(&chosen.identities);
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
            model: self.identity(&task.job, &task.chosen),
            id: task.job.id,
            line: task.job.line,
            usage,
            created: None,
            input: task.job.input,
        })
    }

    /// Returns the record of a request that is only shown.
    pub(crate) fn show(&self, task: Task) -> Record {
        Record::from(RenderedPrompt {
            schema_version: SchemaVersion::default(),
            model: self.identity(&task.job, &task.chosen),
            id: task.job.id,
            line: task.job.line,
            usage: Usage::new(task.prompt.tokens.len() as u64, 0, 0),
            created: None,
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
        called: Option<Called>,
        circumstances: Circumstances,
    ) -> Completion {
        let prompt_tokens = task.prompt.tokens.len();
        self.warn_if_cut(&task, &generated, circumstances.context);
        let choices = self.choices(&task.sampling, &generated);
        let scored: usize = task.labels.iter().map(Vec::len).sum();
        let (tool_calls, tool_error) =
            called.map_or_else(Default::default, |called| (called.calls, called.error));
        let messages = self.conversation(&task.job, &generated, &tool_calls);
        let request = self.kept_request(&mut task.job, &task.chosen, &task.sampling);
        let usage = usage(prompt_tokens, &generated, scored);
        let Generated {
            prefill,
            first_token,
            whole,
            busy,
            forced_tokens,
            ..
        } = generated;
        let best = Choice::best(&choices);
        let is_json = task
            .sampling
            .structured_output
            .as_ref()
            .is_some_and(StructuredOutput::is_json);
        let model = self.identity(&task.job, &task.chosen);
        let metrics = Metrics::measured(&usage, prefill, first_token, whole);
        Completion {
            schema_version: SchemaVersion::default(),
            id: task.job.id,
            line: task.job.line,
            json: is_json.then(|| Json::parse(&generated.text).ok()).flatten(),
            text: best.map_or(generated.text, |best| best.text.clone()),
            logprobs: match best {
                Some(best) => best.logprobs.clone(),
                None => self.logprobs(&task.sampling, &generated.logprobs),
            },
            choices,
            truncated: task.truncated,
            reasoning_content: self.kept(generated.reasoning),
            messages,
            finish_reason: match generated.finish {
                Finish::Stop if !tool_calls.is_empty() => FinishReason::ToolCalls,
                Finish::Stop => FinishReason::Stop,
                Finish::Length => FinishReason::Length,
                Finish::Repetition => FinishReason::Repetition,
            },
            tool_calls,
            tool_error,
            usage,
            metrics: Metrics {
                load_ms: circumstances.load.map(milliseconds),
                busy_prefill_ms: Some(milliseconds(busy.prefill)),
                busy_decode_ms: Some(milliseconds(busy.decode)),
                forced_tokens: (forced_tokens > 0).then_some(forced_tokens as u64),
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
            ignored: task.job.ignored,
            build: circumstances.build,
        }
    }

    /// Returns the conversation with the answer as its last turn, where that was asked for.
    fn conversation(&self, job: &Job, generated: &Generated, calls: &[ToolCall]) -> Vec<Message> {
        if !self.options.keeps_conversation {
            return Vec::new();
        }
        let mut turn = Message::new("assistant", &*generated.text);
        if !calls.is_empty() {
            turn.content = turn.content.filter(|text| !text.is_empty());
            turn.fields.insert("tool_calls".to_owned(), json!(calls));
        }
        if let Some(reasoning) = self.kept(generated.reasoning.clone()) {
            let name = "reasoning_content".to_owned();
            turn.fields.insert(name, reasoning.into());
        }
        [&job.messages[..], &[turn]].concat()
    }

    /// Returns the labels of a request, and how likely each is.
    fn choices(&self, sampling: &Sampling, generated: &Generated) -> Vec<Choice> {
        let logprobs: Vec<_> = generated.labels.iter().map(|label| label.logprob).collect();
        let mut choices = Choice::list(&sampling.choices, &logprobs);
        for (choice, label) in choices.iter_mut().zip(&generated.labels) {
            choice.logprobs = self.logprobs(sampling, &label.tokens);
        }
        choices
    }

    /// Returns how likely each of some tokens was, where that was asked for.
    fn logprobs(&self, sampling: &Sampling, tokens: &[TokenLogprobs]) -> Option<Logprobs> {
        sampling.logprobs?.count()?;
        let ranked = |token, logprob| {
            RankedToken::new(token, self.model.tokenizer.token_bytes(token), logprob)
        };
        let content = tokens.iter().map(|one| TokenLogprob {
            token: ranked(one.token, one.logprob),
            top_logprobs: one
                .top
                .iter()
                .map(|&(token, logprob)| ranked(token, logprob))
                .collect(),
        });
        Some(Logprobs {
            content: content.collect(),
        })
    }

    /// Returns the record of an answer that had to be whole and is not; nothing where it is.
    pub(crate) fn incomplete(&self, task: &Task, generated: &Generated) -> Option<Failed> {
        let is_cut = generated.is_whole == Some(false)
            || self.options.requires_complete && generated.finish == Finish::Length;
        if !is_cut {
            return None;
        }
        let tokens = generated.tokens.len();
        let sentence = match generated.finish {
            Finish::Length => format!(
                "the answer is cut at {tokens} tokens, before it was whole; -n and --ctx-size set the limits"
            ),
            Finish::Repetition => format!(
                "the answer repeats itself and was ended after {tokens} tokens, before it was whole; \
                 --stop-repetition off lets it go on"
            ),
            Finish::Stop => {
                "the answer ended before it was whole: at a text of --stop, or while the model was still thinking"
                    .to_owned()
            }
        };
        let mut failed = task.failed(ErrorCode::Incomplete, sentence);
        failed.record.text = Some(generated.text.clone());
        failed.record.usage = Some(usage(task.prompt.tokens.len(), generated, 0));
        Some(failed)
    }

    /// Returns the reasoning where records hold it.
    fn kept(&self, reasoning: String) -> Option<String> {
        let is_kept = self.options.reasoning == ReasoningTo::Records && !reasoning.is_empty();
        is_kept.then_some(reasoning)
    }

    /// Warns of an answer that ends at a limit which nobody asked for.
    fn warn_if_cut(&self, task: &Task, generated: &Generated, context: usize) {
        if generated.finish == Finish::Repetition {
            self.host.warn(&format_args!(
                "the answer to line {} repeats itself and was ended; --stop-repetition off lets it go on, and a \
                 --repeat-penalty of 1.1 may help",
                task.job.line
            ));
        }
        if generated.finish != Finish::Length {
            return;
        }
        let (line, default_max_tokens) = (task.job.line, self.options.default_max_tokens);
        let is_short = generated.tokens.len() < settings::count(task.sampling.max_tokens);
        if is_short && task.prompt.tokens.len() + generated.tokens.len() >= context {
            self.host.warn(&format_args!(
                "the answer to line {line} ends where the context of {context} tokens does"
            ));
        } else if generated.text.is_empty() && generated.reasoning_tokens > 0 {
            self.host.warn(&format_args!(
                "line {line} has no answer, because the model still thinks after {}; -n sets the limit",
                counted(generated.tokens.len(), "token", "tokens")
            ));
        } else if task.sampling.max_tokens == default_max_tokens {
            self.host.warn(&format_args!(
                "the answer to line {line} is cut at {default_max_tokens} tokens; -n sets the limit"
            ));
        }
    }
}

/// Returns what an answer took, with the tokens of labels that were scored.
fn usage(prompt_tokens: usize, generated: &Generated, scored: usize) -> Usage {
    let usage = Usage::new(
        prompt_tokens as u64,
        (generated.tokens.len() + scored) as u64,
        generated.cached_tokens as u64,
    );
    usage.with_reasoning(generated.reasoning_tokens as u64)
}

/// Returns the error code that records have for an error.
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
