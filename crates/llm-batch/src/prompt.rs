//! A request's conversation → the text and the tokens that the model gets, and
//! what tells its reasoning from its answer.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use anyhow::{Result, bail};
use llm_calls::{Offered, Syntax};
use llm_engine::model::Model;
use llm_prompt::reasoning::Splitter;
use llm_prompt::{
    ChatTemplate, ContentFormat, Conversation, Guard, MarkupTexts, Message, RenderProcess,
    Rendered, Rendering, TemplateError, reasoning::ReasoningSwitch,
};
use llm_record::{ErrorCode, Failed, Job};
use llm_tokenizer::Marked;
use llm_tokenizer::cancel::{Cancellation, Cancelled};
use serde_json::{Map, Value};

use crate::calls::CallFormat;

/// How prompts are made of requests.
#[derive(Debug, Clone, Copy, Default)]
pub struct PromptOptions {
    /// Markup in a caller's text counts as markup, and not as text.
    pub parse_special: bool,
    /// Whether the model is to think; `None` leaves it to its template.
    pub thinking: Option<ReasoningSwitch>,
}

/// What is the same for all prompts of a run.
#[derive(Debug)]
pub struct Prompts {
    /// For requests without tools; an error where the model has templates, but none for
    /// such requests.
    plain: Result<Dialect, TemplateError>,
    /// For requests with tools, where the model has a template for them.
    tools: Option<Dialect>,
    bos: String,
    eos: String,
}

/// A chat template, and what is the same for every prompt that it renders.
#[derive(Debug)]
struct Dialect {
    /// `None` where prompts go to the model without a template.
    template: Option<ChatTemplate>,
    /// Keeps markup in a caller's text from counting as markup; `None` where it is to count.
    guard: Option<Guard>,
    /// The template's variables that turn thinking on or off.
    variables: Map<String, Value>,
    format: ContentFormat,
    /// How the model writes its calls; found out by the first request with tools.
    syntax: OnceLock<Option<Arc<Syntax>>>,
}

/// A prompt, ready for the model.
#[derive(Debug, Default)]
pub struct Prompt {
    /// What the model reads.
    pub text: String,
    /// Its tokens.
    pub tokens: Vec<u32>,
    /// Separates the reasoning in the answer from the rest.
    pub(crate) splitter: Splitter,
    /// How calls of tools in the answer are read, where some were offered.
    pub(crate) calls: Option<CallFormat>,
    /// Bytes of `text` that are not the template's own.
    foreign: Vec<Range<usize>>,
}

impl Prompt {
    /// Returns the bytes of the text that are not the template's own.
    pub(crate) fn foreign(&self) -> &[Range<usize>] {
        &self.foreign
    }
}

/// Refuses tools that the template would not pass on to the model.
fn check_tools(template: Option<&ChatTemplate>, job: &Job) -> Result<(), Failed> {
    let has_place = template.is_some_and(|template| template.source().contains("tools"));
    if has_place || !has_tools(job) {
        return Ok(());
    }
    Err(job.failed(
        ErrorCode::UnsupportedField,
        "the model's chat template has no place for 'tools', so the model would not know of them; leave them out, \
         or take a model that calls tools",
    ))
}

fn has_tools(job: &Job) -> bool {
    let tools = job.tools.as_ref().and_then(Value::as_array);
    tools.is_some_and(|tools| !tools.is_empty())
}

/// Returns the record of a request whose prompt cannot be made.
fn failed(job: &Job, error: &TemplateError) -> Failed {
    let code = match error {
        TemplateError::Cancelled(Cancelled::TimedOut) => ErrorCode::Timeout,
        _ => ErrorCode::TemplateFailed,
    };
    job.failed(code, error.to_string())
}

impl Dialect {
    fn new(
        options: PromptOptions,
        model: &Model,
        template: Option<ChatTemplate>,
        markup: MarkupTexts<'_>,
    ) -> Result<Self> {
        let source = template.as_ref().map_or("", ChatTemplate::source);
        let mut dialect = Self {
            guard: (!options.parse_special).then(|| Guard::new(&model.tokenizer, source)),
            variables: Map::new(),
            format: ContentFormat::default(),
            template: None,
            syntax: OnceLock::new(),
        };
        if let Some(template) = &template {
            dialect.format = template.content_format(markup)?;
        }
        if let Some(thinking) = options.thinking {
            let variables = template
                .as_ref()
                .map(|template| template.reasoning_variables(thinking, markup))
                .transpose()?
                .flatten();
            let Some(variables) = variables else {
                bail!(
                    "--think has nothing to turn on or off, because the model's chat template has no switch for thinking; leave it out"
                );
            };
            dialect.variables = variables;
        }
        Ok(Self {
            template,
            ..dialect
        })
    }
}

impl Dialect {
    /// Returns how the model writes its calls.
    fn syntax(&self, template: &ChatTemplate, markup: MarkupTexts<'_>) -> Option<Arc<Syntax>> {
        let syntax = self
            .syntax
            .get_or_init(|| Syntax::of(template, markup).map(Arc::new));
        syntax.clone()
    }
}

impl Prompts {
    /// Reads what the model's templates say about prompts; they are rendered by `process`.
    ///
    /// # Errors
    /// A template that cannot be rendered, or one without a switch for thinking.
    pub(crate) fn new(
        options: PromptOptions,
        model: &Model,
        process: &Arc<RenderProcess>,
    ) -> Result<Self> {
        let (bos, eos) = (model.tokenizer.bos_text(), model.tokenizer.eos_text());
        let markup = MarkupTexts {
            bos: &bos,
            eos: &eos,
        };
        let templates = model.templates.clone().in_process(process);
        let dialect = |template| Dialect::new(options, model, template, markup);
        let tools = templates.for_tools().cloned();
        Ok(Self {
            tools: tools.map(|tools| dialect(Some(tools))).transpose()?,
            plain: match templates.for_request(false) {
                Ok(plain) => Ok(dialect(plain.cloned())?),
                Err(error) => Err(error),
            },
            bos,
            eos,
        })
    }

    /// Returns how a request is rendered.
    fn dialect(&self, job: &Job) -> Result<&Dialect, Failed> {
        let tools = self.tools.as_ref().filter(|_| has_tools(job));
        match (tools, &self.plain) {
            (Some(tools), _) => Ok(tools),
            (None, Ok(plain)) => Ok(plain),
            (None, Err(error)) => Err(failed(job, error)),
        }
    }

    /// Returns the template that renders a request; none where its text is taken as
    /// it is.
    pub(crate) fn template(&self, job: &Job) -> Result<Option<&ChatTemplate>, Failed> {
        let dialect = self.dialect(job)?;
        Ok(dialect.template.as_ref().filter(|_| !job.is_raw))
    }

    /// Returns what keeps markup in a request's text from counting; `None` where it is to count.
    pub(crate) fn guard(&self, job: &Job) -> Option<&Guard> {
        self.dialect(job).ok()?.guard.as_ref()
    }

    fn markup(&self) -> MarkupTexts<'_> {
        MarkupTexts {
            bos: &self.bos,
            eos: &self.eos,
        }
    }

    /// Renders a request's conversation and tokenizes it.
    pub(crate) fn make(
        &self,
        model: &Model,
        job: &Job,
        cancellation: &Cancellation,
    ) -> Result<Prompt, Failed> {
        let tokenizer = &model.tokenizer;
        let dialect = self.dialect(job)?;
        let template = self.template(job)?;
        check_tools(template, job)?;
        let Some(template) = template else {
            let text = job.text();
            let parses = dialect.guard.is_none();
            let tokens = tokenizer.encode_within(&text, true, parses, cancellation);
            return Ok(Prompt {
                tokens: tokens.map_err(|error| failed(job, &error.into()))?,
                text,
                splitter: Splitter::default(),
                calls: None,
                foreign: Vec::new(),
            });
        };
        let rendering = Rendering {
            markup: self.markup(),
            guard: dialect.guard.as_ref(),
            format: dialect.format,
            cancellation,
        };
        let rendered = template
            .render_whole(&conversation(job, &dialect.variables), rendering)
            .map_err(|error| failed(job, &error))?;
        let Rendered { text, foreign } = rendered;
        let marks = dialect.guard.as_ref().map_or(&[][..], Guard::marks);
        let marked = Marked {
            text: &text,
            foreign: &foreign,
            marks,
        };
        let tokens = tokenizer.encode_prompt_within(marked, cancellation);
        let calls = has_tools(job).then(|| CallFormat {
            syntax: dialect.syntax(template, self.markup()),
            offered: Arc::new(Offered::new(
                job.tools
                    .as_ref()
                    .and_then(Value::as_array)
                    .map_or(&[], Vec::as_slice),
            )),
        });
        let splitter = Splitter::new(template.markers().cloned(), &text);
        Ok(Prompt {
            tokens: tokens.map_err(|error| failed(job, &error.into()))?,
            splitter: match &calls {
                Some(_) => splitter.with_markup(),
                None => splitter,
            },
            calls,
            text,
            foreign,
        })
    }

    /// Returns the tokens of a label that follows a prompt: those that its text has there or, where
    /// the tokenizer would merge the two, those that it has alone. Markup in a label is text.
    pub(crate) fn continuation(
        &self,
        model: &Model,
        job: &Job,
        prompt: &Prompt,
        label: &str,
    ) -> Vec<u32> {
        let tokenizer = &model.tokenizer;
        let whole = format!("{}{label}", prompt.text);
        let dialect = self.dialect(job).ok();
        let guard = dialect.and_then(|dialect| dialect.guard.as_ref());
        let tokens = match (dialect.and_then(|dialect| dialect.template.as_ref()), guard) {
            (Some(_), guard) => {
                let mut foreign = prompt.foreign.clone();
                foreign.push(prompt.text.len()..whole.len());
                let marks = guard.map_or(&[][..], Guard::marks);
                tokenizer.encode_prompt_with_marks(&whole, &foreign, marks)
            }
            (None, Some(_)) => tokenizer.encode(&whole, true, false),
            (None, None) => Vec::new(),
        };
        match tokens.strip_prefix(&prompt.tokens[..]) {
            Some(rest) if !rest.is_empty() => rest.to_vec(),
            _ => tokenizer.encode(label, false, false),
        }
    }
}

/// Returns what a request asks a template to render.
fn conversation(job: &Job, variables: &Map<String, Value>) -> Conversation {
    let messages: Vec<_> = job
        .messages
        .iter()
        .map(|message| Message {
            role: message.role.clone(),
            content: message.content.clone(),
            fields: message.fields.clone(),
        })
        .collect();
    let mut conversation = Conversation::new(&messages).with_tools(job.tools.clone());
    conversation.variables.clone_from(variables);
    conversation
}
