//! What flash attention works on at a time: a few queries of one key-value head, some of its
//! blocks, and what has come of those so far.

use std::ops::Range;

use super::{Block, Shape};
use crate::simd::Level;

/// One query head at one position.
pub(crate) struct Lane<'a> {
    /// The first position that it attends to.
    pub(crate) first: usize,
    /// The last position that it attends to.
    pub(crate) last: usize,
    pub(crate) query: &'a [f32],
}

/// Up to `SHARED` queries of one key-value head.
pub struct Group<'a, T> {
    pub(crate) shape: Shape,
    pub(crate) kv_head: usize,
    pub(crate) blocks: &'a [Block<'a, T>],
    pub(crate) lanes: &'a [Lane<'a>],
    /// The range of the blocks.
    pub(crate) range: Range<usize>,
    /// The running softmax of each lane, (lanes).
    pub(crate) states: &'a mut [State],
    /// Each lane's weighted sum of the values, (lanes, `value_dim`).
    pub(crate) sums: &'a mut [f32],
}

/// The running softmax of one query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct State {
    /// The largest score so far.
    pub(crate) largest: f32,
    /// The sum of all weights, relative to it; 0 where nothing was seen.
    pub(crate) total: f32,
}

impl State {
    /// The state before any position.
    pub(crate) const EMPTY: Self = Self {
        largest: f32::NEG_INFINITY,
        total: 0.0,
    };
}

/// Flash attention over elements of one kind.
pub trait Attend: Sized {
    /// Attends to the blocks with all lanes; states and sums are overwritten. Being no generic
    /// function, it is compiled in this crate alone, and not again in each that runs a model.
    fn attend(level: Level, group: &mut Group<'_, Self>);
}
