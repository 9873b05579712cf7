//! All lines → one request: their texts in order, a blank line between, so that what one run made of
//! many parts is put together by the next. Lines that cannot be read are closed as always.

use llm_record::{ErrorCode, ErrorRecord, Prompt, Reply, Request, Routed};

use super::PROMPT_LIMIT;
use super::request_builder::{self, RequestBuilder};
use llm_record::Item;

/// The texts so far.
#[derive(Debug, Default)]
pub(super) struct Slurp {
    text: String,
    /// How many bytes they have, or would have: beyond the limit none is added.
    length: u64,
    /// Whether a line failed, here or before.
    has_failed: bool,
}

impl Slurp {
    /// Adds a line's text; returns the record of a line that has none.
    pub(super) fn add(&mut self, builder: &RequestBuilder, mut request: Request) -> Option<Item> {
        if request.reply != Reply::Own {
            return Some(refused(&request, "a line of a batch file"));
        }
        let text = match builder.prompt(&mut request) {
            Ok((Prompt::Text(text), _)) => text,
            Ok((Prompt::Inputs(_), _)) => return Some(refused(&request, "a request for vectors")),
            Ok((Prompt::Messages(_), _)) => return Some(refused(&request, "a conversation")),
            Err(closed) => return closed,
        };
        // Without its line ends, which would make the blank line between two.
        let text = text.trim_matches(['\n', '\r']);
        if text.is_empty() {
            return None;
        }
        let between = if self.text.is_empty() { "" } else { "\n\n" };
        self.length += (between.len() + text.len()) as u64;
        if self.length <= PROMPT_LIMIT {
            self.text.push_str(between);
            self.text.push_str(text);
        }
        None
    }

    /// Tells that a line failed.
    pub(super) fn failed(&mut self) {
        self.has_failed = true;
    }

    /// Returns the joined request, or why there is none; `None` if all lines failed, which has been reported.
    pub(super) fn finish(self, builder: &RequestBuilder) -> Option<Item> {
        if self.length > PROMPT_LIMIT {
            let sentence = format!(
                "the lines together are longer than {PROMPT_LIMIT} bytes, too long for one prompt"
            );
            let record = ErrorRecord::new(1, None, ErrorCode::InputTooLong, sentence);
            return Some(Item::Failed(Box::new(Routed::own(record))));
        }
        if self.text.is_empty() && self.has_failed {
            return None;
        }
        builder.slurped(self.text)
    }
}

fn refused(request: &Request, what: &str) -> Item {
    let reason = format!(
        "{what} cannot be joined with other lines by --slurp; turn it into a text with --template"
    );
    request_builder::failed(
        request,
        ErrorCode::BadRequest,
        &request_builder::reason(request, &reason),
    )
}
