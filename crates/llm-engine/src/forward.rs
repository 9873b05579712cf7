//! Tokens to logits: what every forward pass offers, and the one on the CPU.

mod cpu;
mod rotation;

pub use cpu::{CHUNK_ROWS, CpuForward, TOKENS_BEFORE_SCREEN, cache_bytes, screen_bytes};
pub use rotation::Rotation;

use crate::cache::SequenceId;

/// Tokens that continue one sequence.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The sequence; a batch holds each at most once.
    pub sequence: SequenceId,
    /// The tokens, at the positions that follow the sequence's last.
    pub tokens: &'a [u32],
    /// The positions whose logits are wanted.
    pub outputs: Outputs,
}

/// Which positions of an input get logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outputs {
    /// None: the tokens only fill the cache.
    None,
    /// The last one.
    Last,
    /// The last one, and of it at least the tokens with so many largest logits.
    /// A token of which it is known that it is none of these may have -∞ instead,
    /// if the pass saves work so.
    Best(usize),
    /// All.
    All,
}

/// Why a batch could not be computed. The sequences are as they were.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForwardError {
    /// The sequence has ended or comes from another cache.
    #[error("the sequence is not in the cache")]
    UnknownSequence,
    /// The same sequence stands in a batch twice.
    #[error("the batch holds a sequence twice")]
    RepeatedSequence,
    /// A token that the model has no row for.
    #[error("the token {token} is not among the model's {vocabulary}")]
    UnknownToken {
        /// The token.
        token: u32,
        /// Rows of the embedding.
        vocabulary: usize,
    },
    /// The device failed.
    #[error("{0}")]
    Device(String),
}

/// A forward pass with its key-value cache.
pub trait Forward {
    /// Returns the length of a position's logits.
    fn vocabulary(&self) -> usize;

    /// Adds an empty sequence.
    fn start(&mut self) -> SequenceId;

    /// Adds a sequence that shares the first `length` positions of another and
    /// returns it with the positions that it has: where layers keep a state,
    /// they may be less, and the caller computes the rest anew. `None` if the
    /// other is not in the cache.
    fn fork(&mut self, sequence: SequenceId, length: usize) -> Option<(SequenceId, usize)>;

    /// Returns the positions that [`Forward::fork`] would give; `None` if the
    /// sequence is not in the cache.
    fn reach(&self, sequence: SequenceId, length: usize) -> Option<usize>;

    /// Tells that a fork will be asked for once the sequence has `length`
    /// positions, more than it has now, so that it loses nothing where layers
    /// keep a state. A pass need not heed it.
    fn want(&mut self, sequence: SequenceId, length: usize);

    /// Drops the positions of a sequence from `length` on and returns how many
    /// are left: where layers keep a state, they may be less than `length`, and
    /// the caller computes the rest anew.
    fn truncate(&mut self, sequence: SequenceId, length: usize) -> usize;

    /// Removes a sequence.
    fn end(&mut self, sequence: SequenceId);

    /// Returns the filled positions of a sequence, `None` for an unknown one.
    fn length(&self, sequence: SequenceId) -> Option<usize>;

    /// Returns the keys and values of the first `positions` positions, a multiple
    /// of [`llm_kernels::attention::BLOCK`], as bytes for [`Forward::load`];
    /// `None` where this pass cannot.
    fn save(&self, _sequence: SequenceId, _positions: usize) -> Option<Vec<u8>> {
        None
    }

    /// Adds a sequence that holds what [`Forward::save`] has returned; `None`
    /// where this pass cannot, or the bytes are no such thing.
    fn load(&mut self, _state: &[u8]) -> Option<SequenceId> {
        None
    }

    /// Computes a batch and appends it to the sequences. `logits` becomes
    /// (wanted positions, vocabulary), in the order of the batch.
    ///
    /// # Errors
    /// A sequence or token that does not exist; nothing has changed then.
    fn forward(&mut self, batch: &[Input<'_>], logits: &mut Vec<f32>) -> Result<(), ForwardError>;
}

/// Checks what every forward pass demands of a batch.
///
/// # Errors
/// A token beyond `vocabulary`, or a sequence that stands there twice.
pub fn check_batch(batch: &[Input<'_>], vocabulary: usize) -> Result<(), ForwardError> {
    for (index, input) in batch.iter().enumerate() {
        if batch[..index]
            .iter()
            .any(|other| other.sequence == input.sequence)
        {
            return Err(ForwardError::RepeatedSequence);
        }
        if let Some(&token) = input
            .tokens
            .iter()
            .find(|&&token| token as usize >= vocabulary)
        {
            return Err(ForwardError::UnknownToken { token, vocabulary });
        }
    }
    Ok(())
}
