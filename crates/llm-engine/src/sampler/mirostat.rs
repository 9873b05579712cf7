//! Mirostat 1 and 2 (Basu et al. 2020, arXiv:2007.14966): the number of tokens
//! to draw from follows from how surprising those before were.

use super::candidates::{Candidates, Order};
use super::{MirostatVersion, Sampling};

/// How many of the best tokens Zipf's exponent is estimated of, the paper's m.
const ESTIMATED_OF: usize = 100;

/// The state of one sequence.
#[derive(Debug, Clone)]
pub(super) struct Mirostat {
    version: Option<MirostatVersion>,
    /// The surprise that is aimed at, in bits.
    tau: f32,
    /// How fast `mu` follows.
    eta: f32,
    /// The most surprise that is let through, in bits.
    mu: f32,
}

impl Mirostat {
    pub(super) fn new(sampling: &Sampling) -> Self {
        Self {
            version: sampling.mirostat,
            tau: sampling.mirostat_tau,
            eta: sampling.mirostat_eta,
            mu: 2.0 * sampling.mirostat_tau,
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.version.is_some()
    }

    /// Keeps the tokens to draw from, of a vocabulary of this size.
    pub(super) fn truncate(&self, candidates: &mut Candidates, vocabulary: usize) {
        let list = candidates.probabilities(Order::Sorted);
        let kept = match self.version {
            None => return,
            Some(MirostatVersion::V1) => self.estimated(list, vocabulary),
            Some(MirostatVersion::V2) => {
                let passes = |(_, probability): &&(u32, f32)| -probability.log2() <= self.mu;
                list.iter().take_while(passes).count()
            }
        };
        candidates.keep_best(kept.max(1));
    }

    /// Returns how many tokens have a surprise of `mu` at most, if
    /// probabilities follow Zipf's law with the exponent that those of the best
    /// suggest.
    fn estimated(&self, list: &[(u32, f32)], vocabulary: usize) -> usize {
        let mut products = 0.0;
        let mut squares = 0.0;
        for (rank, pair) in (1_u8..).zip(list.windows(2)).take(ESTIMATED_OF - 1) {
            let rank = f32::from(rank);
            let ratio = ((rank + 1.0) / rank).ln();
            products += ratio * (pair[0].1 / pair[1].1).ln();
            squares += ratio * ratio;
        }
        let exponent: f32 = products / squares;
        let excess = exponent - 1.0;
        let rest = 1.0 - (vocabulary as f32).powf(-excess);
        let count = (excess * self.mu.exp2() / rest).powf(1.0 / exponent);
        // Saturates: no number counts as 0.
        count as usize
    }

    /// Notes how surprising the chosen token was among those that it was drawn
    /// from.
    pub(super) fn accept(&mut self, candidates: &Candidates, token: u32) {
        if !self.is_on() {
            return;
        }
        if let Some(probability) = candidates.probability(token) {
            let error = -probability.log2() - self.tau;
            self.mu -= self.eta * error;
        }
    }
}
