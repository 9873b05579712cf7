//! The tensors of a folder by their GGUF names: those that are run as they are
//! point into the memory maps of the files, the others are made in memory.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llm_kernels::mmap::Mapping;
use llm_kernels::quantize::QuantType;

use super::config::Config;
use super::derived_tensors::{self, Made, Source};
use super::header::{self, Stored};
use super::names::{Named, translate};
use super::{FolderError, Quantize, rope};
use llm_gguf::TensorInfo;

/// What was found.
pub(super) struct Loaded {
    pub(super) tensors: Vec<TensorInfo>,
    /// What they lie in: the files, and one that was made if anything had to be.
    pub(super) shards: Vec<Arc<Mapping>>,
    /// The folder's names of the tensors, by their names here.
    pub(super) own_names: HashMap<String, String>,
}

/// Finds, checks and, where that is asked for, quantizes all tensors.
pub(super) fn load(
    paths: &[PathBuf],
    config: &Config,
    quantize: Option<&Quantize<'_>>,
) -> Result<Loaded, FolderError> {
    let mut finder = Finder {
        config,
        is_tied: config.is_tied()?,
        packing: quantize.map(|quantize| quantize.packing),
        names: HashMap::new(),
        second_output: None,
        found: Vec::new(),
        made: Vec::new(),
    };
    let mut shards = Vec::with_capacity(paths.len() + 1);
    for path in paths {
        let mapping = Mapping::open(path).map_err(|source| FolderError::Read {
            path: path.clone(),
            source,
        })?;
        let stored =
            header::read(mapping.bytes()).map_err(|reason| FolderError::malformed(path, reason))?;
        for tensor in stored {
            finder
                .take(tensor, shards.len())
                .map_err(|reason| reason.at(path))?;
        }
        shards.push(Arc::new(mapping));
    }
    finder.check_output(paths, &shards)?;
    if let Some(divisors) =
        rope::divisors(&config.fields(), config.rope_theta()?, config.head_dim()?)?
    {
        finder.made.push(Made {
            name: "rope_freqs.weight".to_owned(),
            shape: vec![divisors.len() as u64],
            source: Source::Numbers(divisors),
        });
    }
    let Finder {
        mut found,
        made,
        names: own_names,
        ..
    } = finder;
    if !made.is_empty() {
        let (tensors, shard) = derived_tensors::make(&made, &shards, quantize)?;
        found.extend(tensors);
        shards.push(Arc::new(shard));
    }
    Ok(Loaded {
        tensors: found,
        shards,
        own_names,
    })
}

struct Finder<'a> {
    config: &'a Config,
    /// See [`Config::is_tied`].
    is_tied: Option<bool>,
    packing: Option<QuantType>,
    /// The folder's names by GGUF's.
    names: HashMap<String, String>,
    /// An output matrix beside the embedding that is to be the output.
    second_output: Option<TensorInfo>,
    found: Vec<TensorInfo>,
    made: Vec<Made>,
}

/// What is wrong with a tensor, before its file is named.
enum Fault {
    Malformed(String),
    Unsupported(String),
}

impl Fault {
    fn at(self, path: &Path) -> FolderError {
        match self {
            Self::Malformed(reason) => FolderError::malformed(path, reason),
            Self::Unsupported(what) => FolderError::unsupported(path, what),
        }
    }
}

impl Finder<'_> {
    fn take(&mut self, tensor: Stored, shard: usize) -> Result<(), Fault> {
        let is_gemma = self.config.kind.is_gemma;
        let name = match translate(&tensor.name, is_gemma) {
            Named::Known(name) => name,
            Named::Unneeded => return Ok(()),
            Named::Unknown => {
                return Err(Fault::Unsupported(format!(
                    "it holds the tensor '{}', which other models of its kind do not have",
                    tensor.name
                )));
            }
        };
        if name == "output.weight" && !self.config.needs_output() {
            return Ok(());
        }
        let Some(dtype) = tensor.dtype else {
            return Err(Fault::Unsupported(format!(
                "the tensor '{}' is stored as {}, and F32, F16 and BF16 are known",
                tensor.name, tensor.dtype_name
            )));
        };
        let shape = &tensor.shape;
        if !matches!(shape.len(), 1 | 2) || shape.contains(&0) {
            return Err(Fault::Malformed(format!(
                "the tensor '{}' has the shape {shape:?}",
                tensor.name
            )));
        }
        let own_name = tensor.name.clone();
        if self.names.insert(name.clone(), tensor.name).is_some() {
            let reason = format!("the tensor '{own_name}' is there twice");
            return Err(Fault::Malformed(reason));
        }
        let elements = tensor.shape.iter().product();
        let info = TensorInfo {
            size: dtype.size(elements),
            shape: tensor.shape.into_iter().rev().collect(),
            dtype,
            shard,
            offset: tensor.offset,
            name,
        };
        if info.name == "output.weight" && self.is_tied == Some(true) {
            self.second_output = Some(info);
            return Ok(());
        }
        match self.source(&info) {
            Some(source) => self.made.push(Made {
                name: info.name,
                shape: info.shape,
                source,
            }),
            None => self.found.push(info),
        }
        Ok(())
    }

    /// Returns how a tensor is made anew, if it must be.
    fn source(&self, tensor: &TensorInfo) -> Option<Source> {
        if self.config.kind.is_gemma && tensor.name.ends_with("norm.weight") {
            return Some(Source::PlusOne(tensor.clone()));
        }
        let [columns, _] = *tensor.shape.as_slice() else {
            return None;
        };
        // What chooses the token stays more exact, as in llama.cpp's mixtures;
        // the embedding is that, too, in most small models.
        let wanted = match tensor.name.as_str() {
            "token_embd.weight" | "output.weight" => self.packing.map(|_| QuantType::Q8_0),
            _ => self.packing,
        };
        let packings = [wanted?, QuantType::Q8_0];
        let mut fitting = packings
            .into_iter()
            .filter(|packing| packing.fits(columns as usize));
        fitting
            .next()
            .map(|packing| Source::Packed(tensor.clone(), packing))
    }

    /// A folder that is to have an output matrix must have one: the embedding
    /// in its place would make nonsense. And where the embedding is to be the
    /// output, some files hold it once more, which must be the same then.
    fn check_output(&self, paths: &[PathBuf], shards: &[Arc<Mapping>]) -> Result<(), FolderError> {
        if !self.names.contains_key("output.weight") && self.is_tied == Some(false) {
            let reason = "it says that the output has a matrix of its own, and no file holds 'lm_head.weight'";
            return Err(FolderError::malformed(&self.config.path, reason));
        }
        let Some(second) = &self.second_output else {
            return Ok(());
        };
        let is_embedding = |tensor: &&TensorInfo| tensor.name == "token_embd.weight";
        let packed = self.made.iter().filter_map(|made| made.source.tensor());
        let mut tensors = self.found.iter().chain(packed);
        let bytes = |tensor: &TensorInfo| {
            let start = tensor.offset as usize;
            shards
                .get(tensor.shard)
                .and_then(|shard| shard.bytes().get(start..start + tensor.size? as usize))
        };
        let embedding = tensors.find(is_embedding).and_then(bytes);
        if embedding.is_none() || embedding == bytes(second) {
            return Ok(());
        }
        let path = paths.get(second.shard).unwrap_or(&self.config.path);
        let name = self.names.get(&second.name).unwrap_or(&second.name);
        let reason = format!(
            "its config.json says that the embedding is the output ('tie_word_embeddings'), and '{name}' is another matrix"
        );
        Err(FolderError::malformed(path, reason))
    }
}
