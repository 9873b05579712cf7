//! A GGUF file, or the shards of a split one, as metadata and named tensors.
//!
//! [`Gguf::open`] reads the header eagerly and checks it against the file's
//! size; arrays and tensors stay in the memory map until somebody looks at them.
//! Typed look-ups are on [`Metadata`]: a value of another type than its meaning
//! is an error, never as good as absent. What the values mean is left to others.
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.
//!
//! ```
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/smollm2-135m-instruct-q4_1.gguf");
//! # let path = std::path::Path::new(path);
//! use llm_gguf::{Gguf, shard_paths};
//!
//! let gguf = Gguf::open(&shard_paths(path))?;
//! assert_eq!(gguf.metadata().string("general.architecture")?, Some("llama"));
//! for tensor in gguf.tensors().iter().take(3) {
//!     println!("{}: {:?}, {} bytes", tensor.name, tensor.shape, gguf.bytes(tensor).len());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod array;
mod error;
mod not_a_model;
mod metadata;
mod reader;
mod split;
mod tensor_type;

pub use array::{Floats, Integers, Strings};
pub use error::GgufError;
pub use metadata::{Metadata, Value, ValueError};
pub use not_a_model::{NotAModel, describe_bytes};
pub use tensor_type::TensorType;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llm_kernels::mmap::Mapping;

use split::Shard;

/// One tensor of a file: its name, shape, type and where its bytes lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Name as written in the file, such as `blk.0.attn_q.weight`.
    pub name: String,
    /// Extents, the fastest-running first: `[columns, rows]` for a matrix.
    pub shape: Vec<u64>,
    /// How the elements are stored.
    pub dtype: TensorType,
    /// Index of the shard that holds the bytes.
    pub shard: usize,
    /// First byte, counted from the start of that shard's file.
    pub offset: u64,
    /// Number of bytes; `None` for a type id whose block size is not known.
    pub size: Option<u64>,
}

impl TensorInfo {
    /// Returns the number of elements.
    pub fn elements(&self) -> u64 {
        self.shape.iter().product()
    }
}

/// The parsed header and the memory maps of one model.
#[derive(Debug, Clone)]
pub struct Gguf {
    version: u32,
    metadata: Metadata,
    tensors: Vec<TensorInfo>,
    by_name: HashMap<String, usize>,
    shards: Vec<Arc<Mapping>>,
    paths: Vec<PathBuf>,
    /// What files of another form call the tensors, by their names here.
    own_names: HashMap<String, String>,
}

impl Gguf {
    /// Opens one file, or all shards of a split model in their order.
    ///
    /// # Errors
    /// A file that cannot be read, is not GGUF 2 or 3, is cut short, states
    /// sizes that it cannot hold, or whose shards do not belong together.
    pub fn open(paths: &[PathBuf]) -> Result<Self, GgufError> {
        let open = |path: &PathBuf| {
            Mapping::open(path).map_err(|source| GgufError::Open {
                path: path.clone(),
                source,
            })
        };
        Self::join(paths, paths.iter().map(open))
    }

    /// Reads an image in memory, which messages call `name`.
    ///
    /// # Errors
    /// Those of [`Gguf::open`].
    pub fn from_mapping(name: impl Into<PathBuf>, mapping: Mapping) -> Result<Self, GgufError> {
        Self::join(&[name.into()], [Ok(mapping)])
    }

    /// Puts a model together whose parts were found elsewhere: tensors that lie
    /// in `shards`, of which the first ones are the files at `paths`.
    ///
    /// # Errors
    /// No file, a name that stands twice, or a tensor beyond its shard.
    pub fn from_parts(
        metadata: Metadata,
        tensors: Vec<TensorInfo>,
        shards: Vec<Arc<Mapping>>,
        paths: &[PathBuf],
    ) -> Result<Self, GgufError> {
        let first = paths.first().ok_or(GgufError::NoFile)?;
        let mut gguf = Self {
            version: 3,
            metadata,
            tensors: Vec::new(),
            by_name: HashMap::new(),
            shards,
            paths: paths.to_vec(),
            own_names: HashMap::new(),
        };
        for tensor in tensors {
            let shard = gguf.shards.get(tensor.shard);
            let end = tensor.offset.checked_add(tensor.size.unwrap_or(0));
            let fits = shard.zip(end).filter(|(shard, end)| {
                let length = shard.bytes().len() as u64;
                *end <= length
            });
            let path = paths.get(tensor.shard).unwrap_or(first);
            if fits.is_none() {
                return Err(GgufError::Malformed {
                    path: path.clone(),
                    reason: format!("the tensor '{}' reaches beyond its end", tensor.name),
                });
            }
            gguf.add_tensor(path, tensor)?;
        }
        Ok(gguf)
    }

    fn join(
        paths: &[PathBuf],
        mappings: impl IntoIterator<Item = Result<Mapping, GgufError>>,
    ) -> Result<Self, GgufError> {
        let mut gguf: Option<Self> = None;
        let mut shards = Vec::new();
        for (shard, (path, mapping)) in paths.iter().zip(mappings).enumerate() {
            let mapping = Arc::new(mapping?);
            let header =
                reader::read_header(&mapping, shard).map_err(|reason| GgufError::Malformed {
                    path: path.clone(),
                    reason,
                })?;
            let shard = Shard::of(&header.metadata);
            shards.push(shard.map_err(|error| GgufError::Malformed {
                path: path.clone(),
                reason: error.to_string(),
            })?);
            let joined = gguf.get_or_insert_with(|| Self {
                version: header.version,
                metadata: header.metadata,
                tensors: Vec::new(),
                by_name: HashMap::new(),
                shards: Vec::new(),
                paths: paths.to_vec(),
                own_names: HashMap::new(),
            });
            joined.add_shard(path, mapping, header.tensors)?;
        }
        let gguf = gguf.ok_or(GgufError::NoFile)?;
        gguf.check_split(&shards)?;
        Ok(gguf)
    }

    /// Returns the metadata of the first shard.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Refuses a file whose header says that it is no model.
    ///
    /// # Errors
    /// An adapter, an importance matrix or another part of a model.
    pub fn refuse_non_models(&self) -> Result<(), NotAModel> {
        self.metadata.refuse_non_models()
    }

    /// Returns the format version, 2 or 3.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Returns the files, in shard order.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Returns all tensors in file order.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// Looks a tensor up by its name.
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.by_name.get(name).map(|&index| &self.tensors[index])
    }

    /// Gives the tensors the names that their files have for them, for messages.
    pub fn with_own_names(self, own_names: HashMap<String, String>) -> Self {
        Self { own_names, ..self }
    }

    /// Returns what its file calls the tensor `name`.
    pub fn own_name<'a>(&'a self, name: &'a str) -> &'a str {
        self.own_names.get(name).map_or(name, String::as_str)
    }

    /// Returns the bytes of `tensor`, empty for a type of unknown size.
    pub fn bytes(&self, tensor: &TensorInfo) -> &[u8] {
        let size = tensor.size.unwrap_or(0) as usize;
        let start = tensor.offset as usize;
        // `read_header` has checked the range against this very map.
        &self.shards[tensor.shard].bytes()[start..start + size]
    }

    /// Returns the memory map that holds `tensor`.
    pub fn mapping(&self, tensor: &TensorInfo) -> &Arc<Mapping> {
        &self.shards[tensor.shard]
    }

    /// Returns the tensors of a type whose size is not known: whether their
    /// bytes are all there cannot be told.
    pub fn unmeasured(&self) -> impl Iterator<Item = &TensorInfo> {
        self.tensors.iter().filter(|tensor| tensor.size.is_none())
    }

    /// Returns the sum of all tensor sizes in bytes.
    pub fn weight_bytes(&self) -> u64 {
        let sizes = self.tensors.iter().filter_map(|tensor| tensor.size);
        sizes.fold(0, u64::saturating_add)
    }

    /// Returns the bytes of the shards that are no files: memory that the model
    /// takes already.
    pub fn made_bytes(&self) -> u64 {
        let made = self.shards.iter().skip(self.paths.len());
        made.map(|shard| shard.bytes().len() as u64).sum()
    }

    /// Returns the number of weights of all tensors.
    pub fn parameters(&self) -> u64 {
        let elements = self.tensors.iter().map(TensorInfo::elements);
        elements.fold(0, u64::saturating_add)
    }

    fn add_shard(
        &mut self,
        path: &Path,
        mapping: Arc<Mapping>,
        tensors: Vec<TensorInfo>,
    ) -> Result<(), GgufError> {
        self.shards.push(mapping);
        for tensor in tensors {
            self.add_tensor(path, tensor)?;
        }
        Ok(())
    }

    fn add_tensor(&mut self, path: &Path, tensor: TensorInfo) -> Result<(), GgufError> {
        let index = self.tensors.len();
        if self.by_name.insert(tensor.name.clone(), index).is_some() {
            return Err(GgufError::Malformed {
                path: path.to_path_buf(),
                reason: format!("it holds the tensor '{}' twice", tensor.name),
            });
        }
        self.tensors.push(tensor);
        Ok(())
    }

    /// Checks that the shards are all there and belong together.
    fn check_split(&self, shards: &[Shard]) -> Result<(), GgufError> {
        let expected = shards[0].count.unwrap_or(1).max(1);
        if expected != shards.len() as u64 {
            return Err(GgufError::Split {
                path: self.paths[0].clone(),
                expected,
                found: shards.len(),
            });
        }
        for (index, (shard, path)) in shards.iter().zip(&self.paths).enumerate() {
            if let Some(reason) = shard.fault(index, &shards[0]) {
                return Err(GgufError::ForeignShard {
                    path: path.clone(),
                    number: index + 1,
                    count: shards.len(),
                    reason,
                });
            }
        }
        // Which of them lacks something cannot be told.
        match (shards[0].tensors, self.tensors.len() as u64) {
            (Some(stated), held) if stated != held => Err(GgufError::Malformed {
                path: self.paths[0].clone(),
                reason: format!("the shards should hold {stated} tensors and hold {held}"),
            }),
            _ => Ok(()),
        }
    }
}

/// Returns the shards of a split model in order, given any one of them
/// (`NAME-00001-of-00003.gguf`), or the path alone when it is not split.
pub fn shard_paths(path: &Path) -> Vec<PathBuf> {
    let shards = || {
        let stem = path.file_name()?.to_str()?.strip_suffix(".gguf")?;
        let (head, count) = stem.rsplit_once("-of-")?;
        let (base, _number) = head.rsplit_once('-')?;
        let digits = count.len();
        let count: usize = count.parse().ok().filter(|n| (1..=99_999).contains(n))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let name = |i| format!("{base}-{i:0digits$}-of-{count:0digits$}.gguf");
        Some((1..=count).map(|i| folder.join(name(i))).collect())
    };
    shards().unwrap_or_else(|| vec![path.to_path_buf()])
}

#[cfg(test)]
mod tests;
