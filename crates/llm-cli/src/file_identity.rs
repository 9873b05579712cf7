//! What tells a file from others, by whatever path or stream it is reached.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::stdio::error::StdioError;

/// A regular file, told apart by device and inode so that no spelling of its path hides it.
#[derive(Clone, Debug)]
pub struct FileIdentity {
    device: u64,
    inode: u64,
    name: String,
}

impl FileIdentity {
    /// Returns the identity of the file that a path leads to, where it is there and regular.
    #[must_use]
    pub fn of_path(path: &Path) -> Option<Self> {
        Self::of(&path.metadata().ok()?, format!("'{}'", path.display()))
    }

    /// Returns the identity of standard input, where it is a regular file.
    #[must_use]
    pub fn of_stdin() -> Option<Self> {
        Self::of_stream(io::stdin().as_fd(), "standard input")
    }

    /// Returns the identity of standard output, where it is a regular file.
    #[must_use]
    pub fn of_stdout() -> Option<Self> {
        Self::of_stream(io::stdout().as_fd(), "standard output")
    }

    fn of_stream(stream: BorrowedFd<'_>, name: &str) -> Option<Self> {
        let file = File::from(stream.try_clone_to_owned().ok()?);
        Self::of(&file.metadata().ok()?, name.to_owned())
    }

    /// Whether the two are one file.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        (other.device, other.inode) == (self.device, self.inode)
    }

    /// Refuses to be the output of a program with these inputs.
    ///
    /// # Errors
    /// [`StdioError::SameFile`], naming the input.
    pub fn refuse(&self, inputs: &[Self]) -> Result<(), StdioError> {
        match inputs.iter().find(|other| self.is(other)) {
            Some(input) => Err(StdioError::SameFile {
                name: input.name.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Returns the identity of what the system says this of, where it is a regular file.
    pub(crate) fn of(metadata: &Metadata, name: String) -> Option<Self> {
        metadata.is_file().then(|| Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            name,
        })
    }
}
