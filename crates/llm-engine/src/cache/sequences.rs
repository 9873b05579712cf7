//! The bookkeeping of a cache: which sequences there are and how long, whatever
//! their keys and values are kept in.

/// A sequence of positions in a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SequenceId(pub(crate) usize);

/// The sequences of a cache.
///
/// Where layers keep a state instead of keys and values, a sequence can only go
/// back to a checkpoint of it: then a fork or what is left of a sequence is
/// shorter than asked for, and the caller computes the rest anew.
pub trait Sequences {
    /// Adds an empty sequence.
    fn start(&mut self) -> SequenceId;

    /// Adds a sequence that shares the first `length` positions of another and
    /// returns it with the positions that it has; `None` if the other is not in
    /// the cache.
    fn fork(&mut self, id: SequenceId, length: usize) -> Option<(SequenceId, usize)>;

    /// Returns the positions that [`Sequences::fork`] would give; `None` if the
    /// sequence is not in the cache.
    fn forkable_len(&self, id: SequenceId, length: usize) -> Option<usize>;

    /// Has a checkpoint made once the sequence has `length` positions, more than
    /// it has now, so that a fork there loses nothing. A cache need not heed it.
    fn request_checkpoint(&mut self, id: SequenceId, length: usize);

    /// Drops the positions of a sequence from `length` on and returns how many
    /// are left.
    fn truncate(&mut self, id: SequenceId, length: usize) -> usize;

    /// Removes a sequence.
    fn end(&mut self, id: SequenceId);

    /// Returns the filled positions of a sequence, `None` for an unknown one.
    fn length(&self, id: SequenceId) -> Option<usize>;

    /// Returns the keys and values of the first `positions` positions, a multiple
    /// of [`llm_kernels::attention::BLOCK`], as bytes for [`Sequences::load`];
    /// `None` where this cache cannot.
    fn save(&self, _id: SequenceId, _positions: usize) -> Option<Vec<u8>> {
        None
    }

    /// Adds a sequence that holds what [`Sequences::save`] has returned; `None`
    /// where this cache cannot, or the bytes are no such thing.
    fn load(&mut self, _bytes: &[u8]) -> Option<SequenceId> {
        None
    }
}
