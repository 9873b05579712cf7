//! Packed panels of floats times activation rows: the generic source with registers
//! of 512 bits.

use std::arch::x86_64::{
    __m512, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
};

use crate::matmul::gemm_f32::{Work, register, rows};

register!(
    __m512,
    16,
    _mm512_setzero_ps,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_fmadd_ps
);

/// Multiplies the packed panels with the activation rows.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
pub(crate) fn multiply(work: Work<'_>) {
    rows::<__m512, 16, 12, 6>(work);
}
