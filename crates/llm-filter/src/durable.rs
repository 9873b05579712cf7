//! An output that a run continues: locked for this run alone, read, and cut after its last
//! whole record.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::path::Path;

use crate::exclusive::lock;
pub use crate::exclusive::{DurableError, Refusal, Refuse};
use crate::tears::{self, Scan, Tears};
use crate::{Journal, Rules};

/// What an earlier run has left.
#[derive(Debug)]
pub struct EarlierRun {
    /// What it has closed.
    pub journal: Journal,
    /// Bytes after its last whole record, which are cut off.
    pub torn: u64,
    /// Lines before that which are torn, and stay or are moved aside.
    pub tears: Tears,
    /// The file, as it was before lines were moved out of it: its lock is kept, so that nobody takes it
    /// for free who has opened it.
    pub before: Option<File>,
}

/// What is done with an output that exists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Existing {
    /// It is continued.
    #[default]
    Continue,
    /// It is continued, and torn lines are moved aside.
    Repair,
    /// It is replaced, whatever it holds.
    Overwrite,
}

impl Existing {
    /// Returns what the flags of these names ask for.
    #[must_use]
    pub fn choose(overwrite: bool, repair: bool) -> Self {
        if overwrite {
            Self::Overwrite
        } else if repair {
            Self::Repair
        } else {
            Self::Continue
        }
    }
}

/// An output that is open, for this run alone.
#[derive(Debug)]
pub enum Opened {
    /// A pipe or a device, which holds nothing. It is not opened here.
    Device,
    /// A file whose content goes when the first record is written.
    Replaced(File),
    /// A file that stands where the next record belongs, and what it holds.
    Continued(File, Box<EarlierRun>),
}

/// Opens the file of `-o` to append to; it is made where it is not there.
///
/// # Errors
/// [`DurableError`]; the file is as it was then.
pub fn open(
    path: &Path,
    rules: Rules,
    existing: Existing,
    refuse: Refuse<'_>,
) -> Result<Opened, DurableError> {
    let name = format!("'{}'", path.display());
    refuse(path).map_err(DurableError::Refused)?;
    if path.metadata().is_ok_and(|data| !data.is_file()) {
        return Ok(Opened::Device);
    }
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|reason| DurableError::Open {
            name: name.clone(),
            reason,
        })?;
    if existing == Existing::Overwrite {
        lock(&file, &name)?;
        return Ok(Opened::Replaced(file));
    }
    let mut earlier = take_over(&mut file, &name, rules, true)?;
    if existing == Existing::Repair && !earlier.tears.is_empty() {
        let mended = tears::move_aside(path, &mut file, refuse)?;
        earlier.before = Some(std::mem::replace(&mut file, mended));
        earlier.tears.are_moved = true;
    }
    Ok(Opened::Continued(file, Box::new(earlier)))
}

/// Reads the file of `--resume`. Where `is_output`, since records are appended to it, it is locked
/// and cut; the lock lasts as long as what is returned.
///
/// # Errors
/// [`DurableError`]; the file is as it was then.
pub fn resume(
    path: &Path,
    rules: Rules,
    is_output: bool,
) -> Result<(File, EarlierRun), DurableError> {
    let name = format!("'{}'", path.display());
    let mut file = File::options()
        .read(true)
        .write(is_output)
        .open(path)
        .map_err(|reason| DurableError::Io {
            name: name.clone(),
            reason,
        })?;
    if !file.metadata().is_ok_and(|data| data.is_file()) {
        return Err(DurableError::NoFile { name });
    }
    let earlier = take_over(&mut file, &name, rules, is_output)?;
    Ok((file, earlier))
}

/// Locks a file that is written to, reads what it holds and cuts it.
fn take_over(
    file: &mut File,
    name: &str,
    rules: Rules,
    is_output: bool,
) -> Result<EarlierRun, DurableError> {
    let io = |reason| DurableError::Io {
        name: name.to_owned(),
        reason,
    };
    if is_output {
        lock(file, name)?;
    }
    let mut journal = Journal::new(rules);
    let scan = tears::scan(BufReader::new(&mut *file), rules.kind, &mut journal).map_err(io)?;
    let (whole, tears) = match scan {
        Scan::Records { end, tears } => (end, tears),
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
    Ok(EarlierRun {
        journal,
        torn,
        tears,
        before: None,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use llm_record::{ErrorCode, ErrorRecord, Id, Record};

    use super::*;
    use crate::{RequestName, Verdict};

    fn record(id: &str) -> String {
        let id = Some(Id::Text(id.to_owned()));
        let mut record = ErrorRecord::new(1, id, ErrorCode::BadJson, "bad");
        record.request_digest = Some("d".to_owned());
        serde_json::to_string(&Record::from(record)).unwrap() + "\n"
    }

    fn opened(path: &Path, existing: Existing) -> Result<(File, EarlierRun), DurableError> {
        match open(path, Rules::default(), existing, &|_| Ok(()))? {
            Opened::Continued(file, earlier) => Ok((file, *earlier)),
            other => panic!("{other:?}"),
        }
    }

    fn left(bytes: &[u8]) -> (Result<u64, String>, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        std::fs::write(&path, bytes).unwrap();
        let opened = opened(&path, Existing::Continue).map(|(mut file, found)| {
            file.write_all(b"+\n").unwrap();
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
            b"{a: 1}\n",
            b"{\"title\": \"cut",
            // Heads of a GGUF file, a safetensors file and a numpy array.
            b"GGUF\x03\0\0\0\x01\0\0\0\0\0\0\0",
            b"\x40\0\0\0\0\0\0\0{\"embeddings\":{\"dtype\":\"F32\"",
            b"\x93NUMPY\x01\0v\0{'descr': '<f4'}\n\0\0\0\0\0\0\x80?",
            b"{\"type\":\"count\",\"schema_version\":1,\"line\":1}\n",
        ] {
            let (found, after) = left(bytes);
            assert!(found.unwrap_err().starts_with("line 1 of"), "{bytes:?}");
            assert_eq!(after, bytes);
        }
    }

    #[test]
    fn two_runs_cannot_write_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let first = opened(&path, Existing::Continue).unwrap();
        let second = opened(&path, Existing::Continue).map(|_| ()).unwrap_err();
        assert!(matches!(second, DurableError::Busy { .. }), "{second}");
        drop(first);
        assert!(opened(&path, Existing::Continue).is_ok());
    }

    #[test]
    fn what_is_closed_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        std::fs::write(&path, record("a")).unwrap();
        let (_, mut found) = resume(&path, Rules::default(), false).unwrap();
        let mut next = |name: &str| {
            let id = Id::Text(name.to_owned());
            found.journal.next(RequestName::plain(Some(&id), "d"))
        };
        assert_eq!(next("a"), Verdict::SkipFailed);
        assert_eq!(next("b"), Verdict::Run(1));
        assert!(resume(folder.path(), Rules::default(), false).is_err());
    }
}
