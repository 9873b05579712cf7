//! Torn lines in the midst of an output: what a crash leaves where somebody has appended after it. They
//! are found, said, and moved aside on demand; what they hold of whole records counts.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use llm_record::Closed;
use llm_record::closed::LONGEST_RECORD;
use serde_json::Value;

use crate::Journal;
use crate::exclusive::{DurableError, Refuse};
use crate::rewrite::{failed, rewrite, with_end};

/// How a record of ours begins, and a line of OpenAI's batch output.
const BEGINNINGS: [&str; 2] = ["{\"type\":\"", "{\"id\":\"batch_req_"];

/// How many beginnings of records are tried in a torn line: more than the tools, content parts and kept
/// fields of any record that begin alike.
const MOST_TRIED: usize = 4096;

/// Torn lines of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tears {
    /// How many there are.
    count: u64,
    /// The first, from 1.
    first: u64,
    /// How many of them end in a whole record.
    with_record: u64,
    /// They are in a file of their own now.
    pub(crate) are_moved: bool,
}

impl Tears {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl Tears {
    /// Returns the sentence that tells of them in the file of that name.
    #[must_use]
    pub fn sentence(&self, name: &str) -> String {
        let Self { count, first, .. } = self;
        let which = match count {
            1 => format!("line {first} of {name} is torn, as a crash leaves it"),
            _ => format!(
                "{count} lines of {name} are torn, as a crash leaves them, the first is line {first}"
            ),
        };
        let requests = match (count, self.with_record) {
            (1, 0) => "its request is open".to_owned(),
            (1, _) => "the whole record at its end counts".to_owned(),
            (_, 0) => "their requests are open".to_owned(),
            (_, ends) => format!("the whole records at the end of {ends} of them count"),
        };
        let way = if self.are_moved {
            "what is torn was moved to FILE.torn"
        } else {
            "-o FILE --repair moves what is torn to FILE.torn"
        };
        format!("{which}; {requests}, and {way}")
    }
}

/// What the lines of a file are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Scan {
    /// The last whole record ends at this byte, and lines before it are torn.
    Records { end: u64, tears: Tears },
    /// This line, from 1, is nothing that a run has written.
    Foreign { line: u64 },
}

/// Reads what a run has written, or begun to write.
pub(crate) fn scan(
    mut input: impl BufRead,
    kind: Option<&str>,
    journal: &mut Journal,
) -> io::Result<Scan> {
    // The first answer tells what the file is of.
    let mut kind = kind;
    let (mut end, mut at, mut line) = (0, 0, 0);
    let (mut tears, mut since) = (Tears::default(), Tears::default());
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let read = input
            .by_ref()
            .take(LONGEST_RECORD)
            .read_until(b'\n', &mut bytes)?;
        if read == 0 {
            // What follows the last whole record is cut and not torn.
            return Ok(Scan::Records { end, tears });
        }
        at += read as u64;
        line += 1;
        let is_whole = bytes.last() == Some(&b'\n');
        let found = match Line::of(&bytes) {
            // Before any record of ours, what has NULs or a brace may well be a file of something else.
            Line::Torn(..) if end == 0 && !may_begin(&bytes) => Line::Foreign,
            found => found,
        };
        match &found {
            Line::Closing(_) if !is_whole => {}
            Line::Closing(closed)
                if !closed.is_error && kind.take().is_some_and(|kind| !is_of(&bytes, kind)) =>
            {
                return Ok(Scan::Foreign { line });
            }
            Line::Closing(closed) => journal.close(closed, text(&bytes)),
            Line::Torn(start, Some(closed)) if is_whole => {
                journal.close(closed, text(&bytes[*start..]));
            }
            Line::Beside | Line::Torn(..) => {}
            Line::Foreign => return Ok(Scan::Foreign { line }),
        }
        if let Line::Torn(_, record) = &found {
            since.first = if since.count == 0 { line } else { since.first };
            since.count += 1;
            since.with_record += u64::from(record.is_some());
        }
        if is_whole && matches!(found, Line::Closing(_) | Line::Torn(_, Some(_))) {
            end = at;
            let first = if tears.count == 0 {
                since.first
            } else {
                tears.first
            };
            tears = Tears {
                count: tears.count + since.count,
                first,
                with_record: tears.with_record + since.with_record,
                are_moved: false,
            };
            since = Tears::default();
        }
    }
}

/// Whether a torn line is nothing but NULs, or begins as our records do, or breaks off within that.
fn may_begin(bytes: &[u8]) -> bool {
    let is_nothing = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
    let start = bytes.iter().position(|byte| !is_nothing(byte));
    let end = bytes.iter().rposition(|byte| !is_nothing(byte));
    let (Some(start), Some(end)) = (start, end) else {
        return true;
    };
    let text = &bytes[start..=end];
    BEGINNINGS.iter().any(|beginning| {
        let beginning = beginning.as_bytes();
        text.starts_with(beginning) || beginning.starts_with(text) || {
            // NULs may stand within the beginning, too.
            let known = text
                .iter()
                .zip(beginning)
                .take_while(|(a, b)| a == b)
                .count();
            known > 0 && text.get(known) == Some(&0)
        }
    })
}

/// Whether a record is of a type, or of a form that has none: a line of OpenAI's batch output.
fn is_of(bytes: &[u8], kind: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Probe {
        #[serde(rename = "type")]
        kind: Option<String>,
    }
    serde_json::from_slice::<Probe>(bytes)
        .ok()
        .and_then(|probe| probe.kind)
        .is_none_or(|found| found == kind)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default().trim_end()
}

/// What a line is.
enum Line {
    /// It closes a request.
    Closing(Closed),
    /// It closes none and is well all the same: a piece of an answer, or nothing at all.
    Beside,
    /// The beginning of a record, or what a power cut leaves; where from the given byte on a whole record
    /// follows, that closes a request.
    Torn(usize, Option<Closed>),
    /// No run has written it.
    Foreign,
}

impl Line {
    fn of(bytes: &[u8]) -> Self {
        let whole = |bytes| std::str::from_utf8(bytes).ok().map(str::trim_end);
        if let Some(closed) = whole(bytes).and_then(llm_record::closed) {
            return Self::Closing(closed);
        }
        if bytes.trim_ascii().is_empty() {
            return Self::Beside;
        }
        match serde_json::from_slice::<Value>(bytes) {
            Ok(value) if value.get("schema_version").is_some() && value["type"] == "delta" => {
                Self::Beside
            }
            Err(_) if bytes.contains(&0) || bytes.starts_with(b"{") => match last_record(bytes) {
                Some((start, closed)) => Self::Torn(start, Some(closed)),
                None => Self::Torn(bytes.len(), None),
            },
            _ => Self::Foreign,
        }
    }
}

/// Returns the record that a line ends in, behind something else, and where it begins. Inside a text the
/// quotes of JSON are escaped, so none begins there.
fn last_record(bytes: &[u8]) -> Option<(usize, Closed)> {
    // A record may have been torn inside a character.
    let last = bytes.utf8_chunks().last()?;
    let text = last.valid().trim_end();
    if !last.invalid().is_empty() {
        return None;
    }
    let before = bytes.len() - last.valid().len();
    let begins = |start: &usize| {
        let rest = &text.as_bytes()[*start..];
        let is_begun = |beginning: &&str| rest.starts_with(beginning.as_bytes());
        before + start > 0 && BEGINNINGS.iter().any(is_begun)
    };
    let mut starts = (0..text.len()).rev().filter(begins).take(MOST_TRIED);
    starts.find_map(|start| Some((before + start, llm_record::closed(&text[start..])?)))
}

/// Moves what is torn in a file that is locked to the end of `FILE.torn`, and returns the file without it,
/// locked, under its old name. At no moment is a line in neither of the two.
pub(crate) fn move_aside(
    path: &Path,
    file: &mut File,
    refuse: Refuse<'_>,
) -> Result<File, DurableError> {
    let torn = with_end(path, ".torn");
    refuse(&torn).map_err(DurableError::Refused)?;
    let mut aside = File::options()
        .append(true)
        .create(true)
        .open(&torn)
        .map_err(failed(&torn))?;
    rewrite(path, &file.try_clone().map_err(failed(path))?, |mended| {
        part(file, mended, &mut aside).map_err(failed(path))?;
        aside.sync_data().map_err(failed(&torn))
    })
}

/// Writes what is whole in a file to one, and what is torn, each on a line, to another.
fn part(file: &mut File, mended: &mut File, aside: &mut File) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    let mut lines = BufReader::new(&*file);
    let (mut mended, mut aside) = (BufWriter::new(mended), BufWriter::new(aside));
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        lines
            .by_ref()
            .take(LONGEST_RECORD)
            .read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            break;
        }
        let start = match Line::of(&bytes) {
            Line::Torn(start, _) => start,
            _ => 0,
        };
        let (cut, whole) = bytes.split_at(start);
        mended.write_all(whole)?;
        aside.write_all(cut)?;
        if !cut.is_empty() && !cut.ends_with(b"\n") {
            aside.write_all(b"\n")?;
        }
    }
    mended.flush()?;
    aside.flush()
}

#[cfg(test)]
mod tests {
    use llm_record::{ErrorCode, ErrorRecord, Id, Record};

    use super::*;
    use crate::durable::{self, Existing, Opened};
    use crate::{RequestName, Rules, Verdict};

    fn record(id: &str) -> String {
        let id = Some(Id::Text(id.to_owned()));
        let mut record =
            ErrorRecord::new(1, id, ErrorCode::BadJson, "a \"quoted\" {\"type\":\"x\"}");
        record.request_digest = Some("d".to_owned());
        serde_json::to_string(&Record::from(record)).unwrap() + "\n"
    }

    /// Returns what is told of torn lines, which of a, b and c are closed, and what the two files hold.
    fn opened(
        text: &[u8],
        existing: Existing,
    ) -> (String, Vec<&'static str>, Vec<u8>, Option<Vec<u8>>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        std::fs::write(&path, text).unwrap();
        let open = || durable::open(&path, Rules::default(), existing, &|_| Ok(()));
        let Opened::Continued(file, mut found) = open().unwrap() else {
            panic!("it is a file to go on with");
        };
        assert!(matches!(open(), Err(DurableError::Busy { .. })));
        drop(file);
        let closed = ["a", "b", "c"].into_iter().filter(|name| {
            let id = Id::Text((*name).to_owned());
            found.journal.next(RequestName::plain(Some(&id), "d")) == Verdict::SkipFailed
        });
        let closed = closed.collect();
        let told = if found.tears.is_empty() {
            String::new()
        } else {
            found.tears.sentence("'f'")
        };
        let torn = std::fs::read(folder.path().join("out.jsonl.torn")).ok();
        let names = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(
            names,
            1 + usize::from(torn.is_some()),
            "nothing else is left"
        );
        (told, closed, std::fs::read(&path).unwrap(), torn)
    }

    #[test]
    fn a_torn_line_in_the_midst_is_told_and_moved_on_demand() {
        let (a, b, c) = (record("a"), record("b"), record("c"));
        let whole = format!("{a}{c}");
        for cut in [1, 9, 40, b.len() - 2] {
            let torn = format!("{}\n", &b[..cut]);
            let text = format!("{a}{torn}{c}");
            let (told, closed, bytes, aside) = opened(text.as_bytes(), Existing::Continue);
            assert!(told.starts_with("line 2 of 'f' is torn"), "{told}");
            assert!(told.contains("--repair"), "{told}");
            assert_eq!((closed, bytes, aside), (vec!["a", "c"], text.into(), None));
            let text = format!("{a}{torn}{c}");
            let (_, closed, bytes, aside) = opened(text.as_bytes(), Existing::Repair);
            assert_eq!(closed, ["a", "c"]);
            assert_eq!(bytes, whole.as_bytes());
            assert_eq!(aside, Some(torn.into_bytes()));
        }
    }

    #[test]
    fn a_record_that_was_appended_to_a_torn_one_counts() {
        let (a, b, c) = (record("a"), record("b"), record("c"));
        for torn in [&b[..1], &b[..9], &b[..b.len() - 2], "\0\0\0\0"] {
            let text = format!("{a}{torn}{c}");
            let (told, closed, bytes, _) = opened(text.as_bytes(), Existing::Continue);
            assert!(
                told.contains("the whole record at its end counts"),
                "{told}"
            );
            assert_eq!((closed, bytes), (vec!["a", "c"], text.clone().into_bytes()));
            let (_, closed, bytes, aside) = opened(text.as_bytes(), Existing::Repair);
            assert_eq!(closed, ["a", "c"]);
            assert_eq!(bytes, format!("{a}{c}").as_bytes());
            assert_eq!(aside, Some(format!("{torn}\n").into_bytes()));
        }
    }

    #[test]
    fn a_record_may_be_torn_inside_a_character_and_hold_objects_that_begin_alike() {
        let tools = "{\"type\":\"function\"},".repeat(100);
        let record =
            record("c").replacen('{', &format!("{{\"type\":\"error\",\"x\":[{tools}0],"), 1);
        let record = record.replacen(",\"type\":\"error\"", "", 1).replacen(
            "0],\"type\":\"error\"",
            "0]",
            1,
        );
        assert!(llm_record::closed(record.trim_end()).is_some(), "{record}");
        let line = [
            b"{\"type\":\"completion\",\"text\":\"\xc3",
            record.as_bytes(),
        ]
        .concat();
        let Line::Torn(start, Some(_)) = Line::of(&line) else {
            panic!("the record is not found");
        };
        assert_eq!(&line[start..], record.as_bytes());
    }

    #[test]
    fn a_file_without_tears_is_not_written_anew() {
        let text = format!("{}\n{}", record("a"), record("b"));
        for existing in [Existing::Continue, Existing::Repair] {
            let (told, closed, bytes, aside) = opened(text.as_bytes(), existing);
            assert_eq!((told.as_str(), closed), ("", vec!["a", "b"]));
            assert_eq!((bytes, aside), (text.clone().into_bytes(), None));
        }
    }

    #[test]
    fn lines_of_nothing_but_beginnings_take_no_time() {
        let line = format!("{}\n", "{\"type\":\"".repeat(1 << 20));
        let start = std::time::Instant::now();
        assert!(matches!(Line::of(line.as_bytes()), Line::Torn(_, None)));
        assert!(start.elapsed() < std::time::Duration::from_secs(10));
    }
}
