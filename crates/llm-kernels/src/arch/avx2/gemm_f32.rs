//! Packed panels of floats times activation rows: the generic source with registers
//! of 256 bits.

use std::arch::x86_64::{
    __m256, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps,
};

use crate::matmul::gemm_f32::{Work, register, rows};

register!(
    __m256,
    8,
    _mm256_setzero_ps,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_fmadd_ps
);

/// Multiplies the packed panels with the activation rows.
#[target_feature(enable = "avx2,fma,f16c")]
pub(crate) fn multiply(work: Work<'_>) {
    rows::<__m256, 8, 6, 3>(work);
}
