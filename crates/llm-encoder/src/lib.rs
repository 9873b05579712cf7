//! Text to a vector: encoders of many kinds from a Hugging Face folder, with
//! sentence-transformers' own files beside the weights, or from a GGUF file.
//!
//! `settings` reads what stands around the network, `vocabulary` the tokenizer.
//! Three networks give a text's rows: `pass` with `weights` BERT's own, `layers`
//! the encoders that differ from it, `decoder` those that the engine's forward
//! pass runs. `packing` makes BERT's matrices smaller, `pooling` makes one vector of the rows,
//! `dense` what follows; `cross` makes a score of two texts that are read together. How
//! vectors are written is left to others.

#![forbid(unsafe_code)]

mod bert;
mod cross;
mod decoder;
mod dense;
mod error;
mod gguf;
mod layers;
mod open;
mod packing;
mod pass;
mod pooling;
mod settings;
mod unigram;
mod vocabulary;
mod weights;
mod wordpiece;

pub use cross::CrossEncoder;
pub use error::EncoderError;
pub use pooling::Pooling;
pub use settings::Prompts;

use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_kernels::vector;

use decoder::Decoder;
use dense::Step;
use layers::Layers;
use pass::Segments;
use settings::{Settings, Shape};
use vocabulary::Tokens;
use weights::Weights;

use llm_tokenizer::TokenizerWarning;

/// What is shorter than this is not made longer: sentence-transformers' own
/// bound.
const LEAST_LENGTH: f32 = 1e-12;

/// An encoder that is ready to run.
#[derive(Debug)]
pub struct Encoder {
    network: Network,
    tokens: Tokens,
    settings: Settings,
    /// The longest text in tokens.
    longest: usize,
    level: Level,
}

/// What gives a text's rows.
#[derive(Debug)]
enum Network {
    Bert { shape: Shape, weights: Box<Weights> },
    Layers(Box<Layers>),
    Decoder(Box<Decoder>),
}

impl Network {
    /// Returns the length of a row.
    fn hidden_size(&self) -> usize {
        match self {
            Self::Bert { shape, .. } => shape.hidden_size,
            Self::Layers(layers) => layers.hidden_size(),
            Self::Decoder(decoder) => decoder.spec.hidden_size,
        }
    }

    /// Returns the longest text that it has positions for.
    fn longest(&self) -> usize {
        match self {
            Self::Bert { shape, .. } => shape.positions,
            Self::Layers(layers) => layers.longest(),
            Self::Decoder(decoder) => decoder.spec.context_length,
        }
    }

    /// Returns the number of tokens that it has rows for.
    fn vocabulary(&self) -> usize {
        match self {
            Self::Bert { shape, .. } => shape.vocabulary,
            Self::Layers(layers) => layers.vocabulary(),
            Self::Decoder(decoder) => decoder.vocabulary(),
        }
    }

    /// Returns the last layer's rows of all texts, (tokens, hidden_size).
    fn run(&self, pool: &Pool, level: Level, texts: &[&[u32]]) -> Vec<f32> {
        match self {
            Self::Bert { shape, weights } => {
                pass::run(shape, weights, pool, level, &Segments::single(texts))
            }
            Self::Layers(layers) => layers.run(pool, level, texts),
            Self::Decoder(decoder) => decoder.run(pool, level, texts),
        }
    }
}

impl Encoder {
    /// Returns the length of its vectors.
    pub fn dimensions(&self) -> usize {
        let dense = self
            .settings
            .steps
            .iter()
            .rev()
            .find_map(|step| match step {
                Step::Dense(dense) => Some(dense.out_features()),
                Step::Normalize => None,
            });
        dense.unwrap_or_else(|| self.network.hidden_size())
    }

    /// Returns the longest text in tokens, those around it included.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Returns whether its matrices can be packed as it is opened.
    pub fn can_be_packed(&self) -> bool {
        !matches!(self.network, Network::Decoder(_))
    }

    /// Returns whether the model's own files say how to pool; else
    /// [`pooling`](Self::pooling) is a guess that nobody should have to make.
    pub fn names_pooling(&self) -> bool {
        self.settings.pooling.is_some()
    }

    /// Returns how the model's own files pool.
    pub fn pooling(&self) -> Pooling {
        self.settings.pooling.unwrap_or(Pooling::Mean)
    }

    /// Returns whether the model's own files make vectors one long.
    pub fn normalizes(&self) -> bool {
        self.settings.normalizes
    }

    /// Returns what the model's own files put before texts.
    pub fn prompts(&self) -> &Prompts {
        &self.settings.prompts
    }

    /// Returns what of its tokenizer the user may not have meant.
    pub fn warnings(&self) -> &[TokenizerWarning] {
        self.tokens.warnings()
    }

    /// Returns the tokens of a text, with those around it. Markup that is
    /// written out in the text is text.
    pub fn tokens(&self, text: &str) -> Vec<u32> {
        self.tokens.of(text)
    }

    /// Returns the tokens of a text as [`tokens`](Self::tokens) does, and how many
    /// there are; of a text with more than `most`, that many of the first and those
    /// behind the text.
    pub fn first_tokens(&self, text: &str, most: usize) -> (Vec<u32>, usize) {
        self.tokens.first(text, most)
    }

    /// Returns how many tokens there are; each is a smaller number.
    pub fn vocabulary_size(&self) -> usize {
        self.network.vocabulary()
    }

    /// Cuts tokens to `most`, of which those behind the text stay where the
    /// model has such.
    pub fn cut(&self, tokens: &mut Vec<u32>, most: usize) {
        self.tokens.cut(tokens, most);
    }

    /// Returns a vector for each text, pooled and through the model's own linear
    /// layers, neither cut nor, unless these want it between them, normalized.
    /// A text's vector does not depend on the others.
    ///
    /// Texts are cut at [`longest`](Self::longest); an empty one, which
    /// [`tokens`](Self::tokens) does not make, has a vector of zeros.
    pub fn embed(&self, pool: &Pool, texts: &[&[u32]], pooling: Pooling) -> Vec<Vec<f32>> {
        let texts: Vec<&[u32]> = texts
            .iter()
            .map(|text| &text[..text.len().min(self.longest())])
            .collect();
        let rows = self.network.run(pool, self.level, &texts);
        let hidden_size = self.network.hidden_size();
        let mut rest = rows.as_slice();
        let mut vectors = Vec::with_capacity(texts.len());
        for text in &texts {
            let (own, later) = rest.split_at(text.len() * hidden_size);
            vectors.push(pooling.of(own, hidden_size));
            rest = later;
        }
        let steps = self.settings.steps.iter();
        steps.fold(vectors, |vectors, step| {
            step.apply(self.level, pool, vectors)
        })
    }

    /// Makes a vector one long; zeros stay.
    pub fn normalize(&self, vector: &mut [f32]) {
        vector::normalize(self.level, vector, LEAST_LENGTH);
    }
}

#[cfg(test)]
mod tests;
