//! How keys and values are stored: as which numbers, and in which order in a block.

use half::f16;
use half::vec::HalfBitsVecExt;

use super::group::Attend;
use super::{BLOCK, LANES, Shape};
use crate::arch::scalar::primitives::widen;

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
pub trait Element: Copy + Send + Sync + Default + Attend + sealed::Load + 'static {
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

    pub trait Load: Sized {
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

impl Shape {
    /// Writes the key, (`kv_heads`, `head_dim`), and value, (`kv_heads`,
    /// `value_dim`), of one position into `slot` of a block, whose elements are as
    /// those of a [`Block`](super::Block).
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
