//! Prefetching: within the rows that a kernel reads, and of the next matrix while a
//! thread waits.

#[cfg(target_arch = "x86_64")]
mod rows;

#[cfg(target_arch = "x86_64")]
pub(crate) use rows::RowPrefetch;

/// Bytes of a cache line.
pub(crate) const LINE: usize = 64;

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
