//! A folder or a GGUF file → an encoder: which network it is.

use std::path::Path;

use llm_kernels::quantize::QuantType;
use llm_kernels::simd::Level;
use serde_json::Value;

use super::decoder::Decoder;
use super::layers::{self, EncoderConfig, EncoderFamily, Layers};
use super::settings::{Settings, Shape};
use super::vocabulary::Tokens;
use super::weights::{File, HEADS, TRAINING, Weights};
use super::{CrossEncoder, Encoder, EncoderError, Network, Pooling, bert, gguf, packing};
use llm_folder::json::Fields;
use llm_folder::{FolderError, json};

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
    ) -> Result<Self, EncoderError> {
        let at_level = packing.map(|packing| (packing, level));
        let (mut network, tokens, settings) = if path.is_file() {
            gguf::open(path, at_level)?
        } else {
            folder(path, at_level)?
        };
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
    Layers(&'static EncoderFamily, Box<EncoderConfig>),
    Decoder { hidden_size: usize },
}

impl Found {
    fn of(path: &Path, config: &Value) -> Result<Self, FolderError> {
        let kind = config.get("model_type").and_then(Value::as_str);
        let kind = kind.unwrap_or("none");
        if let Some(family) = layers::find(config) {
            let config = family.config(path, config)?;
            return Ok(Self::Layers(family, Box::new(config)));
        }
        if bert::KINDS.contains(&kind) {
            return Ok(Self::Bert(bert::shape(path, kind, config)?));
        }
        if !llm_folder::knows(kind) {
            let mut known: Vec<&str> = bert::KINDS.to_vec();
            known.extend(layers::kinds());
            known.extend(llm_folder::kinds());
            let what = format!(
                "its model_type is '{kind}', and of encoders {} are known",
                known.join(", ")
            );
            return Err(FolderError::unsupported(path, what));
        }
        let fields = Fields::new(path, config);
        let of_text = fields.object("text_config")?.size("hidden_size")?;
        let hidden_size = fields.size("hidden_size")?.or(of_text);
        let hidden_size = hidden_size.and_then(|hidden_size| usize::try_from(hidden_size).ok());
        let lacks = || FolderError::malformed(path, "it lacks the number 'hidden_size'");
        Ok(Self::Decoder {
            hidden_size: hidden_size.ok_or_else(lacks)?,
        })
    }

    /// Returns the length of a row.
    fn hidden_size(&self) -> usize {
        match self {
            Self::Bert(shape) => shape.hidden_size,
            Self::Layers(_, config) => config.shape.hidden_size,
            Self::Decoder { hidden_size } => *hidden_size,
        }
    }
}

fn folder(folder: &Path, packing: Option<(QuantType, Level)>) -> Result<Parts, EncoderError> {
    if CrossEncoder::is_in(folder)? {
        let folder = folder.to_path_buf();
        return Err(FolderError::CrossEncoder { folder }.into());
    }
    let config: Value = json::read(folder, "config.json")?;
    let path = folder.join("config.json");
    let found = Found::of(&path, &config)?;
    let mut settings = Settings::read(folder, found.hidden_size())?;
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
        Found::Layers(family, config) => {
            let layers = Layers::read(family, *config, File::open(folder)?, packing)?;
            Network::Layers(Box::new(layers))
        }
        Found::Decoder { .. } => {
            let decoder = Decoder::read(&llm_folder::open_for_rows(folder)?)?;
            Network::Decoder(Box::new(decoder))
        }
    };
    Ok((network, tokens, settings))
}
