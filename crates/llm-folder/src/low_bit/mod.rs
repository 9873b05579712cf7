//! Folders whose matrices are stored in a few bits: what their format is, which tensors
//! make a matrix, and the matrix as blocks or floats that are run.
//!
//! Each matrix becomes the smallest of ggml's block formats that holds its very
//! weights, else floats of 16 or 32 bits (`blocks`).

mod bitsandbytes;
mod blocks;
mod codes;
mod compressed_tensors;
mod float8;
mod gptq;
mod matrix;
mod method;
mod mlx;
mod numbers;
mod parts;
mod values;

use std::sync::Arc;

use llm_kernels::mmap::Mapping;

pub(super) use matrix::Matrix;
pub(super) use method::Method;
pub(super) use parts::{Parts, collect, is_part, is_unneeded};

impl Parts {
    /// Returns the matrix that the parts make.
    ///
    /// # Errors
    /// Parts that are missing or do not fit together.
    pub(super) fn matrix(
        &self,
        method: &Method,
        shards: &[Arc<Mapping>],
    ) -> Result<Matrix, String> {
        let matrix = match method {
            Method::Mlx(settings) => mlx::matrix(self, settings),
            Method::Gptq(settings) => gptq::matrix(self, settings, shards),
            Method::Float8 { block } => float8::matrix(self, *block),
            Method::CompressedTensors(settings) => {
                compressed_tensors::matrix(self, settings, shards)
            }
            Method::BitsAndBytes { .. } => bitsandbytes::matrix(self, shards),
        };
        matrix?.checked()
    }
}
