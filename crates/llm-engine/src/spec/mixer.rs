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
    /// State-space duality.
    Ssd(SsdSpec),
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
    /// Heads of values, each with a state, (`head_dim`, `head_dim`), see
    /// [`Self::key_head`].
    pub value_heads: usize,
    /// Those that share a head of keys stand beside each other.
    pub grouped: bool,
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

/// Layers with a state that fades and is added to (Dao and Gu 2024, arXiv:2405.21060:
/// state-space duality, the step of Mamba-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SsdSpec {
    /// Tokens that the convolution before it spans.
    pub kernel: usize,
    /// Heads of values (x in the paper), each with a state, (`head_dim`, `state_dim`).
    pub heads: usize,
    /// Elements of a value.
    pub head_dim: usize,
    /// Elements of a key and of a query (B and C in the paper).
    pub state_dim: usize,
    /// Keys and queries of a token: heads that stand beside each other share one.
    pub groups: usize,
}

impl SsdSpec {
    /// Returns the elements of the values of a token.
    pub fn value_width(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Returns the elements of the keys, and those of the queries, of a token.
    pub fn key_width(&self) -> usize {
        self.groups * self.state_dim
    }

    /// Returns the elements of values, keys and queries of a token together.
    pub fn mixed_width(&self) -> usize {
        self.value_width() + 2 * self.key_width()
    }
}

impl GatedDeltaNetSpec {
    /// Returns the heads of values to each head of keys.
    pub fn shared(&self) -> usize {
        self.value_heads / self.key_heads
    }

    /// Returns the head of queries and of keys that a head of values goes with.
    pub fn key_head(&self, value_head: usize) -> usize {
        if self.grouped {
            value_head / self.shared()
        } else {
            value_head % self.key_heads
        }
    }

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
            Self::Ssd(spec) => (spec.kernel, spec.mixed_width()),
        };
        Convolution { kernel, channels }
    }

    /// Returns the elements of the heads' matrices, all of a layer together.
    pub fn head_elements(&self) -> usize {
        match self {
            Self::GatedDeltaNet(spec) => spec.value_width() * spec.head_dim,
            Self::ShortConv(_) => 0,
            Self::Ssd(spec) => spec.value_width() * spec.state_dim,
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
            Self::Ssd(spec) => spec.value_width(),
        }
    }

    /// Returns the heads that have a matrix.
    pub fn heads(&self) -> usize {
        match self {
            Self::GatedDeltaNet(spec) => spec.value_heads,
            Self::ShortConv(_) => 0,
            Self::Ssd(spec) => spec.heads,
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
            MixerKind::Ssd => MixerSpec::Ssd(self.ssd()?),
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

    /// Returns which layers keep a state, by the family's rule.
    pub(super) fn stateful(&self) -> Option<StatefulLayers> {
        self.family.mixer.map(|mixer| mixer.layers)
    }

    /// Reads which of the layers attend, and which keep a state; `kv_heads` and the
    /// lengths of the feed-forward steps have an entry for each.
    pub(super) fn steps(
        &self,
        kv_heads: &[usize],
        intermediate_sizes: &[usize],
    ) -> Result<Vec<Steps>, SpecError> {
        let layers = self.stateful();
        let (every, listed) = match layers {
            Some(StatefulLayers::AllBut(every)) => {
                let own = self.optional_size("full_attention_interval")?;
                (
                    own.unwrap_or(every),
                    self.flags("attention.recurrent_layers", kv_heads.len())?,
                )
            }
            _ => (1, None),
        };
        let steps = kv_heads.iter().enumerate().map(|(index, heads)| {
            let (attends, recurrent) = match (layers, &listed) {
                (None, _) => (true, false),
                // One truth value a layer.
                (Some(StatefulLayers::AllBut(_)), Some(listed)) => {
                    let recurrent = listed.get(index).copied().unwrap_or(false);
                    (!recurrent, recurrent)
                }
                (Some(StatefulLayers::AllBut(_)), None) => {
                    let attends = (index + 1).is_multiple_of(every);
                    (attends, !attends)
                }
                (Some(StatefulLayers::WithoutKeys), _) => (*heads > 0, *heads == 0),
                (Some(StatefulLayers::Alone), _) => (false, true),
                (Some(StatefulLayers::Beside), _) => (true, true),
                (Some(StatefulLayers::OneStep), _) => {
                    let is_free = intermediate_sizes[index] == 0;
                    (is_free && *heads > 0, is_free && *heads == 0)
                }
            };
            Steps { attends, recurrent }
        });
        Ok(steps.collect())
    }
}
