//! Messages to prompt text, by the chat template that a model brings along.
//!
//! Templates are written for Jinja2 as Hugging Face's `apply_chat_template`
//! sets it up; [`ChatTemplate`] renders them with minijinja set up alike, if
//! need be in a process of its own ([`RenderProcess`]), since no fuel bounds a
//! hostile one. What the caller says is kept apart from the template's own
//! markup ([`Guard`]), and what the model thinks from what it answers
//! ([`reasoning`]). Turning the text into ids is left to
//! [`Tokenizer::encode_prompt`](llm_tokenizer::Tokenizer::encode_prompt), which
//! takes care that BOS stands there once.
//!
//! ```
//! use llm_prompt::{ChatTemplate, Conversation, MarkupTexts, Message};
//!
//! let source = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}";
//! let template = ChatTemplate::new(source)?;
//! let conversation = Conversation::new(&[Message::new("user", "Hi!")]);
//! let prompt = template.render(&conversation, MarkupTexts::default())?;
//! assert_eq!(prompt, "<|user|>Hi!<|end|>");
//! # Ok::<(), llm_prompt::TemplateError>(())
//! ```

#![forbid(unsafe_code)]

mod arrival;
mod attempt;
mod conversation;
mod guard;
mod iteration;
mod json;
mod limits;
mod order;
mod process;
mod jinja_compat;
mod strftime;
pub mod reasoning;
mod templates;
mod template_literals;

use std::sync::Arc;

use minijinja::Environment;

use llm_gguf::ValueError;
use llm_tokenizer::cancel::{Cancellation, Cancelled};

use limits::{FUEL, Limited, on_large_stack};
use order::Order;
use reasoning::Markers;
use template_literals::TemplateLiterals;

pub use attempt::{ContentFormat, Rendering};
pub use conversation::{Conversation, Message};
pub use guard::{Guard, Rendered};
pub use limits::LONGEST_SOURCE;
pub use process::{RenderProcess, serve};
pub use templates::{ChatTemplates, DEFAULT_TEMPLATE, TEMPLATE_KEY, TemplateChoice};

/// The texts of a tokenizer's markup that templates refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MarkupTexts<'a> {
    /// Beginning of a sequence, `bos_token` in templates.
    pub bos: &'a str,
    /// End of a sequence, `eos_token` in templates.
    pub eos: &'a str,
}

/// Why there is no prompt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The source is not a template.
    #[error("the chat template cannot be read: {reason}; --chat-template FILE gives another")]
    Syntax {
        /// What the parser says, with the line.
        reason: String,
    },
    /// There is nothing in it.
    #[error(
        "the chat template is empty; --chat-template FILE gives another, --no-template takes the text as it is"
    )]
    Empty,
    /// There are templates with names, and none for this request.
    #[error(
        "of its chat templates ('{names}') none is the default; --chat-template FILE gives one, --no-template takes the text as it is"
    )]
    NoDefault {
        /// The names, quotes between them.
        names: String,
    },
    /// What stands in the template's place is no text.
    #[error("{0}, or give another template with --chat-template FILE")]
    Metadata(#[from] ValueError),
    /// The template itself rejects the messages (`raise_exception`).
    #[error("the chat template refuses these messages: {message}")]
    Refused {
        /// The template's own words.
        message: String,
    },
    /// The conversation holds every private character of Unicode, so that none
    /// is left to mark the caller's words with.
    #[error(
        "the conversation uses all private characters of Unicode (U+E000 to U+F8FF); leave some out, or let its markup count with --parse-special"
    )]
    Marks,
    /// The template looks into the messages in a way that does not let the
    /// caller's words be marked.
    #[error(
        "the text of the messages cannot be told from the chat template's own markup ({reason}); --parse-special renders it without, --chat-template FILE gives another"
    )]
    Opaque {
        /// What becomes of the attempt.
        reason: String,
    },
    /// A text of the conversation is not in what the template makes of it.
    #[error(
        "the chat template leaves out {what}; leave that out, or take a model or a --chat-template FILE that has a place for it"
    )]
    LeftOut {
        /// The text's place.
        what: String,
    },
    /// The template takes more than a rendering may.
    #[error("the chat template {reason}; --chat-template FILE gives another")]
    Exhausted {
        /// What it takes.
        reason: String,
    },
    /// The process that renders templates cannot be used.
    #[error("the chat template cannot be rendered in a process of its own: {reason}")]
    Process {
        /// What the system says.
        reason: String,
    },
    /// The prompt was no longer wanted while it was made.
    #[error("the prompt was not ready: {0}")]
    Cancelled(Cancelled),
    /// The template runs into an error.
    #[error("the chat template fails: {reason}; --chat-template FILE gives another")]
    Render {
        /// What the renderer says, with the line.
        reason: String,
    },
}

impl TemplateError {
    /// Returns whether it is in vain to ask the template for something else.
    fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Exhausted { .. } | Self::Process { .. } | Self::Cancelled(_)
        )
    }
}

/// A parsed chat template.
#[derive(Debug, Clone)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    source: String,
    words: TemplateLiterals,
    /// How the model marks its reasoning.
    markers: Option<Markers>,
    /// Where it is rendered; `None` stands for this process.
    process: Option<Arc<RenderProcess>>,
}

/// The template's name in the environment and in error messages.
const NAME: &str = "chat template";

impl ChatTemplate {
    /// Parses the source of a template.
    ///
    /// # Errors
    /// Text that is not a Jinja template.
    pub fn new(source: &str) -> Result<Self, TemplateError> {
        let syntax = |error: minijinja::Error| TemplateError::Syntax {
            reason: error.to_string(),
        };
        limits::check(source)?;
        let text = jinja_compat::with_line_feeds(source);
        if text.trim().is_empty() {
            return Err(TemplateError::Empty);
        }
        let environment = on_large_stack(|| {
            let mut environment = Environment::new();
            jinja_compat::set_up(&mut environment).map_err(syntax)?;
            environment.set_fuel(Some(FUEL));
            let source = jinja_compat::with_own_tags(&text);
            environment
                .add_template_owned(NAME, source)
                .map_err(syntax)?;
            Ok(environment)
        })?;
        Ok(Self {
            environment,
            source: source.to_string(),
            words: TemplateLiterals::of_source(&text),
            markers: Markers::find(&text),
            process: None,
        })
    }

    /// Returns how the model marks its reasoning, by the template's source;
    /// `None` where it knows no reasoning.
    pub fn markers(&self) -> Option<&Markers> {
        self.markers.as_ref()
    }

    /// Returns the template's source, for digests and records.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Sets the time that `strftime_now` tells, which is else the local time of
    /// each rendering.
    #[must_use]
    pub fn at(mut self, time: jiff::Zoned) -> Self {
        jinja_compat::set_time(&mut self.environment, Some(time));
        self
    }

    /// Has the template rendered in another process, which bounds the time and
    /// the memory that a hostile one takes. Without it, only steps are counted:
    /// enough for templates that are known.
    #[must_use]
    pub fn in_process(self, process: Arc<RenderProcess>) -> Self {
        Self {
            process: Some(process),
            ..self
        }
    }

    /// Renders a conversation.
    ///
    /// # Errors
    /// Messages that the template refuses, or an error inside the template.
    pub fn render(
        &self,
        conversation: &Conversation,
        markup: MarkupTexts<'_>,
    ) -> Result<String, TemplateError> {
        self.render_within(conversation, markup, &Cancellation::default())
    }

    /// Does the same as long as it is wanted; a rendering in this process cannot
    /// be broken off.
    ///
    /// # Errors
    /// As [`ChatTemplate::render`]; [`TemplateError::Cancelled`].
    pub fn render_within(
        &self,
        conversation: &Conversation,
        markup: MarkupTexts<'_>,
        cancellation: &Cancellation,
    ) -> Result<String, TemplateError> {
        match &self.process {
            None => on_large_stack(|| self.render_here(conversation, markup)),
            Some(process) => {
                let order = Order::new(&self.source, conversation, markup);
                process.render(&order, cancellation)
            }
        }
    }

    fn render_here(
        &self,
        conversation: &Conversation,
        markup: MarkupTexts<'_>,
    ) -> Result<String, TemplateError> {
        let values = order::variables(conversation, markup);
        let template = self.environment.get_template(NAME);
        template
            .and_then(|template| {
                let mut text = Limited::default();
                template.render_captured_to(values, &mut text)?;
                Ok(text.into_string())
            })
            .map_err(|error| match jinja_compat::refusal(&error) {
                Some(message) => TemplateError::Refused { message },
                None => TemplateError::Render {
                    reason: with_causes(&error),
                },
            })
    }
}

/// Returns what the renderer says, and what it says of the causes.
fn with_causes(error: &minijinja::Error) -> String {
    let mut reason = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        reason.push_str(": ");
        reason.push_str(&inner.to_string());
        cause = inner.source();
    }
    reason
}

#[cfg(test)]
mod tests;
