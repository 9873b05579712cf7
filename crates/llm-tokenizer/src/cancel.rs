//! What ends work early: a time until which it must be done, and a caller who
//! wants it no more. Whoever works long asks every few thousand steps.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Why work was broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cancelled {
    /// Its time is over.
    #[error("its time is over")]
    TimedOut,
    /// The caller wants it no more.
    #[error("interrupted")]
    Interrupted,
}

/// Asks the caller whether the work is still wanted.
type Ask = dyn Fn() -> bool + Send + Sync;

/// What may end work early; the default never does. Clones end together.
#[derive(Clone, Default)]
pub struct Cancellation {
    deadline: Option<Instant>,
    is_unwanted: Option<Arc<Ask>>,
}

impl fmt::Debug for Cancellation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Cancellation({:?})", self.deadline)
    }
}

impl Cancellation {
    /// Ends work once `is_unwanted` says so.
    #[must_use]
    pub fn when(is_unwanted: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self {
            deadline: None,
            is_unwanted: Some(Arc::new(is_unwanted)),
        }
    }

    /// Returns the same with an end after `time` from now on; a time beyond what
    /// the clock can tell is none.
    #[must_use]
    pub fn within(&self, time: Duration) -> Self {
        Self {
            deadline: Instant::now().checked_add(time),
            is_unwanted: self.is_unwanted.clone(),
        }
    }

    /// Returns when the work must be done, where it must.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns whether work goes on.
    ///
    /// # Errors
    /// Why it must not.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_unwanted.as_ref().is_some_and(|ask| ask()) {
            return Err(Cancelled::Interrupted);
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Cancelled::TimedOut),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn work_ends_when_it_is_unwanted_or_late() {
        assert_eq!(Cancellation::default().check(), Ok(()));
        let flag = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&flag);
        let asked = Cancellation::when(move || seen.load(Ordering::Relaxed));
        let late = asked.within(Duration::ZERO);
        assert_eq!(asked.check(), Ok(()));
        assert_eq!(late.check(), Err(Cancelled::TimedOut));
        flag.store(true, Ordering::Relaxed);
        assert_eq!(asked.clone().check(), Err(Cancelled::Interrupted));
        assert_eq!(late.check(), Err(Cancelled::Interrupted));
    }

    #[test]
    fn a_time_beyond_the_clock_is_none() {
        let never = Cancellation::default().within(Duration::MAX);
        assert_eq!((never.deadline(), never.check()), (None, Ok(())));
    }
}
