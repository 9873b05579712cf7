//! What is closed already: by earlier runs on the same output, and by this one.
//!
//! A request is known by its [`RequestName`] and how often that has come before. Of each,
//! 16 bytes are kept.

use std::collections::{BTreeMap, HashMap, HashSet};

use llm_digest::sha256_hex;
use llm_record::{Closed, ErrorCode, Fields, Id, Json, closed};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::Conditions;
use crate::nameless::Nameless;
use crate::pieces::{IsGone, Piece, Pieces, Stale};

/// 128 bits of a SHA-256, so that two requests of a run are never taken for one.
pub(crate) type Key = u128;

/// What tells a request from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestName<'a> {
    /// Its id.
    pub id: Option<&'a Id>,
    /// The file that its text stands in, where it has no id: what several files
    /// have in common is answered for each.
    pub path: Option<&'a str>,
    /// Where in it, for a piece: what has moved is answered anew.
    pub offset: Option<u64>,
    /// The digest of all that its answer depends on.
    pub digest: &'a str,
}

impl<'a> RequestName<'a> {
    /// Names a request by its id, or else by the `path` in what its record keeps of
    /// its `input`.
    #[must_use]
    pub fn new(id: Option<&'a Id>, input: &'a Fields, digest: &'a str) -> Self {
        let origin = Some(input).filter(|_| id.is_none());
        let field = |name: &str| origin.and_then(|input| input.get(name));
        Self {
            id,
            path: field("path").and_then(Json::as_str),
            offset: field("offset").and_then(Json::as_u64),
            digest,
        }
    }

    /// Names a request by its id and its digest alone.
    #[must_use]
    pub fn plain(id: Option<&'a Id>, digest: &'a str) -> Self {
        Self {
            id,
            path: None,
            offset: None,
            digest,
        }
    }

    /// Names the request that a line of output closes, where that says what was asked for.
    fn of_closed(closed: &'a Closed) -> Option<Self> {
        Some(Self {
            id: closed.id.as_ref(),
            path: closed.path.as_deref(),
            offset: closed.offset,
            digest: closed.request_digest.as_deref()?,
        })
    }

    /// Leaves out where its text stands, unless `tells_files`.
    fn told(self, tells_files: bool) -> Self {
        if tells_files {
            self
        } else {
            Self::plain(self.id, self.digest)
        }
    }

    /// Returns the key of all requests of this name.
    pub(crate) fn key(self) -> Key {
        self.key_of(0)
    }

    /// Returns the key of one of them, counted from 1.
    pub(crate) fn key_of(self, occurrence: u64) -> Key {
        // A file that is one piece is that at its beginning.
        let offset = self.offset.unwrap_or_default().to_string();
        key(&[
            &id_text(self.id),
            self.path.unwrap_or_default(),
            &offset,
            self.digest,
            &occurrence.to_string(),
        ])
    }
}

/// How a journal tells requests apart, and which it leaves open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rules {
    /// Failed requests are left open.
    pub retries_errors: bool,
    /// Requests without an id are told apart by their files.
    pub tells_files: bool,
    /// The type of the records that answer; an output with records of another type is refused.
    pub kind: Option<&'static str>,
}

/// Requests that are closed.
#[derive(Debug, Default)]
pub struct Journal {
    rules: Rules,
    closed: HashSet<Key>,
    /// Those of them that have failed.
    failed: HashSet<Key>,
    /// Ids with an answer, of whatever digest.
    answered: HashSet<Key>,
    /// Requests that were closed since their id had an answer to another one.
    conflicts: HashSet<Key>,
    /// How often each request has come in this run.
    occurrences: HashMap<Key, u64>,
    /// The ids of this run.
    ids: HashSet<Key>,
    /// How often each line without a digest stands in the output.
    undigested: HashMap<Key, u64>,
    /// Digests of what need not be answered again, under whatever id.
    seen: HashSet<Key>,
    /// The texts of files, where they are told apart.
    pieces: Pieces,
    /// How the answers to requests without an id were made.
    nameless: Nameless,
}

/// An answer to a request that is asked for otherwise now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Otherwise {
    /// The digest of the request then.
    pub digest: String,
    /// Whether the output says already that this one conflicts with it.
    pub is_told: bool,
}

/// What is to be done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered already.
    Skip,
    /// It has failed already.
    SkipFailed,
    /// What it asks for exists already, elsewhere.
    Seen,
    /// It is to be answered; which of several equal ones it is, from 1.
    Run(u64),
    /// Its id has come before in this run.
    DuplicateId(u64),
    /// Its id is answered already, for another request.
    IdConflict {
        /// Which of several equal requests it is, from 1.
        occurrence: u64,
        /// Whether the output says so already.
        is_told: bool,
    },
}

impl Journal {
    /// Returns one in which nothing is closed.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            ..Self::default()
        }
    }

    /// Takes in a line that closes a request.
    pub fn close(&mut self, closed: &Closed, line: &str) {
        let is_conflict = closed.code == Some(ErrorCode::IdConflict);
        if closed.is_error && self.rules.retries_errors && !is_conflict {
            return;
        }
        if !closed.is_error
            && let Some(id) = &closed.id
        {
            self.answered.insert(id_key(Some(id)));
        }
        if !closed.is_error && closed.id.is_none() && closed.request_digest.is_some() {
            self.nameless.add(line);
        }
        let passed;
        let (name, mut occurrence) = match RequestName::of_closed(closed) {
            Some(name) => {
                if self.rules.tells_files {
                    self.pieces.hold(closed, name.key());
                }
                (name.told(self.rules.tells_files), closed.occurrence)
            }
            // A record that passed through from an earlier stage.
            None => {
                passed = digest_of(line);
                let count = self.undigested.entry(key(&[&passed])).or_default();
                *count += 1;
                (RequestName::plain(closed.id.as_ref(), &passed), *count)
            }
        };
        if is_conflict {
            // It ends with the answer that it conflicts with.
            self.conflicts.insert(name.key_of(occurrence));
            return;
        }
        // A format that has no place for the occurrence says 1 of each.
        while !self.closed.insert(name.key_of(occurrence)) {
            occurrence += 1;
        }
        if closed.is_error {
            self.failed.insert(name.key_of(occurrence));
        }
    }

    /// Takes in an `error` record of an earlier stage; returns whether it stands in the output already.
    pub(crate) fn has_passed(&mut self, line: &str) -> bool {
        let closed = closed(line);
        let named = closed.as_ref().and_then(RequestName::of_closed);
        let passed;
        let name = match named {
            Some(name) => name.told(self.rules.tells_files),
            None => {
                passed = digest_of(line);
                let id = closed.as_ref().and_then(|closed| closed.id.as_ref());
                RequestName::plain(id, &passed)
            }
        };
        if let Some(path) = name.path {
            self.pieces.meet(path);
        }
        let count = self.occurrences.entry(name.key()).or_default();
        *count += 1;
        self.closed.contains(&name.key_of(*count))
    }

    /// Has requests of this digest left out, whatever their id.
    pub fn see(&mut self, digest: &str) {
        self.seen.insert(key(&[digest]));
    }

    /// Takes in that a file of texts could not be read, so that what the output holds of it stays.
    pub(crate) fn miss(&mut self, path: &str) {
        self.pieces.miss(path);
    }

    /// Counts the answers that the output held of texts which this run has not met although it has read
    /// their files, or whose files are no more.
    #[must_use]
    pub fn stale(&self, is_gone: IsGone<'_>) -> Stale {
        self.pieces.stale(&|piece| self.is_met(piece), is_gone)
    }

    /// Whether a record of the output is such a one, also one of a failure.
    pub(crate) fn is_stale(&self, closed: &Closed, is_gone: IsGone<'_>) -> bool {
        let (Some(path), Some(name)) = (&closed.path, RequestName::of_closed(closed)) else {
            return false;
        };
        let piece = Piece {
            name: name.key(),
            occurrence: closed.occurrence,
        };
        !self.is_met(piece) && self.pieces.is_settled(path, is_gone)
    }

    fn is_met(&self, piece: Piece) -> bool {
        let met = self.occurrences.get(&piece.name).copied();
        met.unwrap_or_default() >= piece.occurrence
    }

    /// Marks a request as open again.
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
    pub fn next(&mut self, name: RequestName<'_>) -> Verdict {
        let name = name.told(self.rules.tells_files);
        let RequestName { id, digest, .. } = name;
        if let Some(path) = name.path {
            self.pieces.meet(path);
        }
        let count = self.occurrences.entry(name.key()).or_default();
        *count += 1;
        let occurrence = *count;
        let full_key = name.key_of(occurrence);
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
            Verdict::IdConflict {
                occurrence,
                is_told: self.conflicts.contains(&full_key),
            }
        } else {
            Verdict::Run(occurrence)
        }
    }

    /// Finds the answer to a request without an id, the given one of equal ones, that is not closed but was
    /// answered under the conditions of another run. `digest_under` returns what its digest was then.
    pub(crate) fn find_otherwise(
        &self,
        name: RequestName<'_>,
        occurrence: u64,
        digest_under: &dyn Fn(&Conditions) -> Option<String>,
    ) -> Option<Otherwise> {
        if name.id.is_some() {
            return None;
        }
        let name = name.told(self.rules.tells_files);
        let answered = |digest: &String| {
            let then = RequestName { digest, ..name };
            let key = then.key_of(occurrence);
            // What this run has met as it was then is another line's.
            let met = self.occurrences.get(&then.key()).copied();
            met.unwrap_or_default() < occurrence
                && self.closed.contains(&key)
                && !self.failed.contains(&key)
        };
        let mut digests = self.nameless.conditions().iter().filter_map(digest_under);
        Some(Otherwise {
            digest: digests.find(answered)?,
            is_told: self.conflicts.contains(&name.key_of(occurrence)),
        })
    }
}

/// Returns the SHA-256, in hexadecimal, of what a line says; when it was written is no part of that.
fn digest_of(line: &str) -> String {
    let Ok(mut fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(line) else {
        return sha256_hex(line.trim_end_matches(['\r', '\n']));
    };
    fields.remove("created");
    sha256_hex(serde_json::to_string(&fields).unwrap_or_default())
}

/// Returns the key of an id.
pub(crate) fn id_key(id: Option<&Id>) -> Key {
    key(&[&id_text(id)])
}

/// Returns an id as JSON, in which the number 1 is not the text "1".
fn id_text(id: Option<&Id>) -> String {
    id.map_or_else(|| "null".to_owned(), Id::key)
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
            path: None,
            offset: None,
            request_digest: digest.map(str::to_owned),
            occurrence: 1,
            is_error,
            code: None,
        }
    }

    fn id(text: &str) -> Option<Id> {
        Some(Id::Text(text.to_owned()))
    }

    fn name<'a>(id: &'a Option<Id>, digest: &'a str) -> RequestName<'a> {
        RequestName::plain(id.as_ref(), digest)
    }

    #[test]
    fn equal_texts_of_two_files_are_two_requests() {
        let of_file = |path| Closed {
            path: Some(path),
            ..closed(None, Some("1"), false)
        };
        let mut journal = Journal::new(Rules {
            tells_files: true,
            ..Rules::default()
        });
        journal.close(&of_file("a".to_owned()), "");
        let file = |path| RequestName {
            path: Some(path),
            ..RequestName::plain(None, "1")
        };
        assert_eq!(journal.next(file("b")), Verdict::Run(1));
        assert_eq!(journal.next(file("a")), Verdict::Skip);
        assert_eq!(journal.next(file("a")), Verdict::Run(2));
        assert_eq!(journal.next(RequestName::plain(None, "1")), Verdict::Run(1));
        let piece = |offset| RequestName {
            offset: Some(offset),
            ..file("a")
        };
        journal.close(
            &Closed {
                offset: Some(7),
                ..of_file("a".to_owned())
            },
            "",
        );
        assert_eq!(journal.next(piece(7)), Verdict::Skip);
        assert_eq!(journal.next(piece(9)), Verdict::Run(1));
        // What is there elsewhere need not be made again for another file.
        journal.see("1");
        assert_eq!(journal.next(file("c")), Verdict::Seen);
        // Where files are not told apart, a text is the same in all of them.
        let mut journal = Journal::default();
        journal.close(&of_file("a".to_owned()), "");
        assert_eq!(journal.next(file("b")), Verdict::Skip);
    }

    #[test]
    fn a_name_has_a_path_where_it_has_no_id() {
        let input: Fields = [("path".to_owned(), "a".into())].into_iter().collect();
        let id = Id::Text("x".into());
        assert_eq!(RequestName::new(None, &input, "1").path, Some("a"));
        assert_eq!(RequestName::new(Some(&id), &input, "1").path, None);
        assert_eq!(
            RequestName::new(None, &Fields::new(), "1"),
            RequestName::plain(None, "1")
        );
    }

    #[test]
    fn only_the_same_request_is_skipped() {
        let mut journal = Journal::default();
        journal.close(&closed(Some("a"), Some("1"), false), "");
        assert_eq!(journal.next(name(&id("a"), "1")), Verdict::Skip);
        let mut journal = Journal::default();
        journal.close(&closed(Some("a"), Some("1"), false), "");
        assert_eq!(
            journal.next(name(&id("a"), "2")),
            Verdict::IdConflict {
                occurrence: 1,
                is_told: false
            }
        );
        assert_eq!(journal.next(name(&id("b"), "1")), Verdict::Run(1));
        assert_eq!(journal.next(name(&id("b"), "1")), Verdict::DuplicateId(2));
        assert_eq!(
            journal.next(name(&Some(Id::Number(1.into())), "1")),
            Verdict::Run(1)
        );
        assert_eq!(journal.next(name(&id("1"), "1")), Verdict::Run(1));
    }

    #[test]
    fn equal_requests_without_an_id_are_counted() {
        let mut journal = Journal::default();
        journal.close(&closed(None, Some("1"), false), "");
        let second = Closed {
            occurrence: 3,
            ..closed(None, Some("1"), false)
        };
        journal.close(&second, "");
        let verdicts = [(); 4].map(|()| journal.next(RequestName::plain(None, "1")));
        assert_eq!(
            verdicts,
            [
                Verdict::Skip,
                Verdict::Run(2),
                Verdict::Skip,
                Verdict::Run(4)
            ]
        );
        assert_eq!(journal.next(RequestName::plain(None, "2")), Verdict::Run(1));
    }

    #[test]
    fn equal_requests_are_counted_where_their_records_are_not() {
        let mut journal = Journal::default();
        journal.close(&closed(None, Some("1"), true), "");
        journal.close(&closed(None, Some("1"), true), "");
        let verdicts = [(); 3].map(|()| journal.next(RequestName::plain(None, "1")));
        let failed = Verdict::SkipFailed;
        assert_eq!(verdicts, [failed, failed, Verdict::Run(3)]);
    }

    #[test]
    fn failed_requests_are_closed_unless_they_are_tried_again() {
        let mut journal = Journal::default();
        journal.close(&closed(Some("a"), Some("1"), true), "");
        assert_eq!(journal.next(name(&id("a"), "1")), Verdict::SkipFailed);
        let mut journal = Journal::new(Rules {
            retries_errors: true,
            ..Rules::default()
        });
        journal.close(&closed(Some("a"), Some("1"), true), "");
        assert_eq!(journal.next(name(&id("a"), "1")), Verdict::Run(1));
        // An id that has failed is free for a line that was mended.
        let mut journal = Journal::default();
        journal.close(&closed(Some("a"), Some("1"), true), "");
        assert_eq!(journal.next(name(&id("a"), "2")), Verdict::Run(1));
    }

    #[test]
    fn what_was_seen_elsewhere_is_left_out_under_any_id() {
        let mut journal = Journal::default();
        journal.close(&closed(Some("a"), Some("1"), false), "");
        journal.see("1");
        assert_eq!(journal.next(name(&id("a"), "1")), Verdict::Skip);
        assert_eq!(journal.next(name(&id("b"), "1")), Verdict::Seen);
        assert_eq!(journal.next(RequestName::plain(None, "1")), Verdict::Seen);
        assert_eq!(journal.next(RequestName::plain(None, "2")), Verdict::Run(1));
    }

    #[test]
    fn a_record_that_passed_through_is_known_by_what_it_says() {
        for name in [
            "",
            r#","id":"a""#,
            r#","request_digest":"d""#,
            r#","id":"a","request_digest":"d""#,
        ] {
            let line = |created: &str| {
                format!(
                    r#"{{"type":"error","schema_version":1{name},"line":3,"error":{{"code":"timeout","message":"m"}}{created}}}"#
                )
            };
            let mut journal = Journal::default();
            for (count, created) in ["", r#","created":1790000000"#].iter().enumerate() {
                let mut closed = super::closed(&line(created)).unwrap();
                closed.occurrence = count as u64 + 1;
                journal.close(&closed, &line(created));
            }
            let passes = [(); 3].map(|()| journal.has_passed(&line(r#","created":1800000000"#)));
            assert_eq!(passes, [true, true, false], "{name}");
            let other = line("")
                .replace("timeout", "bad_csv")
                .replace("\"d\"", "\"e\"");
            assert!(!journal.has_passed(&other), "{name}");
        }
    }

    /// A conflict that is written stands beside the answer that it is about, and is no answer: it is not
    /// written again, and ends with that answer.
    #[test]
    fn a_conflict_is_told_once() {
        for retries_errors in [false, true] {
            let rules = Rules {
                retries_errors,
                ..Rules::default()
            };
            let conflict = || Closed {
                code: Some(ErrorCode::IdConflict),
                ..closed(Some("a"), Some("2"), true)
            };
            let mut journal = Journal::new(rules);
            journal.close(&closed(Some("a"), Some("1"), false), "");
            journal.close(&conflict(), "");
            let told = Verdict::IdConflict {
                occurrence: 1,
                is_told: true,
            };
            assert_eq!(journal.next(name(&id("a"), "2")), told);
            let mut journal = Journal::new(rules);
            journal.close(&conflict(), "");
            assert_eq!(journal.next(name(&id("a"), "2")), Verdict::Run(1));
        }
    }
}
