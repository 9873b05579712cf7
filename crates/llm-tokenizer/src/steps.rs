//! Steps of the encoding, counted in tests alone: they must grow with the text
//! as n log n does, which no clock tells for certain.
//!
//! A step is a character that is classified, a byte of a text that is looked up
//! or walked along, a pair that is queued or taken.

#[cfg(not(test))]
#[inline(always)]
pub(super) fn count(_steps: usize) {}

#[cfg(test)]
pub(super) use counted::{count, taken};

#[cfg(test)]
mod counted {
    use std::cell::Cell;

    thread_local! {
        static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    pub(in super::super) fn count(steps: usize) {
        STEPS.set(STEPS.get() + steps);
    }

    /// Returns how many steps of this thread `work` takes.
    pub(in super::super) fn taken(work: impl FnOnce()) -> usize {
        let before = STEPS.get();
        work();
        STEPS.get() - before
    }
}
