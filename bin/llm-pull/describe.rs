//! The store's and the header's facts as `model` records.

use std::path::Path;

use llm_cost::memory::OVERHEAD;
use llm_cost::{Bytes, CacheType, Catalogue, Shape};
use llm_engine::model::{ModelError, Summary};
use llm_folder::adapter;
use llm_gguf::{Gguf, Metadata};
use llm_record::{LoraSummary, ModelFile, ModelRecord};
use llm_store::{Entry, Plan, Purpose, Removed, ResolvedModel, Stored};

/// Describes a model whose files are here.
pub(crate) fn resolved(model: &ResolvedModel, action: Option<&str>) -> ModelRecord {
    let files = model.files.iter().map(|file| ModelFile {
        path: file.name.clone(),
        size: file.size_bytes,
        sha256: Some(file.sha256.clone()),
    });
    let first = model.files.first();
    ModelRecord {
        name: model.name.clone(),
        repo: model.repo.clone(),
        revision: model.revision.clone(),
        path: first.map(|file| text(&file.path)),
        size: Some(model.size_bytes),
        digest: Some(model.digest.clone()),
        files: files.collect(),
        quantization: first.and_then(|file| llm_store::quantization(&file.name)),
        license: licence(&model.name),
        action: action.map(str::to_owned),
        ..ModelRecord::default()
    }
}

/// Describes a model of the list; nothing of it was read.
pub(crate) fn stored(model: &Stored) -> ModelRecord {
    ModelRecord {
        name: model.name.clone(),
        repo: Some(model.repo.clone()),
        revision: Some(model.revision.clone()),
        path: model.files.first().map(|path| text(path)),
        size: Some(model.size_bytes),
        digest: model.digest.clone(),
        quantization: model.quantization.clone(),
        license: licence(&model.name),
        ..ModelRecord::default()
    }
}

/// The context that a model's memory is told with, as `llm-cost floor` has it.
const CONTEXT: f64 = 8192.0;

/// Describes a model that can be fetched by name, beside what this machine's memory holds.
pub(crate) fn fetchable(
    entry: &Entry,
    is_here: bool,
    memory: Option<u64>,
    costs: &Catalogue,
) -> ModelRecord {
    let need = need(entry, costs);
    ModelRecord {
        name: entry.name.clone(),
        repo: Some(entry.repo.clone()),
        revision: entry.revision.clone(),
        size: entry.about_bytes(),
        digest: entry.sha256.clone(),
        parameters: Some((entry.parameters_billion * 1e9).round() as u64),
        quantization: entry.gguf.as_ref().map(|gguf| gguf.quantization.clone()),
        license: Some(entry.licence.clone()),
        memory: Some(need),
        fits: memory.map(|memory| need <= memory),
        purpose: Some(
            match entry.purpose {
                Purpose::Vectors => "vectors",
                Purpose::Ranking => "ranking",
                _ => "text",
            }
            .to_owned(),
        ),
        action: is_here.then(|| "present".to_owned()),
        ..ModelRecord::default()
    }
}

/// Returns about how many bytes a model needs: weights, the cache of a context where it has one, and the
/// program beside them.
fn need(entry: &Entry, costs: &Catalogue) -> u64 {
    let weights = match (&entry.gguf, entry.about_bytes()) {
        (Some(_), Some(bytes)) => bytes as f64,
        // Folders of encoders become floats of 32 bits.
        _ => entry.parameters_billion * 4e9,
    };
    let repos = costs.models.iter();
    let by_repo = |model: &&llm_cost::catalogue::Model| {
        model.gguf_repo.as_ref() == Some(&entry.repo) || model.id == entry.name
    };
    let Some(model) = repos.clone().find(by_repo) else {
        return (weights + Bytes::from(OVERHEAD).0) as u64;
    };
    let quantization = entry.gguf.as_ref().map_or("", |gguf| &gguf.quantization);
    let shape = Shape::of_file(model, quantization, Bytes(weights));
    shape.need(CONTEXT, CacheType::F16).0 as u64
}

/// Describes what a pull would fetch.
pub(crate) fn plan(plan: &Plan) -> ModelRecord {
    let files = plan.files.iter().map(|file| ModelFile {
        path: file.name.clone(),
        size: file.size_bytes,
        // The hub's digest of a small file is git's and no SHA-256.
        sha256: (file.etag.len() == 64).then(|| file.etag.clone()),
    });
    ModelRecord {
        name: plan.name.clone(),
        repo: Some(plan.repo.clone()),
        revision: Some(plan.commit.clone()),
        size: Some(plan.files.iter().map(|file| file.size_bytes).sum()),
        files: files.collect(),
        license: licence(&plan.name),
        action: Some(
            match plan.missing_bytes() {
                0 => "present",
                _ => "planned",
            }
            .to_owned(),
        ),
        ..ModelRecord::default()
    }
}

/// Describes what is gone; the size is that of the bytes that went.
pub(crate) fn removed(name: &str, removed: &Removed) -> ModelRecord {
    ModelRecord {
        name: name.to_owned(),
        repo: Some(removed.repo.clone()),
        size: Some(removed.freed_bytes),
        action: Some("removed".to_owned()),
        ..ModelRecord::default()
    }
}

/// Describes a model by its header, and by what keeps it from running.
pub(crate) fn header(
    model: &ResolvedModel,
    gguf: &Gguf,
    obstacle: Option<&ModelError>,
) -> ModelRecord {
    let summary = Summary::of(gguf);
    let metadata = gguf.metadata();
    let record = resolved(model, None);
    let template = metadata.string("tokenizer.chat_template");
    let vocabulary = metadata.strings("tokenizer.ggml.tokens").ok().flatten();
    ModelRecord {
        runnable: Some(obstacle.is_none()),
        obstacle: obstacle.map(ToString::to_string),
        architecture: summary.architecture,
        parameters: Some(summary.parameters),
        quantization: Some(summary.quantization),
        context_length: summary.context_length,
        chat_template: Some(matches!(template, Ok(Some(_)))),
        tokenizer: tokenizer(metadata),
        vocabulary: vocabulary.map(|tokens| tokens.len() as u64),
        license: record
            .license
            .clone()
            .or_else(|| metadata.shown("general.license")),
        ..record
    }
}

/// Describes a LoRA adapter.
pub(crate) fn adapter(path: &Path, summary: adapter::Summary) -> ModelRecord {
    let obstacle = "it is a LoRA adapter, to be given with --lora beside its model";
    ModelRecord {
        name: text(path),
        path: Some(text(path)),
        size: Some(summary.bytes),
        architecture: summary.architecture,
        runnable: Some(false),
        obstacle: Some(obstacle.to_owned()),
        lora: Some(LoraSummary {
            format: summary.format.to_owned(),
            base_model: summary.base_model,
            rank: summary.ranks.1,
            alpha: summary.alpha,
            tensors: summary.tensors as u64,
        }),
        ..ModelRecord::default()
    }
}

/// Describes a folder of a kind that is not run.
pub(crate) fn unsupported(model: &ResolvedModel, obstacle: &str) -> ModelRecord {
    ModelRecord {
        runnable: Some(false),
        obstacle: Some(obstacle.to_owned()),
        ..resolved(model, None)
    }
}

/// Says which tensors nobody can check, if there are any: those of types whose
/// size is not known here.
pub(crate) fn unmeasured(gguf: &Gguf) -> Option<String> {
    let first = gguf.unmeasured().next()?;
    let others = match gguf.unmeasured().count() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    Some(format!(
        "the tensor '{}'{others} cannot be run or checked, because the size of {} is not known \
         here: whether the file is whole cannot be told",
        first.name, first.dtype
    ))
}

/// The kind of tokenizer, with its pre-tokenizer where the header names one.
pub(crate) fn tokenizer(metadata: &Metadata) -> Option<String> {
    let kind = metadata.shown("tokenizer.ggml.model")?;
    Some(match metadata.shown("tokenizer.ggml.pre") {
        Some(pre) => format!("{kind}/{pre}"),
        None => kind,
    })
}

/// The licence that the catalogue notes for a name.
fn licence(name: &str) -> Option<String> {
    let entries = llm_store::catalogue().ok()?;
    let entry = entries
        .iter()
        .find(|entry| entry.name.eq_ignore_ascii_case(name))?;
    Some(entry.licence.clone())
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
