//! Bytes → lines, with bounded memory and a name for each fault. What a line means is `request`'s
//! business, what to do about a bad one the caller's.

use std::io::{self, BufRead};

use thiserror::Error;

use crate::{ErrorCode, ErrorRecord, Failed, Id, Reply, Routed};

/// The longest line that is read unless the caller says otherwise, in bytes: 8 MiB holds a book, and
/// more than any context of today.
pub const DEFAULT_LINE_LIMIT: usize = 8 << 20;

/// One line without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its place in the input, from 1; blank lines count.
    pub number: u64,
    /// Its text, never blank.
    pub text: String,
}

/// A line that cannot be worked on.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("line {line} {fault}")]
pub struct LineError {
    /// The line's place in the input, from 1.
    pub line: u64,
    /// The line's id, where it could be read.
    pub id: Option<Id>,
    /// What is wrong with it; part of the sentence above, so not a source of its own.
    pub fault: LineFault,
    /// In whose format the line is answered.
    pub reply: Reply,
}

/// What is wrong with a line; reads on from "line 3 …".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LineFault {
    /// The line is longer than the reader's limit; its rest was passed over.
    #[error("is longer than {limit} bytes; --max-line-bytes raises the limit")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The line is not UTF-8.
    #[error("is not valid UTF-8 (byte {byte}); convert it first, for example with iconv")]
    Utf8 {
        /// Place of the first bad byte in the line, from 1.
        byte: usize,
    },
    /// The line is not JSON.
    #[error("is not valid JSON (byte {column}: {reason})")]
    Json {
        /// Place of the fault in the line, from 1.
        column: usize,
        /// What the parser found.
        reason: String,
    },
    /// The line is JSON of more lists and objects in each other than are read.
    #[error("nests lists and objects more than 127 deep (byte {column}), which is the limit")]
    TooDeep {
        /// Place of the first that is too deep, from 1.
        column: usize,
    },
    /// The line is JSON, but no object.
    #[error("is not a JSON object")]
    NotAnObject,
    /// The line is an object, but no request that can be answered.
    #[error("cannot be answered: {reason}")]
    Request {
        /// What is wrong, naming the field.
        reason: String,
    },
    /// The line is a request that holds what would change the answer and is not supported.
    #[error("cannot be answered: {reason}")]
    Unsupported {
        /// What is not supported, naming the field.
        reason: String,
    },
    /// The line is no row of the table that it stands in.
    #[error("is not a row of the CSV file: {reason}")]
    Csv {
        /// What is wrong.
        reason: String,
    },
    /// A field of a row is not UTF-8.
    #[error("is not valid UTF-8 in column {column}; convert it first, for example with iconv")]
    Utf8Column {
        /// The column's name in quotes, or its number in the header.
        column: String,
    },
}

impl LineError {
    /// Returns the fault of one line.
    #[must_use]
    pub fn new(line: u64, id: Option<Id>, fault: LineFault) -> Self {
        Self {
            line,
            id,
            fault,
            reply: Reply::Own,
        }
    }

    /// Returns the fault of a line that is answered in this format.
    #[must_use]
    pub fn with_reply(self, reply: Reply) -> Self {
        Self { reply, ..self }
    }

    /// Whether the line is an object, so that its form is known.
    #[must_use]
    pub fn is_understood(&self) -> bool {
        matches!(
            self.fault,
            LineFault::Request { .. } | LineFault::Unsupported { .. }
        )
    }

    /// Returns the record that closes the line as failed.
    #[must_use]
    pub fn failed(&self) -> Failed {
        let code = match self.fault {
            LineFault::TooLong { .. } => ErrorCode::InputTooLong,
            LineFault::Utf8 { .. } | LineFault::Utf8Column { .. } => ErrorCode::BadUtf8,
            LineFault::Json { .. } | LineFault::TooDeep { .. } | LineFault::NotAnObject => {
                ErrorCode::BadJson
            }
            LineFault::Request { .. } => ErrorCode::BadRequest,
            LineFault::Unsupported { .. } => ErrorCode::UnsupportedField,
            LineFault::Csv { .. } => ErrorCode::BadCsv,
        };
        let record = ErrorRecord::new(self.line, self.id.clone(), code, self.to_string());
        Box::new(Routed::new(record, self.reply))
    }
}

/// An iterator over the lines of a reader.
///
/// A line ends with LF or CR LF, the last one also with the end of the input; a byte order mark at
/// the start is passed over, and so are blank lines. At most `limit` bytes of a line are held. An
/// `io::Error` ends the iteration.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    limit: usize,
    number: u64,
    ended: bool,
}

impl<R: BufRead> Lines<R> {
    /// Returns the lines of a reader, each of at most `limit` bytes without its end.
    pub fn new(reader: R, limit: usize) -> Self {
        Self {
            reader,
            limit,
            number: 0,
            ended: false,
        }
    }

    /// Returns how many lines were read so far, blank and bad ones included.
    pub fn count_read(&self) -> u64 {
        self.number
    }

    /// Returns the next line that is not blank, or nothing at the input's end.
    fn next_line(&mut self) -> io::Result<Option<Result<Line, LineError>>> {
        loop {
            let Some((mut bytes, too_long)) = self.next_bytes()? else {
                return Ok(None);
            };
            self.number += 1;
            if self.number == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
                bytes.drain(..3);
            }
            let fault = |bytes: &[u8], fault| {
                Ok(Some(Err(LineError::new(
                    self.number,
                    Id::salvage(bytes),
                    fault,
                ))))
            };
            if too_long {
                return fault(&bytes, LineFault::TooLong { limit: self.limit });
            }
            match String::from_utf8(bytes) {
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => {
                    let number = self.number;
                    return Ok(Some(Ok(Line { number, text })));
                }
                Err(error) => {
                    let byte = error.utf8_error().valid_up_to() + 1;
                    return fault(error.as_bytes(), LineFault::Utf8 { byte });
                }
            }
        }
    }

    /// Returns the next line's bytes without its end, cut at the limit, and whether they were cut.
    fn next_bytes(&mut self) -> io::Result<Option<(Vec<u8>, bool)>> {
        let mut bytes = Vec::new();
        let mut too_long = false;
        let mut seen = false;
        // One byte beyond the limit may be the CR of a line's end.
        let room = self.limit.saturating_add(1);
        loop {
            let chunk = match self.reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                if !seen {
                    return Ok(None);
                }
                break;
            }
            seen = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            let kept = part.len().min(room - bytes.len());
            bytes.extend_from_slice(&part[..kept]);
            too_long |= kept < part.len();
            let used = end.map_or(chunk.len(), |end| end + 1);
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !too_long && bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        too_long |= bytes.len() > self.limit;
        bytes.truncate(self.limit);
        Ok(Some((bytes, too_long)))
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<Result<Line, LineError>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let line = self.next_line().transpose();
        self.ended = !matches!(line, Some(Ok(_)));
        line
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    /// Reads with a buffer of a few bytes, so that every line crosses its edges.
    fn lines(bytes: &[u8], limit: usize) -> Vec<Result<Line, LineError>> {
        Lines::new(BufReader::with_capacity(3, bytes), limit)
            .map(Result::unwrap)
            .collect()
    }

    fn line(number: u64, text: &str) -> Result<Line, LineError> {
        let text = text.into();
        Ok(Line { number, text })
    }

    #[test]
    fn line_ends_bom_and_blank_lines() {
        assert_eq!(
            lines(b"\xef\xbb\xbfa\r\n\n \t\r\nb\n\xef\xbb\xbfc", 100),
            [line(1, "a"), line(4, "b"), line(5, "\u{feff}c")]
        );
        assert_eq!(lines(b"", 100), []);
        assert_eq!(lines(b"\n\n", 100), []);
        assert_eq!(lines(b"a\rb\r\r\n", 100), [line(1, "a\rb\r")]);
    }

    #[test]
    fn a_bad_line_between_two_good_ones() {
        let read = lines(b"{\"id\":1}\n{\"id\":2,\"x\":\"\xff\"}\n{\"id\":3}\n", 100);
        assert_eq!(read[0], line(1, r#"{"id":1}"#));
        assert_eq!(read[2], line(3, r#"{"id":3}"#));
        let error = read[1].clone().unwrap_err();
        assert_eq!(error.id, Some(Id::Number(2.into())));
        assert_eq!(error.fault, LineFault::Utf8 { byte: 14 });
        assert_eq!(error.failed().record.error.code, ErrorCode::BadUtf8);
    }

    #[test]
    fn the_limit_counts_bytes_without_the_end() {
        let long = LineFault::TooLong { limit: 4 };
        assert_eq!(lines(b"abcd\nabcd\r\nabcd", 4).len(), 3);
        assert!(lines(b"abcd\nabcd\r\nabcd", 4).iter().all(Result::is_ok));
        for bytes in [
            "abcde",
            "abcde\n",
            "abcde\r\n",
            "abcdefgh\r\n",
            "abcd\r\r\n",
        ] {
            let read = lines(format!("{bytes}\nok\n").as_bytes(), 4);
            assert_eq!(read[0].clone().unwrap_err().fault, long, "{bytes:?}");
            assert!(read.last().unwrap().is_ok());
        }
        let read = lines(
            br#"{"id":"x","prompt":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#,
            20,
        );
        assert_eq!(read[0].clone().unwrap_err().id, Some(Id::Text("x".into())));
    }

    #[test]
    fn an_endless_line_takes_bounded_memory() {
        // 256 MiB of one letter through a limit of 1 KiB: a reader that kept it would be seen.
        let endless = io::Read::take(io::repeat(b'a'), 256 << 20);
        let mut lines = Lines::new(BufReader::new(endless), 1024);
        let (bytes, too_long) = lines.next_bytes().unwrap().unwrap();
        assert!(too_long && bytes.len() == 1024 && bytes.capacity() < 16 << 10);
    }

    proptest! {
        #[test]
        fn texts_come_back_as_they_went(texts in prop::collection::vec("[^\r\n\u{feff}]*", 0..8)) {
            let joined: String = texts.iter().map(|text| format!("{text}\n")).collect();
            let read = lines(joined.as_bytes(), 1 << 20);
            let wanted: Vec<_> = (1..)
                .zip(&texts)
                .filter(|(_, text)| !text.trim().is_empty())
                .map(|(number, text)| line(number, text))
                .collect();
            prop_assert_eq!(read, wanted);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for line in lines(&bytes, 50) {
                let _ = line.and_then(crate::Incoming::parse);
            }
        }
    }
}
