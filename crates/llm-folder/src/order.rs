//! An order of a tensor's elements: nested walks over them, each with a stride.

/// Walks, one after the other.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) walks: Vec<Walk>,
}

/// A walk over the elements of a tensor.
#[derive(Debug)]
pub(super) struct Walk {
    /// The first element.
    first: u64,
    /// (steps, elements a step), the slowest first.
    steps: Vec<(u64, u64)>,
}

impl Walk {
    pub(super) fn of(first: u64, steps: &[(u64, u64)]) -> Self {
        Self {
            first,
            steps: steps.to_vec(),
        }
    }

    fn length(&self) -> Option<u64> {
        let mut steps = self.steps.iter();
        steps.try_fold(1_u64, |length, (count, _)| length.checked_mul(*count))
    }

    /// Returns the farthest element.
    fn last(&self) -> Option<u64> {
        let mut steps = self.steps.iter();
        steps.try_fold(self.first, |last, (count, stride)| {
            last.checked_add(count.checked_sub(1)?.checked_mul(*stride)?)
        })
    }

    /// Returns where the run begins that holds the element `at`, its steps and its stride,
    /// from that element on.
    fn run(&self, at: u64) -> Run {
        let mut rest = at;
        let mut element = self.first;
        let mut run = (1, 1);
        for (index, (count, stride)) in self.steps.iter().rev().enumerate() {
            let digit = rest % count;
            rest /= count;
            element += digit * stride;
            if index == 0 {
                run = (count - digit, *stride);
            }
        }
        Run {
            element,
            count: run.0,
            stride: run.1,
        }
    }
}

/// Elements at one distance from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) element: u64,
    pub(super) count: u64,
    pub(super) stride: u64,
}

impl Order {
    /// Returns the order of one walk.
    pub(super) fn of(first: u64, steps: &[(u64, u64)]) -> Self {
        Self {
            walks: vec![Walk::of(first, steps)],
        }
    }

    /// Returns whether it gives `wanted` elements of a tensor that has `elements`.
    pub(super) fn fits(&self, elements: u64, wanted: u64) -> bool {
        let mut walks = self.walks.iter();
        let length = walks.try_fold(0_u64, |sum, walk| sum.checked_add(walk.length()?));
        let is_inside = |walk: &Walk| walk.last().is_some_and(|last| last < elements);
        length == Some(wanted) && self.walks.iter().all(is_inside)
    }

    /// Calls `take` with the runs of the elements `start..start + count` in this order.
    pub(super) fn runs(&self, start: u64, count: u64, mut take: impl FnMut(Run)) {
        let (mut at, mut rest) = (start, count);
        for walk in &self.walks {
            let length = walk.length().unwrap_or(0);
            while at < length && rest > 0 {
                let run = walk.run(at);
                let count = run.count.min(rest);
                take(Run { count, ..run });
                at += count;
                rest -= count;
            }
            at -= at.min(length);
        }
    }

    /// Writes the elements from `start` on, of `size` bytes each, until `out` is full.
    pub(super) fn copy(&self, bytes: &[u8], size: usize, start: u64, out: &mut [u8]) {
        let count = (out.len() / size) as u64;
        let mut rest = out;
        self.runs(start, count, |run| {
            let length = run.count as usize * size;
            let (now, later) = std::mem::take(&mut rest).split_at_mut(length);
            let first = run.element as usize * size;
            if run.stride == 1 {
                now.copy_from_slice(&bytes[first..first + length]);
            } else {
                let stride = run.stride as usize * size;
                for (at, out) in now.chunks_exact_mut(size).enumerate() {
                    out.copy_from_slice(&bytes[first + at * stride..][..size]);
                }
            }
            rest = later;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(order: &Order, bytes: &[u8], start: u64, count: usize) -> Vec<u8> {
        let mut out = vec![0; count];
        order.copy(bytes, 1, start, &mut out);
        out
    }

    #[test]
    fn elements_are_walked_from_any_one_on() {
        let bytes: Vec<u8> = (0..24).collect();
        // (2, 3, 4) with its last two extents swapped.
        let swapped = Order::of(0, &[(2, 12), (4, 1), (3, 4)]);
        assert!(swapped.fits(24, 24) && !swapped.fits(23, 24) && !swapped.fits(24, 23));
        let whole = all(&swapped, &bytes, 0, 24);
        assert_eq!(whole[..6], [0, 4, 8, 1, 5, 9]);
        assert_eq!(whole[12..15], [12, 16, 20]);
        for start in 0..24 {
            for count in 0..24 - start {
                let part = all(&swapped, &bytes, start as u64, count);
                assert_eq!(part, whole[start..start + count]);
            }
        }
    }

    #[test]
    fn walks_follow_each_other() {
        let bytes: Vec<u8> = (0..10).collect();
        let order = Order {
            walks: vec![
                Walk::of(0, &[(2, 1)]),
                Walk::of(2, &[(2, 2), (2, 4), (2, 1)]),
            ],
        };
        assert!(order.fits(10, 10));
        let whole = [0, 1, 2, 3, 6, 7, 4, 5, 8, 9];
        assert_eq!(all(&order, &bytes, 0, 10), whole);
        assert_eq!(all(&order, &bytes, 1, 7), whole[1..8]);
    }

    #[test]
    fn hostile_steps_do_not_fit() {
        assert!(!Order::of(u64::MAX, &[(2, 1)]).fits(4, 2));
        assert!(!Order::of(0, &[(u64::MAX, u64::MAX)]).fits(4, u64::MAX));
        assert!(!Order::of(0, &[(u64::MAX, 1), (u64::MAX, 1)]).fits(4, 4));
        assert!(!Order::of(0, &[(0, 1)]).fits(4, 0));
    }
}
