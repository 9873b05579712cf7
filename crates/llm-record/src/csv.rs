//! CSV with a header line → one object of strings a row, with bounded memory and a name for each
//! fault; the rules are RFC 4180's, with any line end. What a row is asked is `request`'s business.

mod delimiter;
pub mod write;

use std::collections::HashSet;
use std::io::{self, BufRead, Chain, Cursor, Read};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use crate::{Fields, Id, Json, LineError, LineFault, counted};

/// More columns than any table has; a header must not take all memory.
const MOST_COLUMNS: usize = 1 << 16;

/// One row of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct CsvRow {
    /// The line of the input on which it begins, from 1; blank lines and line ends in quotes count.
    pub number: u64,
    /// Its fields by their columns' names, all strings. A column without a name is `column_N`, from 1.
    pub fields: Fields,
}

/// An iterator over the rows of a reader, after the header.
///
/// A byte order mark at the start is passed over, and so are blank lines. At most `limit` bytes of a
/// row are held. An `io::Error`, and a header that names no columns, end the iteration.
#[derive(Debug)]
pub struct CsvRows<R> {
    /// The header line, where it was read to find the delimiter, and the rest.
    reader: Chain<Cursor<Vec<u8>>, R>,
    core: Reader,
    /// What separates fields; `None` until the header tells.
    delimiter: Option<u8>,
    limit: usize,
    header: Option<Vec<String>>,
    /// Ends of lines seen so far.
    line_ends: u64,
    /// Whether the last byte read was no line end.
    is_open: bool,
    ended: bool,
    /// The row's fields without their quotes, one after another; kept between rows.
    bytes: Vec<u8>,
    /// Where each field ends in `bytes`.
    ends: Vec<usize>,
}

/// A row as it was read.
struct Raw {
    number: u64,
    /// How many of its bytes and fields there are.
    length: usize,
    fields: usize,
    too_long: bool,
    /// The input ended within quotes.
    unclosed: bool,
}

impl<R: BufRead> CsvRows<R> {
    /// Returns the rows of a reader, each of at most `limit` bytes without quotes and delimiters. Without
    /// a `delimiter` it is a comma, or a semicolon or a tab where the header has those and no comma.
    pub fn new(reader: R, limit: usize, delimiter: Option<u8>) -> Self {
        Self {
            reader: Cursor::new(Vec::new()).chain(reader),
            core: core(delimiter.unwrap_or(b',')),
            delimiter,
            limit,
            header: None,
            line_ends: 0,
            is_open: false,
            ended: false,
            bytes: Vec::new(),
            ends: vec![0; 16],
        }
    }

    /// Returns the names of the columns, once the header is read.
    pub fn columns(&self) -> Option<&[String]> {
        self.header.as_deref()
    }

    /// Returns what separates fields, once that is known.
    pub fn delimiter(&self) -> Option<u8> {
        self.delimiter
    }

    /// Reads the header line to find what separates fields.
    fn find_delimiter(&mut self) -> io::Result<()> {
        let (first, rest) = self.reader.get_mut();
        let header = delimiter::header(rest, self.limit)?;
        let found = delimiter::of(&header);
        *first = Cursor::new(header);
        self.core = core(found);
        self.delimiter = Some(found);
        Ok(())
    }

    /// Returns how many lines were read so far, the header included.
    pub fn count_read(&self) -> u64 {
        self.line_ends + u64::from(self.is_open)
    }

    fn next_row(&mut self) -> io::Result<Option<Result<CsvRow, LineError>>> {
        if self.delimiter.is_none() {
            self.find_delimiter()?;
        }
        if self.header.is_none() {
            if fill(&mut self.reader)?.starts_with(BYTE_ORDER_MARK) {
                self.reader.consume(BYTE_ORDER_MARK.len());
            }
            let Some(raw) = self.next_raw()? else {
                return Ok(None);
            };
            match self.names(&raw) {
                Ok(columns) => {
                    // One more than a row should have, to see that it has too many.
                    self.ends.resize(columns.len() + 1, 0);
                    self.header = Some(columns);
                }
                Err(fault) => {
                    self.ended = true;
                    return Ok(Some(Err(LineError::new(raw.number, None, fault))));
                }
            }
        }
        loop {
            let Some(raw) = self.next_raw()? else {
                return Ok(None);
            };
            let columns = self.header.as_deref().unwrap_or_default();
            let is_blank = raw.fields == 1 && columns.len() > 1 && !raw.too_long;
            if is_blank && self.bytes[..raw.length].trim_ascii().is_empty() {
                continue;
            }
            let row = self.row(columns, &raw);
            return Ok(Some(row.map_err(|fault| {
                LineError::new(raw.number, self.id(columns, &raw), fault)
            })));
        }
    }

    /// Returns the header's names, each once.
    fn names(&self, raw: &Raw) -> Result<Vec<String>, LineFault> {
        if raw.too_long {
            return Err(LineFault::TooLong { limit: self.limit });
        }
        if raw.unclosed {
            return Err(csv(UNCLOSED.to_owned()));
        }
        if raw.fields > MOST_COLUMNS {
            let reason = format!("its header has more than {MOST_COLUMNS} columns");
            return Err(csv(reason));
        }
        let mut names: Vec<String> = Vec::new();
        let mut seen = HashSet::new();
        for at in 0..raw.fields {
            let text = std::str::from_utf8(self.field(at)).map_err(|_| LineFault::Utf8Column {
                column: (at + 1).to_string(),
            })?;
            let name = text.strip_prefix('\u{feff}').unwrap_or(text);
            let name = if name.is_empty() {
                format!("column_{}", at + 1)
            } else {
                name.to_owned()
            };
            if !seen.insert(name.clone()) {
                return Err(csv(format!("its header has two columns named '{name}'")));
            }
            names.push(name);
        }
        Ok(names)
    }

    fn row(&self, columns: &[String], raw: &Raw) -> Result<CsvRow, LineFault> {
        if raw.too_long {
            return Err(LineFault::TooLong { limit: self.limit });
        }
        if raw.unclosed {
            return Err(csv(UNCLOSED.to_owned()));
        }
        if raw.fields != columns.len() {
            let (has, wants) = (raw.fields, columns.len());
            return Err(csv(format!(
                "it has {}, and the header has {wants}",
                counted(has, "field", "fields")
            )));
        }
        let mut fields = Fields::new();
        for (at, name) in columns.iter().enumerate() {
            let text = std::str::from_utf8(self.field(at)).map_err(|_| LineFault::Utf8Column {
                column: format!("'{name}'"),
            })?;
            fields.insert(name.clone(), Json::String(text.to_owned()));
        }
        let number = raw.number;
        Ok(CsvRow { number, fields })
    }

    /// Returns the id of a row that is none, where its column is whole.
    fn id(&self, columns: &[String], raw: &Raw) -> Option<Id> {
        let mut names = ["id", "custom_id"].iter();
        let at = names.find_map(|name| {
            let exact = columns.iter().position(|column| column == name);
            exact.or_else(|| {
                columns
                    .iter()
                    .position(|column| column.eq_ignore_ascii_case(name))
            })
        })?;
        // A row that is too long has lost its start, and one with too many fields their ends.
        if raw.too_long || raw.unclosed || at >= raw.fields || raw.fields > columns.len() {
            return None;
        }
        let text = std::str::from_utf8(self.field(at)).ok()?;
        (!text.is_empty()).then(|| Id::Text(text.to_owned()))
    }

    /// Returns a field of the row read last; nothing where it has none there.
    fn field(&self, index: usize) -> &[u8] {
        let start = index
            .checked_sub(1)
            .and_then(|before| self.ends.get(before));
        let end = self.ends.get(index).copied().unwrap_or_default();
        self.bytes
            .get(start.copied().unwrap_or_default()..end)
            .unwrap_or_default()
    }

    /// Reads the next row that is not a blank line.
    fn next_raw(&mut self) -> io::Result<Option<Raw>> {
        if !self.skip_line_ends()? {
            return Ok(None);
        }
        let mut raw = Raw {
            number: self.line_ends + 1,
            length: 0,
            fields: 0,
            too_long: false,
            unclosed: false,
        };
        let (mut ends, mut quotes) = (0, 0_u64);
        loop {
            let chunk = fill(&mut self.reader)?;
            let at_end = chunk.is_empty();
            let (result, used, written, ended) =
                self.core
                    .read_record(chunk, &mut self.bytes[raw.length..], &mut self.ends[ends..]);
            let read = &chunk[..used];
            self.line_ends += count(read, b'\n');
            quotes += count(read, b'"');
            self.is_open = read.last().map_or(self.is_open, |byte| *byte != b'\n');
            self.reader.consume(used);
            raw.length += written;
            ends += ended;
            raw.fields += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.bytes.len() <= self.limit => {
                    let more = (2 * self.bytes.len()).max(1024);
                    self.bytes.resize(more.min(self.limit.saturating_add(1)), 0);
                }
                // The rest is only counted, over what was kept.
                ReadRecordResult::OutputFull => {
                    raw.too_long = true;
                    raw.length = 0;
                }
                ReadRecordResult::OutputEndsFull
                    if self.header.is_none() && ends <= MOST_COLUMNS =>
                {
                    self.ends.resize(2 * self.ends.len(), 0);
                }
                ReadRecordResult::OutputEndsFull => ends = 0,
                ReadRecordResult::Record => {
                    raw.too_long |= raw.length > self.limit;
                    raw.unclosed = at_end && quotes % 2 == 1;
                    return Ok(Some(raw));
                }
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    /// Passes over line ends, so that a row's number is that of its first byte; tells whether there is
    /// more.
    fn skip_line_ends(&mut self) -> io::Result<bool> {
        loop {
            let chunk = fill(&mut self.reader)?;
            if chunk.is_empty() {
                return Ok(false);
            }
            let blank = chunk
                .iter()
                .take_while(|byte| matches!(byte, b'\r' | b'\n'));
            let used = blank.count();
            self.line_ends += count(&chunk[..used], b'\n');
            if used > 0 {
                self.is_open = false;
            }
            let more = used < chunk.len();
            self.reader.consume(used);
            if more {
                return Ok(true);
            }
        }
    }
}

impl<R: BufRead> Iterator for CsvRows<R> {
    type Item = io::Result<Result<CsvRow, LineError>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let row = self.next_row().transpose();
        self.ended |= !matches!(row, Some(Ok(_)));
        row
    }
}

/// Returns a parser that is past the beginning of its input.
fn core(delimiter: u8) -> Reader {
    let mut core = ReaderBuilder::new().delimiter(delimiter).build();
    // The parser looks for a byte order mark in its first piece, and would take one that is nothing
    // else for the end; after a blank line it does not look, and the mark is passed over here.
    core.read_record(b"\n", &mut [0], &mut [0]);
    core
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

const UNCLOSED: &str = "it begins a quoted field that does not end";

fn csv(reason: String) -> LineFault {
    LineFault::Csv { reason }
}

fn fill<R: BufRead>(reader: &mut R) -> io::Result<&[u8]> {
    // The buffer is asked twice, since one that is returned from inside a loop stays borrowed.
    loop {
        match reader.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    reader.fill_buf()
}

fn count(bytes: &[u8], wanted: u8) -> u64 {
    bytes.iter().filter(|byte| **byte == wanted).count() as u64
}

#[cfg(test)]
mod tests;
