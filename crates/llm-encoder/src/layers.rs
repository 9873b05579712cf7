//! Encoders that differ from BERT: rotated or relative positions, gated
//! feed-forward steps, norms before the steps, windows. One pass for all of them,
//! described by data.
//!
//! `family` knows the kinds and their files, `numbers` and `read` read them, `run` is the
//! pass and `biased` its attention where scores depend on the distance.

mod biased;
mod config;
mod family;
mod read;
mod run;

pub(super) use config::EncoderConfig;
pub(super) use family::{EncoderFamily, architectures, find, kinds, of_architecture};

use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;

use super::settings::Shape;
use super::weights::{Linear, Norm};
use biased::Bias;
use llm_engine::forward::Rotation;

/// A network of one of these kinds.
#[derive(Debug)]
pub(super) struct Layers {
    shape: Shape,
    /// Norms stand before the steps, else behind them.
    norms_before: bool,
    activation: Activation,
    /// (vocabulary, hidden_size)
    words: Linear,
    /// Added to the embedding of each position, (positions, hidden_size).
    positions: Option<Vec<f32>>,
    /// Added to every embedding, (hidden_size): that of the first token type.
    token_type: Option<Vec<f32>>,
    norm: Norm,
    layers: Vec<Layer>,
    last_norm: Option<Norm>,
    /// The distinct rotations of queries and keys.
    rotations: Vec<Rotation>,
    bias: Option<Bias>,
}

/// The non-linearity of the feed-forward step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activation {
    Gelu,
    Silu,
}

#[derive(Debug)]
struct Layer {
    /// Index of its rotation, if it rotates.
    rotation: Option<usize>,
    /// Positions that a query sees on one side, its own included.
    window: Option<usize>,
    /// None where a layer takes the stream as it is.
    attention_norm: Option<Norm>,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    feed_forward_norm: Norm,
    /// None where the step has no gate.
    gate: Option<Linear>,
    up: Linear,
    down: Linear,
}

impl Layers {
    /// Returns the length of a row.
    pub(super) fn hidden_size(&self) -> usize {
        self.shape.hidden_size
    }

    /// Returns the longest text.
    pub(super) fn longest(&self) -> usize {
        self.shape.positions
    }

    /// Returns the number of tokens that it has rows for.
    pub(super) fn vocabulary(&self) -> usize {
        self.shape.vocabulary
    }

    /// Returns the last layer's rows of all texts, (tokens, hidden_size).
    pub(super) fn run(&self, pool: &Pool, level: Level, texts: &[&[u32]]) -> Vec<f32> {
        run::run(self, pool, level, texts)
    }
}
