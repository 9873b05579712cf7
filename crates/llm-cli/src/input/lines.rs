//! Lines of text, JSON or CSV from several sources → what each is, one after another. What the flags add
//! to each is `request_builder`'s business.

use std::collections::VecDeque;
use std::io::{self, BufReader};
use std::sync::{Arc, OnceLock};

use llm_record::array::ArrayAsLines;
use llm_record::csv::CsvRows;
use llm_record::{Incoming, LineError, Lines, Reply, Request};

use crate::args::InputArgs;
use crate::stdio::{Source, StdioError};

/// The names of a table's columns, which are known once its first row is read.
pub type Columns = Arc<OnceLock<Vec<String>>>;

/// Lines of several sources, numbered through.
#[derive(Debug)]
pub(super) struct LineOrigin {
    form: LineFormat,
    limit: usize,
    columns: Columns,
    waiting: VecDeque<Source>,
    current: Option<(LineReader, String)>,
    /// Lines of the sources before the current one.
    passed: u64,
    /// How the line before is answered. A line that cannot be understood is answered like it, so that
    /// the output of a batch file with a broken line is of one form.
    reply: Reply,
}

#[derive(Clone, Copy, Debug)]
enum LineFormat {
    Text,
    Json,
    Csv {
        /// What separates fields, where that is said.
        delimiter: Option<u8>,
    },
}

#[derive(Debug)]
enum LineReader {
    Text(Lines<BufReader<Source>>),
    Json(Lines<BufReader<ArrayAsLines<Source>>>),
    Csv(Box<CsvRows<BufReader<Source>>>),
}

impl LineReader {
    fn new(form: LineFormat, source: Source, limit: usize) -> Self {
        match form {
            LineFormat::Text => Self::Text(Lines::new(BufReader::new(source), limit)),
            LineFormat::Json => {
                let source = BufReader::new(ArrayAsLines::new(source));
                Self::Json(Lines::new(source, limit))
            }
            LineFormat::Csv { delimiter } => {
                let rows = CsvRows::new(BufReader::new(source), limit, delimiter);
                Self::Csv(Box::new(rows))
            }
        }
    }

    fn count_read(&self) -> u64 {
        match self {
            Self::Text(lines) => lines.count_read(),
            Self::Json(lines) => lines.count_read(),
            Self::Csv(rows) => rows.count_read(),
        }
    }

    /// Returns the next line, understood; so many lines of other sources came before.
    fn next(&mut self, passed: u64) -> io::Result<Option<Result<Incoming, LineError>>> {
        match self {
            Self::Text(lines) => understood(lines.next(), passed, |mut line| {
                line.number += passed;
                Ok(request(Request::from_text(line.number, line.text)))
            }),
            Self::Json(lines) => understood(lines.next(), passed, |mut line| {
                line.number += passed;
                Incoming::parse(line)
            }),
            Self::Csv(rows) => understood(rows.next(), passed, |mut row| {
                row.number += passed;
                Request::from_row(row).map(request)
            }),
        }
    }
}

/// Makes what was read the next item of an input, or tells that it has ended.
fn understood<T>(
    read: Option<io::Result<Result<T, LineError>>>,
    passed: u64,
    understand: impl FnOnce(T) -> Result<Incoming, LineError>,
) -> io::Result<Option<Result<Incoming, LineError>>> {
    let read = read.transpose()?;
    Ok(read.map(|read| {
        read.map_err(|error| moved(error, passed))
            .and_then(understand)
    }))
}

fn request(request: Request) -> Incoming {
    Incoming::Request(Box::new(request))
}

fn moved(error: LineError, passed: u64) -> LineError {
    let line = error.line + passed;
    LineError { line, ..error }
}

impl LineOrigin {
    pub(super) fn new(args: &InputArgs, sources: VecDeque<Source>) -> Self {
        let form = match (args.jsonl, args.csv) {
            (true, _) => LineFormat::Json,
            (_, true) => LineFormat::Csv {
                delimiter: args.delimiter,
            },
            _ => LineFormat::Text,
        };
        Self {
            form,
            limit: args.max_line_bytes,
            columns: Columns::default(),
            waiting: sources,
            current: None,
            passed: 0,
            reply: Reply::Own,
        }
    }

    /// Returns the sources if nothing of them was read, and each of their lines is an item.
    pub(super) fn unread(&self) -> Option<impl Iterator<Item = &Source>> {
        let is_unread = self.current.is_none() && !matches!(self.form, LineFormat::Csv { .. });
        is_unread.then(|| self.waiting.iter())
    }

    /// Whether each line has fields, which come with its answer.
    pub(super) fn has_fields(&self) -> bool {
        !matches!(self.form, LineFormat::Text)
    }

    /// Returns the columns of the first table.
    pub(super) fn columns(&self) -> Columns {
        Arc::clone(&self.columns)
    }

    pub(super) fn next_line(&mut self) -> Result<Option<Result<Incoming, LineError>>, StdioError> {
        loop {
            if self.current.is_none() {
                let Some(source) = self.waiting.pop_front() else {
                    return Ok(None);
                };
                let name = source.name().to_owned();
                self.current = Some((LineReader::new(self.form, source, self.limit), name));
            }
            let Some((reader, name)) = &mut self.current else {
                continue;
            };
            let line = reader.next(self.passed);
            if let LineReader::Csv(rows) = reader
                && let Some(columns) = rows.columns()
                && self.columns.get().is_none()
            {
                // Of several tables the first names the columns.
                let _ = self.columns.set(columns.to_vec());
            }
            match line {
                Ok(None) => {
                    self.passed += reader.count_read();
                    self.current = None;
                }
                Err(error) => {
                    let error = StdioError::read(name, error);
                    // After an input that cannot be read to its end, no other is begun.
                    self.waiting.clear();
                    self.current = None;
                    return Err(error);
                }
                Ok(Some(line)) => return Ok(Some(self.replied(line))),
            }
        }
    }

    /// Gives a line that cannot be understood the form of the one before.
    fn replied(&mut self, line: Result<Incoming, LineError>) -> Result<Incoming, LineError> {
        match line {
            Ok(Incoming::Request(request)) => {
                self.reply = request.reply;
                Ok(Incoming::Request(request))
            }
            Ok(other) => Ok(other),
            Err(error) if error.reply == Reply::Own && !error.is_understood() => {
                Err(error.with_reply(self.reply))
            }
            Err(error) => {
                self.reply = error.reply;
                Err(error)
            }
        }
    }
}
