//! Tokens to logits: what every forward pass offers, and the one on the CPU.

mod cpu;
mod rotation;

pub use cpu::{CHUNK_ROWS, CpuForward, TOKENS_BEFORE_SCREEN, cache_bytes, screen_bytes};
pub use rotation::Rotation;

use crate::cache::{SequenceId, Sequences};
use crate::lora::Applied;
use crate::token_set::TokenSet;

/// Tokens that continue one sequence.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The sequence; a batch holds each at most once.
    pub sequence: SequenceId,
    /// The tokens, at the positions that follow the sequence's last.
    pub tokens: &'a [u32],
    /// The positions whose logits are wanted.
    pub outputs: Outputs<'a>,
    /// The adapters of the sequence, the same for all of its tokens.
    pub adapters: &'a [Applied],
}

/// Which positions of an input get logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outputs<'a> {
    /// None: the tokens only fill the cache.
    None,
    /// The last one.
    Last,
    /// The last one, of which only so many largest logits are guaranteed: a pass may
    /// save work and give -∞ for tokens that are known not to be among them.
    Best(usize),
    /// The same among some tokens: the logits of others are no use, and may be -∞ or not.
    BestOf(usize, &'a TokenSet),
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
    /// The pass has no such adapter.
    #[error("the LoRA adapter {0} is not loaded, or this device applies none (--device cpu does)")]
    UnknownAdapter(usize),
    /// The device failed.
    #[error("{0}")]
    Device(String),
}

/// A forward pass over a key-value cache.
pub trait Forward {
    /// Returns the length of a position's logits.
    fn vocabulary(&self) -> usize;

    /// Returns the sequences of its cache.
    fn sequences(&self) -> &dyn Sequences;

    /// Returns the sequences of its cache, to add to them or to cut them.
    fn sequences_mut(&mut self) -> &mut dyn Sequences;

    /// Computes a batch and appends it to the sequences. `logits` becomes
    /// (wanted positions, vocabulary), in the order of the batch.
    ///
    /// # Errors
    /// A sequence or token that does not exist; nothing has changed then.
    fn forward(&mut self, batch: &[Input<'_>], logits: &mut Vec<f32>) -> Result<(), ForwardError>;
}

/// Checks what every forward pass demands of a batch, where it has so many adapters.
///
/// # Errors
/// A token beyond `vocabulary`, a sequence that stands there twice, or an adapter
/// beyond those that there are.
pub fn check_batch(
    batch: &[Input<'_>],
    vocabulary: usize,
    adapters: usize,
) -> Result<(), ForwardError> {
    for (index, input) in batch.iter().enumerate() {
        let mut applied = input.adapters.iter();
        if let Some(unknown) = applied.find(|one| one.adapter >= adapters) {
            return Err(ForwardError::UnknownAdapter(unknown.adapter));
        }
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
