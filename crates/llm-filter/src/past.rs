//! The answers of an earlier run, to run again: an index over its output, by the
//! names that a resumed run goes by. The answers themselves stay in the file.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use llm_cli::stdio::StdioError;
use llm_record::closed::LONGEST_RECORD;
use llm_record::{Closed, Completion, Id, Record, Sampling};
use thiserror::Error;

use crate::journal::{Key, id_key};
use crate::{Journal, Name};

/// A file whose answers cannot be run again.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PastError {
    /// It cannot be opened or read.
    #[error(transparent)]
    Stdio(#[from] StdioError),
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

/// Where an answer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(u64);

/// The settings of answers and the digest of the model that gave them: with the
/// two a row's digest is what it was then.
#[derive(Debug, Clone, PartialEq)]
pub struct Conditions {
    /// Digest of the model.
    pub model: String,
    /// Settings.
    pub sampling: Sampling,
}

/// The answers of an earlier run.
#[derive(Debug)]
pub struct Past {
    reader: Reader,
    path: PathBuf,
    places: Vec<Place>,
    answers: HashMap<Key, Place>,
    /// The last answer under each id.
    ids: HashMap<Key, Place>,
    /// Requests that have come, however they were closed.
    requests: HashSet<Key>,
    conditions: Vec<Conditions>,
    /// What was closed by an error, and nothing else.
    errors: Journal,
    error_records: u64,
    others: u64,
    are_whole: bool,
}

impl Past {
    /// Reads what an earlier run has written. A torn last line counts as one of
    /// [`Past::others`].
    ///
    /// # Errors
    /// [`PastError`].
    pub fn open(path: &Path) -> Result<Self, PastError> {
        let name = format!("'{}'", path.display());
        let io = |reason| StdioError::read(&name, reason);
        let file = File::open(path).map_err(io)?;
        if !file.metadata().map_err(io)?.is_file() {
            return Err(PastError::NoFile { name });
        }
        let mut past = Self {
            reader: Reader {
                file: BufReader::new(file),
                name: name.clone(),
            },
            path: path.to_owned(),
            places: Vec::new(),
            answers: HashMap::new(),
            ids: HashMap::new(),
            requests: HashSet::new(),
            conditions: Vec::new(),
            errors: Journal::default(),
            error_records: 0,
            others: 0,
            are_whole: true,
        };
        past.scan().map_err(io)?;
        match past.places.is_empty() {
            true => Err(PastError::Empty { name }),
            false => Ok(past),
        }
    }

    fn scan(&mut self) -> io::Result<()> {
        let mut known = HashSet::new();
        let mut at = 0;
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
                self.take(text, Place(at), &mut known);
            }
            at += read as u64;
        }
    }

    /// Takes in one line. `known` holds the conditions that were seen, as JSON.
    fn take(&mut self, text: &str, place: Place, known: &mut HashSet<String>) {
        let Some(closed) = llm_record::closed(text) else {
            let is_delta = matches!(Record::parse(text), Ok(Record::Delta(_)));
            self.others += u64::from(!is_delta);
            return;
        };
        let digest = closed.request_digest.as_deref().unwrap_or_default();
        let name = Name::plain(closed.id.as_ref(), digest);
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
            Ok(Record::Completion(answer)) => self.index(&closed, key, &answer, place, known),
            _ => self.others += 1,
        }
    }

    fn index(
        &mut self,
        closed: &Closed,
        key: Key,
        answer: &Completion,
        place: Place,
        known: &mut HashSet<String>,
    ) {
        let id = closed.id.as_ref();
        let digest = closed.request_digest.as_deref().unwrap_or_default();
        self.errors.reopen(key);
        self.requests.insert(Name::plain(id, digest).key());
        self.answers.insert(key, place);
        if id.is_some() {
            self.ids.insert(id_key(id), place);
        }
        self.places.push(place);
        self.are_whole &= answer.request.is_some();
        let text = serde_json::to_string(&(&answer.model.digest, &answer.sampling));
        if known.insert(text.unwrap_or_default()) {
            self.conditions.push(Conditions {
                model: answer.model.digest.clone(),
                sampling: answer.sampling.clone(),
            });
        }
    }

    /// Returns where the answers stand, in the file's order.
    pub fn places(&self) -> &[Place] {
        &self.places
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
        self.requests.contains(&Name::plain(id, digest).key())
    }

    /// Returns where the answer to a request stands, the given one of equal ones.
    pub fn find(&self, id: Option<&Id>, digest: &str, occurrence: u64) -> Option<Place> {
        self.answers
            .get(&Name::plain(id, digest).key_of(occurrence))
            .copied()
    }

    /// Returns where the last answer under an id stands.
    pub fn find_id(&self, id: &Id) -> Option<Place> {
        self.ids.get(&id_key(Some(id))).copied()
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// [`StdioError::Read`], also for a file that has changed.
    pub fn read(&mut self, place: Place) -> Result<Box<Completion>, StdioError> {
        self.reader.read(place)
    }

    /// Returns all answers, in the file's order.
    ///
    /// # Errors
    /// [`StdioError::Read`]; each answer is what [`Past::read`] returns.
    pub fn answers(
        &self,
    ) -> Result<impl Iterator<Item = Result<Box<Completion>, StdioError>> + Send + use<>, StdioError>
    {
        let name = self.reader.name.clone();
        let file = File::open(&self.path).map_err(|reason| StdioError::read(&name, reason))?;
        let mut reader = Reader {
            file: BufReader::new(file),
            name,
        };
        let places = self.places.clone();
        Ok(places.into_iter().map(move |place| reader.read(place)))
    }
}

/// Returns a line without its end, and without the byte order mark that some editors put before a file.
fn bare(line: &str) -> &str {
    line.trim_start_matches('\u{feff}').trim()
}

/// The file, read from any place.
#[derive(Debug)]
struct Reader {
    file: BufReader<File>,
    name: String,
}

impl Reader {
    fn read(&mut self, place: Place) -> Result<Box<Completion>, StdioError> {
        let mut bytes = Vec::new();
        let read = self.file.seek(SeekFrom::Start(place.0));
        let read = read.and_then(|_| {
            let file = self.file.by_ref();
            file.take(LONGEST_RECORD).read_until(b'\n', &mut bytes)
        });
        read.map_err(|reason| StdioError::read(&self.name, reason))?;
        match std::str::from_utf8(&bytes).map(|text| Record::parse(bare(text))) {
            Ok(Ok(Record::Completion(completion))) => Ok(completion),
            _ => {
                let reason = io::Error::other("it has changed while it was read");
                Err(StdioError::read(&self.name, reason))
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

    fn past(text: &str) -> Result<Past, PastError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Past::open(file.path())
    }

    fn lines(records: &[Value]) -> String {
        records.iter().map(|record| format!("{record}\n")).collect()
    }

    #[test]
    fn answers_are_found_by_name_and_read_where_they_stand() {
        let mut again = answer(None, "2", 7);
        again["occurrence"] = 2.into();
        let records = [answer(Some("a"), "1", 7), answer(None, "2", 8), again];
        let mut past = past(&lines(&records)).unwrap();
        let a = Id::Text("a".into());
        let place = past.find(Some(&a), "1", 1).unwrap();
        assert_eq!(past.find_id(&a), Some(place));
        assert_eq!(past.read(place).unwrap().text, "1");
        assert_eq!(past.find(None, "1", 1), None);
        assert_eq!(past.find(None, "2", 3), None);
        let second = past.find(None, "2", 2).unwrap();
        assert_eq!(past.read(second).unwrap().occurrence, Some(2));
        assert!(past.knows(None, "2") && !past.knows(None, "3"));
        let seeds: Vec<_> = past
            .conditions()
            .iter()
            .map(|one| one.sampling.seed)
            .collect();
        assert_eq!(seeds, [7, 8]);
        assert!(!past.are_whole());
    }

    #[test]
    fn an_error_that_was_answered_later_is_none() {
        let records = [error("1"), error("2"), answer(None, "1", 0)];
        let mut past = past(&lines(&records)).unwrap();
        assert_eq!(past.error_records(), 2);
        let mut errors = past.take_errors();
        assert_eq!(errors.next(Name::plain(None, "1")), Verdict::Run(1));
        assert_eq!(errors.next(Name::plain(None, "2")), Verdict::SkipFailed);
    }

    #[test]
    fn what_is_no_answer_is_counted_and_a_torn_line_too() {
        let whole = lines(&[answer(None, "1", 0)]);
        let text = format!("{{\"other\": 1}}\n\n{whole}{}", &whole[..whole.len() / 2]);
        let past = past(&text).unwrap();
        assert_eq!((past.places().len(), past.others()), (1, 2));
    }

    #[test]
    fn a_file_without_answers_is_refused() {
        for text in ["", "\n", "{\"a\":1}\n", "\0\0\0"] {
            assert!(
                matches!(past(text), Err(PastError::Empty { .. })),
                "{text:?}"
            );
        }
        let none = Past::open(Path::new("/nonexistent/out.jsonl"));
        assert!(matches!(none, Err(PastError::Stdio(_))));
        let device = Past::open(Path::new("/dev/null"));
        assert!(matches!(device, Err(PastError::NoFile { .. })));
    }
}
