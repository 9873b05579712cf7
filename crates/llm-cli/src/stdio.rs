//! Opens what is read and written, and watches both ends while waiting. Which input a program has is
//! `input`'s business, what its output looks like `output`'s.

pub(crate) mod error;
mod hang_up;
pub(crate) mod record_lock;
mod sink;
mod source;

use std::io::{self, IsTerminal};

pub use error::StdioError;
pub use sink::Sink;
pub use source::{InputWatch, Source};

/// Whether somebody has written to the pipe that standard input is, and nobody has read it; never waits.
#[must_use]
pub fn stdin_holds_unread() -> bool {
    let stdin = io::stdin();
    let is_pipe = rustix::fs::fstat(&stdin).is_ok_and(|status| {
        rustix::fs::FileType::from_raw_mode(status.st_mode) == rustix::fs::FileType::Fifo
    });
    is_pipe && rustix::io::ioctl_fionread(&stdin).is_ok_and(|bytes| bytes > 0)
}

/// Whether somebody at a terminal is told or asked.
pub(crate) fn any_is_terminal() -> bool {
    io::stdin().is_terminal() || stdout_is_terminal() || stderr_is_terminal()
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
