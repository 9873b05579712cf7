//! The path of a folder or a GGUF file → an encoder that is ready to run.

use std::path::Path;

use llm_kernels::quantize::QuantType;
use llm_kernels::simd::Level;

use crate::encoder::Encoder;
use crate::error::EncoderError;
use crate::network::Network;
use crate::{folder, gguf, outliers};

impl Encoder {
    /// Opens the encoder in the folder or GGUF file at `path`; its matrices are
    /// quantized where a `quant_type` is given and the network is no decoder.
    ///
    /// # Errors
    /// Files that are incomplete, damaged, or of a kind that cannot be run.
    pub fn open(
        path: &Path,
        quant_type: Option<QuantType>,
        level: Level,
    ) -> Result<Self, EncoderError> {
        let (mut network, tokens, settings) = if path.is_file() {
            gguf::open(path)?
        } else {
            folder::open(path)?
        };
        if let (Network::Encoder(weights), Some(quant_type)) = (&mut network, quant_type) {
            outliers::quantize(weights, level, quant_type);
        }
        tokens.check_vocabulary(path, network.vocabulary_size())?;
        Ok(Self::new(network, tokens, settings, level))
    }
}
