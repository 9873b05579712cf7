//! The switches that templates have for thinking: which variables they read,
//! and what those must hold.

use serde_json::{Map, Value as Json, json};

use crate::{ChatTemplate, Conversation, MarkupTexts, Message, TemplateError};

/// Whether the model is to reason before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasoningSwitch {
    /// Reason first.
    On,
    /// Answer at once.
    Off,
}

/// The variables that templates read and what turns thinking on and off.
fn switches() -> [(&'static str, Json, Json); 4] {
    [
        ("enable_thinking", json!(true), json!(false)),
        ("thinking", json!(true), json!(false)),
        ("thinking_mode", json!("enabled"), json!("disabled")),
        ("thinking_budget", json!(-1), json!(0)),
    ]
}

/// What `reasoning_effort` must be for no thinking, where a template knows it
/// as a word of its own; most know only degrees.
const NO_EFFORT: [&str; 3] = ["no_think", "none", "minimal"];

impl ChatTemplate {
    /// Returns the variables that turn thinking on or off, or `None` where the
    /// template has no such switch: those that make a difference to what it
    /// renders.
    ///
    /// # Errors
    /// A template that takes too much time or memory; what it refuses makes no
    /// difference.
    pub fn reasoning_variables(
        &self,
        switch: ReasoningSwitch,
        markup: MarkupTexts<'_>,
    ) -> Result<Option<Map<String, Json>>, TemplateError> {
        let rendered = |name: &str, value: &Json| {
            let mut conversation = Conversation::new(&[Message::new("user", "x")]);
            conversation.variables.insert(name.into(), value.clone());
            match self.render(&conversation, markup) {
                Ok(text) => Ok(Some(text)),
                Err(error) if error.is_final() => Err(error),
                Err(_) => Ok(None),
            }
        };
        let mut variables = Map::new();
        for (name, on, off) in switches().into_iter().chain(self.effort()) {
            if rendered(name, &on)? != rendered(name, &off)? {
                let value = match switch {
                    ReasoningSwitch::On => on,
                    ReasoningSwitch::Off => off,
                };
                variables.insert(name.into(), value);
            }
        }
        Ok((!variables.is_empty()).then_some(variables))
    }

    fn effort(&self) -> Option<(&'static str, Json, Json)> {
        let quoted = |word: &&&str| {
            let quoted = [format!("'{word}'"), format!("\"{word}\"")];
            quoted.iter().any(|quoted| self.source.contains(quoted))
        };
        let word = NO_EFFORT.iter().find(quoted)?;
        Some(("reasoning_effort", json!("high"), json!(word)))
    }
}
