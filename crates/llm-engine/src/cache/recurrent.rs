//! What a sequence keeps where layers do not attend: one state, which each
//! token changes and nothing changes back, and copies of it at some lengths.
//! Keys and values are in the parent.

use std::sync::Arc;

/// Positions between two checkpoints: those of a chunk of the forward pass and
/// of a prompt, so that they cut nothing that is whole.
const EVERY: usize = 256;

/// Checkpoints of a sequence. A state takes tens of megabytes, as much as some
/// hundred positions of keys and values: with more of them the memory would go
/// to what is rarely asked for again.
pub(super) const MOST: usize = 4;

/// The state of one sequence, with its checkpoints. `S` is cheap to share and
/// costs a copy to change.
#[derive(Debug)]
pub struct Recurrent<S> {
    /// After the sequence's last position.
    pub state: S,
    /// In ascending order.
    checkpoints: Vec<Checkpoint<S>>,
    /// Lengths to come that get a checkpoint, in ascending order.
    wanted: Vec<usize>,
}

#[derive(Debug)]
struct Checkpoint<S> {
    length: usize,
    state: Arc<S>,
    /// Whether the sequence has come back here, as it does to the end of what
    /// its prompts have in common.
    returned_to: bool,
}

impl<S> Clone for Checkpoint<S> {
    fn clone(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
            ..*self
        }
    }
}

impl<S: Clone> Recurrent<S> {
    /// Begins with the state before the first position.
    pub fn new(blank: S) -> Self {
        Self {
            state: blank,
            checkpoints: Vec::new(),
            wanted: Vec::new(),
        }
    }

    /// Returns the first length above `length` that gets a checkpoint on the
    /// way to longer ones.
    pub fn next_checkpoint(&self, length: usize) -> usize {
        let regular = (length / EVERY + 1) * EVERY;
        let wanted = self.wanted.iter().find(|wanted| **wanted > length);
        wanted.map_or(regular, |wanted| regular.min(*wanted))
    }

    /// Has a checkpoint made at `length` on the way to longer ones, and kept as
    /// one that was come back to. Of many such wishes the first ones count.
    pub fn request_checkpoint(&mut self, length: usize) {
        let at = self.wanted.partition_point(|wanted| *wanted < length);
        if self.wanted.get(at) != Some(&length) && self.wanted.len() < MOST {
            self.wanted.insert(at, length);
        }
    }

    /// Returns how many positions [`Self::fork`] would have.
    pub fn forkable_len(&self, length: usize, wanted: usize) -> usize {
        if wanted >= length {
            return length;
        }
        let points = self.checkpoints.iter().rev();
        let mut within = points.filter(|point| point.length <= wanted);
        within.next().map_or(0, |point| point.length)
    }

    /// Copies the state, which is that after `length` positions.
    pub fn checkpoint(&mut self, length: usize) {
        let last = self.checkpoints.last();
        if length == 0 || last.is_some_and(|last| last.length >= length) {
            return;
        }
        if self.checkpoints.len() == MOST {
            self.drop_one(length);
        }
        let returned_to = self.wanted.contains(&length);
        self.wanted.retain(|wanted| *wanted > length);
        self.checkpoints.push(Checkpoint {
            length,
            state: Arc::new(self.state.clone()),
            returned_to,
        });
    }

    /// Makes room for a checkpoint at `next`: drops one that was never come back
    /// to, if there is such, and of those the one whose neighbours stand closest.
    fn drop_one(&mut self, next: usize) {
        let points = &self.checkpoints;
        let length = |at: usize| points.get(at).map_or(next, |point| point.length);
        let spread = |at: usize| length(at + 1) - at.checked_sub(1).map_or(0, length);
        let least = (0..points.len()).min_by_key(|&at| (points[at].returned_to, spread(at)));
        if let Some(at) = least {
            self.checkpoints.remove(at);
        }
    }

    /// Goes back to the last checkpoint within the first `wanted` positions and
    /// returns its length; without one that is 0, and the state is `blank`'s.
    pub fn go_back(&mut self, wanted: usize, blank: impl FnOnce() -> S) -> usize {
        let kept = self
            .checkpoints
            .partition_point(|point| point.length <= wanted);
        self.checkpoints.truncate(kept);
        let length = match self.checkpoints.last_mut() {
            Some(point) => {
                self.state.clone_from(&point.state);
                point.returned_to = true;
                point.length
            }
            None => {
                self.state = blank();
                0
            }
        };
        self.wanted.clear();
        if length < wanted {
            self.wanted.push(wanted);
        }
        length
    }

    /// Returns the same for another sequence, and its length: `wanted`
    /// positions if that is `length`, all that this one has, else those of a
    /// checkpoint.
    pub fn fork(&self, length: usize, wanted: usize, blank: impl Fn() -> S) -> (Self, usize) {
        let is_whole = wanted >= length;
        let mut fork = Self {
            state: if is_whole {
                self.state.clone()
            } else {
                blank()
            },
            checkpoints: self.checkpoints.clone(),
            wanted: Vec::new(),
        };
        let length = if is_whole {
            length
        } else {
            fork.go_back(wanted, blank)
        };
        (fork, length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A state that is its own length.
    fn grown(lengths: &[usize]) -> Recurrent<usize> {
        let mut recurrent = Recurrent::new(0);
        for &length in lengths {
            recurrent.state = length;
            recurrent.checkpoint(length);
        }
        recurrent
    }

    fn lengths(recurrent: &Recurrent<usize>) -> Vec<usize> {
        let points = recurrent.checkpoints.iter();
        points
            .map(|point| {
                assert_eq!(*point.state, point.length);
                point.length
            })
            .collect()
    }

    #[test]
    fn it_goes_back_to_a_checkpoint_or_to_the_start() {
        let mut recurrent = grown(&[256, 300]);
        recurrent.state = 310;
        assert_eq!(recurrent.go_back(305, || 0), 300);
        assert_eq!(
            (recurrent.state, lengths(&recurrent)),
            (300, vec![256, 300])
        );
        assert_eq!(recurrent.go_back(256, || 0), 256);
        assert_eq!(recurrent.go_back(255, || 0), 0);
        assert_eq!((recurrent.state, lengths(&recurrent)), (0, vec![]));
    }

    #[test]
    fn what_was_wanted_in_vain_gets_a_checkpoint_that_stays() {
        let mut recurrent = grown(&[256, 300]);
        assert_eq!(recurrent.next_checkpoint(0), 256);
        assert_eq!(recurrent.go_back(270, || 0), 256);
        assert_eq!(recurrent.next_checkpoint(256), 270);
        assert_eq!(recurrent.next_checkpoint(270), 512);
        for length in [270, 512, 768, 1024, 1280] {
            recurrent.state = length;
            recurrent.checkpoint(length);
        }
        let kept = lengths(&recurrent);
        assert!(kept.contains(&270) && kept.contains(&256), "{kept:?}");
        assert_eq!((kept.len(), kept.last()), (MOST, Some(&1280)));
        assert_eq!(recurrent.go_back(270, || 0), 270);
    }

    #[test]
    fn those_of_a_long_text_stand_apart() {
        let regular: Vec<usize> = (1..=40).map(|index| index * EVERY).collect();
        let kept = lengths(&grown(&regular));
        assert_eq!(kept.len(), MOST);
        assert!(kept[0] < 20 * EVERY, "{kept:?}");
    }

    #[test]
    fn what_is_wanted_ahead_gets_a_checkpoint_that_stays() {
        let mut recurrent = grown(&[]);
        for length in [300, 40, 300] {
            recurrent.request_checkpoint(length);
        }
        assert_eq!(recurrent.next_checkpoint(0), 40);
        assert_eq!(recurrent.next_checkpoint(40), 256);
        assert_eq!(recurrent.next_checkpoint(256), 300);
        for length in [40, 256, 300, 512, 768, 1024] {
            recurrent.state = length;
            recurrent.checkpoint(length);
        }
        let kept = lengths(&recurrent);
        assert!(kept.contains(&40) && kept.contains(&300), "{kept:?}");
        assert_eq!(recurrent.next_checkpoint(0), 256, "it has them");
    }

    #[test]
    fn a_fork_has_the_state_of_its_own_length() {
        let mut origin = grown(&[256]);
        origin.state = 280;
        let (fork, length) = origin.fork(280, 280, || 0);
        assert_eq!((fork.state, length), (280, 280));
        for (wanted, reach) in [(300, 280), (280, 280), (279, 256), (256, 256), (255, 0)] {
            assert_eq!(origin.forkable_len(280, wanted), reach);
            assert_eq!(origin.fork(280, wanted, || 0).1, reach);
        }
        let (fork, length) = origin.fork(280, 279, || 0);
        assert_eq!((fork.state, length), (256, 256));
        assert_eq!(fork.next_checkpoint(256), 279);
        let (fork, length) = origin.fork(280, 100, || 0);
        assert_eq!((fork.state, length), (0, 0));
        assert_eq!((origin.state, lengths(&origin)), (280, vec![256]));
    }
}
