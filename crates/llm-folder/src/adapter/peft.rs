//! Adapters as PEFT saves them: `adapter_config.json`, which says how they are scaled, and
//! `adapter_model.safetensors` (huggingface/peft, `LoraConfig`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use llm_gguf::TensorInfo;
use llm_kernels::mmap::Mapping;
use serde_json::Value;

use super::patterns::Pattern;
use super::{Adapter, Pair, RowOrder, Summary, rank};
use crate::changes::{Change, Each};
use crate::derived_tensors::{self, Made, Source, Taken};
use crate::header::{self, Stored};
use crate::json::{self, Fields};
use crate::kinds::{KINDS, Kind};
use crate::names::{Named, translate};
use crate::order::Order;
use crate::refusals::shown;
use crate::{FolderError, Purpose};

/// The file that tells a folder of an adapter.
pub(super) const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";

/// Keys that are read, or say nothing about how a finished adapter is applied.
const KNOWN: [&str; 22] = [
    "alpha_pattern",
    "auto_mapping",
    "base_model_name_or_path",
    "ensure_weight_tying",
    "eva_config",
    "exclude_modules",
    "inference_mode",
    "layers_pattern",
    "layers_to_transform",
    "lora_alpha",
    "lora_dropout",
    "loftq_config",
    "megatron_core",
    "peft_type",
    "peft_version",
    "qalora_group_size",
    "r",
    "rank_pattern",
    "revision",
    "target_modules",
    "task_type",
    "use_rslora",
];

/// Ways to begin a training that leave the model as it was; after others the adapter
/// belongs to a model that they have changed.
const BEGINNINGS: [&str; 3] = ["gaussian", "eva", "orthogonal"];

/// What the config says.
#[derive(Debug)]
struct Config {
    path: PathBuf,
    rank: f64,
    alpha: f64,
    by_root: bool,
    ranks: Pattern,
    alphas: Pattern,
}

impl Config {
    fn read(folder: &Path) -> Result<Self, FolderError> {
        let path = folder.join(CONFIG);
        let values: Value = json::read(folder, CONFIG)?;
        let fields = Fields::new(&path, &values);
        match fields.text("peft_type")? {
            Some("LORA") => {}
            other => {
                let what = format!("it is an adapter of the type '{}'", other.unwrap_or("none"));
                return Err(FolderError::unsupported(&path, what));
            }
        }
        refuse_what_is_not_applied(&path, &values)?;
        let number = |key: &str| {
            let found = fields.get(key).and_then(Value::as_f64);
            found.filter(|it| it.is_finite()).ok_or_else(|| {
                let value = fields.get(key).map_or("not there".to_owned(), shown);
                FolderError::malformed(
                    &path,
                    format!("its '{key}' is {value}, and a number is needed"),
                )
            })
        };
        Ok(Self {
            rank: number("r")?,
            alpha: number("lora_alpha")?,
            by_root: fields.flag("use_rslora")?.unwrap_or(false),
            ranks: Pattern::read(&path, "rank_pattern", fields.get("rank_pattern"))?,
            alphas: Pattern::read(&path, "alpha_pattern", fields.get("alpha_pattern"))?,
            path,
        })
    }

    /// Returns the rank of a module and what its products are scaled by.
    fn of(&self, module: &str) -> (f64, f64) {
        let rank = self.ranks.of(module).unwrap_or(self.rank);
        let alpha = self.alphas.of(module).unwrap_or(self.alpha);
        let divisor = if self.by_root { rank.sqrt() } else { rank };
        (rank, alpha / divisor)
    }
}

/// Refuses, by its name, what would make an adapter give something else.
fn refuse_what_is_not_applied(path: &Path, values: &Value) -> Result<(), FolderError> {
    for (key, value) in values.as_object().into_iter().flatten() {
        let says_nothing = match value {
            Value::Null | Value::Bool(false) => true,
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            Value::String(text) if key == "bias" => text == "none",
            Value::String(text) if key == "init_lora_weights" => {
                BEGINNINGS.contains(&text.as_str())
            }
            Value::Bool(true) => key == "init_lora_weights",
            _ => false,
        };
        if !says_nothing && !KNOWN.contains(&key.as_str()) {
            let what = format!("its '{key}' is {}", shown(value));
            return Err(FolderError::unsupported(path, what));
        }
    }
    Ok(())
}

/// What a tensor of a module is.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Down,
    Up,
    /// `A` of a token embedding, (rank, tokens).
    EmbeddingDown,
    EmbeddingUp,
    /// The model's own matrix, which PEFT saves beside an adapter of a token embedding or of
    /// the output.
    Own,
}

const ENDS: [(&str, Part); 7] = [
    (".lora_A.weight", Part::Down),
    (".lora_B.weight", Part::Up),
    (".lora_A.default.weight", Part::Down),
    (".lora_B.default.weight", Part::Up),
    (".lora_embedding_A", Part::EmbeddingDown),
    (".lora_embedding_B", Part::EmbeddingUp),
    (".base_layer.weight", Part::Own),
];

/// The two matrices of a module.
#[derive(Default)]
struct Halves {
    down: Option<TensorInfo>,
    up: Option<TensorInfo>,
    own: Option<TensorInfo>,
    embeds: bool,
}

impl Halves {
    /// Returns whether the model's own matrix is of the size that is added.
    fn fits_own(&self) -> bool {
        let last = |tensor: &Option<TensorInfo>, at: usize| tensor.as_ref().map(|it| it.shape[at]);
        let (rows, columns) = if self.embeds {
            (last(&self.down, 0), last(&self.up, 1))
        } else {
            (last(&self.up, 1), last(&self.down, 0))
        };
        let own = self.own.as_ref();
        own.is_none_or(|own| (Some(own.shape[1]), Some(own.shape[0])) == (rows, columns))
    }
}

/// The matrices of a folder by their modules, and the map that they lie in.
fn modules(folder: &Path) -> Result<(BTreeMap<String, Halves>, Mapping), FolderError> {
    let path = folder.join(WEIGHTS);
    if !path.is_file() {
        if folder.join("adapter_model.bin").is_file() {
            let what = "its matrices are a PyTorch pickle ('adapter_model.bin')";
            return Err(FolderError::unsupported(folder, what));
        }
        return Err(FolderError::Missing {
            folder: folder.to_path_buf(),
            file: WEIGHTS.to_owned(),
        });
    }
    let mapping = Mapping::open(&path).map_err(|source| FolderError::Read {
        path: path.clone(),
        source,
    })?;
    let stored =
        header::read(mapping.bytes()).map_err(|reason| FolderError::malformed(&path, reason))?;
    let mut modules = BTreeMap::<String, Halves>::new();
    for tensor in stored {
        let name = tensor.name.as_str();
        let name = name.strip_prefix("base_model.model.").unwrap_or(name);
        let mut ends = ENDS.iter();
        let found = ends.find_map(|(end, part)| Some((name.strip_suffix(end)?, *part)));
        let Some((module, part)) = found else {
            let what = format!(
                "it holds '{}', which is no matrix of LoRA (DoRA's and whole modules are not applied)",
                tensor.name
            );
            return Err(FolderError::unsupported(&path, what));
        };
        let info = info(&path, &tensor)?;
        let halves = modules.entry(module.to_owned()).or_default();
        halves.embeds |= matches!(part, Part::EmbeddingDown | Part::EmbeddingUp);
        let place = match part {
            Part::Down | Part::EmbeddingDown => &mut halves.down,
            Part::Up | Part::EmbeddingUp => &mut halves.up,
            Part::Own => &mut halves.own,
        };
        if place.replace(info).is_some() {
            let reason = format!("the tensor '{}' is there twice", tensor.name);
            return Err(FolderError::malformed(&path, reason));
        }
    }
    if modules.is_empty() {
        return Err(FolderError::malformed(&path, "it holds no matrices"));
    }
    Ok((modules, mapping))
}

fn info(path: &Path, tensor: &Stored) -> Result<TensorInfo, FolderError> {
    let name = &tensor.name;
    let Some(dtype) = tensor.dtype else {
        let what = format!(
            "the tensor '{name}' is stored as {}, and F32, F16 and BF16 are known",
            tensor.dtype_name
        );
        return Err(FolderError::unsupported(path, what));
    };
    if tensor.shape.len() != 2 || tensor.shape.contains(&0) {
        let reason = format!("the tensor '{name}' has the shape {:?}", tensor.shape);
        return Err(FolderError::malformed(path, reason));
    }
    Ok(TensorInfo {
        name: name.clone(),
        size: dtype.size(tensor.shape.iter().product()),
        shape: tensor.shape.iter().rev().copied().collect(),
        dtype,
        shard: 0,
        offset: tensor.offset,
    })
}

pub(super) fn summary(folder: &Path) -> Result<Summary, FolderError> {
    let values: Value = json::read(folder, CONFIG)?;
    let path = folder.join(CONFIG);
    let fields = Fields::new(&path, &values);
    let (modules, _) = modules(folder)?;
    let both = |halves: Halves| Some((halves.down?, halves.up?));
    let pairs: Vec<_> = modules.into_values().filter_map(both).collect();
    Ok(Summary {
        base_model: fields.text("base_model_name_or_path")?.map(str::to_owned),
        alpha: fields.get("lora_alpha").and_then(Value::as_f64),
        ..Summary::of("peft", &pairs, rank)
    })
}

/// Reads an adapter for a model of an architecture.
pub(super) fn open(folder: &Path, architecture: &str) -> Result<Adapter, FolderError> {
    let config = Config::read(folder)?;
    let mut kinds = KINDS.iter();
    let Some(kind) = kinds.find(|kind| kind.architecture == architecture) else {
        let what = format!(
            "the names that PEFT gives a model of the architecture '{architecture}' are not known (convert_lora_to_gguf.py of llama.cpp makes a GGUF file of it)"
        );
        return Err(FolderError::unsupported(folder, what));
    };
    let (modules, mapping) = modules(folder)?;
    let mut reader = Reader {
        folder,
        kind,
        config,
        pairs: Vec::new(),
        made: Vec::new(),
    };
    for (module, halves) in modules {
        reader.take(&module, halves)?;
    }
    let Reader {
        mut pairs, made, ..
    } = reader;
    if pairs.is_empty() {
        let reason = "none of its matrices belongs to the text model";
        return Err(FolderError::malformed(folder, reason));
    }
    let mut shards = vec![Arc::new(mapping)];
    if !made.is_empty() {
        let (tensors, shard) = derived_tensors::make(&made, &shards, Purpose::Run(None))?;
        shards.push(Arc::new(shard));
        for tensor in tensors {
            let place = pairs.iter_mut().find(|pair| pair.down.name == tensor.name);
            if let Some(pair) = place {
                pair.down = tensor;
            }
        }
    }
    Ok(Adapter {
        path: folder.to_path_buf(),
        pairs,
        shards,
        files: vec![folder.join(CONFIG), folder.join(WEIGHTS)],
        rows: if kind.permuted {
            RowOrder::Folder
        } else {
            RowOrder::Gguf
        },
    })
}

struct Reader<'a> {
    folder: &'a Path,
    kind: &'static Kind,
    config: Config,
    pairs: Vec<Pair>,
    /// Matrices that are stored the other way round.
    made: Vec<Made>,
}

impl Reader<'_> {
    fn take(&mut self, module: &str, halves: Halves) -> Result<(), FolderError> {
        let path = self.folder.join(WEIGHTS);
        let tensor = match translate(&format!("{module}.weight"), self.kind.norms) {
            Named::Known(name) => name,
            // What sees or hears is not run, with an adapter or without.
            Named::Unneeded => return Ok(()),
            Named::Unknown => {
                let what = format!(
                    "it adds to '{module}', which a model of the architecture '{}' does not have",
                    self.kind.architecture
                );
                return Err(FolderError::unsupported(&path, what));
            }
        };
        if !halves.fits_own() {
            let what = format!("it holds '{module}' in another size than it adds to (new tokens)");
            return Err(FolderError::unsupported(&path, what));
        }
        let (Some(mut down), Some(up)) = (halves.down, halves.up) else {
            let reason = format!("of '{module}' it holds one matrix of two");
            return Err(FolderError::malformed(&path, reason));
        };
        let (stated, scale) = self.config.of(module);
        if rank(&up) as f64 != stated {
            let reason = format!(
                "'{module}' has the rank {} and its {CONFIG} says {stated}",
                rank(&up)
            );
            return Err(FolderError::malformed(&path, reason));
        }
        let scale = scale as f32;
        if !scale.is_finite() {
            let reason = format!("its scale of '{module}' is {scale}");
            return Err(FolderError::malformed(&self.config.path, reason));
        }
        let change = self.change(&tensor);
        if !matches!(change, Change::Same | Change::Flat) {
            let what = format!(
                "it adds to '{module}', which models of its kind hold in another form than folders do"
            );
            return Err(FolderError::unsupported(&path, what));
        }
        if halves.embeds {
            down = self.turned(down);
        }
        self.pairs.push(Pair {
            tensor: tensor.strip_suffix(".weight").unwrap_or(&tensor).to_owned(),
            own_name: module.to_owned(),
            down,
            up,
            scale,
        });
        Ok(())
    }

    fn change(&self, tensor: &str) -> Change {
        let mut changes = self.kind.changes.iter();
        let found = changes.find(|(ending, _)| tensor.ends_with(ending));
        found.map_or(Change::Same, |(_, change)| *change)
    }

    /// Has (rank, tokens) made to (tokens, rank).
    fn turned(&mut self, stored: TensorInfo) -> TensorInfo {
        let [tokens, rank] = *stored.shape.as_slice() else {
            return stored;
        };
        let turned = TensorInfo {
            shape: vec![rank, tokens],
            ..stored.clone()
        };
        self.made.push(Made {
            name: stored.name.clone(),
            shape: turned.shape.clone(),
            source: Source::Tensor(Taken {
                tensor: stored,
                order: Some(Order::of(0, &[(tokens, 1), (rank, tokens)])),
                each: Each::Kept,
                packing: None,
            }),
        });
        turned
    }
}
