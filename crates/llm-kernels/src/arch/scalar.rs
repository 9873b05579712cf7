//! Plain Rust: the reference that every other level must equal to the bit.

pub(crate) mod dequantize;
pub(crate) mod gemm;
pub(crate) mod gemm_f32;
pub(crate) mod primitives;
