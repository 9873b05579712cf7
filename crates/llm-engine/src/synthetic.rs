//! Random weights of a real model's shape, as a whole GGUF image: in memory,
//! to measure a size that nobody has downloaded, or in a file, for other
//! programs. The image is read by the same parser as every file.
//!
//! The weights are random quants in the target format, so that making them
//! costs little more than the memory; they are finite and keep activations at
//! a sane size, and mean nothing.

mod fill;
mod layout;
mod mixture;
mod shapes;

use std::io::{self, Write};

use llm_kernels::mmap::Mapping;
use llm_kernels::pool::Pool;

pub use mixture::{QUANTIZATIONS, Quantization};
pub use shapes::{RopeScaling, SHAPES, Shape};

use layout::{Content, Tensor};
use llm_gguf::{Gguf, GgufError, Metadata, TensorInfo};

/// A model of random weights: a shape, a quantization and a number of layers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Synthetic {
    shape: &'static Shape,
    quantization: &'static Quantization,
    layers: usize,
}

/// Why there is no such model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyntheticError {
    /// A shape that is not in the table.
    #[error("no shape is named '{name}'{hint}; known are {known}", known = shapes::names().join(", "))]
    UnknownShape {
        /// The name asked for.
        name: String,
        /// The nearest one in brackets, if one is near.
        hint: String,
    },
    /// A quantization that is not in the table.
    #[error(
        "'{name}' is not a quantization that can be made{hint}; known are {known}",
        known = mixture::names().join(", ")
    )]
    UnknownQuantization {
        /// The name asked for.
        name: String,
        /// The nearest one in brackets, if one is near.
        hint: String,
    },
    /// A shape without a quantization.
    #[error(
        "'{shape}' lacks a quantization, as in {shape}:q4_k_m; known are {known}",
        known = mixture::names().join(", ")
    )]
    NoQuantization {
        /// The shape.
        shape: &'static str,
    },
    /// More layers than the shape has, or none.
    #[error("'{name}' has {most} layers, and {asked} were asked for; ask for 1 to {most}")]
    Layers {
        /// The shape.
        name: &'static str,
        /// Layers asked for.
        asked: usize,
        /// Layers of the shape.
        most: usize,
    },
    /// The system gives no more memory.
    #[error("no memory for random weights of {bytes} bytes; ask for fewer layers: {source}")]
    Memory {
        /// Bytes of the image.
        bytes: u64,
        /// The system's reason.
        source: io::Error,
    },
    /// The image could not be read back.
    #[error(transparent)]
    Gguf(#[from] GgufError),
}

impl Synthetic {
    /// Reads `NAME:QUANT`, such as `llama-3.2-1b:q4_k_m`; case does not matter.
    ///
    /// # Errors
    /// A name or a quantization that is not known, or no quantization; the
    /// error lists those that are, and the nearest first.
    pub fn parse(text: &str) -> Result<Self, SyntheticError> {
        let lower = text.to_ascii_lowercase();
        let (name, quantization) = lower.split_once(':').unwrap_or((&lower, ""));
        let shape = SHAPES
            .iter()
            .find(|shape| shape.name == name)
            .ok_or_else(|| SyntheticError::UnknownShape {
                name: name.to_owned(),
                hint: hint(name, &shapes::names()),
            })?;
        if quantization.is_empty() {
            return Err(SyntheticError::NoQuantization { shape: shape.name });
        }
        let known = QUANTIZATIONS.iter().find(|row| row.name == quantization);
        let quantization = known.ok_or_else(|| SyntheticError::UnknownQuantization {
            name: quantization.to_owned(),
            hint: hint(quantization, &mixture::names()),
        })?;
        Ok(Self {
            shape,
            quantization,
            layers: shape.layers,
        })
    }

    /// Returns the same model with `layers` of its layers: a sample with the
    /// whole's mixture of formats.
    ///
    /// # Errors
    /// None, or more than the shape has.
    pub fn with_layers(self, layers: usize) -> Result<Self, SyntheticError> {
        if (1..=self.shape.layers).contains(&layers) {
            return Ok(Self { layers, ..self });
        }
        Err(SyntheticError::Layers {
            name: self.shape.name,
            asked: layers,
            most: self.shape.layers,
        })
    }

    /// Returns the shape.
    pub fn shape(&self) -> &'static Shape {
        self.shape
    }

    /// Returns the quantization.
    pub fn quantization(&self) -> &'static Quantization {
        self.quantization
    }

    /// Returns the number of layers that are made.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// Returns `NAME:QUANT`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.shape.name, self.quantization.name)
    }

    /// Returns the metadata of the image.
    pub fn metadata(&self) -> Metadata {
        layout::metadata(self)
    }

    /// Returns the tensors of the image; offsets count from the first.
    pub fn tensors(&self) -> Vec<TensorInfo> {
        let tensors = layout::tensors(self);
        let (_, offsets) = layout::header(&self.metadata(), &tensors);
        let info = |(tensor, offset): (Tensor, u64)| TensorInfo {
            size: Some(tensor.bytes()),
            shape: tensor.shape.iter().map(|&extent| extent as u64).collect(),
            dtype: tensor.format.into(),
            name: tensor.name,
            shard: 0,
            offset,
        };
        tensors.into_iter().zip(offsets).map(info).collect()
    }

    /// Returns the bytes of all tensors.
    pub fn weight_bytes(&self) -> u64 {
        layout::tensors(self).iter().map(Tensor::bytes).sum()
    }

    /// Returns the number of weights of all tensors.
    pub fn parameters(&self) -> u64 {
        let tensors = layout::tensors(self);
        let elements = |tensor: &Tensor| {
            tensor
                .shape
                .iter()
                .map(|&extent| extent as u64)
                .product::<u64>()
        };
        tensors.iter().map(elements).sum::<u64>()
    }

    /// Makes the image in memory and reads it.
    ///
    /// # Errors
    /// The system gives no memory. It may also give too much and end the
    /// program later, so compare `weight_bytes` with what is free before.
    pub fn gguf(&self, pool: &Pool) -> Result<Gguf, SyntheticError> {
        let tensors = layout::tensors(self);
        let (header, offsets) = layout::header(&self.metadata(), &tensors);
        let bytes = header.len() as u64 + data_bytes(&tensors, &offsets);
        let mapping = Mapping::anonymous(bytes as usize, |image| {
            let (head, data) = image.split_at_mut(header.len());
            head.copy_from_slice(&header);
            for (key, (tensor, &offset)) in tensors.iter().zip(&offsets).enumerate() {
                let start = offset as usize;
                let out = &mut data[start..start + tensor.bytes() as usize];
                put(pool, tensor, key as u64, 0, out);
            }
        });
        let mapping = mapping.map_err(|source| SyntheticError::Memory { bytes, source })?;
        Ok(Gguf::from_mapping(self.name(), mapping)?)
    }

    /// Writes the image, of which no more than a part is ever in memory.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, pool: &Pool, out: &mut impl Write) -> io::Result<()> {
        /// Chunks that are made before they are written: some 64 MiB.
        const CHUNKS: usize = 1024;
        let tensors = layout::tensors(self);
        let (header, offsets) = layout::header(&self.metadata(), &tensors);
        out.write_all(&header)?;
        let mut buffer = Vec::new();
        let mut written = 0;
        for (key, (tensor, &offset)) in tensors.iter().zip(&offsets).enumerate() {
            out.write_all(&vec![0; (offset - written) as usize])?;
            let part = CHUNKS * fill::chunk_bytes(tensor.format);
            let mut left = tensor.bytes() as usize;
            for first in (0..).step_by(CHUNKS) {
                buffer.resize(left.min(part), 0);
                put(pool, tensor, key as u64, first, &mut buffer);
                out.write_all(&buffer)?;
                left -= buffer.len();
                if left == 0 {
                    break;
                }
            }
            written = offset + tensor.bytes();
        }
        out.flush()
    }
}

/// Returns the known name that is most like `name`, as part of a sentence; empty
/// where none is near.
fn hint(name: &str, known: &[&str]) -> String {
    let likeness = |known| (strsim::jaro_winkler(name, known), known);
    let nearest = known
        .iter()
        .copied()
        .map(likeness)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    match nearest {
        // As for models' names: below this, suggestions are guesses.
        Some((likeness, nearest)) if likeness >= 0.8 => format!(" (did you mean '{nearest}'?)"),
        _ => String::new(),
    }
}

/// Returns the bytes from the first tensor to the end of the last.
fn data_bytes(tensors: &[Tensor], offsets: &[u64]) -> u64 {
    let last = tensors.last().zip(offsets.last());
    last.map_or(0, |(tensor, offset)| offset + tensor.bytes())
}

/// Writes a tensor's bytes from chunk `first` on.
fn put(pool: &Pool, tensor: &Tensor, key: u64, first: usize, out: &mut [u8]) {
    match &tensor.content {
        Content::Random(rms) => fill::fill(pool, tensor.format, *rms, key, first, out),
        // Vectors are shorter than a chunk's worth of parts, so `first` is 0.
        Content::Numbers(numbers) => {
            for (out, number) in out.chunks_exact_mut(4).zip(numbers) {
                out.copy_from_slice(&number.to_le_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests;
