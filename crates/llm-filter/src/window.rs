//! Puts what closes out of order back into the order of the input.

use std::collections::VecDeque;

/// Places in order, each filled once; at most so many wait.
#[derive(Debug)]
pub struct Window<T> {
    places: VecDeque<Option<T>>,
    /// The number of the first place.
    first: u64,
    limit: usize,
    is_ordered: bool,
    /// What is ready, where order does not matter.
    ready: VecDeque<T>,
    /// Places taken and not filled, where order does not matter.
    open: usize,
}

impl<T> Window<T> {
    /// Makes a window of `limit` places, or one that keeps no order.
    pub fn new(limit: usize, is_ordered: bool) -> Self {
        Self {
            places: VecDeque::new(),
            first: 0,
            limit: limit.max(1),
            is_ordered,
            ready: VecDeque::new(),
            open: 0,
        }
    }

    /// Returns whether another place can be taken.
    pub fn has_room(&self) -> bool {
        let taken = match self.is_ordered {
            true => self.places.len(),
            false => self.open,
        };
        taken < self.limit
    }

    /// Returns whether nothing is open and nothing waits to be written.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty() && self.ready.is_empty() && self.open == 0
    }

    /// Takes the next place and returns its number.
    pub fn open(&mut self) -> u64 {
        let number = self.first + self.places.len() as u64;
        match self.is_ordered {
            true => self.places.push_back(None),
            false => {
                self.first += 1;
                self.open += 1;
            }
        }
        number
    }

    /// Fills a place; a number that was never given out is passed over.
    pub fn fill(&mut self, number: u64, value: T) {
        if !self.is_ordered {
            self.open = self.open.saturating_sub(1);
            self.ready.push_back(value);
            return;
        }
        let index = number
            .checked_sub(self.first)
            .and_then(|at| usize::try_from(at).ok());
        if let Some(place) = index.and_then(|index| self.places.get_mut(index)) {
            *place = Some(value);
        }
    }

    /// Takes out what can be written next.
    pub fn take(&mut self) -> Option<T> {
        if !self.is_ordered {
            return self.ready.pop_front();
        }
        let value = self.places.front_mut()?.take()?;
        self.places.pop_front();
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
            let mut window = Window::new(limit, true);
            let (mut open, mut out) = (Vec::new(), Vec::new());
            for choice in choices {
                while window.has_room() {
                    open.push(window.open());
                }
                prop_assert!(open.len() <= limit);
                if open.is_empty() {
                    continue;
                }
                let number = open.remove(choice.index(open.len()));
                window.fill(number, number);
                out.extend(std::iter::from_fn(|| window.take()));
            }
            let wanted: Vec<u64> = (0..out.len() as u64).collect();
            prop_assert_eq!(out, wanted);
        }
    }

    #[test]
    fn without_order_what_is_filled_comes_out_at_once() {
        let mut window = Window::new(2, false);
        let (a, b) = (window.open(), window.open());
        assert!(!window.has_room());
        window.fill(b, 'b');
        assert_eq!(window.take(), Some('b'));
        assert!(window.has_room() && !window.is_empty());
        window.fill(a, 'a');
        assert_eq!(window.take(), Some('a'));
        assert!(window.is_empty());
    }
}
