//! Messages to prompt text, by the chat template that a model brings along.
//!
//! Templates are written for Jinja2 as Hugging Face's `apply_chat_template`
//! sets it up; this renders them with minijinja set up alike. What the caller
//! says is kept apart from the template's own markup ([`Guard`]), and what the
//! model thinks from what it answers ([`reasoning`]). Turning the text into ids
//! is left to `tokens`
//! ([`Tokenizer::encode_prompt`](crate::tokens::Tokenizer::encode_prompt)
//! takes care that BOS stands there once).

mod conversation;
mod guard;
mod iteration;
mod json;
mod limits;
mod python;
pub mod reasoning;
mod thinking;
mod words;

use minijinja::{Environment, context};

use crate::gguf::{Metadata, ValueError};

use limits::{FUEL, Limited, on_large_stack};
use words::Words;

pub use conversation::{Conversation, Message};
pub use guard::{Guard, Rendered};
pub use thinking::Thinking;

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
    /// What stands in the template's place is no text.
    #[error("{0}, or give another template with --chat-template FILE")]
    Metadata(#[from] ValueError),
    /// The template itself rejects the messages (`raise_exception`).
    #[error("the model's chat template refuses these messages: {message}")]
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
        "the chat template does not let what the messages say be told from its own markup ({reason}); --parse-special renders it without, --chat-template FILE gives another"
    )]
    Opaque {
        /// What becomes of the attempt.
        reason: String,
    },
    /// The template runs into an error.
    #[error("the chat template fails: {reason}; --chat-template FILE gives another")]
    Render {
        /// What the renderer says, with the line.
        reason: String,
    },
}

/// A parsed chat template.
#[derive(Debug, Clone)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    source: String,
    words: Words,
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
        let environment = on_large_stack(|| {
            let mut environment = Environment::new();
            python::set_up(&mut environment).map_err(syntax)?;
            environment.set_fuel(Some(FUEL));
            let source = python::with_own_tags(source);
            environment
                .add_template_owned(NAME, source)
                .map_err(syntax)?;
            Ok(environment)
        })?;
        Ok(Self {
            environment,
            source: source.to_string(),
            words: Words::of_source(source),
        })
    }

    /// Parses the template that a model file holds; `None` if it holds none,
    /// as base models do.
    ///
    /// # Errors
    /// As [`ChatTemplate::new`].
    pub fn from_gguf(metadata: &Metadata) -> Result<Option<Self>, TemplateError> {
        let source = metadata.string("tokenizer.chat_template")?;
        source.map(Self::new).transpose()
    }

    /// Returns the template's source, for digests and records.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Sets the time that `strftime_now` tells, which is else the local time of
    /// each rendering.
    #[must_use]
    pub fn at(mut self, time: jiff::Zoned) -> Self {
        python::set_time(&mut self.environment, Some(time));
        self
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
        on_large_stack(|| self.render_here(conversation, markup))
    }

    fn render_here(
        &self,
        conversation: &Conversation,
        markup: MarkupTexts<'_>,
    ) -> Result<String, TemplateError> {
        // The names that transformers always passes; absent ones are None
        // there, not undefined, and templates test for either.
        let mut values = context! {
            messages => conversation.messages(),
            tools => conversation.tools(),
            add_generation_prompt => conversation.add_generation_prompt,
            bos_token => markup.bos,
            eos_token => markup.eos,
            documents => (),
        };
        if !conversation.variables.is_empty() {
            values = context! { ..conversation.variables(), ..values };
        }
        let template = self.environment.get_template(NAME);
        template
            .and_then(|template| {
                let mut text = Limited::default();
                template.render_captured_to(values, &mut text)?;
                Ok(text.into_string())
            })
            .map_err(|error| match python::refusal(&error) {
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
