//! Opens what is read and written, and watches both ends while waiting. Which input a program has is
//! `input`'s business, what its output looks like `output`'s.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use thiserror::Error;

use crate::Status;
use crate::reads::Reads;
use crate::replaces::Replaces;
use crate::signal::Interrupt;

/// How long a wait for input goes on before the interrupt flag is looked at again: too short to be
/// felt after Ctrl-C, long enough to cost nothing.
const WAIT: Duration = Duration::from_millis(40);

/// An input or output that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StdioError {
    /// An input cannot be opened or read.
    #[error("cannot read {name}: {reason}")]
    Read {
        /// The file's path, or "standard input".
        name: String,
        /// The system's reason.
        reason: io::Error,
    },
    /// The output cannot be opened.
    #[error("cannot write {name}: {reason}")]
    Open {
        /// The file's path, or "standard output".
        name: String,
        /// The system's reason.
        reason: io::Error,
    },
    /// The output cannot be written.
    #[error("cannot write {name}: {reason}")]
    Write {
        /// The file's path, or "standard output".
        name: String,
        /// The system's reason.
        reason: io::Error,
    },
    /// One file is input and output.
    #[error("{name} is both input and output; write to another file and rename it then")]
    SameFile {
        /// The file's path, or "standard input".
        name: String,
    },
    /// The output would lie in a folder that is read.
    #[error(
        "{name} would lie in {folder}, in which nothing else is written; give a place outside of it"
    )]
    InFolder {
        /// The output.
        name: String,
        /// The folder and whose it is.
        folder: String,
    },
    /// The output is a file of something else.
    #[error(
        "{name} is there already and is not replaced unasked ({what}); name another file, or add --overwrite, \
         as a script does that writes it anew each time"
    )]
    Occupied {
        /// The output.
        name: String,
        /// What tells that it is none of ours.
        what: String,
    },
    /// The output holds answers that took their time.
    #[error(
        "{name} holds records of an earlier run, which this one would replace; give another -o, or \
         --overwrite if they are not wanted any more"
    )]
    HoldsRecords {
        /// The output.
        name: String,
    },
    /// The program has to end early, and not because of a failure.
    #[error("ended early")]
    Ended(Status),
}

/// Marks an `io::Error` that stands for an ordinary end, with the status it leads to.
#[derive(Debug)]
struct Ended(Status);

impl fmt::Display for Ended {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ended early")
    }
}

impl std::error::Error for Ended {}

impl StdioError {
    /// Returns the error of reading from something with a name.
    #[must_use]
    pub fn read(name: &str, reason: io::Error) -> Self {
        match reason.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(Ended(status)) => Self::Ended(*status),
            None => Self::Read {
                name: name.to_owned(),
                reason,
            },
        }
    }

    /// Returns the error of writing to something with a name: a closed pipe is an ordinary end.
    #[must_use]
    pub fn write(name: &str, reason: io::Error) -> Self {
        if reason.kind() == io::ErrorKind::BrokenPipe {
            return Self::Ended(Status::Done);
        }
        Self::Write {
            name: name.to_owned(),
            reason,
        }
    }
}

/// Something to read from: a file or standard input.
///
/// While it waits for bytes it looks at the interrupt flag and at the reader of our output, so that
/// `tail -f log | llm-run --lines | head -1` ends when `head` does.
#[derive(Debug)]
pub struct Source {
    file: File,
    name: String,
    watch: Watch,
}

/// What ends a wait for input early.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// The user.
    pub interrupt: Interrupt,
    /// The reader of standard output, where answers go there.
    pub reader: bool,
}

impl Source {
    /// Opens standard input.
    ///
    /// # Errors
    /// [`StdioError::Read`].
    pub fn stdin(watch: Watch) -> Result<Self, StdioError> {
        let name = "standard input".to_owned();
        match io::stdin().as_fd().try_clone_to_owned() {
            Ok(owned) => Ok(Self {
                file: File::from(owned),
                name,
                watch,
            }),
            Err(reason) => Err(StdioError::Read { name, reason }),
        }
    }

    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// [`StdioError::Read`], for a folder too.
    pub fn open(path: &Path, watch: Watch) -> Result<Self, StdioError> {
        if path == Path::new("-") {
            return Self::stdin(watch);
        }
        let name = format!("'{}'", path.display());
        let opened = File::open(path).and_then(|file| match file.metadata()?.is_dir() {
            true => Err(io::ErrorKind::IsADirectory.into()),
            false => Ok(file),
        });
        match opened {
            Ok(file) => Ok(Self { file, name, watch }),
            Err(reason) => Err(StdioError::Read { name, reason }),
        }
    }

    /// Returns what it is called in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what is read.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Whether bytes come from a person who types.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.file.is_terminal()
    }

    /// Waits until a read would not block, or somebody wants the program to end.
    fn wait(&self) -> io::Result<()> {
        loop {
            if let Some(status) = self.watch.interrupt.status() {
                return Err(io::Error::other(Ended(status)));
            }
            if self.watch.reader && reader_gone(io::stdout().as_fd()) {
                return Err(io::Error::other(Ended(Status::Done)));
            }
            let mut input = [PollFd::new(&self.file, PollFlags::IN)];
            match poll(&mut input, Timespec::try_from(WAIT).ok().as_ref()) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wait()?;
        self.file.read(buffer)
    }
}

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

    /// Returns what the system says of it.
    pub(crate) fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
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
        let last = self.file.stream_position().is_ok_and(|at| at == end)
            && matches!(self.file.metadata(), Ok(data) if data.is_file() && data.len() == end);
        if last && self.file.set_len(start).is_ok() {
            let _ = self.file.seek(SeekFrom::Start(start));
        }
    }
}

/// Held while a record is written. Whoever ends the program amid its work takes it before.
static RECORD: Mutex<()> = Mutex::new(());

/// Keeps records from being written, once the one under way is; at most so long is waited for it.
pub(crate) fn between_records(most: Duration) -> Option<MutexGuard<'static, ()>> {
    let start = Instant::now();
    loop {
        match RECORD.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(guard)) => return Some(guard.into_inner()),
            Err(TryLockError::WouldBlock) if start.elapsed() >= most => return None,
            Err(TryLockError::WouldBlock) => {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// Bytes up to a flush are one record: where a write breaks in the middle of one (a full disk), a
/// regular file is cut back to the end of the record before.
impl Write for Sink {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let _whole = RECORD.lock().unwrap_or_else(PoisonError::into_inner);
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

/// Whether standard output is a terminal.
#[must_use]
pub fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether standard error is a terminal: progress bars are drawn only there.
#[must_use]
pub fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Whether the other end of a pipe, socket or terminal is closed; never waits. Files have no end.
fn reader_gone(end: BorrowedFd<'_>) -> bool {
    // No event is asked for: the kernel always reports an error or a hang-up.
    let mut ends = [PollFd::from_borrowed_fd(end, PollFlags::empty())];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    matches!(poll(&mut ends, Some(&now)), Ok(1..))
        && ends[0]
            .revents()
            .intersects(PollFlags::ERR | PollFlags::HUP)
}

#[cfg(test)]
mod tests;
