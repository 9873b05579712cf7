//! GGUF files of encoders: their numbers, pooling and tensors, by the keys and
//! names of llama.cpp's `convert_hf_to_gguf.py`. Decoders are read by `spec` and
//! `weights` of the engine.

use std::path::Path;
use std::sync::Arc;

use llm_kernels::quantize::QuantType;
use llm_kernels::simd::Level;

use super::decoder::Decoder;
use super::dense::{Activation, Dense, Step};
use super::layers::{self, Layers};
use super::open::Parts;
use super::settings::{Settings, Shape};
use super::vocabulary::Tokens;
use super::weights::{File, Weights};
use super::{EncoderError, Network, Pooling, bert};
use llm_engine::family;
use llm_folder::FolderError;
use llm_folder::header::Stored;
use llm_gguf::{Gguf, Metadata, Strings, ValueError, shard_paths};

/// Opens the file at `path`, or all shards of which it is one.
pub(super) fn open(
    path: &Path,
    packing: Option<(QuantType, Level)>,
) -> Result<Parts, EncoderError> {
    let gguf = Gguf::open(&shard_paths(path))?;
    let metadata = gguf.metadata();
    let other_kind = |source| FolderError::OtherKind {
        path: path.to_path_buf(),
        source,
    };
    gguf.refuse_other_kinds().map_err(other_kind)?;
    let kind = metadata.string("general.architecture");
    let kind = kind.map_err(FolderError::value(path))?.unwrap_or("none");
    let (network, file) = if kind == "bert" {
        let shape = shape(path, metadata)?;
        let file = file(path, &gguf)?.renamed(theirs)?;
        let weights = Box::new(Weights::read(&file, &shape)?);
        (Network::Bert { shape, weights }, Some(file))
    } else if let Some(family) = layers::of_architecture(kind) {
        let file = file(path, &gguf)?;
        let layers = Layers::from_gguf(path, (kind, family), metadata, &file, packing)?;
        (Network::Layers(Box::new(layers)), Some(file))
    } else if family::find(kind).is_some() {
        (Network::Decoder(Box::new(Decoder::read(&gguf)?)), None)
    } else {
        let mut known = vec!["bert"];
        known.extend(layers::architectures());
        let what = format!(
            "its architecture is '{kind}', and of encoders {}, gemma-embedding and the decoders {} are known",
            known.join(", "),
            family::names()
        );
        return Err(FolderError::unsupported(path, what).into());
    };
    let settings = settings(path, kind, &gguf, file.as_ref(), network.hidden_size())?;
    // A decoder's have been looked at with its weights.
    file.map_or(Ok(()), |file| file.refuse_rest(&[]))?;
    let tokens = Tokens::from_metadata(path, metadata)?;
    Ok((network, tokens, settings))
}

/// What the file says of pooling and what follows, of which `network` holds the
/// tensors where they are at hand. It has no key for whether vectors are made one
/// long; llama.cpp's own programs do so.
fn settings(
    path: &Path,
    kind: &str,
    gguf: &Gguf,
    network: Option<&File>,
    hidden_size: usize,
) -> Result<Settings, FolderError> {
    let pooling = gguf.metadata().u64(&format!("{kind}.pooling_type"));
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
            let matrix = match network {
                Some(file) => file.matrix(name, None, hidden_size)?,
                None => file(path, gguf)?.matrix(name, None, hidden_size)?,
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

/// Returns the tensors by their names.
fn file(path: &Path, gguf: &Gguf) -> Result<File, FolderError> {
    let mut tensors = gguf.tensors().iter();
    let map = tensors.next().map(|first| Arc::clone(gguf.mapping(first)));
    let map = map.ok_or_else(|| FolderError::malformed(path, "it holds no tensor"))?;
    if gguf.tensors().iter().any(|tensor| tensor.shard > 0) {
        return Err(FolderError::unsupported(
            path,
            "it is one of several shards",
        ));
    }
    let stored = gguf.tensors().iter().map(|tensor| {
        let stored = Stored {
            name: tensor.name.clone(),
            shape: tensor.shape.iter().rev().copied().collect(),
            dtype: Some(tensor.dtype),
            dtype_name: tensor.dtype.to_string(),
            offset: tensor.offset,
        };
        (tensor.name.clone(), stored)
    });
    File::new(path.to_path_buf(), map, stored)
}

/// Numbers of an architecture.
pub(super) struct Numbers<'a> {
    pub(super) path: &'a Path,
    pub(super) metadata: &'a Metadata,
    pub(super) kind: &'a str,
}

impl Numbers<'_> {
    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.kind)
    }

    fn lacks(&self, name: &str) -> FolderError {
        let reason = format!("it lacks the number '{}'", self.key(name));
        FolderError::malformed(self.path, reason)
    }

    fn typed<T>(&self, value: Result<T, ValueError>) -> Result<T, FolderError> {
        value.map_err(FolderError::value(self.path))
    }

    /// Returns a size that has to be there.
    pub(super) fn size(&self, name: &str) -> Result<usize, FolderError> {
        self.optional_size(name)?.ok_or_else(|| self.lacks(name))
    }

    pub(super) fn optional_size(&self, name: &str) -> Result<Option<usize>, FolderError> {
        let size = self.typed(self.metadata.u64(&self.key(name)))?;
        // One that no machine can hold is refused with the other sizes.
        Ok(size.map(|size| usize::try_from(size).unwrap_or(usize::MAX)))
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f32>, FolderError> {
        let number = self.typed(self.metadata.f32(&self.key(name)))?;
        match number {
            Some(number) if !number.is_finite() => {
                let reason = format!("its '{}' is {number}", self.key(name));
                Err(FolderError::malformed(self.path, reason))
            }
            number => Ok(number),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, FolderError> {
        self.typed(self.metadata.string(&self.key(name)))
    }

    /// Returns what is added to the variance in every norm.
    pub(super) fn epsilon(&self) -> Result<f32, FolderError> {
        let name = "attention.layer_norm_epsilon";
        self.number(name)?.ok_or_else(|| self.lacks(name))
    }

    /// Returns the number of tokens.
    pub(super) fn vocabulary(&self) -> Result<usize, FolderError> {
        let tokens = self.typed(self.metadata.strings("tokenizer.ggml.tokens"))?;
        Ok(tokens.map_or(0, Strings::len))
    }
}

fn shape(path: &Path, metadata: &Metadata) -> Result<Shape, FolderError> {
    let kind = "bert";
    let numbers = Numbers {
        path,
        metadata,
        kind,
    };
    let shape = Shape {
        layers: numbers.size("block_count")?,
        hidden_size: numbers.size("embedding_length")?,
        inner: numbers.size("feed_forward_length")?,
        heads: numbers.size("attention.head_count")?,
        positions: numbers.size("context_length")?,
        // The converter leaves out the rows before the first.
        first_position: 0,
        vocabulary: numbers.vocabulary()?,
        epsilon: numbers.epsilon()?,
    };
    if !bert::fits(&shape) {
        return Err(FolderError::malformed(
            path,
            "its sizes do not fit together",
        ));
    }
    Ok(shape)
}

/// (GGUF's name, BERT's)
const WHOLE: [(&str, &str); 4] = [
    ("token_embd", "embeddings.word_embeddings"),
    ("position_embd", "embeddings.position_embeddings"),
    ("token_types", "embeddings.token_type_embeddings"),
    ("token_embd_norm", "embeddings.LayerNorm"),
];

/// The same of a layer.
const OF_LAYER: [(&str, &str); 8] = [
    ("attn_q", "attention.self.query"),
    ("attn_k", "attention.self.key"),
    ("attn_v", "attention.self.value"),
    ("attn_output", "attention.output.dense"),
    ("attn_output_norm", "attention.output.LayerNorm"),
    ("ffn_up", "intermediate.dense"),
    ("ffn_down", "output.dense"),
    ("layer_output_norm", "output.LayerNorm"),
];

/// Returns BERT's own name of a tensor.
fn theirs(name: &str) -> Option<String> {
    let (stem, ending) = name.rsplit_once('.')?;
    let of = |table: &[(&str, &'static str)], stem: &str| {
        let found = table.iter().find(|(ours, _)| *ours == stem);
        found.map(|(_, theirs)| *theirs)
    };
    if let Some(theirs) = of(&WHOLE, stem) {
        return Some(format!("{theirs}.{ending}"));
    }
    let (number, part) = stem.strip_prefix("blk.")?.split_once('.')?;
    Some(format!(
        "encoder.layer.{number}.{}.{ending}",
        of(&OF_LAYER, part)?
    ))
}
