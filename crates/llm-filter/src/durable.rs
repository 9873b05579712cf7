//! An output that a run goes on with: opened for this run alone, read, cut after
//! its last whole record, and synced as it grows.

use std::fs::{File, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use llm_cli::stdio::{FileIdentity, Sink, StdioError};
use serde_json::Value;
use thiserror::Error;

use crate::{Journal, Rules};

/// The longest line that is looked at: more than any record.
pub const LINE_LIMIT: u64 = 256 << 20;

/// How much of a file is looked at to see what it holds.
const MOST_LOOKED_AT: u64 = 64 << 20;

/// An output that cannot be gone on with.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DurableError {
    /// It is an input, too, or cannot be opened.
    #[error(transparent)]
    Stdio(#[from] StdioError),
    /// It cannot be read, cut or locked.
    #[error("cannot go on with {name}: {reason}")]
    Io {
        /// The file.
        name: String,
        /// What the system says.
        reason: io::Error,
    },
    /// Another run writes it.
    #[error("another run writes {name}; wait until it ends, or give another -o")]
    Busy {
        /// The file.
        name: String,
    },
    /// It holds something else.
    #[error(
        "line {line} of {name} is no record of an earlier run, and nothing is written to a file that \
         holds something else; give another -o"
    )]
    Foreign {
        /// The file.
        name: String,
        /// The first such line, from 1.
        line: u64,
    },
    /// It is a pipe or a device.
    #[error("{name} is no file; only a file can be gone on with")]
    NoFile {
        /// What it is called.
        name: String,
    },
}

/// What an earlier run has left.
#[derive(Debug)]
pub struct Found {
    /// What it has closed.
    pub journal: Journal,
    /// Bytes after its last whole record, which are cut off.
    pub torn: u64,
}

/// Opens the file of `-o` to append to; it is made where it is not there. A
/// device such as `/dev/null` holds nothing and is only written to.
///
/// # Errors
/// [`DurableError`]; the file is as it was then.
pub fn open(
    path: &Path,
    inputs: &[FileIdentity],
    rules: Rules,
) -> Result<(Sink, Found), DurableError> {
    let name = format!("'{}'", path.display());
    FileIdentity::of_path(path).map_or(Ok(()), |output| output.refuse(inputs))?;
    if path.metadata().is_ok_and(|data| !data.is_file()) {
        let found = Found {
            journal: Journal::new(rules),
            torn: 0,
        };
        return Ok((Sink::create(path, inputs)?, found));
    }
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path);
    let mut file = file.map_err(|reason| StdioError::Open {
        name: name.clone(),
        reason,
    })?;
    let found = take_over(&mut file, &name, rules, true)?;
    Ok((Sink::append(file, name), found))
}

/// Returns whether a file holds records of several requests, which nobody wants to
/// lose to a run that would replace them. One that cannot be read holds none.
pub fn holds_records(path: &Path) -> bool {
    let file = path.metadata().is_ok_and(|data| data.is_file());
    let Some(file) = file.then(|| File::open(path).ok()).flatten() else {
        return false;
    };
    let mut input = BufReader::new(file).take(MOST_LOOKED_AT);
    let (mut records, mut bytes) = (0, Vec::new());
    while records < 2 {
        bytes.clear();
        match input.read_until(b'\n', &mut bytes) {
            Ok(0) | Err(_) => return false,
            Ok(_) => {}
        }
        let closed = std::str::from_utf8(&bytes)
            .ok()
            .and_then(llm_record::closed);
        records += usize::from(closed.is_some());
    }
    true
}

/// Reads the file of `--resume`. Where it is standard output's, too, it is locked
/// and cut; the lock lasts as long as what is returned.
///
/// # Errors
/// [`DurableError`]; the file is as it was then.
pub fn resume(path: &Path, rules: Rules) -> Result<(File, Found), DurableError> {
    let name = format!("'{}'", path.display());
    let is_output = match (FileIdentity::of_path(path), FileIdentity::of_stdout()) {
        (Some(file), Some(output)) => output.refuse(&[file]).is_err(),
        _ => false,
    };
    let file = File::options().read(true).write(is_output).open(path);
    let mut file = file.map_err(|reason| DurableError::Io {
        name: name.clone(),
        reason,
    })?;
    if !file.metadata().is_ok_and(|data| data.is_file()) {
        return Err(DurableError::NoFile { name });
    }
    let found = take_over(&mut file, &name, rules, is_output)?;
    Ok((file, found))
}

/// Locks a file that is written to, reads what it holds and cuts it.
fn take_over(
    file: &mut File,
    name: &str,
    rules: Rules,
    is_output: bool,
) -> Result<Found, DurableError> {
    let io = |reason| DurableError::Io {
        name: name.to_owned(),
        reason,
    };
    if is_output {
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DurableError::Busy {
                    name: name.to_owned(),
                });
            }
            // A file system without locks: nothing can be said.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
    }
    let mut journal = Journal::new(rules);
    let scan = scan(BufReader::new(&mut *file), &mut journal).map_err(io)?;
    let whole = match scan {
        Scan::Records { end } => end,
        Scan::Foreign { line } => {
            return Err(DurableError::Foreign {
                name: name.to_owned(),
                line,
            });
        }
    };
    let torn = file.metadata().map_err(io)?.len().saturating_sub(whole);
    if is_output {
        if torn > 0 {
            file.set_len(whole).map_err(io)?;
            file.sync_data().map_err(io)?;
        }
        file.seek(SeekFrom::Start(whole)).map_err(io)?;
    }
    Ok(Found { journal, torn })
}

#[derive(Debug, PartialEq, Eq)]
enum Scan {
    /// The last whole record ends at this byte.
    Records { end: u64 },
    /// This line, from 1, is nothing that a run has written.
    Foreign { line: u64 },
}

/// Reads what a run has written, or begun to write.
fn scan(mut input: impl BufRead, journal: &mut Journal) -> io::Result<Scan> {
    let (mut end, mut at, mut line) = (0, 0, 0);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let read = input
            .by_ref()
            .take(LINE_LIMIT)
            .read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(Scan::Records { end });
        }
        at += read as u64;
        line += 1;
        let is_whole = bytes.last() == Some(&b'\n');
        let text = std::str::from_utf8(&bytes).ok().map(str::trim_end);
        match text.and_then(|text| Some((text, llm_record::closed(text)?))) {
            Some((text, closed)) if is_whole => {
                journal.close(&closed, text);
                end = at;
            }
            Some(_) => {}
            None if is_ours(&bytes) => {}
            None => return Ok(Scan::Foreign { line }),
        }
    }
}

/// Returns whether a line that closes nothing may come from an earlier run all
/// the same: a piece of an answer, the beginning of a record, what a power cut
/// leaves, or nothing at all.
fn is_ours(bytes: &[u8]) -> bool {
    if bytes.contains(&0) || bytes.trim_ascii().is_empty() {
        return true;
    }
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => value.get("schema_version").is_some() && value["type"] == "delta",
        Err(_) => bytes.starts_with(b"{"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use llm_record::{ErrorCode, ErrorRecord, Id, Record};

    use super::*;
    use crate::{Name, Verdict};

    fn record(id: &str) -> String {
        let id = Some(Id::Text(id.to_owned()));
        let mut record = ErrorRecord::new(1, id, ErrorCode::BadJson, "bad");
        record.request_digest = Some("d".to_owned());
        serde_json::to_string(&Record::from(record)).unwrap() + "\n"
    }

    fn left(bytes: &[u8]) -> (Result<u64, String>, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        std::fs::write(&path, bytes).unwrap();
        let opened = open(&path, &[], Rules::default()).map(|(mut sink, found)| {
            sink.write_all(b"+\n").unwrap();
            found.torn
        });
        let opened = opened.map_err(|error| error.to_string());
        (opened, std::fs::read(&path).unwrap())
    }

    #[test]
    fn what_follows_the_last_whole_record_is_cut() {
        let whole = format!("{}{}", record("a"), record("b"));
        let torn = record("c");
        for cut in 0..torn.len() {
            let (found, bytes) = left(format!("{whole}{}", &torn[..cut]).as_bytes());
            assert_eq!(found, Ok(cut as u64));
            assert_eq!(bytes, format!("{whole}+\n").as_bytes());
        }
        for tail in [
            &b"\0\0\0\0"[..],
            b"{\"type\":\0\0\n\0\0",
            b"{\"ty\n",
            b"\n\n",
        ] {
            let (found, bytes) = left(&[whole.as_bytes(), tail].concat());
            assert_eq!(found, Ok(tail.len() as u64), "{tail:?}");
            assert_eq!(bytes, format!("{whole}+\n").as_bytes());
        }
        // The very first record is torn, too.
        assert_eq!(left(&torn.as_bytes()[..9]).1, b"+\n");
        assert_eq!(left(b"").1, b"+\n");
    }

    #[test]
    fn a_file_of_something_else_is_left_alone() {
        for bytes in [
            &b"notes\n"[..],
            b"notes",
            b"{\"id\":1,\"text\":\"row\"}\n",
            b"\xff\xfe",
            b"[1]\n",
            b"{\"type\":\"count\",\"schema_version\":1,\"line\":1}\n",
        ] {
            let (found, after) = left(bytes);
            assert!(found.unwrap_err().starts_with("line 1 of"), "{bytes:?}");
            assert_eq!(after, bytes);
        }
    }

    #[test]
    fn records_of_several_requests_are_worth_keeping() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        assert!(!holds_records(&path) && !holds_records(folder.path()));
        for (text, wanted) in [
            (String::new(), false),
            ("notes\nnotes\n".to_owned(), false),
            (record("a"), false),
            (record("a") + &record("b"), true),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(holds_records(&path), wanted);
        }
    }

    #[test]
    fn two_runs_cannot_write_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let first = open(&path, &[], Rules::default()).unwrap();
        let second = open(&path, &[], Rules::default()).map(|_| ()).unwrap_err();
        assert!(matches!(second, DurableError::Busy { .. }), "{second}");
        drop(first);
        assert!(open(&path, &[], Rules::default()).is_ok());
    }

    #[test]
    fn what_is_closed_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        std::fs::write(&path, record("a")).unwrap();
        let (_, mut found) = resume(&path, Rules::default()).unwrap();
        let mut next = |name: &str| {
            let id = Id::Text(name.to_owned());
            found.journal.next(Name::plain(Some(&id), "d"))
        };
        assert_eq!(next("a"), Verdict::SkipFailed);
        assert_eq!(next("b"), Verdict::Run(1));
        assert!(resume(folder.path(), Rules::default()).is_err());
    }
}
