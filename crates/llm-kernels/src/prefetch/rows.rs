//! Prefetching within the rows that a kernel reads.

use super::{LINE, prefetch_far, prefetch_near};

/// How far ahead a line is asked for into the first-level cache, at least: what
/// is read while one answer is under way.
const NEAR_BYTES: usize = 8 << 10;

/// How much earlier it is asked for into the second-level cache: a core has few
/// requests of the first level in flight, and these return the sooner.
const FAR_BYTES: usize = 16 << 10;

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
