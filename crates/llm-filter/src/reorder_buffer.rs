//! Puts what closes out of order back into the order of the input.

use std::collections::VecDeque;

/// Slots in input order, each filled once; at most so many wait.
#[derive(Debug)]
pub struct ReorderBuffer<T> {
    slots: VecDeque<Option<T>>,
    /// The number of the first slot.
    first: u64,
    limit: usize,
    is_ordered: bool,
    /// What is ready, where order does not matter.
    ready: VecDeque<T>,
    /// Slots taken and not filled, where order does not matter.
    open: usize,
}

impl<T> ReorderBuffer<T> {
    /// Makes a buffer of `limit` slots, or one that keeps no order.
    pub fn new(limit: usize, is_ordered: bool) -> Self {
        Self {
            slots: VecDeque::new(),
            first: 0,
            limit: limit.max(1),
            is_ordered,
            ready: VecDeque::new(),
            open: 0,
        }
    }

    /// Returns whether another slot can be taken.
    pub fn has_room(&self) -> bool {
        let taken = if self.is_ordered {
            self.slots.len()
        } else {
            self.open
        };
        taken < self.limit
    }

    /// Returns whether nothing is open and nothing waits to be written.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.ready.is_empty() && self.open == 0
    }

    /// Takes the next slot and returns its number.
    pub fn open(&mut self) -> u64 {
        let number = self.first + self.slots.len() as u64;
        if self.is_ordered {
            self.slots.push_back(None);
        } else {
            self.first += 1;
            self.open += 1;
        }
        number
    }

    /// Fills a slot; a number that was never given out is passed over.
    pub fn fill(&mut self, number: u64, value: T) {
        if !self.is_ordered {
            self.open = self.open.saturating_sub(1);
            self.ready.push_back(value);
            return;
        }
        let index = number
            .checked_sub(self.first)
            .and_then(|index| usize::try_from(index).ok());
        if let Some(slot) = index.and_then(|index| self.slots.get_mut(index)) {
            *slot = Some(value);
        }
    }

    /// Takes out what can be written next.
    pub fn take(&mut self) -> Option<T> {
        if !self.is_ordered {
            return self.ready.pop_front();
        }
        let value = self.slots.front_mut()?.take()?;
        self.slots.pop_front();
        self.first += 1;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_goes_in_comes_out_in_order(
            limit in 1_usize..9,
            choices in prop::collection::vec(any::<prop::sample::Index>(), 1..60),
        ) {
            let mut buffer = ReorderBuffer::new(limit, true);
            let (mut open, mut out) = (Vec::new(), Vec::new());
            for choice in choices {
                while buffer.has_room() {
                    open.push(buffer.open());
                }
                prop_assert!(open.len() <= limit);
                if open.is_empty() {
                    continue;
                }
                let number = open.remove(choice.index(open.len()));
                buffer.fill(number, number);
                out.extend(std::iter::from_fn(|| buffer.take()));
            }
            let wanted: Vec<u64> = (0..out.len() as u64).collect();
            prop_assert_eq!(out, wanted);
        }
    }

    #[test]
    fn without_order_what_is_filled_comes_out_at_once() {
        let mut buffer = ReorderBuffer::new(2, false);
        let (a, b) = (buffer.open(), buffer.open());
        assert!(!buffer.has_room());
        buffer.fill(b, 'b');
        assert_eq!(buffer.take(), Some('b'));
        assert!(buffer.has_room() && !buffer.is_empty());
        buffer.fill(a, 'a');
        assert_eq!(buffer.take(), Some('a'));
        assert!(buffer.is_empty());
    }
}
