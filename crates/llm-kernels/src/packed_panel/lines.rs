//! A buffer that begins with a cache line, so that a register as wide as one is
//! loaded from one line and not from two.

use std::ops::{Deref, DerefMut};

/// Plain numbers.
///
/// # Safety
/// Any bits are one of them, and they need no stricter alignment than a cache line.
pub(crate) unsafe trait Number: Copy {}
// SAFETY: as the trait asks.
unsafe impl Number for u8 {}
// SAFETY: as the trait asks.
unsafe impl Number for f32 {}

#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Numbers from the beginning of a cache line on.
#[derive(Debug)]
pub(crate) struct Lines<T> {
    lines: Vec<Line>,
    count: usize,
    numbers: std::marker::PhantomData<T>,
}

impl<T> Default for Lines<T> {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            count: 0,
            numbers: std::marker::PhantomData,
        }
    }
}

impl<T: Number> Lines<T> {
    /// Makes it `count` numbers long; new ones are 0.
    pub(crate) fn resize(&mut self, count: usize) {
        let bytes = count
            .checked_mul(size_of::<T>())
            .expect("fewer bytes than addresses");
        let lines = bytes.div_ceil(size_of::<Line>());
        self.lines.resize(lines, Line([0; 64]));
        self.count = count;
    }
}

impl<T: Number> Deref for Lines<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the lines are initialized, aligned for `T`, and hold `count`
        // of them, of which any bits are one.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.count) }
    }
}

impl<T: Number> DerefMut for Lines<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.count) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_in_whole_lines() {
        let mut lines = Lines::<f32>::default();
        assert!(lines.is_empty());
        for count in [1, 16, 17, 3] {
            lines.resize(count);
            assert_eq!((lines.len(), lines.as_ptr().addr() % 64), (count, 0));
            lines.fill(1.5);
            assert!(lines.iter().all(|&x| x == 1.5));
        }
    }
}
