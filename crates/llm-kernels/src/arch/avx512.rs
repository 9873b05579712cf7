//! x86-64 with AVX-512 (F, BW, DQ, VL) and its VNNI.

pub(crate) mod attention;
pub(crate) mod gemm;
pub(crate) mod gemm_f32;
pub(crate) mod gemv;
