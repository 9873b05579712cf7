//! A GGUF file → the parts of an encoder, by the keys and names of llama.cpp's
//! `convert_hf_to_gguf.py`. Decoders are read by `spec` and `weights` of the engine.

use std::path::Path;

use llm_engine::family as decoder_family;
use llm_folder::FolderError;
use llm_gguf::{Gguf, shard_paths};

use crate::config::Numbers;
use crate::decoder::Decoder;
use crate::dense::{Activation, Dense, Step};
use crate::error::EncoderError;
use crate::network::Network;
use crate::pooling::Pooling;
use crate::settings::Settings;
use crate::tensors::Tensors;
use crate::vocabulary::Tokens;
use crate::{family, loader};

/// Opens the file at `path`, or all shards of which it is one.
pub(crate) fn open(path: &Path) -> Result<(Network, Tokens, Settings), EncoderError> {
    let gguf = Gguf::open(&shard_paths(path))?;
    let metadata = gguf.metadata();
    let not_a_model = |source| FolderError::NotAModel {
        path: path.to_path_buf(),
        source,
    };
    gguf.refuse_non_models().map_err(not_a_model)?;
    let architecture = metadata
        .string("general.architecture")
        .map_err(FolderError::value(path))?
        .unwrap_or("none");
    let (network, tensors) = if let Some(family) = family::of_architecture(architecture) {
        let config = family.config_from_metadata(&Numbers {
            path,
            metadata,
            architecture,
        })?;
        let tensors = Tensors::from_gguf(path, &gguf)?;
        let weights = loader::load(family, config, &tensors, 1)?;
        (Network::Encoder(Box::new(weights)), Some(tensors))
    } else if decoder_family::find(architecture).is_some() {
        (Network::Decoder(Box::new(Decoder::read(&gguf)?)), None)
    } else {
        let known: Vec<&str> = family::architectures().collect();
        let what = format!(
            "its architecture is '{architecture}', and of encoders {}, gemma-embedding and the decoders {} are known",
            known.join(", "),
            decoder_family::names()
        );
        return Err(FolderError::unsupported(path, what).into());
    };
    let hidden_size = network.hidden_size();
    let settings = settings(path, architecture, &gguf, tensors.as_ref(), hidden_size)?;
    // A decoder's have been looked at with its weights.
    tensors.map_or(Ok(()), |tensors| tensors.refuse_rest(&[]))?;
    let tokens = Tokens::from_metadata(path, metadata)?;
    Ok((network, tokens, settings))
}

/// Reads what the file says of pooling and what follows; `tensors` are the network's,
/// where they are at hand. There is no key for whether vectors are normalized to unit
/// length; llama.cpp's own programs do so.
fn settings(
    path: &Path,
    architecture: &str,
    gguf: &Gguf,
    tensors: Option<&Tensors>,
    hidden_size: usize,
) -> Result<Settings, FolderError> {
    let pooling = gguf.metadata().u64(&format!("{architecture}.pooling_type"));
    let pooling = match pooling.map_err(FolderError::value(path))? {
        None | Some(0) => None,
        Some(1) => Some(Pooling::Mean),
        Some(2) => Some(Pooling::Cls),
        Some(3) => Some(Pooling::Last),
        Some(4) => {
            let what = "it ranks pairs of texts and makes no vectors";
            return Err(FolderError::unsupported(path, what));
        }
        Some(other) => {
            return Err(FolderError::unsupported(
                path,
                format!("its pooling is {other}"),
            ));
        }
    };
    let (mut steps, mut hidden_size) = (Vec::new(), hidden_size);
    for name in ["dense_2.weight", "dense_3.weight"] {
        if gguf.tensor(name).is_some() {
            let matrix = match tensors {
                Some(tensors) => tensors.matrix(name, None, hidden_size)?,
                None => Tensors::from_gguf(path, gguf)?.matrix(name, None, hidden_size)?,
            };
            let dense = Dense::new(matrix, Activation::Identity);
            hidden_size = dense.out_features();
            steps.push(Step::Dense(dense));
        }
    }
    Ok(Settings {
        pooling,
        steps,
        normalizes: true,
        ..Settings::default()
    })
}
