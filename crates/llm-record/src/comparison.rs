//! Two answers to one request → what differs, and what else is not as it was.

use std::borrow::Cow;
use std::fmt;

use crate::{
    Circumstance, Completion, FinishReason, Job, ModelIdentity, Part, Replay, SchemaVersion,
};

/// An answer beside the one that was given before.
#[derive(Debug, Clone, Copy)]
pub struct Comparison<'c> {
    /// The answer that was given before.
    pub then: &'c Completion,
    /// The answer that is given now.
    pub now: &'c Completion,
    /// The request is another one now, whatever the model.
    pub is_request_changed: bool,
    /// Reasoning is kept now, so that it can be compared.
    pub with_reasoning: bool,
}

impl Comparison<'_> {
    /// Returns the record that tells it.
    #[must_use]
    pub fn record(&self) -> Replay {
        let difference = self.difference();
        let (then, now) = (self.then, self.now);
        let same = difference.is_none();
        let (differs, was, is) = match difference {
            Some((part, was, is)) => (Some(part), Some(was), Some(is)),
            None => (None, None, None),
        };
        let first = was.as_deref().zip(is.as_deref());
        Replay {
            schema_version: SchemaVersion::default(),
            id: now.id.clone(),
            line: now.line,
            same,
            missing: false,
            differs,
            first_difference: first.map(|(was, is)| common_prefix(was, is)),
            was: was.map(Cow::into_owned),
            is: is.map(Cow::into_owned),
            changed: self.changed(),
            usage: Some(now.usage),
            created: None,
            request_digest: Some(then.request_digest.clone()),
            occurrence: then.occurrence,
            model: now.model.clone(),
            build: Some(now.build.clone()),
        }
    }

    /// Returns the first part that differs, as it was and as it is.
    fn difference(&self) -> Option<(Part, Cow<'_, str>, Cow<'_, str>)> {
        let (then, now) = (self.then, self.now);
        // Reasoning that was dropped cannot be compared.
        let was = then
            .reasoning_content
            .as_deref()
            .filter(|_| self.with_reasoning);
        let is = now.reasoning_content.as_deref().unwrap_or_default();
        let mut parts = [
            was.map(|was| (Part::ReasoningContent, was.into(), is.into())),
            Some((Part::Text, (&*then.text).into(), (&*now.text).into())),
            Some((Part::ToolCalls, calls(then).into(), calls(now).into())),
            Some((
                Part::FinishReason,
                word(then.finish_reason).into(),
                word(now.finish_reason).into(),
            )),
        ]
        .into_iter()
        .flatten();
        parts.find(|(_, was, is)| was != is)
    }

    fn changed(&self) -> Vec<Circumstance> {
        let (then, now) = (self.then, self.now);
        let all = [
            (
                then.model.digest != now.model.digest,
                Circumstance::ModelDigest,
            ),
            (self.is_request_changed, Circumstance::RequestDigest),
            (
                then.build.version != now.build.version,
                Circumstance::Version,
            ),
            (then.build.simd != now.build.simd, Circumstance::Simd),
            (then.build.device != now.build.device, Circumstance::Device),
            (
                then.build.threads != now.build.threads,
                Circumstance::Threads,
            ),
        ];
        let changed = all.into_iter().filter(|(is_changed, _)| *is_changed);
        changed.map(|(_, circumstance)| circumstance).collect()
    }
}

/// Returns the record of a row that the file holds no answer to.
#[must_use]
pub fn missing(job: &Job, model: ModelIdentity) -> Replay {
    Replay {
        schema_version: SchemaVersion::default(),
        id: job.id.clone(),
        line: job.line,
        same: false,
        missing: true,
        differs: None,
        first_difference: None,
        was: None,
        is: None,
        changed: Vec::new(),
        usage: None,
        created: None,
        request_digest: None,
        occurrence: None,
        model,
        build: None,
    }
}

/// Returns the calls of an answer as a text, without their ids, which follow from the model's digest, too.
fn calls(answer: &Completion) -> String {
    let calls: Vec<_> = answer
        .tool_calls
        .iter()
        .map(|call| &call.function)
        .collect();
    if calls.is_empty() {
        return String::new();
    }
    serde_json::to_string(&calls).unwrap_or_default()
}

fn word(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::Repetition => "repetition",
        FinishReason::ToolCalls => "tool_calls",
    }
}

/// Returns how many bytes two texts have in common at their beginning.
fn common_prefix(a: &str, b: &str) -> u64 {
    let pairs = a.bytes().zip(b.bytes());
    pairs.take_while(|(a, b)| a == b).count() as u64
}

/// What has come of all requests.
#[derive(Debug, Default)]
pub struct Tally {
    same: u64,
    different: u64,
    missing: u64,
    /// Requests that have failed.
    pub failed: u64,
}

impl Tally {
    /// Counts what has come of a request.
    pub fn add(&mut self, record: &Replay) {
        let count = match (record.same, record.missing) {
            (true, _) => &mut self.same,
            (false, false) => &mut self.different,
            (false, true) => &mut self.missing,
        };
        *count += 1;
    }

    /// Returns whether every request was answered as before.
    #[must_use]
    pub fn all_same(&self) -> bool {
        self.different + self.missing + self.failed == 0
    }

    /// Returns whether nothing was asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.compared() + self.missing == 0
    }

    /// Returns how many old answers had a new one beside them, or a failure.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.same + self.different + self.failed
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} same, {} different, {} missing, {} failed",
            self.same, self.different, self.missing, self.failed
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(text: &str) -> Completion {
        let record = json!({"line": 3, "id": "a", "text": text, "finish_reason": "stop",
            "created": 0, "request_digest": "r",
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            "metrics": {"generation_time_ms": 1.0},
            "model": {"name": "m", "digest": "d", "architecture": "llama", "file": "f",
                "template": "chat"},
            "sampling": {"greedy": true, "temperature": 0.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0,
                "repeat_penalty": 1.0, "repeat_last_n": 64, "seed": 0, "max_tokens": 4},
            "build": {"version": "0", "simd": "scalar", "device": "cpu", "threads": 1}});
        serde_json::from_value(record).unwrap()
    }

    fn compared(then: &Completion, now: &Completion) -> Replay {
        let comparison = Comparison {
            then,
            now,
            is_request_changed: false,
            with_reasoning: true,
        };
        comparison.record()
    }

    #[test]
    fn the_first_difference_is_an_offset_in_bytes() {
        let record = compared(&answer("Käse"), &answer("Kästchen"));
        assert!(!record.same);
        assert_eq!(record.differs, Some(Part::Text));
        assert_eq!(record.first_difference, Some(4));
        assert_eq!(record.was.as_deref(), Some("Käse"));
        assert_eq!(record.is.as_deref(), Some("Kästchen"));
        // A text that goes on differs where the other ends.
        let record = compared(&answer("ab"), &answer("abc"));
        assert_eq!(record.first_difference, Some(2));
    }

    #[test]
    fn the_same_answer_says_nothing_but_what_has_changed_around_it() {
        let mut now = answer("ab");
        now.build.threads = 2;
        now.build.simd = "avx2".to_owned();
        let record = compared(&answer("ab"), &now);
        assert!(record.same && !record.missing);
        assert_eq!((record.was, record.differs), (None, None));
        let wanted = [Circumstance::Simd, Circumstance::Threads];
        assert_eq!(record.changed, wanted);
    }

    #[test]
    fn reasoning_and_the_end_count_too() {
        let then = Completion {
            reasoning_content: Some("Hm.".to_owned()),
            ..answer("ab")
        };
        let record = compared(&then, &answer("ab"));
        assert_eq!(record.differs, Some(Part::ReasoningContent));
        // What was not kept then is not asked for now.
        assert!(compared(&answer("ab"), &then).same);
        let cut = Completion {
            finish_reason: FinishReason::Length,
            ..answer("ab")
        };
        let record = compared(&answer("ab"), &cut);
        assert_eq!(record.differs, Some(Part::FinishReason));
        assert_eq!(record.is.as_deref(), Some("length"));
    }

    #[test]
    fn a_tally_is_good_only_where_all_is_the_same() {
        let mut tally = Tally::default();
        tally.add(&compared(&answer("a"), &answer("a")));
        assert!(tally.all_same());
        tally.add(&compared(&answer("a"), &answer("b")));
        assert!(!tally.all_same());
        assert_eq!(
            tally.to_string(),
            "1 same, 1 different, 0 missing, 0 failed"
        );
    }
}
