//! Parses a GGUF header from bytes that may be cut short or hostile.
//!
//! Every count is compared with the bytes that are left before anything is
//! allocated, so a header that claims 2^60 tensors costs nothing.

use std::sync::Arc;

use llm_kernels::mmap::Mapping;

use super::array::{float, integer, width};
use super::not_a_model;
use super::{Floats, Integers, Metadata, Strings, TensorInfo, TensorType, Value};

/// What the header of one file holds.
pub(super) struct Header {
    pub(super) version: u32,
    pub(super) metadata: Metadata,
    pub(super) tensors: Vec<TensorInfo>,
}

/// The smallest possible tensor entry: name length, dimension count, type id
/// and offset.
const SMALLEST_TENSOR_ENTRY: u64 = 8 + 4 + 4 + 8;
/// The smallest possible metadata pair: key length, type id, a one-byte value.
const SMALLEST_PAIR: u64 = 8 + 4 + 1;
/// ggml's own limit (`GGML_MAX_DIMS`).
const MAX_DIMENSIONS: u32 = 4;
const DEFAULT_ALIGNMENT: u64 = 32;
/// The specification's limits, in bytes; they keep messages readable, too.
const LONGEST_KEY: usize = 65_535;
const LONGEST_TENSOR_NAME: usize = 64;

/// Reads the header of one file; `shard` is stored in its tensors.
pub(super) fn read_header(file: &Arc<Mapping>, shard: usize) -> Result<Header, String> {
    let bytes = file.bytes();
    let mut cursor = Cursor { file, bytes, at: 0 };
    if cursor.take(4).ok() != Some(b"GGUF") {
        let other = not_a_model::describe_bytes(bytes);
        return Err(other
            .unwrap_or("it does not begin with the four letters GGUF")
            .into());
    }
    let version = cursor.u32()?;
    match version {
        2 | 3 => {}
        1 => return Err("it has the outdated version 1 of the format".into()),
        _ if matches!(version.swap_bytes(), 1..=3) => {
            return Err("it is written for big-endian machines".into());
        }
        _ => {
            return Err(format!(
                "it states version {version}, and 2 and 3 are known"
            ));
        }
    }
    let tensor_count = cursor.u64()?;
    let pair_count = cursor.u64()?;
    cursor.check_count(pair_count, SMALLEST_PAIR, "metadata entries")?;
    let mut metadata = Metadata::default();
    for _ in 0..pair_count {
        let key = cursor.name(LONGEST_KEY, "metadata key")?;
        let value = cursor.value(&key)?;
        if metadata.insert(key.clone(), value).is_some() {
            return Err(format!("it holds the metadata key '{key}' twice"));
        }
    }
    cursor.check_count(tensor_count, SMALLEST_TENSOR_ENTRY, "tensors")?;
    let mut tensors = Vec::with_capacity(tensor_count as usize);
    for _ in 0..tensor_count {
        tensors.push(cursor.tensor(shard)?);
    }
    let alignment = metadata
        .u64("general.alignment")
        .map_err(|error| error.to_string())?
        .unwrap_or(DEFAULT_ALIGNMENT);
    if !alignment.is_power_of_two() || alignment > 1 << 20 {
        return Err("its general.alignment is not a power of two".into());
    }
    let data_start = (cursor.at as u64).next_multiple_of(alignment);
    place_tensors(&mut tensors, data_start, alignment, bytes.len() as u64)?;
    Ok(Header {
        version,
        metadata,
        tensors,
    })
}

/// Turns offsets relative to the data section into file offsets, checked
/// against the file's size.
fn place_tensors(
    tensors: &mut [TensorInfo],
    data_start: u64,
    alignment: u64,
    file_size: u64,
) -> Result<(), String> {
    for tensor in &mut *tensors {
        let name = &tensor.name;
        if !tensor.offset.is_multiple_of(alignment) {
            return Err(format!("the tensor '{name}' is not aligned"));
        }
        let end = data_start
            .checked_add(tensor.offset)
            .and_then(|start| start.checked_add(tensor.size.unwrap_or(0)))
            .filter(|&end| end <= file_size);
        if end.is_none() {
            return Err(format!(
                "it has {file_size} bytes and the tensor '{name}' reaches beyond them (the file is cut short)"
            ));
        }
        tensor.offset += data_start;
    }
    check_room(tensors, file_size)
}

/// Checks that no tensor reaches into the next one. A type of unknown size
/// needs a byte at least: more cannot be told of it.
fn check_room(tensors: &[TensorInfo], file_size: u64) -> Result<(), String> {
    let mut order: Vec<&TensorInfo> = tensors
        .iter()
        .filter(|tensor| tensor.elements() > 0)
        .collect();
    order.sort_by_key(|tensor| tensor.offset);
    for (at, tensor) in order.iter().enumerate() {
        let next = order.get(at + 1);
        let room = next.map_or(file_size, |next| next.offset) - tensor.offset;
        if tensor.size.unwrap_or(1) > room {
            let (name, beside) = (&tensor.name, next.map(|next| &next.name));
            return Err(match beside {
                Some(next) => format!("the tensors '{name}' and '{next}' lie in the same bytes"),
                None => format!("it ends before the tensor '{name}' (the file is cut short)"),
            });
        }
    }
    Ok(())
}

/// A position in the header's bytes.
struct Cursor<'a> {
    file: &'a Arc<Mapping>,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let end = self
            .at
            .checked_add(count)
            .filter(|&end| end <= self.bytes.len())
            .ok_or("its header is cut short")?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, String> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn check_count(&self, count: u64, smallest: u64, what: &str) -> Result<(), String> {
        let left = (self.bytes.len() - self.at) as u64;
        if count > left / smallest {
            return Err(format!(
                "it claims {count} {what}, more than its {left} remaining bytes can hold"
            ));
        }
        Ok(())
    }

    fn string(&mut self) -> Result<String, String> {
        let length = self.u64()?;
        self.check_count(length, 1, "bytes of text")?;
        Ok(String::from_utf8_lossy(self.take(length as usize)?).into_owned())
    }

    fn name(&mut self, longest: usize, what: &str) -> Result<String, String> {
        let at = self.at;
        let name = self.string()?;
        if name.len() > longest {
            let length = name.len();
            return Err(format!(
                "the {what} at byte {at} has {length} bytes, and {longest} is the most"
            ));
        }
        Ok(name)
    }

    fn tensor(&mut self, shard: usize) -> Result<TensorInfo, String> {
        let name = self.name(LONGEST_TENSOR_NAME, "tensor name")?;
        let dimensions = self.u32()?;
        if dimensions > MAX_DIMENSIONS {
            return Err(format!(
                "the tensor '{name}' has {dimensions} dimensions, and {MAX_DIMENSIONS} is the most"
            ));
        }
        let mut shape = Vec::new();
        let mut elements: u64 = 1;
        for _ in 0..dimensions {
            let extent = self.u64()?;
            elements = elements
                .checked_mul(extent)
                .filter(|&n| n <= i64::MAX as u64)
                .ok_or_else(|| format!("the shape of the tensor '{name}' is too large"))?;
            shape.push(extent);
        }
        let dtype = TensorType(self.u32()?);
        let offset = self.u64()?;
        let columns = shape.first().copied().unwrap_or(1);
        if let Some(block) = dtype.block_elements()
            && !columns.is_multiple_of(block)
        {
            return Err(format!(
                "the rows of the tensor '{name}' are not whole {dtype} blocks"
            ));
        }
        let size = dtype.size(elements);
        // Without a size the type is unknown; a known one must not overflow.
        if size.is_none() && dtype.block_elements().is_some() {
            return Err(format!("the shape of the tensor '{name}' is too large"));
        }
        Ok(TensorInfo {
            size,
            name,
            shape,
            dtype,
            shard,
            offset,
        })
    }

    fn value(&mut self, key: &str) -> Result<Value, String> {
        let type_id = self.u32()?;
        if type_id == 9 {
            return self.array_value(key);
        }
        Ok(match type_id {
            0 | 2 | 4 | 10 => Value::Unsigned(self.integer(type_id)? as u64),
            1 | 3 | 5 | 11 => Value::Signed(self.integer(type_id)?),
            6 | 12 => Value::Float(self.float(type_id)?),
            7 => Value::Bool(self.integer(type_id)? != 0),
            8 => Value::String(self.string()?),
            _ => {
                return Err(format!(
                    "the metadata key '{key}' has the unknown type {type_id}"
                ));
            }
        })
    }

    fn array_value(&mut self, key: &str) -> Result<Value, String> {
        let type_id = self.u32()?;
        let count = self.u64()?;
        let smallest = match type_id {
            0..=8 | 10..=12 => width(type_id),
            _ => {
                return Err(format!(
                    "the metadata key '{key}' is an array of the unknown type {type_id}"
                ));
            }
        };
        self.check_count(count, smallest as u64, "array elements")?;
        let count = count as usize;
        if type_id == 8 {
            return self.strings(key, count).map(Value::Strings);
        }
        let start = self.at;
        self.take(count * smallest)?;
        let range = start..self.at;
        Ok(match type_id {
            6 | 12 => Value::Floats(Floats::in_file(self.file, range, type_id)),
            _ => Value::Integers(Integers::in_file(self.file, range, type_id)),
        })
    }

    /// Finds `count` strings; each stands after its length.
    fn strings(&mut self, key: &str, count: usize) -> Result<Strings, String> {
        let from = self.at;
        let mut starts = Vec::with_capacity(count + 1);
        starts.push(0);
        for _ in 0..count {
            let length = self.u64()?;
            self.check_count(length, 1, "bytes of text")?;
            self.take(length as usize)?;
            let end = u32::try_from(self.at - from);
            starts.push(end.map_err(|_| format!("the array '{key}' has more than 4 GiB"))?);
        }
        Ok(Strings::in_file(self.file, from..self.at, starts))
    }

    fn integer(&mut self, type_id: u32) -> Result<i64, String> {
        Ok(integer(type_id, self.take(width(type_id))?))
    }

    fn float(&mut self, type_id: u32) -> Result<f64, String> {
        Ok(float(type_id, self.take(width(type_id))?))
    }
}
