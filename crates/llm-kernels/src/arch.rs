//! The kernels by architecture. From the folder one sees what runs with which
//! instructions:
//!
//! - `scalar`: plain Rust, which every machine runs and which judges the others;
//! - `avx2`: 256-bit registers of x86-64, with and without AVX-VNNI;
//! - `avx512`: 512-bit registers of x86-64 with VNNI. Packed panels are filled by
//!   the dequantization of `avx2`;
//! - `neon`: 128-bit registers of aarch64, with and without dotprod and i8mm.
//!
//! In each, `dequantize` unpacks blocks into packed panels, `gemv` multiplies one
//! activation row and `gemm` many, `gemm_f32` does so for float weights, and
//! `attention` or `primitives` holds what attention needs. What is compiled several times
//! from one generic source (element-wise steps, attention below AVX-512, the loops
//! of float products) stands beside the dispatch to it, outside of `arch`.

pub(crate) mod primitives;
pub(crate) mod scalar;

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;
