//! The path of a folder or a GGUF file → an encoder that is ready to run.

use std::path::Path;

use llm_folder::{FolderError, Loading};
use llm_kernels::simd::Level;

use crate::encoder::Encoder;
use crate::error::EncoderError;
use crate::network::Network;
use crate::{folder, gguf, outliers};

impl Encoder {
    /// Opens the encoder in the folder or GGUF file at `path`; its matrices are
    /// quantized as `loading` says.
    ///
    /// # Errors
    /// Files that are incomplete, damaged, or of a kind that cannot be run, and a GGUF
    /// file that is to be quantized.
    pub fn open(
        path: &Path,
        loading: Option<&Loading<'_>>,
        level: Level,
    ) -> Result<Self, EncoderError> {
        let packing = loading.and_then(|loading| loading.packing);
        let (mut network, tokens, settings) = match (path.is_file(), packing) {
            (true, None) => gguf::open(path)?,
            (true, Some(_)) => {
                let path = path.to_path_buf();
                return Err(FolderError::QuantizesGguf { path }.into());
            }
            (false, _) => folder::open(path, loading)?,
        };
        if let (Network::Encoder(weights), Some(packing)) = (&mut network, packing) {
            outliers::quantize(weights, level, packing);
        }
        tokens.check_vocabulary(path, network.vocabulary_size())?;
        Ok(Self::new(network, tokens, settings, level))
    }
}
