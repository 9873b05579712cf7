//! What a folder holds in another form than GGUF files do, and what is
//! quantized: made anew, all in one shard that lies in memory.

use std::sync::Arc;

use llm_kernels::block::Format;
use llm_kernels::dequantize::dequantize_row;
use llm_kernels::mmap::Mapping;
use llm_kernels::quantize::QuantType;

use super::changes::Each;
use super::low_bit::Matrix;
use super::mxfp4::Packed;
use super::order::Order;
use super::{FolderError, Loading, Purpose};
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
    /// A matrix that is stored in a few bits.
    LowBit(LowBit),
}

/// A matrix that is stored in a few bits, or a part of it.
#[derive(Debug)]
pub(super) struct LowBit {
    pub(super) matrix: Arc<Matrix>,
    /// What holds its weights: blocks for a whole one as it is, else floats.
    pub(super) format: Format,
    /// What is made of those floats.
    pub(super) taken: Taken,
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
            Self::Tensor(taken) => taken.format(),
            Self::LowBit(low_bit) => low_bit.format(),
        }
    }

    /// Returns whether it is left out where a model is only described.
    fn is_matrix(&self) -> bool {
        match self {
            Self::Numbers(_) => false,
            Self::Tensor(taken) => taken.tensor.shape.len() > 1,
            Self::Mxfp4(_) | Self::LowBit(_) => true,
        }
    }
}

/// A cache line; tensors begin at multiples of it.
const ALIGNMENT: u64 = 64;

/// Returns the tensors, for the shard after `shards`, and that shard.
pub(super) fn make(
    made: &[Made],
    shards: &[Arc<Mapping>],
    purpose: Purpose<'_>,
) -> Result<(Vec<TensorInfo>, Mapping), FolderError> {
    let loading = purpose.loading();
    let is_look = matches!(purpose, Purpose::Look);
    let mut bytes = 0_u64;
    let tensors: Vec<TensorInfo> = made
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
                shard: shards.len(),
                offset,
                size,
            }
        })
        .collect();
    if let Some(room) = loading.and_then(|loading| loading.room)
        && bytes > room
    {
        let needed = bytes;
        return Err(FolderError::Memory { needed, room });
    }
    let mut fault = None;
    let fill = |image: &mut [u8]| {
        for (made, tensor) in made.iter().zip(&tensors) {
            if is_look && made.source.is_matrix() {
                continue;
            }
            if loading.is_some_and(|loading| (loading.interrupted)()) {
                fault = Some(FolderError::Interrupted);
                return;
            }
            let start = tensor.offset as usize;
            let out = &mut image[start..start + tensor.size.unwrap_or(0) as usize];
            made.write(shards, loading, out);
        }
    };
    // A mapping of nothing is refused by the system.
    let length = bytes.max(1) as usize;
    let mapping = match purpose {
        Purpose::Look => Mapping::unreserved(length, fill),
        Purpose::Run(_) => Mapping::anonymous(length, fill),
    };
    if let Some(fault) = fault {
        return Err(fault);
    }
    let mapping = mapping.map_err(|source| FolderError::NoMemory { bytes, source })?;
    Ok((tensors, mapping))
}

impl Made {
    fn write(&self, shards: &[Arc<Mapping>], loading: Option<&Loading<'_>>, out: &mut [u8]) {
        let columns = self.shape.first().map_or(0, |&columns| columns as usize);
        match &self.source {
            Source::Numbers(numbers) => write_floats(numbers, out),
            Source::Mxfp4(packed) => packed.write(
                bytes_of(&packed.blocks, shards),
                bytes_of(&packed.scales, shards),
                out,
            ),
            Source::Tensor(taken) => {
                taken.write(columns, bytes_of(&taken.tensor, shards), loading, out);
            }
            Source::LowBit(low_bit) => low_bit.write(columns, shards, loading, out),
        }
    }
}

impl LowBit {
    /// Quantized weights are not quantized once more where that saves nothing.
    fn packing(&self) -> Option<QuantType> {
        let bits = |format: Format| 8 * format.block_bytes() / format.block_elements();
        let packing = self.taken.packing?;
        let saves = !self.format.is_quantized() || bits(packing.format()) < bits(self.format);
        saves.then_some(packing)
    }

    fn format(&self) -> Format {
        match self.packing() {
            Some(packing) => packing.format(),
            None if self.format.is_quantized() => self.format,
            None => self.taken.format(),
        }
    }

    fn write(
        &self,
        columns: usize,
        shards: &[Arc<Mapping>],
        loading: Option<&Loading<'_>>,
        out: &mut [u8],
    ) {
        // They were read before, when the format was chosen.
        let Ok(grid) = self.matrix.grid(shards) else {
            return;
        };
        let is_whole = self.taken.order.is_none() && self.taken.each == Each::Kept;
        match (self.packing(), loading) {
            (Some(packing), Some(loading)) if is_whole => {
                let row_bytes = packing.format().row_bytes(columns);
                let (level, pool) = (loading.level, loading.pool);
                self.matrix
                    .for_each_row(&grid, shards, pool, row_bytes, out, |weights, out| {
                        packing.quantize(level, weights, out);
                    });
            }
            _ => {
                let pool = loading.map(|loading| loading.pool);
                let format = self.format;
                if is_whole {
                    self.matrix.write(format, &grid, shards, pool, out);
                    return;
                }
                let mut floats = vec![0; self.taken.tensor.size.unwrap_or(0) as usize];
                self.matrix.write(format, &grid, shards, pool, &mut floats);
                self.taken.write(columns, &floats, loading, out);
            }
        }
    }
}

impl Taken {
    fn format(&self) -> Format {
        match (self.packing, self.each) {
            (Some(packing), _) => packing.format(),
            (None, Each::Kept) => stored_format(&self.tensor),
            _ => Format::F32,
        }
    }

    fn write(&self, columns: usize, bytes: &[u8], loading: Option<&Loading<'_>>, out: &mut [u8]) {
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
        match (self.packing, loading, self.each) {
            (Some(packing), Some(loading), _) => {
                let level = loading.level;
                let packed = packing.format().row_bytes(columns);
                loading.pool.for_each_row(out, packed, |row, out| {
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
