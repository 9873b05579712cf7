//! Adaptive-p (<https://github.com/ggml-org/llama.cpp/pull/17927>): tokens of a
//! wished probability are preferred, and the wish follows what was chosen.

use super::candidates::{Candidates, Order};
use super::{Sampling, Step};

/// How far from the wished probability one counts as far; what a token of it
/// gets as its logit, and how steeply that falls. The numbers are the
/// publication's.
const WIDTH: f32 = 0.3;
const PEAK: f32 = 5.0;
const SHARPNESS: f32 = 10.0;

/// The most that is kept of the past with each token.
const MOST_DECAY: f32 = 0.99;

/// The state of one sequence.
#[derive(Debug, Clone)]
pub(super) struct AdaptiveP {
    /// The probability that is wished for on average; `None` if any is.
    target: Option<f32>,
    decay: f32,
    /// Sums over the chosen tokens, the latest with a weight of 1 and each
    /// earlier one with `decay` times that of the next: of their probabilities,
    /// and of the weights.
    probabilities: f32,
    weights: f32,
    /// What the candidates were before the last transformation.
    original: Candidates,
}

impl AdaptiveP {
    pub(super) fn new(sampling: &Sampling) -> Self {
        let decay = sampling.adaptive_decay.clamp(0.0, MOST_DECAY);
        let target = sampling.adaptive_target;
        let is_listed = sampling.steps().contains(&Step::AdaptiveP);
        let is_taken = is_listed && sampling.does(Step::AdaptiveP);
        // As if the target had been met for ever.
        let weights = 1.0 / (1.0 - decay);
        Self {
            target: is_taken.then(|| target.min(1.0)),
            decay,
            probabilities: target / (1.0 - decay),
            weights,
            original: Candidates::default(),
        }
    }

    /// Replaces the probabilities by others, which are the greater the nearer
    /// they were to the target, as much above it or below as the choices before
    /// were off.
    pub(super) fn transform(&mut self, candidates: &mut Candidates) {
        let Some(target) = self.target else {
            return;
        };
        candidates.normalize();
        self.original.clone_from(candidates);
        let wished = (2.0 * target - self.probabilities / self.weights).clamp(0.0, 1.0);
        candidates.weigh(|probability| {
            let distance = ((probability - wished) / WIDTH).abs();
            PEAK - SHARPNESS * distance * distance / (1.0 + distance)
        });
        candidates.order_by(Order::BestFirst);
    }

    /// Notes which token was chosen.
    pub(super) fn accept(&mut self, token: u32) {
        if self.target.is_none() {
            return;
        }
        if let Some(probability) = self.original.probability(token) {
            self.probabilities = probability + self.decay * self.probabilities;
            self.weights = 1.0 + self.decay * self.weights;
        }
    }
}
