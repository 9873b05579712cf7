//! The chat templates of a model, of which some have names.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{ChatTemplate, RenderProcess, TemplateError};
use llm_gguf::Metadata;

/// The key of the template that has no name; those with one have it behind this
/// and a dot.
pub const TEMPLATE_KEY: &str = "tokenizer.chat_template";
/// The name of the template for requests with tools, as in transformers.
const TOOL_USE: &str = "tool_use";
/// The name of the template for all others.
pub const DEFAULT_TEMPLATE: &str = "default";

/// The templates that a model brings along, or the one that is used instead.
#[derive(Debug, Clone, Default)]
pub struct ChatTemplates {
    default: Option<ChatTemplate>,
    tool_use: Option<ChatTemplate>,
    /// The names of all that have one.
    names: Vec<String>,
}

impl From<ChatTemplate> for ChatTemplates {
    fn from(template: ChatTemplate) -> Self {
        Self {
            default: Some(template),
            ..Self::default()
        }
    }
}

impl ChatTemplates {
    /// Parses the templates that a model's metadata holds; base models have none.
    ///
    /// # Errors
    /// As [`ChatTemplate::new`], also for what should be a template and is no
    /// text.
    pub fn from_gguf(metadata: &Metadata) -> Result<Self, TemplateError> {
        let mut sources = BTreeMap::new();
        for (key, _) in metadata.iter() {
            let name = match key.strip_prefix(TEMPLATE_KEY) {
                Some("") => DEFAULT_TEMPLATE,
                Some(rest) => match rest.strip_prefix('.') {
                    Some(name) => name,
                    // A list of the names.
                    None => continue,
                },
                None => continue,
            };
            if let Some(source) = metadata.string(key)? {
                sources.insert(name, source);
            }
        }
        let parsed = |name| sources.get(name).map(|source| ChatTemplate::new(source));
        Ok(Self {
            default: parsed(DEFAULT_TEMPLATE).transpose()?,
            tool_use: parsed(TOOL_USE).transpose()?,
            names: sources.keys().map(|&name| name.to_owned()).collect(),
        })
    }

    /// Returns whether there is none, so that texts are taken as they are.
    pub fn is_empty(&self) -> bool {
        self.default.is_none() && self.names.is_empty()
    }

    /// Returns the template for a request, as transformers chooses it: with
    /// tools the one for tools, if there is one, else the default. `None` where
    /// the model has no template at all.
    ///
    /// # Errors
    /// [`TemplateError::NoDefault`] where there are others, but none for this.
    pub fn for_request(&self, has_tools: bool) -> Result<Option<&ChatTemplate>, TemplateError> {
        let special = self.tool_use.as_ref().filter(|_| has_tools);
        match special.or(self.default.as_ref()) {
            None if !self.names.is_empty() => Err(TemplateError::NoDefault {
                names: self.names.join("', '"),
            }),
            template => Ok(template),
        }
    }

    /// Returns the template that is for requests with tools alone, if there is one.
    pub fn for_tools(&self) -> Option<&ChatTemplate> {
        self.tool_use.as_ref()
    }

    /// Has all of them rendered in another process, see
    /// [`ChatTemplate::in_process`].
    #[must_use]
    pub fn in_process(self, process: &Arc<RenderProcess>) -> Self {
        let within = |template: ChatTemplate| template.in_process(Arc::clone(process));
        Self {
            default: self.default.map(within),
            tool_use: self.tool_use.map(within),
            names: self.names,
        }
    }
}

/// What to do about a model's chat templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateChoice {
    /// Use the model's own, if it has any.
    Own,
    /// Use this one instead.
    Source {
        /// The template.
        source: String,
        /// The file that it was read from, for errors.
        path: Option<PathBuf>,
    },
    /// Use none: the text is taken as it is.
    None,
}

impl TemplateChoice {
    /// Returns the templates of a model with this metadata.
    ///
    /// # Errors
    /// What cannot be parsed, and the file that it stands in where that is not
    /// the model's.
    pub fn templates(
        &self,
        metadata: &Metadata,
    ) -> Result<ChatTemplates, (Option<PathBuf>, TemplateError)> {
        match self {
            Self::Own => ChatTemplates::from_gguf(metadata).map_err(|error| (None, error)),
            Self::Source { source, path } => match ChatTemplate::new(source) {
                Ok(template) => Ok(template.into()),
                Err(error) => Err((path.clone(), error)),
            },
            Self::None => Ok(ChatTemplates::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conversation, MarkupTexts};
    use llm_gguf::Value;

    fn metadata(templates: &[(&str, &str)]) -> Metadata {
        let mut metadata = Metadata::default();
        for (name, source) in templates {
            metadata.insert(
                format!("{TEMPLATE_KEY}{name}"),
                Value::String((*source).into()),
            );
        }
        metadata
    }

    fn rendered(templates: &ChatTemplates, has_tools: bool) -> Option<String> {
        let template = templates.for_request(has_tools).unwrap();
        let empty = Conversation::default();
        template.map(|one| one.render(&empty, MarkupTexts::default()).unwrap())
    }

    /// As transformers' `get_chat_template` chooses.
    #[test]
    fn a_request_with_tools_has_the_template_for_tools() {
        let none = ChatTemplates::from_gguf(&metadata(&[])).unwrap();
        assert!(none.is_empty());
        assert_eq!(rendered(&none, true), None);
        let one = ChatTemplates::from_gguf(&metadata(&[("", "x")])).unwrap();
        assert_eq!(rendered(&one, false).as_deref(), Some("x"));
        assert_eq!(rendered(&one, true).as_deref(), Some("x"));
        let two = ChatTemplates::from_gguf(&metadata(&[("", "x"), (".tool_use", "y")])).unwrap();
        assert_eq!(rendered(&two, false).as_deref(), Some("x"));
        assert_eq!(rendered(&two, true).as_deref(), Some("y"));
        let named = metadata(&[(".tool_use", "y"), (".rag", "z")]);
        let named = ChatTemplates::from_gguf(&named).unwrap();
        assert!(!named.is_empty());
        assert_eq!(rendered(&named, true).as_deref(), Some("y"));
        let error = named.for_request(false).unwrap_err().to_string();
        assert!(
            error.contains("('rag', 'tool_use') none is the default"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_text_is_no_template() {
        let mut odd = metadata(&[]);
        odd.insert(TEMPLATE_KEY, Value::Unsigned(7));
        let error = ChatTemplates::from_gguf(&odd).unwrap_err().to_string();
        assert!(error.contains("tokenizer.chat_template"), "{error}");
        assert!(ChatTemplates::from_gguf(&metadata(&[("", "{{")])).is_err());
        let empty = ChatTemplates::from_gguf(&metadata(&[("", " ")]));
        assert_eq!(empty.unwrap_err(), TemplateError::Empty);
    }
}
