//! Asking the memory for what is read next.

/// Asks for a cache line; only a hint, any address is allowed.
#[inline(always)]
pub(crate) fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and faults never.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Like [`prefetch`], but only as near as the second-level cache.
#[inline(always)]
pub(crate) fn prefetch_far(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and faults never.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// How far ahead a line is asked for into the first-level cache, at least: what
/// is read while one answer is under way.
const NEAR_BYTES: usize = 8 << 10;

/// How much earlier it is asked for into the second-level cache: a core has few
/// requests of the first level in flight, and these return the sooner.
const FAR_BYTES: usize = 16 << 10;

/// Bytes of a cache line.
const LINE: usize = 64;

/// Asks the memory for what comes later, line after line: the rows are read
/// side by side, which the hardware's own prefetcher does not recognize.
pub(crate) struct Ahead {
    next: *const u8,
    /// Bytes that have been read since the last line was asked for.
    due: usize,
}

impl Ahead {
    pub(crate) fn of(rows: &[u8]) -> Self {
        Self {
            next: rows.as_ptr().wrapping_add(rows.len().max(NEAR_BYTES)),
            due: 0,
        }
    }

    /// Asks for `bytes`, as many as are read in the meantime, a number that is known
    /// when this is compiled: some lines are asked for twice, which costs less than
    /// counting them.
    #[inline(always)]
    pub(crate) fn ask_all(&mut self, bytes: usize) {
        for at in (0..bytes).step_by(LINE) {
            prefetch(self.next.wrapping_add(at));
            prefetch_far(self.next.wrapping_add(FAR_BYTES + at));
        }
        self.next = self.next.wrapping_add(bytes);
    }

    /// Asks for as many bytes as are read in the meantime.
    #[inline(always)]
    pub(crate) fn ask(&mut self, bytes: usize) {
        self.due += bytes;
        while self.due >= LINE {
            prefetch(self.next);
            prefetch_far(self.next.wrapping_add(FAR_BYTES));
            self.next = self.next.wrapping_add(LINE);
            self.due -= LINE;
        }
    }
}
