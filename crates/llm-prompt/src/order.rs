//! What a rendering needs and what comes of it, in a form that can be handed to
//! another process.

use std::borrow::Cow;

use minijinja::{Value, context};
use serde::{Deserialize, Serialize};

use super::{Conversation, MarkupTexts, TemplateError};

/// A template's source and what it is to render.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order<'a> {
    pub(super) source: Cow<'a, str>,
    pub(super) conversation: Cow<'a, Conversation>,
    bos: Cow<'a, str>,
    eos: Cow<'a, str>,
}

impl<'a> Order<'a> {
    pub(super) fn new(
        source: &'a str,
        conversation: &'a Conversation,
        markup: MarkupTexts<'a>,
    ) -> Self {
        Self {
            source: Cow::Borrowed(source),
            conversation: Cow::Borrowed(conversation),
            bos: Cow::Borrowed(markup.bos),
            eos: Cow::Borrowed(markup.eos),
        }
    }

    /// Returns the texts of the tokenizer's markup.
    pub(super) fn markup(&self) -> MarkupTexts<'_> {
        MarkupTexts {
            bos: &self.bos,
            eos: &self.eos,
        }
    }
}

/// What comes of an order.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// The text.
    Text(String),
    /// What the template has said to `raise_exception`.
    Refused(String),
    /// What went wrong in it.
    Failed(String),
}

impl From<Result<String, TemplateError>> for Reply {
    fn from(result: Result<String, TemplateError>) -> Self {
        match result {
            Ok(text) => Self::Text(text),
            Err(TemplateError::Refused { message }) => Self::Refused(message),
            Err(TemplateError::Render { reason } | TemplateError::Syntax { reason }) => {
                Self::Failed(reason)
            }
            Err(error) => Self::Failed(error.to_string()),
        }
    }
}

impl From<Reply> for Result<String, TemplateError> {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Text(text) => Ok(text),
            Reply::Refused(message) => Err(TemplateError::Refused { message }),
            Reply::Failed(reason) => Err(TemplateError::Render { reason }),
        }
    }
}

/// Returns the variables that a template sees: the names that transformers
/// always passes, of which absent ones are None there and not undefined, since
/// templates test for either, and the template's own.
pub(super) fn variables(conversation: &Conversation, markup: MarkupTexts<'_>) -> Value {
    let values = context! {
        messages => conversation.messages(),
        tools => conversation.tools(),
        add_generation_prompt => conversation.add_generation_prompt,
        bos_token => markup.bos,
        eos_token => markup.eos,
        documents => (),
    };
    if conversation.variables.is_empty() {
        return values;
    }
    context! { ..conversation.variables(), ..values }
}
