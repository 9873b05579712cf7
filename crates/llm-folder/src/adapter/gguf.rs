//! Adapters in GGUF, as llama.cpp's `convert_lora_to_gguf.py` writes them: for each tensor
//! `NAME.weight.lora_a` and `NAME.weight.lora_b`, and one alpha for all.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use llm_gguf::{Gguf, TensorInfo};

use super::{Adapter, Pair, RowOrder, Summary, rank};
use crate::FolderError;

/// The tokens that switch an adapter on in the middle of a text.
const INVOCATION: &str = "adapter.alora.invocation_tokens";

/// Returns whether a file's header says that it is an adapter.
pub(super) fn is_adapter(path: &Path) -> bool {
    let opened = Gguf::open(&[path.to_path_buf()]);
    opened.is_ok_and(|gguf| gguf.metadata().string("general.type") == Ok(Some("adapter")))
}

fn read(path: &Path) -> Result<Gguf, FolderError> {
    let gguf = Gguf::open(&[path.to_path_buf()])?;
    let metadata = gguf.metadata();
    let text = |key: &str| metadata.string(key).map_err(FolderError::value(path));
    if text("general.type")? != Some("adapter") {
        let reason = "it is no LoRA adapter ('general.type' does not say 'adapter')";
        return Err(FolderError::malformed(path, reason));
    }
    match text("adapter.type")? {
        Some("lora") => Ok(gguf),
        other => Err(FolderError::unsupported(
            path,
            format!("it is an adapter of the type '{}'", other.unwrap_or("none")),
        )),
    }
}

/// Reads an adapter for a model of an architecture.
pub(super) fn open(path: &Path, architecture: &str) -> Result<Adapter, FolderError> {
    let gguf = read(path)?;
    let metadata = gguf.metadata();
    let own = metadata
        .string("general.architecture")
        .map_err(FolderError::value(path))?;
    if own != Some(architecture) {
        return Err(FolderError::unsupported(
            path,
            format!(
                "it is an adapter for models of the architecture '{}' on one of '{architecture}'",
                own.unwrap_or("none")
            ),
        ));
    }
    if metadata.get(INVOCATION).is_some() {
        let what = format!("it is switched on by tokens of the text ('{INVOCATION}')");
        return Err(FolderError::unsupported(path, what));
    }
    let alpha = alpha(&gguf, path)?;
    let mut pairs = Vec::new();
    for (name, down, up) in found(&gguf, path)? {
        let rank = rank(&up);
        if rank == 0 {
            let reason = format!("its '{name}' has the rank 0");
            return Err(FolderError::malformed(path, reason));
        }
        // Without an alpha llama.cpp leaves the products as they are.
        let scale = match alpha {
            Some(alpha) if alpha != 0.0 => alpha / rank as f32,
            _ => 1.0,
        };
        pairs.push(Pair {
            tensor: name.strip_suffix(".weight").unwrap_or(&name).to_owned(),
            own_name: name,
            down,
            up,
            scale,
        });
    }
    Ok(Adapter {
        path: path.to_path_buf(),
        shards: shards(&gguf, &pairs),
        pairs,
        files: vec![path.to_path_buf()],
        rows: RowOrder::Gguf,
    })
}

/// Returns the maps of the tensors, by the shards that they name.
fn shards(gguf: &Gguf, pairs: &[Pair]) -> Vec<Arc<llm_kernels::mmap::Mapping>> {
    // One file is opened, so all lie in its one map.
    let first = pairs.first().map(|pair| Arc::clone(gguf.mapping(&pair.up)));
    first.into_iter().collect()
}

fn alpha(gguf: &Gguf, path: &Path) -> Result<Option<f32>, FolderError> {
    let alpha = gguf.metadata().f32("adapter.lora.alpha");
    let alpha = alpha.map_err(FolderError::value(path))?;
    match alpha {
        Some(alpha) if !alpha.is_finite() => {
            let reason = format!("its 'adapter.lora.alpha' is {alpha}");
            Err(FolderError::malformed(path, reason))
        }
        alpha => Ok(alpha),
    }
}

/// Returns the tensors that are added to, by name, with their pairs.
fn found(gguf: &Gguf, path: &Path) -> Result<Vec<(String, TensorInfo, TensorInfo)>, FolderError> {
    type Halves = (Option<TensorInfo>, Option<TensorInfo>);
    let mut pairs = BTreeMap::<&str, Halves>::new();
    for tensor in gguf.tensors() {
        let half = match tensor.name.rsplit_once('.') {
            Some((name, "lora_a")) => &mut pairs.entry(name).or_default().0,
            Some((name, "lora_b")) => &mut pairs.entry(name).or_default().1,
            _ => {
                let what = format!(
                    "it holds '{}' beside its matrices 'lora_a' and 'lora_b'",
                    tensor.name
                );
                return Err(FolderError::unsupported(path, what));
            }
        };
        *half = Some(tensor.clone());
    }
    if pairs.is_empty() {
        return Err(FolderError::malformed(path, "it holds no matrices"));
    }
    let both = |(name, halves): (&str, Halves)| match halves {
        (Some(down), Some(up)) => Ok((name.to_owned(), down, up)),
        _ => {
            let reason = format!("of '{name}' it holds one matrix of two");
            Err(FolderError::malformed(path, reason))
        }
    };
    pairs.into_iter().map(both).collect()
}

pub(super) fn summary(path: &Path) -> Result<Summary, FolderError> {
    let gguf = read(path)?;
    let pairs: Vec<_> = found(&gguf, path)?
        .into_iter()
        .map(|(_, down, up)| (down, up))
        .collect();
    let metadata = gguf.metadata();
    Ok(Summary {
        architecture: metadata.shown("general.architecture"),
        base_model: metadata.shown("general.base_model.0.name"),
        alpha: alpha(&gguf, path)?.map(f64::from),
        ..Summary::of("gguf", &pairs, rank)
    })
}
