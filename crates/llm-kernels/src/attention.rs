//! Softmax attention over blocks of 64 positions, block by block (flash attention
//! with the online softmax: Milakov and Gimelshein 2018, arXiv:1805.02867).
//!
//! Each 512 positions are a KV split of their own, and these are joined in order. All steps
//! depend on absolute positions only, so that a query's result is the same to the
//! bit in prefill, in decode and in any batch, and however many threads share in it.
//! Within a block keys lie transposed: the scores of neighbouring positions
//! fill a register and nothing is added across it.

mod shape;
pub(crate) mod group;
mod element;
pub(crate) mod products;
mod flash;
mod kv_split;
mod schedule;
pub mod full_sequence;

pub use element::Element;
pub use shape::{Block, Shape};

use crate::arch::primitives::HALVES;

/// Positions of a block.
pub const BLOCK: usize = 64;
/// Queries that share one pass over the keys and values.
const SHARED: usize = 6;
/// Elements that are processed together: two 256-bit registers of floats.
const LANES: usize = HALVES;

/// Neighbouring positions of one sequence that stand in neighbouring rows.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Index of the sequence in the block lists.
    pub sequence: usize,
    /// First row of the queries.
    pub row: usize,
    /// Number of rows.
    pub count: usize,
    /// Position of the first row.
    pub position: usize,
}

/// One layer's attention over a batch.
#[derive(Debug, Clone, Copy)]
pub struct Attention<'a, T> {
    /// The layer's shape.
    pub shape: Shape,
    /// A query sees this many last positions, its own included, and as many next
    /// ones if it is bidirectional; `None`: all.
    pub window: Option<usize>,
    /// Windows stand beside each other, each of that many positions, and a query sees its
    /// own as far as itself.
    pub chunked: bool,
    /// A query sees its whole span, also the positions after it, as in encoders.
    pub bidirectional: bool,
    /// Attention sinks, (heads): a score of each query head that takes weight and has
    /// no value.
    pub sinks: Option<&'a [f32]>,
    /// For each sequence its blocks. The keys and values of every queried position
    /// have been stored.
    pub blocks: &'a [Vec<Block<'a, T>>],
    /// What is queried.
    pub spans: &'a [Span],
}

#[cfg(test)]
mod tests;
