//! A folder or a GGUF file → an encoder: which network it is.

use std::path::Path;

use llm_kernels::quantize::QuantType;
use llm_kernels::simd::Level;
use serde_json::Value;

use super::decoder::Decoder;
use super::layers::{self, Layers, Outline, Plan};
use super::settings::{Settings, Shape};
use super::vocabulary::Tokens;
use super::weights::{File, HEADS, TRAINING, Weights};
use super::{CrossEncoder, Encoder, Network, Pooling, bert, gguf, packing};
use crate::folder::json::Fields;
use crate::folder::{self, FolderError, json};

impl Encoder {
    /// Opens the encoder in the folder or GGUF file at `path`; its matrices are
    /// packed where `packing` says so and the network is no decoder.
    ///
    /// # Errors
    /// Files that are incomplete, damaged, or of a kind that cannot be run.
    pub fn open(
        path: &Path,
        packing: Option<QuantType>,
        level: Level,
    ) -> Result<Self, FolderError> {
        let at_level = packing.map(|packing| (packing, level));
        let parts = if path.is_file() {
            gguf::open(path, at_level)?
        } else {
            folder(path, at_level)?
        };
        let (mut network, tokens, settings) = parts;
        if let (Network::Bert { shape, weights }, Some(packing)) = (&mut network, packing) {
            packing::pack(shape, weights, level, packing);
        }
        tokens.fit(path, network.vocabulary())?;
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

/// What a folder's network is, before its weights are looked at.
enum Found {
    Bert(Shape),
    Layers(&'static Plan, Box<Outline>),
    Decoder { width: usize },
}

impl Found {
    fn of(path: &Path, config: &Value) -> Result<Self, FolderError> {
        let kind = config.get("model_type").and_then(Value::as_str);
        let kind = kind.unwrap_or("none");
        if let Some(plan) = layers::find(config) {
            let outline = plan.outline(path, config)?;
            return Ok(Self::Layers(plan, Box::new(outline)));
        }
        if bert::KINDS.contains(&kind) {
            return Ok(Self::Bert(bert::shape(path, kind, config)?));
        }
        if !folder::knows(kind) {
            let mut known: Vec<&str> = bert::KINDS.to_vec();
            known.extend(layers::kinds());
            known.extend(folder::kinds());
            let what = format!(
                "its model_type is '{kind}', and of encoders {} are known",
                known.join(", ")
            );
            return Err(FolderError::unsupported(path, what));
        }
        let fields = Fields::new(path, config);
        let of_text = fields.object("text_config")?.size("hidden_size")?;
        let width = fields.size("hidden_size")?.or(of_text);
        let width = width.and_then(|width| usize::try_from(width).ok());
        let lacks = || FolderError::malformed(path, "it lacks the number 'hidden_size'");
        Ok(Self::Decoder {
            width: width.ok_or_else(lacks)?,
        })
    }

    /// Returns the length of a row.
    fn width(&self) -> usize {
        match self {
            Self::Bert(shape) => shape.width,
            Self::Layers(_, outline) => outline.shape.width,
            Self::Decoder { width } => *width,
        }
    }
}

fn folder(folder: &Path, packing: Option<(QuantType, Level)>) -> Result<Parts, FolderError> {
    if CrossEncoder::is_in(folder)? {
        return Err(FolderError::CrossEncoder {
            folder: folder.to_path_buf(),
        });
    }
    let config: Value = json::read(folder, "config.json")?;
    let path = folder.join("config.json");
    let found = Found::of(&path, &config)?;
    let mut settings = Settings::read(folder, found.width())?;
    let mut tokens = Tokens::read(folder, &|name| Fields::new(&path, &config).ids(name))?;
    tokens.lowercases = settings.lowercases;
    if !matches!(found, Found::Decoder { .. }) {
        // Sentence-transformers' own default for an encoder that names none.
        settings.pooling.get_or_insert(Pooling::Mean);
    }
    let network = match found {
        Found::Bert(shape) => {
            let file = File::open(folder)?;
            let weights = Box::new(Weights::read(&file, &shape)?);
            file.refuse_rest(&[TRAINING, HEADS])?;
            Network::Bert { shape, weights }
        }
        Found::Layers(plan, outline) => {
            let layers = Layers::read(plan, *outline, File::open(folder)?, packing)?;
            Network::Layers(Box::new(layers))
        }
        Found::Decoder { .. } => {
            let decoder = Decoder::read(&folder::open_for_rows(folder)?)?;
            Network::Decoder(Box::new(decoder))
        }
    };
    Ok((network, tokens, settings))
}
