//! A model's files, opened: everything that is known before the first token.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::defaults;
use crate::sampler::Sampling;
use crate::spec::{Spec, SpecError};
use crate::weights::{Weights, WeightsError};
use llm_gguf::{Gguf, GgufError, ValueError};
pub use llm_prompt::TemplateChoice;
use llm_prompt::{ChatTemplates, TemplateError};
use llm_tokenizer::{Tokenizer, TokenizerError, TokenizerWarning};

/// A model that can be run.
#[derive(Debug)]
pub struct Model {
    /// The numbers of its architecture.
    pub spec: Arc<Spec>,
    /// Its tensors, in the memory map.
    pub weights: Arc<Weights>,
    /// Text to tokens and back.
    pub tokenizer: Tokenizer,
    /// Its chat templates; a base model has none.
    pub templates: ChatTemplates,
    /// The sampling settings that its files recommend.
    pub sampling: Sampling,
    /// What the file says of itself.
    pub summary: Summary,
    /// What of it the user may not have meant.
    pub warnings: Vec<Warning>,
}

/// Something in a model's files that makes its answers worse, or longer, than
/// they would be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// Something in its tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerWarning),
    /// No token ends an answer.
    #[error(
        "the model names no token that ends an answer ('tokenizer.ggml.eos_token_id'), so each answer goes on to its limit; a stop text ends one earlier"
    )]
    NoEnd,
}

/// What the header alone tells about a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// `general.architecture`.
    pub architecture: Option<String>,
    /// `general.name`.
    pub name: Option<String>,
    /// The quantization's usual name, such as `Q4_K_M`.
    pub quantization: String,
    /// Number of weights.
    pub parameters: u64,
    /// Bytes of all tensors.
    pub weight_bytes: u64,
    /// Those of them that were made in memory, and are in no file's map.
    pub made_bytes: u64,
    /// Positions that it was trained for.
    pub context_length: Option<u64>,
}

/// Why a model cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The file is unreadable or damaged.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// Its numbers cannot be used.
    #[error("{}: {source}", path.display())]
    Spec {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: SpecError,
    },
    /// A recommendation is of another type.
    #[error("{}: {source}", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: ValueError,
    },
    /// Its tensors cannot be used.
    #[error("{}: {source}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: WeightsError,
    },
    /// Its vocabulary cannot be used.
    #[error("{}: {source}", path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: TokenizerError,
    },
    /// Its chat template cannot be used.
    #[error("{}: {source}", path.display())]
    Template {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: TemplateError,
    },
    /// The vocabulary is larger than the embedding.
    #[error("{}: it has {tokens} tokens and embeddings for {rows} only; fetch it again or from another source", path.display())]
    Vocabulary {
        /// The file.
        path: PathBuf,
        /// Tokens of the vocabulary.
        tokens: usize,
        /// Rows of the embedding.
        rows: usize,
    },
}

impl Model {
    /// Opens a model's files: one, or all shards in order. Weights are mapped,
    /// not read. `folder` holds its other files, if it has any.
    ///
    /// # Errors
    /// A file that is damaged, or a model that cannot be run.
    pub fn open(
        paths: &[PathBuf],
        folder: Option<&Path>,
        template: &TemplateChoice,
    ) -> Result<Self, ModelError> {
        Self::from_gguf(&Gguf::open(paths)?, folder, template, None)
    }

    /// Does the same with files whose headers have been read. `context` is the
    /// most positions that will be run, where that is known, see
    /// [`Spec::from_gguf`].
    ///
    /// # Errors
    /// A model that cannot be run.
    pub fn from_gguf(
        gguf: &Gguf,
        folder: Option<&Path>,
        template: &TemplateChoice,
        context: Option<usize>,
    ) -> Result<Self, ModelError> {
        let path = || gguf.paths()[0].clone();
        let metadata = gguf.metadata();
        let spec = Spec::from_gguf(gguf, context).map_err(|source| ModelError::Spec {
            path: path(),
            source,
        })?;
        let weights = Weights::from_gguf(gguf, &spec).map_err(|source| ModelError::Weights {
            path: path(),
            source,
        })?;
        let tokenizer = Tokenizer::from_gguf(metadata).map_err(|source| ModelError::Tokenizer {
            path: path(),
            source,
        })?;
        let (tokens, rows) = (tokenizer.vocabulary_size(), weights.vocabulary());
        if tokens > rows {
            return Err(ModelError::Vocabulary {
                path: path(),
                tokens,
                rows,
            });
        }
        let templates =
            template
                .templates(metadata)
                .map_err(|(file, source)| ModelError::Template {
                    path: file.unwrap_or_else(path),
                    source,
                })?;
        let mut sampling =
            defaults::recommended(folder, metadata).map_err(|source| ModelError::Metadata {
                path: path(),
                source,
            })?;
        sampling.forget_ids_from(tokens);
        Ok(Self {
            warnings: warnings(&tokenizer),
            sampling,
            summary: Summary::of(gguf),
            spec: Arc::new(spec),
            weights: Arc::new(weights),
            tokenizer,
            templates,
        })
    }
}

fn warnings(tokenizer: &Tokenizer) -> Vec<Warning> {
    let own = tokenizer.warnings().iter().cloned();
    let endless = tokenizer.eog_ids().is_empty().then_some(Warning::NoEnd);
    own.map(Warning::from).chain(endless).collect()
}

impl Summary {
    /// Summarizes a header, to be shown: a number of another type is left out
    /// here, and refused by those who compute with it.
    pub fn of(gguf: &Gguf) -> Self {
        let metadata = gguf.metadata();
        let architecture = metadata.shown("general.architecture");
        let context = architecture.as_ref().and_then(|name| {
            let context = metadata.u64(&format!("{name}.context_length"));
            context.ok().flatten()
        });
        Self {
            architecture,
            name: metadata.shown("general.name"),
            quantization: quantization(gguf),
            parameters: gguf.parameters(),
            weight_bytes: gguf.weight_bytes(),
            made_bytes: gguf.made_bytes(),
            context_length: context,
        }
    }
}

/// llama.cpp's names of `general.file_type` (`enum llama_ftype`).
const FILE_TYPES: &[(u64, &str)] = &[
    (0, "F32"),
    (1, "F16"),
    (2, "Q4_0"),
    (3, "Q4_1"),
    (7, "Q8_0"),
    (8, "Q5_0"),
    (9, "Q5_1"),
    (10, "Q2_K"),
    (11, "Q3_K_S"),
    (12, "Q3_K_M"),
    (13, "Q3_K_L"),
    (14, "Q4_K_S"),
    (15, "Q4_K_M"),
    (16, "Q5_K_S"),
    (17, "Q5_K_M"),
    (18, "Q6_K"),
    (19, "IQ2_XXS"),
    (20, "IQ2_XS"),
    (21, "Q2_K_S"),
    (22, "IQ3_XS"),
    (23, "IQ3_XXS"),
    (24, "IQ1_S"),
    (25, "IQ4_NL"),
    (26, "IQ3_S"),
    (27, "IQ3_M"),
    (28, "IQ2_S"),
    (29, "IQ2_M"),
    (30, "IQ4_XS"),
    (31, "IQ1_M"),
    (32, "BF16"),
    (36, "TQ1_0"),
    (37, "TQ2_0"),
    (38, "MXFP4"),
    (39, "NVFP4"),
    (40, "Q1_0"),
    (41, "Q2_0"),
];

/// Names a file's quantization: by its own word, else by the tensor type that
/// holds the most weights.
fn quantization(gguf: &Gguf) -> String {
    if let Some(name) = gguf.metadata().shown(llm_folder::QUANTIZATION) {
        return name;
    }
    // Another type says nothing, and the tensors say it themselves.
    let stated = gguf.metadata().u64("general.file_type").ok().flatten();
    let named = FILE_TYPES.iter().find(|entry| Some(entry.0) == stated);
    if let Some((_, name)) = named {
        return (*name).to_owned();
    }
    let mut weights = std::collections::BTreeMap::<String, u64>::new();
    for tensor in gguf.tensors() {
        let sum = weights.entry(tensor.dtype.to_string()).or_default();
        *sum = sum.saturating_add(tensor.elements());
    }
    let most = weights.into_iter().max_by_key(|entry| entry.1);
    most.map_or_else(|| "none".to_owned(), |entry| entry.0)
}
