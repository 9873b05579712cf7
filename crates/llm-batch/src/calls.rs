//! The stream of an answer to a request that offers tools → its text and its calls, as records have them.

use std::sync::Arc;

use llm_calls::{Offered, Piece, Reader, Syntax};
use llm_digest::sha256_hex;
use llm_record::{FunctionCall, ToolCall, ToolKind};

/// Letters of an id: as many as the strictest of templates wants.
const ID_LENGTH: usize = 9;

/// How the calls of an answer are read.
#[derive(Debug, Clone)]
pub(crate) struct CallFormat {
    /// `None` where the template does not show how the model writes them.
    pub(crate) syntax: Option<Arc<Syntax>>,
    pub(crate) offered: Arc<Offered>,
}

/// The calls of one answer, as far as it has come.
pub(crate) struct Calls {
    reader: Option<Reader>,
    /// What ids are made from.
    name: String,
    text: String,
    calls: Vec<ToolCall>,
    reasoning: String,
}

/// What has become of an answer.
pub(crate) struct Called {
    pub(crate) text: String,
    pub(crate) calls: Vec<ToolCall>,
    pub(crate) error: Option<String>,
    /// Bytes of the reasoning that are no call.
    pub(crate) reasoning: usize,
}

/// More of an answer.
pub(crate) enum More {
    Text(String),
    Call(ToolCall),
}

impl Calls {
    /// Begins with a request of this digest, the given one of equal ones.
    pub(crate) fn new(format: &CallFormat, digest: &str, occurrence: u64) -> Self {
        let reader =
            |syntax: &Arc<Syntax>| Reader::new(Arc::clone(syntax), Arc::clone(&format.offered));
        Self {
            reader: format.syntax.as_ref().map(reader),
            name: format!("{digest} {occurrence}"),
            text: String::new(),
            calls: Vec::new(),
            reasoning: String::new(),
        }
    }

    /// Takes more of the answer and returns what is certain now.
    pub(crate) fn push(&mut self, text: &str, is_markup: bool) -> Vec<More> {
        let pieces = match &mut self.reader {
            Some(reader) => reader.push(text, is_markup),
            None if is_markup => Vec::new(),
            None => vec![Piece::Text(text.to_owned())],
        };
        self.take(pieces)
    }

    /// Takes more of what the model thinks.
    pub(crate) fn think(&mut self, text: &str) {
        self.reasoning.push_str(text);
    }

    /// Ends the answer, which a limit has cut or not, and returns what was held back.
    pub(crate) fn finish(&mut self, is_cut: bool) -> Vec<More> {
        let Some(reader) = &mut self.reader else {
            return Vec::new();
        };
        let pieces = reader.finish(is_cut);
        let mut more = self.take(pieces);
        // A call that has not waited for the end of the thought.
        let reader = self.reader.as_ref();
        if self.text.trim().is_empty()
            && self.calls.is_empty()
            && let Some((at, calls)) = reader.and_then(|reader| reader.calls_in(&self.reasoning))
        {
            self.reasoning.truncate(at);
            more.extend(self.take(calls.into_iter().map(Piece::Call).collect()));
        }
        more
    }

    fn take(&mut self, pieces: Vec<Piece>) -> Vec<More> {
        let more = pieces.into_iter().map(|piece| match piece {
            Piece::Text(text) => {
                self.text.push_str(&text);
                More::Text(text)
            }
            Piece::Call(call) => {
                let index = self.calls.len() as u64;
                let call = ToolCall {
                    index: None,
                    id: call.id.unwrap_or_else(|| made_id(&self.name, index)),
                    kind: ToolKind::Function,
                    function: FunctionCall {
                        name: call.name,
                        arguments: call.arguments,
                    },
                };
                self.calls.push(call.clone());
                More::Call(ToolCall {
                    index: Some(index),
                    ..call
                })
            }
        });
        more.collect()
    }

    /// Returns all of the answer.
    pub(crate) fn into_called(self) -> Called {
        let error = match &self.reader {
            Some(reader) => reader.error().map(str::to_owned),
            None => Some(
                "the model's chat template does not show how it writes its calls, so none is read"
                    .to_owned(),
            ),
        };
        Called {
            text: self.text,
            calls: self.calls,
            error,
            reasoning: self.reasoning.trim_end().len(),
        }
    }
}

/// Returns the id of a call for which the model has written none.
fn made_id(name: &str, index: u64) -> String {
    let digest = sha256_hex(format!("{name} {index}"));
    digest[..ID_LENGTH].to_owned()
}

#[cfg(test)]
mod tests {
    use llm_prompt::{ChatTemplate, MarkupTexts};
    use serde_json::json;

    use super::*;

    fn format(source: &str) -> CallFormat {
        let template = ChatTemplate::new(source).unwrap();
        let offered = Offered::new(&[json!({"name": "add", "parameters": {}})]);
        CallFormat {
            syntax: Syntax::of(&template, MarkupTexts::default()).map(Arc::new),
            offered: Arc::new(offered),
        }
    }

    #[test]
    fn ids_follow_from_the_request() {
        let format = format(
            "{% for m in messages %}{{ m.content or '' }}{% for c in m.tool_calls or [] %}\
            <call>{{ c.function | tojson }}</call>{% endfor %}{% endfor %}",
        );
        let calls = |digest: &str, occurrence| {
            let mut calls = Calls::new(&format, digest, occurrence);
            let call = r#"<call>{"name": "add", "arguments": {}}</call>"#;
            calls.push(&format!("So: {call}\n{call}"), false);
            calls.finish(false);
            calls.into_called()
        };
        let called = calls("d", 1);
        assert_eq!((called.text.as_str(), called.error), ("So:", None));
        let ids: Vec<_> = called.calls.iter().map(|call| call.id.clone()).collect();
        assert_ne!(ids[0], ids[1]);
        assert!(ids.iter().all(|id| id.len() == 9));
        assert_eq!(calls("d", 1).calls, called.calls);
        assert_ne!(calls("d", 2).calls[0].id, ids[0]);
        assert_ne!(calls("e", 1).calls[0].id, ids[0]);
    }

    #[test]
    fn a_template_without_calls_is_told_of() {
        let format = format("{% for m in messages %}{{ m.content }}{% endfor %}{{ tools }}");
        let mut calls = Calls::new(&format, "d", 1);
        calls.push("Hi <b>", false);
        let called = calls.into_called();
        assert_eq!(called.text, "Hi <b>");
        assert!(called.error.unwrap().contains("does not show"));
    }
}
