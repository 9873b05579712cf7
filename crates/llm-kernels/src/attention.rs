//! Softmax attention over blocks of 64 positions, block by block (flash attention
//! with the online softmax: Milakov and Gimelshein 2018, arXiv:1805.02867).
//!
//! Each 512 positions are a KV split of their own, and these are joined in order. All steps
//! depend on absolute positions only, so that a query's result is the same to the
//! bit in prefill, in decode and in any batch, and however many threads share in it.
//! Within a block keys lie transposed: the scores of neighbouring positions
//! fill a register and nothing is added across it.

pub(crate) mod flash;
pub(crate) mod products;
pub mod full_sequence;
mod kv_split;
mod schedule;

use half::f16;
use half::vec::HalfBitsVecExt;

use crate::arch::primitives::HALVES;
use crate::arch::scalar::primitives::widen;

/// Positions of a block.
pub const BLOCK: usize = 64;
/// Queries that share one pass over the keys and values.
const SHARED: usize = 6;
/// Elements that are processed together: two 256-bit registers of floats.
const LANES: usize = HALVES;

/// How keys and values are stored: `f32` or `f16`, and nothing else.
///
/// ```compile_fail,E0277
/// #[derive(Clone, Copy, Default)]
/// struct Bytes(u8);
///
/// impl llm_kernels::attention::Element for Bytes {
///     fn narrow(_: f32) -> Self {
///         Self(0)
///     }
///     fn widen(self) -> f32 {
///         0.0
///     }
///     fn zeros(_: usize) -> Vec<Self> {
///         Vec::new()
///     }
/// }
/// ```
pub trait Element: Copy + Send + Sync + Default + sealed::Load + 'static {
    /// Returns the nearest storable value.
    fn narrow(value: f32) -> Self;
    /// Returns the value as a float, exactly.
    fn widen(self) -> f32;
    /// Returns `count` zeros. Where they are many, the system gives their pages only
    /// once they are written.
    fn zeros(count: usize) -> Vec<Self>;
}

impl Element for f32 {
    fn narrow(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }

    fn zeros(count: usize) -> Vec<Self> {
        vec![0.0; count]
    }
}

impl Element for f16 {
    fn narrow(value: f32) -> Self {
        Self::from_f32(value)
    }

    #[inline(always)]
    fn widen(self) -> f32 {
        widen(self.to_bits())
    }

    fn zeros(count: usize) -> Vec<Self> {
        // Of halves, `vec!` does not know that zeroed memory will do.
        vec![0_u16; count].reinterpret_into()
    }
}

/// What the kernels need of an element. The module is private, so that nobody else
/// can implement it.
mod sealed {
    use half::f16;

    use super::LANES;
    use super::flash;
    use super::products::Group;
    use crate::simd::Level;

    pub trait Load: Sized {
        /// Flash attention of a group. Being no generic function, it is compiled in
        /// this crate alone, and not again in each that runs a model.
        fn attend(level: Level, group: &mut Group<'_, Self>);
        /// Widens neighbouring values, halves with this level's own instructions.
        fn widen_all(
            values: &[Self; LANES],
            halves: fn(&[u16; LANES]) -> [f32; LANES],
        ) -> [f32; LANES];
        /// Widens the 16 values behind `values`.
        ///
        /// # Safety
        /// There are so many, and the processor has AVX-512 F.
        #[cfg(target_arch = "x86_64")]
        unsafe fn load_sixteen(values: *const Self) -> std::arch::x86_64::__m512;
    }

    impl Load for f32 {
        fn attend(level: Level, group: &mut Group<'_, Self>) {
            flash::attend(level, group);
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

    impl Load for f16 {
        fn attend(level: Level, group: &mut Group<'_, Self>) {
            flash::attend(level, group);
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

    /// # Panics
    /// If an extent is 0, or key-value heads cannot share the query heads evenly.
    fn check(&self) {
        assert!(self.head_dim > 0 && self.value_dim > 0, "heads of elements");
        assert!(
            self.kv_heads > 0 && self.heads.is_multiple_of(self.kv_heads),
            "each key-value head serves as many query heads"
        );
    }

    /// Returns one key-value head's part of a block: its keys and its values.
    fn head<'a, T: Copy>(&self, block: Block<'a, T>, kv_head: usize) -> (&'a [T], &'a [T]) {
        let part = &block.elements[kv_head * block.stride..][..self.head_elements()];
        part.split_at(BLOCK * self.head_dim)
    }

    /// Writes the key, (`kv_heads`, `head_dim`), and value, (`kv_heads`,
    /// `value_dim`), of one position into `slot` of a block, whose elements are as
    /// those of a [`Block`].
    ///
    /// # Panics
    /// If the slot is none of the 64, an extent or `stride` is 0, or `elements` has
    /// no room for the heads.
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
    /// ones if it is bidirectional; `None`: all.
    pub window: Option<usize>,
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
