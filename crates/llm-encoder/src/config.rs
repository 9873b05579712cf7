//! The numbers of a network, wherever they stand: `json` reads them from a folder's
//! `config.json`, `gguf` from a GGUF file's metadata.

mod gguf;
mod json;

use std::path::Path;

use llm_engine::spec::{Rope, plain};
use llm_folder::FolderError;

use crate::family::Activation;

pub(crate) use gguf::Numbers;

/// The numbers of a network.
#[derive(Debug)]
pub(crate) struct EncoderConfig {
    pub(crate) layers: usize,
    pub(crate) hidden_size: usize,
    pub(crate) intermediate_size: usize,
    /// Heads of attention, of queries as of keys and values.
    pub(crate) heads: usize,
    /// The longest text in tokens.
    pub(crate) positions: usize,
    /// The row of the position embedding that a text begins with.
    pub(crate) first_position: usize,
    /// Tokens that have an embedding.
    pub(crate) vocabulary_size: usize,
    /// Added to the variance in every norm.
    pub(crate) norm_epsilon: f32,
    pub(crate) activation: Activation,
    /// Rotations of layers that see everything and of those with a window; none of
    /// a network that does not rotate.
    pub(crate) ropes: Vec<Rope>,
    /// One entry a layer: what a query sees on one side, its own included.
    pub(crate) windows: Vec<Option<usize>>,
}

/// More than any network has, so that no product of extents can overflow.
pub(crate) const MAX_EXTENT: usize = 1 << 20;

impl EncoderConfig {
    /// Returns the elements of a head.
    pub(crate) fn head_dim(&self) -> usize {
        self.hidden_size / self.heads
    }

    /// Returns the factor of attention's scores.
    pub(crate) fn scale(&self) -> f32 {
        1.0 / (self.head_dim() as f32).sqrt()
    }

    /// Refuses extents that no network can have; they were read at `path`.
    fn checked(self, path: &Path) -> Result<Self, FolderError> {
        let extents = [
            self.layers,
            self.hidden_size,
            self.heads,
            self.intermediate_size,
            self.vocabulary_size,
        ];
        let fits = extents
            .iter()
            .all(|extent| (1..=MAX_EXTENT).contains(extent))
            && (3..=MAX_EXTENT).contains(&self.positions)
            && self.first_position <= MAX_EXTENT
            && self.hidden_size.is_multiple_of(self.heads);
        if fits {
            Ok(self)
        } else {
            let reason = "its sizes do not fit together";
            Err(FolderError::malformed(path, reason))
        }
    }

    /// Returns the rotations of these bases.
    fn rotations(&self, path: &Path, bases: [f32; 2]) -> Result<Vec<Rope>, FolderError> {
        let head_dim = self.head_dim();
        let is_sound = |base: &f32| base.is_finite() && *base > 0.0;
        if head_dim.is_multiple_of(2) && bases.iter().all(is_sound) {
            Ok(bases.map(|base| plain(head_dim, base)).to_vec())
        } else {
            let reason = "its rotation does not fit its heads";
            Err(FolderError::malformed(path, reason))
        }
    }
}

/// Returns how much of a window lies on one side, the middle included.
fn one_side(window: usize) -> usize {
    window / 2 + 1
}
