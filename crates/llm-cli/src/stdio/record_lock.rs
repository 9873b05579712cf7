//! The lock of a record that is being written, so that a program is ended between two of them.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// Held while a record is written. Whoever ends the program amid its work takes it before.
static RECORD: Mutex<()> = Mutex::new(());

/// Keeps records from being written, once the one under way is; at most so long is waited for it.
pub(crate) fn between_records(most: Duration) -> Option<MutexGuard<'static, ()>> {
    let start = Instant::now();
    loop {
        match RECORD.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(guard)) => return Some(guard.into_inner()),
            Err(TryLockError::WouldBlock) if start.elapsed() >= most => return None,
            Err(TryLockError::WouldBlock) => {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// Takes the lock for the time that a record is written.
pub(super) fn record() -> MutexGuard<'static, ()> {
    RECORD.lock().unwrap_or_else(PoisonError::into_inner)
}
