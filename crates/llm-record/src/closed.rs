//! Reads back what a run has closed, so that the next one on the same output goes on where it ended:
//! one line of output → which request it closes, and how. It reads only what tells requests apart;
//! what to run again is the caller's choice.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{ErrorCode, Id};

/// How the `id` of a line in OpenAI's batch output begins; the request's digest follows.
pub(crate) const BATCH_ID: &str = "batch_req_";

/// The longest line of an output that is read, in bytes: longer than any record.
pub const LONGEST_RECORD: u64 = 256 << 20;

/// A request that a line of output closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The request's id: `id`, or `custom_id` in OpenAI's output.
    pub id: Option<Id>,
    /// The file that its text stands in, where it has no id.
    pub path: Option<String>,
    /// Where in it, in bytes, where the text is a piece.
    pub offset: Option<u64>,
    /// The request's digest, where it got one before it was closed.
    pub request_digest: Option<String>,
    /// Which of several equal requests without an id it is, from 1.
    pub occurrence: u64,
    /// Whether the request failed.
    pub is_error: bool,
    /// Why the request failed, if it did.
    pub code: Option<ErrorCode>,
}

/// Returns which request a line of output closes: one of our own `completion`, `embedding` or `error`
/// records, or a line of OpenAI's batch output. Anything else (a `delta`, another program's JSON, a
/// line that is cut or damaged) closes nothing.
#[must_use]
pub fn closed(line: &str) -> Option<Closed> {
    let probe: Probe<'_> = serde_json::from_str(line).ok()?;
    if probe.schema_version.is_some() {
        probe.own()
    } else {
        probe.batch()
    }
}

/// The fields that matter, of both forms; the rest of a line, however long, is passed over.
#[derive(Deserialize)]
struct Probe<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    schema_version: Option<u64>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    custom_id: Option<&'a RawValue>,
    request_digest: Option<String>,
    occurrence: Option<u64>,
    #[serde(borrow)]
    input: Option<Origin<'a>>,
    error: Option<Fault>,
    response: Option<Response>,
}

#[derive(Deserialize)]
struct Origin<'a> {
    #[serde(borrow)]
    path: Option<&'a RawValue>,
    #[serde(borrow)]
    offset: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Fault {
    code: Option<ErrorCode>,
}

#[derive(Deserialize)]
struct Response {
    status_code: u64,
}

impl Probe<'_> {
    fn own(self) -> Option<Closed> {
        let id = id_of(self.id)?;
        let (is_error, code) = match self.kind?.as_ref() {
            "completion" | "embedding" => (false, None),
            "error" => (true, self.error?.code),
            _ => return None,
        };
        let origin = self.input.filter(|_| id.is_none());
        let (path, offset) = origin.map_or((None, None), |origin| (origin.path, origin.offset));
        Some(Closed {
            path: path.and_then(|path| serde_json::from_str(path.get()).ok()),
            offset: offset.and_then(|offset| offset.get().parse().ok()),
            id,
            request_digest: self.request_digest,
            occurrence: self.occurrence.unwrap_or(1),
            is_error,
            code,
        })
    }

    fn batch(self) -> Option<Closed> {
        let Some(Id::Text(name)) = id_of(self.id)? else {
            return None;
        };
        let digest = name.strip_prefix(BATCH_ID)?;
        let answered = self
            .response
            .as_ref()
            .map(|response| response.status_code < 400);
        let is_error = self.error.is_some() || answered == Some(false);
        if !is_error && answered.is_none() {
            return None;
        }
        Some(Closed {
            // Another server's line has a name of its own there.
            request_digest: is_digest(digest).then(|| digest.to_owned()),
            id: id_of(self.custom_id)?,
            path: None,
            offset: None,
            occurrence: 1,
            is_error,
            code: self.error.and_then(|error| error.code),
        })
    }
}

/// Returns the id that a value is, if there is one. What is neither text nor number is no id of ours.
fn id_of(value: Option<&RawValue>) -> Option<Option<Id>> {
    match value {
        None => Some(None),
        Some(value) => Id::of_text(value.get()).map(Some),
    }
}

/// Whether a text is a SHA-256 in hexadecimal.
fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest() -> String {
        "0123456789abcdef".repeat(4)
    }

    fn text(text: &str) -> Option<Id> {
        Some(Id::Text(text.into()))
    }

    #[test]
    fn own_records_close_requests() {
        let line = r#"{"type":"completion","schema_version":1,"id":7,"line":1,"text":"x",
            "request_digest":"d","occurrence":3,"error":{"code":9}}"#;
        assert_eq!(
            closed(line),
            None,
            "a fault of the wrong kind is no record of ours"
        );
        let line = line.replace(r#","error":{"code":9}"#, "");
        let wanted = Closed {
            id: Some(Id::Number(7.into())),
            path: None,
            offset: None,
            request_digest: Some("d".into()),
            occurrence: 3,
            is_error: false,
            code: None,
        };
        assert_eq!(closed(&line), Some(wanted.clone()));
        assert_eq!(
            closed(&line.replace("completion", "embedding")),
            Some(wanted)
        );
        let line = r#"{"type":"error","schema_version":1,"line":2,
            "error":{"code":"timeout","message":"m"}}"#;
        let wanted = Closed {
            id: None,
            path: None,
            offset: None,
            request_digest: None,
            occurrence: 1,
            is_error: true,
            code: Some(ErrorCode::Timeout),
        };
        assert_eq!(closed(line), Some(wanted.clone()));
        let later = Closed {
            code: Some(ErrorCode::Unknown),
            ..wanted
        };
        assert_eq!(closed(&line.replace("timeout", "later")), Some(later));
    }

    #[test]
    fn a_request_without_an_id_is_known_by_its_file() {
        let path = |head: &str, input: &str| {
            let line = format!(
                r#"{{"type":"embedding","schema_version":1{head},"request_digest":"d","input":{input}}}"#
            );
            let closed = closed(&line).unwrap();
            assert_eq!(closed.offset.is_some(), input.contains("offset"));
            closed.path
        };
        assert_eq!(path("", r#"{"path":"a/b","offset":3}"#), Some("a/b".into()));
        assert_eq!(path(r#","id":"x""#, r#"{"path":"a/b"}"#), None);
        assert_eq!(path("", r#"{"path":7}"#), None);
        assert_eq!(path("", r#"{"text":"a"}"#), None);
    }

    #[test]
    fn lines_of_openai_close_requests() {
        let line = format!(
            r#"{{"id":"batch_req_{}","custom_id":"c","response":{{"status_code":200,"request_id":"r",
                "body":{{"id":"chatcmpl-1","error":{{}}}}}},"error":null}}"#,
            digest()
        );
        let wanted = Closed {
            id: text("c"),
            path: None,
            offset: None,
            request_digest: Some(digest()),
            occurrence: 1,
            is_error: false,
            code: None,
        };
        assert_eq!(closed(&line), Some(wanted.clone()));
        let foreign = Closed {
            request_digest: None,
            ..wanted.clone()
        };
        assert_eq!(
            closed(&line.replace(&digest(), "wnaDys")),
            Some(foreign.clone())
        );
        let refused = line.replace(&digest(), "wnaDys").replace("200", "400");
        let failed = Closed {
            is_error: true,
            ..foreign
        };
        assert_eq!(closed(&refused), Some(failed));
        let line = format!(
            r#"{{"id":"batch_req_{}","custom_id":"c","response":null,
                "error":{{"code":"context_exceeded","message":"m"}}}}"#,
            digest()
        );
        let failed = Closed {
            is_error: true,
            code: Some(ErrorCode::ContextExceeded),
            ..wanted
        };
        assert_eq!(closed(&line), Some(failed));
    }

    #[test]
    fn nothing_else_closes_anything() {
        let whole = r#"{"type":"completion","schema_version":1,"id":"a","request_digest":"d"}"#;
        assert!(closed(whole).is_some());
        for line in [
            "",
            "\0\0\0",
            "x",
            "[1]",
            "null",
            r#"{"type":"delta","schema_version":1,"id":"a","text":"x"}"#,
            r#"{"type":"count","schema_version":1,"id":"a"}"#,
            r#"{"type":"completion","id":"a","request_digest":"d"}"#,
            r#"{"type":"error","schema_version":1,"id":"a"}"#,
            r#"{"type":"completion","schema_version":1,"id":{},"request_digest":"d"}"#,
            r#"{"id":"a","prompt":"x"}"#,
            r#"{"custom_id":"c","method":"POST","url":"/v1/completions","body":{}}"#,
            r#"{"id":"batch_req_1","custom_id":"c","response":null,"error":null}"#,
            r#"{"id":"other_1","custom_id":"c","response":{"status_code":200},"error":null}"#,
        ] {
            assert_eq!(closed(line), None, "{line}");
        }
        for cut in 0..whole.len() {
            assert_eq!(closed(&whole[..cut]), None, "{}", &whole[..cut]);
        }
    }
}
