//! The numbers of a network from a GGUF file's metadata.

use std::path::Path;

use llm_folder::FolderError;
use llm_gguf::{Metadata, Strings, ValueError};

use super::{EncoderConfig, one_side};
use crate::family::{EncoderFamily, Positions};

impl EncoderFamily {
    /// Reads the numbers of a GGUF file.
    pub(crate) fn config_from_metadata(
        &self,
        numbers: &Numbers<'_>,
    ) -> Result<EncoderConfig, FolderError> {
        let path = numbers.path;
        let mut config = EncoderConfig {
            layers: numbers.size("block_count")?,
            hidden_size: numbers.size("embedding_length")?,
            intermediate_size: numbers.size("feed_forward_length")?,
            heads: numbers.size("attention.head_count")?,
            positions: numbers.size("context_length")?,
            // The converter leaves out the rows before the first.
            first_position: 0,
            vocabulary_size: numbers.vocabulary_size()?,
            norm_epsilon: numbers.norm_epsilon()?,
            activation: self.activation(path, numbers.text("hidden_act")?)?,
            ropes: Vec::new(),
            windows: Vec::new(),
        }
        .checked(path)?;
        if self.positions == Positions::Rotated {
            let usual = self.rope_bases;
            let base = numbers.number("rope.freq_base")?.unwrap_or(usual[0]);
            let local = numbers
                .number("rope.freq_base_swa")?
                .unwrap_or(if self.has_windows { usual[1] } else { base });
            config.ropes = config.rotations(path, [base, local])?;
        }
        config.windows = self.windows_from_metadata(config.layers, numbers)?;
        Ok(config)
    }

    fn windows_from_metadata(
        &self,
        layers: usize,
        numbers: &Numbers<'_>,
    ) -> Result<Vec<Option<usize>>, FolderError> {
        if !self.has_windows {
            return Ok(vec![None; layers]);
        }
        let stated = numbers.optional_size("attention.sliding_window")?;
        let window = stated.filter(|&window| window > 0).map(one_side);
        let pattern = numbers.optional_size("attention.sliding_window_pattern")?;
        let every = pattern.unwrap_or(3);
        let is_global = |layer: usize| every == 0 || layer.is_multiple_of(every);
        let windows = (0..layers).map(|layer| window.filter(|_| !is_global(layer)));
        Ok(windows.collect())
    }
}

/// The numbers of an architecture.
pub(crate) struct Numbers<'a> {
    /// The file.
    pub(crate) path: &'a Path,
    pub(crate) metadata: &'a Metadata,
    /// What keys begin with.
    pub(crate) architecture: &'a str,
}

impl Numbers<'_> {
    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.architecture)
    }

    fn lacks(&self, name: &str) -> FolderError {
        let reason = format!("it lacks the number '{}'", self.key(name));
        FolderError::malformed(self.path, reason)
    }

    fn typed<T>(&self, value: Result<T, ValueError>) -> Result<T, FolderError> {
        value.map_err(FolderError::value(self.path))
    }

    /// Returns a size that has to be there.
    fn size(&self, name: &str) -> Result<usize, FolderError> {
        self.optional_size(name)?.ok_or_else(|| self.lacks(name))
    }

    fn optional_size(&self, name: &str) -> Result<Option<usize>, FolderError> {
        let size = self.typed(self.metadata.u64(&self.key(name)))?;
        // One that no machine can hold is refused with the other sizes.
        Ok(size.map(|size| usize::try_from(size).unwrap_or(usize::MAX)))
    }

    fn number(&self, name: &str) -> Result<Option<f32>, FolderError> {
        let number = self.typed(self.metadata.f32(&self.key(name)))?;
        match number {
            Some(number) if !number.is_finite() => {
                let reason = format!("its '{}' is {number}", self.key(name));
                Err(FolderError::malformed(self.path, reason))
            }
            number => Ok(number),
        }
    }

    fn text(&self, name: &str) -> Result<Option<&str>, FolderError> {
        self.typed(self.metadata.string(&self.key(name)))
    }

    /// Returns what is added to the variance in every norm.
    fn norm_epsilon(&self) -> Result<f32, FolderError> {
        let name = "attention.layer_norm_epsilon";
        self.number(name)?.ok_or_else(|| self.lacks(name))
    }

    fn vocabulary_size(&self) -> Result<usize, FolderError> {
        let tokens = self.typed(self.metadata.strings("tokenizer.ggml.tokens"))?;
        Ok(tokens.map_or(0, Strings::len))
    }
}
