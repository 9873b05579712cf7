//! An encoder: tokens of texts → vectors.

use llm_kernels::pool::Pool;
use llm_kernels::simd::Level;
use llm_tokenizer::TokenizerWarning;

use crate::assumed::Assumed;
use crate::dense::Step;
use crate::network::Network;
use crate::pooling::{self, Pooling};
use crate::settings::{Prompts, Settings};
use crate::vocabulary::Tokens;

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

impl Encoder {
    /// Puts an encoder together from its parts.
    pub(crate) fn new(network: Network, tokens: Tokens, settings: Settings, level: Level) -> Self {
        let most = network.longest();
        Self {
            longest: settings.longest.map_or(most, |longest| longest.min(most)),
            network,
            tokens,
            settings,
            level,
        }
    }

    /// Returns the length of its vectors that are pooled so, behind its linear layers.
    pub fn dimensions(&self, pooling: Pooling) -> usize {
        if let (Pooling::Splade, Some(head)) = (pooling, self.network.masked_lm()) {
            return head.vocabulary_size();
        }
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

    /// Returns the longest text in tokens, special tokens around it included.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Returns whether it is known how to pool, by the model's own files or as
    /// [`assumed`](Self::assumed); else [`pooling`](Self::pooling) is a guess, and better
    /// asked of the user.
    pub fn names_pooling(&self) -> bool {
        self.settings.pooling.is_some()
    }

    /// Returns how the model's own files pool, by the mean where they do not say.
    pub fn pooling(&self) -> Pooling {
        self.settings.pooling.unwrap_or(Pooling::Mean)
    }

    /// Returns what was taken of how to pool, where the model's own files do not say it.
    pub fn assumed(&self) -> Option<Assumed> {
        self.settings.assumed
    }

    /// Returns whether it can pool in this way: for [`Pooling::Splade`] its files must
    /// have the head of a masked language model, and no linear layer behind.
    pub fn can_pool(&self, pooling: Pooling) -> bool {
        let has_head = self.network.masked_lm().is_some() && self.settings.steps.is_empty();
        pooling != Pooling::Splade || has_head
    }

    /// Returns whether the model's own files normalize vectors to unit length.
    pub fn normalizes(&self) -> bool {
        self.settings.normalizes
    }

    /// Returns the prompts of the model's own files.
    pub fn prompts(&self) -> &Prompts {
        &self.settings.prompts
    }

    /// Returns what about its tokenizer may not be what the user meant.
    pub fn warnings(&self) -> &[TokenizerWarning] {
        self.tokens.warnings()
    }

    /// Returns the tokens of a text, with those around it. Markup that is
    /// written out in the text is text.
    pub fn tokens(&self, text: &str) -> Vec<u32> {
        self.tokens.encode(text)
    }

    /// Returns the token ids of a text as [`tokens`](Self::tokens) does, and how many
    /// there are; of a text with more than `most`, that many of the first and those
    /// behind the text.
    pub fn first_tokens(&self, text: &str, most: usize) -> (Vec<u32>, usize) {
        self.tokens.first(text, most)
    }

    /// Returns how many tokens have an embedding; every id is below it.
    pub fn vocabulary_size(&self) -> usize {
        self.network.vocabulary_size()
    }

    /// Cuts tokens to `most`; special tokens behind the text stay.
    pub fn cut(&self, tokens: &mut Vec<u32>, most: usize) {
        self.tokens.cut(tokens, most);
    }

    /// Returns a vector of [`dimensions`](Self::dimensions) for each text: its rows
    /// pooled, and through the model's own linear layers. It is not normalized, unless
    /// that stands between these layers. A text's vector does not depend on the others.
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
            vectors.push(match (pooling, self.network.masked_lm()) {
                (Pooling::Splade, Some(head)) => {
                    head.weights(self.level, pool, own, self.settings.splade)
                }
                _ => pooling.pool(own, hidden_size),
            });
            rest = later;
        }
        let steps = self.settings.steps.iter();
        steps.fold(vectors, |vectors, step| {
            step.apply(self.level, pool, vectors)
        })
    }

    /// Normalizes a vector to unit length; zeros stay.
    pub fn normalize(&self, vector: &mut [f32]) {
        pooling::normalize(self.level, vector);
    }
}
