//! AVX2 and F16C. The type is only named by functions that are compiled for
//! them, which only run where the processor has them.

use std::arch::x86_64::{_mm_loadu_si128, _mm256_cvtph_ps, _mm256_storeu_ps};

use crate::arch::primitives::{HALVES, Primitives};

/// The operations with 256-bit registers.
pub(crate) struct Avx2;

impl Primitives for Avx2 {
    #[inline(always)]
    fn widen_all(halves: &[u16; HALVES]) -> [f32; HALVES] {
        let mut out = [0.0; HALVES];
        for part in [0, 8] {
            // SAFETY: eight halves and eight floats from `part` on lie inside
            // the arrays of sixteen; for the rest see the module's comment.
            unsafe {
                let eight = _mm_loadu_si128(halves.as_ptr().add(part).cast());
                _mm256_storeu_ps(out.as_mut_ptr().add(part), _mm256_cvtph_ps(eight));
            }
        }
        out
    }
}
