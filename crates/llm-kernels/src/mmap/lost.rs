//! A file that is truncated while it is mapped, or whose disk fails: the system answers an access to the
//! missing part with SIGBUS, which without a handler kills the process without a message. Here it becomes a
//! message that names the file, and status 1. What the handler needs is prepared beforehand, for it may
//! neither allocate nor wait.

use std::ffi::{c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Maps and messages that are kept at a time: many times what the largest sharded model needs. A map beyond
/// them is not handled.
const MOST: usize = 1024;

/// Addresses that a file is mapped to.
struct Entry {
    start: AtomicUsize,
    /// 0 where the entry is free. Written last, and looked at first.
    end: AtomicUsize,
    /// The index of its message.
    message: AtomicUsize,
}

static ENTRIES: [Entry; MOST] = [const {
    Entry {
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        message: AtomicUsize::new(0),
    }
}; MOST];

/// The message for each file; a file that is mapped again has one already.
static MESSAGES: [OnceLock<Box<str>>; MOST] = [const { OnceLock::new() }; MOST];

/// Held while an entry is taken.
static TAKING: Mutex<()> = Mutex::new(());

/// The program's name, with which the message begins.
static PROGRAM: OnceLock<String> = OnceLock::new();

/// The action for the signal that was installed before.
static FORMER: OnceLock<libc::sigaction> = OnceLock::new();

/// A mapped file's entry, which is freed when this is dropped.
#[derive(Debug)]
pub(super) struct Known(Option<usize>);

impl Known {
    /// Registers that the file at `path` is mapped to `bytes`.
    pub(super) fn new(path: &Path, bytes: &[u8]) -> Self {
        let _alone = TAKING.lock().unwrap_or_else(PoisonError::into_inner);
        let free = ENTRIES
            .iter()
            .position(|entry| entry.end.load(Ordering::Relaxed) == 0);
        let (Some(number), Some(message)) = (free, place(message(path))) else {
            return Self(None);
        };
        let entry = &ENTRIES[number];
        let start = bytes.as_ptr() as usize;
        // The last page is there as a whole, and behind the file's end it is empty.
        let end = start + bytes.len().max(1).next_multiple_of(page_size());
        entry.start.store(start, Ordering::Relaxed);
        entry.message.store(message, Ordering::Relaxed);
        entry.end.store(end, Ordering::Release);
        Self(Some(number))
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        if let Some(number) = self.0 {
            ENTRIES[number].end.store(0, Ordering::Release);
        }
    }
}

/// Returns the index of a message, which is kept for good.
fn place(message: String) -> Option<usize> {
    for (number, place) in MESSAGES.iter().enumerate() {
        match place.get() {
            Some(there) if **there == *message => return Some(number),
            Some(_) => {}
            None => {
                place.get_or_init(|| message.into());
                return Some(number);
            }
        }
    }
    None
}

fn message(path: &Path) -> String {
    let program = PROGRAM.get().map_or("", String::as_str);
    let mut name = String::new();
    for letter in path.display().to_string().chars() {
        if letter.is_control() {
            name.extend(letter.escape_default());
        } else {
            name.push(letter);
        }
    }
    format!(
        "{program}: error: '{name}' was cut short while it is in use, or its disk cannot be read; put the whole \
         file back and start again (a new version is moved to its place, not written into it)\n"
    )
}

/// Returns the message for the file that is mapped to an address.
fn message_for(address: usize) -> Option<&'static str> {
    let entry = ENTRIES.iter().find(|entry| {
        let end = entry.end.load(Ordering::Acquire);
        address < end && address >= entry.start.load(Ordering::Relaxed)
    })?;
    let message = MESSAGES.get(entry.message.load(Ordering::Relaxed))?;
    message.get().map(|message| &**message)
}

/// Installs a handler that ends the process with a message of `program` and status 1 when a mapped file
/// loses its pages. For maps that were made before, the message lacks the program's name.
///
/// # Errors
/// The system's error when it refuses the handler.
#[allow(unsafe_code, reason = "a handler of a signal is unsafe by nature")]
pub fn tell_lost_files(program: &str) -> io::Result<()> {
    if PROGRAM.set(program.to_owned()).is_err() {
        return Ok(());
    }
    let mut former = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null action changes nothing, and `former` has room for what is written there.
    if unsafe { libc::sigaction(libc::SIGBUS, std::ptr::null(), former.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call before has written it; zeros, which it began with, are an action as well.
    let former = unsafe { former.assume_init() };
    let _ = FORMER.set(former);
    let mut action = former;
    action.sa_sigaction = at_signal as *const () as libc::sighandler_t;
    // On the stack for signals: another fault may be one of the stack.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: `action` is a whole one, of the form that SA_SIGINFO asks for; the handler calls only what
    // may be called in one.
    if unsafe { libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// The handler. It reads atomics and what was written once, and calls `write`, `_exit`, `sigaction` and
/// `raise`, which POSIX allows in a handler.
#[allow(unsafe_code, reason = "a handler of a signal is unsafe by nature")]
extern "C" fn at_signal(signal: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: with SA_SIGINFO the system hands over what it knows of the signal. A code above zero says that
    // it raised the signal itself, and then there is an address.
    let (is_fault, address) = unsafe { ((*info).si_code > 0, (*info).si_addr() as usize) };
    if is_fault && let Some(message) = message_for(address) {
        // SAFETY: the message is never freed, and its length is its own. Neither call comes back to
        // anything that the process was doing.
        unsafe {
            libc::write(2, message.as_ptr().cast(), message.len());
            libc::_exit(1);
        }
    }
    if let Some(former) = FORMER.get() {
        // SAFETY: the action is the one that the system has given out.
        unsafe { libc::sigaction(signal, &raw const *former, std::ptr::null_mut()) };
    }
    if !is_fault {
        // A fault comes again by itself, and then to the former handler.
        // SAFETY: the signal waits until this handler is left.
        unsafe { libc::raise(signal) };
    }
}

fn page_size() -> usize {
    #[allow(unsafe_code, reason = "the system is asked for a number")]
    // SAFETY: the call only returns a number.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_known_as_long_as_it_lives() {
        let bytes = vec![0_u8; 3 * page_size()];
        let (first, last) = (&raw const bytes[0], &raw const bytes[bytes.len() - 1]);
        let known = Known::new(Path::new("/a\u{1b}/b.gguf"), &bytes);
        for address in [first, last] {
            let found = message_for(address as usize).unwrap();
            assert!(
                found.contains("'/a\\u{1b}/b.gguf' was cut short"),
                "{found}"
            );
            assert_eq!(found.matches('\n').count(), 1);
        }
        assert_eq!(message_for(first as usize - 1), None);
        drop(known);
        assert_eq!(message_for(first as usize), None);
    }

    #[test]
    fn a_file_that_is_mapped_again_and_again_has_one_message() {
        let bytes = [0; 8];
        for _ in 0..2 * MOST {
            let known = Known::new(Path::new("/again"), &bytes);
            assert!(known.0.is_some());
        }
        let all = MESSAGES.iter().filter_map(OnceLock::get);
        assert_eq!(all.filter(|text| text.contains("'/again'")).count(), 1);
    }
}
