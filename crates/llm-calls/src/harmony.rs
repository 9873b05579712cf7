//! Harmony's calls: messages to a function, whose name stands in the header
//! (<https://developers.openai.com/cookbook/articles/openai-harmony>).

use crate::ToolCall;
use crate::literal::Literal;
use crate::parse::{Reading, Step, done};

/// Names the function in a header.
const TO: &str = "to=functions.";

/// Ends a header.
const MESSAGE: &str = "<|message|>";

/// What headers of calls begin with.
pub(crate) const TRIGGERS: [&str; 3] = [
    "<|start|>assistant to=functions.",
    "<|channel|>commentary to=functions.",
    TO,
];

/// Reads one call, from somewhere in its header on.
pub(crate) fn read(reading: Reading<'_>, at: usize) -> Step<Vec<ToolCall>> {
    let Some(length) = reading.rest(at).find(MESSAGE) else {
        return reading.cut("message");
    };
    let header = &reading.rest(at)[..length];
    let Some(name) = header.find(TO) else {
        return Step::Bad("its header names no function".to_owned());
    };
    let (name, _) = done!(reading.name(at + name + TO.len()));
    let body = at + length + MESSAGE.len();
    let is_empty = |rest: &str| rest.is_empty() && reading.is_over || rest.starts_with("<|");
    let (arguments, mut at) = if is_empty(reading.rest(body).trim_start()) {
        ("{}", body)
    } else {
        done!(reading.object(body))
    };
    for mark in ["<|call|>", "<|end|>"] {
        at = done!(reading.pass(&Literal::new(mark), at)).1;
    }
    let call = ToolCall {
        id: None,
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    };
    Step::Done(vec![call], at)
}
