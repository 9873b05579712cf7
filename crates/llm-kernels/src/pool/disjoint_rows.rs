//! Rows of one slice that several threads write at a time.

/// A slice that several threads write, each its own rows.
pub(crate) struct DisjointRows<T> {
    start: *mut T,
    rows: usize,
    row_length: usize,
}

// SAFETY: rows are handed out by `row`, whose contract makes them disjoint, so
// sharing the pointer moves no element between threads unsynchronized.
unsafe impl<T: Send> Sync for DisjointRows<T> {}

impl<T> DisjointRows<T> {
    pub(crate) fn new(rows: &mut [T], row_length: usize) -> Self {
        Self {
            start: rows.as_mut_ptr(),
            // Any number of rows of nothing.
            rows: rows.len().checked_div(row_length).unwrap_or(usize::MAX),
            row_length,
        }
    }

    /// Returns row `index`.
    ///
    /// # Safety
    /// No two live results may come from the same index.
    #[allow(clippy::mut_from_ref, reason = "the contract makes the rows disjoint")]
    pub(crate) unsafe fn row(&self, index: usize) -> &mut [T] {
        // SAFETY: passed on from the caller.
        unsafe { self.part(index, 0, self.row_length) }
    }

    /// Returns `count` elements of row `index` from `first` on.
    ///
    /// # Safety
    /// No two live results may overlap.
    #[allow(clippy::mut_from_ref, reason = "the contract makes the parts disjoint")]
    pub(crate) unsafe fn part(&self, index: usize, first: usize, count: usize) -> &mut [T] {
        assert!(index < self.rows && first <= self.row_length && count <= self.row_length - first);
        // SAFETY: inside one of the slice's rows by the check above, and not aliased
        // by the caller's promise.
        unsafe {
            let start = self.start.add(index * self.row_length + first);
            std::slice::from_raw_parts_mut(start, count)
        }
    }
}
