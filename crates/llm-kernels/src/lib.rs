//! Block formats, SIMD kernels, threads and memory maps: slices in, slices out.
//!
//! This is the only crate with `unsafe`. Each computation exists once as plain Rust,
//! the scalar reference. It is compiled again for wider registers, or written once
//! more for a level with instructions of its own (`arch`); `simd` chooses at run time.
//! Whatever the level, the number of threads and the number of rows that are computed
//! together, a result's chain of roundings is the same: exact integers inside a scale
//! group, then one `f32` chain over the groups in ascending order.
//!
//! ```
//! use llm_kernels::activations::Activations;
//! use llm_kernels::block::Format;
//! use llm_kernels::matmul::{Input, Matrix, multiply};
//! use llm_kernels::pool::Pool;
//! use llm_kernels::simd::Level;
//!
//! let (level, pool) = (Level::detect()?, Pool::new(2)?);
//! let weights = [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0].map(f32::to_le_bytes);
//! let matrix = Matrix::new(Format::F32, weights.as_flattened(), 2, 3).expect("(2, 3)");
//! let floats = [1.0, 0.0, -1.0];
//! let mut quantized = Activations::default();
//! quantized.quantize(level, &pool, &floats, matrix.columns());
//! let input = Input {
//!     floats: &floats,
//!     quantized: &quantized,
//! };
//! let mut out = [0.0; 2];
//! multiply(level, &pool, input, &mut [(matrix, &mut out)], &[]);
//! assert_eq!(out, [-2.0, -2.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![allow(
    unsafe_code,
    reason = "kernels, threads and memory maps are what this crate is for"
)]

pub mod activations;
mod arch;
pub mod attention;
pub mod block;
pub mod dequantize;
pub mod matmul;
pub mod matrix_state;
pub mod mmap;
mod packed_panel;
pub mod pool;
mod prefetch;
pub mod probe;
pub mod quantize;
mod quantized;
pub mod rope;
pub mod simd;
pub mod streams;
pub mod row_gather;
pub mod topk_screen;
pub mod vector;
