//! How a program ended, as the shell sees it. The one place where endings become numbers.

use std::process::ExitCode;

use signal_hook::consts::SIGINT;
use signal_hook::low_level;

use crate::stdio::any_is_terminal;

/// How a program ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Status {
    /// All well, or the reader of the output went away because it had enough.
    #[default]
    Done,
    /// Some request failed (its `error` record is on standard output), or the output could not be
    /// written: a full disk loses answers as a failed request does.
    SomeFailed,
    /// Could not start: usage, no model, unreadable file, empty input.
    NotStarted,
    /// The terminal is gone (SIGHUP); records already written are whole.
    HungUp,
    /// Interrupted (SIGINT, Ctrl-C); records already written are whole.
    Interrupted,
    /// Terminated (SIGTERM); records already written are whole.
    Terminated,
}

impl Status {
    /// Returns the number for the shell.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::SomeFailed => 1,
            Self::NotStarted => 2,
            // The shell's own numbers for a program that a signal ended: 128 + the signal.
            Self::HungUp => 128 + 1,
            Self::Interrupted => 128 + 2,
            Self::Terminated => 128 + 15,
        }
    }

    /// Ends the program with its number; where Ctrl-C was pressed at a terminal, by the signal, of which a shell says
    /// the same number. Only so does a shell know that its loop is to end, too, and not to go on with the next file.
    pub(crate) fn end(self) -> ExitCode {
        if self == Self::Interrupted && any_is_terminal() {
            // It returns only where the system refuses.
            let _ = low_level::emulate_default_handler(SIGINT);
        }
        self.code().into()
    }

    /// Returns the graver of two endings.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }
}

#[cfg(test)]
mod tests {
    use super::Status::{Done, HungUp, Interrupted, NotStarted, SomeFailed, Terminated};

    #[test]
    fn the_numbers_are_the_contract() {
        let all = [
            Done,
            SomeFailed,
            NotStarted,
            HungUp,
            Interrupted,
            Terminated,
        ];
        assert_eq!(all.map(super::Status::code), [0, 1, 2, 129, 130, 143]);
    }

    #[test]
    fn the_graver_ending_counts() {
        assert_eq!(Done.and(SomeFailed).and(Done), SomeFailed);
        assert_eq!(SomeFailed.and(Interrupted), Interrupted);
    }
}
