//! What gives the rows of texts: an encoder-only transformer, a decoder whose hidden
//! states are wanted, or a table without any network.

use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;

use crate::batch::Segments;
use crate::decoder::Decoder;
use crate::masked_lm::MaskedLm;
use crate::pass;
use crate::static_embedding::StaticEmbedding;
use crate::weights::Weights;

/// A network that gives a row for each token.
#[derive(Debug)]
pub(crate) enum Network {
    Encoder(Box<Weights>),
    Decoder(Box<Decoder>),
    Static(Box<StaticEmbedding>),
}

impl Network {
    /// Returns the length of a row.
    pub(crate) fn hidden_size(&self) -> usize {
        match self {
            Self::Encoder(weights) => weights.config.hidden_size,
            Self::Decoder(decoder) => decoder.spec.hidden_size,
            Self::Static(table) => table.hidden_size,
        }
    }

    /// Returns the longest text that it has positions for.
    pub(crate) fn longest(&self) -> usize {
        match self {
            Self::Encoder(weights) => weights.config.positions,
            Self::Decoder(decoder) => decoder.spec.context_length,
            Self::Static(table) => table.longest(),
        }
    }

    /// Returns the number of tokens that it has embeddings for.
    pub(crate) fn vocabulary_size(&self) -> usize {
        match self {
            Self::Encoder(weights) => weights.config.vocabulary_size,
            Self::Decoder(decoder) => decoder.vocabulary_size(),
            Self::Static(table) => table.vocabulary_size(),
        }
    }

    /// Returns the head that guesses words, where the files have it.
    pub(crate) fn masked_lm(&self) -> Option<&MaskedLm> {
        match self {
            Self::Encoder(weights) => weights.masked_lm.as_ref(),
            Self::Decoder(_) | Self::Static(_) => None,
        }
    }

    /// Returns the last layer's rows of all texts, (tokens, `hidden_size`).
    pub(crate) fn run(&self, pool: &Pool, level: Level, texts: &[&[u32]]) -> Vec<f32> {
        match self {
            Self::Encoder(weights) => pass::run(weights, pool, level, &Segments::single(texts)),
            Self::Decoder(decoder) => decoder.run(pool, level, texts),
            Self::Static(table) => table.run(texts),
        }
    }
}
