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
