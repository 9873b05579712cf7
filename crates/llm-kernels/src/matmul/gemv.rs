//! One activation row, multiplied with weight rows straight from the file's bytes.
//! It has nobody to share a packed panel with, whose way through memory would cost
//! more than the products.

use crate::activations::Activations;
#[cfg(target_arch = "aarch64")]
use crate::arch::neon;
#[cfg(target_arch = "x86_64")]
use crate::arch::{avx2, avx512};
use crate::block::Format;
use crate::simd::Level;

/// Writes the products of the rows in `bytes` with the first activation row to
/// `out`, one each, if the level and the format have a path for it; else returns
/// false and does nothing.
pub(super) fn multiply(
    level: Level,
    format: Format,
    bytes: &[u8],
    input: &Activations,
    out: &mut [f32],
) -> bool {
    #[cfg(target_arch = "x86_64")]
    if level >= Level::AVX512_VNNI {
        // SAFETY: the level exists only where its features do.
        return unsafe { avx512::gemv::multiply(format, bytes, input, out) };
    }
    #[cfg(target_arch = "x86_64")]
    if level >= Level::AVX2 {
        // SAFETY: the level exists only where its features do.
        return unsafe { avx2::gemv::multiply(format, bytes, input, out) };
    }
    #[cfg(target_arch = "aarch64")]
    if level >= Level::NEON {
        return neon::gemv::multiply(level, format, bytes, input, out);
    }
    let _ = (level, format, bytes, input, out);
    false
}
