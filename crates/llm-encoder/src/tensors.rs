//! The tensors of one file by GGUF's names: matrices as they lie in the file, all
//! other numbers as floats.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llm_engine::weights;
use llm_folder::FolderError;
use llm_folder::header::{self, Stored};
use llm_gguf::Gguf;
use llm_kernels::mmap::Mapping;

use crate::family::EncoderFamily;
use crate::linear::Linear;

/// One file and its tensors.
#[derive(Debug)]
pub(crate) struct Tensors {
    pub(crate) path: PathBuf,
    map: Arc<Mapping>,
    by_name: HashMap<String, Stored>,
    /// Whose names were translated into GGUF's, if they were.
    family: Option<&'static EncoderFamily>,
    /// The names of those that were read.
    taken: RefCell<HashSet<String>>,
}

/// How the names of tensors begin that are left out knowingly, and why.
pub(crate) type LeftOut = (&'static str, &'static str);

impl Tensors {
    /// Opens `model.safetensors` in `folder`, whose tensors have the names of `family`,
    /// or names of their own that stay.
    pub(crate) fn open(
        folder: &Path,
        family: Option<&'static EncoderFamily>,
    ) -> Result<Self, FolderError> {
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
        let stored =
            header::read(map.bytes()).map_err(|reason| FolderError::malformed(&path, reason))?;
        Self::new(path, Arc::new(map), family, stored)
    }

    /// Takes the tensors of the GGUF file at `path`.
    pub(crate) fn from_gguf(path: &Path, gguf: &Gguf) -> Result<Self, FolderError> {
        let mut tensors = gguf.tensors().iter();
        let map = tensors
            .next()
            .map(|first| Arc::clone(gguf.mapping(first)))
            .ok_or_else(|| FolderError::malformed(path, "it holds no tensor"))?;
        if gguf.tensors().iter().any(|tensor| tensor.shard > 0) {
            let what = "it is one of several shards";
            return Err(FolderError::unsupported(path, what));
        }
        let stored = gguf.tensors().iter().map(|tensor| Stored {
            name: tensor.name.clone(),
            shape: tensor.shape.iter().rev().copied().collect(),
            dtype: Some(tensor.dtype),
            dtype_name: tensor.dtype.to_string(),
            offset: tensor.offset,
        });
        Self::new(path.to_path_buf(), map, None, stored)
    }

    /// Takes tensors that lie in `map`, which was checked against them.
    fn new(
        path: PathBuf,
        map: Arc<Mapping>,
        family: Option<&'static EncoderFamily>,
        stored: impl IntoIterator<Item = Stored>,
    ) -> Result<Self, FolderError> {
        let mut by_name = HashMap::new();
        for tensor in stored {
            let own = tensor.name.clone();
            let name = family.map_or_else(|| own.clone(), |family| family.gguf_name(&own));
            if let Some(other) = by_name.insert(name, tensor) {
                let (short, long) = if own.len() < other.name.len() {
                    (own, other.name)
                } else {
                    (other.name, own)
                };
                let reason = format!("the tensor '{short}' is there twice, once as '{long}'");
                return Err(FolderError::malformed(&path, reason));
            }
        }
        Ok(Self {
            path,
            map,
            by_name,
            family,
            taken: RefCell::default(),
        })
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Returns the names that begin with one of `prefixes`.
    pub(crate) fn beginning<'t>(&'t self, prefixes: &'t [&str]) -> impl Iterator<Item = &'t str> {
        let names = self.by_name.keys().map(String::as_str);
        names.filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
    }

    /// Returns what the file calls the tensor `name`, or would call it.
    pub(crate) fn own_name(&self, name: &str) -> String {
        let own = self
            .by_name
            .get(name)
            .map(|tensor| tensor.name.clone())
            .or_else(|| self.family?.folder_name(name));
        own.unwrap_or_else(|| name.to_owned())
    }

    /// Refuses the tensors that were not read, except those that are `left_out`
    /// and the rotation's frequencies, which follow from its numbers.
    pub(crate) fn refuse_rest(&self, left_out: &[&[LeftOut]]) -> Result<(), FolderError> {
        let taken = self.taken.borrow();
        let is_left_out = |name: &str| {
            let mut beginnings = left_out.iter().copied().flatten();
            name.ends_with("rotary_emb.inv_freq")
                || beginnings.any(|(beginning, _)| name.starts_with(beginning))
        };
        let rest = self
            .by_name
            .iter()
            .filter(|(name, _)| !taken.contains(*name) && !is_left_out(name));
        let mut names: Vec<&str> = rest.map(|(_, tensor)| tensor.name.as_str()).collect();
        names.sort_unstable();
        if names.is_empty() {
            Ok(())
        } else {
            Err(FolderError::Surplus {
                path: self.path.clone(),
                tensors: weights::named(&names),
            })
        }
    }

    /// Returns a matrix, (rows, `columns`), of any number of rows where none is
    /// given.
    pub(crate) fn matrix(
        &self,
        name: &str,
        rows: Option<usize>,
        columns: usize,
    ) -> Result<Linear, FolderError> {
        let own = self.own_name(name);
        let malformed = |reason: String| FolderError::malformed(&self.path, reason);
        self.taken.borrow_mut().insert(name.to_owned());
        let tensor = self.by_name.get(name);
        let tensor = tensor.ok_or_else(|| malformed(format!("it has no tensor '{own}'")))?;
        let format = tensor.dtype.and_then(llm_gguf::TensorType::format);
        let format = format.ok_or_else(|| {
            let what = format!("the tensor '{own}' is stored as {}", tensor.dtype_name);
            FolderError::unsupported(&self.path, what)
        })?;
        let found = match *tensor.shape.as_slice() {
            [rows, columns] => (rows, columns),
            [columns] => (1, columns),
            _ => (0, 0),
        };
        let wanted = rows.map_or(found.0, |rows| rows as u64);
        if found != (wanted, columns as u64) || found.0 == 0 {
            return Err(malformed(format!(
                "the tensor '{own}' is {found:?}, and config.json makes it ({wanted}, {columns})"
            )));
        }
        let (extents, start) = ((found.0 as usize, columns), tensor.offset as usize);
        Linear::mapped(&self.map, start, format, extents).ok_or_else(|| {
            malformed(format!(
                "the tensor '{own}' has rows of {columns} numbers, which are no whole blocks of its type"
            ))
        })
    }

    /// Returns the numbers of a vector of `count`.
    pub(crate) fn numbers(&self, name: &str, count: usize) -> Result<Vec<f32>, FolderError> {
        let mut numbers = vec![0.0; count];
        self.matrix(name, Some(1), count)?.row(0, &mut numbers);
        Ok(numbers)
    }

    /// Returns the matrix `name.weight`, (rows, columns), with `name.bias`.
    pub(crate) fn linear(
        &self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Linear, FolderError> {
        let mut linear = self.matrix(&format!("{name}.weight"), Some(rows), columns)?;
        linear.bias = self.numbers(&format!("{name}.bias"), rows)?;
        Ok(linear)
    }
}
