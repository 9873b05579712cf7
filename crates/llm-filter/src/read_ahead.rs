//! Reads lines beside the work, so that neither waits for the other: a slow
//! input does not stop what is under way, and no more is read than is wanted.

use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::time::Duration;

/// What comes next.
#[derive(Debug)]
pub enum Next<T> {
    /// A line.
    Line(T),
    /// Nothing so far.
    Nothing,
    /// The input has ended.
    End,
}

/// Lines that a thread reads ahead.
#[derive(Debug)]
pub struct ReadAhead<T> {
    lines: Receiver<T>,
}

impl<T: Send + 'static> ReadAhead<T> {
    /// Starts to read, `most` lines ahead at most. The thread ends with its input, with the
    /// process, or when nobody wants more of it.
    ///
    /// # Errors
    /// The system starts no thread.
    pub fn start(
        lines: impl Iterator<Item = T> + Send + 'static,
        most: usize,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(most);
        std::thread::Builder::new()
            .name("input".to_owned())
            .spawn(move || {
                for line in lines {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            })?;
        Ok(Self { lines: receiver })
    }

    /// Returns the next line if it is there.
    pub fn look(&self) -> Next<T> {
        match self.lines.try_recv() {
            Ok(line) => Next::Line(line),
            Err(TryRecvError::Empty) => Next::Nothing,
            Err(TryRecvError::Disconnected) => Next::End,
        }
    }

    /// Waits for the next line, for a while.
    pub fn wait(&self, most: Duration) -> Next<T> {
        match self.lines.recv_timeout(most) {
            Ok(line) => Next::Line(line),
            Err(RecvTimeoutError::Timeout) => Next::Nothing,
            Err(RecvTimeoutError::Disconnected) => Next::End,
        }
    }
}
