//! The switches that templates have for thinking: which variables a template
//! reads, and what they must hold.

use serde_json::{Map, Value as Json, json};

use super::{ChatTemplate, Conversation, MarkupTexts, Message, NAME};

/// Whether the model is to think before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thinking {
    /// It is.
    On,
    /// It is not.
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
    /// template has no such switch.
    pub fn thinking(
        &self,
        thinking: Thinking,
        markup: MarkupTexts<'_>,
    ) -> Option<Map<String, Json>> {
        let (on, off) = self.thinking_variables();
        // A variable that makes no difference is no switch.
        let conversation = Conversation::new(&[Message::new("user", "x")]);
        let rendered = |variables: &Map<String, Json>| {
            let conversation = Conversation {
                variables: variables.clone(),
                ..conversation.clone()
            };
            self.render(&conversation, markup).ok()
        };
        let (with, without) = (rendered(&on)?, rendered(&off)?);
        (with != without).then_some(match thinking {
            Thinking::On => on,
            Thinking::Off => off,
        })
    }

    fn thinking_variables(&self) -> (Map<String, Json>, Map<String, Json>) {
        let (mut on, mut off) = (Map::new(), Map::new());
        let Ok(template) = self.environment.get_template(NAME) else {
            return (on, off);
        };
        let read = template.undeclared_variables(false);
        for (name, yes, no) in switches() {
            if read.contains(name) {
                on.insert(name.into(), yes);
                off.insert(name.into(), no);
            }
        }
        let quoted = |word: &&&str| {
            [format!("'{word}'"), format!("\"{word}\"")]
                .iter()
                .any(|quoted| self.source.contains(quoted))
        };
        if read.contains("reasoning_effort")
            && let Some(word) = NO_EFFORT.iter().find(quoted)
        {
            on.insert("reasoning_effort".into(), "high".into());
            off.insert("reasoning_effort".into(), (*word).into());
        }
        (on, off)
    }
}
