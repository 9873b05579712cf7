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
use super::low_bit::{Method, collect, is_part, is_unneeded};
use super::mxfp4::Halves;
use super::names::{Named, translate};
use super::{FolderError, Purpose, multipliers, rope_factors, ssd};
use llm_gguf::{TensorInfo, Value};

mod low_bit;

/// What was found.
pub(super) struct Loaded {
    pub(super) tensors: Vec<TensorInfo>,
    /// What they lie in: the files, and one that was made if anything had to be.
    pub(super) shards: Vec<Arc<Mapping>>,
    /// The folder's names of the tensors, by their names here.
    pub(super) own_names: HashMap<String, String>,
    /// Whether some of its matrices are stored in a few bits.
    pub(super) has_low_bit: bool,
    /// Tensors that are metadata in GGUF files.
    pub(super) metadata: Vec<(&'static str, Value)>,
}

/// The maps of files, and the tensors of each by its header.
type Files = (Vec<Arc<Mapping>>, Vec<Vec<Stored>>);

fn read_headers(paths: &[PathBuf]) -> Result<Files, FolderError> {
    let (mut shards, mut headers) = (Vec::with_capacity(paths.len() + 1), Vec::new());
    for path in paths {
        let mapping = Mapping::open(path).map_err(|source| FolderError::Read {
            path: path.clone(),
            source,
        })?;
        let stored =
            header::read(mapping.bytes()).map_err(|reason| FolderError::malformed(path, reason))?;
        headers.push(stored);
        shards.push(Arc::new(mapping));
    }
    Ok((shards, headers))
}

/// Finds, checks and, where that is asked for, quantizes all tensors.
pub(super) fn load(
    paths: &[PathBuf],
    config: &Config,
    purpose: Purpose<'_>,
) -> Result<Loaded, FolderError> {
    let mut finder = Finder {
        config,
        is_tied: config.is_tied()?,
        is_dense: ssd::is_dense(config)?,
        packing: purpose.loading().and_then(|loading| loading.packing),
        guessing: guessing(config)?,
        names: HashMap::new(),
        halves: Halves::default(),
        second_output: None,
        found: Vec::new(),
        made: Vec::new(),
    };
    let (mut shards, headers) = read_headers(paths)?;
    let activations = finder.take_all(paths, &headers, &shards)?;
    let mut made = finder.made.iter();
    let has_low_bit = made.any(|made| matches!(made.source, Source::LowBit(_)));
    finder.check_output(paths, &shards)?;
    let divisors = rope_factors::tensors(config)?.into_iter();
    let divisors = divisors.map(|(name, divisors)| (name.to_owned(), divisors));
    for (name, numbers) in divisors.chain(multipliers::tensors(config)?) {
        finder.made.push(Made {
            name,
            shape: vec![numbers.len() as u64],
            source: Source::Numbers(numbers),
        });
    }
    let halves = std::mem::take(&mut finder.halves).made();
    let first = paths.first().unwrap_or(&config.path);
    let halves = halves.map_err(|reason| FolderError::malformed(first, reason))?;
    finder.made.extend(halves);
    let Finder {
        mut found,
        made,
        names: own_names,
        ..
    } = finder;
    if !made.is_empty() {
        let (tensors, shard) = derived_tensors::make(&made, &shards, purpose)?;
        found.extend(tensors);
        shards.push(Arc::new(shard));
    }
    Ok(Loaded {
        tensors: found,
        shards,
        own_names,
        has_low_bit,
        metadata: activations.lists(config.layers()?),
    })
}

/// Matrices that llama.cpp does not quantize either: they are small, and what they choose
/// weighs much.
const EXACT: [&str; 4] = [
    "ffn_gate_inp.weight",
    "shortconv.conv.weight",
    "ssm_conv1d.weight",
    "per_layer_model_proj.weight",
];

/// Returns the layers of a model behind those that make logits.
fn guessing(config: &Config) -> Result<Range<u64>, FolderError> {
    let layers = config.layers()?;
    let count = config.size("num_nextn_predict_layers")?.unwrap_or(0);
    Ok(layers..layers.saturating_add(count))
}

fn unknown(own: &str) -> Fault {
    Fault::Unsupported(format!(
        "it holds the tensor '{own}', which other models of its kind do not have"
    ))
}

struct Finder<'a> {
    config: &'a Config,
    /// See [`Config::is_tied`].
    is_tied: Option<bool>,
    /// See [`ssd::is_dense`].
    is_dense: bool,
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
    /// Takes the tensors of all files; returns those that are the activation's numbers.
    fn take_all(
        &mut self,
        paths: &[PathBuf],
        headers: &[Vec<Stored>],
        shards: &[Arc<Mapping>],
    ) -> Result<Activations, FolderError> {
        let (config, mut activations) = (self.config, Activations::default());
        let is_low_bit = config.low_bit.is_some();
        let first = paths.first().unwrap_or(&config.path);
        let parts = if is_low_bit {
            collect(headers).map_err(|reason| FolderError::malformed(first, reason))?
        } else {
            Vec::new()
        };
        for (index, (path, stored)) in paths.iter().zip(headers).enumerate() {
            for tensor in stored {
                let name = &tensor.name;
                if is_low_bit && (is_unneeded(name) || is_part(&parts, name)) {
                    continue;
                }
                let taken = config.kind.xielu && {
                    let taken = activations.take(tensor, shards[index].bytes());
                    taken.map_err(|reason| FolderError::malformed(path, reason))?
                };
                if !taken {
                    let taken = self.take(tensor, index);
                    taken.map_err(|reason| reason.at(path))?;
                }
            }
        }
        for parts in &parts {
            let path = paths.get(parts.shard()).unwrap_or(first);
            let taken = self.take_parts(parts, shards);
            taken.map_err(|reason| reason.at(path))?;
        }
        Ok(activations)
    }

    /// Returns the name of a tensor by the folder's; `None` for one of which nothing is
    /// needed.
    fn name(&self, own: &str) -> Result<Option<String>, Fault> {
        let name = match translate(own, self.config.kind.norms) {
            Named::Known(name) if self.guesses(&name) => return Ok(None),
            Named::Known(name) if self.is_dense => name.replace("_shexp", ""),
            Named::Known(name) => name,
            Named::Unneeded => return Ok(None),
            Named::Unknown if self.guesses(own) => return Ok(None),
            Named::Unknown => return Err(unknown(own)),
        };
        let is_unneeded = name == "output.weight" && !self.config.needs_output();
        Ok((!is_unneeded).then_some(name))
    }

    fn take(&mut self, tensor: &Stored, shard: usize) -> Result<(), Fault> {
        let kind = self.config.kind;
        let Some(name) = self.name(&tensor.name)? else {
            return Ok(());
        };
        if name.ends_with(".blocks") || name.ends_with(".scales") {
            if !kind.mxfp4 {
                return Err(unknown(&tensor.name));
            }
            let taken = self.halves.take(&name, tensor, shard);
            return taken.map_err(Fault::Malformed);
        }
        let is_mlx = self.config.low_bit.as_ref().is_some_and(Method::is_mlx);
        if is_mlx && name.contains("conv") {
            return Err(Fault::Unsupported(format!(
                "the tensor '{}' is of a layer with a state, which MLX stores in a form of its own",
                tensor.name
            )));
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
        for piece in self.pieces(&info, &tensor.name, misshapen)? {
            self.put(piece, &info);
        }
        Ok(())
    }

    /// Returns what is made of a tensor, which the folder calls `own`.
    fn pieces(
        &mut self,
        tensor: &TensorInfo,
        own: &str,
        misshapen: impl Fn() -> Fault,
    ) -> Result<Vec<Piece>, Fault> {
        let change = match &self.config.low_bit {
            // Which has put experts in GGUF's order itself.
            Some(method) if method.is_mlx() && tensor.name.contains("_exps.") => Change::Same,
            _ => Change::of(&tensor.name, self.config),
        };
        let pieces = change.pieces(tensor, self.config);
        let pieces = pieces.map_err(|misfit| match misfit {
            Misfit::Config(error) => Fault::Config(error),
            Misfit::Shape => misshapen(),
        })?;
        for piece in &pieces {
            let before = self.names.insert(piece.name.clone(), own.to_owned());
            if before.is_some() {
                return Err(Fault::Malformed(format!(
                    "the tensor '{own}' is there twice"
                )));
            }
        }
        Ok(pieces)
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
