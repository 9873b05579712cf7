//! Prefetching: within the rows that a kernel reads, and of the next matrix while a
//! thread waits.

/// Asks for a cache line; only a hint, any address is allowed.
#[inline(always)]
pub(crate) fn prefetch_near(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and faults never.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Like [`prefetch_near`], but only as near as the second-level cache.
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
pub(crate) const LINE: usize = 64;

/// Prefetches what a kernel reads later, line after line: the rows are read side by
/// side, which the hardware's own prefetcher does not recognize.
pub(crate) struct RowPrefetch {
    next: *const u8,
    /// Bytes that have been read since the last line was asked for.
    due: usize,
}

impl RowPrefetch {
    pub(crate) fn new(rows: &[u8]) -> Self {
        Self {
            next: rows.as_ptr().wrapping_add(rows.len().max(NEAR_BYTES)),
            due: 0,
        }
    }

    /// Asks for `bytes`, as many as are read in the meantime, a number that is known
    /// when this is compiled: some lines are asked for twice, which costs less than
    /// counting them.
    #[inline(always)]
    pub(crate) fn advance_by_constant(&mut self, bytes: usize) {
        for at in (0..bytes).step_by(LINE) {
            prefetch_near(self.next.wrapping_add(at));
            prefetch_far(self.next.wrapping_add(FAR_BYTES + at));
        }
        self.next = self.next.wrapping_add(bytes);
    }

    /// Asks for as many bytes as are read in the meantime.
    #[inline(always)]
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.due += bytes;
        while self.due >= LINE {
            prefetch_near(self.next);
            prefetch_far(self.next.wrapping_add(FAR_BYTES));
            self.next = self.next.wrapping_add(LINE);
            self.due -= LINE;
        }
    }
}

/// Memory that a thread prefetches while it waits: work that is bound by memory goes
/// on while another thread does the serial step between two pieces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IdlePrefetch {
    next: *const u8,
    lines: usize,
}

impl IdlePrefetch {
    /// What fits the second-level cache beside all else.
    const MOST: usize = 256 << 10;
    /// What the caller's thread asks for before it goes on.
    pub(crate) const CALLERS_LINES: usize = 128;

    /// Nothing.
    pub(crate) const NONE: Self = Self {
        next: std::ptr::null(),
        lines: 0,
    };

    /// The beginning of `bytes`.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self {
            next: bytes.as_ptr(),
            lines: bytes.len().min(Self::MOST).div_ceil(LINE),
        }
    }

    /// Asks for one more line; false if there is none.
    #[inline]
    pub(crate) fn advance(&mut self) -> bool {
        let some = self.lines > 0;
        if some {
            prefetch_far(self.next);
            self.next = self.next.wrapping_add(LINE);
            self.lines -= 1;
        }
        some
    }
}
