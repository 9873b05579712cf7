//! A file that one run writes and nobody else: why it cannot be had, and its lock.

use std::error::Error as StdError;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use thiserror::Error;

/// An output that cannot be continued.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DurableError {
    /// The run reads it, or what lies in its place.
    #[error(transparent)]
    Refused(Refusal),
    /// It cannot be opened.
    #[error("cannot write {name}: {reason}")]
    Open {
        /// The file.
        name: String,
        /// What the system says.
        reason: io::Error,
    },
    /// It cannot be read, cut or locked.
    #[error("cannot resume {name}: {reason}")]
    Io {
        /// The file.
        name: String,
        /// What the system says.
        reason: io::Error,
    },
    /// Another run writes it.
    #[error("another run writes {name}; wait until it ends, or give another -o")]
    Busy {
        /// The file.
        name: String,
    },
    /// It holds something else.
    #[error(
        "line {line} of {name} is no record of an earlier run, and nothing is written to a file that \
         holds something else; give another -o, or add --overwrite, which replaces it"
    )]
    Foreign {
        /// The file.
        name: String,
        /// The first such line, from 1.
        line: u64,
    },
    /// It is a pipe or a device, and not a file.
    #[error("{name} is not a regular file, so a run cannot be resumed from it")]
    NoFile {
        /// What it is called.
        name: String,
    },
}

/// Why a path must not be written.
pub type Refusal = Box<dyn StdError + Send + Sync>;

/// Says whether a path must not be written, since the run reads what is there.
pub type Refuse<'r> = &'r dyn Fn(&Path) -> Result<(), Refusal>;

/// Locks a file for this run.
pub(crate) fn lock(file: &File, name: &str) -> Result<(), DurableError> {
    let name = name.to_owned();
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(DurableError::Busy { name }),
        // A file system without locks: nothing can be said.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(reason)) => Err(DurableError::Io { name, reason }),
    }
}
