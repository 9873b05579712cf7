//! The tensors of a folder by their GGUF names: those that are run as they are
//! point into the memory maps of the files, the others are made in memory.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llm_kernels::mmap::Mapping;
use llm_kernels::quantize::QuantType;

use super::activation::Activations;
use super::changes::{Change, Each, Misfit, Piece};
use super::config::Config;
use super::derived_tensors::{self, Made, Source, Taken};
use super::header::{self, Stored};
use super::mxfp4::Halves;
use super::names::{Named, translate};
use super::{FolderError, Quantize, rope_factors};
use llm_gguf::{TensorInfo, Value};

/// What was found.
pub(super) struct Loaded {
    pub(super) tensors: Vec<TensorInfo>,
    /// What they lie in: the files, and one that was made if anything had to be.
    pub(super) shards: Vec<Arc<Mapping>>,
    /// The folder's names of the tensors, by their names here.
    pub(super) own_names: HashMap<String, String>,
    /// Tensors that are metadata in GGUF files.
    pub(super) metadata: Vec<(&'static str, Value)>,
}

/// What becomes of tensors that are made in memory.
#[derive(Clone, Copy)]
pub(super) enum Making<'a> {
    /// They are made, and quantized where that is asked for.
    All(Option<&'a Quantize<'a>>),
    /// Their names and shapes are wanted, and no numbers.
    Nothing,
}

/// Finds, checks and makes all tensors.
pub(super) fn load(
    paths: &[PathBuf],
    config: &Config,
    making: Making<'_>,
) -> Result<Loaded, FolderError> {
    let quantize = match making {
        Making::All(quantize) => quantize,
        Making::Nothing => None,
    };
    let mut finder = Finder {
        config,
        is_tied: config.is_tied()?,
        packing: quantize.map(|quantize| quantize.packing),
        guessing: guessing(config)?,
        names: HashMap::new(),
        halves: Halves::default(),
        second_output: None,
        found: Vec::new(),
        made: Vec::new(),
    };
    let mut activations = Activations::default();
    let mut shards = Vec::with_capacity(paths.len() + 1);
    for path in paths {
        let mapping = Mapping::open(path).map_err(|source| FolderError::Read {
            path: path.clone(),
            source,
        })?;
        let stored =
            header::read(mapping.bytes()).map_err(|reason| FolderError::malformed(path, reason))?;
        for tensor in stored {
            let taken = config.kind.xielu && {
                let taken = activations.take(&tensor, mapping.bytes());
                taken.map_err(|reason| FolderError::malformed(path, reason))?
            };
            if taken {
                continue;
            }
            finder
                .take(&tensor, shards.len())
                .map_err(|reason| reason.at(path))?;
        }
        shards.push(Arc::new(mapping));
    }
    finder.check_output(paths, &shards)?;
    for (name, divisors) in rope_factors::tensors(config)? {
        finder.made.push(Made {
            name: name.to_owned(),
            shape: vec![divisors.len() as u64],
            source: Source::Numbers(divisors),
        });
    }
    let halves = std::mem::take(&mut finder.halves).made();
    let halves = halves
        .map_err(|reason| FolderError::malformed(paths.first().unwrap_or(&config.path), reason))?;
    finder.made.extend(halves);
    let Finder {
        mut found,
        made,
        names: own_names,
        ..
    } = finder;
    if !made.is_empty() {
        let (tensors, shard) = match making {
            Making::All(quantize) => derived_tensors::make(&made, &shards, quantize)?,
            Making::Nothing => derived_tensors::leave_out(&made, &shards)?,
        };
        found.extend(tensors);
        shards.push(Arc::new(shard));
    }
    Ok(Loaded {
        tensors: found,
        shards,
        own_names,
        metadata: activations.lists(config.layers()?),
    })
}

/// Matrices that llama.cpp does not quantize either: they are small, and what they choose
/// weighs much.
const EXACT: [&str; 3] = [
    "ffn_gate_inp.weight",
    "ssm_conv1d.weight",
    "per_layer_model_proj.weight",
];

/// Returns the layers of a model behind those that make logits.
fn guessing(config: &Config) -> Result<Range<u64>, FolderError> {
    let layers = config.layers()?;
    let count = config.size("num_nextn_predict_layers")?.unwrap_or(0);
    Ok(layers..layers.saturating_add(count))
}

fn unknown(tensor: &Stored) -> Fault {
    Fault::Unsupported(format!(
        "it holds the tensor '{}', which other models of its kind do not have",
        tensor.name
    ))
}

struct Finder<'a> {
    config: &'a Config,
    /// See [`Config::is_tied`].
    is_tied: Option<bool>,
    packing: Option<QuantType>,
    /// Layers that guess further tokens, which nobody asks for.
    guessing: Range<u64>,
    /// The folder's names by GGUF's.
    names: HashMap<String, String>,
    /// Experts in two tensors each.
    halves: Halves,
    /// An output matrix beside the embedding that is to be the output.
    second_output: Option<TensorInfo>,
    found: Vec<TensorInfo>,
    made: Vec<Made>,
}

/// What is wrong with a tensor, before its file is named.
enum Fault {
    Malformed(String),
    Unsupported(String),
    Config(FolderError),
}

impl Fault {
    fn at(self, path: &Path) -> FolderError {
        match self {
            Self::Malformed(reason) => FolderError::malformed(path, reason),
            Self::Unsupported(what) => FolderError::unsupported(path, what),
            Self::Config(error) => error,
        }
    }
}

impl Finder<'_> {
    fn take(&mut self, tensor: &Stored, shard: usize) -> Result<(), Fault> {
        let kind = self.config.kind;
        let name = match translate(&tensor.name, kind.norms) {
            Named::Known(name) if self.guesses(&name) => return Ok(()),
            Named::Known(name) => name,
            Named::Unneeded => return Ok(()),
            Named::Unknown if self.guesses(&tensor.name) => return Ok(()),
            Named::Unknown => return Err(unknown(tensor)),
        };
        if name == "output.weight" && !self.config.needs_output() {
            return Ok(());
        }
        if name.ends_with(".blocks") || name.ends_with(".scales") {
            if !kind.mxfp4 {
                return Err(unknown(tensor));
            }
            let taken = self.halves.take(&name, tensor, shard);
            return taken.map_err(Fault::Malformed);
        }
        let Some(dtype) = tensor.dtype else {
            return Err(Fault::Unsupported(format!(
                "the tensor '{}' is stored as {}, and F32, F16 and BF16 are known",
                tensor.name, tensor.dtype_name
            )));
        };
        let misshapen = || {
            let (name, shape) = (&tensor.name, &tensor.shape);
            Fault::Malformed(format!("the tensor '{name}' has the shape {shape:?}"))
        };
        if !matches!(tensor.shape.len(), 1..=3) || tensor.shape.contains(&0) {
            return Err(misshapen());
        }
        let info = TensorInfo {
            size: dtype.size(tensor.shape.iter().product()),
            shape: tensor.shape.iter().rev().copied().collect(),
            dtype,
            shard,
            offset: tensor.offset,
            name,
        };
        let pieces = Change::of(&info.name, self.config).pieces(&info, self.config);
        let pieces = pieces.map_err(|misfit| match misfit {
            Misfit::Config(error) => Fault::Config(error),
            Misfit::Shape => misshapen(),
        })?;
        for piece in pieces {
            let own_name = tensor.name.clone();
            if self.names.insert(piece.name.clone(), own_name).is_some() {
                let reason = format!("the tensor '{}' is there twice", tensor.name);
                return Err(Fault::Malformed(reason));
            }
            self.put(piece, &info);
        }
        Ok(())
    }

    /// Returns whether a name is that of a tensor in a layer that guesses.
    fn guesses(&self, name: &str) -> bool {
        let rest = ["blk.", "model.layers."]
            .iter()
            .find_map(|start| name.strip_prefix(start));
        let layer = rest.and_then(|rest| rest.split_once('.')?.0.parse().ok());
        layer.is_some_and(|layer| self.guessing.contains(&layer))
    }

    /// Notes a tensor that is made of `tensor`, or is that.
    fn put(&mut self, piece: Piece, tensor: &TensorInfo) {
        let Piece {
            name,
            shape,
            order,
            each,
        } = piece;
        let info = TensorInfo {
            name,
            shape,
            ..tensor.clone()
        };
        if info.name == "output.weight" && self.is_tied == Some(true) {
            self.second_output = Some(info);
            return;
        }
        let packing = self.packing(&info);
        if order.is_none() && each == Each::Kept && packing.is_none() {
            self.found.push(info);
            return;
        }
        self.made.push(Made {
            name: info.name,
            shape: info.shape,
            source: Source::Tensor(Taken {
                tensor: tensor.clone(),
                order,
                each,
                packing,
            }),
        });
    }

    /// Returns what a tensor is quantized to, if it is.
    fn packing(&self, tensor: &TensorInfo) -> Option<QuantType> {
        let [columns, _, ..] = *tensor.shape.as_slice() else {
            return None;
        };
        let wanted = self.packing?;
        if !tensor.name.ends_with(".weight") || EXACT.iter().any(|part| tensor.name.ends_with(part))
        {
            return None;
        }
        // What chooses the token stays more exact, as in llama.cpp's mixtures;
        // the embedding is that, too, in most small models.
        let wanted = match tensor.name.as_str() {
            "token_embd.weight" | "output.weight" => QuantType::Q8_0,
            _ => wanted,
        };
        let mut packings = [wanted, QuantType::Q8_0].into_iter();
        packings.find(|packing| packing.fits(columns as usize))
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
