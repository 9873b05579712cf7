//! What is closed already: by earlier runs on the same output, and by this one.
//!
//! A request is known by its id, its digest, and how often the two have come
//! before. Of each, 16 bytes are kept.

use std::collections::{HashMap, HashSet};

use llm_record::{Closed, Id};
use sha2::{Digest, Sha256};

/// 128 bits of a SHA-256, so that two requests of a run are never taken for one.
pub(crate) type Key = u128;

/// Requests that are closed.
#[derive(Debug, Default)]
pub struct Journal {
    closed: HashSet<Key>,
    /// Those of them that have failed.
    failed: HashSet<Key>,
    /// Ids with an answer, of whatever digest.
    answered: HashSet<Key>,
    /// How often each request has come in this run.
    occurrences: HashMap<Key, u64>,
    /// The ids of this run.
    ids: HashSet<Key>,
    /// How often each line without a digest stands in the output.
    undigested: HashMap<Key, u64>,
    /// Digests of what need not be answered again, under whatever id.
    seen: HashSet<Key>,
}

/// What is to be done about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered already.
    Skip,
    /// It has failed already.
    SkipFailed,
    /// What it asks for is there already, elsewhere.
    Seen,
    /// It is to be answered; which of several equal ones it is, from 1.
    Run(u64),
    /// Its id has come before in this run.
    DuplicateId(u64),
    /// Its id is answered already, for another request.
    IdConflict(u64),
}

impl Journal {
    /// Takes in a line that closes a request. Failed ones are left open under
    /// `retry_errors`.
    pub fn close(&mut self, closed: &Closed, line: &str, retry_errors: bool) {
        if closed.is_error && retry_errors {
            return;
        }
        if !closed.is_error
            && let Some(id) = &closed.id
        {
            self.answered.insert(id_key(Some(id)));
        }
        let (digest, occurrence) = match &closed.request_digest {
            Some(digest) => (digest.clone(), closed.occurrence),
            // A record that passed through from an earlier stage.
            None => {
                let digest = digest_of(line);
                let count = self.undigested.entry(key(&[&digest])).or_default();
                *count += 1;
                (digest, *count)
            }
        };
        // A format that has no place for the occurrence says 1 of each.
        let mut occurrence = occurrence;
        let key_of = |occurrence| full_key(closed.id.as_ref(), &digest, occurrence);
        while !self.closed.insert(key_of(occurrence)) {
            occurrence += 1;
        }
        if closed.is_error {
            self.failed.insert(key_of(occurrence));
        }
    }

    /// Leaves out requests of this digest, under whatever id.
    pub fn see(&mut self, digest: &str) {
        self.seen.insert(key(&[digest]));
    }

    /// Opens a request again.
    pub(crate) fn reopen(&mut self, key: Key) {
        self.closed.remove(&key);
        self.failed.remove(&key);
    }

    /// Returns how many requests are closed.
    pub fn len(&self) -> usize {
        self.closed.len()
    }

    /// Returns whether nothing is closed.
    pub fn is_empty(&self) -> bool {
        self.closed.is_empty()
    }

    /// Decides about the next request of this run.
    pub fn next(&mut self, id: Option<&Id>, digest: &str) -> Verdict {
        let count = self.occurrences.entry(request_key(id, digest)).or_default();
        *count += 1;
        let occurrence = *count;
        let full_key = full_key(id, digest, occurrence);
        let is_closed = self.closed.contains(&full_key);
        let id_key = id_key(id);
        let is_new = id.is_none() || self.ids.insert(id_key);
        if is_closed && self.failed.contains(&full_key) {
            Verdict::SkipFailed
        } else if is_closed {
            Verdict::Skip
        } else if !self.seen.is_empty() && self.seen.contains(&key(&[digest])) {
            Verdict::Seen
        } else if !is_new {
            Verdict::DuplicateId(occurrence)
        } else if id.is_some() && self.answered.contains(&id_key) {
            Verdict::IdConflict(occurrence)
        } else {
            Verdict::Run(occurrence)
        }
    }
}

/// Returns the SHA-256 of a line, in hexadecimal.
pub(crate) fn digest_of(line: &str) -> String {
    Sha256::digest(line.trim_end_matches(['\r', '\n']))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Returns the key of one request of several equal ones.
pub(crate) fn full_key(id: Option<&Id>, digest: &str, occurrence: u64) -> Key {
    key(&[&id_text(id), digest, &occurrence.to_string()])
}

/// Returns the key of all requests that are equal.
pub(crate) fn request_key(id: Option<&Id>, digest: &str) -> Key {
    key(&[&id_text(id), digest])
}

/// Returns the key of an id.
pub(crate) fn id_key(id: Option<&Id>) -> Key {
    key(&[&id_text(id)])
}

/// Returns an id as JSON, in which the number 1 is not the text "1".
fn id_text(id: Option<&Id>) -> String {
    serde_json::to_string(&id).unwrap_or_default()
}

fn key(parts: &[&str]) -> Key {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let hash = hash.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    Key::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(id: Option<&str>, digest: Option<&str>, is_error: bool) -> Closed {
        Closed {
            id: id.map(|id| Id::Text(id.to_owned())),
            request_digest: digest.map(str::to_owned),
            occurrence: 1,
            is_error,
            code: None,
        }
    }

    fn id(text: &str) -> Option<Id> {
        Some(Id::Text(text.to_owned()))
    }

    #[test]
    fn only_the_same_request_is_skipped() {
        let mut journal = Journal::default();
        journal.close(&closed(Some("a"), Some("1"), false), "", false);
        assert_eq!(journal.next(id("a").as_ref(), "1"), Verdict::Skip);
        let mut journal = Journal::default();
        journal.close(&closed(Some("a"), Some("1"), false), "", false);
        assert_eq!(journal.next(id("a").as_ref(), "2"), Verdict::IdConflict(1));
        assert_eq!(journal.next(id("b").as_ref(), "1"), Verdict::Run(1));
        assert_eq!(journal.next(id("b").as_ref(), "1"), Verdict::DuplicateId(2));
        assert_eq!(
            journal.next(Some(&Id::Number(1.into())), "1"),
            Verdict::Run(1)
        );
        assert_eq!(journal.next(id("1").as_ref(), "1"), Verdict::Run(1));
    }

    #[test]
    fn equal_requests_without_an_id_are_counted() {
        let mut journal = Journal::default();
        journal.close(&closed(None, Some("1"), false), "", false);
        let second = Closed {
            occurrence: 3,
            ..closed(None, Some("1"), false)
        };
        journal.close(&second, "", false);
        let verdicts = [(); 4].map(|()| journal.next(None, "1"));
        assert_eq!(
            verdicts,
            [
                Verdict::Skip,
                Verdict::Run(2),
                Verdict::Skip,
                Verdict::Run(4)
            ]
        );
        assert_eq!(journal.next(None, "2"), Verdict::Run(1));
    }

    #[test]
    fn equal_requests_are_counted_where_their_records_are_not() {
        let mut journal = Journal::default();
        journal.close(&closed(None, Some("1"), true), "", false);
        journal.close(&closed(None, Some("1"), true), "", false);
        let verdicts = [(); 3].map(|()| journal.next(None, "1"));
        let failed = Verdict::SkipFailed;
        assert_eq!(verdicts, [failed, failed, Verdict::Run(3)]);
    }

    #[test]
    fn failed_requests_are_closed_unless_they_are_tried_again() {
        let mut journal = Journal::default();
        journal.close(&closed(Some("a"), Some("1"), true), "", false);
        assert_eq!(journal.next(id("a").as_ref(), "1"), Verdict::SkipFailed);
        let mut journal = Journal::default();
        journal.close(&closed(Some("a"), Some("1"), true), "", true);
        assert_eq!(journal.next(id("a").as_ref(), "1"), Verdict::Run(1));
        // An id that has failed is free for a line that was mended.
        let mut journal = Journal::default();
        journal.close(&closed(Some("a"), Some("1"), true), "", false);
        assert_eq!(journal.next(id("a").as_ref(), "2"), Verdict::Run(1));
    }

    #[test]
    fn what_was_seen_elsewhere_is_left_out_under_any_id() {
        let mut journal = Journal::default();
        journal.close(&closed(Some("a"), Some("1"), false), "", false);
        journal.see("1");
        assert_eq!(journal.next(id("a").as_ref(), "1"), Verdict::Skip);
        assert_eq!(journal.next(id("b").as_ref(), "1"), Verdict::Seen);
        assert_eq!(journal.next(None, "1"), Verdict::Seen);
        assert_eq!(journal.next(None, "2"), Verdict::Run(1));
    }

    #[test]
    fn a_record_that_passed_through_is_known_by_its_line() {
        let line = r#"{"type":"error","schema_version":1,"error":{}}"#;
        let mut journal = Journal::default();
        journal.close(&closed(None, None, true), line, false);
        journal.close(&closed(None, None, true), line, false);
        let digest = digest_of(line);
        let verdicts = [(); 3].map(|()| journal.next(None, &digest));
        let failed = Verdict::SkipFailed;
        assert_eq!(verdicts, [failed, failed, Verdict::Run(3)]);
    }
}
