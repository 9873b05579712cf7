//! The tensors of a BERT encoder: matrices as they lie in the file, or packed;
//! all other numbers as floats.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llm_kernels::block::Format;
use llm_kernels::dequantize::dequantize_row;
use llm_kernels::matmul::Matrix;
use llm_kernels::mmap::Mapping;
use llm_kernels::quantize::QuantType;
use llm_kernels::simd::Level;

use super::settings::Shape;
use llm_engine::weights;
use llm_folder::FolderError;
use llm_folder::header::{self, Stored};

/// A matrix and what is added to its product.
pub(super) struct Linear {
    format: Format,
    bytes: Bytes,
    rows: usize,
    columns: usize,
    pub(super) bias: Vec<f32>,
}

enum Bytes {
    File(Arc<Mapping>, usize, usize),
    Packed(Vec<u8>),
}

/// A layer's norm: (hidden_size) each.
#[derive(Debug)]
pub(super) struct Norm {
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

#[derive(Debug)]
pub(super) struct Layer {
    pub(super) query: Linear,
    pub(super) key: Linear,
    pub(super) value: Linear,
    pub(super) output: Linear,
    pub(super) attention_norm: Norm,
    pub(super) up: Linear,
    pub(super) down: Linear,
    pub(super) norm: Norm,
    /// Of the inputs of attention and of the feed-forward step.
    pub(super) apart: [Apart; 2],
}

/// Columns of an input that are not quantized, and the weights that they have in
/// each of its matrices, (columns, rows).
#[derive(Debug, Default)]
pub(super) struct Apart {
    pub(super) columns: Vec<usize>,
    pub(super) weights: Vec<Vec<f32>>,
}

#[derive(Debug)]
pub(super) struct Weights {
    words: Linear,
    /// (positions, hidden_size), the first segment's embedding added.
    pub(super) positions: Vec<f32>,
    /// The same with the second segment's; empty where it is not read.
    second: Vec<f32>,
    pub(super) norm: Norm,
    pub(super) layers: Vec<Layer>,
}

impl std::fmt::Debug for Linear {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "Linear({:?}, {}, {})",
            self.format, self.rows, self.columns
        )
    }
}

impl Linear {
    fn all(&self) -> &[u8] {
        match &self.bytes {
            // The header was checked against this very map.
            Bytes::File(map, start, length) => &map.bytes()[*start..start + length],
            Bytes::Packed(bytes) => bytes,
        }
    }

    /// Returns the rows from `first` on, so many that the matrix has.
    pub(super) fn part(&self, first: usize, rows: usize) -> Self {
        let length = self.format.row_bytes(self.columns);
        let range = first * length..(first + rows) * length;
        let bytes = match &self.bytes {
            Bytes::File(map, start, _) => {
                Bytes::File(Arc::clone(map), start + range.start, range.len())
            }
            Bytes::Packed(bytes) => Bytes::Packed(bytes[range].to_vec()),
        };
        let bias = self.bias.get(first..first + rows).unwrap_or_default();
        Self {
            format: self.format,
            bytes,
            rows,
            columns: self.columns,
            bias: bias.to_vec(),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the matrix; its sizes were checked when it was read.
    pub(super) fn matrix(&self) -> Option<Matrix<'_>> {
        Matrix::new(self.format, self.all(), self.rows, self.columns)
    }

    pub(super) fn row(&self, row: usize, out: &mut [f32]) {
        let length = self.format.row_bytes(self.columns);
        if let Some(bytes) = self.all().get(row * length..(row + 1) * length) {
            dequantize_row(self.format, bytes, out);
        }
    }

    /// Returns whether its input is quantized too.
    pub(super) fn is_quantized(&self) -> bool {
        self.format.is_quantized()
    }

    /// Returns some of its columns, (`columns`, rows).
    pub(super) fn columns(&self, columns: &[usize]) -> Vec<f32> {
        let mut out = vec![0.0; columns.len() * self.rows];
        let mut weights = vec![0.0; self.columns];
        for row in 0..self.rows {
            self.row(row, &mut weights);
            for (at, &column) in columns.iter().enumerate() {
                out[at * self.rows + row] = weights[column];
            }
        }
        out
    }

    /// Returns it packed, with zeros in the columns `apart`; as it is, where its
    /// rows are no whole blocks or it is packed already.
    pub(super) fn packed(
        &self,
        (packing, level): (QuantType, Level),
        apart: &[usize],
    ) -> Option<Self> {
        if self.is_quantized() || !packing.fits(self.columns) {
            return None;
        }
        let length = packing.format().row_bytes(self.columns);
        let mut bytes = vec![0; length * self.rows];
        let mut weights = vec![0.0; self.columns];
        for (row, out) in bytes.chunks_exact_mut(length).enumerate() {
            self.row(row, &mut weights);
            apart.iter().for_each(|&column| weights[column] = 0.0);
            packing.quantize(level, &weights, out);
        }
        Some(Self {
            format: packing.format(),
            bytes: Bytes::Packed(bytes),
            rows: self.rows,
            columns: self.columns,
            bias: self.bias.clone(),
        })
    }
}

impl Weights {
    pub(super) fn read(file: &File, shape: &Shape) -> Result<Self, FolderError> {
        let hidden_size = shape.hidden_size;
        let embeddings =
            |name: &str, rows| file.matrix(&format!("embeddings.{name}"), rows, hidden_size);
        let words = embeddings("word_embeddings.weight", Some(shape.vocabulary))?;
        let layers = (0..shape.layers).map(|index| file.layer(index, shape));
        Ok(Self {
            words,
            positions: file.positions(shape, 0)?,
            second: Vec::new(),
            norm: file.norm("embeddings.LayerNorm", hidden_size)?,
            layers: layers.collect::<Result<_, _>>()?,
        })
    }

    /// Reads the second segment's embedding too, for texts that are read in pairs. A
    /// network with one has it for both.
    pub(super) fn read_second(&mut self, file: &File, shape: &Shape) -> Result<(), FolderError> {
        self.second = file.positions(shape, 1)?;
        Ok(())
    }

    /// Returns what [`positions`](Self::positions) are in a second segment.
    pub(super) fn second(&self) -> &[f32] {
        match self.second.is_empty() {
            true => &self.positions,
            false => &self.second,
        }
    }

    /// Writes the embedding of `token` to `out`, (hidden_size).
    pub(super) fn word(&self, token: u32, out: &mut [f32]) {
        self.words.row(token as usize, out);
    }
}

/// One file and its tensors by name, without the name of the network before it.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    map: Arc<Mapping>,
    tensors: HashMap<String, Stored>,
    /// The names of those that were read.
    taken: RefCell<HashSet<String>>,
}

/// How the names of tensors begin that are left out knowingly, and why.
pub(super) type LeftOut = (&'static str, &'static str);

/// What folders hold beside the network, whatever it is used for.
pub(super) const TRAINING: &[LeftOut] = &[
    ("embeddings.position_ids", "counts up, as old files do"),
    ("pooler.", "for the next sentence; a vector is made of rows"),
    ("cls.", "guesses words and the next sentence"),
    ("lm_head.", "guesses words"),
    ("decoder.", "guesses words"),
    ("head.", "guesses words"),
];

/// And what they hold where no head is used.
pub(super) const HEADS: &[LeftOut] = &[
    ("classifier.", "gives labels"),
    ("qa_outputs.", "marks answers"),
];

/// What stands before the names of a network that was saved with a head.
const PREFIXES: [&str; 6] = [
    "bert.",
    "roberta.",
    "mpnet.",
    "nomic_bert.",
    "new.",
    "model.",
];

impl File {
    pub(super) fn open(folder: &Path) -> Result<Self, FolderError> {
        let path = folder.join("model.safetensors");
        let map = match Mapping::open(&path) {
            Ok(map) => map,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
                return Err(FolderError::Missing {
                    folder: folder.to_path_buf(),
                    file: "model.safetensors".to_owned(),
                });
            }
            Err(source) => return Err(FolderError::Read { path, source }),
        };
        let stored = header::read(map.bytes());
        let stored = stored.map_err(|reason| FolderError::malformed(&path, reason))?;
        let bare = |name: &str| {
            let mut prefixes = PREFIXES.iter();
            let found = prefixes.find_map(|prefix| name.strip_prefix(prefix));
            found.unwrap_or(name).to_owned()
        };
        let tensors = stored
            .into_iter()
            .map(|tensor| (bare(&tensor.name), tensor));
        Self::new(path, Arc::new(map), tensors)
    }

    /// Takes tensors by their names, which lie in `map`, which was checked
    /// against them.
    pub(super) fn new(
        path: PathBuf,
        map: Arc<Mapping>,
        named: impl IntoIterator<Item = (String, Stored)>,
    ) -> Result<Self, FolderError> {
        let mut tensors = HashMap::new();
        for (name, tensor) in named {
            if let Some(other) = tensors.insert(name.clone(), tensor) {
                let reason = format!(
                    "the tensor '{name}' is there twice, once as '{}'",
                    other.name
                );
                return Err(FolderError::malformed(&path, reason));
            }
        }
        Ok(Self {
            path,
            map,
            tensors,
            taken: RefCell::default(),
        })
    }

    /// Gives the tensors other names; those without one keep theirs.
    pub(super) fn renamed(
        self,
        name: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, FolderError> {
        let tensors = self.tensors.into_iter();
        let tensors = tensors.map(|(old, tensor)| (name(&old).unwrap_or(old), tensor));
        Self::new(self.path, self.map, tensors)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Returns what the file calls the tensor `name`.
    pub(super) fn own_name<'a>(&'a self, name: &'a str) -> &'a str {
        let tensor = self.tensors.get(name);
        tensor.map_or(name, |tensor| tensor.name.as_str())
    }

    /// Refuses the tensors that were not read, but for those that are `left_out`
    /// and the rotation's frequencies, which follow from its numbers.
    pub(super) fn refuse_rest(&self, left_out: &[&[LeftOut]]) -> Result<(), FolderError> {
        let taken = self.taken.borrow();
        let is_left_out = |name: &str| {
            let mut beginnings = left_out.iter().copied().flatten();
            name.ends_with("rotary_emb.inv_freq") || beginnings.any(|(it, _)| name.starts_with(it))
        };
        let rest = self.tensors.iter();
        let rest = rest.filter(|(name, _)| !taken.contains(*name) && !is_left_out(name));
        let mut names: Vec<&str> = rest.map(|(_, tensor)| tensor.name.as_str()).collect();
        names.sort_unstable();
        match names.is_empty() {
            true => Ok(()),
            false => Err(FolderError::Surplus {
                path: self.path.clone(),
                tensors: weights::named(&names),
            }),
        }
    }

    /// Returns a matrix, (rows, `columns`), of any number of rows where none is
    /// given.
    pub(super) fn matrix(
        &self,
        name: &str,
        rows: Option<usize>,
        columns: usize,
    ) -> Result<Linear, FolderError> {
        let malformed = |reason: String| FolderError::malformed(&self.path, reason);
        let tensor = self.tensors.get(name);
        self.taken.borrow_mut().insert(name.to_owned());
        let tensor = tensor.ok_or_else(|| malformed(format!("it has no tensor '{name}'")))?;
        let format = tensor.dtype.and_then(llm_gguf::TensorType::format);
        let format = format.ok_or_else(|| {
            let kind = &tensor.dtype_name;
            FolderError::unsupported(
                &self.path,
                format!("the tensor '{name}' is stored as {kind}"),
            )
        })?;
        let found = match *tensor.shape.as_slice() {
            [rows, columns] => (rows, columns),
            [columns] => (1, columns),
            _ => (0, 0),
        };
        let wanted = rows.map_or(found.0, |rows| rows as u64);
        if found != (wanted, columns as u64) || found.0 == 0 {
            return Err(malformed(format!(
                "the tensor '{name}' is {found:?}, and config.json makes it ({wanted}, {columns})"
            )));
        }
        let (rows, start) = (found.0 as usize, tensor.offset as usize);
        let length = format.row_bytes(columns).checked_mul(rows);
        let end = length.and_then(|length| start.checked_add(length));
        let is_whole = columns.is_multiple_of(format.block_elements());
        let Some(length) = length.filter(|_| is_whole && end <= Some(self.map.bytes().len()))
        else {
            return Err(malformed(format!(
                "the tensor '{name}' has rows of {columns} numbers, which are no whole blocks of its type"
            )));
        };
        Ok(Linear {
            format,
            bytes: Bytes::File(Arc::clone(&self.map), start, length),
            rows,
            columns,
            bias: Vec::new(),
        })
    }

    pub(super) fn numbers(&self, name: &str, count: usize) -> Result<Vec<f32>, FolderError> {
        let mut numbers = vec![0.0; count];
        self.matrix(name, Some(1), count)?.row(0, &mut numbers);
        Ok(numbers)
    }

    pub(super) fn norm(&self, name: &str, hidden_size: usize) -> Result<Norm, FolderError> {
        Ok(Norm {
            weight: self.numbers(&format!("{name}.weight"), hidden_size)?,
            bias: self.numbers(&format!("{name}.bias"), hidden_size)?,
        })
    }

    /// Returns the matrix `name.weight`, (rows, columns), with `name.bias`.
    pub(super) fn linear(
        &self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Linear, FolderError> {
        let mut linear = self.matrix(&format!("{name}.weight"), Some(rows), columns)?;
        linear.bias = self.numbers(&format!("{name}.bias"), rows)?;
        Ok(linear)
    }

    /// Returns the embedding of each position, (positions, hidden_size), with that of a
    /// segment added, the last one where there are fewer.
    fn positions(&self, shape: &Shape, segment: usize) -> Result<Vec<f32>, FolderError> {
        let (hidden_size, first) = (shape.hidden_size, shape.first_position);
        let rows = Some(first + shape.positions);
        let positions = self.matrix("embeddings.position_embeddings.weight", rows, hidden_size)?;
        let mut kind = vec![0.0; hidden_size];
        let name = "embeddings.token_type_embeddings.weight";
        if self.has(name) {
            let kinds = self.matrix(name, None, hidden_size)?;
            kinds.row(segment.min(kinds.rows() - 1), &mut kind);
        }
        let mut table = vec![0.0; shape.positions * hidden_size];
        for (row, out) in table.chunks_exact_mut(hidden_size).enumerate() {
            positions.row(first + row, out);
            out.iter_mut().zip(&kind).for_each(|(x, y)| *x += y);
        }
        Ok(table)
    }

    fn layer(&self, index: usize, shape: &Shape) -> Result<Layer, FolderError> {
        let name = |part: &str| format!("encoder.layer.{index}.{part}");
        let linear = |part: &str, rows, columns| self.linear(&name(part), rows, columns);
        let (hidden_size, inner) = (shape.hidden_size, shape.inner);
        Ok(Layer {
            query: linear("attention.self.query", hidden_size, hidden_size)?,
            key: linear("attention.self.key", hidden_size, hidden_size)?,
            value: linear("attention.self.value", hidden_size, hidden_size)?,
            output: linear("attention.output.dense", hidden_size, hidden_size)?,
            attention_norm: self.norm(&name("attention.output.LayerNorm"), hidden_size)?,
            up: linear("intermediate.dense", inner, hidden_size)?,
            down: linear("output.dense", hidden_size, inner)?,
            norm: self.norm(&name("output.LayerNorm"), hidden_size)?,
            apart: Default::default(),
        })
    }
}
