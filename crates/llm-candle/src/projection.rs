//! The engine's matrices on candle's devices: dense, or in the file's blocks.

use std::sync::Arc;

use candle_core::quantized::{GgmlDType, QMatMul, QStorage, QTensor};
use candle_core::{Device, Module, Result, Tensor};
use llm_engine::weights::{self, Linear};
use llm_kernels::block::Format;

use crate::steps::Norm;

/// How the matrices are stored on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// As f32: exact, four bytes a weight.
    Dense,
    /// As in the file where candle has a product for the format, else as f32.
    /// candle rounds the activations to 8 bits then.
    Quantized,
}

/// Puts weights on one device.
#[derive(Debug)]
pub(crate) struct Loader<'a> {
    pub(crate) device: &'a Device,
    pub(crate) precision: Precision,
}

impl Loader<'_> {
    /// Copies a vector.
    pub(crate) fn vector(&self, vector: &[f32]) -> Result<Tensor> {
        Tensor::from_slice(vector, vector.len(), self.device)
    }

    /// Copies a vector that not every family has.
    pub(crate) fn optional_vector(&self, vector: Option<&[f32]>) -> Result<Option<Tensor>> {
        vector.map(|vector| self.vector(vector)).transpose()
    }

    /// Copies the weights of a norm.
    pub(crate) fn norm(&self, norm: &weights::Norm) -> Result<Norm> {
        Ok(Norm {
            weight: self.vector(&norm.weight)?,
            bias: self.optional_vector(norm.bias.as_deref())?,
        })
    }

    /// Copies those of a norm that not every family has.
    pub(crate) fn optional_norm(&self, norm: Option<&weights::Norm>) -> Result<Option<Norm>> {
        norm.map(|norm| self.norm(norm)).transpose()
    }

    /// Copies matrices of the same kind.
    pub(crate) fn projections(&self, linears: &[Linear]) -> Result<Vec<Projection>> {
        linears
            .iter()
            .map(|linear| self.projection(linear))
            .collect()
    }

    /// Copies a matrix and its bias.
    pub(crate) fn projection(&self, linear: &Linear) -> Result<Projection> {
        let shape = (linear.rows(), linear.columns());
        let weight = match block_type(linear.format()) {
            Some(dtype) if self.precision == Precision::Quantized => {
                let blocks = aligned_bytes(linear);
                let bytes = &bytemuck::cast_slice(&blocks)[..linear.rows() * row_bytes(linear)];
                let storage = QStorage::from_data(bytes.into(), self.device, dtype)?;
                // Not QMatMul::from_qtensor, which obeys environment variables.
                QMatMul::QTensor(Arc::new(QTensor::new(storage, shape)?))
            }
            _ => QMatMul::Tensor(Tensor::from_vec(linear.dequantize(), shape, self.device)?),
        };
        let bias = self.optional_vector(linear.bias.as_deref())?;
        let scales = self.optional_vector(linear.scales.as_deref())?;
        Ok(Projection {
            weight,
            scales,
            bias,
        })
    }
}

fn row_bytes(linear: &Linear) -> usize {
    linear.format().row_bytes(linear.columns())
}

/// Returns the bytes of a matrix at an address that any block type may have;
/// candle panics on others, and a file's alignment can be a single byte.
fn aligned_bytes(linear: &Linear) -> Vec<u64> {
    let (matrix, row) = (linear.matrix(), row_bytes(linear));
    let mut words = vec![0_u64; (linear.rows() * row).div_ceil(size_of::<u64>())];
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
    for (index, out) in bytes.chunks_exact_mut(row).enumerate().take(linear.rows()) {
        out.copy_from_slice(matrix.row(index));
    }
    words
}

/// Returns candle's name of a quantized format that it can multiply with.
fn block_type(format: Format) -> Option<GgmlDType> {
    Some(match format {
        Format::Q4_0 => GgmlDType::Q4_0,
        Format::Q4_1 => GgmlDType::Q4_1,
        Format::Q5_0 => GgmlDType::Q5_0,
        Format::Q5_1 => GgmlDType::Q5_1,
        Format::Q8_0 => GgmlDType::Q8_0,
        Format::Q2K => GgmlDType::Q2K,
        Format::Q3K => GgmlDType::Q3K,
        Format::Q4K => GgmlDType::Q4K,
        Format::Q5K => GgmlDType::Q5K,
        Format::Q6K => GgmlDType::Q6K,
        _ => return None,
    })
}

/// A matrix, (rows, columns), with its bias, (rows).
#[derive(Debug)]
pub(crate) struct Projection {
    weight: QMatMul,
    /// One for all rows, or (rows).
    scales: Option<Tensor>,
    bias: Option<Tensor>,
}

impl Projection {
    /// x, (positions, columns) → x · weightᵀ * scales + bias, (positions, rows).
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut product = self.weight.forward(x)?;
        if let Some(scales) = &self.scales {
            product = product.broadcast_mul(scales)?;
        }
        match &self.bias {
            Some(bias) => product.broadcast_add(bias),
            None => Ok(product),
        }
    }
}
