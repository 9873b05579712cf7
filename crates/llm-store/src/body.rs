//! The body of an answer, read in a thread of its own, so that a server which
//! falls silent does not keep the observer from ending the transfer. What
//! becomes of the bytes is left to `fetch`.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use crate::digest::CHUNK_BYTES;
use crate::error::StoreError;
use crate::{Event, Observer, report};

/// How long the observer is not asked while no byte comes: too short to be felt
/// after Ctrl-C, long enough to cost nothing.
const WAIT: Duration = Duration::from_millis(20);

/// Chunks that are read ahead while one is hashed and written: 2 MiB of memory.
const CHUNKS_AHEAD: usize = 8;

/// The chunks of a body, in order.
pub(crate) struct Chunks(Receiver<io::Result<Vec<u8>>>);

impl Chunks {
    /// Starts to read. The thread ends with the body, with its first error, or
    /// after the chunk under way once nobody wants more.
    pub(crate) fn read_ahead(mut body: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = sync_channel(CHUNKS_AHEAD);
        thread::spawn(move || {
            let mut buffer = vec![0; CHUNK_BYTES];
            loop {
                let read = body
                    .read(&mut buffer)
                    .map(|count| buffer.get(..count).unwrap_or_default().to_vec());
                let is_last = !matches!(&read, Ok(chunk) if !chunk.is_empty());
                if sender.send(read).is_err() || is_last {
                    return;
                }
            }
        });
        Self(receiver)
    }

    /// Returns the next chunk, or the error of reading it; an empty one is the
    /// body's end.
    ///
    /// # Errors
    /// [`StoreError::Interrupted`].
    pub(crate) fn next(
        &self,
        observer: &mut Observer<'_>,
    ) -> Result<io::Result<Vec<u8>>, StoreError> {
        loop {
            match self.0.recv_timeout(WAIT) {
                Ok(read) => return Ok(read),
                Err(RecvTimeoutError::Timeout) => report(observer, Event::Advanced { bytes: 0 })?,
                // Nothing comes after the end.
                Err(RecvTimeoutError::Disconnected) => return Ok(Ok(Vec::new())),
            }
        }
    }
}
