//! Text to a vector: encoders of BERT's kind from a Hugging Face folder, with
//! sentence-transformers' own files beside the weights.
//!
//! `settings` reads what the folder says, `vocabulary` its tokenizer, `weights`
//! its tensors and `packing` makes them smaller; `pass` runs several texts at a time, and `pooling` makes one
//! vector of a text's rows. How vectors are written is left to others.

mod packing;
mod pass;
mod pooling;
mod settings;
mod vocabulary;
mod weights;

pub use pooling::Pooling;
pub use settings::Prompts;

use std::path::Path;

use llm_kernels::pack::Packing;
use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_kernels::vector;

use crate::folder::FolderError;
use crate::tokens::Tokenizer;
use settings::Settings;
use weights::Weights;

/// What is shorter than this is not made longer: sentence-transformers' own
/// bound.
const LEAST_LENGTH: f32 = 1e-12;

/// An encoder that is ready to run.
#[derive(Debug)]
pub struct Encoder {
    settings: Settings,
    tokenizer: Tokenizer,
    weights: Weights,
    level: Level,
}

impl Encoder {
    /// Opens the encoder in `folder`; its matrices are packed where `packing`
    /// says so.
    ///
    /// # Errors
    /// A folder that is incomplete, damaged, or of a kind that cannot be run.
    pub fn open(
        folder: &Path,
        packing: Option<Packing>,
        level: Level,
    ) -> Result<Self, FolderError> {
        let settings = Settings::read(folder)?;
        let tokenizer = vocabulary::read(folder)?;
        let mut weights = Weights::read(folder, &settings.shape)?;
        if let Some(packing) = packing {
            packing::pack(&settings.shape, &mut weights, level, packing);
        }
        Ok(Self {
            settings,
            tokenizer,
            weights,
            level,
        })
    }

    /// Returns the length of its vectors.
    pub fn dimensions(&self) -> usize {
        self.settings.shape.width
    }

    /// Returns the longest text in tokens, the two around it included.
    pub fn longest(&self) -> usize {
        self.settings.longest
    }

    /// Returns how the model's own files pool.
    pub fn pooling(&self) -> Pooling {
        self.settings.pooling
    }

    /// Returns whether the model's own files make vectors one long.
    pub fn normalizes(&self) -> bool {
        self.settings.normalizes
    }

    /// Returns what the model's own files put before texts.
    pub fn prompts(&self) -> &Prompts {
        &self.settings.prompts
    }

    /// Returns the tokens of a text, with those around it. Markup that is
    /// written out in the text is text.
    pub fn tokens(&self, text: &str) -> Vec<u32> {
        self.tokenizer.encode(text, true, false)
    }

    /// Cuts tokens to `most`, of which the last stays the last.
    pub fn truncate(tokens: &mut Vec<u32>, most: usize) {
        if tokens.len() > most
            && most > 0
            && let Some(last) = tokens.pop()
        {
            tokens.truncate(most - 1);
            tokens.push(last);
        }
    }

    /// Returns a vector for each text, pooled and neither cut nor normalized.
    /// A text's vector does not depend on the others.
    ///
    /// Texts are cut at [`longest`](Self::longest); an empty one, which
    /// [`tokens`](Self::tokens) does not make, has a vector of zeros.
    pub fn encode(&self, pool: &Pool, texts: &[&[u32]], pooling: Pooling) -> Vec<Vec<f32>> {
        let texts: Vec<&[u32]> = texts
            .iter()
            .map(|text| &text[..text.len().min(self.longest())])
            .collect();
        let rows = pass::run(
            &self.settings.shape,
            &self.weights,
            pool,
            self.level,
            &texts,
        );
        let width = self.dimensions();
        let mut rest = rows.as_slice();
        let mut vectors = Vec::with_capacity(texts.len());
        for text in &texts {
            let (own, later) = rest.split_at(text.len() * width);
            vectors.push(pooling.of(own, width));
            rest = later;
        }
        vectors
    }

    /// Makes a vector one long; zeros stay.
    pub fn normalize(&self, vector: &mut [f32]) {
        vector::unit_length(self.level, vector, LEAST_LENGTH);
    }
}

#[cfg(test)]
mod tests;
