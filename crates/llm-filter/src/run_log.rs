//! The answers of an earlier run, to run again: an index over its output, by the
//! names that a resumed run goes by. The answers themselves stay in the file.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use llm_record::closed::LONGEST_RECORD;
use llm_record::{Closed, Completion, Id, ModelIdentity, Record, Sampling};
use thiserror::Error;

use crate::journal::{Key, id_key};
use crate::{Journal, RequestName};

/// A file whose requests cannot be run again.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunLogError {
    /// It cannot be opened or read, or has changed since it was opened.
    #[error("cannot read {name}: {reason}")]
    Read {
        /// The file.
        name: String,
        /// What the system says.
        reason: io::Error,
    },
    /// It is a pipe or a device.
    #[error(
        "{name} is no file, and its answers are read more than once; write them to a file first"
    )]
    NoFile {
        /// What it is called.
        name: String,
    },
    /// It has no answer.
    #[error(
        "{name} holds no completion record, so there is nothing to run again; it must be what llm-run \
         wrote in its own format"
    )]
    Empty {
        /// The file.
        name: String,
    },
}

impl RunLogError {
    fn read(name: &str, reason: io::Error) -> Self {
        Self::Read {
            name: name.to_owned(),
            reason,
        }
    }
}

/// Where the record of an answer begins, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordOffset(u64);

/// The settings of answers and the digest of the model that gave them: with both, the
/// digest of a row is what it was then.
#[derive(Debug, Clone, PartialEq)]
pub struct Conditions {
    /// Digest of the model.
    pub model: String,
    /// Settings.
    pub sampling: Sampling,
}

impl Conditions {
    pub(crate) fn new(model: &ModelIdentity, sampling: Sampling) -> Self {
        Self {
            model: model.weights().into_owned(),
            sampling,
        }
    }
}

/// The answers of an earlier run.
#[derive(Debug)]
pub struct RunLog {
    reader: AnswerReader,
    path: PathBuf,
    offsets: Vec<RecordOffset>,
    answers: HashMap<Key, RecordOffset>,
    /// The last answer under each id.
    ids: HashMap<Key, RecordOffset>,
    /// Requests that have come, however they were closed.
    requests: HashSet<Key>,
    conditions: Vec<Conditions>,
    /// What was closed by an error, and nothing else.
    errors: Journal,
    error_records: u64,
    others: u64,
    are_whole: bool,
}

impl RunLog {
    /// Reads what an earlier run has written. A torn last line counts as one of
    /// [`RunLog::others`].
    ///
    /// # Errors
    /// [`RunLogError`].
    pub fn open(path: &Path) -> Result<Self, RunLogError> {
        let name = format!("'{}'", path.display());
        let io = |reason| RunLogError::read(&name, reason);
        let file = File::open(path).map_err(io)?;
        if !file.metadata().map_err(io)?.is_file() {
            return Err(RunLogError::NoFile { name });
        }
        let mut log = Self {
            reader: AnswerReader {
                file: BufReader::new(file),
                name: name.clone(),
            },
            path: path.to_owned(),
            offsets: Vec::new(),
            answers: HashMap::new(),
            ids: HashMap::new(),
            requests: HashSet::new(),
            conditions: Vec::new(),
            errors: Journal::default(),
            error_records: 0,
            others: 0,
            are_whole: true,
        };
        log.scan().map_err(io)?;
        if log.offsets.is_empty() {
            return Err(RunLogError::Empty { name });
        }
        Ok(log)
    }

    fn scan(&mut self) -> io::Result<()> {
        let mut known = HashSet::new();
        let mut offset = 0;
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let file = self.reader.file.by_ref();
            let read = file.take(LONGEST_RECORD).read_until(b'\n', &mut bytes)?;
            if read == 0 {
                return Ok(());
            }
            let text = std::str::from_utf8(&bytes).map_or("", bare);
            if !text.is_empty() || bytes.iter().any(|byte| !byte.is_ascii_whitespace()) {
                self.take(text, RecordOffset(offset), &mut known);
            }
            offset += read as u64;
        }
    }

    /// Takes in one line. `known` holds the conditions that were seen, as JSON.
    fn take(&mut self, text: &str, offset: RecordOffset, known: &mut HashSet<String>) {
        let Some(closed) = llm_record::closed(text) else {
            let is_delta = matches!(Record::parse(text), Ok(Record::Delta(_)));
            self.others += u64::from(!is_delta);
            return;
        };
        let digest = closed.request_digest.as_deref().unwrap_or_default();
        let name = RequestName::plain(closed.id.as_ref(), digest);
        let key = name.key_of(closed.occurrence);
        if closed.is_error {
            self.error_records += 1;
            if !self.answers.contains_key(&key) {
                self.requests.insert(name.key());
                self.errors.close(&closed, text);
            }
            return;
        }
        match Record::parse(text) {
            Ok(Record::Completion(answer)) => self.index(&closed, key, &answer, offset, known),
            _ => self.others += 1,
        }
    }

    fn index(
        &mut self,
        closed: &Closed,
        key: Key,
        answer: &Completion,
        offset: RecordOffset,
        known: &mut HashSet<String>,
    ) {
        let id = closed.id.as_ref();
        let digest = closed.request_digest.as_deref().unwrap_or_default();
        self.errors.reopen(key);
        self.requests.insert(RequestName::plain(id, digest).key());
        self.answers.insert(key, offset);
        if id.is_some() {
            self.ids.insert(id_key(id), offset);
        }
        self.offsets.push(offset);
        self.are_whole &= answer.request.is_some();
        let text = serde_json::to_string(&(&answer.model.weights(), &answer.sampling));
        if known.insert(text.unwrap_or_default()) {
            self.conditions
                .push(Conditions::new(&answer.model, answer.sampling.clone()));
        }
    }

    /// Returns where the answers stand, in the file's order.
    pub fn offsets(&self) -> &[RecordOffset] {
        &self.offsets
    }

    /// Returns how many records of errors there are.
    pub fn error_records(&self) -> u64 {
        self.error_records
    }

    /// Returns how many lines are neither answers nor errors of ours.
    pub fn others(&self) -> u64 {
        self.others
    }

    /// Returns whether every answer has its request with it.
    pub fn are_whole(&self) -> bool {
        self.are_whole
    }

    /// Returns the conditions of all answers, each once.
    pub fn conditions(&self) -> &[Conditions] {
        &self.conditions
    }

    /// Takes out what was closed by an error and never answered.
    pub fn take_errors(&mut self) -> Journal {
        std::mem::take(&mut self.errors)
    }

    /// Returns whether a request has come, whatever has closed it.
    pub fn knows(&self, id: Option<&Id>, digest: &str) -> bool {
        self.requests
            .contains(&RequestName::plain(id, digest).key())
    }

    /// Returns where the answer to a request stands, the given one of equal ones.
    pub fn find(&self, id: Option<&Id>, digest: &str, occurrence: u64) -> Option<RecordOffset> {
        self.answers
            .get(&RequestName::plain(id, digest).key_of(occurrence))
            .copied()
    }

    /// Returns where the last answer under an id stands.
    pub fn find_id(&self, id: &Id) -> Option<RecordOffset> {
        self.ids.get(&id_key(Some(id))).copied()
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// [`RunLogError::Read`], also for a file that has changed.
    pub fn read(&mut self, offset: RecordOffset) -> Result<Box<Completion>, RunLogError> {
        self.reader.read(offset)
    }

    /// Returns all answers, in the file's order.
    ///
    /// # Errors
    /// [`RunLogError::Read`]; each answer is what [`RunLog::read`] returns.
    pub fn answers(
        &self,
    ) -> Result<
        impl Iterator<Item = Result<Box<Completion>, RunLogError>> + Send + use<>,
        RunLogError,
    > {
        let name = self.reader.name.clone();
        let file = File::open(&self.path).map_err(|reason| RunLogError::read(&name, reason))?;
        let mut reader = AnswerReader {
            file: BufReader::new(file),
            name,
        };
        let offsets = self.offsets.clone();
        Ok(offsets.into_iter().map(move |offset| reader.read(offset)))
    }
}

/// Returns a line without its end, and without the byte order mark that some editors put before a file.
fn bare(line: &str) -> &str {
    line.trim_start_matches('\u{feff}').trim()
}

/// The file, whose answers are read from any offset.
#[derive(Debug)]
struct AnswerReader {
    file: BufReader<File>,
    name: String,
}

impl AnswerReader {
    fn read(&mut self, offset: RecordOffset) -> Result<Box<Completion>, RunLogError> {
        let mut bytes = Vec::new();
        let file = &mut self.file;
        file.seek(SeekFrom::Start(offset.0))
            .and_then(|_| file.take(LONGEST_RECORD).read_until(b'\n', &mut bytes))
            .map_err(|reason| RunLogError::read(&self.name, reason))?;
        match std::str::from_utf8(&bytes).map(|text| Record::parse(bare(text))) {
            Ok(Ok(Record::Completion(completion))) => Ok(completion),
            _ => {
                let reason = io::Error::other("it has changed while it was read");
                Err(RunLogError::read(&self.name, reason))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Verdict;

    fn answer(id: Option<&str>, digest: &str, seed: u64) -> Value {
        let mut record = json!({"type": "completion", "schema_version": 1, "line": 1, "text": digest,
            "finish_reason": "stop", "created": 0, "request_digest": digest,
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            "metrics": {"generation_time_ms": 1.0},
            "model": {"name": "m", "digest": "d", "architecture": "llama", "file": "f",
                "template": "chat"},
            "sampling": {"greedy": true, "temperature": 0.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0,
                "repeat_penalty": 1.0, "repeat_last_n": 64, "seed": seed, "max_tokens": 4},
            "build": {"version": "0", "simd": "scalar", "device": "cpu", "threads": 1}});
        if let Some(id) = id {
            record["id"] = id.into();
        }
        record
    }

    fn error(digest: &str) -> Value {
        json!({"type": "error", "schema_version": 1, "line": 1, "request_digest": digest,
            "error": {"code": "timeout", "message": "late"}})
    }

    fn log(text: &str) -> Result<RunLog, RunLogError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        RunLog::open(file.path())
    }

    fn lines(records: &[Value]) -> String {
        records.iter().map(|record| format!("{record}\n")).collect()
    }

    #[test]
    fn answers_are_found_by_name_and_read_where_they_stand() {
        let mut second = answer(None, "2", 7);
        second["occurrence"] = 2.into();
        let records = [answer(Some("a"), "1", 7), answer(None, "2", 8), second];
        let mut log = log(&lines(&records)).unwrap();
        let a = Id::Text("a".into());
        let offset = log.find(Some(&a), "1", 1).unwrap();
        assert_eq!(log.find_id(&a), Some(offset));
        assert_eq!(log.read(offset).unwrap().text, "1");
        assert_eq!(log.find(None, "1", 1), None);
        assert_eq!(log.find(None, "2", 3), None);
        let second = log.find(None, "2", 2).unwrap();
        assert_eq!(log.read(second).unwrap().occurrence, Some(2));
        assert!(log.knows(None, "2") && !log.knows(None, "3"));
        let seeds: Vec<_> = log
            .conditions()
            .iter()
            .map(|conditions| conditions.sampling.seed)
            .collect();
        assert_eq!(seeds, [7, 8]);
        assert!(!log.are_whole());
    }

    #[test]
    fn an_error_that_was_answered_later_is_none() {
        let records = [error("1"), error("2"), answer(None, "1", 0)];
        let mut log = log(&lines(&records)).unwrap();
        assert_eq!(log.error_records(), 2);
        let mut errors = log.take_errors();
        assert_eq!(errors.next(RequestName::plain(None, "1")), Verdict::Run(1));
        assert_eq!(
            errors.next(RequestName::plain(None, "2")),
            Verdict::SkipFailed
        );
    }

    #[test]
    fn what_is_no_answer_is_counted_and_a_torn_line_too() {
        let whole = lines(&[answer(None, "1", 0)]);
        let text = format!("{{\"other\": 1}}\n\n{whole}{}", &whole[..whole.len() / 2]);
        let log = log(&text).unwrap();
        assert_eq!((log.offsets().len(), log.others()), (1, 2));
    }

    #[test]
    fn a_file_without_answers_is_refused() {
        for text in ["", "\n", "{\"a\":1}\n", "\0\0\0"] {
            assert!(
                matches!(log(text), Err(RunLogError::Empty { .. })),
                "{text:?}"
            );
        }
        let none = RunLog::open(Path::new("/nonexistent/out.jsonl"));
        assert!(matches!(none, Err(RunLogError::Read { .. })));
        let device = RunLog::open(Path::new("/dev/null"));
        assert!(matches!(device, Err(RunLogError::NoFile { .. })));
    }
}
