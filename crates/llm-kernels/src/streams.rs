//! What a process was given when it began: which standard streams were closed, and whether it is to outlive
//! its terminal. Rust's runtime opens
//! `/dev/null` in the place of a closed one before `main`, so that nothing later can tell
//! `>&-` from `>/dev/null`; this looks before the runtime does. What follows from it is
//! left to others.

use std::sync::atomic::{AtomicU8, Ordering};

/// A bit for each of the descriptors 0 to 2 that was closed.
static CLOSED: AtomicU8 = AtomicU8::new(0);

/// Returns whether standard output was closed when the process began.
#[must_use]
pub fn stdout_was_closed() -> bool {
    CLOSED.load(Ordering::Relaxed) & (1 << libc::STDOUT_FILENO) != 0
}

/// Returns whether SIGHUP is ignored, as nohup leaves it: whoever asks before a handler is set learns
/// what the process was started with.
#[must_use]
pub fn hang_up_is_ignored() -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: without a new action the call only fills the old one, for which there is room.
    let asked = unsafe { libc::sigaction(libc::SIGHUP, std::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: where the call succeeds it has filled the action.
    asked == 0 && unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN
}

extern "C" fn look() {
    for descriptor in [libc::STDIN_FILENO, libc::STDOUT_FILENO, libc::STDERR_FILENO] {
        // SAFETY: F_GETFD takes a number, open or not, and no pointer.
        let flags = unsafe { libc::fcntl(descriptor, libc::F_GETFD) };
        if flags == -1 {
            CLOSED.fetch_or(1 << descriptor, Ordering::Relaxed);
        }
    }
}

// The loader calls what stands in this section once libc is ready and before `main`. It
// may do little there: no standard library that needs the runtime, and no panic.
#[used]
#[cfg_attr(
    target_vendor = "apple",
    unsafe(link_section = "__DATA,__mod_init_func")
)]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
static LOOK: extern "C" fn() = look;

#[cfg(test)]
mod tests {
    /// A test's own streams are open; the programs' tests close them.
    #[test]
    fn open_streams_are_not_taken_for_closed() {
        assert!(!super::stdout_was_closed());
    }
}
