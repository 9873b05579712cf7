//! Why requests have failed: how many for each reason, and the first of them in its own words.

use std::fmt;

use llm_record::{ErrorCode, ErrorDetail, ErrorRecord, Id};
use serde::Deserialize;

/// The failures of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Failures {
    /// How many have each code, in the order in which the codes came.
    counts: Vec<(ErrorCode, u64)>,
    /// The first.
    first: Option<First>,
}

/// The first request that has failed.
#[derive(Debug, Clone, PartialEq)]
struct First {
    id: Option<Id>,
    line: Option<u64>,
    message: String,
}

impl Failures {
    /// Adds a request of this run.
    pub fn add(&mut self, record: &ErrorRecord) {
        self.count(record.error.code);
        if self.first.is_none() {
            self.first = Some(First {
                id: record.id.clone(),
                line: record.line,
                message: record.error.message.clone(),
            });
        }
    }

    /// Adds the line of an earlier stage's `error` record.
    pub fn add_line(&mut self, line: &str) {
        /// What such a line says of itself; another program's may say less.
        #[derive(Deserialize)]
        struct Passed {
            error: ErrorDetail,
            id: Option<Id>,
            line: Option<u64>,
        }
        let Ok(passed) = serde_json::from_str::<Passed>(line) else {
            self.count(ErrorCode::Unknown);
            return;
        };
        self.count(passed.error.code);
        if self.first.is_none() {
            self.first = Some(First {
                id: passed.id,
                line: passed.line,
                message: passed.error.message,
            });
        }
    }

    fn count(&mut self, code: ErrorCode) {
        match self.counts.iter_mut().find(|(known, _)| *known == code) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((code, 1)),
        }
    }

    /// Returns whether nothing has failed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
}

/// `3 lines failed (2 bad_json, 1 timeout); the first is line 7, id "x": the sentence`.
impl fmt::Display for Failures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: u64 = self.counts.iter().map(|(_, count)| count).sum();
        let lines = if total == 1 { "line" } else { "lines" };
        let mut counts = self.counts.clone();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let counts: Vec<_> = counts
            .iter()
            .map(|(code, count)| format!("{count} {}", code.name()))
            .collect();
        write!(out, "{total} {lines} failed ({})", counts.join(", "))?;
        let Some(first) = &self.first else {
            return Ok(());
        };
        let verb = if total == 1 { "it" } else { "the first" };
        write!(out, "; {verb} is")?;
        match first.line {
            Some(line) => write!(out, " line {line}")?,
            None => write!(out, " a line of an earlier program")?,
        }
        if let Some(id) = &first.id {
            write!(
                out,
                ", id {}",
                serde_json::to_string(id).unwrap_or_default()
            )?;
        }
        write!(out, ": {}", first.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_counted_and_the_first_is_told() {
        let mut failures = Failures::default();
        let id = Some(Id::Text("a".to_owned()));
        failures.add(&ErrorRecord::new(7, id, ErrorCode::Timeout, "too late"));
        assert_eq!(
            failures.to_string(),
            r#"1 line failed (1 timeout); it is line 7, id "a": too late"#
        );
        failures.add(&ErrorRecord::new(8, None, ErrorCode::BadJson, "no JSON"));
        failures.add(&ErrorRecord::new(9, None, ErrorCode::BadJson, "nor here"));
        assert_eq!(
            failures.to_string(),
            r#"3 lines failed (2 bad_json, 1 timeout); the first is line 7, id "a": too late"#
        );
    }

    #[test]
    fn what_an_earlier_program_has_failed_at_counts_too() {
        let mut failures = Failures::default();
        failures.add_line("{\"type\":\"error\"}");
        assert_eq!(failures.to_string(), "1 line failed (1 unknown)");
        let line = r#"{"type":"error","schema_version":1,"id":3,"error":{"code":"bad_csv","message":"m"}}"#;
        failures.add_line(line);
        assert_eq!(
            failures.to_string(),
            "2 lines failed (1 unknown, 1 bad_csv); the first is a line of an earlier program, id 3: m"
        );
    }
}
