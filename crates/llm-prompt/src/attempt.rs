//! The forms in which a conversation can be given to a template, tried until
//! all that it says arrives.

use super::{ChatTemplate, Conversation, Guard, MarkupTexts, Message, Rendered, TemplateError};
use llm_tokenizer::cancel::Cancellation;

/// How a template takes what a turn says; the names are those of vLLM's
/// `chat_template_content_format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContentFormat {
    /// As a text.
    #[default]
    String,
    /// As a list of parts, each with its `type` and `text`.
    OpenAi,
}

/// What decides how a conversation is rendered, beside the template.
#[derive(Debug, Clone, Copy)]
pub struct Rendering<'a> {
    /// The texts of the tokenizer's markup.
    pub markup: MarkupTexts<'a>,
    /// What keeps markup in messages apart; `None` where it counts as markup.
    pub guard: Option<&'a Guard>,
    /// The form of contents that is tried first.
    pub format: ContentFormat,
    /// Ends it early.
    pub cancellation: &'a Cancellation,
}

impl ChatTemplate {
    /// Finds out in which form the template takes what a turn says: as a text,
    /// if that arrives.
    ///
    /// # Errors
    /// A template that takes too much time or memory.
    pub fn content_format(&self, markup: MarkupTexts<'_>) -> Result<ContentFormat, TemplateError> {
        const PROBE: &str = "Wherefore?";
        let text = Conversation::new(&[Message::new("user", PROBE)]);
        let rendering = Rendering {
            markup,
            guard: None,
            format: ContentFormat::String,
            cancellation: &Cancellation::default(),
        };
        let arrives = |conversation| match self.render_form(conversation, rendering) {
            Ok(_) => Ok(true),
            Err(error) if error.is_final() => Err(error),
            Err(_) => Ok(false),
        };
        let takes_parts = !arrives(&text)? && arrives(&text.with_parts())?;
        Ok(if takes_parts {
            ContentFormat::OpenAi
        } else {
            ContentFormat::String
        })
    }

    /// Renders a conversation in the first form in which all of it arrives: the
    /// arguments of tool calls as maps or as they came, contents as texts or as
    /// lists of parts.
    ///
    /// # Errors
    /// Of the first form, what goes wrong or does not arrive.
    pub fn render_whole(
        &self,
        conversation: &Conversation,
        rendering: Rendering<'_>,
    ) -> Result<Rendered, TemplateError> {
        let mut first = None;
        for form in forms(conversation, rendering.format) {
            match self.render_form(&form, rendering) {
                Ok(rendered) => return Ok(rendered),
                Err(error) if error.is_final() => return Err(error),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.unwrap_or(TemplateError::Marks))
    }

    fn render_form(
        &self,
        conversation: &Conversation,
        rendering: Rendering<'_>,
    ) -> Result<Rendered, TemplateError> {
        let Rendering {
            markup,
            guard,
            cancellation,
            ..
        } = rendering;
        let rendered = match guard {
            Some(guard) => self.render_guarded_within(conversation, markup, guard, cancellation)?,
            None => Rendered {
                text: self.render_within(conversation, markup, cancellation)?,
                foreign: Vec::new(),
            },
        };
        self.check_arrival(conversation, &rendered, markup, cancellation)?;
        if conversation.has_parts() && shows_parts(&rendered.text) {
            return Err(TemplateError::LeftOut {
                what: "that a turn is made of parts".to_owned(),
            });
        }
        Ok(rendered)
    }
}

/// Returns whether a template has printed a part as the value that it is, in
/// Python's way or JSON's: it takes texts, and would print anything.
fn shows_parts(rendered: &str) -> bool {
    let squeezed: String = rendered.split_whitespace().collect();
    ["'type':'text'", "\"type\":\"text\""]
        .iter()
        .any(|part| squeezed.contains(part))
}

/// Returns the forms of a conversation, the likeliest first; at least one. Those
/// with another role are last: it is the same to OpenAI's API, and not to a
/// template that knows it.
fn forms(conversation: &Conversation, format: ContentFormat) -> Vec<Conversation> {
    let mut texts: Vec<_> = conversation.with_parsed_arguments().into_iter().collect();
    texts.push(conversation.clone());
    let parts: Vec<_> = texts.iter().map(Conversation::with_parts).collect();
    let mut forms = match format {
        ContentFormat::String => [texts, parts].concat(),
        ContentFormat::OpenAi => [parts, texts].concat(),
    };
    let others = forms.iter().filter_map(Conversation::with_system_turns);
    let others: Vec<_> = others.collect();
    forms.extend(others);
    forms
}
