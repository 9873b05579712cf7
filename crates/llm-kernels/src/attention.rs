//! Softmax attention over blocks of 64 positions, folded block by block
//! (online softmax: Milakov and Gimelshein 2018, arXiv:1805.02867).
//!
//! The fold's steps depend on absolute positions only, so that a query's
//! result is the same to the bit in prefill, in decode and in any batch.
//! Within a block keys lie transposed: the scores of neighbouring positions
//! fill a register and nothing is added across it.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod fold;
pub mod whole;

use half::f16;
use half::vec::HalfBitsVecExt;

use crate::pool::{DisjointRows, Pool};
use crate::simd::Level;
use crate::simd::ops::{HALVES, widen};
use fold::{Group, Lane, attend};

/// Positions of a block.
pub const BLOCK: usize = 64;
/// Queries that share one pass over the keys and values.
const SHARED: usize = 6;
/// Elements that are processed together: two 256-bit registers of floats.
const LANES: usize = HALVES;

/// How keys and values are stored.
pub trait Element: Copy + Send + Sync + Default + Sealed + 'static {
    /// Returns the nearest storable value.
    fn narrow(value: f32) -> Self;
    /// Returns `count` zeros. Where they are many, they take memory only once they
    /// are written.
    fn zeros(count: usize) -> Vec<Self>;
}

/// What the kernel needs of an element and nobody else does.
pub trait Sealed: Sized {
    /// Returns the value as a float, exactly.
    #[doc(hidden)]
    fn widen(self) -> f32;
    /// Widens neighbouring values, halves with this level's own instructions.
    #[doc(hidden)]
    fn widen_all(values: &[Self; LANES], halves: fn(&[u16; LANES]) -> [f32; LANES])
    -> [f32; LANES];
    /// Widens the 16 values behind `values`.
    ///
    /// # Safety
    /// There are so many, and the processor has AVX-512 F.
    #[cfg(target_arch = "x86_64")]
    #[doc(hidden)]
    unsafe fn load_sixteen(values: *const Self) -> std::arch::x86_64::__m512;
}

impl Element for f32 {
    fn narrow(value: f32) -> Self {
        value
    }

    fn zeros(count: usize) -> Vec<Self> {
        vec![0.0; count]
    }
}

impl Sealed for f32 {
    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }
    #[inline(always)]
    fn widen_all(values: &[Self; LANES], _: fn(&[u16; LANES]) -> [f32; LANES]) -> [f32; LANES] {
        *values
    }
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn load_sixteen(values: *const Self) -> std::arch::x86_64::__m512 {
        // SAFETY: passed on from the caller.
        unsafe { std::arch::x86_64::_mm512_loadu_ps(values) }
    }
}

impl Element for f16 {
    fn narrow(value: f32) -> Self {
        Self::from_f32(value)
    }

    fn zeros(count: usize) -> Vec<Self> {
        // The allocator knows of integers alone that they are zero already.
        vec![0_u16; count].reinterpret_into()
    }
}

impl Sealed for f16 {
    #[inline(always)]
    fn widen(self) -> f32 {
        widen(self.to_bits())
    }
    #[inline(always)]
    fn widen_all(
        values: &[Self; LANES],
        halves: fn(&[u16; LANES]) -> [f32; LANES],
    ) -> [f32; LANES] {
        halves(&values.map(Self::to_bits))
    }
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn load_sixteen(values: *const Self) -> std::arch::x86_64::__m512 {
        use std::arch::x86_64::{_mm256_loadu_si256, _mm512_cvtph_ps};
        // SAFETY: passed on from the caller.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(values.cast())) }
    }
}

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

    /// Returns one key-value head's part of a block: its keys and its values.
    fn head<'a, T>(&self, block: Block<'a, T>, kv_head: usize) -> (&'a [T], &'a [T]) {
        let part = &block.elements[kv_head * block.stride..][..self.head_elements()];
        part.split_at(BLOCK * self.head_dim)
    }

    /// Writes the key, (`kv_heads`, `head_dim`), and value, (`kv_heads`,
    /// `value_dim`), of one position into `slot` of a block, whose elements are as
    /// those of a [`Block`].
    pub fn store<T: Element>(
        &self,
        elements: &mut [T],
        stride: usize,
        slot: usize,
        key: &[f32],
        value: &[f32],
    ) {
        let heads = key
            .chunks_exact(self.head_dim)
            .zip(value.chunks_exact(self.value_dim));
        for ((key, value), part) in heads.zip(elements.chunks_mut(stride)) {
            let (keys, values) = part.split_at_mut(BLOCK * self.head_dim);
            for (column, &x) in keys.chunks_exact_mut(BLOCK).zip(key) {
                column[slot] = T::narrow(x);
            }
            for (stored, &x) in values[slot * self.value_dim..].iter_mut().zip(value) {
                *stored = T::narrow(x);
            }
        }
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
    /// ones where it sees ahead; `None`: all.
    pub window: Option<usize>,
    /// A query sees its whole span, what comes after it too, as encoders have it.
    pub sees_ahead: bool,
    /// A score of each query head that takes weight and gives no value, (heads).
    pub sinks: Option<&'a [f32]>,
    /// For each sequence its blocks. The keys and values of every queried position
    /// have been stored.
    pub blocks: &'a [Vec<Block<'a, T>>],
    /// What is queried.
    pub spans: &'a [Span],
}

impl<T: Element> Attention<'_, T> {
    /// Computes attention for all spans; `queries` is (rows, heads * `head_dim`),
    /// `out` is (rows, heads * `value_dim`).
    pub fn run(&self, level: Level, pool: &Pool, queries: &[f32], out: &mut [f32]) {
        let rows = DisjointRows::new(out, self.shape.heads * self.shape.value_dim);
        let kv_heads = self.shape.kv_heads;
        pool.for_each(self.spans.len() * kv_heads, |item| {
            let span = self.spans[item / kv_heads];
            // SAFETY: items are handed out once, and so each pair of a row and
            // a key-value head's query heads.
            unsafe { self.span(level, span, item % kv_heads, queries, &rows) };
        });
    }

    /// Computes the query heads of one key-value head for one span.
    ///
    /// # Safety
    /// No two threads may compute the same span and head.
    unsafe fn span(
        &self,
        level: Level,
        span: Span,
        kv_head: usize,
        queries: &[f32],
        rows: &DisjointRows<f32>,
    ) {
        let (shape, dim) = (self.shape, self.shape.head_dim);
        let share = shape.heads / shape.kv_heads;
        let mut lanes = Vec::with_capacity(span.count * share);
        for offset in 0..span.count {
            let position = span.position + offset;
            let last = match (self.sees_ahead, self.window) {
                (true, None) => span.position + span.count - 1,
                (true, Some(window)) => {
                    let last = span.position + span.count - 1;
                    last.min(position.saturating_add(window.saturating_sub(1)))
                }
                (false, _) => position,
            };
            let first = self
                .window
                .map_or(0, |window| (position + 1).saturating_sub(window));
            for head in kv_head * share..(kv_head + 1) * share {
                let at = (span.row + offset) * shape.heads * dim + head * dim;
                let values = shape.value_dim;
                // SAFETY: each row and head is handed out once, by the caller's
                // promise and the loops.
                let out = unsafe { rows.part(span.row + offset, head * values, values) };
                let query = &queries[at..at + dim];
                lanes.push(Lane {
                    first,
                    last,
                    sink: self.sinks.map_or(f32::NEG_INFINITY, |sinks| sinks[head]),
                    query,
                    out,
                });
            }
        }
        for lanes in lanes.chunks_mut(SHARED) {
            let blocks = &self.blocks[span.sequence];
            attend(
                level,
                &mut Group {
                    shape,
                    kv_head,
                    blocks,
                    lanes,
                },
            );
        }
    }
}

#[cfg(test)]
mod tests;
