//! Arrays of a header, left where they stand in the file.
//!
//! A vocabulary has up to a quarter of a million entries, and a request looks
//! at a few of them. So an array is a view of the memory map: opening one costs
//! no copy, and two processes on one file share its bytes.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use llm_kernels::mmap::Mapping;

/// Bytes that keep alive what they lie in.
#[derive(Debug, Clone)]
enum Bytes {
    File(Arc<Mapping>, Range<usize>),
    Memory(Vec<u8>),
}

impl Bytes {
    fn get(&self) -> &[u8] {
        match self {
            Self::File(file, range) => file.bytes().get(range.clone()).unwrap_or_default(),
            Self::Memory(bytes) => bytes,
        }
    }
}

/// An array of strings; any bytes, as a rule UTF-8. Clones share it.
#[derive(Debug, Clone)]
pub struct Strings(Arc<Entries>);

#[derive(Debug)]
struct Entries {
    /// Each string after its length, 8 bytes.
    bytes: Bytes,
    /// Where each entry begins in them, and where the last one ends.
    starts: Vec<u32>,
}

/// Bytes of the length before each string.
const LENGTH_BYTES: usize = 8;

impl Strings {
    /// Takes the entries in `range` of `file`, which begin at `starts`, counted
    /// from the start of the range; the last of the starts is where they end.
    pub(super) fn in_file(file: &Arc<Mapping>, range: Range<usize>, starts: Vec<u32>) -> Self {
        let bytes = Bytes::File(Arc::clone(file), range);
        Self(Arc::new(Entries { bytes, starts }))
    }

    /// Returns the number of strings.
    pub fn len(&self) -> usize {
        self.0.starts.len().saturating_sub(1)
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the string `index`.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let start = *self.0.starts.get(index)? as usize + LENGTH_BYTES;
        let end = *self.0.starts.get(index + 1)? as usize;
        self.0.bytes.get().get(start..end)
    }

    /// Returns the string `index` as text; invalid UTF-8 is replaced.
    pub fn text(&self, index: usize) -> Option<Cow<'_, str>> {
        self.get(index).map(String::from_utf8_lossy)
    }

    /// Iterates over all strings.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let bytes = self.0.bytes.get();
        let starts = self.0.starts.iter().zip(self.0.starts.iter().skip(1));
        starts.map(|(&start, &end)| {
            let text = bytes.get(start as usize + LENGTH_BYTES..end as usize);
            text.unwrap_or_default()
        })
    }
}

impl<S: AsRef<[u8]>> FromIterator<S> for Strings {
    fn from_iter<I: IntoIterator<Item = S>>(texts: I) -> Self {
        let (mut bytes, mut starts) = (Vec::new(), vec![0]);
        for text in texts {
            let text = text.as_ref();
            bytes.extend((text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text);
            starts.push(bytes.len() as u32);
        }
        let bytes = Bytes::Memory(bytes);
        Self(Arc::new(Entries { bytes, starts }))
    }
}

/// An array of integers or truth values (as 0 and 1) of one GGUF type.
#[derive(Debug, Clone)]
pub struct Integers {
    bytes: Bytes,
    type_id: u32,
}

impl Integers {
    pub(super) fn in_file(file: &Arc<Mapping>, range: Range<usize>, type_id: u32) -> Self {
        Self {
            bytes: Bytes::File(Arc::clone(file), range),
            type_id,
        }
    }

    /// Returns the number of integers.
    pub fn len(&self) -> usize {
        self.bytes.get().len() / width(self.type_id)
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Iterates over all integers.
    pub fn iter(&self) -> impl Iterator<Item = i64> {
        let items = self.bytes.get().chunks_exact(width(self.type_id));
        items.map(|bytes| integer(self.type_id, bytes))
    }
}

impl FromIterator<i64> for Integers {
    fn from_iter<I: IntoIterator<Item = i64>>(items: I) -> Self {
        Self {
            bytes: Bytes::Memory(items.into_iter().flat_map(i64::to_le_bytes).collect()),
            type_id: 11,
        }
    }
}

/// An array of floats of one GGUF type.
#[derive(Debug, Clone)]
pub struct Floats {
    bytes: Bytes,
    type_id: u32,
}

impl Floats {
    pub(super) fn in_file(file: &Arc<Mapping>, range: Range<usize>, type_id: u32) -> Self {
        Self {
            bytes: Bytes::File(Arc::clone(file), range),
            type_id,
        }
    }

    /// Returns the number of floats.
    pub fn len(&self) -> usize {
        self.bytes.get().len() / width(self.type_id)
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the float `index`.
    pub fn get(&self, index: usize) -> Option<f32> {
        let width = width(self.type_id);
        let start = index.checked_mul(width)?;
        let bytes = self.bytes.get().get(start..start.checked_add(width)?)?;
        Some(float(self.type_id, bytes) as f32)
    }
}

impl FromIterator<f32> for Floats {
    fn from_iter<I: IntoIterator<Item = f32>>(items: I) -> Self {
        Self {
            bytes: Bytes::Memory(items.into_iter().flat_map(f32::to_le_bytes).collect()),
            type_id: 6,
        }
    }
}

/// Returns the bytes of one number of the GGUF type `type_id`.
pub(super) fn width(type_id: u32) -> usize {
    match type_id {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        _ => 8,
    }
}

/// Reads an integer or truth value of the GGUF type `type_id`; 64-bit unsigned
/// values keep their bits. Too few bytes read as 0.
pub(super) fn integer(type_id: u32, bytes: &[u8]) -> i64 {
    match type_id {
        0 | 7 => i64::from(u8::from_le_bytes(first(bytes))),
        1 => i64::from(i8::from_le_bytes(first(bytes))),
        2 => i64::from(u16::from_le_bytes(first(bytes))),
        3 => i64::from(i16::from_le_bytes(first(bytes))),
        4 => i64::from(u32::from_le_bytes(first(bytes))),
        5 => i64::from(i32::from_le_bytes(first(bytes))),
        _ => i64::from_le_bytes(first(bytes)),
    }
}

/// Reads a float of the GGUF type 6 (32 bits) or 12 (64 bits). Too few bytes
/// read as 0.
pub(super) fn float(type_id: u32, bytes: &[u8]) -> f64 {
    match type_id {
        6 => f64::from(f32::from_le_bytes(first(bytes))),
        _ => f64::from_le_bytes(first(bytes)),
    }
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}
