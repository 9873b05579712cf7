//! What can go wrong with an input or an output, and what ends a run early without having gone wrong.

use std::fmt;
use std::io;

use thiserror::Error;

use crate::Status;

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
    #[error("{name} is both input and output; write to another file and rename it afterwards")]
    SameFile {
        /// The file's path, or "standard input".
        name: String,
    },
    /// The output would lie in a folder that is read.
    #[error("{name} would be in {folder}, where nothing else is written; give a path outside it")]
    InFolder {
        /// The output.
        name: String,
        /// The folder and whose it is.
        folder: String,
    },
    /// The output is a file of something else.
    #[error(
        "{name} already exists and is not replaced unless asked ({what}); name another file, or add --overwrite, \
         as a script does that rewrites it each time"
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
         --overwrite if they are no longer wanted"
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
pub(super) struct Ended(pub(super) Status);

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
