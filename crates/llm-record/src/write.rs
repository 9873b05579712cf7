//! A record → one line, in one write with one flush, so that a reader (or a crash) never sees half of
//! one. Where the line goes is the caller's business.

use std::io::{self, Write};

use serde::Serialize;

/// Writes lines whole.
#[derive(Debug)]
pub struct LineWriter<W> {
    sink: W,
    /// Kept between lines, so that a batch does not allocate.
    buffer: Vec<u8>,
}

impl<W: Write> LineWriter<W> {
    /// Returns a writer onto a sink, which should not buffer itself.
    pub fn new(sink: W) -> Self {
        Self {
            sink,
            buffer: Vec::new(),
        }
    }

    /// Writes one record as one line.
    ///
    /// # Errors
    /// The sink's error; or `InvalidData` where a record holds a number that JSON has not (nothing is
    /// written then).
    pub fn record<T: Serialize>(&mut self, record: &T) -> io::Result<()> {
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, record)?;
        self.send(b"\n")
    }

    /// Writes a text and an end, as one write.
    ///
    /// # Errors
    /// The sink's error.
    pub fn text(&mut self, text: &str, end: &str) -> io::Result<()> {
        self.buffer.clear();
        self.buffer.extend_from_slice(text.as_bytes());
        self.send(end.as_bytes())
    }

    /// Returns the sink.
    pub fn sink(&self) -> &W {
        &self.sink
    }

    /// Returns the sink, to change how it works; what is written to it here is a line of its own.
    pub fn sink_mut(&mut self) -> &mut W {
        &mut self.sink
    }

    fn send(&mut self, end: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(end);
        self.sink.write_all(&self.buffer)?;
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorCode, ErrorRecord, Record};

    /// Counts the calls.
    #[derive(Default)]
    struct Counting {
        bytes: Vec<u8>,
        writes: usize,
        flushes: usize,
    }

    impl Write for Counting {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.bytes.extend_from_slice(bytes);
            self.writes += 1;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.flushes += 1;
            Ok(())
        }
    }

    #[test]
    fn a_record_is_one_write_and_one_flush() {
        let mut writer = LineWriter::new(Counting::default());
        let error = ErrorRecord::new(2, None, ErrorCode::BadJson, "two\nlines");
        writer.record(&Record::from(error)).unwrap();
        writer.text("answer", "\0").unwrap();
        let sink = writer.sink();
        assert_eq!((sink.writes, sink.flushes), (2, 2));
        let wanted = concat!(
            r#"{"type":"error","schema_version":1,"line":2,"#,
            r#""error":{"code":"bad_json","message":"two\nlines"}}"#,
            "\nanswer\0"
        );
        assert_eq!(String::from_utf8_lossy(&sink.bytes), wanted);
    }
}
