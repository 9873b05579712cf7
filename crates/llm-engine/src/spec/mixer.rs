//! Layers that keep a state: which they are, and what all kinds of them share. The
//! kinds' own numbers are read beside this file.

use super::SpecError;
use super::reader::Reader;
use crate::family::{MixerKind, StatefulLayers};

/// What layers with a state do. Of a sequence they keep the last inputs of a short
/// convolution and, all kinds but one, a matrix for each head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MixerSpec {
    /// The gated delta rule.
    GatedDeltaNet(GatedDeltaNetSpec),
    /// A convolution between two gates.
    ShortConv(ShortConvSpec),
}

/// A convolution of each channel over the last tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convolution {
    /// Tokens that it spans, the token's own included.
    pub kernel: usize,
    /// Elements of a token.
    pub channels: usize,
}

impl Convolution {
    /// Returns the elements of the tokens that it looks back at, (kernel - 1, channels).
    pub fn tail_elements(&self) -> usize {
        (self.kernel - 1) * self.channels
    }
}

/// Layers with a state that each token changes by the gated delta rule (Yang et
/// al. 2024, arXiv:2412.06464).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatedDeltaNetSpec {
    /// Tokens that the convolution before it spans.
    pub kernel: usize,
    /// Heads of queries and of keys.
    pub key_heads: usize,
    /// Heads of values, each with a state, (`head_dim`, `head_dim`). Head `i` goes
    /// with the query and the key of head `i % key_heads`.
    pub value_heads: usize,
    /// Elements of a query's, a key's and a value's head.
    pub head_dim: usize,
}

/// Layers that convolve a token's elements with those of the last ones, between a
/// gate before and one behind, as LFM2 has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShortConvSpec {
    /// Tokens that the convolution spans.
    pub kernel: usize,
    /// Elements of a token.
    pub channels: usize,
}

impl GatedDeltaNetSpec {
    /// Returns the elements of the queries, and those of the keys, of a token.
    pub fn key_width(&self) -> usize {
        self.key_heads * self.head_dim
    }

    /// Returns the elements of the values of a token.
    pub fn value_width(&self) -> usize {
        self.value_heads * self.head_dim
    }

    /// Returns the elements of queries, keys and values of a token together.
    pub fn mixed_width(&self) -> usize {
        2 * self.key_width() + self.value_width()
    }
}

impl MixerSpec {
    /// Returns the convolution.
    pub fn convolution(&self) -> Convolution {
        let (kernel, channels) = match self {
            Self::GatedDeltaNet(spec) => (spec.kernel, spec.mixed_width()),
            Self::ShortConv(spec) => (spec.kernel, spec.channels),
        };
        Convolution { kernel, channels }
    }

    /// Returns the elements of the heads' matrices, all of a layer together.
    pub fn head_elements(&self) -> usize {
        match self {
            Self::GatedDeltaNet(spec) => spec.value_width() * spec.head_dim,
            Self::ShortConv(_) => 0,
        }
    }

    /// Returns the elements that a layer keeps of a sequence: what the convolution
    /// looks back at, and the heads' matrices.
    pub fn state_elements(&self) -> usize {
        self.convolution().tail_elements() + self.head_elements()
    }

    /// Returns the elements of what a token gets, before the output matrix.
    pub fn width(&self) -> usize {
        match self {
            Self::GatedDeltaNet(spec) => spec.value_width(),
            Self::ShortConv(spec) => spec.channels,
        }
    }

    /// Returns the heads that have a matrix.
    pub fn heads(&self) -> usize {
        match self {
            Self::GatedDeltaNet(spec) => spec.value_heads,
            Self::ShortConv(_) => 0,
        }
    }
}

/// What a layer does before its feed-forward step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Steps {
    pub(super) attends: bool,
    pub(super) recurrent: bool,
}

impl Reader<'_> {
    /// Reads what layers with a state do; `None` for a family without such.
    pub(super) fn mixer(
        &self,
        hidden_size: usize,
        rope_dim: usize,
    ) -> Result<Option<MixerSpec>, SpecError> {
        let Some(mixer) = self.family.mixer else {
            return Ok(None);
        };
        Ok(Some(match mixer.kind {
            MixerKind::GatedDeltaNet => MixerSpec::GatedDeltaNet(self.gated_delta_net(rope_dim)?),
            MixerKind::ShortConv => MixerSpec::ShortConv(self.short_conv(hidden_size)?),
        }))
    }

    /// Reads the tokens that a convolution spans.
    pub(super) fn kernel(&self, name: &str) -> Result<usize, SpecError> {
        /// More tokens in a convolution are a broken header, not a model.
        const MOST_TAPS: usize = 64;
        let kernel = self.size(name)?;
        if (2..=MOST_TAPS).contains(&kernel) {
            return Ok(kernel);
        }
        Err(SpecError::Contradiction(format!(
            "a convolution of {kernel} tokens before the heads of a state"
        )))
    }

    /// Reads which of the layers attend, and which keep a state; `kv_heads` has an
    /// entry for each.
    pub(super) fn steps(&self, kv_heads: &[usize]) -> Result<Vec<Steps>, SpecError> {
        let layers = self.family.mixer.map(|mixer| mixer.layers);
        let every = match layers {
            None => None,
            Some(StatefulLayers::AllBut(every)) => {
                let own = self.optional_size("full_attention_interval")?;
                Some(own.unwrap_or(every))
            }
            Some(StatefulLayers::WithoutKeys) => None,
        };
        let listed = match every {
            Some(_) => self.flags("attention.recurrent_layers", kv_heads.len())?,
            None => None,
        };
        let recurrent = |index: usize| match (&listed, every) {
            // One truth value a layer.
            (Some(listed), _) => listed.get(index).copied().unwrap_or(false),
            (None, Some(every)) => !(index + 1).is_multiple_of(every),
            (None, None) => kv_heads[index] == 0,
        };
        let steps = (0..kv_heads.len()).map(|index| {
            let recurrent = recurrent(index);
            Steps {
                attends: !recurrent,
                recurrent,
            }
        });
        Ok(steps.collect())
    }
}
