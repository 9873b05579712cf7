//! A folder or a GGUF file → an encoder: which network it is.

use std::path::Path;

use llm_kernels::pack::Packing;
use llm_kernels::simd::Level;
use serde_json::Value;

use super::decoder::Decoder;
use super::layers::{self, Layers};
use super::settings::Settings;
use super::vocabulary::Tokens;
use super::weights::{File, Weights};
use super::{Encoder, Network, Pooling, bert, gguf};
use crate::folder::{self, FolderError, json};

impl Encoder {
    /// Opens the encoder in the folder or GGUF file at `path`; its matrices are
    /// packed where `packing` says so and the network is no decoder.
    ///
    /// # Errors
    /// Files that are incomplete, damaged, or of a kind that cannot be run.
    pub fn open(path: &Path, packing: Option<Packing>, level: Level) -> Result<Self, FolderError> {
        let parts = match path.is_file() {
            true => gguf::open(path, packing)?,
            false => folder(path, packing)?,
        };
        let (network, tokens, settings) = parts;
        let (known, rows) = (tokens.vocabulary(), network.vocabulary());
        if known > rows {
            let reason = format!("it has {known} tokens and embeddings for {rows} only");
            return Err(FolderError::malformed(path, reason));
        }
        let most = network.longest();
        Ok(Self {
            longest: settings.longest.map_or(most, |longest| longest.min(most)),
            network,
            tokens,
            settings,
            level,
        })
    }
}

/// What an encoder consists of.
pub(super) type Parts = (Network, Tokens, Settings);

fn folder(folder: &Path, packing: Option<Packing>) -> Result<Parts, FolderError> {
    let path = folder.join("config.json");
    let config: Value = json::read(folder, "config.json")?;
    let kind = config.get("model_type").and_then(Value::as_str);
    let kind = kind.unwrap_or("none");
    let stated = |name: &str| folder::ids(config.get(name));
    let (network, is_encoder) = if let Some(plan) = layers::find(&config) {
        let file = File::open(folder)?;
        let layers = Layers::read(&path, plan, &config, file, packing)?;
        (Network::Layers(Box::new(layers)), true)
    } else if bert::KINDS.contains(&kind) {
        let shape = bert::shape(&path, kind, &config)?;
        let weights = Weights::read(&File::open(folder)?, &shape, packing)?;
        (Network::Bert { shape, weights }, true)
    } else if folder::knows(kind) {
        let gguf = folder::open_for_rows(folder)?;
        let decoder = Decoder::read(&gguf)?;
        (Network::Decoder(Box::new(decoder)), false)
    } else {
        let mut known: Vec<&str> = bert::KINDS.to_vec();
        known.extend(layers::kinds());
        known.extend(folder::kinds());
        let what = format!(
            "its model_type is '{kind}', and of encoders {} are known",
            known.join(", ")
        );
        return Err(FolderError::unsupported(&path, what));
    };
    let mut settings = Settings::read(folder, network.width())?;
    // Sentence-transformers' own default for an encoder that names none.
    if is_encoder {
        settings.pooling.get_or_insert(Pooling::Mean);
    }
    let mut tokens = Tokens::read(folder, &stated)?;
    tokens.lowercases = settings.lowercases;
    Ok((network, tokens, settings))
}
