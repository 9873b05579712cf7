//! A request's conversation → the text and the tokens that the model gets, and
//! what tells its reasoning from its answer.

use std::ops::Range;

use anyhow::{Result, bail};
use llm_cli::Job;
use llm_cli::args::{TemplateArgs, Think};
use llm_engine::model::Model;
use llm_engine::prompt::reasoning::{Markers, Splitter};
use llm_engine::prompt::{
    ChatTemplate, Conversation, Guard, MarkupTexts, Message, Rendered, TemplateError, Thinking,
};
use llm_record::{ErrorCode, ErrorRecord};
use serde_json::{Map, Value};

/// What is the same for all prompts of a run.
#[derive(Debug)]
pub(crate) struct Prompts {
    /// Keeps a caller's markup text; `None` where it counts as markup.
    guard: Option<Guard>,
    /// The template's variables that `--think` sets.
    variables: Map<String, Value>,
    markers: Option<Markers>,
    bos: String,
    eos: String,
}

/// A prompt, ready for the model.
#[derive(Debug, Default)]
pub(crate) struct Prompt {
    pub(crate) text: String,
    pub(crate) tokens: Vec<u32>,
    pub(crate) splitter: Splitter,
    /// Bytes of `text` that are not the template's own.
    foreign: Vec<Range<usize>>,
}

impl Prompt {
    /// Returns the bytes of the text that are not the template's own.
    pub(crate) fn foreign(&self) -> &[Range<usize>] {
        &self.foreign
    }
}

/// Refuses tools that the model would never hear of.
fn check_tools(template: Option<&ChatTemplate>, job: &Job) -> Result<(), Box<ErrorRecord>> {
    let tools = job.tools.as_ref().and_then(Value::as_array);
    let has_place = template.is_some_and(|template| template.source().contains("tools"));
    if has_place || tools.is_none_or(Vec::is_empty) {
        return Ok(());
    }
    Err(Box::new(job.failed(
        ErrorCode::UnsupportedField,
        "the model's chat template has no place for 'tools', so the model would not know of them; leave them out, \
         or take a model that calls tools",
    )))
}

impl Prompts {
    /// Reads what the arguments and the model's template say about prompts.
    pub(crate) fn new(args: &TemplateArgs, model: &Model) -> Result<Self> {
        let template = model.template.as_ref();
        let source = template.map_or("", ChatTemplate::source);
        let mut prompts = Self {
            guard: (!args.parse_special).then(|| Guard::new(&model.tokenizer, source)),
            variables: Map::new(),
            markers: None,
            bos: model.tokenizer.bos_text(),
            eos: model.tokenizer.eos_text(),
        };
        if let Some(template) = &model.template {
            prompts.markers = Markers::find(template.source());
        }
        if let Some(think) = args.think {
            let thinking = match think {
                Think::On => Thinking::On,
                Think::Off => Thinking::Off,
            };
            let found = template.and_then(|one| one.thinking(thinking, prompts.markup()));
            let Some(variables) = found else {
                bail!(
                    "--think has nothing to turn on or off, because the model's chat template has no switch for thinking; leave it out"
                );
            };
            prompts.variables = variables;
        }
        Ok(prompts)
    }

    /// Returns what keeps a caller's markup text, where something does.
    pub(crate) fn guard(&self) -> Option<&Guard> {
        self.guard.as_ref()
    }

    fn markup(&self) -> MarkupTexts<'_> {
        MarkupTexts {
            bos: &self.bos,
            eos: &self.eos,
        }
    }

    /// Renders a request's conversation and cuts it into tokens.
    pub(crate) fn make(&self, model: &Model, job: &Job) -> Result<Prompt, Box<ErrorRecord>> {
        let tokenizer = &model.tokenizer;
        let template = model.template.as_ref().filter(|_| !job.is_raw);
        check_tools(template, job)?;
        let Some(template) = template else {
            let text = job.text();
            return Ok(Prompt {
                tokens: tokenizer.encode(&text, true, self.guard.is_none()),
                text,
                splitter: Splitter::default(),
                foreign: Vec::new(),
            });
        };
        let rendered = self
            .render(template, job)
            .map_err(|error| Box::new(job.failed(ErrorCode::TemplateFailed, error.to_string())))?;
        let marks = self.guard.as_ref().map_or(&[][..], Guard::marks);
        Ok(Prompt {
            tokens: tokenizer.encode_prompt_with_marks(&rendered.text, &rendered.foreign, marks),
            splitter: Splitter::new(self.markers.clone(), &rendered.text),
            text: rendered.text,
            foreign: rendered.foreign,
        })
    }

    /// Returns the tokens with which a label goes on from a prompt: those that its text has there, or,
    /// where the two would grow together, those that it has alone. Markup in it is text.
    pub(crate) fn continuation(&self, model: &Model, prompt: &Prompt, label: &str) -> Vec<u32> {
        let tokenizer = &model.tokenizer;
        let whole = format!("{}{label}", prompt.text);
        let tokens = match (&model.template, &self.guard) {
            (Some(_), guard) => {
                let mut foreign = prompt.foreign.clone();
                foreign.push(prompt.text.len()..whole.len());
                let marks = guard.as_ref().map_or(&[][..], Guard::marks);
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

    /// Renders the conversation with the arguments of its tool calls as maps,
    /// or as they came where the template puts them together as texts.
    fn render(&self, template: &ChatTemplate, job: &Job) -> Result<Rendered, TemplateError> {
        let messages = job.messages.iter().map(|message| Message {
            role: message.role.clone(),
            content: message.content.clone(),
            fields: message.fields.clone(),
        });
        let messages: Vec<_> = messages.collect();
        let mut given = Conversation::new(&messages).with_tools(job.tools.clone());
        given.variables.clone_from(&self.variables);
        let parsed = given.with_parsed_arguments();
        match parsed.map(|parsed| self.render_one(template, &parsed)) {
            Some(Ok(rendered)) => Ok(rendered),
            // The sentence about the maps is the better one where both fail.
            Some(Err(error)) => self.render_one(template, &given).or(Err(error)),
            None => self.render_one(template, &given),
        }
    }

    fn render_one(
        &self,
        template: &ChatTemplate,
        conversation: &Conversation,
    ) -> Result<Rendered, TemplateError> {
        match &self.guard {
            Some(guard) => template.render_guarded(conversation, self.markup(), guard),
            None => Ok(Rendered {
                text: template.render(conversation, self.markup())?,
                foreign: Vec::new(),
            }),
        }
    }
}
