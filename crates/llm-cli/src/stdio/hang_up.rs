//! Whether somebody still reads what is written.

use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Whether the other end of a pipe, socket or terminal is closed; never waits. Files have no end.
pub(super) fn reader_gone(end: BorrowedFd<'_>) -> bool {
    // No event is asked for: the kernel always reports an error or a hang-up.
    let mut ends = [PollFd::from_borrowed_fd(end, PollFlags::empty())];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    matches!(poll(&mut ends, Some(&now)), Ok(1..))
        && ends[0]
            .revents()
            .intersects(PollFlags::ERR | PollFlags::HUP)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_closed_reader_is_seen_without_writing() {
        let (reader, writer) = io::pipe().unwrap();
        assert!(!reader_gone(writer.as_fd()));
        drop(reader);
        assert!(reader_gone(writer.as_fd()));
        assert!(!reader_gone(File::open("/dev/null").unwrap().as_fd()));
    }
}
