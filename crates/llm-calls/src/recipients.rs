//! Messages that begin with whom they are for: `>>>name`, a line break and the arguments, or `>>>all` and a text.

use crate::ToolCall;
use crate::literal::Literal;
use crate::parse::{Reading, Step, done};

/// Begins a message.
pub(crate) const MARK: &str = ">>>";

/// The user and everybody else.
const ALL: &str = "all";

/// Reads one call, or passes the beginning of a text.
pub(crate) fn read(reading: Reading<'_>, at: usize) -> Step<Vec<ToolCall>> {
    let at = done!(reading.expect(&Literal::new(MARK), at)).1;
    let Some(length) = reading.rest(at).find('\n') else {
        return reading.cut("message");
    };
    let name = reading.rest(at)[..length].trim();
    let end = at + length + 1;
    if name == ALL {
        return Step::Done(Vec::new(), end);
    }
    let (arguments, end) = done!(reading.object(end));
    let call = ToolCall {
        id: None,
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    };
    Step::Done(vec![call], end)
}
