//! What a folder holds in another form than GGUF files do, and what is
//! quantized: made anew, all in one shard that lies in memory.

use std::sync::Arc;

use llm_kernels::block::Format;
use llm_kernels::dequantize::dequantize_row;
use llm_kernels::mmap::Mapping;
use llm_kernels::quantize::QuantType;

use super::{FolderError, Quantize};
use llm_gguf::{TensorInfo, TensorType};

/// A tensor to be made.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) name: String,
    /// Extents, the fastest-running first.
    pub(super) shape: Vec<u64>,
    pub(super) source: Source,
}

/// What a tensor is made from.
#[derive(Debug)]
pub(super) enum Source {
    /// These numbers.
    Numbers(Vec<f32>),
    /// Another tensor, each number plus one.
    PlusOne(TensorInfo),
    /// The rows of another tensor.
    Packed(TensorInfo, QuantType),
}

impl Source {
    /// Returns the tensor that it is made from, if it is one.
    pub(super) fn tensor(&self) -> Option<&TensorInfo> {
        match self {
            Self::Numbers(_) => None,
            Self::PlusOne(tensor) | Self::Packed(tensor, _) => Some(tensor),
        }
    }
}

/// A cache line; tensors begin at multiples of it.
const ALIGNMENT: u64 = 64;

/// Returns the tensors, for the shard after `shards`, and that shard.
pub(super) fn make(
    made: &[Made],
    shards: &[Arc<Mapping>],
    quantize: Option<&Quantize<'_>>,
) -> Result<(Vec<TensorInfo>, Mapping), FolderError> {
    let mut bytes = 0_u64;
    let tensors: Vec<TensorInfo> = made
        .iter()
        .map(|tensor| {
            let format = format_of(&tensor.source);
            let offset = bytes.next_multiple_of(ALIGNMENT);
            let dtype = TensorType::from(format);
            let size = dtype.size(tensor.shape.iter().product());
            bytes = offset + size.unwrap_or(0);
            TensorInfo {
                name: tensor.name.clone(),
                shape: tensor.shape.clone(),
                dtype,
                shard: shards.len(),
                offset,
                size,
            }
        })
        .collect();
    if let Some(room) = quantize.and_then(|quantize| quantize.room)
        && bytes > room
    {
        let needed = bytes;
        return Err(FolderError::Memory { needed, room });
    }
    let mut interrupted = false;
    // A mapping of nothing is refused by the system.
    let mapping = Mapping::anonymous(bytes.max(1) as usize, |image| {
        for (made, tensor) in made.iter().zip(&tensors) {
            interrupted = quantize.is_some_and(|quantize| (quantize.interrupted)());
            if interrupted {
                return;
            }
            let start = tensor.offset as usize;
            let out = &mut image[start..start + tensor.size.unwrap_or(0) as usize];
            put(&made.source, shards, quantize, out);
        }
    });
    if interrupted {
        return Err(FolderError::Interrupted);
    }
    let mapping = mapping.map_err(|source| FolderError::NoMemory { bytes, source })?;
    Ok((tensors, mapping))
}

fn format_of(source: &Source) -> Format {
    match source {
        Source::Numbers(_) | Source::PlusOne(_) => Format::F32,
        Source::Packed(_, packing) => packing.format(),
    }
}

fn put(source: &Source, shards: &[Arc<Mapping>], quantize: Option<&Quantize<'_>>, out: &mut [u8]) {
    match source {
        Source::Numbers(numbers) => write_floats(numbers, out),
        Source::PlusOne(tensor) => {
            let mut numbers = vec![0.0; tensor.elements() as usize];
            dequantize_row(
                stored_format(tensor),
                bytes_of(tensor, shards),
                &mut numbers,
            );
            for number in &mut numbers {
                *number += 1.0;
            }
            write_floats(&numbers, out);
        }
        Source::Packed(tensor, packing) => {
            let columns = tensor.shape.first().map_or(0, |&columns| columns as usize);
            let format = stored_format(tensor);
            let length = format.row_bytes(columns);
            let bytes = bytes_of(tensor, shards);
            if let Some(quantize) = quantize {
                let level = quantize.level;
                let packed = packing.format().row_bytes(columns);
                quantize.pool.for_each_row(out, packed, |row, out| {
                    let mut weights = vec![0.0; columns];
                    dequantize_row(format, &bytes[row * length..][..length], &mut weights);
                    packing.quantize(level, &weights, out);
                });
            }
        }
    }
}

/// Folders hold no other type than those that can be run.
fn stored_format(tensor: &TensorInfo) -> Format {
    tensor.dtype.format().unwrap_or(Format::F32)
}

fn bytes_of<'a>(tensor: &TensorInfo, shards: &'a [Arc<Mapping>]) -> &'a [u8] {
    let start = tensor.offset as usize;
    // The header was checked against this very map.
    &shards[tensor.shard].bytes()[start..start + tensor.size.unwrap_or(0) as usize]
}

fn write_floats(numbers: &[f32], out: &mut [u8]) {
    for (out, number) in out.chunks_exact_mut(4).zip(numbers) {
        out.copy_from_slice(&number.to_le_bytes());
    }
}
