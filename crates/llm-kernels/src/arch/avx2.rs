//! x86-64 with AVX2, FMA and F16C, and with AVX-VNNI where that saves instructions.

pub(crate) mod blocks;
pub(crate) mod dequantize;
pub(crate) mod gemm;
pub(crate) mod gemm_f32;
pub(crate) mod gemv;
pub(crate) mod primitives;
