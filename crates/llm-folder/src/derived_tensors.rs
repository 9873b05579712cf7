//! What a folder holds in another form than GGUF files do, and what is
//! quantized: made anew, all in one shard that lies in memory.

use std::sync::Arc;

use llm_kernels::block::Format;
use llm_kernels::dequantize::dequantize_row;
use llm_kernels::mmap::Mapping;
use llm_kernels::quantize::QuantType;

use super::changes::Each;
use super::mxfp4::Packed;
use super::order::Order;
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
    /// Another tensor.
    Tensor(Taken),
    /// Blocks and scales that stand apart.
    Mxfp4(Packed),
}

/// Another tensor, or a part of it.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) tensor: TensorInfo,
    /// The order of its elements; `None` for the one that they have.
    pub(super) order: Option<Order>,
    pub(super) each: Each,
    /// What its rows are quantized to, if they are.
    pub(super) packing: Option<QuantType>,
}

impl Source {
    /// Returns the tensor whose rows it has, if it has those of one.
    pub(super) fn tensor(&self) -> Option<&TensorInfo> {
        match self {
            Self::Tensor(taken) if taken.order.is_none() => Some(&taken.tensor),
            _ => None,
        }
    }

    fn format(&self) -> Format {
        match self {
            Self::Numbers(_) => Format::F32,
            Self::Mxfp4(_) => Format::Mxfp4,
            Self::Tensor(taken) => match (taken.packing, taken.each) {
                (Some(packing), _) => packing.format(),
                (None, Each::Kept) => stored_format(&taken.tensor),
                _ => Format::F32,
            },
        }
    }
}

/// A cache line; tensors begin at multiples of it.
const ALIGNMENT: u64 = 64;

/// Lays the tensors out in a shard `shard`; returns them and its bytes.
fn laid_out(made: &[Made], shard: usize) -> (Vec<TensorInfo>, u64) {
    let mut bytes = 0_u64;
    let tensors = made
        .iter()
        .map(|tensor| {
            let offset = bytes.next_multiple_of(ALIGNMENT);
            let dtype = TensorType::from(tensor.source.format());
            let size = dtype.size(tensor.shape.iter().product());
            bytes = offset + size.unwrap_or(0);
            TensorInfo {
                name: tensor.name.clone(),
                shape: tensor.shape.clone(),
                dtype,
                shard,
                offset,
                size,
            }
        })
        .collect();
    // A mapping of nothing is refused by the system.
    (tensors, bytes.max(1))
}

/// Returns the tensors, for the shard after `shards`, and that shard, in which all numbers
/// are 0.
pub(super) fn leave_out(
    made: &[Made],
    shards: &[Arc<Mapping>],
) -> Result<(Vec<TensorInfo>, Mapping), FolderError> {
    let (tensors, bytes) = laid_out(made, shards.len());
    let mapping = Mapping::zeros(bytes as usize);
    let mapping = mapping.map_err(|source| FolderError::NoMemory { bytes, source })?;
    Ok((tensors, mapping))
}

/// Returns the tensors, for the shard after `shards`, and that shard.
pub(super) fn make(
    made: &[Made],
    shards: &[Arc<Mapping>],
    quantize: Option<&Quantize<'_>>,
) -> Result<(Vec<TensorInfo>, Mapping), FolderError> {
    let (tensors, bytes) = laid_out(made, shards.len());
    if let Some(room) = quantize.and_then(|quantize| quantize.room)
        && bytes > room
    {
        let needed = bytes;
        return Err(FolderError::Memory { needed, room });
    }
    let mut interrupted = false;
    let mapping = Mapping::anonymous(bytes as usize, |image| {
        for (made, tensor) in made.iter().zip(&tensors) {
            interrupted = quantize.is_some_and(|quantize| (quantize.interrupted)());
            if interrupted {
                return;
            }
            let start = tensor.offset as usize;
            let out = &mut image[start..start + tensor.size.unwrap_or(0) as usize];
            match &made.source {
                Source::Numbers(numbers) => write_floats(numbers, out),
                Source::Mxfp4(packed) => packed.write(
                    bytes_of(&packed.blocks, shards),
                    bytes_of(&packed.scales, shards),
                    out,
                ),
                Source::Tensor(taken) => {
                    let columns = made.shape.first().map_or(0, |&columns| columns as usize);
                    taken.write(columns, bytes_of(&taken.tensor, shards), quantize, out);
                }
            }
        }
    });
    if interrupted {
        return Err(FolderError::Interrupted);
    }
    let mapping = mapping.map_err(|source| FolderError::NoMemory { bytes, source })?;
    Ok((tensors, mapping))
}

impl Taken {
    fn write(&self, columns: usize, bytes: &[u8], quantize: Option<&Quantize<'_>>, out: &mut [u8]) {
        let format = stored_format(&self.tensor);
        let size = format.row_bytes(1);
        // Elements from one on, until `stored` is full.
        let copy = |start: u64, stored: &mut [u8]| match &self.order {
            Some(order) => order.copy(bytes, size, start, stored),
            None => {
                let start = start as usize * size;
                stored.copy_from_slice(&bytes[start..start + stored.len()]);
            }
        };
        let floats = |start: u64, count: usize| {
            let mut stored = vec![0; count * size];
            copy(start, &mut stored);
            let mut numbers = vec![0.0; count];
            dequantize_row(format, &stored, &mut numbers);
            for number in &mut numbers {
                *number = self.each.of(*number);
            }
            numbers
        };
        match (self.packing, quantize, self.each) {
            (Some(packing), Some(quantize), _) => {
                let level = quantize.level;
                let packed = packing.format().row_bytes(columns);
                quantize.pool.for_each_row(out, packed, |row, out| {
                    let weights = floats((row * columns) as u64, columns);
                    packing.quantize(level, &weights, out);
                });
            }
            (_, _, Each::Kept) => copy(0, out),
            _ => write_floats(&floats(0, out.len() / 4), out),
        }
    }
}

impl Each {
    fn of(self, number: f32) -> f32 {
        match self {
            Self::Kept => number,
            Self::PlusOne => number + 1.0,
            Self::Decay => -number.exp(),
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
