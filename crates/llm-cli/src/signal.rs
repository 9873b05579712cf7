//! Ctrl-C and termination as a flag that loops read, so that a record under way is written whole.
//! SIGPIPE stays ignored, as Rust's runtime sets it: an early closed pipe is an error of a write, which
//! `output` reads. What happens at an interruption is the caller's choice.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;

use crate::Status;

/// Whether the program was asked to end; clones look at the same flag.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    /// Number of the latest signal, 0 where none came.
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Catches SIGINT and SIGTERM. The second one ends the program at once, so that a user is never
    /// kept waiting by a step that does not look at the flag.
    ///
    /// # Errors
    /// The system's, where it refuses a handler.
    pub fn catch() -> io::Result<Self> {
        let interrupt = Self::default();
        for (number, status) in [(SIGINT, Status::Interrupted), (SIGTERM, Status::Terminated)] {
            let before = Arc::new(AtomicBool::new(false));
            // The order counts: a signal looks at `before` first and sets it then.
            let code = i32::from(status.code());
            flag::register_conditional_shutdown(number, code, Arc::clone(&before))?;
            flag::register(number, before)?;
            let value = usize::try_from(number).map_err(io::Error::other)?;
            flag::register_usize(number, Arc::clone(&interrupt.signal), value)?;
        }
        outlive_size_limit()?;
        Ok(interrupt)
    }

    /// Returns how the program has to end, if it was asked to.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        match i32::try_from(self.signal.load(Ordering::Relaxed)) {
            Ok(SIGINT) => Some(Status::Interrupted),
            Ok(SIGTERM) => Some(Status::Terminated),
            _ => None,
        }
    }

    /// Sets the flag as a signal would, for tests that must not end each other.
    #[cfg(test)]
    pub(crate) fn pretend(&self, number: i32) {
        let value = usize::try_from(number).unwrap();
        self.signal.store(value, Ordering::Relaxed);
    }

    /// Whether the program was asked to end.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.status().is_some()
    }
}

/// Makes a write beyond the limit on the size of files an error like any other, which has a sentence;
/// unheard, its signal would end the program.
pub(crate) fn outlive_size_limit() -> io::Result<()> {
    flag::register(SIGXFSZ, Arc::default()).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_sets_the_flag_and_nothing_else() {
        let interrupt = Interrupt::catch().unwrap();
        assert_eq!(interrupt.status(), None);
        signal_hook::low_level::raise(SIGTERM).unwrap();
        assert_eq!(interrupt.clone().status(), Some(Status::Terminated));
    }
}
