//! Ctrl-C, termination and a terminal that is gone: a flag that loops read, so that a run ends in order,
//! and a watcher that ends the program soon after wherever it does not look at the flag. Either way a
//! record under way is written whole. SIGUSR1 has the state of a run told, and ends nothing.
//! SIGPIPE stays ignored, as Rust's runtime sets it: an early closed pipe is an error of a write, which
//! `output` reads. What happens at an interruption is the caller's choice.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use llm_kernels::streams::hang_up_is_ignored;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level;

use crate::Status;
use crate::message::wipe;
use crate::stdio::record_lock::between_records;

/// How long a program may take to end in order. With what follows it is less than a fifth of a second,
/// the least that is felt as a wait.
const ORDERLY: Duration = Duration::from_millis(80);
/// How long a record under way may take to be written. To a file it takes less; a pipe that nobody
/// reads must not hold up the end.
const RECORD: Duration = Duration::from_millis(30);
/// How long the last words may take, for standard error may be such a pipe.
const WORDS: Duration = Duration::from_millis(20);
/// How often it is looked whether there is a reason to wait no longer.
const LOOK: Duration = Duration::from_millis(5);

/// Whether the program was asked to end; clones look at the same flag.
#[derive(Clone, Default)]
pub struct Interrupt {
    /// Number of the latest signal, 0 where none came.
    signal: Arc<AtomicUsize>,
    words: Arc<Mutex<LastWords>>,
    state: Arc<Mutex<Option<State>>>,
}

/// Tells how far a run is.
type State = Box<dyn Fn() + Send>;

/// What is said where the program does not end in order.
#[derive(Default)]
struct LastWords {
    words: Option<Box<dyn FnOnce() + Send>>,
    are_said: bool,
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Interrupt({:?}, {:?})", self.signal, self.words)
    }
}

impl fmt::Debug for LastWords {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "LastWords({})", self.words.is_some())
    }
}

impl Interrupt {
    /// Catches SIGINT, SIGTERM and, unless it is ignored as nohup has it, SIGHUP. Unless the program has ended by itself soon after the first, it is
    /// ended between two records, at the second at once: no step that does not look at the flag keeps
    /// a user waiting.
    ///
    /// # Errors
    /// The system's, where it refuses a handler or a thread.
    pub fn catch() -> io::Result<Self> {
        let interrupt = Self::heard()?;
        // Registered after the flag, so that the flag is set when it wakes. (Its pair of
        // sockets reaches nobody; a pipe would be tried with `send` at the start.)
        let signals = Signals::new(ends().chain([SIGUSR1]))?;
        let watched = interrupt.clone();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || watched.end(signals))?;
        Ok(interrupt)
    }

    /// Sets the flag at a signal, and no more.
    fn heard() -> io::Result<Self> {
        let interrupt = Self::default();
        for number in ends() {
            let value = usize::try_from(number).map_err(io::Error::other)?;
            flag::register_usize(number, Arc::clone(&interrupt.signal), value)?;
        }
        outlive_size_limit()?;
        Ok(interrupt)
    }

    /// Waits for a signal, and ends the program where it does not do so itself.
    fn end(&self, mut signals: Signals) {
        for number in signals.forever() {
            if number != SIGUSR1 {
                break;
            }
            self.tell_state();
        }
        if !self.is_set() {
            return;
        }
        let since = Instant::now();
        let mut is_asked_again = || signals.pending().any(|number| number != SIGUSR1);
        while since.elapsed() < ORDERLY && !is_asked_again() {
            thread::sleep(LOOK);
        }
        let _whole = between_records(RECORD);
        wipe();
        self.speak();
        let status = self.status().unwrap_or(Status::Interrupted);
        let _ = status.end();
        // Without the ends of threads and of objects, which other threads still use.
        low_level::exit(i32::from(status.code()));
    }

    /// Says the last words, if there are any.
    fn speak(&self) {
        let Some(words) = self.take_words() else {
            return;
        };
        let (sender, spoken) = mpsc::channel();
        let speaker = thread::Builder::new().spawn(move || {
            words();
            // Nobody listens after a while.
            let _ = sender.send(());
        });
        if speaker.is_ok() {
            let _ = spoken.recv_timeout(WORDS);
        }
    }

    fn take_words(&self) -> Option<Box<dyn FnOnce() + Send>> {
        let mut last = self.words();
        last.are_said |= last.words.is_some();
        last.words.take()
    }

    fn words(&self) -> MutexGuard<'_, LastWords> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the state of a run told at SIGUSR1; `None` once there is no run any more.
    pub fn set_state(&self, state: Option<State>) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    fn tell_state(&self) {
        if let Some(state) = &*self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            state();
        }
    }

    /// Has something said where a signal ends the program before it ends in order.
    pub fn set_last_words(&self, words: impl FnOnce() + Send + 'static) {
        self.words().words = Some(Box::new(words));
    }

    /// Takes the last words back, for a program that ends in order now. Where they are being said
    /// already it does not return: the program ends.
    pub fn take_last_words_back(&self) {
        let mut last = self.words();
        last.words = None;
        let are_said = last.are_said;
        drop(last);
        if are_said {
            loop {
                thread::park();
            }
        }
    }

    /// Returns how the program has to end, if it was asked to.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        match i32::try_from(self.signal.load(Ordering::Relaxed)) {
            Ok(SIGINT) => Some(Status::Interrupted),
            Ok(SIGTERM) => Some(Status::Terminated),
            Ok(SIGHUP) => Some(Status::HungUp),
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

/// Returns the signals that end a program.
fn ends() -> impl Iterator<Item = i32> {
    let hang_up = (!hang_up_is_ignored()).then_some(SIGHUP);
    [SIGINT, SIGTERM].into_iter().chain(hang_up)
}

/// Makes a write beyond the limit on the size of files an error like any other, which has a sentence;
/// unheard, its signal would end the program.
pub(crate) fn outlive_size_limit() -> io::Result<()> {
    flag::register(SIGXFSZ, Arc::default()).map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn a_signal_sets_the_flag() {
        let interrupt = Interrupt::heard().unwrap();
        assert_eq!(interrupt.status(), None);
        low_level::raise(SIGTERM).unwrap();
        assert_eq!(interrupt.clone().status(), Some(Status::Terminated));
    }

    #[test]
    fn last_words_are_said_once_unless_they_are_taken_back() {
        let interrupt = Interrupt::default();
        let said = Arc::new(AtomicBool::new(false));
        let say = |interrupt: &Interrupt| {
            let said = Arc::clone(&said);
            interrupt.set_last_words(move || assert!(!said.swap(true, Ordering::Relaxed)));
        };
        say(&interrupt);
        interrupt.take_last_words_back();
        interrupt.speak();
        assert!(!said.load(Ordering::Relaxed));
        say(&interrupt);
        interrupt.speak();
        interrupt.speak();
        assert!(said.load(Ordering::Relaxed));
    }

    #[test]
    fn words_that_nobody_takes_hold_nothing_up() {
        let interrupt = Interrupt::default();
        let (_open, closed) = mpsc::channel::<()>();
        interrupt.set_last_words(move || {
            let _ = closed.recv();
        });
        let start = Instant::now();
        interrupt.speak();
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}
