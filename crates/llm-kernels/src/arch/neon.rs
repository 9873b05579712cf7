//! Little-endian aarch64: NEON, and dotprod and i8mm where the processor has them.

pub(crate) mod dequantize;
pub(crate) mod gemm;
pub(crate) mod gemv;
pub(crate) mod primitives;
