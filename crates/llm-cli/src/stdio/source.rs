//! Where bytes come from: standard input or a file. A wait for them ends where somebody wants an end.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::error::{Ended, StdioError};
use super::hang_up::reader_gone;
use crate::Status;
use crate::file_identity::FileIdentity;
use crate::signal::Interrupt;

/// How long a wait for input goes on before the interrupt flag is looked at again: too short to be
/// felt after Ctrl-C, long enough to cost nothing.
const WAIT: Duration = Duration::from_millis(40);

/// Something to read from: a file or standard input.
///
/// While it waits for bytes it looks at the interrupt flag and at the reader of our output, so that
/// `tail -f log | llm-run --lines | head -1` ends when `head` does.
#[derive(Debug)]
pub struct Source {
    file: File,
    name: String,
    watch: InputWatch,
}

/// What ends a wait for input early.
#[derive(Clone, Debug, Default)]
pub struct InputWatch {
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
    pub fn stdin(watch: InputWatch) -> Result<Self, StdioError> {
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
    pub fn open(path: &Path, watch: InputWatch) -> Result<Self, StdioError> {
        if path == Path::new("-") {
            return Self::stdin(watch);
        }
        let name = format!("'{}'", path.display());
        let opened = File::open(path).and_then(|file| {
            if file.metadata()?.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            Ok(file)
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

    /// Returns what tells it from other files, where it is a regular file.
    #[must_use]
    pub fn identity(&self) -> Option<FileIdentity> {
        FileIdentity::of(&self.file.metadata().ok()?, self.name.clone())
    }

    /// Returns what is read.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Gives out what is read, as a file; nothing that was read before is in it.
    #[must_use]
    pub fn into_file(self) -> File {
        self.file
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_for_input_ends_at_an_interruption() {
        let (reader, _writer) = io::pipe().unwrap();
        let interrupt = Interrupt::default();
        let mut source = Source {
            file: File::from(std::os::fd::OwnedFd::from(reader)),
            name: "a pipe".into(),
            watch: InputWatch {
                interrupt: interrupt.clone(),
                reader: false,
            },
        };
        let user = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            interrupt.pretend(signal_hook::consts::SIGINT);
        });
        let error = source.read(&mut [0]).unwrap_err();
        user.join().unwrap();
        let error = StdioError::read("a pipe", error);
        assert!(matches!(error, StdioError::Ended(Status::Interrupted)));
    }

    #[test]
    fn a_folder_is_no_input() {
        let error = Source::open(Path::new("/"), InputWatch::default()).unwrap_err();
        assert!(
            error.to_string().starts_with("cannot read '/': "),
            "{error}"
        );
    }
}
