//! Why an encoder's files could not be opened.

use llm_engine::model::ModelError;
use llm_folder::FolderError;
use llm_gguf::GgufError;

/// Why an encoder's files could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// The files are incomplete, damaged, or of a kind that cannot be run.
    #[error(transparent)]
    Files(#[from] FolderError),
    /// A decoder that the engine cannot run.
    #[error(transparent)]
    Model(#[from] Box<ModelError>),
}

impl From<GgufError> for EncoderError {
    fn from(error: GgufError) -> Self {
        Self::Files(error.into())
    }
}
