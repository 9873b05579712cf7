//! A Hugging Face folder → the parts of an encoder.

use std::path::Path;

use serde_json::Value;

use llm_engine::weights;
use llm_folder::json::Fields;
use llm_folder::{FolderError, Loading, json};

use crate::assumed::Assumed;
use crate::config::EncoderConfig;
use crate::cross::CrossEncoder;
use crate::decoder::Decoder;
use crate::error::EncoderError;
use crate::family::{self, EncoderFamily};
use crate::loader::{self, HEADS, TRAINING};
use crate::masked_lm;
use crate::network::Network;
use crate::pooling::Pooling;
use crate::settings::Settings;
use crate::static_embedding::StaticEmbedding;
use crate::tensors::Tensors;
use crate::vocabulary::Tokens;

/// What a folder's network is, before its weights are looked at.
enum Found {
    Encoder(&'static EncoderFamily, EncoderConfig),
    Decoder { hidden_size: usize },
}

impl Found {
    fn new(path: &Path, config: &Value) -> Result<Self, FolderError> {
        if let Some(family) = family::find(config) {
            return Ok(Self::Encoder(family, family.config(path, config)?));
        }
        let model_type = family::model_type(path, config)?;
        if !llm_folder::knows(model_type) {
            let known = family::model_types().chain(llm_folder::kinds());
            let what = format!(
                "its model_type is '{model_type}', and of encoders {} are known",
                known.collect::<Vec<_>>().join(", ")
            );
            return Err(FolderError::unsupported(path, what));
        }
        let fields = Fields::new(path, config);
        let of_text = fields.object("text_config")?.size("hidden_size")?;
        let hidden_size = fields
            .size("hidden_size")?
            .or(of_text)
            .and_then(|hidden_size| usize::try_from(hidden_size).ok());
        let lacks = || FolderError::malformed(path, "it lacks the number 'hidden_size'");
        Ok(Self::Decoder {
            hidden_size: hidden_size.ok_or_else(lacks)?,
        })
    }

    /// Returns the length of a row.
    fn hidden_size(&self) -> usize {
        match self {
            Self::Encoder(_, config) => config.hidden_size,
            Self::Decoder { hidden_size } => *hidden_size,
        }
    }
}

/// Reads the network, the tokenizer and the settings in `folder`.
/// A decoder's matrices are made as `loading` says; those of encoders are
/// quantized later, see [`crate::outliers`].
pub(crate) fn open(
    folder: &Path,
    loading: Option<&Loading<'_>>,
) -> Result<(Network, Tokens, Settings), EncoderError> {
    if CrossEncoder::is_in(folder)? {
        let folder = folder.to_path_buf();
        return Err(FolderError::CrossEncoder { folder }.into());
    }
    if let Some(table) = StaticEmbedding::find(folder)? {
        if loading.is_some_and(|loading| loading.packing.is_some()) {
            let what = "it has static embeddings, which --quantize makes no faster";
            return Err(FolderError::unsupported(folder, what).into());
        }
        let mut settings = Settings::read(folder, table.hidden_size)?;
        settings.pooling.get_or_insert(Pooling::Mean);
        settings.normalizes |= table.normalizes;
        let tokens = Tokens::bare_of(&table.folder, table.known_alone)?;
        return Ok((Network::Static(Box::new(table)), tokens, settings));
    }
    let config: Value = json::read(folder, "config.json")?;
    let path = folder.join("config.json");
    let found = Found::new(&path, &config)?;
    let mut settings = Settings::read(folder, found.hidden_size())?;
    let mut tokens = Tokens::read(folder, &|name| Fields::new(&path, &config).ids(name))?;
    tokens.lowercases = settings.lowercases;
    let by_name = Assumed::by_name(folder, &config);
    let network = match found {
        Found::Encoder(family, config) => {
            settings.assume(by_name.or(Some(Assumed::USUAL)));
            let tensors = Tensors::open(folder, Some(family))?;
            let weights = loader::load(family, config, &tensors, 1)?;
            tensors.refuse_rest(&[TRAINING, HEADS])?;
            if settings.pooling == Some(Pooling::Splade) && weights.masked_lm.is_none() {
                return Err(without_head(family, &tensors).into());
            }
            Network::Encoder(Box::new(weights))
        }
        Found::Decoder { .. } => {
            settings.assume(by_name);
            let decoder = Decoder::read(&llm_folder::open_for_rows(folder, loading)?)?;
            Network::Decoder(Box::new(decoder))
        }
    };
    Ok((network, tokens, settings))
}

/// The error for a SPLADE model whose head is not there, or has parts that are not known.
fn without_head(family: &EncoderFamily, tensors: &Tensors) -> FolderError {
    let names = family.masked_lm.as_ref();
    let rest = names.map_or_else(Vec::new, |names| masked_lm::rest(names, tensors));
    let path = tensors.path.clone();
    if rest.is_empty() {
        let what =
            "its SpladePooling needs a head that guesses words, and it has none that is known";
        return FolderError::unsupported(&path, what);
    }
    let tensors = weights::named(&rest);
    FolderError::Surplus { path, tensors }
}
