//! A LoRA adapter over a model (Hu et al. 2021, arXiv:2106.09685): for each matrix that it
//! adds to, two thin ones, `y += scale * B(A x)`. The model's own weights stay as they are.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llm_folder::adapter::{Adapter, Pair, RowOrder};
use llm_gguf::TensorInfo;
use llm_kernels::block::Format;
use llm_kernels::mmap::Mapping;

use crate::spec::Spec;
use crate::weights::{Linear, Place, PlaceId, Weights};

/// One adapter of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Applied {
    /// Which of those that a pass has, counted from 0.
    pub adapter: usize,
    /// What it adds is multiplied by.
    pub scale: f32,
}

/// An adapter, ready for one model.
#[derive(Debug)]
pub struct Lora {
    /// By [`PlaceId`]; `None` where it adds nothing.
    parts: Vec<Option<Part>>,
    bytes: u64,
    made_bytes: u64,
}

/// What is added to one matrix.
#[derive(Debug)]
pub(crate) struct Part {
    /// (rank, columns); of the token embedding (vocabulary, rank).
    pub(crate) down: Linear,
    /// (rows, rank)
    pub(crate) up: Linear,
    /// alpha / rank
    pub(crate) scale: f32,
}

/// Why an adapter cannot be applied to a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoraError {
    /// It adds to a matrix that the model does not have.
    #[error(
        "the adapter {} adds to '{name}', which this model does not have or not as a matrix; it was made for another model", path.display()
    )]
    Missing {
        /// The adapter.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// Its matrices have other sizes.
    #[error(
        "the adapter {} has for '{name}' matrices of the shapes {down} and {up}, which do not fit one of {rows} rows and {columns} columns; it was made for another model", path.display()
    )]
    Shape {
        /// The adapter.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The shape of `A`, columns first.
        down: String,
        /// The shape of `B`.
        up: String,
        /// Rows of the model's matrix.
        rows: usize,
        /// Columns of it.
        columns: usize,
    },
    /// Its matrices are stored in a type that cannot be run.
    #[error("the adapter {} stores '{name}' as {dtype}, which cannot be run yet; convert it anew as F16", path.display())]
    Type {
        /// The adapter.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The type.
        dtype: String,
    },
    /// The system gives no memory for rows in another order.
    #[error("no memory for the adapter {}: {source}", path.display())]
    Memory {
        /// The adapter.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl Lora {
    /// Finds the matrices of a model that an adapter adds to.
    ///
    /// # Errors
    /// An adapter for another model, of which something would be left unused or does
    /// not fit.
    pub fn new(adapter: &Adapter, weights: &Weights, spec: &Spec) -> Result<Self, LoraError> {
        let mut finder = Finder {
            adapter,
            spec,
            by_name: HashMap::new(),
            is_used: vec![false; adapter.pairs.len()],
            made_bytes: 0,
        };
        for (index, pair) in adapter.pairs.iter().enumerate() {
            finder.by_name.insert(&pair.tensor, index);
        }
        let parts = weights.places.iter().map(|place| finder.part(place));
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        let unused = finder.is_used.iter().position(|is_used| !is_used);
        if let Some(pair) = unused.and_then(|index| adapter.pairs.get(index)) {
            return Err(LoraError::Missing {
                path: adapter.path.clone(),
                name: pair.own_name.clone(),
            });
        }
        let made = adapter.shards.iter().skip(1);
        let made = made.map(|shard| shard.bytes().len() as u64).sum::<u64>();
        let sizes = adapter.pairs.iter().flat_map(|pair| [&pair.down, &pair.up]);
        let sizes = sizes.filter_map(|tensor| tensor.size);
        Ok(Self {
            parts,
            bytes: finder.made_bytes + sizes.fold(0, u64::saturating_add),
            made_bytes: finder.made_bytes + made,
        })
    }

    /// Returns the bytes of its matrices.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns those of them that were made in memory.
    pub fn made_bytes(&self) -> u64 {
        self.made_bytes
    }

    /// Returns what is added to the matrix of a place.
    pub(crate) fn part(&self, place: Option<PlaceId>) -> Option<&Part> {
        self.parts.get(place?.index())?.as_ref()
    }
}

struct Finder<'a> {
    adapter: &'a Adapter,
    spec: &'a Spec,
    by_name: HashMap<&'a str, usize>,
    is_used: Vec<bool>,
    /// Bytes of rows that were put in another order.
    made_bytes: u64,
}

/// A pair as it is for one place: which of a stack, and where the rows are in it.
struct Fit {
    pair: usize,
    /// Which matrix of how many.
    stacked: Option<(usize, usize)>,
    first: usize,
    all: usize,
}

impl<'a> Finder<'a> {
    fn part(&mut self, place: &Place) -> Result<Option<Part>, LoraError> {
        let Some(fit) = self.fit(place) else {
            return Ok(None);
        };
        self.is_used[fit.pair] = true;
        let pair = &self.adapter.pairs[fit.pair];
        let rank = pair.up.shape.first().copied().unwrap_or(0) as usize;
        let embeds = place.tensor == "token_embd";
        let (count, at) = fit.stacked.map_or((1, 0), |(at, count)| (count, at));
        let (down, up) = if embeds {
            ([rank, place.all, 1], [rank, place.columns, 1])
        } else {
            ([place.columns, rank, count], [rank, fit.all, count])
        };
        if rank == 0 || !has_shape(&pair.down, down) || !has_shape(&pair.up, up) {
            return Err(self.misshapen(pair, place, fit.all));
        }
        let down = self.linear(pair, &pair.down, at * down[1], down[1])?;
        let up = if embeds {
            self.linear(pair, &pair.up, 0, up[1])?
        } else {
            self.linear(pair, &pair.up, at * up[1] + fit.first, place.rows)?
        };
        let up = match self.heads_to_reorder(place) {
            Some(heads) => self.reordered(up, heads)?,
            None => up,
        };
        let scale = pair.scale;
        Ok(Some(Part { down, up, scale }))
    }

    /// Finds the pair that adds to a place. Experts stand in one tensor or each in its
    /// own, in the model as in the adapter.
    fn fit(&self, place: &Place) -> Option<Fit> {
        let whole = self.by_name.get(place.tensor.as_str());
        if let Some(&pair) = whole {
            return Some(Fit {
                pair,
                stacked: place.stacked,
                first: place.first,
                all: place.all,
            });
        }
        let (layer, part) = place.tensor.rsplit_once('.')?;
        if let Some((at, _)) = place.stacked {
            let part = match part.strip_suffix("_exps")? {
                "ffn_gate_up" if place.first == 0 => "ffn_gate",
                "ffn_gate_up" => "ffn_up",
                other => other,
            };
            let own = format!("{layer}.{part}.{at}");
            let stack = format!("{layer}.{part}_exps");
            let alone = self.by_name.get(own.as_str()).map(|&pair| (pair, None));
            let stacked = self.by_name.get(stack.as_str());
            let (pair, stacked) = alone.or(stacked.map(|&pair| (pair, place.stacked)))?;
            return Some(Fit {
                pair,
                stacked,
                first: 0,
                all: place.rows,
            });
        }
        // `blk.0.ffn_gate.7`
        let at: usize = part.parse().ok()?;
        let pair = *self.by_name.get(format!("{layer}_exps").as_str())?;
        let count = self.spec.experts?.count;
        Some(Fit {
            pair,
            stacked: Some((at, count)),
            first: 0,
            all: place.rows,
        })
    }

    /// Returns `rows` rows of a matrix from row `first` on.
    fn linear(
        &self,
        pair: &Pair,
        tensor: &TensorInfo,
        first: usize,
        rows: usize,
    ) -> Result<Linear, LoraError> {
        let columns = tensor.shape[0] as usize;
        let runs = |format: &Format| columns.is_multiple_of(format.block_elements());
        let Some(format) = tensor.dtype.format().filter(runs) else {
            return Err(LoraError::Type {
                path: self.adapter.path.clone(),
                name: pair.own_name.clone(),
                dtype: tensor.dtype.to_string(),
            });
        };
        let mapping = Arc::clone(&self.adapter.shards[tensor.shard]);
        let offset = tensor.offset as usize;
        Ok(Linear::at(mapping, offset, format, first, rows, columns))
    }

    fn misshapen(&self, pair: &Pair, place: &Place, rows: usize) -> LoraError {
        let text = |tensor: &TensorInfo| {
            let extents = tensor.shape.iter().map(u64::to_string);
            extents.collect::<Vec<_>>().join(" x ")
        };
        LoraError::Shape {
            path: self.adapter.path.clone(),
            name: pair.own_name.clone(),
            down: text(&pair.down),
            up: text(&pair.up),
            rows,
            columns: place.columns,
        }
    }

    /// Returns the heads of queries or keys whose rows the adapter has in another order
    /// than the model.
    fn heads_to_reorder(&self, place: &Place) -> Option<usize> {
        let spec = self.spec;
        let model = if spec.rope_layout == spec.family.rope_layout {
            RowOrder::Gguf
        } else {
            RowOrder::Folder
        };
        if model == self.adapter.rows {
            return None;
        }
        let (layer, part) = place.tensor.strip_prefix("blk.")?.split_once('.')?;
        let layer = spec.layers.get(layer.parse::<usize>().ok()?)?;
        match part {
            "attn_q" => Some(spec.heads),
            "attn_k" => Some(layer.kv_heads),
            _ => None,
        }
    }

    /// Puts the rows of each head from halves to neighbours, as llama.cpp's converter
    /// does, or back.
    fn reordered(&mut self, linear: Linear, heads: usize) -> Result<Linear, LoraError> {
        let length = linear.rows() / heads.max(1);
        let half = length / 2;
        if half == 0 {
            return Ok(linear);
        }
        let to_gguf = self.adapter.rows == RowOrder::Folder;
        let source = |row: usize| {
            let (head, at) = (row / length, row % length);
            let at = if to_gguf {
                at % 2 * half + at / 2
            } else {
                at % half * 2 + at / half
            };
            head * length + at
        };
        let matrix = linear.matrix();
        let row_bytes = matrix.format().row_bytes(matrix.columns());
        let mapping = Mapping::anonymous(matrix.size(), |image| {
            for (row, out) in image.chunks_exact_mut(row_bytes).enumerate() {
                out.copy_from_slice(matrix.row(source(row)));
            }
        });
        let mapping = mapping.map_err(|source| LoraError::Memory {
            path: self.adapter.path.clone(),
            source,
        })?;
        self.made_bytes += matrix.size() as u64;
        let (rows, columns) = (linear.rows(), linear.columns());
        let format = linear.format();
        Ok(Linear::at(Arc::new(mapping), 0, format, 0, rows, columns))
    }
}

/// Returns whether a tensor has these extents; those of 1 at the end say nothing.
fn has_shape(tensor: &TensorInfo, shape: [usize; 3]) -> bool {
    let found = tensor.shape.iter().copied().chain(std::iter::repeat(1));
    let fits = found
        .zip(shape)
        .all(|(found, wanted)| found == wanted as u64);
    fits && tensor.shape.iter().skip(3).all(|&extent| extent == 1)
}

/// Returns the name of an adapter where the user gives none: that of its file without what
/// follows the last dot, or of its folder.
pub fn default_name(path: &Path) -> String {
    let stem = if path.is_dir() {
        path.file_name()
    } else {
        path.file_stem()
    };
    stem.map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}
