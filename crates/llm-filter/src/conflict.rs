//! An output that holds an answer under a request's id, but to another request: a second run with one
//! changed flag, or a line that was edited. What becomes of such a request, and how the answers that it
//! replaces leave the output.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use llm_record::closed::LONGEST_RECORD;
use llm_record::{Closed, ErrorCode, Id, Record};
use serde_json::Value;
use thiserror::Error;

use crate::RequestName;
use crate::exclusive::DurableError;
use crate::journal::{Key, id_key};
use crate::rewrite::drop_lines;

/// What becomes of a request whose id the output has with an answer to another one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// Where the first line that the output knows is one of them, the run ends before it has written
    /// anything: it is made otherwise than the output. Else as [`Error`](Self::Error). A line without an id
    /// that was answered with other settings or by another model is answered again, and that is told.
    #[default]
    Stop,
    /// It fails.
    Error,
    /// The earlier answer stays.
    Skip,
    /// It is answered, and the earlier answer goes.
    Replace,
}

/// A run that is made otherwise than the output that it was to continue.
#[derive(Debug, Error)]
#[error("the output holds answers that were made otherwise")]
pub struct Conflict {
    id: Option<Id>,
    /// The digest of the earlier request, where it has no id.
    digest: Option<String>,
    /// The settings and the model of the request, named as in its record.
    conditions: Value,
}

impl Conflict {
    pub(crate) fn new(id: Option<Id>, digest: Option<String>, conditions: Value) -> Self {
        Self {
            id,
            digest,
            conditions,
        }
    }

    /// Returns the last answer of an output that the request is in conflict with, as JSON.
    fn earlier(&self, output: &Path) -> Option<Value> {
        let mut lines = BufReader::new(File::open(output).ok()?);
        let (mut line, mut found) = (Vec::new(), None);
        let is_it = |closed: Closed| {
            !closed.is_error
                && closed.id == self.id
                && (self.digest.is_none() || closed.request_digest == self.digest)
        };
        loop {
            line.clear();
            let read = lines
                .by_ref()
                .take(LONGEST_RECORD)
                .read_until(b'\n', &mut line);
            if read.ok()? == 0 {
                return found.and_then(|line: Vec<u8>| serde_json::from_slice(&line).ok());
            }
            let text = std::str::from_utf8(&line).unwrap_or_default().trim_end();
            if llm_record::closed(text).is_some_and(is_it) {
                found = Some(line.clone());
            }
        }
    }

    /// Returns the sentence that says how the run differs from the one that has written the file.
    #[must_use]
    pub fn sentence(&self, output: &Path) -> String {
        let id = serde_json::to_string(&self.id).unwrap_or_default();
        format!(
            "'{}' holds an answer to {id} already, {}; nothing is written: give another -o, run as \
             before, or say what becomes of such lines with --on-conflict error, skip or replace",
            output.display(),
            self.how(output)
        )
    }

    /// Returns the sentence that says of a line without an id how its earlier answer was made.
    #[must_use]
    pub fn note(&self, output: &Path) -> String {
        format!(
            "'{}' holds answers to lines of this run already, {}; they are answered once more, beside \
             those (--on-conflict skip keeps the earlier answers, replace takes them out)",
            output.display(),
            self.how(output)
        )
    }

    /// Says how the earlier answer was made.
    fn how(&self, output: &Path) -> String {
        let earlier = self.earlier(output).unwrap_or_default();
        let differences = differences(&earlier, &self.conditions);
        if !differences.is_empty() {
            format!("made with {}", differences.join(", "))
        } else if earlier["sampling"].is_object() {
            "to another prompt: the line, the instruction, --system or a template is another"
                .to_owned()
        } else {
            // OpenAI's format does not say how an answer was made.
            "to another request: the line, the model or a flag is another".to_owned()
        }
    }
}

/// Says in what an earlier answer was made otherwise.
fn differences(earlier: &Value, now: &Value) -> Vec<String> {
    let model = |record: &Value| {
        (
            record["model"]["digest"].clone(),
            record["model"]["name"].clone(),
        )
    };
    let ((was, was_called), (is, is_called)) = (model(earlier), model(now));
    let mut differences = Vec::new();
    if was != is && !was.is_null() {
        differences.push(format!(
            "the model {was_called}, and this run has {is_called}"
        ));
    }
    let of_model = ["template", "parse_special", "lora"];
    for (group, names) in [("model", &of_model[..]), ("sampling", &[])] {
        let (Some(was), Some(is)) = (earlier[group].as_object(), now[group].as_object()) else {
            // A format without these fields says nothing of them.
            continue;
        };
        let mut names: Vec<_> = match names {
            [] => was.keys().chain(is.keys()).map(String::as_str).collect(),
            names => names.to_vec(),
        };
        names.sort_unstable();
        names.dedup();
        for name in names {
            let (was, is) = (was.get(name), is.get(name));
            if was != is {
                let shown =
                    |value: Option<&Value>| value.map_or("none".to_owned(), Value::to_string);
                differences.push(format!(
                    "{name} {}, and this run has {}",
                    shown(was),
                    shown(is)
                ));
            }
        }
    }
    differences
}

/// The requests of a run whose earlier answers go.
#[derive(Debug, Default)]
pub struct Replaced {
    /// By id, the answer that stays.
    answers: HashMap<Key, Key>,
    /// The requests whose errors stay: they are closed by them.
    failed: HashSet<Key>,
    /// Of requests without an id, by what they are now, what they were when they were answered before.
    nameless: HashMap<Key, Key>,
    /// Those of the latter that are answered anew.
    answered_anew: HashSet<Key>,
}

impl Replaced {
    /// Notes a request that the output answers already.
    pub(crate) fn keep(&mut self, name: RequestName<'_>, on_conflict: OnConflict) {
        if on_conflict != OnConflict::Replace {
            return;
        }
        if name.id.is_some() {
            self.answers.insert(id_key(name.id), name.key());
        } else if let Some(then) = self.nameless.get(&name.key()) {
            self.answered_anew.insert(*then);
        }
    }

    /// Notes a request without an id that is answered under `then`, another digest, and is to be so anew.
    pub(crate) fn begin(&mut self, name: RequestName<'_>, then: &str) {
        let [now, then] = [name.digest, then].map(|digest| RequestName::plain(None, digest).key());
        self.nameless.insert(now, then);
    }

    /// Notes a request that an error closes, one that is there or is written now.
    pub(crate) fn keep_error(&mut self, name: RequestName<'_>, on_conflict: OnConflict) {
        if on_conflict == OnConflict::Replace && name.id.is_some() {
            self.failed.insert(name.key());
        }
    }

    /// Notes a record that is written.
    pub(crate) fn add(&mut self, record: &Record, on_conflict: OnConflict) {
        let (id, digest) = match record {
            Record::Completion(answer) => (&answer.id, Some(&answer.request_digest)),
            Record::Embedding(vector) => (&vector.id, Some(&vector.request_digest)),
            Record::Error(error) => {
                let digest = error.request_digest.as_deref().unwrap_or_default();
                let name = RequestName::plain(error.id.as_ref(), digest);
                self.keep_error(name, on_conflict);
                return;
            }
            _ => return,
        };
        let digest = digest.map(String::as_str).unwrap_or_default();
        self.keep(RequestName::plain(id.as_ref(), digest), on_conflict);
    }

    /// Whether a line of the output is an earlier answer to what is answered otherwise now, or an error that
    /// closes nothing any more.
    fn is_replaced(&self, closed: &Closed) -> bool {
        let digest = closed.request_digest.as_deref().unwrap_or_default();
        let Some(id) = &closed.id else {
            let key = RequestName::plain(None, digest).key();
            let told = self.nameless.get(&key);
            let told = told.filter(|_| closed.code == Some(ErrorCode::IdConflict));
            let then = if closed.is_error { told } else { Some(&key) };
            return then.is_some_and(|then| self.answered_anew.contains(then));
        };
        let name = RequestName::plain(Some(id), digest);
        let Some(answer) = self.answers.get(&id_key(Some(id))) else {
            return false;
        };
        if closed.is_error {
            !self.failed.contains(&name.key())
        } else {
            *answer != name.key()
        }
    }

    /// Takes what is replaced out of an output that nobody writes any more, and returns how many lines
    /// that were. The file is another one then, under the old name.
    ///
    /// # Errors
    /// [`DurableError`]; the file is as it was then.
    pub fn take_out(&self, path: &Path) -> Result<u64, DurableError> {
        if self.answers.is_empty() && self.answered_anew.is_empty() {
            return Ok(0);
        }
        drop_lines(path, &mut |closed| self.is_replaced(closed))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_is_named() {
        let was = json!({"model": {"digest": "a", "name": "m"}, "sampling": {"max_tokens": 4, "greedy": true}});
        let is = json!({"model": {"digest": "a", "name": "n"}, "sampling": {"max_tokens": 5, "greedy": true}});
        assert_eq!(differences(&was, &is), ["max_tokens 4, and this run has 5"]);
        assert!(differences(&was, &was).is_empty());
        assert!(differences(&json!({}), &is).is_empty());
        let other = json!({"model": {"digest": "b", "name": "o", "template": "raw"}});
        assert_eq!(
            differences(&was, &other),
            [
                r#"the model "m", and this run has "o""#,
                r#"template none, and this run has "raw""#
            ]
        );
    }

    #[test]
    fn earlier_answers_go_and_all_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let line = |id: &str, digest: &str| {
            format!(
                r#"{{"type":"completion","schema_version":1,"id":"{id}","request_digest":"{digest}"}}"#
            ) + "\n"
        };
        // A failure goes with what it was about.
        let failed = line("a", "2")
            .replace("completion", "error")
            .replace("}", r#","error":{"code":"id_conflict","message":"m"}}"#);
        let lines = [
            line("a", "1"),
            line("b", "1"),
            failed.clone(),
            line("a", "2"),
        ];
        std::fs::write(&path, lines.concat()).unwrap();
        let mut replaced = Replaced::default();
        assert_eq!(replaced.take_out(&path).unwrap(), 0);
        let id = Id::Text("a".to_owned());
        replaced.keep(RequestName::plain(Some(&id), "2"), OnConflict::Replace);
        assert_eq!(replaced.take_out(&path).unwrap(), 2);
        let left = std::fs::read_to_string(&path).unwrap();
        assert_eq!(left, [line("b", "1"), line("a", "2")].concat());
        assert_eq!(replaced.take_out(&path).unwrap(), 0);

        // An error that closes a line of this run stays, beside the answer to another of the same id.
        let told = [line("a", "2"), failed.replace(r#""2""#, r#""3""#)].concat();
        std::fs::write(&path, &told).unwrap();
        replaced.keep_error(RequestName::plain(Some(&id), "3"), OnConflict::Replace);
        assert_eq!(replaced.take_out(&path).unwrap(), 0);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), told);
    }
}
