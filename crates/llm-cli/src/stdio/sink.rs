//! Where records go: standard output or a file, without a buffer, each record whole.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use super::error::StdioError;
use super::hang_up::reader_gone;
use super::record_lock;
use crate::reads::Reads;
use crate::replaces::Replaces;

/// Something to write to: a file or standard output, without a buffer.
#[derive(Debug)]
pub struct Sink {
    file: File,
    name: String,
    /// A regular file that still holds what it held before: it is emptied only when there is
    /// something to write, so that a run which cannot start destroys nothing.
    stale: bool,
    /// Where in the file a record stands that short writes left there in part.
    torn: Option<Range<u64>>,
    /// When a file that must outlive a power cut was last synced; `None` for the others.
    synced: Option<Instant>,
    /// Something was written since.
    is_unsynced: bool,
}

/// How long what was written to a durable file may be lost to a power cut.
const SYNC_EVERY: Duration = Duration::from_secs(1);

impl Sink {
    /// Opens standard output.
    ///
    /// # Errors
    /// [`StdioError::Open`].
    pub fn stdout() -> Result<Self, StdioError> {
        let name = "standard output".to_owned();
        // In its place the runtime has opened /dev/null, where all would be lost.
        if llm_kernels::streams::stdout_was_closed() {
            let reason = io::Error::other("it is closed");
            return Err(StdioError::Open { name, reason });
        }
        match io::stdout().as_fd().try_clone_to_owned() {
            Ok(owned) => Ok(Self::onto(File::from(owned), name)),
            Err(reason) => Err(StdioError::Open { name, reason }),
        }
    }

    /// Opens a file for writing; what it held is replaced at the first write, or by [`Sink::finish`].
    ///
    /// # Errors
    /// [`StdioError::Open`], and what [`Reads::refuse`] and [`Replaces::check`] say against it.
    pub fn create(path: &Path, reads: &Reads, replaces: Replaces<'_>) -> Result<Self, StdioError> {
        reads.refuse(path)?;
        replaces.check(path)?;
        let name = format!("'{}'", path.display());
        let opened = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path);
        match opened.and_then(|file| Ok((file.metadata()?.is_file(), file))) {
            Ok((stale, file)) => Ok(Self {
                stale,
                ..Self::onto(file, name)
            }),
            Err(reason) => Err(StdioError::Open { name, reason }),
        }
    }

    /// Writes to what is open, from where it stands on.
    fn onto(file: File, name: String) -> Self {
        Self {
            file,
            name,
            stale: false,
            torn: None,
            synced: None,
            is_unsynced: false,
        }
    }

    /// Returns what it is called in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether its reader has closed; an early look, a write tells for certain.
    #[must_use]
    pub fn reader_gone(&self) -> bool {
        reader_gone(self.file.as_fd())
    }

    /// Empties a file that nothing was written to.
    ///
    /// # Errors
    /// The system's.
    pub fn finish(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.stale) {
            self.file.set_len(0)?;
        }
        Ok(())
    }
}

impl Sink {
    /// Goes on with a file where it stands now, and syncs it as it grows.
    #[must_use]
    pub fn append(file: File, name: String) -> Self {
        Self::onto(file, name).durable()
    }

    /// Begins a file anew: what it holds goes at the first write, and what is written is synced as it
    /// grows.
    #[must_use]
    pub fn anew(file: File, name: String) -> Self {
        Self {
            stale: true,
            ..Self::onto(file, name).durable()
        }
    }

    /// Syncs what is written to disk, about every second.
    #[must_use]
    pub fn durable(self) -> Self {
        Self {
            synced: Some(Instant::now()),
            ..self
        }
    }

    /// Syncs what was written, if that is due; always where `now`.
    ///
    /// # Errors
    /// The disk's.
    pub fn sync(&mut self, now: bool) -> io::Result<()> {
        let Some(last) = self.synced else {
            return Ok(());
        };
        if self.is_unsynced && (now || last.elapsed() >= SYNC_EVERY) {
            self.file.sync_data().or_else(unless_no_file)?;
            self.synced = Some(Instant::now());
            self.is_unsynced = false;
        }
        Ok(())
    }
}

/// A pipe or a device has nothing to sync.
fn unless_no_file(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported => Ok(()),
        _ => Err(error),
    }
}

impl Sink {
    /// Notes what a write left of a record; where an earlier write began it, the start stays.
    fn tear(&mut self, written: usize) {
        let Ok(end) = self.file.stream_position() else {
            return;
        };
        let start = match &self.torn {
            Some(torn) => torn.start,
            None => end.saturating_sub(written as u64),
        };
        self.torn = Some(start..end);
    }

    /// Takes the part of a record out of the file again, unless another program wrote after it. That
    /// is a kindness on the way to an error, so its own errors are dropped.
    fn mend(&mut self) {
        let Some(Range { start, end }) = self.torn.take() else {
            return;
        };
        let last = self
            .file
            .stream_position()
            .is_ok_and(|position| position == end)
            && matches!(self.file.metadata(), Ok(data) if data.is_file() && data.len() == end);
        if last && self.file.set_len(start).is_ok() {
            let _ = self.file.seek(SeekFrom::Start(start));
        }
    }
}

/// Bytes up to a flush are one record: where a write breaks in the middle of one (a full disk), a
/// regular file is cut back to the end of the record before.
impl Write for Sink {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let _whole = record_lock::record();
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.finish()?;
        let result = self.file.write(bytes);
        match &result {
            Ok(written) if *written < bytes.len() || self.torn.is_some() => self.tear(*written),
            Err(error) if error.kind() != io::ErrorKind::Interrupted => self.mend(),
            _ => {}
        }
        result
    }

    fn flush(&mut self) -> io::Result<()> {
        self.torn = None;
        self.file.flush()?;
        self.is_unsynced = true;
        self.sync(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn created(path: &Path) -> Sink {
        Sink::create(path, &Reads::default(), Replaces::Anything).unwrap()
    }

    #[test]
    fn one_file_under_two_paths_is_refused_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("input");
        std::fs::write(&input, "text").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&input, &link).unwrap();
        let error =
            Sink::create(&link, &Reads::default().file(&input), Replaces::Anything).unwrap_err();
        assert!(matches!(error, StdioError::SameFile { .. }), "{error}");
        assert_eq!(std::fs::read_to_string(&input).unwrap(), "text");
    }

    #[test]
    fn an_output_file_is_emptied_only_at_the_first_write_or_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        std::fs::write(&path, "of yesterday").unwrap();
        drop(created(&path));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "of yesterday");
        let mut sink = created(&path);
        sink.write_all(b"new").unwrap();
        sink.write_all(b"er").unwrap();
        sink.finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "newer");
        created(&path).finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    }

    #[test]
    fn a_record_that_breaks_off_is_taken_out_of_the_file_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        let read = || std::fs::read_to_string(&path).unwrap();
        let mut sink = created(&path);
        sink.write_all(b"whole\n").unwrap();
        sink.flush().unwrap();
        // Two short writes, as a disk that fills up leaves them.
        for part in [b"ha", b"lf"] {
            sink.file.write_all(part).unwrap();
            sink.tear(part.len());
        }
        assert_eq!(read(), "whole\nhalf");
        sink.mend();
        assert_eq!(read(), "whole\n");
        sink.write_all(b"next\n").unwrap();
        sink.flush().unwrap();
        assert_eq!(read(), "whole\nnext\n");
        // What another program wrote after the part is not ours to cut.
        sink.file.write_all(b"part").unwrap();
        sink.tear(4);
        let mut other = File::options().append(true).open(&path).unwrap();
        other.write_all(b"other\n").unwrap();
        sink.mend();
        assert_eq!(read(), "whole\nnext\npartother\n");
    }
}
