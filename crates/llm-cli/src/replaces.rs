//! What an output may replace: nothing that is there, records of its own kind, or, where the user says
//! so with --overwrite, whatever it is. What must not be written at all is `reads`' business.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use llm_record::closed::LONGEST_RECORD;
use serde::Deserialize;

use crate::stdio::error::StdioError;

/// What an output may take the place of. An empty file, a pipe and a device may always be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaces<'k> {
    /// Anything, as --overwrite asks.
    Anything,
    /// Nothing: a text does not tell whose it is.
    Nothing,
    /// Records of this type, with the errors and pieces among them.
    Records(&'k str),
    /// A file that has these words near its beginning.
    Marked(&'k str),
}

impl<'k> Replaces<'k> {
    /// Returns what an output of this form replaces: `kind` is the type of its records, `None` where it
    /// is text.
    #[must_use]
    pub fn choose(overwrite: bool, kind: Option<&'k str>) -> Self {
        match kind {
            _ if overwrite => Self::Anything,
            None => Self::Nothing,
            Some(kind) => Self::Records(kind),
        }
    }

    /// Refuses to replace what a path leads to.
    ///
    /// # Errors
    /// [`StdioError::Occupied`], [`StdioError::HoldsRecords`].
    pub fn check(self, path: &Path) -> Result<(), StdioError> {
        let name = || format!("'{}'", path.display());
        let holds = |what: String| StdioError::Occupied { name: name(), what };
        let is_worth = |data: std::fs::Metadata| data.is_file() && data.len() > 0;
        if self == Self::Anything || !path.metadata().is_ok_and(is_worth) {
            return Ok(());
        }
        let kind = match self {
            Self::Anything => return Ok(()),
            Self::Nothing => {
                let no_mark = "nothing in it shows that it is an earlier output";
                return Err(match Held::read(path, "") {
                    Ok(Held::Records { closed: 2.., .. }) => {
                        StdioError::HoldsRecords { name: name() }
                    }
                    _ => holds(no_mark.to_owned()),
                });
            }
            Self::Records(kind) => kind,
            Self::Marked(mark) if begins_with(path, mark) => return Ok(()),
            Self::Marked(_) => return Err(holds("it was made by another program".to_owned())),
        };
        let no_record = |line: u64| holds(format!("line {line} is not a '{kind}' record"));
        match Held::read(path, kind) {
            Err(reason) => Err(holds(format!("it cannot be read: {reason}"))),
            Ok(Held::Other { line }) => Err(no_record(line)),
            Ok(Held::Records { own, closed, other }) => {
                // What takes a run its time is worth keeping; the rest is made again at once.
                let is_worth = matches!(kind, "completion" | "embedding") || own == 0;
                match (closed > 1 && (is_worth || other.is_some()), other) {
                    (true, _) => Err(StdioError::HoldsRecords { name: name() }),
                    (false, Some(line)) => Err(no_record(line)),
                    (false, None) => Ok(()),
                }
            }
        }
    }
}

/// Whether words stand within the first bytes of a file.
fn begins_with(path: &Path, mark: &str) -> bool {
    /// More than the head of any format of ours.
    const HEAD: u64 = 1 << 10;
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    read.is_ok() && String::from_utf8_lossy(&head).contains(mark)
}

/// What a file holds.
#[derive(Debug, PartialEq, Eq)]
enum Held {
    /// Records.
    Records {
        /// How many are of the wanted type.
        own: u64,
        /// How many close a request, of whatever type.
        closed: u64,
        /// The first line that is an answer of another type.
        other: Option<u64>,
    },
    /// This line, from 1, is no record.
    Other { line: u64 },
}

/// The fields that tell a record.
#[derive(Deserialize)]
struct Probe<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
    schema_version: Option<u64>,
}

impl Held {
    fn read(path: &Path, kind: &str) -> io::Result<Self> {
        let mut file = BufReader::new(File::open(path)?);
        let (mut own, mut closed, mut other, mut line) = (0, 0, None, 0);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let read = file
                .by_ref()
                .take(LONGEST_RECORD)
                .read_until(b'\n', &mut bytes)?;
            if read == 0 {
                return Ok(Self::Records { own, closed, other });
            }
            line += 1;
            // What is not UTF-8 is no JSON, either.
            let text = std::str::from_utf8(&bytes).unwrap_or("?").trim();
            let closes = llm_record::closed(text).is_some();
            match Line::of(text, kind, closes) {
                Line::Own => own += 1,
                Line::Beside => {}
                Line::Other if closes => other = other.or(Some(line)),
                Line::Other => return Ok(Self::Other { line }),
            }
            closed += u64::from(closes);
        }
    }
}

/// What a line is to an output.
enum Line {
    /// A record of its type.
    Own,
    /// What stands among those.
    Beside,
    Other,
}

impl Line {
    fn of(text: &str, kind: &str, closes: bool) -> Self {
        if text.is_empty() {
            return Self::Beside;
        }
        let probe = serde_json::from_str::<Probe<'_>>(text).ok();
        let found = probe.filter(|probe| probe.schema_version.is_some());
        match found.as_ref().map(|probe| probe.kind.as_ref()) {
            Some(found) if found == kind => Self::Own,
            Some("error") => Self::Beside,
            Some("delta") if kind == "completion" => Self::Beside,
            // A line of OpenAI's batch output has a form without a type.
            None if closes && kind == "completion" => Self::Beside,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETION: &str = "{\"type\":\"completion\",\"schema_version\":1,\"line\":1}\n";
    const ERROR: &str =
        "{\"type\":\"error\",\"schema_version\":1,\"error\":{\"code\":\"bad_json\"}}\n";
    const COUNT: &str = "{\"type\":\"count\",\"schema_version\":1}\n";
    const DELTA: &str = "{\"type\":\"delta\",\"schema_version\":1}\n";
    const BATCH: &str = "{\"id\":\"batch_req_x\",\"custom_id\":null,\"response\":{\"status_code\":200},\"error\":null}\n";

    fn checked(text: &str, replaces: Replaces<'_>) -> Result<(), String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let result = replaces.check(file.path());
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), text);
        result.map_err(|error| error.to_string())
    }

    #[test]
    fn what_an_earlier_run_wrote_in_the_same_form_is_replaced() {
        for (kind, text) in [
            ("completion", String::new()),
            ("completion", COMPLETION.to_owned()),
            ("completion", [DELTA, DELTA, COMPLETION].concat()),
            ("completion", ERROR.to_owned()),
            ("completion", BATCH.to_owned()),
            ("count", [COUNT, ERROR, "\n", COUNT, ERROR].concat()),
            (
                "bench",
                "{\"type\":\"bench\",\"schema_version\":1}\n".repeat(5),
            ),
        ] {
            let replaced = checked(&text, Replaces::Records(kind));
            assert_eq!(replaced, Ok(()), "{kind}: {text}");
        }
    }

    #[test]
    fn anything_else_is_replaced_on_demand_alone() {
        let weights = String::from("GGUF\u{3}\0\0\0");
        for (kind, text) in [
            ("completion", "notes\n"),
            ("completion", "\n\nnotes"),
            ("completion", &weights),
            ("completion", "{\"type\":\"completion\"}\n"),
            ("completion", "[1]\n"),
            ("completion", COUNT),
            ("count", COMPLETION),
            ("count", DELTA),
            ("bench", COUNT),
            ("completion", &[COMPLETION, "notes\n"].concat()),
        ] {
            let refused = checked(text, Replaces::Records(kind)).unwrap_err();
            assert!(refused.contains("--overwrite"), "{refused}");
            assert!(
                refused.contains(&format!("is not a '{kind}' record")),
                "{refused}"
            );
            assert!(checked(text, Replaces::Nothing).is_err());
            assert_eq!(checked(text, Replaces::Anything), Ok(()));
        }
        assert_eq!(checked("", Replaces::Nothing), Ok(()));
        assert!(Replaces::Nothing.check(Path::new("/dev/null")).is_ok());
    }

    #[test]
    fn answers_to_several_requests_are_worth_keeping() {
        for (kind, text) in [
            ("completion", COMPLETION.repeat(2)),
            ("completion", [COMPLETION, ERROR].concat()),
            ("completion", BATCH.repeat(2)),
            ("count", COMPLETION.repeat(2)),
            ("estimate", COMPLETION.repeat(2)),
            ("count", ERROR.repeat(2)),
        ] {
            let refused = checked(&text, Replaces::Records(kind)).unwrap_err();
            assert!(
                refused.contains("holds records of an earlier run"),
                "{refused}"
            );
            let as_text = checked(&text, Replaces::Nothing).unwrap_err();
            assert!(
                as_text.contains("holds records of an earlier run"),
                "{as_text}"
            );
        }
    }
}
