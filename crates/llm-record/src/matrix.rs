//! What stands before the rows of a matrix: the header of numpy's `.npy` (version 1.0,
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>) and that of
//! safetensors (<https://github.com/huggingface/safetensors#format>), written and read.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use serde_json::{Value, json};

use crate::Encoding;

/// How a matrix is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// numpy's .npy.
    Npy,
    /// Hugging Face's .safetensors.
    Safetensors,
}

/// A matrix in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// What a row's bytes are.
    pub encoding: Encoding,
    /// How many there are.
    pub rows: usize,
    /// Numbers of a row, or its bytes where they are bits.
    pub columns: usize,
    /// Where the first row begins, in bytes.
    pub start: usize,
}

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

/// What a tensor of vectors is called.
const TENSOR: &str = "embeddings";

/// What a matrix may hold.
const ENCODINGS: [Encoding; 4] = [
    Encoding::Float,
    Encoding::F16,
    Encoding::Int8,
    Encoding::Binary,
];

/// More than any header that holds one matrix has.
const MOST: usize = 1 << 20;

impl Layout {
    /// Returns the layout that a file's name ends in.
    #[must_use]
    pub fn of_name(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "npy" => Some(Self::Npy),
            "safetensors" => Some(Self::Safetensors),
            _ => None,
        }
    }

    /// Returns how the names of such files end.
    #[must_use]
    pub fn end(self) -> &'static str {
        match self {
            Self::Npy => "npy",
            Self::Safetensors => "safetensors",
        }
    }

    /// Returns the bytes before the first row: a multiple of 64, so that rows are aligned
    /// where the file is mapped, with room for any shape.
    #[must_use]
    pub fn header_size(self) -> usize {
        match self {
            Self::Npy => 128,
            Self::Safetensors => 192,
        }
    }

    /// Returns the header of `rows` vectors of `dimensions` numbers.
    #[must_use]
    pub fn header(self, encoding: Encoding, rows: u64, dimensions: u64) -> Vec<u8> {
        let columns = match encoding {
            Encoding::Binary => dimensions.div_ceil(8),
            _ => dimensions,
        };
        let mut header = Vec::new();
        match self {
            Self::Npy => {
                let kind = names(encoding).0;
                let length = self.header_size() - MAGIC.len() - 2;
                header.extend_from_slice(MAGIC);
                header.extend_from_slice(&(length as u16).to_le_bytes());
                let text = format!(
                    "{{'descr': '{kind}', 'fortran_order': False, 'shape': ({rows}, {columns}), }}"
                );
                header.extend_from_slice(text.as_bytes());
                header.resize(self.header_size() - 1, b' ');
                header.push(b'\n');
            }
            Self::Safetensors => {
                let length = (self.header_size() - 8) as u64;
                let bytes = rows * encoding.size(dimensions as usize) as u64;
                header.extend_from_slice(&length.to_le_bytes());
                let kind = names(encoding).1;
                let text = json!({TENSOR: {"dtype": kind, "shape": [rows, columns],
                    "data_offsets": [0, bytes]}});
                header.extend_from_slice(text.to_string().as_bytes());
                header.resize(self.header_size(), b' ');
            }
        }
        header
    }

    /// Reads the header of a file.
    ///
    /// # Errors
    /// What is wrong with it, to follow the file's name.
    pub fn read(self, bytes: &[u8]) -> Result<Shape, String> {
        let (kind, shape, start) = match self {
            Self::Npy => read_npy(bytes),
            Self::Safetensors => read_safetensors(bytes),
        }
        .map_err(|obstacle| obstacle.sentence(self))?;
        let is_kind = |encoding: &Encoding| {
            let (npy, safetensors) = names(*encoding);
            kind == npy || kind == safetensors
        };
        let encoding = ENCODINGS.into_iter().find(is_kind).ok_or_else(|| {
            format!("holds numbers of the kind '{kind}', and 32-bit and 16-bit floats ('<f4', '<f2'), signed bytes and bits are read; convert them, with numpy's astype('<f4') say")
        })?;
        let [rows, columns] = shape;
        let size = match encoding {
            Encoding::Binary => columns,
            _ => encoding.size(columns),
        };
        let end = rows
            .checked_mul(size)
            .and_then(|size| size.checked_add(start));
        match end {
            Some(end) if end == bytes.len() => Ok(Shape {
                encoding,
                rows,
                columns,
                start,
            }),
            Some(end) if end > bytes.len() => Err(format!(
                "is damaged: it is cut off, its header tells of {rows} rows of {columns} in {end} bytes, and it has {}; write or copy it again",
                bytes.len()
            )),
            _ => Err(format!(
                "is damaged: its header tells of {rows} rows of {columns}, and it has {} bytes",
                bytes.len()
            )),
        }
    }
}

/// Whether a file begins with a header as it is written here, to the byte.
pub fn is_ours(path: &Path, layout: Layout) -> bool {
    let mut head = vec![0; layout.header_size()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    let parts = match layout {
        Layout::Npy => read_npy(&head),
        Layout::Safetensors => read_safetensors(&head),
    };
    let Some((kind, [rows, columns], _)) = parts.ok().filter(|_| read.is_ok()) else {
        return false;
    };
    let of_kind = |encoding: &Encoding| {
        // A row of bits has eight numbers a byte.
        let dimensions = match encoding {
            Encoding::Binary => columns * 8,
            _ => columns,
        };
        let (npy, safetensors) = names(*encoding);
        (kind == npy || kind == safetensors)
            && layout.header(*encoding, rows as u64, dimensions as u64) == head
    };
    ENCODINGS.iter().any(of_kind)
}

/// Returns what the two forms call a kind of number.
fn names(encoding: Encoding) -> (&'static str, &'static str) {
    match encoding {
        Encoding::Float | Encoding::Base64 | Encoding::Sparse => ("<f4", "F32"),
        Encoding::F16 => ("<f2", "F16"),
        Encoding::Int8 => ("|i1", "I8"),
        Encoding::Binary => ("|u1", "U8"),
    }
}

/// What the header of a matrix tells: what its numbers are, its shape, and where they begin.
type Parts = (String, [usize; 2], usize);

/// Why a header tells of no matrix that is read.
#[derive(Debug, PartialEq, Eq)]
enum Obstacle {
    /// It is none.
    Foreign,
    /// The file ends within it.
    Cut,
    /// Its columns stand one behind the other.
    ByColumns,
    /// It has fewer or more dimensions than a matrix.
    Shape(String),
}

impl Obstacle {
    /// Returns what is wrong, to follow the file's name.
    fn sentence(&self, layout: Layout) -> String {
        let end = layout.end();
        match self {
            Self::Foreign => format!("is not a matrix of vectors in .{end} format"),
            Self::Cut => format!(
                "is damaged: it is cut off within the header of its .{end} format; write or copy it again"
            ),
            Self::ByColumns => "has its numbers column by column (Fortran order), and they are read row by row; save numpy.ascontiguousarray of it".to_owned(),
            Self::Shape(shape) => format!(
                "has the shape ({shape}), and a matrix has two dimensions, (vectors, numbers); numpy's reshape makes it so"
            ),
        }
    }
}

fn read_npy(bytes: &[u8]) -> Result<Parts, Obstacle> {
    let text = npy_header(bytes)?;
    let start = bytes.len().min(text.end);
    let text = bytes.get(text).map(std::str::from_utf8);
    let text = text.and_then(Result::ok).ok_or(Obstacle::Foreign)?;
    let after = |key: &str| {
        let found = text.split_once(&format!("'{key}':"));
        found
            .map(|(_, rest)| rest.trim_start())
            .ok_or(Obstacle::Foreign)
    };
    let quoted = after("descr")?.strip_prefix('\'');
    let kind = quoted.and_then(|rest| rest.split('\'').next());
    let shape = after("shape")?.strip_prefix('(');
    let shape = shape.and_then(|rest| rest.split(')').next());
    let (kind, shape) = kind.zip(shape).ok_or(Obstacle::Foreign)?;
    let order = after("fortran_order")?;
    let numbers = shape.split(',').map(str::trim);
    let numbers = numbers.filter(|text| !text.is_empty()).map(str::parse);
    let numbers = numbers.collect::<Result<Vec<usize>, _>>();
    match numbers.map_err(|_| Obstacle::Foreign)?.as_slice() {
        [rows, columns] if order.starts_with("False") => {
            Ok((kind.to_owned(), [*rows, *columns], start))
        }
        [_, _] if order.starts_with("True") => Err(Obstacle::ByColumns),
        [_, _] => Err(Obstacle::Foreign),
        _ => Err(Obstacle::Shape(shape.to_owned())),
    }
}

/// Returns where the text of a header of numpy's stands, up to the first row.
fn npy_header(bytes: &[u8]) -> Result<Range<usize>, Obstacle> {
    const NAME: &[u8] = b"\x93NUMPY";
    let known = bytes.len().min(NAME.len());
    if bytes.get(..known) != NAME.get(..known) || bytes.is_empty() {
        return Err(Obstacle::Foreign);
    }
    let (Some(version), Some(length)) = (bytes.get(6), bytes.get(8..)) else {
        return Err(Obstacle::Cut);
    };
    let (length, before) = match version {
        1 => (
            length
                .first_chunk()
                .map(|it| u16::from_le_bytes(*it).into()),
            10,
        ),
        2 | 3 => (length.first_chunk().map(|it| u32::from_le_bytes(*it)), 12),
        _ => return Err(Obstacle::Foreign),
    };
    match length.map(usize::try_from).ok_or(Obstacle::Cut)? {
        Ok(length) if length > MOST => Err(Obstacle::Foreign),
        Ok(length) if before + length > bytes.len() => Err(Obstacle::Cut),
        Ok(length) => Ok(before..before + length),
        Err(_) => Err(Obstacle::Foreign),
    }
}

/// Takes the tensor of our name, or the only one.
fn read_safetensors(bytes: &[u8]) -> Result<Parts, Obstacle> {
    let stated = bytes.first_chunk().map(|it| u64::from_le_bytes(*it));
    let length = stated.and_then(|length| usize::try_from(length).ok());
    match length.filter(|length| *length <= MOST) {
        None => Err(Obstacle::Foreign),
        // The header is an object of JSON.
        Some(length) if bytes.len() < 8 + length && bytes.get(8) == Some(&b'{') => {
            Err(Obstacle::Cut)
        }
        Some(_) => tensor(bytes).ok_or(Obstacle::Foreign),
    }
}

fn tensor(bytes: &[u8]) -> Option<Parts> {
    let length = usize::try_from(u64::from_le_bytes(*bytes.first_chunk()?)).ok()?;
    let header: Value = serde_json::from_slice(bytes.get(8..8 + length)?).ok()?;
    let tensors = header.as_object()?;
    let mut all = tensors.iter().filter(|(name, _)| *name != "__metadata__");
    let tensor = match tensors.get(TENSOR) {
        Some(tensor) => tensor,
        None => all.next().filter(|_| tensors.len() <= 2)?.1,
    };
    let number = |value: &Value| usize::try_from(value.as_u64()?).ok();
    let [rows, columns] = tensor.get("shape")?.as_array()?.as_slice() else {
        return None;
    };
    let start = tensor.get("data_offsets")?.get(0)?;
    Some((
        tensor.get("dtype")?.as_str()?.to_owned(),
        [number(rows)?, number(columns)?],
        number(start)?.checked_add(8 + length)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUTS: [Layout; 2] = [Layout::Npy, Layout::Safetensors];

    #[test]
    fn what_is_written_is_read() {
        for layout in LAYOUTS {
            for (encoding, size) in [
                (Encoding::Float, 80),
                (Encoding::F16, 40),
                (Encoding::Int8, 20),
                (Encoding::Binary, 3),
            ] {
                let mut bytes = layout.header(encoding, 7, 20);
                assert_eq!((bytes.len(), bytes.len() % 64), (layout.header_size(), 0));
                bytes.resize(bytes.len() + 7 * size, 0);
                let shape = layout.read(&bytes).unwrap();
                assert_eq!((shape.encoding, shape.rows), (encoding, 7));
                assert_eq!(shape.start, layout.header_size());
                bytes.pop();
                assert!(layout.read(&bytes).unwrap_err().contains("damaged"));
            }
            // The largest shape has room.
            let large = layout.header(Encoding::Float, u64::from(u32::MAX), 1 << 20);
            assert_eq!(large.len(), layout.header_size());
        }
    }

    #[test]
    fn numpys_own_headers_are_read() {
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }";
        let mut bytes = [MAGIC, &[text.len() as u8, 0], text.as_bytes()].concat();
        bytes.extend_from_slice(&[0; 8]);
        assert_eq!(Layout::Npy.read(&bytes).unwrap().columns, 2);
        let other = String::from_utf8_lossy(&bytes).into_owned();
        for (from, to, told) in [
            ("<f4", "<f8", "astype('<f4')"),
            ("False", "True ", "Fortran order"),
            ("(1, 2)", "(1, x)", "is not a matrix"),
            ("(1, 2)", "(2,   ", "is not a matrix"),
            ("(1, 2)", "(2,)  ", "has the shape (2,)"),
        ] {
            let start = bytes.len() - 8 - text.len();
            let changed = text.replace(from, to);
            let changed = [&bytes[..start], changed.as_bytes(), &[0; 8]].concat();
            let sentence = Layout::Npy.read(&changed).unwrap_err();
            assert!(sentence.contains(told), "{other}: {to}: {sentence}");
        }
    }

    #[test]
    fn what_is_cut_is_no_matrix() {
        for layout in LAYOUTS {
            let bytes = layout.header(Encoding::Float, 1, 1);
            for cut in 0..bytes.len() {
                let told = layout.read(&bytes[..cut]).unwrap_err();
                // Of the first bytes nobody can tell what they are of.
                let is_told = cut < 9 || told.contains("it is cut off within the header");
                assert!(is_told, "{layout:?} {cut}: {told}");
            }
        }
    }
}
