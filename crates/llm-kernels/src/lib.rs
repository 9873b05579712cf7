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
pub mod attention;
pub mod block;
pub mod delta;
pub mod matmul;
pub mod mmap;
pub mod pack;
pub mod pool;
pub mod probe;
pub mod rope;
pub mod screen;
pub mod simd;
pub mod streams;
mod tile;
pub mod unpack;
pub mod vector;
