//! Block formats, SIMD kernels, threads and memory maps: slices in, slices out.
//!
//! This is the only crate with `unsafe`. Each computation exists once as plain
//! Rust (the scalar twin) and is compiled again for wider registers; `simd`
//! chooses at run time. Whatever the level, the number of threads and the
//! number of rows that are computed together, a result's chain of roundings is
//! the same: exact integers inside a scale group, then one `f32` chain over the
//! groups in ascending order.

#![allow(
    unsafe_code,
    reason = "kernels, threads and memory maps are what this crate is for"
)]

pub mod activations;
mod arch;
pub mod attention;
pub mod block;
pub mod dequantize;
pub mod gated_delta_net;
pub mod matmul;
pub mod mmap;
mod packed_panel;
pub mod pool;
mod prefetch;
pub mod probe;
pub mod quantize;
pub mod rope;
pub mod simd;
pub mod streams;
pub mod topk_screen;
pub mod vector;
