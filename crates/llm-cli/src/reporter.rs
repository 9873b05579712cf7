//! How far a run is, told on standard error while it goes on: at SIGUSR1, and every so often where nobody
//! watches a bar. What ends the run is `signal`'s business.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use llm_filter::Summary;

use crate::signal::Interrupt;
use crate::{Context, Messages};

/// Tells of a run until it is dropped.
pub(crate) struct Reporter {
    interrupt: Interrupt,
    /// Dropped with the reporter, which ends the thread.
    _end: Option<Sender<()>>,
}

impl Reporter {
    /// Has the sums told at SIGUSR1, and by a thread `every` so often.
    ///
    /// # Errors
    /// The system starts no thread.
    pub(crate) fn start(
        written: &Arc<Mutex<Summary>>,
        every: Option<Duration>,
        context: &Context,
    ) -> io::Result<Self> {
        let (sums, messages) = (Arc::clone(written), context.messages);
        // Whoever asks wants an answer, quiet or not.
        let state = move || tell(&sums, messages.quiet(false));
        context.interrupt.set_state(Some(Box::new(state)));
        let (sums, messages) = (Arc::clone(written), context.messages.quiet(false));
        let end = every.map(|every| {
            let (end, ended) = mpsc::channel::<()>();
            let told = move || {
                while ended.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                    tell(&sums, messages);
                }
            };
            let thread = thread::Builder::new().name("reporter".to_owned());
            thread.spawn(told).map(|_| end)
        });
        Ok(Self {
            interrupt: context.interrupt.clone(),
            _end: end.transpose()?,
        })
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.interrupt.set_state(None);
    }
}

fn tell(sums: &Mutex<Summary>, messages: Messages) {
    let sums = sums.lock().unwrap_or_else(PoisonError::into_inner).clone();
    messages.note(sums);
}
