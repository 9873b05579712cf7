//! The weights of an encoder-only transformer, whatever its family: one struct a
//! layer, with what only some families have as options. `loader` reads them,
//! `outliers` quantizes them, `pass` runs them.

use llm_engine::forward::Rotation;
use llm_kernels::activations::Take;

use crate::config::EncoderConfig;
use crate::family::EncoderFamily;
use crate::linear::Linear;
use crate::masked_lm::MaskedLm;
use crate::relative_bias::RelativeBias;

/// A network that is ready to run.
#[derive(Debug)]
pub(crate) struct Weights {
    pub(crate) family: &'static EncoderFamily,
    pub(crate) config: EncoderConfig,
    pub(crate) embedding: Embedding,
    pub(crate) layers: Vec<Layer>,
    /// Behind the last layer, of networks with norms before the steps.
    pub(crate) last_norm: Option<Norm>,
    /// The distinct rotations of queries and keys.
    pub(crate) rotations: Vec<Rotation>,
    /// Added to the scores of attention.
    pub(crate) bias: Option<RelativeBias>,
    /// What guesses words, where the files have it.
    pub(crate) masked_lm: Option<MaskedLm>,
}

/// What the first layer's input is made of.
#[derive(Debug)]
pub(crate) struct Embedding {
    /// (vocabulary, `hidden_size`)
    pub(crate) words: Linear,
    /// Added to the words of each segment; a network that tells none apart has one.
    pub(crate) segments: Vec<Added>,
    pub(crate) norm: Norm,
}

/// What is added to the words of a segment.
#[derive(Debug)]
pub(crate) enum Added {
    Nothing,
    /// The segment's own embedding, (`hidden_size`).
    Same(Vec<f32>),
    /// The sum of it and that of each position, (positions, `hidden_size`).
    ByPosition(Vec<f32>),
}

impl Added {
    /// Returns what is added at `position`, (`hidden_size`), or nothing.
    pub(crate) fn row(&self, position: usize, hidden_size: usize) -> &[f32] {
        match self {
            Self::Nothing => &[],
            Self::Same(row) => row,
            Self::ByPosition(rows) => &rows[position * hidden_size..][..hidden_size],
        }
    }
}

impl Embedding {
    /// Returns what is added in a segment: the last one where there are fewer.
    pub(crate) fn segment(&self, index: usize) -> &Added {
        let found = self.segments.get(index).or(self.segments.last());
        found.unwrap_or(&Added::Nothing)
    }
}

/// A layer norm: (`hidden_size`) each.
#[derive(Debug)]
pub(crate) struct Norm {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

/// One layer; its norms stand before or behind its steps, as the family has it.
#[derive(Debug)]
pub(crate) struct Layer {
    /// Index of its rotation, if it rotates.
    pub(crate) rotation: Option<usize>,
    /// Positions that a query sees on one side, its own included.
    pub(crate) window: Option<usize>,
    /// `None` where attention takes the stream as it is.
    pub(crate) attention_norm: Option<Norm>,
    pub(crate) query: Linear,
    pub(crate) key: Linear,
    pub(crate) value: Linear,
    pub(crate) output: Linear,
    pub(crate) feed_forward_norm: Norm,
    /// `None` where the feed-forward step has no gate.
    pub(crate) gate: Option<Linear>,
    pub(crate) up: Linear,
    pub(crate) down: Linear,
    /// Of attention's input, for query, key and value.
    pub(crate) attention_outliers: Outliers,
    /// Of the feed-forward step's input, for gate, if there is one, and up.
    pub(crate) feed_forward_outliers: Outliers,
}

/// Columns of an input that stay floats where the others are quantized, and the
/// weights that they have in each matrix of that input.
#[derive(Debug, Default)]
pub(crate) struct Outliers {
    /// In ascending order.
    pub(crate) columns: Vec<usize>,
    /// (`columns`, rows) for each matrix.
    pub(crate) weights: Vec<Vec<f32>>,
}

impl Outliers {
    /// Returns the weights for one of the matrices, or nothing.
    pub(crate) fn of_matrix(&self, index: usize) -> &[f32] {
        self.weights.get(index).map_or(&[], Vec::as_slice)
    }
}

impl Layer {
    /// Returns how attention wants its input quantized.
    pub(crate) fn attention_input(&self) -> Take<'_> {
        input(
            &self.attention_outliers,
            [&self.query, &self.key, &self.value],
        )
    }

    /// Returns how the feed-forward step wants its input quantized.
    pub(crate) fn feed_forward_input(&self) -> Take<'_> {
        let gate = self.gate.as_ref().unwrap_or(&self.up);
        input(&self.feed_forward_outliers, [gate, &self.up])
    }
}

fn input<'a, const N: usize>(outliers: &'a Outliers, matrices: [&Linear; N]) -> Take<'a> {
    Take {
        outliers: &outliers.columns,
        as_floats: !matrices.iter().any(|matrix| matrix.is_quantized()),
    }
}
