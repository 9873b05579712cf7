//! The shape of a layer's attention, and where in a block a head's keys and values lie.

use super::BLOCK;

/// The shape of a layer's attention.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; each serves `heads / kv_heads` query heads.
    pub kv_heads: usize,
    /// Elements of a query's and a key's head.
    pub head_dim: usize,
    /// Elements of a value's head, and of a result's.
    pub value_dim: usize,
    /// Factor of the scores.
    pub scale: f32,
    /// Scores become `cap * tanh(score / cap)`.
    pub soft_cap: Option<f32>,
}

impl Shape {
    /// Returns the elements of one block of one layer, those of all heads.
    pub fn block_elements(&self) -> usize {
        self.kv_heads * self.head_elements()
    }

    /// Returns the elements of one key-value head's part of a block: keys as
    /// (`head_dim`, 64), then values as (64, `value_dim`).
    pub fn head_elements(&self) -> usize {
        BLOCK * (self.head_dim + self.value_dim)
    }

    /// # Panics
    /// If an extent is 0, or key-value heads cannot share the query heads evenly.
    pub(super) fn check(&self) {
        assert!(self.head_dim > 0 && self.value_dim > 0, "heads of elements");
        assert!(
            self.kv_heads > 0 && self.heads.is_multiple_of(self.kv_heads),
            "each key-value head serves as many query heads"
        );
    }

    /// Returns one key-value head's part of a block: its keys and its values.
    pub(super) fn head<'a, T: Copy>(
        &self,
        block: Block<'a, T>,
        kv_head: usize,
    ) -> (&'a [T], &'a [T]) {
        let part = &block.elements[kv_head * block.stride..][..self.head_elements()];
        part.split_at(BLOCK * self.head_dim)
    }
}

/// One layer's keys and values of [`BLOCK`] positions: a part for each key-value head,
/// see [`Shape::head_elements`], the parts perhaps far from each other.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a, T> {
    /// From the beginning of the first part to the end of the last.
    pub elements: &'a [T],
    /// Elements from the beginning of a part to that of the next.
    pub stride: usize,
}
